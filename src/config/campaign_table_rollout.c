/* SPDX-License-Identifier: MIT */
/* Keys of a Campaign: rollout, retry, activation, verification, notify. */
#include "config/campaign_table.h"

#include "config/table.h"

#define AT(member)    OPTION_AT(struct campaign_doc, spec.member)
#define ITEMS(member) OPTION_ITEMS(struct campaign_doc, spec.member)

static const struct option_word approvals[] = {{"none", 0}, {"required", 1}, {0}};
static const struct option_word failures[] = {{"pause", SPEC_FAIL_PAUSE},
                                              {"abort", SPEC_FAIL_ABORT},
                                              {"continue", SPEC_FAIL_CONTINUE},
                                              {0}};
static const struct option_word unknowns[] = {{"failed", 1}, {"ignored", 0}, {0}};
static const struct option_word activations[] = {{"immediate", SPEC_ACTIVATE_IMMEDIATE},
                                                 {"scheduled", SPEC_ACTIVATE_SCHEDULED},
                                                 {"manual", SPEC_ACTIVATE_MANUAL},
                                                 {0}};
static const struct option_word proofs[] = {
    {"version", CAMPAIGN_REQUIRE_VERSION}, {"uplinks", CAMPAIGN_REQUIRE_UPLINKS}, {0}};
static const struct option_word occasions[] = {
    {"started", CAMPAIGN_ON_STARTED},     {"waveDone", CAMPAIGN_ON_WAVE_DONE},
    {"paused", CAMPAIGN_ON_PAUSED},       {"aborted", CAMPAIGN_ON_ABORTED},
    {"completed", CAMPAIGN_ON_COMPLETED}, {0}};

static const struct option wave_abort[] = {
    {.key = "failed",
     .type = OPTION_SHARE,
     .def = "5%",
     .max = SPEC_PPM,
     OPTION_AT(struct spec_wave, abort_failed_ppm),
     .help = "Share of the attempted devices that may fail."},
    {.key = "attempted",
     .type = OPTION_U32,
     .def = "20",
     .min = 1,
     .max = CAMPAIGN_COUNT_MAX,
     OPTION_AT(struct spec_wave, abort_attempted),
     .help = "Attempted devices before that share counts. When all devices of the wave "
             "have ended, as many are needed to tell, or half of those that were not "
             "skipped; with less, the campaign pauses."},
    {0},
};

static const struct option waves[] = {
    {.key = "name",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     OPTION_AT(struct spec_wave, name),
     .example = "all",
     .help = "Name of the wave, for status and approve."},
    {.key = "size",
     .type = OPTION_AMOUNT,
     .flags = OPTION_REQUIRED,
     .min = 1,
     .max = CAMPAIGN_COUNT_MAX,
     OPTION_AT(struct spec_wave, size),
     .example = "100%",
     .help = "How many devices the wave and those before it have together, as a count or "
             "a share of the selected ones; shares are rounded up."},
    {.key = "min",
     .type = OPTION_U32,
     .def = "0",
     .max = CAMPAIGN_COUNT_MAX,
     OPTION_AT(struct spec_wave, min),
     .help = "Devices that the wave has at least, as far as there are any left."},
    {.key = "select",
     .type = OPTION_MAP,
     .sub = campaign_match_options,
     .offset = offsetof(struct spec_wave, select),
     .help = "Only devices that match; the size is of those."},
    {.key = "spread",
     .type = OPTION_TEXT,
     .flags = OPTION_LIST,
     .max = 63,
     .def = "[]",
     .example = "[site, hardware]",
     OPTION_ITEMS(struct spec_wave, spread.items),
     .help = "Labels over whose values the wave is spread: as many devices of each, as "
             "far as there are."},
    {.key = "success",
     .type = OPTION_SHARE,
     .def = "95%",
     .max = SPEC_PPM,
     OPTION_AT(struct spec_wave, success_ppm),
     .help = "Share of the attempted devices, those for whom a session began, that must "
             "succeed before the next wave."},
    {.key = "abort",
     .type = OPTION_MAP,
     .sub = wave_abort,
     .help = "When the wave fails at once, without waiting for its other devices."},
    {.key = "soak",
     .type = OPTION_DURATION,
     .def = "0s",
     .max = DAYS_US(365),
     OPTION_AT(struct spec_wave, soak_us),
     .help = "Wait after the wave before the next one."},
    {.key = "approval",
     .type = OPTION_ENUM,
     .words = approvals,
     .def = "none",
     OPTION_AT(struct spec_wave, approval_required),
     .help = "Whether the wave waits for fuotactl approve before it begins."},
    {0},
};

const struct option campaign_rollout_options[] = {
    {.key = "waves",
     .type = OPTION_MAP,
     .flags = OPTION_LIST | OPTION_NOT_EMPTY,
     .sub = waves,
     ITEMS(rollout.waves),
     .help =
         "Slices of the targets, one after the other. Without: canary (1%, at least 10, "
         "soak 24h), ten (10%, soak 24h) and rest (100%)."},
    {.key = "seed",
     .type = OPTION_TEXT,
     .max = 255,
     .word = "auto",
     .def = "auto",
     .example = "2026",
     AT(rollout.seed),
     .help = "Decides who is in which wave; auto: the campaign's name."},
    {.key = "onFailure",
     .type = OPTION_ENUM,
     .words = failures,
     .def = "pause",
     AT(rollout.on_failure),
     .help =
         "What a failed wave does to the campaign. A wave that shows nothing, because "
         "too few devices were attempted, pauses it in any case."},
    {.key = "unknownCountsAs",
     .type = OPTION_ENUM,
     .words = unknowns,
     .def = "failed",
     AT(rollout.unknown_counts_as_failed),
     .help = "How devices that stay silent after activation count."},
    {0},
};

const struct option campaign_retry_options[] = {
    {.key = "command",
     .type = OPTION_U32,
     .def = "4",
     .min = 1,
     .max = 100,
     AT(retry.command),
     .help =
         "Tries of one unicast command, each after evidence that the last was missed."},
    {.key = "session",
     .type = OPTION_U32,
     .def = "2",
     .min = 1,
     .max = 100,
     AT(retry.session),
     .help = "Sessions that a device may take part in."},
    {.key = "device",
     .type = OPTION_U32,
     .def = "2",
     .min = 1,
     .max = 100,
     AT(retry.device),
     .help = "Tries of a device from the start."},
    {.key = "cooldown",
     .type = OPTION_DURATION,
     .def = "24h",
     .max = DAYS_US(365),
     AT(retry.cooldown_us),
     .help = "Wait before a device is tried again."},
    {0},
};

static const struct option command[] = {
    {.key = "fPort",
     .type = OPTION_U32,
     .flags = OPTION_REQUIRED,
     .min = 1,
     .max = 223,
     AT(activation.command_fport),
     .example = "10",
     .help = "Port of the command."},
    {.key = "data",
     .type = OPTION_TEMPLATE,
     .flags = OPTION_REQUIRED,
     .max = 484,
     AT(activation.command_data),
     .example = "\"AA${version_u32_le}\"",
     .help = "Its payload in hex; ${version_u32_le} stands for firmwareVersion."},
    {0},
};

const struct option campaign_activation_options[] = {
    {.key = "mode",
     .type = OPTION_ENUM,
     .words = activations,
     .def = "immediate",
     AT(activation.mode),
     .help =
         "When a device installs: as soon as it is complete, inside a window, or "
         "(manual) "
         "when an operator says so for its wave, with fuotactl approve --install. Until "
         "then it is told nothing that would make it install at a reboot of its own."},
    {.key = "jitter",
     .type = OPTION_DURATION,
     .def = "10m",
     .max = DAYS_US(7),
     AT(activation.jitter_us),
     .help = "Reboots are spread over this time."},
    {.key = "command",
     .type = OPTION_MAP,
     .sub = command,
     .word = "none",
     .def = "none",
     .help =
         "Vendor command that starts the update of devices without TS006, told behind an "
         "uplink, with mode scheduled inside a window. Proof is what the fleet's "
         "versionDecoder finds, what they report in LwM2M, or uplinks. An abort cannot "
         "call it back."},
    {0},
};

const struct option campaign_verification_options[] = {
    {.key = "within",
     .type = OPTION_DURATION,
     .def = "48h",
     .min = SECONDS_US(1),
     .max = DAYS_US(365),
     AT(verification.within_us),
     .help =
         "Time after activation; then the outcome is unknown. Never less than six of the "
         "device's uplink intervals."},
    {.key = "require",
     .type = OPTION_FLAGS,
     .flags = OPTION_NOT_EMPTY,
     .words = proofs,
     .def = "version",
     OPTION_AT(struct campaign_doc, require_mask),
     .help = "Proof of success: the device reports the version, or goes on sending."},
    {.key = "uplinks",
     .type = OPTION_U32,
     .def = "3",
     .min = 1,
     .max = 1000,
     AT(verification.uplinks),
     .help = "Uplinks that prove it, where uplinks are required."},
    {0},
};

const struct option campaign_notify_options[] = {
    {.key = "on",
     .type = OPTION_FLAGS,
     .flags = OPTION_REQUIRED | OPTION_NOT_EMPTY,
     .words = occasions,
     OPTION_AT(struct campaign_notify, on_mask),
     .example = "[paused, aborted, completed]",
     .help =
         "The occasions; completed and aborted are ends, waveDone comes with each wave "
         "that is over."},
    {.key = "webhook",
     .type = OPTION_URL,
     .flags = OPTION_REQUIRED,
     .words = table_http_schemes,
     OPTION_AT(struct campaign_notify, webhook),
     .example = "\"https://ci.example/hook\"",
     .help = "Where the CloudEvent is posted: https, or http on this machine. What is "
             "behind the host is kept out of logs."},
    {0},
};

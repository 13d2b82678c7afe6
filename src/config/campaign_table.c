/* SPDX-License-Identifier: MIT */
/* Keys of a Campaign: metadata, image, targets. */
#include "config/campaign_table.h"

#include "config/table.h"

#define AT(member)    OPTION_AT(struct campaign_doc, spec.member)
#define ITEMS(member) OPTION_ITEMS(struct campaign_doc, spec.member)

/* Lists are decoded as {items, count}. */
_Static_assert(offsetof(struct campaign_doc, notify_count) ==
                   offsetof(struct campaign_doc, notify) + sizeof(void *),
               "a list is a pointer and a count");
_Static_assert(offsetof(struct spec_image, delta_count) ==
                   offsetof(struct spec_image, deltas) + sizeof(void *),
               "a list is a pointer and a count");
_Static_assert(offsetof(struct spec_match, label_count) ==
                       offsetof(struct spec_match, labels) + sizeof(void *) &&
                   offsetof(struct spec_match, expression_count) ==
                       offsetof(struct spec_match, expressions) + sizeof(void *),
               "a list is a pointer and a count");
_Static_assert(offsetof(struct spec_schedule, window_count) ==
                       offsetof(struct spec_schedule, windows) + sizeof(void *) &&
                   offsetof(struct spec_schedule, blackout_count) ==
                       offsetof(struct spec_schedule, blackouts) + sizeof(void *),
               "a list is a pointer and a count");
_Static_assert(offsetof(struct spec_rollout, wave_count) ==
                   offsetof(struct spec_rollout, waves) + sizeof(void *),
               "a list is a pointer and a count");
_Static_assert(offsetof(struct campaign_spec, label_count) ==
                   offsetof(struct campaign_spec, labels) + sizeof(void *),
               "a list is a pointer and a count");

static const struct option_word kinds[] = {{"Campaign", 0}, {0}};
static const struct option_word image_formats[] = {{"raw", SPEC_IMAGE_RAW},
                                                   {"mcuboot", SPEC_IMAGE_MCUBOOT},
                                                   {"data", SPEC_IMAGE_DATA},
                                                   {0}};
static const struct option_word delta_formats[] = {
    {"opaque", SPEC_DELTA_OPAQUE}, {"bsdiff", SPEC_DELTA_BSDIFF}, {0}};
static const struct option_word operators[] = {{"In", SPEC_OP_IN},
                                               {"NotIn", SPEC_OP_NOT_IN},
                                               {"Exists", SPEC_OP_EXISTS},
                                               {"DoesNotExist", SPEC_OP_DOES_NOT_EXIST},
                                               {0}};
static const struct option_word allow_skip[] = {
    {"allow", SPEC_ALLOW}, {"skip", SPEC_SKIP}, {0}};

static const struct option metadata[] = {
    {.key = "name",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     AT(name),
     .example = "wm1-1-4-3",
     .help = "The identity of the campaign: applying the same name again means the same "
             "campaign."},
    {.key = "labels",
     .type = OPTION_LABELS,
     .offset = offsetof(struct campaign_doc, spec.labels),
     .example = "{ product: wm1 }",
     .help = "Free labels, shown in reports."},
    {0},
};

static const struct option deltas[] = {
    {.key = "from",
     .type = OPTION_VERSION,
     .flags = OPTION_REQUIRED,
     OPTION_AT(struct spec_delta, from),
     .example = "\"1.4.2\"",
     .help =
         "Running version of the devices that the delta is for: the version of an image "
         "that a campaign brought to the fleet before, or what devices say of "
         "themselves, as the number of TS006 or as the text of LwM2M."},
    {.key = "file",
     .type = OPTION_FILE,
     .flags = OPTION_REQUIRED | OPTION_EXISTS,
     OPTION_AT(struct spec_delta, file),
     .example = "wm1-1.4.2-1.4.3.patch",
     .help = "The delta, relative to this file."},
    {.key = "signatures",
     .type = OPTION_FILE,
     .flags = OPTION_REQUIRED | OPTION_LIST | OPTION_NOT_EMPTY | OPTION_EXISTS,
     OPTION_ITEMS(struct spec_delta, signatures.items),
     .example = "[wm1-1.4.2-1.4.3.patch.minisig]",
     .help = "minisign signatures of the delta."},
    {.key = "format",
     .type = OPTION_ENUM,
     .words = delta_formats,
     .def = "opaque",
     OPTION_AT(struct spec_delta, format),
     .help =
         "bsdiff: a patch of bsdiff 4; the daemon applies it to the image of version "
         "from, "
         "which a campaign has to have brought to the fleet, and refuses it if it does "
         "not make the image. opaque: the devices know, the daemon cannot check it."},
    {0},
};

static const struct option image[] = {
    {.key = "file",
     .type = OPTION_FILE,
     .flags = OPTION_REQUIRED | OPTION_EXISTS,
     AT(image.file),
     .example = "wm1-1.4.3.bin",
     .help = "The image, relative to this file."},
    {.key = "version",
     .type = OPTION_VERSION,
     .flags = OPTION_REQUIRED,
     AT(image.version),
     .example = "\"1.4.3\"",
     .help =
         "Version of the image, in quotes. The signatures must say the same where the "
         "TrustPolicy requires metadata."},
    {.key = "signatures",
     .type = OPTION_FILE,
     .flags = OPTION_REQUIRED | OPTION_LIST | OPTION_NOT_EMPTY | OPTION_EXISTS,
     ITEMS(image.signatures.items),
     .max = 255,
     .example = "[wm1-1.4.3.bin.minisig]",
     .help = "minisign signatures of the image, relative to this file. The Fleet's "
             "TrustPolicy says whose and how many are needed."},
    {.key = "format",
     .type = OPTION_ENUM,
     .words = image_formats,
     .def = "raw",
     AT(image.format),
     .help = "What the image is; mcuboot: it must be whole, have the hash that it "
             "carries, and the version in its header must be that of the campaign, "
             "1.4.3 or with the build number 1.4.3+7. data: a configuration or any other "
             "data block; it is delivered and nothing is installed, and proof is what "
             "the device says of the block."},
    {.key = "firmwareVersion",
     .type = OPTION_U32,
     .word = "auto",
     .word_value = SPEC_AUTO_U32,
     .def = "auto",
     .example = "0x01040300",
     .max = SPEC_AUTO_U32 - 1,
     AT(image.firmware_version),
     .help =
         "Firmware version that TS006 reports after the update. auto: what the devices "
         "announce as their next version. Who announces one does not reboot until more "
         "than half of its wave announce the same, or five do, nobody of its wave is "
         "left who could, or half of verification.within is over. Two that differ pause "
         "the campaign."},
    {.key = "hardwareVersion",
     .type = OPTION_U32,
     .flags = OPTION_LIST | OPTION_ONE,
     .word = "any",
     .def = "any",
     .example = "[0x00000100]",
     .max = SPEC_AUTO_U32 - 1,
     ITEMS(image.hardware_versions.items),
     .help = "Hardware versions (TS006) that the image is for."},
    {.key = "deltas",
     .type = OPTION_MAP,
     .flags = OPTION_LIST,
     .sub = deltas,
     ITEMS(image.deltas),
     .help =
         "Deltas to the image, at most 8. A device gets the one that is for the version "
         "that it reports itself, if that costs less airtime than the image; who says "
         "another version, or none, gets the image, and so does a device on which a "
         "delta failed. A delta has to be signed as the image is."},
    {0},
};

static const struct option expressions[] = {
    {.key = "key",
     .type = OPTION_TEXT,
     .max = 63,
     .flags = OPTION_REQUIRED,
     OPTION_AT(struct spec_expression, key),
     .example = "site",
     .help = "Name of the label."},
    {.key = "operator",
     .type = OPTION_ENUM,
     .words = operators,
     .flags = OPTION_REQUIRED,
     OPTION_AT(struct spec_expression, op),
     .example = "NotIn",
     .help = "NotIn and DoesNotExist hold for a device without the label, too."},
    {.key = "values",
     .type = OPTION_TEXT,
     .flags = OPTION_LIST,
     .max = 255,
     OPTION_ITEMS(struct spec_expression, values.items),
     .example = "[lab]",
     .help = "For In and NotIn."},
    {0},
};

const struct option campaign_match_options[] = {
    {.key = "labels",
     .type = OPTION_LABELS,
     .offset = offsetof(struct spec_match, labels),
     .example = "{ country: de }",
     .help = "Labels that a device must have."},
    {.key = "expressions",
     .type = OPTION_MAP,
     .flags = OPTION_LIST,
     .sub = expressions,
     OPTION_ITEMS(struct spec_match, expressions),
     .help = "Conditions on labels."},
    {0},
};

static const struct option exclude[] = {
    {.key = "devices",
     .type = OPTION_EUI,
     .flags = OPTION_LIST,
     .def = "[]",
     .example = "[\"70b3d57ed005a1b3\"]",
     ITEMS(targets.exclude_devices.items),
     .help = "DevEUIs, taken out whatever selected them."},
    {.key = "devicesFile",
     .type = OPTION_FILE,
     .flags = OPTION_EXISTS,
     .word = "none",
     .def = "none",
     AT(targets.exclude_devices_file),
     .help = "CSV file or one DevEUI a line, taken out."},
    {0},
};

static const struct option battery[] = {
    {.key = "min",
     .type = OPTION_SHARE,
     .def = "0%",
     .max = SPEC_PPM,
     AT(targets.preconditions.battery_min_ppm),
     .help =
         "Least battery level, as DevStatusAns or LwM2M (/3/0/9) told it last; a device "
         "that has less when its wave begins is skipped."},
    {.key = "unknown",
     .type = OPTION_ENUM,
     .words = allow_skip,
     .def = "allow",
     AT(targets.preconditions.battery_unknown),
     .help = "What becomes of devices that never told."},
    {0},
};

static const struct option preconditions[] = {
    {.key = "runningVersion",
     .type = OPTION_VERSION,
     .flags = OPTION_LIST | OPTION_ONE,
     .word = "any",
     .def = "any",
     .example = "[\"1.4.2\"]",
     ITEMS(targets.preconditions.running_versions.items),
     .help =
         "Versions that may be updated, as TS006 reports them (0x01040200), or as text "
         "where the device profile says how its u32 is coded. Devices that run another "
         "one are skipped."},
    {.key = "maxUplinkAge",
     .type = OPTION_DURATION,
     .def = "7d",
     .min = MINUTES_US(1),
     .max = DAYS_US(3650),
     AT(targets.preconditions.max_uplink_age_us),
     .help =
         "A device not heard for longer is skipped when its wave begins; one that was "
         "never heard is waited for as long."},
    {.key = "battery",
     .type = OPTION_MAP,
     .sub = battery,
     .help = "What the battery must hold."},
    {.key = "linkMargin",
     .type = OPTION_DECIBEL,
     .def = "0dB",
     .max = 4000,
     AT(targets.preconditions.link_margin_cdb),
     .help = "Least margin of the best downlink over the demodulation floor of the data "
             "rate, or of the slowest one where that is auto; who has less is skipped."},
    {.key = "maintenance",
     .type = OPTION_ENUM,
     .words = allow_skip,
     .def = "skip",
     AT(targets.preconditions.maintenance),
     .help =
         "Whether devices in maintenance take part: those with a label maintenance in "
         "the inventory that is not false, no or 0."},
    {0},
};

static const struct option targets[] = {
    {.key = "fleet",
     .type = OPTION_NAME,
     .flags = OPTION_LIST | OPTION_ONE | OPTION_SHOWN,
     ITEMS(targets.fleets.items),
     .example = "wm1",
     .help = "Name of the Fleet. One of fleet and fleets is required."},
    {.key = "fleets",
     .type = OPTION_NAME,
     .flags = OPTION_LIST | OPTION_NOT_EMPTY,
     ITEMS(targets.fleets.items),
     .example = "[wm1, wm2]",
     .help =
         "Names of several Fleets, in place of fleet: one campaign over them, also if "
         "they have different network servers or none (LwM2M). Devices are selected from "
         "all of them, and at least one from each; waves and gates count them together. "
         "The image must satisfy the TrustPolicy of each, and each is sent to by its own "
         "server, at the same time. Not with radio.gateways; at most 32."},
    {.key = "match",
     .type = OPTION_MAP,
     .sub = campaign_match_options,
     .offset = offsetof(struct campaign_doc, spec.targets.match),
     .help = "Which devices, by their labels; all conditions must hold. Without match, "
             "devices and devicesFile: all devices of the fleets."},
    {.key = "devices",
     .type = OPTION_EUI,
     .flags = OPTION_LIST,
     .def = "[]",
     .example = "[\"70b3d57ed005a1b2\"]",
     ITEMS(targets.devices.items),
     .help = "DevEUIs, in quotes, added to those that match."},
    {.key = "devicesFile",
     .type = OPTION_FILE,
     .flags = OPTION_EXISTS,
     .word = "none",
     .def = "none",
     AT(targets.devices_file),
     .help = "CSV file or one DevEUI a line, added to those that match."},
    {.key = "exclude", .type = OPTION_MAP, .sub = exclude, .help = "Devices left out."},
    {.key = "limit",
     .type = OPTION_U32,
     .word = "none",
     .word_value = SPEC_AUTO_U32,
     .def = "none",
     .example = "20000",
     .min = 1,
     .max = CAMPAIGN_COUNT_MAX,
     AT(targets.limit),
     .help = "Most devices; plan refuses a larger selection."},
    {.key = "preconditions",
     .type = OPTION_MAP,
     .sub = preconditions,
     .help = "What a device must meet; else it is skipped, and the reason is shown."},
    {0},
};

static const struct option spec[] = {
    {.key = "paused",
     .type = OPTION_BOOL,
     .def = "false",
     AT(paused),
     .help = "Applied, but nothing is sent until it is resumed."},
    {.key = "priority",
     .type = OPTION_U32,
     .def = "500",
     .max = 1000,
     AT(priority),
     .help = "The higher goes first where campaigns compete."},
    {.key = "image",
     .type = OPTION_MAP,
     .sub = image,
     .flags = OPTION_REQUIRED,
     .help = "What is sent."},
    {.key = "targets",
     .type = OPTION_MAP,
     .sub = targets,
     .flags = OPTION_REQUIRED,
     .help = "Which devices."},
    {.key = "schedule",
     .type = OPTION_MAP,
     .sub = campaign_schedule_options,
     .help = "When."},
    {.key = "radio",
     .type = OPTION_MAP,
     .sub = campaign_radio_options,
     .help = "How it goes on air."},
    {.key = "fragmentation",
     .type = OPTION_MAP,
     .sub = campaign_fragmentation_options,
     .help = "How the image is cut and protected (TS004)."},
    {.key = "budgets",
     .type = OPTION_MAP,
     .sub = campaign_budgets_options,
     .help = "Hard limits; reaching one pauses the campaign."},
    {.key = "rollout",
     .type = OPTION_MAP,
     .sub = campaign_rollout_options,
     .help = "Waves, and what failure means."},
    {.key = "retry",
     .type = OPTION_MAP,
     .sub = campaign_retry_options,
     .help = "How often to try."},
    {.key = "activation",
     .type = OPTION_MAP,
     .sub = campaign_activation_options,
     .help = "How complete devices install."},
    {.key = "verification",
     .type = OPTION_MAP,
     .sub = campaign_verification_options,
     .help = "What proves that the new version runs."},
    {.key = "notify",
     .type = OPTION_MAP,
     .flags = OPTION_LIST,
     .sub = campaign_notify_options,
     .def = "[]",
     OPTION_ITEMS(struct campaign_doc, notify),
     .help =
         "Who is told by HTTP, at once and until it is heard, for a day; see fuotad(8)."},
    {0},
};

const struct option campaign_options[] = {
    TABLE_API_VERSION,
    TABLE_KIND("Campaign", kinds),
    {.key = "metadata",
     .type = OPTION_MAP,
     .sub = metadata,
     .flags = OPTION_REQUIRED,
     .help = "Who it is."},
    {.key = "spec",
     .type = OPTION_MAP,
     .sub = spec,
     .flags = OPTION_REQUIRED,
     .help = "What is wanted."},
    {0},
};

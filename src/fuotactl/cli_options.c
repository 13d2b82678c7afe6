/* SPDX-License-Identifier: MIT */
/* The options of fuotactl, global ones first. To add one: a row here. */
#include "fuotactl/cli_options.h"

const struct cli_option cli_globals[] = {
    {.name = "--socket",
     .value = "PATH",
     .file = true,
     .help = "Control socket of fuotad; also in FUOTAD_SOCKET. Default: " CLI_SOCKET "."},
    {.name = "--server",
     .value = "URL",
     .help = "Reach fuotad by way of its status broker instead: mqtts://HOST[:PORT], or "
             "mqtt:// on this machine. Needs --key; also in FUOTAD_SERVER."},
    {.name = "--key",
     .value = "FILE",
     .file = true,
     .help = "Secret key that signs the requests to --server, of one of the daemon's "
             "spec.operators; also in FUOTAD_KEY."},
    {.name = "--key-password-file",
     .value = "FILE",
     .file = true,
     .help = "Its password, if it is encrypted; else it is asked for."},
    {.name = "--ca",
     .value = "FILE",
     .file = true,
     .help = "CA certificates (PEM) of the broker; default: the system's."},
    {.name = "--cert",
     .value = "FILE",
     .file = true,
     .help = "Client certificate for the broker (PEM)."},
    {.name = "--cert-key", .value = "FILE", .file = true, .help = "Its key (PEM)."},
    {.name = "--username", .value = "NAME", .help = "Login at the broker."},
    {.name = "--password-file",
     .value = "FILE",
     .file = true,
     .help = "File with its password."},
    {.name = "--instance",
     .value = "NAME",
     .help = "The daemon's metadata.name. Default: " CLI_INSTANCE "."},
    {.name = "--root",
     .value = "TOPIC",
     .help = "The daemon's spec.status.root. Default: " CLI_ROOT "."},
    {.name = "--json", .help = "Print JSON Lines with stable fields."},
    {.name = "--color",
     .value = "WHEN",
     .words = "auto always never",
     .help = "Colours: auto, always or never. NO_COLOR and CI are honoured."},
    {.name = "--quiet", .letter = "-q", .help = "No progress, only errors on stderr."},
    {.name = "--help", .letter = "-h", .help = "Show help."},
    {.name = "--version", .help = "Show the version."},
    {0},
};

#define OPTION_TIMEOUT(end)                                      \
    {                                                            \
        .name = "--timeout", .value = "TIME",                    \
        .help = "Give up waiting after that time (90s, 6h, 2d) " \
                "with exit code 8" end                           \
    }

const struct cli_option cli_options_plan[] = {
    {.name = "--output",
     .letter = "-o",
     .value = "PLAN",
     .file = true,
     .help = "Write the plan to this file, for apply."},
    {.name = "--max-airtime",
     .value = "TIME",
     .help = "Exit code 11 if all gateways together need more (40h)."},
    {.name = "--max-duration",
     .value = "TIME",
     .help = "Exit code 11 if the transmissions take longer (14d)."},
    {0},
};

const struct cli_option cli_options_simulate[] = {
    {.name = "--fleet",
     .value = "FILE",
     .help = "The fleet's file. Default: fleets/NAME.yaml in the folder of the campaign, "
             "or in the one above, if it is there."},
    {.name = "--seed", .value = "S", .help = "Of places, links and losses; default: 1."},
    {.name = "--devices", .value = "N", .help = "How many devices; default: 200."},
    {.name = "--loss",
     .value = "PERCENT",
     .help = "Frames that each device loses beside what its links do; default: 0%."},
    {.name = "--broken",
     .value = "PERCENT",
     .help = "Devices on which no new image runs: they go back; default: 0%."},
    {.name = "--delta-fails",
     .value = "PERCENT",
     .help = "Devices on which no delta makes an image; default: 0%."},
    {.name = "--apart",
     .value = "TIME",
     .help = "Between the applies of two files; default: all at once."},
    {.name = "--approve-after",
     .value = "TIME",
     .help = "How long waves wait for their approval, and devices for that to install. "
             "Default: not at all."},
    {.name = "--abort-after",
     .value = "TIME",
     .help = "The campaign of the first file is aborted then."},
    {.name = "--timing",
     .value = "SERVER",
     .words = "stock margin1s direct",
     .help = "stock: ChirpStack as it is; margin1s: with a margin of 1 s; direct: exact "
             "times. Default: stock."},
    {.name = "--start",
     .value = "TIME",
     .help =
         "When it is applied, local in the campaign's zone: 2026-12-01T08:00. Default: "
         "now."},
    {0},
};

const struct cli_option cli_options_apply[] = {
    {.name = "--reason", .value = "TEXT", .help = "Why; kept in the audit log."},
    {.name = "--wait", .help = "Follow the campaign to its end."},
    OPTION_TIMEOUT("; the campaign goes on. Needs --wait."),
    {0},
};

const struct cli_option cli_options_watch[] = {
    {.name = "--devices", .help = "Show each device that changes, too."},
    {0},
};

const struct cli_option cli_options_wait[] = {
    {.name = "--for",
     .value = "PHASE",
     .words = "running paused completed aborted failed ended",
     .help = "What to wait for; default: completed. ended: whatever the end is."},
    OPTION_TIMEOUT("."),
    {0},
};

const struct cli_option cli_options_reason[] = {
    {.name = "--reason",
     .value = "TEXT",
     .help = "Why; kept with the campaign and in the audit log."},
    {0},
};

const struct cli_option cli_options_audit[] = {
    {.name = "--verify",
     .help = "Check the whole chain of hashes; exit code 7 if anything was changed."},
    {0},
};

const struct cli_option cli_options_approve[] = {
    {.name = "--wave",
     .value = "WAVE",
     .help = "The wave to approve, also before its turn; default: the one that waits, "
             "with --install the one that is on."},
    {.name = "--install",
     .help = "Not that the wave begins, but that its devices install what they have, and "
             "what they get later (activation.mode: manual)."},
    {.name = "--reason", .value = "TEXT", .help = "Why."},
    {0},
};

const struct cli_option cli_options_retry[] = {
    {.name = "--devices",
     .value = "EUI,...",
     .help = "These devices; all of them must be able to go again, or nothing is done."},
    {.name = "--label",
     .value = "KEY=VALUE,...",
     .help = "Only devices that have all of these labels."},
    {.name = "--outcome",
     .value = "OUTCOME,...",
     .help = "Only devices with one of these outcomes: failed, unknown, cancelled, "
             "skipped, superseded. Default: failed,unknown; with --devices, any."},
    {.name = "--reason",
     .value = "TEXT",
     .help = "Why; kept in the audit log with the devices."},
    {0},
};

const struct cli_option cli_options_device[] = {
    {.name = "--timeout",
     .value = "TIME",
     .help = "How long an answer is waited for (90s, 6h, 2d); default: 30s."},
    {.name = "--reason", .value = "TEXT", .help = "Why; kept in the audit log."},
    {0},
};

const struct cli_option cli_options_rollback[] = {
    {.name = "--to",
     .value = "FILE",
     .file = true,
     .help =
         "The campaign file that brought the version before: image, signatures and "
         "activation.command are taken from it. Default: what the daemon keeps of the "
         "newest earlier campaign that brought another version; only devices that had it "
         "from there go back."},
    {.name = "--output",
     .letter = "-o",
     .value = "FILE",
     .file = true,
     .help =
         "The new campaign file; the devices are listed in FILE.devices beside it, and "
         "without --to FILE.image and FILE.image.minisig are the image. None may "
         "exist. Default: rollback-NAME.yaml."},
    {0},
};

const struct cli_option cli_options_devices[] = {
    {.name = "--state",
     .value = "STATE",
     .words = "idle downloading downloaded updating 0 1 2 3",
     .help = "Only devices in this LwM2M State."},
    {.name = "--outcome",
     .value = "OUTCOME",
     .words = "pending active succeeded failed unknown cancelled skipped superseded",
     .help = "Only devices with this outcome; active: none yet; pending: nothing was "
             "begun with them."},
    {.name = "--output",
     .letter = "-o",
     .value = "FORMAT",
     .words = "table csv jsonl",
     .help = "How to print them; default: table."},
    {0},
};

const struct cli_option cli_options_import[] = {
    {.name = "--fleet",
     .value = "FLEET",
     .help = "The fleet that they belong to; may be left out if there is but one."},
    {.name = "--reason", .value = "TEXT", .help = "Why; kept in the audit log."},
    {0},
};

const struct cli_option cli_options_report[] = {
    {.name = "--format",
     .value = "FORMAT",
     .words = "html junit markdown json",
     .help = "How to write it; default: markdown, with --json json."},
    {.name = "--output",
     .letter = "-o",
     .value = "FILE",
     .file = true,
     .help = "Write it to this file, as a whole or not at all; default: stdout."},
    {0},
};

const struct cli_option cli_options_doctor[] = {
    {.name = "--config",
     .value = "FILE",
     .file = true,
     .help = "The daemon's own file, to be looked at even if it runs; default: "
             "/etc/fuotad/fuotad.yaml, if it does not."},
    {0},
};

const struct cli_option cli_options_airtime[] = {
    {.name = "--region", .value = "REGION", .help = "EU868, US915, AS923-2 and so on."},
    {.name = "--dr", .value = "DR", .help = "Data rate of the region, 5 or DR5."},
    {.name = "--bytes", .value = "N", .help = "FRMPayload bytes, 0 to 242."},
    {0},
};

const struct cli_option cli_options_fragment[] = {
    {.name = "--fragment-size", .value = "S", .help = "Bytes of a fragment, 1 to 255."},
    {.name = "--redundancy", .value = "R%", .help = "Coded fragments to add, 20%."},
    {.name = "--ts004",
     .value = "V",
     .words = "1 2",
     .help = "Version of the fragmentation package: 1 or 2."},
    {0},
};

const struct cli_option cli_options_sign[] = {
    {.name = "--key", .value = "KEY.key", .file = true, .help = "Secret key."},
    {.name = "--product", .value = "P", .help = "Product, for the trusted comment."},
    {.name = "--version", .value = "V", .help = "Version, for the trusted comment."},
    {.name = "--seccnt", .value = "N", .help = "Security counter, for the same."},
    {.name = "--legacy", .help = "The older signature form, not prehashed."},
    {.name = "--output",
     .letter = "-o",
     .value = "FILE.minisig",
     .file = true,
     .help = "The signature file; default: beside the image."},
    {.name = "--password-file",
     .value = "FILE",
     .file = true,
     .help = "The password of the key is the first line of FILE."},
    {0},
};

const struct cli_option cli_options_verify[] = {
    {.name = "--signature", .value = "FILE.minisig", .file = true, .help = "Signature."},
    {.name = "--key", .value = "KEY.pub", .file = true, .help = "Public key."},
    {.name = "--product", .value = "P", .help = "The trusted comment must say so."},
    {.name = "--version", .value = "V", .help = "The trusted comment must say so."},
    {0},
};

const struct cli_option cli_options_generate[] = {
    {.name = "--output",
     .letter = "-o",
     .value = "NAME",
     .file = true,
     .help = "Write NAME.pub and NAME.key; default: fuota."},
    {.name = "--encrypt", .help = "Protect the secret key by a password."},
    {.name = "--password-file",
     .value = "FILE",
     .file = true,
     .help = "The password is the first line of FILE."},
    {0},
};

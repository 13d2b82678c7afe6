/* SPDX-License-Identifier: MIT */
/* The commands of fuotactl. To add one: a row here and its function. */
#include "fuotactl/cli_options.h"
#include "fuotactl/cli_text.h"
#include "fuotactl/cmd_image.h"
#include "fuotactl/cmd_key.h"
#include "fuotactl/commands.h"

#define FIELDS_STATE                                                                    \
    "name, id, phase (scheduled, running, paused, aborting, completed, aborted, "       \
    "failed), reason, revision, fleet (of several: names, with commas), fleets "        \
    "[name], version, digest, not_before, deadline (or "                                \
    "null), created, started, ended, devices {total, "                                  \
    "pending, active, installable (of those: wait for approve --install), succeeded, "  \
    "failed, unknown, cancelled, skipped, superseded}, "                                \
    "wave (the one that is on) or null, waves (of one campaign) [{name, phase "         \
    "(pending, approval, running, soaking, held, done, cancelled), verdict (open, "     \
    "succeeded, failed, broken, inconclusive), waived, approved, installs, devices, "   \
    "done, "                                                                            \
    "attempted, succeeded, failed, unknown, passed_over, already, started, ended, "     \
    "soak_until}], states "                                                             \
    "{idle, downloading, downloaded, updating}, fragments {uncoded, sent}, "            \
    "airtime_us, session (the newest under way) {id, phase, dr, uncoded, next, "        \
    "target, members, start, end, frequency_hz, fragment_size, copies, repair_rounds, " \
    "gateways, colours, lanes [{lane, colour, gateways, frames, lost}]} or null, "      \
    "session_count, sessions [{id, phase, dr, uncoded, next, target, members, start, "  \
    "end}], with deltas variants [{variant (full, or the version that the delta is "    \
    "from), file, devices, succeeded, fell_back (a delta had failed on them)}]"
#define FIELDS_DEVICE                                                                    \
    "dev_eui, phase, state (0 to 3), state_name, result (LwM2M Update Result), "         \
    "result_text, source (inferred, reported), outcome, reason, reason_text, "           \
    "version_before, version (numbers of TS006), received, missing, progress "           \
    "(percent), "                                                                        \
    "package_version (text, as reported in LwM2M), tries, retries (times it went again " \
    "after it had ended; then outcome_before, reason_before), time, wave, fleet, "       \
    "variant (full, or the version that its delta is from), delta_failures (deltas "     \
    "that failed on it before)"
#define FIELDS_STREAM                                                                 \
    "a line of type \"state\" per change, at last one of type \"end\" with the exit " \
    "code in code; both with the fields of status."
#define CODES_END                                                                   \
    "Exit codes: 0 completed and every device that took part succeeded; 9 paused; " \
    "10 failed, aborted, or a device failed, is unknown or was cancelled; 8 timed " \
    "out; 12 the daemon went away; 130 interrupted. None of them touches the campaign."

const struct cli_command cli_commands[] = {
    {
        .name = "validate",
        .synopsis = "FILE...",
        .summary = "Check files without a daemon",
        .text = "Checks campaigns, fleets, trust policies, windows and the daemon's own "
                "file, and that the files they name exist. All problems are printed at "
                "once, each as file:line:column: path: text; exit code 3 if there is "
                "one.\n\n"
                "With --json: a line per file: type \"file\", file, valid, problems "
                "[{severity, file, line, column, path, text}].",
        .operand = "FILE",
        .operand_files = true,
        .operand_min = 1,
        .operand_max = CLI_MANY,
        .run = cmd_validate,
    },
    {
        .name = "schema",
        .synopsis = "KIND",
        .summary = "Print the JSON Schema (draft-07) of a kind of file, for editors",
        .operand = "KIND",
        .operand_words = "campaign fleet trustpolicy daemon window",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_schema,
    },
    {
        .name = "explain",
        .synopsis = "PATH",
        .summary = "Explain a key of a file",
        .text = "PATH is a key like spec.rollout.waves, of a Campaign unless it begins "
                "with a kind: fleet.spec.region. A kind alone lists its keys.\n\n"
                "With --json: type \"explain\", path, text and schema, the key's JSON "
                "Schema.",
        .operand = "PATH",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_explain,
    },
    {
        .name = "plan",
        .synopsis = "FILE [-o PLAN] [--max-airtime TIME] [--max-duration TIME]",
        .summary = "Show what a campaign would cost, and whether it fits",
        .text =
            "Checks the file, uploads the image and asks the daemon: devices, "
            "fragments, airtime, duration, sessions and the legal budget, by cohort: "
            "devices that share a data rate and gateways. A cohort's gateways send in "
            "lanes, each for itself; lanes of different colours take turns. The "
            "duration is that of sending: what is as likely as not, and what suffices in "
            "9 of 10 cases (p90), beside what no plan can undercut. With windows or "
            "blackouts, the next of them, the changes of the clock on the way, and the "
            "end are shown in the campaign's time zone. Set-up and repair "
            "wait for uplinks of the devices, which comes on top: simulate shows how "
            "long that takes. Each wave is planned by itself, with its airtime, time and "
            "energy. Devices that cannot be updated, or would be skipped now, "
            "are named with the reason. Nothing is sent to any device. Exit code 11 if "
            "the campaign does not fit radio, windows, devices or its budgets, 7 if its "
            "image is not trusted, 5 if the daemon lacks a fleet, device or Window that "
            "it names. What the daemon has against it is told at once, each with its "
            "line, as far as it can be looked at without what is missing; the code is "
            "that of the first: Windows, name, fleets, image, deltas, devices, server, "
            "waves, plan, other campaigns.\n\n"
            "With --json: type \"plan\", name, fleet, devices, image_bytes, "
            "cohort_count, cohorts [{wave, fleet (of several), devices, assumed (never "
            "heard), dr, "
            "frequency_hz, "
            "fragment_size, fragments, coded, copies, lanes, gateways, colours, "
            "frame_airtime_us, airtime_us (of each gateway), airtime_cap_us, "
            "legal_cap_us (of a gateway in an hour, for campaigns and by law; may be "
            "absent), sessions, interval_us, frames_p50, frames_p90, duration_us, "
            "duration_p90_us, device_listening_us, device_energy_mj, energy_mj (of "
            "all)}], device_listening_us, device_energy_mj (the most of one device), "
            "energy_mj, fragments, coded, airtime_us (of all gateways), "
            "duration_us, duration_p90_us, soak_us (between waves), lower_bound_us, "
            "waves [{name, devices, planned, skipped, cohorts, airtime_us, duration_us, "
            "duration_p90_us, device_listening_us, device_energy_mj, energy_mj, "
            "success_ppm, abort_failed_ppm, abort_attempted, soak_us, approval}], "
            "by_fleet (of several: all send at the same time) [{fleet, delivered (over "
            "IP, without airtime), devices, planned, skipped, cohorts, airtime_us, "
            "duration_us, duration_p90_us, device_listening_us, device_energy_mj, "
            "energy_mj}], "
            "calendar (with a "
            "schedule: timezone, not_before, deadline, windows [{start, end}] to come, "
            "clock_changes [{before, after}] until the end, end and end_p90 unless they "
            "are months away; all local with the offset), left_out [{reason, text, "
            "limit, count, devices}], notes "
            "[text], conflicts (campaigns under way with some of the devices) "
            "[{campaign, priority, devices}].",
        .options = cli_options_plan,
        .operand = "FILE",
        .operand_files = true,
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_plan,
    },
    {
        .name = "simulate",
        .synopsis = "FILE... [--fleet FILE] [--seed S] [--devices N] [--loss PERCENT] "
                    "[--broken PERCENT] "
                    "[--delta-fails PERCENT] [--apart TIME] [--approve-after TIME] "
                    "[--abort-after TIME] [--timing "
                    "SERVER] [--start TIME]",
        .summary = "Run campaigns on virtual time against a made-up fleet",
        .text = CLI_TEXT_SIMULATE,
        .options = cli_options_simulate,
        .operand = "FILE",
        .operand_files = true,
        .operand_min = 1,
        .operand_max = 8,
        .run = cmd_simulate,
    },
    {
        .name = "apply",
        .synopsis = "FILE|PLAN [--wait] [--timeout TIME] [--reason TEXT]",
        .summary = "Start a campaign, re-attach to it, or change it",
        .text =
            "Applying the same file again changes nothing and attaches to the "
            "campaign that is there. An edited file changes a campaign that is under "
            "way, if only windows, blackouts, budgets, labels or paused are others than "
            "before; anything else is refused as a whole with exit code 6, each key with "
            "its line. A PLAN written by plan -o is refused with exit "
            "code 6 if the file or the image has changed since then, or what the "
            "daemon plans today: devices and airtime by more than 2%, duration and "
            "energy by more than 10%, more devices left out, or in another campaign; "
            "all of it is said, in errors of the JSON as well, path being the key of the "
            "plan. Code 6, too, if campaigns under way have some of the "
            "devices at "
            "the same priority, or all of them at a higher one. Code 3 if the plan was "
            "edited. The file's name in it is "
            "taken from the "
            "current folder.\n\n"
            "With --wait it follows the campaign to its end. " CODES_END "\n\n"
            "With --json: first a line of type \"applied\": name, id, existing, "
            "changed (it was under way, and was edited), state (as status), plan (as "
            "plan) or null. With --wait then " FIELDS_STREAM,
        .options = cli_options_apply,
        .operand = "FILE",
        .operand_files = true,
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_apply,
    },
    {
        .name = "status",
        .synopsis = "[NAME]",
        .summary = "Show all campaigns, or one in detail",
        .text =
            "Without NAME it also tells when the daemon had to drop messages.\n\n"
            "With --json: a line per campaign: type \"campaign\", " FIELDS_STATE
            ". Without NAME first a line about the daemon since its start: type "
            "\"daemon\", instance, version, boot, stores (whether it can write its "
            "database), turns (of its loop), turn_longest_us (CPU time), messages (of "
            "the "
            "brokers), uplinks (of known devices), dropped (flood: messages that came "
            "faster "
            "than they could be taken; backlog: events while too much waited for the "
            "disk; oversize; rejected: by plugins; implausible: uplinks from another "
            "time; "
            "flushes: of devices' queues at the server, while too many were under way; "
            "webhooks: events of spec.notify that were given up), webhooks_waiting.",
        .operand = "NAME",
        .operand_max = 1,
        .run = cmd_status,
    },
    {
        .name = "watch",
        .synopsis = "NAME [--devices]",
        .summary = "Follow a campaign to its end, through pauses",
        .text = "One live line on a terminal, else a line per change and one every "
                "minute. Interrupting it does not touch the campaign. Exit codes as "
                "apply --wait.\n\nWith --json: " FIELDS_STREAM
                " With --devices also lines of type \"device\": " FIELDS_DEVICE ".",
        .options = cli_options_watch,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_watch,
    },
    {
        .name = "wait",
        .synopsis = "NAME [--for PHASE] [--timeout TIME]",
        .summary = "Wait until a campaign is completed, paused and so on",
        .text = "Exit code 0 when it is; for completed, 10 if a device failed, is "
                "unknown or was cancelled; 9 if it pauses and 10 if it ends otherwise, "
                "instead.\n\nWith --json: " FIELDS_STREAM,
        .options = cli_options_wait,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_wait,
    },
    {
        .name = "pause",
        .synopsis = "NAME [--reason TEXT]",
        .summary = "Send nothing more until it is resumed",
        .text =
            "The reason is kept with the campaign. One that waits at a gate is paused as "
            "well: approve lets nothing go on then until it is resumed. One that has "
            "ended is left as it is, with exit code 0 and a remark; abort does the "
            "same.\n\n"
            "With --json: as status.",
        .options = cli_options_reason,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_pause,
    },
    {
        .name = "resume",
        .synopsis = "NAME [--reason TEXT]",
        .summary = "Go on with a paused campaign",
        .text = "A gate that holds it is overruled. A wave that waits for its approval "
                "needs that: see approve. A gate that an operator paused at holds it "
                "again, unless that was approved meanwhile.\n\nWith --json: as status.",
        .options = cli_options_reason,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_resume,
    },
    {
        .name = "abort",
        .synopsis = "NAME [--reason TEXT]",
        .summary = "End a campaign: reboots are cancelled, images deleted",
        .text = "The campaign is aborting until the devices have been told; watch or "
                "wait --for aborted shows when that is done.\n\n"
                "With --json: as status.",
        .options = cli_options_reason,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_abort,
    },
    {
        .name = "approve",
        .synopsis = "NAME [--wave WAVE] [--install] [--reason TEXT]",
        .summary = "Let the next wave of a campaign begin, or its devices install",
        .text =
            "For a wave with approval: required, and for a campaign that was paused "
            "because a wave failed or showed nothing: then the gate is overruled. "
            "Exit code 6 if nothing waits.\n\n"
            "With --install, for a campaign with activation.mode: manual: devices of "
            "the wave install. status shows how many wait for that; each has had no "
            "order yet that would make it install at a reboot of its own. Exit code 6 "
            "if they install by themselves.\n\n"
            "With --json: as status.",
        .options = cli_options_approve,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_approve,
    },
    {
        .name = "retry",
        .synopsis = "NAME [--devices EUI,...] [--label KEY=VALUE,...] "
                    "[--outcome OUTCOME,...] [--reason TEXT]",
        .summary = "Try devices that have ended again, within their campaign",
        .text = CLI_TEXT_RETRY,
        .options = cli_options_retry,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_retry,
    },
    {
        .name = "rollback",
        .synopsis = "NAME [--to FILE] [-o FILE]",
        .summary = "Write a campaign that brings the version before back",
        .text = CLI_TEXT_ROLLBACK,
        .options = cli_options_rollback,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_rollback,
    },
    {
        .name = "devices",
        .synopsis = "NAME [--state STATE] [--outcome OUTCOME] [-o FORMAT]",
        .summary = "List the devices of a campaign with State and Update Result",
        .text = "Fields of csv and jsonl: " FIELDS_DEVICE
                ". With --json (the same as -o jsonl): type \"device\" and the fields.",
        .options = cli_options_devices,
        .operand = "NAME",
        .operand_words = "import remove",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_devices,
    },
    {
        .name = "devices import",
        .synopsis = "FILE.csv [--fleet FLEET] [--reason TEXT]",
        .summary = "Add devices to the inventory of a fleet, or replace them",
        .text = CLI_TEXT_IMPORT,
        .options = cli_options_import,
        .operand = "FILE.csv",
        .operand_files = true,
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_import,
    },
    {
        .name = "devices remove",
        .synopsis = "FILE [--fleet FLEET] [--reason TEXT]",
        .summary = "Remove imported devices from the inventory of a fleet",
        .text = CLI_TEXT_REMOVE,
        .options = cli_options_import,
        .operand = "FILE",
        .operand_files = true,
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_remove,
    },
    {
        .name = "device",
        .synopsis = "DEVICE | DEVICE read|write|create|delete|execute|observe PATH "
                    "[VALUE...] [--timeout TIME] [--reason TEXT]",
        .summary = "Show what is known of a device; read and change its objects (LwM2M)",
        .text =
            "DEVICE is its EUI, or its name in the inventory: of LwM2M, that of its "
            "endpoint. Alone: what is known of the device, and its history.\n\n"
            "Of a device that speaks LwM2M over IP: read PATH (an object /3, an instance "
            "/3/0, a resource /3/0/9); write a resource (one VALUE) or some of an "
            "instance (RESOURCE=VALUE each); create an "
            "instance of an object (/3303 or /3303/1, RESOURCE=VALUE each); delete an "
            "instance; execute a resource, with arguments as VALUE; observe PATH: its "
            "value, and each change until the time is over or Ctrl-C, with VALUES "
            "pmin=S, pmax=S, gt=N, lt=N, st=N as written to the device first. A VALUE is "
            "of the type that its resource has; of resources that are not known, "
            "what it looks like, or TYPE:VALUE: string, integer, float, boolean, opaque "
            "(base64), time (seconds since 1970), link (OBJECT:INSTANCE). A "
            "device that sleeps, or is not registered, is waited for. What changes "
            "something is in the audit log: with its path, without values. Exit code 5: "
            "there is no such device, or it has no such thing; 6: it refused; 8: no "
            "answer in time; 12: it is not registered.\n\n"
            "With --json: type \"values\", dev_eui, path, values [{path, type, value}], "
            "location (of what was created), note; a line per change.\n\n"
            "DEVICE alone, with --json: type \"device\", dev_eui, name, fleet, profile, "
            "last_uplink, firmware_version, hardware_version, battery_percent, packages "
            "{id: "
            "version} or null, uplink_interval_us, uplinks_heard, links [{gateway, "
            "snr_p10_cdb, snr_p50_cdb, heard_ppk (of uplinks, best first)}], campaigns "
            "[as devices, with campaign], history [{campaign, time, phase, state, "
            "result, source, outcome, reason}].",
        .options = cli_options_device,
        .operand = "DEVICE",
        .operand_min = 1,
        .operand_max = 3 + 16,
        .run = cmd_device,
    },
    {
        .name = "audit",
        .synopsis = "[NAME] [--verify]",
        .summary = "Show who did what to campaigns, and when",
        .text =
            "Each action (apply, change, pause, resume, abort, approve, retry, import, "
            "remove) is written down in the same transaction that carries it out: actor, "
            "reason, time, and the hash of "
            "the record before. NAME: only of that campaign. With --verify the "
            "hashes of all records are computed here; changed, moved and missing "
            "records are found, and exit code 7 tells. Who can write the database "
            "can write a whole new chain: keep the hash that --verify prints, and "
            "compare.\n\n"
            "With --json: type \"audit\", id, time, actor (user:NAME, over MQTT key:ID, "
            "or folder), action, object, reason, detail, previous, hash; at the end of "
            "--verify type \"verified\", count, hash.",
        .options = cli_options_audit,
        .operand = "NAME",
        .operand_max = 1,
        .run = cmd_audit,
    },
    {
        .name = "report",
        .synopsis = "NAME [--format FORMAT] [-o FILE]",
        .summary = "Write a report of a campaign: HTML, JUnit, Markdown or JSON",
        .text = CLI_TEXT_REPORT,
        .options = cli_options_report,
        .operand = "NAME",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_report,
    },
    {
        .name = "budget",
        .synopsis = "[GATEWAY]",
        .summary = "Show the airtime of gateways in the last hour, and what is allowed",
        .text =
            "A line per gateway and sub-band that campaigns, or others as far as that "
            "is known, have sent in: airtime of campaigns, multicast and to single "
            "devices, what commands that wait for their devices may take there, how "
            "much of an hour campaigns may use, airtime of others, the legal limit, how "
            "much of it is used, and what campaigns may send at once; and whether the "
            "gateway is online, if it tells. Exit code 5 if the gateway has sent "
            "nothing yet.\n\n"
            "With --json: one line of type \"budget\": gateways [{gateway, low_hz, "
            "high_hz, own_us, waiting_us, others_us, own_cap_us, legal_cap_us "
            "(3600000000: no "
            "limit), free_us, used_ppm (of legal_cap_us), and of a gateway that tells "
            "of itself online, tx_given, tx_sent (frames, by its last statistics)}].",
        .operand = "GATEWAY",
        .operand_max = 1,
        .run = cmd_budget,
    },
    {
        .name = "doctor",
        .synopsis = "[--config FILE]",
        .summary = "Check all that fuotad needs, and say what to do",
        .text =
            "A line per finding: ok, warn or fail, what was looked at, why, and what "
            "to do. A daemon that runs looks at its brokers, the APIs of the network "
            "servers (with their tokens), clock, disk, database, sealing key, trust "
            "policies, gateways, devices, profiles and campaigns; it takes up to five "
            "seconds. If none answers, its files are checked: whether they are valid, "
            "the permissions of tokens and keys, disk, whether the database is from a "
            "newer version, and whether something listens where they point. Better "
            "run that as root or as the daemon's user. Nothing is changed. Exit code "
            "0 if nothing failed, else 10.\n\n"
            "With --json: one line of type \"doctor\": findings [{level (ok, warn, "
            "fail), check (config, daemon, clock, disk, state, key, store, status, "
            "broker, api, trust, gateways, devices, profiles, campaigns), what, "
            "text}], fail and warn (how many).",
        .options = cli_options_doctor,
        .run = cmd_doctor,
    },
    {
        .name = "image inspect",
        .synopsis = "FILE",
        .summary = "Show size, hash and header of an image",
        .operand = "FILE",
        .operand_files = true,
        .raw = cmd_image,
    },
    {
        .name = "image sign",
        .synopsis = "FILE --key KEY.key [--product P --version V [--seccnt N]] "
                    "[--legacy] [-o FILE.minisig] [--password-file FILE]",
        .summary = "Sign an image; minisign verifies it",
        .options = cli_options_sign,
        .operand = "FILE",
        .operand_files = true,
        .raw = cmd_image,
    },
    {
        .name = "image verify",
        .synopsis = "FILE --signature FILE.minisig --key KEY.pub [--product P] "
                    "[--version V]",
        .summary = "Verify a minisign signature",
        .text = "Exit code 0 or 7. The trusted comment is checked only when asked.",
        .options = cli_options_verify,
        .operand = "FILE",
        .operand_files = true,
        .raw = cmd_image,
    },
    {
        .name = "image fragment",
        .synopsis = "FILE --fragment-size S --redundancy R% --ts004 1|2",
        .summary = "Print the fragments of a file as they go on air",
        .text = "One line per fragment, N and the DataFragment command in hex; with "
                "--json: n, command.",
        .options = cli_options_fragment,
        .operand = "FILE",
        .operand_files = true,
        .raw = cmd_image,
    },
    {
        .name = "key generate",
        .synopsis = "[-o NAME] [--encrypt] [--password-file FILE]",
        .summary = "Make a key pair for signing images, or requests of an operator",
        .options = cli_options_generate,
        .raw = cmd_key,
    },
    {
        .name = "airtime",
        .synopsis = "--region REGION --dr DR --bytes N",
        .summary = "Time on air of a downlink",
        .text = "With --json: type \"airtime\", region, dr, bytes, phy_bytes, "
                "airtime_us, modulation, max_bytes (FRMPayload limit of the data rate), "
                "fits (bytes are within it). Exit code 11 if the data rate does not "
                "exist in downlinks of the region, or no frame can be that long.",
        .options = cli_options_airtime,
        .run = cmd_airtime,
    },
    {
        .name = "completion",
        .synopsis = "bash|zsh|fish",
        .summary = "Print shell completion",
        .text = "For bash: source <(fuotactl completion bash).",
        .operand = "SHELL",
        .operand_words = "bash zsh fish",
        .operand_min = 1,
        .operand_max = 1,
        .run = cmd_completion,
    },
    {
        .name = "help",
        .synopsis = "[COMMAND]",
        .summary = "Show help",
        .operand = "COMMAND",
        .operand_max = 2,
        .run = cmd_help,
    },
    {0},
};

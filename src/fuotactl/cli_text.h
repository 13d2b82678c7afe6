/* SPDX-License-Identifier: MIT */
/* cli_text.h - long texts of the table of commands (cli_table.c), which alone includes it. */
#pragma once

#define CLI_TEXT_REPORT                                                              \
    "Of a campaign that has ended, or as it stands. html is one file that loads "    \
    "nothing from anywhere, with the completion over time, the airtime of each "     \
    "gateway against its budget, and where devices lose what is sent; junit has "    \
    "a suite per wave and a case per device (the first 20000 successes of a "        \
    "suite), and time counts from the first look at a device to its end; "           \
    "markdown is for the summary of a CI job. The exit code says only whether "      \
    "the report could be written.\n\n"                                               \
    "json is one object (on one line with --json): type \"report\", format (1), "    \
    "generated, verdict "                                                            \
    "(passed, failed, open), campaign (as status), attempted (devices but "          \
    "skipped "                                                                       \
    "and superseded ones), with_image, waves [{name, total, devices {active, "       \
    "succeeded, failed, unknown, cancelled, skipped, superseded}, first, last}], "   \
    "fleets [{name, total, devices (as of waves)}], "                                \
    "variants [{wave, variant (full, or the version that the delta is from), "       \
    "devices, succeeded, fell_back (a delta had failed on them)}], "                 \
    "reasons [{outcome, reason, text, devices}], completion [{time, with_image, "    \
    "succeeded}], sessions [{id, fleet, dr, fragment_size, uncoded, sent, members, " \
    "gateways, start, end}], loss_ends_ppk (classes of loss, upper ends in "         \
    "1/1000), gateways [{gateway, airtime_us (of all campaigns, since this one "     \
    "began), peak {hour, airtime_us, low_hz, own_cap_us, legal_cap_us} or null, "    \
    "devices (that it hears best), loss (how many of them in each class, by "        \
    "their "                                                                         \
    "uplinks), not_succeeded, incomplete, missing (fragments of the "                \
    "incomplete)}], "                                                                \
    "devices [{dev_eui, wave, fleet, outcome, reason, state, result, source, "       \
    "phase, "                                                                        \
    "version_before, version, missing, received, tries, retries (times it went "     \
    "again; then outcome_before, reason_before), variant, delta_failures, "          \
    "gateway, snr_p50_cdb, "                                                         \
    "heard_ppk, since, downloaded, ended}]."

#define CLI_TEXT_RETRY                                                             \
    "Such a device begins anew: its preconditions are looked at, it is set up, "   \
    "sent to and verified like the others, and gets one new outcome; until then "  \
    "it has none. Its history goes on, and reports show how the try before "       \
    "ended. A campaign that had completed runs again; one that is paused stays "   \
    "so until it is resumed, and a gate that holds it looks again, at the new "    \
    "outcomes. Who has succeeded, is under way, or is in another campaign by now " \
    "is left alone, so that the same command twice does no harm. Exit code 5 or "  \
    "6 if a device of --devices cannot go again, and 6 if the campaign was "       \
    "aborted or its deadline has passed: nothing is changed then.\n\n"             \
    "With --json: type \"retry\", retried, under_way (of those that were meant, "  \
    "told to go again before), busy (left alone, because another campaign has "    \
    "them) and state (as status)."

#define CLI_TEXT_ROLLBACK                                                       \
    "For the devices that have succeeded in the campaign, and no others. The "  \
    "daemon keeps the files of its campaigns and their images: the newest "     \
    "earlier campaign that brought another version to one of those devices is " \
    "where the way goes back to. Its image and its signatures are written "     \
    "beside the new campaign, and the devices that had that version from it "   \
    "are listed; the others are left out, and how many they are is said. With " \
    "--to the image is that of a campaign file, which is checked as validate "  \
    "does, and all go back.\n\n"                                                \
    "What is written is a campaign like any other: nothing is applied, its "    \
    "waves and windows are the defaults, and the trust policy must allow "      \
    "downgrades when it is.\n\n"                                                \
    "Prints the name of the file. Exit code 5 if no device has succeeded, or "  \
    "the daemon knows of no version before, 6 if the file of --to brings the "  \
    "very version that the campaign does.\n\n"                                  \
    "With --json: type \"rollback\", file, devices_file, name, version, from "  \
    "(the earlier campaign; null with --to), devices (how many), left_out."

#define CLI_TEXT_IMPORT                                                             \
    "FILE.csv is as the inventory file of a fleet: its first line names the "       \
    "columns dev_eui (required), name, lorawan, gen_app_key, app_key, profile and " \
    "label:KEY, in any order. It is checked here first, and every bad line is "     \
    "printed with line and column: exit code 3, and nothing is imported. Either "   \
    "all devices are, or none.\n\n"                                                 \
    "The devices stay over a restart of the daemon; their keys are sealed in its "  \
    "database, and nowhere else. Who was imported before is replaced as a whole, "  \
    "so that a changed label, maintenance too, holds at once, also for campaigns "  \
    "that run: those look at it when a wave begins. A device that the inventory "   \
    "file of a fleet names is refused: it is changed there, and should a file "     \
    "name it later, the file holds from the next start on. At most 16 MiB at a "    \
    "time. With --server the file passes the broker, and who runs that could read " \
    "the keys.\n\n"                                                                 \
    "With --json: type \"import\", fleet, devices, added (not known before), "      \
    "replaced."

#define CLI_TEXT_REMOVE                                                              \
    "FILE is a CSV file with a column dev_eui, others do not matter, or has a "      \
    "DevEUI in each line. Either all of them are removed, with their keys, or "      \
    "none: exit code 3 with every bad line, 5 with every device that the fleet "     \
    "does not have, 6 with every one that a campaign under way has, or that the "    \
    "inventory file of the fleet names: it is removed there, and fuotad started "    \
    "anew. Devices of a fleet whose inventory is at its network server are deleted " \
    "at the server. What campaigns that are over tell of them stays.\n\n"            \
    "With --json: type \"remove\", fleet, devices."

#define CLI_TEXT_SIMULATE                                                            \
    "Checks the files and runs the campaigns with the daemon's own engine "          \
    "in a simulated LoRaWAN city of the EU868 region (devices with IP, which "       \
    "speak LwM2M, are not simulated): gateways under the legal duty"                 \
    " cycle, devices with real decoders that speak every hour. The fleet's "         \
    "own devices and trust policy are not looked at; nothing is sent, and "          \
    "no daemon is needed. Waves, gates, soak, windows, blackouts, notBefore"         \
    " and the deadline are kept. The devices have no labels: a wave with "           \
    "select may select a twentieth of them, drawn by the seed, and spread "          \
    "is over their stacks. Approvals are given within the hour; a gate that"         \
    " holds a campaign ends its simulation. With deltas, devices run the "           \
    "base of one of them, and every fifth an older version. Several files "          \
    "compete for the "                                                               \
    "same devices, by priority. Times count from the first apply and "               \
    "include what a plan does not: waiting for uplinks of the devices, "             \
    "repair and installation. The same seed and --start give the same "              \
    "result.\n\nExit code 9 if a gate holds a campaign, 10 if one fails or "         \
    "is aborted, or ends with devices failed, unknown or cancelled and a wave that " \
    "has not succeeded, 11 if it does not fit.\n\n"                                  \
    "With --json: type \"simulation\", name, image_bytes (of the first), "           \
    "seed, timing, devices, gateways, complete (devices with an image), "            \
    "complete_us (when the last of them had it; -1: none), complete_95_us "          \
    "(when 95% of all devices had it; -1: never), end_us, airtime_us (of "           \
    "all gateways, unicast too), transmissions, frames, "                            \
    "duty_cycle_violations, with a schedule start and end (local with the "          \
    "offset) and schedule_violations (frames outside of it), cut (not over "         \
    "after 15 days; waves and windows add to them), outcomes {none, "                \
    "succeeded, failed, unknown, cancelled, skipped, superseded} and "               \
    "reasons {reason: devices} of the first, campaigns [{name, image_bytes,"         \
    " priority, phase, held, reason, end_us, outcomes, reasons, waves "              \
    "[{name, phase, verdict, devices, attempted, succeeded, failed, "                \
    "unknown, started_us, ended_us}], with deltas variants [{variant (full, or the " \
    "version that the delta is from), file, devices, succeeded, fell_back (a delta " \
    "had failed on them)}]}]."

/* SPDX-License-Identifier: MIT */
/* cli_text.h - long texts of the table of commands (cli_table.c), which alone includes it. */
#pragma once

#define CLI_TEXT_REPORT                                                            \
    "Of a campaign that has ended, or as it stands. html is one file that loads "  \
    "nothing from anywhere, with the completion over time, the airtime of each "   \
    "gateway against its budget, and where devices lose what is sent; junit has "  \
    "a suite per wave and a case per device (the first 20000 successes of a "      \
    "suite), and time counts from the first look at a device to its end; "         \
    "markdown is for the summary of a CI job. The exit code says only whether "    \
    "the report could be written.\n\n"                                             \
    "json is one object: type \"report\", format (1), generated, verdict "         \
    "(passed, failed, open), campaign (as status), attempted (devices but "        \
    "skipped "                                                                     \
    "and superseded ones), with_image, waves [{name, total, devices {active, "     \
    "succeeded, failed, unknown, cancelled, skipped, superseded}, first, last}], " \
    "reasons [{outcome, reason, text, devices}], completion [{time, with_image, "  \
    "succeeded}], sessions [{id, dr, fragment_size, uncoded, sent, members, "      \
    "gateways, start, end}], loss_ends_ppk (classes of loss, upper ends in "       \
    "1/1000), gateways [{gateway, airtime_us (of all campaigns, since this one "   \
    "began), peak {hour, airtime_us, low_hz, own_cap_us, legal_cap_us} or null, "  \
    "devices (that it hears best), loss (how many of them in each class, by "      \
    "their "                                                                       \
    "uplinks), not_succeeded, incomplete, missing (fragments of the "              \
    "incomplete)}], "                                                              \
    "devices [{dev_eui, wave, outcome, reason, state, result, source, phase, "     \
    "version_before, version, missing, received, tries, gateway, snr_p50_cdb, "    \
    "heard_ppk, since, downloaded, ended}]."

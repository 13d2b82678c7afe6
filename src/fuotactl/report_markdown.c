/* SPDX-License-Identifier: MIT */
/* report_markdown.c - a report for the summary of a CI job. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "fuotactl/report.h"
#include "fuotactl/words.h"

enum {
    MARKDOWN_DEVICES = 20,
};

/* What could be markup or end a cell of a table is escaped; one line. */
static void md(FILE *out, const char *text)
{
    for (char *clean = words_clean(text), *at = clean; at != NULL; at++) {
        if (*at == '\0') {
            free(clean);
            return;
        }
        if (strchr("\\`*_{}[]<>()#+!|~&", *at) != NULL) {
            putc('\\', out);
        }
        putc(*at, out);
    }
}

static void md_heading(FILE *out, const char *what)
{
    fprintf(out, "\n| %s | Devices |", what);
    for (int i = REPORT_SUCCEEDED; i < REPORT_OUTCOMES; i++) {
        fprintf(out, " %s |", report_outcome_name((enum report_outcome)i));
    }
    fputs(" under way |\n|:--|--:|--:|--:|--:|--:|--:|--:|--:|\n", out);
}

static void md_row(FILE *out, const char *name, uint32_t devices,
                   const uint32_t by_outcome[REPORT_OUTCOMES])
{
    fputs("| ", out);
    md(out, name);
    fprintf(out, " | %" PRIu32 " |", devices);
    for (int k = REPORT_SUCCEEDED; k < REPORT_OUTCOMES; k++) {
        fprintf(out, " %" PRIu32 " |", by_outcome[k]);
    }
    fprintf(out, " %" PRIu32 " |\n", by_outcome[REPORT_ACTIVE]);
}

static void md_waves(FILE *out, const struct report *report)
{
    md_heading(out, "Wave");
    for (size_t i = 0; i < report->wave_count; i++) {
        const struct report_wave *wave = &report->waves[i];
        md_row(out, wave->name, wave->devices, wave->by_outcome);
    }
}

static void md_fleets(FILE *out, const struct report *report)
{
    if (report->fleet_count < 2) {
        return;
    }
    md_heading(out, "Fleet");
    for (size_t i = 0; i < report->fleet_count; i++) {
        const struct report_fleet *fleet = &report->fleets[i];
        md_row(out, fleet->name, fleet->devices, fleet->by_outcome);
    }
}

static void md_variants(FILE *out, const struct report *report)
{
    if (!report_has_deltas(report)) {
        return;
    }
    fputs("\n| Wave | Sent | Devices | succeeded | a delta failed before |\n"
          "|:--|:--|--:|--:|--:|\n",
          out);
    for (size_t i = 0; i < report->variant_count; i++) {
        const struct report_variant *variant = &report->variants[i];
        fputs("| ", out);
        md(out, variant->wave);
        fputs(strcmp(variant->name, "full") == 0 ? " | image " : " | delta from ", out);
        md(out, strcmp(variant->name, "full") == 0 ? "" : variant->name);
        fprintf(out, " | %" PRIu32 " | %" PRIu32 " | %" PRIu32 " |\n", variant->devices,
                variant->succeeded, variant->fell_back);
    }
}

static void md_reasons(FILE *out, const struct report *report)
{
    bool first = true;
    for (size_t i = 0; i < report->reason_count; i++) {
        const struct report_reason *reason = &report->reasons[i];
        if (reason->outcome == REPORT_SUCCEEDED) {
            continue;
        }
        fputs(first ? "\n| Why | Outcome | Devices |\n|:--|:--|--:|\n" : "", out);
        first = false;
        fputs("| ", out);
        md(out, reason->text[0] != '\0' ? reason->text : reason->reason);
        fprintf(out, " | %s | %" PRIu32 " |\n", report_outcome_name(reason->outcome),
                reason->devices);
    }
}

static void md_devices(FILE *out, const struct report *report)
{
    uint32_t bad = report->by_outcome[REPORT_FAILED] + report->by_outcome[REPORT_UNKNOWN];
    size_t shown = 0;
    for (size_t i = 0; i < report->device_count && shown < MARKDOWN_DEVICES; i++) {
        const struct report_device *device = &report->devices[i];
        char eui[EUI_TEXT_SIZE];
        if (device->outcome != REPORT_FAILED && device->outcome != REPORT_UNKNOWN) {
            continue;
        }
        fputs(shown++ == 0 ? "\n| Device | Outcome | Result | Missing | Why "
                             "|\n|:--|:--|--:|--:|:--|\n"
                           : "",
              out);
        fprintf(out, "| `%s` | %s | %" PRId64 " | ", eui_format(device->dev_eui, eui),
                report_outcome_name(device->outcome), device->result);
        fprintf(out, device->missing >= 0 ? "%" PRId64 " | " : "- | ", device->missing);
        md(out, device->reason_text);
        fputs(" |\n", out);
    }
    if (bad > shown) {
        fprintf(out, "\n%zu more devices failed or are unknown.\n", bad - shown);
    }
}

static void md_retries(FILE *out, const struct report *report)
{
    uint32_t again = 0;
    uint32_t mended = 0;
    for (size_t i = 0; i < report->device_count; i++) {
        const struct report_device *device = &report->devices[i];
        again += device->retries > 0;
        mended += device->retries > 0 && device->outcome == REPORT_SUCCEEDED;
    }
    if (again > 0) {
        fprintf(out,
                "\n%" PRIu32
                " devices were tried again after they had ended, and %" PRIu32
                " of them succeeded.\n",
                again, mended);
    }
}

void report_markdown(FILE *out, const struct report *report)
{
    static const char *const marks[] = {
        [REPORT_PASSED] = "✅", [REPORT_NOT_PASSED] = "❌", [REPORT_OPEN] = "⏳"};
    char text[WORDS_DURATION_SIZE];
    int64_t end_us = report->ended_us > 0 ? report->ended_us : report->now_us;
    uint32_t attempted = report_attempted(report->by_outcome);
    fprintf(out, "## %s ", marks[report_verdict(report)]);
    md(out, report_field(report, "name"));
    fputs(": ", out);
    md(out, report_field(report, "phase"));
    fputs("\n\n", out);
    fprintf(out, "**%" PRIu32 " of %" PRIu32 "** devices run version **",
            report->by_outcome[REPORT_SUCCEEDED], attempted);
    md(out, report_field(report, "version"));
    fputs("**", out);
    if (end_us > report->created_us && report->created_us > 0) {
        fprintf(out, ", %s %s", report->ended_us > 0 ? "after" : "so far",
                words_duration(end_us - report->created_us, text));
    }
    fprintf(out, "; %s on air at all gateways together.\n",
            words_duration(report_number(report, "airtime_us"), text));
    if (report_field(report, "reason")[0] != '\0') {
        fputs("\nReason: ", out);
        md(out, report_field(report, "reason"));
        putc('\n', out);
    }
    md_waves(out, report);
    md_fleets(out, report);
    md_variants(out, report);
    md_retries(out, report);
    md_reasons(out, report);
    md_devices(out, report);
}

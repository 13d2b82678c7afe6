/* SPDX-License-Identifier: MIT */
/* report_html.c - a report as one file that loads nothing: not even a script is in it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/eui.h"
#include "base/time.h"
#include "fuotactl/report_internal.h"
#include "fuotactl/words.h"
#include "io/rfc3339.h"

enum {
    DEVICES_MAX = 300,
    SESSIONS_MAX = 50,
};

/* ---- words ---- */

const char *report_count(int64_t number, char text[static REPORT_NUMBER_SIZE])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, number);
    size_t n = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-') {
            text[n++] = ',';
        }
        text[n++] = digits[i];
    }
    text[n] = '\0';
    return text;
}

const char *report_date(int64_t us, char text[static REPORT_DATE_SIZE])
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char stamp[RFC3339_SIZE];
    rfc3339_format_s((struct utc){us}, stamp); /* "2026-03-01T12:00:00Z" */
    int month = (stamp[5] - '0') * 10 + stamp[6] - '0';
    if (us <= 0 || month < 1 || month > 12) {
        snprintf(text, REPORT_DATE_SIZE, "-");
    } else {
        const char *day = stamp[8] == '0' ? stamp + 9 : stamp + 8;
        snprintf(text, REPORT_DATE_SIZE, "%.*s %s %.5s", (int)(stamp + 10 - day), day,
                 months[month - 1], stamp + 11);
    }
    return text;
}

/* ---- the head ---- */

static void tile(FILE *out, const char *value, const char *name)
{
    fprintf(out, "<div class=\"tile\"><b>%s</b><span>%s</span></div>", value, name);
}

static void tiles(FILE *out, const struct report *report)
{
    uint32_t attempted = report_attempted(report->by_outcome);
    uint32_t good = report->by_outcome[REPORT_SUCCEEDED];
    uint32_t bad = report_not_updated(report->by_outcome);
    int64_t end_us = report->ended_us > 0 ? report->ended_us : report->now_us;
    char a[REPORT_NUMBER_SIZE];
    char b[REPORT_NUMBER_SIZE];
    char value[3 * REPORT_NUMBER_SIZE];
    char duration[WORDS_DURATION_SIZE];
    fputs("<div class=\"tiles\">", out);
    /* Rounded down: 100 % is all. */
    uint32_t permille = attempted > 0 ? (uint32_t)((uint64_t)good * 1000 / attempted) : 0;
    snprintf(value, sizeof(value), "%u.%u %%", permille / 10, permille % 10);
    char of[3 * REPORT_NUMBER_SIZE];
    snprintf(of, sizeof(of), "%s of %s succeeded", report_count(good, a),
             report_count(attempted, b));
    tile(out, value, of);
    tile(out, report_count(bad, a), "failed, unknown or cancelled");
    bool timed = report->created_us > 0 && end_us > report->created_us;
    tile(out, timed ? words_duration(end_us - report->created_us, duration) : "-",
         report->ended_us > 0 ? "from start to end" : "since the start");
    tile(out, words_duration(report_number(report, "airtime_us"), duration),
         "on air, all gateways");
    tile(out, report_count((int64_t)report->session_count, a), "transmissions");
    fputs("</div>\n", out);
}

static void head(FILE *out, const struct report *report)
{
    static const char *const classes[] = {"passed", "failed", "open"};
    char from[REPORT_DATE_SIZE];
    char to[REPORT_DATE_SIZE];
    fputs("<header><h1>", out);
    report_escape(out, report_field(report, "name"));
    fprintf(out, "</h1><span class=\"verdict %s\">", classes[report_verdict(report)]);
    report_escape(out, report_field(report, "phase"));
    uint32_t bad = report_not_updated(report->by_outcome);
    if (bad > 0) {
        char text[REPORT_NUMBER_SIZE];
        fprintf(out, ", %s not updated", report_count(bad, text));
    }
    fputs("</span></header><p class=\"sub\">Version ", out);
    report_escape(out, report_field(report, "version"));
    fputs(" for fleet ", out);
    report_escape(out, report_field(report, "fleet"));
    fprintf(out, " · %s to %s UTC</p>", report_date(report->created_us, from),
            report->ended_us > 0 ? report_date(report->ended_us, to) : "now");
    if (report_field(report, "reason")[0] != '\0') {
        fputs("<p class=\"why\">", out);
        report_escape(out, report_field(report, "reason"));
        fputs("</p>", out);
    }
    tiles(out, report);
}

/* ---- tables ---- */

static void number_cell(FILE *out, int64_t number)
{
    char text[REPORT_NUMBER_SIZE];
    fprintf(out, "<td class=\"num\">%s</td>", report_count(number, text));
}

static void fleet_head(FILE *out, const struct report *report)
{
    fputs(report->fleet_count > 1 ? "<th class=\"far\">fleet</th>" : "", out);
}

/* Of several: whose it is. */
static void fleet_cell(FILE *out, const struct report *report, const char *fleet)
{
    if (report->fleet_count > 1) {
        fputs("<td class=\"far\">", out);
        report_escape(out, fleet);
        fputs("</td>", out);
    }
}

static bool has_column(const struct report *report, enum report_outcome outcome)
{
    return outcome == REPORT_SUCCEEDED || outcome == REPORT_FAILED ||
           report->by_outcome[outcome] > 0;
}

static const enum report_outcome columns[] = {
    REPORT_SUCCEEDED, REPORT_FAILED,  REPORT_UNKNOWN,    REPORT_CANCELLED,
    REPORT_ACTIVE,    REPORT_SKIPPED, REPORT_SUPERSEDED,
};

/* A column for each outcome that there is: a row adds up, and a phone has room for it. */
static void outcome_heads(FILE *out, const struct report *report)
{
    for (size_t i = 0; i < REPORT_OUTCOMES; i++) {
        bool active = columns[i] == REPORT_ACTIVE;
        if (has_column(report, columns[i])) {
            fprintf(out, "<th class=\"num\">%s</th>",
                    active ? "under way" : report_outcome_name(columns[i]));
        }
    }
}

static void outcome_cells(FILE *out, const struct report *report,
                          const uint32_t by_outcome[static REPORT_OUTCOMES])
{
    for (size_t i = 0; i < REPORT_OUTCOMES; i++) {
        if (has_column(report, columns[i])) {
            number_cell(out, by_outcome[columns[i]]);
        }
    }
}

static void waves(FILE *out, const struct report *report)
{
    char from[REPORT_DATE_SIZE];
    char to[REPORT_DATE_SIZE];
    if (report->wave_count < 2) {
        return;
    }
    fputs("<section><h2>Waves</h2><div class=\"wide\"><table><tr><th>wave</th>"
          "<th class=\"num\">devices</th>",
          out);
    outcome_heads(out, report);
    fputs("<th class=\"far\">first</th><th class=\"far\">last</th></tr>", out);
    for (size_t i = 0; i < report->wave_count; i++) {
        const struct report_wave *wave = &report->waves[i];
        fputs("<tr><td>", out);
        report_escape(out, wave->name);
        fputs("</td>", out);
        number_cell(out, wave->devices);
        outcome_cells(out, report, wave->by_outcome);
        fprintf(out, "<td class=\"far\">%s</td><td class=\"far\">%s</td></tr>",
                report_date(wave->first_us, from), report_date(wave->last_us, to));
    }
    fputs("</table></div></section>\n", out);
}

static void fleets(FILE *out, const struct report *report)
{
    if (report->fleet_count < 2) {
        return;
    }
    fputs("<section><h2>Fleets</h2><div class=\"wide\"><table><tr><th>fleet</th>"
          "<th class=\"num\">devices</th>",
          out);
    outcome_heads(out, report);
    fputs("</tr>", out);
    for (size_t i = 0; i < report->fleet_count; i++) {
        const struct report_fleet *fleet = &report->fleets[i];
        fputs("<tr><td>", out);
        report_escape(out, fleet->name);
        fputs("</td>", out);
        number_cell(out, fleet->devices);
        outcome_cells(out, report, fleet->by_outcome);
        fputs("</tr>", out);
    }
    fputs("</table></div></section>\n", out);
}

static void variants(FILE *out, const struct report *report)
{
    if (!report_has_deltas(report)) {
        return;
    }
    fputs("<section><h2>Image and deltas</h2><div class=\"wide\"><table><tr>"
          "<th>wave</th><th>sent</th><th class=\"num\">devices</th>"
          "<th class=\"num\">succeeded</th>"
          "<th class=\"num\">a delta failed before</th></tr>",
          out);
    for (size_t i = 0; i < report->variant_count; i++) {
        const struct report_variant *variant = &report->variants[i];
        bool full = strcmp(variant->name, "full") == 0;
        fputs("<tr><td>", out);
        report_escape(out, variant->wave);
        fputs(full ? "</td><td>image" : "</td><td>delta from ", out);
        report_escape(out, full ? "" : variant->name);
        fputs("</td>", out);
        number_cell(out, variant->devices);
        number_cell(out, variant->succeeded);
        number_cell(out, variant->fell_back);
        fputs("</tr>", out);
    }
    fputs("</table></div></section>\n", out);
}

static void reasons(FILE *out, const struct report *report)
{
    uint32_t most = 0;
    for (size_t i = 0; i < report->reason_count; i++) {
        bool shown = report->reasons[i].outcome != REPORT_SUCCEEDED;
        most = shown && report->reasons[i].devices > most ? report->reasons[i].devices
                                                          : most;
    }
    if (most == 0) {
        return;
    }
    fputs("<section><h2>Why devices did not succeed</h2><p class=\"note\">Most frequent "
          "first.</p><table>",
          out);
    for (size_t i = 0; i < report->reason_count; i++) {
        const struct report_reason *reason = &report->reasons[i];
        const char *name = report_outcome_name(reason->outcome);
        if (reason->outcome == REPORT_SUCCEEDED) {
            continue;
        }
        fprintf(out, "<tr><td class=\"nowrap\"><i class=\"dot o-%s\"></i>%s</td><td>",
                name, name);
        report_escape(out, reason->text[0] != '\0' ? reason->text : reason->reason);
        fputs("</td>", out);
        number_cell(out, reason->devices);
        fprintf(out,
                "<td class=\"middle\" style=\"width:30%%\"><svg class=\"bar\" "
                "viewBox=\"0 0 1000 10\" "
                "preserveAspectRatio=\"none\"><rect class=\"o-%s\" width=\"%.1f\" "
                "height=\"10\"/></svg></td></tr>",
                name, 1000.0 * reason->devices / most);
    }
    fputs("</table></section>\n", out);
}

static void sessions(FILE *out, const struct report *report)
{
    size_t n = report->session_count;
    char from[REPORT_DATE_SIZE];
    char to[REPORT_DATE_SIZE];
    if (n == 0) {
        return;
    }
    fputs("<section><h2>Transmissions</h2><p class=\"note\">Each goes to devices that "
          "share "
          "data rate and gateways. Sent: uncoded and coded fragments.</p>"
          "<div class=\"wide\"><table><tr><th class=\"num\">id</th>",
          out);
    fleet_head(out, report);
    fputs("<th>data rate</th><th class=\"num\">devices</th>"
          "<th class=\"num far\">gateways</th>"
          "<th class=\"num\">fragments</th><th class=\"num\">sent</th>"
          "<th class=\"num\">more</th><th class=\"far\">last session</th></tr>",
          out);
    for (size_t i = 0; i < n && i < SESSIONS_MAX; i++) {
        const struct report_session *session = &report->sessions[i];
        int64_t more = session->sent - session->uncoded;
        fprintf(out, "<tr><td class=\"num\">%" PRId64 "</td>", session->id);
        fleet_cell(out, report, session->fleet);
        fprintf(out, "<td>DR%" PRId64 "</td>", session->dr);
        number_cell(out, session->members);
        fprintf(out, "<td class=\"num far\">%" PRId64 "</td>", session->gateways);
        number_cell(out, session->uncoded);
        number_cell(out, session->sent);
        if (session->uncoded > 0 && more >= 0) {
            fprintf(out, "<td class=\"num\">+%" PRId64 " %%</td>",
                    more * 100 / session->uncoded);
        } else {
            fputs("<td class=\"num\">-</td>", out);
        }
        fprintf(out, "<td class=\"far\">%s to %s</td></tr>",
                report_date(session->start_us, from), report_date(session->end_us, to));
    }
    fputs("</table></div>", out);
    if (n > SESSIONS_MAX) {
        fprintf(out, "<p class=\"sub\">and %zu more; all are in the JSON report</p>",
                n - SESSIONS_MAX);
    }
    fputs("</section>\n", out);
}

/* ---- devices ---- */

/* The image, or which delta; nothing yet: a dash. */
static void sent_cell(FILE *out, const struct report *report,
                      const struct report_device *device)
{
    if (!report_has_deltas(report)) {
        return;
    }
    bool full = strcmp(device->variant, "full") == 0;
    fputs(full                         ? "<td class=\"far\">image"
          : device->variant[0] == '\0' ? "<td class=\"far\">-"
                                       : "<td class=\"far\">delta from ",
          out);
    report_escape(out, full ? "" : device->variant);
    fputs("</td>", out);
}

static void device_row(FILE *out, const struct report *report,
                       const struct report_device *device)
{
    char eui[EUI_TEXT_SIZE];
    char date[REPORT_DATE_SIZE];
    const char *name = report_outcome_name(device->outcome);
    bool active = device->outcome == REPORT_ACTIVE;
    fprintf(out, "<tr><td class=\"id\">%s</td>", eui_format(device->dev_eui, eui));
    fleet_cell(out, report, device->fleet);
    fprintf(out,
            "<td class=\"nowrap\"><i class=\"dot o-%s\"></i>%s</td>"
            "<td class=\"num far\">%" PRId64 "</td><td class=\"num\">%" PRId64 "</td>",
            name, active ? "under way" : name, device->state, device->result);
    fprintf(out,
            device->missing >= 0 ? "<td class=\"num far\">%" PRId64 "</td>"
                                 : "<td class=\"num far\">-</td>",
            device->missing);
    sent_cell(out, report, device);
    fputs("<td>", out);
    report_escape(out, active ? device->phase : device->reason_text);
    fprintf(out, "</td><td class=\"id far\">%s</td><td class=\"far\">%s</td></tr>",
            device->gateway != 0 ? eui_format(device->gateway, eui) : "-",
            report_date(device->ended_us, date));
}

static size_t device_rows(FILE *out, const struct report *report,
                          enum report_outcome outcome, size_t max)
{
    size_t shown = 0;
    for (size_t i = 0; i < report->device_count && shown < max; i++) {
        if (report->devices[i].outcome == outcome) {
            device_row(out, report, &report->devices[i]);
            shown++;
        }
    }
    return shown;
}

/* Those that need a look first. */
static void devices(FILE *out, const struct report *report)
{
    static const enum report_outcome order[] = {
        REPORT_FAILED,    REPORT_UNKNOWN, REPORT_CANCELLED,  REPORT_ACTIVE,
        REPORT_SUCCEEDED, REPORT_SKIPPED, REPORT_SUPERSEDED,
    };
    size_t shown = 0;
    if (report->device_count == 0) {
        return;
    }
    fputs("<section><h2>Devices</h2><p class=\"note\">Those that need a look come first. "
          "State and Update Result are those of LwM2M Object 5.</p><div class=\"wide\">"
          "<table><tr><th>DevEUI</th>",
          out);
    fleet_head(out, report);
    fprintf(
        out,
        "<th>outcome</th><th class=\"num far\">state</th><th class=\"num\">result</th>"
        "<th class=\"num far\">missing</th>%s<th>why</th>"
        "<th class=\"far\">best gateway</th><th class=\"far\">ended</th></tr>",
        report_has_deltas(report) ? "<th class=\"far\">sent</th>" : "");
    for (size_t k = 0; k < REPORT_OUTCOMES; k++) {
        shown += device_rows(out, report, order[k], DEVICES_MAX - shown);
    }
    fputs("</table></div>", out);
    if (report->device_count > shown) {
        char text[REPORT_NUMBER_SIZE];
        fprintf(out, "<p class=\"sub\">and %s more; all are in the JSON report</p>",
                report_count((int64_t)(report->device_count - shown), text));
    }
    fputs("</section>\n", out);
}

/* ---- where it comes from ---- */

static void fact(FILE *out, const char *name, const char *text)
{
    fprintf(out, "<dt>%s</dt><dd>", name);
    report_escape(out, text != NULL && text[0] != '\0' ? text : "-");
    fputs("</dd>", out);
}

static void provenance(FILE *out, const struct report *report)
{
    char text[RFC3339_SIZE];
    char now[RFC3339_SIZE];
    char id[48];
    snprintf(id, sizeof(id), "%" PRId64 ", revision %" PRId64,
             report_number(report, "id"), report_number(report, "revision"));
    fputs("<section><h2>Where this comes from</h2><dl>", out);
    fact(out, "Campaign", report_field(report, "name"));
    fact(out, "Number", id);
    fact(out, "Image", report_field(report, "digest"));
    fact(out, "Applied",
         report->created_us > 0 ? rfc3339_format_s((struct utc){report->created_us}, text)
                                : NULL);
    fact(out, "Ended",
         report->ended_us > 0 ? rfc3339_format_s((struct utc){report->ended_us}, text)
                              : NULL);
    fact(out, "Daemon", report->daemon);
    fputs("</dl></section>", out);
    fprintf(out,
            "<footer>Written by fuotactl " FUO_VERSION
            " at %s. The image is named by its "
            "BLAKE2b-256 digest (b2sum -l 256).</footer>\n",
            rfc3339_format_s((struct utc){report->now_us}, now));
}

void report_html(FILE *out, const struct report *report)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\">\n<meta name=\"generator\" "
          "content=\"fuotactl " FUO_VERSION "\">\n<title>",
          out);
    report_escape(out, report_field(report, "name"));
    fputs(" · firmware update</title>\n<style>", out);
    for (size_t i = 0; report_style[i] != NULL; i++) {
        fputs(report_style[i], out);
    }
    fputs("</style>\n</head>\n<body>\n<main>\n", out);
    head(out, report);
    report_plot_outcomes(out, report);
    report_plot_completion(out, report);
    waves(out, report);
    fleets(out, report);
    variants(out, report);
    reasons(out, report);
    report_plot_airtime(out, report);
    report_plot_loss(out, report);
    sessions(out, report);
    devices(out, report);
    provenance(out, report);
    fputs("</main>\n</body>\n</html>\n", out);
}

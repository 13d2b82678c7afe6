/* SPDX-License-Identifier: MIT */
/*
 * report_plot.c - the plots of the HTML report, as SVG that stretches and text that does not.
 *
 * SVGs are stretched over the width there is (preserveAspectRatio none, strokes that do not
 * scale), so all words are HTML beside them and stay legible on a phone.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "base/time.h"
#include "fuotactl/report_internal.h"
#include "fuotactl/words.h"

enum {
    PLOT_WIDTH = 1000, /* units of the SVG; at most that many steps of a curve */
    PLOT_HEIGHT = 250,
    PLOT_SESSIONS_MAX = 200,
    GATEWAYS_MAX = 30,
    STRIP_CELLS_MAX = 96,
    X_LABELS = 5,
    Y_LABELS = 4,
};

/* ---- outcomes ---- */

static uint32_t all_devices(const struct report *report)
{
    return (uint32_t)report->device_count;
}

static void legend_item(FILE *out, const char *class, const char *name, uint32_t count)
{
    char number[REPORT_NUMBER_SIZE];
    fprintf(out, "<li><i class=\"o-%s\"></i>%s <b>%s</b></li>", class, name,
            report_count(count, number));
}

void report_plot_outcomes(FILE *out, const struct report *report)
{
    static const enum report_outcome order[] = {
        REPORT_SUCCEEDED, REPORT_ACTIVE,  REPORT_FAILED,    REPORT_UNKNOWN,
        REPORT_CANCELLED, REPORT_SKIPPED, REPORT_SUPERSEDED};
    uint32_t before = 0;
    if (all_devices(report) == 0) {
        return;
    }
    fputs("<section><h2>Outcomes</h2><p class=\"note\">Every device has exactly one.</p>"
          "<svg class=\"stack\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
          "role=\"img\" aria-label=\"Outcomes\">",
          out);
    for (size_t i = 0; i < REPORT_OUTCOMES; i++) {
        uint32_t n = report->by_outcome[order[i]];
        const char *name = report_outcome_name(order[i]);
        if (n > 0) {
            fprintf(out,
                    "<rect class=\"o-%s\" x=\"%.2f\" width=\"%.2f\" height=\"10\"><title>"
                    "%s: %" PRIu32 "</title></rect>",
                    name, 1000.0 * before / all_devices(report),
                    1000.0 * n / all_devices(report), name, n);
        }
        before += n;
    }
    fputs("</svg><ul class=\"legend\">", out);
    for (size_t i = 0; i < REPORT_OUTCOMES; i++) {
        if (report->by_outcome[order[i]] > 0 || order[i] == REPORT_FAILED) {
            const char *name = report_outcome_name(order[i]);
            legend_item(out, name, order[i] == REPORT_ACTIVE ? "under way" : name,
                        report->by_outcome[order[i]]);
        }
    }
    fputs("</ul></section>\n", out);
}

/* ---- completion ---- */

struct span {
    int64_t from_us;
    int64_t to_us;
};

static void widen(struct span *span, int64_t us)
{
    span->from_us = us > 0 && us < span->from_us ? us : span->from_us;
    span->to_us = us > span->to_us ? us : span->to_us;
}

/* From apply to the end, or to what happened last; empty if no time is known. */
static struct span span_of(const struct report *report)
{
    struct span span = {INT64_MAX, 0};
    widen(&span, report->created_us);
    widen(&span, report->ended_us);
    if (report->downloaded_count > 0) {
        widen(&span, report->downloaded_us[report->downloaded_count - 1]);
    }
    if (report->ended_count > 0) {
        widen(&span, report->ended[report->ended_count - 1]);
    }
    bool open = report->ended_us == 0 && report->now_us > span.to_us;
    if (open && report->now_us - report->created_us < DAYS_US(400)) {
        widen(&span, report->now_us);
    }
    if (span.to_us == 0) {
        return (struct span){0};
    }
    span.to_us += (span.to_us - span.from_us) / 50; /* so that the last step shows */
    return span;
}

static double x_of(const struct span *span, int64_t us)
{
    int64_t at_us = us < span->from_us ? span->from_us : us;
    at_us = at_us > span->to_us ? span->to_us : at_us;
    return (double)PLOT_WIDTH * (double)(at_us - span->from_us) /
           (double)(span->to_us - span->from_us);
}

static double y_of(size_t count, size_t total)
{
    return PLOT_HEIGHT - (double)PLOT_HEIGHT * (double)count / (double)total;
}

/* Steps, not more than there are units of width. */
static void curve_points(FILE *out, const struct span *span, const int64_t *times,
                         size_t count, size_t total)
{
    double last_x = 0;
    double y = PLOT_HEIGHT;
    fprintf(out, "M0 %d", PLOT_HEIGHT);
    for (size_t i = 0; i < count; i++) {
        double x = x_of(span, times[i]);
        bool last = i + 1 == count;
        if (!last && x_of(span, times[i + 1]) < last_x + 1) {
            continue;
        }
        fprintf(out, "H%.1f", x);
        y = y_of(i + 1, total);
        fprintf(out, "V%.1f", y);
        last_x = x;
    }
    fprintf(out, "H%d", PLOT_WIDTH);
}

static void plot_sessions(FILE *out, const struct report *report, const struct span *span)
{
    for (size_t i = 0; i < report->session_count && i < PLOT_SESSIONS_MAX; i++) {
        const struct report_session *session = &report->sessions[i];
        double x = x_of(span, session->start_us);
        double width = x_of(span, session->end_us) - x;
        if (session->start_us > 0 && width > 0) {
            fprintf(out,
                    "<rect class=\"session\" x=\"%.1f\" width=\"%.1f\" height=\"%d\">"
                    "<title>Session of transmission %" PRId64 ": %" PRId64
                    " devices at DR%" PRId64 "</title></rect>",
                    x, width < 1 ? 1 : width, PLOT_HEIGHT, session->id, session->members,
                    session->dr);
        }
    }
}

static void plot_curves(FILE *out, const struct report *report, const struct span *span,
                        size_t total)
{
    fprintf(out,
            "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"Devices over time\">",
            PLOT_WIDTH, PLOT_HEIGHT);
    plot_sessions(out, report, span);
    for (int i = 0; i <= Y_LABELS; i++) {
        int y = PLOT_HEIGHT * i / Y_LABELS;
        fprintf(out,
                "<line class=\"grid\" x2=\"%d\" y1=\"%d\" y2=\"%d\" "
                "vector-effect=\"non-scaling-stroke\"/>",
                PLOT_WIDTH, y, y);
    }
    fputs("<path class=\"area\" d=\"", out);
    curve_points(out, span, report->downloaded_us, report->downloaded_count, total);
    fprintf(out,
            "V%dZ\"/><path class=\"curve image\" vector-effect=\"non-scaling-stroke\" "
            "d=\"",
            PLOT_HEIGHT);
    curve_points(out, span, report->downloaded_us, report->downloaded_count, total);
    fputs("\"/><path class=\"curve done\" vector-effect=\"non-scaling-stroke\" d=\"",
          out);
    curve_points(out, span, report->ended, report->ended_count, total);
    fputs("\"/></svg>", out);
}

void report_plot_completion(FILE *out, const struct report *report)
{
    struct span span = span_of(report);
    size_t total = report_attempted(report->by_outcome);
    char number[REPORT_NUMBER_SIZE];
    char date[REPORT_DATE_SIZE];
    if (total == 0 || span.to_us - span.from_us < SECONDS_US(1)) {
        return;
    }
    fputs(
        "<section><h2>Completion over time</h2><p class=\"note\">Devices that took part, "
        "in UTC. Shaded: the last session of each transmission.</p>"
        "<div class=\"plot\"><div class=\"y\">",
        out);
    for (int64_t i = Y_LABELS; i >= 0; i--) {
        fprintf(out, "<span>%s</span>",
                report_count((int64_t)total * i / Y_LABELS, number));
    }
    fputs("</div>", out);
    plot_curves(out, report, &span, total);
    fputs("<div class=\"x\">", out);
    for (int64_t i = 0; i < X_LABELS; i++) {
        int64_t us = span.from_us + (span.to_us - span.from_us) / (X_LABELS - 1) * i;
        fprintf(out, "<span>%s</span>", report_date(us, date));
    }
    fputs("</div></div><ul class=\"legend\">", out);
    legend_item(out, "image", "whole image received", report->with_image);
    legend_item(out, "succeeded", "succeeded", report->by_outcome[REPORT_SUCCEEDED]);
    fputs(report->session_count > 0 ? "<li><i class=\"band\"></i>on air</li>" : "", out);
    fputs("</ul></section>\n", out);
}

/* ---- gateways ---- */

static int most_used(const void *a, const void *b)
{
    const struct report_gateway *left = *(const struct report_gateway *const *)a;
    const struct report_gateway *right = *(const struct report_gateway *const *)b;
    if (left->peak_ppm != right->peak_ppm) {
        return left->peak_ppm < right->peak_ppm ? 1 : -1;
    }
    if (left->airtime_us != right->airtime_us) {
        return left->airtime_us < right->airtime_us ? 1 : -1;
    }
    return (left->gateway > right->gateway) - (left->gateway < right->gateway);
}

static int most_devices(const void *a, const void *b)
{
    const struct report_gateway *left = *(const struct report_gateway *const *)a;
    const struct report_gateway *right = *(const struct report_gateway *const *)b;
    if (left->devices != right->devices) {
        return left->devices < right->devices ? 1 : -1;
    }
    return (left->gateway > right->gateway) - (left->gateway < right->gateway);
}

/* In an order, in fresh memory; NULL if there is none. */
static const struct report_gateway **sorted(const struct report *report,
                                            int (*order)(const void *, const void *))
{
    const struct report_gateway **list =
        calloc(report->gateway_count + 1, sizeof(const struct report_gateway *));
    for (size_t i = 0; list != NULL && i < report->gateway_count; i++) {
        list[i] = &report->gateways[i];
    }
    if (list != NULL && report->gateway_count > 1) {
        qsort(list, report->gateway_count, sizeof(const struct report_gateway *), order);
    }
    return list;
}

/* The first half of an EUI is not shown where there is no room. */
static void gateway_name(FILE *out, uint64_t gateway)
{
    char eui[EUI_TEXT_SIZE];
    eui_format(gateway, eui);
    fprintf(out, "<span class=\"far\">%.8s</span>%s", eui, eui + 8);
}

static void more_gateways(FILE *out, size_t count)
{
    if (count > GATEWAYS_MAX) {
        fprintf(out,
                "<p class=\"sub\">and %zu more gateways; all are in the JSON report</p>",
                count - GATEWAYS_MAX);
    }
}

struct hours {
    int64_t first;
    int64_t last;
    int64_t per_cell;
    size_t cells;
};

static struct hours hours_of(const struct report *report)
{
    struct hours hours = {.first = INT64_MAX, .last = INT64_MIN, .per_cell = 1};
    for (size_t i = 0; i < report->hour_count; i++) {
        int64_t hour = report->hours[i].hour;
        hours.first = hour < hours.first ? hour : hours.first;
        hours.last = hour > hours.last ? hour : hours.last;
    }
    if (report->hour_count > 0) {
        int64_t span = hours.last - hours.first + 1;
        hours.per_cell = (span + STRIP_CELLS_MAX - 1) / STRIP_CELLS_MAX;
        hours.cells = (size_t)((span + hours.per_cell - 1) / hours.per_cell);
    }
    return hours;
}

static const struct report_band *band_of(const struct report *report, size_t band)
{
    static const struct report_band none = {0};
    return band < report->band_count ? &report->bands[band] : &none;
}

static int64_t used_ppm(const struct report *report, const struct report_hour *hour)
{
    int64_t cap_us = band_of(report, hour->band)->own_cap_us;
    return cap_us > 0 ? hour->airtime_us * 1000 / cap_us * 1000 : 0;
}

/* 1 to 5, by the share of what campaigns may use; 6 above that, 7 above the law. */
static int share_class(const struct report *report, const struct report_hour *hour)
{
    static const int64_t ends[] = {100000, 250000, 500000, 750000, 1000000};
    int64_t ppm = used_ppm(report, hour);
    for (int i = 0; i < (int)(sizeof(ends) / sizeof(ends[0])); i++) {
        if (ppm <= ends[i]) {
            return i + 1;
        }
    }
    return hour->airtime_us <= band_of(report, hour->band)->legal_cap_us ? 6 : 7;
}

/* A cell shows the hour in it that used most. */
static void strip(FILE *out, const struct report *report,
                  const struct report_gateway *gateway, const struct hours *hours)
{
    fprintf(out,
            "<svg viewBox=\"0 0 %zu 1\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"Airtime by hour\"><rect class=\"h0\" width=\"%zu\" "
            "height=\"1\"/>",
            hours->cells, hours->cells);
    size_t end = gateway->first_hour + gateway->hour_count;
    for (size_t i = gateway->first_hour; i < end;) {
        int64_t cell = (report->hours[i].hour - hours->first) / hours->per_cell;
        const struct report_hour *most = &report->hours[i];
        char date[REPORT_DATE_SIZE];
        char text[WORDS_DURATION_SIZE];
        for (;
             i < end && (report->hours[i].hour - hours->first) / hours->per_cell == cell;
             i++) {
            most = used_ppm(report, &report->hours[i]) > used_ppm(report, most)
                       ? &report->hours[i]
                       : most;
        }
        int64_t ppm = used_ppm(report, most);
        fprintf(
            out,
            "<rect class=\"h%d\" x=\"%" PRId64 "\" width=\"1\" height=\"1\"><title>%s: "
            "%s, %" PRId64 " %% of the budget</title></rect>",
            share_class(report, most), cell, report_date(most->hour * HOURS_US(1), date),
            words_duration(most->airtime_us, text), ppm / 10000);
    }
    fputs("</svg>", out);
}

/* The hour with most airtime, in a bar as long as the law allows, with a mark at the
 * budget. */
static void meter(FILE *out, const struct report *report,
                  const struct report_gateway *gateway)
{
    if (gateway->peak_band >= report->band_count) {
        fputs("<span class=\"meter\">-</span><span class=\"num\">-</span>", out);
        return;
    }
    const struct report_band *band = band_of(report, gateway->peak_band);
    double scale = band->legal_cap_us > 0 ? 1000.0 / (double)band->legal_cap_us : 0;
    double used = scale * (double)gateway->peak_us;
    double budget = scale * (double)band->own_cap_us;
    char text[WORDS_DURATION_SIZE];
    fprintf(out,
            "<span class=\"meter\"><svg viewBox=\"0 0 1000 10\" "
            "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Most in an hour\">"
            "<title>%s in the hour from ",
            words_duration(gateway->peak_us, text));
    char date[REPORT_DATE_SIZE];
    fprintf(out, "%s; budget %s", report_date(gateway->peak_hour * HOURS_US(1), date),
            words_duration(band->own_cap_us, text));
    fprintf(out, ", law %s; %.1f to %.1f MHz", words_duration(band->legal_cap_us, text),
            (double)band->low_hz / 1e6, (double)band->high_hz / 1e6);
    fputs("</title><rect class=\"track\" width=\"1000\" height=\"10\"/>", out);
    fprintf(out,
            "<rect class=\"%s\" width=\"%.1f\" height=\"10\"/><line class=\"mark\" "
            "x1=\"%.1f\" x2=\"%.1f\" y2=\"10\" vector-effect=\"non-scaling-stroke\"/>"
            "</svg></span><span class=\"num\">%" PRId64 " %%</span>",
            used > 1000     ? "illegal"
            : used > budget ? "over"
                            : "used",
            used > 1000 ? 1000 : used, budget, budget, gateway->peak_ppm / 10000);
}

static void airtime_legend(FILE *out)
{
    static const char *const names[] = {"nothing",         "to 10 %",     "to 25 %",
                                        "to 50 %",         "to 75 %",     "to 100 %",
                                        "over the budget", "over the law"};
    fputs("<ul class=\"legend\">", out);
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        fprintf(
            out,
            "<li><svg viewBox=\"0 0 1 1\"><rect class=\"h%d\" width=\"1\" height=\"1\"/>"
            "</svg>%s</li>",
            i, names[i]);
    }
    fputs("</ul>", out);
}

void report_plot_airtime(FILE *out, const struct report *report)
{
    struct hours hours = hours_of(report);
    const struct report_gateway **list = sorted(report, most_used);
    size_t count = 0;
    char from[REPORT_DATE_SIZE];
    char to[REPORT_DATE_SIZE];
    for (size_t i = 0; list != NULL && i < report->gateway_count; i++) {
        count += list[i]->hour_count > 0;
    }
    if (count > 0) {
        fprintf(
            out,
            "<section><h2>Airtime of each gateway against its budget</h2>"
            "<p class=\"note\">Clock hours from %s to %s, all campaigns together, the "
            "sub-band that used most. The bar is the busiest hour: as long as the law "
            "allows, with a mark at the budget of campaigns.</p><div class=\"rows\">"
            "<div class=\"row\"><span class=\"head\">gateway</span><span "
            "class=\"head\">by hour</span>"
            "<span class=\"head meter\">busiest hour</span>"
            "<span class=\"head num\">used</span></div>",
            report_date(hours.first * HOURS_US(1), from),
            report_date((hours.last + 1) * HOURS_US(1), to));
        /* Those that sent come first: others have no share. */
        for (size_t i = 0; i < count && i < GATEWAYS_MAX; i++) {
            fputs("<div class=\"row\"><span class=\"id\">", out);
            gateway_name(out, list[i]->gateway);
            fputs("</span>", out);
            strip(out, report, list[i], &hours);
            meter(out, report, list[i]);
            fputs("</div>", out);
        }
        fputs("</div>", out);
        more_gateways(out, count);
        airtime_legend(out);
        fputs("</section>\n", out);
    }
    free(list);
}

/* ---- losses ---- */

static void loss_row(FILE *out, const struct report_gateway *gateway)
{
    static const char *const tones[REPORT_LOSS_CLASSES] = {
        "good", "good", "good", "good", "fair", "fair", "poor", "poor"};
    fputs("<tr><td class=\"id\">", out);
    gateway_name(out, gateway->gateway);
    fprintf(out, "</td><td class=\"num far\">%" PRIu32 "</td>", gateway->devices);
    for (int i = 0; i < REPORT_LOSS_CLASSES; i++) {
        uint32_t n = gateway->by_loss[i];
        if (n == 0) {
            fputs("<td class=\"c\"></td>", out);
            continue;
        }
        fprintf(out,
                "<td class=\"c\" style=\"background:rgba(var(--%s),%.2f)\">%" PRIu32
                "</td>",
                tones[i], 0.18 + 0.62 * n / gateway->devices, n);
    }
    fprintf(out, "<td class=\"num\">%" PRIu32 "</td><td class=\"num\">",
            gateway->not_succeeded);
    if (gateway->incomplete > 0) {
        fprintf(out, "%" PRIu32 "<span class=\"far\"> (%" PRId64 " fragments)</span>",
                gateway->incomplete, gateway->missing);
    } else {
        fputs("0", out);
    }
    fputs("</td></tr>", out);
}

void report_plot_loss(FILE *out, const struct report *report)
{
    const struct report_gateway **list = sorted(report, most_devices);
    size_t count = 0;
    for (size_t i = 0; list != NULL && i < report->gateway_count; i++) {
        count += list[i]->devices > 0;
    }
    if (count > 0) {
        fputs(
            "<section><h2>Where devices lose frames</h2><p class=\"note\">Devices by the "
            "gateway that hears them best, and by the share of their uplinks that it "
            "misses (%). Incomplete: ended without the whole image.</p><div "
            "class=\"wide\">"
            "<table class=\"heat\"><tr><th>gateway</th><th class=\"num "
            "far\">devices</th>",
            out);
        for (int i = 0; i < REPORT_LOSS_CLASSES; i++) {
            fprintf(out,
                    "<th class=\"c\"><span class=\"far\">≤</span>%" PRId64
                    "<span class=\"far\">%%</span></th>",
                    report_loss_ends[i] / 10);
        }
        fputs("<th class=\"num\">failed</th><th class=\"num\">incomplete</th></tr>", out);
        for (size_t i = 0; i < count && i < GATEWAYS_MAX; i++) {
            loss_row(out, list[i]);
        }
        fputs("</table></div>", out);
        more_gateways(out, count);
        fputs("</section>\n", out);
    }
    free(list);
}

/* SPDX-License-Identifier: MIT */
/* report_text.c - a report for programs: JSON and JUnit. */
#include <inttypes.h>

#include "base/eui.h"
#include "fuotactl/render.h"
#include "fuotactl/report.h"
#include "io/rfc3339.h"

enum {
    REPORT_FORMAT = 1,
    COMPLETION_POINTS = 200,
    JUNIT_PASSED_MAX = 20000, /* of them the rest is counted only */
};

/* ---- JSON ---- */

static void add(struct json_object *object, const char *key, struct json_object *value)
{
    json_object_object_add(object, key, value);
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
    add(object, key, json_object_new_string(text));
}

static void add_int(struct json_object *object, const char *key, int64_t number)
{
    add(object, key, json_object_new_int64(number));
}

/* null for -1 */
static void add_known(struct json_object *object, const char *key, int64_t number)
{
    add(object, key, number >= 0 ? json_object_new_int64(number) : NULL);
}

static void add_time(struct json_object *object, const char *key, int64_t us)
{
    char text[RFC3339_SIZE];
    struct utc utc = {us};
    add(object, key, us > 0 ? json_object_new_string(rfc3339_format(utc, text)) : NULL);
}

static void add_eui(struct json_object *object, const char *key, uint64_t eui)
{
    char text[EUI_TEXT_SIZE];
    add(object, key, eui != 0 ? json_object_new_string(eui_format(eui, text)) : NULL);
}

static void add_outcomes(struct json_object *object,
                         const uint32_t by_outcome[static REPORT_OUTCOMES])
{
    struct json_object *counts = json_object_new_object();
    for (int i = 0; i < REPORT_OUTCOMES; i++) {
        add_int(counts, report_outcome_name((enum report_outcome)i), by_outcome[i]);
    }
    add(object, "devices", counts);
}

/* "key":value behind another; takes value. */
static void print_member(FILE *out, const char *between, const char *key,
                         struct json_object *value)
{
    fprintf(out, ",%s\"%s\":", between, key);
    render_json_value(out, value);
    json_object_put(value);
}

static struct json_object *json_waves(const struct report *report)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < report->wave_count; i++) {
        const struct report_wave *wave = &report->waves[i];
        struct json_object *object = json_object_new_object();
        add_text(object, "name", wave->name);
        add_int(object, "total", wave->devices);
        add_outcomes(object, wave->by_outcome);
        add_time(object, "first", wave->first_us);
        add_time(object, "last", wave->last_us);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *json_reasons(const struct report *report)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < report->reason_count; i++) {
        const struct report_reason *reason = &report->reasons[i];
        struct json_object *object = json_object_new_object();
        add_text(object, "outcome", report_outcome_name(reason->outcome));
        add_text(object, "reason", reason->reason);
        add_text(object, "text", reason->text);
        add_int(object, "devices", reason->devices);
        json_object_array_add(list, object);
    }
    return list;
}

/* How many of the ascending times are not after us. */
static size_t count_until(const int64_t *times, size_t count, int64_t us)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (times[middle] <= us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct json_object *json_completion(const struct report *report)
{
    struct json_object *list = json_object_new_array();
    size_t images = report->downloaded_count;
    size_t ended = report->ended_count;
    int64_t from = images > 0 ? report->downloaded_us[0] : 0;
    int64_t to = images > 0 ? report->downloaded_us[images - 1] : 0;
    if (ended > 0) {
        from = images == 0 || report->ended[0] < from ? report->ended[0] : from;
        to = report->ended[ended - 1] > to ? report->ended[ended - 1] : to;
    }
    for (int64_t i = 0; images + ended > 0 && i < COMPLETION_POINTS; i++) {
        int64_t us = from + (to - from) / (COMPLETION_POINTS - 1) * i;
        us = i == COMPLETION_POINTS - 1 ? to : us;
        struct json_object *object = json_object_new_object();
        add_time(object, "time", us);
        add_int(object, "with_image",
                (int64_t)count_until(report->downloaded_us, images, us));
        add_int(object, "succeeded", (int64_t)count_until(report->ended, ended, us));
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *json_sessions(const struct report *report)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < report->session_count; i++) {
        const struct report_session *session = &report->sessions[i];
        struct json_object *object = json_object_new_object();
        add_int(object, "id", session->id);
        add_text(object, "fleet", session->fleet);
        add_int(object, "dr", session->dr);
        add_int(object, "fragment_size", session->fragment_size);
        add_int(object, "uncoded", session->uncoded);
        add_int(object, "sent", session->sent);
        add_int(object, "members", session->members);
        add_int(object, "gateways", session->gateways);
        add_time(object, "start", session->start_us);
        add_time(object, "end", session->end_us);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *json_peak(const struct report *report,
                                     const struct report_gateway *gateway)
{
    if (gateway->hour_count == 0) {
        return NULL;
    }
    struct json_object *object = json_object_new_object();
    bool known = gateway->peak_band < report->band_count;
    const struct report_band *band = known ? &report->bands[gateway->peak_band] : NULL;
    add_time(object, "hour", gateway->peak_hour * HOURS_US(1));
    add_int(object, "airtime_us", gateway->peak_us);
    add_known(object, "low_hz", known ? band->low_hz : -1);
    add_known(object, "own_cap_us", known ? band->own_cap_us : -1);
    add_known(object, "legal_cap_us", known ? band->legal_cap_us : -1);
    return object;
}

static struct json_object *json_gateways(const struct report *report)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < report->gateway_count; i++) {
        const struct report_gateway *gateway = &report->gateways[i];
        struct json_object *object = json_object_new_object();
        struct json_object *loss = json_object_new_array();
        for (int k = 0; k < REPORT_LOSS_CLASSES; k++) {
            json_object_array_add(loss, json_object_new_int64(gateway->by_loss[k]));
        }
        add_eui(object, "gateway", gateway->gateway);
        add_int(object, "airtime_us", gateway->airtime_us);
        add(object, "peak", json_peak(report, gateway));
        add_int(object, "devices", gateway->devices);
        add(object, "loss", loss);
        add_int(object, "not_succeeded", gateway->not_succeeded);
        add_int(object, "incomplete", gateway->incomplete);
        add_int(object, "missing", gateway->missing);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *json_fleets(const struct report *report)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < report->fleet_count; i++) {
        const struct report_fleet *fleet = &report->fleets[i];
        struct json_object *object = json_object_new_object();
        add_text(object, "name", fleet->name);
        add_int(object, "total", fleet->devices);
        add_outcomes(object, fleet->by_outcome);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *json_variants(const struct report *report)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < report->variant_count; i++) {
        const struct report_variant *variant = &report->variants[i];
        struct json_object *object = json_object_new_object();
        add_text(object, "wave", variant->wave);
        add_text(object, "variant", variant->name);
        add_int(object, "devices", variant->devices);
        add_int(object, "succeeded", variant->succeeded);
        add_int(object, "fell_back", variant->fell_back);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *json_device(const struct report_device *device)
{
    struct json_object *object = json_object_new_object();
    add_eui(object, "dev_eui", device->dev_eui);
    add_text(object, "wave", device->wave);
    add_text(object, "fleet", device->fleet);
    add_text(object, "outcome", report_outcome_name(device->outcome));
    add_text(object, "reason", device->reason);
    add_int(object, "state", device->state);
    add_int(object, "result", device->result);
    add_text(object, "source", device->source);
    add_text(object, "phase", device->phase);
    add_known(object, "version_before", device->version_before);
    add_known(object, "version", device->version);
    add_known(object, "missing", device->missing);
    add_int(object, "received", device->received);
    add_int(object, "tries", device->tries);
    add_int(object, "retries", device->retries);
    if (device->retries > 0) {
        add_text(object, "outcome_before", device->outcome_before);
        add_text(object, "reason_before", device->reason_before);
    }
    add_text(object, "variant", device->variant);
    add_int(object, "delta_failures", device->delta_failures);
    add_eui(object, "gateway", device->gateway);
    add_int(object, "snr_p50_cdb", device->snr_cdb);
    add_int(object, "heard_ppk", device->heard_ppk);
    add_time(object, "since", device->since_us);
    add_time(object, "downloaded", device->downloaded_us);
    add_time(object, "ended", device->ended_us);
    return object;
}

static struct json_object *json_loss_ends(void)
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < REPORT_LOSS_CLASSES; i++) {
        json_object_array_add(list, json_object_new_int64(report_loss_ends[i]));
    }
    return list;
}

static const char *verdict_name(const struct report *report)
{
    static const char *const names[] = {
        [REPORT_PASSED] = "passed",
        [REPORT_NOT_PASSED] = "failed",
        [REPORT_OPEN] = "open",
    };
    return names[report_verdict(report)];
}

/* between: what there is between members and between devices. */
static void print_report(FILE *out, const struct report *report, const char *between)
{
    char now[RFC3339_SIZE];
    fprintf(out, "{\"type\":\"report\",\"format\":%d,\"generated\":\"%s\"", REPORT_FORMAT,
            rfc3339_format_s((struct utc){report->now_us}, now));
    print_member(out, between, "verdict", json_object_new_string(verdict_name(report)));
    print_member(out, between, "campaign", json_object_get(report->state));
    print_member(out, between, "attempted",
                 json_object_new_int64(report_attempted(report->by_outcome)));
    print_member(out, between, "with_image", json_object_new_int64(report->with_image));
    print_member(out, between, "waves", json_waves(report));
    print_member(out, between, "fleets", json_fleets(report));
    print_member(out, between, "variants", json_variants(report));
    print_member(out, between, "reasons", json_reasons(report));
    print_member(out, between, "completion", json_completion(report));
    print_member(out, between, "sessions", json_sessions(report));
    print_member(out, between, "loss_ends_ppk", json_loss_ends());
    print_member(out, between, "gateways", json_gateways(report));
    fprintf(out, ",%s\"devices\":[", between);
    for (size_t i = 0; i < report->device_count; i++) {
        struct json_object *device = json_device(&report->devices[i]);
        fprintf(out, "%s%s", i > 0 ? "," : "", between);
        render_json_value(out, device);
        json_object_put(device);
    }
    fputs("]}\n", out);
}

void report_json(FILE *out, const struct report *report)
{
    print_report(out, report, "\n");
}

void report_json_line(FILE *out, const struct report *report)
{
    print_report(out, report, "");
}

/* ---- JUnit ---- */

static double seconds(int64_t from_us, int64_t to_us)
{
    return from_us > 0 && to_us > from_us ? (double)(to_us - from_us) / 1e6 : 0;
}

static bool is_bad(enum report_outcome outcome)
{
    return outcome == REPORT_FAILED || outcome == REPORT_UNKNOWN ||
           outcome == REPORT_CANCELLED;
}

static bool is_passed(enum report_outcome outcome)
{
    return outcome == REPORT_SUCCEEDED;
}

/* What became of the try before: the case itself is the last one. */
static void junit_retries(FILE *out, const struct report_device *device)
{
    if (device->retries > 0) {
        fprintf(out, "<system-out>tried again (%" PRId64 "); the try before ended as ",
                device->retries);
        report_escape(out, device->outcome_before);
        fputs(": ", out);
        report_escape(out, device->reason_before);
        fputs("</system-out>", out);
    }
}

static void junit_case(FILE *out, const struct report *report,
                       const struct report_device *device)
{
    char eui[EUI_TEXT_SIZE];
    fputs("<testcase classname=\"", out);
    report_escape(out, report_field(report, "name"));
    putc('.', out);
    report_escape(out, device->wave);
    fprintf(out, "\" name=\"%s\" time=\"%.3f\"", eui_format(device->dev_eui, eui),
            seconds(device->since_us, device->ended_us));
    if (is_passed(device->outcome)) {
        putc('>', out);
        junit_retries(out, device);
        fputs("</testcase>\n", out);
        return;
    }
    bool bad = is_bad(device->outcome);
    fputs(bad ? "><failure type=\"" : "><skipped message=\"", out);
    if (bad) {
        report_escape(out, device->reason);
        fputs("\" message=\"", out);
    }
    fprintf(out, "%s: ", report_outcome_name(device->outcome));
    report_escape(out, device->outcome == REPORT_ACTIVE ? "not ended yet"
                                                        : device->reason_text);
    fputs(bad ? "\">" : "\"/>", out);
    if (bad) {
        fprintf(out, "State %" PRId64 ", Update Result %" PRId64 " (", device->state,
                device->result);
        report_escape(out, device->result_text);
        putc(')', out);
        if (device->missing >= 0) {
            fprintf(out, ", fragments missing: %" PRId64, device->missing);
        }
        fputs("</failure>", out);
    }
    junit_retries(out, device);
    fputs("</testcase>\n", out);
}

static void junit_suite(FILE *out, const struct report *report,
                        const struct report_wave *wave)
{
    char start[RFC3339_SIZE];
    const uint32_t *n = wave->by_outcome;
    uint32_t bad = report_not_updated(n);
    uint32_t skipped = n[REPORT_SKIPPED] + n[REPORT_SUPERSEDED] + n[REPORT_ACTIVE];
    uint32_t passed = n[REPORT_SUCCEEDED];
    uint32_t listed = passed < JUNIT_PASSED_MAX ? passed : JUNIT_PASSED_MAX;
    fputs("<testsuite name=\"", out);
    report_escape(out, wave->name);
    fprintf(out,
            "\" tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"0\""
            " skipped=\"%" PRIu32 "\" time=\"%.3f\"",
            listed + bad + skipped, bad, skipped, seconds(wave->first_us, wave->last_us));
    if (wave->first_us > 0) {
        rfc3339_format_s((struct utc){wave->first_us}, start);
        fprintf(out, " timestamp=\"%.19s\"", start); /* xs:dateTime without a zone */
    }
    fputs(">\n", out);
    for (size_t i = 0; i < report->device_count; i++) {
        const struct report_device *device = &report->devices[i];
        bool counts = !is_passed(device->outcome) || listed > 0;
        if (device->wave == wave->name && counts) {
            listed -= is_passed(device->outcome) ? 1 : 0;
            junit_case(out, report, device);
        }
    }
    if (passed > JUNIT_PASSED_MAX) {
        fprintf(out, "<system-out>%" PRIu32 " more devices succeeded</system-out>\n",
                passed - JUNIT_PASSED_MAX);
    }
    fputs("</testsuite>\n", out);
}

void report_junit(FILE *out, const struct report *report)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"", out);
    report_escape(out, report_field(report, "name"));
    fputs("\">\n", out);
    for (size_t i = 0; i < report->wave_count; i++) {
        junit_suite(out, report, &report->waves[i]);
    }
    fputs("</testsuites>\n", out);
}

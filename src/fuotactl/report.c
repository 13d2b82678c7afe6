/* SPDX-License-Identifier: MIT */
#include "fuotactl/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "base/time.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/fail.h"
#include "fuotactl/words.h"
#include "io/cleanup.h"
#include "io/clock.h"
#include "io/rfc3339.h"

enum {
    TEXTS_MAX = 512, /* different ones: reasons, phases, waves */
    ROWS_MAX = 4 * 1000 * 1000,
    FRAGMENTS_MAX = 1 << 14,    /* TS004 */
    HOUR_MAX = 24 * 366 * 8000, /* since 1970: in the year 9999 */
};

static const char *const outcome_names[REPORT_OUTCOMES] = {
    "active", "succeeded", "failed", "unknown", "cancelled", "skipped", "superseded",
};

const char *report_outcome_name(enum report_outcome outcome)
{
    return outcome_names[outcome];
}

/* ---- texts ---- */

const char *report_text(struct report *report, const char *text)
{
    for (size_t i = 0; text != NULL && i < report->text_count; i++) {
        if (strcmp(report->texts[i], text) == 0) {
            return report->texts[i];
        }
    }
    if (text == NULL || report->text_count >= TEXTS_MAX) {
        return "";
    }
    if (report->texts == NULL) {
        report->texts = calloc(TEXTS_MAX, sizeof(*report->texts));
    }
    char *copy = report->texts != NULL ? words_clean(text) : NULL;
    if (copy == NULL) {
        return "";
    }
    report->texts[report->text_count++] = copy;
    return copy;
}

const char *report_field(const struct report *report, const char *key)
{
    const char *text = ctl_text(report->state, key);
    return text != NULL ? text : "";
}

int64_t report_number(const struct report *report, const char *key)
{
    return ctl_int(report->state, key, 0);
}

void report_escape(FILE *out, const char *text)
{
    AUTO_FREE char *clean = words_clean(text);
    for (const char *at = clean != NULL ? clean : ""; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            putc(*at, out);
        }
    }
}

/* ---- members of rows ---- */

static int64_t time_of(struct json_object *object, const char *key)
{
    const char *text = ctl_text(object, key);
    struct utc utc = {0};
    if (text == NULL || rfc3339_parse(text, strlen(text), &utc) != FUO_OK) {
        return 0;
    }
    return utc.us > 0 ? utc.us : 0; /* before 1970 is no time of a campaign */
}

static uint64_t eui_of(struct json_object *object, const char *key)
{
    const char *text = ctl_text(object, key);
    uint64_t eui = 0;
    if (text == NULL || eui_parse(text, strlen(text), &eui) != FUO_OK) {
        return 0;
    }
    return eui;
}

/* A number that is not negative, -1 for null. */
static int64_t known(struct json_object *object, const char *key)
{
    int64_t number = ctl_int(object, key, -1);
    return number >= 0 ? number : -1;
}

/* 0 to max; so that sums and products fit, whoever answers. */
static int64_t bounded(struct json_object *object, const char *key, int64_t max)
{
    int64_t number = ctl_int(object, key, 0);
    return number < 0 ? 0 : number > max ? max : number;
}

static enum report_outcome outcome_of(const char *text)
{
    for (int i = REPORT_SUCCEEDED; text != NULL && i < REPORT_OUTCOMES; i++) {
        if (strcmp(text, outcome_names[i]) == 0) {
            return (enum report_outcome)i;
        }
    }
    return REPORT_ACTIVE;
}

/* Room for add more rows; sizes are powers of two. */
static bool grow(void **rows, size_t count, size_t add, size_t row_size)
{
    size_t need = count + add;
    size_t cap = 1024;
    while (cap < count) {
        cap *= 2;
    }
    if (*rows != NULL && need <= cap) {
        return true;
    }
    while (cap < need) {
        cap *= 2;
    }
    void *bigger = need <= ROWS_MAX ? realloc(*rows, cap * row_size) : NULL;
    if (bigger == NULL) {
        return false;
    }
    *rows = bigger;
    return true;
}

/* ---- the parts ---- */

/* Of who went again: its history tells of the end of the first try. 0: as that says. */
static int64_t last_end_of(struct json_object *row)
{
    bool ended = outcome_of(ctl_text(row, "outcome")) != REPORT_ACTIVE;
    return ctl_int(row, "retries", 0) > 0 && ended ? time_of(row, "time") : 0;
}

static struct report_device device_of(struct report *report, struct json_object *row)
{
    const char *wave = ctl_text(row, "wave");
    return (struct report_device){
        .dev_eui = eui_of(row, "dev_eui"),
        .outcome = outcome_of(ctl_text(row, "outcome")),
        .wave = report_text(report, wave != NULL && wave[0] != '\0' ? wave : "all"),
        .fleet = report_text(report, ctl_text(row, "fleet")),
        .phase = report_text(report, ctl_text(row, "phase")),
        .reason = report_text(report, ctl_text(row, "reason")),
        .reason_text = report_text(report, ctl_text(row, "reason_text")),
        .result_text = report_text(report, ctl_text(row, "result_text")),
        .source = report_text(report, ctl_text(row, "source")),
        .state = ctl_int(row, "state", 0),
        .result = ctl_int(row, "result", 0),
        .version_before = known(row, "version_before"),
        .version = known(row, "version"),
        .missing = known(row, "missing") < FRAGMENTS_MAX ? known(row, "missing") : -1,
        .received = ctl_int(row, "received", 0),
        .tries = ctl_int(row, "tries", 0),
        .retries = bounded(row, "retries", UINT8_MAX),
        .outcome_before = report_text(report, ctl_text(row, "outcome_before")),
        .reason_before = report_text(report, ctl_text(row, "reason_before")),
        .variant = report_text(report, ctl_text(row, "variant")),
        .delta_failures = bounded(row, "delta_failures", UINT8_MAX),
        .ended_us = last_end_of(row),
        .gateway = eui_of(row, "gateway"),
        .snr_cdb = ctl_int(row, "snr_p50_cdb", 0),
        .heard_ppk = ctl_int(row, "heard_ppk", 0),
    };
}

static bool take_devices(struct report *report, struct json_object *rows)
{
    size_t n = json_object_array_length(rows);
    if (!grow((void **)&report->devices, report->device_count, n,
              sizeof(*report->devices))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        report->devices[report->device_count++] =
            device_of(report, json_object_array_get_idx(rows, i));
    }
    return true;
}

static int by_dev_eui(const void *a, const void *b)
{
    uint64_t left = ((const struct report_device *)a)->dev_eui;
    uint64_t right = ((const struct report_device *)b)->dev_eui;
    return (left > right) - (left < right);
}

static void earlier(int64_t *us, int64_t other_us)
{
    if (other_us > 0 && (*us == 0 || other_us < *us)) {
        *us = other_us;
    }
}

/* Devices are there already, ascending. */
static bool take_progress(struct report *report, struct json_object *rows)
{
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        struct report_device key = {.dev_eui = eui_of(row, "dev_eui")};
        struct report_device *device =
            report->device_count > 0
                ? bsearch(&key, report->devices, report->device_count,
                          sizeof(*report->devices), by_dev_eui)
                : NULL;
        if (device != NULL) {
            earlier(&device->since_us, ctl_int(row, "since", 0));
            earlier(&device->downloaded_us, ctl_int(row, "downloaded", 0));
            earlier(&device->ended_us,
                    device->retries == 0 ? ctl_int(row, "ended", 0) : 0);
        }
    }
    return true;
}

static bool take_sessions(struct report *report, struct json_object *rows)
{
    size_t n = json_object_array_length(rows);
    if (!grow((void **)&report->sessions, report->session_count, n,
              sizeof(*report->sessions))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *phase = ctl_text(row, "phase");
        report->sessions[report->session_count++] = (struct report_session){
            .id = ctl_int(row, "id", 0),
            .fleet = report_text(report, ctl_text(row, "fleet")),
            .dr = ctl_int(row, "dr", 0),
            .fragment_size = bounded(row, "fragment_size", INT32_MAX),
            .uncoded = bounded(row, "uncoded", INT32_MAX),
            .sent = bounded(row, "sent", INT32_MAX),
            .members = bounded(row, "members", INT32_MAX),
            .gateways = bounded(row, "gateways", INT32_MAX),
            .start_us = time_of(row, "start"),
            .end_us = time_of(row, "end"),
            .ended = phase != NULL && strcmp(phase, "ended") == 0,
        };
    }
    return true;
}

static void take_bands(struct report *report, struct json_object *page)
{
    struct json_object *bands = NULL;
    if (!json_object_object_get_ex(page, "bands", &bands) ||
        !json_object_is_type(bands, json_type_array)) {
        return;
    }
    size_t n = json_object_array_length(bands);
    report->band_count = n < REPORT_BANDS ? n : REPORT_BANDS;
    for (size_t i = 0; i < report->band_count; i++) {
        struct json_object *band = json_object_array_get_idx(bands, i);
        report->bands[i] = (struct report_band){
            .low_hz = ctl_int(band, "low_hz", 0),
            .high_hz = ctl_int(band, "high_hz", 0),
            .own_cap_us = bounded(band, "own_cap_us", HOURS_US(1)),
            .legal_cap_us = bounded(band, "legal_cap_us", HOURS_US(1)),
        };
    }
}

/* REPORT_BANDS: of none. */
static size_t band_of(const struct report *report, int64_t hz)
{
    for (size_t i = 0; i < report->band_count; i++) {
        if (hz >= report->bands[i].low_hz && hz <= report->bands[i].high_hz) {
            return i;
        }
    }
    return REPORT_BANDS;
}

static bool take_airtime(struct report *report, struct json_object *rows)
{
    size_t n = json_object_array_length(rows);
    if (!grow((void **)&report->hours, report->hour_count, n, sizeof(*report->hours))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        report->hours[report->hour_count++] = (struct report_hour){
            .gateway = eui_of(row, "gateway"),
            .hour = bounded(row, "hour", HOUR_MAX),
            .band = band_of(report, ctl_int(row, "frequency_hz", 0)),
            .airtime_us = bounded(row, "airtime_us", HOURS_US(100)),
        };
    }
    return true;
}

bool report_take(struct report *report, const char *part, struct json_object *page)
{
    static const struct {
        const char *part;
        bool (*take)(struct report *report, struct json_object *rows);
    } parts[] = {
        {"devices", take_devices},
        {"progress", take_progress},
        {"sessions", take_sessions},
        {"airtime", take_airtime},
    };
    struct json_object *rows = NULL;
    if (!json_object_object_get_ex(page, "rows", &rows) ||
        !json_object_is_type(rows, json_type_array)) {
        return true;
    }
    take_bands(report, page);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].part, part) == 0) {
            return parts[i].take(report, rows);
        }
    }
    return true;
}

void report_take_state(struct report *report, struct json_object *state)
{
    report->state = state;
    report->created_us = time_of(state, "created");
    report->started_us = time_of(state, "started");
    report->ended_us = time_of(state, "ended");
}

/* ---- asking ---- */

static int ask_part(struct remote *remote, const char *name, const char *part,
                    struct report *report)
{
    char after[64] = "";
    bool more = true;
    while (more) {
        AUTO_JSON json_object *page = NULL;
        struct json_object *params = json_object_new_object();
        json_object_object_add(params, "name", json_object_new_string(name));
        json_object_object_add(params, "part", json_object_new_string(part));
        if (after[0] != '\0') {
            json_object_object_add(params, "after", json_object_new_string(after));
        }
        int rc = remote_call(remote, CTL_REPORT, params, &page);
        if (rc != CLI_OK) {
            return rc;
        }
        if (!report_take(report, part, page)) {
            return cli_fail(remote->cli, CLI_INTERNAL, NULL, "out of memory");
        }
        const char *next = ctl_text(page, "next");
        more = next != NULL && strlen(next) < sizeof(after) && strcmp(next, after) != 0;
        if (more) {
            memcpy(after, next, strlen(next) + 1);
        }
    }
    return CLI_OK;
}

static int ask_state(struct remote *remote, const char *name, struct report *report)
{
    AUTO_JSON json_object *data = NULL;
    struct json_object *list = NULL;
    struct json_object *daemon = NULL;
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "name", json_object_new_string(name));
    int rc = remote_call(remote, CTL_STATUS, params, &data);
    if (rc != CLI_OK) {
        return rc;
    }
    json_object_object_get_ex(data, "campaigns", &list);
    if (!json_object_is_type(list, json_type_array) ||
        json_object_array_length(list) == 0) {
        return cli_fail(remote->cli, CLI_NOT_FOUND, NULL, "there is no campaign '%s'",
                        name);
    }
    report_take_state(report, json_object_get(json_object_array_get_idx(list, 0)));
    json_object_object_get_ex(data, "daemon", &daemon);
    const char *instance = ctl_text(daemon, "instance");
    const char *version = ctl_text(daemon, "version");
    if (asprintf(&report->daemon, "fuotad %s, instance %s",
                 version != NULL ? version : "?",
                 instance != NULL ? instance : "?") < 0) {
        report->daemon = NULL;
    }
    return CLI_OK;
}

int report_load(struct remote *remote, const char *name, struct report *report)
{
    static const char *const parts[] = {"devices", "progress", "sessions", "airtime"};
    struct clock clock;
    int rc = ask_state(remote, name, report);
    for (size_t i = 0; rc == CLI_OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
        rc = ask_part(remote, name, parts[i], report);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    if (clock_init(&clock, NULL) == FUO_OK) {
        report->now_us = clock_utc(&clock).us;
    }
    return report_sum(report)
               ? CLI_OK
               : cli_fail(remote->cli, CLI_INTERNAL, NULL, "out of memory");
}

void report_finish(struct report *report)
{
    for (size_t i = 0; i < report->text_count; i++) {
        free(report->texts[i]);
    }
    free(report->texts);
    free(report->devices);
    free(report->sessions);
    free(report->hours);
    free(report->gateways);
    free(report->waves);
    free(report->fleets);
    free(report->variants);
    free(report->reasons);
    free(report->downloaded_us);
    free(report->ended);
    free(report->daemon);
    json_object_put(report->state);
    *report = (struct report){0};
}

/* SPDX-License-Identifier: MIT */
#include "fuotactl/render.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/protocol.h"
#include "fuotactl/words.h"

enum {
    NAMED_MAX = 20, /* devices on a line */
};

static struct json_object *get(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

static size_t count_of(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list)
                                                      : 0;
}

/* ---- JSON ---- */

/* json-c leaves DEL and C1 (UTF-8 c2 80..9f) as they are. */
static void print_escaped(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
        if (c == 0x7f) {
            fputs("\\u007f", out);
        } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
            fprintf(out, "\\u%04x", next);
            i++;
        } else {
            fputc(c, out);
        }
    }
}

void render_merge(struct json_object *to, struct json_object *from)
{
    if (!json_object_is_type(from, json_type_object)) {
        return;
    }
    struct json_object_iterator end = json_object_iter_end(from);
    for (struct json_object_iterator it = json_object_iter_begin(from);
         !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        json_object *value = json_object_iter_peek_value(&it);
        json_object_object_add(to, json_object_iter_peek_name(&it),
                               json_object_get(value));
    }
}

void render_json_value(FILE *out, struct json_object *value)
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length(
        value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    print_escaped(out, text, len);
}

void render_json(FILE *out, const char *type, struct json_object *object)
{
    struct json_object *line = json_object_new_object();
    json_object_object_add(line, "type", json_object_new_string(type));
    render_merge(line, object);
    /* Again: the first gave it its place, this one its value. */
    json_object_object_add(line, "type", json_object_new_string(type));
    render_json_value(out, line);
    fputc('\n', out);
    json_object_put(line);
}

/* ---- lines of "name  value" ---- */

static void print_name(FILE *out, const char *name)
{
    fprintf(out, "%-13s", name);
}

static void print_line(FILE *out, const char *name, const char *value)
{
    print_name(out, name);
    words_print(out, value != NULL && *value != '\0' ? value : "-");
    fputc('\n', out);
}

static const char *duration_of(struct json_object *object, const char *key,
                               char text[static WORDS_DURATION_SIZE])
{
    return words_duration(ctl_int(object, key, -1), text);
}

/* A share of an hour: "360.0 s per hour"; "no limit" from an hour on. */
static void print_budget(FILE *out, struct json_object *cohort)
{
    char campaigns[WORDS_DURATION_SIZE];
    char legal[WORDS_DURATION_SIZE];
    int64_t cap_us = ctl_int(cohort, "airtime_cap_us", -1);
    int64_t legal_us = ctl_int(cohort, "legal_cap_us", -1);
    if (cap_us < 0 || legal_us < 0) {
        return;
    }
    print_name(out, "  budget");
    if (legal_us >= 3600LL * 1000000) {
        fprintf(out, "no legal limit in this region; ");
    } else {
        fprintf(out, "legal %s in every hour of a gateway; ",
                words_duration(legal_us, legal));
    }
    fprintf(out, "campaigns use up to %s\n", words_duration(cap_us, campaigns));
}

static void print_mhz(FILE *out, int64_t hz)
{
    fprintf(out, "%" PRId64 ".%03" PRId64 " MHz", hz / 1000000, hz / 1000 % 1000);
}

/* ", 3 lanes in 2 colours" */
static void print_lanes(FILE *out, int64_t lanes, int64_t colours)
{
    if (lanes > 1) {
        fprintf(out, ", %" PRId64 " lanes in %" PRId64 " colour%s", lanes, colours,
                colours == 1 ? "" : "s");
    }
}

static void print_fragments(FILE *out, struct json_object *cohort)
{
    int64_t copies = ctl_int(cohort, "copies", 1);
    fprintf(out, "%-13s%" PRId64 " of %" PRId64 " bytes", "  fragments",
            ctl_int(cohort, "fragments", 0), ctl_int(cohort, "fragment_size", 0));
    if (copies > 1) {
        fprintf(out, ", each %" PRId64 " times,", copies);
    }
    fprintf(out, " and %" PRId64 " coded", ctl_int(cohort, "coded", 0));
    if (ctl_int(cohort, "frame_airtime_us", 0) > 0) {
        fprintf(out, ", %" PRId64 " ms a frame",
                (ctl_int(cohort, "frame_airtime_us", 0) + 500) / 1000);
    }
    fputc('\n', out);
}

/* "28m 16s (p90 31m 2s)"; the second only if it is known. */
static void print_forecast(FILE *out, const char *name, struct json_object *object)
{
    char text[WORDS_DURATION_SIZE];
    print_name(out, name);
    fputs(duration_of(object, "duration_us", text), out);
    if (ctl_int(object, "duration_p90_us", -1) >= 0) {
        fprintf(out, " (p90 %s)", duration_of(object, "duration_p90_us", text));
    }
}

static void print_cohort(FILE *out, struct json_object *cohort)
{
    char text[WORDS_DURATION_SIZE];
    int64_t devices = ctl_int(cohort, "devices", 0);
    int64_t gateways = ctl_int(cohort, "gateways", 0);
    int64_t sessions = ctl_int(cohort, "sessions", 0);
    fprintf(out, "%-13s%" PRId64 " device%s%s, DR%" PRId64 ", ", "cohort", devices,
            devices == 1 ? "" : "s",
            ctl_bool(cohort, "assumed", false) ? " not heard yet" : "",
            ctl_int(cohort, "dr", 0));
    print_mhz(out, ctl_int(cohort, "frequency_hz", 0));
    fprintf(out, ", %" PRId64 " gateway%s", gateways, gateways == 1 ? "" : "s");
    if (ctl_text(cohort, "wave") != NULL) {
        fputs(", wave ", out);
        words_print(out, ctl_text(cohort, "wave"));
    }
    if (ctl_text(cohort, "fleet") != NULL) {
        fputs(", fleet ", out);
        words_print(out, ctl_text(cohort, "fleet"));
    }
    print_lanes(out, ctl_int(cohort, "lanes", 0), ctl_int(cohort, "colours", 0));
    fputc('\n', out);
    print_fragments(out, cohort);
    fprintf(out, "%-13s%s at each gateway\n", "  airtime",
            duration_of(cohort, "airtime_us", text));
    print_budget(out, cohort);
    print_forecast(out, "  duration", cohort);
    fprintf(out, " in %" PRId64 " session%s", sessions, sessions == 1 ? "" : "s");
    if (ctl_int(cohort, "interval_us", 0) > 0) {
        fprintf(out, ", a frame every %s", duration_of(cohort, "interval_us", text));
    }
    fputc('\n', out);
}

/* "3: no gateway reaches it well enough (...): eui eui" */
static void print_left_out(FILE *out, struct json_object *left_out)
{
    struct json_object *devices = get(left_out, "devices");
    const char *limit = ctl_text(left_out, "limit");
    size_t named = count_of(devices) < NAMED_MAX ? count_of(devices) : NAMED_MAX;
    int64_t count = ctl_int(left_out, "count", 0);
    fprintf(out, "%-13s%" PRId64 " device%s: ", "left out", count, count == 1 ? "" : "s");
    words_print(out, ctl_text(left_out, "text"));
    if (limit != NULL && *limit != '\0') {
        fputs(" (", out);
        words_print(out, limit);
        fputc(')', out);
    }
    fputc(':', out);
    for (size_t i = 0; i < named; i++) {
        fputc(' ', out);
        words_print(out, json_object_get_string(json_object_array_get_idx(devices, i)));
    }
    if (count > (int64_t)named) {
        fprintf(out, " and %" PRId64 " more", count - (int64_t)named);
    }
    fputc('\n', out);
}

static void print_duration(FILE *out, struct json_object *plan)
{
    char text[WORDS_DURATION_SIZE];
    print_forecast(out, "duration", plan);
    fputs(" of sending; waiting for uplinks comes on top\n", out);
    if (ctl_int(plan, "soak_us", 0) > 0) {
        print_name(out, "soaking");
        fprintf(out, "%s between the waves\n", duration_of(plan, "soak_us", text));
    }
    if (ctl_int(plan, "lower_bound_us", -1) >= 0) {
        print_name(out, "bound");
        fprintf(out, "no plan takes less than %s\n",
                duration_of(plan, "lower_bound_us", text));
    }
}

static void print_energy(FILE *out, struct json_object *plan)
{
    char text[WORDS_DURATION_SIZE];
    if (ctl_int(plan, "energy_mj", -1) >= 0) {
        print_name(out, "per device");
        fprintf(out, "up to %s of listening and %.1f J; %.1f kJ of all devices\n",
                duration_of(plan, "device_listening_us", text),
                (double)ctl_int(plan, "device_energy_mj", 0) / 1e3,
                (double)ctl_int(plan, "energy_mj", 0) / 1e6);
    }
}

static void print_conflicts(FILE *out, struct json_object *conflicts)
{
    for (size_t i = 0; i < count_of(conflicts); i++) {
        struct json_object *conflict = json_object_array_get_idx(conflicts, i);
        print_name(out, "conflict");
        fprintf(out, "%" PRId64 " of the devices are in campaign ",
                ctl_int(conflict, "devices", 0));
        words_print(out, ctl_text(conflict, "campaign"));
        fprintf(out, " (priority %" PRId64 ")\n", ctl_int(conflict, "priority", 0));
    }
}

/* "2026-12-01 22:00" of an RFC 3339 time. */
static void print_local(FILE *out, const char *time)
{
    enum { DATE = 10, CLOCK = 11, CLOCK_LEN = 5 };
    if (time != NULL && strlen(time) >= CLOCK + CLOCK_LEN) {
        char text[DATE + 1 + CLOCK_LEN + 1];
        snprintf(text, sizeof(text), "%.*s %.*s", (int)DATE, time, (int)CLOCK_LEN,
                 time + CLOCK);
        words_print(out, text);
    }
}

static void print_spans(FILE *out, struct json_object *calendar)
{
    struct json_object *windows = get(calendar, "windows");
    for (size_t i = 0; i < count_of(windows); i++) {
        struct json_object *window = json_object_array_get_idx(windows, i);
        print_name(out, "  window");
        print_local(out, ctl_text(window, "start"));
        fputs(ctl_text(window, "end") != NULL ? " to " : " and from then on", out);
        print_local(out, ctl_text(window, "end"));
        fputc('\n', out);
    }
    if (count_of(windows) == 0) {
        print_line(out, "  window", "none in the coming weeks: nothing would be sent");
    }
}

static void print_moment(FILE *out, const char *name, const char *time)
{
    if (time != NULL) {
        print_name(out, name);
        print_local(out, time);
        fputc('\n', out);
    }
}

static void print_calendar(FILE *out, struct json_object *plan)
{
    struct json_object *calendar = get(plan, "calendar");
    struct json_object *changes = get(calendar, "clock_changes");
    print_line(out, "calendar", ctl_text(calendar, "timezone"));
    print_moment(out, "  not before", ctl_text(calendar, "not_before"));
    print_spans(out, calendar);
    for (size_t i = 0; i < count_of(changes); i++) {
        struct json_object *change = json_object_array_get_idx(changes, i);
        print_name(out, "  clock");
        fputs("after ", out);
        print_local(out, ctl_text(change, "before"));
        fputs(" it is ", out);
        print_local(out, ctl_text(change, "after"));
        fputc('\n', out);
    }
    if (ctl_text(calendar, "end") != NULL) {
        print_name(out, "  sent by");
        print_local(out, ctl_text(calendar, "end"));
        fputs(ctl_text(calendar, "end_p90") != NULL ? " (p90 " : "", out);
        print_local(out, ctl_text(calendar, "end_p90"));
        fputs(ctl_text(calendar, "end_p90") != NULL ? ")\n" : "\n", out);
    } else if (count_of(get(calendar, "windows")) > 0 &&
               ctl_int(plan, "airtime_us", 0) > 0) { /* not all of it goes over IP */
        print_name(out, "  sent by");
        fputs("some time behind the windows of the coming weeks\n", out);
    }
    print_moment(out, "  deadline", ctl_text(calendar, "deadline"));
}

void render_plan(FILE *out, struct json_object *plan)
{
    char text[WORDS_DURATION_SIZE];
    struct json_object *cohorts = get(plan, "cohorts");
    struct json_object *left_out = get(plan, "left_out");
    struct json_object *notes = get(plan, "notes");
    print_line(out, "campaign", ctl_text(plan, "name"));
    print_line(out, "fleet", ctl_text(plan, "fleet"));
    fprintf(out, "%-13s%" PRId64 "\n", "devices", ctl_int(plan, "devices", 0));
    fprintf(out, "%-13s%" PRId64 " bytes\n", "image", ctl_int(plan, "image_bytes", 0));
    fprintf(out, "%-13s%" PRId64 " and %" PRId64 " coded\n", "fragments",
            ctl_int(plan, "fragments", 0), ctl_int(plan, "coded", 0));
    print_name(out, "airtime");
    fprintf(out, "%s of all gateways\n", duration_of(plan, "airtime_us", text));
    print_duration(out, plan);
    print_energy(out, plan);
    if (get(plan, "calendar") != NULL) {
        print_calendar(out, plan);
    }
    render_planned_fleets(out, plan);
    render_planned_variants(out, plan);
    render_planned_waves(out, plan);
    for (size_t i = 0; i < count_of(cohorts); i++) {
        print_cohort(out, json_object_array_get_idx(cohorts, i));
    }
    if (ctl_int(plan, "cohort_count", 0) > (int64_t)count_of(cohorts)) {
        fprintf(out, "%-13s%" PRId64 " more\n", "cohort",
                ctl_int(plan, "cohort_count", 0) - (int64_t)count_of(cohorts));
    }
    for (size_t i = 0; i < count_of(left_out); i++) {
        print_left_out(out, json_object_array_get_idx(left_out, i));
    }
    print_conflicts(out, get(plan, "conflicts"));
    for (size_t i = 0; i < count_of(notes); i++) {
        print_line(out, "note",
                   json_object_get_string(json_object_array_get_idx(notes, i)));
    }
}

/* ---- campaigns ---- */

static void add_count(struct table *table, struct json_object *object, const char *key)
{
    table_addf(table, "%" PRId64, ctl_int(object, key, 0));
}

static void add_campaign(struct table *table, struct json_object *state)
{
    char text[WORDS_DURATION_SIZE];
    struct json_object *devices = get(state, "devices");
    struct json_object *fragments = get(state, "fragments");
    table_add(table, ctl_text(state, "name"));
    table_add(table, ctl_text(state, "phase"));
    table_add(table, ctl_text(state, "fleet"));
    table_add(table, ctl_text(state, "version"));
    add_count(table, devices, "total");
    add_count(table, devices, "active");
    add_count(table, devices, "succeeded");
    add_count(table, devices, "failed");
    add_count(table, devices, "unknown");
    table_addf(table, "%" PRId64 "/%" PRId64, ctl_int(fragments, "sent", 0),
               ctl_int(fragments, "uncoded", 0));
    table_add(table, duration_of(state, "airtime_us", text));
}

void render_campaigns(FILE *out, struct json_object *list)
{
    static const char *const headings[] = {"NAME",    "PHASE",     "FLEET",     "VERSION",
                                           "DEVICES", "ACTIVE",    "SUCCEEDED", "FAILED",
                                           "UNKNOWN", "FRAGMENTS", "AIRTIME"};
    AUTO_TABLE struct table table = {
        .columns = sizeof(headings) / sizeof(headings[0]),
        .right_mask = 0x7f0,
    };
    for (size_t i = 0; i < table.columns; i++) {
        table_add(&table, headings[i]);
    }
    for (size_t i = 0; i < count_of(list); i++) {
        add_campaign(&table, json_object_array_get_idx(list, i));
    }
    table_print(&table, out);
}

static const char *phase_color(const char *phase)
{
    static const struct {
        const char *phase;
        const char *color;
    } colors[] = {{"completed", "\033[32m"},
                  {"paused", "\033[33m"},
                  {"aborting", "\033[33m"},
                  {"aborted", "\033[31m"},
                  {"failed", "\033[31m"}};
    for (size_t i = 0; phase != NULL && i < sizeof(colors) / sizeof(colors[0]); i++) {
        if (strcmp(colors[i].phase, phase) == 0) {
            return colors[i].color;
        }
    }
    return "";
}

static void print_phase(FILE *out, struct json_object *state, bool color)
{
    const char *phase = ctl_text(state, "phase");
    const char *reason = ctl_text(state, "reason");
    const char *on = color ? phase_color(phase) : "";
    print_name(out, "phase");
    fputs(on, out);
    words_print(out, phase);
    fputs(*on != '\0' ? "\033[0m" : "", out);
    if (reason != NULL && *reason != '\0') {
        fputs(" (", out);
        words_print(out, reason);
        fputc(')', out);
    }
    fputc('\n', out);
}

/* "50: 48 succeeded, 2 failed"; what is 0 is left out. */
static void print_devices(FILE *out, struct json_object *devices)
{
    static const char *const outcomes[] = {"pending", "active",    "succeeded",
                                           "failed",  "unknown",   "cancelled",
                                           "skipped", "superseded"};
    const char *separator = ": ";
    fprintf(out, "%-13s%" PRId64, "devices", ctl_int(devices, "total", 0));
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        int64_t n = ctl_int(devices, outcomes[i], 0);
        if (n > 0) {
            fprintf(out, "%s%" PRId64 " %s", separator, n, outcomes[i]);
            separator = ", ";
        }
    }
    int64_t waiting = ctl_int(devices, "installable", 0);
    if (waiting > 0) {
        fprintf(out, "\n%-13s%" PRId64 " of them wait for: fuotactl approve --install",
                "", waiting);
    }
    fputc('\n', out);
}

static void print_states(FILE *out, struct json_object *states)
{
    fprintf(out,
            "%-13s%" PRId64 " idle, %" PRId64 " downloading, %" PRId64
            " downloaded, %" PRId64 " updating\n",
            "states", ctl_int(states, "idle", 0), ctl_int(states, "downloading", 0),
            ctl_int(states, "downloaded", 0), ctl_int(states, "updating", 0));
}

static void print_session(FILE *out, struct json_object *session)
{
    if (!json_object_is_type(session, json_type_object)) {
        return;
    }
    int64_t rounds = ctl_int(session, "repair_rounds", 0);
    size_t gateways = count_of(get(session, "gateways"));
    print_name(out, "session");
    words_print(out, ctl_text(session, "phase"));
    fprintf(out, ", DR%" PRId64 ", ", ctl_int(session, "dr", 0));
    print_mhz(out, ctl_int(session, "frequency_hz", 0));
    fprintf(out, ", %" PRId64 " devices, %zu gateway%s", ctl_int(session, "members", 0),
            gateways, gateways == 1 ? "" : "s");
    print_lanes(out, (int64_t)count_of(get(session, "lanes")),
                ctl_int(session, "colours", 0));
    fprintf(out, ", %" PRId64 " repair round%s\n", rounds, rounds == 1 ? "" : "s");
    fprintf(out,
            "%-13snext %" PRId64 " of %" PRId64 " (%" PRId64 " uncoded, %" PRId64
            " bytes each)\n",
            "", ctl_int(session, "next", 0), ctl_int(session, "target", 0),
            ctl_int(session, "uncoded", 0), ctl_int(session, "fragment_size", 0));
    if (get(session, "aired") != NULL) {
        fprintf(out, "%-13sgateways sent %" PRId64 " frames and refused %" PRId64 "\n",
                "", ctl_int(session, "aired", 0), ctl_int(session, "refused", 0));
    }
    print_line(out, "  start", ctl_text(session, "start"));
    print_line(out, "  end", ctl_text(session, "end"));
}

void render_campaign(FILE *out, struct json_object *state, bool color)
{
    char text[WORDS_DURATION_SIZE];
    struct json_object *fragments = get(state, "fragments");
    print_line(out, "campaign", ctl_text(state, "name"));
    print_phase(out, state, color);
    print_line(out, "fleet", ctl_text(state, "fleet"));
    print_line(out, "version", ctl_text(state, "version"));
    print_line(out, "image", ctl_text(state, "digest"));
    print_devices(out, get(state, "devices"));
    print_states(out, get(state, "states"));
    fprintf(out, "%-13s%" PRId64 " sent, M %" PRId64 "\n", "fragments",
            ctl_int(fragments, "sent", 0), ctl_int(fragments, "uncoded", 0));
    print_line(out, "airtime", duration_of(state, "airtime_us", text));
    render_waves(out, state);
    print_session(out, get(state, "session"));
    if (ctl_int(state, "session_count", 0) > 1) {
        fprintf(out, "%-13s%" PRId64 " under way in all\n", "  sessions",
                ctl_int(state, "session_count", 0));
    }
    print_line(out, "created", ctl_text(state, "created"));
    if (ctl_text(state, "not_before") != NULL) {
        print_line(out, "not before", ctl_text(state, "not_before"));
    }
    print_line(out, "started", ctl_text(state, "started"));
    if (ctl_text(state, "deadline") != NULL) {
        print_line(out, "deadline", ctl_text(state, "deadline"));
    }
    print_line(out, "ended", ctl_text(state, "ended"));
}

/* ---- problems ---- */

static void print_problem(FILE *out, struct json_object *problem)
{
    const char *severity = ctl_text(problem, "severity");
    int64_t line = ctl_int(problem, "line", 0);
    const char *path = ctl_text(problem, "path");
    words_print(out, ctl_text(problem, "file"));
    if (line > 0) {
        fprintf(out, ":%" PRId64 ":%" PRId64, line, ctl_int(problem, "column", 1));
    }
    fputs(": ", out);
    if (path != NULL && *path != '\0') {
        words_print(out, path);
        fputs(": ", out);
    }
    if (severity != NULL && strcmp(severity, "warning") == 0) {
        fputs("warning: ", out);
    }
    words_print(out, ctl_text(problem, "text"));
    fputc('\n', out);
}

void render_problems(FILE *out, struct json_object *list)
{
    for (size_t i = 0; i < count_of(list); i++) {
        print_problem(out, json_object_array_get_idx(list, i));
    }
}

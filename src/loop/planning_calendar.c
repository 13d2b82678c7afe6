/* SPDX-License-Identifier: MIT */
#include "loop/planning_calendar.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/zone.h"
#include "io/rfc3339.h"
#include "loop/render.h"
#include "loop/windows.h"

enum {
    WINDOWS_MAX = 7, /* that are shown */
    CHANGES_MAX = 64,
    LEAST_FRAMES = 2, /* of a session */
    LOCAL_SIZE = RFC3339_SIZE + 8,
};

/* What a plan is packed into: the windows from the moment that it may begin. */
struct outlook {
    struct zone *zone;
    struct schedule_term term;
    struct utc from;
    bool restricted; /* else there is nothing to tell */
    bool windows_given;
    struct calendar_span always;
    struct schedule_spans storage;
    struct engine_windows windows;
};

static int look_ahead(const struct planning_request *request, struct outlook *look)
{
    static const struct windows none;
    const struct spec_schedule *schedule = &request->spec->schedule;
    int err = schedule_term(schedule, &look->term);
    if (err != FUO_OK) {
        return err;
    }
    look->zone = zone_find(schedule->timezone);
    look->from =
        request->now.us > look->term.not_before.us ? request->now : look->term.not_before;
    struct calendar_span between = {utc_after(look->from, -WINDOWS_BACK_US),
                                    utc_after(look->from, WINDOWS_AHEAD_US)};
    bool finite = look->term.deadline.us != INT64_MAX;
    if (finite && look->term.deadline.us > between.end.us) {
        between.end = look->term.deadline;
    }
    err = windows_resolve_between(request->windows != NULL ? request->windows : &none,
                                  schedule, between, &look->storage, &look->windows);
    look->windows_given = look->windows.spans != NULL;
    look->restricted = look->windows_given || finite || schedule->not_before != NULL;
    if (!look->windows_given) {
        look->always = (struct calendar_span){look->from, UTC_NEVER};
        look->windows.spans = &look->always;
        look->windows.count = 1;
    }
    return err;
}

static int64_t slowest_us(const struct planning *planning)
{
    int64_t us = 1;
    for (size_t i = 0; i < planning->cohort_count; i++) {
        int64_t interval_us = planning->cohorts[i].interval_us;
        us = interval_us > us ? interval_us : us;
    }
    return us;
}

/*
 * The end of the last wave: each is sent when the one before has soaked. UTC_NEVER: later than
 * the windows that are known. CALENDAR_EMPTY: nothing is sent. CALENDAR_SHORT_WINDOWS: not
 * even the first can begin.
 */
static enum calendar_error end_of(const struct outlook *look,
                                  const struct planning_request *request,
                                  const struct planning *planning, bool p90,
                                  struct utc *end)
{
    struct calendar_request sending = {
        .shortest_us = LEAST_FRAMES * slowest_us(planning),
        .deadline = UTC_NEVER,
        .windows = {look->windows.spans, look->windows.count},
    };
    struct calendar_course course;
    enum calendar_error sent = CALENDAR_EMPTY;
    struct utc at = look->from;
    int64_t soak_us = 0;
    *end = UTC_NEVER;
    for (size_t i = 0; i < planning->wave_count; i++) {
        const struct planned_wave *wave = &planning->waves[i];
        if (wave->device_count == 0) {
            continue;
        }
        at = utc_after(at, soak_us);
        soak_us = request->waves != NULL ? request->spec->rollout.waves[i].soak_us : 0;
        sending.not_before = at;
        sending.duration_us = p90 ? wave->p90_us : wave->p50_us;
        enum calendar_error error = calendar_course(&sending, &course);
        if (error == CALENDAR_OK) {
            at = course.sessions[course.count - 1].end;
            sent = error;
        } else if (error != CALENDAR_EMPTY) { /* else its servers deliver to all of it */
            bool later = error == CALENDAR_SHORT_WINDOWS && sent == CALENDAR_OK;
            return later ? CALENDAR_NO_WINDOW : error;
        }
    }
    *end = sent == CALENDAR_OK ? at : UTC_NEVER;
    return sent;
}

/* RFC 3339, local with the offset. */
static const char *local_text(struct zone *zone, struct utc at, char text[LOCAL_SIZE])
{
    int64_t offset_us = zone_offset_us(zone, at);
    int64_t minutes = llabs(offset_us) / MINUTES_US(1);
    rfc3339_format_s(utc_after(at, offset_us), text);
    size_t len = sizeof("2026-03-01T12:00:00") - 1;
    snprintf(text + len, LOCAL_SIZE - len, "%c%02d:%02d", offset_us < 0 ? '-' : '+',
             (int)(minutes / 60 % 24), (int)(minutes % 60));
    return text;
}

/* ---- does it fit? ---- */

/* How long windows that are worth a session are open until the deadline. */
static int64_t open_us(const struct outlook *look, int64_t least_us)
{
    int64_t sum_us = 0;
    for (size_t i = 0; i < look->windows.count; i++) {
        struct utc start = look->windows.spans[i].start;
        start = start.us > look->from.us ? start : look->from;
        struct utc end = utc_min(look->windows.spans[i].end, look->term.deadline);
        int64_t us = end.us - start.us;
        sum_us += us >= least_us ? us : 0;
    }
    return sum_us;
}

/* Everything about windows until the deadline. */
static bool is_known(const struct outlook *look)
{
    return look->term.deadline.us != INT64_MAX &&
           look->windows.until.us >= look->term.deadline.us;
}

/* False also if windows are not known that far. */
static bool cannot_end(const struct outlook *look, int64_t interval_us,
                       int64_t duration_us, int64_t *have_us)
{
    if (!is_known(look)) {
        return false;
    }
    *have_us = open_us(look, LEAST_FRAMES * interval_us);
    return *have_us < duration_us;
}

/* By what end_of() found; more sessions than it counts say nothing of the end. */
static bool ends_late(const struct outlook *look, enum calendar_error error,
                      struct utc end)
{
    return is_known(look) && (error == CALENDAR_OK || error == CALENDAR_NO_WINDOW) &&
           end.us > look->term.deadline.us;
}

/* Rounded so that the numbers show which is the larger. */
static int refuse_deadline(const struct planning_request *request,
                           const struct outlook *look, int64_t need_us, int64_t have_us,
                           struct diag_list *diags)
{
    char deadline[LOCAL_SIZE];
    const struct diag_place place = {.file = request->file,
                                     .path = "spec.schedule.deadline"};
    local_text(look->zone, look->term.deadline, deadline);
    if (look->term.deadline.us <= look->from.us) {
        diag_error(diags, &place, "%s is over already: choose a later one", deadline);
    } else {
        diag_error(diags, &place,
                   "sending takes %lld min, and until %s there are %lld min%s: choose a "
                   "later one%s",
                   (long long)((need_us + MINUTES_US(1) - 1) / MINUTES_US(1)), deadline,
                   (long long)(have_us / MINUTES_US(1)),
                   look->windows_given ? " of windows" : "",
                   look->windows_given ? ", or give it more windows" : "");
    }
    return FUO_ERANGE;
}

static int refuse_soak(const struct planning_request *request, const struct outlook *look,
                       const struct planning *planning, struct diag_list *diags)
{
    char deadline[LOCAL_SIZE];
    const struct diag_place place = {.file = request->file,
                                     .path = "spec.schedule.deadline"};
    int64_t have_us = look->term.deadline.us - look->from.us;
    diag_error(diags, &place,
               "the waves soak for %lld min and are sent in %lld min, and until %s there "
               "are %lld min: choose a later one, or shorten spec.rollout.waves[].soak",
               (long long)(planning->soak_us / MINUTES_US(1)),
               (long long)((planning->p50_us + MINUTES_US(1) - 1) / MINUTES_US(1)),
               local_text(look->zone, look->term.deadline, deadline),
               (long long)(have_us / MINUTES_US(1)));
    return FUO_ERANGE;
}

/* Windows and time are enough, but not with what lies between the waves. */
static int refuse_late(const struct planning_request *request, const struct outlook *look,
                       const struct planning *planning, struct utc end,
                       struct diag_list *diags)
{
    char deadline[LOCAL_SIZE];
    char last[LOCAL_SIZE] = "";
    bool known = end.us != INT64_MAX;
    const struct diag_place place = {.file = request->file,
                                     .path = "spec.schedule.deadline"};
    if (known) {
        local_text(look->zone, end, last);
    }
    diag_error(
        diags, &place,
        "with %lld min of soak between them, the waves are %s%s%s %s: choose a later "
        "one, shorten spec.rollout.waves[].soak, or give it more windows",
        (long long)(planning->soak_us / MINUTES_US(1)), known ? "sent by " : "not sent",
        last, known ? ", later than" : " in the windows until",
        local_text(look->zone, look->term.deadline, deadline));
    return FUO_ERANGE;
}

static int refuse_windows(const struct planning_request *request, int64_t interval_us,
                          struct diag_list *diags)
{
    int64_t least_s = LEAST_FRAMES * interval_us / SECONDS_US(1) + 1;
    diag_error(
        diags,
        &(struct diag_place){.file = request->file, .path = "spec.schedule.windows"},
        "no window of the coming weeks is long enough for two frames, which take "
        "%lld s: make them longer, or remove blackouts",
        (long long)least_s);
    return FUO_ERANGE;
}

/* From now, or notBefore, on: none of the windows that are known is open at any time. */
static bool opens_never(const struct outlook *look)
{
    struct utc last = look->windows.count > 0
                          ? look->windows.spans[look->windows.count - 1].end
                          : look->from;
    return look->windows_given && last.us <= look->from.us;
}

static int refuse_never(const struct planning_request *request,
                        const struct outlook *look, struct diag_list *diags)
{
    const struct diag_place place = {.file = request->file,
                                     .path = "spec.schedule.windows"};
    char from[LOCAL_SIZE];
    diag_error(diags, &place,
               "opens no window in %lld days from %s on: add days to the windows, remove "
               "blackouts, or set notBefore to when it may begin",
               (long long)(WINDOWS_AHEAD_US / DAYS_US(1)),
               local_text(look->zone, look->from, from));
    return FUO_ERANGE;
}

int planning_calendar_check(const struct planning_request *request,
                            const struct planning *planning, struct diag_list *diags)
{
    struct outlook look;
    struct utc end;
    int64_t have_us = 0;
    int64_t interval_us = slowest_us(planning);
    int err = look_ahead(request, &look);
    if (err != FUO_OK || !look.restricted) {
        return err;
    }
    if (look.term.deadline.us == INT64_MAX && opens_never(&look)) {
        return refuse_never(request, &look, diags);
    }
    if (cannot_end(&look, interval_us, planning->p50_us, &have_us)) {
        return refuse_deadline(request, &look, planning->p50_us, have_us, diags);
    }
    if (look.term.deadline.us != INT64_MAX &&
        planning->p50_us + planning->soak_us > look.term.deadline.us - look.from.us) {
        return refuse_soak(request, &look, planning, diags);
    }
    /* The end may lie beyond what is known. */
    enum calendar_error error = end_of(&look, request, planning, false, &end);
    if (ends_late(&look, error, end)) {
        return refuse_late(request, &look, planning, end, diags);
    }
    return error == CALENDAR_SHORT_WINDOWS ? refuse_windows(request, interval_us, diags)
                                           : FUO_OK;
}

bool planning_calendar_is_tight(const struct planning_request *request,
                                const struct planning *planning)
{
    struct outlook look;
    struct utc end;
    int64_t have_us = 0;
    if (look_ahead(request, &look) != FUO_OK) {
        return false;
    }
    enum calendar_error error = end_of(&look, request, planning, true, &end);
    return ends_late(&look, error, end) ||
           cannot_end(&look, slowest_us(planning), planning->p90_us, &have_us);
}

/* ---- as JSON ---- */

static struct json_object *local_time(struct zone *zone, struct utc at)
{
    char text[LOCAL_SIZE];
    return json_object_new_string(local_text(zone, at, text));
}

static struct json_object *render_windows(const struct outlook *look)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < look->windows.count; i++) {
        const struct calendar_span *span = &look->windows.spans[i];
        if (span->end.us <= look->from.us ||
            json_object_array_length(array) == WINDOWS_MAX) {
            continue;
        }
        struct json_object *object = json_object_new_object();
        render_add(object, "start", local_time(look->zone, span->start));
        if (span->end.us != INT64_MAX) {
            render_add(object, "end", local_time(look->zone, span->end));
        }
        json_object_array_add(array, object);
    }
    return array;
}

static struct json_object *render_changes(const struct outlook *look, struct utc until)
{
    struct json_object *array = json_object_new_array();
    struct zone_change change;
    struct utc from = look->from;
    while (json_object_array_length(array) < CHANGES_MAX &&
           zone_next_change(look->zone, from, until, &change)) {
        struct json_object *object = json_object_new_object();
        render_add(object, "before",
                   local_time(look->zone, utc_after(change.at, -SECONDS_US(1))));
        render_add(object, "after", local_time(look->zone, change.at));
        json_object_array_add(array, object);
        from = change.at;
    }
    return array;
}

static void add_end(struct json_object *object, const char *key, struct zone *zone,
                    struct utc end)
{
    if (end.us != INT64_MAX && end.us != INT64_MIN) {
        render_add(object, key, local_time(zone, end));
    }
}

struct json_object *planning_calendar_render(const struct planning_request *request,
                                             const struct planning *planning)
{
    struct outlook look;
    if (look_ahead(request, &look) != FUO_OK || !look.restricted) {
        return NULL;
    }
    struct utc end;
    struct utc end_p90;
    (void)end_of(&look, request, planning, false, &end);
    (void)end_of(&look, request, planning, true, &end_p90);
    struct utc known = utc_min(end_p90, look.term.deadline);
    if (known.us == INT64_MAX) { /* it goes on beyond the windows that are known */
        known = utc_min(look.windows.until, utc_after(look.from, WINDOWS_AHEAD_US));
    }
    struct json_object *object = json_object_new_object();
    render_add_text(object, "timezone", request->spec->schedule.timezone);
    add_end(object, "not_before", look.zone, look.term.not_before);
    add_end(object, "deadline", look.zone, look.term.deadline);
    render_add(object, "windows", render_windows(&look));
    render_add(object, "clock_changes", render_changes(&look, known));
    add_end(object, "end", look.zone, end);
    add_end(object, "end_p90", look.zone, end_p90);
    return object;
}

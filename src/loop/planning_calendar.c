/* SPDX-License-Identifier: MIT */
#include "loop/planning_calendar.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/zone.h"
#include "io/rfc3339.h"
#include "loop/render.h"
#include "loop/windows.h"

enum {
    SHOWN_MAX = 7,   /* windows, and changes of the clock */
    LEAST_FRAMES = 2 /* of a session */
};

struct open_spans {
    struct schedule_spans storage;
    struct engine_windows windows; /* spans NULL: always open */
};

static int open_at(const struct planning_request *request, struct open_spans *open)
{
    static const struct windows none;
    return windows_resolve(request->windows != NULL ? request->windows : &none,
                           &request->spec->schedule, request->now, &open->storage,
                           &open->windows);
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

/* The end of so much sending; UTC_NEVER: later than the windows that are known. */
static enum calendar_error end_of(const struct open_spans *open, int64_t interval_us,
                                  struct utc from, int64_t duration_us, struct utc *end)
{
    const struct calendar_request request = {
        .duration_us = duration_us,
        .shortest_us = LEAST_FRAMES * interval_us,
        .not_before = from,
        .deadline = UTC_NEVER,
        .windows = {open->windows.spans, open->windows.count},
    };
    struct calendar_course course;
    enum calendar_error error = calendar_course(&request, &course);
    *end = error == CALENDAR_OK ? course.sessions[course.count - 1].end : UTC_NEVER;
    return error;
}

int planning_calendar_check(const struct planning_request *request,
                            const struct planning *planning, struct diag_list *diags)
{
    struct open_spans open;
    struct utc end;
    int err = open_at(request, &open);
    if (err != FUO_OK || open.windows.spans == NULL) {
        return err;
    }
    enum calendar_error error =
        end_of(&open, slowest_us(planning), request->now, planning->p50_us, &end);
    if (error != CALENDAR_SHORT_WINDOWS) {
        return FUO_OK; /* the end may lie beyond what is known */
    }
    int64_t least_s = LEAST_FRAMES * slowest_us(planning) / SECONDS_US(1) + 1;
    diag_error(
        diags,
        &(struct diag_place){.file = request->file, .path = "spec.schedule.windows"},
        "no window of the coming weeks is long enough for two frames, which take "
        "%lld s: make them longer, or remove blackouts",
        (long long)least_s);
    return FUO_ERANGE;
}

/* ---- as JSON ---- */

/* RFC 3339, local with the offset. */
static struct json_object *local_time(struct zone *zone, struct utc at)
{
    char text[RFC3339_SIZE + 8];
    int64_t offset_us = zone_offset_us(zone, at);
    int64_t minutes = llabs(offset_us) / MINUTES_US(1);
    rfc3339_format_s(utc_after(at, offset_us), text);
    size_t len = sizeof("2026-03-01T12:00:00") - 1;
    snprintf(text + len, sizeof(text) - len, "%c%02d:%02d", offset_us < 0 ? '-' : '+',
             (int)(minutes / 60 % 24), (int)(minutes % 60));
    return json_object_new_string(text);
}

static struct json_object *render_windows(const struct open_spans *open,
                                          struct zone *zone, struct utc now)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < open->windows.count; i++) {
        const struct calendar_span *span = &open->windows.spans[i];
        if (span->end.us <= now.us || json_object_array_length(array) == SHOWN_MAX) {
            continue;
        }
        struct json_object *object = json_object_new_object();
        render_add(object, "start", local_time(zone, span->start));
        if (span->end.us != INT64_MAX) {
            render_add(object, "end", local_time(zone, span->end));
        }
        json_object_array_add(array, object);
    }
    return array;
}

static struct json_object *render_changes(struct zone *zone, struct utc from,
                                          struct utc until)
{
    struct json_object *array = json_object_new_array();
    struct zone_change change;
    while (json_object_array_length(array) < SHOWN_MAX &&
           zone_next_change(zone, from, until, &change)) {
        struct json_object *object = json_object_new_object();
        render_add(object, "before",
                   local_time(zone, utc_after(change.at, -SECONDS_US(1))));
        render_add(object, "after", local_time(zone, change.at));
        json_object_array_add(array, object);
        from = change.at;
    }
    return array;
}

static void add_end(struct json_object *object, const char *key, struct zone *zone,
                    struct utc end)
{
    if (end.us != INT64_MAX) {
        render_add(object, key, local_time(zone, end));
    }
}

struct json_object *planning_calendar_render(const struct planning_request *request,
                                             const struct planning *planning)
{
    struct open_spans open;
    struct zone *zone = zone_find(request->spec->schedule.timezone);
    if (zone == NULL || open_at(request, &open) != FUO_OK || open.windows.spans == NULL) {
        return NULL;
    }
    struct utc now = request->now;
    struct utc end;
    struct utc end_p90;
    int64_t interval_us = slowest_us(planning);
    (void)end_of(&open, interval_us, now, planning->p50_us, &end);
    (void)end_of(&open, interval_us, now, planning->p90_us, &end_p90);
    struct utc known =
        utc_min(end_p90, utc_min(open.windows.until, utc_after(now, DAYS_US(62))));
    struct json_object *object = json_object_new_object();
    render_add_text(object, "timezone", request->spec->schedule.timezone);
    render_add(object, "windows", render_windows(&open, zone, now));
    render_add(object, "clock_changes", render_changes(zone, now, known));
    add_end(object, "end", zone, end);
    add_end(object, "end_p90", zone, end_p90);
    return object;
}

/* SPDX-License-Identifier: MIT */
#include "config/schedule.h"

#include <string.h>

#include "base/sort.h"
#include "config/option_text.h"
#include "config/zone.h"

enum { DAYS_A_WEEK = 7, EPOCH_WEEKDAY = 3 /* 1970-01-01 was a Thursday; Monday is 0 */ };

const struct window_doc *schedule_named(const struct schedule_names *names,
                                        const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->windows[i]->name, name) == 0) {
            return names->windows[i];
        }
    }
    return NULL;
}

bool schedule_is_restricted(const struct spec_schedule *schedule)
{
    return schedule->window_count > 0 || schedule->blackout_count > 0;
}

static struct utc moment(struct zone *zone, const char *text, enum zone_pick pick)
{
    int64_t local_us = 0;
    (void)text_local_time(text, &local_us); /* checked when the file was read */
    return zone_to_utc(zone, local_us, pick);
}

int schedule_term(const struct spec_schedule *schedule, struct schedule_term *term)
{
    struct zone *zone = zone_find(schedule->timezone);
    if (zone == NULL) {
        return FUO_ENOENT;
    }
    *term = (struct schedule_term){{INT64_MIN}, UTC_NEVER};
    if (schedule->not_before != NULL) {
        term->not_before = moment(zone, schedule->not_before, ZONE_LAST);
    }
    if (schedule->deadline != NULL) {
        term->deadline = moment(zone, schedule->deadline, ZONE_FIRST);
    }
    return FUO_OK;
}

/* ---- windows ---- */

static bool starts_earlier(const void *context, const void *a, const void *b)
{
    (void)context;
    const struct calendar_span *x = a;
    const struct calendar_span *y = b;
    return x->start.us < y->start.us;
}

/* In order; what touches becomes one. */
static void merge(struct schedule_spans *s)
{
    size_t kept = 0;
    sort_items(s->spans, s->count, sizeof(s->spans[0]), starts_earlier, NULL);
    for (size_t i = 0; i < s->count; i++) {
        struct calendar_span *last = kept > 0 ? &s->spans[kept - 1] : NULL;
        if (last != NULL && s->spans[i].start.us <= last->end.us) {
            last->end.us =
                last->end.us > s->spans[i].end.us ? last->end.us : s->spans[i].end.us;
        } else {
            s->spans[kept++] = s->spans[i];
        }
    }
    s->count = kept;
}

static struct calendar_span window_on(struct zone *zone, const struct spec_window *window,
                                      int64_t day)
{
    int64_t end_day = window->end_minute > window->start_minute ? day : day + 1;
    int64_t start_us = DAYS_US(day) + MINUTES_US(window->start_minute);
    int64_t end_us = DAYS_US(end_day) + MINUTES_US(window->end_minute);
    return (struct calendar_span){zone_to_utc(zone, start_us, ZONE_FIRST),
                                  zone_to_utc(zone, end_us, ZONE_FIRST)};
}

static void add_day(struct schedule_spans *s, const struct spec_schedule *schedule,
                    struct zone *zone, int64_t day)
{
    int weekday = (int)((day + EPOCH_WEEKDAY) % DAYS_A_WEEK);
    for (size_t i = 0; i < schedule->window_count; i++) {
        const struct spec_window *window = &schedule->windows[i];
        if ((window->day_mask & (1U << weekday)) == 0) {
            continue;
        }
        struct calendar_span span = window_on(zone, window, day);
        if (span.start.us < span.end.us) { /* else a change of the clock skips it */
            s->spans[s->count++] = span;
        }
    }
}

/* Day by day, as long as there is room for all windows of a day. */
static void add_windows(struct schedule_spans *s, const struct spec_schedule *schedule,
                        struct zone *zone, struct utc from, struct utc until)
{
    int64_t day = (from.us + zone_offset_us(zone, from)) / DAYS_US(1) - 1;
    int64_t last_day = (until.us + zone_offset_us(zone, until)) / DAYS_US(1);
    s->until = until;
    for (; day <= last_day; day++) {
        if (s->count + schedule->window_count > SCHEDULE_SPANS_MAX) {
            s->until = zone_to_utc(zone, DAYS_US(day), ZONE_FIRST);
            break;
        }
        add_day(s, schedule, zone, day);
        merge(s);
    }
}

/* ---- blackouts ---- */

static struct calendar_span local_span(struct zone *zone, const char *from,
                                       const char *to)
{
    return (struct calendar_span){moment(zone, from, ZONE_FIRST),
                                  moment(zone, to, ZONE_LAST)};
}

static int blackout_span(const struct schedule_names *names, struct zone *zone,
                         const struct spec_blackout *blackout, struct calendar_span *span)
{
    if (blackout->window == NULL) {
        *span = local_span(zone, blackout->from, blackout->to);
        return FUO_OK;
    }
    const struct window_doc *window = schedule_named(names, blackout->window);
    zone = window != NULL ? zone_find(window->timezone) : NULL;
    if (zone == NULL) {
        return FUO_ENOENT;
    }
    *span = local_span(zone, window->from, window->to);
    return FUO_OK;
}

/* What is left of a span around another. */
static size_t around(struct calendar_span span, const struct calendar_span *taken,
                     struct calendar_span left[static 2])
{
    size_t n = 0;
    if (taken->end.us <= span.start.us || taken->start.us >= span.end.us) {
        left[n++] = span;
        return n;
    }
    if (span.start.us < taken->start.us) {
        left[n++] = (struct calendar_span){span.start, taken->start};
    }
    if (taken->end.us < span.end.us) {
        left[n++] = (struct calendar_span){taken->end, span.end};
    }
    return n;
}

/* A blackout can make two spans of one; what has no room any more is not known. */
static void subtract(struct schedule_spans *s, const struct calendar_span *taken)
{
    for (size_t i = 0; i < s->count;) {
        struct calendar_span left[2];
        size_t n = around(s->spans[i], taken, left);
        if (n == 2 && s->count == SCHEDULE_SPANS_MAX) {
            s->until = utc_min(s->until, s->spans[--s->count].start);
            continue;
        }
        memmove(&s->spans[i + n], &s->spans[i + 1],
                (s->count - i - 1) * sizeof(s->spans[0]));
        memcpy(&s->spans[i], left, n * sizeof(left[0]));
        s->count = s->count - 1 + n;
        i += n;
    }
}

/* ---- all of it ---- */

/* Every name is known. */
static int check_names(const struct spec_schedule *schedule,
                       const struct schedule_names *names, struct zone *zone)
{
    int err = zone != NULL ? FUO_OK : FUO_ENOENT;
    for (size_t i = 0; err == FUO_OK && i < schedule->blackout_count; i++) {
        struct calendar_span span;
        err = blackout_span(names, zone, &schedule->blackouts[i], &span);
    }
    return err;
}

int schedule_spans(const struct spec_schedule *schedule,
                   const struct schedule_names *names, struct utc from, struct utc until,
                   struct schedule_spans *out)
{
    struct zone *zone = zone_find(schedule->timezone);
    int err = check_names(schedule, names, zone);
    if (err != FUO_OK) {
        return err;
    }
    out->count = 0;
    if (schedule->window_count == 0) {
        out->spans[out->count++] = (struct calendar_span){from, UTC_NEVER};
        out->until = UTC_NEVER;
    } else {
        add_windows(out, schedule, zone, from, until);
    }
    for (size_t i = 0; i < schedule->blackout_count; i++) {
        struct calendar_span taken = {0};
        err = blackout_span(names, zone, &schedule->blackouts[i], &taken);
        subtract(out, &taken);
    }
    subtract(out, &(struct calendar_span){{INT64_MIN}, from});
    if (out->until.us != INT64_MAX) {
        subtract(out, &(struct calendar_span){out->until, UTC_NEVER});
    }
    return err;
}

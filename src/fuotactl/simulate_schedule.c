/* SPDX-License-Identifier: MIT */
#include "fuotactl/simulate_schedule.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/option_text.h"
#include "config/zone.h"
#include "io/clock.h"
#include "io/rfc3339.h"

#define BEFORE_US  DAYS_US(2) /* windows that are open at the start */
#define HORIZON_US DAYS_US(400)
#define EXTRA_US   DAYS_US(60) /* for waiting from one window to the next */

/* ---- making ---- */

int simulate_schedule_start(const struct spec_schedule *spec, const char *text,
                            struct utc *start)
{
    int64_t local_us = 0;
    struct clock clock;
    struct zone *zone = zone_find(spec->timezone);
    if (zone == NULL) {
        return FUO_EINVAL;
    }
    if (text != NULL) {
        bool read = text_local_time(text, &local_us);
        *start = zone_to_utc(zone, local_us, ZONE_FIRST);
        return read ? FUO_OK : FUO_EINVAL;
    }
    int err = clock_init(&clock, NULL);
    *start = err == FUO_OK ? clock_utc(&clock) : (struct utc){0};
    return err;
}

static struct utc from_start(const struct simulate_schedule *s, struct utc at)
{
    if (at.us != INT64_MAX && at.us != INT64_MIN) {
        at.us -= s->start.us;
    }
    return at;
}

static void shift(struct simulate_schedule *s)
{
    for (size_t i = 0; i < s->spans.count; i++) {
        s->spans.spans[i].start = from_start(s, s->spans.spans[i].start);
        s->spans.spans[i].end = from_start(s, s->spans.spans[i].end);
    }
    s->spans.until = from_start(s, s->spans.until);
    s->term.not_before = from_start(s, s->term.not_before);
    s->term.deadline = from_start(s, s->term.deadline);
}

int simulate_schedule_make(const struct spec_schedule *spec, struct utc start,
                           struct simulate_schedule *schedule)
{
    static const struct schedule_names none;
    *schedule = (struct simulate_schedule){
        .spec = spec, .start = start, .restricted = schedule_is_restricted(spec)};
    schedule->given =
        schedule->restricted || spec->not_before != NULL || spec->deadline != NULL;
    int err = schedule_term(spec, &schedule->term);
    if (err == FUO_OK && schedule->restricted) {
        err = schedule_spans(spec, &none, utc_after(schedule->start, -BEFORE_US),
                             utc_after(schedule->start, HORIZON_US), &schedule->spans);
    }
    shift(schedule);
    return err;
}

/* ---- using ---- */

int64_t simulate_schedule_extra_us(const struct simulate_schedule *schedule)
{
    int64_t later_us =
        schedule->term.not_before.us > 0 ? schedule->term.not_before.us : 0;
    return later_us + (schedule->restricted ? EXTRA_US : 0);
}

void simulate_schedule_give(const struct simulate_schedule *schedule,
                            struct world_campaign *campaign)
{
    campaign->not_before = schedule->term.not_before;
    campaign->deadline = schedule->term.deadline;
    if (schedule->restricted) {
        campaign->windows = schedule->spans.spans;
        campaign->window_count = schedule->spans.count;
        campaign->windows_until = schedule->spans.until;
    }
}

static bool is_open(const struct simulate_schedule *s, int64_t from_us, int64_t to_us)
{
    const struct calendar_windows windows = {s->spans.spans, s->spans.count};
    bool open = !s->restricted ||
                calendar_open_until(&windows, (struct utc){from_us}).us >= to_us;
    bool late = s->spec->end_behavior != SPEC_END_DRAIN && to_us > s->term.deadline.us;
    return open && !late && from_us >= s->term.not_before.us;
}

size_t simulate_schedule_violations(const struct simulate_schedule *schedule,
                                    const struct world_trace *trace, size_t campaign)
{
    size_t count = 0;
    for (size_t i = 0; i < trace->frame_count; i++) {
        const struct world_frame *f = &trace->frames[i];
        count += f->kind != WORLD_FRAME_UNICAST &&
                 trace->transmissions[f->transmission].campaign == campaign &&
                 !is_open(schedule, f->at_us, f->at_us + f->airtime_us);
    }
    return count;
}

const char *simulate_schedule_time(const struct simulate_schedule *schedule,
                                   int64_t from_start_us, char text[SIMULATE_TIME_SIZE])
{
    struct utc at = utc_after(schedule->start, from_start_us);
    int64_t offset_us = zone_offset_us(zone_find(schedule->spec->timezone), at);
    int64_t minutes = llabs(offset_us) / MINUTES_US(1);
    rfc3339_format_s(utc_after(at, offset_us), text);
    size_t len = sizeof("2026-03-01T12:00:00") - 1;
    snprintf(text + len, SIMULATE_TIME_SIZE - len, "%c%02d:%02d",
             offset_us < 0 ? '-' : '+', (int)(minutes / 60 % 24), (int)(minutes % 60));
    return text;
}

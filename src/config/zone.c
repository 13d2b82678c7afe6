/* SPDX-License-Identifier: MIT */
#include "config/zone.h"

#include <string.h>

#include <libical/ical.h>

/* Zones change their clocks by less than that, and less often. */
#define NEAR_US DAYS_US(1)

struct zone *zone_find(const char *name)
{
    icaltimezone *zone = strcmp(name, "UTC") == 0
                             ? icaltimezone_get_utc_timezone()
                             : icaltimezone_get_builtin_timezone(name);
    return (struct zone *)zone;
}

static int64_t whole_s(int64_t us)
{
    return us / SECONDS_US(1) - (us % SECONDS_US(1) < 0);
}

int64_t zone_offset_us(struct zone *zone, struct utc at)
{
    icaltimezone *utc = icaltimezone_get_utc_timezone();
    if ((icaltimezone *)zone == utc) {
        return 0;
    }
    struct icaltimetype time = icaltime_from_timet_with_zone(whole_s(at.us), 0, utc);
    int summer;
    return SECONDS_US(
        icaltimezone_get_utc_offset_of_utc_time((icaltimezone *)zone, &time, &summer));
}

/* The offset is another at `high` than at `low`: from which second on. */
static struct utc change_between(struct zone *zone, struct utc low, struct utc high)
{
    int64_t before_us = zone_offset_us(zone, low);
    int64_t low_s = whole_s(low.us);
    int64_t high_s = whole_s(high.us);
    while (high_s - low_s > 1) {
        int64_t middle_s = low_s + (high_s - low_s) / 2;
        struct utc middle = {SECONDS_US(middle_s)};
        if (zone_offset_us(zone, middle) == before_us) {
            low_s = middle_s;
        } else {
            high_s = middle_s;
        }
    }
    return (struct utc){SECONDS_US(high_s)};
}

bool zone_next_change(struct zone *zone, struct utc after, struct utc until,
                      struct zone_change *change)
{
    int64_t before_us = zone_offset_us(zone, after);
    while (after.us < until.us) {
        struct utc next = utc_min(utc_after(after, NEAR_US), until);
        int64_t after_us = zone_offset_us(zone, next);
        if (after_us != before_us) {
            *change = (struct zone_change){.at = change_between(zone, after, next),
                                           .before_us = before_us,
                                           .after_us = after_us};
            return true;
        }
        after = next;
    }
    return false;
}

struct utc zone_to_utc(struct zone *zone, int64_t local_us, enum zone_pick pick)
{
    struct utc low = {local_us - NEAR_US};
    struct utc high = {local_us + NEAR_US};
    int64_t before_us = zone_offset_us(zone, low);
    int64_t after_us = zone_offset_us(zone, high);
    struct utc early = {local_us - before_us};
    struct utc late = {local_us - after_us};
    if (before_us == after_us) {
        return early;
    }
    struct utc change = change_between(zone, low, high);
    bool is_before = early.us < change.us;
    bool is_after = late.us >= change.us;
    if (is_before && is_after) {
        return pick == ZONE_FIRST ? early : late;
    }
    return is_before ? early : is_after ? late : change;
}

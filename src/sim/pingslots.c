/* SPDX-License-Identifier: MIT */
#include "sim/pingslots.h"

enum {
    SLACK_MS = 5, /* of its receive window, either way */
};

static int64_t gps_ms_of(struct utc t)
{
    int64_t ms = t.us / 1000 - (t.us % 1000 < 0);
    return ms - (GPS_EPOCH_UNIX_S - GPS_LEAP_S) * 1000;
}

struct utc pingslots_next(struct utc after, uint32_t addr, uint8_t periodicity_exp)
{
    int64_t slot_ms = 0;
    if (pingslot_next_after(gps_ms_of(after), addr, periodicity_exp, &slot_ms) !=
        FUO_OK) {
        return UTC_NEVER;
    }
    return (struct utc){(slot_ms + (GPS_EPOCH_UNIX_S - GPS_LEAP_S) * 1000) * 1000};
}

bool pingslots_is_one(struct utc start, uint32_t addr, uint8_t periodicity_exp)
{
    struct utc slot =
        pingslots_next(utc_after(start, -MILLIS_US(SLACK_MS + 1)), addr, periodicity_exp);
    return slot.us <= utc_after(start, MILLIS_US(SLACK_MS)).us;
}

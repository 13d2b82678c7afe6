/* SPDX-License-Identifier: MIT */
/*
 * time.h - the three kinds of time, which must not be mixed.
 *
 * struct instant  the engine's monotonic clock; never persisted
 * struct utc      Unix time; what is persisted and shown
 * struct gps      GPS seconds modulo 2^32, no leap seconds; what LoRaWAN speaks (TS003 2)
 *
 * Each is wrapped in a struct so that the compiler keeps them apart. Durations are plain
 * int64_t with the unit in the name. There is deliberately no now() here: time comes in
 * with the event.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct instant {
    int64_t us;
};

struct utc {
    int64_t us; /* since 1970-01-01T00:00:00Z */
};

struct gps {
    uint32_t s; /* since 1980-01-06T00:00:00Z, modulo 2^32 */
};

/* Durations as literals: MINUTES_US(30). */
#define MILLIS_US(ms) (INT64_C(1000) * (ms))
#define SECONDS_US(s) (INT64_C(1000000) * (s))
#define MINUTES_US(m) SECONDS_US(INT64_C(60) * (m))
#define HOURS_US(h)   MINUTES_US(INT64_C(60) * (h))
#define DAYS_US(d)    HOURS_US(INT64_C(24) * (d))

#define INSTANT_NEVER ((struct instant){INT64_MAX})
#define UTC_NEVER     ((struct utc){INT64_MAX})

/* GPS epoch in Unix seconds, and the GPS-UTC offset in force since 2017-01-01. */
#define GPS_EPOCH_UNIX_S INT64_C(315964800)
#define GPS_LEAP_S       INT64_C(18)

static inline int64_t time_add_saturated(int64_t t_us, int64_t delay_us)
{
    int64_t sum;
    if (__builtin_add_overflow(t_us, delay_us, &sum)) {
        return delay_us < 0 ? INT64_MIN : INT64_MAX;
    }
    return sum;
}

static inline struct instant instant_after(struct instant t, int64_t delay_us)
{
    return (struct instant){time_add_saturated(t.us, delay_us)};
}

static inline bool instant_reached(struct instant deadline, struct instant now)
{
    return now.us >= deadline.us;
}

static inline struct utc utc_after(struct utc t, int64_t delay_us)
{
    return t.us == INT64_MAX ? t : (struct utc){time_add_saturated(t.us, delay_us)};
}

static inline bool utc_reached(struct utc deadline, struct utc now)
{
    return now.us >= deadline.us;
}

static inline struct utc utc_min(struct utc a, struct utc b)
{
    return a.us < b.us ? a : b;
}

/* Rounds down to the second, modulo 2^32. */
static inline struct gps gps_from_utc(struct utc t)
{
    int64_t s = t.us / 1000000;
    if (t.us % 1000000 < 0) {
        s--;
    }
    return (struct gps){(uint32_t)(s - GPS_EPOCH_UNIX_S + GPS_LEAP_S)};
}

/* a - b modulo 2^32, taken as int32: right for every device epoch (TS003 2). */
static inline int32_t gps_diff_s(struct gps a, struct gps b)
{
    return (int32_t)(a.s - b.s);
}

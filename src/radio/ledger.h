/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - airtime of one gateway in one sub-band over the sliding hour.
 *
 * Two rules hold for whatever ledger_charge_within() admits, in every sliding hour, and for
 * what is booked at the time that ledger_earliest_within() gives:
 *   own + others <= limit          the law, as far as others are recorded; or less: the
 *                                  ceiling that the server sets for our priority
 *   own <= own_cap                 min(share, 1 - reserve, ceiling) of the limit
 * The reserve stands for traffic that nobody reports; see design 5.
 *
 * Time is cut into buckets of 15 s, a frame is split exactly at their borders, and every
 * run of 241 buckets is kept within the limits. It covers every hour, aligned or not, so
 * the error is upward only (at most 15 s of airtime history, 0.42 % of the hour). Where
 * frames may go out late_us later than charged, the runs are longer by that, so that the
 * rules hold for the air and not for the book alone, whether corrections come or not.
 *
 * Charging in order of time costs O(1) amortised. A charge may lie behind the latest one by
 * up to LEDGER_LATE_US, at a cost that grows with the buckets between them. Fixed size, no
 * pointers: copy it to plan ahead. To restore one, record again what it was told.
 *
 * UTC in, no clock of its own: a start in the far future makes it forget the past, so the
 * caller checks times that come from outside against now. After a step of the wall clock
 * call ledger_shift().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/error.h"

enum {
    LEDGER_BUCKET_S = 15,
    LEDGER_WINDOW = 3600 / LEDGER_BUCKET_S + 1,
    LEDGER_DELAY_S = 60, /* of a frame, at most */
    LEDGER_WINDOW_MAX = LEDGER_WINDOW + LEDGER_DELAY_S / LEDGER_BUCKET_S,
    LEDGER_BUCKETS = 320,
    LEDGER_LATE_BUCKETS = LEDGER_BUCKETS - LEDGER_WINDOW_MAX,
};

#define LEDGER_BUCKET_US SECONDS_US(LEDGER_BUCKET_S)
#define LEDGER_LATE_US   (LEDGER_LATE_BUCKETS * LEDGER_BUCKET_US) /* 18 min 45 s */

enum ledger_model {
    LEDGER_SLIDING_HOUR,
    LEDGER_OFF_TIME, /* also silent for airtime / limit after a frame (Basics Station) */
};

enum ledger_who {
    LEDGER_OWN,
    LEDGER_OTHERS,
};

struct ledger_config {
    uint32_t limit_ppm;   /* of time, by law: subband.h */
    uint32_t share_ppm;   /* of the limit, for campaigns: 600000 */
    uint32_t reserve_ppm; /* of the limit, for what we do not see: 400000; 0 with a tap */
    enum ledger_model model;
    uint32_t ceiling_ppm; /* of the limit, for all traffic; 0: none */
    uint32_t late_us;     /* a frame goes out up to that later than charged */
};

/* For one frame, beside the ledger's own; zeroed members add nothing. */
struct ledger_caps {
    int64_t own_us;       /* per hour: the share of a campaign */
    uint32_t ceiling_ppm; /* of the frame's priority */
};

/* Opaque to callers but of a known, fixed size. */
struct ledger {
    struct ledger_config config;
    int64_t limit_us;       /* per hour */
    int64_t total_cap_us;   /* per hour: the limit, or the ceiling */
    int64_t own_cap_us;     /* per hour */
    int32_t window;         /* buckets of a run */
    int64_t head;           /* number of the latest bucket in use, counted from 1970 */
    int32_t head_slot;      /* where it is in bucket_us */
    int64_t sum_us[2];      /* by enum ledger_who, of the window that ends at head */
    int64_t quiet_until_us; /* LEDGER_OFF_TIME */
    uint32_t bucket_us[2][LEDGER_BUCKETS];
};

/* What one bucket holds. */
struct ledger_entry {
    struct utc start; /* of the bucket */
    uint32_t own_us;
    uint32_t others_us;
};

/*
 * An empty ledger. FUO_ERANGE if limit_ppm is 0, any share is above 1 000 000 or late_us
 * above LEDGER_DELAY_S; then *l is untouched.
 */
FUO_MUST_CHECK int ledger_init(struct ledger *l, const struct ledger_config *config);

/* The most that all traffic together may use in an hour. */
static inline int64_t ledger_total_cap_us(const struct ledger *l)
{
    return l->total_cap_us;
}

/* The most campaigns may use in an hour. */
static inline int64_t ledger_own_cap_us(const struct ledger *l)
{
    return l->own_cap_us;
}

/*
 * Admit and book a frame of ours that starts at `start`. Nothing is booked on failure:
 * FUO_EDUTY if some sliding hour would exceed a limit, or the gateway is in its off time;
 * FUO_ERANGE if airtime_us is not in 1..LEDGER_BUCKET_US, or start is before 1970 or further
 * behind the latest charge than LEDGER_LATE_US. caps: of the frame; NULL: none.
 */
FUO_MUST_CHECK int ledger_charge_within(struct ledger *l, struct utc start,
                                        int64_t airtime_us,
                                        const struct ledger_caps *caps);

/*
 * Book a fact, whether it fits or not: traffic of others, or a frame of ours that went out
 * at another time than it was charged for. What is older than the ledger remembers, or not
 * positive, is ignored.
 */
void ledger_record(struct ledger *l, enum ledger_who who, struct utc start,
                   int64_t airtime_us);

/*
 * Take back a charge that was not transmitted; same start and airtime as charged. The off
 * time after it stays: a later frame may rest on it.
 */
void ledger_refund(struct ledger *l, struct utc start, int64_t airtime_us);

/*
 * The earliest time >= now at which ledger_charge_within() succeeds, if nothing else is
 * booked meanwhile; searched by whole buckets after now. UTC_NEVER if it never fits.
 */
struct utc ledger_earliest_within(const struct ledger *l, struct utc now,
                                  int64_t airtime_us, const struct ledger_caps *caps);

/* The most that any run holds which a frame at now would be part of: what is booked for later
 * counts, too. */
int64_t ledger_peak_us(const struct ledger *l, enum ledger_who who, struct utc now);

/* Airtime in the hour that ends at now, rounded up to whole buckets. */
int64_t ledger_used_us(const struct ledger *l, enum ledger_who who, struct utc now);

/* The clock was stepped by delta_us: move the history along, upward to a whole bucket. */
void ledger_shift(struct ledger *l, int64_t delta_us);

/* Non-empty buckets, oldest first; entries has room for LEDGER_BUCKETS. Returns how many. */
size_t ledger_save(const struct ledger *l, struct ledger_entry *entries);

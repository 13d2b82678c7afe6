/* SPDX-License-Identifier: MIT */
/*
 * ledger_fixture.h - ledgers, what is done with them in tests, and the time at which these
 * begin.
 */
#pragma once

#include "test.h"

#include "radio/ledger.h"

#define T0 SECONDS_US(1800000000)
#define CONFIG(limit, share, reserve, rule)                                   \
    {                                                                         \
        .limit_ppm = (limit), .share_ppm = (share), .reserve_ppm = (reserve), \
        .model = (rule)                                                       \
    }

static const struct ledger_config ten_percent = {
    .limit_ppm = 100000, .share_ppm = 600000, .reserve_ppm = 0};
static const struct ledger_config all_of_ten_percent = {
    .limit_ppm = 100000, .share_ppm = 1000000, .reserve_ppm = 0};

static inline struct utc at_us(int64_t offset_us)
{
    return (struct utc){T0 + offset_us};
}

static inline struct ledger ledger_of(const struct ledger_config *config)
{
    struct ledger l;
    assert_int_equal(ledger_init(&l, config), FUO_OK);
    return l;
}

static inline int charge(struct ledger *l, struct utc start, int64_t airtime_us)
{
    return ledger_charge_within(l, start, airtime_us, NULL);
}

static inline struct utc earliest(const struct ledger *l, struct utc now,
                                  int64_t airtime_us)
{
    return ledger_earliest_within(l, now, airtime_us, NULL);
}

/* The frame went out at sent_at, charged to the ledger `sent`; NULL: nowhere. */
static inline void correct(struct ledger *charged, struct utc start, int64_t airtime_us,
                           struct ledger *sent, struct utc sent_at)
{
    ledger_refund(charged, start, airtime_us);
    if (sent != NULL) {
        ledger_record(sent, LEDGER_OWN, sent_at, airtime_us);
    }
}

/* The bucket that begins at or before t and holds it; zeros if it is empty. */
static inline struct ledger_entry entry_at(const struct ledger *l, struct utc t)
{
    struct ledger_entry entries[LEDGER_BUCKETS];
    size_t count = ledger_save(l, entries);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].start.us <= t.us &&
            t.us - entries[i].start.us < LEDGER_BUCKET_US) {
            return entries[i];
        }
    }
    return (struct ledger_entry){0};
}

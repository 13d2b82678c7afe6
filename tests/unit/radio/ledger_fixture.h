/* SPDX-License-Identifier: MIT */
/* ledger_fixture.h - ledgers, and the time at which their tests begin. */
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

/* SPDX-License-Identifier: MIT */
/* airtime_used.h - what engine_budget_at() says of one gateway at one frequency. */
#pragma once

#include "engine/engine.h"

/* Airtime of campaigns in the hour that ends now. */
static inline int64_t airtime_used_us(const struct engine *engine, uint64_t gateway,
                                      uint32_t frequency_hz, struct utc now)
{
    struct engine_budget b;
    int64_t used_us = 0;
    for (size_t i = 0; engine_budget_at(engine, i, now, &b); i++) {
        if (b.gateway == gateway && frequency_hz >= b.low_hz &&
            frequency_hz <= b.high_hz) {
            used_us += b.own_us;
        }
    }
    return used_us;
}

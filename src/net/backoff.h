/* SPDX-License-Identifier: MIT */
/*
 * backoff.h - how long to wait before the next try: doubling from min to max, with jitter.
 *
 * Pure. Each delay is drawn from the upper half of the current step, so that clients that
 * lost the same server do not return together.
 */
#pragma once

#include <stdint.h>

#include "base/prng.h"

struct backoff {
    uint32_t min_ms;
    uint32_t max_ms;
    uint32_t step_ms;
    struct prng prng;
};

static inline struct backoff backoff_init(uint32_t min_ms, uint32_t max_ms, uint64_t seed)
{
    uint32_t max = max_ms < min_ms ? min_ms : max_ms;
    return (struct backoff){min_ms, max, min_ms, prng_seeded(seed)};
}

static inline void backoff_reset(struct backoff *b)
{
    b->step_ms = b->min_ms;
}

/* The delay to use now; the next one will be longer. */
static inline uint32_t backoff_next_ms(struct backoff *b)
{
    uint32_t half = b->step_ms / 2;
    uint32_t delay = b->step_ms - half + (uint32_t)prng_below(&b->prng, half + 1u);
    b->step_ms = b->step_ms > b->max_ms / 2 ? b->max_ms : b->step_ms * 2;
    return delay;
}

/* SPDX-License-Identifier: MIT */
/*
 * setup_odds.h - how long set-up takes when frames are lost: from the scenario alone.
 *
 * A class A device hears a downlink only after an uplink of its own that was received. TS005
 * and TS004 have ports of their own, so two downlinks at least have to be heard; fragments
 * by unicast would do without a group, but each takes a downlink. The best that a server can
 * do: one downlink after each uplink that it gets, from the strongest gateway, in the better
 * of the two windows, never late and never twice; an answer that is received opens the way
 * for the next one at once; what fails waits for the next regular uplink. The number of
 * intervals lost is then negative binomial, whatever the schedule: two successes, each attempt
 * one with probability
 *
 *   (1 - collisions) * (1 - product of uplink losses over all gateways)
 *                    * (1 - the smaller loss of RX1 and RX2 from the strongest gateway)
 *
 * Busy gateways, spent budgets, bursts and commands of their own for group and session make
 * it worse, nothing makes it better. Intervals count with the least that jitter leaves of
 * them. Of many independent devices the last one is much later than the latest mean: what is
 * told here is the median of the maximum. Facts: reference performance.md 3.1 (set-up bound),
 * 6. Integer arithmetic, rounded to what is sooner.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuota-bench/geometry.h"
#include "world/scenario.h"

struct setup_odds {
    int64_t soonest_us;  /* nothing fails: done then */
    int64_t interval_us; /* what a failure costs */
    int64_t success_ppb; /* of one attempt; 0: never, such a device does not count */
};

/* Fills interval_us and success_ppb. losses: those of s. */
void setup_odds_of(const struct world_scenario *s, const struct geometry_losses *losses,
                   size_t device, struct setup_odds *odds);

/* Airtime of a downlink of set-up: at the data rate of RX1 or of RX2, what is shorter. */
int64_t setup_odds_downlink_us(const struct world_scenario *s, size_t device,
                               uint32_t frm_bytes);

/* Probability that the device is done at t_us, in 1e-9. */
int64_t setup_odds_done_ppb(const struct setup_odds *odds, int64_t t_us);

/* When all of them are done in half of all cases, to the second below; 0: none counts. */
int64_t setup_odds_median_us(const struct setup_odds *odds, size_t count);

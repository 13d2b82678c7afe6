/* SPDX-License-Identifier: MIT */
/*
 * budget.h - spec.budgets of a campaign under way: airtime and duration of the whole of it.
 *
 * What is used up pauses the campaign, with the key as the reason, before it is exceeded. It
 * goes on by an operator's resume once an edited file allows more; without that, it is
 * paused again at once. Airtime is what campaign_rec.airtime_us counts: multicast frames at
 * all gateways. Duration counts from its start, pauses and soak times included.
 *
 * Listening and energy of a device are looked at by the plan alone (loop/planning_budget.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct campaign;
struct engine;

/* Pauses a campaign that runs when its duration is over. When to look again; UTC_NEVER: not
 * for this. */
struct utc budget_tick(struct engine *e, struct campaign *c);

/* Whether so much more airtime is left; else the campaign is paused. */
bool budget_admits(struct engine *e, struct campaign *c, int64_t airtime_us);

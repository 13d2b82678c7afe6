/* SPDX-License-Identifier: MIT */
/*
 * reachable.h - which devices an update can be asked of at all.
 *
 * A device is reachable if at the slowest data rate some gateway gives at least 0 dB of
 * downlink margin, mean over fading, and it sends at least one uplink in the run: it is not
 * dead, and its interval with all its jitter ends before the run does. The scenario alone
 * decides; what a planner knew, tried or gave up has no part in it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "world/scenario.h"

enum { REACHABLE_DR = 0 }; /* the slowest: no profile forbids it */

/* One flag per device; returns how many. */
size_t reachable_devices(const struct world_scenario *s, uint8_t *reachable);

/* SPDX-License-Identifier: MIT */
/*
 * pingslots.h - ping slots (crypto/pingslot.h) in UTC, as the servers and devices here see
 * them: all of them have the beacon's time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "crypto/pingslot.h"

/* The first slot that starts after `after`, strictly; UTC_NEVER if there is none. */
struct utc pingslots_next(struct utc after, uint32_t addr, uint8_t periodicity_exp);

/* Whether a frame that starts then meets a device that has just opened a slot. */
bool pingslots_is_one(struct utc start, uint32_t addr, uint8_t periodicity_exp);

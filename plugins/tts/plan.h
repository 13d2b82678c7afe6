/* SPDX-License-Identifier: MIT */
/* plan.h - frequency plans: their regions, and the data rates of uplinks. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct plan;

/* By the identifier of a frequency plan ("EU_863_870_TTN"); NULL: of no region we know. */
const struct plan *plan_find(const char *frequency_plan_id);

/* Whether it is one of that region ("EU868"). */
bool plan_has_region(const struct plan *plan, const char *region);

/* The data rate of an uplink; sf 0: FSK. FUO_DR_UNKNOWN: there is none. */
uint8_t plan_uplink_dr(const struct plan *plan, uint32_t bandwidth_hz, uint32_t sf);

/* SPDX-License-Identifier: MIT */
/* plan_bench.h - how long the planner takes over a large fleet: partition, cover, colours. */
#pragma once

#include <stdint.h>

#include "io/clock.h"

/* devices_wanted 0: 1 000 000. One JSON object on stdout. Returns the exit status. */
int plan_bench(const struct clock *clock, uint64_t seed, uint32_t devices_wanted);

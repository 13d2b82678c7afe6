/* SPDX-License-Identifier: MIT */
/*
 * rollout_bench.h - a whole rollout over 100 000 devices: how fast, and in how much memory.
 *
 * Three waves with gates, soak and an approval, nights only, reboots at a time in a window,
 * versions as proof; TS004 to TS006 of three stacks. Targets (issue "Rollout"): 200 times
 * real time on one core, and 256 bytes a device plus 64 MB, that is, of what the engine
 * holds at its peak. The resident set is that of the program: it has the simulated world,
 * and the trace, in it as well.
 */
#pragma once

#include "fuota-bench/options.h"
#include "io/clock.h"

/* The scenario's name. */
#define ROLLOUT_BENCH "rollout"

/* What counts the memory of the engine; see counted.h, which only the program has. */
struct rollout_memory {
    void (*watch)(bool inside);
    int64_t (*peak_bytes)(void);
};

/* options->devices: so many, on a smaller square; 0: 100 000. One JSON object on stdout, or a
 * table. Returns the exit status: 1 if devices are left without an outcome, or if a frame was
 * above the legal limit or outside its window. */
int rollout_bench(const struct clock *clock, const struct options *options,
                  const struct rollout_memory *memory);

/* SPDX-License-Identifier: MIT */
/*
 * timings.h - one scenario with each timing of a server: the runs, and what they were worth.
 *
 * A run has nothing in common with the next one but the scenario, and what ChirpStack's own
 * FUOTA achieves needs no run; so all of these are jobs, several at once, each in a process of
 * its own (apart.h). Runs come first, for they take longest. Timings of one margin have one
 * strategy of ChirpStack between them. Of traces only counts and sums come back then, and no
 * figures by device. Where tables are wanted, where a run tells its progress, where there is
 * one run or one processor, they are made here, one after the other. The figures are the same.
 */
#pragma once

#include "fuota-bench/figures.h"
#include "io/clock.h"

struct timings_options {
    bool wanted[WORLD_TIMING_COUNT];
    bool solver;
    bool progress; /* as in struct world_config */
    bool tables; /* keep those of the traces, gigabytes of a nation, and of strategies */
    size_t at_once;
};

/* By timing; those that were not made are zeroed. */
struct timings {
    bool ran[WORLD_TIMING_COUNT];
    struct world_trace traces[WORLD_TIMING_COUNT];
    struct figures figures[WORLD_TIMING_COUNT];
    int64_t *of_devices[2 * WORLD_TIMING_COUNT]; /* what their strategies point to */
};

/*
 * out: zeroed, and to be finished whatever is returned. FUO_EINVAL: a campaign was refused;
 * FUO_ENOMEM; FUO_EIO: a process died, which stderr was told.
 */
FUO_MUST_CHECK int timings_run(const struct clock *clock, const struct world_scenario *s,
                               const struct timings_options *options,
                               const uint8_t *reachable, struct timings *out);

void timings_finish(struct timings *t); /* accepts a zeroed one */

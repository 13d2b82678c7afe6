/* SPDX-License-Identifier: MIT */
/* options.h - the command line of fuota-bench. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "faults/faults.h"
#include "fuotad/error.h"
#include "world/world.h"

struct options {
    const char *scenario;
    uint64_t seed;
    const char *dump; /* NULL: none */
    bool json;
    bool timing_given;
    enum world_timing timing;
    bool plan_bench;
    bool progress;
    bool no_solver;
    bool faults;
    uint64_t last_seed; /* of --faults; seed, if only that was given */
    enum fault_plant plant;
    const char *folder; /* of --faults; NULL: a temporary one */
    bool verbose;
    bool months;
    bool help;
    uint32_t capture_db; /* 0: the scenario's */
    uint32_t devices;    /* 0: the scenario's; of --plan-bench */
};

/* FUO_EINVAL, and a sentence on stderr, for what is not understood or would be passed over. */
FUO_MUST_CHECK int options_parse(struct options *o, int argc, char **argv);

void options_help(FILE *to);

/* SPDX-License-Identifier: MIT */
/* report.h - figures as a table for people, or as one JSON object on one line. */
#pragma once

#include <stdio.h>

#include "fuota-bench/figures.h"

struct report {
    const struct world_scenario *scenario;
    const struct world_trace *traces; /* by timing; those not run are zeroed */
    const struct figures *figures;
    bool ran[WORLD_TIMING_COUNT];
    size_t reachable;
    int64_t wall_us;
};

void report_json(FILE *to, const struct report *r);
void report_table(FILE *to, const struct report *r);

/* SPDX-License-Identifier: MIT */
/*
 * figures.h - what one run was worth: the trace against the yardsticks.
 *
 * Ratios are computed from whole numbers at the very end. -1 stands for "does not exist".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuota-bench/yardstick.h"

struct figures {
    size_t reachable;
    size_t completed; /* of the reachable ones */
    size_t completed_all;
    int64_t makespan_us; /* to the last of the reachable ones that completed */
    int64_t t95_us;      /* -1: fewer completed */
    int64_t t99_us;
    int64_t listening_us; /* summed over the reachable ones */
    int64_t multicast_us; /* airtime, summed over gateways */
    int64_t unicast_us;
    uint64_t frames; /* multicast */
    uint32_t m_min;  /* fragments without redundancy, of all transmissions; 0: none */
    uint32_t m_max;
    uint64_t violations;
    uint64_t outcomes[8]; /* by enum outcome */
    struct bounds bounds;
    struct oracle oracle;
    struct cover_best cover;
    /* ChirpStack with its best data rate, and with DR0: they need no run, see timings.h, whose
     * is also what they have of each device. */
    struct strategy best;
    struct strategy dr0;
    int64_t wall_run_us;
    int64_t wall_yardsticks_us;
};

/* All but best, dr0 and wall times; solver: look for a better cover. FUO_ENOMEM. */
FUO_MUST_CHECK int figures_compute(const struct world_scenario *s,
                                   const struct world_trace *t, bool solver,
                                   const uint8_t *reachable, struct figures *f);

/* num / den; -1 when den is not positive or num is negative. */
double figures_ratio(int64_t num, int64_t den);

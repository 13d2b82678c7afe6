/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - the fewest fragments that would have completed the same devices on the same
 * recorded losses.
 *
 * Each transmission keeps its recorded order of sending; the oracle cuts it after the first
 * fragment at which each device that completed in it is complete, with the true TS004 rows
 * of its version and the cap of its decoder (minrank.h). A device that all of it could not
 * complete was helped by unicast: then it counts the independent fragments still missing, at
 * most what was sent. A transmission in which nobody completed is worth nothing to it.
 *
 * A fragment that several gateways send under one frame counter is one fragment, for both.
 *
 * least_any is the same for a perfect code: M different fragments, whichever.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "world/scenario.h"
#include "world/trace.h"

struct oracle {
    uint64_t sent;  /* fragments sent: multicast, and unicast tails */
    uint64_t least; /* that a clairvoyant would have sent */
    uint64_t least_any;
    uint64_t completed;    /* devices */
    uint64_t contradicted; /* complete in the trace, but neither way here; should be 0 */
};

/* FUO_ENOMEM; *out is untouched then. */
FUO_MUST_CHECK int oracle_compute(const struct world_scenario *s,
                                  const struct world_trace *t, struct oracle *out);

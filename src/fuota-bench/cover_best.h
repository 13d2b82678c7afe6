/* SPDX-License-Identifier: MIT */
/*
 * cover_best.h - gateways that sent, against the fewest that are known to do as well.
 *
 * For each transmission: the devices that accepted it, its data rate, and the gateways that
 * sent its fragments. From the true links a device asks for one gateway with at least 5 dB
 * of margin, or, if it has none with 10 dB, for two with at least 0 dB; never for more than
 * the gateways that sent give it, so that what they do is always a solution and devices that
 * they leave uncovered count for nothing. The best known cover is the better of theirs and
 * what cbc (Coin-OR, package coinor-cbc) finds in its time; its linear relaxation is the
 * lower bound. Both programs are written as a file in LP format, and the answer is parsed.
 *
 * Of a nation's thousands of transmissions, which would get no time worth the name, some are
 * looked at, that stand equally far apart in the order in which the engine made them: early ones
 * for many and late ones for few. All sums are over those.
 *
 * Without cbc there is no figure (solver is false, and all sums are 0), never a failure. Where it
 * crashes, or has found no cover in its time, nothing is known: that transmission is left out of
 * all sums, ours too. With a time limit the incumbent may differ from run to run; all_optimal
 * says whether it did not bind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "world/scenario.h"
#include "world/trace.h"

enum {
    COVER_BEST_SECONDS = 60, /* of cbc, for all transmissions of a run; each gets one */
    COVER_BEST_MANY = 600,   /* of more transmissions than that a sample is searched: */
    COVER_BEST_SAMPLE = 60,
    COVER_BEST_SINGLE_CDB = 500, /* margin wanted of a link that serves alone */
    COVER_BEST_GOOD_CDB = 1000,  /* a best link from which on one is enough */
    COVER_BEST_DOUBLE_CDB = 0,   /* of each of two */
};

struct cover_best {
    uint64_t ours;
    uint64_t best;
    uint64_t lp_milli; /* the linear relaxation, times 1000 */
    uint64_t searched; /* transmissions in the sums */
    uint64_t left_out; /* more that were looked at: cbc had no answer of use */
    bool solver;       /* cbc can be started */
    bool all_optimal;  /* of every one that was looked at */
};

/* A set multicover problem; row i: gateways columns[first[i]..first[i+1]), demand[i] of them. */
struct cover_rows {
    uint32_t *first;
    uint32_t *columns; /* ascending in each row */
    uint8_t *demand;
    size_t count;
};

/* Drop rows that another row implies. In place. FUO_ENOMEM: nothing changed. */
FUO_MUST_CHECK int cover_rows_reduce(struct cover_rows *rows);

struct cover_answer {
    uint64_t chosen;
    uint64_t lp_milli;
    bool optimal;
};

/*
 * Ask the program `solver` (a path or name; NULL: "cbc") for at most `seconds`. FUO_ENOENT if
 * there is no such program, FUO_EPROTO if it failed or its answer is of no use (no time for
 * any), FUO_EIO if no file can be written (in $TMPDIR, else /tmp), FUO_ENOMEM. *answer is
 * written only on success.
 */
FUO_MUST_CHECK int cover_best_solve(const struct cover_rows *rows, const char *solver,
                                    uint32_t seconds, struct cover_answer *answer);

/* How many of `count` transmissions are looked at, and which is the i-th of them. */
size_t cover_best_searched(size_t count);
size_t cover_best_choose(size_t count, size_t i);

/* Over those, of devices with reachable[i] != 0. FUO_ENOMEM. */
FUO_MUST_CHECK int cover_best_compute(const struct world_scenario *s,
                                      const struct world_trace *t,
                                      const uint8_t *reachable, struct cover_best *out);

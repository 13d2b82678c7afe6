/* SPDX-License-Identifier: MIT */
/*
 * minrank.h - how much of a sending order a device needed: the yardsticks' own decoder.
 *
 * It knows TS004 by its rows (fec/row.h) and nothing of payloads: uncoded fragments count
 * while they ascend and none coded came before; the first coded one freezes what is lost; a
 * coded one counts if its row, restricted to the lost columns, is independent of those
 * before. More lost than the cap allows: never. Facts: reference performance.md 2.
 *
 * Rows are computed once for all devices. Memory grows with m; not thread-safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fec/row.h"

struct minrank;

/* NULL if memory is exhausted or m is not in 1..FEC_N_MAX. */
struct minrank *minrank_create(enum fec_version version, uint32_t m);
void minrank_destroy(struct minrank *r); /* accepts NULL */

struct minrank_need {
    size_t prefix;    /* entries of the order until it is complete; 0: not within it */
    uint32_t missing; /* independent fragments still needed at its end; 0: complete */
    size_t any;       /* entries until m different fragments were heard; 0: not within */
};

/*
 * order[0..count): N of what was sent, 0 for what carries no fragment; bit i of heard says
 * whether this device got order[i]. max_lost: the most uncoded fragments its decoder may
 * miss. Overflow gives prefix 0 and missing UINT32_MAX.
 */
struct minrank_need minrank_least(struct minrank *r, const uint16_t *order,
                                  const uint64_t *heard, size_t count, uint32_t max_lost);

/* SPDX-License-Identifier: MIT */
/*
 * rank.h - a TS004 decoder without its data: which fragments came, and the rank of the coded
 * rows over those that did not.
 *
 * Behaves as fec/decode.h with FEC_ORDER_STRICT, but takes the row from the caller, who
 * computes it once for all devices that hear the frame, and grows with what is lost only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rank {
    uint16_t m;
    uint16_t max_lost; /* of uncoded fragments; m: no limit */
    uint16_t last_n;   /* the last N that came */
    uint16_t uncoded;  /* in place */
    uint16_t lost;     /* frozen by the first coded one; before: gaps seen so far */
    uint16_t missing;  /* independent fragments still needed; 0: complete */
    uint16_t heard;    /* fragments that came, repeated ones too */
    bool coded_seen;
    bool overflow;
    uint16_t
        *columns;     /* the lost ones, ascending; NULL before a coded one needs them, and
                        * when complete */
    uint64_t *matrix; /* lost rows of words(lost); row i has pivot i or is empty */
    uint64_t *pivots; /* rows in use */
    uint64_t have[];  /* uncoded fragments, as in fec/row.h */
};

/* NULL when memory is exhausted. 1 <= m <= 16383. */
struct rank *rank_create(uint16_t m, uint32_t cap_ppm);
void rank_destroy(struct rank *r); /* accepts NULL */

/*
 * Fragment n came. row is row n - m of the matrix for n > m, and not looked at else.
 * Returns whether the block has become complete by it.
 */
bool rank_push(struct rank *r, uint16_t n, const uint64_t *row);

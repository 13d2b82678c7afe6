/* SPDX-License-Identifier: MIT */
/*
 * rank.h - a TS004 decoder without its data: which fragments were lost, and the rank of the
 * coded rows over those.
 *
 * Behaves as fec/decode.h with FEC_ORDER_STRICT, but takes the row from the caller, who
 * computes it once for all devices that hear the frame, and grows with what is lost only. A
 * million of them hear hundreds of fragments each, so a fragment that follows the one before
 * changes nothing outside of struct rank, which is small enough to stand in what else is
 * looked at.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rank_lost;

/* Zeroed: there is none. Read-only for the caller. */
struct rank {
    struct rank_lost
        *list; /* of uncoded fragments; NULL: none yet, or looked at no more */
    uint16_t m;
    uint16_t max_lost; /* of uncoded fragments; m: no limit */
    uint16_t last_n;   /* the last N that came */
    uint16_t lost;     /* frozen by the first coded one; before: gaps seen so far */
    uint16_t missing;  /* independent fragments still needed; 0: complete */
    uint16_t heard;    /* fragments that came, repeated ones too */
    bool coded_seen;
    bool overflow;
};

/* r: zeroed, or finished. 1 <= m <= 16383. */
void rank_begin(struct rank *r, uint16_t m, uint32_t cap_ppm);
void rank_finish(struct rank *r); /* accepts a zeroed one */

static inline bool rank_is_there(const struct rank *r)
{
    return r->m != 0;
}

/*
 * Fragment n came. row is row n - m of the matrix for n > m, and not looked at else.
 * Returns whether the block has become complete by it. Aborts when memory is exhausted.
 */
bool rank_push(struct rank *r, uint16_t n, const uint64_t *row);

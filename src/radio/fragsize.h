/* SPDX-License-Identifier: MIT */
/*
 * fragsize.h - into how many fragments of which size a data block is cut (TS004).
 *
 * A larger fragment is always better for airtime, so the largest allowed one is taken,
 * except where it gives a number of fragments M that the TS004 code handles badly: for
 * 64 | M, M not a power of two, and for M = 96, two pairs of columns of the matrix are equal
 * in more than 99 % of the rows, v1 and v2 alike; a device that loses both of a pair needs
 * hundreds of coded fragments (reference performance.md 2.2). M below 10 makes poor rows too
 * (lorawan.md 4.6) and is avoided while a smaller size allows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    FRAGPLAN_HEADER_BYTES = 3, /* of a DataFragment command: CID, index and N */
    FRAGPLAN_COUNT_GOOD = 10,
    FRAGPLAN_COUNT_MAX = 16383, /* 14 bits: of M, and of N on air */
    FRAGPLAN_CODED_ROOM = 255,  /* numbers that a plan leaves to coded fragments: what a
                                   FragSessionStatusAns can ask for at once */
    FRAGPLAN_COUNT_PLANNED = FRAGPLAN_COUNT_MAX - FRAGPLAN_CODED_ROOM,
};

#define FRAGPLAN_SIZE_ANY UINT32_MAX

struct fragplan_limits {
    uint8_t size_min;      /* of the device; 0: 1 */
    uint8_t size_max;      /* of the device and fragplan_size_for_payload() */
    uint8_t size_multiple; /* some devices write flash in units; 0: 1 */
    uint16_t count_max;    /* of the device, largest M; 0: FRAGPLAN_COUNT_MAX */
};

struct fragplan {
    uint8_t size;    /* TS004 FragSize */
    uint16_t count;  /* TS004 NbFrag, M */
    uint8_t padding; /* TS004 Padding */
};

/* FragSize that fits an N of region_max_payload(); 0 if none does. */
static inline uint8_t fragplan_size_for_payload(uint8_t max_payload)
{
    return max_payload > FRAGPLAN_HEADER_BYTES
               ? (uint8_t)(max_payload - FRAGPLAN_HEADER_BYTES)
               : 0;
}

/* M whose matrix has twin columns: only in the order of fec/sequence.h. */
bool fragplan_count_degenerate(uint32_t count);

/*
 * Cut block_bytes into fragments of the given size. FUO_ERANGE if either is 0 or the count
 * exceeds FRAGPLAN_COUNT_PLANNED: with no number left for a coded fragment the first one that
 * is lost would end the update. *plan is untouched then. Degenerate counts are not refused.
 */
FUO_MUST_CHECK int fragplan_with_size(size_t block_bytes, uint8_t size,
                                      struct fragplan *plan);

/* What devices of both limits can take. FUO_ERANGE if nothing is; *merged untouched then. */
FUO_MUST_CHECK int fragplan_merge(const struct fragplan_limits *a,
                                  const struct fragplan_limits *b,
                                  struct fragplan_limits *merged);

/* Whether fragments of that size and number are within the limits. */
bool fragplan_fits(const struct fragplan_limits *limits, uint8_t size, uint16_t count);

/*
 * The largest size within the limits that gives a sound M, or, if none does, the largest
 * one: then the order of fec/sequence.h tells the twins apart. FUO_ERANGE if the block does
 * not fit the limits; *plan is untouched then.
 */
FUO_MUST_CHECK int fragplan_choose(size_t block_bytes,
                                   const struct fragplan_limits *limits,
                                   struct fragplan *plan);

/*
 * The same where no fragment is larger than room, and with one size only if somebody wants it:
 * FRAGPLAN_SIZE_ANY, or that size, which must be within the limits.
 */
FUO_MUST_CHECK int fragplan_cut(size_t block_bytes, const struct fragplan_limits *limits,
                                uint8_t room, uint32_t wanted, struct fragplan *plan);

/* SPDX-License-Identifier: MIT */
/*
 * row.h - the parity matrix of LoRaWAN TS004 (FragAlgo 0), one row at a time.
 *
 * Row n (n = N - M >= 1) says which of the M uncoded fragments are XORed into coded
 * fragment N. TS004-1.0.0 and TS004-2.0.0 draw from the same PRBS23 but keep different
 * rows: v1 draws M/2 times with repetition (density 0.39), v2 until M/2 distinct ones are
 * drawn (density 0.5). A v1 stream decoded as v2 yields wrong data without an error.
 *
 * A set of fragments is an array of 64-bit words: fragment i (from 0) is bit i % 64 of
 * word i / 64. Bits beyond M are 0.
 *
 * Pure; about 16 KB of stack. Facts: reference lorawan.md 4.6, performance.md 2.1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fec/isa.h"

enum fec_version {
    FEC_V1 = 1, /* TS004-1.0.0 */
    FEC_V2 = 2, /* TS004-2.0.0 */
};

enum {
    FEC_N_MAX = 16383, /* 14 bits on air; M + coded fragments stay within */
    FEC_ROW_WORDS_MAX = (FEC_N_MAX + 63) / 64,
};

/* Words that hold a set of m fragments. */
static inline size_t fec_row_words(uint32_t m)
{
    return ((size_t)m + 63) / 64;
}

static inline bool fec_row_has(const uint64_t *set, uint32_t i)
{
    return (set[i / 64] >> (i % 64) & 1) != 0;
}

static inline void fec_row_add(uint64_t *set, uint32_t i)
{
    set[i / 64] |= UINT64_C(1) << (i % 64);
}

/*
 * Write row n of the matrix for m uncoded fragments into set[0..fec_row_words(m)).
 * 1 <= m <= FEC_N_MAX, 1 <= n <= FEC_N_MAX (asserted). m = 1 has empty rows.
 */
void fec_row(enum fec_version version, uint32_t m, uint32_t n, uint64_t *set);

/* The same by a given instruction set, for tests and benchmarks. isa <= fec_isa_best(). */
void fec_row_isa(enum fec_isa isa, enum fec_version version, uint32_t m, uint32_t n,
                 uint64_t *set);

/* SPDX-License-Identifier: MIT */
/*
 * xor.h - XOR many rows of bytes into one: the inner loop of encoder and decoder.
 *
 * Rows lie back to back. The chosen ones are gathered into registers over the whole row
 * and the destination is written once. The widest vectors of the CPU at hand are used;
 * the result is the same on every CPU. Never reads a byte outside the chosen rows.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fec/isa.h"

enum {
    FEC_XOR_ROW_BYTES_MAX = 255,
};

/*
 * dst[0..row_bytes) ^= rows[i * row_bytes ..] for every i in set (row.h), which has
 * word_count words. 1 <= row_bytes <= FEC_XOR_ROW_BYTES_MAX. dst overlaps no chosen row.
 */
void fec_xor_rows(uint8_t *dst, const uint8_t *rows, size_t row_bytes,
                  const uint64_t *set, size_t word_count);

/* The same by a given instruction set, for tests and benchmarks. isa <= fec_isa_best(). */
void fec_xor_rows_isa(enum fec_isa isa, uint8_t *dst, const uint8_t *rows,
                      size_t row_bytes, const uint64_t *set, size_t word_count);

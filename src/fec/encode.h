/* SPDX-License-Identifier: MIT */
/*
 * encode.h - any fragment of a data block by its index on air (LoRaWAN TS004).
 *
 * N = 1..M are the uncoded fragments, the last one padded with zeros; N > M are coded.
 * Nothing is stored and nothing is computed ahead: a fragment costs a few microseconds and
 * takes 100 to 2800 ms on air. Output is bit-exact with TS004 v1 or v2 (row.h).
 *
 * Pure; never writes to the data block. Facts: reference lorawan.md 4.2, 4.5, 4.6.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fec/row.h"
#include "fuotad/error.h"

/* Set by fec_encoder_init(), then read-only; safe to copy. */
struct fec_encoder {
    const uint8_t *data; /* borrowed, must outlive the encoder */
    size_t len;
    uint16_t m; /* number of uncoded fragments, TS004 NbFrag */
    uint8_t frag_size;
    uint8_t padding; /* zero bytes appended to the last one, TS004 Padding */
    enum fec_version version;
};

/*
 * FUO_ERANGE if len or frag_size is 0, the version unknown, or the block needs more than
 * FEC_N_MAX fragments; then *enc is untouched.
 */
FUO_MUST_CHECK int fec_encoder_init(struct fec_encoder *enc, enum fec_version version,
                                    const uint8_t *data, size_t len, uint8_t frag_size);

/*
 * Write fragment n (1..FEC_N_MAX) into out[0..frag_size). FUO_ERANGE for another n; then
 * out is untouched.
 */
FUO_MUST_CHECK int fec_fragment(const struct fec_encoder *enc, uint32_t n, uint8_t *out);

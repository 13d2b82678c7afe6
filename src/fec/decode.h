/* SPDX-License-Identifier: MIT */
/*
 * decode.h - the receiving side of TS004 as real devices do it, for simulated devices and
 * for checking what we send.
 *
 * Uncoded fragments are stored as they come. The first coded one freezes the list of lost
 * fragments; from then on coded ones are eliminated over GF(2) until they have full rank.
 * Uncoded fragments after the first coded one are ignored (LoRaMac-node, LBM, ST). Decoding
 * succeeds exactly when the coded rows, restricted to the lost columns, have full rank.
 *
 * Memory comes from the caller: `block` (m * frag_size bytes, a device's flash; coded
 * payloads wait in the gaps) and a workspace whose matrix is bounded by max_lost, the
 * redundancy limit of the device. Only what the actual losses need is touched: a large
 * workspace from calloc() or mmap() costs little until frames are lost.
 *
 * Pure; no allocation. Facts: reference lorawan.md 4.6, 10; performance.md 2.5.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fec/row.h"
#include "fuotad/error.h"

enum fec_order {
    FEC_ORDER_STRICT, /* uncoded N have to grow, else ignored: LoRaMac-node, LBM, ST */
    FEC_ORDER_ANY,    /* any order, as long as uncoded come before coded: Zephyr */
};

struct fec_decoder_config {
    enum fec_version version;
    enum fec_order order;
    uint16_t m; /* TS004 NbFrag */
    uint8_t frag_size;
    uint16_t max_lost; /* lost uncoded fragments the matrix has room for; at most m */
};

enum fec_push {
    FEC_PUSH_STORED,    /* new information, more is needed */
    FEC_PUSH_DONE,      /* new information, and the block is complete now */
    FEC_PUSH_DEPENDENT, /* coded, but nothing new in it; repeated, for one */
    FEC_PUSH_IGNORED,   /* uncoded: repeated, out of order, late; any after the end */
    FEC_PUSH_OVERFLOW,  /* more lost than max_lost: this session can never complete */
    FEC_PUSH_INVALID,   /* N is 0 or above FEC_N_MAX; not counted */
};

/* Read-only for the caller. Holds pointers into block and workspace: do not copy. */
struct fec_decoder {
    struct fec_decoder_config config;
    uint8_t *block;      /* borrowed: m * frag_size bytes */
    uint64_t *received;  /* workspace: set of uncoded fragments in place */
    uint64_t *pivots;    /* workspace: set of lost columns with a row in the matrix */
    uint64_t *matrix;    /* workspace: upper triangle by words, lost x lost */
    uint16_t *lost;      /* workspace: lost_count fragment numbers, from 0, ascending */
    uint16_t lost_count; /* frozen by the first coded fragment */
    uint16_t missing;    /* independent fragments still needed; 0 = complete */
    uint16_t last_n;     /* the last N accepted, 0 before */
    uint16_t seen_n;     /* the last N that came, accepted or not */
    uint32_t received_count; /* that came before completion, repeated ones too */
    bool coded_seen;
    bool overflow; /* TS004 status "not enough matrix memory" */
};

/* Bytes of workspace; 0 if the configuration is out of range. */
size_t fec_decoder_workspace_bytes(const struct fec_decoder_config *config);

/*
 * block holds config->m * config->frag_size bytes; workspace is aligned to 8 and holds
 * fec_decoder_workspace_bytes(). Both stay the caller's and must outlive the decoder.
 * FUO_ERANGE if m is 0 or above FEC_N_MAX, frag_size is 0, max_lost is above m, or the
 * version is unknown; FUO_ENOSPC if workspace_bytes is too small. *dec is written only on
 * success. Calling it again starts a new session.
 */
FUO_MUST_CHECK int fec_decoder_init(struct fec_decoder *dec,
                                    const struct fec_decoder_config *config,
                                    uint8_t *block, void *workspace,
                                    size_t workspace_bytes);

/* Feed fragment n; bytes[0..frag_size) is borrowed for the call. */
enum fec_push fec_decoder_push(struct fec_decoder *dec, uint32_t n, const uint8_t *bytes);

static inline bool fec_decoder_done(const struct fec_decoder *dec)
{
    return dec->missing == 0;
}

/* The whole block, padding included, m * frag_size bytes; NULL until it is complete. */
static inline const uint8_t *fec_decoder_data(const struct fec_decoder *dec)
{
    return fec_decoder_done(dec) ? dec->block : NULL;
}

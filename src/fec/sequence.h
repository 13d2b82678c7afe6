/* SPDX-License-Identifier: MIT */
/*
 * sequence.h - in which order the coded fragments of TS004 are sent.
 *
 * Decoders take coded fragments in any order, so the sender may choose. The rows of small
 * M are poor, above all those of v1: here the next one is always the row that tells most to
 * devices as they are expected after the rows before it (performance.md 2.3: a quarter to
 * three quarters less redundancy). Where two columns of the matrix are twins, equal in
 * nearly all rows (M = 96 and 64 | M, no power of two; 2.2), the few rows that tell them
 * apart come first, at any M. Everywhere else the natural order is as good as any and stays.
 *
 * A place counts fragments as they are sent: place 1..M are the uncoded ones in order, place
 * M + 1 is the first coded one. A record keeps places; N on air is derived. The order
 * depends on (version, m, loss_ppm) alone, on every machine: make it again after a restart
 * from the same three. No N has two places.
 *
 * Pure; no allocation; reads no clock. Making one takes milliseconds: keep it for as long as
 * the transmission lasts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fec/row.h"

enum {
    FEC_SEQUENCE_M_MAX = 160,      /* up to here rows are chosen */
    FEC_SEQUENCE_CHOSEN_MAX = 128, /* rows that are; the others follow ascending */
};

/* Read-only for the caller; safe to copy. */
struct fec_sequence {
    enum fec_version version;
    uint16_t m;
    bool natural;                          /* asked for by the caller */
    uint16_t chosen;                       /* rows in row[]; 0: natural order */
    uint16_t last;                         /* the largest of them */
    uint16_t row[FEC_SEQUENCE_CHOSEN_MAX]; /* N - M, in the order of sending */
};

/* Of the workspace of fec_sequence_make(), the same for all; about 1 MB. */
size_t fec_sequence_workspace_bytes(void);

/*
 * 1 <= m <= FEC_N_MAX. loss_ppm: the expected loss of a fragment at the weaker devices; the
 * order for 5 % is a good one from 1 to 30 %. workspace: fec_sequence_workspace_bytes(),
 * aligned to 8, used during the call only.
 */
void fec_sequence_make(struct fec_sequence *s, enum fec_version version, uint16_t m,
                       uint32_t loss_ppm, void *workspace);

/* The natural order at any M: what a sender that does not choose has begun. */
void fec_sequence_natural(struct fec_sequence *s, enum fec_version version, uint16_t m);

/* N on air of a place from 1 on; 0 for place 0 and when the 14 bits are used up. */
uint16_t fec_sequence_n(const struct fec_sequence *s, uint32_t place);

/* The place of an N from 1 to FEC_N_MAX; 0 for another. Inverse of fec_sequence_n(). */
uint32_t fec_sequence_place(const struct fec_sequence *s, uint16_t n);

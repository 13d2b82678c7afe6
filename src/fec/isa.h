/* SPDX-License-Identifier: MIT */
/*
 * isa.h - which vector instructions the inner loops of this library use.
 *
 * Found at run time, never at compile time: one binary for every CPU of an architecture.
 * The results are the same on all of them.
 */
#pragma once

enum fec_isa {
    FEC_ISA_PORTABLE,
    FEC_ISA_BASELINE, /* vectors every CPU of the architecture has (SSE2, NEON) */
    FEC_ISA_AVX2,
};

/* The fastest one this CPU runs. */
enum fec_isa fec_isa_best(void);

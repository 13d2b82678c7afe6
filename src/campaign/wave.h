/* SPDX-License-Identifier: MIT */
/*
 * wave.h - who is in which wave of a rollout, and what a wave's results say.
 *
 * Membership: every wave takes the first of the devices that it may select, in an order that
 * only the seed and the DevEUIs decide (a keyed hash), until as many of them as its size
 * says are in it or in a wave before. So the same file has the same canaries, a larger size
 * only adds devices, and what else is in the fleet matters for nobody's place in the order.
 * With labels to spread over, the devices of each combination of their values queue up in
 * that order, and the queues are served in turn.
 *
 * Verdicts: shares are of the devices that were *attempted*, that is, for whom a session
 * began; what was skipped or never answered is in no denominator. Too few attempted devices
 * say nothing: that is a verdict of its own, and never a success (campaigns.md 2.5).
 *
 * Arithmetic only: no memory of its own, no clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "campaign/spec.h"

enum {
    WAVE_SEED_MAX = 255, /* bytes that count */
    WAVE_MAX = 64,       /* of a campaign */
    WAVE_NOWHERE = 255,  /* the wave of a device that is in none */
};

/* ---- membership ---- */

/* From spec.rollout.seed, or the name of the campaign. */
struct siphash_key wave_key(const char *seed);
uint64_t wave_hash(const struct siphash_key *key, uint64_t dev_eui);

/* One device that a wave may select. */
struct wave_place {
    uint64_t hash;     /* wave_hash(); equal ones are told apart by index */
    uint32_t index;    /* the caller's number of the device, each once */
    uint32_t stratum;  /* equal for equal values of the labels to spread over */
    uint32_t position; /* wave_fill() works with it */
    uint8_t wave;      /* WAVE_NOWHERE: in none yet */
};

/* How many more a wave takes of `eligible` devices, `covered` of which are in a wave
 * before: up to its size, but at least its minimum, as far as there are any left. */
uint32_t wave_need(const struct spec_wave *wave, uint32_t eligible, uint32_t covered);

/* Sets .wave of those that wave number `no` takes; changes the order of places. Returns how
 * many. */
uint32_t wave_fill(const struct spec_wave *wave, uint8_t no, struct wave_place *places,
                   size_t count);

/* ---- verdict ---- */

struct wave_counts {
    uint32_t total;       /* in the wave */
    uint32_t ended;       /* of those: have an outcome */
    uint32_t attempted;   /* a session began for them, ended or not */
    uint32_t succeeded;   /* of the attempted ones */
    uint32_t failed;      /* of the attempted ones */
    uint32_t unknown;     /* of the attempted ones */
    uint32_t passed_over; /* never attempted, and never to be: skipped, superseded ... */
    uint32_t already;     /* ran the version before */
};

enum wave_verdict {
    WAVE_OPEN = 0,         /* under way, nothing is decided */
    WAVE_SUCCEEDED = 1,    /* all have ended, enough of them well */
    WAVE_FAILED = 2,       /* all have ended, too few of them well */
    WAVE_BROKEN = 3,       /* the abort gate: too many have failed already */
    WAVE_INCONCLUSIVE = 4, /* all have ended, too few were attempted to tell */
};

/*
 * The abort gate counts once abort.attempted devices were attempted. When all have ended,
 * as many are needed for a verdict, or half of those that were not passed over if that is
 * less; a wave in which every device ran the version before needs none.
 */
enum wave_verdict wave_judge(const struct spec_wave *wave, bool unknown_counts_as_failed,
                             const struct wave_counts *counts);

const char *wave_verdict_name(enum wave_verdict verdict);

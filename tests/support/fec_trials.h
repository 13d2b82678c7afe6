/* SPDX-License-Identifier: MIT */
/*
 * fec_trials.h - how many coded fragments real decoders need, drawn at random.
 *
 * Every fragment is a byte of zeros: what counts is the rank of the rows that arrive.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "fec/decode.h"
#include "fec/sequence.h"

enum {
    FEC_TRIAL_CODED_MAX = 8000,
};

struct fec_trials {
    const struct fec_sequence *sequence;
    struct fec_decoder_config config;
    uint8_t *block;
    void *workspace;
    size_t workspace_bytes;
    uint32_t count;
    int64_t overhead;                         /* received beyond those lost, summed */
    uint32_t needed[FEC_TRIAL_CODED_MAX + 1]; /* trials by coded fragments sent */
};

static inline struct fec_trials *fec_trials_open(const struct fec_sequence *sequence)
{
    struct fec_trials *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        abort();
    }
    t->sequence = sequence;
    t->config = (struct fec_decoder_config){sequence->version, FEC_ORDER_STRICT,
                                            sequence->m, 1, sequence->m};
    t->workspace_bytes = fec_decoder_workspace_bytes(&t->config);
    t->block = calloc(1, sequence->m);
    t->workspace = malloc(t->workspace_bytes);
    if (t->block == NULL || t->workspace == NULL) {
        abort();
    }
    return t;
}

static inline void fec_trials_close(struct fec_trials *t)
{
    free(t->block);
    free(t->workspace);
    free(t);
}

static inline void fec_trial_decoder(struct fec_trials *t, struct fec_decoder *dec)
{
    if (fec_decoder_init(dec, &t->config, t->block, t->workspace, t->workspace_bytes) !=
        FUO_OK) {
        abort();
    }
}

/* Coded fragments that a device needs which lost these (from 0) and hears all others. */
static inline uint32_t fec_trial_lost(struct fec_trials *t, const uint16_t *lost,
                                      size_t lost_count)
{
    static const uint8_t zero;
    struct fec_decoder dec;
    fec_trial_decoder(t, &dec);
    uint32_t place = 1;
    for (; !fec_decoder_done(&dec) && place <= FEC_N_MAX; place++) {
        bool skip = false;
        for (size_t i = 0; i < lost_count; i++) {
            skip = skip || place == lost[i] + 1U;
        }
        if (!skip) {
            fec_decoder_push(&dec, fec_sequence_n(t->sequence, place), &zero);
        }
    }
    return place - 1 - t->config.m;
}

/* One device that misses each fragment with this probability. */
static inline void fec_trial(struct fec_trials *t, struct prng *prng, uint32_t loss_ppm)
{
    static const uint8_t zero;
    struct fec_decoder dec;
    uint32_t m = t->config.m;
    uint32_t place = 1;
    fec_trial_decoder(t, &dec);
    for (; !fec_decoder_done(&dec) && place <= m + FEC_TRIAL_CODED_MAX; place++) {
        if (!prng_chance(prng, loss_ppm)) {
            fec_decoder_push(&dec, fec_sequence_n(t->sequence, place), &zero);
        }
    }
    t->count++;
    t->overhead += (int64_t)dec.received_count - m;
    t->needed[place - 1 > m ? place - 1 - m : 0]++;
}

static inline void fec_trials_run(struct fec_trials *t, uint32_t loss_ppm, uint32_t count,
                                  uint64_t seed)
{
    struct prng prng = prng_seeded(seed);
    t->count = 0;
    t->overhead = 0;
    memset(t->needed, 0, sizeof(t->needed));
    for (uint32_t i = 0; i < count; i++) {
        fec_trial(t, &prng, loss_ppm);
    }
}

/* The smallest number of coded fragments with which all but fail_ppm are done. */
static inline uint32_t fec_trials_quantile(const struct fec_trials *t, uint32_t fail_ppm)
{
    uint64_t done = 0;
    uint32_t coded = 0;
    for (; coded <= FEC_TRIAL_CODED_MAX; coded++) {
        done += t->needed[coded];
        if ((t->count - done) * 1000000 <= (uint64_t)t->count * fail_ppm) {
            break;
        }
    }
    return coded;
}

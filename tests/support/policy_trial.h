/* SPDX-License-Identifier: MIT */
/*
 * policy_trial.h - the repair policy against a fleet of devices with ideal decoders.
 *
 * The fleet of performance.md 2.6: loss of 80 % Beta(1,30), 15 % Beta(2,10), 4.5 % Beta(3,5),
 * .5 % dead. First a tenth more than M; then polls that everybody hears who is not dead, of
 * whose answers 5 % are lost, and what redundancy_stop() says, until it says stop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "campaign/redundancy.h"

struct policy_device {
    uint32_t loss_ppm;
    uint32_t missing;
    uint32_t heard;
    uint32_t done_at; /* fragments sent when it had all; 0: not yet */
};

struct policy_trial {
    uint32_t device_count;
    uint32_t m;
    uint32_t cost;
};

enum {
    POLICY_FIXED = 4,
};

/* Redundancies without a policy to compare with, in percent of M. */
static const uint32_t policy_fixed[POLICY_FIXED] = {10, 30, 50, 100};

struct policy_result {
    uint32_t sent;
    uint32_t oracle; /* sent when as many devices were done as in the end */
    uint32_t done;
    uint32_t polls;
    uint32_t answers;
    uint64_t total; /* sent + cost * devices not done */
    uint64_t best;  /* the least there is to that */
    uint32_t fixed_done[POLICY_FIXED];
};

/* The k-th smallest of n numbers is Beta(k, n - k + 1). */
static inline uint32_t policy_beta(struct prng *prng, uint32_t a, uint32_t b)
{
    uint32_t smallest[4];
    for (uint32_t i = 0; i < a; i++) {
        smallest[i] = 1000000;
    }
    for (uint32_t i = 0; i < a + b - 1; i++) {
        uint32_t x = (uint32_t)prng_below(prng, 1000000);
        for (uint32_t k = 0; k < a; k++) {
            if (x < smallest[k]) {
                uint32_t larger = smallest[k];
                smallest[k] = x;
                x = larger;
            }
        }
    }
    return smallest[a - 1];
}

static inline uint32_t policy_loss(struct prng *prng)
{
    uint64_t kind = prng_below(prng, 1000);
    if (kind < 800) {
        return policy_beta(prng, 1, 30);
    }
    if (kind < 950) {
        return policy_beta(prng, 2, 10);
    }
    return kind < 995 ? policy_beta(prng, 3, 5) : 1000000;
}

/* A coded fragment is sent: new to a device unless its row depends on those it has. */
static inline void policy_hear(struct policy_device *d, struct prng *prng)
{
    if (d->missing == 0 || prng_chance(prng, d->loss_ppm)) {
        return;
    }
    d->heard++;
    uint64_t stale = d->missing < 64 ? UINT64_MAX >> d->missing : 0;
    if (prng_next(prng) > stale) {
        d->missing--;
    }
}

static inline void policy_send(struct policy_device *devices, struct policy_result *r,
                               const struct policy_trial *t, uint32_t count,
                               struct prng *prng)
{
    for (uint32_t k = 0; k < count; k++) {
        r->sent++;
        for (uint32_t i = 0; i < t->device_count; i++) {
            struct policy_device *d = &devices[i];
            policy_hear(d, prng);
            if (d->missing == 0 && d->done_at == 0) {
                d->done_at = r->sent;
                r->done++;
            }
        }
    }
}

/* What those who answer need. */
static inline size_t policy_poll(const struct policy_device *devices,
                                 struct policy_result *r, const struct policy_trial *t,
                                 uint32_t *needs, struct prng *prng)
{
    size_t count = 0;
    r->polls++;
    for (uint32_t i = 0; i < t->device_count; i++) {
        const struct policy_device *d = &devices[i];
        if (d->missing == 0 || d->loss_ppm == 1000000) {
            continue;
        }
        r->answers++;
        uint32_t loss = (uint32_t)((uint64_t)(r->sent - d->heard) * 1000000 / r->sent);
        if (!prng_chance(prng, 50000)) {
            needs[count++] = redundancy_need(d->missing, loss);
        }
    }
    return count;
}

/* All moments compared, by who was done at each. */
static inline void policy_review(const struct policy_device *devices,
                                 struct policy_result *r, const struct policy_trial *t,
                                 uint32_t last)
{
    uint32_t *done_at = calloc(last + 1, sizeof(*done_at));
    if (done_at == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < t->device_count; i++) {
        done_at[devices[i].done_at] += devices[i].missing == 0;
    }
    uint32_t done = 0;
    r->best = UINT64_MAX;
    r->oracle = UINT32_MAX;
    for (uint32_t sent = t->m; sent <= last; sent++) {
        done += done_at[sent];
        uint64_t total = sent + (uint64_t)t->cost * (t->device_count - done);
        r->best = total < r->best ? total : r->best;
        r->oracle = done >= r->done && sent < r->oracle ? sent : r->oracle;
        for (size_t i = 0; i < POLICY_FIXED; i++) {
            bool here = sent == t->m + t->m * policy_fixed[i] / 100;
            r->fixed_done[i] = here ? done : r->fixed_done[i];
        }
    }
    free(done_at);
}

static inline struct policy_result policy_trial_run(const struct policy_trial *t,
                                                    uint64_t seed)
{
    struct policy_result r = {.sent = t->m};
    struct prng prng = prng_seeded(seed);
    struct policy_device *devices = calloc(t->device_count, sizeof(*devices));
    uint32_t *needs = calloc(t->device_count, sizeof(*needs));
    if (devices == NULL || needs == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < t->device_count; i++) {
        struct policy_device *d = &devices[i];
        d->loss_ppm = policy_loss(&prng);
        for (uint32_t k = 0; k < t->m; k++) {
            d->missing += (uint32_t)prng_chance(&prng, d->loss_ppm);
        }
        d->heard = t->m - d->missing;
        if (d->missing == 0) {
            d->done_at = t->m;
            r.done++;
        }
    }
    for (uint32_t more = t->m / 10; more > 0;) {
        policy_send(devices, &r, t, more, &prng);
        size_t count = policy_poll(devices, &r, t, needs, &prng);
        more = redundancy_stop(needs, count, t->cost);
    }
    r.total = r.sent + (uint64_t)t->cost * (t->device_count - r.done);
    struct policy_result after = r;
    uint32_t last = r.sent > 4 * t->m ? r.sent : 4 * t->m;
    policy_send(devices, &after, t, last - r.sent, &prng);
    policy_review(devices, &r, t, last);
    free(devices);
    free(needs);
    return r;
}

/* That many runs, all figures summed. */
static inline struct policy_result policy_sum(const struct policy_trial *t, uint32_t runs)
{
    struct policy_result sum = {0};
    for (uint64_t seed = 1; seed <= runs; seed++) {
        struct policy_result r = policy_trial_run(t, seed);
        sum.sent += r.sent;
        sum.oracle += r.oracle;
        sum.done += r.done;
        sum.polls += r.polls;
        sum.answers += r.answers;
        sum.total += r.total;
        sum.best += r.best;
        for (size_t i = 0; i < POLICY_FIXED; i++) {
            sum.fixed_done[i] += r.fixed_done[i];
        }
    }
    return sum;
}

/* SPDX-License-Identifier: MIT */
/*
 * prng.h - a small seeded generator (splitmix64) for jitter, sampling and simulation.
 *
 * Never for keys, nonces or anything an attacker must not guess: those come from the
 * driver. The same seed gives the same sequence on every machine.
 */
#pragma once

#include <stdint.h>

struct prng {
    uint64_t state;
};

__extension__ typedef unsigned __int128 prng_wide;

static inline struct prng prng_seeded(uint64_t seed)
{
    return (struct prng){seed};
}

/* Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014. */
static inline uint64_t prng_next(struct prng *p)
{
    uint64_t z = p->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform in [0, bound); 0 if bound is 0. The bias is below bound / 2^64. */
static inline uint64_t prng_below(struct prng *p, uint64_t bound)
{
    return (uint64_t)(((prng_wide)prng_next(p) * bound) >> 64);
}

/* True with probability ppm / 1 000 000. */
static inline int prng_chance(struct prng *p, uint32_t ppm)
{
    return prng_below(p, 1000000) < ppm;
}

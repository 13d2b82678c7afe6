/* SPDX-License-Identifier: MIT */
/*
 * siphash.h - SipHash-2-4: a keyed hash of short inputs (Aumasson, Bernstein, 2012).
 *
 * For choices that shall look random and be the same everywhere for the same key, and whose
 * outcome nobody can steer who does not know the key. No replacement for a signature.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0; /* the key's bytes 0-7, little-endian */
    uint64_t k1; /* 8-15 */
};

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t len);

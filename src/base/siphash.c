/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"

enum {
    WORD_BYTES = 8,
    ROUNDS_PER_WORD = 2,
    ROUNDS_AT_END = 4,
};

struct state {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void run_rounds(struct state *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

static void take_word(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    run_rounds(s, ROUNDS_PER_WORD);
    s->v0 ^= word;
}

/* Little-endian, of at most eight bytes. */
static uint64_t word_of(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    size_t left = len;
    struct state s = {
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
    for (; left >= WORD_BYTES; left -= WORD_BYTES, at += WORD_BYTES) {
        take_word(&s, word_of(at, WORD_BYTES));
    }
    take_word(&s, word_of(at, left) | (uint64_t)(len & 0xff) << 56);
    s.v2 ^= 0xff;
    run_rounds(&s, ROUNDS_AT_END);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

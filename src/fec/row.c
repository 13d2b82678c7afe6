/* SPDX-License-Identifier: MIT */
#include "fec/row.h"

#include <assert.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/*
 * The register is a 23-bit LFSR with taps at bits 0 and 5: bit k + 23 of its stream is bit k
 * XOR bit k + 5. 23 bits of state thus give the next 18 at once, and with them the next 18
 * states, none of which waits for another.
 */
enum {
    STATE_BITS = 23,
    STATE_MASK = (1 << STATE_BITS) - 1,
    BATCH = 16, /* of the 18, to suit vectors */
    BATCH_MASK = (1 << BATCH) - 1,
    PACK = 8, /* bytes of the map packed into bits at once */
    MAP_BYTES = FEC_ROW_WORDS_MAX * 64,
};

/* One row in the making. */
struct draw {
    uint32_t x;
    uint32_t m;
    uint32_t divisor;    /* m, or m + 1 if m is a power of two */
    uint32_t reciprocal; /* of divisor: exact quotients for 23-bit numbers */
    uint32_t shift;
};

/* Granlund, Montgomery: "Division by invariant integers using multiplication", 1994. */
static struct draw draw_init(uint32_t m, uint32_t n)
{
    struct draw d = {
        .x = 1 + 1001 * n,
        .m = m,
        .divisor = m + ((m & (m - 1)) == 0 ? 1 : 0),
    };
    uint32_t log2 = 32 - (uint32_t)__builtin_clz((d.divisor - 1) | 1);
    d.shift = STATE_BITS + log2;
    d.reciprocal = (uint32_t)((UINT64_C(1) << d.shift) / d.divisor + 1);
    return d;
}

/* The specification's step. The carry of '+' matters while x has more than 23 bits. */
static inline uint32_t step(uint32_t x)
{
    return (x >> 1) + (((x ^ x >> 5) & 1) << (STATE_BITS - 1));
}

/* What a draw of r is worth; decides nothing at run time, each use is compiled apart. */
enum kind {
    KIND_V1,              /* every draw counts */
    KIND_V1_POWER_OF_TWO, /* except that of m itself */
    KIND_V2,              /* only the first draw of each */
};

/* Mark r as drawn; 1 if that brings the row closer to its weight. */
INLINE uint32_t mark(uint8_t *map, uint32_t r, uint32_t m, enum kind kind)
{
    uint32_t gain = 1;
    if (kind == KIND_V1_POWER_OF_TWO) {
        gain = r < m;
    } else if (kind == KIND_V2) {
        gain = map[r] ^ 1U;
    }
    map[r] = 1;
    return gain;
}

/* The remainders that the next BATCH states x of the register give. */
typedef void remainders(const struct draw *d, uint64_t stream, uint64_t r[BATCH]);

INLINE void remainders_portable(const struct draw *d, uint64_t stream, uint64_t r[BATCH])
{
    for (uint32_t i = 0; i < BATCH; i++) {
        uint32_t x = (uint32_t)(stream >> (i + 1)) & STATE_MASK;
        uint32_t quotient = (uint32_t)((uint64_t)x * d->reciprocal >> d->shift);
        r[i] = x - quotient * d->divisor;
    }
}

/* steps draws, in batches where the state has come down to 23 bits. Returns the gain. */
INLINE uint32_t draw_many(struct draw *d, uint8_t *map, uint32_t steps, enum kind kind,
                          remainders *next)
{
    const struct draw k = *d;
    uint32_t x = k.x;
    uint32_t gain = 0;

    while (steps > 0) {
        if (steps < BATCH || x > STATE_MASK) {
            x = step(x);
            gain += mark(map, x % k.divisor, k.m, kind);
            steps--;
            continue;
        }
        uint64_t r[BATCH];
        uint64_t stream = x | (uint64_t)((x ^ x >> 5) & BATCH_MASK) << STATE_BITS;
        next(&k, stream, r);
        for (uint32_t i = 0; i < BATCH; i++) {
            gain += mark(map, (uint32_t)r[i], k.m, kind);
        }
        x = (uint32_t)(stream >> BATCH);
        steps -= BATCH;
    }
    d->x = x;
    return gain;
}

/* A draw gains one at most: drawing as many as are missing never overshoots. */
INLINE void fill(struct draw *d, uint8_t *map, enum kind kind, remainders *next)
{
    for (uint32_t missing = d->m / 2; missing > 0;) {
        missing -= draw_many(d, map, missing, kind, next);
    }
}

INLINE void fill_any(struct draw *d, uint8_t *map, enum fec_version version,
                     remainders *next)
{
    if (version == FEC_V2) {
        map[d->m] = 1; /* may be drawn if m is a power of two; counts as drawn before */
        fill(d, map, KIND_V2, next);
    } else if (d->divisor == d->m) {
        fill(d, map, KIND_V1, next);
    } else {
        fill(d, map, KIND_V1_POWER_OF_TWO, next);
    }
}

static void fill_portable(struct draw *d, uint8_t *map, enum fec_version version)
{
    fill_any(d, map, version, remainders_portable);
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) INLINE void
remainders_avx2(const struct draw *d, uint64_t stream, uint64_t r[BATCH])
{
    const __m256i mask = _mm256_set1_epi64x(STATE_MASK);
    const __m256i reciprocal = _mm256_set1_epi64x(d->reciprocal);
    const __m256i divisor = _mm256_set1_epi64x(d->divisor);
    const __m128i shift = _mm_cvtsi32_si128((int)d->shift);
    __m256i states = _mm256_set1_epi64x((long long)stream);
    __m256i offset = _mm256_setr_epi64x(1, 2, 3, 4);

    for (uint32_t i = 0; i < BATCH; i += 4) {
        __m256i x = _mm256_and_si256(_mm256_srlv_epi64(states, offset), mask);
        __m256i quotient = _mm256_srl_epi64(_mm256_mul_epu32(x, reciprocal), shift);
        __m256i rest = _mm256_sub_epi64(x, _mm256_mul_epu32(quotient, divisor));
        _mm256_storeu_si256((__m256i *)(void *)(r + i), rest);
        states = _mm256_srli_epi64(states, 4);
    }
}

__attribute__((target("avx2"))) static void fill_avx2(struct draw *d, uint8_t *map,
                                                      enum fec_version version)
{
    fill_any(d, map, version, remainders_avx2);
}

#else
#define fill_avx2 fill_portable
#endif

/* Eight bytes of 0 or 1 become eight bits, the first one lowest. */
static inline uint64_t pack(const uint8_t *map)
{
    uint64_t bytes;
    memcpy(&bytes, map, PACK);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes * UINT64_C(0x0102040810204080) >> 56;
}

void fec_row_isa(enum fec_isa isa, enum fec_version version, uint32_t m, uint32_t n,
                 uint64_t *set)
{
    assert(m >= 1 && m <= FEC_N_MAX && n >= 1 && n <= FEC_N_MAX);

    /* A byte per fragment: stores that hardly ever wait for each other, unlike bits. */
    uint8_t map[MAP_BYTES];
    size_t words = fec_row_words(m);
    memset(map, 0, words * 64);

    struct draw d = draw_init(m, n);
    if (isa == FEC_ISA_AVX2) {
        fill_avx2(&d, map, version);
    } else {
        fill_portable(&d, map, version);
    }
    map[m] = 0;

    for (size_t w = 0; w < words; w++) {
        uint64_t bits = 0;
        for (size_t i = 0; i < 64; i += PACK) {
            bits |= pack(map + w * 64 + i) << i;
        }
        set[w] = bits;
    }
}

void fec_row(enum fec_version version, uint32_t m, uint32_t n, uint64_t *set)
{
    fec_row_isa(fec_isa_best(), version, m, n, set);
}

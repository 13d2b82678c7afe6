/* SPDX-License-Identifier: MIT */
#include "fec/xor.h"

#include <assert.h>
#include <string.h>

enum {
    VEC_BYTES = 32,
    VEC_MAX = (FEC_XOR_ROW_BYTES_MAX + VEC_BYTES - 1) / VEC_BYTES,
    WORD_MAX = (FEC_XOR_ROW_BYTES_MAX + 7) / 8,
};

#define INLINE static inline __attribute__((always_inline))

/* 32 bytes at any address. Split into narrower registers where the CPU has no wide ones. */
typedef uint64_t vec __attribute__((vector_size(VEC_BYTES), aligned(1), may_alias));

static void xor_words(uint64_t *acc, const uint8_t *row, size_t row_bytes)
{
    uint64_t words[WORD_MAX] = {0};
    memcpy(words, row, row_bytes);
    for (size_t k = 0; k < (row_bytes + 7) / 8; k++) {
        acc[k] ^= words[k];
    }
}

static void xor_portable(uint8_t *dst, const uint8_t *rows, size_t row_bytes,
                         const uint64_t *set, size_t word_count)
{
    uint64_t acc[WORD_MAX] = {0};
    memcpy(acc, dst, row_bytes);
    for (size_t w = 0; w < word_count; w++) {
        for (uint64_t bits = set[w]; bits != 0; bits &= bits - 1) {
            size_t i = w * 64 + (size_t)__builtin_ctzll(bits);
            xor_words(acc, rows + i * row_bytes, row_bytes);
        }
    }
    memcpy(dst, acc, row_bytes);
}

/* Where vector v of a row of `count` begins: the last one ends with the row and overlaps. */
INLINE size_t vec_offset(size_t v, size_t row_bytes, size_t count)
{
    return v + 1 < count ? v * VEC_BYTES : row_bytes - VEC_BYTES;
}

/* acc ^= a ^ b, both rows of `count` vectors. */
INLINE void xor_two(vec *acc, const uint8_t *a, const uint8_t *b, size_t row_bytes,
                    size_t count)
{
    for (size_t v = 0; v < count; v++) {
        size_t offset = vec_offset(v, row_bytes, count);
        acc[v] ^= *(const vec *)(a + offset) ^ *(const vec *)(b + offset);
    }
}

INLINE void xor_one(vec *acc, const uint8_t *a, size_t row_bytes, size_t count)
{
    for (size_t v = 0; v < count; v++) {
        acc[v] ^= *(const vec *)(a + vec_offset(v, row_bytes, count));
    }
}

/* The number of the lowest bit, which is taken off. */
INLINE size_t take_lowest(uint64_t *bits)
{
    size_t i = (size_t)__builtin_ctzll(*bits);
    *bits &= *bits - 1;
    return i;
}

/*
 * Rows of at least 32 bytes in `count` vectors. count is a constant in each call, so that
 * acc lives in registers. Two rows a turn keep more loads under way.
 */
INLINE void xor_vec(uint8_t *dst, const uint8_t *rows, size_t row_bytes,
                    const uint64_t *set, size_t word_count, size_t count)
{
    vec acc[VEC_MAX];
    for (size_t v = 0; v < count; v++) {
        acc[v] = *(const vec *)(dst + vec_offset(v, row_bytes, count));
    }
    for (size_t w = 0; w < word_count; w++) {
        const uint8_t *base = rows + w * 64 * row_bytes;
        uint64_t bits = set[w];
        while ((bits & (bits - 1)) != 0) {
            const uint8_t *a = base + take_lowest(&bits) * row_bytes;
            const uint8_t *b = base + take_lowest(&bits) * row_bytes;
            xor_two(acc, a, b, row_bytes, count);
        }
        if (bits != 0) {
            xor_one(acc, base + take_lowest(&bits) * row_bytes, row_bytes, count);
        }
    }
    for (size_t v = 0; v < count; v++) {
        *(vec *)(dst + vec_offset(v, row_bytes, count)) = acc[v];
    }
}

INLINE void xor_any(uint8_t *dst, const uint8_t *rows, size_t row_bytes,
                    const uint64_t *set, size_t word_count)
{
    switch ((row_bytes + VEC_BYTES - 1) / VEC_BYTES) {
    case 1: /* up to 31 bytes go elsewhere, see fec_xor_rows_isa() */
        xor_vec(dst, rows, row_bytes, set, word_count, 1);
        break;
    case 2:
        xor_vec(dst, rows, row_bytes, set, word_count, 2);
        break;
    case 3:
        xor_vec(dst, rows, row_bytes, set, word_count, 3);
        break;
    case 4:
        xor_vec(dst, rows, row_bytes, set, word_count, 4);
        break;
    case 5:
        xor_vec(dst, rows, row_bytes, set, word_count, 5);
        break;
    case 6:
        xor_vec(dst, rows, row_bytes, set, word_count, 6);
        break;
    case 7:
        xor_vec(dst, rows, row_bytes, set, word_count, 7);
        break;
    case 8:
        xor_vec(dst, rows, row_bytes, set, word_count, 8);
        break;
    }
}

static void xor_baseline(uint8_t *dst, const uint8_t *rows, size_t row_bytes,
                         const uint64_t *set, size_t word_count)
{
    xor_any(dst, rows, row_bytes, set, word_count);
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) static void xor_avx2(uint8_t *dst, const uint8_t *rows,
                                                     size_t row_bytes,
                                                     const uint64_t *set,
                                                     size_t word_count)
{
    xor_any(dst, rows, row_bytes, set, word_count);
}

#else

#define xor_avx2 xor_baseline

#endif

void fec_xor_rows_isa(enum fec_isa isa, uint8_t *dst, const uint8_t *rows,
                      size_t row_bytes, const uint64_t *set, size_t word_count)
{
    assert(row_bytes >= 1 && row_bytes <= FEC_XOR_ROW_BYTES_MAX);
    if (row_bytes < VEC_BYTES) {
        isa = FEC_ISA_PORTABLE;
    }
    switch (isa) {
    case FEC_ISA_PORTABLE:
        xor_portable(dst, rows, row_bytes, set, word_count);
        break;
    case FEC_ISA_BASELINE:
        xor_baseline(dst, rows, row_bytes, set, word_count);
        break;
    case FEC_ISA_AVX2:
        xor_avx2(dst, rows, row_bytes, set, word_count);
        break;
    }
}

void fec_xor_rows(uint8_t *dst, const uint8_t *rows, size_t row_bytes,
                  const uint64_t *set, size_t word_count)
{
    fec_xor_rows_isa(fec_isa_best(), dst, rows, row_bytes, set, word_count);
}

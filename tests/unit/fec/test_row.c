/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "base/prng.h"
#include "fec/row.h"

/* The generator as the specification writes it, step by step. */
static void slow_row(int version, uint32_t m, uint32_t n, uint64_t *set)
{
    uint32_t divisor = m + ((m & (m - 1)) == 0);
    uint32_t x = 1 + 1001 * n;
    memset(set, 0, fec_row_words(m) * sizeof(*set));
    for (uint32_t k = 0; k < m / 2;) {
        uint32_t r = m;
        while (r >= m) {
            x = (x >> 1) + (((x ^ x >> 5) & 1) << 22);
            r = x % divisor;
        }
        if (version == 1 || !fec_row_has(set, r)) {
            k++;
        }
        fec_row_add(set, r);
    }
}

static void compare_isa(enum fec_isa isa, int version, uint32_t m, uint32_t n,
                        const uint64_t *want)
{
    uint64_t got[FEC_ROW_WORDS_MAX];
    memset(got, 0xa5, sizeof(got));
    fec_row_isa(isa, (enum fec_version)version, m, n, got);
    if (memcmp(want, got, fec_row_words(m) * sizeof(*want)) != 0) {
        fail_msg("v%d m=%u n=%u differs, isa %d", version, m, n, (int)isa);
    }
}

static void compare(uint32_t m, uint32_t n)
{
    uint64_t want[FEC_ROW_WORDS_MAX];
    for (int version = 1; version <= 2; version++) {
        slow_row(version, m, n, want);
        for (enum fec_isa isa = FEC_ISA_PORTABLE; isa <= fec_isa_best(); isa++) {
            compare_isa(isa, version, m, n, want);
        }
    }
}

static void rows_equal_the_step_by_step_generator_for_every_small_m(void **state)
{
    (void)state;
    for (uint32_t m = 1; m <= 300; m++) {
        for (uint32_t n = 1; n <= 40; n++) {
            compare(m, n);
        }
    }
}

static void rows_equal_it_for_large_m_and_for_seeds_above_23_bits(void **state)
{
    (void)state;
    static const uint32_t counts[] = {511,  512,  513,  768,  1024, 2000,  2047,
                                      2048, 4096, 8191, 8192, 8193, 16382, 16383};
    static const uint32_t indexes[] = {1, 2, 63, 8379, 8380, 8381, 12000, 16000, 16383};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(indexes); k++) {
            compare(counts[i], indexes[k]);
        }
    }
}

static void rows_equal_it_for_random_m_and_n(void **state)
{
    (void)state;
    struct prng prng = prng_seeded(3);
    for (int i = 0; i < 3000; i++) {
        uint32_t m = 1 + (uint32_t)prng_below(&prng, 4000);
        compare(m, 1 + (uint32_t)prng_below(&prng, FEC_N_MAX));
    }
}

static void a_version_2_row_has_exactly_half_the_fragments(void **state)
{
    (void)state;
    uint64_t set[FEC_ROW_WORDS_MAX];
    for (uint32_t m = 1; m < 200; m++) {
        uint32_t weight = 0;
        fec_row(FEC_V2, m, 7, set);
        for (size_t w = 0; w < fec_row_words(m); w++) {
            weight += (uint32_t)__builtin_popcountll(set[w]);
        }
        assert_int_equal(weight, m / 2);
    }
}

static void words_behind_the_row_are_left_alone(void **state)
{
    (void)state;
    uint64_t set[3] = {0, 0, 42};
    fec_row(FEC_V1, 128, 1, set);
    assert_int_equal(set[2], 42);
}

TEST_MAIN(cmocka_unit_test(rows_equal_the_step_by_step_generator_for_every_small_m),
          cmocka_unit_test(rows_equal_it_for_large_m_and_for_seeds_above_23_bits),
          cmocka_unit_test(rows_equal_it_for_random_m_and_n),
          cmocka_unit_test(a_version_2_row_has_exactly_half_the_fragments),
          cmocka_unit_test(words_behind_the_row_are_left_alone))

/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "fec/decode.h"
#include "test.h"
#include "world/rank.h"

enum { SIZE = 1, M_MAX = 420, N_EXTRA = 400 };

/* The real decoder and the rank of it hear the same, and must agree at every step. */
static void compare(enum fec_version version, uint16_t m, uint32_t cap_ppm,
                    uint32_t loss_ppm, uint64_t seed)
{
    struct fec_decoder_config config = {.version = version,
                                        .m = m,
                                        .frag_size = SIZE,
                                        .max_lost =
                                            (uint16_t)((uint64_t)m * cap_ppm / 1000000)};
    size_t bytes = fec_decoder_workspace_bytes(&config);
    uint8_t *block = calloc(m, SIZE);
    void *workspace = calloc(1, bytes);
    struct fec_decoder real;
    struct rank r = {0};
    struct prng p = prng_seeded(seed);
    uint64_t row[FEC_ROW_WORDS_MAX];
    const uint8_t zero[SIZE] = {0};

    rank_begin(&r, m, cap_ppm);
    assert_int_equal(fec_decoder_init(&real, &config, block, workspace, bytes), FUO_OK);
    for (uint32_t n = 1; n <= m + (uint32_t)N_EXTRA; n++) {
        if (prng_chance(&p, loss_ppm)) {
            continue;
        }
        if (n > m) {
            fec_row(version, m, n - m, row);
        }
        bool done = fec_decoder_push(&real, n, zero) == FEC_PUSH_DONE;
        assert_int_equal(rank_push(&r, (uint16_t)n, row), done);
        assert_int_equal(r.overflow, real.overflow);
        if (!real.overflow) {
            assert_int_equal(r.missing, real.missing);
        }
    }
    rank_finish(&r);
    free(workspace);
    free(block);
}

static void it_agrees_with_the_real_decoder(void **state)
{
    (void)state;
    static const uint16_t counts[] = {1, 2, 10, 64, 96, 168, 183, 384, 417};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            compare(FEC_V1, counts[i], 1000000, 60000 * (uint32_t)seed, seed);
            compare(FEC_V2, counts[i], 1000000, 60000 * (uint32_t)seed, seed + 9);
            compare(FEC_V1, counts[i], 100000, 40000 * (uint32_t)seed, seed + 20);
        }
    }
}

static void nothing_lost_is_complete_with_the_last_uncoded_one(void **state)
{
    (void)state;
    struct rank r = {0};
    rank_begin(&r, 3, 0);
    assert_false(rank_push(&r, 1, NULL));
    assert_false(rank_push(&r, 2, NULL));
    assert_false(rank_push(&r, 2, NULL));
    assert_int_equal(r.missing, 1);
    assert_true(rank_push(&r, 3, NULL));
    assert_false(rank_push(&r, 3, NULL));
    assert_int_equal(r.heard, 4);
    rank_finish(&r);
    rank_finish(&r);
}

static void an_uncoded_fragment_after_a_coded_one_is_ignored(void **state)
{
    (void)state;
    uint64_t row[1] = {0x3ff};
    struct rank r = {0};
    rank_begin(&r, 10, 1000000);
    assert_false(rank_push(&r, 1, NULL));
    assert_false(rank_push(&r, 11, row));
    assert_int_equal(r.missing, 8);
    assert_false(rank_push(&r, 5, NULL));
    assert_false(rank_push(&r, 0, NULL));
    assert_int_equal(r.missing, 8);
    rank_finish(&r);
}

static void more_lost_than_the_cap_never_completes(void **state)
{
    (void)state;
    uint64_t row[1] = {0x3ff};
    struct rank r = {0};
    rank_begin(&r, 10, 100000);
    for (uint16_t n = 1; n <= 8; n++) {
        assert_false(rank_push(&r, n, NULL));
    }
    for (uint16_t n = 11; n < 60; n++) {
        row[0] = n;
        assert_false(rank_push(&r, n, row));
    }
    assert_true(r.overflow);
    rank_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_agrees_with_the_real_decoder),
        cmocka_unit_test(nothing_lost_is_complete_with_the_last_uncoded_one),
        cmocka_unit_test(an_uncoded_fragment_after_a_coded_one_is_ignored),
        cmocka_unit_test(more_lost_than_the_cap_never_completes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "fec/decode.h"
#include "fuota-bench/minrank.h"

enum { ORDER_MAX = 4096 };

static uint16_t order[ORDER_MAX];
static uint64_t heard[ORDER_MAX / 64];

static void send_in_order(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint16_t)(i + 1);
    }
    memset(heard, 0xff, sizeof(heard));
}

static void lose(size_t place)
{
    heard[place / 64] &= ~(UINT64_C(1) << (place % 64));
}

static struct minrank_need need_of(enum fec_version version, uint32_t m, size_t count,
                                   uint32_t max_lost)
{
    struct minrank *r = minrank_create(version, m);
    assert_non_null(r);
    struct minrank_need need = minrank_least(r, order, heard, count, max_lost);
    minrank_destroy(r);
    return need;
}

static void without_losses_m_fragments_are_enough(void **state)
{
    (void)state;
    send_in_order(20);
    struct minrank_need need = need_of(FEC_V1, 10, 20, 0);
    assert_int_equal(need.prefix, 10);
    assert_int_equal(need.any, 10);
    assert_int_equal(need.missing, 0);
}

/* Pairs of columns that are equal in nearly all rows; performance.md 2.2. */
static void twin_columns_take_as_many_coded_ones_as_the_reference_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t m;
        uint16_t lost[2]; /* from 0 */
        size_t coded;
    } rows[] = {
        {"383", 383, {191, 254}, 3}, {"384 twins", 384, {191, 254}, 206},
        {"385", 385, {191, 254}, 4}, {"384 others", 384, {100, 200}, 11},
        {"767", 767, {257, 384}, 2}, {"768 twins", 768, {257, 384}, 512},
        {"769", 769, {257, 384}, 4}, {"640 twins", 640, {319, 510}, 78},
        {"641", 641, {319, 510}, 2}, {"1536 twins", 1536, {768, 1025}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t count = rows[i].m + 1000;
        test_row(rows[i].name);
        send_in_order(count);
        lose(rows[i].lost[0]);
        lose(rows[i].lost[1]);
        struct minrank_need need = need_of(FEC_V1, rows[i].m, count, rows[i].m);
        assert_int_equal(need.prefix, rows[i].coded == 0 ? 0 : rows[i].m + rows[i].coded);
        assert_int_equal(need.any, rows[i].m + 2);
    }
}

static void more_lost_than_the_cap_allows_never_decodes(void **state)
{
    (void)state;
    send_in_order(200);
    lose(3);
    lose(7);
    lose(9);
    assert_int_equal(need_of(FEC_V1, 100, 200, 2).prefix, 0);
    assert_int_equal(need_of(FEC_V1, 100, 200, 2).missing, UINT32_MAX);
    assert_int_equal(need_of(FEC_V1, 100, 200, 2).any, 103);
    assert_true(need_of(FEC_V1, 100, 200, 3).prefix >= 103);
}

static void what_is_missing_at_the_end_is_told(void **state)
{
    (void)state;
    send_in_order(101);
    lose(3);
    lose(7);
    struct minrank_need need = need_of(FEC_V2, 100, 100, 100);
    assert_int_equal(need.prefix, 0);
    assert_int_equal(need.missing, 2);
    assert_int_equal(need.any, 0);
}

static void status_requests_and_copies_carry_nothing_new(void **state)
{
    (void)state;
    static const uint16_t sent[] = {1, 1, 0, 2, 2, 3, 2, 3, 4};
    memcpy(order, sent, sizeof(sent));
    memset(heard, 0xff, sizeof(heard));
    assert_int_equal(need_of(FEC_V1, 4, ARRAY_LEN(sent), 4).prefix, 9);
    lose(0);
    lose(3);
    assert_int_equal(need_of(FEC_V1, 4, ARRAY_LEN(sent), 4).any, 9);
    assert_int_equal(need_of(FEC_V1, 4, ARRAY_LEN(sent), 4).prefix, 9);
}

static void uncoded_ones_after_a_coded_one_or_a_later_one_are_ignored(void **state)
{
    (void)state;
    static const uint16_t sent[] = {2, 1, 3, 5, 4};
    memcpy(order, sent, sizeof(sent));
    memset(heard, 0xff, sizeof(heard));
    struct minrank_need need = need_of(FEC_V1, 4, ARRAY_LEN(sent), 4);
    assert_int_equal(need.any, 4);
    assert_true(need.prefix == 0 && need.missing >= 1);
}

/* The decoder of the product, fed the same. */
static size_t decoder_prefix(enum fec_version version, uint16_t m, size_t count)
{
    struct fec_decoder_config config = {.version = version,
                                        .order = FEC_ORDER_STRICT,
                                        .m = m,
                                        .frag_size = 1,
                                        .max_lost = m};
    size_t bytes = fec_decoder_workspace_bytes(&config);
    uint8_t *block = calloc(m, 1);
    void *workspace = aligned_alloc(8, (bytes + 7) / 8 * 8);
    struct fec_decoder dec;
    size_t prefix = 0;
    uint8_t byte = 0;
    assert_int_equal(fec_decoder_init(&dec, &config, block, workspace, bytes), FUO_OK);
    for (size_t i = 0; i < count && prefix == 0; i++) {
        if (fec_row_has(heard, (uint32_t)i) &&
            fec_decoder_push(&dec, order[i], &byte) == FEC_PUSH_DONE) {
            prefix = i + 1;
        }
    }
    free(block);
    free(workspace);
    return prefix;
}

static void lose_some(struct prng *p, size_t count, uint32_t loss_ppm)
{
    send_in_order(count);
    for (size_t i = 0; i < count; i++) {
        if (prng_chance(p, loss_ppm)) {
            lose(i);
        }
    }
}

static void it_agrees_with_a_decoder_that_has_data(void **state)
{
    (void)state;
    struct prng p = prng_seeded(11);
    for (int run = 0; run < 120; run++) {
        uint16_t m = (uint16_t)(2 + prng_below(&p, 200));
        enum fec_version version = run % 2 == 0 ? FEC_V1 : FEC_V2;
        size_t count = 3U * m + 40;
        lose_some(&p, count, (uint32_t)prng_below(&p, 500000));
        size_t prefix = need_of(version, m, count, m).prefix;
        assert_int_equal(prefix, decoder_prefix(version, m, count));
    }
}

static void sizes_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_null(minrank_create(FEC_V1, 0));
    assert_null(minrank_create(FEC_V1, FEC_N_MAX + 1));
    minrank_destroy(NULL);
}

TEST_MAIN(cmocka_unit_test(without_losses_m_fragments_are_enough),
          cmocka_unit_test(twin_columns_take_as_many_coded_ones_as_the_reference_says),
          cmocka_unit_test(more_lost_than_the_cap_allows_never_decodes),
          cmocka_unit_test(what_is_missing_at_the_end_is_told),
          cmocka_unit_test(status_requests_and_copies_carry_nothing_new),
          cmocka_unit_test(uncoded_ones_after_a_coded_one_or_a_later_one_are_ignored),
          cmocka_unit_test(it_agrees_with_a_decoder_that_has_data),
          cmocka_unit_test(sizes_out_of_range_are_refused))

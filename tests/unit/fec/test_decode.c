/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "fec/decode.h"
#include "fec/encode.h"

/* A block, its encoder and a decoder with memory of its own. */
struct link {
    uint8_t *data;
    size_t len;
    struct fec_encoder enc;
    uint8_t *block;
    void *workspace;
    struct fec_decoder dec;
};

static void link_open(struct link *l, struct fec_decoder_config config, uint64_t seed)
{
    struct prng prng = prng_seeded(seed);
    size_t bytes = fec_decoder_workspace_bytes(&config);
    l->len = (size_t)config.m * config.frag_size - seed % config.frag_size;
    l->data = malloc(l->len);
    l->block = malloc((size_t)config.m * config.frag_size);
    l->workspace = malloc(bytes);
    assert_non_null(l->data);
    assert_non_null(l->block);
    assert_non_null(l->workspace);
    for (size_t i = 0; i < l->len; i++) {
        l->data[i] = (uint8_t)prng_next(&prng);
    }
    assert_int_equal(
        fec_encoder_init(&l->enc, config.version, l->data, l->len, config.frag_size),
        FUO_OK);
    assert_int_equal(l->enc.m, config.m);
    memset(l->block, 0xee, (size_t)config.m * config.frag_size);
    memset(l->workspace, 0xee, bytes); /* dirty memory must not matter */
    assert_int_equal(fec_decoder_init(&l->dec, &config, l->block, l->workspace, bytes),
                     FUO_OK);
}

static void link_close(struct link *l)
{
    free(l->data);
    free(l->block);
    free(l->workspace);
}

static enum fec_push deliver(struct link *l, uint32_t n)
{
    uint8_t bytes[255];
    assert_int_equal(fec_fragment(&l->enc, n, bytes), FUO_OK);
    return fec_decoder_push(&l->dec, n, bytes);
}

static void assert_complete(const struct link *l)
{
    const uint8_t *data = fec_decoder_data(&l->dec);
    assert_true(fec_decoder_done(&l->dec));
    assert_non_null(data);
    assert_memory_equal(data, l->data, l->len);
    for (size_t i = l->len; i < (size_t)l->enc.m * l->enc.frag_size; i++) {
        assert_int_equal(data[i], 0);
    }
}

static void every_uncoded_fragment_completes_the_block(void **state)
{
    (void)state;
    struct link l;
    link_open(&l, (struct fec_decoder_config){FEC_V1, FEC_ORDER_STRICT, 30, 21, 0}, 5);
    for (uint32_t n = 1; n < 30; n++) {
        assert_int_equal(deliver(&l, n), FEC_PUSH_STORED);
        assert_int_equal(l.dec.missing, 30 - n);
        assert_null(fec_decoder_data(&l.dec));
    }
    assert_int_equal(deliver(&l, 30), FEC_PUSH_DONE);
    assert_complete(&l);
    assert_int_equal(deliver(&l, 31), FEC_PUSH_IGNORED);
    assert_int_equal(l.dec.received_count, 30);
    link_close(&l);
}

/* Loses fragments with probability ppm and sends coded ones until the block is complete. */
static void run_lossy(struct fec_decoder_config config, uint32_t ppm, uint64_t seed)
{
    struct link l;
    struct prng prng = prng_seeded(seed);
    link_open(&l, config, seed);
    uint32_t useful = 0;
    for (uint32_t n = 1; n <= FEC_N_MAX && !fec_decoder_done(&l.dec); n++) {
        if (prng_chance(&prng, ppm)) {
            continue;
        }
        enum fec_push result = deliver(&l, n);
        assert_true(result == FEC_PUSH_STORED || result == FEC_PUSH_DONE ||
                    result == FEC_PUSH_DEPENDENT);
        useful += result != FEC_PUSH_DEPENDENT;
        assert_int_equal(l.dec.missing, config.m - useful);
    }
    assert_complete(&l);
    link_close(&l);
}

static void any_loss_pattern_is_repaired_by_coded_fragments(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct prng prng = prng_seeded(seed);
        struct fec_decoder_config config = {
            .version = seed % 2 == 0 ? FEC_V1 : FEC_V2,
            .order = seed % 3 == 0 ? FEC_ORDER_ANY : FEC_ORDER_STRICT,
            .m = (uint16_t)(10 + prng_below(&prng, 180)),
            .frag_size = (uint8_t)(1 + prng_below(&prng, 255)),
        };
        if (config.m % 32 == 0) {
            config.m++; /* sound counts only, see radio/fragsize.h */
        }
        config.max_lost = config.m;
        run_lossy(config, 50000 + (uint32_t)prng_below(&prng, 700000), seed);
    }
}

static void large_blocks_with_many_losses_decode(void **state)
{
    (void)state;
    run_lossy((struct fec_decoder_config){FEC_V1, FEC_ORDER_STRICT, 1100, 48, 1100},
              450000, 7);
    run_lossy((struct fec_decoder_config){FEC_V2, FEC_ORDER_STRICT, 2000, 222, 900},
              200000, 8);
}

static void a_lone_coded_stream_decodes_without_a_single_uncoded_fragment(void **state)
{
    (void)state;
    struct link l;
    link_open(&l, (struct fec_decoder_config){FEC_V2, FEC_ORDER_STRICT, 67, 33, 67}, 1);
    enum fec_push result = FEC_PUSH_STORED;
    for (uint32_t n = 68; result != FEC_PUSH_DONE; n++) {
        result = deliver(&l, n);
        assert_in_range(n, 68, 300);
    }
    assert_int_equal(l.dec.lost_count, 67);
    assert_complete(&l);
    link_close(&l);
}

static void strict_order_ignores_repeated_and_older_uncoded_fragments(void **state)
{
    (void)state;
    struct link l;
    link_open(&l, (struct fec_decoder_config){FEC_V1, FEC_ORDER_STRICT, 20, 10, 20}, 2);
    assert_int_equal(deliver(&l, 5), FEC_PUSH_STORED);
    assert_int_equal(deliver(&l, 5), FEC_PUSH_IGNORED);
    assert_int_equal(deliver(&l, 4), FEC_PUSH_IGNORED);
    assert_int_equal(l.dec.missing, 19);
    assert_int_equal(l.dec.received_count, 3);
    assert_int_equal(l.dec.last_n, 5);
    assert_int_equal(l.dec.seen_n, 4);
    link_close(&l);
}

static void any_order_takes_uncoded_fragments_once_until_a_coded_one_comes(void **state)
{
    (void)state;
    struct link l;
    link_open(&l, (struct fec_decoder_config){FEC_V1, FEC_ORDER_ANY, 20, 10, 20}, 2);
    assert_int_equal(deliver(&l, 20), FEC_PUSH_STORED);
    assert_int_equal(deliver(&l, 4), FEC_PUSH_STORED);
    assert_int_equal(deliver(&l, 4), FEC_PUSH_IGNORED);
    assert_int_equal(deliver(&l, 21), FEC_PUSH_STORED);
    assert_int_equal(deliver(&l, 7), FEC_PUSH_IGNORED);
    assert_int_equal(deliver(&l, 21), FEC_PUSH_DEPENDENT);
    assert_int_equal(l.dec.missing, 17);
    assert_int_equal(l.dec.lost_count, 18);
    link_close(&l);
}

static void more_losses_than_the_matrix_holds_end_the_session(void **state)
{
    (void)state;
    struct link l;
    struct fec_decoder_config config = {FEC_V1, FEC_ORDER_STRICT, 20, 10, 3};
    link_open(&l, config, 3);
    for (uint32_t n = 5; n <= 20; n++) {
        (void)deliver(&l, n);
    }
    assert_int_equal(l.dec.missing, 4);
    assert_int_equal(deliver(&l, 21), FEC_PUSH_OVERFLOW);
    assert_true(l.dec.overflow);
    assert_int_equal(deliver(&l, 22), FEC_PUSH_OVERFLOW);
    assert_int_equal(deliver(&l, 1), FEC_PUSH_OVERFLOW);
    assert_null(fec_decoder_data(&l.dec));

    /* A new session on the same memory starts from nothing. */
    assert_int_equal(fec_decoder_init(&l.dec, &config, l.block, l.workspace,
                                      fec_decoder_workspace_bytes(&config)),
                     FUO_OK);
    for (uint32_t n = 4; n <= 40 && !fec_decoder_done(&l.dec); n++) {
        (void)deliver(&l, n);
    }
    assert_complete(&l);
    link_close(&l);
}

static void indexes_off_the_air_are_invalid_and_not_counted(void **state)
{
    (void)state;
    struct link l;
    const uint8_t bytes[10] = {0};
    link_open(&l, (struct fec_decoder_config){FEC_V1, FEC_ORDER_STRICT, 20, 10, 3}, 3);
    assert_int_equal(fec_decoder_push(&l.dec, 0, bytes), FEC_PUSH_INVALID);
    assert_int_equal(fec_decoder_push(&l.dec, FEC_N_MAX + 1, bytes), FEC_PUSH_INVALID);
    assert_int_equal(l.dec.received_count, 0);
    link_close(&l);
}

static void a_single_fragment_cannot_be_coded(void **state)
{
    (void)state;
    struct link l;
    link_open(&l, (struct fec_decoder_config){FEC_V1, FEC_ORDER_STRICT, 1, 10, 1}, 3);
    assert_int_equal(deliver(&l, 2), FEC_PUSH_DEPENDENT);
    assert_int_equal(deliver(&l, 1), FEC_PUSH_IGNORED);
    link_close(&l);
}

static void init_checks_its_limits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fec_decoder_config config;
    } rows[] = {
        {"no fragments", {FEC_V1, FEC_ORDER_STRICT, 0, 10, 0}},
        {"too many", {FEC_V1, FEC_ORDER_STRICT, FEC_N_MAX + 1, 10, 0}},
        {"no size", {FEC_V1, FEC_ORDER_STRICT, 10, 0, 0}},
        {"more lost than there are", {FEC_V1, FEC_ORDER_STRICT, 10, 10, 11}},
        {"version", {(enum fec_version)3, FEC_ORDER_STRICT, 10, 10, 10}},
    };
    uint64_t workspace[64];
    uint8_t block[100];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fec_decoder dec = {.missing = 99};
        test_row(rows[i].name);
        assert_int_equal(fec_decoder_workspace_bytes(&rows[i].config), 0);
        assert_int_equal(
            fec_decoder_init(&dec, &rows[i].config, block, workspace, sizeof(workspace)),
            FUO_ERANGE);
        assert_int_equal(dec.missing, 99);
    }
}

static void a_workspace_one_byte_short_is_refused(void **state)
{
    (void)state;
    struct fec_decoder_config config = {FEC_V1, FEC_ORDER_STRICT, 10, 10, 10};
    struct fec_decoder dec = {.missing = 99};
    uint64_t workspace[128];
    uint8_t block[100];
    size_t bytes = fec_decoder_workspace_bytes(&config);
    assert_in_range(bytes, 1, sizeof(workspace));
    assert_int_equal(fec_decoder_init(&dec, &config, block, workspace, bytes - 1),
                     FUO_ENOSPC);
    assert_int_equal(dec.missing, 99);
}

TEST_MAIN(
    cmocka_unit_test(every_uncoded_fragment_completes_the_block),
    cmocka_unit_test(any_loss_pattern_is_repaired_by_coded_fragments),
    cmocka_unit_test(large_blocks_with_many_losses_decode),
    cmocka_unit_test(a_lone_coded_stream_decodes_without_a_single_uncoded_fragment),
    cmocka_unit_test(strict_order_ignores_repeated_and_older_uncoded_fragments),
    cmocka_unit_test(any_order_takes_uncoded_fragments_once_until_a_coded_one_comes),
    cmocka_unit_test(more_losses_than_the_matrix_holds_end_the_session),
    cmocka_unit_test(indexes_off_the_air_are_invalid_and_not_counted),
    cmocka_unit_test(a_single_fragment_cannot_be_coded),
    cmocka_unit_test(init_checks_its_limits),
    cmocka_unit_test(a_workspace_one_byte_short_is_refused))

/* SPDX-License-Identifier: MIT */
/* Block1 and Block2: the figures of RFC 7959, and bodies from one end to the other. */
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "codec/coap_block.h"

enum {
    BODY_MAX = 5000,
};

static void the_option_is_a_number(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int err;
        struct coap_block block;
    } rows[] = {
        {"", FUO_OK, {0, false, 0}},
        {"06", FUO_OK, {0, false, 6}},
        {"0e", FUO_OK, {0, true, 6}},
        {"1a", FUO_OK, {1, true, 2}},
        {"0102", FUO_OK, {16, false, 2}},
        {"fffff6", FUO_OK, {COAP_BLOCK_NUM_MAX, false, 6}},
        {"07", FUO_EPROTO, {0}},
        {"0000000e", FUO_EPROTO, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[4] = {0};
        uint8_t again[COAP_BLOCK_OPTION_BYTES];
        struct coap_block block = {.num = 77};
        size_t len = strlen(rows[i].hex) / 2;
        test_row(rows[i].hex);
        assert_int_equal(hex_decode(rows[i].hex, 2 * len, bytes, len), FUO_OK);
        assert_int_equal(coap_block_decode(bytes, len, &block), rows[i].err);
        if (rows[i].err != FUO_OK) {
            assert_int_equal(block.num, 77);
            continue;
        }
        assert_int_equal(block.num, rows[i].block.num);
        assert_int_equal(block.more, rows[i].block.more);
        assert_int_equal(block.szx, rows[i].block.szx);
        assert_int_equal(coap_block_encode(&block, again), len);
        assert_memory_equal(again, bytes, len);
    }
    uint8_t value[COAP_BLOCK_OPTION_BYTES];
    assert_int_equal(coap_block_encode(&(struct coap_block){1 << 20, false, 0}, value),
                     FUO_ERANGE);
    assert_int_equal(coap_block_encode(&(struct coap_block){0, false, 7}, value),
                     FUO_ERANGE);
}

static void leading_zeros_are_read(void **state)
{
    (void)state;
    struct coap_block block;
    assert_int_equal(coap_block_decode((const uint8_t *)"\0\0\x1a", 3, &block), FUO_OK);
    assert_int_equal(block.num, 1);
}

static void sizes_have_an_exponent(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        uint8_t szx;
    } rows[] = {{0, 0},  {16, 0},  {31, 0},   {32, 1},
                {64, 2}, {512, 5}, {1024, 6}, {9999, 6}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(coap_block_szx(rows[i].bytes), rows[i].szx);
    }
    assert_int_equal(coap_block_bytes(0), COAP_BLOCK_BYTES_MIN);
    assert_int_equal(coap_block_bytes(COAP_BLOCK_SZX_MAX), COAP_BLOCK_BYTES_MAX);
}

static void a_body_is_cut_as_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct coap_block block;
        size_t total;
        int err;
        struct coap_slice slice;
    } rows[] = {
        {"the first", {0, false, 2}, 130, FUO_OK, {0, 64, true}},
        {"the last", {2, false, 2}, 130, FUO_OK, {128, 2, false}},
        {"the last, full", {1, false, 2}, 128, FUO_OK, {64, 64, false}},
        {"behind the last, full", {2, false, 2}, 128, FUO_ERANGE, {0}},
        {"far behind", {COAP_BLOCK_NUM_MAX, false, 6}, 128, FUO_ERANGE, {0}},
        {"an empty body", {0, false, 6}, 0, FUO_OK, {0, 0, false}},
        {"behind an empty body", {1, false, 6}, 0, FUO_ERANGE, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct coap_slice slice = {0};
        test_row(rows[i].name);
        assert_int_equal(coap_block_slice(&rows[i].block, rows[i].total, &slice),
                         rows[i].err);
        assert_int_equal(slice.offset, rows[i].slice.offset);
        assert_int_equal(slice.len, rows[i].slice.len);
        assert_int_equal(slice.more, rows[i].slice.more);
    }
}

/* ---- bodies ---- */

/* Send total bytes; the receiver wants blocks of that szx from its first answer on. Every
 * block is given to it twice, as if the answer had been lost. Returns the blocks sent. */
static size_t send_all(size_t total, uint8_t szx, uint8_t wanted)
{
    static uint8_t body[BODY_MAX];
    static uint8_t got[BODY_MAX];
    struct coap_upload up;
    struct coap_download down = {0};
    size_t count = 0;
    for (size_t i = 0; i < total; i++) {
        body[i] = (uint8_t)(i * 7 + i / 256);
    }
    memset(got, 0, sizeof(got));
    assert_int_equal(coap_upload_init(&up, total, 0, szx), FUO_OK);
    while (!coap_upload_is_done(&up)) {
        struct coap_slice slice;
        struct coap_block block = coap_upload_block(&up, &slice);
        size_t before = down.offset;
        enum coap_taken taken = coap_download_take(&down, &block, slice.len);
        assert_int_equal(taken, count == 0 ? COAP_TAKEN_FIRST : COAP_TAKEN_NEW);
        assert_int_equal(down.offset, before + slice.len);
        memcpy(got + before, body + slice.offset, slice.len);
        assert_int_equal(coap_download_take(&down, &block, slice.len),
                         COAP_TAKEN_REPEATED);
        block.szx = wanted < block.szx ? wanted : block.szx;
        assert_int_equal(coap_upload_acked(&up, &block), FUO_OK);
        count++;
    }
    assert_true(down.done);
    assert_int_equal(down.offset, total);
    assert_memory_equal(got, body, total);
    return count;
}

static void bodies_arrive_whole_whatever_the_blocks(void **state)
{
    (void)state;
    assert_int_equal(send_all(1, 6, 6), 1);
    assert_int_equal(send_all(1024, 6, 6), 1);
    assert_int_equal(send_all(1025, 6, 6), 2);
    assert_int_equal(send_all(5000, 6, 6), 5);
    assert_int_equal(send_all(5000, 2, 6), 79);
    assert_int_equal(send_all(5000, 6, 2), 1 + 63); /* 1024, then (5000 - 1024) / 64 */
    assert_int_equal(send_all(4096, 4, 0), 1 + 240);
}

static void the_receiver_may_make_blocks_smaller(void **state)
{
    (void)state;
    struct coap_upload up;
    struct coap_slice slice;
    assert_int_equal(coap_upload_init(&up, 1000, 0, 3), FUO_OK);
    struct coap_block block = coap_upload_block(&up, &slice);
    assert_int_equal(block.num, 0);
    assert_int_equal(slice.len, 128);
    /* RFC 7959, figure 9 */
    assert_int_equal(coap_upload_acked(&up, &(struct coap_block){0, true, 1}), FUO_OK);
    block = coap_upload_block(&up, &slice);
    assert_int_equal(block.num, 4);
    assert_int_equal(block.szx, 1);
    assert_int_equal(slice.offset, 128);
    /* never bigger again, and never by the answer to another block */
    assert_int_equal(coap_upload_acked(&up, &(struct coap_block){3, true, 0}),
                     FUO_EAGAIN);
    assert_int_equal(coap_upload_acked(&up, &(struct coap_block){4, true, 6}), FUO_OK);
    block = coap_upload_block(&up, &slice);
    assert_int_equal(block.num, 5);
    assert_int_equal(block.szx, 1);
}

static void an_upload_is_resumed_and_restarted(void **state)
{
    (void)state;
    struct coap_upload up;
    struct coap_slice slice;
    assert_int_equal(coap_upload_init(&up, 5000, 3000, 6), FUO_OK);
    assert_int_equal(coap_upload_block(&up, &slice).num, 2);
    assert_int_equal(slice.offset, 2048);
    assert_int_equal(coap_upload_shrink(&up), FUO_OK);
    assert_int_equal(coap_upload_block(&up, &slice).szx, 5);
    assert_int_equal(slice.offset, 0);
    assert_int_equal(coap_upload_init(&up, 5000, 5000, 6), FUO_ERANGE);
    assert_int_equal(coap_upload_init(&up, 5000, 0, 7), FUO_ERANGE);
    assert_int_equal(coap_upload_init(&up, 100, 0, 0), FUO_OK);
    assert_int_equal(coap_upload_shrink(&up), FUO_ERANGE);
}

static void a_body_has_at_most_so_many_blocks(void **state)
{
    (void)state;
    struct coap_upload up;
    const size_t most = (size_t)(COAP_BLOCK_NUM_MAX + 1) * COAP_BLOCK_BYTES_MIN;
    assert_int_equal(coap_upload_init(&up, most, 0, 0), FUO_OK);
    assert_int_equal(coap_upload_init(&up, most + 1, 0, 0), FUO_ERANGE);
    assert_int_equal(coap_upload_init(&up, most + 1, 0, 1), FUO_OK);
    assert_int_equal(coap_upload_acked(&up, &(struct coap_block){0, true, 0}),
                     FUO_ERANGE);
    assert_int_equal(coap_upload_shrink(&up), FUO_ERANGE);
    assert_int_equal(coap_upload_init(&up, 0, 0, 6), FUO_OK);
    assert_true(coap_upload_is_done(&up));
}

static void blocks_are_taken_in_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct coap_block block;
        size_t len;
        enum coap_taken taken;
        size_t offset;
    } rows[] = {
        {"begins in the middle", {1, true, 2}, 64, COAP_TAKEN_GAP, 0},
        {"too short", {0, true, 2}, 63, COAP_TAKEN_MALFORMED, 0},
        {"too long", {0, false, 2}, 65, COAP_TAKEN_MALFORMED, 0},
        {"the first", {0, true, 2}, 64, COAP_TAKEN_FIRST, 64},
        {"again", {0, true, 2}, 64, COAP_TAKEN_REPEATED, 64},
        {"one is missing", {2, true, 2}, 64, COAP_TAKEN_GAP, 64},
        {"the second", {1, true, 2}, 64, COAP_TAKEN_NEW, 128},
        {"long ago", {1, true, 1}, 32, COAP_TAKEN_REPEATED, 128},
        {"smaller ones", {4, true, 1}, 32, COAP_TAKEN_NEW, 160},
        {"the last, empty", {5, false, 1}, 0, COAP_TAKEN_NEW, 160},
        {"the last again", {5, false, 1}, 0, COAP_TAKEN_REPEATED, 160},
        {"behind the last", {5, false, 1}, 3, COAP_TAKEN_GAP, 160},
        {"another body", {0, true, 2}, 64, COAP_TAKEN_FIRST, 64},
        {"another of one block", {0, false, 6}, 5, COAP_TAKEN_FIRST, 5},
        {"that again", {0, false, 6}, 5, COAP_TAKEN_REPEATED, 5},
    };
    struct coap_download down = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(coap_download_take(&down, &rows[i].block, rows[i].len),
                         rows[i].taken);
        assert_int_equal(down.offset, rows[i].offset);
    }
}

static void a_download_asks_on_where_it_is(void **state)
{
    (void)state;
    struct coap_block block;
    assert_int_equal(
        coap_download_next(&(struct coap_download){.offset = 2048}, 6, &block), FUO_OK);
    assert_int_equal(block.num, 2);
    assert_int_equal(
        coap_download_next(&(struct coap_download){.offset = 2048}, 2, &block), FUO_OK);
    assert_int_equal(block.num, 32);
    assert_int_equal(coap_download_next(&(struct coap_download){.offset = 64}, 6, &block),
                     FUO_ERANGE);
    assert_int_equal(
        coap_download_next(&(struct coap_download){.offset = (size_t)1 << 30}, 6, &block),
        FUO_ERANGE);
}

TEST_MAIN(cmocka_unit_test(the_option_is_a_number),
          cmocka_unit_test(leading_zeros_are_read),
          cmocka_unit_test(sizes_have_an_exponent),
          cmocka_unit_test(a_body_is_cut_as_asked_for),
          cmocka_unit_test(bodies_arrive_whole_whatever_the_blocks),
          cmocka_unit_test(the_receiver_may_make_blocks_smaller),
          cmocka_unit_test(an_upload_is_resumed_and_restarted),
          cmocka_unit_test(a_body_has_at_most_so_many_blocks),
          cmocka_unit_test(blocks_are_taken_in_their_order),
          cmocka_unit_test(a_download_asks_on_where_it_is))

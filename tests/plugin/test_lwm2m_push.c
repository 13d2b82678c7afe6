/* SPDX-License-Identifier: MIT */
/* test_lwm2m_push.c - images that are pushed by the plugin lwm2m, over a restart as well. */
#include "lwm2m_rig.h"

enum {
    RESTARTS_MAX = 5,
};

/* That was told when it had five blocks. */
static uint32_t mark_of_five(void)
{
    struct fuo_host h;
    begin(&h, 0, BLOCK_BYTES);
    order(&h, IMAGE, 0);
    for (uint32_t num = 0; num < 5; num++) {
        await_block(&h, num, SZX);
        h.state = 1;
        assert_int_equal(h.marks, 0);
        h.now_us += SECOND_US;
        answer(&h, COAP_CODE_CONTINUE);
    }
    await_block(&h, 5, SZX);
    assert_int_equal(h.marks, 1);
    end(&h);
    return h.mark;
}

/* ---- tests ---- */

static void a_mark_is_told_now_and_then(void **state)
{
    struct fuo_host h;
    (void)state;
    begin(&h, 0, BLOCK_BYTES);
    order(&h, IMAGE, 0);
    for (uint32_t num = 0; num < BLOCKS - 1; num++) {
        await_block(&h, num, SZX);
        assert_int_equal(h.marks, num / 3);
        h.now_us += 2 * SECOND_US;
        answer(&h, COAP_CODE_CONTINUE);
    }
    await_block(&h, BLOCKS - 1, SZX);
    answer(&h, COAP_CODE_CHANGED);
    await_result(&h, FUO_OK);
    assert_int_equal(h.marks, (BLOCKS - 1) / 3);
    end(&h);
}

static void a_push_goes_on_with_the_next_block(void **state)
{
    struct fuo_host h;
    (void)state;
    uint32_t mark = mark_of_five();
    begin(&h, 1, BLOCK_BYTES);
    order(&h, IMAGE, mark);
    take_blocks(&h, 5, BLOCKS);
    await_result(&h, FUO_OK);
    end(&h);
}

static void a_push_goes_on_in_smaller_blocks_if_they_are_by_now(void **state)
{
    struct fuo_host h;
    (void)state;
    uint32_t mark = mark_of_five();
    begin(&h, 1, BLOCK_BYTES / 2);
    order(&h, IMAGE, mark);
    await_block(&h, 10, SZX - 1);
    end(&h);
}

/* Once, and that is not one of the attempts that a device has. */
static void who_has_lost_its_part_is_sent_all_of_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t code;
    } rows[] = {
        {"4.08", COAP_CODE_INCOMPLETE},
        {"4.13", COAP_CODE_TOO_LARGE},
    };
    uint32_t mark = mark_of_five();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuo_host h;
        test_row(rows[i].name);
        begin(&h, 1, BLOCK_BYTES);
        order(&h, IMAGE, mark);
        await_block(&h, 5, SZX);
        answer(&h, rows[i].code);
        for (int again = 0; again < RESTARTS_MAX; again++) {
            await_block(&h, 0, SZX);
            answer(&h, COAP_CODE_INCOMPLETE);
        }
        take_blocks(&h, 0, BLOCKS);
        await_result(&h, FUO_OK);
        end(&h);
    }
}

static void who_takes_no_block_in_the_middle_is_reset_and_sent_all_of_it(void **state)
{
    struct fuo_host h;
    (void)state;
    uint32_t mark = mark_of_five();
    begin(&h, 1, BLOCK_BYTES);
    order(&h, IMAGE, mark);
    await_block(&h, 5, SZX);
    answer(&h, COAP_CODE_NOT_ALLOWED);
    await_write(&h);
    assert_string_equal(h.path, "5/0/1");
    assert_int_equal(h.payload_len, 0);
    h.state = 0;
    answer(&h, COAP_CODE_CHANGED);
    take_blocks(&h, 0, BLOCKS);
    await_result(&h, FUO_OK);
    end(&h);
}

static void a_mark_is_of_no_use_in_another_state_or_for_another_image(void **state)
{
    (void)state;
    uint32_t mark = mark_of_five();
    const struct {
        const char *name;
        const char *path; /* that is written; NULL: none, it has the image */
        uint32_t image;
        uint32_t mark;
        uint8_t state;
    } rows[] = {
        {"it is idle", "5/0/0", IMAGE, mark, 0},
        {"it has the image", NULL, IMAGE, mark, 2},
        {"it has an image, and there is no mark", "5/0/1", IMAGE, 0, 2},
        {"it is brought another one", "5/0/1", OTHER_IMAGE, mark, 1},
        {"it has another one", "5/0/1", OTHER_IMAGE, mark, 2},
        {"there is no mark", "5/0/1", IMAGE, 0, 1},
        {"a mark beyond the image", "5/0/1", IMAGE, mark | 0xffff0, 1},
        {"a mark with reserved blocks", "5/0/1", IMAGE, mark | 7, 1},
        {"a mark of nothing", "5/0/1", IMAGE, mark & 0xff000000, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuo_host h;
        test_row(rows[i].name);
        begin(&h, rows[i].state, BLOCK_BYTES);
        order(&h, rows[i].image, rows[i].mark);
        await_write(&h);
        if (rows[i].path != NULL) {
            assert_string_equal(h.path, rows[i].path);
            assert_int_equal(h.block.num, 0);
        } else {
            assert_int_equal(h.ordered, 1);
            assert_int_equal(h.err, FUO_OK);
        }
        end(&h);
    }
}

static void who_has_all_of_it_though_its_last_answer_was_lost_is_done(void **state)
{
    struct fuo_host h;
    (void)state;
    begin(&h, 0, BLOCK_BYTES);
    order(&h, IMAGE, 0);
    take_blocks(&h, 0, BLOCKS - 1);
    await_block(&h, BLOCKS - 1, SZX);
    h.state = 2;
    h.path[0] = '\0';
    h.now_us += 100 * ACK_TIMEOUT_US; /* nobody waits any longer */
    h.at_once = true;
    turn(&h);
    h.now_us += 61 * SECOND_US; /* it was left alone */
    h.at_once = true;
    await_result(&h, FUO_OK);
    end(&h);
}

static void who_wants_more_than_there_is_has_failed(void **state)
{
    struct fuo_host h;
    (void)state;
    begin(&h, 0, BLOCK_BYTES);
    order(&h, IMAGE, 0);
    for (int again = 0; again <= RESTARTS_MAX; again++) {
        take_blocks(&h, 0, BLOCKS - 1);
        await_block(&h, BLOCKS - 1, SZX);
        answer(&h, COAP_CODE_CONTINUE);
    }
    await_result(&h, FUO_EPERM);
    end(&h);
}

/* RFC 7959, 2.9.3: the Block1 of a 4.13 says how large blocks may be. */
static void who_finds_blocks_too_large_gets_them_as_small_as_it_says(void **state)
{
    static const struct {
        const char *name;
        uint8_t says;
        uint8_t gets;
    } rows[] = {
        {"16 bytes", 0, 0},
        {"32 bytes", 1, 1},
        {"the same again: it says nothing", SZX, SZX - 1},
        {"more", SZX + 1, SZX - 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuo_host h;
        test_row(rows[i].name);
        begin(&h, 0, BLOCK_BYTES);
        order(&h, IMAGE, 0);
        await_block(&h, 0, SZX);
        h.block.szx = rows[i].says;
        answer(&h, COAP_CODE_TOO_LARGE);
        await_block(&h, 0, rows[i].gets);
        end(&h);
    }
}

static void who_finds_the_smallest_blocks_too_large_has_failed(void **state)
{
    struct fuo_host h;
    (void)state;
    begin(&h, 0, BLOCK_BYTES);
    order(&h, IMAGE, 0);
    await_block(&h, 0, SZX);
    h.block.szx = 0;
    answer(&h, COAP_CODE_TOO_LARGE);
    await_block(&h, 0, 0);
    answer(&h, COAP_CODE_TOO_LARGE);
    await_result(&h, FUO_EPERM);
    end(&h);
}

TEST_MAIN(cmocka_unit_test(a_mark_is_told_now_and_then),
          cmocka_unit_test(a_push_goes_on_with_the_next_block),
          cmocka_unit_test(a_push_goes_on_in_smaller_blocks_if_they_are_by_now),
          cmocka_unit_test(who_has_lost_its_part_is_sent_all_of_it),
          cmocka_unit_test(who_takes_no_block_in_the_middle_is_reset_and_sent_all_of_it),
          cmocka_unit_test(a_mark_is_of_no_use_in_another_state_or_for_another_image),
          cmocka_unit_test(who_has_all_of_it_though_its_last_answer_was_lost_is_done),
          cmocka_unit_test(who_wants_more_than_there_is_has_failed),
          cmocka_unit_test(who_finds_blocks_too_large_gets_them_as_small_as_it_says),
          cmocka_unit_test(who_finds_the_smallest_blocks_too_large_has_failed))

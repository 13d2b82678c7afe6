/* SPDX-License-Identifier: MIT */
#include "campaign/detect.h"
#include "test.h"

static void a_clock_that_subtracts_the_epoch_twice_shows_itself(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t device_time;
        bool want;
    } rows[] = {
        /* st_clock_epoch_bug.json, at GPS 1450000000 */
        {"at boot", 3663037697u, true},
        {"set by the MAC", 1134035200u, true},
        {"set by a server that does not know: it looks perfect", 1450000005u, false},
        {"a day after boot", 3663037696u + 86400u, true},
        {"two days after boot", 3663037696u + 2 * 86400u, false},
        {"just before boot", 3663037695u, false},
        {"ten seconds off", 1134035190u, true},
        {"eleven seconds off", 1134035189u, false},
        {"a clock at 0", 0, false},
        {"a clock of 1970", 3979002496u, false}, /* LoRaMac-node at boot */
        {"a year behind", 1418464000u, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gps device = {rows[i].device_time};
        test_row(rows[i].name);
        assert_int_equal(detect_epoch_twice(device, (struct gps){1450000000u}),
                         rows[i].want);
    }
}

static void the_layout_of_a_status_shows_when_only_one_makes_sense(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t ts004;
        uint16_t sent;
        uint8_t body[4];
        size_t len;
        enum profile_layout want;
    } rows[] = {
        {"ST v2: campaign_st_v2.json", 2, 24, {0x18, 0, 4, 0}, 4, PROFILE_LAYOUT_V1},
        {"LBM v2: campaign_lbm_v2.json", 2, 24, {0, 0x16, 0, 0}, 4, PROFILE_LAYOUT_AUTO},
        {"v2, plausible both ways", 2, 24, {1, 0, 0, 0}, 4, PROFILE_LAYOUT_AUTO},
        {"v2, plausible in no way", 2, 24, {0xff, 0xff, 0, 0}, 4, PROFILE_LAYOUT_AUTO},
        {"v2 without counts", 2, 24, {4}, 1, PROFILE_LAYOUT_AUTO},
        {"v2 without a session, in four bytes",
         2,
         24,
         {4, 0x16, 0, 0},
         4,
         PROFILE_LAYOUT_AUTO},
        {"v1", 1, 24, {0x18, 0, 4, 0}, 4, PROFILE_LAYOUT_AUTO},
        {"short", 2, 24, {0x18, 0}, 2, PROFILE_LAYOUT_AUTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct frag_status_hint hint = {.frag_index = 0, .sent_count = rows[i].sent};
        test_row(rows[i].name);
        assert_int_equal(detect_layout(rows[i].ts004, &hint, rows[i].body, rows[i].len),
                         rows[i].want);
    }
}

static void more_received_and_missing_than_sent_is_lost_for_ever(void **state)
{
    (void)state;
    assert_true(detect_lost_for_ever(24, 24, 4));
    assert_false(detect_lost_for_ever(24, 20, 4));
    assert_false(detect_lost_for_ever(24, 22, 0));
    assert_false(detect_lost_for_ever(24, 25, 0)); /* repeated, perhaps */
}

TEST_MAIN(cmocka_unit_test(a_clock_that_subtracts_the_epoch_twice_shows_itself),
          cmocka_unit_test(the_layout_of_a_status_shows_when_only_one_makes_sense),
          cmocka_unit_test(more_received_and_missing_than_sent_is_lost_for_ever))

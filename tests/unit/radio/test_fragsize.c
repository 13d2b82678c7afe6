/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "radio/fragsize.h"

static void degenerate_counts_are_the_measured_ones(void **state)
{
    (void)state;
    static const uint32_t bad[] = {96,  192, 320,  384,  448, 576,
                                   640, 768, 1536, 1792, 2304};
    static const uint32_t good[] = {0,  1,   10,  63,  64,  65,   95,
                                    97, 128, 256, 383, 385, 1024, 2048};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_true(fragplan_count_degenerate(bad[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_false(fragplan_count_degenerate(good[i]));
    }
}

static void a_given_size_is_only_divided(void **state)
{
    (void)state;
    struct fragplan plan = {.count = 7};
    assert_int_equal(fragplan_with_size(1001, 50, &plan), FUO_OK);
    assert_int_equal(plan.count, 21);
    assert_int_equal(plan.padding, 49);
    assert_int_equal(fragplan_with_size(36864, 48, &plan), FUO_OK);
    assert_int_equal(plan.count, 768); /* degenerate, and the caller's choice */
    assert_int_equal(fragplan_with_size(0, 48, &plan), FUO_ERANGE);
    assert_int_equal(fragplan_with_size(10, 0, &plan), FUO_ERANGE);
    assert_int_equal(fragplan_with_size((size_t)16128 * 48, 48, &plan), FUO_OK);
    assert_int_equal(plan.count, 16383 - 255); /* coded fragments have numbers, too */
    plan = (struct fragplan){0};
    assert_int_equal(
        fragplan_with_size((size_t)FRAGPLAN_COUNT_PLANNED * 48 + 1, 48, &plan),
        FUO_ERANGE);
    assert_int_equal(plan.count, 0);
}

static void the_largest_sound_size_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t block_bytes;
        struct fragplan_limits limits;
        uint8_t size;
        uint16_t count;
    } rows[] = {
        {"plain", 51008, {.size_max = 219}, 219, 233},
        {"768 fragments of 48 avoided", 36864, {.size_max = 48}, 47, 785},
        {"384 of 96 avoided, by eights",
         36864,
         {.size_max = 96, .size_multiple = 8},
         88,
         419},
        {"96 fragments avoided", 4800, {.size_max = 50}, 49, 98},
        {"ten fragments rather than five", 1000, {.size_max = 200}, 111, 10},
        {"five if nothing else is allowed",
         1000,
         {.size_max = 200, .size_min = 150},
         200,
         5},
        {"multiple of eight", 51008, {.size_max = 219, .size_multiple = 8}, 216, 237},
        {"a degenerate one if nothing else is allowed",
         36864,
         {.size_max = 48, .size_min = 48},
         48,
         768},
        {"a single byte", 1, {.size_max = 219}, 219, 1},
        {"exactly the device's count", 1000, {.size_max = 50, .count_max = 20}, 50, 20},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fragplan plan = {0};
        test_row(rows[i].name);
        assert_int_equal(fragplan_choose(rows[i].block_bytes, &rows[i].limits, &plan),
                         FUO_OK);
        assert_int_equal(plan.size, rows[i].size);
        assert_int_equal(plan.count, rows[i].count);
        assert_int_equal((size_t)plan.size * plan.count - plan.padding,
                         rows[i].block_bytes);
    }
}

static void a_block_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t block_bytes;
        struct fragplan_limits limits;
    } rows[] = {
        {"empty", 0, {.size_max = 219}},
        {"no size at this data rate", 1000, {.size_max = 0}},
        {"device wants larger ones", 1000, {.size_max = 48, .size_min = 49}},
        {"no multiple in reach", 1000, {.size_max = 7, .size_multiple = 8}},
        {"more than the device counts", 1001, {.size_max = 50, .count_max = 20}},
        {"more than the index counts", (size_t)16384 * 48, {.size_max = 48}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fragplan plan = {.count = 7};
        test_row(rows[i].name);
        assert_int_equal(fragplan_choose(rows[i].block_bytes, &rows[i].limits, &plan),
                         FUO_ERANGE);
        assert_int_equal(plan.count, 7);
    }
}

static void the_header_of_a_fragment_is_taken_off_the_payload(void **state)
{
    (void)state;
    assert_int_equal(fragplan_size_for_payload(242), 239);
    assert_int_equal(fragplan_size_for_payload(4), 1);
    assert_int_equal(fragplan_size_for_payload(3), 0);
    assert_int_equal(fragplan_size_for_payload(0), 0);
}

static void what_two_kinds_of_devices_can_both_take(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fragplan_limits a;
        struct fragplan_limits b;
        int err;
        struct fragplan_limits want;
    } rows[] = {
        {"no limits", {0}, {0}, FUO_OK, {0}},
        {"one has none", {40, 240, 0, 2151}, {0}, FUO_OK, {40, 240, 0, 2151}},
        {"the narrower of each",
         {40, 240, 0, 2151},
         {48, 232, 8, 3000},
         FUO_OK,
         {48, 232, 8, 2151}},
        {"multiples of both", {0, 200, 4, 0}, {0, 0, 6, 0}, FUO_OK, {0, 200, 12, 0}},
        {"no size for both", {60, 0, 0, 0}, {0, 50, 0, 0}, FUO_ERANGE, {7, 7, 7, 7}},
        {"no multiple for both", {0, 60, 64, 0}, {0}, FUO_ERANGE, {7, 7, 7, 7}},
        {"multiples too large", {0, 0, 64, 0}, {0, 0, 63, 0}, FUO_ERANGE, {7, 7, 7, 7}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fragplan_limits got = {7, 7, 7, 7};
        struct fragplan_limits back = {7, 7, 7, 7};
        test_row(rows[i].name);
        assert_int_equal(fragplan_merge(&rows[i].a, &rows[i].b, &got), rows[i].err);
        assert_int_equal(fragplan_merge(&rows[i].b, &rows[i].a, &back), rows[i].err);
        assert_int_equal(got.size_min, rows[i].want.size_min);
        assert_int_equal(got.size_max, rows[i].want.size_max);
        assert_int_equal(got.size_multiple, rows[i].want.size_multiple);
        assert_int_equal(got.count_max, rows[i].want.count_max);
        assert_int_equal(back.size_max, rows[i].want.size_max);
        assert_int_equal(back.size_multiple, rows[i].want.size_multiple);
    }
}

static void a_cut_is_within_limits_or_not(void **state)
{
    (void)state;
    static const struct fragplan_limits limits = {40, 200, 8, 100};
    assert_true(fragplan_fits(&limits, 40, 100));
    assert_true(fragplan_fits(&limits, 200, 1));
    assert_false(fragplan_fits(&limits, 32, 10));
    assert_false(fragplan_fits(&limits, 208, 10));
    assert_false(fragplan_fits(&limits, 44, 10));
    assert_false(fragplan_fits(&limits, 40, 101));
    assert_true(fragplan_fits(&(struct fragplan_limits){0}, 1, 16383));
}

static void a_wanted_size_is_taken_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fragplan_limits limits;
        uint8_t room;
        uint32_t wanted;
        uint8_t size; /* 0: refused */
    } rows[] = {
        {"a size", {0}, 112, 50, 50},
        {"as much as there is room for", {0}, 112, 112, 112},
        {"more than there is room for", {0}, 112, 113, 0},
        {"nothing", {0}, 112, 0, 0},
        {"any", {0}, 112, FRAGPLAN_SIZE_ANY, 112},
        {"any within limits", {.size_max = 60}, 112, FRAGPLAN_SIZE_ANY, 60},
        {"beyond the largest", {.size_max = 60}, 112, 61, 0},
        {"any, where room is the limit", {.size_max = 200}, 112, FRAGPLAN_SIZE_ANY, 112},
        {"below the smallest", {.size_min = 40}, 112, 39, 0},
        {"a multiple", {.size_multiple = 8}, 112, 48, 48},
        {"no multiple", {.size_multiple = 8}, 112, 50, 0},
        {"as many as it takes", {.count_max = 100}, 112, 50, 50},
        {"too many", {.count_max = 99}, 112, 50, 0},
        {"no room for the smallest", {.size_min = 113}, 112, FRAGPLAN_SIZE_ANY, 0},
        {"more than a byte can say", {0}, 112, 256 + 50, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fragplan plan = {.size = 1};
        test_row(rows[i].name);
        int err =
            fragplan_cut(5000, &rows[i].limits, rows[i].room, rows[i].wanted, &plan);
        assert_int_equal(err, rows[i].size != 0 ? FUO_OK : FUO_ERANGE);
        assert_int_equal(plan.size, rows[i].size != 0 ? rows[i].size : 1);
    }
}

TEST_MAIN(cmocka_unit_test(degenerate_counts_are_the_measured_ones),
          cmocka_unit_test(a_given_size_is_only_divided),
          cmocka_unit_test(the_largest_sound_size_is_chosen),
          cmocka_unit_test(a_block_that_does_not_fit_is_refused),
          cmocka_unit_test(what_two_kinds_of_devices_can_both_take),
          cmocka_unit_test(a_cut_is_within_limits_or_not),
          cmocka_unit_test(a_wanted_size_is_taken_or_refused),
          cmocka_unit_test(the_header_of_a_fragment_is_taken_off_the_payload))

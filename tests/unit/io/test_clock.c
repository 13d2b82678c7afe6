/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "io/clock.h"

#define EPOCH_US (INT64_C(1700000000) * 1000000)

static struct clock scaled(const char *scale)
{
    struct clock clock;
    assert_int_equal(clock_init(&clock, scale), FUO_OK);
    return clock;
}

static void without_a_scale_time_is_the_walls(void **state)
{
    (void)state;
    struct clock clock;
    assert_int_equal(clock_init(&clock, NULL), FUO_OK);
    assert_int_equal(clock_utc_at(&clock, EPOCH_US + 7).us, EPOCH_US + 7);
    assert_int_equal(clock_utc_at(&clock, -7).us, -7);
    assert_int_equal(clock_wall_us(&clock, 12345), 12345);
    assert_int_equal(clock_virtual_us(&clock, 12345), 12345);
}

static void time_runs_faster_from_the_epoch_on(void **state)
{
    (void)state;
    static const struct {
        const char *scale;
        int64_t wall_us;
        int64_t want_us;
    } rows[] = {
        {"100@1700000000", EPOCH_US, EPOCH_US},
        {"100@1700000000", EPOCH_US + 1, EPOCH_US + 100},
        {"100@1700000000", EPOCH_US + SECONDS_US(36), EPOCH_US + SECONDS_US(3600)},
        {"100@1700000000", EPOCH_US - 1, EPOCH_US - 100},
        {"2.5@1700000000.5", EPOCH_US + 500000 + 4, EPOCH_US + 500000 + 10},
        {"0.5@1700000000", EPOCH_US + 3, EPOCH_US + 1},
        {"0.5@1700000000", EPOCH_US - 3, EPOCH_US - 2},
        {"1@0", 1234567, 1234567},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].scale);
        struct clock clock = scaled(rows[i].scale);
        assert_int_equal(clock_utc_at(&clock, rows[i].wall_us).us, rows[i].want_us);
    }
}

static void a_scale_that_is_no_scale_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "@",
        "100",
        "100@",
        "@1700000000",
        "-1@0",
        "1@-1",
        "0@0",
        "0.0009@0",
        "100001@0",
        "1@4102444801",
        "1e3@0",
        "1.@0",
        ".5@0",
        "1.1234567@0",
        "1..5@0",
        "1@0 ",
        " 1@0",
        "1@0x10",
        "nan@0",
        "1@1@1",
        "99999999999999999999@0",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct clock clock = {.scale_ppm = 42, .epoch_us = 43};
        test_row(rows[i]);
        assert_int_equal(clock_init(&clock, rows[i]), FUO_EPROTO);
        assert_int_equal(clock.scale_ppm, 42);
        assert_int_equal(clock.epoch_us, 43);
    }
}

static void the_limits_of_a_scale_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(scaled("0.001@0").scale_ppm, 1000);
    assert_int_equal(scaled("100000@4102444800").scale_ppm, INT64_C(100000000000));
    assert_int_equal(scaled("1.123456@0.000001").scale_ppm, 1123456);
    assert_int_equal(scaled("1@0.000001").epoch_us, 1);
}

static void a_wait_is_never_too_short(void **state)
{
    (void)state;
    struct clock clock = scaled("60@1700000000");
    assert_int_equal(clock_wall_us(&clock, 60), 1);
    assert_int_equal(clock_wall_us(&clock, 61), 2);
    assert_int_equal(clock_wall_us(&clock, 1), 1);
    assert_int_equal(clock_wall_us(&clock, 0), 0);
    assert_int_equal(clock_wall_us(&clock, -5), 0);
    assert_int_equal(clock_wall_us(&clock, INT64_MIN), 0);
    assert_int_equal(clock_virtual_us(&clock, 2), 120);
    for (int64_t us = 1; us < 500; us++) {
        assert_true(clock_virtual_us(&clock, clock_wall_us(&clock, us)) >= us);
    }
}

static void never_stays_never_and_nothing_overflows(void **state)
{
    (void)state;
    struct clock fast = scaled("100000@1700000000");
    struct clock slow = scaled("0.001@1700000000");
    assert_int_equal(clock_wall_us(&fast, INT64_MAX), INT64_MAX);
    assert_int_equal(clock_wall_us(&slow, INT64_MAX - 1), INT64_MAX);
    assert_int_equal(clock_virtual_us(&fast, INT64_MAX), INT64_MAX);
    assert_int_equal(clock_virtual_us(&fast, INT64_MAX - 1), INT64_MAX);
    assert_int_equal(clock_utc_at(&fast, INT64_MAX).us, INT64_MAX);
    assert_int_equal(clock_utc_at(&fast, INT64_MIN).us, INT64_MIN);
}

static void the_running_clocks_do_not_go_back(void **state)
{
    (void)state;
    struct clock clock = scaled("1000@1700000000");
    struct instant before = clock_mono(&clock);
    struct utc utc = clock_utc(&clock);
    assert_true(clock_mono(&clock).us >= before.us);
    assert_true(utc.us > EPOCH_US);
}

static void a_clock_by_hand_shows_what_its_hands_show(void **state)
{
    (void)state;
    struct clock_hands hands = {.mono_us = 5, .utc_us = -7};
    struct clock clock = clock_by_hand(&hands);
    assert_int_equal(clock_mono(&clock).us, 5);
    assert_int_equal(clock_utc(&clock).us, -7);
    hands.utc_us = EPOCH_US;
    assert_int_equal(clock_utc(&clock).us, EPOCH_US);
    assert_int_equal(clock_wall_us(&clock, 9), 9);
}

TEST_MAIN(cmocka_unit_test(without_a_scale_time_is_the_walls),
          cmocka_unit_test(time_runs_faster_from_the_epoch_on),
          cmocka_unit_test(a_scale_that_is_no_scale_is_refused),
          cmocka_unit_test(the_limits_of_a_scale_are_accepted),
          cmocka_unit_test(a_wait_is_never_too_short),
          cmocka_unit_test(never_stays_never_and_nothing_overflows),
          cmocka_unit_test(the_running_clocks_do_not_go_back),
          cmocka_unit_test(a_clock_by_hand_shows_what_its_hands_show))

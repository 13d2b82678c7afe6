/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>

#include "base/time.h"
#include "fleet.h"
#include "fuota-bench/chirpstack.h"
#include "fuota-bench/fuotasim.h"
#include "fuota-bench/geometry.h"

static struct fleet f;

#define INTERVAL_US SECONDS_US(945) /* 15 minutes and the jitter */

static struct strategy run(enum world_timing timing, uint8_t dr)
{
    struct strategy out;
    assert_int_equal(strategy_chirpstack(&f.s, timing, dr, f.reachable, &out), FUO_OK);
    return out;
}

/* sets[d]: gateways that heard device d, bit g; the set that is chosen. */
static uint8_t tree(const uint8_t *sets, uint32_t *count)
{
    uint8_t heard[5 * 4];
    uint32_t counts[FLEET_GATEWAYS];
    uint8_t chosen[FLEET_GATEWAYS];
    uint8_t set = 0;
    fleet_init(&f, 4);
    for (uint32_t k = 0; k < 20; k++) {
        if (k % 4 == 0) {
            fleet_add(&f, 0);
        }
        fleet_link(&f, k % 4, 1000);
        heard[k] = sets[k / 4] >> k % 4 & 1;
    }
    *count = chirpstack_gateways(&f.s, heard, counts, chosen);
    for (uint32_t g = 0; g < 4; g++) {
        set |= (uint8_t)(chosen[g] << g);
    }
    return set;
}

static void devices_hang_on_the_gateway_that_hears_most(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t sets[5]; /* of gateways that heard device i; bit g */
        uint8_t want;
    } rows[] = {
        {"one device, one gateway", {0x1}, 0x1},
        {"one device, two gateways", {0x3}, 0x1},
        {"no overlap", {0x1, 0x2}, 0x3},
        {"overlap", {0x3, 0x2, 0x2}, 0x2},
        {"ties go to the first", {0x3, 0x6, 0x6, 0x5}, 0x6},
        {"nobody was heard", {0}, 0},
        {"each its own", {0x1, 0x2, 0x4, 0x8, 0x3}, 0xf},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t count = 0;
        test_row(rows[i].name);
        assert_int_equal(tree(rows[i].sets, &count), rows[i].want);
        assert_int_equal(count, __builtin_popcount(rows[i].want));
    }
}

static void margins_are_raised_to_what_is_legal(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t margin_us;
        uint32_t gateways;
        int64_t airtime_us;
        uint64_t fragments;
        int64_t want_us;
    } rows[] = {
        {"37 gateways, DR0", SECONDS_US(5), 37, 2793472, 1085, SECONDS_US(5)},
        {"one gateway, DR5", SECONDS_US(5), 1, 368896, 5000, SECONDS_US(5)},
        {"one gateway, DR0, few", SECONDS_US(5), 1, 2793472, 128, SECONDS_US(5)},
        {"one gateway, DR0, many", SECONDS_US(5), 1, 2793472, 1000, SECONDS_US(29)},
        {"four gateways, DR0", SECONDS_US(5), 4, 2793472, 1000, SECONDS_US(8)},
        {"1 s, one gateway, DR0, few", SECONDS_US(1), 1, 2793472, 10, SECONDS_US(3)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(chirpstack_legal_margin_us(rows[i].margin_us, rows[i].gateways,
                                                    rows[i].airtime_us, rows[i].fragments,
                                                    100000),
                         rows[i].want_us);
    }
}

static void without_losses_it_takes_three_steps_and_m_fragments(void **state)
{
    (void)state;
    fleet_init(&f, 1);
    for (size_t i = 0; i < 20; i++) {
        fleet_add(&f, 0);
        fleet_link(&f, 0, 5000);
    }
    struct geometry cut;
    assert_true(geometry_largest(&f.s, 0, 5, &cut));
    struct strategy got = run(WORLD_TIMING_STOCK, 5);
    assert_int_equal(got.completed, 20);
    assert_int_equal(got.retries, 0);
    assert_int_equal(got.gateways, 1);
    assert_int_equal(got.start_us, 3 * INTERVAL_US);
    assert_int_equal(got.fragments, cut.m + (cut.m * 30 + 99) / 100);
    assert_int_equal(got.frames, got.fragments);
    int64_t took_us = (cut.m - 1) * SECONDS_US(5) + cut.airtime_us;
    assert_int_equal(got.makespan_us, got.start_us + took_us);
    assert_int_equal(got.t95_us, got.makespan_us);
    assert_int_equal(got.listening_us, 20 * took_us);
    assert_false(got.session_exceeded);
    free(got.complete_us);

    got = run(WORLD_TIMING_MARGIN1S, 5);
    assert_int_equal(got.margin_us, SECONDS_US(1));
    free(got.complete_us);
    got = run(WORLD_TIMING_DIRECT, CHIRPSTACK_ANY_DR);
    assert_int_equal(got.dr, 5);
    assert_int_equal(got.margin_us, SECONDS_US(1));
    free(got.complete_us);
}

static void each_gateway_of_the_tree_takes_a_margin(void **state)
{
    (void)state;
    fleet_init(&f, 3);
    for (uint32_t i = 0; i < 30; i++) {
        fleet_add(&f, 0);
        fleet_link(&f, i % 3, 5000);
    }
    struct strategy got = run(WORLD_TIMING_STOCK, 5);
    assert_int_equal(got.gateways, 3);
    assert_int_equal(got.frames, got.fragments * 3);
    assert_int_equal(got.complete_us[1] - got.complete_us[0], SECONDS_US(5));
    assert_int_equal(got.complete_us[2] - got.complete_us[0], SECONDS_US(10));
    free(got.complete_us);
}

static void a_device_beyond_the_data_rate_is_never_done(void **state)
{
    (void)state;
    fleet_init(&f, 1);
    for (size_t i = 0; i < 20; i++) {
        fleet_add(&f, 0);
        f.devices[i].uplink_dr = 0;
        fleet_link(&f, 0, i < 2 ? 1700 : 4000); /* 17 dB at DR0, 4.5 dB at DR5 */
    }
    f.s.params.gateway_narrow_dbm = 27;
    f.links[0].loss_cdb += 600; /* 11 dB at DR0, none left at DR5 */
    struct strategy got = run(WORLD_TIMING_STOCK, 5);
    assert_int_equal(got.completed, 19);
    assert_int_equal(got.complete_us[0], -1);
    assert_true(got.t95_us > 0);
    /* Who does not complete listens to the end. */
    assert_true(got.listening_us > 20 * (got.makespan_us - got.start_us));
    free(got.complete_us);
    f.links[1].loss_cdb += 600;
    got = run(WORLD_TIMING_STOCK, 5);
    assert_int_equal(got.t95_us, -1);
    free(got.complete_us);
    got = run(WORLD_TIMING_STOCK, CHIRPSTACK_ANY_DR);
    assert_true(got.dr < 5);
    assert_int_equal(got.completed, 20);
    free(got.complete_us);
}

static void a_session_that_is_too_long_is_marked(void **state)
{
    (void)state;
    fleet_init(&f, 8);
    f.s.image_bytes = 40000; /* 834 fragments, 40 s each */
    for (uint32_t i = 0; i < 32; i++) {
        fleet_add(&f, 0);
        fleet_link(&f, i % 8, 5000);
    }
    struct strategy got = run(WORLD_TIMING_STOCK, 0);
    assert_true(got.session_exceeded);
    assert_int_equal(got.completed, 32);
    assert_int_equal(got.fragments, 1085);
    free(got.complete_us);
    f.s.image_bytes = 38400; /* 800 fit, some of their coded ones do not */
    got = run(WORLD_TIMING_STOCK, 0);
    assert_false(got.session_exceeded);
    assert_int_equal(got.fragments, 32768 / 40);
    free(got.complete_us);
}

static void overlapping_frames_of_neighbours_disturb_one_another(void **state)
{
    (void)state;
    fleet_init(&f, 4);
    for (uint32_t i = 0; i < 40; i++) {
        fleet_add(&f, 0);
        fleet_link(&f, i % 4, 5000);
        if (i == 0) {
            fleet_link(&f, 1, 4500); /* as loud, 1 s after */
        }
    }
    f.s.image_bytes = 480; /* few enough to be legal at 1 s */
    struct strategy got = run(WORLD_TIMING_MARGIN1S, 0);
    assert_int_equal(got.margin_us, SECONDS_US(1));
    assert_int_equal(got.completed, 39);
    assert_int_equal(got.complete_us[0], -1);
    free(got.complete_us);
    got = run(WORLD_TIMING_MARGIN1S, 5); /* frames are shorter than the margin */
    assert_int_equal(got.completed, 40);
    free(got.complete_us);
}

static void dead_devices_hold_up_every_step(void **state)
{
    (void)state;
    fleet_init(&f, 1);
    for (size_t i = 0; i < 20; i++) {
        fleet_add(&f, 0);
        fleet_link(&f, 0, 5000);
    }
    f.s.params.uplink_loss_ppm = 50000;
    f.devices[3].dead = true;
    f.reachable[3] = 0;
    struct strategy got = run(WORLD_TIMING_STOCK, 5);
    assert_true(got.retries >= 1);
    assert_int_equal(got.start_us, (int64_t)3 * (got.retries + 1) * INTERVAL_US);
    assert_int_equal(got.complete_us[3], -1);
    assert_true(got.completed >= 18);
    free(got.complete_us);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    struct strategy out;
    fleet_init(&f, 1);
    fleet_add(&f, 0);
    assert_int_equal(/* nobody was heard: no gateway */
                     strategy_chirpstack(&f.s, WORLD_TIMING_STOCK, 5, f.reachable, &out),
                     FUO_ERANGE);
    fleet_link(&f, 0, 5000);
    f.s.image_bytes = 10000000;
    assert_int_equal(strategy_chirpstack(&f.s, WORLD_TIMING_STOCK, CHIRPSTACK_ANY_DR,
                                         f.reachable, &out),
                     FUO_ERANGE);
    assert_int_equal(strategy_fuotasim(&f.s, 5, f.reachable, &out), FUO_ERANGE);
}

static void fuotasims_pass_needs_three_more_than_m(void **state)
{
    (void)state;
    struct strategy out;
    struct geometry cut;
    fleet_init(&f, 2);
    f.s.image_bytes = 10000;
    fleet_add(&f, 0);
    fleet_link(&f, 0, 5000);
    fleet_add(&f, 0); /* hears next to nothing */
    fleet_link(&f, 1, 1200);
    fleet_add(&f, 0);
    assert_true(geometry_largest(&f.s, 0, 5, &cut));
    assert_int_equal(strategy_fuotasim(&f.s, 5, f.reachable, &out), FUO_OK);
    assert_int_equal(out.completed, 1);
    assert_int_equal(out.makespan_us, fuotasim_time_us(cut.m + 3, cut.airtime_us));
    assert_int_equal(out.complete_us[1], -1);
    assert_int_equal(out.complete_us[2], -1);
    assert_int_equal(out.t95_us, -1);
    assert_int_equal(out.frames, out.fragments * 2);
    free(out.complete_us);
}

TEST_MAIN(cmocka_unit_test(devices_hang_on_the_gateway_that_hears_most),
          cmocka_unit_test(margins_are_raised_to_what_is_legal),
          cmocka_unit_test(without_losses_it_takes_three_steps_and_m_fragments),
          cmocka_unit_test(each_gateway_of_the_tree_takes_a_margin),
          cmocka_unit_test(a_device_beyond_the_data_rate_is_never_done),
          cmocka_unit_test(a_session_that_is_too_long_is_marked),
          cmocka_unit_test(overlapping_frames_of_neighbours_disturb_one_another),
          cmocka_unit_test(dead_devices_hold_up_every_step),
          cmocka_unit_test(what_cannot_be_sent_is_refused),
          cmocka_unit_test(fuotasims_pass_needs_three_more_than_m))

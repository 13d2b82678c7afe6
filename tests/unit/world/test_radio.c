/* SPDX-License-Identifier: MIT */
#include "base/prng.h"
#include "test.h"
#include "world/radio.h"

static const struct world_scenario plain = {.seed = 1,
                                            .params = {.gateway_dbm = 27,
                                                       .gateway_narrow_dbm = 14,
                                                       .device_dbm = 14,
                                                       .gateway_noise_db = 3,
                                                       .device_noise_db = 6,
                                                       .fading_cdb = 250}};

static void floors_are_those_of_semtech(void **state)
{
    (void)state;
    assert_int_equal(world_floor_cdb(0), -2000);
    assert_int_equal(world_floor_cdb(3), -1250);
    assert_int_equal(world_floor_cdb(5), -750);
}

static void the_downlink_has_ten_decibels_more_than_the_uplink(void **state)
{
    (void)state;
    assert_int_equal(world_downlink_snr_cdb(&plain, 13000) -
                         world_uplink_snr_cdb(&plain, 13000),
                     1000);
    assert_int_equal(
        world_rx1_snr_cdb(&plain, 13000) - world_uplink_snr_cdb(&plain, 13000), -300);
    assert_int_equal(world_uplink_snr_cdb(&plain, 13000), 403);
    assert_int_equal(world_margin_cdb(&plain, 13000, 5), 1403 + 750);
}

static void half_of_the_frames_at_the_floor_are_lost(void **state)
{
    (void)state;
    assert_int_equal(world_raw_loss_ppm(-151), WORLD_PPM);
    assert_int_equal(world_raw_loss_ppm(0), 500000);
    assert_int_equal(world_raw_loss_ppm(10000), 0);
    for (int32_t m = -200; m < 400; m += 10) {
        assert_true(world_raw_loss_ppm(m) >= world_raw_loss_ppm(m + 10));
    }
}

/* performance.md 6: 50, 11.5, 2.3 and .07 % at 0, 3, 5 and 8 dB. */
static void fading_spreads_the_losses(void **state)
{
    (void)state;
    static const struct {
        int32_t margin_cdb;
        uint32_t low;
        uint32_t high;
    } rows[] = {
        {0, 480000, 530000}, {300, 105000, 130000}, {500, 20000, 28000}, {800, 0, 900}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t ppm = world_loss_ppm(rows[i].margin_cdb, 250);
        assert_in_range(ppm, rows[i].low, rows[i].high);
    }
}

static void logarithms_are_right_to_a_thousandth(void **state)
{
    (void)state;
    assert_int_equal(world_log10_milli(0), 0);
    assert_int_equal(world_log10_milli(1), 0);
    static const struct {
        uint64_t x;
        int32_t milli;
    } rows[] = {{2, 301}, {3, 477}, {5, 699}, {7, 845}, {11, 1041}, {1234567, 6092}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(world_log10_milli(rows[i].x), rows[i].milli);
    }
    uint64_t x = 1;
    for (int32_t decade = 0; decade < 19; decade++) {
        assert_in_range(world_log10_milli(x) - 1000 * decade + 1, 0, 2);
        x *= 10;
    }
}

static void normal_variates_have_mean_0_and_sigma_1000(void **state)
{
    (void)state;
    struct prng p = prng_seeded(7);
    int64_t sum = 0;
    int64_t square = 0;
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        int64_t x = world_normal_milli(prng_next(&p));
        sum += x;
        square += x * x;
    }
    assert_in_range(sum / N + 10, 0, 20);
    assert_in_range(square / N, 980000, 1020000);
}

static void a_hash_depends_on_every_part_of_its_key(void **state)
{
    (void)state;
    uint64_t h = world_hash(1, 2, 3, 4);
    assert_true(h == world_hash(1, 2, 3, 4));
    assert_true(h != world_hash(2, 2, 3, 4));
    assert_true(h != world_hash(1, 3, 3, 4));
    assert_true(h != world_hash(1, 2, 4, 4));
    assert_true(h != world_hash(1, 2, 3, 5));
}

static void a_frame_is_heard_as_often_as_its_margin_says(void **state)
{
    (void)state;
    struct world_scenario s;
    assert_int_equal(world_scenario_square(&s, 3, 1, 1, 3000), FUO_OK);
    s.links[0].loss_cdb = 14403 + 750 - 300; /* 3 dB at DR5 */
    size_t heard = 0;
    enum { N = 50000 };
    for (int64_t i = 0; i < N; i++) {
        heard += world_heard(&s, 0, 0, 5, i * 1000000);
    }
    uint32_t loss_ppm = world_loss_ppm(300, 250);
    assert_in_range((N - heard) * 1000 / N, loss_ppm / 1000 - 8, loss_ppm / 1000 + 8);
    assert_false(world_heard(&s, 0, 1, 5, 0)); /* no such link */
    s.devices[0].dead = true;
    assert_false(world_heard(&s, 0, 0, 0, 0));
    world_scenario_finish(&s);
}

static void bursts_take_their_share_of_time(void **state)
{
    (void)state;
    struct world_scenario s = plain;
    assert_false(world_in_burst(&s, 1, 5));
    s.params.burst_loss_ppm = 20000;
    s.params.burst_length_s = 20;
    size_t in = 0;
    for (int64_t i = 0; i < 100000; i++) {
        in += world_in_burst(&s, 1, i * 20000000);
        assert_int_equal(world_in_burst(&s, 1, i * 20000000),
                         world_in_burst(&s, 1, i * 20000000 + 19999999));
    }
    assert_in_range(in, 1800, 2200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floors_are_those_of_semtech),
        cmocka_unit_test(the_downlink_has_ten_decibels_more_than_the_uplink),
        cmocka_unit_test(half_of_the_frames_at_the_floor_are_lost),
        cmocka_unit_test(fading_spreads_the_losses),
        cmocka_unit_test(logarithms_are_right_to_a_thousandth),
        cmocka_unit_test(normal_variates_have_mean_0_and_sigma_1000),
        cmocka_unit_test(a_hash_depends_on_every_part_of_its_key),
        cmocka_unit_test(a_frame_is_heard_as_often_as_its_margin_says),
        cmocka_unit_test(bursts_take_their_share_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

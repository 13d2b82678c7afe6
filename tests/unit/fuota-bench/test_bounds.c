/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/time.h"
#include "fleet.h"
#include "fuota-bench/bounds.h"
#include "fuota-bench/geometry.h"

/* Two downlinks at DR5, the answer between them, and a second before each. */
static int64_t setup_us(void)
{
    return SECONDS_US(2) + geometry_downlink_us(5, 41) + geometry_uplink_us(5, 2) +
           geometry_downlink_us(5, 11);
}

static struct bounds bounds_of(const struct fleet *f)
{
    struct bounds b;
    assert_int_equal(bounds_compute(&f->s, &f->t, f->reachable, &b), FUO_OK);
    return b;
}

/* n frames at DR dr with the fastest cut, a share of 6 %. */
static int64_t paced(const struct fleet *f, uint8_t dr, int64_t frames)
{
    struct geometry cut;
    assert_true(geometry_fastest(&f->s, 0, dr, &cut));
    return (frames - 1) * (cut.airtime_us * 100 / 6) + cut.airtime_us;
}

static int64_t cut_m(const struct fleet *f, uint8_t dr)
{
    struct geometry cut;
    assert_true(geometry_fastest(&f->s, 0, dr, &cut));
    return cut.m;
}

static void a_perfect_link_needs_its_uplink_its_set_up_and_m_frames(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    fleet_add(&f, SECONDS_US(100));
    fleet_link(&f, 0, 4000);
    struct bounds b = bounds_of(&f);
    int64_t ready_us = SECONDS_US(100) + setup_us();
    assert_int_equal(b.fragments_us, ready_us + paced(&f, 5, cut_m(&f, 5)));
    assert_int_equal(b.capped_us, b.fragments_us);
    assert_int_equal(b.t95_us, b.fragments_us);
    assert_int_equal(b.makespan_us, b.fragments_us);
    assert_int_equal(b.setup_us, ready_us);
    assert_int_equal(b.worst_device, 0);
    assert_int_equal(b.worst_dr, 5);
    /* All of it fits into the budget of an hour: it may be sent in one go. */
    struct geometry cut;
    assert_true(geometry_fastest(&f.s, 0, 5, &cut));
    assert_in_range(b.any_us, ready_us + cut.m * cut.airtime_us - 1000,
                    ready_us + cut.m * cut.airtime_us + 1000);
}

static void half_of_the_frames_lost_need_twice_as_many(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    fleet_add(&f, 0);
    fleet_link(&f, 0, 0); /* 0 dB at DR0: half of them */
    struct bounds b = bounds_of(&f);
    assert_int_equal(b.worst_dr, 0);
    assert_int_equal(b.fragments_us, setup_us() + paced(&f, 0, 2 * cut_m(&f, 0)));
}

static void a_decoder_with_a_cap_costs_repetitions(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    size_t i = fleet_add(&f, 0);
    f.devices[i].profile = 1; /* 10 % */
    fleet_link(&f, 0, 0);
    struct bounds b = bounds_of(&f);
    /*
     * 1/2, 1/4, 1/8 are left after three passes; of the fourth, 2/5 bring that down to 1/10,
     * which takes 2/10 of coded ones.
     */
    int64_t m = cut_m(&f, 0);
    assert_int_equal(b.fragments_us, setup_us() + paced(&f, 0, 2 * m));
    assert_int_equal(b.capped_us, setup_us() + paced(&f, 0, m * 36 / 10));
}

static void a_second_gateway_repeats_or_stripes(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 2);
    f.s.image_bytes = 100000;
    fleet_add(&f, 0);
    fleet_link(&f, 0, 0);
    fleet_link(&f, 1, 0);
    struct bounds b = bounds_of(&f);
    int64_t m = cut_m(&f, 0);
    assert_int_equal(b.fragments_us, setup_us() + paced(&f, 0, (4 * m + 2) / 3));
    assert_true(b.any_us < b.fragments_us);

    /* Striping over both is as fast as one without losses, but for the hourly bursts. */
    struct geometry cut;
    assert_true(geometry_fastest(&f.s, 0, 0, &cut));
    int64_t hours = (cut.m * cut.airtime_us - 1) / SECONDS_US(216);
    assert_in_range(b.any_us, setup_us() + HOURS_US(hours),
                    setup_us() + HOURS_US(hours) + 2 * SECONDS_US(216));
}

static void who_is_out_of_reach_or_not_asked_for_does_not_count(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 2);
    fleet_add(&f, 0);
    fleet_link(&f, 0, -900); /* lost for certain */
    fleet_add(&f, 0);
    fleet_add(&f, SECONDS_US(800));
    fleet_link(&f, 0, 0);
    f.reachable[2] = 0;
    struct bounds b = bounds_of(&f);
    assert_int_equal(b.makespan_us, 0);
    assert_int_equal(b.any_us, 0);
    assert_int_equal(b.t95_us, 0);
    assert_int_equal(b.worst_dr, UINT8_MAX);
    f.reachable[2] = 1;
    assert_int_equal(bounds_of(&f).worst_device, 2);
}

static void ninety_five_of_a_hundred_are_the_quantile(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    for (int64_t i = 0; i < 40; i++) {
        fleet_add(&f, SECONDS_US(10) * i);
        fleet_link(&f, 0, 4000);
    }
    struct bounds b = bounds_of(&f);
    assert_int_equal(b.fragments_us - b.t95_us, SECONDS_US(20)); /* the 38th */
    assert_int_equal(b.any_us - b.any_t95_us, SECONDS_US(20));
}

/* Each heard by one of two gateways only, which is a little louder than the other. */
static void gateways_that_disturb_one_another_take_turns(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 2);
    f.s.params.legal_ppm = 1000000; /* no duty cycle: the channel is what is scarce */
    f.s.params.share_ppm = 1000000;
    fleet_add(&f, 0);
    fleet_link(&f, 0, -50);
    fleet_link(&f, 1, -600);
    fleet_add(&f, 0);
    fleet_link(&f, 1, -50);
    fleet_link(&f, 0, -600);
    struct bounds b = bounds_of(&f);
    int64_t airtime_us = b.fragments_us - setup_us();
    assert_in_range(b.clique_us, 2 * airtime_us - 1000000, 2 * airtime_us + 1000000);
    assert_int_equal(b.makespan_us, b.clique_us);

    /* Too weak to disturb. */
    for (size_t i = 1; i < 4; i += 2) {
        f.links[i].loss_cdb += 100;
    }
    assert_true(bounds_of(&f).clique_us <= airtime_us + 1000000);
}

static void set_ups_alone_may_fill_a_gateways_budget(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    f.s.image_bytes = 10;
    f.s.params.legal_ppm = 100;
    f.s.params.narrow_legal_ppm = 100;
    for (int64_t i = 0; i < 60; i++) {
        fleet_add(&f, 0);
        fleet_link(&f, 0, 4000);
    }
    struct bounds b = bounds_of(&f);
    int64_t each_us = geometry_downlink_us(5, 41) + geometry_downlink_us(5, 11);
    int64_t hours = (60 * each_us - 1) / (HOURS_US(1) / 1000000 * 300);
    assert_true(hours > 2);
    assert_true(b.setup_us >= HOURS_US(hours) && b.setup_us < HOURS_US(hours + 1));
    assert_true(b.gateway_us > 0);
}

static void slow_uplinks_may_be_answered_in_the_second_window(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    fleet_add(&f, 0);
    fleet_link(&f, 0, 4000);
    f.devices[0].uplink_dr = 0;
    f.s.params.rx2_dr = 3;
    assert_int_equal(bounds_of(&f).setup_us, SECONDS_US(2) + geometry_downlink_us(3, 41) +
                                                 geometry_uplink_us(0, 2) +
                                                 geometry_downlink_us(3, 11));
    f.s.params.rx2_dr = 0;
    assert_int_equal(bounds_of(&f).setup_us, SECONDS_US(2) + geometry_downlink_us(0, 41) +
                                                 geometry_uplink_us(0, 2) +
                                                 geometry_downlink_us(0, 11));
}

static void larger_fragments_are_not_always_the_fastest_cut(void **state)
{
    (void)state;
    static struct fleet f;
    struct geometry largest;
    struct geometry fastest;
    fleet_init(&f, 1);
    f.s.image_bytes = 49;
    assert_true(geometry_largest(&f.s, 0, 0, &largest));
    assert_int_equal(largest.size, 48);
    assert_int_equal(largest.m, 2);
    assert_true(geometry_fastest(&f.s, 0, 0, &fastest));
    assert_true(fastest.m * fastest.airtime_us < largest.m * largest.airtime_us);
    assert_true(geometry_largest(&f.s, 20, 5, &largest));
    assert_int_equal(largest.size, 20);
    f.s.frag_size = 16;
    assert_true(geometry_fastest(&f.s, 0, 5, &fastest));
    assert_int_equal(fastest.size, 16);
    f.s.image_bytes = 0;
    assert_false(geometry_fastest(&f.s, 0, 5, &fastest));
    f.s.image_bytes = 10000000;
    assert_false(geometry_fastest(&f.s, 0, 0, &fastest));
    assert_int_equal(fastest.size, 16);
}

static void the_table_of_losses_is_never_above_the_truth(void **state)
{
    (void)state;
    static struct fleet f;
    static struct geometry_losses losses;
    fleet_init(&f, 1);
    f.s.params.fading_cdb = 250;
    geometry_losses_fill(&losses, &f.s);
    for (int32_t margin_cdb = -3000; margin_cdb <= 3000; margin_cdb += 7) {
        assert_true(geometry_loss_ppm(&losses, margin_cdb) <=
                    world_loss_ppm(margin_cdb, 250));
    }
    assert_int_equal(geometry_loss_ppm(&losses, 30000), 0);
    assert_int_equal(geometry_loss_ppm(&losses, -30000), WORLD_PPM);
}

static void uplinks_that_nobody_received_do_not_help(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    fleet_add(&f, SECONDS_US(100));
    fleet_link(&f, 0, 4000);
    int64_t after_us =
        geometry_uplink_us(5, 20) + setup_us() + paced(&f, 5, cut_m(&f, 5));
    assert_int_equal(bounds_of(&f).heard_us, SECONDS_US(100) + after_us);
    f.traces[0].first_received_us = SECONDS_US(1900);
    struct bounds b = bounds_of(&f);
    assert_int_equal(b.heard_us, SECONDS_US(1900) + after_us);
    assert_int_equal(b.more_us, b.heard_us);
    assert_true(b.makespan_us < SECONDS_US(1900));
    /* What was lost is chance: odds count from the first one. */
    assert_true(b.median_us < SECONDS_US(1900));
}

static void versions_of_the_code_share_no_transmission(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 2);
    fleet_add(&f, SECONDS_US(50));
    fleet_link(&f, 0, 4000);
    size_t other = fleet_add(&f, SECONDS_US(60));
    fleet_link(&f, 0, 4000);
    int64_t m = cut_m(&f, 5);
    int64_t first_us = SECONDS_US(50) + setup_us();

    /* Both of one version: one transmission. */
    /* Cycles are rounded one by one there. */
    assert_in_range(bounds_of(&f).versions_us, first_us + paced(&f, 5, m),
                    first_us + paced(&f, 5, m) + 100);
    f.devices[other].profile = 1;
    struct bounds b = bounds_of(&f);
    assert_in_range(b.versions_us, first_us + paced(&f, 5, 2 * m),
                    first_us + paced(&f, 5, 2 * m) + 100);
    assert_int_equal(b.more_us, b.versions_us);

    /* Who hears a second gateway is free to have it there. */
    fleet_link(&f, 1, 3000);
    assert_in_range(bounds_of(&f).versions_us, first_us + paced(&f, 5, m),
                    first_us + paced(&f, 5, m) + 100);
}

static void a_slow_device_and_a_fast_one_of_a_version_share_the_slow_frames(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    fleet_add(&f, 0);
    fleet_link(&f, 0, 100); /* DR0 only */
    int64_t alone_us = bounds_of(&f).versions_us;
    assert_true(alone_us > 0);
    fleet_add(&f, 0);
    fleet_link(&f, 0, 4000);
    assert_int_equal(bounds_of(&f).versions_us, alone_us);
}

static void the_last_of_many_is_later_than_each(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    f.s.params.uplink_loss_ppm = 100000;
    for (int i = 0; i < 40; i++) {
        fleet_add(&f, 0);
        fleet_link(&f, 0, 4000);
    }
    struct bounds b = bounds_of(&f);
    int64_t interval_us = SECONDS_US(855); /* 900 less a twentieth */
    /* Nobody fails a third time in 97 % of all runs, a second time in 35 %. */
    assert_in_range(b.setup_median_us, 2 * interval_us, 2 * interval_us + SECONDS_US(5));
    int64_t frames_us = paced(&f, 5, cut_m(&f, 5));
    assert_in_range(b.median_us, b.setup_median_us + frames_us - SECONDS_US(1),
                    b.setup_median_us + frames_us + SECONDS_US(1));
    assert_true(b.setup_us < interval_us);
}

TEST_MAIN(
    cmocka_unit_test(a_perfect_link_needs_its_uplink_its_set_up_and_m_frames),
    cmocka_unit_test(half_of_the_frames_lost_need_twice_as_many),
    cmocka_unit_test(a_decoder_with_a_cap_costs_repetitions),
    cmocka_unit_test(a_second_gateway_repeats_or_stripes),
    cmocka_unit_test(who_is_out_of_reach_or_not_asked_for_does_not_count),
    cmocka_unit_test(ninety_five_of_a_hundred_are_the_quantile),
    cmocka_unit_test(gateways_that_disturb_one_another_take_turns),
    cmocka_unit_test(set_ups_alone_may_fill_a_gateways_budget),
    cmocka_unit_test(uplinks_that_nobody_received_do_not_help),
    cmocka_unit_test(versions_of_the_code_share_no_transmission),
    cmocka_unit_test(a_slow_device_and_a_fast_one_of_a_version_share_the_slow_frames),
    cmocka_unit_test(the_last_of_many_is_later_than_each),
    cmocka_unit_test(slow_uplinks_may_be_answered_in_the_second_window),
    cmocka_unit_test(larger_fragments_are_not_always_the_fastest_cut),
    cmocka_unit_test(the_table_of_losses_is_never_above_the_truth))

/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdbool.h>

#include "base/prng.h"
#include "base/time.h"
#include "fleet.h"
#include "fuota-bench/setup_odds.h"

#define PPB INT64_C(1000000000)

static struct setup_odds odds_of(const struct fleet *f, size_t device)
{
    static struct geometry_losses losses;
    struct setup_odds odds = {.soonest_us = 17};
    geometry_losses_fill(&losses, &f->s);
    setup_odds_of(&f->s, &losses, device, &odds);
    assert_int_equal(odds.soonest_us, 17);
    return odds;
}

static void two_successes_at_an_attempt_an_interval(void **state)
{
    (void)state;
    struct setup_odds odds = {
        .soonest_us = 1000, .interval_us = 500, .success_ppb = PPB / 2};
    static const struct {
        int64_t t_us;
        int64_t ppb;
    } rows[] = {{0, 0},
                {999, 0},
                {1000, PPB / 4}, /* both at once */
                {1499, PPB / 4},
                {1500, PPB / 2},   /* two of three: 4 of 8 */
                {2000, 687500000}, /* 11 of 16 */
                {2500, 812500000}, /* 26 of 32 */
                {1000000000, 1000000000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(setup_odds_done_ppb(&odds, rows[i].t_us), rows[i].ppb);
    }
    odds.success_ppb = PPB;
    assert_int_equal(setup_odds_done_ppb(&odds, 999), 0);
    assert_int_equal(setup_odds_done_ppb(&odds, 1000), PPB);
    odds.success_ppb = 0;
    assert_int_equal(setup_odds_done_ppb(&odds, 1000000000), 0);
}

/* One device in one made-up run. */
static int64_t drawn_us(struct prng *p, const struct setup_odds *odds)
{
    int64_t t_us = odds->soonest_us;
    int left = 2;
    while (left > 0) {
        bool success = (int64_t)prng_below(p, PPB) < odds->success_ppb;
        left -= success;
        t_us += success ? 0 : odds->interval_us;
    }
    return t_us;
}

static int64_t last_us(struct prng *p, const struct setup_odds *odds, size_t count)
{
    int64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t t_us = drawn_us(p, &odds[i]);
        last = t_us > last ? t_us : last;
    }
    return last;
}

static void half_of_all_runs_are_later_than_the_median(void **state)
{
    (void)state;
    enum { DEVICES = 50, RUNS = 4000 };
    struct setup_odds odds[DEVICES];
    for (int64_t i = 0; i < DEVICES; i++) {
        odds[i] = (struct setup_odds){SECONDS_US(17) * i, SECONDS_US(900 - 3 * i),
                                      PPB / 100 * (97 - i)};
    }
    int64_t median_us = setup_odds_median_us(odds, DEVICES);
    struct prng p = prng_seeded(5);
    int later = 0;
    int hardly = 0;
    for (int i = 0; i < RUNS; i++) {
        int64_t last = last_us(&p, odds, DEVICES);
        later += last > median_us;
        hardly += last > median_us + SECONDS_US(1);
    }
    assert_in_range(later, RUNS / 2 - 100, RUNS);
    assert_in_range(hardly, 0, RUNS / 2 + 100);
}

static void of_nobody_there_is_no_median(void **state)
{
    (void)state;
    struct setup_odds odds = {.soonest_us = SECONDS_US(100), .interval_us = 1};
    assert_int_equal(setup_odds_median_us(&odds, 0), 0);
    assert_int_equal(setup_odds_median_us(&odds, 1), 0); /* never: does not count */
    odds.success_ppb = PPB;
    assert_int_equal(setup_odds_median_us(&odds, 1), SECONDS_US(99));
}

static void a_perfect_link_fails_by_collisions_only(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 2);
    fleet_add(&f, 0);
    fleet_link(&f, 0, 4000);
    struct setup_odds odds = odds_of(&f, 0);
    assert_int_equal(odds.success_ppb, PPB);
    assert_int_equal(odds.interval_us, SECONDS_US(855));
    f.s.params.uplink_loss_ppm = 20000;
    assert_int_equal(odds_of(&f, 0).success_ppb, PPB / 100 * 98);
}

static void without_a_link_nothing_succeeds(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    fleet_add(&f, 0);
    assert_int_equal(odds_of(&f, 0).success_ppb, 0);
    fleet_link(&f, 0, -3000);
    assert_int_equal(odds_of(&f, 0).success_ppb, 0);
}

/* At the floor of its uplink's data rate: half of the uplinks, and downlinks are louder. */
static void each_gateway_is_another_chance_for_an_uplink(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 2);
    size_t i = fleet_add(&f, 0);
    f.devices[i].uplink_dr = 0;
    int32_t margin_cdb =
        world_margin_cdb(&f.s, world_uplink_snr_cdb(&f.s, 0) - world_floor_cdb(0), 0);
    fleet_link(&f, 0, margin_cdb);
    assert_true(margin_cdb > 500); /* RX2 is heard */
    assert_in_range(odds_of(&f, i).success_ppb, PPB / 100 * 48, PPB / 100 * 52);
    fleet_link(&f, 1, margin_cdb);
    assert_in_range(odds_of(&f, i).success_ppb, PPB / 100 * 73, PPB / 100 * 77);
}

static void the_better_window_counts(void **state)
{
    (void)state;
    static struct fleet f;
    fleet_init(&f, 1);
    size_t i = fleet_add(&f, 0);
    f.devices[i].uplink_dr = 0;
    fleet_link(&f, 0, 1800); /* 5 dB left in RX1 at DR0 */
    f.s.params.rx2_dr = 5;   /* 12.5 dB more needed than at DR0 */
    int64_t both = odds_of(&f, i).success_ppb;
    f.s.params.gateway_narrow_dbm = 0;
    int64_t rx2 = odds_of(&f, i).success_ppb;
    f.s.params.gateway_narrow_dbm = 14;
    f.s.params.rx2_dr = 0;
    assert_true(odds_of(&f, i).success_ppb >= both);
    f.s.params.rx2_dr = 5;
    f.links[0].loss_cdb += 1000; /* neither */
    assert_true(odds_of(&f, i).success_ppb < rx2);
    assert_true(both >= rx2);
    assert_int_equal(setup_odds_downlink_us(&f.s, i, 41), geometry_downlink_us(5, 41));
    f.s.params.rx2_dr = 0;
    f.devices[i].uplink_dr = 3;
    assert_int_equal(setup_odds_downlink_us(&f.s, i, 11), geometry_downlink_us(3, 11));
}

TEST_MAIN(cmocka_unit_test(two_successes_at_an_attempt_an_interval),
          cmocka_unit_test(half_of_all_runs_are_later_than_the_median),
          cmocka_unit_test(of_nobody_there_is_no_median),
          cmocka_unit_test(a_perfect_link_fails_by_collisions_only),
          cmocka_unit_test(without_a_link_nothing_succeeds),
          cmocka_unit_test(each_gateway_is_another_chance_for_an_uplink),
          cmocka_unit_test(the_better_window_counts))

/* SPDX-License-Identifier: MIT */
/*
 * Whole campaigns while everything around the engine goes wrong, by seed. What must hold at
 * every effect and frame is in rig_check.h; here every campaign must also end.
 */
#include "test.h"

#include "rig_config.h"

enum {
    SEEDS = 30,
};

static void start(struct rig *rig, uint64_t seed, const struct rig_faults *faults)
{
    static const enum network_packages packages[] = {
        NETWORK_PACKAGES_V1, NETWORK_PACKAGES_V2, NETWORK_PACKAGES_MIXED};
    struct rig_config config = config_of(4 + seed % 5, 100000, packages[seed % 3]);
    config.net.seed = seed;
    config.net.gateway_count = 1 + seed % 2;
    config.net.clocks_wrong = seed % 4 == 0;
    config.image_len = 2000 + 700 * (seed % 7);
    rig_init(rig, &config);
    rig->faults = *faults;
    rig_faults_start(rig, seed);
    do {
        rig_apply(rig);
        rig_run_for(rig, SECONDS_US(1));
    } while (!rig->store.has_campaign);
}

static size_t finish(struct rig *rig, uint64_t seed)
{
    bool over = rig_run(rig, DAYS_US(40));
    if (!over || rig->check.violation != NULL) {
        printf("# seed %llu: %s\n", (unsigned long long)seed, violation_of(rig));
        dump(rig);
    }
    assert_true(over);
    assert_string_equal(violation_of(rig), "");
    assert_null(rig->net.cs.groups);
    size_t updated = rig_updated(rig);
    rig_free(rig);
    return updated;
}

/* Every campaign ends without a violation; returns the devices that were not updated. */
static size_t sweep(const struct rig_faults *faults)
{
    size_t left = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig;
        start(&rig, seed, faults);
        size_t devices = network_device_count(&rig.net);
        left += devices - finish(&rig, seed);
    }
    return left;
}

static void killed_again_and_again(void **state)
{
    (void)state;
    struct rig_faults faults = {.kill_ppm = 20000};
    assert_int_equal(sweep(&faults), 0);
}

/* One device in a thousand has no luck in any of its transmissions (400 seeds). */
static void uplinks_lost_doubled_and_out_of_order(void **state)
{
    (void)state;
    struct rig_faults faults = {.lost_ppm = 100000,
                                .twice_ppm = 200000,
                                .late_ppm = 200000,
                                .late_us = MINUTES_US(8)};
    assert_true(sweep(&faults) < 2);
}

static void txacks_lost_and_late(void **state)
{
    (void)state;
    struct rig_faults faults = {.txack_ppm = 400000, .late_us = MINUTES_US(15)};
    assert_int_equal(sweep(&faults), 0);
}

static void answers_of_the_server_lost_and_refused(void **state)
{
    (void)state;
    struct rig_faults faults = {
        .timeout_ppm = 100000, .refuse_ppm = 100000, .twice_ppm = 50000, .late_us = 5};
    assert_int_equal(sweep(&faults), 0);
}

static void a_server_that_comes_and_goes(void **state)
{
    (void)state;
    struct rig_faults faults = {.away_every_us = HOURS_US(1), .away_us = MINUTES_US(25)};
    assert_int_equal(sweep(&faults), 0);
}

/* A device that reboots has lost its session: it may need more than the retries it has. */
static void devices_reboot_at_any_time(void **state)
{
    (void)state;
    struct rig_faults faults = {.reboot_every_us = HOURS_US(3)};
    assert_true(sweep(&faults) < 20);
}

static void clocks_set_wrong_and_right_again(void **state)
{
    (void)state;
    struct rig_faults faults = {.step_every_us = HOURS_US(2), .step_us = DAYS_US(400)};
    (void)sweep(&faults);
    faults.step_us = MINUTES_US(3);
    assert_int_equal(sweep(&faults), 0);
}

static const struct rig_faults everything = {
    RIG_NETWORK_FAULTS, .reboot_every_us = HOURS_US(10), .step_every_us = HOURS_US(9),
    .step_us = HOURS_US(2)};

static void everything_at_once(void **state)
{
    (void)state;
    assert_true(sweep(&everything) < 30);
}

static void pauses_and_resumes_at_any_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig;
        start(&rig, seed, &everything);
        for (int i = 0; i < 12; i++) {
            rig_run_for(&rig,
                        MINUTES_US(3 + (int64_t)((seed * 7 + (uint64_t)i * 5) % 29)));
            rig_control(&rig, ENGINE_PAUSE);
            rig_run_for(&rig, i == 11 ? DAYS_US(9) : MINUTES_US(20));
            rig_control(&rig, ENGINE_RESUME);
        }
        (void)finish(&rig, seed);
    }
}

static void an_abort_at_any_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 90; seed++) {
        struct rig rig;
        start(&rig, seed, &everything);
        rig_run_for(&rig, MINUTES_US(2 * (int64_t)seed));
        rig_control(&rig, ENGINE_ABORT);
        (void)finish(&rig, seed);
    }
}

TEST_MAIN(cmocka_unit_test(killed_again_and_again),
          cmocka_unit_test(uplinks_lost_doubled_and_out_of_order),
          cmocka_unit_test(txacks_lost_and_late),
          cmocka_unit_test(answers_of_the_server_lost_and_refused),
          cmocka_unit_test(a_server_that_comes_and_goes),
          cmocka_unit_test(devices_reboot_at_any_time),
          cmocka_unit_test(clocks_set_wrong_and_right_again),
          cmocka_unit_test(everything_at_once),
          cmocka_unit_test(pauses_and_resumes_at_any_time),
          cmocka_unit_test(an_abort_at_any_time))

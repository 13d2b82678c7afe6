/* SPDX-License-Identifier: MIT */
/*
 * Whole campaigns in waves. That nobody is begun with before the gates of the waves before
 * are on disk is seen by rig_check.h, at every store.
 */
#include "test.h"

#include "campaign/wave.h"
#include "rig_config.h"

enum {
    DEVICES = 12,
    WAVES = 3,
    SEEDS = 20,
};

#define PCT(n) ((n) * (SPEC_PPM / 100))

static const struct spec_wave waves[WAVES] = {
    {.name = "canary",
     .size = {.count = 2},
     .success_ppm = PCT(50),
     .abort_failed_ppm = PCT(60),
     .abort_attempted = 2,
     .soak_us = HOURS_US(6)},
    {.name = "half",
     .size = {.ppm = PCT(50)},
     .success_ppm = PCT(50),
     .abort_failed_ppm = PCT(60),
     .abort_attempted = 2,
     .soak_us = HOURS_US(6)},
    {.name = "rest",
     .size = {.ppm = SPEC_PPM},
     .success_ppm = PCT(50),
     .abort_failed_ppm = PCT(60),
     .abort_attempted = 2},
};

static uint8_t wave_of[DEVICES];

static void start(struct rig *rig, uint64_t seed, const struct rig_faults *faults)
{
    struct rig_config config = config_of(DEVICES, 50000, NETWORK_PACKAGES_V2);
    struct wave_place places[DEVICES];
    struct siphash_key key = wave_key("rig");
    config.net.seed = seed;
    config.image_len = 2000;
    rig_init(rig, &config);
    for (size_t i = 0; i < DEVICES; i++) {
        places[i] = (struct wave_place){
            .hash = wave_hash(&key, network_device(&rig->net, i)->config.dev_eui),
            .index = (uint32_t)i,
            .wave = WAVE_NOWHERE};
    }
    for (size_t no = 0; no < WAVES; no++) {
        (void)wave_fill(&waves[no], (uint8_t)no, places, DEVICES);
    }
    for (size_t i = 0; i < DEVICES; i++) {
        wave_of[places[i].index] = places[i].wave;
    }
    rig->wave_of = wave_of;
    rig->spec.rollout = (struct spec_rollout){.waves = waves,
                                              .wave_count = WAVES,
                                              .on_failure = SPEC_FAIL_PAUSE,
                                              .unknown_counts_as_failed = true};
    rig->faults = *faults;
    rig_faults_start(rig, seed);
    do {
        rig_apply(rig);
        rig_run_for(rig, SECONDS_US(1));
    } while (!rig->store.has_campaign);
}

/* An operator overrules what holds the campaign, once a day. */
static void finish(struct rig *rig, uint64_t seed)
{
    bool over = false;
    for (int day = 0; day < 90 && !over; day++) {
        over = rig_run(rig, DAYS_US(1));
        rig_control(rig, ENGINE_RESUME);
    }
    if (!over || rig->check.violation != NULL) {
        printf("# seed %llu\n", (unsigned long long)seed);
        dump(rig);
    }
    assert_true(over);
    assert_string_equal(violation_of(rig), "");
    for (size_t no = 0; no < WAVES; no++) {
        assert_int_equal(rig->store.waves[no].phase, WAVE_DONE);
    }
}

static void three_waves_one_after_the_other(void **state)
{
    (void)state;
    const struct rig_faults none = {.kill_ppm = 0};
    static const uint32_t sizes[WAVES] = {2, 4, 6};
    struct rig rig;
    start(&rig, 1, &none);
    finish(&rig, 1);
    assert_int_equal(rig_updated(&rig), DEVICES);
    for (size_t no = 0; no < WAVES; no++) {
        struct wave_counts counts;
        const struct wave_rec *wave = engine_wave_at(rig.engine, 1, no, &counts);
        assert_int_equal(wave->verdict, WAVE_SUCCEEDED);
        assert_false(wave->waived);
        assert_int_equal(counts.total, sizes[no]);
        assert_int_equal(counts.attempted, sizes[no]);
        assert_int_equal(counts.succeeded, sizes[no]);
        if (no > 0) {
            int64_t gap_us = wave->started.us - rig.store.waves[no - 1].ended.us;
            assert_in_range(gap_us, HOURS_US(6), HOURS_US(6) + MINUTES_US(1));
        }
    }
    rig_free(&rig);
}

static void killed_again_and_again(void **state)
{
    (void)state;
    const struct rig_faults faults = {.kill_ppm = 20000};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig;
        start(&rig, seed, &faults);
        finish(&rig, seed);
        assert_int_equal(rig_updated(&rig), DEVICES);
        rig_free(&rig);
    }
}

static void with_all_that_goes_wrong(void **state)
{
    (void)state;
    const struct rig_faults faults = {RIG_NETWORK_FAULTS, .reboot_every_us = HOURS_US(9),
                                      .step_every_us = HOURS_US(30),
                                      .step_us = HOURS_US(2)};
    size_t updated = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig;
        start(&rig, seed, &faults);
        finish(&rig, seed);
        updated += rig_updated(&rig);
        rig_free(&rig);
    }
    assert_true(updated * 10 > (size_t)SEEDS * DEVICES * 9);
}

/* Killed just before each effect around which waves change. */
static void killed_at_each_of_the_first_effects(void **state)
{
    (void)state;
    const struct rig_faults none = {.kill_ppm = 0};
    for (uint64_t effect = 1; effect <= 60; effect++) {
        struct rig rig;
        start(&rig, 1, &none);
        rig.crash_at = rig.effect_count + 3 * effect;
        finish(&rig, effect);
        assert_int_equal(rig_updated(&rig), DEVICES);
        rig_free(&rig);
    }
}

TEST_MAIN(cmocka_unit_test(three_waves_one_after_the_other),
          cmocka_unit_test(killed_again_and_again),
          cmocka_unit_test(with_all_that_goes_wrong),
          cmocka_unit_test(killed_at_each_of_the_first_effects))

/* SPDX-License-Identifier: MIT */
/*
 * Whole campaigns that carry data and no firmware, over devices of every stack. The rig holds
 * after each: who succeeded has the block, byte for byte, and nobody runs it.
 */
#include <string.h>

#include "test.h"

#include "profile/shipped.h"
#include "rig_config.h"

enum {
    DEVICES = 8,
};

static void start(struct rig *rig, const struct profile *profile, uint32_t loss_ppm)
{
    struct rig_config config = config_of(DEVICES, loss_ppm, NETWORK_PACKAGES_V2);
    config.net.profiles = &profile;
    config.net.profile_count = 1;
    rig_init(rig, &config);
    rig->spec.image.format = SPEC_IMAGE_DATA;
    rig->spec.retry.device = 4;
    rig->spec.retry.cooldown_us = HOURS_US(1);
    rig->tells_profiles = true;
    rig_restart(rig);
}

static size_t count(const struct rig *rig, enum outcome outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        n += rig->store.members[i].outcome == outcome;
    }
    return n;
}

static size_t held(const struct rig *rig)
{
    size_t n = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        n += rig_holds_image(rig, i);
    }
    return n;
}

static void run(struct rig *rig)
{
    rig_apply(rig);
    bool over = rig_run(rig, HOURS_US(600));
    if (!over || count(rig, OUTCOME_SUCCEEDED) != DEVICES) {
        dump(rig);
    }
    assert_true(over);
    assert_string_equal(violation_of(rig), "");
    assert_int_equal(rig_updated(rig), 0);
}

/* How many can, at least. Where losses are what is told, one of its own uplinks is enough. */
static size_t can_say_so(const struct profile *profile, bool lossless)
{
    switch (profile->missing) {
    case PROFILE_MISSING_RANK:
        return (profile->silent & PROFILE_SILENT_COMPLETE) == 0 ? DEVICES : 0;
    case PROFILE_MISSING_LOST:
        return lossless ? DEVICES * 3 / 4 : 0;
    case PROFILE_MISSING_COUNTED:
        break;
    }
    return 0;
}

static void deliver(const struct profile *profile, uint32_t loss_ppm)
{
    struct rig rig;
    printf("# %s, %u ppm\n", profile->name, loss_ppm);
    start(&rig, profile, loss_ppm);
    run(&rig);
    assert_int_equal(held(&rig), DEVICES);
    size_t succeeded = count(&rig, OUTCOME_SUCCEEDED);
    assert_true(succeeded >= can_say_so(profile, loss_ppm == 0));
    assert_int_equal(succeeded + count(&rig, OUTCOME_UNKNOWN), DEVICES);
    rig_free(&rig);
}

static void every_kind_gets_it_and_says_so_as_far_as_it_can(void **state)
{
    (void)state;
    static const uint32_t losses_ppm[] = {0, 30000};
    for (size_t i = 0; i < profiles_shipped_count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(losses_ppm); k++) {
            deliver(&profiles_shipped[i], losses_ppm[k]);
        }
    }
}

static void whatever_goes_wrong_nobody_succeeds_without_it(void **state)
{
    (void)state;
    static const struct rig_faults faults = {RIG_NETWORK_FAULTS};
    size_t succeeded = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct rig rig;
        printf("# seed %llu\n", (unsigned long long)seed);
        start(&rig, profile_shipped("lbm-v2"), 30000);
        rig.faults = faults;
        rig_faults_start(&rig, seed);
        run(&rig);
        succeeded += count(&rig, OUTCOME_SUCCEEDED);
        rig_free(&rig);
    }
    assert_true(succeeded > 4 * DEVICES * 3 / 4);
}

TEST_MAIN(cmocka_unit_test(every_kind_gets_it_and_says_so_as_far_as_it_can),
          cmocka_unit_test(whatever_goes_wrong_nobody_succeeds_without_it))

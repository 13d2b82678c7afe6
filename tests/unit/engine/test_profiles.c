/* SPDX-License-Identifier: MIT */
/* Whole campaigns over devices that break the rules, each in the way of its stack. */
#include <string.h>

#include "test.h"

#include "profile/shipped.h"
#include "rig_config.h"

enum {
    KINDS_MAX = 16,
};

static void start(struct rig *rig, const struct profile *const *profiles, size_t count,
                  size_t devices, uint32_t loss_ppm)
{
    struct rig_config config = config_of(devices, loss_ppm, NETWORK_PACKAGES_V2);
    config.net.profiles = profiles;
    config.net.profile_count = count;
    config.net.clocks_wrong = true;
    rig_init(rig, &config);
    rig->spec.image.firmware_version =
        device_firmware_version(rig->image, rig->image_len);
    rig->spec.retry.device = 4;
    rig->spec.retry.cooldown_us = HOURS_US(1);
}

/* Another engine, that is told what kinds there are. */
static void tell(struct rig *rig)
{
    rig->tells_profiles = true;
    rig_restart(rig);
}

static size_t outcomes(const struct rig *rig, enum outcome outcome)
{
    struct campaign_counts counts;
    engine_campaign_counts(rig->engine, 1, &counts);
    return counts.by_outcome[outcome];
}

static void run(struct rig *rig, size_t devices)
{
    rig_apply(rig);
    bool over = rig_run(rig, HOURS_US(600));
    if (!over || outcomes(rig, OUTCOME_SUCCEEDED) != devices) {
        dump(rig);
    }
    assert_true(over);
    assert_string_equal(violation_of(rig), "");
    /* Who runs the image is who is said to. */
    assert_int_equal(rig_updated(rig), outcomes(rig, OUTCOME_SUCCEEDED));
}

static void every_kind_is_updated_on_its_own(void **state)
{
    (void)state;
    static const uint32_t losses_ppm[] = {0, 30000, 60000};
    for (size_t i = 0; i < profiles_shipped_count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(losses_ppm); k++) {
            const struct profile *profile = &profiles_shipped[i];
            struct rig rig;
            printf("# %s, %u ppm\n", profile->name, losses_ppm[k]);
            start(&rig, &profile, 1, 8, losses_ppm[k]);
            tell(&rig);
            run(&rig, 8);
            assert_int_equal(outcomes(&rig, OUTCOME_SUCCEEDED), 8);
            rig_free(&rig);
        }
    }
}

static void all_kinds_in_one_fleet_are_updated(void **state)
{
    (void)state;
    const struct profile *kinds[KINDS_MAX];
    for (size_t i = 0; i < profiles_shipped_count; i++) {
        kinds[i] = &profiles_shipped[i];
    }
    /* Some decoders cannot mend a tenth: a fleet that loses as much is none of theirs. */
    for (uint32_t loss_ppm = 0; loss_ppm <= 80000; loss_ppm += 40000) {
        size_t devices = 3 * profiles_shipped_count;
        struct rig rig;
        printf("# %u ppm\n", loss_ppm);
        start(&rig, kinds, profiles_shipped_count, devices, loss_ppm);
        tell(&rig);
        run(&rig, devices);
        assert_int_equal(outcomes(&rig, OUTCOME_SUCCEEDED), devices);
        rig_free(&rig);
    }
}

/* LoRaMac-node and ST say so in every later session until they reboot. */
static void memory_that_lacked_once_is_no_reason_for_ever(void **state)
{
    (void)state;
    static const char *const names[] = {"loramac-node", "st-v1", "st-v2"};
    for (size_t i = 0; i < 2 * ARRAY_LEN(names); i++) {
        const struct profile *profile = profile_shipped(names[i / 2]);
        bool told = i % 2 == 0;
        struct rig rig;
        if (!told && profile->image == PROFILE_IMAGE_DENIED) {
            continue; /* it cannot be updated by who does not know that */
        }
        printf("# %s, %s\n", profile->name, told ? "told" : "not told");
        start(&rig, &profile, 1, 8, 30000);
        if (told) {
            tell(&rig);
        }
        rig_run_for(&rig, HOURS_US(1));
        for (size_t k = 0; k < 8; k++) {
            rig_device(&rig, k)->error_kept = true;
        }
        run(&rig, 8);
        assert_int_equal(outcomes(&rig, OUTCOME_SUCCEEDED), 8);
        rig_free(&rig);
    }
}

/* It denies that it has an image, or it takes no size of fragment but its own. */
static bool needs_a_profile(const struct profile *profile)
{
    return profile->image == PROFILE_IMAGE_DENIED || profile->limits.size_multiple != 0;
}

static void without_profiles_those_fail_of_whom_nobody_can_know(void **state)
{
    (void)state;
    const struct profile *kinds[KINDS_MAX];
    size_t needing = 0;
    for (size_t i = 0; i < profiles_shipped_count; i++) {
        kinds[i] = &profiles_shipped[i];
        needing += needs_a_profile(&profiles_shipped[i]);
    }
    size_t devices = 2 * profiles_shipped_count;
    struct rig rig;
    start(&rig, kinds, profiles_shipped_count, devices, 50000);
    run(&rig, devices - 2 * needing);
    assert_int_equal(outcomes(&rig, OUTCOME_SUCCEEDED), devices - 2 * needing);
    assert_int_equal(outcomes(&rig, OUTCOME_FAILED), 2 * needing);
    rig_free(&rig);
}

TEST_MAIN(cmocka_unit_test(every_kind_is_updated_on_its_own),
          cmocka_unit_test(all_kinds_in_one_fleet_are_updated),
          cmocka_unit_test(memory_that_lacked_once_is_no_reason_for_ever),
          cmocka_unit_test(without_profiles_those_fail_of_whom_nobody_can_know))

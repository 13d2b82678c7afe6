/* SPDX-License-Identifier: MIT */
/* Several campaigns over the same fleet on virtual time: groups that devices keep, or lose. */
#include "test.h"

#include "rig_config.h"

static void complete(struct rig *rig)
{
    size_t count = network_device_count(&rig->net);
    bool over = rig_run(rig, HOURS_US(120));
    if (!over || rig_updated(rig) != count || rig->check.violation != NULL) {
        dump(rig);
    }
    assert_true(over);
    assert_int_equal(rig_updated(rig), count);
    assert_string_equal(violation_of(rig), "");
    assert_null(rig->net.cs.groups); /* nothing is left at the server */
}

/* Who comes late or loses too much has a group of its own, and is told again. */
static void a_fleet_that_keeps_its_group_is_not_told_it_again(void **state)
{
    (void)state;
    static const struct {
        enum network_packages packages;
        uint32_t loss_ppm;
        uint32_t told_max;
    } rows[] = {{NETWORK_PACKAGES_V1, 0, 0},
                {NETWORK_PACKAGES_V2, 0, 0},
                {NETWORK_PACKAGES_V1, 50000, 4},
                {NETWORK_PACKAGES_V2, 50000, 4}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig rig;
        struct rig_config config = config_of(8, rows[i].loss_ppm, rows[i].packages);
        config.net.keeps_groups = true;
        rig_init(&rig, &config);
        rig_apply(&rig);
        complete(&rig);
        assert_true(rig.group_setups >= 8);
        for (int k = 0; k < 3; k++) {
            uint32_t told = rig.group_setups;
            rig_apply_next(&rig);
            complete(&rig);
            assert_in_range(rig.group_setups - told, 0, rows[i].told_max);
        }
        rig_free(&rig);
    }
}

/* The first time they are asked in vain, then never again. */
static void a_fleet_that_loses_its_group_is_told_it_again(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(8, 50000, NETWORK_PACKAGES_V2);
    rig_init(&rig, &config);
    rig_apply(&rig);
    complete(&rig);
    for (int i = 0; i < 2; i++) {
        uint32_t told = rig.group_setups;
        rig_apply_next(&rig);
        complete(&rig);
        assert_true(rig.group_setups >= told + 8);
    }
    rig_free(&rig);
}

/* Dies at an effect of the second campaign, before it was carried out or before its answer. */
static void killed_at(uint64_t effect, bool lose_answer, bool keeps)
{
    struct rig rig;
    struct rig_config config = config_of(3, 0, NETWORK_PACKAGES_V2);
    config.net.keeps_groups = keeps;
    rig_init(&rig, &config);
    rig_apply(&rig);
    complete(&rig);
    uint32_t told = rig.group_setups;
    rig.crash_at = rig.effect_count + effect;
    rig.lose_answer = lose_answer;
    rig_apply_next(&rig);
    if (rig.dead) {
        rig_restart(&rig);
    }
    if (!rig.store.has_campaign) {
        rig_apply(&rig); /* nothing was stored: the operator applies again */
    }
    complete(&rig);
    assert_true(!keeps || rig.group_setups == told);
    rig_apply_next(&rig);
    complete(&rig);
    assert_true(!keeps || rig.group_setups == told);
    rig_free(&rig);
}

static void a_kept_group_survives_a_crash_anywhere(void **state)
{
    (void)state;
    for (uint64_t effect = 1; effect < 900; effect += 1 + effect / 12) {
        killed_at(effect, false, true);
        killed_at(effect, true, true);
        killed_at(effect, effect % 2 == 0, false);
    }
}

TEST_MAIN(cmocka_unit_test(a_fleet_that_keeps_its_group_is_not_told_it_again),
          cmocka_unit_test(a_fleet_that_loses_its_group_is_told_it_again),
          cmocka_unit_test(a_kept_group_survives_a_crash_anywhere))

/* SPDX-License-Identifier: MIT */
/* Campaigns that have used up their airtime or their time, on virtual time. */
#include <string.h>

#include "test.h"

#include "rig_config.h"

enum {
    DEVICES = 6,
};

static void begin(struct rig *rig)
{
    struct rig_config config = config_of(DEVICES, 0, NETWORK_PACKAGES_V2);
    config.image_len = 20000;
    rig_init(rig, &config);
    rig->spec.radio.spacing_us = SECONDS_US(10);
}

static void must_be_paused(struct rig *rig, const char *reason)
{
    rig_run_for(rig, DAYS_US(3));
    assert_string_equal(violation_of(rig), "");
    assert_int_equal(rig->store.campaign.phase, CAMPAIGN_PAUSED);
    assert_string_equal(rig->store.campaign.reason, reason);
}

static void must_end_well(struct rig *rig)
{
    bool over = rig_run(rig, DAYS_US(5));
    if (!over) {
        dump(rig);
    }
    assert_true(over);
    assert_string_equal(violation_of(rig), "");
    assert_int_equal(rig_updated(rig), DEVICES);
}

static int64_t airtime_of_a_whole_run(void)
{
    struct rig rig;
    begin(&rig);
    rig_apply(&rig);
    must_end_well(&rig);
    int64_t us = rig.store.campaign.airtime_us;
    rig_free(&rig);
    return us;
}

static void airtime_is_never_exceeded_and_goes_on_when_there_is_more(void **state)
{
    (void)state;
    static const char used[] = "spec.budgets.airtime is used up";
    int64_t whole_us = airtime_of_a_whole_run();
    struct rig rig;
    begin(&rig);
    rig.spec.budgets.airtime_us = whole_us / 2;
    rig_apply(&rig);
    must_be_paused(&rig, used);
    int64_t sent_us = rig.store.campaign.airtime_us;
    assert_in_range(sent_us, whole_us / 4, whole_us / 2);
    rig_control(&rig, ENGINE_RESUME); /* with nothing more to spend */
    must_be_paused(&rig, used);
    assert_int_equal(rig.store.campaign.airtime_us, sent_us);
    rig_restart(&rig);
    rig.spec.budgets.airtime_us = 2 * whole_us;
    rig_control(&rig, ENGINE_RESUME);
    must_end_well(&rig);
    rig_free(&rig);
}

static void what_is_just_enough_pauses_nothing(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    rig.spec.budgets.airtime_us = airtime_of_a_whole_run();
    rig_apply(&rig);
    must_end_well(&rig);
    assert_int_equal(rig.store.campaign.airtime_us, rig.spec.budgets.airtime_us);
    rig_free(&rig);
}

static void a_campaign_is_paused_when_its_time_is_over(void **state)
{
    (void)state;
    static const char over[] = "spec.budgets.duration is over";
    struct rig rig;
    begin(&rig);
    rig.spec.budgets.duration_us = HOURS_US(1);
    rig_apply(&rig);
    rig_run_for(&rig, MINUTES_US(59));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_RUNNING);
    rig_restart(&rig);
    rig_run_for(&rig, MINUTES_US(1) + SECONDS_US(1));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_PAUSED);
    rig_control(&rig, ENGINE_RESUME);
    must_be_paused(&rig, over);
    rig.spec.budgets.duration_us = DAYS_US(30);
    rig_control(&rig, ENGINE_RESUME);
    must_end_well(&rig);
    rig_free(&rig);
}

/* Of the device that listened longest. */
static int64_t listened_us(const struct rig *rig)
{
    int64_t most_us = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        const struct member_rec *m =
            engine_member_at(rig->engine, rig->store.campaign.id, i);
        int64_t us = SECONDS_US(1) * (int64_t)m->listened_s;
        most_us = us > most_us ? us : most_us;
    }
    return most_us;
}

static void listening_is_bounded_and_goes_on_when_more_is_allowed(void **state)
{
    (void)state;
    static const char used[] = "spec.budgets.deviceListening is used up";
    struct rig rig;
    begin(&rig);
    rig_apply(&rig);
    must_end_well(&rig);
    int64_t whole_us = listened_us(&rig);
    rig_free(&rig);
    assert_in_range(whole_us, MINUTES_US(20), HOURS_US(9));
    begin(&rig);
    rig.spec.budgets.device_listening_us = MINUTES_US(10);
    rig_apply(&rig);
    must_be_paused(&rig, used);
    uint32_t sent = rig.store.campaign.fragments_sent;
    assert_in_range(sent, 10, 60);
    rig_restart(&rig);
    rig_control(&rig, ENGINE_RESUME); /* with nothing more to spend */
    must_be_paused(&rig, used);
    assert_in_range(rig.store.campaign.fragments_sent, sent, sent + 1);
    assert_true(listened_us(&rig) >= MINUTES_US(9));
    rig.spec.budgets.device_listening_us = 4 * whole_us;
    rig_control(&rig, ENGINE_RESUME);
    must_end_well(&rig);
    assert_true(listened_us(&rig) > whole_us); /* what they did before counts, too */
    rig_free(&rig);
}

static void energy_is_that_of_listening(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    rig.spec.budgets.device_energy_mj = 6460 + 25700 / 1000 * 60 * 10; /* ten minutes */
    rig_apply(&rig);
    must_be_paused(&rig, "spec.budgets.deviceEnergy is used up");
    assert_in_range(rig.store.campaign.fragments_sent, 10, 60);
    rig.spec.budgets.device_energy_mj = 50000000;
    rig_control(&rig, ENGINE_RESUME);
    must_end_well(&rig);
    rig_free(&rig);
}

TEST_MAIN(cmocka_unit_test(listening_is_bounded_and_goes_on_when_more_is_allowed),
          cmocka_unit_test(energy_is_that_of_listening),
          cmocka_unit_test(airtime_is_never_exceeded_and_goes_on_when_there_is_more),
          cmocka_unit_test(what_is_just_enough_pauses_nothing),
          cmocka_unit_test(a_campaign_is_paused_when_its_time_is_over))

/* SPDX-License-Identifier: MIT */
/* Whole campaigns: the real engine against the simulated network, on virtual time. */
#include <string.h>

#include "test.h"

#include "airtime_used.h"
#include "rig_config.h"

static void all_succeed(struct rig *rig, size_t devices, int64_t limit_us)
{
    bool over = rig_run(rig, limit_us);
    struct campaign_counts counts;
    engine_campaign_counts(rig->engine, 1, &counts);
    if (!over || counts.by_outcome[OUTCOME_SUCCEEDED] != devices) {
        dump(rig);
    }
    assert_true(over);
    assert_int_equal(counts.by_outcome[OUTCOME_SUCCEEDED], devices);
    assert_int_equal(rig_updated(rig), devices);
    assert_string_equal(violation_of(rig), "");
    assert_null(rig->net.cs.groups); /* cleaned up behind us */
    for (size_t i = 0; i < devices; i++) {
        const struct member_rec *m = engine_member_at(rig->engine, 1, i);
        assert_int_equal(m->state, FW_IDLE);
        assert_int_equal(m->result, FW_RESULT_SUCCESS);
        assert_int_equal(m->reason, REASON_VERIFIED);
    }
}

static void a_clean_channel_updates_every_v1_device(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(5, 0, NETWORK_PACKAGES_V1);
    rig_init(&rig, &config);
    rig_apply(&rig);
    all_succeed(&rig, 5, HOURS_US(12));
    rig_free(&rig);
}

static void a_lossy_channel_updates_every_v2_device(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(20, 150000, NETWORK_PACKAGES_V2);
    rig_init(&rig, &config);
    rig_apply(&rig);
    all_succeed(&rig, 20, HOURS_US(96));
    rig_free(&rig);
}

static void versions_one_and_two_get_a_transmission_each(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(12, 100000, NETWORK_PACKAGES_MIXED);
    rig_init(&rig, &config);
    rig_apply(&rig);
    bool over = rig_run(&rig, HOURS_US(200));
    if (!over || rig_updated(&rig) != 12) {
        dump(&rig);
    }
    assert_true(over);
    assert_int_equal(rig_updated(&rig), 12);
    assert_int_equal(rig.store.transmissions[1].ts004 + rig.store.transmissions[2].ts004,
                     3);
    rig_free(&rig);
}

static void the_real_size_fits_one_session_and_the_law(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(60, 120000, NETWORK_PACKAGES_V2);
    config.image_len = 51008;
    rig_init(&rig, &config);
    rig_apply(&rig);
    all_succeed(&rig, 60, HOURS_US(24));
    assert_int_equal(rig.store.transmissions[1].session_no, 1);
    const struct transmission_rec *t = &rig.store.transmissions[1];
    int64_t used_us = airtime_used_us(rig.engine, rig.store.lanes[1][0].gateways[0],
                                      t->frequency_hz, t->session_end);
    assert_true(used_us <= HOURS_US(1) / 10 * 6 / 10);
    rig_free(&rig);
}

static void several_gateways_share_a_cluster(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(10, 100000, NETWORK_PACKAGES_V2);
    config.net.gateway_count = 3;
    rig_init(&rig, &config);
    rig_apply(&rig);
    all_succeed(&rig, 10, HOURS_US(48));
    rig_free(&rig);
}

/* What a campaign does, counted in effects, when nothing goes wrong. */
static uint64_t effects_of(const struct rig_config *config)
{
    struct rig rig;
    rig_init(&rig, config);
    rig_apply(&rig);
    assert_true(rig_run(&rig, HOURS_US(48)));
    uint64_t count = rig.effect_count;
    rig_free(&rig);
    return count;
}

static void killed_at(struct rig *rig, uint64_t effect)
{
    rig->crash_at = effect;
    rig_apply(rig);
    if (rig->dead) {
        rig_restart(rig);
    }
    if (!rig->store.has_campaign) {
        rig_apply(rig); /* nothing was stored: the operator applies again */
    }
    bool over = rig_run(rig, HOURS_US(120));
    if (!over || rig_updated(rig) != 3) {
        printf("# killed at effect %llu\n", (unsigned long long)effect);
        dump(rig);
    }
    assert_true(over);
    assert_int_equal(rig_updated(rig), 3);
    assert_string_equal(violation_of(rig), "");
    assert_null(rig->net.cs.groups);
}

/* Both gateways by hand: two lanes that take turns. */
static void use_two_lanes(struct rig *rig)
{
    rig->spec.radio.gateways = (struct eui_list){rig->net.gateway_euis, 2};
}

static void killed_at_every_effect(bool lose_answer, size_t gateways)
{
    struct rig_config config = config_of(3, 100000, NETWORK_PACKAGES_V2);
    config.image_len = 3000;
    config.net.gateway_count = gateways;
    uint64_t count = effects_of(&config);
    assert_true(count > 50);
    for (uint64_t k = 1; k <= count; k++) {
        struct rig rig;
        rig_init(&rig, &config);
        if (gateways == 2) {
            use_two_lanes(&rig);
        }
        rig.lose_answer = lose_answer;
        killed_at(&rig, k);
        rig_free(&rig);
    }
}

static void a_kill_before_any_effect_changes_no_outcome(void **state)
{
    (void)state;
    killed_at_every_effect(false, 1);
}

static void a_kill_between_an_effect_and_its_answer_changes_no_outcome(void **state)
{
    (void)state;
    killed_at_every_effect(true, 1);
}

static void two_lanes_stay_in_step_whenever_it_is_killed(void **state)
{
    (void)state;
    killed_at_every_effect(false, 2);
    killed_at_every_effect(true, 2);
}

static void a_gateway_that_dies_is_left_behind(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(6, 50000, NETWORK_PACKAGES_V2);
    config.net.gateway_count = 2;
    config.image_len = 20000;
    rig_init(&rig, &config);
    use_two_lanes(&rig);
    rig_apply(&rig);
    while (rig.multicast_count < 20) {
        rig_run_for(&rig, SECONDS_US(10));
    }
    rig.net.radio.gateways[1].off = true;
    while (!rig.store.lanes[1][1].lost &&
           rig.store.transmissions[1].phase == TX_SENDING) {
        rig_run_for(&rig, SECONDS_US(10));
    }
    assert_true(rig.store.lanes[1][1].lost);
    assert_false(rig.store.lanes[1][0].lost);
    rig_run_for(&rig, HOURS_US(2));
    rig.net.radio.gateways[1].off = false;
    all_succeed(&rig, 6, DAYS_US(4));
    rig_free(&rig);
}

static void a_server_that_is_away_for_hours_is_waited_for(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(5, 100000, NETWORK_PACKAGES_V2);
    rig_init(&rig, &config);
    rig_apply(&rig);
    for (int i = 0; i < 6; i++) {
        rig_run_for(&rig, MINUTES_US(11));
        rig.api_away = true;
        rig_run_for(&rig, MINUTES_US(20));
        rig.api_away = false;
    }
    all_succeed(&rig, 5, HOURS_US(120));
    rig_free(&rig);
}

static void pause_sends_nothing_and_resume_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(5, 0, NETWORK_PACKAGES_V2);
    rig_init(&rig, &config);
    rig_apply(&rig);
    while (rig.multicast_count == 0) {
        rig_run_for(&rig, MINUTES_US(1));
    }
    rig_control(&rig, ENGINE_PAUSE);
    rig_run_for(&rig, MINUTES_US(1));
    uint32_t count = rig.multicast_count;
    rig_run_for(&rig, HOURS_US(3));
    assert_int_equal(rig.multicast_count, count);
    rig_control(&rig, ENGINE_PAUSE); /* idempotent */
    rig_control(&rig, ENGINE_RESUME);
    rig_control(&rig, ENGINE_RESUME);
    all_succeed(&rig, 5, HOURS_US(120));
    rig_free(&rig);
}

static void abort_installs_nothing_and_cancels_every_device(void **state)
{
    (void)state;
    for (int64_t minutes = 1; minutes < 60; minutes += 7) {
        struct rig rig;
        struct rig_config config = config_of(6, 0, NETWORK_PACKAGES_V2);
        rig_init(&rig, &config);
        rig_apply(&rig);
        rig_run_for(&rig, MINUTES_US(minutes));
        size_t before = rig_updated(&rig);
        rig_control(&rig, ENGINE_ABORT);
        rig_control(&rig, ENGINE_ABORT);
        assert_true(rig_run(&rig, HOURS_US(48)));
        struct campaign_counts counts;
        engine_campaign_counts(rig.engine, 1, &counts);
        assert_int_equal(counts.by_outcome[OUTCOME_NONE], 0);
        assert_int_equal(counts.by_outcome[OUTCOME_CANCELLED] +
                             counts.by_outcome[OUTCOME_SUCCEEDED],
                         6);
        if (before == 0) {
            assert_int_equal(rig_updated(&rig), 0);
        }
        assert_null(rig.net.cs.groups);
        rig_free(&rig);
    }
}

static void a_device_that_never_speaks_does_not_hold_up_the_others(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(5, 0, NETWORK_PACKAGES_V2);
    rig_init(&rig, &config);
    sim_timers_cancel(&rig.net.timers, &rig_device(&rig, 2)->timer);
    rig_apply(&rig);
    rig_run_for(&rig, HOURS_US(24));
    assert_int_equal(rig_updated(&rig), 4);
    assert_true(rig_run(&rig, DAYS_US(8)));
    const struct member_rec *m = engine_member_at(rig.engine, 1, 2);
    assert_int_equal(m->outcome, OUTCOME_UNKNOWN);
    assert_int_equal(m->result, FW_RESULT_INITIAL);
    rig_free(&rig);
}

static void a_device_whose_key_is_wrong_fails_alone(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(4, 0, NETWORK_PACKAGES_V2);
    rig_init(&rig, &config);
    rig_apply(&rig);
    rig_run_for(&rig, MINUTES_US(15));
    /* From now on the device derives another McKey than the one that was wrapped. */
    rig_device(&rig, 1)->groups[0].keys.app_s_key.b[0] ^= 1;
    rig_device(&rig, 1)->groups[0].keys.nwk_s_key.b[0] ^= 1;
    assert_true(rig_run(&rig, DAYS_US(8)));
    assert_true(rig_updated(&rig) >= 3);
    rig_free(&rig);
}

static void a_stepped_wall_clock_breaks_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_config config = config_of(5, 100000, NETWORK_PACKAGES_V2);
    rig_init(&rig, &config);
    rig_apply(&rig);
    rig_run_for(&rig, MINUTES_US(12));
    struct engine_event event = {.type = ENGINE_EV_CLOCK_STEP,
                                 .now = {rig.now.us},
                                 .utc = rig.now,
                                 .step = {.delta_us = 0}};
    engine_step(rig.engine, &event, &rig.effects);
    all_succeed(&rig, 5, HOURS_US(48));
    rig_free(&rig);
}

TEST_MAIN(cmocka_unit_test(a_clean_channel_updates_every_v1_device),
          cmocka_unit_test(a_lossy_channel_updates_every_v2_device),
          cmocka_unit_test(versions_one_and_two_get_a_transmission_each),
          cmocka_unit_test(the_real_size_fits_one_session_and_the_law),
          cmocka_unit_test(several_gateways_share_a_cluster),
          cmocka_unit_test(a_kill_before_any_effect_changes_no_outcome),
          cmocka_unit_test(a_kill_between_an_effect_and_its_answer_changes_no_outcome),
          cmocka_unit_test(two_lanes_stay_in_step_whenever_it_is_killed),
          cmocka_unit_test(a_gateway_that_dies_is_left_behind),
          cmocka_unit_test(a_server_that_is_away_for_hours_is_waited_for),
          cmocka_unit_test(pause_sends_nothing_and_resume_goes_on),
          cmocka_unit_test(abort_installs_nothing_and_cancels_every_device),
          cmocka_unit_test(a_device_that_never_speaks_does_not_hold_up_the_others),
          cmocka_unit_test(a_device_whose_key_is_wrong_fails_alone),
          cmocka_unit_test(a_stepped_wall_clock_breaks_nothing))

/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: pause, abort, restart, and looking in. */
#include <string.h>

#include "flow_steps.h"

static void a_pause_counts_no_evidence_and_no_time(void **state)
{
    (void)state;
    static const enum member_phase phases[] = {MEMBER_VERSION, MEMBER_GROUP,
                                               MEMBER_FRAG,    MEMBER_UPGRADE,
                                               MEMBER_REBOOT,  MEMBER_VERIFY};
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct flow f;
        begin(&f, 1);
        test_row(member_phase_name(phases[i]));
        flow_walk(&f, 0, phases[i]);
        flow_control(&f, ENGINE_PAUSE);
        size_t sent = f.send_count[0];
        for (int k = 0; k < 300; k++) {
            flow_noise(&f, 0);
        }
        flow_wait(&f, DAYS_US(10));
        assert_int_equal(f.send_count[0], sent);
        assert_int_equal(flow_member(&f, 0)->phase, phases[i]);
        assert_true(flow_member(&f, 0)->tries <= 4);
        flow_control(&f, ENGINE_RESUME);
        flow_noise(&f, 0);
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

static void what_completes_while_paused_goes_on_afterwards(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    while (f.frame_count < 5) {
        flow_wait(&f, SECONDS_US(10));
    }
    flow_control(&f, ENGINE_PAUSE);
    flow_uplink(&f, 0, 201, "0400");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UPGRADE);
    size_t sent = f.send_count[0];
    flow_control(&f, ENGINE_RESUME);
    flow_wait(&f, SECONDS_US(1));
    assert_int_equal(f.send_count[0], sent + 1);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void a_refusal_while_paused_leaves_the_next_try(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    while (f.frame_count < 5) {
        flow_wait(&f, SECONDS_US(10));
    }
    flow_control(&f, ENGINE_PAUSE);
    flow_uplink(&f, 0, 201, "0104"); /* it knows of no session */
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_READY);
    flow_free(&f);
}

static void a_group_opened_after_the_abort_is_deleted(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.hold_group = true;
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_KEY);
    flow_wait(&f, SECONDS_US(5));
    assert_int_equal(f.open_count, 1);
    flow_control(&f, ENGINE_ABORT);
    flow_wait(&f, SECONDS_US(5));
    f.hold_group = false;
    struct engine_event event = {.type = ENGINE_EV_GROUP,
                                 .group = {.transmission_id = 1, .group = "late"}};
    flow_step(&f, &event);
    flow_wait(&f, SECONDS_US(5));
    assert_int_equal(f.close_count, 1);
    all_is_cleaned_up(&f);
    flow_free(&f);
}

static const struct {
    const char *name;
    enum member_phase phase;
    int64_t wait_us;
    const char *answers[3];
    enum outcome outcome;
} aborts[] = {
    {"image deleted", MEMBER_UPGRADE, 0, {"0500"}, OUTCOME_CANCELLED},
    {"reboot cancelled", MEMBER_VERIFY, 0, {"03ffffff", "0500"}, OUTCOME_CANCELLED},
    {"countdown late",
     MEMBER_REBOOT,
     0,
     {"033c0000", "03ffffff", "0500"},
     OUTCOME_CANCELLED},
    {"rebooted already",
     MEMBER_VERIFY,
     MINUTES_US(9),
     {"010200000001000000"},
     OUTCOME_SUCCEEDED},
    {"rebooted before it heard",
     MEMBER_VERIFY,
     0,
     {"010200000001000000"},
     OUTCOME_SUCCEEDED},
    {"reboot failed",
     MEMBER_VERIFY,
     MINUTES_US(9),
     {"010100000001000000", "0500"},
     OUTCOME_CANCELLED},
    {"nothing to delete, installed",
     MEMBER_UPGRADE,
     0,
     {"0501", "010200000001000000"},
     OUTCOME_SUCCEEDED},
    {"nothing to delete",
     MEMBER_UPGRADE,
     0,
     {"0501", "010100000001000000"},
     OUTCOME_CANCELLED},
    {"silent", MEMBER_UPGRADE, DAYS_US(0), {NULL}, OUTCOME_CANCELLED},
    {"silent after activation", MEMBER_VERIFY, 0, {NULL}, OUTCOME_UNKNOWN},
    {"in the session", MEMBER_LISTENING, 0, {NULL}, OUTCOME_CANCELLED},
};

static void an_abort_tells_the_truth_about_each_device(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(aborts); i++) {
        struct flow f;
        begin(&f, 1);
        test_row(aborts[i].name);
        flow_walk(&f, 0, aborts[i].phase);
        flow_wait(&f, aborts[i].wait_us);
        flow_control(&f, ENGINE_ABORT);
        size_t frames = f.frame_count;
        for (size_t k = 0; k < 3 && aborts[i].answers[k] != NULL; k++) {
            flow_uplink(&f, 0, 203, aborts[i].answers[k]);
        }
        flow_wait(&f, DAYS_US(4));
        assert_int_equal(flow_member(&f, 0)->outcome, aborts[i].outcome);
        assert_int_equal(f.campaign.phase, CAMPAIGN_ABORTED);
        assert_int_equal(f.frame_count, frames);
        all_is_cleaned_up(&f);
        flow_free(&f);
    }
}

static void an_abort_that_is_never_answered_ends_all_the_same(void **state)
{
    (void)state;
    static const enum member_phase phases[] = {MEMBER_UPGRADE, MEMBER_REBOOT,
                                               MEMBER_VERIFY};
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct flow f;
        begin(&f, 1);
        flow_walk(&f, 0, phases[i]);
        flow_control(&f, ENGINE_ABORT);
        for (int k = 0; k < 288 * 4 && flow_member(&f, 0)->outcome == OUTCOME_NONE; k++) {
            flow_noise(&f, 0);
        }
        assert_int_not_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        flow_free(&f);
    }
}

static void a_plan_that_no_longer_fits_pauses_after_a_restart(void **state)
{
    (void)state;
    struct flow f;
    begin_session(&f);
    f.fleet.reserve_ppm = SPEC_PPM;
    flow_restart(&f);
    assert_int_equal(f.campaign.phase, CAMPAIGN_PAUSED);
    flow_control(&f, ENGINE_RESUME);
    flow_wait(&f, SECONDS_US(5));
    assert_int_equal(f.campaign.phase, CAMPAIGN_PAUSED);
    f.fleet.reserve_ppm = 400000;
    flow_restart(&f);
    flow_control(&f, ENGINE_RESUME);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void a_restart_in_any_phase_goes_on(void **state)
{
    (void)state;
    for (int phase = MEMBER_VERSION; phase <= MEMBER_VERIFY; phase++) {
        if (phase == MEMBER_RESYNC || phase == MEMBER_STATUS ||
            phase == MEMBER_COMPLETE || phase == MEMBER_READY) {
            continue;
        }
        struct flow f;
        begin(&f, 1);
        test_row(member_phase_name((enum member_phase)phase));
        flow_walk(&f, 0, (enum member_phase)phase);
        flow_restart(&f);
        flow_wait(&f, MINUTES_US(1));
        flow_noise(&f, 0);
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

static void a_long_time_down_costs_no_device_its_proof(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_VERIFY);
    f.now = utc_after(f.now, DAYS_US(5));
    flow_restart(&f);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERIFY);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void looking_in_finds_what_there_is(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 2);
    uint64_t devices[2];
    struct campaign_counts counts;
    assert_non_null(engine_campaign_by_id(f.engine, 1));
    assert_null(engine_campaign_by_id(f.engine, 2));
    assert_non_null(engine_campaign_by_name(f.engine, "flow"));
    assert_null(engine_campaign_by_name(f.engine, "flo"));
    assert_null(engine_campaign_by_name(f.engine, "flows"));
    assert_non_null(engine_campaign_at(f.engine, 0));
    assert_null(engine_campaign_at(f.engine, 1));
    assert_null(engine_member_at(f.engine, 1, 2));
    assert_null(engine_member_find(f.engine, 1, 7));
    assert_non_null(engine_transmission_at(f.engine, 1, 0));
    assert_null(engine_transmission_at(f.engine, 1, 1));
    assert_null(engine_transmission_at(f.engine, 9, 0));
    assert_int_equal(engine_lane_at(f.engine, 1, 0)->gateways[0], f.gateways[0]);
    assert_null(engine_lane_at(f.engine, 1, 1));
    assert_null(engine_lane_at(f.engine, 9, 0));
    assert_non_null(engine_device(f.engine, f.devices[0].dev_eui));
    assert_null(engine_device(f.engine, 7));
    engine_campaign_counts(f.engine, 9, &counts);
    assert_int_equal(counts.total, 0);
    flow_walk(&f, 0, MEMBER_READY);
    flow_walk(&f, 1, MEMBER_GROUP);
    assert_int_equal(engine_transmission_devices(f.engine, 1, devices, 1), 2);
    assert_int_equal(devices[0], f.devices[0].dev_eui);
    assert_int_equal(engine_forget(f.engine, 1), FUO_EPERM);
    assert_int_equal(engine_forget(f.engine, 2), FUO_ENOENT);
    flow_control(&f, ENGINE_ABORT);
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(engine_forget(f.engine, 1), FUO_OK);
    assert_null(engine_campaign_at(f.engine, 0));
    flow_free(&f);
}

/* Who begins first has the device. */
static void a_campaign_that_is_scheduled_has_no_claim_on_its_devices(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    uint64_t devices[] = {f.devices[0].dev_eui};
    struct engine_event event = {.type = ENGINE_EV_APPLY,
                                 .apply = {.id = 2,
                                           .spec = &f.spec,
                                           .image = f.image,
                                           .image_len = sizeof(f.image),
                                           .devices = devices,
                                           .device_count = 1,
                                           .not_before = utc_after(f.now, DAYS_US(2))}};
    flow_step(&f, &event);
    const struct campaign_rec *second = engine_campaign_by_id(f.engine, 2);
    assert_int_equal(second->phase, CAMPAIGN_SCHEDULED);
    assert_int_equal(engine_member_at(f.engine, 2, 0)->outcome, OUTCOME_NONE);
    flow_control(&f, ENGINE_ABORT); /* the first one */
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(second->phase, CAMPAIGN_SCHEDULED);
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(second->phase, CAMPAIGN_RUNNING);
    assert_int_equal(engine_member_at(f.engine, 2, 0)->outcome, OUTCOME_NONE);
    flow_free(&f);
}

static void a_device_is_in_one_campaign_at_a_time(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    uint64_t devices[] = {f.devices[0].dev_eui};
    struct engine_campaign second = {.id = 2,
                                     .spec = &f.spec,
                                     .image = f.image,
                                     .image_len = sizeof(f.image),
                                     .devices = devices,
                                     .device_count = 1};
    struct engine_event event = {.type = ENGINE_EV_APPLY, .apply = second};
    flow_step(&f, &event);
    assert_int_equal(engine_member_at(f.engine, 2, 0)->outcome, OUTCOME_SUPERSEDED);
    assert_int_equal(engine_member_at(f.engine, 2, 0)->reason, REASON_BUSY);
    assert_int_equal(engine_campaign_by_id(f.engine, 2)->phase, CAMPAIGN_COMPLETED);
    event.apply.id = 3;
    devices[0] = 9; /* unknown: ignored, as is an id that is taken */
    flow_step(&f, &event);
    assert_null(engine_campaign_by_id(f.engine, 3));
    flow_free(&f);
}

/* Its row of a transmission is gone: it is taken into another one. */
static void a_member_without_its_transmission_waits_for_another(void **state)
{
    (void)state;
    static const enum member_phase phases[] = {MEMBER_KEY, MEMBER_GROUP, MEMBER_FRAG,
                                               MEMBER_SESSION, MEMBER_STATUS};
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        struct flow f;
        flow_init(&f, 1);
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_READY);
        struct member_rec m = *flow_member(&f, 0);
        m.phase = phases[i];
        m.transmission_id = 99;
        assert_int_equal(engine_restore_member(f.engine, &m), FUO_OK);
        assert_int_equal(engine_member_at(f.engine, 1, 0)->phase, MEMBER_READY);
        assert_int_equal(engine_member_at(f.engine, 1, 0)->transmission_id, 0);
        flow_free(&f);
    }
}

static void records_of_nothing_are_refused(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    struct transmission_rec t = {.id = 7, .campaign_id = 5};
    struct member_rec m = {.campaign_id = 5};
    uint64_t unknown = 1;
    struct engine_campaign c = {
        .id = 1, .spec = &f.spec, .devices = &unknown, .device_count = 1};
    struct campaign_rec rec = {.id = 1};
    struct device_rec d = {.dev_eui = 1, .fleet_id = 9};
    struct engine_fleet fleet = {.id = 1, .spec = &f.fleet};
    assert_int_equal(engine_restore_transmission(f.engine, &t), FUO_ENOENT);
    assert_int_equal(engine_restore_member(f.engine, &m), FUO_ENOENT);
    assert_int_equal(engine_restore_campaign(f.engine, &c, &rec), FUO_ENOENT);
    flow_apply(&f);
    t.campaign_id = f.campaign_id; /* of a fleet that is not there */
    assert_int_equal(engine_restore_transmission(f.engine, &t), FUO_ENOENT);
    assert_int_equal(engine_add_device(f.engine, &d), FUO_EINVAL);
    assert_int_equal(engine_add_device(f.engine, &f.devices[0]), FUO_EEXIST);
    assert_int_equal(engine_add_fleet(f.engine, &fleet), FUO_EEXIST);
    struct fleet_spec nowhere = f.fleet;
    nowhere.region = "MARS";
    fleet.spec = &nowhere;
    assert_int_equal(engine_add_fleet(f.engine, &fleet), FUO_EINVAL);
    engine_destroy(NULL);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(a_pause_counts_no_evidence_and_no_time),
          cmocka_unit_test(what_completes_while_paused_goes_on_afterwards),
          cmocka_unit_test(a_refusal_while_paused_leaves_the_next_try),
          cmocka_unit_test(a_group_opened_after_the_abort_is_deleted),
          cmocka_unit_test(an_abort_tells_the_truth_about_each_device),
          cmocka_unit_test(an_abort_that_is_never_answered_ends_all_the_same),
          cmocka_unit_test(a_plan_that_no_longer_fits_pauses_after_a_restart),
          cmocka_unit_test(a_restart_in_any_phase_goes_on),
          cmocka_unit_test(a_member_without_its_transmission_waits_for_another),
          cmocka_unit_test(a_long_time_down_costs_no_device_its_proof),
          cmocka_unit_test(looking_in_finds_what_there_is),
          cmocka_unit_test(a_campaign_that_is_scheduled_has_no_claim_on_its_devices),
          cmocka_unit_test(a_device_is_in_one_campaign_at_a_time),
          cmocka_unit_test(records_of_nothing_are_refused))

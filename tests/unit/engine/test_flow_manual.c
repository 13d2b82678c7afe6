/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: devices that install when an operator says so. */
#include <string.h>

#include "flow_steps.h"

enum { REQ_DELETE = 0x05 };

static struct spec_wave two_waves[2];
static const uint8_t all_in_first[FLOW_DEVICES];
static const uint8_t one_each[FLOW_DEVICES] = {0, 1};

static void begin_manual(struct flow *f, size_t devices, const uint8_t *wave_of)
{
    flow_init(f, devices);
    f->spec.activation.mode = SPEC_ACTIVATE_MANUAL;
    for (size_t i = 0; i < ARRAY_LEN(two_waves); i++) {
        two_waves[i] = (struct spec_wave){.name = i == 0 ? "pilot" : "rest",
                                          .size = {.ppm = SPEC_PPM},
                                          .success_ppm = 950000,
                                          .abort_failed_ppm = 50000,
                                          .abort_attempted = 20};
    }
    f->spec.rollout.waves = two_waves;
    f->spec.rollout.wave_count = ARRAY_LEN(two_waves);
    f->wave_of = wave_of;
    flow_apply(f);
}

/* To the block, and not beyond: what comes then would be an order to install. */
static void begin_complete(struct flow *f, size_t devices)
{
    begin_manual(f, devices, all_in_first);
    flow_walk_all(f, 0, devices, MEMBER_LISTENING);
    for (size_t i = 0; i < devices; i++) {
        flow_walk(f, i, MEMBER_COMPLETE);
    }
}

static void may_install(struct flow *f, uint8_t wave)
{
    struct engine_event event = {
        .type = ENGINE_EV_CONTROL,
        .control = {.campaign_id = 1, .verb = ENGINE_INSTALL, .wave = wave}};
    flow_step(f, &event);
    flow_wait(f, SECONDS_US(1));
}

static uint32_t waiting(const struct flow *f)
{
    struct campaign_counts counts;
    engine_campaign_counts(f->engine, 1, &counts);
    return counts.installable;
}

static void nobody_is_told_to_install_before_an_operator_says_so(void **state)
{
    (void)state;
    struct flow f;
    begin_complete(&f, 2);
    size_t alerts = f.alerts;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(flow_member(&f, i)->phase, MEMBER_COMPLETE);
        assert_int_equal(flow_member(&f, i)->state, FW_DOWNLOADED);
        assert_int_equal(flow_member(&f, i)->command_id, 0);
    }
    assert_int_equal(waiting(&f), 2);
    assert_int_equal(alerts, 1); /* once for the wave */
    for (int i = 0; i < 30; i++) {
        flow_noise(&f, 0);
        flow_wait(&f, HOURS_US(12));
    }
    assert_int_equal(f.upgrade_asks, 0);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    assert_int_equal(f.transmission.phase, TX_ENDED); /* nothing waits for them */
    may_install(&f, ENGINE_WAVE_NEXT);
    assert_int_equal(f.upgrade_asks, 2);
    assert_int_equal(waiting(&f), 0);
    for (size_t i = 0; i < 2; i++) {
        flow_walk(&f, i, MEMBER_ENDED);
        ended(&f, i, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    }
    flow_free(&f);
}

static void an_approval_holds_for_those_who_come_later(void **state)
{
    (void)state;
    struct flow f;
    begin_manual(&f, 1, all_in_first);
    may_install(&f, 0); /* beforehand */
    may_install(&f, 0); /* twice is once */
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(f.upgrade_asks, 1);
    assert_int_equal(f.alerts, 0);
    flow_free(&f);
}

static void wait_for_frames(struct flow *f, size_t count)
{
    while (f->frame_count < count) {
        flow_wait(f, SECONDS_US(1));
    }
}

/* The deadline is an end for those that nobody lets install, whenever they get there. */
static void who_still_waits_at_the_deadline_is_cancelled(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct flow f;
        flow_init(&f, 1);
        f.deadline = utc_after(f.now, DAYS_US(1));
        f.spec.schedule.end_behavior = SPEC_END_DRAIN;
        f.spec.activation.mode = SPEC_ACTIVATE_MANUAL;
        f.spec.radio.spacing_us = SECONDS_US(100);
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_LISTENING);
        if (late == 0) {
            flow_walk(&f, 0, MEMBER_COMPLETE);
            flow_wait(&f, HOURS_US(12));
            assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
            flow_wait(&f, DAYS_US(1));
        } else {
            wait_for_frames(&f, 3);
            f.deadline = f.now;
            flow_restart(&f);
            flow_wait(&f, SECONDS_US(1));
            assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE); /* drained */
            flow_uplink(&f, 0, 201, "0400"); /* FragDataBlockReceivedReq */
        }
        ended(&f, 0, OUTCOME_CANCELLED, REASON_DEADLINE, FW_RESULT_CANCELLED);
        flow_wait(&f, DAYS_US(1));
        assert_int_equal(f.campaign.phase, CAMPAIGN_COMPLETED);
        assert_int_equal(f.upgrade_asks, 0);
        flow_free(&f);
    }
}

static void it_holds_for_its_wave_only(void **state)
{
    (void)state;
    struct flow f;
    begin_manual(&f, 2, one_each);
    may_install(&f, ENGINE_WAVE_NEXT);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_wait(&f, SECONDS_US(1));
    flow_walk(&f, 1, MEMBER_COMPLETE);
    flow_noise(&f, 1);
    assert_int_equal(f.upgrade_asks, 1);
    assert_int_equal(flow_member(&f, 1)->phase, MEMBER_COMPLETE);
    may_install(&f, 0); /* of the one that is over: says nothing of this one */
    flow_noise(&f, 1);
    assert_int_equal(f.upgrade_asks, 1);
    may_install(&f, 1);
    flow_walk(&f, 1, MEMBER_ENDED);
    ended(&f, 1, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void who_waits_and_what_was_said_outlive_a_restart(void **state)
{
    (void)state;
    for (int said = 0; said < 2; said++) {
        struct flow f;
        begin_complete(&f, 1);
        if (said != 0) {
            flow_control(&f, ENGINE_PAUSE);
            may_install(&f, 0); /* nothing is sent while it is paused */
            assert_int_equal(f.upgrade_asks, 0);
        }
        flow_restart(&f);
        flow_wait(&f, SECONDS_US(1));
        assert_int_equal(flow_member(&f, 0)->state, FW_DOWNLOADED);
        assert_int_equal(f.upgrade_asks, 0);
        if (said != 0) {
            flow_control(&f, ENGINE_RESUME);
        } else {
            may_install(&f, 0);
        }
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

static void an_abort_deletes_what_waits(void **state)
{
    (void)state;
    struct flow f;
    begin_complete(&f, 1);
    flow_control(&f, ENGINE_ABORT);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UNDO_IMAGE);
    assert_int_equal(f.last_send[0].send.payload[0], REQ_DELETE);
    flow_uplink(&f, 0, 203, "0500");
    ended(&f, 0, OUTCOME_CANCELLED, REASON_ABORTED, FW_RESULT_CANCELLED);
    assert_int_equal(f.upgrade_asks, 0);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(who_still_waits_at_the_deadline_is_cancelled),
          cmocka_unit_test(nobody_is_told_to_install_before_an_operator_says_so),
          cmocka_unit_test(an_approval_holds_for_those_who_come_later),
          cmocka_unit_test(it_holds_for_its_wave_only),
          cmocka_unit_test(who_waits_and_what_was_said_outlive_a_restart),
          cmocka_unit_test(an_abort_deletes_what_waits))

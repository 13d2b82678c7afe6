/* SPDX-License-Identifier: MIT */
/* Which version devices are to run, when the campaign does not say it. */
#include "flow_steps.h"

#define ANNOUNCES_2 "040302000000"
#define ANNOUNCES_3 "040303000000"

/* All have the block, and are asked for their image. */
static void walk_all(struct flow *f, enum member_phase last)
{
    static const enum member_phase steps[] = {MEMBER_READY, MEMBER_SET_UP,
                                              MEMBER_LISTENING, MEMBER_UPGRADE};
    for (size_t k = 0; k < ARRAY_LEN(steps) && steps[k] <= last; k++) {
        for (size_t i = 0; i < f->device_count; i++) {
            flow_walk(f, i, steps[k]);
        }
    }
}

static void begin_auto(struct flow *f, size_t devices)
{
    flow_init(f, devices);
    f->spec.image.firmware_version = SPEC_AUTO_U32;
    flow_apply(f);
    walk_all(f, MEMBER_UPGRADE);
}

static void is_in(const struct flow *f, size_t device, enum member_phase phase)
{
    assert_int_equal(flow_member(f, device)->phase, phase);
}

static enum campaign_phase phase(const struct flow *f)
{
    return engine_campaign_by_id(f->engine, 1)->phase;
}

/* It answered: it is not asked again, however often it speaks. */
static void waits_without_a_word(struct flow *f, size_t device)
{
    size_t sent = f->send_count[device];
    for (int i = 0; i < 10; i++) {
        flow_noise(f, device);
    }
    assert_int_equal(f->send_count[device], sent);
    is_in(f, device, MEMBER_UPGRADE);
}

static void the_first_waits_for_another_that_says_the_same(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 3);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    waits_without_a_word(&f, 0);
    assert_false(f.campaign.next_known);
    flow_uplink(&f, 1, 203, ANNOUNCES_2);
    is_in(&f, 0, MEMBER_REBOOT);
    is_in(&f, 1, MEMBER_REBOOT);
    assert_true(f.campaign.next_known);
    assert_int_equal(f.campaign.next_firmware, 2);
    flow_uplink(&f, 2, 203, ANNOUNCES_2); /* nobody waits any more */
    is_in(&f, 2, MEMBER_REBOOT);
    for (size_t i = 0; i < 3; i++) {
        flow_walk(&f, i, MEMBER_ENDED);
        ended(&f, i, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    }
    assert_int_equal(f.alerts, 0);
    flow_free(&f);
}

static void who_is_alone_does_not_wait(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 1);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    is_in(&f, 0, MEMBER_REBOOT);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void who_is_left_alone_goes_on(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 2);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    is_in(&f, 0, MEMBER_UPGRADE);
    flow_uplink(&f, 1, 203, "0402"); /* its hardware is another */
    flow_wait(&f, SECONDS_US(1));
    is_in(&f, 0, MEMBER_REBOOT);
    flow_free(&f);
}

static void others_that_stay_silent_are_waited_for_half_the_time(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 2);
    int64_t half_us = f.spec.verification.within_us / 2;
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    flow_wait(&f, half_us - MINUTES_US(30));
    is_in(&f, 0, MEMBER_UPGRADE);
    flow_wait(&f, HOURS_US(1));
    is_in(&f, 0, MEMBER_REBOOT);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_uplink(&f, 1, 203, ANNOUNCES_3); /* late, and another */
    ended(&f, 1, OUTCOME_FAILED, REASON_VERSION_DIFFERS, FW_RESULT_UNSUPPORTED_PACKAGE);
    assert_int_equal(f.alerts, 1);
    flow_free(&f);
}

/* The first may be the one with a stale image: its order says nothing. */
static void of_two_that_differ_none_reboots(void **state)
{
    (void)state;
    for (int last = 0; last < 2; last++) {
        struct flow f;
        begin_auto(&f, 2);
        flow_uplink(&f, (size_t)last, 203, ANNOUNCES_2);
        flow_uplink(&f, (size_t)!last, 203, ANNOUNCES_3);
        assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
        assert_int_equal(f.alerts, 1);
        flow_wait(&f, DAYS_US(10));
        waits_without_a_word(&f, 0);
        waits_without_a_word(&f, 1);
        flow_control(&f, ENGINE_RESUME); /* nobody is left who could tell */
        flow_wait(&f, SECONDS_US(1));
        for (size_t i = 0; i < 2; i++) {
            ended(&f, i, OUTCOME_FAILED, REASON_VERSION_DIFFERS,
                  FW_RESULT_UNSUPPORTED_PACKAGE);
        }
        flow_free(&f);
    }
}

static void a_third_decides_between_two_that_differ(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 3);
    flow_uplink(&f, 0, 203, ANNOUNCES_3); /* of an earlier campaign */
    flow_uplink(&f, 1, 203, ANNOUNCES_2);
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    flow_control(&f, ENGINE_RESUME);
    flow_wait(&f, SECONDS_US(1));
    is_in(&f, 0, MEMBER_UPGRADE);
    is_in(&f, 1, MEMBER_UPGRADE);
    flow_uplink(&f, 2, 203, ANNOUNCES_2);
    ended(&f, 0, OUTCOME_FAILED, REASON_VERSION_DIFFERS, FW_RESULT_UNSUPPORTED_PACKAGE);
    is_in(&f, 1, MEMBER_REBOOT);
    is_in(&f, 2, MEMBER_REBOOT);
    assert_int_equal(phase(&f), CAMPAIGN_RUNNING);
    assert_int_equal(f.alerts, 2);
    flow_free(&f);
}

static void one_that_differs_from_two_fails_alone(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 3);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    flow_uplink(&f, 1, 203, ANNOUNCES_2);
    flow_uplink(&f, 2, 203, ANNOUNCES_3);
    ended(&f, 2, OUTCOME_FAILED, REASON_VERSION_DIFFERS, FW_RESULT_UNSUPPORTED_PACKAGE);
    assert_int_equal(phase(&f), CAMPAIGN_RUNNING);
    assert_int_equal(f.alerts, 1);
    flow_free(&f);
}

/* Two have the same stale image: a reboot into it would look like success. */
static void two_that_lie_together_decide_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 5);
    flow_uplink(&f, 0, 203, ANNOUNCES_3);
    flow_uplink(&f, 1, 203, ANNOUNCES_3);
    waits_without_a_word(&f, 0);
    waits_without_a_word(&f, 1);
    assert_false(f.campaign.next_known);
    flow_uplink(&f, 2, 203, ANNOUNCES_2);
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    flow_control(&f, ENGINE_RESUME);
    flow_uplink(&f, 3, 203, ANNOUNCES_2);
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    flow_restart(&f);
    flow_control(&f, ENGINE_RESUME);
    flow_uplink(&f, 4, 203, ANNOUNCES_2);
    flow_wait(&f, SECONDS_US(1));
    for (size_t i = 0; i < 5; i++) {
        if (i < 2) {
            ended(&f, i, OUTCOME_FAILED, REASON_VERSION_DIFFERS,
                  FW_RESULT_UNSUPPORTED_PACKAGE);
        } else {
            is_in(&f, i, MEMBER_REBOOT);
        }
    }
    assert_int_equal(f.campaign.next_firmware, 2);
    flow_free(&f);
}

/* The others fail of something else: what is left of the votes decides. */
static void more_than_those_who_differ_decide_when_nobody_is_left(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 5);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    flow_uplink(&f, 1, 203, ANNOUNCES_3);
    flow_uplink(&f, 2, 203, ANNOUNCES_2);
    flow_uplink(&f, 3, 203, "0402"); /* its hardware is another */
    flow_uplink(&f, 4, 203, "0402");
    flow_control(&f, ENGINE_RESUME);
    flow_wait(&f, SECONDS_US(1));
    is_in(&f, 0, MEMBER_REBOOT);
    ended(&f, 1, OUTCOME_FAILED, REASON_VERSION_DIFFERS, FW_RESULT_UNSUPPORTED_PACKAGE);
    is_in(&f, 2, MEMBER_REBOOT);
    flow_free(&f);
}

/* The target that nobody agreed to: who it was is as likely right as the next. */
static void one_that_went_alone_is_not_believed_against_the_next(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 2);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    flow_wait(&f, f.spec.verification.within_us / 2 + HOURS_US(1));
    is_in(&f, 0, MEMBER_REBOOT);
    flow_uplink(&f, 1, 203, ANNOUNCES_3);
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    flow_free(&f);
}

static void a_restart_forgets_no_announcement(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 2);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    flow_restart(&f);
    waits_without_a_word(&f, 0);
    assert_int_equal(flow_member(&f, 0)->version_after, 2);
    flow_uplink(&f, 1, 203, ANNOUNCES_2);
    is_in(&f, 0, MEMBER_REBOOT);
    is_in(&f, 1, MEMBER_REBOOT);
    flow_restart(&f);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void an_abort_deletes_what_was_announced(void **state)
{
    (void)state;
    struct flow f;
    begin_auto(&f, 2);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    flow_control(&f, ENGINE_ABORT);
    is_in(&f, 0, MEMBER_UNDO_IMAGE);
    assert_memory_equal(f.last_send[0].send.payload, "\x05\x02\0\0\0", 5);
    flow_uplink(&f, 0, 203, "0500");
    ended(&f, 0, OUTCOME_CANCELLED, REASON_ABORTED, FW_RESULT_CANCELLED);
    flow_free(&f);
}

/* It was told to install at its next reboot, which it may do of itself. */
static void the_deadline_ends_the_wait(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum spec_end_behavior end;
        bool restart;
        enum member_phase phase;
        enum outcome outcome;
    } rows[] = {
        {"drain", SPEC_END_DRAIN, false, MEMBER_UPGRADE, OUTCOME_NONE},
        {"stop", SPEC_END_STOP, false, MEMBER_ENDED, OUTCOME_UNKNOWN},
        {"stop, while it was away", SPEC_END_STOP, true, MEMBER_ENDED, OUTCOME_UNKNOWN},
        {"abort", SPEC_END_ABORT, false, MEMBER_UNDO_IMAGE, OUTCOME_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        flow_init(&f, 2);
        f.spec.image.firmware_version = SPEC_AUTO_U32;
        f.spec.schedule.end_behavior = rows[i].end;
        f.deadline = utc_after(f.now, HOURS_US(12));
        flow_apply(&f);
        walk_all(&f, MEMBER_UPGRADE);
        flow_uplink(&f, 0, 203, ANNOUNCES_2);
        if (rows[i].restart) {
            f.now = utc_after(f.deadline, MINUTES_US(1));
            flow_restart(&f);
        } else {
            flow_wait(&f, f.deadline.us - f.now.us + SECONDS_US(1));
        }
        is_in(&f, 0, rows[i].phase);
        assert_int_equal(flow_member(&f, 0)->outcome, rows[i].outcome);
        flow_free(&f);
    }
}

/* Those of later waves cannot tell anything: their turn comes when it is well. */
static void a_canary_waits_for_its_own_wave_only(void **state)
{
    (void)state;
    static const uint8_t wave_of[] = {0, 1, 1};
    struct spec_wave waves[] = {{.name = "canary"}, {.name = "rest"}};
    struct flow f;
    flow_init(&f, 3);
    f.spec.image.firmware_version = SPEC_AUTO_U32;
    f.spec.rollout.waves = waves;
    f.spec.rollout.wave_count = 2;
    f.wave_of = wave_of;
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    is_in(&f, 0, MEMBER_REBOOT);
    is_in(&f, 1, MEMBER_PENDING);
    flow_free(&f);
}

/* What its stack codes from the text of the campaign is as good as a second device. */
static void who_can_be_told_from_the_text_decides_for_all(void **state)
{
    (void)state;
    struct profile profile = {.version = PROFILE_VERSION_BYTES};
    struct flow f;
    flow_init(&f, 2);
    f.profiles[1] = &profile;
    flow_rebuild(&f);
    f.spec.image.firmware_version = SPEC_AUTO_U32;
    f.spec.image.version = "2.0.0";
    flow_apply(&f);
    walk_all(&f, MEMBER_UPGRADE);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    is_in(&f, 0, MEMBER_UPGRADE);
    flow_uplink(&f, 1, 203, ANNOUNCES_2);
    is_in(&f, 0, MEMBER_REBOOT);
    is_in(&f, 1, MEMBER_REBOOT);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(the_first_waits_for_another_that_says_the_same),
          cmocka_unit_test(who_is_alone_does_not_wait),
          cmocka_unit_test(who_is_left_alone_goes_on),
          cmocka_unit_test(others_that_stay_silent_are_waited_for_half_the_time),
          cmocka_unit_test(of_two_that_differ_none_reboots),
          cmocka_unit_test(a_third_decides_between_two_that_differ),
          cmocka_unit_test(one_that_differs_from_two_fails_alone),
          cmocka_unit_test(two_that_lie_together_decide_nothing),
          cmocka_unit_test(more_than_those_who_differ_decide_when_nobody_is_left),
          cmocka_unit_test(one_that_went_alone_is_not_believed_against_the_next),
          cmocka_unit_test(a_restart_forgets_no_announcement),
          cmocka_unit_test(an_abort_deletes_what_was_announced),
          cmocka_unit_test(the_deadline_ends_the_wait),
          cmocka_unit_test(a_canary_waits_for_its_own_wave_only),
          cmocka_unit_test(who_can_be_told_from_the_text_decides_for_all))

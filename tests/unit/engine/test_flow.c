/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: a device's wrong, late and missing answers. */
#include <string.h>

#include "flow_steps.h"

static void the_right_answers_lead_to_success(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 2);
    for (size_t i = 0; i < 2; i++) {
        flow_walk(&f, i, MEMBER_READY);
    }
    for (size_t i = 0; i < 2; i++) {
        flow_walk(&f, i, MEMBER_SET_UP);
    }
    flow_walk(&f, 0, MEMBER_LISTENING);
    flow_walk(&f, 1, MEMBER_LISTENING);
    flow_walk(&f, 0, MEMBER_ENDED);
    flow_walk(&f, 1, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    ended(&f, 1, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(f.campaign.phase, CAMPAIGN_COMPLETED);
    assert_false(f.devices[0].packages_known); /* new firmware, perhaps new packages */
    all_is_cleaned_up(&f);
    flow_free(&f);
}

/* Every phase a member can fall silent in has an end. */
static void silence_in_any_phase_ends(void **state)
{
    (void)state;
    static const struct {
        enum member_phase phase;
        enum outcome outcome;
        enum member_reason reason;
    } rows[] = {
        {MEMBER_VERSION, OUTCOME_UNKNOWN, REASON_NO_ANSWER},
        {MEMBER_GROUP, OUTCOME_FAILED, REASON_NOT_SET_UP},
        {MEMBER_FRAG, OUTCOME_FAILED, REASON_NOT_SET_UP},
        {MEMBER_SESSION, OUTCOME_FAILED, REASON_NOT_SET_UP}, /* nothing was sent */
        {MEMBER_LISTENING, OUTCOME_UNKNOWN, REASON_NO_ANSWER},
        {MEMBER_UPGRADE, OUTCOME_UNKNOWN, REASON_SILENT},
        {MEMBER_REBOOT, OUTCOME_UNKNOWN, REASON_SILENT},
        {MEMBER_VERIFY, OUTCOME_UNKNOWN, REASON_SILENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin(&f, 1);
        test_row(member_phase_name(rows[i].phase));
        f.spec.retry.device = 1;
        flow_walk(&f, 0, rows[i].phase);
        flow_wait(&f, DAYS_US(30));
        ended(&f, 0, rows[i].outcome, rows[i].reason,
              rows[i].outcome == OUTCOME_FAILED ? FW_RESULT_CONNECTION_LOST
                                                : FW_RESULT_INITIAL);
        assert_int_equal(f.campaign.phase, CAMPAIGN_COMPLETED);
        assert_true(f.transmission.id == 0 || f.transmission.phase == TX_ENDED);
        assert_int_equal(engine_deadline(f.engine).us, INSTANT_NEVER.us);
        flow_free(&f);
    }
}

/* A device that talks but never answers: asked again on evidence, and not for ever. */
static void talk_without_answers_ends(void **state)
{
    (void)state;
    static const enum member_phase phases[] = {
        MEMBER_VERSION, MEMBER_GROUP,   MEMBER_FRAG,   MEMBER_SESSION,
        MEMBER_STATUS,  MEMBER_UPGRADE, MEMBER_REBOOT, MEMBER_VERIFY};
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct flow f;
        begin(&f, 1);
        f.hold_txack = i % 2 != 0;
        f.spec.retry.device = 1;
        test_row(member_phase_name(phases[i]));
        flow_walk(&f, 0, phases[i] == MEMBER_STATUS ? MEMBER_LISTENING : phases[i]);
        for (int k = 0; k < 288 * 9 && flow_member(&f, 0)->outcome == OUTCOME_NONE; k++) {
            flow_noise(&f, 0);
        }
        assert_int_not_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        flow_free(&f);
    }
}

static void refusals_have_their_results(void **state)
{
    (void)state;
    static const struct {
        enum member_phase phase;
        uint8_t fport;
        const char *hex;
        enum member_reason reason;
        enum fw_result result;
    } rows[] = {
        {MEMBER_GROUP, 200, "0204", REASON_GROUP_REFUSED, FW_RESULT_UNSUPPORTED_PROTOCOL},
        {MEMBER_FRAG, 201, "0202", REASON_FRAG_REFUSED, FW_RESULT_NO_FLASH},
        {MEMBER_FRAG, 201, "0208", REASON_FRAG_REFUSED, FW_RESULT_UNSUPPORTED_PACKAGE},
        {MEMBER_SESSION, 200, "0404", REASON_SESSION_REFUSED,
         FW_RESULT_UNSUPPORTED_PROTOCOL},
        {MEMBER_LISTENING, 201, "0404", REASON_MIC, FW_RESULT_INTEGRITY},
        {MEMBER_UPGRADE, 203, "0401", REASON_IMAGE_REFUSED, FW_RESULT_INTEGRITY},
        {MEMBER_UPGRADE, 203, "0402", REASON_WRONG_HARDWARE,
         FW_RESULT_UNSUPPORTED_PACKAGE},
        {MEMBER_UPGRADE, 203, "040301000000", REASON_IMAGE_REFUSED,
         FW_RESULT_UNSUPPORTED_PACKAGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin(&f, 1);
        test_row(rows[i].hex);
        flow_walk(&f, 0, rows[i].phase);
        flow_uplink(&f, 0, rows[i].fport, rows[i].hex);
        ended(&f, 0, OUTCOME_FAILED, rows[i].reason, rows[i].result);
        assert_int_equal(flow_member(&f, 0)->state, FW_IDLE);
        /* The last member is gone: so is its transmission, whatever it was doing. */
        assert_int_equal(f.campaign.phase, CAMPAIGN_COMPLETED);
        all_is_cleaned_up(&f);
        flow_free(&f);
    }
}

static void the_reboot_is_when_the_device_says(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_REBOOT);
    flow_wait(&f, HOURS_US(6)); /* it hears of it late */
    flow_uplink(&f, 0, 203, "03100e00");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERIFY);
    assert_int_equal(flow_member(&f, 0)->reboot_at.us, f.now.us + SECONDS_US(3600 - 1));
    for (int i = 0; i < 10; i++) { /* before it, the old version proves nothing */
        flow_wait(&f, MINUTES_US(5));
        flow_uplink(&f, 0, 203, "010100000001000000");
    }
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERIFY);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void the_old_version_again_and_again_is_a_failure(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_VERIFY);
    for (int i = 0; i < 20 && flow_member(&f, 0)->outcome == OUTCOME_NONE; i++) {
        flow_wait(&f, MINUTES_US(11));
        flow_uplink(&f, 0, 203, "010100000001000000");
    }
    ended(&f, 0, OUTCOME_FAILED, REASON_OLD_VERSION, FW_RESULT_UPDATE_FAILED);
    flow_free(&f);
}

static void a_reboot_that_was_never_heard_of_is_asked_for_again(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_REBOOT);
    bool again = false;
    for (int i = 0; i < 200 && flow_member(&f, 0)->outcome == OUTCOME_NONE; i++) {
        flow_noise(&f, 0);
        if (flow_member(&f, 0)->phase == MEMBER_VERIFY) {
            flow_uplink(&f, 0, 203, "010100000001000000");
            again |= flow_member(&f, 0)->phase == MEMBER_REBOOT;
        }
    }
    assert_true(again);
    ended(&f, 0, OUTCOME_FAILED, REASON_OLD_VERSION, FW_RESULT_UPDATE_FAILED);
    flow_free(&f);
}

static void silence_about_packages_is_not_remembered(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.devices[0] = (struct device_rec){.dev_eui = f.devices[0].dev_eui, .fleet_id = 1};
    flow_rebuild(&f);
    flow_apply(&f);
    for (int i = 0; i < 100 && flow_member(&f, 0)->outcome == OUTCOME_NONE; i++) {
        flow_noise(&f, 0);
    }
    ended(&f, 0, OUTCOME_FAILED, REASON_NO_PACKAGE, FW_RESULT_UNSUPPORTED_PROTOCOL);
    assert_false(f.devices[0].packages_known);
    flow_free(&f);
}

/* As often as a command is repeated at all, and then once more after a rest. */
static void answers_lost_in_a_row_are_not_yet_silence(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.devices[0] = (struct device_rec){.dev_eui = f.devices[0].dev_eui, .fleet_id = 1};
    flow_rebuild(&f);
    flow_apply(&f);
    for (int i = 0; i < 30 && flow_member(&f, 0)->phase == MEMBER_DISCOVER; i++) {
        flow_noise(&f, 0);
    }
    flow_uplink(&f, 0, 201, "000302");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_ASK_MCAST);
    size_t enough = f.send_count[0] + f.spec.retry.command;
    for (int i = 0; i < 100 && f.send_count[0] <= enough; i++) {
        flow_noise(&f, 0);
    }
    assert_int_equal(f.send_count[0], enough + 1);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_ASK_MCAST);
    flow_uplink(&f, 0, 200, "000202");
    flow_uplink(&f, 0, 203, "000401");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERSION);
    flow_free(&f);
}

static void single_package_answers_are_enough(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.devices[0] = (struct device_rec){.dev_eui = f.devices[0].dev_eui, .fleet_id = 1};
    flow_rebuild(&f);
    flow_apply(&f);
    for (int i = 0; i < 30 && flow_member(&f, 0)->phase == MEMBER_DISCOVER; i++) {
        flow_noise(&f, 0); /* no TS007 */
    }
    flow_uplink(&f, 0, 201, "000302");
    flow_uplink(&f, 0, 200, "000202");
    flow_uplink(&f, 0, 203, "000401");
    assert_true(f.devices[0].packages_known);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* Its phase is stored with each answer, and so has to be what it said. */
static void what_single_answers_said_outlives_a_restart(void **state)
{
    (void)state;
    static const struct {
        uint8_t fport;
        const char *hex;
    } answers[] = {{201, "000302"}, {200, "000202"}, {203, "000401"}};
    struct flow f;
    flow_init(&f, 1);
    f.devices[0] = (struct device_rec){.dev_eui = f.devices[0].dev_eui, .fleet_id = 1};
    flow_rebuild(&f);
    flow_apply(&f);
    for (int i = 0; i < 30 && flow_member(&f, 0)->phase == MEMBER_DISCOVER; i++) {
        flow_noise(&f, 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        flow_uplink(&f, 0, answers[i].fport, answers[i].hex);
        flow_restart(&f);
    }
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERSION);
    assert_true(f.devices[0].packages_known);
    flow_free(&f);
}

/* The first came when the second was asked for already. */
static void late_single_answers_count_too(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.devices[0] = (struct device_rec){.dev_eui = f.devices[0].dev_eui, .fleet_id = 1};
    flow_rebuild(&f);
    flow_apply(&f);
    for (int i = 0; i < 60 && flow_member(&f, 0)->phase <= MEMBER_ASK_FRAG; i++) {
        flow_noise(&f, 0);
    }
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_ASK_MCAST);
    flow_uplink(&f, 0, 201, "000302");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_ASK_MCAST);
    flow_uplink(&f, 0, 200, "000202");
    flow_uplink(&f, 0, 203, "000401");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERSION);
    flow_free(&f);
}

static void a_session_counter_behind_the_devices_jumps_ahead(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_FRAG);
    uint16_t before = flow_member(&f, 0)->session_count;
    flow_uplink(&f, 0, 201, "0210");
    assert_int_equal(flow_member(&f, 0)->session_count, before + 64);
    flow_walk(&f, 0, MEMBER_FRAG);
    for (int i = 0; i < 4; i++) {
        flow_uplink(&f, 0, 201, "0210");
    }
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_READY); /* and not for ever */
    flow_free(&f);
}

static void uplinks_told_twice_or_late_are_no_evidence(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_GROUP);
    size_t sent = f.send_count[0];
    flow_wait(&f, MINUTES_US(5));
    struct engine_event event = {.type = ENGINE_EV_UPLINK,
                                 .uplink = {.dev_eui = f.devices[0].dev_eui,
                                            .received = f.now,
                                            .payload = (const uint8_t *)"",
                                            .fport = 2}};
    flow_step(&f, &event);
    assert_int_equal(f.send_count[0], sent + 1); /* evidence */
    f.hold_txack = true;
    for (int i = 0; i < 5; i++) {
        flow_step(&f, &event); /* of QoS 1 */
    }
    event.uplink.received = utc_after(event.uplink.received, -MINUTES_US(2));
    flow_step(&f, &event); /* out of order */
    assert_int_equal(f.send_count[0], sent + 1);
    flow_free(&f);
}

static void a_known_version_is_not_installed_twice(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.spec.image.firmware_version = 1;
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_ALREADY, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void a_session_nobody_agreed_to_is_dated_again(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_SESSION);
    uint16_t session = f.transmission.session_no;
    while (f.transmission.session_no == session) {
        flow_wait(&f, MINUTES_US(1));
    }
    assert_int_equal(f.frame_count, 0);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* A device of which one uplink in so many is heard, before its campaign. */
static void begin_heard(struct flow *f, uint32_t one_in)
{
    flow_init(f, 1);
    for (int i = 0; i < 40; i++) {
        f->uplink_f_cnt += one_in;
        flow_noise(f, 0);
    }
    flow_apply(f);
}

/* Another transmission would begin with its group: so the next date is better. */
static void who_is_seldom_heard_has_more_dates(void **state)
{
    (void)state;
    static const struct {
        uint32_t one_in;
        uint16_t least; /* sessions */
        uint16_t most;
    } rows[] = {{1, 3, 3}, {2, 10, 12}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin_heard(&f, rows[i].one_in);
        flow_walk(&f, 0, MEMBER_SESSION);
        uint32_t transmission = f.transmission.id;
        uint16_t sessions = 0;
        while (flow_member(&f, 0)->transmission_id == transmission) {
            sessions = f.transmission.session_no;
            flow_wait(&f, MINUTES_US(1));
        }
        assert_in_range(sessions, rows[i].least, rows[i].most);
        assert_int_equal(f.frame_count, 0);
        flow_free(&f);
    }
}

/* It speaks, and no answer is heard: so often it is taken into a transmission again. */
static void who_is_seldom_heard_may_be_late_more_often(void **state)
{
    (void)state;
    static const struct {
        uint32_t one_in;
        uint32_t least; /* transmissions */
        uint32_t most;
    } rows[] = {{1, 3, 3}, {2, 7, 9}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin_heard(&f, rows[i].one_in);
        f.spec.retry.device = 1;
        flow_walk(&f, 0, MEMBER_GROUP);
        while (flow_member(&f, 0)->outcome == OUTCOME_NONE) {
            f.uplink_f_cnt += rows[i].one_in;
            flow_noise(&f, 0);
        }
        ended(&f, 0, OUTCOME_FAILED, REASON_NOT_SET_UP, FW_RESULT_CONNECTION_LOST);
        assert_in_range(f.transmission.id, rows[i].least, rows[i].most);
        flow_free(&f);
    }
}

/* Its answers to what it was told are lost, and the counter counts them. */
static void unheard_answers_are_no_uplinks_of_the_interval(void **state)
{
    (void)state;
    struct flow f;
    begin_heard(&f, 1);
    int64_t before_us = f.devices[0].uplink_interval_us;
    assert_in_range(before_us, MINUTES_US(5), MINUTES_US(5) + SECONDS_US(2));
    f.hold_txack = true;
    for (int i = 0; i < 60; i++) {
        f.uplink_f_cnt += 2;
        flow_noise(&f, 0);
    }
    assert_in_range(f.devices[0].uplink_interval_us, MINUTES_US(4), MINUTES_US(6));
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(who_is_seldom_heard_has_more_dates),
          cmocka_unit_test(who_is_seldom_heard_may_be_late_more_often),
          cmocka_unit_test(unheard_answers_are_no_uplinks_of_the_interval),
          cmocka_unit_test(the_right_answers_lead_to_success),
          cmocka_unit_test(silence_in_any_phase_ends),
          cmocka_unit_test(talk_without_answers_ends),
          cmocka_unit_test(refusals_have_their_results),
          cmocka_unit_test(the_reboot_is_when_the_device_says),
          cmocka_unit_test(the_old_version_again_and_again_is_a_failure),
          cmocka_unit_test(a_reboot_that_was_never_heard_of_is_asked_for_again),
          cmocka_unit_test(silence_about_packages_is_not_remembered),
          cmocka_unit_test(answers_lost_in_a_row_are_not_yet_silence),
          cmocka_unit_test(single_package_answers_are_enough),
          cmocka_unit_test(what_single_answers_said_outlives_a_restart),
          cmocka_unit_test(late_single_answers_count_too),
          cmocka_unit_test(a_session_counter_behind_the_devices_jumps_ahead),
          cmocka_unit_test(uplinks_told_twice_or_late_are_no_evidence),
          cmocka_unit_test(a_known_version_is_not_installed_twice),
          cmocka_unit_test(a_session_nobody_agreed_to_is_dated_again))

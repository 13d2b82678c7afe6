/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: devices without TS006, told to install by their vendor's
 * command and proven by what they tell. */
#include <string.h>

#include "flow_steps.h"

enum {
    VENDOR_FPORT = 10,
    RETRIES = 2,
};

static void prepare(struct flow *f)
{
    flow_init(f, 1);
    f->spec.activation.command_fport = VENDOR_FPORT;
    f->spec.activation.command_data = "AA${version_u32_le}01";
    f->spec.image.firmware_version = 0x01040300;
    f->spec.verification.require_version = true;
    f->spec.retry.command = RETRIES;
    f->devices[0].package_version[4] = 0; /* PKG_FWMGMT */
    flow_rebuild(f);
}

static void report(struct flow *f, const char *version)
{
    struct engine_event event = {.type = ENGINE_EV_REPORTED};
    event.reported.dev_eui = f->devices[0].dev_eui;
    memcpy(event.reported.firmware_version, version, strlen(version) + 1);
    flow_step(f, &event);
}

/* To the block; txacks are held back, so that it was not told yet. */
static void begin_told(struct flow *f)
{
    flow_apply(f);
    flow_walk(f, 0, MEMBER_LISTENING);
    f->hold_txack = true;
    flow_walk(f, 0, MEMBER_REBOOT);
    assert_int_equal(flow_member(f, 0)->phase, MEMBER_REBOOT);
    f->hold_txack = false;
}

static void was_told(const struct flow *f)
{
    static const uint8_t payload[] = {0xaa, 0x00, 0x03, 0x04, 0x01, 0x01};
    const struct effect *sent = &f->last_send[0];
    assert_int_equal(sent->send.fport, VENDOR_FPORT);
    assert_int_equal(sent->send.payload_len, sizeof(payload));
    assert_memory_equal(sent->send.payload, payload, sizeof(payload));
}

static void it_is_told_by_the_command_and_proven_by_what_it_tells(void **state)
{
    (void)state;
    static const char *const told[] = {"1.4.3", "0x01040300", "17040128"};
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        struct flow f;
        test_row(told[i]);
        prepare(&f);
        begin_told(&f);
        was_told(&f);
        assert_int_equal(flow_member(&f, 0)->state, FW_DOWNLOADED);
        flow_fate(&f, 0, ENGINE_FATE_SENT);
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERIFY);
        assert_int_equal(flow_member(&f, 0)->state, FW_UPDATING);
        size_t sends = f.send_count[0];
        flow_noise(&f, 0);
        flow_noise(&f, 0);
        assert_int_equal(f.send_count[0], sends); /* there is nothing to ask it */
        report(&f, told[i]);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        assert_int_equal(f.upgrade_asks, 0);
        flow_free(&f);
    }
}

static void without_a_command_it_cannot_be_updated(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    f.spec.activation.command_fport = 0;
    flow_apply(&f);
    flow_noise(&f, 0);
    assert_int_equal(flow_member(&f, 0)->reason, REASON_NO_PACKAGE);
    flow_free(&f);
}

static void who_has_ts006_is_not_told_by_it(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    f.devices[0].package_version[4] = 1;
    flow_rebuild(&f);
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_REBOOT);
    assert_int_equal(f.upgrade_asks, 1);
    assert_int_not_equal(f.last_send[0].send.fport, VENDOR_FPORT);
    flow_free(&f);
}

static void who_runs_it_or_another_than_listed_is_left_alone(void **state)
{
    (void)state;
    static const char *const listed[] = {"1.4.2"};
    static const struct {
        const char *told;
        enum outcome outcome;
        enum member_reason reason;
    } rows[] = {
        {"1.4.3", OUTCOME_SUCCEEDED, REASON_ALREADY},
        {"1.4.1", OUTCOME_SKIPPED, REASON_WAVE_VERSION},
        {"", OUTCOME_SKIPPED, REASON_WAVE_VERSION},
        {"1.4.2", OUTCOME_NONE, REASON_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].told);
        prepare(&f);
        f.spec.targets.preconditions.running_versions = (struct str_list){listed, 1};
        report(&f, rows[i].told);
        flow_apply(&f);
        flow_noise(&f, 0);
        assert_int_equal(flow_member(&f, 0)->outcome, rows[i].outcome);
        assert_int_equal(flow_member(&f, 0)->reason, rows[i].reason);
        flow_free(&f);
    }
}

static void who_stays_with_the_old_one_is_told_again_and_then_has_failed(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    report(&f, "1.4.2");
    begin_told(&f);
    flow_fate(&f, 0, ENGINE_FATE_SENT);
    report(&f, "1.4.2"); /* too early to mean anything */
    for (int told = 0; told <= RETRIES; told++) {
        flow_wait(&f, MINUTES_US(10));
        size_t sends = f.send_count[0];
        report(&f, "1.4.2");
        report(&f, "1.4.2");
        assert_int_equal(f.send_count[0], sends);
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        report(&f, "1.4.2");
    }
    ended(&f, 0, OUTCOME_FAILED, REASON_OLD_VERSION, FW_RESULT_UPDATE_FAILED);
    flow_free(&f);
}

static void who_falls_silent_is_unknown(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    begin_told(&f);
    flow_fate(&f, 0, ENGINE_FATE_SENT);
    flow_wait(&f, HOURS_US(49));
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_UNKNOWN);
    assert_int_equal(flow_member(&f, 0)->reason, REASON_SILENT);
    assert_int_equal(flow_member(&f, 0)->state, FW_UPDATING);
    flow_free(&f);
}

static void uplinks_are_proof_only_of_what_they_are_asked_for(void **state)
{
    (void)state;
    for (int version = 0; version < 2; version++) {
        struct flow f;
        prepare(&f);
        f.spec.verification.require_version = version != 0;
        f.spec.verification.require_uplinks = true;
        f.spec.verification.uplinks = 2;
        begin_told(&f);
        flow_fate(&f, 0, ENGINE_FATE_SENT);
        flow_noise(&f, 0);
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        flow_noise(&f, 0);
        flow_noise(&f, 0);
        if (version != 0) {
            assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
            report(&f, "1.4.3");
        }
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

/* What has not been sent is taken back; what was told cannot be. */
static void an_abort_ends_it_as_far_as_it_can(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool complete; /* it waits for an operator */
        bool sent;
        enum outcome outcome;
    } rows[] = {
        {"complete", true, false, OUTCOME_CANCELLED},
        {"on its way", false, false, OUTCOME_UNKNOWN},
        {"told", false, true, OUTCOME_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        prepare(&f);
        if (rows[i].complete) {
            f.spec.activation.mode = SPEC_ACTIVATE_MANUAL;
            flow_apply(&f);
            flow_walk(&f, 0, MEMBER_LISTENING);
            flow_walk(&f, 0, MEMBER_COMPLETE);
        } else {
            begin_told(&f);
        }
        if (rows[i].sent) {
            flow_fate(&f, 0, ENGINE_FATE_SENT);
        }
        flow_control(&f, ENGINE_ABORT);
        flow_wait(&f, MINUTES_US(1));
        assert_int_equal(flow_member(&f, 0)->outcome, rows[i].outcome);
        assert_int_equal(flow_member(&f, 0)->reason, REASON_ABORTED);
        flow_wait(&f, DAYS_US(2));
        assert_int_equal(f.campaign.phase, CAMPAIGN_ABORTED);
        flow_free(&f);
    }
}

static void scheduled_it_is_told_in_a_window_only(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    f.spec.activation.mode = SPEC_ACTIVATE_SCHEDULED;
    begin_told(&f);
    flow_fate(&f, 0, ENGINE_FATE_SENT); /* no windows: at once */
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERIFY);
    flow_free(&f);

    prepare(&f);
    f.spec.activation.mode = SPEC_ACTIVATE_SCHEDULED;
    begin_told(&f);
    f.hold_txack = true;
    struct calendar_span span = {utc_after(f.now, DAYS_US(3)),
                                 utc_after(f.now, DAYS_US(3) + HOURS_US(2))};
    struct engine_event event = {
        .type = ENGINE_EV_WINDOWS,
        .windows = {.campaign_id = 1, .spans = &span, .count = 1, .until = UTC_NEVER}};
    flow_step(&f, &event);
    flow_fate(&f, 0, ENGINE_FATE_EXPIRED); /* it was not heard in time */
    size_t sends = f.send_count[0];
    for (int i = 0; i < 5; i++) {
        flow_noise(&f, 0);
        flow_wait(&f, HOURS_US(12));
    }
    assert_int_equal(f.send_count[0], sends);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_REBOOT);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE); /* it is not its fault */
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(f.send_count[0], sends + 1);
    was_told(&f);
    assert_true(f.last_send[0].send.expires.us <= span.end.us);
    flow_free(&f);
}

static void it_outlives_a_restart(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    begin_told(&f);
    flow_fate(&f, 0, ENGINE_FATE_SENT);
    flow_restart(&f);
    flow_noise(&f, 0);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERIFY);
    report(&f, "1.4.3");
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(it_is_told_by_the_command_and_proven_by_what_it_tells),
          cmocka_unit_test(without_a_command_it_cannot_be_updated),
          cmocka_unit_test(who_has_ts006_is_not_told_by_it),
          cmocka_unit_test(who_runs_it_or_another_than_listed_is_left_alone),
          cmocka_unit_test(who_stays_with_the_old_one_is_told_again_and_then_has_failed),
          cmocka_unit_test(who_falls_silent_is_unknown),
          cmocka_unit_test(uplinks_are_proof_only_of_what_they_are_asked_for),
          cmocka_unit_test(an_abort_ends_it_as_far_as_it_can),
          cmocka_unit_test(scheduled_it_is_told_in_a_window_only),
          cmocka_unit_test(it_outlives_a_restart))

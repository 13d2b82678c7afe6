/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: when devices reboot, and what proves that they did. */
#include <string.h>

#include "flow_steps.h"

static void begin_scheduled(struct flow *f, const struct profile *profile)
{
    flow_init(f, 1);
    f->spec.activation.mode = SPEC_ACTIVATE_SCHEDULED;
    f->profiles[0] = profile;
    if (profile != NULL) {
        assert_int_equal(engine_set_profile(f->engine, f->devices[0].dev_eui, profile),
                         FUO_OK);
    }
    flow_apply(f);
    flow_walk(f, 0, MEMBER_UPGRADE);
}

/* One window from then on, and no other; duration 0: none at all. */
static void give_window(struct flow *f, int64_t in_us, int64_t duration_us)
{
    struct calendar_span span = {utc_after(f->now, in_us),
                                 utc_after(f->now, in_us + duration_us)};
    struct engine_event event = {
        .type = ENGINE_EV_WINDOWS,
        .windows = {.campaign_id = 1,
                    .spans = &span,
                    .count = duration_us != 0,
                    .until = UTC_NEVER},
    };
    flow_step(f, &event);
}

static uint32_t le(const struct flow *f, size_t bytes)
{
    uint32_t v = 0;
    for (size_t i = 0; i < bytes; i++) {
        v |= (uint32_t)f->last_send[0].send.payload[1 + i] << (8 * i);
    }
    return v;
}

/* Seconds from now to the RebootTime that was sent. */
static int32_t asked_in_s(const struct flow *f)
{
    assert_int_equal(f->last_send[0].send.payload_len, 5);
    assert_int_equal(f->last_send[0].send.payload[0], 0x02);
    return gps_diff_s((struct gps){le(f, 4)}, gps_from_utc(f->now));
}

/* DevRebootTimeAns. */
static void answer_in(struct flow *f, uint32_t delay_s)
{
    char hex[11];
    snprintf(hex, sizeof(hex), "02%02x%02x%02x%02x", delay_s & 0xff, delay_s >> 8 & 0xff,
             delay_s >> 16 & 0xff, delay_s >> 24);
    flow_uplink(f, 0, 203, hex);
}

static void is_in(const struct flow *f, enum fw_state state, enum fw_result result)
{
    assert_int_equal(flow_member(f, 0)->state, state);
    assert_int_equal(flow_member(f, 0)->result, result);
}

static void a_reboot_at_a_time_is_deferred_until_then(void **state)
{
    (void)state;
    struct flow f;
    begin_scheduled(&f, NULL);
    give_window(&f, HOURS_US(3), HOURS_US(1));
    flow_walk(&f, 0, MEMBER_REBOOT);
    int32_t in_s = asked_in_s(&f);
    assert_true(in_s > 2 * 3600 && in_s < 4 * 3600);
    answer_in(&f, (uint32_t)in_s);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERIFY);
    is_in(&f, FW_DOWNLOADED, FW_RESULT_DEFERRED);
    flow_wait(&f, HOURS_US(2));
    is_in(&f, FW_DOWNLOADED, FW_RESULT_DEFERRED);
    flow_wait(&f, HOURS_US(2));
    is_in(&f, FW_UPDATING, FW_RESULT_INITIAL);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void the_jitter_stays_inside_the_window(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t in_us;
        int64_t duration_us;
        int64_t jitter_us;
    } rows[] = {
        {"later", HOURS_US(2), HOURS_US(1), MINUTES_US(10)},
        {"later, more jitter than window", HOURS_US(2), HOURS_US(1), HOURS_US(20)},
        {"open", -HOURS_US(1), HOURS_US(2), HOURS_US(20)},
        {"short", HOURS_US(1), MINUTES_US(3), HOURS_US(20)},
        {"without jitter", HOURS_US(1), MINUTES_US(3), 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin_scheduled(&f, NULL);
        test_row(rows[i].name);
        f.spec.activation.jitter_us = rows[i].jitter_us;
        int64_t from_us = f.now.us + rows[i].in_us;
        give_window(&f, rows[i].in_us, rows[i].duration_us);
        flow_walk(&f, 0, MEMBER_REBOOT);
        int64_t at_us = f.now.us + SECONDS_US((int64_t)asked_in_s(&f));
        assert_true(at_us >= from_us - SECONDS_US(2));
        assert_true(at_us < from_us + rows[i].duration_us);
        assert_true(at_us > f.now.us);
        assert_true(rows[i].jitter_us != 0 || at_us <= from_us + SECONDS_US(2));
        flow_free(&f);
    }
}

static void without_windows_it_is_soon(void **state)
{
    (void)state;
    struct flow f;
    begin_scheduled(&f, NULL);
    flow_walk(&f, 0, MEMBER_REBOOT);
    int32_t in_s = asked_in_s(&f);
    assert_true(in_s > 20 && in_s <= 631);
    flow_free(&f);
}

static void nothing_is_said_before_a_window_is_known(void **state)
{
    (void)state;
    struct flow f;
    begin_scheduled(&f, NULL);
    give_window(&f, 0, 0);
    flow_walk(&f, 0, MEMBER_REBOOT);
    size_t sent = f.send_count[0];
    flow_noise(&f, 0);
    assert_int_equal(f.send_count[0], sent);
    assert_int_equal(flow_member(&f, 0)->command_id, 0);
    give_window(&f, HOURS_US(5), HOURS_US(1));
    flow_wait(&f, HOURS_US(1));
    assert_int_equal(f.send_count[0], sent + 1);
    assert_true(asked_in_s(&f) > 3 * 3600);
    flow_free(&f);
}

static void who_cannot_go_by_time_counts_down(void **state)
{
    (void)state;
    static const uint32_t answers[] = {0, 0xd1aef200, 5};
    static const struct profile unix_time = {.name = "u", .reboot = PROFILE_REBOOT_UNIX};
    for (size_t i = 0; i <= ARRAY_LEN(answers); i++) {
        struct flow f;
        begin_scheduled(&f, i == ARRAY_LEN(answers) ? &unix_time : NULL);
        give_window(&f, HOURS_US(2), HOURS_US(1));
        flow_walk(&f, 0, MEMBER_REBOOT);
        if (i < ARRAY_LEN(answers)) {
            answer_in(&f, answers[i]);
        }
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_REBOOT);
        assert_int_equal(f.last_send[0].send.payload[0], 0x03);
        uint32_t in_s = le(&f, 3);
        assert_true(in_s > 3600 && in_s < 3 * 3600);
        /* Heard later it would end behind the window. */
        assert_true(f.last_send[0].send.expires.us <= f.now.us + HOURS_US(1));
        flow_uplink(&f, 0, 203, "03201c00"); /* 7200 s */
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERIFY);
        is_in(&f, FW_DOWNLOADED, FW_RESULT_DEFERRED);
        flow_free(&f);
    }
}

static void a_time_that_has_passed_unheard_is_chosen_again(void **state)
{
    (void)state;
    struct flow f;
    begin_scheduled(&f, NULL);
    flow_walk(&f, 0, MEMBER_REBOOT);
    uint32_t first = le(&f, 4);
    flow_fate(&f, 0, ENGINE_FATE_EXPIRED);
    flow_wait(&f, HOURS_US(3));
    flow_uplink(&f, 0, 2, "00");
    assert_true(le(&f, 4) > first);
    assert_true(asked_in_s(&f) > 20);
    flow_free(&f);
}

static void an_abort_cancels_the_time(void **state)
{
    (void)state;
    struct flow f;
    begin_scheduled(&f, NULL);
    give_window(&f, HOURS_US(3), HOURS_US(1));
    flow_walk(&f, 0, MEMBER_REBOOT);
    answer_in(&f, (uint32_t)asked_in_s(&f));
    flow_control(&f, ENGINE_ABORT);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UNDO_REBOOT);
    assert_int_equal(f.last_send[0].send.payload[0], 0x02);
    assert_true(le(&f, 4) == 0xffffffff);
    answer_in(&f, 3600); /* late: of the order before */
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UNDO_REBOOT);
    answer_in(&f, 0xffffffff);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UNDO_IMAGE);
    flow_uplink(&f, 0, 203, "0500");
    ended(&f, 0, OUTCOME_CANCELLED, REASON_ABORTED, FW_RESULT_CANCELLED);
    flow_free(&f);
}

/* ---- proof ---- */

static void begin_verify(struct flow *f, bool version)
{
    flow_init(f, 1);
    f->spec.verification.require_version = version;
    f->spec.verification.require_uplinks = true;
    f->spec.verification.uplinks = 3;
    flow_apply(f);
    flow_walk(f, 0, MEMBER_VERIFY);
}

static void uplinks_after_the_reboot_are_proof(void **state)
{
    (void)state;
    struct flow f;
    begin_verify(&f, false);
    size_t sent = f.send_count[0];
    flow_uplink(&f, 0, 2, "00"); /* it has not rebooted */
    for (int i = 0; i < 2; i++) {
        flow_noise(&f, 0);
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    }
    flow_noise(&f, 0);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(f.send_count[0], sent); /* what runs was not asked */
    flow_free(&f);
}

static void both_may_be_required(void **state)
{
    (void)state;
    struct flow f;
    begin_verify(&f, true);
    flow_noise(&f, 0);
    assert_int_equal(f.last_send[0].send.payload[0], 0x01); /* DevVersionReq */
    flow_uplink(&f, 0, 203, "010200000001000000");
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    size_t sent = f.send_count[0];
    flow_noise(&f, 0);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(f.send_count[0], sent);
    flow_free(&f);
    /* Uplinks alone are not enough then. */
    begin_verify(&f, true);
    for (int i = 0; i < 6; i++) {
        flow_noise(&f, 0);
    }
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    flow_uplink(&f, 0, 203, "010200000001000000");
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void too_few_uplinks_end_unknown(void **state)
{
    (void)state;
    for (int version = 0; version < 2; version++) {
        struct flow f;
        begin_verify(&f, version != 0);
        flow_noise(&f, 0);
        if (version != 0) {
            flow_uplink(&f, 0, 203, "010200000001000000");
        }
        flow_wait(&f, DAYS_US(3));
        ended(&f, 0, OUTCOME_UNKNOWN, REASON_SILENT, FW_RESULT_INITIAL);
        is_in(&f, FW_UPDATING, FW_RESULT_INITIAL);
        flow_free(&f);
    }
}

TEST_MAIN(cmocka_unit_test(a_reboot_at_a_time_is_deferred_until_then),
          cmocka_unit_test(the_jitter_stays_inside_the_window),
          cmocka_unit_test(without_windows_it_is_soon),
          cmocka_unit_test(nothing_is_said_before_a_window_is_known),
          cmocka_unit_test(who_cannot_go_by_time_counts_down),
          cmocka_unit_test(a_time_that_has_passed_unheard_is_chosen_again),
          cmocka_unit_test(an_abort_cancels_the_time),
          cmocka_unit_test(uplinks_after_the_reboot_are_proof),
          cmocka_unit_test(both_may_be_required),
          cmocka_unit_test(too_few_uplinks_end_unknown))

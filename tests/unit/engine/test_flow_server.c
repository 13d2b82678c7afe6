/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: the server's wrong, late and missing answers. */
#include <string.h>

#include "airtime_used.h"
#include "flow_steps.h"

static void a_server_away_at_the_group_is_waited_for(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.group_err = FUO_EAGAIN;
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_KEY);
    flow_wait(&f, HOURS_US(9));
    assert_int_equal(f.campaign.phase, CAMPAIGN_RUNNING);
    f.group_err = FUO_OK;
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void a_group_that_is_refused_pauses_until_it_is_not(void **state)
{
    (void)state;
    static const int errs[] = {FUO_EPERM, FUO_EIO};
    for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
        struct flow f;
        flow_init(&f, 1);
        f.group_err = errs[i];
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_KEY);
        flow_wait(&f, HOURS_US(1));
        assert_int_equal(f.campaign.phase, CAMPAIGN_PAUSED);
        f.group_err = FUO_OK;
        flow_control(&f, ENGINE_RESUME);
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

static void a_group_that_cannot_be_deleted_is_told_and_left(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    f.close_err = FUO_EIO;
    flow_walk(&f, 0, MEMBER_ENDED);
    all_is_cleaned_up(&f);
    assert_int_equal(f.alerts, 1);
    assert_int_equal(f.close_count, 8);
    flow_free(&f);
}

static void a_group_that_is_lost_ends_the_transmission(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct flow f;
        begin_session(&f);
        if (how == 0) {
            f.frame_err = FUO_ENOENT;
        } else if (how == 1) {
            f.queue_err = FUO_ENOENT;
            f.queued = 4;
        } else { /* its counter went back: an FCnt would be used twice */
            f.frame_err = FUO_ETIMEDOUT;
            f.f_cnt = 0;
        }
        flow_wait(&f, MINUTES_US(10));
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_READY);
        assert_int_equal(f.transmission.phase, TX_ENDED);
        assert_int_equal(f.dropped_keys, 1);
        assert_int_equal(f.alerts, 1);
        flow_free(&f);
    }
}

static void an_answer_told_twice_moves_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_session(&f);
    f.hold_frame = true;
    flow_wait(&f, SECONDS_US(101));
    uint16_t next = f.transmission.next_n;
    assert_true(f.transmission.pending);
    struct engine_event event = {
        .type = ENGINE_EV_MC_RESULT,
        .mc_result = {.transmission_id = 1, .f_cnt = f.f_cnt - 1}};
    flow_step(&f, &event);
    assert_int_equal(f.transmission.next_n, next);
    struct engine_event queue = {.type = ENGINE_EV_MC_QUEUE,
                                 .mc_queue = {.transmission_id = 1, .f_cnt = f.f_cnt}};
    flow_step(&f, &queue); /* nobody asked */
    assert_true(f.transmission.pending);
    event.mc_result.f_cnt = f.f_cnt++;
    flow_step(&f, &event);
    assert_int_equal(f.transmission.next_n, next + 1);
    flow_free(&f);
}

static void an_answer_that_never_comes_is_asked_for(void **state)
{
    (void)state;
    struct flow f;
    begin_session(&f);
    f.hold_frame = true;
    flow_wait(&f, SECONDS_US(101));
    size_t polls = f.poll_count;
    uint16_t next = f.transmission.next_n;
    f.f_cnt++; /* the server took it */
    f.hold_frame = false;
    flow_wait(&f, MINUTES_US(6));
    assert_true(f.poll_count > polls);
    assert_true(f.transmission.next_n > next);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void fragments_that_are_refused_pause_the_campaign(void **state)
{
    (void)state;
    struct flow f;
    begin_session(&f);
    int64_t airtime_us = f.campaign.airtime_us;
    f.frame_err = FUO_EINVAL;
    flow_wait(&f, MINUTES_US(20));
    assert_int_equal(f.campaign.phase, CAMPAIGN_PAUSED);
    assert_int_equal(f.campaign.airtime_us, airtime_us); /* nothing was on air */
    flow_free(&f);
}

static void a_server_that_is_away_for_good_is_not_listened_to_for_good(void **state)
{
    (void)state;
    struct flow f;
    begin_session(&f);
    f.frame_err = FUO_EAGAIN;
    for (int i = 0; i < 288 * 4 && f.transmission.phase < TX_DRAIN; i++) {
        flow_wait(&f, MINUTES_US(5));
        if (flow_member(&f, 0)->phase == MEMBER_SESSION) {
            flow_walk(&f, 0, MEMBER_LISTENING);
        }
    }
    assert_true(f.transmission.phase >= TX_DRAIN);
    assert_true(f.transmission.session_no <= 4);
    flow_free(&f);
}

static void rows_that_never_leave_are_dropped_in_the_end(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    f.queued = 2;
    flow_walk(&f, 0, MEMBER_ENDED);
    all_is_cleaned_up(&f);
    flow_free(&f);
}

/* The session ends days later than was thought: so long the queue is looked at. */
static void a_queue_that_never_drains_is_looked_at_ever_more_seldom(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.spec.radio.spacing_us = MILLIS_US(350);
    flow_apply(&f);
    f.queued = 100;
    flow_walk(&f, 0, MEMBER_LISTENING);
    while (f.frame_count < 4) {
        flow_wait(&f, MILLIS_US(100));
    }
    assert_int_equal(f.transmission.phase, TX_SENDING);
    f.now = utc_after(f.now, -DAYS_US(7));
    struct engine_event event = {.type = ENGINE_EV_CLOCK_STEP,
                                 .step = {.delta_us = -DAYS_US(7)}};
    flow_step(&f, &event);
    flow_wait(&f, MINUTES_US(1));
    size_t polls = f.poll_count;
    assert_in_range(polls, 10, 60); /* a queue that is only slow is seen to move */
    flow_wait(&f, DAYS_US(2));
    assert_int_equal(f.transmission.phase, TX_SENDING);
    assert_in_range(f.poll_count - polls, 2 * 24 * 60 - 60, 2 * 24 * 60 + 60);
    f.queued = 0;
    size_t frames = f.frame_count;
    flow_wait(&f, MINUTES_US(2));
    assert_in_range(f.frame_count - frames, 5, 1000); /* and then it goes on */
    flow_free(&f);
}

static void a_queue_that_cannot_be_looked_at_is_told_and_left(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    f.queue_err = FUO_EIO;
    flow_walk(&f, 0, MEMBER_ENDED);
    all_is_cleaned_up(&f);
    assert_int_equal(f.alerts, 1);
    assert_int_equal(f.close_count, 1);
    flow_free(&f);
}

static void keys_and_mics_that_fail(void **state)
{
    (void)state;
    static const struct {
        int wrap_err;
        int mic_err;
    } rows[] = {{FUO_ENOENT, 0}, {0, FUO_ENOENT}, {FUO_EIO, 0}, {0, FUO_EIO}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin(&f, 1);
        f.wrap_err = rows[i].wrap_err;
        f.mic_err = rows[i].mic_err;
        bool for_good = rows[i].wrap_err + rows[i].mic_err == FUO_ENOENT;
        flow_walk(&f, 0, MEMBER_GROUP);
        flow_uplink(&f, 0, 200, "0200");
        flow_wait(&f, MINUTES_US(3));
        if (for_good) {
            ended(&f, 0, OUTCOME_FAILED, REASON_NO_KEY, FW_RESULT_UNSUPPORTED_PROTOCOL);
        } else {
            f.wrap_err = 0;
            f.mic_err = 0;
            flow_wait(&f, MINUTES_US(3));
            flow_walk(&f, 0, MEMBER_ENDED);
            ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        }
        flow_free(&f);
    }
}

static void a_command_the_server_does_not_take_is_handed_over_again(void **state)
{
    (void)state;
    static const int errs[] = {FUO_EAGAIN, FUO_EINVAL, FUO_ETIMEDOUT};
    for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
        struct flow f;
        begin(&f, 1);
        f.hold_txack = true;
        flow_walk(&f, 0, MEMBER_GROUP);
        size_t sent = f.send_count[0];
        struct engine_event event = {.type = ENGINE_EV_SEND_RESULT,
                                     .send_result = {.id = f.last_send[0].send.id,
                                                     .dev_eui = f.devices[0].dev_eui,
                                                     .err = errs[i]}};
        flow_step(&f, &event);
        flow_step(&f, &event);
        flow_wait(&f, SECONDS_US(40));
        assert_int_equal(f.send_count[0], sent + (errs[i] != FUO_ETIMEDOUT));
        assert_true(flow_member(&f, 0)->tries <= 2);
        flow_free(&f);
    }
}

/* It has left a transmission; whether the server dropped what it had for it, nobody knows. */
static void a_command_of_before_is_dropped_after_a_restart(void **state)
{
    (void)state;
    static const struct {
        enum member_phase phase;
        uint8_t late;
        uint8_t transmissions;
        size_t flushes;
    } rows[] = {
        {MEMBER_READY, 0, 0, 0}, {MEMBER_READY, 1, 0, 1}, {MEMBER_READY, 0, 1, 1},
        {MEMBER_KEY, 0, 1, 0},   {MEMBER_KEY, 1, 1, 1},   {MEMBER_KEY, 0, 2, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        flow_init(&f, 1);
        f.group_err = FUO_EAGAIN; /* it stays where it is */
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_KEY);
        f.members[0].phase = rows[i].phase;
        f.members[0].late = rows[i].late;
        f.members[0].transmissions = rows[i].transmissions;
        f.flushes = 0;
        flow_restart(&f);
        assert_int_equal(f.flushes, rows[i].flushes);
        flow_free(&f);
    }
}

/* The answer to what it was told in a transmission that it has left comes late; that it may
 * still come is known after a restart, too, until the server has sent something newer. */
static void an_answer_of_before_is_none_of_now_after_a_restart(void **state)
{
    (void)state;
    static const bool rows[] = {false, true};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin(&f, 1);
        f.hold_txack = true;
        flow_walk(&f, 0, MEMBER_GROUP);
        flow_control(&f, ENGINE_ABORT);
        flow_wait(&f, HOURS_US(1));
        ended(&f, 0, OUTCOME_CANCELLED, REASON_ABORTED, FW_RESULT_CANCELLED);
        assert_true(f.devices[0].told_before);
        f.campaign_id++;
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_GROUP);
        if (rows[i]) {
            flow_restart(&f);
        }
        flow_answer(&f, 0);
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
        flow_fate(&f, 0, ENGINE_FATE_SENT);
        assert_false(f.devices[0].told_before);
        flow_answer(&f, 0);
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_FRAG);
        flow_free(&f);
    }
}

static void fates_of_commands(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    f.hold_txack = true;
    flow_walk(&f, 0, MEMBER_GROUP);
    size_t sent = f.send_count[0];
    flow_fate(&f, 0, ENGINE_FATE_EXPIRED);
    flow_fate(&f, 0, ENGINE_FATE_SENT); /* late, of one that is none any more */
    assert_false(flow_member(&f, 0)->command_sent);
    flow_noise(&f, 0);
    assert_int_equal(f.send_count[0], sent + 1); /* when it speaks */
    flow_fate(&f, 0, ENGINE_FATE_REFUSED);
    flow_wait(&f, SECONDS_US(40));
    assert_int_equal(f.send_count[0], sent + 2);
    f.hold_txack = false;
    flow_walk(&f, 0, MEMBER_VERIFY);
    flow_wait(&f, MINUTES_US(12));
    sent = f.send_count[0];
    flow_fate(&f, 0, ENGINE_FATE_EXPIRED);
    flow_wait(&f, SECONDS_US(40));
    assert_int_equal(f.send_count[0], sent + 1); /* the proof is asked for at once */
    flow_free(&f);
}

static void charges_from_the_future_count_as_of_now(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    struct charge_rec charge = {.gateway = f.gateways[0],
                                .frequency_hz = 869525000,
                                .at = utc_after(f.now, DAYS_US(30)),
                                .airtime_us = SECONDS_US(30)};
    assert_int_equal(engine_restore_charge(f.engine, &charge), FUO_OK);
    engine_resume(f.engine, (struct instant){f.now.us}, f.now, &f.effects);
    assert_int_equal(airtime_used_us(f.engine, f.gateways[0], 869525000, f.now),
                     SECONDS_US(30));
    charge.frequency_hz = 1;
    assert_int_equal(engine_restore_charge(f.engine, &charge), FUO_ENOENT);
    flow_free(&f);
}

/* Sums with what a server tells do not run over, and so begin again at 0. */
static void a_counter_beyond_all_is_the_end_of_the_key(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    assert_int_equal(f.frame_count, 0);
    f.f_cnt = UINT32_MAX;
    flow_wait(&f, HOURS_US(1));
    assert_int_equal(f.frame_count, 1);
    assert_int_equal(f.lane.f_cnt_base, RECORD_F_CNT_MAX);
    flow_free(&f);
}

static void no_gateway_known_pauses(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.spec.radio.gateways.count = 0;
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_READY);
    flow_wait(&f, HOURS_US(1));
    assert_int_equal(f.campaign.phase, CAMPAIGN_PAUSED);
    assert_int_equal(flow_member(&f, 0)->transmissions, 0);
    f.spec.radio.gateways.count = 1;
    flow_control(&f, ENGINE_RESUME);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void a_clock_set_back_dates_the_session_again(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    assert_int_equal(f.transmission.phase, TX_LEAD);
    struct utc start = f.transmission.session_start;
    f.now = utc_after(f.now, -DAYS_US(2));
    struct engine_event event = {.type = ENGINE_EV_CLOCK_STEP,
                                 .step = {.delta_us = -DAYS_US(2)}};
    flow_step(&f, &event);
    flow_wait(&f, SECONDS_US(1));
    assert_true(f.transmission.session_start.us < start.us);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_SESSION);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* A campaign is aborted while the server still has its McGroupSetupReq, and the order to
 * drop that is lost; the next campaign has come to the same phase. */
static void begin_after_a_lost_flush(struct flow *f, enum member_phase phase)
{
    begin(f, 1);
    f->hold_txack = true;
    flow_walk(f, 0, phase);
    assert_true(f->last_send[0].send.payload_len > 0);
    size_t flushes = f->flushes;
    flow_control(f, ENGINE_ABORT);
    assert_true(f->flushes > flushes);
    flow_wait(f, DAYS_US(1));
    f->campaign_id++;
    f->image[0] ^= 0xff;
    flow_apply(f);
    flow_walk(f, 0, MEMBER_GROUP);
    assert_int_equal(flow_member(f, 0)->phase, MEMBER_GROUP);
    assert_false(flow_member(f, 0)->command_sent);
}

static void a_late_answer_is_not_taken_for_one_of_the_next_transmission(void **state)
{
    (void)state;
    static const char *const late[] = {"0200", "0204"}; /* done; no such group */
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        struct flow f;
        test_row(late[i]);
        begin_after_a_lost_flush(&f, MEMBER_GROUP);
        flow_uplink(&f, 0, 200, late[i]);
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        flow_fate(&f, 0, ENGINE_FATE_SENT);
        flow_answer(&f, 0);
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_FRAG);
        f.hold_txack = false;
        flow_fate(&f, 0, ENGINE_FATE_SENT);
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

/* The word that it was sent is lost, too: it is asked again, and then believed. */
static void a_server_that_never_says_sent_is_waited_for_in_vain_once(void **state)
{
    (void)state;
    struct flow f;
    begin_after_a_lost_flush(&f, MEMBER_GROUP);
    flow_answer(&f, 0);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
    size_t setups = f.group_setups;
    for (size_t i = 0; i < 3 && f.group_setups == setups; i++) {
        flow_noise(&f, 0);
    }
    assert_int_equal(f.group_setups, setups + 1);
    flow_answer(&f, 0);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_FRAG);
    flow_answer(&f, 0);
    assert_true(flow_member(&f, 0)->phase > MEMBER_FRAG);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(a_server_away_at_the_group_is_waited_for),
          cmocka_unit_test(a_group_that_is_refused_pauses_until_it_is_not),
          cmocka_unit_test(a_group_that_cannot_be_deleted_is_told_and_left),
          cmocka_unit_test(a_group_that_is_lost_ends_the_transmission),
          cmocka_unit_test(an_answer_told_twice_moves_nothing),
          cmocka_unit_test(an_answer_that_never_comes_is_asked_for),
          cmocka_unit_test(fragments_that_are_refused_pause_the_campaign),
          cmocka_unit_test(a_server_that_is_away_for_good_is_not_listened_to_for_good),
          cmocka_unit_test(rows_that_never_leave_are_dropped_in_the_end),
          cmocka_unit_test(a_queue_that_never_drains_is_looked_at_ever_more_seldom),
          cmocka_unit_test(a_queue_that_cannot_be_looked_at_is_told_and_left),
          cmocka_unit_test(keys_and_mics_that_fail),
          cmocka_unit_test(a_command_the_server_does_not_take_is_handed_over_again),
          cmocka_unit_test(a_command_of_before_is_dropped_after_a_restart),
          cmocka_unit_test(an_answer_of_before_is_none_of_now_after_a_restart),
          cmocka_unit_test(fates_of_commands),
          cmocka_unit_test(charges_from_the_future_count_as_of_now),
          cmocka_unit_test(a_counter_beyond_all_is_the_end_of_the_key),
          cmocka_unit_test(no_gateway_known_pauses),
          cmocka_unit_test(a_clock_set_back_dates_the_session_again),
          cmocka_unit_test(a_late_answer_is_not_taken_for_one_of_the_next_transmission),
          cmocka_unit_test(a_server_that_never_says_sent_is_waited_for_in_vain_once))

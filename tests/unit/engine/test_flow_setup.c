/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: in which order members are set up, in how many messages. */
#include "flow_steps.h"

#include "profile/shipped.h"

enum { GROUP_BYTES = 30, SESSION_BYTES = 11 };

static void begin_as(struct flow *f, size_t devices, const struct profile *profile)
{
    flow_init(f, devices);
    for (size_t i = 0; i < devices; i++) {
        f->profiles[i] = profile;
    }
    flow_rebuild(f);
    flow_apply(f);
}

static void begin_with(struct flow *f, size_t devices, const char *profile)
{
    begin_as(f, devices, profile_shipped(profile));
}

/* Time for a frame or two before the next uplink. */
static void begin_slowly(struct flow *f, size_t devices)
{
    flow_init(f, devices);
    for (size_t i = 0; i < devices; i++) {
        f->profiles[i] = profile_shipped("lbm-v2");
    }
    flow_rebuild(f);
    f->spec.radio.spacing_us = SECONDS_US(100);
    flow_apply(f);
}

static const struct effect *sent(const struct flow *f, size_t device)
{
    return &f->last_send[device];
}

static void was_sent(const struct flow *f, size_t device, uint8_t fport, size_t len)
{
    assert_int_equal(sent(f, device)->send.fport, fport);
    assert_int_equal(sent(f, device)->send.payload_len, len);
}

/* Its answer to a session, behind whatever is given. */
static void agree(struct flow *f, size_t device, const char *before)
{
    char hex[32];
    uint32_t left_s =
        (uint32_t)((f->transmission.session_start.us - f->now.us) / SECONDS_US(1));
    snprintf(hex, sizeof(hex), "%s0400%02x%02x%02x", before, left_s & 0xff,
             left_s >> 8 & 0xff, left_s >> 16 & 0xff);
    flow_uplink(f, device, 200, hex);
}

/* Until its set-up is at this phase; the order of phases is not that of their numbers. */
static void answer_until(struct flow *f, enum member_phase phase)
{
    for (int i = 0; i < 20 && flow_member(f, 0)->phase != phase; i++) {
        flow_answer(f, 0);
        flow_wait(f, SECONDS_US(20));
    }
    assert_int_equal(flow_member(f, 0)->phase, phase);
}

static void group_and_date_go_in_one_message(void **state)
{
    (void)state;
    static const char *const profiles[] = {"st-v2", "lbm-v2"};
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct flow f;
        test_row(profiles[i]);
        begin_with(&f, 1, profiles[i]);
        answer_until(&f, MEMBER_FRAG);
        was_sent(&f, 0, 201, 17);
        flow_answer(&f, 0);
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
        was_sent(&f, 0, 200, GROUP_BYTES + SESSION_BYTES);
        assert_int_equal(sent(&f, 0)->send.payload[0], 0x02);
        assert_int_equal(sent(&f, 0)->send.payload[GROUP_BYTES], 0x04);
        size_t count = f.send_count[0];
        agree(&f, 0, "0200");
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
        assert_int_equal(f.send_count[0], count);
        flow_walk(&f, 0, MEMBER_ENDED);
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(f.group_setups, 1);
        assert_int_equal(f.frag_setups, 1);
        flow_free(&f);
    }
}

static void who_answers_one_of_two_is_asked_for_the_other(void **state)
{
    (void)state;
    struct flow f;
    begin_with(&f, 1, "lbm-v2");
    answer_until(&f, MEMBER_GROUP);
    flow_uplink(&f, 0, 200, "0200");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_SESSION);
    was_sent(&f, 0, 200, SESSION_BYTES);
    agree(&f, 0, "");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
    assert_int_equal(f.group_setups, 1);
    flow_free(&f);
}

static void the_group_goes_first_where_a_message_has_one_command(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct profile profile;
    } rows[] = {
        {"nobody knows its stack", {.commands = PROFILE_COMMANDS_MANY}},
        {"no second command is read",
         {.layout = PROFILE_LAYOUT_SPEC, .commands = PROFILE_COMMANDS_ONE}},
        {"no room for both answers", {.layout = PROFILE_LAYOUT_SPEC, .answer_max = 6}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_as(&f, 1, &rows[i].profile);
        answer_until(&f, MEMBER_GROUP);
        was_sent(&f, 0, 200, GROUP_BYTES);
        assert_int_equal(f.frag_setups, 0);
        flow_walk(&f, 0, MEMBER_ENDED);
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_SUCCEEDED);
        flow_free(&f);
    }
}

static void a_restart_at_any_step_costs_a_command_at_most(void **state)
{
    (void)state;
    static const enum member_phase phases[] = {MEMBER_FRAG, MEMBER_GROUP, MEMBER_SESSION,
                                               MEMBER_LISTENING};
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct flow f;
        test_row(member_phase_name(phases[i]));
        begin_with(&f, 1, "lbm-v2");
        answer_until(&f, phases[i]);
        flow_restart(&f);
        flow_walk(&f, 0, MEMBER_ENDED);
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_SUCCEEDED);
        assert_true(f.group_setups + f.frag_setups <= 4);
        flow_free(&f);
    }
}

/* The session begins, and nobody knows whether it has agreed: it may have. */
static void who_was_told_both_and_is_silent_may_listen(void **state)
{
    (void)state;
    struct flow f;
    begin_with(&f, 2, "lbm-v2");
    answer_until(&f, MEMBER_GROUP);
    flow_walk(&f, 1, MEMBER_LISTENING);
    flow_fate(&f, 0, ENGINE_FATE_SENT);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
    flow_wait(&f, f.transmission.session_start.us - f.now.us + MINUTES_US(1));
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_STATUS); /* it is asked */
    assert_int_equal(flow_member(&f, 0)->transmission_id, f.transmission.id);
    assert_int_equal(f.group_setups, 2);
    flow_free(&f);
}

/* It joined anew between its decoder and its group: it is told its decoder again. */
static void who_joins_anew_is_told_its_decoder_again(void **state)
{
    (void)state;
    struct flow f;
    begin_with(&f, 1, "lbm-v2");
    answer_until(&f, MEMBER_FRAG);
    f.uplink_f_cnt = 7;
    flow_noise(&f, 0);
    flow_answer(&f, 0);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
    size_t before = f.frag_setups;
    f.uplink_f_cnt = 0;
    flow_noise(&f, 0);
    flow_answer(&f, 0);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_FRAG);
    assert_int_equal(f.frag_setups, before + 1);
    flow_free(&f);
}

/* ---- what goes wrong ---- */

static void wait_for_date(struct flow *f)
{
    flow_wait(f, f->transmission.session_start.us - f->now.us + MINUTES_US(1));
}

/* Its member in campaign 1 has ended, the other one goes on being sent to. */
static void begin_next_campaign(struct flow *f)
{
    assert_int_equal(f->transmission.phase, TX_SENDING);
    flow_uplink(f, 0, 201, "0404"); /* MICError */
    assert_int_equal(flow_member(f, 0)->phase, MEMBER_ENDED);
    f->campaign_id = 2;
    f->device_count = 1;
    f->image[0] ^= 0xff;
    flow_apply(f);
}

/* Else its new decoder would be given fragments of the other image. */
static void the_group_goes_first_where_another_campaign_still_sends(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool answered;
    } rows[] = {{"it said that it agreed", true}, {"that was lost", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_slowly(&f, 2);
        if (rows[i].answered) {
            flow_walk(&f, 0, MEMBER_LISTENING);
        } else {
            answer_until(&f, MEMBER_GROUP);
        }
        flow_walk(&f, 1, MEMBER_LISTENING);
        for (int s = 0; s < 20000 && f.frame_count < 2; s++) {
            flow_wait(&f, SECONDS_US(1));
        }
        begin_next_campaign(&f);
        size_t frags = f.frag_setups;
        answer_until(&f, MEMBER_GROUP);
        assert_int_equal(f.frag_setups, frags);
        was_sent(&f, 0, 200, GROUP_BYTES);
        flow_free(&f);
    }
}

/* Told, its answer lost, told again: what the server did not send changes nothing. */
static void who_was_told_once_may_listen(void **state)
{
    (void)state;
    struct flow f;
    begin_with(&f, 2, "lbm-v2");
    answer_until(&f, MEMBER_GROUP);
    flow_walk(&f, 1, MEMBER_LISTENING);
    f.hold_txack = true;
    size_t count = f.send_count[0];
    flow_wait(&f, MINUTES_US(1));
    flow_uplink(&f, 0, 2, "00");
    assert_int_equal(f.send_count[0], count + 1);
    flow_wait(&f, sent(&f, 0)->send.expires.us - f.now.us);
    flow_fate(&f, 0, ENGINE_FATE_EXPIRED);
    wait_for_date(&f);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_STATUS);
    assert_int_equal(flow_member(&f, 0)->transmission_id, f.transmission.id);
    flow_free(&f);
}

static void who_was_never_told_is_late(void **state)
{
    (void)state;
    struct flow f;
    begin_with(&f, 2, "lbm-v2");
    answer_until(&f, MEMBER_FRAG);
    f.hold_txack = true;
    flow_answer(&f, 0);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
    f.hold_txack = false;
    flow_walk(&f, 1, MEMBER_LISTENING);
    f.hold_txack = true;
    for (int i = 0; i < 2; i++) {
        flow_fate(&f, 0, ENGINE_FATE_REFUSED);
        flow_wait(&f, MINUTES_US(1));
    }
    wait_for_date(&f);
    assert_true(flow_member(&f, 0)->phase < MEMBER_LISTENING);
    flow_free(&f);
}

/* Its profile says many, and it drops them, or something on the way does. */
static void who_never_answers_two_is_told_one_by_one(void **state)
{
    (void)state;
    struct flow f;
    begin_with(&f, 1, "lbm-v2");
    size_t both = 0;
    size_t seen = 0;
    for (int i = 0; i < 3000 && flow_member(&f, 0)->phase != MEMBER_ENDED; i++) {
        bool two = sent(&f, 0)->send.payload_len == GROUP_BYTES + SESSION_BYTES;
        bool deaf = two && flow_member(&f, 0)->phase >= MEMBER_LISTENING;
        if (two && f.send_count[0] != seen) {
            both++;
            seen = f.send_count[0];
        }
        if ((two && flow_member(&f, 0)->phase == MEMBER_GROUP) || deaf) {
            flow_noise(&f, 0);
        } else {
            flow_answer(&f, 0);
            flow_wait(&f, SECONDS_US(20));
        }
    }
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_SUCCEEDED);
    assert_true(both <= 8);
    flow_free(&f);
}

static void a_pause_forgets_no_decoder(void **state)
{
    (void)state;
    struct flow f;
    begin_with(&f, 1, "lbm-v2");
    answer_until(&f, MEMBER_GROUP);
    size_t frags = f.frag_setups;
    flow_control(&f, ENGINE_PAUSE);
    flow_wait(&f, SECONDS_US(1));
    flow_control(&f, ENGINE_RESUME);
    flow_wait(&f, SECONDS_US(1));
    agree(&f, 0, "0200");
    assert_int_equal(f.frag_setups, frags);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
    flow_free(&f);
}

/* It has a group, as far as we know, and takes no decoder for it. */
static void who_refuses_a_decoder_for_its_group_is_told_that_first(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.config.groups_max = 4;
    f.profiles[0] = profile_shipped("lbm-v2");
    flow_rebuild(&f);
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_ENDED);
    flow_wait(&f, DAYS_US(1));
    f.campaign_id = 2;
    f.image[0] ^= 0xff;
    flow_apply(&f);
    answer_until(&f, MEMBER_FRAG);
    assert_true(flow_member(&f, 0)->kept);
    flow_uplink(&f, 0, 201, "0208");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
    flow_free(&f);
}

/* Three, if it is asked, or has not said so yet. */
static void say_missing(struct flow *f, size_t device)
{
    const struct member_rec *m = flow_member(f, device);
    unsigned n = f->transmission.next_n - 4u;
    char hex[16];
    snprintf(hex, sizeof(hex), "0100%02x%02x03", n & 0xff, n >> 8);
    if (m->phase == MEMBER_STATUS || m->missing == UINT16_MAX) {
        flow_uplink(f, device, 201, hex);
    }
}

/* Until another session is dated. */
static void miss_some(struct flow *f)
{
    uint16_t session = f->transmission.session_no;
    for (int i = 0; i < 20000 && f->transmission.session_no == session; i++) {
        flow_wait(f, SECONDS_US(1));
        if (f->transmission.phase >= TX_POLL) {
            say_missing(f, 0);
            say_missing(f, 1);
        }
    }
    assert_int_equal(f->transmission.session_no, session + 1);
}

/* Silent at its first session, it has listened all the same; told its group for another one,
 * it stays, and its block counts. */
static void who_may_have_fragments_stays_and_is_believed(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    f.profiles[0] = profile_shipped("lbm-v2");
    f.profiles[1] = f.profiles[0];
    flow_rebuild(&f);
    f.spec.fragmentation.repair_rounds = 0;
    f.spec.fragmentation.size_bytes = 6;
    f.spec.radio.spacing_us = SECONDS_US(10);
    flow_apply(&f);
    answer_until(&f, MEMBER_GROUP);
    flow_walk(&f, 1, MEMBER_LISTENING);
    wait_for_date(&f);
    f.hold_txack = true;
    miss_some(&f);
    flow_wait(&f, SECONDS_US(2));
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
    flow_answer(&f, 1);
    wait_for_date(&f);
    assert_true(flow_member(&f, 0)->phase >= MEMBER_LISTENING);
    flow_uplink(&f, 0, 201, "0400");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UPGRADE);
    flow_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_and_date_go_in_one_message),
        cmocka_unit_test(who_answers_one_of_two_is_asked_for_the_other),
        cmocka_unit_test(the_group_goes_first_where_a_message_has_one_command),
        cmocka_unit_test(a_restart_at_any_step_costs_a_command_at_most),
        cmocka_unit_test(who_was_told_both_and_is_silent_may_listen),
        cmocka_unit_test(who_joins_anew_is_told_its_decoder_again),
        cmocka_unit_test(the_group_goes_first_where_another_campaign_still_sends),
        cmocka_unit_test(who_was_told_once_may_listen),
        cmocka_unit_test(who_was_never_told_is_late),
        cmocka_unit_test(who_never_answers_two_is_told_one_by_one),
        cmocka_unit_test(a_pause_forgets_no_decoder),
        cmocka_unit_test(who_refuses_a_decoder_for_its_group_is_told_that_first),
        cmocka_unit_test(who_may_have_fragments_stays_and_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

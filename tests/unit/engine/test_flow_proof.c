/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: stacks of TS004 v1, which do not say whether they have it. */
#include "flow_steps.h"

#include <stdio.h>

enum {
    UPLINKS_MAX = 3000, /* ten days of them */
    ASKS_MAX = 60,      /* in all the transmissions that it is in */
};

/* All of them in one session. */
static void listen_all(struct flow *f, size_t devices)
{
    flow_apply(f);
    for (size_t i = 0; i < devices; i++) {
        flow_walk(f, i, MEMBER_SESSION);
    }
    for (size_t i = 0; i < devices; i++) {
        flow_walk(f, i, MEMBER_LISTENING);
    }
}

static void begin_as_v1(struct flow *f, size_t devices)
{
    for (size_t i = 0; i < FLOW_DEVICES; i++) {
        f->devices[i].package_version[3] = 1;
    }
    flow_rebuild(f);
    listen_all(f, devices);
}

static void begin_v1(struct flow *f, size_t devices)
{
    flow_init(f, devices);
    begin_as_v1(f, devices);
}

/* FragSessionStatusAns. */
static void tell(struct flow *f, size_t device, uint32_t received, uint32_t missing)
{
    char hex[16];
    snprintf(hex, sizeof(hex), "01%02x%02x%02x00", received & 0xff, received >> 8,
             missing);
    flow_uplink(f, device, 201, hex);
}

/* A device that never has the image, and never says that anything is missing. */
struct hopeless {
    const char *name;
    bool says_all_there;
    bool unasked; /* with each uplink, not only when it is asked */
    bool says_no_image;
    size_t restart_every; /* uplinks */
    enum outcome outcome;
};

static void speak(struct flow *f, const struct hopeless *h)
{
    enum member_phase phase = flow_member(f, 0)->phase;
    flow_wait(f, MINUTES_US(5));
    if (phase >= MEMBER_READY && phase < MEMBER_LISTENING) {
        flow_walk(f, 0, MEMBER_LISTENING); /* into the next session */
    } else if (phase == MEMBER_UPGRADE && h->says_no_image) {
        flow_uplink(f, 0, 203, "0400");
    } else if (h->says_all_there && (phase == MEMBER_STATUS || h->unasked)) {
        tell(f, 0, 12, 0);
    } else {
        flow_uplink(f, 0, 2, "00");
    }
}

/* What it was asked when something new had been sent to it last. */
struct asked {
    uint16_t next_n;
    size_t upgrades;
    size_t statuses;
};

static void check_questions(const struct flow *f, const struct hopeless *h,
                            struct asked *since)
{
    if (f->transmission.next_n != since->next_n) {
        *since = (struct asked){f->transmission.next_n, f->upgrade_asks, f->status_asks};
    }
    if (h->says_no_image && h->restart_every == 0) {
        assert_true(f->upgrade_asks - since->upgrades <= 1); /* no news, no question */
    }
    assert_true(f->status_asks - since->statuses <= 5);
}

/* Through all of its transmissions. */
static void play(struct flow *f, const struct hopeless *h)
{
    struct asked since = {0};
    for (size_t k = 1; flow_member(f, 0)->phase != MEMBER_ENDED; k++) {
        assert_true(k < UPLINKS_MAX);
        speak(f, h);
        if (h->restart_every != 0 && k % h->restart_every == 0) {
            flow_restart(f);
        }
        check_questions(f, h, &since);
    }
    assert_int_equal(flow_member(f, 0)->outcome, h->outcome);
    assert_true(f->upgrade_asks + f->status_asks <= ASKS_MAX);
}

static void who_never_has_the_image_is_asked_so_often_and_no_more(void **state)
{
    (void)state;
    static const struct hopeless rows[] = {
        {"says no", true, false, true, 0, OUTCOME_FAILED},
        {"says no, and tells unasked", true, true, true, 0, OUTCOME_FAILED},
        {"says no, and nothing else", false, false, true, 0, OUTCOME_UNKNOWN},
        {"is silent about its image", true, true, false, 0, OUTCOME_UNKNOWN},
        {"is silent", false, false, false, 0, OUTCOME_UNKNOWN},
        {"says no over restarts", true, true, true, 3, OUTCOME_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_v1(&f, 1);
        play(&f, &rows[i]);
        flow_wait(&f, DAYS_US(1));
        assert_int_equal(f.transmission.phase, TX_ENDED);
        assert_int_equal(engine_deadline(f.engine).us, INSTANT_NEVER.us);
        flow_free(&f);
    }
}

/* 12 fragments; what is lost of them cannot be more. */
static void a_count_beyond_all_fragments_is_all_of_them(void **state)
{
    (void)state;
    struct flow f;
    begin_v1(&f, 1);
    while (f.transmission.next_n < 15) {
        flow_wait(&f, SECONDS_US(1));
    }
    tell(&f, 0, 14, 200);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
    assert_int_equal(flow_member(&f, 0)->missing, 15);
    flow_free(&f);
}

/* Who answers when a further session is dated takes part in it, if that helps it. */
static void who_answers_late_takes_part_in_the_next_session(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool v1;
        uint8_t fport;
        const char *hex;
        enum member_phase phase;
    } rows[] = {
        {"some are missing", false, 201, "01000a0002", MEMBER_SESSION},
        {"nearly all are missing", false, 201, "010000ff00", MEMBER_LISTENING},
        {"no image", true, 203, "0400", MEMBER_SESSION},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        flow_init(&f, 2);
        f.spec.fragmentation.repair_rounds = 0;
        f.devices[0].package_version[3] = f.devices[1].package_version[3] =
            rows[i].v1 ? 1 : 2;
        flow_rebuild(&f);
        listen_all(&f, 2);
        while (f.transmission.phase != TX_CONFIRM) {
            flow_wait(&f, SECONDS_US(1));
        }
        flow_wait(&f, SECONDS_US(1));
        if (rows[i].v1) {
            flow_uplink(&f, 0, 203, "0400");
            tell(&f, 0, 10, 2);
        } else {
            flow_uplink(&f, 0, 201, "01000a0002");
        }
        while (f.transmission.phase != TX_LEAD) {
            flow_wait(&f, SECONDS_US(1));
        }
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_SESSION);
        flow_uplink(&f, 1, rows[i].fport, rows[i].hex);
        assert_int_equal(flow_member(&f, 1)->phase, rows[i].phase);
        flow_free(&f);
    }
}

/* One has answered that it misses something, the other has not yet: a restart. */
static void what_was_answered_before_a_restart_is_asked_again(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    listen_all(&f, 2);
    while (f.transmission.phase != TX_CONFIRM) {
        flow_wait(&f, SECONDS_US(1));
    }
    flow_uplink(&f, 0, 201, "01000a0002"); /* 10 received, 2 missing */
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
    assert_int_equal(flow_member(&f, 1)->phase, MEMBER_STATUS);
    flow_restart(&f);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_STATUS);
    flow_uplink(&f, 0, 201, "01000a0002");
    flow_uplink(&f, 1, 201, "0400");
    uint16_t next_n = f.transmission.next_n;
    for (int i = 0; i < 12 && f.transmission.next_n == next_n; i++) {
        flow_noise(&f, 0);
    }
    assert_true(f.transmission.next_n > next_n); /* it is repaired, not given up */
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(flow_member(&f, 0)->transmissions, 1);
    flow_free(&f);
}

/* One misses more than a repair is for, the other has not answered yet. */
static void who_is_past_help_waits_for_no_others(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    f.spec.fragmentation.size_bytes = 6;
    listen_all(&f, 2);
    while (f.transmission.phase != TX_CONFIRM) {
        flow_wait(&f, SECONDS_US(1));
    }
    uint32_t id = f.transmission.id;
    flow_uplink(&f, 0, 201, "01000a005a"); /* 10 received, 90 missing */
    assert_int_not_equal(flow_member(&f, 0)->transmission_id, id);
    assert_int_equal(flow_member(&f, 0)->reason, REASON_INCOMPLETE);
    assert_int_equal(flow_member(&f, 1)->transmission_id, id);
    assert_int_equal(flow_member(&f, 1)->phase, MEMBER_STATUS);
    flow_free(&f);
}

/*
 * Counts of v1 say little, so who tells them is asked for its image, however much it seems to
 * miss: also if nobody has had the time to ask it, as the campaign is paused over a restart.
 */
static void who_tells_much_unasked_is_asked_for_its_image(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    f.spec.fragmentation.size_bytes = 6;
    begin_as_v1(&f, 2);
    while (f.transmission.phase != TX_CONFIRM) {
        flow_wait(&f, SECONDS_US(1));
    }
    uint32_t id = f.transmission.id;
    flow_wait(&f, SECONDS_US(1));
    flow_uplink(&f, 0, 203, "0400");
    tell(&f, 0, 95, 5);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
    flow_control(&f, ENGINE_PAUSE);
    flow_restart(&f);
    tell(&f, 0, 100, 90); /* lost for ever, it says */
    assert_int_equal(flow_member(&f, 0)->transmission_id, id);
    flow_control(&f, ENGINE_RESUME);
    flow_wait(&f, SECONDS_US(1));
    assert_int_equal(flow_member(&f, 0)->transmission_id, id);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UPGRADE);
    flow_free(&f);
}

/* It never said that it agreed, and missed it all: a restart does not make that its fault. */
static void who_never_agreed_is_not_blamed_after_a_restart(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct flow f;
        flow_init(&f, 2);
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_SESSION);
        flow_walk(&f, 1, MEMBER_SESSION);
        flow_walk(&f, 0, MEMBER_LISTENING);
        while (f.transmission.phase != TX_CONFIRM) {
            flow_wait(&f, SECONDS_US(1));
        }
        if (i == 1) {
            flow_restart(&f);
        }
        flow_uplink(&f, 0, 201, "0400");
        flow_uplink(&f, 1, 201, "010000000b"); /* 11 missing */
        assert_int_equal(flow_member(&f, 1)->late, 1);
        flow_free(&f);
    }
}

/* One has no image; the other is sent fragments, one behind each of its uplinks. */
static void what_another_one_is_sent_is_no_news(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    f.uplink_dr = 5;
    f.spec.fragmentation.repair_rounds = 0;
    f.spec.retry.session = 0;
    begin_as_v1(&f, 2);
    while (flow_member(&f, 0)->phase != MEMBER_UPGRADE) {
        flow_wait(&f, SECONDS_US(5));
    }
    f.hold_txack = true;
    flow_uplink(&f, 0, 203, "0400");
    flow_uplink(&f, 1, 203, "0400");
    tell(&f, 0, 12, 0);
    tell(&f, 1, 9, 3);
    assert_int_equal(f.last_send[0].send.payload[0], 0x08); /* its own tail */
    assert_int_equal(f.last_send[1].send.payload[0], 0x08);
    size_t upgrades = f.upgrade_asks;
    tell(&f, 0, 12, 0); /* after which it may have it */
    flow_uplink(&f, 0, 203, "0400");
    tell(&f, 0, 12, 0);
    assert_int_equal(f.upgrade_asks, upgrades + 1);
    for (int i = 0; i < 3; i++) {
        uint16_t next_n = f.transmission.next_n;
        flow_fate(&f, 1, ENGINE_FATE_SENT);
        assert_int_equal(f.transmission.next_n, next_n + 1);
        tell(&f, 0, 12, 0);
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
        assert_int_equal(f.upgrade_asks, upgrades + 1);
    }
    flow_free(&f);
}

/* MQTT may tell an uplink twice: that is no sign that the device hears nothing. */
static void a_count_told_twice_is_the_same_count(void **state)
{
    (void)state;
    struct flow f;
    begin_v1(&f, 1);
    while (f.transmission.next_n < 15) {
        flow_wait(&f, SECONDS_US(1));
    }
    tell(&f, 0, 9, 3);
    tell(&f, 0, 9, 3);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
    assert_int_equal(flow_member(&f, 0)->missing, 3);
    flow_free(&f);
}

/* Polls of a session in which nobody answers any. */
static uint32_t polls_of(uint32_t f_cnt, uint32_t f_cnt_step)
{
    struct flow f;
    flow_init(&f, 1);
    f.uplink_f_cnt = f_cnt;
    for (int i = 0; i < 20; i++) {
        f.uplink_f_cnt += f_cnt_step;
        flow_noise(&f, 0);
    }
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    while (f.transmission.phase != TX_CONFIRM) {
        flow_wait(&f, SECONDS_US(1));
    }
    uint32_t polls = f.transmission.frames_handed - (f.transmission.next_n - 1u);
    flow_free(&f);
    return polls;
}

static void few_who_are_seldom_heard_are_polled_again(void **state)
{
    (void)state;
    assert_int_equal(polls_of(0, 0), 1); /* the server does not count */
    assert_int_equal(polls_of(0, 1), 1); /* all of its uplinks are heard */
    assert_int_equal(polls_of(0, 2),
                     4); /* each second one: then one in sixteen is silent */
    assert_int_equal(polls_of(29, 1), 1); /* those before the start do not count */
}

/* lorawan.md 13.1: the sample applications of LoRaMac-node and mbed say so, all the time. */
static void the_checksum_of_a_block_is_no_proof_and_no_answer(void **state)
{
    static const char *const rows[] = {"0578563412", "050078563412", "05"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const enum member_phase phases[] = {MEMBER_LISTENING, MEMBER_STATUS,
                                                   MEMBER_UPGRADE};
        struct flow f;
        test_row(rows[i]);
        begin_v1(&f, 1);
        for (size_t k = 0; k < sizeof(phases) / sizeof(phases[0]); k++) {
            flow_walk(&f, 0, phases[k]);
            enum member_phase phase = flow_member(&f, 0)->phase;
            flow_uplink(&f, 0, 201, rows[i]);
            assert_int_equal(flow_member(&f, 0)->phase, phase);
        }
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

TEST_MAIN(cmocka_unit_test(the_checksum_of_a_block_is_no_proof_and_no_answer),
          cmocka_unit_test(few_who_are_seldom_heard_are_polled_again),
          cmocka_unit_test(who_answers_late_takes_part_in_the_next_session),
          cmocka_unit_test(what_another_one_is_sent_is_no_news),
          cmocka_unit_test(a_count_told_twice_is_the_same_count),
          cmocka_unit_test(what_was_answered_before_a_restart_is_asked_again),
          cmocka_unit_test(who_is_past_help_waits_for_no_others),
          cmocka_unit_test(who_tells_much_unasked_is_asked_for_its_image),
          cmocka_unit_test(who_never_agreed_is_not_blamed_after_a_restart),
          cmocka_unit_test(a_count_beyond_all_fragments_is_all_of_them),
          cmocka_unit_test(who_never_has_the_image_is_asked_so_often_and_no_more))

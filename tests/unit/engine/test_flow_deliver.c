/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: a server that brings images by itself (LwM2M). */
#include "flow_deliver.h"

static void it_goes_its_way_by_four_orders(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    assert_int_equal(order_of(&f), ORDER_READ);
    to_verify(&f);
    say(&f, FW_UPDATING, FW_RESULT_INITIAL, "1.4.2");
    say(&f, FW_IDLE, FW_RESULT_SUCCESS, "1.4.3");
    over(&f, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
}

static void who_runs_it_already_is_done(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    say(&f, FW_IDLE, FW_RESULT_INITIAL, "1.4.3");
    assert_int_equal(f.orders, 1);
    over(&f, OUTCOME_SUCCEEDED, REASON_ALREADY, FW_RESULT_SUCCESS);
}

static void who_cannot_be_brought_one_has_failed(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_deliver(&f);
    answer(&f, ORDER_DELIVER, FUO_ENOTSUP);
    over(&f, OUTCOME_FAILED, REASON_NO_PACKAGE, FW_RESULT_UNSUPPORTED_PROTOCOL);
}

/* Its server knows how much memory it has left. */
static void who_has_no_room_is_asked_again_after_the_cooldown(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_deliver(&f);
    answer(&f, ORDER_DELIVER, FUO_ENOSPC);
    assert_int_equal(flow_member(&f, 0)->reason, REASON_NO_ROOM);
    assert_int_equal(f.alerts, 1);
    flow_wait(&f, f.spec.retry.cooldown_us - MINUTES_US(1));
    assert_int_equal(order_of(&f), NOTHING);
    flow_wait(&f, MINUTES_US(2));
    answer(&f, ORDER_DELIVER, FUO_OK);
    say(&f, FW_DOWNLOADING, FW_RESULT_INITIAL, "1.4.2");
    say(&f, FW_DOWNLOADED, FW_RESULT_INITIAL, "1.4.2");
    flow_wait(&f, SECONDS_US(1));
    assert_int_equal(order_of(&f), ORDER_INSTALL);
    flow_free(&f);
}

static void who_never_has_room_has_failed(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_deliver(&f);
    answer(&f, ORDER_DELIVER, FUO_ENOSPC);
    flow_wait(&f, f.spec.retry.cooldown_us + MINUTES_US(1));
    answer(&f, ORDER_DELIVER, FUO_ENOSPC);
    assert_int_equal(f.alerts, 1); /* once is enough */
    over(&f, OUTCOME_FAILED, REASON_NO_ROOM, FW_RESULT_NO_FLASH);
}

/* Its turn is still to come: others of its cell are first. */
static void who_is_put_off_is_ordered_again(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_deliver(&f);
    for (int i = 0; i < 5; i++) {
        answer(&f, ORDER_DELIVER, FUO_EAGAIN);
        flow_wait(&f, MINUTES_US(2));
    }
    assert_int_equal(order_of(&f), ORDER_DELIVER);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    flow_free(&f);
}

static void who_waits_for_others_has_all_the_time(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int err;
        enum outcome outcome;
    } rows[] = {
        {"others are first", FUO_EBUSY, OUTCOME_NONE},
        {"a State of its own", FUO_EAGAIN, OUTCOME_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_delivering(&f);
        to_deliver(&f);
        for (int hours = 0; hours < 100 && order_of(&f) == ORDER_DELIVER; hours++) {
            answer(&f, ORDER_DELIVER, rows[i].err);
            flow_wait(&f, HOURS_US(1));
        }
        assert_int_equal(flow_member(&f, 0)->outcome, rows[i].outcome);
        flow_free(&f);
    }
}

/* Days lie between two windows, and more than it has from the beginning to the end. */
static void who_waits_for_a_window_has_all_the_time(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    struct calendar_span span = {.start = utc_after(f.now, DAYS_US(5)),
                                 .end = utc_after(f.now, DAYS_US(6))};
    struct engine_event event = {
        .type = ENGINE_EV_WINDOWS,
        .windows = {.campaign_id = flow_member(&f, 0)->campaign_id,
                    .spans = &span,
                    .count = 1,
                    .until = UTC_NEVER}};
    flow_step(&f, &event);
    say(&f, FW_IDLE, FW_RESULT_INITIAL, "1.4.2");
    for (int hours = 0; hours < 5 * 24 - 1; hours++) {
        flow_wait(&f, HOURS_US(1));
        assert_int_equal(order_of(&f), NOTHING);
    }
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    flow_wait(&f, HOURS_US(2));
    assert_int_equal(order_of(&f), ORDER_DELIVER);
    flow_free(&f);
}

/* lwm2m.md 3.3 (10). */
static void a_result_decides_whether_it_is_tried_again(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned result;
        int64_t wait_us; /* 0: not again */
    } rows[] = {
        {"connection lost", FW_RESULT_CONNECTION_LOST, MINUTES_US(1)},
        {"integrity", FW_RESULT_INTEGRITY, MINUTES_US(1)},
        {"no flash", FW_RESULT_NO_FLASH, HOURS_US(24)},
        {"no RAM", FW_RESULT_NO_RAM, HOURS_US(24)},
        {"type", FW_RESULT_UNSUPPORTED_PACKAGE, 0},
        {"URI", FW_RESULT_INVALID_URI, 0},
        {"protocol", FW_RESULT_UNSUPPORTED_PROTOCOL, 0},
        {"cancelled", FW_RESULT_CANCELLED, 0},
        {"conflicting state", FW_RESULT_CONFLICTING_STATE, 0},
        {"dependency", FW_RESULT_DEPENDENCY, 0},
        {"unknown", 77, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_delivering(&f);
        to_deliver(&f);
        answer(&f, ORDER_DELIVER, FUO_OK);
        say(&f, FW_DOWNLOADING, FW_RESULT_INITIAL, "1.4.2");
        say(&f, FW_IDLE, rows[i].result, "1.4.2");
        if (rows[i].wait_us == 0) {
            over(&f, OUTCOME_FAILED, REASON_REPORTED, rows[i].result);
            continue;
        }
        flow_wait(&f, rows[i].wait_us + SECONDS_US(1));
        answer(&f, ORDER_DELIVER, FUO_OK);
        say(&f, FW_DOWNLOADING, FW_RESULT_INITIAL, "1.4.2");
        say(&f, FW_IDLE, rows[i].result, "1.4.2");
        over(&f, OUTCOME_FAILED, REASON_REPORTED, rows[i].result); /* retry.device 2 */
    }
}

static void who_forgets_its_download_begins_anew(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_deliver(&f);
    for (int i = 0; i < 2; i++) {
        answer(&f, ORDER_DELIVER, FUO_OK);
        say(&f, FW_DOWNLOADING, FW_RESULT_INITIAL, "1.4.2");
        say(&f, FW_IDLE, FW_RESULT_INITIAL, "1.4.2");
    }
    over(&f, OUTCOME_FAILED, REASON_INCOMPLETE, FW_RESULT_CONNECTION_LOST);
}

static void progress_gives_it_time(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_deliver(&f);
    answer(&f, ORDER_DELIVER, FUO_OK);
    flow_wait(&f, HOURS_US(47));
    struct engine_event event = {
        .type = ENGINE_EV_PROGRESS,
        .progress = {.dev_eui = f.devices[0].dev_eui, .ppm = 500000}};
    flow_step(&f, &event);
    flow_wait(&f, HOURS_US(47));
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    flow_wait(&f, HOURS_US(2));
    over(&f, OUTCOME_FAILED, REASON_INCOMPLETE, FW_RESULT_CONNECTION_LOST);
}

static void progress(struct flow *f, uint32_t ppm, uint32_t mark)
{
    struct engine_event event = {
        .type = ENGINE_EV_PROGRESS,
        .progress = {.dev_eui = f->devices[0].dev_eui, .ppm = ppm, .mark = mark}};
    flow_step(f, &event);
}

/* How far its server had brought it is known after a restart, and told with the order. */
static void a_mark_is_given_back_after_a_restart(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    progress(&f, 1, 7); /* it is not being brought anything */
    assert_int_equal(flow_member(&f, 0)->mark, 0);
    to_deliver(&f);
    assert_int_equal(f.last_order[0].order.mark, 0);
    progress(&f, 400000, 77);
    progress(&f, 410000, 0);
    assert_int_equal(f.members[0].mark, 77); /* stored */
    flow_restart(&f);
    assert_int_equal(order_of(&f), ORDER_DELIVER);
    assert_int_equal(f.last_order[0].order.mark, 77);
    answer(&f, ORDER_DELIVER, FUO_EAGAIN);
    flow_wait(&f, MINUTES_US(2));
    assert_int_equal(f.last_order[0].order.mark, 77);
    answer(&f, ORDER_DELIVER, FUO_OK);
    flow_wait(&f, MINUTES_US(11));
    assert_int_equal(order_of(&f), ORDER_READ);
    assert_int_equal(f.last_order[0].order.mark, 0);
    flow_free(&f);
}

static void another_attempt_has_no_mark(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int err; /* of the order */
        unsigned result;
        int64_t wait_us;
    } rows[] = {
        {"it has forgotten the image", FUO_OK, FW_RESULT_INITIAL, 0},
        {"it has lost the connection", FUO_OK, FW_RESULT_CONNECTION_LOST, MINUTES_US(1)},
        {"it has refused the image", FUO_EPERM, FW_RESULT_INITIAL, MINUTES_US(1)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_delivering(&f);
        to_deliver(&f);
        progress(&f, 400000, 77);
        assert_int_equal(f.members[0].mark, 77);
        answer(&f, ORDER_DELIVER, rows[i].err);
        if (rows[i].err == FUO_OK) {
            say(&f, FW_DOWNLOADING, FW_RESULT_INITIAL, "1.4.2");
            say(&f, FW_IDLE, rows[i].result, "1.4.2");
        }
        flow_wait(&f, rows[i].wait_us + SECONDS_US(1));
        assert_int_equal(order_of(&f), ORDER_DELIVER);
        assert_int_equal(f.last_order[0].order.mark, 0);
        assert_int_equal(f.members[0].mark, 0);
        flow_free(&f);
    }
}

static void a_user_who_puts_it_off_is_waited_for(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_verify(&f);
    for (int i = 0; i < 10; i++) {
        flow_wait(&f, HOURS_US(4));
        say(&f, FW_DOWNLOADED, FW_RESULT_DEFERRED, "1.4.2");
    }
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    say(&f, FW_UPDATING, FW_RESULT_INITIAL, "1.4.2");
    say(&f, FW_IDLE, FW_RESULT_SUCCESS, "1.4.3");
    over(&f, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
}

static void who_never_heard_the_order_to_install_is_told_again(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_verify(&f);
    for (int i = 0; i < 3; i++) {
        say(&f, FW_DOWNLOADED, FW_RESULT_INITIAL, "1.4.2");
    }
    flow_wait(&f, SECONDS_US(1));
    answer(&f, ORDER_INSTALL, FUO_OK);
    say(&f, FW_DOWNLOADED, FW_RESULT_UPDATE_FAILED, "1.4.2");
    over(&f, OUTCOME_FAILED, REASON_REPORTED, FW_RESULT_UPDATE_FAILED);
}

/* Another component is in the way: that is for an operator, though the image is there. */
static void who_lacks_another_component_is_not_told_again(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_verify(&f);
    say(&f, FW_DOWNLOADED, FW_RESULT_DEPENDENCY, "1.4.2");
    assert_int_equal(order_of(&f), NOTHING);
    over(&f, OUTCOME_FAILED, REASON_REPORTED, FW_RESULT_DEPENDENCY);
}

static void the_old_version_is_believed_the_third_time(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_verify(&f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        say(&f, FW_IDLE, FW_RESULT_INITIAL, "1.4.2");
    }
    over(&f, OUTCOME_FAILED, REASON_OLD_VERSION, FW_RESULT_UPDATE_FAILED);
}

static void silence_after_the_order_to_install_is_unknown(void **state)
{
    struct flow f;
    (void)state;
    begin_delivering(&f);
    to_verify(&f);
    flow_wait(&f, HOURS_US(49));
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_UNKNOWN);
    assert_int_equal(flow_member(&f, 0)->reason, REASON_SILENT);
    flow_free(&f);
}

static void an_abort_makes_it_forget_its_image(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool downloaded;
        int err;
        enum outcome outcome; /* NONE: it is updating, and is waited for */
    } rows[] = {
        {"while it downloads", false, FUO_OK, OUTCOME_CANCELLED},
        {"with an image", true, FUO_OK, OUTCOME_CANCELLED},
        {"while it updates", true, FUO_EPERM, OUTCOME_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_delivering(&f);
        if (rows[i].downloaded) {
            to_install(&f);
        } else {
            to_deliver(&f);
            answer(&f, ORDER_DELIVER, FUO_OK);
        }
        flow_control(&f, ENGINE_ABORT);
        answer(&f, ORDER_CANCEL, rows[i].err);
        assert_int_equal(flow_member(&f, 0)->outcome, rows[i].outcome);
        if (rows[i].outcome == OUTCOME_NONE) {
            say(&f, FW_IDLE, FW_RESULT_SUCCESS, "1.4.3");
            over(&f, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        } else {
            over(&f, OUTCOME_CANCELLED, REASON_ABORTED, FW_RESULT_CANCELLED);
        }
    }
}

static void tell_battery(struct flow *f, uint8_t percent)
{
    struct engine_event event = {.type = ENGINE_EV_REPORTED,
                                 .reported = {.dev_eui = f->devices[0].dev_eui,
                                              .has_battery = true,
                                              .battery_percent = percent}};
    flow_step(f, &event);
}

static void a_battery_that_falls_on_the_way_is_an_alert(void **state)
{
    struct flow f;
    (void)state;
    flow_init(&f, 1);
    f.delivers = true;
    f.spec.targets.preconditions.battery_min_ppm = 400000;
    flow_rebuild(&f);
    tell_battery(&f, 30);
    assert_int_equal(f.alerts, 0); /* it is of no campaign */
    tell_battery(&f, 80);
    flow_apply(&f);
    to_deliver(&f);
    tell_battery(&f, 40);
    assert_int_equal(f.alerts, 0);
    tell_battery(&f, 39);
    tell_battery(&f, 38);
    assert_int_equal(f.alerts, 1);
    tell_battery(&f, 60);
    tell_battery(&f, 5);
    assert_int_equal(f.alerts, 2);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(it_goes_its_way_by_four_orders),
          cmocka_unit_test(who_runs_it_already_is_done),
          cmocka_unit_test(who_cannot_be_brought_one_has_failed),
          cmocka_unit_test(who_has_no_room_is_asked_again_after_the_cooldown),
          cmocka_unit_test(who_never_has_room_has_failed),
          cmocka_unit_test(who_is_put_off_is_ordered_again),
          cmocka_unit_test(who_waits_for_others_has_all_the_time),
          cmocka_unit_test(who_waits_for_a_window_has_all_the_time),
          cmocka_unit_test(a_result_decides_whether_it_is_tried_again),
          cmocka_unit_test(who_forgets_its_download_begins_anew),
          cmocka_unit_test(progress_gives_it_time),
          cmocka_unit_test(a_mark_is_given_back_after_a_restart),
          cmocka_unit_test(another_attempt_has_no_mark),
          cmocka_unit_test(a_user_who_puts_it_off_is_waited_for),
          cmocka_unit_test(who_never_heard_the_order_to_install_is_told_again),
          cmocka_unit_test(who_lacks_another_component_is_not_told_again),
          cmocka_unit_test(the_old_version_is_believed_the_third_time),
          cmocka_unit_test(silence_after_the_order_to_install_is_unknown),
          cmocka_unit_test(an_abort_makes_it_forget_its_image),
          cmocka_unit_test(a_battery_that_falls_on_the_way_is_an_alert))

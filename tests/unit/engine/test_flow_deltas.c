/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: a server that brings deltas by itself (LwM2M). */
#include "campaign/variant.h"
#include "flow_deliver.h"

static void begin_with_delta(struct flow *f)
{
    flow_init(f, 1);
    f->delivers = true;
    f->spec.activation.jitter_us = 0;
    flow_add_delta(f, "1.4.2", 0, 100);
    flow_rebuild(f);
    flow_apply(f);
}

static void assert_brought(const struct flow *f, uint8_t variant)
{
    assert_int_equal(order_of(f), ORDER_DELIVER);
    assert_int_equal(f->last_order[0].order.variant, variant);
    assert_int_equal(flow_member(f, 0)->variant, variant);
    assert_int_equal(f->members[0].variant, variant); /* stored */
}

/* What it was brought is there, and it is told to install. */
static void take_it(struct flow *f, const char *version)
{
    answer(f, ORDER_DELIVER, FUO_OK);
    say(f, FW_DOWNLOADING, FW_RESULT_INITIAL, version);
    say(f, FW_DOWNLOADED, FW_RESULT_INITIAL, version);
    flow_wait(f, SECONDS_US(1));
    answer(f, ORDER_INSTALL, FUO_OK);
}

static void who_runs_the_base_is_brought_the_delta(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        uint8_t variant;
    } rows[] = {{"1.4.2", 1}, {"1.4.1", VARIANT_FULL}, {"", VARIANT_FULL}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].version);
        begin_with_delta(&f);
        say(&f, FW_IDLE, FW_RESULT_INITIAL, rows[i].version);
        assert_brought(&f, rows[i].variant);
        take_it(&f, rows[i].version);
        say(&f, FW_IDLE, FW_RESULT_SUCCESS, "1.4.3");
        assert_int_equal(flow_member(&f, 0)->delta_failures, 0);
        over(&f, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    }
}

enum delta_end {
    DOWNLOAD_FAILS,
    UPDATE_FAILS,
    OLD_VERSION_RUNS,
    PACKAGE_REFUSED,
};

static void let_delta_fail(struct flow *f, enum delta_end how, unsigned result)
{
    if (how == PACKAGE_REFUSED) {
        for (int i = 0; i <= 10 && f->last_order[0].order.variant == 1; i++) {
            answer(f, ORDER_DELIVER, FUO_EPERM);
            flow_wait(f, MINUTES_US(2));
        }
        return;
    }
    if (how == DOWNLOAD_FAILS) {
        answer(f, ORDER_DELIVER, FUO_OK);
        say(f, FW_DOWNLOADING, FW_RESULT_INITIAL, "1.4.2");
        say(f, FW_IDLE, result, "1.4.2");
        return;
    }
    take_it(f, "1.4.2");
    for (int i = 0; i < 3 && flow_member(f, 0)->phase == MEMBER_VERIFY; i++) {
        say(f, FW_IDLE, result, "1.4.2");
    }
}

static void who_fails_with_a_delta_is_brought_the_image(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum delta_end how;
        unsigned result;
    } rows[] = {
        {"integrity", DOWNLOAD_FAILS, FW_RESULT_INTEGRITY},
        {"type", DOWNLOAD_FAILS, FW_RESULT_UNSUPPORTED_PACKAGE},
        {"update failed", UPDATE_FAILS, FW_RESULT_UPDATE_FAILED},
        {"old version", OLD_VERSION_RUNS, FW_RESULT_INITIAL},
        {"refused", PACKAGE_REFUSED, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_with_delta(&f);
        say(&f, FW_IDLE, FW_RESULT_INITIAL, "1.4.2");
        assert_brought(&f, 1);
        let_delta_fail(&f, rows[i].how, rows[i].result);
        assert_brought(&f, VARIANT_FULL);
        assert_int_equal(flow_member(&f, 0)->delta_failures, 1);
        assert_int_equal(flow_member(&f, 0)->transmissions, 1); /* all tries are left */
        assert_int_equal(flow_member(&f, 0)->reason, REASON_DELTA_FAILED);
        flow_restart(&f);
        flow_wait(&f, MINUTES_US(2));
        assert_brought(&f, VARIANT_FULL);
        take_it(&f, "1.4.2");
        say(&f, FW_IDLE, FW_RESULT_SUCCESS, "1.4.3");
        over(&f, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    }
}

static void what_is_not_the_deltas_fault_is_tried_with_it_again(void **state)
{
    (void)state;
    static const unsigned results[] = {FW_RESULT_CONNECTION_LOST, FW_RESULT_NO_FLASH};
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        struct flow f;
        begin_with_delta(&f);
        say(&f, FW_IDLE, FW_RESULT_INITIAL, "1.4.2");
        let_delta_fail(&f, DOWNLOAD_FAILS, results[i]);
        flow_wait(&f, f.spec.retry.cooldown_us + MINUTES_US(1));
        assert_brought(&f, 1);
        let_delta_fail(&f, DOWNLOAD_FAILS, results[i]);
        over(&f, OUTCOME_FAILED, REASON_REPORTED, results[i]);
    }
}

static void a_restart_goes_on_with_the_delta(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f);
    say(&f, FW_IDLE, FW_RESULT_INITIAL, "1.4.2");
    answer(&f, ORDER_DELIVER, FUO_OK);
    flow_restart(&f);
    flow_wait(&f, MINUTES_US(11));
    assert_brought(&f, 1);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(who_runs_the_base_is_brought_the_delta),
          cmocka_unit_test(who_fails_with_a_delta_is_brought_the_image),
          cmocka_unit_test(what_is_not_the_deltas_fault_is_tried_with_it_again),
          cmocka_unit_test(a_restart_goes_on_with_the_delta))

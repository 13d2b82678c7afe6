/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "loop/relay.h"

enum {
    ROWS_MAX = 200,
};

/* A store with rows 1..count and a broker that answers when the test says so. */
struct rig {
    struct relay relay;
    uint64_t count;
    uint64_t dropped;
    uint64_t published[ROWS_MAX * 4];
    size_t published_count;
    uint64_t refuse_id; /* publish() gives publish_err for it */
    int publish_err;
    uint64_t query_after;
    size_t query_max; /* 0: no query is out */
    int query_err;
};

static int query(void *arg, uint64_t after_id, size_t max_rows)
{
    struct rig *rig = arg;
    assert_int_equal(rig->query_max, 0);
    if (rig->query_err == FUO_OK) {
        rig->query_after = after_id;
        rig->query_max = max_rows;
    }
    return rig->query_err;
}

static int publish(void *arg, const struct store_outbox *row)
{
    struct rig *rig = arg;
    if (row->id == rig->refuse_id) {
        return rig->publish_err;
    }
    rig->published[rig->published_count++] = row->id;
    return FUO_OK;
}

static void drop(void *arg, uint64_t up_to_id)
{
    struct rig *rig = arg;
    assert_true(up_to_id > rig->dropped);
    rig->dropped = up_to_id;
}

static const struct relay_ports ports = {query, publish, drop};

/* The store answers the query that is out, if any. */
static void store_answers(struct rig *rig)
{
    static struct store_outbox rows[RELAY_INFLIGHT_MAX];
    size_t n = 0;
    while (n < rig->query_max && rig->query_after + n < rig->count) {
        rows[n].id = rig->query_after + n + 1;
        rows[n].topic = "t";
        n++;
    }
    if (rig->query_max > 0) {
        rig->query_max = 0;
        relay_rows(&rig->relay, rows, n, FUO_OK);
    }
}

static void start(struct rig *rig, uint64_t count)
{
    *rig = (struct rig){.count = count};
    relay_init(&rig->relay, &ports, rig);
}

static void rows_that_nobody_waits_for_are_ignored(void **state)
{
    (void)state;
    static const struct store_outbox rows[RELAY_INFLIGHT_MAX] = {{.id = 1, .topic = "t"}};
    struct rig rig;
    start(&rig, 0);
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    for (int i = 0; i < 2; i++) {
        relay_rows(&rig.relay, rows, RELAY_INFLIGHT_MAX, FUO_OK);
    }
    assert_int_equal(rig.published_count, 0);
}

static void rows_go_in_order_and_leave_after_the_answer(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 3);
    relay_added(&rig.relay);
    assert_int_equal(rig.query_max, 0); /* the broker is not there */
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    assert_int_equal(rig.published_count, 3);
    assert_int_equal(rig.dropped, 0);
    relay_published(&rig.relay, 1, FUO_OK);
    assert_int_equal(rig.dropped, 1);
    relay_published(&rig.relay, 3, FUO_OK);
    assert_int_equal(rig.dropped, 1); /* 2 is still on its way */
    relay_published(&rig.relay, 2, FUO_OK);
    assert_int_equal(rig.dropped, 3);
    assert_true(relay_is_idle(&rig.relay));
}

static void in_flight_is_bounded(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, ROWS_MAX);
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    assert_int_equal(rig.published_count, RELAY_INFLIGHT_MAX);
    assert_int_equal(rig.query_max, 0);
    while (rig.dropped < ROWS_MAX) {
        assert_false(relay_is_idle(&rig.relay));
        relay_published(&rig.relay, rig.dropped + 1, FUO_OK);
        store_answers(&rig);
    }
    assert_int_equal(rig.published_count, ROWS_MAX);
    store_answers(&rig);
    assert_true(relay_is_idle(&rig.relay));
}

static void after_a_failure_it_goes_back_to_what_was_not_acknowledged(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 4);
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    relay_published(&rig.relay, 1, FUO_OK);
    relay_published(&rig.relay, 2, FUO_ETIMEDOUT);
    relay_published(&rig.relay, 3, FUO_OK);
    assert_int_equal(rig.query_max, 0); /* 4 is not answered yet */
    relay_published(&rig.relay, 4, FUO_EAGAIN);
    assert_int_equal(rig.dropped, 1);
    store_answers(&rig);
    static const uint64_t want[] = {1, 2, 3, 4, 2, 3, 4};
    assert_int_equal(rig.published_count, ARRAY_LEN(want));
    assert_memory_equal(rig.published, want, sizeof(want));
    for (uint64_t id = 2; id <= 4; id++) {
        relay_published(&rig.relay, id, FUO_OK);
    }
    assert_int_equal(rig.dropped, 4);
    assert_true(relay_is_idle(&rig.relay));
}

static void what_the_broker_refuses_for_good_is_passed_over(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 2);
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    relay_published(&rig.relay, 1, FUO_EPERM);
    relay_published(&rig.relay, 2, FUO_OK);
    assert_int_equal(rig.dropped, 2);
}

static void what_cannot_be_published_is_passed_over(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 3);
    rig.refuse_id = 2;
    rig.publish_err = FUO_EINVAL;
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    assert_int_equal(rig.published_count, 2);
    relay_published(&rig.relay, 1, FUO_OK);
    assert_int_equal(rig.dropped, 2);
    relay_published(&rig.relay, 3, FUO_OK);
    assert_int_equal(rig.dropped, 3);
}

static void when_the_client_has_no_room_it_waits(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 3);
    rig.refuse_id = 2;
    rig.publish_err = FUO_EAGAIN;
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    assert_int_equal(rig.published_count, 1);
    rig.refuse_id = 0;
    relay_published(&rig.relay, 1, FUO_OK);
    store_answers(&rig);
    assert_int_equal(rig.published_count, 3);

    start(&rig, 1);
    rig.refuse_id = 1;
    rig.publish_err = FUO_EAGAIN;
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    relay_added(&rig.relay);
    assert_int_equal(rig.query_max, 0); /* no busy loop */
    rig.refuse_id = 0;
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    assert_int_equal(rig.published_count, 1);
}

static void rows_that_come_later_are_noticed(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 0);
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    assert_true(relay_is_idle(&rig.relay));
    rig.count = 2;
    relay_added(&rig.relay);
    store_answers(&rig);
    assert_int_equal(rig.published_count, 2);
}

static void a_store_in_trouble_is_asked_again_later(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 1);
    rig.query_err = FUO_EAGAIN;
    relay_set_up(&rig.relay, true);
    assert_int_equal(rig.query_max, 0);
    rig.query_err = FUO_OK;
    relay_added(&rig.relay);
    rig.query_max = 0;
    relay_rows(&rig.relay, NULL, 0, FUO_EIO);
    assert_int_equal(rig.published_count, 0);
    relay_added(&rig.relay);
    store_answers(&rig);
    assert_int_equal(rig.published_count, 1);
}

static void answers_nobody_waits_for_are_ignored(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 1);
    relay_set_up(&rig.relay, true);
    store_answers(&rig);
    relay_published(&rig.relay, 99, FUO_OK);
    relay_published(&rig.relay, 1, FUO_OK);
    relay_published(&rig.relay, 1, FUO_OK);
    assert_int_equal(rig.dropped, 1);
    /* Opened again, the broker is still there. */
    relay_init(&rig.relay, &ports, &rig);
    relay_added(&rig.relay);
    assert_int_not_equal(rig.query_max, 0);
}

TEST_MAIN(cmocka_unit_test(rows_that_nobody_waits_for_are_ignored),
          cmocka_unit_test(rows_go_in_order_and_leave_after_the_answer),
          cmocka_unit_test(in_flight_is_bounded),
          cmocka_unit_test(after_a_failure_it_goes_back_to_what_was_not_acknowledged),
          cmocka_unit_test(what_the_broker_refuses_for_good_is_passed_over),
          cmocka_unit_test(what_cannot_be_published_is_passed_over),
          cmocka_unit_test(when_the_client_has_no_room_it_waits),
          cmocka_unit_test(rows_that_come_later_are_noticed),
          cmocka_unit_test(a_store_in_trouble_is_asked_again_later),
          cmocka_unit_test(answers_nobody_waits_for_are_ignored))

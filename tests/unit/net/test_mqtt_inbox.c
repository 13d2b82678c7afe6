/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "net/mqtt_inbox.h"

struct rig {
    uv_loop_t loop;
    struct inbox inbox;
    size_t woken;
};

static void on_wake(uv_async_t *async)
{
    struct rig *rig = async->data;
    rig->woken++;
}

static void start(struct rig *rig)
{
    *rig = (struct rig){0};
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_int_equal(inbox_init(&rig->inbox, &rig->loop, on_wake), FUO_OK);
    rig->inbox.async.data = rig;
}

static void stop(struct rig *rig)
{
    uv_close((uv_handle_t *)&rig->inbox.async, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    inbox_destroy(&rig->inbox);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
}

static void put(struct rig *rig, size_t payload_len)
{
    static uint8_t payload[MQTT_PAYLOAD_MAX_BYTES + 1];
    struct mqtt_message message = {
        .topic = "a/b", .payload = payload, .payload_len = payload_len};
    inbox_put_message(&rig->inbox, 1, &message, 3, 0);
}

static size_t take(struct rig *rig, size_t max, bool *more)
{
    size_t count = 0;
    struct inbox_item *item = inbox_take(&rig->inbox, max, more);
    while (item != NULL) {
        struct inbox_item *next = item->next;
        free(item);
        item = next;
        count++;
    }
    return count;
}

static uint64_t dropped_flood(struct rig *rig)
{
    uint64_t flood = 0;
    uint64_t oversize = 0;
    inbox_dropped(&rig->inbox, &flood, &oversize);
    return flood;
}

static void messages_beyond_the_limit_are_dropped_and_counted(void **state)
{
    (void)state;
    struct rig rig;
    bool more = false;
    start(&rig);
    for (size_t i = 0; i < MQTT_RECEIVED_MAX + 10; i++) {
        put(&rig, 10);
    }
    assert_int_equal(dropped_flood(&rig), 10);
    assert_int_equal(take(&rig, SIZE_MAX, &more), MQTT_RECEIVED_MAX);
    assert_false(more);
    put(&rig, 10);
    assert_int_equal(dropped_flood(&rig), 10);
    stop(&rig);
}

static void bytes_beyond_the_limit_are_dropped_and_counted(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    for (size_t i = 0; i <= MQTT_RECEIVED_MAX_BYTES / MQTT_PAYLOAD_MAX_BYTES; i++) {
        put(&rig, MQTT_PAYLOAD_MAX_BYTES);
    }
    assert_true(dropped_flood(&rig) > 0);
    stop(&rig);
}

static void what_is_too_big_is_dropped_and_told(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t flood = 0;
    uint64_t oversize = 0;
    start(&rig);
    put(&rig, MQTT_PAYLOAD_MAX_BYTES + 1);
    inbox_dropped(&rig.inbox, &flood, &oversize);
    assert_int_equal(oversize, 1);
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    assert_int_equal(rig.woken, 1);
    stop(&rig);
}

/* What was taken makes room, though the rest still waits. */
static void a_part_can_be_taken_in_order(void **state)
{
    (void)state;
    struct rig rig;
    bool more = false;
    start(&rig);
    inbox_put(&rig.inbox, INBOX_UP, 1, 7, FUO_OK, NULL);
    for (size_t i = 0; i < MQTT_RECEIVED_MAX; i++) {
        put(&rig, 1);
    }
    struct inbox_item *first = inbox_take(&rig.inbox, 1, &more);
    assert_int_equal(first->kind, INBOX_UP);
    assert_null(first->next);
    free(first);
    assert_true(more);
    assert_int_equal(take(&rig, 100, &more), 100);
    assert_true(more);
    for (size_t i = 0; i < 101; i++) {
        put(&rig, 1);
    }
    assert_int_equal(dropped_flood(&rig), 1);
    assert_int_equal(take(&rig, SIZE_MAX, &more), MQTT_RECEIVED_MAX);
    assert_false(more);
    assert_int_equal(take(&rig, 1, &more), 0);
    stop(&rig);
}

static void the_loop_is_woken_once_for_many(void **state)
{
    (void)state;
    struct rig rig;
    bool more = false;
    start(&rig);
    put(&rig, 1);
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    put(&rig, 1); /* it was woken, and has not taken the first yet */
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    assert_int_equal(rig.woken, 1);
    assert_int_equal(take(&rig, SIZE_MAX, &more), 2);
    put(&rig, 1);
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    assert_int_equal(rig.woken, 2);
    stop(&rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_beyond_the_limit_are_dropped_and_counted),
        cmocka_unit_test(bytes_beyond_the_limit_are_dropped_and_counted),
        cmocka_unit_test(what_is_too_big_is_dropped_and_told),
        cmocka_unit_test(a_part_can_be_taken_in_order),
        cmocka_unit_test(the_loop_is_woken_once_for_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

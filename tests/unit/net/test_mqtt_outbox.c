/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "net/mqtt_outbox.h"

static int add(struct outbox *o, uint64_t id, size_t payload_len)
{
    uint8_t *payload = calloc(1, payload_len + 1);
    struct mqtt_publish p = {
        .id = id, .topic = "t", .payload = payload, .payload_len = payload_len, .qos = 1};
    int err = outbox_add(o, &p);
    free(payload);
    return err;
}

static uint64_t begin(struct outbox *o, uint64_t now_ms, uint32_t *slot)
{
    const struct mqtt_publish *p = outbox_begin(o, now_ms, slot);
    assert_non_null(p);
    return p->id;
}

static void everything_of_a_publish_is_copied(void **state)
{
    (void)state;
    struct outbox o;
    char topic[] = "topic";
    char response[] = "response";
    uint8_t bytes[] = {1, 2, 3};
    uint32_t slot;
    uint64_t id = 0;
    struct mqtt_publish p = {
        .id = 9,
        .topic = topic,
        .payload = bytes,
        .payload_len = 3,
        .qos = 1,
        .retain = true,
        .expiry_s = 7,
        .response_topic = response,
        .correlation = bytes + 1,
        .correlation_len = 2,
    };
    outbox_init(&o);
    assert_int_equal(outbox_add(&o, &p), FUO_OK);
    memset(topic, 'x', 5);
    memset(response, 'x', 8);
    memset(bytes, 'x', 3);
    const struct mqtt_publish *copy = outbox_begin(&o, 0, &slot);
    assert_string_equal(copy->topic, "topic");
    assert_string_equal(copy->response_topic, "response");
    assert_memory_equal(copy->payload, "\1\2\3", 3);
    assert_memory_equal(copy->correlation, "\2\3", 2);
    assert_true(copy->retain);
    assert_int_equal(copy->expiry_s, 7);
    assert_true(outbox_end(&o, slot, &id));
    assert_int_equal(id, 9);
    assert_false(outbox_end(&o, slot, &id));
    outbox_clear(&o);
}

static void the_window_is_bounded_and_order_is_kept(void **state)
{
    (void)state;
    struct outbox o;
    uint32_t slot;
    uint32_t waiting;
    uint32_t inflight;
    uint64_t id;
    outbox_init(&o);
    for (uint64_t i = 0; i < MQTT_INFLIGHT_MAX + 5; i++) {
        assert_int_equal(add(&o, i, 1), FUO_OK);
    }
    for (uint64_t i = 0; i < MQTT_INFLIGHT_MAX; i++) {
        assert_int_equal(begin(&o, 0, &slot), i);
        assert_int_equal(slot, i);
    }
    assert_null(outbox_begin(&o, 0, &slot));
    outbox_counts(&o, &waiting, &inflight);
    assert_int_equal(waiting, 5);
    assert_int_equal(inflight, MQTT_INFLIGHT_MAX);
    assert_true(outbox_end(&o, 3, &id)); /* acknowledged out of order */
    assert_int_equal(begin(&o, 0, &slot), MQTT_INFLIGHT_MAX);
    assert_int_equal(slot, 3);
    /* The connection breaks: what was in flight comes first again, in its order. */
    outbox_put_all_back(&o);
    for (uint64_t i = 0; i < MQTT_INFLIGHT_MAX; i++) {
        assert_int_equal(begin(&o, 0, &slot), i < 3 ? i : i + 1);
    }
    outbox_clear(&o);
}

static void one_put_back_last_stays_last(void **state)
{
    (void)state;
    struct outbox o;
    uint32_t slot;
    outbox_init(&o);
    assert_int_equal(add(&o, 1, 0), FUO_OK);
    assert_int_equal(begin(&o, 0, &slot), 1);
    outbox_put_back(&o, slot);
    outbox_put_back(&o, slot); /* empty by now */
    assert_int_equal(add(&o, 2, 0), FUO_OK);
    assert_int_equal(begin(&o, 0, &slot), 1);
    assert_int_equal(begin(&o, 0, &slot), 2);
    assert_null(outbox_begin(&o, 0, &slot));
    outbox_clear(&o);
}

static void what_waits_is_bounded_by_number_and_by_size(void **state)
{
    (void)state;
    struct outbox o;
    uint32_t slot;
    uint64_t id;
    outbox_init(&o);
    for (uint64_t i = 0; i < MQTT_WAITING_MAX; i++) {
        assert_int_equal(add(&o, i, 1), FUO_OK);
    }
    assert_int_equal(add(&o, 0, 1), FUO_EAGAIN);
    begin(&o, 0, &slot);
    assert_int_equal(add(&o, 0, 1), FUO_OK);
    assert_true(outbox_end(&o, slot, &id));
    outbox_clear(&o);
    assert_int_equal(add(&o, 0, MQTT_WAITING_MAX_BYTES + 1), FUO_EAGAIN);
    assert_int_equal(add(&o, 0, MQTT_WAITING_MAX_BYTES / 2), FUO_OK);
    assert_int_equal(add(&o, 0, MQTT_WAITING_MAX_BYTES / 2), FUO_EAGAIN);
    outbox_clear(&o);
}

static void one_that_is_never_acknowledged_expires(void **state)
{
    (void)state;
    struct outbox o;
    uint32_t slot;
    uint64_t id = 0;
    outbox_init(&o);
    assert_false(outbox_expire(&o, 99999, 0, &id));
    assert_int_equal(add(&o, 1, 0), FUO_OK);
    assert_int_equal(add(&o, 2, 0), FUO_OK);
    begin(&o, 1000, &slot);
    begin(&o, 2000, &slot);
    assert_false(outbox_expire(&o, 60999, 60000, &id));
    assert_true(outbox_expire(&o, 61000, 60000, &id));
    assert_int_equal(id, 1);
    assert_false(outbox_expire(&o, 61000, 60000, &id));
    assert_true(outbox_expire(&o, 62000, 60000, &id));
    assert_int_equal(id, 2);
    outbox_clear(&o);
}

TEST_MAIN(cmocka_unit_test(everything_of_a_publish_is_copied),
          cmocka_unit_test(the_window_is_bounded_and_order_is_kept),
          cmocka_unit_test(one_put_back_last_stays_last),
          cmocka_unit_test(what_waits_is_bounded_by_number_and_by_size),
          cmocka_unit_test(one_that_is_never_acknowledged_expires))

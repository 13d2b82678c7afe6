/* SPDX-License-Identifier: MIT */
/* The list of effects: each as long as its type needs, and nothing of it lost by that. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "engine/effect.h"

/* The last bytes that mean something, by type. */
struct tail {
    enum effect_type type;
    int kind;
    size_t end;
};

#define END_OF(member) \
    (offsetof(struct effect, member) + sizeof(((struct effect *)0)->member))

static const struct tail tails[] = {
    {EFFECT_STORE, STORE_CAMPAIGN, END_OF(store.campaign)},
    {EFFECT_STORE, STORE_MEMBER, END_OF(store.member)},
    {EFFECT_STORE, STORE_TRANSMISSION, END_OF(store.transmission)},
    {EFFECT_STORE, STORE_DEVICE, END_OF(store.device)},
    {EFFECT_STORE, STORE_CHARGE, END_OF(store.charge)},
    {EFFECT_STORE, STORE_HISTORY, END_OF(store.history)},
    {EFFECT_STORE, STORE_LANE, END_OF(store.lane)},
    {EFFECT_STORE, STORE_GROUP, END_OF(store.group)},
    {EFFECT_STORE, STORE_REPORT, END_OF(store.report)},
    {EFFECT_STORE, STORE_WAVE, END_OF(store.wave)},
    {EFFECT_PUBLISH, PUBLISH_CAMPAIGN, END_OF(publish.campaign_id)},
    {EFFECT_PUBLISH, PUBLISH_RESULT, END_OF(publish.dev_eui)},
    {EFFECT_PUBLISH, PUBLISH_ALERT, END_OF(publish.text)},
    {EFFECT_SEND, 0, END_OF(send.payload)},
    {EFFECT_SEND_FLUSH, 0, END_OF(send.dev_eui)},
    {EFFECT_NEW_KEY, 0, END_OF(key.campaign_id)},
    {EFFECT_WRAP_KEY, 0, END_OF(key.campaign_id)},
    {EFFECT_BLOCK_MIC, 0, END_OF(key.variant)},
    {EFFECT_DROP_KEY, 0, END_OF(key.key_id)},
    {EFFECT_GROUP_OPEN, 0, END_OF(group.gateways)},
    {EFFECT_GROUP_CLOSE, 0, END_OF(group.handle)},
    {EFFECT_SEND_MULTICAST, 0, END_OF(multicast.air)},
    {EFFECT_QUEUE_POLL, 0, END_OF(queue.f_cnt)},
    {EFFECT_QUEUE_FLUSH, 0, END_OF(queue.handle)},
    {EFFECT_ORDER, 0, END_OF(order.mark)},
};

static const struct tail *tail_of(size_t number)
{
    return &tails[number % ARRAY_LEN(tails)];
}

/* All between kind and end has a value of its own. */
static size_t first_byte(const struct tail *t)
{
    return t->type == EFFECT_STORE     ? offsetof(struct effect, store.member)
           : t->type == EFFECT_PUBLISH ? offsetof(struct effect, publish.campaign_id)
                                       : offsetof(struct effect, send);
}

static unsigned char value_of(size_t number, size_t at)
{
    return (unsigned char)(number * 7 + at * 3 + 1);
}

static void append(struct effects *list, size_t number)
{
    const struct tail *t = tail_of(number);
    struct effect *effect = effects_append(list, t->type);
    const struct effect zeroed = {.type = t->type};
    assert_memory_equal(effect, &zeroed, sizeof(zeroed));
    if (t->type == EFFECT_STORE) {
        effect->store.kind = (enum store_kind)t->kind;
    } else if (t->type == EFFECT_PUBLISH) {
        effect->publish.kind = (enum publish_kind)t->kind;
    }
    for (size_t i = first_byte(t); i < t->end; i++) {
        ((unsigned char *)effect)[i] = value_of(number, i);
    }
}

static void check(const struct effect *effect, size_t number)
{
    const struct tail *t = tail_of(number);
    assert_int_equal(effect->type, t->type);
    assert_int_equal((uintptr_t)effect % _Alignof(struct effect), 0);
    for (size_t i = first_byte(t); i < t->end; i++) {
        assert_int_equal(((const unsigned char *)effect)[i], value_of(number, i));
    }
}

static void check_all(const struct effects *list, size_t from)
{
    for (size_t i = 0; i < list->len; i++) {
        check(list->items[i], from + i);
    }
}

static void effects_of_all_types_keep_what_they_say(void **state)
{
    (void)state;
    struct effects list = {0};
    struct effects copy = {0};
    for (size_t i = 0; i < 2000; i++) {
        append(&list, i);
    }
    check_all(&list, 0);
    for (size_t i = 0; i < list.len; i++) {
        struct effect whole = *list.items[i];
        check(&whole, i);
        effects_copy(&copy, list.items[i]);
    }
    effects_finish(&list);
    assert_int_equal(copy.len, 2000);
    check_all(&copy, 0);
    effects_finish(&copy);
    effects_finish(&copy);
    assert_null(copy.items);
}

static void the_first_ones_are_dropped(void **state)
{
    (void)state;
    struct effects list = {0};
    effects_drop(&list, 0);
    effects_clear(&list);
    size_t appended = 0;
    size_t dropped = 0;
    for (size_t round = 1; round < 60; round++) {
        for (size_t i = 0; i < 5 * round; i++) {
            append(&list, appended++);
        }
        size_t gone = round % 7 == 0 ? list.len : 4 * round;
        effects_drop(&list, gone);
        dropped += gone < appended - dropped ? gone : appended - dropped;
        assert_int_equal(list.len, appended - dropped);
        check_all(&list, dropped);
    }
    effects_drop(&list, SIZE_MAX);
    assert_int_equal(list.len, 0);
    append(&list, 3);
    check_all(&list, 3);
    effects_finish(&list);
}

static void a_queue_of_them_does_not_grow(void **state)
{
    (void)state;
    struct effects list = {0};
    for (size_t i = 0; i < 100; i++) {
        append(&list, i);
    }
    for (size_t i = 100; i < 20000; i++) {
        append(&list, i);
        effects_drop(&list, 1);
        assert_true(list.cap <= 512);
    }
    assert_int_equal(list.len, 100);
    check_all(&list, 19900);
    effects_finish(&list);
}

static void a_list_is_used_again(void **state)
{
    (void)state;
    struct effects list = {0};
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < 1000; i++) {
            append(&list, i);
        }
        check_all(&list, 0);
        effects_clear(&list);
        assert_int_equal(list.len, 0);
        assert_true(list.cap <= 256);
    }
    append(&list, 0);
    effects_clear(&list);
    effects_clear(&list);
    effects_finish(&list);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_of_all_types_keep_what_they_say),
        cmocka_unit_test(the_first_ones_are_dropped),
        cmocka_unit_test(a_queue_of_them_does_not_grow),
        cmocka_unit_test(a_list_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

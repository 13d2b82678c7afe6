/* SPDX-License-Identifier: MIT */
#include "base/prng.h"
#include "test.h"
#include "world/heap.h"

static void it_gives_back_by_time_and_then_by_order(void **state)
{
    (void)state;
    struct heap h = {0};
    struct prng p = prng_seeded(1);
    assert_true(heap_next_us(&h) == INT64_MAX);
    for (uint32_t i = 0; i < 5000; i++) {
        heap_push(&h, (int64_t)prng_below(&p, 300), i % 7, i);
    }
    struct heap_item last = heap_pop(&h);
    while (h.count > 0) {
        assert_true(heap_next_us(&h) >= last.at_us);
        struct heap_item next = heap_pop(&h);
        assert_true(next.at_us > last.at_us ||
                    (next.at_us == last.at_us && next.seq > last.seq));
        assert_int_equal(next.kind, next.arg % 7);
        last = next;
    }
    heap_finish(&h);
}

static void the_counter_may_wrap(void **state)
{
    (void)state;
    struct heap h = {.seq = UINT32_MAX - 1};
    for (uint32_t i = 0; i < 5; i++) {
        heap_push(&h, 1, 0, i);
    }
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(heap_pop(&h).arg, i);
    }
    heap_finish(&h);
}

/* Later than the calendar, on its pages and before them, pushed while others are taken. */
static void near_and_far_come_in_order(void **state)
{
    (void)state;
    static const uint64_t span_us[] = {1000, 60000000, 86400000000, 4000000000000};
    struct heap h = {0};
    struct prng p = prng_seeded(2);
    int64_t now_us = 0;
    uint32_t last_seq = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        for (size_t k = 0; i < 10000 && k < 2; k++) {
            uint64_t span = span_us[prng_below(&p, 4)];
            heap_push(&h, now_us + (int64_t)prng_below(&p, span) / 1000 * 1000, 0, i);
        }
        int64_t next_us = heap_next_us(&h);
        struct heap_item item = heap_pop(&h);
        assert_true(item.at_us == next_us);
        assert_true(item.at_us > now_us ||
                    (item.at_us == now_us && (i == 0 || item.seq > last_seq)));
        now_us = item.at_us;
        last_seq = item.seq;
    }
    assert_int_equal(h.count, 0);
    heap_push(&h, now_us + 7, 0, 0);
    heap_push(&h, 5, 0, 1);
    assert_int_equal(heap_pop(&h).arg, 1);
    assert_int_equal(heap_pop(&h).arg, 0);
    assert_true(heap_next_us(&h) == INT64_MAX);
    heap_finish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_back_by_time_and_then_by_order),
        cmocka_unit_test(the_counter_may_wrap),
        cmocka_unit_test(near_and_far_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

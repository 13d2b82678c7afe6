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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_back_by_time_and_then_by_order),
        cmocka_unit_test(the_counter_may_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

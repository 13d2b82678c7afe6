/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "io/clock.h"
#include "loop/turns.h"

enum {
    WORK_US = 3000,
};

static void work(uv_timer_t *timer)
{
    int64_t work_us = *(const int64_t *)timer->data;
    int64_t start_us = clock_thread_cpu_us();
    while (clock_thread_cpu_us() - start_us < work_us) {
    }
}

static void run(struct turns *turns, int64_t work_us, uint64_t wait_ms)
{
    uv_loop_t loop;
    uv_timer_t timer;
    assert_int_equal(uv_loop_init(&loop), 0);
    turns_start(turns, &loop);
    uv_timer_init(&loop, &timer);
    timer.data = &work_us;
    uv_timer_start(&timer, work, wait_ms, 0);
    uv_run(&loop, UV_RUN_DEFAULT); /* what measures keeps no loop alive */
    uv_run(&loop, UV_RUN_NOWAIT);
    turns_close(turns);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void the_longest_turn_is_the_one_that_worked(void **state)
{
    (void)state;
    struct turns turns;
    run(&turns, WORK_US, 0);
    assert_true(turns.longest_us >= WORK_US);
    assert_true(turns.count > 0);
}

static void a_turn_that_is_too_long_is_counted(void **state)
{
    (void)state;
    struct turns turns;
    run(&turns, TURN_LONG_US + 1, 0);
    assert_int_equal(turns.long_count, 1);
    assert_int_equal(turns.logged_count, 1);
}

/* Shorter than the wait by far, however slow the machine is: it is CPU time. */
static void waiting_is_no_work(void **state)
{
    (void)state;
    struct turns turns;
    run(&turns, 0, 120);
    assert_int_equal(turns.long_count, 0);
    assert_true(turns.longest_us < TURN_LONG_US);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_turn_is_the_one_that_worked),
        cmocka_unit_test(a_turn_that_is_too_long_is_counted),
        cmocka_unit_test(waiting_is_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

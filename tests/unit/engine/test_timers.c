/* SPDX-License-Identifier: MIT */
#include "engine/timers.h"

#include "test.h"

enum {
    MANY = 200, /* more than there is room for at first */
};

static struct utc at(int64_t us)
{
    return (struct utc){us};
}

static void deadlines_come_out_in_their_order_equal_ones_by_slot(void **state)
{
    (void)state;
    struct timers t = {0};
    uint32_t due = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t slot = timers_add_slot(&t);
        timers_set(&t, slot, at(1000 - slot / 2));
    }
    timers_set(&t, 7, UTC_NEVER);
    assert_false(timers_pop(&t, at(900), &due));
    for (uint32_t i = MANY / 2; i-- > 0;) {
        assert_int_equal(timers_next(&t).us, 1000 - i);
        assert_true(timers_pop(&t, at(1000), &due));
        assert_int_equal(due, 2 * i);
        if (due != 6) {
            assert_true(timers_pop(&t, at(1000), &due));
            assert_int_equal(due, 2 * i + 1);
        }
    }
    assert_int_equal(timers_next(&t).us, UTC_NEVER.us);
    timers_finish(&t);
}

static void freed_slots_are_given_again_and_never_come_due(void **state)
{
    (void)state;
    struct timers t = {0};
    bool taken[MANY] = {false};
    uint32_t due = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            uint32_t slot = timers_add_slot(&t);
            assert_in_range(slot, 0, MANY - 1);
            assert_false(taken[slot]);
            taken[slot] = true;
            assert_int_equal(t.deadline_us[slot], UTC_NEVER.us);
            timers_set(&t, slot, at(slot));
        }
        for (uint32_t slot = 0; slot < MANY; slot++) {
            timers_free_slot(&t, slot);
            taken[slot] = false;
        }
        timers_shift(&t, 5);
        assert_false(timers_pop(&t, at(INT64_MAX - 1), &due));
    }
    timers_finish(&t);
}

TEST_MAIN(cmocka_unit_test(deadlines_come_out_in_their_order_equal_ones_by_slot),
          cmocka_unit_test(freed_slots_are_given_again_and_never_come_due))

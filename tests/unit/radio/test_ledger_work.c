/* SPDX-License-Identifier: MIT */
/* How many buckets an admission looks at: counted, not timed. */
#include "test.h"

static size_t touched;
#define LEDGER_TOUCH() ((void)touched++)
#include "radio/ledger.c" /* NOLINT(bugprone-suspicious-include) */

#include "base/prng.h"

#define T0 SECONDS_US(1800000000)

struct work {
    size_t admissions;
    size_t sum;
    size_t most;
};

static void count(struct work *work)
{
    work->admissions++;
    work->sum += touched;
    work->most = touched > work->most ? touched : work->most;
    touched = 0;
}

/* Frames at full speed, each up to disorder_us before or behind the time of the day. */
static struct work a_day(int64_t hours, int64_t disorder_us, uint32_t late_us)
{
    struct prng prng = prng_seeded(5);
    const struct ledger_config config = {
        .limit_ppm = 100000, .share_ppm = 1000000, .late_us = late_us};
    struct work work = {0};
    struct ledger l;
    assert_int_equal(ledger_init(&l, &config), FUO_OK);
    touched = 0;
    for (int64_t t = 0; t < HOURS_US(hours); t += MILLIS_US(300)) {
        int64_t off_us = (int64_t)prng_below(&prng, (uint64_t)(2 * disorder_us + 1));
        struct utc start = {T0 + t + off_us - disorder_us};
        int64_t airtime_us = 40000 + (int64_t)prng_below(&prng, 2800000);
        (void)!ledger_charge_within(&l, start, airtime_us, NULL); /* refused or not */
        count(&work);
    }
    return work;
}

static void an_admission_in_order_of_time_looks_at_a_few_buckets(void **state)
{
    (void)state;
    for (int64_t hours = 1; hours <= 64; hours *= 8) {
        struct work work = a_day(hours, 0, 0);
        assert_in_range(work.admissions, 1000, SIZE_MAX);
        assert_in_range(work.sum, 0, 4 * work.admissions);
        assert_in_range(work.most, 0, 16);
    }
    struct work late = a_day(8, 0, 60000000);
    assert_in_range(late.most, 0, 16);
}

static void an_admission_out_of_order_pays_for_the_distance_only(void **state)
{
    (void)state;
    /* Eight looks a bucket of distance, on two ways: back to the run, and on to the end. */
    struct work minute = a_day(8, MINUTES_US(1), 0);
    struct work minutes = a_day(8, MINUTES_US(8), 0);
    assert_in_range(minute.most, 0, 16 + 8 * 9);
    assert_in_range(minutes.most, 0, 16 + 8 * 65);
}

static void an_idle_ledger_is_brought_up_to_date_at_once(void **state)
{
    (void)state;
    const struct ledger_config config = {.limit_ppm = 100000, .share_ppm = 1000000};
    struct ledger l;
    assert_int_equal(ledger_init(&l, &config), FUO_OK);
    assert_int_equal(ledger_charge_within(&l, (struct utc){T0}, 1, NULL), FUO_OK);
    touched = 0;
    assert_int_equal(ledger_charge_within(&l, (struct utc){T0 + DAYS_US(900)}, 1, NULL),
                     FUO_OK);
    assert_in_range(touched, 0, 16);
    assert_int_equal(ledger_used_us(&l, LEDGER_OWN, (struct utc){T0}), 0);
    assert_in_range(touched, 0, 16);
}

TEST_MAIN(cmocka_unit_test(an_admission_in_order_of_time_looks_at_a_few_buckets),
          cmocka_unit_test(an_admission_out_of_order_pays_for_the_distance_only),
          cmocka_unit_test(an_idle_ledger_is_brought_up_to_date_at_once))

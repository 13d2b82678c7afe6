/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* The probability by itself is asked for here only. */
#include "campaign/redundancy.c" /* NOLINT(bugprone-suspicious-include) */

#include "fec/row.h"
#include "policy_trial.h"

enum {
    PERCENT = 10000, /* ppm */
    LOSSES = 6,
};

static const uint32_t losses[LOSSES] = {1, 5, 10, 20, 30, 40};

static uint32_t fail_ppm_of(uint32_t m, uint32_t coded, uint32_t loss_ppm)
{
    return (uint32_t)(((wide)failure(m, coded, loss_ppm) * WHOLE + ONE - 1) >> ONE_BITS);
}

/* That any of so many devices fails. */
static double any_fails(uint32_t m, uint32_t coded, uint32_t loss_ppm, uint32_t devices)
{
    double done = 1.0 - (double)failure(m, coded, loss_ppm) / (double)ONE;
    double all = 1;
    for (uint32_t i = 0; i < devices; i++) {
        all *= done;
    }
    return 1.0 - all;
}

/* performance.md 2.4, for 99 % and 99.9 % of devices; rows of M from 200 on: real ones. */
static void one_device_needs_what_the_table_says(void **state)
{
    (void)state;
    static const struct {
        uint32_t m;
        uint32_t r99[LOSSES];
        uint32_t r999[LOSSES];
    } rows[] = {
        {50, {7, 11, 16, 26, 40, 57}, {10, 15, 20, 32, 46, 65}},
        {200, {10, 22, 37, 72, 116, 173}, {13, 26, 43, 80, 126, 187}},
        {500, {14, 42, 77, 158, 259, 393}, {18, 47, 84, 169, 274, 412}},
        {1000, {21, 73, 140, 295, 490, 749}, {25, 80, 150, 310, 512, 776}},
        {2000, {34, 133, 262, 562, 943, 1447}, {39, 142, 277, 582, 972, 1487}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < LOSSES; k++) {
            uint32_t loss = losses[k] * PERCENT;
            uint32_t r99 = redundancy_for_device(rows[i].m, loss, 10000);
            uint32_t r999 = redundancy_for_device(rows[i].m, loss, 1000);
            uint32_t noise = i == 0 ? 0 : 1 + rows[i].r99[k] / 200; /* theirs */
            assert_in_range(r99, rows[i].r99[k] - noise, rows[i].r99[k] + noise);
            assert_in_range(r999, rows[i].r999[k] - noise, rows[i].r999[k] + noise);
        }
    }
}

static void assert_smallest(uint32_t m, uint32_t loss_ppm, const uint32_t want[4])
{
    static const uint32_t devices[] = {100, 10000, 100, 10000};
    static const double limits[] = {0.01, 0.01, 0.001, 0.001};
    for (size_t i = 0; i < 4; i++) {
        assert_true(any_fails(m, want[i], loss_ppm, devices[i]) <= limits[i]);
        assert_true(any_fails(m, want[i] - 1, loss_ppm, devices[i]) > limits[i]);
    }
}

/* The same, so that all of 100 or of 10 000 devices are done with 99 % or 99.9 %. */
static void a_fleet_needs_what_the_table_says(void **state)
{
    (void)state;
    static const struct {
        uint32_t m;
        uint32_t want[LOSSES][4];
    } rows[] = {
        {50,
         {{13, 20, 17, 23},
          {18, 26, 22, 29},
          {24, 32, 28, 35},
          {36, 45, 41, 50},
          {52, 63, 58, 68},
          {72, 86, 79, 93}}},
        {200,
         {{17, 23, 20, 27},
          {30, 37, 33, 41},
          {47, 55, 51, 59},
          {86, 97, 92, 102},
          {135, 149, 142, 156},
          {198, 217, 208, 226}}},
        {500,
         {{21, 28, 25, 31},
          {51, 59, 56, 63},
          {90, 101, 96, 105},
          {178, 193, 186, 200},
          {286, 308, 298, 317},
          {430, 458, 444, 470}}},
        {1000,
         {{28, 35, 32, 39},
          {85, 95, 90, 99},
          {157, 171, 165, 177},
          {321, 342, 332, 351},
          {527, 556, 542, 568},
          {799, 837, 819, 854}}},
        {2000,
         {{42, 50, 46, 53},
          {149, 162, 156, 167},
          {285, 304, 295, 312},
          {599, 627, 613, 639},
          {994, 1033, 1014, 1050},
          {1517, 1569, 1544, 1592}}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < LOSSES; k++) {
            assert_smallest(rows[i].m, losses[k] * PERCENT, rows[i].want[k]);
        }
    }
}

/* An independent way: fragment by fragment, a row is new with 1 - 2^-missing. */
static double chain_fail(uint32_t m, uint32_t coded, double loss)
{
    static double p[FEC_N_MAX + 2];
    memset(p, 0, sizeof(p));
    p[0] = 1;
    for (uint32_t i = 0; i < m; i++) {
        for (uint32_t k = i + 2; k-- > 0;) {
            p[k] = p[k] * (1 - loss) + (k > 0 ? p[k - 1] * loss : 0);
        }
    }
    for (uint32_t i = 0; i < coded; i++) {
        double stale = 1;
        for (uint32_t k = 0; k <= m; k++) {
            double fresh_above = (1 - stale / 2) * (1 - loss);
            double fresh = k == 0 ? 0 : (1 - stale) * (1 - loss);
            p[k] = p[k] * (1 - fresh) + p[k + 1] * fresh_above;
            stale /= 2;
        }
    }
    return 1 - p[0];
}

static void assert_like_the_chain(uint32_t m, uint32_t coded)
{
    static const uint32_t some[] = {1, 100, 10000, 50000, 300000, 500000, 900000, 999999};
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        double want = 1e6 * chain_fail(m, coded, some[i] / 1e6);
        double got = fail_ppm_of(m, coded, some[i]);
        assert_true(got >= want - 1e-3 && got <= want + 1 + 1e-3);
    }
}

static void the_probability_is_that_of_the_chain(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 8, 30, 100, 160, 400};
    static const uint32_t shares[] = {0, 1, 3, 10, 25, 60, 110};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        for (uint32_t k = 0; k < ARRAY_LEN(shares); k++) {
            assert_like_the_chain(counts[i], counts[i] * shares[k] / 100 + k);
        }
    }
}

static void limits_of_the_probability(void **state)
{
    (void)state;
    assert_int_equal(fail_ppm_of(100, 0, 0), 0);
    assert_int_equal(fail_ppm_of(0, 0, 500000), 0);
    assert_int_equal(fail_ppm_of(100, 50, 1000000), 1000000);
    assert_int_equal(fail_ppm_of(100, 50, UINT32_MAX), 1000000);
    assert_int_equal(fail_ppm_of(1, 0, 250000), 250000);
    assert_int_equal(fail_ppm_of(FEC_N_MAX, 0, 999999), 1000000);
    /* A field test, performance.md 1.3 */
    assert_in_range(fail_ppm_of(3354, 3354, 450000), 0, 1);
    assert_in_range(fail_ppm_of(3354, 3354, 500000), 400000, 600000);
}

static void limits_of_the_search(void **state)
{
    (void)state;
    assert_int_equal(redundancy_for_device(100, 0, 1), 0);
    assert_int_equal(redundancy_for_device(0, 500000, 1), 0);
    assert_int_equal(redundancy_for_device(FEC_N_MAX, 500000, 1), 0);
    assert_int_equal(redundancy_for_device(100, 1000000, 1), FEC_N_MAX - 100);
    assert_int_equal(redundancy_for_device(100, 500000, 1000000), 0);
    assert_in_range(redundancy_for_device(100, 500000, 0), 220, 320);
}

static void a_found_quantity_is_the_smallest(void **state)
{
    (void)state;
    static const uint32_t fails[] = {1, 10, 1000, 100000, 500000};
    for (uint32_t m = 3; m < 16000; m = m * 3 + 1) {
        for (size_t i = 0; i < ARRAY_LEN(fails); i++) {
            uint32_t r = redundancy_for_device(m, 3 * PERCENT, fails[i]);
            assert_true(r == FEC_N_MAX - m || fail_ppm_of(m, r, 3 * PERCENT) <= fails[i]);
            assert_true(r == 0 || fail_ppm_of(m, r - 1, 3 * PERCENT) > fails[i]);
        }
    }
}

static void need_table(void **state)
{
    (void)state;
    static const struct {
        uint32_t missing;
        uint32_t loss_ppm;
        uint32_t want;
    } rows[] = {
        {0, 0, 0},
        {0, 1000000, 0},
        {1, 0, 3},                /* 2.6 */
        {10, 0, 12},              /* 11.6 */
        {10, 200000, 16},         /* (10 + .742 + 1.6) / .8 = 15.43 */
        {100, 100000, 115},       /* (100 + 1.589 + 1.6) / .9 = 114.65 */
        {1, 500000, 7},           /* (1 + .5 + 1.6) / .5 = 6.2 */
        {1, 990000, 331},         /* (1 + .7036 + 1.6) / .01 = 330.4 */
        {1, 1000000, 331},        /* as 99 % */
        {1, UINT32_MAX, 331},     /* as 99 % */
        {16383, 990000, 1644828}, /* (16383 + 63.68 + 1.6) / .01 */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(redundancy_need(rows[i].missing, rows[i].loss_ppm),
                         rows[i].want);
    }
}

/* Of 400 devices, how many have decoded after what is said to be needed. */
static uint32_t done_after_need(uint32_t missing, uint32_t loss_ppm)
{
    struct prng prng = prng_seeded(missing * UINT64_C(1000003) + loss_ppm);
    uint32_t need = redundancy_need(missing, loss_ppm);
    uint32_t done = 0;
    for (uint32_t i = 0; i < 400; i++) {
        struct policy_device d = {.loss_ppm = loss_ppm, .missing = missing};
        for (uint32_t k = 0; k < need; k++) {
            policy_hear(&d, &prng);
        }
        done += d.missing == 0;
    }
    return done;
}

static void need_is_a_likely_quantity(void **state)
{
    (void)state;
    for (uint32_t missing = 1; missing <= 200; missing += 13) {
        for (uint32_t loss = 20000; loss <= 500000; loss += 80000) {
            assert_in_range(done_after_need(missing, loss), 400 * 55 / 100,
                            400 * 97 / 100);
        }
    }
}

/* The least of fragments + cost * unfinished over every quantity there is. */
static uint32_t brute_stop(const uint32_t *needs, size_t count, uint32_t cost,
                           uint32_t most)
{
    uint32_t best = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t x = 0; x <= most; x++) {
        uint64_t total = x;
        for (size_t i = 0; i < count; i++) {
            total += needs[i] > x ? cost : 0;
        }
        if (total <= least) {
            least = total;
            best = x;
        }
    }
    return best;
}

static void stop_is_the_best_of_all_quantities(void **state)
{
    (void)state;
    struct prng prng = prng_seeded(7);
    for (uint32_t run = 0; run < 3000; run++) {
        uint32_t needs[60];
        size_t count = prng_below(&prng, ARRAY_LEN(needs) + 1);
        uint32_t cost = (uint32_t)prng_below(&prng, 30);
        uint32_t most = 1 + (uint32_t)prng_below(&prng, 200);
        for (size_t i = 0; i < count; i++) {
            needs[i] = 1 + (uint32_t)prng_below(&prng, most);
        }
        uint32_t want = brute_stop(needs, count, cost, most);
        assert_int_equal(redundancy_stop(needs, count, cost), want);
        for (size_t i = 1; i < count; i++) {
            assert_true(needs[i - 1] <= needs[i]);
        }
    }
}

static void stop_at_the_limits(void **state)
{
    (void)state;
    uint32_t needs[] = {UINT32_MAX, 5, UINT32_MAX, 3};
    assert_int_equal(redundancy_stop(NULL, 0, 10), 0);
    assert_int_equal(redundancy_stop(needs, 4, 0), 0);
    assert_int_equal(redundancy_stop(needs, 4, 1), 0);
    assert_int_equal(redundancy_stop(needs, 4, 3), 5);
    assert_int_equal(redundancy_stop(needs, 4, UINT32_MAX), UINT32_MAX);
}

/*
 * performance.md 2.6: the sum over some runs. What the policy gives up is as dear as in the
 * table; against the best moment to stop, known afterwards only, it loses 2 % at most.
 */
static void the_policy_is_as_good_as_in_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct policy_trial trial;
        uint32_t sent;
        uint32_t done;
    } rows[] = {
        {"cost 10", {.device_count = 1000, .m = 500, .cost = 10}, 818, 970},
        {"cost 50", {.device_count = 1000, .m = 500, .cost = 50}, 1076, 987},
    };
    static const uint32_t fixed_done[POLICY_FIXED] = {788, 922, 958, 984};
    enum { RUNS = 8 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct policy_result sum = policy_sum(&rows[i].trial, RUNS);
        uint32_t theirs = rows[i].sent + rows[i].trial.cost * (1000 - rows[i].done);
        assert_in_range(sum.polls, 2 * RUNS, 5 * RUNS);
        assert_in_range(sum.total, 1, RUNS * theirs * 102 / 100);
        assert_in_range(sum.total, sum.best, sum.best * 102 / 100);
        assert_in_range(sum.sent, sum.oracle, sum.oracle * 102 / 100);
        for (size_t k = 0; k < POLICY_FIXED; k++) {
            assert_in_range(sum.fixed_done[k], RUNS * (fixed_done[k] - 10),
                            RUNS * (fixed_done[k] + 10));
        }
    }
}

TEST_MAIN(cmocka_unit_test(one_device_needs_what_the_table_says),
          cmocka_unit_test(a_fleet_needs_what_the_table_says),
          cmocka_unit_test(the_probability_is_that_of_the_chain),
          cmocka_unit_test(limits_of_the_probability),
          cmocka_unit_test(limits_of_the_search),
          cmocka_unit_test(a_found_quantity_is_the_smallest),
          cmocka_unit_test(need_table), cmocka_unit_test(need_is_a_likely_quantity),
          cmocka_unit_test(stop_is_the_best_of_all_quantities),
          cmocka_unit_test(stop_at_the_limits),
          cmocka_unit_test(the_policy_is_as_good_as_in_the_table))

/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "fec_trials.h"

static struct fec_sequence make(enum fec_version version, uint16_t m, uint32_t loss_ppm)
{
    struct fec_sequence s;
    size_t bytes = fec_sequence_workspace_bytes();
    void *workspace = malloc(bytes);
    assert_non_null(workspace);
    memset(workspace, 0xee, bytes); /* dirty memory must not matter */
    fec_sequence_make(&s, version, m, loss_ppm, workspace);
    free(workspace);
    return s;
}

static struct fec_sequence natural(enum fec_version version, uint16_t m)
{
    return (struct fec_sequence){.version = version, .m = m};
}

static void every_n_has_one_place(void **state)
{
    (void)state;
    static const uint16_t counts[] = {1,   2,   3,   17,   50,   64,    96,
                                      160, 161, 768, 1536, 8256, 16320, 16383};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct fec_sequence s = make(i % 2 == 0 ? FEC_V1 : FEC_V2, counts[i], 50000);
        uint8_t seen[FEC_N_MAX + 1] = {0};
        for (uint32_t place = 1; place <= FEC_N_MAX; place++) {
            uint16_t n = fec_sequence_n(&s, place);
            assert_in_range(n, 1, FEC_N_MAX);
            assert_int_equal(seen[n]++, 0);
            assert_int_equal(fec_sequence_place(&s, n), place);
            assert_true(place > s.m || n == place);
        }
        assert_int_equal(fec_sequence_n(&s, 0), 0);
        assert_int_equal(fec_sequence_n(&s, FEC_N_MAX + 1), 0);
        assert_int_equal(fec_sequence_n(&s, UINT32_MAX), 0);
        assert_int_equal(fec_sequence_place(&s, 0), 0);
        assert_int_equal(fec_sequence_place(&s, FEC_N_MAX + 1), 0);
    }
}

static void what_is_not_chosen_follows_ascending(void **state)
{
    (void)state;
    struct fec_sequence s = make(FEC_V1, 40, 50000);
    assert_in_range(s.chosen, 5, FEC_SEQUENCE_CHOSEN_MAX);
    uint16_t before = 0;
    for (uint32_t place = 40U + s.chosen + 1; place <= 400; place++) {
        uint16_t n = fec_sequence_n(&s, place);
        assert_true(n > before);
        before = n;
    }
}

/* Places are persisted: another order for the same input would repeat or skip fragments. */
static void the_order_is_the_same_for_good(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum fec_version version;
        uint16_t m;
        uint32_t loss_ppm;
        uint16_t rows[6];
    } rows[] = {
        {"v1, 17", FEC_V1, 17, 200000, {215, 160, 69, 255, 103, 28}},
        {"v2, 50", FEC_V2, 50, 10000, {234, 100, 128, 99, 214, 120}},
        {"v1, 96", FEC_V1, 96, 200000, {56, 142, 229, 64, 128, 237}},
        {"v1, 384", FEC_V1, 384, 10000, {206, 128, 245, 512}},
        {"v2, 768", FEC_V2, 768, 10000, {245, 94, 1013, 101}},
        {"v1, 1536", FEC_V1, 1536, 300000, {245, 1975, 1358, 2048}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct fec_sequence s = make(rows[i].version, rows[i].m, rows[i].loss_ppm);
        assert_memory_equal(s.row, rows[i].rows, sizeof(rows[i].rows));
    }
}

static void sound_counts_keep_the_natural_order(void **state)
{
    (void)state;
    static const uint16_t counts[] = {1, 161, 256, 383, 512, 769, 2000, 16384 - 1};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct fec_sequence s = make(FEC_V1, counts[i], 50000);
        assert_int_equal(s.chosen, 0);
        assert_int_equal(s.last, 0);
    }
}

static void who_asks_for_the_natural_order_has_it_at_any_count(void **state)
{
    (void)state;
    static const uint16_t counts[] = {1, 17, 96, 384, 1000};
    struct fec_sequence s;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        fec_sequence_natural(&s, FEC_V1, counts[i]);
        for (uint16_t place = 1; place <= counts[i] + 300; place++) {
            assert_int_equal(fec_sequence_n(&s, place), place);
            assert_int_equal(fec_sequence_place(&s, place), place);
        }
    }
}

static void any_loss_gives_an_order(void **state)
{
    (void)state;
    static const uint32_t losses[] = {0, 1, 999999, 1000000, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
        struct fec_sequence s = make(FEC_V1, 20, losses[i]);
        assert_in_range(s.chosen, 1, FEC_SEQUENCE_CHOSEN_MAX);
        s = make(FEC_V2, 2, losses[i]);
        assert_in_range(s.chosen, 0, FEC_SEQUENCE_CHOSEN_MAX);
    }
}

/* performance.md 2.2: who lost both of a pair of twin columns. */
static void twin_columns_are_told_apart_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum fec_version version;
        uint16_t m;
        uint16_t lost[2];
        uint32_t natural; /* coded fragments needed in the natural order */
    } rows[] = {
        {"383", FEC_V1, 383, {191, 254}, 3},
        {"384", FEC_V1, 384, {191, 254}, 206},
        {"385", FEC_V1, 385, {191, 254}, 4},
        {"384, others", FEC_V1, 384, {100, 200}, 11},
        {"767", FEC_V1, 767, {257, 384}, 2},
        {"768", FEC_V1, 768, {257, 384}, 512},
        {"769", FEC_V1, 769, {257, 384}, 4},
        {"640", FEC_V1, 640, {319, 510}, 78},
        {"641", FEC_V1, 641, {319, 510}, 2},
        {"1536", FEC_V1, 1536, {768, 1025}, 1975},
        {"1537", FEC_V1, 1537, {768, 1025}, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct fec_sequence s = natural(rows[i].version, rows[i].m);
        struct fec_trials *t = fec_trials_open(&s);
        assert_int_equal(fec_trial_lost(t, rows[i].lost, 2), rows[i].natural);
        s = make(rows[i].version, rows[i].m, 50000);
        assert_in_range(fec_trial_lost(t, rows[i].lost, 2), 2, 11);
        fec_trials_close(t);
    }
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Of 99 % of the devices, for M with twins and its sound neighbour. */
static void a_count_with_twins_costs_no_more_than_its_neighbour(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum fec_version version;
        uint16_t m;
    } rows[] = {{"192, v1", FEC_V1, 192}, {"192, v2", FEC_V2, 192}, {"320", FEC_V1, 320}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct fec_sequence s = make(rows[i].version, rows[i].m, 200000);
        struct fec_sequence sound = natural(rows[i].version, (uint16_t)(rows[i].m + 1));
        struct fec_trials *twins = fec_trials_open(&s);
        struct fec_trials *neighbour = fec_trials_open(&sound);
        fec_trials_run(twins, 200000, 1000, 1);
        fec_trials_run(neighbour, 200000, 1000, 1);
        uint32_t want = fec_trials_quantile(neighbour, 10000);
        assert_in_range(fec_trials_quantile(twins, 10000), 1, want + want / 25);
        fec_trials_close(twins);
        fec_trials_close(neighbour);
    }
}

/* performance.md 2.3, R99; the rest of the table is in bench-redundancy. */
static void chosen_rows_need_less_redundancy(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum fec_version version;
        uint16_t m;
        uint32_t loss_ppm;
        uint32_t natural;
        uint32_t chosen;
    } rows[] = {
        {"8, 5 %, v1", FEC_V1, 8, 50000, 5, 4},
        {"12, 20 %, v1", FEC_V1, 12, 200000, 15, 12},
        {"17, 5 %, v1", FEC_V1, 17, 50000, 23, 6},
        {"17, 5 %, v2", FEC_V2, 17, 50000, 7, 6},
        {"40, 5 %, v1", FEC_V1, 40, 50000, 14, 9},
        {"40, 5 %, v2", FEC_V2, 40, 50000, 12, 9},
        {"50, 5 %, v1", FEC_V1, 50, 50000, 16, 10},
        {"84, 5 %, v1", FEC_V1, 84, 50000, 18, 14},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct fec_sequence order = natural(rows[i].version, rows[i].m);
        struct fec_trials *t = fec_trials_open(&order);
        fec_trials_run(t, rows[i].loss_ppm, 4000, 1);
        uint32_t plain = fec_trials_quantile(t, 10000);
        int64_t plain_overhead = t->overhead;
        order = make(rows[i].version, rows[i].m, rows[i].loss_ppm);
        fec_trials_run(t, rows[i].loss_ppm, 4000, 1);
        assert_in_range(plain, rows[i].natural - 1, rows[i].natural + 1);
        assert_in_range(fec_trials_quantile(t, 10000), 1, rows[i].chosen + 1);
        assert_true(t->overhead < plain_overhead);
        fec_trials_close(t);
    }
}

/* performance.md 2.4, the real rows; larger M are in bench-redundancy. */
static void real_rows_need_what_the_table_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum fec_version version;
        uint16_t m;
        uint32_t loss_ppm;
        uint32_t r99;
    } rows[] = {
        {"50, 1 %, v1", FEC_V1, 50, 10000, 15},
        {"50, 1 %, v2", FEC_V2, 50, 10000, 8},
        {"50, 5 %, v1", FEC_V1, 50, 50000, 16},
        {"50, 5 %, v2", FEC_V2, 50, 50000, 12},
        {"50, 10 %, v1", FEC_V1, 50, 100000, 19},
        {"50, 10 %, v2", FEC_V2, 50, 100000, 16},
        {"50, 20 %, v1", FEC_V1, 50, 200000, 27},
        {"50, 20 %, v2", FEC_V2, 50, 200000, 26},
        {"50, 40 %, v1", FEC_V1, 50, 400000, 57},
        {"200, 1 %, v1", FEC_V1, 200, 10000, 10},
        {"200, 5 %, v1", FEC_V1, 200, 50000, 22},
        {"200, 5 %, v2", FEC_V2, 200, 50000, 22},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct fec_sequence order = natural(rows[i].version, rows[i].m);
        struct fec_trials *t = fec_trials_open(&order);
        fec_trials_run(t, rows[i].loss_ppm, 3000, 3);
        uint32_t noise = larger(1, rows[i].r99 / 50);
        assert_in_range(fec_trials_quantile(t, 10000), rows[i].r99 - noise,
                        rows[i].r99 + noise);
        fec_trials_close(t);
    }
}

/* What a device misses after all fragments but exactly `dropped` of them, at random. */
static uint32_t missing_after(struct fec_trials *t, uint32_t sent, uint32_t dropped,
                              uint64_t seed)
{
    static const uint8_t zero;
    struct prng prng = prng_seeded(seed);
    struct fec_decoder dec;
    fec_trial_decoder(t, &dec);
    for (uint32_t place = 1; place <= sent; place++) {
        if (prng_below(&prng, sent - place + 1) < dropped) {
            dropped--;
        } else {
            fec_decoder_push(&dec, fec_sequence_n(t->sequence, place), &zero);
        }
    }
    return dec.missing;
}

/* A field test (performance.md 1.3): 3354 fragments and as many coded ones. */
static void half_of_everything_is_about_one_short(void **state)
{
    (void)state;
    enum { M = 3354 };
    struct fec_sequence order = make(FEC_V2, M, 450000);
    struct fec_trials *t = fec_trials_open(&order);
    uint32_t missing = 0;
    assert_int_equal(order.chosen, 0);
    assert_int_equal(missing_after(t, 2 * M, 2 * M * 45 / 100, 1), 0);
    for (uint64_t seed = 1; seed <= 6; seed++) {
        missing += missing_after(t, 2 * M, M, seed);
    }
    assert_in_range(missing, 2, 10); /* .85 each on average */
    fec_trials_close(t);
}

TEST_MAIN(cmocka_unit_test(every_n_has_one_place),
          cmocka_unit_test(what_is_not_chosen_follows_ascending),
          cmocka_unit_test(the_order_is_the_same_for_good),
          cmocka_unit_test(sound_counts_keep_the_natural_order),
          cmocka_unit_test(who_asks_for_the_natural_order_has_it_at_any_count),
          cmocka_unit_test(any_loss_gives_an_order),
          cmocka_unit_test(twin_columns_are_told_apart_at_once),
          cmocka_unit_test(a_count_with_twins_costs_no_more_than_its_neighbour),
          cmocka_unit_test(chosen_rows_need_less_redundancy),
          cmocka_unit_test(real_rows_need_what_the_table_says),
          cmocka_unit_test(half_of_everything_is_about_one_short))

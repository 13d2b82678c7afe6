/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "fleet.h"
#include "fuota-bench/cover_best.h"
#include "temp.h"

enum { COLUMNS_MAX = 32 };

struct problem {
    uint32_t first[COLUMNS_MAX];
    uint32_t columns[COLUMNS_MAX];
    uint8_t demand[COLUMNS_MAX];
    struct cover_rows rows;
};

static void begin(struct problem *p)
{
    *p = (struct problem){0};
    p->rows = (struct cover_rows){
        .first = p->first, .columns = p->columns, .demand = p->demand};
}

/* Bit g of set: gateway g. */
static void row(struct problem *p, uint32_t set, uint8_t demand)
{
    uint32_t at = p->first[p->rows.count];
    for (uint32_t g = 0; g < 32; g++) {
        if ((set >> g & 1) != 0) {
            p->columns[at++] = g;
        }
    }
    p->demand[p->rows.count++] = demand;
    p->first[p->rows.count] = at;
}

static void rows_that_others_imply_are_dropped(void **state)
{
    (void)state;
    static struct problem p;
    begin(&p);
    row(&p, 0x0f, 1);
    row(&p, 0x03, 1);
    row(&p, 0x03, 2); /* implies the one above, and both larger ones */
    row(&p, 0x03, 2);
    row(&p, 0x07, 2);
    row(&p, 0x30, 1);
    row(&p, 0x38, 2); /* asks for more than the row within it */
    assert_int_equal(cover_rows_reduce(&p.rows), FUO_OK);
    assert_int_equal(p.rows.count, 3);
    assert_int_equal(p.demand[0], 2);
    assert_int_equal(p.columns[0], 0);
    assert_int_equal(p.columns[1], 1);
    assert_int_equal(p.demand[1], 1);
    assert_int_equal(p.columns[2], 4);
    assert_int_equal(p.first[3], 7);
}

/* A program that answers as cbc would, or not at all. */
static void fake_solver(const char *path, const char *relaxed, const char *integers)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\nprintf '%s' >\"$4\"\nprintf '%s' >\"$9\"\n", relaxed,
            integers);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

static int ask_fake(const char *relaxed, const char *integers,
                    struct cover_answer *answer)
{
    static struct problem p;
    struct temp temp = temp_create();
    char path[2 * TEMP_PATH_SIZE];
    begin(&p);
    row(&p, 0x3, 1);
    row(&p, 0x6, 1);
    fake_solver(temp_path(&temp, "solver", path), relaxed, integers);
    int err = cover_best_solve(&p.rows, path, 5, answer);
    temp_remove(&temp);
    return err;
}

static void answers_of_a_solver_are_read_and_checked(void **state)
{
    (void)state;
    static const char good[] = "Optimal - objective value 1.25000000\\n";
    static const struct {
        const char *name;
        const char *relaxed;
        const char *integers;
        int err;
        struct cover_answer want;
    } rows[] = {
        {"optimal",
         good,
         "Optimal - objective value 1.00000000\\n      1 x1  1  1\\n",
         FUO_OK,
         {1, 1250, true}},
        {"out of time, nearly integers",
         good,
         "Stopped on time - objective value 2.0\\n 0 x0 0.9999999 1\\n 1 x1 1e-9 0\\n"
         " 2 x2 1 1\\n",
         FUO_OK,
         {2, 1250, false}},
        {"no cover", good, "Optimal - objective value 1\\n 0 x0 1 1\\n", FUO_EPROTO, {0}},
        {"unknown gateway",
         good,
         "Optimal - objective value 1\\n 9 x9 1 1\\n",
         FUO_EPROTO,
         {0}},
        {"infeasible", good, "Infeasible - objective value 1\\n", FUO_EPROTO, {0}},
        {"nothing", good, "", FUO_EPROTO, {0}},
        {"no relaxation",
         "",
         "Optimal - objective value 1\\n 1 x1 1 1\\n",
         FUO_EPROTO,
         {0}},
        {"another heading", "hello\\n", "hello\\n", FUO_EPROTO, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cover_answer got = {.chosen = 4711};
        test_row(rows[i].name);
        assert_int_equal(ask_fake(rows[i].relaxed, rows[i].integers, &got), rows[i].err);
        if (rows[i].err != FUO_OK) {
            assert_int_equal(got.chosen, 4711);
            continue;
        }
        assert_int_equal(got.chosen, rows[i].want.chosen);
        assert_int_equal(got.lp_milli, rows[i].want.lp_milli);
        assert_int_equal(got.optimal, rows[i].want.optimal);
    }
}

static void without_a_solver_there_is_no_answer(void **state)
{
    (void)state;
    static struct problem p;
    struct cover_answer answer = {.chosen = 4711};
    begin(&p);
    row(&p, 1, 1);
    assert_int_equal(cover_best_solve(&p.rows, "/nonexistent/cbc", 1, &answer),
                     FUO_ENOENT);
    assert_int_equal(cover_best_solve(&p.rows, "false", 1, &answer), FUO_EPROTO);
    assert_int_equal(answer.chosen, 4711);
    begin(&p);
    assert_int_equal(cover_best_solve(&p.rows, "/nonexistent/cbc", 1, &answer), FUO_OK);
    assert_int_equal(answer.chosen, 0);
    assert_true(answer.optimal);
}

/* *kept is for restore_env(), which frees it. */
static void replace_env(const char *name, const char *value, char **kept)
{
    const char *before = getenv(name);
    *kept = before != NULL ? strdup(before) : NULL;
    assert_int_equal(setenv(name, value, 1), 0);
}

static void restore_env(const char *name, char *kept)
{
    if (kept != NULL) {
        assert_int_equal(setenv(name, kept, 1), 0);
    } else {
        assert_int_equal(unsetenv(name), 0);
    }
    free(kept);
}

static void its_files_are_where_tmpdir_says_and_go_away(void **state)
{
    (void)state;
    static const char text[] = "Optimal - objective value 1\\n 1 x1 1 1\\n";
    struct cover_answer answer;
    struct temp temp = temp_create();
    char *kept = NULL;
    char script[2 * TEMP_PATH_SIZE];
    char folder[2 * TEMP_PATH_SIZE];
    static struct problem p;
    begin(&p);
    row(&p, 0x3, 1);
    fake_solver(temp_path(&temp, "solver", script), text, text);
    (void)temp_path(&temp, "folder", folder);
    replace_env("TMPDIR", folder, &kept);
    assert_int_equal(cover_best_solve(&p.rows, script, 5, &answer), FUO_EIO);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(cover_best_solve(&p.rows, script, 5, &answer), FUO_OK);
    assert_int_equal(rmdir(folder), 0);           /* empty */
    assert_int_equal(setenv("TMPDIR", "", 1), 0); /* as if it were not set */
    assert_int_equal(cover_best_solve(&p.rows, script, 5, &answer), FUO_OK);
    restore_env("TMPDIR", kept);
    temp_remove(&temp);
}

static void need_cbc(void)
{
    static struct problem p;
    struct cover_answer answer;
    begin(&p);
    row(&p, 1, 1);
    if (cover_best_solve(&p.rows, NULL, 5, &answer) != FUO_OK) {
        fail_msg("cbc does not answer: is coinor-cbc installed? "
                 "(scripts/install-deps.sh test)");
    }
}

static void cbc_finds_the_best_cover_and_the_linear_bound(void **state)
{
    (void)state;
    static struct problem p;
    struct cover_answer answer;
    need_cbc();
    begin(&p); /* a triangle: two gateways, one and a half in the relaxation */
    row(&p, 0x3, 1);
    row(&p, 0x6, 1);
    row(&p, 0x5, 1);
    assert_int_equal(cover_best_solve(&p.rows, NULL, 5, &answer), FUO_OK);
    assert_int_equal(answer.chosen, 2);
    assert_int_equal(answer.lp_milli, 1500);
    assert_true(answer.optimal);
    begin(&p); /* twofold */
    row(&p, 0x7, 2);
    row(&p, 0xc, 1);
    assert_int_equal(cover_best_solve(&p.rows, NULL, 5, &answer), FUO_OK);
    assert_int_equal(answer.chosen, 2);
    assert_int_equal(answer.lp_milli, 2000);
}

static struct fleet f;
static struct world_transmission tx;
static uint32_t members[FLEET_DEVICES];
static uint64_t senders;

static void of_many_transmissions_some_far_apart_are_chosen(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 7, COVER_BEST_MANY, COVER_BEST_MANY + 1, 5110};
    for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
        size_t count = counts[k];
        size_t searched = cover_best_searched(count);
        assert_int_equal(searched, count > COVER_BEST_MANY ? COVER_BEST_SAMPLE : count);
        for (size_t i = 0; i < searched; i++) {
            /* One of each part, of as many parts of one size as are searched. */
            size_t chosen = cover_best_choose(count, i);
            assert_true(chosen * searched >= i * count);
            assert_true(chosen * searched < (i + 1) * count);
        }
    }
}

/* Nobody asks for anything, so cbc is not needed; those that are not chosen have more gateways
 * than can be overlooked. */
static struct cover_best sum_of(size_t count)
{
    static uint64_t one = 1;
    static uint64_t all = 0xff;
    struct cover_best best = {.solver = false};
    struct world_transmission *many = calloc(count, sizeof(*many));
    assert_non_null(many);
    fleet_init(&f, FLEET_GATEWAYS);
    for (size_t i = 0; i < count; i++) {
        many[i].senders = &all;
    }
    for (size_t i = 0; i < cover_best_searched(count); i++) {
        many[cover_best_choose(count, i)].senders = &one;
    }
    f.t.transmissions = many;
    f.t.transmission_count = count;
    assert_int_equal(cover_best_compute(&f.s, &f.t, f.reachable, &best), FUO_OK);
    free(many);
    return best;
}

static void sums_are_over_those_that_were_chosen(void **state)
{
    (void)state;
    static const size_t counts[] = {1, COVER_BEST_MANY, COVER_BEST_MANY + 1, 5110};
    for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
        struct cover_best best = sum_of(counts[k]);
        assert_true(best.solver && best.all_optimal);
        assert_int_equal(best.searched, cover_best_searched(counts[k]));
        assert_int_equal(best.ours, best.searched);
    }
}

/* All devices in one transmission at DR0; set: the gateways that sent a fragment. */
static struct cover_best compare(uint32_t set)
{
    struct cover_best best;
    senders = set & ((UINT64_C(1) << f.s.gateway_count) - 1);
    for (uint32_t i = 0; i < f.s.device_count; i++) {
        members[i] = i;
    }
    tx = (struct world_transmission){
        .devices = members, .device_count = f.s.device_count, .senders = &senders};
    f.t.transmissions = &tx;
    f.t.transmission_count = 1;
    assert_int_equal(cover_best_compute(&f.s, &f.t, f.reachable, &best), FUO_OK);
    return best;
}

static void strong_links_ask_for_one_gateway_thin_ones_for_two(void **state)
{
    (void)state;
    need_cbc();
    fleet_init(&f, 4);
    fleet_add(&f, 0); /* one of 0 and 1 */
    fleet_link(&f, 0, 1500);
    fleet_link(&f, 1, 600);
    fleet_link(&f, 2, 400);
    struct cover_best best = compare(0x3);
    assert_int_equal(best.ours, 2);
    assert_int_equal(best.best, 1);
    assert_int_equal(best.lp_milli, 1000);
    assert_int_equal(best.searched, 1);
    assert_true(best.solver);
    assert_true(best.all_optimal);

    fleet_add(&f, 0); /* two of 1, 2 and 3 */
    fleet_link(&f, 1, 900);
    fleet_link(&f, 2, 800);
    fleet_link(&f, 3, 100);
    assert_int_equal(compare(0xf).best, 2);
    assert_int_equal(compare(0xe).best, 2);
    /* Ours gives the second device one only: no more is asked for. */
    assert_int_equal(compare(0x3).best, 1);

    fleet_add(&f, 0); /* has nothing but 0 */
    fleet_link(&f, 0, 900);
    assert_int_equal(compare(0xf).best, 3);
    /* What ours leaves uncovered counts for nothing, nor does who is not asked for. */
    assert_int_equal(compare(0xe).best, 2);
    f.reachable[2] = 0;
    assert_int_equal(compare(0xf).best, 2);
}

static void ours_alone_is_the_best_known_where_nobody_asks(void **state)
{
    (void)state;
    fleet_init(&f, 2);
    struct cover_best best = compare(0x3);
    assert_int_equal(best.ours, 2);
    assert_int_equal(best.best, 0);
}

enum { SENDER_SETS = 4 };

/* As many transmissions, of one device each; the third has another one, and a second row. Each
 * asks for one of the gateways that sent. PATH has no more than the folder. */
static struct cover_best compare_at(char *folder)
{
    static uint64_t sets[SENDER_SETS] = {0x3, 0x7, 0xf, 0x3f};
    static uint32_t pair[] = {0, 1};
    static struct world_transmission several[SENDER_SETS];
    struct cover_best best = {.searched = 4711};
    char *kept = NULL;
    fleet_init(&f, 6);
    fleet_add(&f, 0);
    fleet_link(&f, 0, 1500);
    fleet_add(&f, 0);
    fleet_link(&f, 1, 1500);
    for (size_t i = 0; i < SENDER_SETS; i++) {
        several[i] = (struct world_transmission){
            .devices = pair, .device_count = i == 2 ? 2 : 1, .senders = &sets[i]};
    }
    f.t.transmissions = several;
    f.t.transmission_count = SENDER_SETS;
    replace_env("PATH", folder, &kept);
    assert_int_equal(cover_best_compute(&f.s, &f.t, f.reachable, &best), FUO_OK);
    restore_env("PATH", kept);
    return best;
}

static void a_transmission_without_an_answer_is_in_no_sum(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *mishap;
    } rows[] = {
        {"ends with 1", "exit 1"},
        {"killed", "kill -KILL $$"},
        {"no time for any", "echo 'Stopped on time - objective value 1' >\"$9\"; exit 0"},
        {"nothing", "exit 0"},
    };
    struct temp temp = temp_create();
    char path[2 * TEMP_PATH_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        FILE *script = fopen(temp_path(&temp, "cbc", path), "w");
        assert_non_null(script);
        fprintf(script,
                "#!/bin/sh\nwhile read -r line; do case $line in r1:*) %s;; esac; done "
                "<\"$1\"\n"
                "echo 'Optimal - objective value 1' >\"$4\"\n"
                "printf 'Optimal - objective value 1\\n 0 x0 1 1\\n' >\"$9\"\n",
                rows[i].mishap);
        assert_int_equal(fclose(script), 0);
        assert_int_equal(chmod(path, 0700), 0);
        struct cover_best best = compare_at(temp.folder);
        assert_true(best.solver);
        assert_false(best.all_optimal);
        assert_int_equal(best.searched, 3);
        assert_int_equal(best.left_out, 1);
        assert_int_equal(best.ours, 2 + 3 + 6);
        assert_int_equal(best.best, 3);
        assert_int_equal(best.lp_milli, 3000);
    }
    temp_remove(&temp);
}

static void without_a_solver_there_are_no_sums(void **state)
{
    (void)state;
    struct temp temp = temp_create();
    struct cover_best best = compare_at(temp.folder);
    assert_false(best.solver || best.all_optimal);
    assert_int_equal(best.searched, 0);
    assert_int_equal(best.left_out, 0);
    assert_int_equal(best.ours, 0);
    assert_int_equal(best.best, 0); /* else there were a figure: the best */
    temp_remove(&temp);
}

TEST_MAIN(cmocka_unit_test(rows_that_others_imply_are_dropped),
          cmocka_unit_test(answers_of_a_solver_are_read_and_checked),
          cmocka_unit_test(without_a_solver_there_is_no_answer),
          cmocka_unit_test(its_files_are_where_tmpdir_says_and_go_away),
          cmocka_unit_test(cbc_finds_the_best_cover_and_the_linear_bound),
          cmocka_unit_test(of_many_transmissions_some_far_apart_are_chosen),
          cmocka_unit_test(sums_are_over_those_that_were_chosen),
          cmocka_unit_test(strong_links_ask_for_one_gateway_thin_ones_for_two),
          cmocka_unit_test(ours_alone_is_the_best_known_where_nobody_asks),
          cmocka_unit_test(a_transmission_without_an_answer_is_in_no_sum),
          cmocka_unit_test(without_a_solver_there_are_no_sums))

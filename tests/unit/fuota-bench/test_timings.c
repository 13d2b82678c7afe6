/* SPDX-License-Identifier: MIT */
/* The three timings: whichever process makes a run, its figures are the same. */
#include <stdlib.h>
#include <string.h>

#include "fuota-bench/reachable.h"
#include "fuota-bench/report.h"
#include "fuota-bench/timings.h"
#include "test.h"

enum { DEVICES = 120 };

static struct world_scenario scenario;
static uint8_t reachable[DEVICES];

static int make(void **state)
{
    (void)state;
    assert_int_equal(world_scenario_square(&scenario, 3, 3, DEVICES, 4000), FUO_OK);
    (void)reachable_devices(&scenario, reachable);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    world_scenario_finish(&scenario);
    return 0;
}

static struct timings run(const struct timings_options *options)
{
    struct timings t = {0};
    struct clock clock;
    assert_int_equal(clock_init(&clock, NULL), FUO_OK);
    assert_int_equal(timings_run(&clock, &scenario, options, reachable, &t), FUO_OK);
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        t.figures[i].wall_run_us = 0; /* alone may differ */
        t.figures[i].wall_yardsticks_us = 0;
    }
    return t;
}

/* It is what ChirpStack alone comes to beside that timing. */
static void is_strategy_of(const struct strategy *s, enum world_timing timing, uint8_t dr)
{
    struct strategy one;
    assert_int_equal(strategy_chirpstack(&scenario, timing, dr, reachable, &one), FUO_OK);
    assert_int_equal(s->dr, one.dr);
    assert_int_equal(s->makespan_us, one.makespan_us);
    assert_int_equal(s->t95_us, one.t95_us);
    assert_int_equal(s->listening_us, one.listening_us);
    assert_int_equal(s->frames, one.frames);
    assert_int_equal(s->completed, one.completed);
    assert_int_equal(s->margin_us, one.margin_us);
    strategy_drop_devices(&one);
}

/* free() it. */
static char *json_of(const struct timings *t)
{
    struct report r = {.scenario = &scenario,
                       .traces = t->traces,
                       .figures = t->figures,
                       .ran = {t->ran[0], t->ran[1], t->ran[2]}};
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    report_json(f, &r);
    assert_int_equal(fclose(f), 0);
    return text;
}

static void processes_of_their_own_give_the_same(void **state)
{
    (void)state;
    struct timings_options options = {.wanted = {true, true, true}, .at_once = 1};
    struct timings here = run(&options);
    char *expected = json_of(&here);
    for (options.at_once = 2; options.at_once <= 8; options.at_once *= 2) {
        struct timings apart = run(&options);
        char *text = json_of(&apart);
        assert_string_equal(text, expected);
        for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
            assert_true(apart.ran[i] && apart.figures[i].completed > 0);
            assert_null(apart.figures[i].best.complete_us);
            assert_null(here.traces[i].devices);
        }
        free(text);
        timings_finish(&apart);
    }
    free(expected);
    timings_finish(&here);
}

/* Each timing has the strategies that it would have alone. */
static void have_strategies(const struct timings *t, const bool *wanted)
{
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        assert_true(t->ran[i] == wanted[i]);
        if (t->ran[i]) {
            is_strategy_of(&t->figures[i].best, (enum world_timing)i, CHIRPSTACK_ANY_DR);
            is_strategy_of(&t->figures[i].dr0, (enum world_timing)i, 0);
        }
    }
}

static void timings_have_the_strategies_of_their_margin(void **state)
{
    (void)state;
    static const bool wanted[][WORLD_TIMING_COUNT] = {{true, true, true},
                                                      {true, false, true},
                                                      {false, true, true},
                                                      {false, false, true}};
    for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++) {
        struct timings_options options = {.at_once = 2};
        memcpy(options.wanted, wanted[k], sizeof(wanted[k]));
        struct timings t = run(&options);
        have_strategies(&t, wanted[k]);
        timings_finish(&t);
    }
}

static void tables_are_kept_where_they_are_wanted(void **state)
{
    (void)state;
    struct timings_options options = {
        .wanted = {false, true, true}, .tables = true, .at_once = 2};
    struct timings t = run(&options);
    assert_false(t.ran[0]);
    for (int i = 1; i < WORLD_TIMING_COUNT; i++) {
        assert_true(t.ran[i]);
        assert_non_null(t.traces[i].frames);
        assert_non_null(t.figures[i].best.complete_us);
        assert_non_null(t.figures[i].dr0.listened_us);
    }
    /* One margin, one strategy. */
    assert_ptr_equal(t.figures[1].best.complete_us, t.figures[2].best.complete_us);
    timings_finish(&t);
}

static void an_error_is_that_of_the_run(void **state)
{
    (void)state;
    struct timings t = {0};
    struct clock clock;
    size_t image_bytes = scenario.image_bytes;
    assert_int_equal(clock_init(&clock, NULL), FUO_OK);
    scenario.image_bytes = 10000000; /* more than ChirpStack can cut */
    for (size_t at_once = 1; at_once <= 2; at_once++) {
        struct timings_options options = {.wanted = {true, true, true},
                                          .at_once = at_once};
        assert_int_equal(timings_run(&clock, &scenario, &options, reachable, &t),
                         FUO_ERANGE);
        assert_false(t.ran[0] || t.ran[1] || t.ran[2]);
        timings_finish(&t);
    }
    scenario.image_bytes = image_bytes;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_of_their_own_give_the_same),
        cmocka_unit_test(timings_have_the_strategies_of_their_margin),
        cmocka_unit_test(tables_are_kept_where_they_are_wanted),
        cmocka_unit_test(an_error_is_that_of_the_run),
    };
    return cmocka_run_group_tests(tests, make, finish);
}

/* SPDX-License-Identifier: MIT */
/* Whole campaigns against small fleets: what must hold in every run. */
#include <string.h>

#include "campaign/record.h"
#include "test.h"
#include "world/world.h"

static void run(const char *name, uint64_t seed, enum world_timing timing,
                struct world_scenario *s, struct world_trace *t)
{
    struct world_config config = {.timing = timing, .install = true};
    assert_int_equal(world_scenario_make(s, name, seed), FUO_OK);
    assert_int_equal(world_run(s, &config, t), FUO_OK);
}

static void check_heard(const struct world_transmission *x)
{
    for (size_t n = 0; n < x->number_count; n++) {
        for (size_t k = x->device_count; k < (size_t)64 * x->numbers[n].words; k++) {
            assert_false(world_trace_heard(x, k, n));
        }
    }
}

static void check_trace(const struct world_scenario *s, const struct world_trace *t)
{
    assert_int_equal(world_trace_violations(t, s), 0);
    assert_int_equal(t->violations, 0);
    for (size_t i = 0; i < t->device_count; i++) {
        const struct world_device_trace *d = &t->devices[i];
        assert_true(d->complete_us <= t->end_us);
        assert_true(d->outcome != OUTCOME_SUCCEEDED || d->complete_us >= 0);
        assert_true(d->complete_us < 0 || d->transmission < t->transmission_count);
        assert_true(d->uplinks_received <= d->uplinks);
    }
    for (size_t i = 0; i < t->transmission_count; i++) {
        check_heard(&t->transmissions[i]);
    }
}

static void a_town_is_updated_within_the_law(void **state)
{
    (void)state;
    for (int timing = 0; timing < WORLD_TIMING_COUNT; timing++) {
        struct world_scenario s;
        struct world_trace t;
        size_t complete = 0;
        run("town", 1, (enum world_timing)timing, &s, &t);
        check_trace(&s, &t);
        for (size_t i = 0; i < t.device_count; i++) {
            complete += t.devices[i].complete_us >= 0;
        }
        assert_true(complete * 100 >= t.device_count * 95);
        assert_false(t.cut);
        world_trace_finish(&t);
        world_scenario_finish(&s);
    }
}

static void the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    struct world_scenario s[2];
    struct world_trace t[2];
    run("town", 3, WORLD_TIMING_DIRECT, &s[0], &t[0]);
    run("town", 3, WORLD_TIMING_DIRECT, &s[1], &t[1]);
    assert_int_equal(t[0].frame_count, t[1].frame_count);
    assert_int_equal(t[0].events, t[1].events);
    for (size_t i = 0; i < t[0].device_count; i++) {
        assert_true(t[0].devices[i].complete_us == t[1].devices[i].complete_us);
        assert_true(t[0].devices[i].listening_us == t[1].devices[i].listening_us);
    }
    for (int i = 0; i < 2; i++) {
        world_trace_finish(&t[i]);
        world_scenario_finish(&s[i]);
    }
}

static void timings_have_names_margins_and_ticks(void **state)
{
    (void)state;
    assert_string_equal(world_timing_name(WORLD_TIMING_MARGIN1S), "margin1s");
    assert_true(world_timing_margin_us(WORLD_TIMING_STOCK) == 5000000);
    assert_true(world_timing_margin_us(WORLD_TIMING_DIRECT) == 0);
    int64_t tick_us = world_next_tick_us(123456789);
    assert_true(tick_us >= 123456789 && tick_us < 124456789);
    assert_true(world_next_tick_us(tick_us) == tick_us);
    assert_true(world_next_tick_us(tick_us + 1) == tick_us + 1000000);
}

/* Two gateways, an hour that holds too much, one that just does not. */
static void violations_are_counted_per_gateway_band_and_hour(void **state)
{
    (void)state;
    struct world_scenario s = {.params = {.legal_ppm = 100000, .narrow_legal_ppm = 10000},
                               .gateway_count = 2};
    struct world_frame frames[3];
    struct world_trace t = {.frames = frames};
    memset(frames, 0, sizeof(frames));
    assert_int_equal(world_trace_violations(&t, &s), 0);
    for (uint32_t i = 0; i < 3; i++) {
        frames[i].at_us = (int64_t)i * 1200000000;
        frames[i].airtime_us = 130000000;
        frames[i].frequency = WORLD_CLASS_C_HZ / WORLD_FRAME_HZ;
    }
    t.frame_count = 3;
    assert_int_equal(world_trace_violations(&t, &s), 1);
    frames[1].gateway = 1;
    assert_int_equal(world_trace_violations(&t, &s), 0);
    frames[1].gateway = 0;
    frames[2].at_us = 3600000000 - 100000000; /* 30 s of the first are in its hour */
    assert_int_equal(world_trace_violations(&t, &s), 0);
    frames[2].frequency = 868100000 / WORLD_FRAME_HZ; /* 1 % there */
    assert_int_equal(world_trace_violations(&t, &s), 1);
    /* One that is told when it ends, behind the one that begins then. */
    frames[1].at_us = 490000000;
    frames[2] = frames[0];
    frames[2].at_us = 360000000;
    assert_int_equal(world_trace_violations(&t, &s), 1);
}

/* With frames or without: what they add up to. */
static void frames_that_are_not_kept_count(void **state)
{
    (void)state;
    struct world_scenario s;
    struct world_trace t[2];
    assert_int_equal(world_scenario_square(&s, 3, 3, 120, 4000), FUO_OK);
    for (int i = 0; i < 2; i++) {
        struct world_config config = {.timing = WORLD_TIMING_STOCK, .no_frames = i == 1};
        assert_int_equal(world_run(&s, &config, &t[i]), FUO_OK);
    }
    int64_t airtime_us = 0;
    uint64_t multicast = 0;
    for (size_t i = 0; i < t[0].frame_count; i++) {
        const struct world_frame *f = &t[0].frames[i];
        multicast += f->kind != WORLD_FRAME_UNICAST;
        airtime_us += f->kind != WORLD_FRAME_UNICAST ? f->airtime_us : 0;
        assert_true(f->kind != WORLD_FRAME_FRAGMENT ||
                    world_trace_sent(&t[1].transmissions[f->transmission], f->gateway));
    }
    assert_true(multicast > 0 && multicast < t[0].frame_count);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(t[i].frame_count, t[0].frame_count);
        assert_int_equal(t[i].multicast_frames, multicast);
        assert_int_equal(t[i].multicast_us, airtime_us);
    }
    assert_null(t[1].frames);
    for (int i = 0; i < 2; i++) {
        world_trace_finish(&t[i]);
    }
    world_scenario_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_town_is_updated_within_the_law),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(timings_have_names_margins_and_ticks),
        cmocka_unit_test(violations_are_counted_per_gateway_band_and_hour),
        cmocka_unit_test(frames_that_are_not_kept_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

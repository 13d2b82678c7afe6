/* SPDX-License-Identifier: MIT */
/* Campaigns with waves, gates and an operator against a fleet of light devices. */
#include <string.h>

#include "campaign/record.h"
#include "campaign/spec.h"
#include "campaign/wave.h"
#include "test.h"
#include "world/world.h"

enum { GATEWAYS = 1, DEVICES = 60, SIDE_M = 2000, IMAGE_BYTES = 8000 };

#define HOUR_US (INT64_C(3600) * 1000000)

static const struct spec_wave waves[] = {
    {.name = "first",
     .size = {.ppm = 200000},
     .success_ppm = 900000,
     .abort_failed_ppm = 500000,
     .abort_attempted = 5,
     .soak_us = 6 * HOUR_US},
    {.name = "rest",
     .size = {.ppm = SPEC_PPM},
     .success_ppm = 900000,
     .abort_failed_ppm = 500000,
     .abort_attempted = 5,
     .approval_required = true},
};

static struct campaign_spec spec_of(const struct world_scenario *s)
{
    struct campaign_spec spec = world_default_spec(s);
    spec.rollout = (struct spec_rollout){.waves = waves,
                                         .wave_count = 2,
                                         .waves_given = true,
                                         .unknown_counts_as_failed = true};
    return spec;
}

static void make(struct world_scenario *s)
{
    assert_int_equal(world_scenario_square(s, 7, GATEWAYS, DEVICES, SIDE_M), FUO_OK);
    s->image_bytes = IMAGE_BYTES;
}

static size_t count_of(const struct world_campaign_trace *c, enum outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        count += c->devices[i].outcome == outcome;
    }
    return count;
}

/* One campaign, with what is asked of the operator and of the devices. */
static void run_one(struct world_config *config, struct world_scenario *s,
                    struct world_trace *t)
{
    make(s);
    const struct campaign_spec spec = spec_of(s);
    const struct world_campaign campaign = {.spec = &spec, .image_bytes = IMAGE_BYTES};
    config->install = true;
    config->campaigns = &campaign;
    config->campaign_count = 1;
    int err = world_run(s, config, t);
    config->campaigns = NULL;
    assert_int_equal(err, FUO_OK);
    assert_false(t->cut);
    assert_int_equal(world_trace_violations(t, s), 0);
}

static void finish(struct world_scenario *s, struct world_trace *t)
{
    world_trace_finish(t);
    world_scenario_finish(s);
}

static void waves_follow_each_other_after_soak_and_approval(void **state)
{
    (void)state;
    struct world_scenario s;
    struct world_trace t;
    struct world_config config = {.approve_after_us = 3 * HOUR_US};
    run_one(&config, &s, &t);
    const struct world_campaign_trace *c = &t.campaigns[0];
    assert_int_equal(c->phase, CAMPAIGN_COMPLETED);
    assert_int_equal(count_of(c, OUTCOME_SUCCEEDED), DEVICES);
    assert_int_equal(c->wave_count, 2);
    assert_int_equal(c->waves[0].total, DEVICES / 5);
    assert_int_equal(c->waves[0].total + c->waves[1].total, DEVICES);
    assert_true(c->waves[1].started_us >= c->waves[0].ended_us + 9 * HOUR_US);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(c->waves[i].verdict, WAVE_SUCCEEDED);
        assert_int_equal(c->waves[i].succeeded, c->waves[i].total);
    }
    finish(&s, &t);
}

static void a_gate_holds_what_would_break_everybody(void **state)
{
    (void)state;
    struct world_scenario s;
    struct world_trace t;
    struct world_config config = {.broken_ppm = WORLD_PPM};
    run_one(&config, &s, &t);
    const struct world_campaign_trace *c = &t.campaigns[0];
    assert_int_equal(c->phase, CAMPAIGN_PAUSED);
    assert_true(c->held);
    assert_non_null(strstr(c->reason, "first"));
    assert_int_equal(c->waves[0].verdict, WAVE_BROKEN);
    assert_int_equal(c->waves[1].attempted, 0);
    assert_true(count_of(c, OUTCOME_NONE) >= DEVICES * 4 / 5);
    assert_int_equal(count_of(c, OUTCOME_SUCCEEDED), 0);
    finish(&s, &t);
}

static void an_abort_ends_everybody(void **state)
{
    (void)state;
    struct world_scenario s;
    struct world_trace t;
    struct world_config config = {.abort_at_us = HOUR_US};
    run_one(&config, &s, &t);
    const struct world_campaign_trace *c = &t.campaigns[0];
    assert_int_equal(c->phase, CAMPAIGN_ABORTED);
    assert_int_equal(count_of(c, OUTCOME_NONE), 0);
    assert_true(count_of(c, OUTCOME_CANCELLED) >= DEVICES * 4 / 5);
    assert_true(c->end_us >= HOUR_US);
    finish(&s, &t);
}

static void a_later_one_of_higher_priority_takes_the_devices(void **state)
{
    (void)state;
    struct world_scenario s;
    struct world_trace t;
    make(&s);
    struct campaign_spec low = spec_of(&s);
    struct campaign_spec high = world_default_spec(&s);
    strcpy(low.name, "low");
    strcpy(high.name, "high");
    high.priority = 900;
    high.image.firmware_version = 3;
    high.image.version = "3";
    const struct world_campaign campaigns[] = {
        {.spec = &low, .image_bytes = IMAGE_BYTES},
        {.spec = &high, .image_bytes = IMAGE_BYTES, .apply_us = 2 * HOUR_US},
    };
    const struct world_config config = {
        .install = true, .campaigns = campaigns, .campaign_count = 2};
    assert_int_equal(world_run(&s, &config, &t), FUO_OK);
    assert_false(t.cut);
    assert_int_equal(t.campaign_count, 2);
    assert_int_equal(count_of(&t.campaigns[1], OUTCOME_SUCCEEDED), DEVICES);
    assert_int_equal(count_of(&t.campaigns[0], OUTCOME_NONE), 0);
    assert_true(count_of(&t.campaigns[0], OUTCOME_SUPERSEDED) > 0);
    for (size_t i = 0; i < t.transmission_count; i++) {
        assert_true(t.transmissions[i].campaign < 2);
    }
    finish(&s, &t);
}

static void too_many_and_none_are_refused(void **state)
{
    (void)state;
    static const size_t counts[] = {0, WORLD_CAMPAIGN_MAX + 1};
    struct world_scenario s;
    struct world_trace t;
    make(&s);
    const struct world_campaign campaigns[WORLD_CAMPAIGN_MAX + 1] = {0};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        const struct world_config config = {.campaigns = campaigns,
                                            .campaign_count = counts[i]};
        assert_int_equal(world_run(&s, &config, &t), FUO_EINVAL);
    }
    world_scenario_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waves_follow_each_other_after_soak_and_approval),
        cmocka_unit_test(a_gate_holds_what_would_break_everybody),
        cmocka_unit_test(an_abort_ends_everybody),
        cmocka_unit_test(a_later_one_of_higher_priority_takes_the_devices),
        cmocka_unit_test(too_many_and_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

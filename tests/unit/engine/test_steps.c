/* SPDX-License-Identifier: MIT */
/* However large a campaign is, a step of the engine does a bounded part of what is due. */
#include "test.h"

#include <string.h>

#include "engine/engine.h"

enum {
    DEVICES = 20000,
    FIRST = 0x1000, /* DevEUI */
    A_FEW = 600, /* more than a step may serve: its limit is the engine's own business */
    EFFECTS_MAX = 10 * A_FEW,
};

struct fleet_rig {
    struct engine *engine;
    struct engine_config config;
    struct effects effects;
    struct campaign_spec spec;
    struct fleet_spec fleet;
    uint8_t image[300];
    uint64_t devices[DEVICES];
    struct utc now;
    struct utc deadline;
    /* stored */
    struct campaign_rec campaign;
    struct member_rec members[DEVICES];
    /* of the last step */
    size_t ended;
    size_t sent;
    size_t effects_count;
};

static struct fleet_rig rig; /* too large for a stack */

static void build(struct fleet_rig *r)
{
    struct engine_fleet fleet = {.id = 1, .spec = &r->fleet, .queue_rows_max = 4};
    r->config.boot++;
    r->engine = engine_create(&r->config);
    assert_int_equal(engine_add_fleet(r->engine, &fleet), FUO_OK);
    for (size_t i = 0; i < DEVICES; i++) {
        struct device_rec rec = {.dev_eui = FIRST + i, .fleet_id = 1};
        r->devices[i] = rec.dev_eui;
        assert_int_equal(engine_add_device(r->engine, &rec), FUO_OK);
    }
}

static struct engine_campaign definition(const struct fleet_rig *r)
{
    return (struct engine_campaign){.id = 1,
                                    .spec = &r->spec,
                                    .image = r->image,
                                    .image_len = sizeof(r->image),
                                    .deadline = r->deadline,
                                    .devices = r->devices,
                                    .device_count = DEVICES};
}

/* All effects of a step are stored and carried out at once. */
static void drain(struct fleet_rig *r)
{
    r->ended = r->sent = 0;
    r->effects_count = r->effects.len;
    for (size_t i = 0; i < r->effects.len; i++) {
        const struct effect *effect = r->effects.items[i];
        r->sent += effect->type == EFFECT_SEND;
        if (effect->type != EFFECT_STORE) {
            continue;
        }
        if (effect->store.kind == STORE_CAMPAIGN) {
            r->campaign = effect->store.campaign;
        } else if (effect->store.kind == STORE_MEMBER) {
            struct member_rec *m = &r->members[effect->store.member.dev_eui - FIRST];
            r->ended += m->outcome == OUTCOME_NONE &&
                        effect->store.member.outcome != OUTCOME_NONE;
            *m = effect->store.member;
        }
    }
    effects_clear(&r->effects);
}

static void step(struct fleet_rig *r, struct engine_event *event)
{
    event->now = (struct instant){r->now.us};
    event->utc = r->now;
    engine_step(r->engine, event, &r->effects);
    drain(r);
}

static bool is_due(const struct fleet_rig *r)
{
    return engine_deadline(r->engine).us <= r->now.us;
}

static void tick(struct fleet_rig *r)
{
    struct engine_event event = {.type = ENGINE_EV_TIMEOUT};
    step(r, &event);
    assert_true(r->effects_count <= EFFECTS_MAX);
}

/* All that is due now, in as many steps as it takes. */
static size_t work(struct fleet_rig *r)
{
    size_t steps = 0;
    while (is_due(r)) {
        tick(r);
        assert_true(r->ended <= A_FEW);
        assert_true(r->sent <= A_FEW);
        steps++;
        assert_true(steps <= DEVICES);
    }
    return steps;
}

static size_t count_outcomes(const struct fleet_rig *r, enum outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        count += r->members[i].outcome == outcome;
    }
    return count;
}

static void control(struct fleet_rig *r, enum engine_control verb)
{
    struct engine_event event = {.type = ENGINE_EV_CONTROL,
                                 .control = {.campaign_id = 1, .verb = verb}};
    step(r, &event);
}

/* Applied, as far as the first step goes. */
static void apply(struct fleet_rig *r)
{
    memset(r, 0, sizeof(*r));
    r->now = (struct utc){SECONDS_US(1800000000)};
    r->deadline = utc_after(r->now, DAYS_US(30));
    memcpy(r->spec.name, "many", 5);
    r->spec.targets.preconditions.max_uplink_age_us = DAYS_US(7);
    r->spec.image.firmware_version = SPEC_AUTO_U32;
    r->spec.retry.command = 4;
    memcpy(r->fleet.name, "many", 5);
    r->fleet.region = "AS923";
    r->fleet.reserve_ppm = 400000;
    r->fleet.default_profile = "generic";
    build(r);
    struct engine_event event = {.type = ENGINE_EV_APPLY, .apply = definition(r)};
    step(r, &event);
    assert_true(r->effects_count <= EFFECTS_MAX);
}

/* The rest of it; returns the steps that it took. */
static size_t place_all(struct fleet_rig *r)
{
    size_t steps = 0;
    while (r->effects.open) {
        r->now.us = engine_deadline(r->engine).us;
        tick(r);
        assert_true(++steps <= DEVICES);
    }
    return steps;
}

/* A campaign that asks all its devices for their packages. */
static void start(struct fleet_rig *r)
{
    apply(r);
    (void)place_all(r);
    (void)work(r);
    for (size_t i = 0; i < DEVICES; i++) { /* all are asked, as far as there is airtime */
        assert_int_equal(r->members[i].phase, MEMBER_DISCOVER);
    }
}

static void restart(struct fleet_rig *r)
{
    struct engine_campaign def = definition(r);
    engine_destroy(r->engine);
    build(r);
    assert_int_equal(engine_restore_campaign(r->engine, &def, &r->campaign), FUO_OK);
    for (size_t i = 0; i < DEVICES; i++) {
        assert_int_equal(engine_restore_member(r->engine, &r->members[i]), FUO_OK);
    }
    engine_resume(r->engine, (struct instant){r->now.us}, r->now, &r->effects);
    drain(r);
}

static void stop(struct fleet_rig *r)
{
    engine_destroy(r->engine);
    effects_finish(&r->effects);
}

/* On to the end of the abort; returns the steps that it took. */
static size_t finish(struct fleet_rig *r)
{
    size_t steps = 0;
    while (r->campaign.phase == CAMPAIGN_ABORTING) {
        assert_true(is_due(r));
        tick(r);
        assert_true(r->ended <= A_FEW);
        assert_int_equal(r->sent, 0);
        steps++;
        assert_true(steps <= DEVICES);
    }
    assert_int_equal(r->campaign.phase, CAMPAIGN_ABORTED);
    for (size_t i = 0; i < DEVICES; i++) {
        assert_int_equal(r->members[i].outcome, OUTCOME_CANCELLED);
        assert_int_equal(r->members[i].reason, REASON_ABORTED);
    }
    return steps;
}

static size_t count_stored(const struct fleet_rig *r)
{
    size_t count = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        count += r->members[i].dev_eui != 0;
    }
    return count;
}

/* Steps that are one transaction; what else comes meanwhile is not hastened by, nor is
 * anybody asked anything. */
static void an_apply_comes_to_a_few_devices_in_each_step(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    apply(r);
    size_t first = count_stored(r);
    assert_in_range(first, 1, DEVICES / 2);
    for (size_t i = 0; i < 10; i++) { /* at the same time */
        tick(r);
        assert_int_equal(count_stored(r), first);
        assert_true(r->effects.open);
        assert_int_equal(r->sent, 0);
    }
    assert_in_range(place_all(r), 2, DEVICES);
    assert_int_equal(count_stored(r), DEVICES);
    assert_int_equal(r->campaign.phase, CAMPAIGN_RUNNING);
    stop(r);
}

static void an_abort_in_an_apply_ends_all_that_are_in_it(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    apply(r);
    assert_true(r->effects.open);
    control(r, ENGINE_ABORT);
    assert_false(r->effects.open);
    assert_int_equal(count_stored(r), DEVICES);
    (void)finish(r);
    stop(r);
}

/* Its time comes, with all its devices at once. */
static void a_campaign_that_begins_later_comes_to_a_few_in_each_step(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    apply(r);
    (void)place_all(r);
    control(r, ENGINE_PAUSE);
    assert_int_equal(r->campaign.phase, CAMPAIGN_PAUSED);
    struct engine_campaign def = definition(r);
    def.not_before = utc_after(r->now, HOURS_US(1));
    def.id = 2;
    struct engine_event event = {.type = ENGINE_EV_APPLY, .apply = def};
    control(r, ENGINE_ABORT);
    (void)finish(r);
    step(r, &event);
    (void)place_all(r);
    assert_int_equal(r->campaign.phase, CAMPAIGN_SCHEDULED);
    r->now = def.not_before;
    tick(r);
    assert_int_equal(r->campaign.phase, CAMPAIGN_RUNNING);
    assert_true(r->effects.open);
    assert_in_range(place_all(r), 2, DEVICES);
    (void)work(r);
    assert_int_equal(r->members[DEVICES - 1].phase, MEMBER_DISCOVER);
    stop(r);
}

static void an_abort_ends_a_few_devices_in_each_step(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    control(r, ENGINE_ABORT);
    assert_in_range(r->ended, 1, A_FEW);
    assert_true(finish(r) >= DEVICES / A_FEW);
    stop(r);
}

static void a_device_that_speaks_in_an_abort_does_not_wait_for_its_turn(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    control(r, ENGINE_ABORT);
    assert_int_equal(r->members[DEVICES - 1].outcome, OUTCOME_NONE);
    struct engine_event uplink = {
        .type = ENGINE_EV_UPLINK,
        .uplink = {
            .dev_eui = FIRST + DEVICES - 1, .received = r->now, .fport = 2, .f_cnt = 1}};
    step(r, &uplink);
    assert_int_equal(r->sent, 0);
    assert_int_equal(r->members[DEVICES - 1].outcome, OUTCOME_CANCELLED);
    (void)finish(r);
    stop(r);
}

static void an_abort_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    control(r, ENGINE_ABORT);
    tick(r);
    assert_int_equal(r->campaign.phase, CAMPAIGN_ABORTING);
    restart(r);
    assert_int_equal(r->campaign.phase, CAMPAIGN_ABORTING);
    (void)finish(r);
    stop(r);
}

static void at_a_deadline(enum spec_end_behavior behavior)
{
    struct fleet_rig *r = &rig;
    start(r);
    r->spec.schedule.end_behavior = behavior;
    r->now = r->deadline;
    tick(r);
    assert_in_range(r->ended, 1, A_FEW);
    assert_true(work(r) >= DEVICES / A_FEW);
    assert_int_equal(count_outcomes(r, OUTCOME_CANCELLED), DEVICES);
    assert_int_equal(r->members[DEVICES - 1].reason,
                     behavior == SPEC_END_ABORT ? REASON_ABORTED : REASON_DEADLINE);
    assert_int_equal(r->campaign.phase,
                     behavior == SPEC_END_ABORT ? CAMPAIGN_ABORTED : CAMPAIGN_COMPLETED);
    stop(r);
}

static void a_deadline_ends_a_few_devices_in_each_step(void **state)
{
    (void)state;
    at_a_deadline(SPEC_END_DRAIN);
    at_a_deadline(SPEC_END_STOP);
    at_a_deadline(SPEC_END_ABORT);
}

static void a_device_that_speaks_behind_a_deadline_is_cut_at_once(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    r->now = r->deadline;
    tick(r);
    assert_int_equal(r->members[DEVICES - 1].outcome, OUTCOME_NONE);
    struct engine_event uplink = {
        .type = ENGINE_EV_UPLINK,
        .uplink = {
            .dev_eui = FIRST + DEVICES - 1, .received = r->now, .fport = 2, .f_cnt = 1}};
    step(r, &uplink);
    assert_int_equal(r->sent, 0);
    assert_int_equal(r->members[DEVICES - 1].outcome, OUTCOME_CANCELLED);
    (void)work(r);
    stop(r);
}

static void a_deadline_that_a_restart_interrupts_is_kept(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    r->now = r->deadline;
    tick(r);
    restart(r);
    (void)work(r);
    assert_int_equal(count_outcomes(r, OUTCOME_CANCELLED), DEVICES);
    assert_int_equal(r->campaign.phase, CAMPAIGN_COMPLETED);
    stop(r);
}

/* What waited is asked again, and nobody twice. */
static void a_resume_comes_to_a_few_devices_in_each_step(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    control(r, ENGINE_PAUSE);
    r->now = utc_after(r->now, HOURS_US(1));
    control(r, ENGINE_RESUME);
    assert_true(r->effects_count <= EFFECTS_MAX);
    assert_true(work(r) >= DEVICES / A_FEW);
    assert_int_equal(r->campaign.phase, CAMPAIGN_RUNNING);
    stop(r);
}

static void silence(struct fleet_rig *r)
{
    r->now = utc_after(r->now, DAYS_US(7));
    assert_true(work(r) >= DEVICES / A_FEW);
    assert_int_equal(count_outcomes(r, OUTCOME_UNKNOWN), DEVICES);
    assert_int_equal(r->campaign.phase, CAMPAIGN_COMPLETED);
}

static void the_silent_are_given_up_a_few_in_each_step(void **state)
{
    (void)state;
    start(&rig);
    silence(&rig);
    stop(&rig);
}

static void retry_all(struct fleet_rig *r)
{
    struct engine_event event = {
        .type = ENGINE_EV_RETRY,
        .retry = {.campaign_id = 1, .devices = r->devices, .count = DEVICES}};
    step(r, &event);
    assert_true(r->effects_count <= EFFECTS_MAX);
    assert_int_equal(r->campaign.phase, CAMPAIGN_RUNNING);
}

static void a_retry_comes_to_a_few_devices_in_each_step(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    silence(r);
    retry_all(r);
    assert_int_equal(engine_retry_of(r->engine, 1, FIRST + DEVICES - 1),
                     ENGINE_RETRY_UNDER_WAY);
    retry_all(r); /* once more changes nothing */
    assert_true(work(r) >= DEVICES / A_FEW);
    for (size_t i = 0; i < DEVICES; i++) {
        assert_int_equal(r->members[i].outcome, OUTCOME_NONE);
        assert_int_equal(r->members[i].retries, 1);
        assert_int_equal(r->members[i].phase, MEMBER_DISCOVER);
    }
    silence(r); /* they end like all others */
    stop(r);
}

static void an_abort_in_a_retry_ends_those_too_that_were_not_reached(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    silence(r);
    retry_all(r);
    control(r, ENGINE_ABORT);
    (void)work(r);
    assert_int_equal(r->campaign.phase, CAMPAIGN_ABORTED);
    assert_int_equal(count_outcomes(r, OUTCOME_CANCELLED), DEVICES);
    stop(r);
}

static void a_retry_that_a_restart_interrupts_leaves_whole_devices(void **state)
{
    (void)state;
    struct fleet_rig *r = &rig;
    start(r);
    silence(r);
    retry_all(r);
    tick(r);
    restart(r);
    size_t again = count_outcomes(r, OUTCOME_NONE);
    assert_in_range(again, 1, DEVICES - 1);
    assert_int_equal(count_outcomes(r, OUTCOME_UNKNOWN), DEVICES - again);
    assert_int_equal(r->campaign.phase, CAMPAIGN_RUNNING);
    (void)work(r);
    retry_all(r); /* the operator asks once more */
    (void)work(r);
    assert_int_equal(count_outcomes(r, OUTCOME_NONE), DEVICES);
    stop(r);
}

TEST_MAIN(cmocka_unit_test(an_apply_comes_to_a_few_devices_in_each_step),
          cmocka_unit_test(an_abort_in_an_apply_ends_all_that_are_in_it),
          cmocka_unit_test(a_campaign_that_begins_later_comes_to_a_few_in_each_step),
          cmocka_unit_test(an_abort_ends_a_few_devices_in_each_step),
          cmocka_unit_test(a_device_that_speaks_in_an_abort_does_not_wait_for_its_turn),
          cmocka_unit_test(an_abort_goes_on_after_a_restart),
          cmocka_unit_test(a_deadline_ends_a_few_devices_in_each_step),
          cmocka_unit_test(a_device_that_speaks_behind_a_deadline_is_cut_at_once),
          cmocka_unit_test(a_deadline_that_a_restart_interrupts_is_kept),
          cmocka_unit_test(a_resume_comes_to_a_few_devices_in_each_step),
          cmocka_unit_test(the_silent_are_given_up_a_few_in_each_step),
          cmocka_unit_test(a_retry_comes_to_a_few_devices_in_each_step),
          cmocka_unit_test(an_abort_in_a_retry_ends_those_too_that_were_not_reached),
          cmocka_unit_test(a_retry_that_a_restart_interrupts_leaves_whole_devices))

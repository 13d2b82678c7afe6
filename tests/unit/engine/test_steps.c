/* SPDX-License-Identifier: MIT */
/* However large a campaign is, a step of the engine does a bounded part of what is due. */
#include "test.h"

#include <string.h>

#include "engine/engine.h"

enum {
    DEVICES = 2000,
    FIRST = 0x1000, /* DevEUI */
    A_FEW = 600, /* more than a step may serve: its limit is the engine's own business */
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
    /* stored */
    struct campaign_rec campaign;
    struct member_rec members[DEVICES];
    /* of the last step */
    size_t ended;
    size_t sent;
};

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
                                    .fleet_id = 1,
                                    .spec = &r->spec,
                                    .image = r->image,
                                    .image_len = sizeof(r->image),
                                    .devices = r->devices,
                                    .device_count = DEVICES};
}

/* All effects of a step are stored and carried out at once. */
static void drain(struct fleet_rig *r)
{
    r->ended = r->sent = 0;
    for (size_t i = 0; i < r->effects.len; i++) {
        const struct effect *effect = &r->effects.items[i];
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
    r->effects.len = 0;
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
}

static void control(struct fleet_rig *r, enum engine_control verb)
{
    struct engine_event event = {.type = ENGINE_EV_CONTROL,
                                 .control = {.campaign_id = 1, .verb = verb}};
    step(r, &event);
}

/* A campaign that asks all its devices for their packages. */
static void start(struct fleet_rig *r)
{
    memset(r, 0, sizeof(*r));
    r->now = (struct utc){SECONDS_US(1800000000)};
    memcpy(r->spec.name, "many", 5);
    r->spec.targets.preconditions.max_uplink_age_us = DAYS_US(7);
    r->spec.image.firmware_version = SPEC_AUTO_U32;
    r->spec.retry.command = 4;
    memcpy(r->fleet.name, "many", 5);
    r->fleet.region = "EU868";
    r->fleet.reserve_ppm = 400000;
    r->fleet.default_profile = "generic";
    build(r);
    struct engine_event event = {.type = ENGINE_EV_APPLY, .apply = definition(r)};
    step(r, &event);
    size_t sent = r->sent;
    while (is_due(r)) {
        tick(r);
        assert_true(r->sent <= A_FEW);
        sent += r->sent;
    }
    assert_int_equal(sent, DEVICES);
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

static void an_abort_ends_a_few_devices_in_each_step(void **state)
{
    (void)state;
    struct fleet_rig r;
    start(&r);
    control(&r, ENGINE_ABORT);
    assert_in_range(r.ended, 1, A_FEW);
    assert_true(finish(&r) >= DEVICES / A_FEW);
    stop(&r);
}

static void a_device_that_speaks_in_an_abort_does_not_wait_for_its_turn(void **state)
{
    (void)state;
    struct fleet_rig r;
    start(&r);
    control(&r, ENGINE_ABORT);
    assert_int_equal(r.members[DEVICES - 1].outcome, OUTCOME_NONE);
    struct engine_event uplink = {
        .type = ENGINE_EV_UPLINK,
        .uplink = {
            .dev_eui = FIRST + DEVICES - 1, .received = r.now, .fport = 2, .f_cnt = 1}};
    step(&r, &uplink);
    assert_int_equal(r.sent, 0);
    assert_int_equal(r.members[DEVICES - 1].outcome, OUTCOME_CANCELLED);
    (void)finish(&r);
    stop(&r);
}

static void an_abort_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct fleet_rig r;
    start(&r);
    control(&r, ENGINE_ABORT);
    tick(&r);
    assert_int_equal(r.campaign.phase, CAMPAIGN_ABORTING);
    restart(&r);
    assert_int_equal(r.campaign.phase, CAMPAIGN_ABORTING);
    (void)finish(&r);
    stop(&r);
}

TEST_MAIN(cmocka_unit_test(an_abort_ends_a_few_devices_in_each_step),
          cmocka_unit_test(a_device_that_speaks_in_an_abort_does_not_wait_for_its_turn),
          cmocka_unit_test(an_abort_goes_on_after_a_restart))

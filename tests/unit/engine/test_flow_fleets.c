/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: one campaign over devices of several fleets. */
#include "flow_steps.h"

#include <string.h>

#define ANNOUNCES_2 "040302000000"

enum { TRANSMISSIONS = 8, FLEETS = 4 };

/* What the driver was asked for, by fleet. */
static struct {
    uint32_t fleet_of[TRANSMISSIONS]; /* by transmission */
    size_t groups[FLEETS];            /* opened */
    size_t frames[FLEETS];
    size_t sends[FLEETS];
    size_t orders[FLEETS];
} seen;

static void of_its_fleet(const struct effect *effect, uint32_t transmission_id)
{
    assert_true(transmission_id < TRANSMISSIONS);
    assert_int_equal(effect->fleet_id, seen.fleet_of[transmission_id]);
}

static void look(const struct effect *effect)
{
    uint32_t fleet = effect->fleet_id;
    switch (effect->type) {
    case EFFECT_STORE:
        if (effect->store.kind == STORE_TRANSMISSION) {
            const struct transmission_rec *t = &effect->store.transmission;
            assert_true(t->id < TRANSMISSIONS && t->fleet_id > 0 && t->fleet_id < FLEETS);
            seen.fleet_of[t->id] = t->fleet_id;
        }
        break;
    case EFFECT_GROUP_OPEN:
        of_its_fleet(effect, effect->group.transmission_id);
        seen.groups[fleet]++;
        break;
    case EFFECT_GROUP_CLOSE:
        of_its_fleet(effect, effect->group.transmission_id);
        break;
    case EFFECT_SEND_MULTICAST:
        of_its_fleet(effect, effect->multicast.transmission_id);
        seen.frames[fleet]++;
        break;
    case EFFECT_QUEUE_POLL:
        of_its_fleet(effect, effect->queue.transmission_id);
        break;
    case EFFECT_NEW_KEY:
    case EFFECT_WRAP_KEY:
    case EFFECT_BLOCK_MIC:
        of_its_fleet(effect, effect->key.transmission_id);
        break;
    case EFFECT_SEND:
        seen.sends[fleet]++;
        break;
    case EFFECT_ORDER:
        seen.orders[fleet]++;
        break;
    default:
        break;
    }
}

/* Devices 0 and 1 are in fleet 1, the others in fleet 2. */
static void two_fleets(struct flow *f, size_t devices)
{
    memset(&seen, 0, sizeof(seen));
    flow_init(f, devices);
    f->more_fleets = 1;
    f->watch = look;
    for (size_t i = 2; i < devices; i++) {
        f->devices[i].fleet_id = 2;
    }
    flow_rebuild(f);
}

static void walk_all(struct flow *f, size_t first, size_t count, enum member_phase last)
{
    static const enum member_phase steps[] = {MEMBER_READY, MEMBER_SET_UP,
                                              MEMBER_LISTENING};
    for (size_t k = 0; k < ARRAY_LEN(steps) && steps[k] <= last; k++) {
        for (size_t i = first; i < first + count; i++) {
            flow_walk(f, i, steps[k]);
        }
    }
}

static void each_fleet_has_a_transmission_of_its_own(void **state)
{
    (void)state;
    struct flow f;
    two_fleets(&f, 4);
    flow_apply(&f);
    walk_all(&f, 0, 4, MEMBER_SET_UP);
    uint32_t ids[4];
    for (size_t i = 0; i < 4; i++) {
        ids[i] = flow_member(&f, i)->transmission_id;
        assert_int_not_equal(ids[i], 0);
        assert_int_equal(seen.fleet_of[ids[i]], i < 2 ? 1 : 2);
    }
    assert_int_equal(ids[0], ids[1]);
    assert_int_equal(ids[2], ids[3]);
    assert_int_not_equal(ids[0], ids[2]);
    assert_int_equal(seen.groups[1], 1);
    assert_int_equal(seen.groups[2], 1);
    assert_true(seen.sends[1] > 0 && seen.sends[2] > 0);
    walk_all(&f, 0, 2, MEMBER_LISTENING);
    walk_all(&f, 2, 2, MEMBER_LISTENING);
    flow_wait(&f, HOURS_US(6));
    assert_true(seen.frames[1] > 0 && seen.frames[2] > 0);
    flow_free(&f);
}

/* Both fleets have the gateways that the devices hear: that makes nobody a member. */
static void nobody_joins_a_transmission_of_another_fleet(void **state)
{
    (void)state;
    struct flow f;
    two_fleets(&f, 3);
    f.spec.radio.gateways.count = 0;
    for (size_t i = 0; i < 3; i++) {
        f.devices[i].uplinks_heard = 30;
        f.devices[i].link_count = 1;
        f.devices[i].link[0] = (struct device_link){f.gateways[0], 500, 800, 1000};
    }
    f.devices[2].packages_known = false; /* it comes late */
    flow_rebuild(&f);
    flow_apply(&f);
    walk_all(&f, 0, 2, MEMBER_SET_UP);
    uint32_t first = flow_member(&f, 0)->transmission_id;
    assert_int_not_equal(first, 0);
    flow_walk(&f, 2, MEMBER_READY);
    while (flow_member(&f, 2)->transmission_id == 0) {
        assert_true(flow_member(&f, 2)->outcome == OUTCOME_NONE);
        flow_noise(&f, 2);
    }
    uint32_t own = flow_member(&f, 2)->transmission_id;
    assert_int_not_equal(own, first);
    assert_int_equal(seen.fleet_of[own], 2);
    flow_free(&f);
}

static void a_fleet_whose_server_delivers_needs_no_transmission(void **state)
{
    (void)state;
    struct flow f;
    two_fleets(&f, 3);
    f.delivering = 2;
    f.spec.image.firmware_version = SPEC_AUTO_U32;
    flow_rebuild(&f);
    flow_apply(&f);
    assert_int_equal(seen.orders[2], 1); /* it is read */
    assert_int_equal(seen.orders[1], 0);
    walk_all(&f, 0, 2, MEMBER_LISTENING);
    assert_int_equal(seen.groups[1], 1);
    assert_int_equal(seen.groups[2], 0);
    assert_int_equal(flow_member(&f, 2)->transmission_id, 0);
    /* The two agree on the version to come: the third never announces one. */
    flow_walk(&f, 0, MEMBER_UPGRADE);
    flow_walk(&f, 1, MEMBER_UPGRADE);
    flow_uplink(&f, 0, 203, ANNOUNCES_2);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UPGRADE);
    flow_uplink(&f, 1, 203, ANNOUNCES_2);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_REBOOT);
    assert_int_equal(flow_member(&f, 1)->phase, MEMBER_REBOOT);
    assert_true(f.campaign.next_known);
    assert_int_equal(flow_member(&f, 2)->outcome, OUTCOME_NONE);
    assert_int_equal(engine_progress_ppm(f.engine, flow_member(&f, 2)), 0);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(each_fleet_has_a_transmission_of_its_own),
          cmocka_unit_test(nobody_joins_a_transmission_of_another_fleet),
          cmocka_unit_test(a_fleet_whose_server_delivers_needs_no_transmission))

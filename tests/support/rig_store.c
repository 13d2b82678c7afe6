/* SPDX-License-Identifier: MIT */
/* rig_store.c - what is stored, in memory, and given back to an engine. */
#include <assert.h>

#include "rig_internal.h"

void rig_must(int err)
{
    assert(err == FUO_OK);
}

size_t rig_index_of(const struct rig *rig, uint64_t dev_eui)
{
    return cs_device_by_eui(&rig->net.cs, dev_eui)->index;
}

void rig_store_one(struct rig *rig, const struct effect *effect)
{
    struct rig_store *s = &rig->store;
    rig_check_store(rig, effect);
    switch (effect->store.kind) {
    case STORE_CAMPAIGN:
        s->campaign = effect->store.campaign;
        s->has_campaign = true;
        break;
    case STORE_MEMBER:
        s->members[rig_index_of(rig, effect->store.member.dev_eui)] =
            effect->store.member;
        break;
    case STORE_TRANSMISSION:
        assert(effect->store.transmission.id <= RIG_TRANSMISSIONS);
        s->transmissions[effect->store.transmission.id] = effect->store.transmission;
        break;
    case STORE_LANE:
        s->lanes[effect->store.lane.transmission_id][effect->store.lane.no] =
            effect->store.lane;
        break;
    case STORE_GROUP:
        assert(effect->store.group.slot < RIG_GROUPS);
        s->groups[effect->store.group.slot] = effect->store.group;
        break;
    case STORE_WAVE:
        assert(effect->store.wave.no < RIG_WAVES);
        s->waves[effect->store.wave.no] = effect->store.wave;
        break;
    case STORE_DEVICE:
        s->devices[rig_index_of(rig, effect->store.device.dev_eui)] =
            effect->store.device;
        break;
    case STORE_CHARGE:
        assert(s->charge_count < RIG_CHARGES);
        s->charges[s->charge_count++] = effect->store.charge;
        break;
    case STORE_HISTORY:
        s->history_count++;
        break;
    case STORE_REPORT: /* simulated devices have no LwM2M */
        break;
    }
}

static void restore_transmission(struct rig *rig, uint32_t id)
{
    const struct transmission_rec *t = &rig->store.transmissions[id];
    if (t->id == 0) {
        return;
    }
    rig_must(engine_restore_transmission(rig->engine, t));
    for (size_t i = 0; i < t->lane_count; i++) {
        rig_must(engine_restore_lane(rig->engine, &rig->store.lanes[id][i]));
    }
}

void rig_restore_rest(struct rig *rig)
{
    const struct rig_store *s = &rig->store;
    for (size_t i = 0; i < RIG_WAVES; i++) {
        if (s->waves[i].campaign_id != 0) {
            rig_must(engine_restore_wave(rig->engine, &s->waves[i]));
        }
    }
    for (uint32_t i = 1; i <= RIG_TRANSMISSIONS; i++) {
        restore_transmission(rig, i);
    }
    for (size_t i = 0; i < network_device_count(&rig->net); i++) {
        if (s->members[i].campaign_id != 0) {
            rig_must(engine_restore_member(rig->engine, &s->members[i]));
        }
    }
    for (size_t i = 0; i < RIG_GROUPS; i++) {
        rig_must(engine_restore_group(rig->engine, &s->groups[i]));
    }
    for (size_t i = 0; i < s->charge_count; i++) {
        rig_must(engine_restore_charge(rig->engine, &s->charges[i]));
    }
}

/* SPDX-License-Identifier: MIT */
/* query.c - looking into the engine, and putting stored records back (engine.h). */
#include <string.h>

#include "engine/air.h"
#include "engine/claim.h"
#include "engine/deliver.h"
#include "engine/lane.h"
#include "engine/member.h"
#include "engine/session.h"
#include "engine/term.h"
#include "engine/waves.h"
#include "radio/subband.h"

/* ---- restore ---- */

int engine_restore_campaign(struct engine *engine, const struct engine_campaign *campaign,
                            const struct campaign_rec *rec)
{
    struct campaign *c = engine_new_campaign(engine, campaign);
    if (c == NULL) {
        return FUO_ENOENT;
    }
    c->rec = *rec;
    return FUO_OK;
}

int engine_restore_transmission(struct engine *engine, const struct transmission_rec *rec)
{
    struct campaign *c = engine_find_campaign(engine, rec->campaign_id);
    if (c == NULL) {
        engine_remember_id(engine, rec->id);
        return FUO_ENOENT;
    }
    if (rec->lane_count > RECORD_LANE_MAX) {
        return FUO_EINVAL;
    }
    struct transmission *t = engine_new_transmission(engine, c, rec);
    if (t == NULL) {
        engine_remember_id(engine, rec->id);
        return FUO_ENOENT;
    }
    engine_new_lanes(t);
    return FUO_OK;
}

int engine_restore_lane(struct engine *engine, const struct lane_rec *rec)
{
    struct transmission *t = engine_find_transmission(engine, rec->transmission_id);
    struct lane *l = t != NULL ? lane_at(t, rec->no) : NULL;
    if (l == NULL || rec->gateway_count > RECORD_GATEWAY_MAX) {
        return FUO_ENOENT;
    }
    l->rec = *rec;
    return FUO_OK;
}

/* Without the transmission that it was in it waits for another one. */
static struct member_rec restorable(const struct member_rec *rec,
                                    const struct transmission *t, bool delivers)
{
    struct member_rec member = *rec;
    if (t == NULL && !delivers && rec->phase >= MEMBER_KEY &&
        rec->phase <= MEMBER_STATUS) {
        member.phase = MEMBER_READY;
        member.transmission_id = 0;
        member.command_id = 0;
        member.missing = UINT16_MAX;
        member.received = 0;
    }
    return member;
}

int engine_restore_member(struct engine *engine, const struct member_rec *rec)
{
    struct campaign *c = engine_find_campaign(engine, rec->campaign_id);
    struct member *m = c != NULL ? campaign_find_member(c, rec->dev_eui) : NULL;
    if (m == NULL || rec->outcome >= OUTCOME_COUNT || rec->state > FW_UPDATING ||
        rec->phase >= MEMBER_PHASE_COUNT) {
        return FUO_ENOENT;
    }
    c->counts.by_outcome[m->rec.outcome]--;
    c->counts.by_state[m->rec.state]--;
    struct transmission *t = engine_find_transmission(engine, rec->transmission_id);
    struct member_rec member = restorable(rec, t, deliver_is_way(m));
    member_replace(m, &member, t);
    c->counts.by_outcome[m->rec.outcome]++;
    c->counts.by_state[m->rec.state]++;
    waves_count(m);
    if (m->rec.outcome == OUTCOME_NONE && term_has_begun(c)) {
        claim_restored(m);
    }
    return FUO_OK;
}

int engine_restore_windows(struct engine *engine, const struct engine_windows *windows)
{
    struct campaign *c = engine_find_campaign(engine, windows->campaign_id);
    if (c == NULL) {
        return FUO_ENOENT;
    }
    dates_set_windows(c, windows);
    return FUO_OK;
}

int engine_restore_charge(struct engine *engine, const struct charge_rec *rec)
{
    return air_restore_charge(engine, rec);
}

/* ---- looking in ---- */

const struct campaign_rec *engine_campaign_by_id(const struct engine *engine, uint32_t id)
{
    const struct campaign *c = engine_find_campaign(engine, id);
    return c != NULL ? &c->rec : NULL;
}

/* The newest of that name: an ended campaign's name may be used again. */
const struct campaign_rec *engine_campaign_by_name(const struct engine *engine,
                                                   const char *name)
{
    for (size_t i = engine->campaign_count; i > 0; i--) {
        const struct campaign_rec *rec = &engine->campaigns[i - 1]->rec;
        size_t k = 0;
        while (k < sizeof(rec->name) && rec->name[k] == name[k] && name[k] != '\0') {
            k++;
        }
        if (k < sizeof(rec->name) && rec->name[k] == name[k]) {
            return rec;
        }
    }
    return NULL;
}

const struct campaign_rec *engine_campaign_at(const struct engine *engine, size_t i)
{
    return i < engine->campaign_count ? &engine->campaigns[i]->rec : NULL;
}

void engine_campaign_counts(const struct engine *engine, uint32_t id,
                            struct campaign_counts *counts)
{
    const struct campaign *c = engine_find_campaign(engine, id);
    *counts = c != NULL ? c->counts : (struct campaign_counts){0};
    counts->pending = c != NULL ? c->by_phase[MEMBER_PENDING] : 0;
    counts->installable = c != NULL ? c->by_phase[MEMBER_COMPLETE] : 0;
}

const struct member_rec *engine_member_at(const struct engine *engine,
                                          uint32_t campaign_id, size_t i)
{
    const struct campaign *c = engine_find_campaign(engine, campaign_id);
    return c != NULL && i < c->member_count ? &c->members[i].rec : NULL;
}

const struct member_rec *engine_member_find(const struct engine *engine,
                                            uint32_t campaign_id, uint64_t dev_eui)
{
    const struct campaign *c = engine_find_campaign(engine, campaign_id);
    const struct member *m = c != NULL ? campaign_find_member(c, dev_eui) : NULL;
    return m != NULL ? &m->rec : NULL;
}

const struct transmission_rec *engine_transmission_at(const struct engine *engine,
                                                      uint32_t campaign_id, size_t i)
{
    const struct campaign *c = engine_find_campaign(engine, campaign_id);
    return c != NULL && i < c->transmission_count ? &c->transmissions[i]->rec : NULL;
}

const struct lane_rec *engine_lane_at(const struct engine *engine,
                                      uint32_t transmission_id, size_t no)
{
    const struct transmission *t = engine_find_transmission(engine, transmission_id);
    return t != NULL && no < t->rec.lane_count ? &t->lanes[no].rec : NULL;
}

struct lane_aired engine_lane_aired(const struct engine *engine, uint32_t transmission_id,
                                    size_t no)
{
    const struct transmission *t = engine_find_transmission(engine, transmission_id);
    bool known = t != NULL && no < t->rec.lane_count;
    return known ? t->lanes[no].tap.aired : (struct lane_aired){0};
}

size_t engine_transmission_devices(const struct engine *engine, uint32_t transmission_id,
                                   uint64_t *devices, size_t cap)
{
    const struct transmission *t = engine_find_transmission(engine, transmission_id);
    size_t count = t != NULL ? t->member_count : 0;
    for (size_t i = 0; i < count && i < cap; i++) {
        devices[i] = t->members[i]->rec.dev_eui;
    }
    return count;
}

static bool is_used_by(const struct gateway_ledger *l, uint32_t fleet_id)
{
    size_t i = 0;
    while (i < l->open_count && l->open[i]->fleet->def.id != fleet_id) {
        i++;
    }
    return i < l->open_count;
}

size_t engine_gateways_in_use(const struct engine *engine, uint32_t fleet_id,
                              uint64_t after, uint64_t *gateways, size_t cap)
{
    size_t count = 0;
    for (size_t i = 0; i < engine->ledger_count && count < cap; i++) {
        const struct gateway_ledger *l = engine->ledgers[i];
        bool listed = count > 0 && gateways[count - 1] == l->gateway;
        if (l->gateway > after && !listed && is_used_by(l, fleet_id)) {
            gateways[count++] = l->gateway;
        }
    }
    return count;
}

bool engine_budget_at(const struct engine *engine, size_t i, struct utc now,
                      struct engine_budget *budget)
{
    size_t unknown = 0;
    while (unknown < engine->ledger_count && engine->ledgers[unknown]->gateway == 0) {
        unknown++; /* devices that were never heard share it: it is no gateway */
    }
    if (i + unknown >= engine->ledger_count) {
        return false;
    }
    const struct gateway_ledger *l = engine->ledgers[i + unknown];
    *budget = (struct engine_budget){
        .gateway = l->gateway,
        .low_hz = l->band->min_hz,
        .high_hz = l->band->max_hz,
        .own_us = ledger_used_us(&l->ledger, LEDGER_OWN, now),
        .others_us = ledger_used_us(&l->ledger, LEDGER_OTHERS, now),
        .waiting_us = l->queued_us,
        .own_cap_us = ledger_own_cap_us(&l->ledger),
        .legal_cap_us = l->ledger.total_cap_us,
    };
    return true;
}

const struct wave_rec *engine_wave_at(const struct engine *engine, uint32_t campaign_id,
                                      size_t i, struct wave_counts *counts)
{
    const struct campaign *c = engine_find_campaign(engine, campaign_id);
    if (c == NULL || c->waves == NULL || i >= c->def.spec->rollout.wave_count) {
        return NULL;
    }
    if (counts != NULL) {
        *counts = c->waves[i].counts;
    }
    return &c->waves[i].rec;
}

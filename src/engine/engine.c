/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/deliver.h"
#include "engine/group.h"
#include "engine/internal.h"
#include "engine/round.h"
#include "engine/session.h"
#include "engine/variant.h"

enum {
    DEVICE_CAP_MIN = 64,
    CACHE_LINE = 64,
};

void *engine_grow(void *items, size_t count, size_t size)
{
    void *grown = reallocarray(items, count, size);
    assert(grown != NULL);
    return grown;
}

void *engine_zeroed(size_t count, size_t size)
{
    void *p = calloc(count == 0 ? 1 : count, size);
    assert(p != NULL);
    return p;
}

/* ---- life ---- */

struct engine *engine_create(const struct engine_config *config)
{
    struct engine *e = engine_zeroed(1, sizeof(*e));
    e->config = *config;
    e->prng = prng_seeded(config->seed);
    e->device_cap = DEVICE_CAP_MIN;
    e->devices = engine_zeroed(e->device_cap, sizeof(struct device *));
    e->next_transmission = 1;
    e->next_command = 1;
    return e;
}

static void campaign_free(struct campaign *c)
{
    round_drop(c);
    for (size_t i = 0; i < c->transmission_count; i++) {
        free(c->transmissions[i]->lanes);
        free(c->transmissions[i]->members);
        free(c->transmissions[i]);
    }
    free(c->transmissions);
    free(c->members);
    free(c->live);
    free(c->spans);
    free(c->waves);
    free(c->costs);
    free(c);
}

void engine_destroy(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (size_t i = 0; i < engine->campaign_count; i++) {
        campaign_free(engine->campaigns[i]);
    }
    for (size_t i = 0; i < engine->device_cap; i++) {
        free(engine->devices[i] != NULL ? engine->devices[i]->report : NULL);
        free(engine->devices[i]);
    }
    for (size_t i = 0; i < engine->fleet_count; i++) {
        free(engine->fleets[i]);
    }
    for (size_t i = 0; i < engine->ledger_count; i++) {
        free(engine->ledgers[i]->open);
        free(engine->ledgers[i]);
    }
    for (size_t i = 0; i < engine->sequence_count; i++) {
        free(engine->sequences[i]);
    }
    free(engine->sequences);
    group_finish(engine);
    free(engine->campaigns);
    free(engine->devices);
    free(engine->fleets);
    free(engine->ledgers);
    free(engine->ledger_table);
    free(engine->loads);
    free(engine->transmissions);
    free(engine->owners);
    timers_finish(&engine->timers);
    free(engine);
}

/* ---- fleets and devices ---- */

int engine_add_fleet(struct engine *engine, const struct engine_fleet *fleet)
{
    const struct region *region = region_by_name(fleet->spec->region);
    if (region == NULL) {
        return FUO_EINVAL;
    }
    if (engine_find_fleet(engine, fleet->id) != NULL) {
        return FUO_EEXIST;
    }
    struct fleet *f = engine_zeroed(1, sizeof(*f));
    f->def = *fleet;
    f->region = region;
    engine->fleets =
        engine_grow(engine->fleets, engine->fleet_count + 1, sizeof(struct fleet *));
    engine->fleets[engine->fleet_count++] = f;
    return FUO_OK;
}

struct fleet *engine_find_fleet(const struct engine *e, uint32_t id)
{
    for (size_t i = 0; i < e->fleet_count; i++) {
        if (e->fleets[i]->def.id == id) {
            return e->fleets[i];
        }
    }
    return NULL;
}

static size_t device_place(struct device *const *table, size_t cap, uint64_t dev_eui)
{
    size_t i = engine_home(dev_eui, cap);
    while (table[i] != NULL && table[i]->rec.dev_eui != dev_eui) {
        i = (i + 1) & (cap - 1);
    }
    return i;
}

static void devices_double(struct engine *e)
{
    size_t cap = e->device_cap * 2;
    struct device **table = engine_zeroed(cap, sizeof(struct device *));
    for (size_t i = 0; i < e->device_cap; i++) {
        if (e->devices[i] != NULL) {
            table[device_place(table, cap, e->devices[i]->rec.dev_eui)] = e->devices[i];
        }
    }
    free(e->devices);
    e->devices = table;
    e->device_cap = cap;
}

int engine_add_device(struct engine *engine, const struct device_rec *device)
{
    struct fleet *fleet = engine_find_fleet(engine, device->fleet_id);
    if (fleet == NULL) {
        return FUO_EINVAL;
    }
    if (engine_find_device(engine, device->dev_eui) != NULL) {
        return FUO_EEXIST;
    }
    if (engine->device_count * 2 >= engine->device_cap) {
        devices_double(engine);
    }
    struct device *d = engine_zeroed(1, sizeof(*d));
    d->rec = *device;
    d->fleet = fleet;
    d->dr = ENGINE_DR_UNKNOWN;
    engine->devices[device_place(engine->devices, engine->device_cap, device->dev_eui)] =
        d;
    engine->device_count++;
    engine_remember_id(engine, device->mc_group); /* not to be given twice */
    return FUO_OK;
}

int engine_set_profile(struct engine *engine, uint64_t dev_eui,
                       const struct profile *profile)
{
    struct device *d = engine_find_device(engine, dev_eui);
    if (d == NULL) {
        return FUO_ENOENT;
    }
    d->profile = profile;
    return FUO_OK;
}

int engine_set_maintenance(struct engine *engine, uint64_t dev_eui, bool maintenance)
{
    struct device *d = engine_find_device(engine, dev_eui);
    if (d == NULL) {
        return FUO_ENOENT;
    }
    d->maintenance = maintenance;
    return FUO_OK;
}

struct device *engine_find_device(const struct engine *e, uint64_t dev_eui)
{
    return e->devices[device_place(e->devices, e->device_cap, dev_eui)];
}

static void ask_for(const void *object, size_t size)
{
    for (size_t at = 0; at < size; at += CACHE_LINE) {
        __builtin_prefetch((const char *)object + at);
    }
}

void engine_expect(const struct engine *engine, uint64_t dev_eui, enum engine_near near)
{
    struct device *const *place =
        &engine->devices[engine_home(dev_eui, engine->device_cap)];
    if (near == ENGINE_NEAR_PLACE) {
        __builtin_prefetch(place);
    } else if (near == ENGINE_NEAR_DEVICE && *place != NULL) {
        ask_for(*place, sizeof(**place));
    } else if (near == ENGINE_NEAR_MEMBER && *place != NULL && (*place)->active != NULL) {
        ask_for((*place)->active, sizeof(struct member));
    }
}

const struct device_rec *engine_device(const struct engine *engine, uint64_t dev_eui)
{
    const struct device *d = engine_find_device(engine, dev_eui);
    return d != NULL ? &d->rec : NULL;
}

/* ---- slots, timers, effects ---- */

uint32_t engine_new_slot(struct engine *e, enum owner_kind kind, void *object)
{
    uint32_t slot = timers_add_slot(&e->timers);
    if (slot >= e->owner_cap) {
        e->owner_cap = e->owner_cap == 0 ? 64 : e->owner_cap * 2;
        e->owners = engine_grow(e->owners, e->owner_cap, sizeof(*e->owners));
    }
    e->owners[slot] = (struct owner){.kind = kind, .object = object};
    return slot;
}

struct utc engine_in(const struct engine *e, int64_t delay_us)
{
    return utc_after(e->utc, delay_us);
}

void engine_set_timer(struct engine *e, uint32_t slot, struct utc when)
{
    timers_set(&e->timers, slot, when);
}

void engine_wake(struct engine *e, uint32_t slot, struct utc when)
{
    if (when.us < e->timers.deadline_us[slot] ||
        e->timers.position[slot] == TIMERS_UNSET) {
        timers_set(&e->timers, slot, when);
    }
}

struct effect *engine_emit(struct engine *e, enum effect_type type, const struct fleet *f)
{
    struct effect *effect = effects_append(e->out, type);
    effect->fleet_id = f != NULL ? f->def.id : 0;
    return effect;
}

/* ---- campaigns ---- */

struct campaign *engine_find_campaign(const struct engine *e, uint32_t id)
{
    size_t lo = 0;
    size_t hi = e->campaign_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (e->campaigns[mid]->rec.id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < e->campaign_count && e->campaigns[lo]->rec.id == id ? e->campaigns[lo]
                                                                    : NULL;
}

struct member *campaign_find_member(const struct campaign *c, uint64_t dev_eui)
{
    size_t lo = 0;
    size_t hi = c->member_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->members[mid].rec.dev_eui < dev_eui) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < c->member_count && c->members[lo].rec.dev_eui == dev_eui ? &c->members[lo]
                                                                         : NULL;
}

static void insert_campaign(struct engine *e, struct campaign *c)
{
    e->campaigns =
        engine_grow(e->campaigns, e->campaign_count + 1, sizeof(struct campaign *));
    size_t at = e->campaign_count++;
    while (at > 0 && e->campaigns[at - 1]->rec.id > c->rec.id) {
        e->campaigns[at] = e->campaigns[at - 1];
        at--;
    }
    e->campaigns[at] = c;
}

/* NULL: a device is not known. */
static struct member *members_of(const struct engine *e,
                                 const struct engine_campaign *def)
{
    struct member *members = engine_zeroed(def->device_count, sizeof(*members));
    for (size_t i = 0; i < def->device_count; i++) {
        members[i].device = engine_find_device(e, def->devices[i]);
        if (members[i].device == NULL) {
            free(members);
            return NULL;
        }
    }
    return members;
}

/* NULL if a device is not known, or the id is taken. */
struct campaign *engine_new_campaign(struct engine *e, const struct engine_campaign *def)
{
    if (engine_find_campaign(e, def->id) != NULL) {
        return NULL;
    }
    struct member *members = members_of(e, def);
    if (members == NULL) {
        return NULL;
    }
    struct campaign *c = engine_zeroed(1, sizeof(*c));
    c->def = *def;
    c->def.devices = NULL;
    c->def.deadline = def->deadline.us != 0 ? def->deadline : UTC_NEVER;
    c->def.waves = NULL;
    c->engine = e;
    c->round_at = UTC_NEVER;
    c->silence_at = UTC_NEVER;
    c->rec.id = def->id;
    memcpy(c->rec.name, def->spec->name, sizeof(c->rec.name));
    c->members = members;
    c->member_count = def->device_count;
    c->entered = def->device_count;
    c->slot = engine_new_slot(e, OWNER_CAMPAIGN, c);
    for (size_t i = 0; i < def->device_count; i++) {
        struct member *m = &c->members[i];
        m->campaign = c;
        m->slot = engine_new_slot(e, OWNER_MEMBER, m);
        m->rec.campaign_id = def->id;
        m->rec.dev_eui = def->devices[i];
        m->rec.missing = UINT16_MAX;
        c->brought[MEMBER_WAITING] += deliver_is_way(m);
    }
    variant_open(c);
    c->counts.total = (uint32_t)def->device_count;
    c->counts.by_outcome[OUTCOME_NONE] = c->counts.total;
    c->counts.by_state[FW_IDLE] = c->counts.total;
    c->by_phase[MEMBER_WAITING] = c->counts.total;
    insert_campaign(e, c);
    return c;
}

/* The place of the first id that is not below. */
static size_t transmission_place(const struct engine *e, uint32_t id)
{
    size_t lo = 0;
    size_t hi = e->transmission_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (e->transmissions[mid]->rec.id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

struct transmission *engine_find_transmission(const struct engine *e, uint32_t id)
{
    size_t at = transmission_place(e, id);
    return at < e->transmission_count && e->transmissions[at]->rec.id == id
               ? e->transmissions[at]
               : NULL;
}

static void insert_transmission(struct engine *e, struct transmission *t)
{
    if (e->transmission_count == e->transmission_cap) {
        e->transmission_cap = e->transmission_cap == 0 ? 64 : e->transmission_cap * 2;
        e->transmissions = engine_grow(e->transmissions, e->transmission_cap,
                                       sizeof(struct transmission *));
    }
    size_t at = transmission_place(e, t->rec.id);
    memmove(&e->transmissions[at + 1], &e->transmissions[at],
            (e->transmission_count - at) * sizeof(struct transmission *));
    e->transmissions[at] = t;
    e->transmission_count++;
}

static void remove_transmission(struct engine *e, const struct transmission *t)
{
    size_t at = transmission_place(e, t->rec.id);
    e->transmission_count--;
    memmove(&e->transmissions[at], &e->transmissions[at + 1],
            (e->transmission_count - at) * sizeof(struct transmission *));
}

void engine_remember_id(struct engine *e, uint32_t transmission_id)
{
    if (transmission_id >= e->next_transmission) {
        e->next_transmission = transmission_id + 1;
    }
}

struct transmission *engine_new_transmission(struct engine *e, struct campaign *c,
                                             const struct transmission_rec *rec)
{
    struct fleet *fleet = engine_find_fleet(e, rec->fleet_id);
    if (fleet == NULL) {
        return NULL;
    }
    struct transmission *t = engine_zeroed(1, sizeof(*t));
    t->rec = *rec;
    t->campaign = c;
    t->fleet = fleet;
    t->slot = engine_new_slot(e, OWNER_TRANSMISSION, t);
    t->behind_at = UTC_NEVER;
    t->flush_at = UTC_NEVER;
    if (c->transmission_count == c->transmission_cap) {
        c->transmission_cap = c->transmission_cap == 0 ? 8 : c->transmission_cap * 2;
        c->transmissions = engine_grow(c->transmissions, c->transmission_cap,
                                       sizeof(struct transmission *));
    }
    c->transmissions[c->transmission_count++] = t;
    c->transmissions_open += rec->phase != TX_ENDED;
    c->transmissions_active += rec->phase < TX_DRAIN;
    insert_transmission(e, t);
    engine_remember_id(e, rec->id);
    return t;
}

void engine_new_lanes(struct transmission *t)
{
    t->lanes = engine_zeroed(t->rec.lane_count, sizeof(*t->lanes));
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        t->lanes[i].rec.transmission_id = t->rec.id;
        t->lanes[i].rec.no = i;
    }
}

int engine_forget(struct engine *engine, uint32_t campaign_id)
{
    struct campaign *c = engine_find_campaign(engine, campaign_id);
    if (c == NULL) {
        return FUO_ENOENT;
    }
    for (size_t i = 0; i < c->transmission_count; i++) {
        if (c->transmissions[i]->rec.phase != TX_ENDED) {
            return FUO_EPERM;
        }
    }
    if (c->counts.by_outcome[OUTCOME_NONE] != 0) {
        return FUO_EPERM;
    }
    timers_free_slot(&engine->timers, c->slot);
    for (size_t i = 0; i < c->member_count; i++) {
        timers_free_slot(&engine->timers, c->members[i].slot);
        if (c->members[i].device->active == &c->members[i]) {
            c->members[i].device->active = NULL;
        }
    }
    for (size_t i = 0; i < c->transmission_count; i++) {
        timers_free_slot(&engine->timers, c->transmissions[i]->slot);
        remove_transmission(engine, c->transmissions[i]);
    }
    size_t at = 0;
    while (engine->campaigns[at] != c) {
        at++;
    }
    engine->campaign_count--;
    memmove(&engine->campaigns[at], &engine->campaigns[at + 1],
            (engine->campaign_count - at) * sizeof(struct campaign *));
    campaign_free(c);
    return FUO_OK;
}

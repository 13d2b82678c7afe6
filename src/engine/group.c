/* SPDX-License-Identifier: MIT */
/*
 * group.c - multicast groups that outlive their transmission: devices keep address and key.
 *
 * What McGroupSetupReq gives a device is an address, a key and a range of counters; gateways,
 * data rate and frequency come with each session. So what is kept is the key, with the
 * counter that nobody has used yet, and of each device whose key it has. A cohort takes a
 * group of an earlier campaign over if half or more of it have the key, and they are a
 * quarter or more of all who have it: they are told fragmentation and session only, the
 * others as ever. The server's groups are made anew for each transmission, from that counter
 * on, and deleted at its end: nothing is left behind there, whatever becomes of the daemon.
 *
 * No counter is used twice under a key: a group is kept only if the counter of every lane
 * is known, and one more is skipped. It is given up when it is not used for long, when its
 * counters run out, when no device has its key any more, or for one that more devices have
 * when there is no room.
 *
 * A device may have lost its group, in a reboot or by other hands. It says so when it is
 * asked for the session (McGroupUndefined), and is set up from the beginning then. Who lost
 * it once is not believed to have kept it over a reboot again.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/group.h"
#include "engine/internal.h"
#include "engine/lane.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/session.h"
#include "engine/uplink.h"

#define KEEP_US DAYS_US(90) /* without a transmission */

enum {
    SHARE_MIN = 2,     /* one in so many of a cohort has the group, or more ... */
    OWN_SHARE_MIN = 4, /* ... and they are one in so many of all who have it */
    LOST_FIRST = 3,    /* of a transmission; are they the rule, nobody is believed */
    REGROUPS_MAX = 3,  /* of a member: a device that reboots again and again */
};

/* ---- the list, ascending by id ---- */

/* The place of the first id that is not below. */
static size_t place_of(const struct engine *e, uint32_t id)
{
    size_t lo = 0;
    size_t hi = e->group_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (e->groups[mid]->rec.id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static struct group *find(const struct engine *e, uint32_t id)
{
    size_t at = place_of(e, id);
    return at < e->group_count && e->groups[at]->rec.id == id ? e->groups[at] : NULL;
}

static struct group *add(struct engine *e, const struct group_rec *rec)
{
    size_t at = place_of(e, rec->id);
    struct group *g = engine_zeroed(1, sizeof(*g));
    g->rec = *rec;
    e->groups = engine_grow(e->groups, e->group_count + 1, sizeof(struct group *));
    memmove(&e->groups[at + 1], &e->groups[at],
            (e->group_count - at) * sizeof(struct group *));
    e->groups[at] = g;
    e->group_count++;
    return g;
}

void group_finish(struct engine *e)
{
    for (size_t i = 0; i < e->group_count; i++) {
        free(e->groups[i]);
    }
    free(e->groups);
}

static void store(struct engine *e, const struct group_rec *rec)
{
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_GROUP;
    effect->store.group = *rec;
}

/* The key is of no use any more. */
static void drop(struct engine *e, struct group *g)
{
    struct effect *effect =
        engine_emit(e, EFFECT_DROP_KEY, engine_find_fleet(e, g->rec.fleet_id));
    effect->repeatable = true;
    effect->key.transmission_id = g->rec.id;
    effect->key.key_id = g->rec.id;
    if (g->kept) {
        store(e, &(struct group_rec){.slot = g->rec.slot});
    }
    size_t at = place_of(e, g->rec.id);
    e->group_count--;
    memmove(&e->groups[at], &e->groups[at + 1],
            (e->group_count - at) * sizeof(struct group *));
    free(g);
}

/* Kept, and in no transmission. */
static bool is_idle(const struct group *g)
{
    return g->kept && g->rec.transmission_id == 0;
}

/* One that is in a transmission of a campaign that could not be restored ages too. */
static bool is_old(const struct engine *e, const struct group *g)
{
    return g->kept && e->utc.us - g->rec.used.us > KEEP_US &&
           engine_find_transmission(e, g->rec.transmission_id) == NULL;
}

static void drop_old(struct engine *e)
{
    for (size_t i = e->group_count; i-- > 0;) {
        if (is_old(e, e->groups[i])) {
            drop(e, e->groups[i]);
        }
    }
}

/* ---- whose key a device has ---- */

/* Its record is to be stored by the caller. */
static void give(struct engine *e, struct device *d, uint32_t id)
{
    if (d->rec.mc_group == id) {
        return;
    }
    struct group *old = find(e, d->rec.mc_group);
    struct group *new = find(e, id);
    d->rec.mc_group = id;
    if (new != NULL) {
        new->device_count++;
    }
    if (old != NULL && --old->device_count == 0 && is_idle(old)) {
        drop(e, old);
    }
}

static void take_away(struct engine *e, struct device *d)
{
    if (d->rec.mc_group != 0) {
        give(e, d, 0);
        device_store(e, d);
    }
}

void group_told(struct engine *e, struct member *m)
{
    m->rec.kept = false;
    take_away(e, m->device); /* until it answers: it has the one or the other */
}

void group_taken(struct engine *e, struct member *m)
{
    give(e, m->device, m->transmission->rec.key_id);
}

void group_rebooted(struct engine *e, struct member *m)
{
    if (m->device->rec.forgets_groups) {
        take_away(e, m->device);
    }
}

void group_doubt(struct engine *e, struct member *m)
{
    const struct transmission *t = m->transmission;
    bool listened = m->rec.phase >= MEMBER_LISTENING && m->rec.phase <= MEMBER_STATUS;
    if (t != NULL && m->rec.kept && listened &&
        (m->rec.missing == UINT16_MAX || m->rec.missing > t->rec.frag_count / 2)) {
        take_away(e, m->device);
    }
}

/* ---- a transmission takes one over ---- */

/*
 * Of this transmission's fleet and slot, with counters left, and of another campaign: within
 * one, each address has one image in one order of fragments, as who listens may check.
 */
static bool fits(const struct transmission *t, const struct group *g)
{
    return is_idle(g) && g->rec.fleet_id == t->fleet->def.id &&
           g->rec.group_id == t->rec.group_id &&
           g->rec.campaign_id != t->rec.campaign_id && g->rec.f_cnt < F_CNT_NEW;
}

/*
 * The one that most members have. NULL: too few have any, or it is better left to the others
 * who have it: a handful that comes first would keep them from it.
 */
static struct group *best_for(struct engine *e, const struct transmission *t)
{
    struct group *best = NULL;
    for (size_t i = 0; i < e->group_count; i++) {
        e->groups[i]->tally = 0;
    }
    for (size_t i = 0; i < t->member_count; i++) {
        struct group *g = find(e, t->members[i]->device->rec.mc_group);
        if (g != NULL && fits(t, g)) {
            g->tally++;
            best = best == NULL || g->tally > best->tally ? g : best;
        }
    }
    bool worth = best != NULL && (uint64_t)SHARE_MIN * best->tally >= t->member_count &&
                 (uint64_t)OWN_SHARE_MIN * best->tally >= best->device_count;
    return worth ? best : NULL;
}

static struct group *add_fresh(struct engine *e, const struct transmission *t)
{
    return add(e, &(struct group_rec){.id = t->rec.key_id,
                                      .fleet_id = t->fleet->def.id,
                                      .transmission_id = t->rec.id,
                                      .campaign_id = t->rec.campaign_id,
                                      .group_id = t->rec.group_id});
}

bool group_choose(struct engine *e, struct transmission *t)
{
    drop_old(e);
    struct group *g = best_for(e, t);
    if (g == NULL) {
        t->rec.key_id = t->rec.id;
        add_fresh(e, t);
        return false;
    }
    g->rec.transmission_id = t->rec.id;
    g->rec.campaign_id = t->rec.campaign_id;
    t->rec.key_id = g->rec.id;
    t->rec.mc_addr = g->rec.mc_addr;
    t->rec.f_cnt_first = g->rec.f_cnt;
    store(e, &g->rec);
    return true;
}

/* ---- set-up ---- */

static bool is_believed(const struct member *m)
{
    const struct transmission *t = m->transmission;
    bool lost = t->groups_lost >= LOST_FIRST && t->groups_lost > t->groups_found;
    return !lost && m->device->rec.mc_group == t->rec.key_id;
}

bool group_is_kept(struct engine *e, struct member *m)
{
    m->rec.kept = is_believed(m);
    if (!m->rec.kept && m->device->rec.mc_group == m->transmission->rec.key_id) {
        take_away(e, m->device); /* another one it keeps until it is told this one */
    }
    return m->rec.kept;
}

uint32_t group_in_use_by(const struct engine *e, uint32_t key_id)
{
    const struct group *g = key_id != 0 ? find(e, key_id) : NULL;
    return g != NULL ? g->rec.transmission_id : 0;
}

void group_found(struct member *m)
{
    m->transmission->groups_found += m->rec.kept;
}

/* Whether it rebooted since it was set up; some say the same of a start in the past. */
static bool is_gone(const struct member *m, const struct member_answer *a)
{
    const struct profile *profile = device_profile(m->device);
    bool says_so = profile->layout != PROFILE_LAYOUT_AUTO &&
                   profile->missed != PROFILE_MISSED_GROUP_UNDEFINED;
    return m->regroups < REGROUPS_MAX &&
           (a->group_gone || (a->group_undefined && says_so));
}

/* A decoder that has begun is not set up again: then it is as if the clock were wrong. */
bool group_is_lost(struct engine *e, struct member *m, const struct member_answer *a)
{
    struct transmission *t = m->transmission;
    bool asked = m->rec.phase == MEMBER_FRAG || m->rec.phase == MEMBER_SESSION ||
                 m->rec.phase == MEMBER_RESYNC;
    bool refused = a->verdict == VERDICT_REFUSED ||
                   (a->verdict == VERDICT_CLOCK && a->group_undefined);
    bool lost = m->rec.kept || is_gone(m, a);
    if (!lost || !asked || !refused || t->rec.next_n > 1 || m->rec.session_no > 0) {
        return false;
    }
    t->groups_lost += m->rec.kept;
    m->regroups += !m->rec.kept;
    m->device->rec.forgets_groups |= a->group_undefined;
    take_away(e, m->device);
    member_setup_forget(m);
    if (m->rec.phase == MEMBER_FRAG) {
        member_ask(e, m, MEMBER_GROUP); /* it refused a decoder that fits no group */
    } else {
        member_setup_begin(e, m);
    }
    return true;
}

/* ---- the end of a transmission ---- */

void group_abandon(struct engine *e, struct transmission *t)
{
    struct group *g = find(e, t->rec.key_id);
    if (g != NULL) {
        g->spent = true;
    }
    session_finish(e, t); /* first: nobody is to come back into this one */
    session_fail_rest(e, t);
}

void group_note_counter(struct engine *e, struct lane *l, uint32_t f_cnt)
{
    int32_t ahead = lane_ahead(l, f_cnt);
    if (ahead > 0) {
        l->rec.f_cnt_base += (uint32_t)ahead;
        lane_store(e, l);
    }
}

/* The first counter that no lane can have used; false: one is not known. */
static bool next_counter(const struct transmission *t, uint32_t *f_cnt)
{
    *f_cnt = t->rec.f_cnt_first;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        const struct lane_rec *l = &t->lanes[i].rec;
        uint32_t next = l->f_cnt_base + l->frames_handed + 1; /* if an answer was lost */
        *f_cnt = next > *f_cnt ? next : *f_cnt;
        if (l->lost && !t->lanes[i].spare) {
            return false;
        }
    }
    return true;
}

static bool slot_is_free(const struct engine *e, uint32_t slot)
{
    for (size_t i = 0; i < e->group_count; i++) {
        if (e->groups[i]->kept && e->groups[i]->rec.slot == slot) {
            return false;
        }
    }
    return true;
}

/* The idle one that fewest devices have. */
static struct group *least_wanted(const struct engine *e)
{
    struct group *least = NULL;
    for (size_t i = 0; i < e->group_count; i++) {
        struct group *g = e->groups[i];
        if (is_idle(g) && (least == NULL || g->device_count < least->device_count)) {
            least = g;
        }
    }
    return least;
}

/* A place for a group; false: others are wanted more. */
static bool find_slot(struct engine *e, struct group *g)
{
    if (g->kept) {
        return true;
    }
    for (uint32_t slot = 0; slot < e->config.groups_max; slot++) {
        if (slot_is_free(e, slot)) {
            g->rec.slot = slot;
            return true;
        }
    }
    struct group *least = least_wanted(e);
    if (e->config.groups_max == 0 || least == NULL ||
        least->device_count >= g->device_count) {
        return false;
    }
    g->rec.slot = least->rec.slot;
    drop(e, least);
    return true;
}

void group_release(struct engine *e, struct transmission *t)
{
    struct group *g = find(e, t->rec.key_id);
    if (g == NULL) {
        g = add_fresh(e, t);
    } else if (g->rec.transmission_id != t->rec.id) {
        return; /* it was at its end before: the group may be with another one by now */
    }
    bool known = next_counter(t, &g->rec.f_cnt);
    g->rec.mc_addr = t->rec.mc_addr;
    g->rec.transmission_id = 0;
    g->rec.used = e->utc;
    drop_old(e);
    if (known && !g->spent && g->rec.mc_addr != 0 && g->rec.f_cnt < F_CNT_NEW &&
        g->device_count > 0 && find_slot(e, g)) {
        g->kept = true;
        store(e, &g->rec);
    } else {
        drop(e, g);
    }
}

/* ---- a restart ---- */

int engine_restore_group(struct engine *engine, const struct group_rec *rec)
{
    if (rec->id == 0) {
        return FUO_OK; /* a slot that is free */
    }
    if (find(engine, rec->id) != NULL) {
        return FUO_EEXIST;
    }
    add(engine, rec)->kept = true;
    engine_remember_id(engine, rec->id);
    return FUO_OK;
}

void group_resume(struct engine *e)
{
    for (size_t i = 0; i < e->transmission_count; i++) {
        const struct transmission *t = e->transmissions[i];
        if (t->rec.phase != TX_ENDED && find(e, t->rec.key_id) == NULL) {
            struct group *g = add_fresh(e, t);
            g->spent = t->rec.key_id != t->rec.id; /* there is no such key any more */
        }
    }
    for (size_t i = 0; i < e->device_cap; i++) {
        const struct device *d = e->devices[i];
        struct group *g = d != NULL ? find(e, d->rec.mc_group) : NULL;
        if (g != NULL) {
            g->device_count++;
        }
    }
    drop_old(e);
}

/* SPDX-License-Identifier: MIT */
/* campaign.c - campaigns: starting members, forming cohorts, pause and abort, the end. */
#include <string.h>

#include "engine/internal.h"

#define PATIENCE_MIN_US MINUTES_US(10)
#define PATIENCE_MAX_US HOURS_US(24)

/* While nobody has been heard twice: see below. */
#define GUESS_MIN_US MINUTES_US(30)
#define GUESS_MAX_US HOURS_US(6)

bool campaign_runs(const struct campaign *c)
{
    return c->rec.phase == CAMPAIGN_RUNNING;
}

bool campaign_is_live(const struct campaign *c)
{
    return c->rec.phase == CAMPAIGN_RUNNING || c->rec.phase == CAMPAIGN_PAUSED;
}

uint32_t campaign_undecided(const struct campaign *c)
{
    uint32_t count = 0;
    for (int phase = MEMBER_WAITING; phase < MEMBER_READY; phase++) {
        count += c->by_phase[phase];
    }
    return count;
}

void campaign_clock_step(struct engine *e, struct campaign *c, int64_t delta_us)
{
    c->since = utc_after(c->since, delta_us);
    engine_wake(e, c->slot, e->utc);
}

void campaign_touch(struct campaign *c)
{
    c->changed = true;
}

/* Once per step and campaign: the row, and what the status topics show. */
void campaign_flush_changes(struct engine *e)
{
    for (size_t i = 0; i < e->campaign_count; i++) {
        struct campaign *c = e->campaigns[i];
        if (!c->changed) {
            continue;
        }
        c->changed = false;
        c->rec.revision++;
        struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
        effect->store.kind = STORE_CAMPAIGN;
        effect->store.campaign = c->rec;
        effect = engine_emit(e, EFFECT_PUBLISH, NULL);
        effect->publish.kind = PUBLISH_CAMPAIGN;
        effect->publish.campaign_id = c->rec.id;
    }
}

static void copy_text(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; from != NULL && from[i] != '\0' && i + 1 < size; i++) {
        to[i] = from[i];
    }
    to[i] = '\0';
}

void campaign_alert(struct engine *e, const struct campaign *c, const char *text)
{
    struct effect *effect = engine_emit(e, EFFECT_PUBLISH, NULL);
    effect->publish.kind = PUBLISH_ALERT;
    effect->publish.campaign_id = c->rec.id;
    copy_text(effect->publish.text, sizeof(effect->publish.text), text);
}

static void enter(struct campaign *c, enum campaign_phase phase, const char *reason)
{
    c->rec.phase = phase;
    copy_text(c->rec.reason, sizeof(c->rec.reason), reason);
    campaign_touch(c);
}

void campaign_pause(struct engine *e, struct campaign *c, const char *reason)
{
    if (c->rec.phase == CAMPAIGN_RUNNING) {
        enter(c, CAMPAIGN_PAUSED, reason);
        campaign_alert(e, c, reason);
    }
}

/* Who has been heard at all has taken no longer than the campaign runs: twice that. */
static int64_t guess_us(const struct engine *e, const struct campaign *c)
{
    int64_t guess_us = 2 * (e->utc.us - c->rec.started.us);
    if (guess_us < GUESS_MIN_US) {
        return GUESS_MIN_US;
    }
    return guess_us > GUESS_MAX_US ? GUESS_MAX_US : guess_us;
}

/*
 * Several uplinks' time of the slowest member that is known, within bounds: long enough
 * for a lost uplink or two, short enough not to wait for the dead.
 */
int64_t campaign_patience_us(const struct engine *e, const struct campaign *c,
                             const struct transmission *t)
{
    int64_t longest_us = 0;
    for (size_t i = 0; i < c->member_count; i++) {
        const struct member *m = &c->members[i];
        if (m->rec.outcome == OUTCOME_NONE && (t == NULL || m->transmission == t) &&
            m->device->rec.uplink_interval_us > longest_us) {
            longest_us = m->device->rec.uplink_interval_us;
        }
    }
    if (longest_us == 0) {
        return guess_us(e, c);
    }
    int64_t patience_us = 4 * longest_us;
    if (patience_us < PATIENCE_MIN_US) {
        return PATIENCE_MIN_US;
    }
    return patience_us > PATIENCE_MAX_US ? PATIENCE_MAX_US : patience_us;
}

/* ---- start ---- */

void campaign_start(struct engine *e, const struct engine_campaign *def)
{
    struct campaign *c = engine_new_campaign(e, def);
    if (c == NULL) {
        return;
    }
    c->rec.created = e->utc;
    c->rec.started = e->utc;
    c->since = e->utc;
    enter(c, CAMPAIGN_RUNNING, "");
    if (def->spec->paused) {
        enter(c, CAMPAIGN_PAUSED, "spec.paused");
    }
    for (size_t i = 0; i < c->member_count; i++) {
        struct member *m = &c->members[i];
        m->rec.phase_since = e->utc;
        m->rec.changed = e->utc;
        if (m->device->active != NULL) {
            member_end(e, m, OUTCOME_SKIPPED, REASON_BUSY, FW_RESULT_INITIAL);
        } else {
            m->device->active = m;
            member_store(e, m);
        }
    }
    engine_set_timer(e, c->slot, e->utc);
    campaign_member_settled(e, c);
}

/* A few members at a time: a step stays short however large the fleet. */
static bool pump_members(struct engine *e, struct campaign *c)
{
    size_t stop = c->pump + PUMP_MEMBERS;
    for (; c->pump < c->member_count && c->pump < stop; c->pump++) {
        struct member *m = &c->members[c->pump];
        if (m->rec.phase == MEMBER_WAITING && m->rec.outcome == OUTCOME_NONE) {
            member_begin(e, m);
        }
    }
    return c->pump < c->member_count;
}

/* ---- cohorts ---- */

static bool has_transmission_under_way(const struct campaign *c)
{
    for (size_t i = 0; i < c->transmission_count; i++) {
        if (c->transmissions[i]->rec.phase < TX_DRAIN) {
            return true;
        }
    }
    return false;
}

/* From when on a READY member may be taken: at once, or after its cooldown. */
static struct utc ready_from(const struct member *m)
{
    return m->rec.transmissions == 0
               ? m->rec.phase_since
               : utc_after(m->rec.phase_since, m->campaign->def.spec->retry.cooldown_us);
}

struct readiness {
    struct utc first; /* since when somebody is ready; UTC_NEVER: nobody is */
    struct utc next;  /* the end of the first cooldown; UTC_NEVER: none */
};

static struct readiness look_around(const struct engine *e, const struct campaign *c)
{
    struct readiness r = {UTC_NEVER, UTC_NEVER};
    for (size_t i = 0; c->by_phase[MEMBER_READY] > 0 && i < c->member_count; i++) {
        if (c->members[i].rec.phase != MEMBER_READY) {
            continue;
        }
        struct utc from = ready_from(&c->members[i]);
        if (utc_reached(from, e->utc)) {
            r.first = utc_min(r.first, from);
        } else {
            r.next = utc_min(r.next, from);
        }
    }
    return r;
}

/* Who is ready waits for others, so that they share a transmission, but not for ever. */
static bool form_cohort(struct engine *e, struct campaign *c)
{
    struct readiness r = look_around(e, c);
    if (r.first.us == INT64_MAX) {
        engine_wake(e, c->slot, r.next);
        return false;
    }
    struct utc from = c->transmission_count == 0 ? c->since : r.first;
    struct utc limit = utc_after(from, campaign_patience_us(e, c, NULL));
    bool company = campaign_undecided(c) > 0 || r.next.us < limit.us;
    if (!company || utc_reached(limit, e->utc)) {
        transmission_create(e, c);
        return true;
    }
    engine_wake(e, c->slot, utc_min(limit, r.next));
    return false;
}

/* Devices that never spoke while the campaign waited for them. */
static void drop_silent(struct engine *e, struct campaign *c)
{
    for (size_t i = 0; i < c->member_count; i++) {
        struct member *m = &c->members[i];
        if (m->rec.phase < MEMBER_READY && m->rec.outcome == OUTCOME_NONE) {
            member_end(e, m, OUTCOME_UNKNOWN, REASON_NO_ANSWER, FW_RESULT_INITIAL);
        }
    }
}

void campaign_tick(struct engine *e, struct campaign *c)
{
    if (!campaign_runs(c)) {
        return;
    }
    if (pump_members(e, c)) {
        engine_wake(e, c->slot, e->utc);
        return;
    }
    if (has_transmission_under_way(c)) {
        return; /* its end wakes us */
    }
    struct utc silence =
        utc_after(c->since, c->def.spec->targets.preconditions.max_uplink_age_us);
    if (campaign_undecided(c) > 0 && utc_reached(silence, e->utc)) {
        drop_silent(e, c);
    }
    if (!form_cohort(e, c) && campaign_undecided(c) > 0) {
        engine_wake(e, c->slot, silence);
    }
}

/* ---- control and the end ---- */

/* Called whenever a member has ended: is the campaign over? */
void campaign_member_settled(struct engine *e, struct campaign *c)
{
    if (c->rec.ended.us != 0) {
        return;
    }
    if (c->counts.by_outcome[OUTCOME_NONE] > 0) {
        if (campaign_undecided(c) == 0 && c->by_phase[MEMBER_READY] > 0) {
            engine_wake(e, c->slot, e->utc); /* nobody is left to wait for */
        }
        return;
    }
    c->rec.ended = e->utc;
    if (c->rec.phase == CAMPAIGN_ABORTING) {
        enter(c, CAMPAIGN_ABORTED, c->rec.reason);
    } else {
        enter(c, CAMPAIGN_COMPLETED, "");
    }
}

static void resume(struct engine *e, struct campaign *c)
{
    enter(c, CAMPAIGN_RUNNING, "");
    c->since = e->utc;
    c->pump = 0;
    engine_wake(e, c->slot, e->utc);
    for (size_t i = 0; i < c->transmission_count; i++) {
        c->transmissions[i]->failures = 0;
        transmission_go_on(e, c->transmissions[i]);
    }
    for (size_t i = 0; i < c->member_count; i++) {
        if (c->members[i].rec.outcome == OUTCOME_NONE) {
            member_resume(e, &c->members[i]);
        }
    }
}

static void abort_all(struct engine *e, struct campaign *c, const char *reason)
{
    enter(c, CAMPAIGN_ABORTING, reason != NULL ? reason : "aborted by the operator");
    for (size_t i = 0; i < c->transmission_count; i++) {
        session_stop(e, c->transmissions[i]);
    }
    for (size_t i = 0; i < c->member_count; i++) {
        member_abort(e, &c->members[i]);
    }
    campaign_member_settled(e, c);
}

/* Idempotent: what is so already stays so. */
void campaign_control(struct engine *e, struct campaign *c, enum engine_control verb,
                      const char *reason)
{
    switch (verb) {
    case ENGINE_PAUSE:
        if (c->rec.phase == CAMPAIGN_RUNNING) {
            enter(c, CAMPAIGN_PAUSED, reason != NULL ? reason : "paused by the operator");
        }
        return;
    case ENGINE_RESUME:
        if (c->rec.phase == CAMPAIGN_PAUSED) {
            resume(e, c);
        }
        return;
    case ENGINE_ABORT:
        if (c->rec.phase == CAMPAIGN_RUNNING || c->rec.phase == CAMPAIGN_PAUSED) {
            abort_all(e, c, reason);
        }
        return;
    }
}

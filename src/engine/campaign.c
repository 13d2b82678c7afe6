/* SPDX-License-Identifier: MIT */
/* campaign.c - campaigns: starting members, forming cohorts, pause and abort, the end. */
#include <stdlib.h>
#include <string.h>

#include "engine/answer.h"
#include "engine/budget.h"
#include "engine/campaign.h"
#include "engine/internal.h"
#include "engine/member.h"
#include "engine/round.h"
#include "engine/session.h"
#include "engine/silence.h"
#include "engine/sweep.h"
#include "engine/term.h"
#include "engine/waves.h"

#define PATIENCE_MIN_US MINUTES_US(10)
#define PATIENCE_MAX_US HOURS_US(96)

/* While nobody has been heard twice: see below. */
#define GUESS_MIN_US MINUTES_US(30)
#define GUESS_MAX_US HOURS_US(6)

#define INFLATED_PCT     220
#define INTERVAL_KEPT_US MINUTES_US(10)
#define INTERVAL_MAX_US  DAYS_US(4)
#define INTERVAL_PART_US (INTERVAL_MAX_US / INTERVAL_PARTS)
#define INTERVAL_STEP_US SECONDS_US(5)

enum {
    LOOK_NEAR = 12,        /* members ahead: what is looked at of its device */
    LOOK_FAR = 24,         /* ... of itself */
    INTERVAL_PARTS = 4096, /* a power of two, which divides the range in whole us */
};

bool campaign_runs(const struct campaign *c)
{
    return c->rec.phase == CAMPAIGN_RUNNING;
}

bool campaign_is_live(const struct campaign *c)
{
    return c->rec.phase == CAMPAIGN_RUNNING || c->rec.phase == CAMPAIGN_PAUSED ||
           c->rec.phase == CAMPAIGN_SCHEDULED;
}

uint32_t campaign_undecided(const struct campaign *c)
{
    uint32_t count = 0;
    for (int phase = MEMBER_WAITING; phase < MEMBER_READY; phase++) {
        count += c->by_phase[phase];
    }
    return count;
}

uint32_t campaign_multicast(const struct campaign *c, enum member_phase first,
                            enum member_phase last)
{
    uint32_t count = 0;
    for (int phase = (int)first; phase <= (int)last; phase++) {
        count += c->by_phase[phase] - c->brought[phase];
    }
    return count;
}

void campaign_clock_step(struct engine *e, struct campaign *c, int64_t delta_us)
{
    c->since = utc_after(c->since, delta_us);
    c->silence_at = utc_after(c->silence_at, delta_us);
    c->place_at = utc_after(c->place_at, delta_us);
    waves_clock_step(c, delta_us);
    c->round_at =
        c->round_at.us == INT64_MAX ? c->round_at : utc_after(c->round_at, delta_us);
    engine_wake(e, c->slot, e->utc);
}

/* Time is counted anew: for silence, and for the round that looks at everybody. */
void campaign_begin_waiting(struct engine *e, struct campaign *c)
{
    int64_t age_us = c->def.spec->targets.preconditions.max_uplink_age_us;
    c->since = e->utc;
    c->round_at = e->utc;
    c->silence_at = engine_in(e, age_us);
    engine_wake(e, c->slot, e->utc);
}

void campaign_touch(struct campaign *c)
{
    if (!c->changed) {
        c->changed = true;
        c->next_changed = c->engine->changed;
        c->engine->changed = c;
    }
}

/* Once per step and campaign: the row, and what the status topics show. */
void campaign_flush_changes(struct engine *e)
{
    while (e->changed != NULL) {
        struct campaign *c = e->changed;
        e->changed = c->next_changed;
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

void campaign_enter(struct campaign *c, enum campaign_phase phase, const char *reason)
{
    c->rec.phase = phase;
    copy_text(c->rec.reason, sizeof(c->rec.reason), reason);
    campaign_touch(c);
}

void campaign_pause(struct engine *e, struct campaign *c, const char *reason)
{
    if (c->rec.phase == CAMPAIGN_RUNNING) {
        campaign_enter(c, CAMPAIGN_PAUSED, reason);
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

/* What is known of the intervals of members that have not ended. */
struct intervals {
    int64_t *us;
    size_t count;
    uint32_t in_part[INTERVAL_PARTS + 1]; /* of equal parts of the range; last: beyond */
};

/* Who has ended stays so, and is looked at once more only. */
void campaign_list_live(struct campaign *c)
{
    if (c->live == NULL) {
        c->live = engine_zeroed(c->member_count, sizeof(struct member *));
        c->live_count = c->member_count;
        for (size_t i = 0; i < c->member_count; i++) {
            c->live[i] = &c->members[i];
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < c->live_count; i++) {
        if (c->live[i]->rec.outcome == OUTCOME_NONE) {
            c->live[kept++] = c->live[i];
        }
    }
    c->live_count = kept;
}

static void collect_intervals(struct member *const *members, size_t total,
                              struct intervals *known)
{
    *known = (struct intervals){.us = engine_zeroed(total, sizeof(int64_t))};
    for (size_t i = 0; i < total; i++) {
        if (i + LOOK_FAR < total) { /* far apart in memory: both are asked for ahead */
            __builtin_prefetch(&members[i + LOOK_FAR]->rec.outcome);
            __builtin_prefetch(&members[i + LOOK_FAR]->device);
            __builtin_prefetch(&members[i + LOOK_NEAR]->device->rec.uplink_interval_us);
        }
        const struct member *m = members[i];
        int64_t us = m->device->rec.uplink_interval_us;
        if (m->rec.outcome == OUTCOME_NONE && us > 0) {
            known->us[known->count++] = us;
            known->in_part[us > INTERVAL_MAX_US ? INTERVAL_PARTS
                                                : (us - 1) / INTERVAL_PART_US]++;
        }
    }
}

static size_t count_between(const struct intervals *known, int64_t above_us,
                            int64_t to_us)
{
    size_t count = 0;
    for (size_t i = 0; i < known->count; i++) {
        count += (known->us[i] > above_us) & (known->us[i] <= to_us);
    }
    return count;
}

/*
 * What `above` of them exceed, to INTERVAL_STEP_US: the part of the range that it lies in,
 * and bisection there. They may be a million, so they are neither sorted nor looked at
 * more often than that.
 */
static int64_t quantile_us(const struct intervals *known, size_t above)
{
    size_t part = INTERVAL_PARTS - 1;
    size_t beyond = known->in_part[INTERVAL_PARTS];
    while (part > 0 && beyond + known->in_part[part] <= above) {
        beyond += known->in_part[part--];
    }
    int64_t low_us = (int64_t)part * INTERVAL_PART_US;
    int64_t high_us = low_us + INTERVAL_PART_US;
    const int64_t end_us = high_us;
    while (high_us - low_us > INTERVAL_STEP_US) {
        int64_t mid_us = low_us + (high_us - low_us) / 2;
        if (beyond + count_between(known, mid_us, end_us) > above) {
            low_us = mid_us;
        } else {
            high_us = mid_us;
        }
    }
    return high_us;
}

/*
 * Lost uplinks make intervals look up to twice as long: those of the slower half are
 * believed only if they are longer than that.
 */
static int64_t measure_interval_us(struct campaign *c, const struct transmission *t)
{
    struct intervals known;
    int64_t half_us = 0;
    int64_t slow_us = 0;
    if (t != NULL) {
        collect_intervals(t->members, t->member_count, &known);
    } else {
        campaign_list_live(c);
        collect_intervals(c->live, c->live_count, &known);
    }
    if (known.count > 0) {
        half_us = quantile_us(&known, known.count / 2);
        slow_us = quantile_us(&known, known.count / 10);
    }
    free(known.us);
    return slow_us > half_us * INFLATED_PCT / 100 ? slow_us : half_us + half_us / 10;
}

/* Of all members it is looked at now and then only: they may be a million. */
int64_t campaign_interval_us(const struct engine *e, struct campaign *c,
                             const struct transmission *t)
{
    int64_t us = 0;
    if (t != NULL) {
        us = measure_interval_us(c, t);
    } else {
        if (c->interval_us == 0 || !utc_reached(e->utc, c->interval_until)) {
            c->interval_us = measure_interval_us(c, NULL);
            c->interval_until = engine_in(e, INTERVAL_KEPT_US);
        }
        us = c->interval_us;
    }
    return us > 0 ? us : guess_us(e, c);
}

/*
 * Several uplinks' time of the slowest members that are known, within bounds: long enough
 * for a lost uplink or two, short enough not to wait for the dead.
 */
int64_t campaign_patience_us(const struct engine *e, struct campaign *c,
                             const struct transmission *t)
{
    int64_t interval_us = measure_interval_us(c, t);
    if (interval_us == 0) {
        return guess_us(e, c);
    }
    int64_t patience_us = 4 * interval_us;
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
    waves_make(e, c, def->waves);
    term_begin(e, c);
    if (def->spec->paused && campaign_is_live(c)) {
        campaign_enter(c, CAMPAIGN_PAUSED, "spec.paused");
    }
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

/* ---- rounds ---- */

void campaign_member_taken(struct member *m)
{
    if (m->in_round) {
        m->in_round = false;
        m->campaign->in_round--;
    }
}

/* Known, but placed nowhere, for as long as others may stay silent. */
static bool is_stranded(const struct engine *e, const struct member *m)
{
    int64_t age_us = m->campaign->def.spec->targets.preconditions.max_uplink_age_us;
    return m->rec.phase == MEMBER_READY &&
           utc_reached(utc_after(m->rec.phase_since, age_us), e->utc) &&
           utc_reached(utc_after(m->campaign->since, age_us), e->utc);
}

/* It never spoke while the campaign waited for it. */
void campaign_drop_silent(struct engine *e, struct member *m)
{
    if (m->rec.phase < MEMBER_READY) {
        member_end(e, m, OUTCOME_UNKNOWN, REASON_NO_ANSWER, FW_SEEN_TARGETED);
    } else if (is_stranded(e, m)) {
        member_end(e, m, OUTCOME_FAILED, REASON_NOT_SET_UP, FW_SEEN_INCOMPLETE);
    }
}

static void watch_silence(struct engine *e, struct campaign *c)
{
    if (campaign_undecided(c) + c->by_phase[MEMBER_READY] == 0) {
        return;
    }
    int64_t age_us = c->def.spec->targets.preconditions.max_uplink_age_us;
    if (utc_reached(c->silence_at, e->utc)) {
        c->silence_at = engine_in(e, age_us / 8 + 1); /* the stranded come one by one */
        c->dropping = true;
        sweep_start(e, c);
    }
    engine_wake(e, c->slot, c->silence_at);
}

void campaign_tick(struct engine *e, struct campaign *c)
{
    if (c->placing) {
        if (utc_reached(c->place_at, e->utc)) {
            term_place(e, c);
        } else {
            engine_wake(e, c->slot, c->place_at);
        }
        return;
    }
    struct utc look_at = term_tick(e, c);
    if (c->placing) {
        return;
    }
    engine_wake(e, c->slot, utc_min(look_at, budget_tick(e, c)));
    sweep_go(e, c);
    if (!campaign_runs(c) || !term_lasts(e, c)) {
        round_drop(c);
        return;
    }
    if (waves_tick(e, c)) {
        engine_wake(e, c->slot, e->utc);
        return;
    }
    if (campaign_runs(c) && (c->forming != NULL || utc_reached(c->round_at, e->utc))) {
        round_form(e, c);
    }
    if (!campaign_runs(c)) {
        return;
    }
    if (pump_members(e, c)) {
        engine_wake(e, c->slot, e->utc);
        return;
    }
    watch_silence(e, c);
    engine_wake(e, c->slot, c->round_at);
}

/* ---- control and the end ---- */

/* The gate of the last wave has nobody left to hold back: what it says is told all the same. */
static void complete(struct engine *e, struct campaign *c)
{
    char failed[WAVES_REASON_SIZE];
    waves_tell_end(c, failed);
    if (failed[0] != '\0') {
        campaign_alert(e, c, failed);
    }
    campaign_enter(c, CAMPAIGN_COMPLETED,
                   term_cut(c) ? "the deadline came before every device was done"
                               : failed);
}

/* Called whenever a member has ended: is the campaign over? */
void campaign_member_settled(struct engine *e, struct campaign *c)
{
    if (c->rec.ended.us != 0) {
        return;
    }
    if (c->counts.by_outcome[OUTCOME_NONE] > 0) {
        round_look(e, c);
        return;
    }
    c->rec.ended = e->utc;
    waves_finish(e, c);
    if (c->rec.phase == CAMPAIGN_ABORTING) {
        campaign_enter(c, CAMPAIGN_ABORTED, c->rec.reason);
    } else {
        complete(e, c);
    }
}

static void resume(struct engine *e, struct campaign *c)
{
    if (!term_has_begun(c)) {
        term_begin(e, c);
        return;
    }
    campaign_enter(c, CAMPAIGN_RUNNING, "");
    waves_resume(e, c);
    c->pump = 0;
    campaign_begin_waiting(e, c);
    for (size_t i = 0; i < c->transmission_count; i++) {
        for (uint8_t k = 0; k < c->transmissions[i]->rec.lane_count; k++) {
            struct lane *l = &c->transmissions[i]->lanes[k];
            l->failures = 0;
            l->retry_at = l->rec.pending ? l->retry_at : e->utc;
        }
        transmission_go_on(e, c->transmissions[i]);
    }
    c->resuming = true;
    sweep_start(e, c);
}

static void abort_all(struct engine *e, struct campaign *c, const char *reason)
{
    campaign_enter(c, CAMPAIGN_ABORTING,
                   reason != NULL ? reason : "aborted by the operator");
    c->cutting = false;
    c->resuming = false;
    c->dropping = false;
    for (size_t i = 0; i < c->transmission_count; i++) {
        session_stop(e, c->transmissions[i]);
    }
    sweep_start(e, c);
    sweep_go(e, c);
}

void campaign_approve(struct engine *e, struct campaign *c, uint8_t wave)
{
    if (waves_approve(e, c, wave)) {
        resume(e, c);
    }
}

/* What has paused by itself is the operator's from then on, with his reason. */
static void pause_all(struct engine *e, struct campaign *c, const char *reason)
{
    if (!campaign_is_live(c)) {
        return;
    }
    bool again = c->rec.phase == CAMPAIGN_PAUSED && !waves_put_off(e, c);
    if (!again || reason != NULL) {
        campaign_enter(c, CAMPAIGN_PAUSED,
                       reason != NULL ? reason : "paused by the operator");
    }
}

/* Idempotent: what is so already stays so. */
void campaign_control(struct engine *e, struct campaign *c, enum engine_control verb,
                      const char *reason)
{
    switch (verb) {
    case ENGINE_APPROVE: /* with the number of a wave, see campaign_approve() */
        campaign_approve(e, c, ENGINE_WAVE_NEXT);
        return;
    case ENGINE_INSTALL: /* so has this, see waves_install() */
        waves_install(e, c, ENGINE_WAVE_NEXT);
        return;
    case ENGINE_PAUSE:
        pause_all(e, c, reason);
        return;
    case ENGINE_RESUME:
        if (c->rec.phase == CAMPAIGN_PAUSED && !waves_hold_again(e, c)) {
            resume(e, c);
        }
        return;
    case ENGINE_ABORT:
        if (campaign_is_live(c)) {
            abort_all(e, c, reason);
        }
        return;
    }
}

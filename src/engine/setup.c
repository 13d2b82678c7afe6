/* SPDX-License-Identifier: MIT */
/*
 * setup.c - a transmission up to its session: key and group, and the members' set-up.
 *
 * Members are told in batches (the pump), so that a step stays short.
 */
#include <string.h>

#include "codec/frag.h"
#include "engine/answer.h"
#include "engine/campaign.h"
#include "engine/group.h"
#include "engine/internal.h"
#include "engine/lane.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/round.h"
#include "engine/session.h"

#define RETRY_AFTER_US MINUTES_US(1)
#define FAR_US         MINUTES_US(10)
#define KEY_AGAIN_US   MINUTES_US(1)

void transmission_store(struct engine *e, struct transmission *t)
{
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_TRANSMISSION;
    effect->store.transmission = t->rec;
}

/* Nothing is sent any more: who needs another try is looked at. */
static void leave_the_air(struct engine *e, struct campaign *c)
{
    c->transmissions_active--;
    if (c->transmissions_active == 0 && c->by_phase[MEMBER_READY] > 0) {
        c->round_at = utc_min(c->round_at, engine_in(e, RETRY_AFTER_US));
        engine_wake(e, c->slot, c->round_at);
    }
}

/* The only place that writes rec.phase. */
void transmission_enter(struct engine *e, struct transmission *t, enum tx_phase phase)
{
    if (phase >= TX_DRAIN && t->rec.phase < TX_DRAIN) {
        leave_the_air(e, t->campaign);
    }
    if (phase == TX_ENDED && t->rec.phase != TX_ENDED) {
        t->campaign->transmissions_open--;
        cohort_strike(e, t);
    }
    t->rec.phase = phase;
    t->rec.phase_since = e->utc;
    if (phase == TX_CONFIRM) {
        t->patience_us = campaign_patience_us(e, t->campaign, t);
    }
    t->remaining = 0;
    t->progress_at = e->utc;
    t->pump = t->member_count;
    transmission_store(e, t);
    campaign_touch(t->campaign);
    engine_set_timer(e, t->slot, e->utc);
}

/*
 * A large cohort takes as long as its gateways take to tell everybody: as long as a tenth
 * of what remains is done within each patience, another one is granted.
 */
bool transmission_has_patience(struct engine *e, struct transmission *t,
                               uint32_t remaining, int64_t patience_us)
{
    if (remaining == 0) {
        return false;
    }
    if (t->remaining == 0) {
        t->remaining = remaining;
    }
    struct utc until = utc_after(t->progress_at, patience_us);
    if (utc_reached(until, e->utc)) {
        uint32_t tenth = t->remaining / 10 + 1;
        if (remaining + tenth > t->remaining) {
            return false;
        }
        t->remaining = remaining;
        t->progress_at = e->utc;
        until = engine_in(e, patience_us);
    }
    engine_wake(e, t->slot, until);
    return true;
}

uint32_t transmission_count(const struct transmission *t, enum member_phase first,
                            enum member_phase last)
{
    uint32_t count = 0;
    for (enum member_phase phase = first; phase <= last; phase++) {
        count += t->by_phase[phase];
    }
    return count;
}

void transmission_clock_step(struct engine *e, struct transmission *t, int64_t delta_us)
{
    t->rec.phase_since = utc_after(t->rec.phase_since, delta_us);
    t->progress_at = utc_after(t->progress_at, delta_us);
    t->tail_until = utc_after(t->tail_until, delta_us);
    t->frame_at = utc_after(t->frame_at, delta_us);
    if (t->behind_at.us != INT64_MAX) {
        t->behind_at = utc_after(t->behind_at, delta_us);
    }
    lanes_clock_step(t, delta_us);
    engine_wake(e, t->slot, e->utc);
}

/* ---- key and group ---- */

/* Until there is an answer; a driver that has drawn the key already gives the same. */
static void ask_for_key(struct engine *e, struct transmission *t)
{
    struct effect *effect = engine_emit(e, EFFECT_NEW_KEY, t->fleet);
    effect->repeatable = true;
    effect->key.transmission_id = t->rec.id;
    effect->key.campaign_id = t->rec.campaign_id;
    engine_wake(e, t->slot, engine_in(e, KEY_AGAIN_US));
}

void transmission_on_key(struct engine *e, struct transmission *t, uint32_t mc_addr)
{
    if (t->rec.phase != TX_KEY) {
        return;
    }
    t->rec.mc_addr = mc_addr;
    transmission_enter(e, t, TX_GROUP);
}

/* The session is dated before anybody is set up: it all goes in one chain. */
void transmission_opened(struct engine *e, struct transmission *t)
{
    transmission_date(e, t);
}

/* No group at the server and nothing to send: its members have the key, and may keep it. */
void transmission_end(struct engine *e, struct transmission *t)
{
    group_release(e, t);
    transmission_enter(e, t, TX_ENDED);
    engine_wake(e, t->campaign->slot, e->utc);
}

/* ---- members ---- */

/* Downwards: who leaves meanwhile makes room at the end. */
bool transmission_pump(struct engine *e, struct transmission *t,
                       void (*fn)(struct engine *e, struct member *m))
{
    t->pump = t->pump < t->member_count ? t->pump : t->member_count;
    for (size_t served = 0; t->pump > 0 && served < PUMP_MEMBERS; served++) {
        struct member *m = t->members[--t->pump];
        if (m->rec.outcome == OUTCOME_NONE) {
            fn(e, m);
        }
    }
    return t->pump == 0;
}

/* On with its set-up, wherever it was left. */
static void tell(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_KEY) {
        member_setup_begin(e, m);
    } else if (m->rec.phase == MEMBER_SET_UP) {
        member_setup_go_on(e, m);
    }
}

/* ---- up to the session ---- */

static void tick_lead(struct engine *e, struct transmission *t)
{
    if (!transmission_pump(e, t, tell)) {
        engine_wake(e, t->slot, e->utc);
        return;
    }
    if (transmission_count(t, MEMBER_WAITING, MEMBER_STATUS) == 0) {
        session_stop(e, t);
        return;
    }
    struct utc begin = utc_after(t->rec.session_start, START_MARGIN_US);
    if (begin.us - e->utc.us > t->lead_us + FAR_US || !dates_hold(e, t)) {
        session_date_again(e, t); /* the clock was set back, or there are other windows */
        return;
    }
    if (!utc_reached(begin, e->utc)) {
        engine_wake(e, t->slot, begin);
        return;
    }
    session_begin(e, t);
}

/* Whether it is its turn; a campaign that is over or aborted has no use for it. */
static bool may_tick(struct engine *e, struct transmission *t)
{
    if (t->rec.phase >= TX_DRAIN) {
        return true;
    }
    if (!campaign_is_live(t->campaign)) {
        session_stop(e, t);
    } else if (t->plan_error != PLAN_OK) {
        campaign_pause(e, t->campaign, plan_error_text(t->plan_error));
    }
    return campaign_runs(t->campaign); /* resume wakes us */
}

/* No window is known; or it is of a store from before, and was told no date. */
static void tick_setup(struct engine *e, struct transmission *t)
{
    if (transmission_count(t, MEMBER_WAITING, MEMBER_STATUS) == 0) {
        session_stop(e, t);
    } else {
        transmission_date(e, t);
    }
}

void transmission_tick(struct engine *e, struct transmission *t)
{
    dates_watch_queue(e, t);
    if (!may_tick(e, t)) {
        return;
    }
    switch (t->rec.phase) {
    case TX_ENDED:
        break;
    case TX_KEY:
        ask_for_key(e, t);
        break;
    case TX_GROUP:
        lanes_open(e, t);
        break;
    case TX_SETUP:
        tick_setup(e, t);
        break;
    case TX_LEAD:
        tick_lead(e, t);
        break;
    case TX_SENDING:
    case TX_POLL:
    case TX_CONFIRM:
    case TX_DRAIN:
        session_tick(e, t);
        break;
    case TX_CLOSE:
        lanes_close(e, t);
        break;
    }
}

/* Look again when nobody is left to wait for; a scan at each answer would cost N^2. */
void transmission_member_changed(struct engine *e, struct transmission *t)
{
    if (t == NULL || t->rec.phase < TX_SETUP || t->rec.phase > TX_CONFIRM) {
        return;
    }
    bool settled =
        t->rec.phase == TX_SETUP     ? transmission_count(t, MEMBER_KEY, MEMBER_FRAG) == 0
        : t->rec.phase == TX_CONFIRM ? t->by_phase[MEMBER_STATUS] + proof_pending(t) == 0
        : t->rec.phase == TX_LEAD
            ? transmission_count(t, MEMBER_WAITING, MEMBER_STATUS) == 0
            : transmission_count(t, MEMBER_SESSION, MEMBER_STATUS) == 0;
    /* An answer of few may be all that repair waits for. */
    bool looks = t->rec.phase == TX_CONFIRM && t->member_count <= PARTITION_POLLED_MAX;
    if (settled || looks || !campaign_is_live(t->campaign)) {
        engine_wake(e, t->slot, e->utc);
    }
}

static bool is_asking(const struct transmission *t)
{
    return t->rec.phase == TX_SETUP || t->rec.phase == TX_CONFIRM;
}

/* Its phase counts from `since`, its patience from `progress`. */
static void count_from(struct engine *e, struct transmission *t, struct utc since,
                       struct utc progress)
{
    since = utc_min(since, e->utc);
    if (t->rec.phase_since.us != since.us) {
        t->rec.phase_since = since;
        transmission_store(e, t);
    }
    t->patience_us = campaign_patience_us(e, t->campaign, t);
    t->progress_at = utc_min(progress, e->utc);
    engine_wake(e, t->slot, e->utc);
}

void transmission_go_on(struct engine *e, struct transmission *t)
{
    count_from(e, t, is_asking(t) ? e->utc : t->rec.phase_since, e->utc);
}

/* When it moved on last, as far as it is stored. */
static struct utc last_progress(const struct transmission *t)
{
    struct utc last = t->rec.phase_since;
    for (size_t i = 0; i < t->member_count; i++) {
        struct utc since = t->members[i]->rec.phase_since;
        last = since.us > last.us ? since : last;
    }
    return last;
}

/*
 * After a restart: the time in which nobody listened does not count, but what was waited for
 * before does. Else a daemon that is started anew every night would wait for ever.
 */
static void go_on_after_restart(struct engine *e, struct transmission *t, int64_t away_us)
{
    count_from(e, t, utc_after(t->rec.phase_since, is_asking(t) ? away_us : 0),
               utc_after(last_progress(t), away_us));
}

/* How many of its sessions were no repair: with windows, all that were dated may be so. */
static uint32_t sessions_by_plan(const struct transmission *t)
{
    bool windows = t->campaign->spans != NULL && t->rec.session_no > 0;
    return windows ? t->rec.session_no : t->plan.session_count;
}

/*
 * After a restart: everything that was asked of the driver or the server is asked again, and
 * so are members who were not told yet, or whose answers were not stored.
 */
void transmission_resume(struct engine *e, struct transmission *t, int64_t away_us)
{
    t->session_first_n = t->rec.next_n;
    t->news_n = t->rec.next_n;
    t->lead_us = t->rec.session_start.us - t->rec.phase_since.us;
    t->behind_at = UTC_NEVER;
    t->pump = t->member_count;
    if (t->rec.phase == TX_ENDED) {
        return;
    }
    transmission_plan(t);
    cohort_enlist(e, t);
    grid_restore(e, t);
    go_on_after_restart(e, t, away_us);
    if (t->plan_error == PLAN_OK) {
        frame_schedule(e, t);
        t->sessions_cut = sessions_by_plan(t) - 1;
    }
    t->flush_at = dates_open_until(t->campaign, e->utc);
    lanes_resume(e, t);
}

/* SPDX-License-Identifier: MIT */
/*
 * setup.c - a transmission up to its session: key and group, the members' set-up, and the
 * date of each session.
 *
 * Members are told in batches (the pump), so that a step stays short.
 */
#include <string.h>

#include "codec/frag.h"
#include "engine/internal.h"

#define LEAD_MIN_US     MINUTES_US(5)
#define LEAD_MAX_US     HOURS_US(24)
#define LEAD_EXTRA_US   MINUTES_US(2)
#define FAR_US          MINUTES_US(10)
#define START_MARGIN_US SECONDS_US(5) /* clock error and the change of class */
#define BACKOFF_US      SECONDS_US(5)
#define BACKOFF_EXP_MAX 5 /* up to 160 s */
#define FAILURES_MAX    8 /* in a row, before somebody is told */
#define KEY_AGAIN_US    MINUTES_US(1)
#define F_CNT_NEW       (0xffffu - 2 * FRAG_COUNT_MAX) /* beyond, devices are deaf: 13 */
#define ANSWER_MAX_US   MINUTES_US(5) /* the server's answer is lost by then */

void transmission_store(struct engine *e, struct transmission *t)
{
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_TRANSMISSION;
    effect->store.transmission = t->rec;
}

/* The only place that writes rec.phase. */
void transmission_enter(struct engine *e, struct transmission *t, enum tx_phase phase)
{
    t->rec.phase = phase;
    t->rec.phase_since = e->utc;
    t->patience_us = campaign_patience_us(e, t->campaign, t);
    t->remaining = 0;
    t->progress_at = e->utc;
    t->pump = 0;
    transmission_store(e, t);
    campaign_touch(t->campaign);
    engine_set_timer(e, t->slot, e->utc);
}

/* Waits longer at each failure in a row. True: it went on too long for comfort. */
bool transmission_backoff(struct engine *e, struct transmission *t)
{
    unsigned exp = t->failures < BACKOFF_EXP_MAX ? t->failures : BACKOFF_EXP_MAX;
    if (t->failures < UINT8_MAX) {
        t->failures++;
    }
    engine_set_timer(e, t->slot, engine_in(e, BACKOFF_US << exp));
    return t->failures >= FAILURES_MAX;
}

/* The server or the way to it is away: that is waited for. */
static bool is_away(int err)
{
    return err == FUO_EAGAIN || err == FUO_ETIMEDOUT;
}

void transmission_await(struct engine *e, struct transmission *t, enum tx_wait what)
{
    t->waiting = what;
    t->asked_at = e->utc;
    engine_wake(e, t->slot, engine_in(e, ANSWER_MAX_US));
}

bool transmission_awaits(struct engine *e, struct transmission *t)
{
    struct utc lost = utc_after(t->asked_at, ANSWER_MAX_US);
    if (t->waiting != TX_WAIT_NONE && utc_reached(lost, e->utc)) {
        t->waiting = TX_WAIT_NONE;
    }
    if (t->waiting == TX_WAIT_NONE) {
        return false;
    }
    engine_wake(e, t->slot, lost);
    return true;
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
    t->next_frame = utc_after(t->next_frame, delta_us);
    t->asked_at = utc_after(t->asked_at, delta_us);
    t->charged_us = 0; /* it lies in another bucket now */
    engine_wake(e, t->slot, e->utc);
}

/* ---- key and group ---- */

/* Until there is an answer; a driver that has drawn the key already gives the same. */
static void ask_for_key(struct engine *e, struct transmission *t)
{
    struct effect *effect = engine_emit(e, EFFECT_NEW_KEY, t->campaign->fleet);
    effect->repeatable = true;
    effect->key.transmission_id = t->rec.id;
    effect->key.campaign_id = t->rec.campaign_id;
    engine_wake(e, t->slot, engine_in(e, KEY_AGAIN_US));
}

static void open_group(struct engine *e, struct transmission *t)
{
    struct effect *effect = engine_emit(e, EFFECT_GROUP_OPEN, t->campaign->fleet);
    effect->repeatable = true;
    effect->group.transmission_id = t->rec.id;
    effect->group.campaign_id = t->rec.campaign_id;
    effect->group.mc_addr = t->rec.mc_addr;
    effect->group.frequency_hz = t->rec.frequency_hz;
    effect->group.dr = t->rec.dr;
    effect->group.gateway_count = t->rec.gateway_count;
    memcpy(effect->group.gateways, t->rec.gateways, sizeof(effect->group.gateways));
    transmission_await(e, t, TX_WAIT_GROUP);
}

void transmission_on_key(struct engine *e, struct transmission *t, uint32_t mc_addr)
{
    if (t->rec.phase != TX_KEY) {
        return;
    }
    t->rec.mc_addr = mc_addr;
    transmission_enter(e, t, TX_GROUP);
}

static void keep_handle(struct transmission *t, const char *handle)
{
    size_t i = 0;
    for (; handle[i] != '\0' && i + 1 < sizeof(t->rec.group); i++) {
        t->rec.group[i] = handle[i];
    }
    t->rec.group[i] = '\0';
}

/* No group at the server and nothing to send: the key is of no use any more. */
static void end(struct engine *e, struct transmission *t)
{
    struct effect *effect = engine_emit(e, EFFECT_DROP_KEY, t->campaign->fleet);
    effect->repeatable = true;
    effect->key.transmission_id = t->rec.id;
    transmission_enter(e, t, TX_ENDED);
    engine_wake(e, t->campaign->slot, e->utc);
}

static void take_closed(struct engine *e, struct transmission *t, int err)
{
    if (err == FUO_OK || err == FUO_ENOENT) {
        end(e, t);
        return;
    }
    if (transmission_backoff(e, t) && !is_away(err)) {
        campaign_alert(e, t->campaign,
                       "the network server did not delete a multicast group");
        end(e, t);
    }
}

static void take_opened(struct engine *e, struct transmission *t,
                        const struct engine_event *event)
{
    int err = event->group.err;
    if (err == FUO_OK && event->group.group != NULL && event->group.f_cnt < F_CNT_NEW) {
        t->failures = 0;
        keep_handle(t, event->group.group);
        t->rec.f_cnt_base = event->group.f_cnt;
        transmission_enter(e, t, TX_SETUP);
        return;
    }
    bool told = transmission_backoff(e, t) && !is_away(err);
    if (told || err == FUO_EPERM || err == FUO_EPROTO || err == FUO_ENOENT) {
        campaign_pause(e, t->campaign,
                       "the network server did not create the multicast group");
    }
}

void transmission_on_group(struct engine *e, struct transmission *t,
                           const struct engine_event *event)
{
    bool waited = t->waiting == TX_WAIT_GROUP;
    if (t->rec.phase >= TX_DRAIN && t->rec.group[0] == '\0' &&
        event->group.group != NULL) {
        keep_handle(t, event->group.group); /* opened too late: delete it again */
        t->waiting = TX_WAIT_NONE;
        transmission_enter(e, t, TX_CLOSE);
        return;
    }
    if (!waited) {
        return; /* twice, or given up meanwhile */
    }
    t->waiting = TX_WAIT_NONE;
    if (t->rec.phase == TX_CLOSE) {
        take_closed(e, t, event->group.err);
    } else if (t->rec.phase == TX_GROUP) {
        take_opened(e, t, event);
    } else if (t->rec.phase == TX_DRAIN) {
        engine_wake(e, t->slot, e->utc);
    }
}

/* ---- telling members ---- */

/* Calls fn for the next members of the transmission; true when all have been served. */
static bool pump(struct engine *e, struct transmission *t,
                 void (*fn)(struct engine *e, struct member *m))
{
    struct campaign *c = t->campaign;
    size_t served = 0;
    for (; t->pump < c->member_count && served < PUMP_MEMBERS; t->pump++) {
        struct member *m = &c->members[t->pump];
        if (m->transmission == t && m->rec.outcome == OUTCOME_NONE) {
            fn(e, m);
            served++;
        }
    }
    return t->pump == c->member_count;
}

static void tell_group(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_KEY) {
        member_ask(e, m, MEMBER_GROUP);
    }
}

static void tell_session(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_SET_UP) {
        member_ask(e, m, MEMBER_SESSION);
    }
}

/* ---- phases ---- */

/* Who is not ready yet goes on being set up in the lead. */
static void tick_setup(struct engine *e, struct transmission *t)
{
    if (!pump(e, t, tell_group)) {
        engine_wake(e, t->slot, e->utc);
        return;
    }
    uint32_t commands =
        2 * transmission_count(t, MEMBER_KEY, MEMBER_GROUP) + t->by_phase[MEMBER_FRAG];
    if (transmission_has_patience(e, t, commands, t->patience_us)) {
        return;
    }
    if (t->by_phase[MEMBER_SET_UP] == 0) {
        session_stop(e, t);
    } else {
        transmission_date(e, t);
    }
}

/* One command more for each: half as long as the two of the set-up took. */
static int64_t lead_us(const struct engine *e, const struct transmission *t)
{
    int64_t given_us = t->campaign->def.spec->radio.setup_lead_us;
    if (given_us != SPEC_AUTO_US) {
        return given_us;
    }
    int64_t lead = t->patience_us + LEAD_EXTRA_US;
    int64_t took_us = t->rec.phase == TX_SETUP  ? e->utc.us - t->rec.phase_since.us
                      : t->rec.phase == TX_LEAD ? 2 * t->lead_us
                                                : 0;
    lead = took_us / 2 > lead ? took_us / 2 : lead;
    if (lead < LEAD_MIN_US) {
        return LEAD_MIN_US;
    }
    return lead > LEAD_MAX_US ? LEAD_MAX_US : lead;
}

void transmission_date(struct engine *e, struct transmission *t)
{
    t->lead_us = lead_us(e, t);
    int64_t start_us = engine_in(e, t->lead_us).us;
    t->rec.session_start = (struct utc){start_us - start_us % 1000000};
    t->rec.session_end =
        utc_after(t->rec.session_start, SECONDS_US(1) << t->rec.timeout_exp);
    t->rec.session_no++;
    transmission_enter(e, t, TX_LEAD);
}

static void tick_lead(struct engine *e, struct transmission *t)
{
    if (!pump(e, t, tell_session)) {
        engine_wake(e, t->slot, e->utc);
        return;
    }
    if (transmission_count(t, MEMBER_KEY, MEMBER_STATUS) == 0) {
        session_stop(e, t);
        return;
    }
    struct utc begin = utc_after(t->rec.session_start, START_MARGIN_US);
    int64_t lead_max_us = t->lead_us > 0 ? t->lead_us : LEAD_MAX_US;
    if (begin.us - e->utc.us > lead_max_us + FAR_US) {
        session_date_again(e, t); /* the clock was set back */
        return;
    }
    if (!utc_reached(begin, e->utc)) {
        engine_wake(e, t->slot, begin);
        return;
    }
    session_begin(e, t);
}

static void tick_close(struct engine *e, struct transmission *t)
{
    if (transmission_awaits(e, t)) {
        return;
    }
    if (t->rec.group[0] == '\0') {
        end(e, t);
        return;
    }
    struct effect *effect = engine_emit(e, EFFECT_GROUP_CLOSE, t->campaign->fleet);
    effect->repeatable = true;
    effect->group.transmission_id = t->rec.id;
    memcpy(effect->group.handle, t->rec.group, sizeof(effect->group.handle));
    transmission_await(e, t, TX_WAIT_GROUP);
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

void transmission_tick(struct engine *e, struct transmission *t)
{
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
        if (!transmission_awaits(e, t)) {
            open_group(e, t);
        }
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
        tick_close(e, t);
        break;
    }
}

/* Look again when nobody is left to wait for; a scan at each answer would cost N^2. */
void transmission_member_changed(struct engine *e, struct transmission *t)
{
    if (t == NULL || t->rec.phase < TX_SETUP || t->rec.phase > TX_CONFIRM) {
        return;
    }
    bool settled = t->rec.phase == TX_SETUP
                       ? transmission_count(t, MEMBER_KEY, MEMBER_FRAG) == 0
                   : t->rec.phase == TX_CONFIRM ? t->by_phase[MEMBER_STATUS] == 0
                   : t->rec.phase == TX_LEAD
                       ? transmission_count(t, MEMBER_KEY, MEMBER_STATUS) == 0
                       : transmission_count(t, MEMBER_SESSION, MEMBER_STATUS) == 0;
    if (settled || !campaign_is_live(t->campaign)) {
        engine_wake(e, t->slot, e->utc);
    }
}

void transmission_go_on(struct engine *e, struct transmission *t)
{
    bool asking = t->rec.phase == TX_SETUP || t->rec.phase == TX_CONFIRM;
    if (asking || t->rec.phase_since.us > e->utc.us) {
        t->rec.phase_since = e->utc;
        transmission_store(e, t);
    }
    t->patience_us = campaign_patience_us(e, t->campaign, t);
    t->progress_at = e->utc;
    engine_wake(e, t->slot, e->utc);
}

/* After a restart: everything that was asked of the driver or the server is asked again. */
void transmission_resume(struct engine *e, struct transmission *t)
{
    t->waiting = TX_WAIT_NONE;
    t->session_first_n = t->rec.next_n;
    if (t->rec.phase == TX_ENDED) {
        return;
    }
    transmission_go_on(e, t);
    if (t->rec.pending) {
        t->next_frame = engine_in(e, SETTLE_US);
    } else if (t->rec.group[0] != '\0' && t->rec.phase < TX_CLOSE) {
        session_poll_queue(e, t);
    }
}

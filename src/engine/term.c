/* SPDX-License-Identifier: MIT */
#include "engine/term.h"

#include "engine/campaign.h"
#include "engine/deliver.h"
#include "engine/install.h"
#include "engine/member.h"
#include "engine/session.h"
#include "engine/sweep.h"
#include "engine/waves.h"

enum {
    PLACE_MEMBERS = 1024, /* in a step: what they store is much */
};

#define PLACE_PAUSE_US \
    MILLIS_US(1) /* other steps come in between, and do not hasten it */

bool term_has_begun(const struct campaign *c)
{
    return c->rec.started.us != 0;
}

bool term_lasts(const struct engine *e, const struct campaign *c)
{
    return !c->term_over && !utc_reached(c->def.deadline, e->utc);
}

bool term_takes_on(const struct engine *e, const struct campaign *c)
{
    return campaign_is_live(c) && term_lasts(e, c);
}

struct utc term_last_start(const struct campaign *c)
{
    return c->def.deadline;
}

struct utc term_silent_from(const struct campaign *c)
{
    return c->def.spec->schedule.end_behavior == SPEC_END_DRAIN ? UTC_NEVER
                                                                : c->def.deadline;
}

bool term_cut(const struct campaign *c)
{
    for (size_t i = 0; i < c->member_count; i++) {
        if (c->members[i].rec.reason == REASON_DEADLINE) {
            return true;
        }
    }
    return false;
}

/* ---- the beginning ---- */

/* Once when it is applied, to be known after a restart, and once when it begins. */
static void note_time(struct engine *e, struct member *m)
{
    m->rec.phase_since = e->utc;
    m->rec.changed = e->utc;
    member_store(e, m);
}

static void begin_with(struct engine *e, struct member *m)
{
    m->rec.phase_since = e->utc;
    waves_place(e, m);
    if (m->rec.outcome == OUTCOME_NONE) {
        note_time(e, m);
    }
}

void term_begin(struct engine *e, struct campaign *c)
{
    bool due = utc_reached(c->def.not_before, e->utc);
    c->rec.started = due ? e->utc : c->rec.started;
    campaign_enter(c, due ? CAMPAIGN_RUNNING : CAMPAIGN_SCHEDULED, "");
    e->placing += !c->placing;
    c->placing = true;
    c->placed = 0;
    c->place_at = e->utc;
    term_place(e, c);
}

void term_place(struct engine *e, struct campaign *c)
{
    size_t stop = c->placed + PLACE_MEMBERS;
    for (; c->placed < c->member_count && c->placed < stop; c->placed++) {
        struct member *m = &c->members[c->placed];
        if (m->rec.outcome == OUTCOME_NONE) {
            (term_has_begun(c) ? begin_with : note_time)(e, m);
        }
    }
    c->place_at = engine_in(e, PLACE_PAUSE_US);
    if (c->placed < c->member_count) {
        engine_wake(e, c->slot, c->place_at);
        return;
    }
    c->placing = false;
    e->placing--;
    campaign_begin_waiting(e, c);
    campaign_member_settled(e, c);
}

/* ---- the deadline ---- */

static void cut(struct engine *e, struct member *m, enum outcome outcome,
                enum fw_evidence seen)
{
    if (m->rec.command_id != 0) {
        member_flush_queue(e, m);
    }
    member_end(e, m, outcome, REASON_DEADLINE, seen);
}

/* In a session that has begun, or beyond. */
static bool is_under_way(const struct member *m)
{
    const struct transmission *t = m->transmission;
    bool begun = t != NULL && t->rec.phase >= TX_SENDING && t->rec.phase <= TX_CONFIRM;
    begun |= deliver_is_way(m);
    return (m->rec.phase >= MEMBER_COMPLETE && m->rec.phase < MEMBER_ENDED) ||
           (begun && member_in_session(m));
}

/* Told to install, or perhaps: what it runs from now on nobody asks any more. */
static bool may_install(const struct member *m)
{
    return (m->rec.phase > MEMBER_UPGRADE && m->rec.phase < MEMBER_ENDED) ||
           (m->rec.phase == MEMBER_UPGRADE &&
            (m->rec.tries > 0 || m->rec.version_after != 0));
}

/* Nobody knows whether an operator will ever let it install: that is no end. */
static void drain_member(struct engine *e, struct member *m)
{
    if (!is_under_way(m) || install_waits(m)) {
        cut(e, m, OUTCOME_CANCELLED, FW_SEEN_CANCELLED);
    }
}

static void stop_member(struct engine *e, struct member *m)
{
    if (may_install(m)) {
        cut(e, m, OUTCOME_UNKNOWN, FW_SEEN_TARGETED);
    } else {
        cut(e, m, OUTCOME_CANCELLED, FW_SEEN_CANCELLED);
    }
}

void term_cut_member(struct engine *e, struct member *m)
{
    switch (m->campaign->def.spec->schedule.end_behavior) {
    case SPEC_END_DRAIN:
        drain_member(e, m);
        return;
    case SPEC_END_STOP:
        stop_member(e, m);
        return;
    case SPEC_END_ABORT: /* comes to it as an abort */
        return;
    }
}

/* Nothing more is sent by them from here on; their members end in their turn. */
static void stop_transmissions(struct engine *e, struct campaign *c, enum tx_phase last)
{
    c->cutting = true;
    for (size_t i = 0; i < c->transmission_count; i++) {
        if (c->transmissions[i]->rec.phase <= last) {
            session_stop(e, c->transmissions[i]);
        }
    }
    sweep_start(e, c);
}

static void end_by_deadline(struct engine *e, struct campaign *c)
{
    switch (c->def.spec->schedule.end_behavior) {
    case SPEC_END_DRAIN:
        stop_transmissions(e, c, TX_LEAD);
        return;
    case SPEC_END_STOP:
        stop_transmissions(e, c, TX_CONFIRM);
        return;
    case SPEC_END_ABORT:
        campaign_control(e, c, ENGINE_ABORT, "the deadline came");
        return;
    }
}

struct utc term_tick(struct engine *e, struct campaign *c)
{
    if (!campaign_is_live(c) || c->term_over) {
        return UTC_NEVER;
    }
    if (!term_lasts(e, c)) {
        c->term_over = true;
        end_by_deadline(e, c);
        return UTC_NEVER;
    }
    if (c->rec.phase == CAMPAIGN_SCHEDULED && utc_reached(c->def.not_before, e->utc)) {
        term_begin(e, c);
    }
    return c->rec.phase == CAMPAIGN_SCHEDULED ? c->def.not_before : c->def.deadline;
}

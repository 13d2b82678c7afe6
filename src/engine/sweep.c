/* SPDX-License-Identifier: MIT */
#include "engine/sweep.h"

#include "engine/campaign.h"
#include "engine/member.h"
#include "engine/retry.h"
#include "engine/silence.h"
#include "engine/term.h"

static bool is_left(const struct member *m)
{
    return m->rec.outcome == OUTCOME_NONE;
}

static bool is_aborted(const struct member *m)
{
    return m->campaign->rec.phase == CAMPAIGN_ABORTING && !m->aborted;
}

/* Whether there is anything for it. */
static bool concerns(const struct member *m)
{
    const struct campaign *c = m->campaign;
    bool to_all = c->cutting || c->resuming || c->dropping;
    return m->goes_again || is_aborted(m) || (to_all && is_left(m));
}

void sweep_member(struct engine *e, struct member *m)
{
    if (m->goes_again) {
        retry_member(e, m);
    }
    if (is_aborted(m)) {
        m->aborted = true;
        member_abort(e, m);
    } else if (m->campaign->cutting && is_left(m)) {
        term_cut_member(e, m);
    }
}

void sweep_start(struct engine *e, struct campaign *c)
{
    c->sweeping = true;
    c->swept = 0;
    engine_wake(e, c->slot, e->utc);
}

static void finish(struct engine *e, struct campaign *c)
{
    c->sweeping = false;
    c->cutting = false;
    c->resuming = false;
    c->dropping = false;
    campaign_member_settled(e, c);
}

/* In its turn, not when it speaks. */
static void take(struct engine *e, struct member *m)
{
    const struct campaign *c = m->campaign;
    sweep_member(e, m);
    if (c->dropping && campaign_runs(c) && is_left(m)) {
        campaign_drop_silent(e, m);
    }
    if (c->resuming && is_left(m) && c->rec.phase != CAMPAIGN_ABORTING) {
        member_resume(e, m);
    }
}

void sweep_go(struct engine *e, struct campaign *c)
{
    size_t served = 0;
    for (; c->sweeping && c->swept < c->member_count && served < PUMP_MEMBERS;
         c->swept++) {
        struct member *m = &c->members[c->swept];
        if (concerns(m)) {
            take(e, m);
            served++;
        }
    }
    if (c->sweeping && c->swept == c->member_count) {
        finish(e, c);
    } else if (c->sweeping) {
        engine_wake(e, c->slot, e->utc);
    }
}

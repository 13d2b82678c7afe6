/* SPDX-License-Identifier: MIT */
#include "engine/claim.h"

#include "engine/member.h"
#include "engine/sweep.h"
#include "engine/waves.h"

static uint32_t priority_of(const struct member *m)
{
    return m->campaign->def.spec->priority;
}

/* In the middle of an update: to stop now would waste what it has, or worse. */
static bool is_busy(const struct member *m)
{
    return m->rec.phase >= MEMBER_GROUP && m->rec.phase < MEMBER_ENDED;
}

void claim_device(struct engine *e, struct member *m)
{
    struct member *other = m->device->active;
    if (other != NULL) {
        sweep_member(e, other);
        other = m->device->active;
    }
    if (other == NULL) {
        m->device->active = m;
    } else if (priority_of(m) <= priority_of(other)) {
        member_end(e, m, OUTCOME_SUPERSEDED, REASON_BUSY, FW_SEEN_TARGETED);
    } else if (!is_busy(other)) {
        if (other->rec.command_id != 0) {
            member_flush_queue(e, other);
        }
        m->device->active = m;
        member_end(e, other, OUTCOME_SUPERSEDED, REASON_OUTRANKED, FW_SEEN_TARGETED);
    }
}

/* Who is under way has it; of those that are not, the one that would get it. */
static bool goes_before(const struct member *a, const struct member *b)
{
    bool a_pends = a->rec.phase == MEMBER_PENDING;
    bool b_pends = b->rec.phase == MEMBER_PENDING;
    if (a_pends != b_pends) {
        return b_pends;
    }
    return priority_of(a) != priority_of(b) ? priority_of(a) > priority_of(b)
                                            : a->rec.campaign_id < b->rec.campaign_id;
}

void claim_restored(struct member *m)
{
    struct member *other = m->device->active;
    if (other == NULL || goes_before(m, other)) {
        m->device->active = m;
    }
}

/* The first of those that want the device and do not have it; NULL: nobody. */
static struct member *next_of(const struct engine *e, const struct device *d)
{
    struct member *next = NULL;
    for (size_t i = 0; i < e->campaign_count; i++) {
        const struct campaign *c = e->campaigns[i];
        bool may_wait = c->rec.ended.us == 0 && c->by_phase[MEMBER_PENDING] > 0;
        struct member *m = may_wait ? campaign_find_member(c, d->rec.dev_eui) : NULL;
        bool waits = m != NULL && m->rec.phase == MEMBER_PENDING && d->active != m;
        if (waits && (next == NULL || goes_before(m, next))) {
            next = m;
        }
    }
    return next;
}

void claim_pass_on(struct engine *e, struct device *d)
{
    struct member *next = next_of(e, d);
    if (next != NULL) {
        d->active = next;
        waves_let_in(e, next);
    }
}

bool claim_is_wanted(const struct engine *e, const struct member *m)
{
    const struct member *next = e->campaign_count > 1 ? next_of(e, m->device) : NULL;
    return next != NULL && priority_of(next) > priority_of(m);
}

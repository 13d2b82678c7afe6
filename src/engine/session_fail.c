/* SPDX-License-Identifier: MIT */
/* session_fail.c - who is given up in a session, when, and what is made of it. */
#include "engine/answer.h"
#include "engine/internal.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/repair.h"
#include "engine/session.h"

/* Nothing that it did: it was in no session, nothing or not all was sent, or it was not asked. */
static bool is_blameless(const struct transmission *t, const struct member *m)
{
    if (m->rec.phase <= MEMBER_SET_UP || m->rec.missing == t->rec.frag_count ||
        t->rec.next_n == 1 || (m->unsure && m->rec.missing != UINT16_MAX)) {
        return true;
    }
    return m->rec.missing != UINT16_MAX
               ? t->rec.next_n <= t->rec.target_n
               : m->rec.phase == MEMBER_STATUS && !m->rec.command_sent;
}

/* It says that it lacks fragments: who would have been asked for its image, or means it. */
static bool is_denial(const struct member *m)
{
    return spec_installs(m->campaign->def.spec) || device_counts_rank(m->device);
}

static void fail(struct engine *e, struct transmission *t, struct member *m)
{
    if (is_blameless(t, m)) {
        member_leave_late(e, m);
    } else if (proof_is_doubtful(m)) {
        member_end_data(e, m, false);
    } else if (m->rec.missing != UINT16_MAX && is_denial(m)) {
        member_leave(e, m, OUTCOME_FAILED, REASON_INCOMPLETE, FW_SEEN_INCOMPLETE);
    } else if (m->rec.missing != UINT16_MAX) {
        member_leave(e, m, OUTCOME_UNKNOWN, REASON_UNPROVEN, FW_SEEN_TARGETED);
    } else {
        member_leave(e, m, OUTCOME_UNKNOWN, REASON_NO_ANSWER, FW_SEEN_TARGETED);
    }
}

void session_fail_rest(struct engine *e, struct transmission *t)
{
    for (size_t i = t->member_count; i-- > 0;) { /* who leaves makes room at the end */
        if (t->members[i]->rec.phase < MEMBER_COMPLETE) {
            fail(e, t, t->members[i]);
        }
    }
}

/* It has answered, and cannot be helped here. */
static bool is_past_help(const struct transmission *t, const struct member *m)
{
    return m->rec.phase == MEMBER_LISTENING && m->polled && !repair_is_worth(t, m);
}

void session_fail_answered(struct engine *e, struct transmission *t, bool all)
{
    for (size_t i = t->member_count; i-- > 0;) {
        struct member *m = t->members[i];
        if (is_past_help(t, m) || (all && m->rec.phase == MEMBER_LISTENING)) {
            fail(e, t, m);
        }
    }
}

void session_take_status(struct engine *e, struct member *m)
{
    struct transmission *t = m->transmission;
    if (t->rec.phase == TX_CONFIRM && is_past_help(t, m)) {
        fail(e, t, m);
    }
}

/* SPDX-License-Identifier: MIT */
/* member.c - one device in a campaign: its records, its phases, its outcome. */
#include <string.h>

#include "engine/admit.h"
#include "engine/agree.h"
#include "engine/air.h"
#include "engine/budget.h"
#include "engine/campaign.h"
#include "engine/claim.h"
#include "engine/deliver.h"
#include "engine/group.h"
#include "engine/install.h"
#include "engine/internal.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/reported.h"
#include "engine/round.h"
#include "engine/session.h"
#include "engine/term.h"
#include "engine/uplink.h"
#include "engine/variant.h"
#include "engine/waves.h"

#define ANSWER_UPLINKS 6 /* in the time for an answer, at least */

/* Times that being late is no failed attempt, of a device that is always heard; when there was
 * no airtime to be in time for. */
#define LATE_MAX   2
#define DELAYS_MAX 16

#define UNDO_PATIENCE_US HOURS_US(24)

/* ---- counts ---- */

static void count_in(struct member *m)
{
    m->campaign->by_phase[m->rec.phase]++;
    m->campaign->brought[m->rec.phase] += deliver_is_way(m);
    m->campaign->announced += m->announced;
    if (m->transmission != NULL) {
        m->transmission->by_phase[m->rec.phase]++;
        m->transmission->announced += m->announced;
    }
}

static void count_out(struct member *m)
{
    m->campaign->by_phase[m->rec.phase]--;
    m->campaign->brought[m->rec.phase] -= deliver_is_way(m);
    m->campaign->announced -= m->announced;
    if (m->transmission != NULL) {
        m->transmission->by_phase[m->rec.phase]--;
        m->transmission->announced -= m->announced;
    }
}

static void sit_down(struct member *m, struct transmission *t)
{
    m->transmission = t;
    if (t == NULL) {
        return;
    }
    if (t->member_count == t->member_cap) {
        t->member_cap = t->member_cap == 0 ? 8 : t->member_cap * 2;
        t->members = engine_grow(t->members, t->member_cap, sizeof(struct member *));
    }
    m->seat = (uint32_t)t->member_count;
    t->members[t->member_count++] = m;
}

/* The last one takes its seat. */
static void stand_up(struct member *m)
{
    struct transmission *t = m->transmission;
    if (t == NULL) {
        return;
    }
    struct member *last = t->members[--t->member_count];
    t->members[m->seat] = last;
    last->seat = m->seat;
    m->transmission = NULL;
}

void member_attach(struct member *m, struct transmission *t)
{
    member_setup_forget(m);
    count_out(m);
    stand_up(m);
    sit_down(m, t);
    m->rec.transmission_id = t != NULL ? t->rec.id : 0;
    m->delayed = false;
    count_in(m);
}

void member_replace(struct member *m, const struct member_rec *rec,
                    struct transmission *t)
{
    count_out(m);
    stand_up(m);
    m->rec = *rec;
    sit_down(m, t);
    count_in(m);
}

/* ---- storing ---- */

void member_store(struct engine *e, struct member *m)
{
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_MEMBER;
    effect->store.member = m->rec;
}

static void store_history(struct engine *e, struct member *m)
{
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_HISTORY;
    effect->store.history = (struct history_rec){
        .campaign_id = m->rec.campaign_id,
        .dev_eui = m->rec.dev_eui,
        .at = e->utc,
        .phase = m->rec.phase,
        .state = m->rec.state,
        .result = m->rec.result,
        .source = m->rec.source,
        .outcome = m->rec.outcome,
        .reason = m->rec.reason,
    };
}

static void publish_result(struct engine *e, struct member *m)
{
    struct effect *effect = engine_emit(e, EFFECT_PUBLISH, NULL);
    effect->publish.kind = PUBLISH_RESULT;
    effect->publish.campaign_id = m->rec.campaign_id;
    effect->publish.dev_eui = m->rec.dev_eui;
}

/* As long as the campaign says, and as a device that seldom speaks needs to answer. */
static int64_t within_us(const struct member *m)
{
    int64_t given_us = m->campaign->def.spec->verification.within_us;
    int64_t least_us = ANSWER_UPLINKS * m->device->rec.uplink_interval_us;
    return given_us > least_us ? given_us : least_us;
}

struct utc member_limit(const struct member *m)
{
    struct utc from = m->rec.phase_since;
    if (m->rec.phase == MEMBER_LISTENING && deliver_is_way(m)) {
        return utc_after(from, within_us(m));
    }
    switch (m->rec.phase) {
    case MEMBER_UPGRADE:
        return utc_after(from, within_us(m));
    case MEMBER_REBOOT: /* told by a vendor's command it waits for a window first */
        from = install_by_vendor(m) && m->rec.reboot_at.us > from.us ? m->rec.reboot_at
                                                                     : from;
        return utc_after(from, within_us(m));
    case MEMBER_VERIFY:
        return utc_after(from.us > m->rec.reboot_at.us ? from : m->rec.reboot_at,
                         within_us(m));
    case MEMBER_UNDO_REBOOT:
    case MEMBER_UNDO_IMAGE:
        return utc_after(from, UNDO_PATIENCE_US);
    default: /* the campaign or the transmission waits for the others */
        return UTC_NEVER;
    }
}

void member_hold(struct member *m)
{
    count_out(m);
    m->rec.phase = MEMBER_PENDING;
    count_in(m);
}

void member_set_announced(struct member *m)
{
    count_out(m);
    m->announced = true;
    count_in(m);
}

/* A session is under way that it takes part in, or was. */
static bool is_attempt(const struct member *m)
{
    return (m->rec.phase >= MEMBER_STATUS && m->rec.phase <= MEMBER_VERIFY) ||
           (m->rec.phase == MEMBER_LISTENING &&
            (m->transmission != NULL ? m->transmission->rec.phase >= TX_SENDING
                                     : deliver_is_way(m)));
}

/* The only place, but for member_hold(), that writes rec.phase. */
void member_enter(struct engine *e, struct member *m, enum member_phase phase)
{
    if (phase != MEMBER_LISTENING && phase != MEMBER_STATUS) {
        budget_note_listening(e, m);
    }
    count_out(m);
    m->rec.phase = phase;
    m->announced = false;
    count_in(m);
    m->rec.phase_since = e->utc;
    m->rec.tries = 0;
    member_drop_command(m);
    m->rec.command_sent = false;
    m->held = false;
    member_setup_enter(m);
    m->evidence = 0;
    m->rests = 0;
    engine_set_timer(e, m->slot, member_limit(m));
    if (is_attempt(m)) {
        waves_note_attempt(e, m);
    }
    member_store(e, m);
    store_history(e, m);
    agree_look(e, m->campaign);
}

void member_fw_changed(struct engine *e, struct member *m)
{
    m->rec.changed = e->utc;
    member_store(e, m);
    store_history(e, m);
    publish_result(e, m);
    campaign_touch(m->campaign);
}

void member_end(struct engine *e, struct member *m, enum outcome outcome,
                enum member_reason reason, enum fw_evidence seen)
{
    struct campaign *c = m->campaign;
    if (m->rec.outcome != OUTCOME_NONE) {
        return; /* final */
    }
    if (outcome == OUTCOME_FAILED && variant_fall_back(e, m, reason, seen)) {
        return;
    }
    c->counts.by_outcome[OUTCOME_NONE]--;
    c->counts.by_outcome[outcome]++;
    m->rec.outcome = outcome;
    m->rec.reason = reason;
    m->rec.changed = e->utc;
    if (outcome != OUTCOME_UNKNOWN) { /* silent after activation: State 3 (design 2) */
        (void)reported_infer(e, m, seen);
    }
    waves_note_end(e, m);
    campaign_member_taken(m);
    member_enter(e, m, MEMBER_ENDED);
    if (m->device->active == m) {
        m->device->active = NULL;
        claim_pass_on(e, m->device);
    }
    publish_result(e, m);
    campaign_touch(c);
    if (m->transmission != NULL) {
        transmission_member_changed(e, m->transmission);
    }
    campaign_member_settled(e, c);
}

void member_flush_queue(struct engine *e, struct member *m)
{
    struct effect *effect = engine_emit(e, EFFECT_SEND_FLUSH, m->device->fleet);
    effect->send.dev_eui = m->rec.dev_eui;
    effect->repeatable = true;
}

/* The order may be lost: then its answer is not to be taken for one of what comes next. */
void member_part_with(struct engine *e, struct member *m)
{
    device_set_told_before(e, m->device, true);
    member_flush_queue(e, m);
}

void member_leave(struct engine *e, struct member *m, enum outcome outcome,
                  enum member_reason reason, enum fw_evidence seen)
{
    struct transmission *t = m->transmission;
    if (outcome == OUTCOME_FAILED && variant_fall_back(e, m, reason, seen)) {
        return;
    }
    if (m->rec.command_id != 0) {
        member_part_with(e, m); /* else it would hit a device that is elsewhere by then */
    }
    group_doubt(e, m);
    budget_note_listening(e, m);
    member_attach(m, NULL);
    m->rec.missing = UINT16_MAX;
    m->rec.received = 0;
    bool again = m->rec.transmissions < m->campaign->def.spec->retry.device &&
                 term_takes_on(e, m->campaign);
    if (again && claim_is_wanted(e, m)) {
        member_end(e, m, OUTCOME_SUPERSEDED, REASON_OUTRANKED, FW_SEEN_TARGETED);
        transmission_member_changed(e, t);
        return;
    }
    if (again) {
        m->rec.reason = reason;
        member_enter(e, m, MEMBER_READY);
        member_seen(e, m, FW_SEEN_TARGETED);
        transmission_member_changed(e, t);
        round_wish(e, m);
        return;
    }
    member_end(e, m, outcome, reason, seen);
    transmission_member_changed(e, t);
}

void member_leave_late(struct engine *e, struct member *m)
{
    struct transmission *t = m->transmission;
    if (m->rec.phase < MEMBER_READY) { /* not even its version: that is asked on */
        member_attach(m, NULL);
        m->rec.transmissions--;
        member_store(e, m);
        transmission_member_changed(e, t);
        return;
    }
    if (m->delayed && m->delays < DELAYS_MAX) {
        m->delays++; /* that is no fault of its own, and says nothing of how it is heard */
    } else {
        m->rec.late++;
    }
    if (m->rec.late > device_tries(m->device, LATE_MAX) ||
        !term_takes_on(e, m->campaign)) {
        m->rec.late = 0;
        member_leave(e, m, OUTCOME_FAILED, REASON_NOT_SET_UP, FW_SEEN_INCOMPLETE);
        return;
    }
    m->rec.transmissions--; /* it was not in it */
    member_leave(e, m, OUTCOME_FAILED, REASON_NOT_SET_UP, FW_SEEN_INCOMPLETE);
}

bool member_in_session(const struct member *m)
{
    return m->rec.phase == MEMBER_LISTENING || m->rec.phase == MEMBER_STATUS ||
           m->rec.phase == MEMBER_SESSION || m->rec.phase == MEMBER_RESYNC;
}

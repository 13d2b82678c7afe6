/* SPDX-License-Identifier: MIT */
/*
 * session.c - a transmission in its session: fragments, polls, confirmation, the end.
 *
 * One frame is under way at a time, and its place is stored before it is handed over to
 * the lanes (frame.c). Uncoded fragments in order, then coded ones with
 * fresh N only: a decoder that has seen a coded fragment may be corrupted by an uncoded
 * one (lorawan.md 4.6).
 *
 *   SENDING --all sent--> POLL (multicast status request) --something missing--> SENDING
 *                           \--nothing missing--> CONFIRM (unicast, each without proof)
 *   CONFIRM --missing, time left--> SENDING   --missing, no time--> a new session
 *           \--else--> DRAIN --> CLOSE (setup.c)
 */
#include <string.h>

#include "codec/frag.h"
#include "engine/air.h"
#include "engine/answer.h"
#include "engine/campaign.h"
#include "engine/internal.h"
#include "engine/lane.h"
#include "engine/look.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/repair.h"
#include "engine/reported.h"
#include "engine/round.h"
#include "engine/session.h"
#include "engine/term.h"
#include "engine/trim.h"
#include "engine/uplink.h"
#include "engine/waves.h"

enum {
    F_CNT_MAX = 0xffff,
    CONFIRM_EARLY = 3,     /* of a patience: then repair begins with who has answered */
    CONFIRM_PATIENCES = 2, /* who is given up now needs the whole image again */
    POLLS_MAX = 6,
    UNUSED_MAX = 12,      /* with fragments left to send, see unused_max() */
    LOOKS_IN_TIME = 4,    /* polls; the last of them is not the end of the session */
    UNASKED_PPM = 100000, /* chance that all answers of a member were lost */
};

#define UPLINK_DELAY_US SECONDS_US(15) /* from the end of the window to the last answer */

/* ---- members ---- */

static uint32_t count_in_session(const struct transmission *t)
{
    return transmission_count(t, MEMBER_SESSION, MEMBER_STATUS);
}

static void forget_poll(struct transmission *t)
{
    for (size_t i = 0; i < t->member_count; i++) {
        t->members[i]->polled = false;
    }
}

/* ---- frames ---- */

size_t session_payload(const struct transmission *t, bool status, uint8_t buf[255])
{
    size_t len = 0;
    if (status) {
        struct frag_status_req req = {.frag_index = t->rec.frag_index,
                                      .all_participants = look_is_on(t)};
        return frag_status_req_encode(t->rec.ts004, &req, buf, 255, &len) == FUO_OK ? len
                                                                                    : 0;
    }
    uint8_t bytes[255];
    uint16_t n = fec_sequence_n(t->sequence, t->rec.next_n);
    if (fec_fragment(&t->encoder, n, bytes) != FUO_OK) {
        return 0;
    }
    struct frag_data data = {.frag_index = t->rec.frag_index,
                             .n = n,
                             .data = bytes,
                             .len = t->rec.frag_size_bytes};
    return frag_data_encode(t->rec.ts004, &data, buf, 255, &len) == FUO_OK ? len : 0;
}

/* Uncoded fragments may be sent several times in a row. */
static bool place_is_done(const struct transmission *t)
{
    return t->rec.copies <= 1 || t->rec.next_n > t->rec.frag_count ||
           t->rec.frames_handed % t->rec.copies == 0;
}

void session_frame_done(struct engine *e, struct transmission *t)
{
    t->rec.pending = false;
    t->rec.frames_handed++;
    if (t->rec.pending_status) {
        t->polls++;
        transmission_enter(e, t, TX_POLL);
        return;
    }
    t->polls = 0;
    if (place_is_done(t)) {
        t->rec.next_n++;
        t->news_n = t->rec.next_n;
    }
    t->campaign->rec.fragments_sent++;
    campaign_touch(t->campaign);
    transmission_store(e, t);
    engine_wake(e, t->slot, frame_due(t));
}

void session_poll_refused(struct engine *e, struct transmission *t)
{
    if (t->rec.phase == TX_POLL && t->polls < POLLS_MAX) {
        transmission_enter(e, t, TX_SENDING); /* it is asked again */
    }
}

void session_lanes_lost(struct engine *e, struct transmission *t)
{
    t->rec.pending = false;
    session_fail_rest(e, t);
    session_finish(e, t);
}

/* ---- phases ---- */

/* To the end of its session, or of the window if that is earlier. */
static bool time_left_for(const struct engine *e, const struct transmission *t,
                          int64_t needed_us)
{
    return e->utc.us + needed_us + SESSION_GUARD_US < dates_until(e, t).us;
}

/* Until a frame that is begun now has been sent by all: behind those in the queues, or at
 * its time. */
static int64_t queue_delay_us(const struct transmission *t)
{
    if (air_is_timed(t)) {
        return t->fleet->def.multicast_lead_us;
    }
    int64_t rows = 0;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        const struct lane *l = &t->lanes[i];
        rows = lane_is_live(l) && l->row_count > rows ? l->row_count : rows;
    }
    if (air_in_slots(t)) { /* its gateways send a frame together */
        return 2 * t->plan.interval_us + air_late_us(t);
    }
    int64_t spacing_us = t->fleet->def.multicast_spacing_us;
    return t->plan.interval_us +
           rows * (t->plan.interval_us > spacing_us ? t->plan.interval_us : spacing_us);
}

/* FCnt of a group stays below 65536: beyond, real stacks receive nothing. */
static bool counter_is_spent(const struct transmission *t)
{
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        const struct lane_rec *l = &t->lanes[i].rec;
        if (l->f_cnt_base + l->frames_handed >= F_CNT_MAX) {
            return true;
        }
    }
    return false;
}

static void begin_confirm(struct engine *e, struct transmission *t)
{
    t->tail_until = e->utc;
    forget_poll(t);
    transmission_enter(e, t, TX_CONFIRM);
}

/* Leave the session alone: nobody in it needs anything more. */
void session_finish(struct engine *e, struct transmission *t)
{
    transmission_enter(e, t, TX_DRAIN);
    engine_wake(e, t->campaign->slot, e->utc);
}

/* The same group and decoder, another session: for all, or whom it is known to help. */
static void next_session(struct engine *e, struct transmission *t, bool all)
{
    for (size_t i = 0; i < t->member_count; i++) {
        struct member *m = t->members[i];
        if (member_in_session(m) && (all || repair_is_worth(t, m))) {
            member_enter(e, m, MEMBER_SET_UP);
        }
    }
    int64_t left_us =
        ((int64_t)t->rec.target_n - t->rec.next_n + 1) * t->plan.interval_us;
    t->rec.timeout_exp = plan_timeout_exp(t->plan.session_unit_us,
                                          left_us + left_us / 2 +
                                              4 * t->plan.poll_window_us + MINUTES_US(2));
    transmission_date(e, t);
}

void session_date_again(struct engine *e, struct transmission *t)
{
    for (size_t i = 0; i < t->member_count; i++) {
        struct member *m = t->members[i];
        if (member_in_session(m) || m->with_session) {
            member_enter(e, m, MEMBER_SET_UP);
        }
    }
    transmission_date(e, t);
}

/* One, those that had to end before all was sent, and as many as the campaign allows. */
static uint32_t sessions_max(const struct transmission *t)
{
    return 1 + t->sessions_cut + t->campaign->def.spec->retry.session;
}

static bool may_go_on(const struct engine *e, const struct transmission *t)
{
    return term_lasts(e, t->campaign) && t->rec.session_no < sessions_max(t);
}

/*
 * The time of this session is over with fragments left to send. A first pass goes on as
 * long as it makes progress: devices do not listen for a server that is away for good.
 */
static void session_over(struct engine *e, struct transmission *t)
{
    bool idle = t->rec.next_n == t->session_first_n;
    t->idle_sessions = idle ? (uint8_t)(t->idle_sessions + 1) : 0;
    bool first_pass = t->rec.next_n <= t->rec.frag_count &&
                      t->idle_sessions <= t->campaign->def.spec->retry.session;
    bool sent_all = t->rec.next_n > t->rec.target_n;
    bool cut = !idle && dates_were_cut(t);
    t->sessions_cut += cut;
    first_pass = first_pass && term_lasts(e, t->campaign);
    if (!sent_all && (first_pass || may_go_on(e, t))) {
        next_session(e, t, first_pass || cut);
    } else {
        begin_confirm(e, t);
    }
}

static bool anybody_agreed(const struct transmission *t)
{
    for (size_t i = 0; i < t->member_count; i++) {
        const struct member *m = t->members[i];
        if (m->rec.phase == MEMBER_LISTENING && m->rec.session_no == t->rec.session_no) {
            return true;
        }
    }
    return false;
}

/*
 * Sessions that nobody agreed to, before they count: each has cost a few commands. Before the
 * first fragment they are for who is seldom heard, and would begin its set-up anew elsewhere.
 */
static uint32_t unused_max(const struct transmission *t)
{
    if (t->rec.next_n > 1) {
        return UNUSED_MAX;
    }
    uint32_t given = 1 + t->campaign->def.spec->retry.session;
    uint32_t most = given;
    for (size_t i = 0; i < t->member_count; i++) {
        const struct member *m = t->members[i];
        bool began = m->rec.phase >= MEMBER_FRAG || member_setup_has_frag(m);
        uint32_t tries = began ? device_tries(m->device, given) : 0;
        most = tries > most ? tries : most;
    }
    return most - given < UINT8_MAX ? most - given : UINT8_MAX;
}

/* A set-up from now on would reset what is being received: who has none is left out. */
static void settle_member(struct engine *e, struct member *m)
{
    if (member_setup_may_be_done(m)) {
        m->unsure |= m->rec.session_no == 0;
        member_enter(e, m, MEMBER_LISTENING);
        member_seen(e, m, FW_SEEN_SESSION);
    } else if (m->rec.phase <= MEMBER_FRAG) {
        member_leave_late(e, m);
    }
}

/* Who never said that it agreed may listen all the same: the status will tell. */
void session_begin(struct engine *e, struct transmission *t)
{
    if (!anybody_agreed(t)) {
        bool unused = t->unused_sessions < unused_max(t) && !counter_is_spent(t);
        t->unused_sessions = (uint8_t)(t->unused_sessions + unused);
        t->sessions_cut += unused;
        if (may_go_on(e, t)) {
            session_date_again(e, t); /* their answers, or the way to them, were lost */
        } else {
            session_stop(e, t);
        }
        return;
    }
    if (t->rec.next_n == 1) {
        t->sessions_cut = t->rec.session_no - 1u; /* nobody had agreed to those before */
    }
    size_t count = t->member_count;
    for (size_t i = count; i-- > 0;) {
        settle_member(e, t->members[i]);
    }
    if (t->member_count < count) {
        round_soon(e, t->campaign);
    }
    lanes_trim(e, t);
    t->session_first_n = t->rec.next_n;
    frame_schedule(e, t);
    forget_poll(t);
    waves_note_session(e, t);
    transmission_enter(e, t, TX_SENDING);
}

/* Not where the time is short: what is left to send has to fit in this session. */
static bool has_time_to_look(const struct engine *e, const struct transmission *t)
{
    int64_t copies = t->rec.copies > 1 ? t->rec.copies : 1;
    int64_t left_us =
        ((int64_t)t->rec.target_n - t->rec.next_n + 1) * copies * t->plan.interval_us;
    return time_left_for(e, t, left_us + LOOKS_IN_TIME * t->plan.poll_window_us);
}

static void tick_sending(struct engine *e, struct transmission *t)
{
    bool nobody = count_in_session(t) == 0;
    bool over = nobody || !time_left_for(e, t, queue_delay_us(t)) || counter_is_spent(t);
    bool settled = frame_tick(e, t, over);
    if (!settled || !campaign_runs(t->campaign) || t->rec.phase != TX_SENDING) {
        return;
    }
    if (nobody && proof_pending(t) == 0) {
        session_stop(e, t);
    } else if (nobody) {
        begin_confirm(e, t);
    } else if (over) {
        session_over(e, t);
    } else if (t->rec.pending) {
        engine_wake(e, t->slot, dates_until(e, t)); /* lanes wait for their turns */
    } else if (!utc_reached(frame_due(t), e->utc)) {
        engine_wake(e, t->slot, frame_due(t));
    } else {
        bool look = look_is_due(t) && has_time_to_look(e, t);
        frame_begin(e, t, look || t->rec.next_n > t->rec.target_n);
    }
}

static struct utc poll_end(const struct transmission *t)
{
    return utc_after(t->rec.phase_since,
                     t->plan.poll_window_us + UPLINK_DELAY_US + queue_delay_us(t));
}

static void send_more(struct engine *e, struct transmission *t, uint32_t need)
{
    t->rec.target_n = repair_target_n(t, need);
    t->rec.repair_rounds++;
    forget_poll(t);
    transmission_enter(e, t, TX_SENDING);
}

static bool may_repair(const struct transmission *t)
{
    return t->rec.next_n <= repair_last_n(t) &&
           t->rec.repair_rounds < t->campaign->def.spec->fragmentation.repair_rounds;
}

/*
 * A poll costs a frame, a pass for one whose answer was lost all of them: few are asked until
 * an answer of each would have come through.
 */
static bool is_poll_lost(const struct transmission *t)
{
    if (count_in_session(t) > PARTITION_POLLED_MAX || t->polls >= POLLS_MAX) {
        return false;
    }
    for (size_t i = 0; i < t->member_count; i++) {
        const struct member *m = t->members[i];
        if (!member_in_session(m) || m->polled) {
            continue;
        }
        uint64_t once_ppm = device_unheard_ppm(m->device);
        uint64_t lost_ppm = once_ppm;
        for (uint8_t k = 1; k < t->polls; k++) {
            lost_ppm = lost_ppm * once_ppm / SPEC_PPM;
        }
        if (lost_ppm > UNASKED_PPM) {
            return true;
        }
    }
    return false;
}

static void tick_poll(struct engine *e, struct transmission *t)
{
    if (count_in_session(t) == 0) {
        begin_confirm(e, t);
        return;
    }
    if (!utc_reached(poll_end(t), e->utc)) {
        engine_wake(e, t->slot, poll_end(t));
        return;
    }
    if (look_is_on(t)) {
        look_end(e, t);
        return;
    }
    if (is_poll_lost(t)) {
        transmission_enter(e, t, TX_SENDING);
        return;
    }
    struct demand d = repair_demand(t);
    if (d.need > 0 && may_repair(t) &&
        time_left_for(e, t, d.need * t->plan.interval_us)) {
        send_more(e, t, d.need);
        return;
    }
    begin_confirm(e, t);
}

/* ---- repair ---- */

static void repair_later(struct engine *e, struct transmission *t, uint32_t need)
{
    t->rec.target_n = repair_target_n(t, need);
    t->rec.repair_rounds = 0; /* rounds are per session */
    next_session(e, t, false);
}

/*
 * Everybody has answered, or been given time to. The ladder: more in this session, by
 * unicast where that is cheaper, in another session, by unicast where it is possible. False:
 * there is nothing to be done but to give up.
 */
static bool repair(struct engine *e, struct transmission *t)
{
    struct demand d = repair_demand(t);
    bool more = d.need > 0 && t->rec.next_n <= repair_last_n(t) && !counter_is_spent(t) &&
                lanes_live(t) > 0;
    int64_t takes_us = d.need * t->plan.interval_us + t->plan.poll_window_us;
    if (more && may_repair(t) && time_left_for(e, t, takes_us)) {
        send_more(e, t, d.need);
    } else if (d.members > 0 && repair_alone_is_better(e, t, &d) && repair_alone(e, t)) {
        return true;
    } else if (more && may_go_on(e, t)) {
        repair_later(e, t, d.need);
    } else {
        return d.members > 0 && repair_alone(e, t);
    }
    return true;
}

/*
 * A device that is seldom heard needs more uplinks to answer by: less than another session
 * with all of its set-up costs. For few only: in a large cohort there is always one of those.
 */
static int64_t last_patience_us(const struct transmission *t)
{
    uint32_t most_ppk = 1000;
    for (size_t i = 0; t->member_count <= PARTITION_POLLED_MAX && i < t->member_count;
         i++) {
        uint32_t ppk = device_tries(t->members[i]->device, 1000);
        most_ppk = ppk > most_ppk ? ppk : most_ppk;
    }
    return CONFIRM_PATIENCES * t->patience_us / 1000 * most_ppk;
}

/* Who answers does so behind its next uplink; then who misses something is not kept. */
static void tick_confirm(struct engine *e, struct transmission *t)
{
    if (!transmission_pump(e, t, proof_ask)) { /* each without proof */
        engine_wake(e, t->slot, e->utc);
        return;
    }
    uint32_t open = t->by_phase[MEMBER_STATUS] + proof_pending(t);
    if (count_in_session(t) + open == 0) {
        session_stop(e, t);
        return;
    }
    struct utc early = utc_after(t->rec.phase_since,
                                 t->patience_us / CONFIRM_EARLY + t->plan.poll_window_us);
    early = early.us > t->tail_until.us ? early : t->tail_until;
    if (open > 0 && !utc_reached(early, e->utc)) {
        engine_wake(e, t->slot, early);
        return;
    }
    session_fail_answered(e, t, false);
    if (repair(e, t)) {
        return;
    }
    session_fail_answered(e, t, true);
    if (!transmission_has_patience(e, t, open,
                                   last_patience_us(t) + t->plan.poll_window_us)) {
        session_fail_rest(e, t);
        session_finish(e, t);
    }
}

void session_tick(struct engine *e, struct transmission *t)
{
    switch (t->rec.phase) {
    case TX_SENDING:
        tick_sending(e, t);
        break;
    case TX_POLL:
        tick_poll(e, t);
        break;
    case TX_CONFIRM:
        tick_confirm(e, t);
        break;
    case TX_DRAIN:
        lanes_drain(e, t);
        break;
    case TX_KEY:
    case TX_GROUP:
    case TX_SETUP:
    case TX_LEAD:
    case TX_CLOSE:
    case TX_ENDED:
        break;
    }
}

/*
 * Nothing more is to be sent: what is queued is dropped, and nobody is left in it. A group
 * that is being opened is waited for, or it would stay at the server for ever.
 */
void session_stop(struct engine *e, struct transmission *t)
{
    if (t->rec.phase >= TX_DRAIN) {
        return;
    }
    lanes_flush(e, t);
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        struct lane *l = &t->lanes[i];
        l->waiting = l->waiting == LANE_WAIT_GROUP ? LANE_WAIT_GROUP : LANE_WAIT_NONE;
        l->rec.pending = false;
    }
    t->rec.pending = false;
    if (campaign_is_live(t->campaign) && !t->campaign->cutting) {
        session_fail_rest(e, t);
    }
    session_finish(e, t);
}

/* SPDX-License-Identifier: MIT */
/*
 * session.c - a transmission in its session: fragments, polls, confirmation, the end.
 *
 * One frame is under way at a time, and its place is stored before it is handed over: a
 * lost answer is settled from the group's frame counter (f_cnt minus f_cnt at the start is
 * the number of frames the server took). Uncoded fragments in order, then coded ones with
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
#include "engine/internal.h"
#include "radio/airtime.h"

enum {
    NEED_EXTRA = 3,          /* beyond the missing ones: rank of random rows */
    LOSS_MAX_PPM = 500000,   /* a worse estimate is not believed */
    MISSING_MIN_CHASED = 20, /* however few fragments there are */
    F_CNT_MAX = 0xffff,
    CONFIRM_PATIENCES = 2, /* who is given up now needs the whole image again */
};

#define STATUS_FPORT     FRAG_FPORT
#define SESSION_GUARD_US SECONDS_US(10) /* nothing is sent that late in a session */
#define UPLINK_DELAY_US  SECONDS_US(15) /* from the end of the window to the last answer */
#define FRAME_LIFE_US    MINUTES_US(10)

/* ---- members ---- */

static uint32_t count_in_session(const struct transmission *t)
{
    return transmission_count(t, MEMBER_SESSION, MEMBER_STATUS);
}

/*
 * Fragments that would complete this member, the loss it has seen allowed for. Several
 * stacks report the last N as NbFragReceived (lorawan.md 13): what is missing of M then
 * gives the loss.
 */
static uint32_t need_of(const struct transmission *t, const struct member *m)
{
    uint32_t sent = (uint32_t)t->rec.next_n - 1;
    uint32_t received = m->rec.received;
    if (received == 0 || received >= sent) {
        received = m->rec.missing < t->rec.frag_count
                       ? (uint32_t)t->rec.frag_count - m->rec.missing
                       : 0;
    }
    uint32_t loss_ppm = 0;
    if (received < sent) {
        loss_ppm = (uint32_t)((uint64_t)(sent - received) * SPEC_PPM / sent);
    }
    if (loss_ppm > LOSS_MAX_PPM) {
        loss_ppm = LOSS_MAX_PPM;
    }
    uint64_t wanted = (uint64_t)m->rec.missing + NEED_EXTRA;
    return (uint32_t)((wanted * SPEC_PPM + (SPEC_PPM - loss_ppm) - 1) /
                      (SPEC_PPM - loss_ppm));
}

/*
 * Who lost most of the image was not in the session: for them alone the whole image would
 * be sent once more. They are taken into the next transmission instead.
 */
static bool worth_chasing(const struct transmission *t, const struct member *m)
{
    uint32_t most = t->rec.frag_count / 2u;
    return m->rec.missing != UINT16_MAX && m->rec.missing > 0 &&
           m->rec.missing <= (most > MISSING_MIN_CHASED ? most : MISSING_MIN_CHASED);
}

struct demand {
    uint32_t need;  /* fragments; 0: nobody said that something is missing */
    size_t members; /* who said so */
};

static struct demand demand_of(const struct transmission *t)
{
    struct demand d = {0};
    for (size_t i = 0; i < t->campaign->member_count; i++) {
        const struct member *m = &t->campaign->members[i];
        if (m->transmission != t || !m->polled || !member_in_session(m) ||
            !worth_chasing(t, m)) {
            continue;
        }
        uint32_t need = need_of(t, m);
        d.need = need > d.need ? need : d.need;
        d.members++;
    }
    return d;
}

static void forget_poll(struct transmission *t)
{
    for (size_t i = 0; i < t->campaign->member_count; i++) {
        if (t->campaign->members[i].transmission == t) {
            t->campaign->members[i].polled = false;
        }
    }
}

/* ---- the server's queue ---- */

static size_t frame_payload(const struct transmission *t, bool status, uint8_t buf[255])
{
    size_t len = 0;
    if (status) {
        struct frag_status_req req = {.frag_index = t->rec.frag_index,
                                      .all_participants = false};
        return frag_status_req_encode(t->rec.ts004, &req, buf, 255, &len) == FUO_OK ? len
                                                                                    : 0;
    }
    uint8_t bytes[255];
    if (fec_fragment(&t->encoder, t->rec.next_n, bytes) != FUO_OK) {
        return 0;
    }
    struct frag_data data = {.frag_index = t->rec.frag_index,
                             .n = t->rec.next_n,
                             .data = bytes,
                             .len = t->rec.frag_size_bytes};
    return frag_data_encode(t->rec.ts004, &data, buf, 255, &len) == FUO_OK ? len : 0;
}

static void send_frame(struct engine *e, struct transmission *t, bool status)
{
    uint8_t payload[255];
    size_t len = frame_payload(t, status, payload);
    int64_t airtime_us = 0;
    if (len == 0 ||
        airtime_downlink_us(t->plan.region, t->rec.dr, len, &airtime_us) != FUO_OK) {
        campaign_pause(e, t->campaign, "a fragment could not be encoded");
        return;
    }
    t->rec.pending = true;
    t->rec.pending_status = status;
    air_charge(e, t, airtime_us);
    transmission_store(e, t);
    transmission_await(e, t, TX_WAIT_FRAME);

    struct effect *effect = engine_emit(e, EFFECT_SEND_MULTICAST, t->campaign->fleet);
    effect->multicast.transmission_id = t->rec.id;
    memcpy(effect->multicast.handle, t->rec.group, sizeof(effect->multicast.handle));
    struct utc expires = engine_in(e, FRAME_LIFE_US);
    effect->multicast.expires = utc_min(expires, t->rec.session_end);
    effect->multicast.fport = STATUS_FPORT;
    effect->multicast.payload_len = (uint8_t)len;
    memcpy(effect->multicast.payload, payload, len);
}

/* ---- phases ---- */

static bool time_left_for(const struct engine *e, const struct transmission *t,
                          int64_t needed_us)
{
    return e->utc.us + needed_us + SESSION_GUARD_US < t->rec.session_end.us;
}

/* Until a frame that is handed over now has been sent: behind those in the queue. */
static int64_t queue_delay_us(const struct transmission *t)
{
    return (1 + t->row_count / t->rec.gateway_count) * t->plan.interval_us;
}

/* FCnt of a group stays below 65536: beyond, real stacks receive nothing. */
static bool counter_is_spent(const struct transmission *t)
{
    return t->rec.f_cnt_base + t->rec.frames_handed >= F_CNT_MAX;
}

static uint16_t last_n_allowed(const struct transmission *t)
{
    return (uint16_t)(t->rec.frag_count + t->plan.coded_max);
}

static void begin_confirm(struct engine *e, struct transmission *t)
{
    forget_poll(t);
    transmission_enter(e, t, TX_CONFIRM);
}

/* Leave the session alone: nobody in it needs anything more. */
void session_finish(struct engine *e, struct transmission *t)
{
    transmission_enter(e, t, TX_DRAIN);
    engine_wake(e, t->campaign->slot, e->utc);
}

void session_fail_rest(struct engine *e, struct transmission *t)
{
    for (size_t i = 0; i < t->campaign->member_count; i++) {
        struct member *m = &t->campaign->members[i];
        if (m->transmission != t || m->rec.phase >= MEMBER_COMPLETE) {
            continue;
        }
        if (m->rec.phase <= MEMBER_SET_UP) {
            member_leave(e, m, OUTCOME_FAILED, REASON_NOT_SET_UP,
                         FW_RESULT_CONNECTION_LOST);
        } else if (m->rec.missing != UINT16_MAX) {
            member_leave(e, m, OUTCOME_FAILED, REASON_INCOMPLETE,
                         FW_RESULT_CONNECTION_LOST);
        } else {
            member_leave(e, m, OUTCOME_UNKNOWN, REASON_NO_ANSWER, FW_RESULT_INITIAL);
        }
    }
}

/* The same group and decoder, another session: for those of whom it is known to help. */
static void next_session(struct engine *e, struct transmission *t, bool first_pass)
{
    for (size_t i = 0; i < t->campaign->member_count; i++) {
        struct member *m = &t->campaign->members[i];
        if (m->transmission == t && member_in_session(m) &&
            (first_pass || worth_chasing(t, m))) {
            member_enter(e, m, MEMBER_SET_UP);
        }
    }
    int64_t left_us =
        ((int64_t)t->rec.target_n - t->rec.next_n + 1) * t->plan.interval_us;
    t->rec.timeout_exp = plan_timeout_exp(left_us + left_us / 2 +
                                          4 * t->plan.poll_window_us + MINUTES_US(2));
    transmission_date(e, t);
}

void session_date_again(struct engine *e, struct transmission *t)
{
    for (size_t i = 0; i < t->campaign->member_count; i++) {
        struct member *m = &t->campaign->members[i];
        if (m->transmission == t && member_in_session(m)) {
            member_enter(e, m, MEMBER_SET_UP);
        }
    }
    transmission_date(e, t);
}

/* What the first pass takes by plan, and as many again as the campaign allows. */
static uint32_t sessions_max(const struct transmission *t)
{
    return t->plan.session_count + t->campaign->def.spec->retry.session;
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
    if (!sent_all && (first_pass || t->rec.session_no < sessions_max(t))) {
        next_session(e, t, first_pass);
    } else {
        begin_confirm(e, t);
    }
}

static bool anybody_agreed(const struct transmission *t)
{
    for (size_t i = 0; i < t->campaign->member_count; i++) {
        const struct member *m = &t->campaign->members[i];
        if (m->transmission == t && m->rec.phase == MEMBER_LISTENING &&
            m->rec.session_no == t->rec.session_no) {
            return true;
        }
    }
    return false;
}

/* A set-up from now on would reset what is being received: who has none is left out. */
static void settle_member(struct engine *e, struct member *m)
{
    if (m->rec.phase >= MEMBER_KEY && m->rec.phase <= MEMBER_FRAG) {
        member_leave(e, m, OUTCOME_FAILED, REASON_NOT_SET_UP, FW_RESULT_CONNECTION_LOST);
    } else if (m->rec.phase == MEMBER_SESSION || m->rec.phase == MEMBER_RESYNC) {
        member_enter(e, m, MEMBER_LISTENING);
        member_set_fw(e, m, FW_DOWNLOADING, FW_RESULT_INITIAL);
    }
}

/* Who never said that it agreed may listen all the same: the status will tell. */
void session_begin(struct engine *e, struct transmission *t)
{
    if (!anybody_agreed(t)) {
        if (t->rec.session_no < sessions_max(t)) {
            session_date_again(e, t); /* their answers, or the way to them, were lost */
        } else {
            session_stop(e, t);
        }
        return;
    }
    for (size_t i = 0; i < t->campaign->member_count; i++) {
        if (t->campaign->members[i].transmission == t) {
            settle_member(e, &t->campaign->members[i]);
        }
    }
    t->session_first_n = t->rec.next_n;
    t->next_frame = e->utc;
    forget_poll(t);
    transmission_enter(e, t, TX_SENDING);
}

/* Whether the law and the budget let the next frame go now; else when. */
static bool may_send_now(struct engine *e, struct transmission *t)
{
    struct utc legal = air_earliest(e, t, t->plan.frame_airtime_us);
    if (legal.us == INT64_MAX) {
        campaign_pause(e, t->campaign, "the airtime left to campaigns is too little");
        return false;
    }
    if (!utc_reached(legal, e->utc)) {
        engine_wake(e, t->slot, utc_min(legal, t->rec.session_end));
        return false;
    }
    return true;
}

static void tick_sending(struct engine *e, struct transmission *t)
{
    if (transmission_awaits(e, t)) {
        return;
    }
    if (t->rec.pending && utc_reached(t->next_frame, e->utc)) {
        session_poll_queue(e, t); /* its answer was lost: the counter tells */
        return;
    }
    if (count_in_session(t) == 0) {
        session_stop(e, t);
        return;
    }
    if (!utc_reached(t->next_frame, e->utc)) {
        engine_wake(e, t->slot, t->next_frame);
        return;
    }
    if (!time_left_for(e, t, queue_delay_us(t)) || counter_is_spent(t)) {
        session_over(e, t);
        return;
    }
    if (t->row_count >= session_rows_wanted(t)) {
        session_poll_queue(e, t);
        return;
    }
    if (may_send_now(e, t)) {
        send_frame(e, t, t->rec.next_n > t->rec.target_n);
    }
}

static struct utc poll_end(const struct transmission *t)
{
    return utc_after(t->rec.phase_since,
                     t->plan.poll_window_us + UPLINK_DELAY_US + queue_delay_us(t));
}

static void send_more(struct engine *e, struct transmission *t, uint32_t need)
{
    uint32_t target = t->rec.next_n - 1u + need;
    uint32_t most = last_n_allowed(t);
    t->rec.target_n = (uint16_t)(target < most ? target : most);
    t->rec.repair_rounds++;
    forget_poll(t);
    transmission_enter(e, t, TX_SENDING);
}

static bool may_repair(const struct transmission *t)
{
    return t->rec.next_n <= last_n_allowed(t) &&
           t->rec.repair_rounds < t->campaign->def.spec->fragmentation.repair_rounds;
}

static void tick_poll(struct engine *e, struct transmission *t)
{
    if (count_in_session(t) == 0) {
        session_stop(e, t);
        return;
    }
    if (!utc_reached(poll_end(t), e->utc)) {
        engine_wake(e, t->slot, poll_end(t));
        return;
    }
    struct demand d = demand_of(t);
    if (d.need > 0 && may_repair(t) &&
        time_left_for(e, t, d.need * t->plan.interval_us)) {
        send_more(e, t, d.need);
        return;
    }
    begin_confirm(e, t);
}

/* Ask each member without proof, a few at a time. */
static bool ask_for_status(struct engine *e, struct transmission *t)
{
    struct campaign *c = t->campaign;
    size_t asked = 0;
    for (; t->pump < c->member_count && asked < PUMP_MEMBERS; t->pump++) {
        struct member *m = &c->members[t->pump];
        if (m->transmission == t && m->rec.phase == MEMBER_LISTENING) {
            member_ask(e, m, MEMBER_STATUS);
            asked++;
        }
    }
    return t->pump == c->member_count;
}

/* Everybody has answered, or been given time to: repair, or an end. */
static void conclude(struct engine *e, struct transmission *t)
{
    struct demand d = demand_of(t);
    if (d.need == 0 || t->rec.next_n > last_n_allowed(t) || counter_is_spent(t)) {
        session_fail_rest(e, t);
        session_finish(e, t);
        return;
    }
    if (may_repair(t) &&
        time_left_for(e, t, d.need * t->plan.interval_us + t->plan.poll_window_us)) {
        send_more(e, t, d.need);
        return;
    }
    if (t->rec.session_no >= sessions_max(t)) {
        session_fail_rest(e, t);
        session_finish(e, t);
        return;
    }
    uint32_t target = t->rec.next_n - 1u + d.need;
    uint32_t most = last_n_allowed(t);
    t->rec.target_n = (uint16_t)(target < most ? target : most);
    t->rec.repair_rounds = 0; /* rounds are per session */
    next_session(e, t, false);
}

static void tick_confirm(struct engine *e, struct transmission *t)
{
    if (!ask_for_status(e, t)) {
        engine_wake(e, t->slot, e->utc);
        return;
    }
    if (count_in_session(t) == 0) {
        session_stop(e, t);
        return;
    }
    if (!transmission_has_patience(e, t, t->by_phase[MEMBER_STATUS],
                                   CONFIRM_PATIENCES * t->patience_us +
                                       t->plan.poll_window_us)) {
        conclude(e, t);
    }
}

/* A group is deleted only when its queue is empty and its session over (design 7). */
static void tick_drain(struct engine *e, struct transmission *t)
{
    if (transmission_awaits(e, t)) {
        return;
    }
    if (t->rec.group[0] == '\0') {
        transmission_enter(e, t, TX_CLOSE);
        return;
    }
    if (!utc_reached(t->rec.session_end, e->utc)) {
        engine_wake(e, t->slot, t->rec.session_end);
        return;
    }
    session_poll_queue(e, t);
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
        tick_drain(e, t);
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
    if (t->rec.group[0] != '\0') {
        session_flush_queue(e, t);
    }
    if (t->waiting != TX_WAIT_GROUP) {
        t->waiting = TX_WAIT_NONE;
    }
    t->rec.pending = false;
    if (campaign_is_live(t->campaign)) {
        session_fail_rest(e, t);
    }
    session_finish(e, t);
}

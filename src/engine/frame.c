/* SPDX-License-Identifier: MIT */
/*
 * frame.c - one frame after the other to every lane of a transmission, in lock-step.
 *
 * In class B the server chooses the ping slot, the next one that is free, and all gateways of
 * a lane send in it: a frame is handed over for every slot that there is on average.
 *
 * Time is a grid of intervals anchored at UTC, the same for every transmission of that
 * data rate: a lane of colour c is on air c turns after the start of an interval. A frame is
 * handed to each lane in its turn, and the next one begins when all have it. A lane is
 * stored before its hand-over; a lost answer is settled from the group's counter, which is
 * that of the frame under way or one more.
 */
#include <string.h>

#include "codec/frag.h"
#include "engine/air.h"
#include "engine/budget.h"
#include "engine/campaign.h"
#include "engine/group.h"
#include "engine/internal.h"
#include "engine/lane.h"
#include "engine/session.h"
#include "radio/airtime.h"

#define STATUS_FPORT  FRAG_FPORT
#define FRAME_LIFE_US MINUTES_US(10)
#define LATE_MAX_US   MILLIS_US(300) /* the guard of a turn */
#define BEHIND_MAX_US MINUTES_US(2)  /* of a lane, while others have the frame */
#define LOOK_MAX_US   MINUTES_US(1)  /* between looks at a queue that does not drain */

enum {
    SLOTS_AHEAD = 3, /* frames that may wait for a ping slot: its distance changes with
                        each beacon */
};

/* ---- the grid ---- */

/* How long before its time on air a frame is handed over. */
static int64_t lead_us(const struct transmission *t)
{
    return air_is_timed(t) ? t->fleet->def.multicast_lead_us : 0;
}

/* The first start of an interval at or after from. */
static struct utc interval_at(const struct transmission *t, struct utc from)
{
    int64_t left_us = from.us % t->plan.interval_us;
    return left_us == 0 ? from : utc_after(from, t->plan.interval_us - left_us);
}

static struct utc turn_at(const struct transmission *t, const struct lane *l,
                          struct utc from)
{
    int64_t offset_us = l->rec.colour * t->slot_us;
    return utc_after(interval_at(t, utc_after(from, -offset_us)), offset_us);
}

void frame_schedule(struct engine *e, struct transmission *t)
{
    t->frame_at = interval_at(t, engine_in(e, lead_us(t)));
}

struct utc frame_due(const struct transmission *t)
{
    return utc_after(t->frame_at, -lead_us(t));
}

/*
 * The last lane has the frame now: from when on the first may have the next one. A server
 * with a queue lets go of it at its next look only, and no lane may be ahead of it then.
 */
static struct utc next_from(const struct engine *e, const struct transmission *t)
{
    int64_t look_us = t->fleet->def.multicast_jitter_us;
    bool behind = !air_is_timed(t) && t->rec.lane_count > 1;
    return engine_in(e, behind ? look_us : lead_us(t) - LATE_MAX_US);
}

/* The interval after the frame's, or the first that does not come too early. */
static void schedule_next(struct engine *e, struct transmission *t)
{
    struct utc next = utc_after(t->frame_at, t->plan.interval_us);
    struct utc from = next_from(e, t);
    t->frame_at = interval_at(t, next.us > from.us ? next : from);
}

/* ---- handing over ---- */

static bool took(const struct transmission *t, const struct lane *l)
{
    return l->rec.frames_handed > t->rec.frames_handed;
}

static bool build(struct transmission *t)
{
    size_t len = session_payload(t, t->rec.pending_status, t->frame);
    if (len == 0 || airtime_downlink_us(t->plan.region, t->rec.dr, len,
                                        &t->frame_airtime_us) != FUO_OK) {
        return false;
    }
    t->frame_len = (uint8_t)len;
    return true;
}

static void fill_air(const struct transmission *t, const struct lane *l,
                     struct effect_air *air)
{
    *air = (struct effect_air){.key_id = t->rec.key_id,
                               .mc_addr = t->rec.mc_addr,
                               .f_cnt = l->rec.f_cnt_base + l->rec.frames_handed,
                               .frequency_hz = t->rec.frequency_hz,
                               .dr = t->rec.dr,
                               .gateway_count = l->rec.gateway_count};
    memcpy(air->gateways, l->rec.gateways, sizeof(air->gateways));
}

static void hand_over(struct engine *e, struct transmission *t, struct lane *l)
{
    struct utc at = l->due.us > e->utc.us ? l->due : e->utc;
    struct utc begun = utc_after(l->due, -l->rec.colour * t->slot_us);
    t->frame_at = begun.us > t->frame_at.us ? begun : t->frame_at; /* in a later turn */
    l->rec.pending = true;
    air_charge(e, t, l, at, t->frame_airtime_us);
    tap_note(t, l);
    lane_store(e, l);
    lane_await(e, t, l, LANE_WAIT_FRAME);
    struct effect *effect = engine_emit(e, EFFECT_SEND_MULTICAST, t->fleet);
    effect->multicast.transmission_id = t->rec.id;
    effect->multicast.lane = l->rec.no;
    memcpy(effect->multicast.handle, l->rec.group, sizeof(effect->multicast.handle));
    effect->multicast.at = air_is_timed(t) ? at : (struct utc){0};
    effect->multicast.expires = utc_min(engine_in(e, FRAME_LIFE_US), dates_until(e, t));
    effect->multicast.fport = STATUS_FPORT;
    effect->multicast.payload_len = t->frame_len;
    memcpy(effect->multicast.payload, t->frame, t->frame_len);
    fill_air(t, l, &effect->multicast.air);
}

/* Rows that may wait in the server's queue at most. */
static uint32_t rows_wanted(const struct transmission *t, const struct lane *l)
{
    uint32_t rows = t->fleet->def.queue_rows_max;
    uint32_t slots = SLOTS_AHEAD * l->rec.gateway_count;
    if (air_in_slots(t)) {
        return slots;
    }
    return rows > l->rec.gateway_count ? rows : l->rec.gateway_count;
}

/* Whether its turn has come; else it is woken then. Who missed it has the next; without
 * turns it is at once. */
static bool is_due(struct engine *e, struct transmission *t, struct lane *l)
{
    bool strict = air_is_timed(t) || t->rec.colour_count > 1;
    struct utc now = engine_in(e, lead_us(t));
    if (now.us - l->due.us > LATE_MAX_US) {
        l->due = strict ? turn_at(t, l, utc_after(now, -LATE_MAX_US)) : now;
    }
    if (utc_reached(l->due, now)) {
        return true;
    }
    engine_wake(e, t->slot, utc_after(l->due, -lead_us(t)));
    return false;
}

/* Whether the law and the budget let it be sent in this turn; else in a later one. */
static bool is_admitted(struct engine *e, struct transmission *t, struct lane *l)
{
    struct utc from = l->due.us > e->utc.us ? l->due : e->utc;
    struct utc legal = air_earliest(e, t, l, from, t->frame_airtime_us);
    if (!budget_admits(e, t->campaign, t->frame_airtime_us * l->rec.gateway_count) ||
        !budget_lets_send(e, t)) {
        return false;
    }
    if (legal.us == INT64_MAX) {
        campaign_pause(e, t->campaign, "the airtime left to campaigns is too little");
        return false;
    }
    if (utc_reached(legal, from)) {
        return true;
    }
    l->due = turn_at(t, l, legal);
    engine_wake(e, t->slot, utc_min(utc_after(l->due, -lead_us(t)), dates_until(e, t)));
    return false;
}

/* Its server or its gateway takes nothing, while others have the frame. That it waits for
 * its turn or for airtime is no fault of its own. */
static bool is_behind(const struct engine *e, const struct transmission *t,
                      const struct lane *l)
{
    return t->behind_at.us != INT64_MAX && l->stuck_at.us != 0 &&
           utc_reached(utc_after(t->behind_at, BEHIND_MAX_US), e->utc) &&
           utc_reached(utc_after(l->stuck_at, BEHIND_MAX_US), e->utc);
}

static void check_done(struct engine *e, struct transmission *t)
{
    bool done = true;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        const struct lane *l = &t->lanes[i];
        done &= !lane_is_live(l) || took(t, l);
    }
    if (lanes_live(t) == 0) {
        session_lanes_lost(e, t);
    } else if (done && t->rec.pending) {
        schedule_next(e, t);
        t->frame_len = 0;
        session_frame_done(e, t);
    }
}

static void serve(struct engine *e, struct transmission *t, struct lane *l)
{
    if (is_behind(e, t, l)) {
        lane_lose(e, t, l);
        campaign_alert(e, t->campaign,
                       "a gateway stays behind the others and is left out");
        check_done(e, t);
        return;
    }
    if (!utc_reached(l->retry_at, e->utc)) {
        engine_wake(e, t->slot, l->retry_at);
        return;
    }
    if (!is_due(e, t, l)) {
        return;
    }
    if (l->row_count >= rows_wanted(t, l) && !air_is_timed(t)) {
        lane_poll_queue(e, t, l);
    } else if (is_admitted(e, t, l)) {
        hand_over(e, t, l);
    }
}

bool frame_tick(struct engine *e, struct transmission *t, bool final)
{
    if (t->frame_len == 0 && t->rec.pending && !build(t)) {
        campaign_pause(e, t->campaign, "a fragment could not be encoded");
        return false;
    }
    bool settled = true;
    for (uint8_t i = 0; i < t->rec.lane_count && campaign_runs(t->campaign); i++) {
        struct lane *l = &t->lanes[i];
        if (!lane_is_live(l)) {
            continue;
        }
        if (lane_awaits(e, t, l)) {
            settled = false;
        } else if (l->rec.pending && utc_reached(l->retry_at, e->utc)) {
            lane_poll_queue(e, t, l); /* its answer was lost: the counter tells */
            settled = false;
        } else if (l->rec.pending) {
            engine_wake(e, t->slot, l->retry_at);
            settled = false;
        } else if (t->rec.pending && !took(t, l) && !final) {
            serve(e, t, l);
        }
    }
    return settled;
}

void frame_begin(struct engine *e, struct transmission *t, bool status)
{
    t->rec.pending = true;
    t->rec.pending_status = status;
    t->frame_len = 0;
    t->behind_at = UTC_NEVER;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        t->lanes[i].due = utc_after(t->frame_at, t->lanes[i].rec.colour * t->slot_us);
    }
    transmission_store(e, t);
    (void)frame_tick(e, t, false);
}

/* ---- answers of the server ---- */

static void lane_taken(struct engine *e, struct transmission *t, struct lane *l)
{
    l->rec.pending = false;
    l->charged_us = 0;
    l->rec.frames_handed++;
    l->row_count += air_is_timed(t) ? 0 : l->rec.gateway_count;
    l->failures = 0;
    l->away = false;
    l->stuck_at = (struct utc){0};
    t->behind_at = utc_min(t->behind_at, e->utc);
    check_done(e, t);
}

static void lane_refused(struct engine *e, struct lane *l, struct transmission *t)
{
    l->rec.pending = false;
    tap_forget(l);
    air_refund(e, t, l);
    lane_store(e, l);
}

static void lane_gone(struct engine *e, struct transmission *t, struct lane *l)
{
    l->rec.group[0] = '\0';
    lane_lose(e, t, l);
    campaign_alert(e, t->campaign,
                   "the network server no longer has the multicast group");
    check_done(e, t);
}

/* Others sent into the group: alone it goes on from there, beside other lanes it cannot. */
static bool follow(struct transmission *t, struct lane *l, int32_t ahead)
{
    if (ahead > 0 && t->rec.lane_count > 1) {
        return false;
    }
    l->rec.f_cnt_base += (uint32_t)ahead;
    return true;
}

static void take_refusal(struct engine *e, struct transmission *t, struct lane *l,
                         int err)
{
    lane_refused(e, l, t);
    if (!lane_backoff(e, t, l, err)) {
        return;
    }
    if (t->behind_at.us == INT64_MAX) {
        campaign_pause(e, t->campaign, "the network server does not take fragments");
        return;
    }
    lane_lose(e, t, l);
    check_done(e, t);
}

void frame_on_result(struct engine *e, struct transmission *t, struct lane *l, int err,
                     uint32_t f_cnt)
{
    if (l->waiting != LANE_WAIT_FRAME || t->rec.phase != TX_SENDING) {
        return;
    }
    int32_t ahead = lane_ahead(l, f_cnt);
    if (err == FUO_OK && ahead < 0) {
        return; /* of an earlier frame, told twice */
    }
    l->waiting = LANE_WAIT_NONE;
    if (err == FUO_ENOENT || (err == FUO_OK && !follow(t, l, ahead))) {
        lane_gone(e, t, l);
    } else if (err == FUO_OK) {
        lane_taken(e, t, l);
    } else if (err == FUO_ETIMEDOUT) {
        l->away = true;
        l->retry_at = engine_in(e, SETTLE_US);
        engine_wake(e, t->slot, l->retry_at);
    } else {
        take_refusal(e, t, l, err);
    }
}

/* Was the frame taken whose answer was lost? */
static void settle(struct engine *e, struct transmission *t, struct lane *l,
                   uint32_t f_cnt)
{
    int32_t ahead = lane_ahead(l, f_cnt);
    if (ahead < 0 || (ahead > 1 && !follow(t, l, ahead - 1))) {
        lane_gone(e, t, l); /* an FCnt would be used twice */
    } else if (ahead > 0) {
        lane_taken(e, t, l);
    } else {
        lane_refused(e, l, t);
        engine_wake(e, t->slot, e->utc);
    }
}

static void group_is_gone(struct engine *e, struct transmission *t, struct lane *l)
{
    if (t->rec.phase < TX_DRAIN) {
        lane_gone(e, t, l);
        return;
    }
    l->rec.group[0] = '\0';
    lane_store(e, l);
    engine_wake(e, t->slot, e->utc);
}

/*
 * The queue is full: it is looked at in the next turn, and the longer it does not drain the
 * more seldom, or a server that is stuck would be asked for ever, three times a second.
 * At most an eighth of the time is lost by that.
 */
static void look_again(const struct engine *e, const struct transmission *t,
                       struct lane *l)
{
    lane_note_stuck(e, l);
    int64_t wait_us = 1 + (e->utc.us - l->stuck_at.us) / 8;
    wait_us = wait_us < LOOK_MAX_US ? wait_us : LOOK_MAX_US;
    l->due = turn_at(t, l, utc_after(e->utc, wait_us));
}

void frame_on_queue(struct engine *e, struct transmission *t, struct lane *l,
                    const struct engine_event *event)
{
    int err = event->mc_queue.err;
    if (l->waiting != LANE_WAIT_QUEUE) {
        return;
    }
    l->waiting = LANE_WAIT_NONE;
    if (err == FUO_ENOENT) {
        group_is_gone(e, t, l);
        return;
    }
    if (err != FUO_OK) {
        if (lane_backoff(e, t, l, err) && t->rec.phase >= TX_DRAIN) {
            lane_not_told(e, t, l);
        }
        return;
    }
    l->failures = 0;
    l->away = false;
    /* The server tells frames; a frame has a row per gateway until the last one has it. */
    l->row_count =
        air_is_timed(t) ? 0 : event->mc_queue.frame_count * l->rec.gateway_count;
    if (t->rec.phase >= TX_DRAIN) {
        group_note_counter(e, l, event->mc_queue.f_cnt);
        lane_on_drained(e, t, l, event->mc_queue.frame_count);
    } else if (l->rec.pending) {
        settle(e, t, l, event->mc_queue.f_cnt);
    } else {
        if (l->row_count >= rows_wanted(t, l)) {
            look_again(e, t, l);
        } else {
            l->stuck_at = (struct utc){0};
        }
        engine_wake(e, t->slot, e->utc);
    }
}

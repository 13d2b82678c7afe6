/* SPDX-License-Identifier: MIT */
/*
 * queue.c - a transmission's frames in the server's queue: what was taken, what is still
 * there, and what it means when an answer is lost or the group is gone.
 */
#include <string.h>

#include "engine/internal.h"

#define DRAIN_EVERY_US SECONDS_US(30)
#define DRAIN_MAX_US   HOURS_US(1)

/* ---- asking ---- */

void session_poll_queue(struct engine *e, struct transmission *t)
{
    struct effect *effect = engine_emit(e, EFFECT_QUEUE_POLL, t->campaign->fleet);
    effect->repeatable = true;
    effect->queue.transmission_id = t->rec.id;
    memcpy(effect->queue.handle, t->rec.group, sizeof(effect->queue.handle));
    transmission_await(e, t, TX_WAIT_QUEUE);
}

void session_flush_queue(struct engine *e, const struct transmission *t)
{
    struct effect *effect = engine_emit(e, EFFECT_QUEUE_FLUSH, t->campaign->fleet);
    effect->repeatable = true;
    effect->queue.transmission_id = t->rec.id;
    memcpy(effect->queue.handle, t->rec.group, sizeof(effect->queue.handle));
}

uint32_t session_rows_wanted(const struct transmission *t)
{
    uint32_t rows = t->campaign->fleet->def.queue_rows_max;
    return rows > t->rec.gateway_count ? rows : t->rec.gateway_count;
}

/* ---- answers of the server ---- */

/* The pending frame is in the server's queue. */
static void frame_taken(struct engine *e, struct transmission *t)
{
    bool status = t->rec.pending_status;
    t->rec.pending = false;
    t->charged_us = 0;
    t->rec.frames_handed++;
    t->row_count += t->rec.gateway_count;
    t->failures = 0;
    t->next_frame = engine_in(e, t->plan.interval_us);
    if (status) {
        transmission_enter(e, t, TX_POLL);
        return;
    }
    t->rec.next_n++;
    t->campaign->rec.fragments_sent++;
    campaign_touch(t->campaign);
    transmission_store(e, t);
    engine_wake(e, t->slot, t->next_frame);
}

static void group_lost(struct engine *e, struct transmission *t)
{
    t->rec.pending = false;
    t->rec.group[0] = '\0';
    campaign_alert(e, t->campaign,
                   "the network server no longer has the multicast group");
    session_fail_rest(e, t);
    session_finish(e, t);
}

/* The server counts the group's frames: how many it took, others' included. */
static int32_t frames_ahead(const struct transmission *t, uint32_t f_cnt)
{
    return (int32_t)(f_cnt - t->rec.f_cnt_base - t->rec.frames_handed);
}

void session_on_result(struct engine *e, struct transmission *t, int err, uint32_t f_cnt)
{
    if (t->waiting != TX_WAIT_FRAME || t->rec.phase != TX_SENDING) {
        return;
    }
    if (err == FUO_OK && frames_ahead(t, f_cnt) < 0) {
        return; /* of an earlier frame, told twice */
    }
    t->waiting = TX_WAIT_NONE;
    if (err == FUO_OK) {
        t->rec.frames_handed = f_cnt - t->rec.f_cnt_base;
        frame_taken(e, t);
        return;
    }
    if (err == FUO_ENOENT) {
        group_lost(e, t);
        return;
    }
    if (err == FUO_ETIMEDOUT) {
        t->next_frame = engine_in(e, SETTLE_US);
        engine_wake(e, t->slot, t->next_frame);
        return;
    }
    t->rec.pending = false;
    air_refund(e, t);
    transmission_store(e, t);
    if (transmission_backoff(e, t) && err != FUO_EAGAIN) {
        campaign_pause(e, t->campaign, "the network server does not take fragments");
    }
}

/* Was the frame taken whose answer was lost? */
static void settle_pending(struct engine *e, struct transmission *t, uint32_t f_cnt)
{
    int32_t ahead = frames_ahead(t, f_cnt);
    if (ahead < 0) { /* the counter went back: an FCnt would be used twice */
        group_lost(e, t);
        return;
    }
    if (ahead > 0) {
        t->rec.frames_handed += (uint32_t)ahead - 1; /* frame_taken() counts it */
        frame_taken(e, t);
        return;
    }
    t->rec.pending = false;
    air_refund(e, t);
    transmission_store(e, t);
    engine_wake(e, t->slot, e->utc);
}

/* Rows of a gateway that is away may stay: an hour after the session they are dropped. */
static void drain(struct engine *e, struct transmission *t, uint32_t rows)
{
    struct utc limit = utc_after(t->rec.session_end, DRAIN_MAX_US);
    if (rows > 0 && !utc_reached(limit, e->utc)) {
        engine_wake(e, t->slot, engine_in(e, DRAIN_EVERY_US));
        return;
    }
    if (rows > 0) {
        session_flush_queue(e, t);
    }
    transmission_enter(e, t, TX_CLOSE);
}

static void group_is_gone(struct engine *e, struct transmission *t)
{
    if (t->rec.phase < TX_DRAIN) {
        group_lost(e, t);
        return;
    }
    t->rec.group[0] = '\0';
    transmission_enter(e, t, TX_CLOSE);
}

void session_on_queue(struct engine *e, struct transmission *t,
                      const struct engine_event *event)
{
    int err = event->mc_queue.err;
    if (t->waiting != TX_WAIT_QUEUE) {
        return;
    }
    t->waiting = TX_WAIT_NONE;
    if (err == FUO_ENOENT) {
        group_is_gone(e, t);
        return;
    }
    if (err != FUO_OK) {
        transmission_backoff(e, t);
        return;
    }
    t->failures = 0;
    /* The server tells frames; a frame has a row per gateway until the last one has it. */
    t->row_count = event->mc_queue.frame_count * t->rec.gateway_count;
    if (t->rec.phase == TX_DRAIN) {
        drain(e, t, t->row_count);
    } else if (t->rec.pending) {
        settle_pending(e, t, event->mc_queue.f_cnt);
    } else {
        if (t->row_count >= session_rows_wanted(t)) {
            t->next_frame = engine_in(e, t->plan.interval_us);
        }
        engine_wake(e, t->slot, t->next_frame);
    }
}

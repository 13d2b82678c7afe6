/* SPDX-License-Identifier: MIT */
/*
 * lane.c - the lanes of a transmission: their groups at the server, and lanes that are lost.
 *
 * A lane is lost when its group is gone or refused, when its counter is not that of the
 * others, or when it stays behind them: frames for all wait for the slowest lane. Devices
 * that only it reaches miss fragments and are seen to later.
 */
#include <string.h>

#include "engine/campaign.h"
#include "engine/group.h"
#include "engine/internal.h"
#include "engine/lane.h"
#include "engine/session.h"

#define BACKOFF_US      SECONDS_US(5)
#define BACKOFF_EXP_MAX 5             /* up to 160 s */
#define FAILURES_MAX    8             /* in a row, before somebody is told */
#define ANSWER_MAX_US   MINUTES_US(5) /* the server's answer is lost by then */
#define DRAIN_EVERY_US  SECONDS_US(30)
#define DRAIN_MAX_US    HOURS_US(1)

struct lane *lane_at(struct transmission *t, uint8_t no)
{
    return no < t->rec.lane_count ? &t->lanes[no] : NULL;
}

void lane_store(struct engine *e, const struct lane *l)
{
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_LANE;
    effect->store.lane = l->rec;
}

bool lane_is_live(const struct lane *l)
{
    return !l->rec.lost && l->rec.group[0] != '\0';
}

uint32_t lanes_live(const struct transmission *t)
{
    uint32_t count = 0;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        count += lane_is_live(&t->lanes[i]);
    }
    return count;
}

uint32_t lanes_gateways(const struct transmission *t)
{
    uint32_t count = 0;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        count += t->lanes[i].rec.lost ? 0 : t->lanes[i].rec.gateway_count;
    }
    return count;
}

void lane_drop_gateway(struct lane *l, size_t i)
{
    size_t left = --l->rec.gateway_count - i;
    memmove(&l->rec.gateways[i], &l->rec.gateways[i + 1], left * sizeof(uint64_t));
    memmove(&l->ledgers[i], &l->ledgers[i + 1], left * sizeof(struct gateway_ledger *));
    l->rec.gateways[l->rec.gateway_count] = 0;
    l->ledgers[l->rec.gateway_count] = NULL;
    tap_drop_gateway(l, i);
}

/* ---- the server's answers ---- */

void lane_await(struct engine *e, struct transmission *t, struct lane *l,
                enum lane_wait what)
{
    l->waiting = what;
    l->asked_at = e->utc;
    engine_wake(e, t->slot, engine_in(e, ANSWER_MAX_US));
}

bool lane_awaits(struct engine *e, struct transmission *t, struct lane *l)
{
    struct utc lost = utc_after(l->asked_at, ANSWER_MAX_US);
    if (l->waiting != LANE_WAIT_NONE && utc_reached(lost, e->utc)) {
        l->waiting = LANE_WAIT_NONE;
    }
    if (l->waiting == LANE_WAIT_NONE) {
        return false;
    }
    engine_wake(e, t->slot, lost);
    return true;
}

/* The server or the way to it is away: that is waited for. */
static bool is_away(int err)
{
    return err == FUO_EAGAIN || err == FUO_ETIMEDOUT;
}

void lane_note_stuck(const struct engine *e, struct lane *l)
{
    l->stuck_at = l->stuck_at.us == 0 ? e->utc : l->stuck_at;
}

bool lane_backoff(struct engine *e, struct transmission *t, struct lane *l, int err)
{
    unsigned exp = l->failures < BACKOFF_EXP_MAX ? l->failures : BACKOFF_EXP_MAX;
    if (l->failures < UINT8_MAX) {
        l->failures++;
    }
    l->away = is_away(err);
    if (!l->away) {
        lane_note_stuck(e, l);
    }
    l->retry_at = engine_in(e, BACKOFF_US << exp);
    engine_wake(e, t->slot, l->retry_at);
    return l->failures >= FAILURES_MAX && !l->away;
}

static void flush(struct engine *e, struct transmission *t, const struct lane *l)
{
    struct effect *effect = engine_emit(e, EFFECT_QUEUE_FLUSH, t->fleet);
    effect->repeatable = true;
    effect->queue.transmission_id = t->rec.id;
    effect->queue.lane = l->rec.no;
    memcpy(effect->queue.handle, l->rec.group, sizeof(effect->queue.handle));
}

void lanes_flush(struct engine *e, struct transmission *t)
{
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        if (t->lanes[i].rec.group[0] != '\0') {
            flush(e, t, &t->lanes[i]);
        }
    }
}

void lane_poll_queue(struct engine *e, struct transmission *t, struct lane *l)
{
    struct effect *effect = engine_emit(e, EFFECT_QUEUE_POLL, t->fleet);
    effect->repeatable = true;
    effect->queue.transmission_id = t->rec.id;
    effect->queue.lane = l->rec.no;
    effect->queue.f_cnt = l->rec.f_cnt_base + l->rec.frames_handed + l->rec.pending;
    memcpy(effect->queue.handle, l->rec.group, sizeof(effect->queue.handle));
    lane_await(e, t, l, LANE_WAIT_QUEUE);
}

/* What is queued in it is dropped: it would be heard after what the others send. */
void lane_lose(struct engine *e, struct transmission *t, struct lane *l)
{
    if (l->rec.group[0] != '\0') {
        flush(e, t, l);
    }
    l->rec.lost = true;
    l->rec.pending = false;
    if (l->waiting != LANE_WAIT_GROUP) {
        l->waiting = LANE_WAIT_NONE;
    }
    lane_store(e, l);
}

/* ---- opening ---- */

static void open_group(struct engine *e, struct transmission *t, struct lane *l)
{
    struct effect *effect = engine_emit(e, EFFECT_GROUP_OPEN, t->fleet);
    effect->repeatable = true;
    effect->group.transmission_id = t->rec.id;
    effect->group.lane = l->rec.no;
    effect->group.campaign_id = t->rec.campaign_id;
    effect->group.key_id = t->rec.key_id;
    effect->group.mc_addr = t->rec.mc_addr;
    effect->group.f_cnt = t->rec.f_cnt_first;
    effect->group.frequency_hz = t->rec.frequency_hz;
    effect->group.dr = t->rec.dr;
    effect->group.device_class = t->campaign->def.spec->radio.device_class;
    effect->group.ping_slot_periodicity =
        t->campaign->def.spec->radio.ping_slot_periodicity;
    effect->group.gateway_count = l->rec.gateway_count;
    memcpy(effect->group.gateways, l->rec.gateways, sizeof(effect->group.gateways));
    lane_await(e, t, l, LANE_WAIT_GROUP);
}

/* Lanes that are neither open nor given up. */
static uint32_t closed_lanes(const struct transmission *t)
{
    uint32_t count = 0;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        count += t->lanes[i].rec.group[0] == '\0' && !t->lanes[i].rec.lost;
    }
    return count;
}

void lanes_open(struct engine *e, struct transmission *t)
{
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        struct lane *l = &t->lanes[i];
        if (l->rec.lost || l->rec.group[0] != '\0' || lane_awaits(e, t, l)) {
            continue;
        }
        if (utc_reached(l->retry_at, e->utc)) {
            open_group(e, t, l);
        } else {
            engine_wake(e, t->slot, l->retry_at);
        }
    }
    if (closed_lanes(t) == 0) {
        transmission_opened(e, t);
    }
}

static void keep_handle(struct lane *l, const char *handle)
{
    size_t i = 0;
    for (; handle[i] != '\0' && i + 1 < sizeof(l->rec.group); i++) {
        l->rec.group[i] = handle[i];
    }
    l->rec.group[i] = '\0';
}

/* The counter that all lanes begin with; false: none is open yet. */
static bool common_base(const struct transmission *t, uint32_t *base)
{
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        if (lane_is_live(&t->lanes[i])) {
            *base = t->lanes[i].rec.f_cnt_base;
            return true;
        }
    }
    return false;
}

/* The others can do without it; the last one is tried for ever. */
static void give_up_opening(struct engine *e, struct transmission *t, struct lane *l)
{
    if (lanes_live(t) + closed_lanes(t) > 1) {
        lane_lose(e, t, l);
        return;
    }
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        t->lanes[i].rec.lost = false;
    }
    campaign_pause(e, t->campaign,
                   "the network server did not create the multicast group");
}

static void take_opened(struct engine *e, struct transmission *t, struct lane *l,
                        const struct engine_event *event)
{
    int err = event->group.err;
    if (err == FUO_OK && event->group.group != NULL &&
        event->group.f_cnt < t->rec.f_cnt_first) {
        keep_handle(l, event->group.group);
        lane_store(e, l);
        group_abandon(e, t); /* an FCnt would be used for two payloads */
        return;
    }
    if (err == FUO_OK && event->group.group != NULL && event->group.f_cnt < F_CNT_NEW) {
        uint32_t base = event->group.f_cnt;
        bool same = !common_base(t, &base) || base == event->group.f_cnt;
        l->failures = 0;
        keep_handle(l, event->group.group);
        l->rec.f_cnt_base = event->group.f_cnt;
        l->rec.lost = !same; /* an FCnt would be used for two payloads */
        lane_store(e, l);
    } else if (lane_backoff(e, t, l, err) || err == FUO_EPERM || err == FUO_ENOENT) {
        give_up_opening(e, t, l);
    }
    if (closed_lanes(t) == 0) {
        engine_wake(e, t->slot, e->utc);
    }
}

/* ---- closing ---- */

static void drop_handle(struct engine *e, struct lane *l)
{
    l->rec.group[0] = '\0';
    lane_store(e, l);
}

static void take_closed(struct engine *e, struct transmission *t, struct lane *l, int err)
{
    if (err != FUO_OK && err != FUO_ENOENT) {
        if (!lane_backoff(e, t, l, err)) {
            return;
        }
        campaign_alert(e, t->campaign,
                       "the network server did not delete a multicast group");
    }
    drop_handle(e, l);
    engine_wake(e, t->slot, e->utc);
}

void lanes_close(struct engine *e, struct transmission *t)
{
    bool open = false;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        struct lane *l = &t->lanes[i];
        if (lane_awaits(e, t, l)) {
            open = true;
            continue;
        }
        if (l->rec.group[0] == '\0') {
            continue;
        }
        open = true;
        if (!utc_reached(l->retry_at, e->utc)) {
            engine_wake(e, t->slot, l->retry_at);
            continue;
        }
        struct effect *effect = engine_emit(e, EFFECT_GROUP_CLOSE, t->fleet);
        effect->repeatable = true;
        effect->group.transmission_id = t->rec.id;
        effect->group.lane = l->rec.no;
        memcpy(effect->group.handle, l->rec.group, sizeof(effect->group.handle));
        lane_await(e, t, l, LANE_WAIT_GROUP);
    }
    if (!open) {
        transmission_end(e, t);
    }
}

void lane_on_group(struct engine *e, struct transmission *t, struct lane *l,
                   const struct engine_event *event)
{
    bool waited = l->waiting == LANE_WAIT_GROUP;
    if (t->rec.phase >= TX_DRAIN && l->rec.group[0] == '\0' &&
        event->group.group != NULL) {
        keep_handle(l, event->group.group); /* opened too late: delete it again */
        l->waiting = LANE_WAIT_NONE;
        lane_store(e, l);
        transmission_enter(e, t, TX_CLOSE);
        return;
    }
    if (!waited) {
        return; /* twice, or given up meanwhile */
    }
    l->waiting = LANE_WAIT_NONE;
    if (t->rec.phase == TX_CLOSE) {
        take_closed(e, t, l, event->group.err);
    } else if (t->rec.phase == TX_GROUP) {
        take_opened(e, t, l, event);
    } else if (t->rec.phase == TX_DRAIN) {
        engine_wake(e, t->slot, e->utc);
    }
}

/* ---- running empty ---- */

/* A group is deleted only when its queue is empty and its session over (design 7). */
void lanes_drain(struct engine *e, struct transmission *t)
{
    bool drained = true;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        struct lane *l = &t->lanes[i];
        bool awaits = lane_awaits(e, t, l);
        if (!awaits && (l->rec.group[0] == '\0' || l->drained)) {
            continue;
        }
        drained = false;
        if (awaits) {
            continue;
        }
        if (!utc_reached(t->rec.session_end, e->utc)) {
            engine_wake(e, t->slot, t->rec.session_end);
        } else if (!utc_reached(l->retry_at, e->utc)) {
            engine_wake(e, t->slot, l->retry_at);
        } else {
            lane_poll_queue(e, t, l);
        }
    }
    if (drained) {
        transmission_enter(e, t, TX_CLOSE);
    }
}

/* Rows of a gateway that is away may stay: an hour after the session they are dropped. */
void lane_on_drained(struct engine *e, struct transmission *t, struct lane *l,
                     uint32_t frame_count)
{
    struct utc limit = utc_after(t->rec.session_end, DRAIN_MAX_US);
    if (frame_count > 0 && !utc_reached(limit, e->utc)) {
        l->retry_at = engine_in(e, DRAIN_EVERY_US);
        engine_wake(e, t->slot, l->retry_at);
        return;
    }
    if (frame_count > 0) {
        flush(e, t, l);
    }
    l->drained = true;
    engine_wake(e, t->slot, e->utc);
}

void lane_not_told(struct engine *e, struct transmission *t, struct lane *l)
{
    campaign_alert(e, t->campaign,
                   "the network server does not tell whether a group's queue is empty");
    flush(e, t, l);
    l->drained = true;
    l->failures = 0;
    engine_wake(e, t->slot, e->utc);
}

int32_t lane_ahead(const struct lane *l, uint32_t f_cnt)
{
    uint32_t told = f_cnt < RECORD_F_CNT_MAX ? f_cnt : RECORD_F_CNT_MAX;
    return (int32_t)(told - l->rec.f_cnt_base - l->rec.frames_handed);
}

/* ---- time ---- */

void lanes_clock_step(struct transmission *t, int64_t delta_us)
{
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        struct lane *l = &t->lanes[i];
        l->asked_at = utc_after(l->asked_at, delta_us);
        l->due = utc_after(l->due, delta_us);
        l->retry_at = utc_after(l->retry_at, delta_us);
        l->stuck_at =
            l->stuck_at.us == 0 ? l->stuck_at : utc_after(l->stuck_at, delta_us);
        l->charged_us = 0; /* it lies in another bucket now */
        tap_clock_step(l, delta_us);
    }
}

/* What is not known of an enqueue is asked when it is settled by itself. */
void lanes_resume(struct engine *e, struct transmission *t)
{
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        struct lane *l = &t->lanes[i];
        l->waiting = LANE_WAIT_NONE;
        if (!l->rec.lost && l->rec.frames_handed < t->rec.frames_handed) {
            l->rec.frames_handed = t->rec.frames_handed; /* all had taken it */
            l->rec.pending = false;
        }
        if (l->rec.pending) {
            l->retry_at = engine_in(e, SETTLE_US);
        } else if (lane_is_live(l) && t->rec.phase < TX_DRAIN) {
            lane_poll_queue(e, t, l);
        }
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * Queues of multicast devices (lorawan-stack pkg/networkserver/downlink.go, utils.go): when
 * a downlink is scheduled, by which gateways, and what becomes of it if none takes it.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/pingslots.h"
#include "sim/tts_internal.h"

enum {
    AHEAD_MS = 6000,    /* absoluteTimeSchedulingDelay and the window of the scheduler */
    RETRY_MS = 2000,    /* downlinkRetryInterval */
    INTERVAL_MS = 1000, /* class_b_c_downlink_interval */
    SLOT_NEAR_MS = 2500,
    ANYTIME_MS = 530, /* the soonest that a gateway is asked for without a time */
    LATE_MS = 100,    /* ScheduleTimeShort: nothing is scheduled any more */
};

/* How the gateways refused. */
struct refusals {
    bool other_than_time;  /* one that another time would not have mended */
    bool other_than_paths; /* one that another gateway would not have mended */
};

uint32_t tts_priority_ceiling_ppm(enum tts_priority priority)
{
    return 400000 + 100000 * (uint32_t)priority;
}

void tts_mcast_drop_queue(struct tts_virtual *v)
{
    tts_list_free(&v->queue);
    v->queue_len = 0;
    v->retry_at = (struct utc){0};
}

/* ---- when ---- */

static bool is_timed(const struct tts_downlink *d)
{
    return d->absolute_time.us != INT64_MAX;
}

/* When network-initiated downlinks may go on. */
static struct utc open_from(const struct tts_virtual *v)
{
    int64_t us = v->ns.interval_us > 0 ? v->ns.interval_us : MILLIS_US(INTERVAL_MS);
    return v->last_transmit.us == 0 ? v->last_transmit : utc_after(v->last_transmit, us);
}

static struct utc later(struct utc a, struct utc b)
{
    return a.us > b.us ? a : b;
}

static bool in_slots(const struct tts_virtual *v)
{
    return v->ns.supports_class_b && !v->ns.supports_class_c;
}

/* Class B without a time: the first ping slot behind the last one that was taken which is
 * not too near (pkg/networkserver/mac/utils.go NextPingSlotAt, downlink.go
 * processDownlinkTask: absoluteTimeSchedulingDelay / 2). */
static struct utc next_slot(const struct tts_virtual *v, struct utc now)
{
    struct utc from = later(utc_after(now, MILLIS_US(SLOT_NEAR_MS)), open_from(v));
    return pingslots_next(from, v->ns.dev_addr, v->ns.ping_slot_periodicity);
}

/* The first downlink that has a slot, and when to schedule it. Others are passed over. */
static const struct tts_downlink *choose(const struct tts_virtual *v, struct utc now,
                                         struct utc *at)
{
    struct utc earliest = later(now, v->retry_at);
    struct utc open = open_from(v);
    for (const struct tts_downlink *d = v->queue; d != NULL; d = d->next) {
        if (!is_timed(d)) {
            *at = later(in_slots(v)
                            ? utc_after(next_slot(v, earliest), -MILLIS_US(AHEAD_MS))
                            : open,
                        earliest);
            return d;
        }
        if (d->absolute_time.us >= utc_after(earliest, MILLIS_US(LATE_MS)).us &&
            d->absolute_time.us >= open.us) {
            *at = later(utc_after(d->absolute_time, -MILLIS_US(AHEAD_MS)), earliest);
            return d;
        }
    }
    return NULL;
}

void tts_mcast_arm(struct tts_virtual *v, struct utc now)
{
    struct utc at;
    if (choose(v, now, &at) == NULL) {
        sim_timers_cancel(v->tts->cs->timers, &v->timer);
    } else {
        sim_timers_set(v->tts->cs->timers, &v->timer, at);
    }
}

/* ---- the gateways ---- */

static bool gateway_number(const struct tts *tts, const char *id, size_t *number)
{
    char text[TTS_ID_SIZE];
    for (size_t i = 0; i < tts->cs->gateway_count; i++) {
        tts_gateway_id(i, text);
        if (strcmp(id, text) == 0) {
            *number = i;
            return true;
        }
    }
    return false;
}

static void note(struct refusals *refusals, enum tx_status status)
{
    switch (status) {
    case TX_OK:
        break;
    case TX_NO_ACK: /* not connected: NotFound */
        refusals->other_than_time = true;
        break;
    case TX_COLLISION_PACKET:    /* AlreadyExists */
    case TX_DUTY_CYCLE_OVERFLOW: /* ResourceExhausted */
        refusals->other_than_paths = true;
        break;
    case TX_TOO_LATE: /* FailedPrecondition: either */
    case TX_FREQ:
        break;
    }
}

static enum tx_status ask(struct tts *tts, const char *gateway_id, struct cs_tx *tx)
{
    if (!gateway_number(tts, gateway_id, &tx->gateway)) {
        return TX_NO_ACK;
    }
    return tts->cs->ops->transmit(tts->cs->ctx, tx);
}

/* Whether an earlier path had that group. */
static bool seen_before(const struct tts_downlink *d, size_t path)
{
    for (size_t i = 0; i < path; i++) {
        if (d->paths[i].group_index == d->paths[path].group_index) {
            return true;
        }
    }
    return false;
}

/* The first gateway of the group that takes it. */
static bool send_group(struct tts *tts, const struct tts_downlink *d, size_t first,
                       struct cs_tx *tx, struct refusals *refusals)
{
    for (size_t i = first; i < d->path_count; i++) {
        if (d->paths[i].group_index != d->paths[first].group_index) {
            continue;
        }
        enum tx_status status = ask(tts, d->paths[i].gateway_id, tx);
        if (status == TX_OK) {
            return true;
        }
        note(refusals, status);
    }
    return false;
}

static bool send_all(struct tts *tts, const struct tts_downlink *d, struct cs_tx *tx,
                     struct refusals *refusals)
{
    bool sent = false;
    for (size_t i = 0; i < d->path_count; i++) {
        if (!seen_before(d, i) && send_group(tts, d, i, tx, refusals)) {
            sent = true;
        }
    }
    return sent;
}

/* ---- one attempt ---- */

static void tell(struct tts_virtual *v, const struct tts_downlink *d,
                 const struct tts_error *error, struct utc now)
{
    tts_tell(v->tts, &(struct tts_event){
                         .type = error != NULL ? TTS_EVENT_FAILED : TTS_EVENT_SENT,
                         .time = now,
                         .multicast = v,
                         .downlink = d,
                         .error = error,
                     });
}

static void settle(struct tts_virtual *v, struct tts_downlink *d,
                   const struct tts_error *error, struct utc now)
{
    tts_unlink(&v->queue, d);
    v->queue_len--;
    tell(v, d, error, now);
    free(d);
}

/* The first downlink that may be sent at that time; those before it are given up. */
static struct tts_downlink *next_downlink(struct tts_virtual *v, struct utc transmit,
                                          struct utc now)
{
    size_t max = region_max_payload(v->tts->cs->config.region, v->ns.rx2_dr,
                                    (struct payload_rules){.edition = PAYLOAD_LEGACY});
    while (v->queue != NULL) {
        struct tts_downlink *d = v->queue;
        if (d->absolute_time.us < transmit.us) {
            settle(v, d, &tts_error_expired, now);
        } else if (d->len > max) {
            settle(v, d, &tts_error_too_long, now);
        } else {
            return d;
        }
    }
    return NULL;
}

static bool build(const struct tts_virtual *v, const struct tts_downlink *d, uint8_t *phy,
                  struct cs_tx *tx)
{
    struct session_keys keys = {.nwk_s_key = v->ns.f_nwk_s_int_key,
                                .app_s_key = v->as.app_s_key};
    struct frame frame = {
        .type = FRAME_UNCONFIRMED_DOWN,
        .addr = v->ns.dev_addr,
        .fcnt = d->f_cnt,
        .has_port = true,
        .fport = d->fport,
        .payload = d->data,
        .payload_len = d->len,
    };
    int err = frame_build(&frame, &keys, phy, FRAME_PHY_MAX_BYTES, &tx->phy_len);
    session_keys_wipe(&keys);
    return err == FUO_OK;
}

/* NULL: it may be tried again. */
static const struct tts_error *verdict(const struct tts_downlink *d,
                                       const struct refusals *refusals)
{
    if (is_timed(d) && !refusals->other_than_time) {
        return &tts_error_absolute_time;
    }
    return refusals->other_than_paths ? NULL : &tts_error_fixed_paths;
}

static void attempt(struct tts_virtual *v, struct tts_downlink *d, struct utc now)
{
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    struct refusals refusals = {0};
    bool slot = !is_timed(d) && in_slots(v);
    struct utc at = is_timed(d) ? d->absolute_time
                    : slot      ? next_slot(v, now)
                                : utc_after(now, MILLIS_US(ANYTIME_MS));
    struct cs_tx tx = {
        .at = at,
        .immediate = !is_timed(d) && !slot,
        .frequency_hz = v->ns.rx2_frequency_hz,
        .dr = v->ns.rx2_dr,
        .phy = phy,
        .ceiling_ppm = tts_priority_ceiling_ppm(d->priority),
    };
    if (build(v, d, phy, &tx) && send_all(v->tts, d, &tx, &refusals)) {
        v->last_transmit = at;
        v->ns.last_n_f_cnt_down = d->f_cnt;
        settle(v, d, NULL, now);
        return;
    }
    const struct tts_error *error = verdict(d, &refusals);
    if (error != NULL) {
        settle(v, d, error, now);
    } else {
        v->retry_at = utc_after(now, MILLIS_US(RETRY_MS));
    }
}

void tts_mcast_fire(struct sim_timer *timer, struct utc now)
{
    struct tts_virtual *v = SIM_TIMER_OWNER(timer, struct tts_virtual, timer);
    struct utc at;
    const struct tts_downlink *chosen = choose(v, now, &at);
    if (chosen == NULL) {
        return;
    }
    struct utc transmit = is_timed(chosen) ? chosen->absolute_time : now;
    struct tts_downlink *d = next_downlink(v, transmit, now);
    if (d != NULL) {
        attempt(v, d, now);
    }
    tts_mcast_arm(v, now);
}

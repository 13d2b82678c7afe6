/* SPDX-License-Identifier: MIT */
#include "engine/tap.h"

#include <string.h>

#include "engine/air.h"
#include "engine/campaign.h"
#include "engine/internal.h"
#include "engine/repair.h"
#include "engine/session.h"
#include "engine/uplink.h"
#include "radio/airtime.h"
#include "radio/subband.h"

enum {
    NOWHERE = RECORD_GATEWAY_MAX,
};

/* ---- what was handed over ---- */

static uint16_t counter_under_way(const struct lane *l)
{
    return (uint16_t)(l->rec.f_cnt_base + l->rec.frames_handed);
}

static struct tap_frame *find_frame(struct lane *l, uint16_t f_cnt)
{
    for (size_t i = 0; i < TAP_FRAMES; i++) {
        struct tap_frame *frame = &l->tap.frames[i];
        if (frame->airtime_us > 0 && frame->f_cnt == f_cnt) {
            return frame;
        }
    }
    return NULL;
}

void tap_note(const struct transmission *t, struct lane *l)
{
    uint16_t f_cnt = counter_under_way(l);
    struct tap_frame *frame = find_frame(l, f_cnt);
    if (frame == NULL) {
        frame = &l->tap.frames[l->tap.next];
        l->tap.next = (uint8_t)((l->tap.next + 1) % TAP_FRAMES);
    }
    *frame = (struct tap_frame){.charged_at = l->charged_at,
                                .airtime_us = l->charged_us,
                                .f_cnt = f_cnt,
                                .status = t->rec.pending_status};
}

void tap_forget(struct lane *l)
{
    struct tap_frame *frame = find_frame(l, counter_under_way(l));
    if (frame != NULL) {
        frame->airtime_us = 0;
    }
}

void tap_drop_gateway(struct lane *l, size_t i)
{
    struct tap_lane *tap = &l->tap;
    size_t left = RECORD_GATEWAY_MAX - 1 - i;
    memmove(&tap->run[i], &tap->run[i + 1], left * sizeof(tap->run[0]));
    memmove(&tap->lost[i], &tap->lost[i + 1], left * sizeof(tap->lost[0]));
    tap->run[RECORD_GATEWAY_MAX - 1] = 0;
    tap->lost[RECORD_GATEWAY_MAX - 1] = 0;
    uint16_t below = (uint16_t)((1u << i) - 1);
    for (size_t k = 0; k < TAP_FRAMES; k++) {
        uint16_t told = tap->frames[k].told;
        tap->frames[k].told = (uint16_t)((told & below) | (told >> 1 & ~below));
    }
}

void tap_clock_step(struct lane *l, int64_t delta_us)
{
    for (size_t i = 0; i < TAP_FRAMES; i++) {
        struct tap_frame *frame = &l->tap.frames[i];
        frame->charged_at = utc_after(frame->charged_at, delta_us);
    }
}

/* ---- what became of it ---- */

static void on_sent(struct engine *e, struct transmission *t, struct lane *l, size_t i,
                    struct tap_frame *frame)
{
    bool again = (frame->told & 1u << i) != 0; /* its acknowledgement was lost */
    int64_t late_us = e->utc.us - frame->charged_at.us;
    l->tap.run[i] = 0;
    l->tap.aired.sent += !again;
    if (again) {
        air_sent_at(e, t, l, i, NULL, frame->airtime_us);
        t->campaign->rec.airtime_us += frame->airtime_us;
    } else if (late_us >= LEDGER_BUCKET_US) {
        air_sent_at(e, t, l, i, &frame->charged_at, frame->airtime_us);
    }
}

static const char *alert_of(enum engine_aired status)
{
    switch (status) {
    case ENGINE_AIRED_NO_BUDGET:
        return "a gateway refuses frames: its duty cycle is used up";
    case ENGINE_AIRED_NO_TIME:
        return "a gateway refuses frames: they come too late, or it sends others then";
    case ENGINE_AIRED_SENT:
    case ENGINE_AIRED_REFUSED:
        break;
    }
    return "a gateway refuses frames: frequency or power is not what it can send";
}

/* All lanes carry the same fragments: the gateway that lost most decides. */
static void make_good(struct engine *e, struct transmission *t, uint16_t lost)
{
    if (lost <= t->made_good || t->rec.phase != TX_SENDING || t->rec.copies > 1 ||
        t->rec.target_n >= repair_last_n(t)) {
        return;
    }
    t->made_good = lost;
    t->rec.target_n++;
    transmission_store(e, t);
    campaign_touch(t->campaign);
}

static void on_refused(struct engine *e, struct transmission *t, struct lane *l, size_t i,
                       struct tap_frame *frame, enum engine_aired status)
{
    if ((frame->told & 1u << i) != 0) {
        return; /* of a repetition: it was sent before */
    }
    air_not_sent(e, t, l, i, frame->charged_at, frame->airtime_us);
    l->tap.aired.refused++;
    if (l->tap.run[i] < TAP_RUN_MAX && ++l->tap.run[i] == TAP_RUN_MAX) {
        campaign_alert(e, t->campaign, alert_of(status));
    }
    if (l->tap.run[i] == TAP_RUN_MAX) {
        return;
    }
    if (frame->status) {
        session_poll_refused(e, t);
    } else if (l->tap.lost[i] < UINT16_MAX) {
        make_good(e, t, ++l->tap.lost[i]);
    }
}

/* ---- whose it is ---- */

static size_t place_in(const struct lane *l, uint64_t gateway)
{
    for (size_t i = 0; i < l->rec.gateway_count; i++) {
        if (l->rec.gateways[i] == gateway) {
            return i;
        }
    }
    return NOWHERE;
}

static void take_own(struct engine *e, struct transmission *t,
                     const struct engine_event *event)
{
    for (uint8_t k = 0; k < t->rec.lane_count; k++) {
        struct lane *l = &t->lanes[k];
        size_t i = place_in(l, event->aired.gateway);
        struct tap_frame *frame = i != NOWHERE ? find_frame(l, event->aired.f_cnt) : NULL;
        if (frame == NULL) {
            continue;
        }
        if (event->aired.status == ENGINE_AIRED_SENT) {
            on_sent(e, t, l, i, frame);
        } else {
            on_refused(e, t, l, i, frame, event->aired.status);
        }
        frame->told |= (uint16_t)(1u << i);
        return;
    }
}

static bool is_sent_by(const struct transmission *t, uint64_t gateway)
{
    for (uint8_t k = 0; k < t->rec.lane_count; k++) {
        if (place_in(&t->lanes[k], gateway) != NOWHERE) {
            return true;
        }
    }
    return false;
}

/* The latest that is not over: an address may have been another one's before. */
static struct transmission *find_transmission(const struct engine *e,
                                              const struct engine_event *event)
{
    for (size_t i = e->transmission_count; i-- > 0 && event->aired.address != 0;) {
        struct transmission *t = e->transmissions[i];
        if (t->rec.mc_addr == event->aired.address && t->rec.phase > TX_KEY &&
            t->rec.phase < TX_ENDED && is_sent_by(t, event->aired.gateway)) {
            return t;
        }
    }
    return NULL;
}

void tap_take(struct engine *e, const struct engine_event *event)
{
    const struct fleet *f = engine_find_fleet(e, event->aired.fleet_id);
    if (f == NULL) {
        return;
    }
    struct transmission *t = find_transmission(e, event);
    if (t != NULL && t->fleet == f) {
        take_own(e, t, event);
    }
    if (t != NULL) {
        return; /* of another fleet of ours: its own server tells of it */
    }
    size_t phy_len = event->aired.phy_len;
    size_t frm_len = phy_len > AIRTIME_MAC_BYTES ? phy_len - AIRTIME_MAC_BYTES : 0;
    int64_t airtime_us;
    if (event->aired.status == ENGINE_AIRED_SENT && event->aired.dr < REGION_DR_COUNT &&
        airtime_downlink_us(f->region, event->aired.dr, frm_len, &airtime_us) == FUO_OK) {
        air_observe(e, f, event->aired.gateway, event->aired.frequency_hz, airtime_us);
    }
}

void tap_take_airtime(struct engine *e, const struct engine_event *event)
{
    const struct fleet *f = engine_find_fleet(e, event->airtime.fleet_id);
    if (f == NULL) {
        return;
    }
    int64_t used_us = (int64_t)event->airtime.used_ppm * 3600;
    for (size_t i = 0; i < subband_count(f->region); i++) {
        const struct subband *band = subband_at(f->region, i);
        if (band->min_hz < event->airtime.max_hz && /* a shared edge is no overlap */
            band->max_hz > event->airtime.min_hz) {
            air_raise(e, f, event->airtime.gateway, band, used_us);
        }
    }
}

void tap_take_gateway(struct engine *e, const struct engine_event *event)
{
    const struct fleet *f = engine_find_fleet(e, event->gateway.fleet_id);
    if (f == NULL) {
        return;
    }
    load_set_away(e, event->gateway.gateway, !event->gateway.online);
    for (size_t i = 0; i < e->transmission_count && !event->gateway.online; i++) {
        const struct transmission *t = e->transmissions[i];
        if (t->fleet == f && t->rec.phase > TX_KEY && t->rec.phase < TX_ENDED &&
            is_sent_by(t, event->gateway.gateway)) {
            campaign_alert(e, t->campaign,
                           "a gateway that sends for it has lost its server");
        }
    }
}

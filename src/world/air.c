/* SPDX-License-Identifier: MIT */
/* air.c - frames on air. */
#include <assert.h>
#include <stdlib.h>

#include "base/prng.h"
#include "radio/airtime.h"
#include "world/internal.h"

enum {
    HOPELESS_CDB = 1000,    /* that far below the floor nothing is heard */
    FADING_SPAN_CDB = 1700, /* a weaker interferer than the threshold and this is none */
    LOOK_NEAR = 10,         /* listeners ahead: what their device points to */
    LOOK_FAR = 32,          /* ... the device itself */
};

void *world_grow(void *items, size_t *cap, size_t count, size_t size)
{
    if (count > *cap) {
        *cap = *cap == 0 ? 64 : 2 * *cap;
        *cap = *cap < count ? count : *cap;
        items = realloc(items, *cap * size);
        assert(items != NULL);
    }
    return items;
}

enum band air_band(uint32_t frequency_hz)
{
    if (frequency_hz >= 869400000) {
        return BAND_P;
    }
    return frequency_hz > 868000000 ? BAND_M : BAND_L;
}

int64_t air_downlink_us(const struct world *w, uint8_t dr, size_t bytes)
{
    int64_t airtime_us = 0;
    int err = airtime_downlink_us(w->region, dr, bytes, &airtime_us);
    return err == FUO_OK ? airtime_us : 0;
}

/* ---- gateways ---- */

bool air_gateway_free(const struct world *w, uint32_t gateway, int64_t from_us,
                      int64_t until_us)
{
    const struct gateway *g = &w->gateways[gateway];
    if (w->silent_at_us[gateway] <= from_us) {
        return true;
    }
    for (size_t i = 0; i < RING; i++) {
        if (g->ring[i].from_us < until_us && g->ring[i].until_us > from_us) {
            return false;
        }
    }
    return true;
}

static void duty_forget(struct duty *d, int64_t before_us)
{
    while (d->count > 0 &&
           d->items[d->head].at_us + d->items[d->head].airtime_us <= before_us) {
        d->sum_us -= d->items[d->head].airtime_us;
        d->head = (d->head + 1) % d->cap;
        d->count--;
    }
}

static void duty_add(struct duty *d, int64_t at_us, int64_t airtime_us)
{
    duty_forget(d, at_us + airtime_us - HOURS_US(1));
    if (d->count == d->cap) {
        uint32_t cap = d->cap == 0 ? 16 : 2 * d->cap;
        void *items = calloc(cap, sizeof(d->items[0]));
        assert(items != NULL);
        struct duty grown = {.items = items, .count = d->count, .cap = cap};
        for (uint32_t i = 0; i < d->count; i++) {
            grown.items[i] = d->items[(d->head + i) % d->cap];
        }
        grown.sum_us = d->sum_us;
        free(d->items);
        *d = grown;
    }
    uint32_t slot = (d->head + d->count++) % d->cap;
    d->items[slot].at_us = at_us;
    d->items[slot].airtime_us = airtime_us;
    d->sum_us += airtime_us;
}

bool air_duty_left(struct world *w, uint32_t gateway, uint32_t frequency_hz,
                   int64_t airtime_us)
{
    enum band band = air_band(frequency_hz);
    const struct world_params *p = &w->s->params;
    uint32_t ppm = band == BAND_P ? p->legal_ppm : p->narrow_legal_ppm;
    struct duty *d = &w->gateways[gateway].duty[band];
    duty_forget(d, w->now_us + airtime_us - HOURS_US(1));
    return d->sum_us + airtime_us <= HOURS_US(1) / WORLD_PPM * ppm;
}

void air_start(struct world *w, uint32_t gateway, uint32_t frequency_hz, uint8_t dr,
               int64_t airtime_us)
{
    struct gateway *g = &w->gateways[gateway];
    struct sent *sent = &g->ring[g->ring_next++ % RING];
    sent->from_us = w->now_us;
    sent->until_us = w->now_us + airtime_us;
    sent->frequency_hz = frequency_hz;
    sent->dr = dr;
    if (sent->until_us > w->silent_at_us[gateway]) {
        w->silent_at_us[gateway] = sent->until_us;
    }
    duty_add(&g->duty[air_band(frequency_hz)], w->now_us, airtime_us);
}

/* ---- the draw ---- */

static int32_t fading_cdb(struct world *w, uint64_t bits)
{
    return world_normal_milli(bits) * (int32_t)w->s->params.fading_cdb / 1000;
}

static bool drawn(struct world *w, int32_t margin_cdb)
{
    uint32_t loss_ppm = world_raw_loss_ppm(margin_cdb);
    return loss_ppm == 0 || (loss_ppm < WORLD_PPM && !prng_chance(&w->prng, loss_ppm));
}

void air_uplink(struct world *w, struct uplink *u)
{
    const struct near *links = world_near(w, u->device);
    int32_t floor_cdb = world_floor_cdb(u->dr);
    int32_t clip_cdb = (int32_t)w->s->params.snr_clip_cdb;
    int32_t best_cdb = INT32_MIN;

    u->rx_count = 0;
    if (prng_chance(&w->prng, w->s->params.uplink_loss_ppm)) {
        return;
    }
    for (size_t i = 0; links[i].loss_cdb != INT16_MAX && u->rx_count < RX_MAX; i++) {
        int32_t mean_cdb = world_uplink_snr_cdb(w->s, links[i].loss_cdb);
        if (mean_cdb < floor_cdb - HOPELESS_CDB) {
            break; /* the others are weaker */
        }
        int32_t snr_cdb = mean_cdb + fading_cdb(w, prng_next(&w->prng));
        if (!drawn(w, snr_cdb - floor_cdb) ||
            !air_gateway_free(w, links[i].gateway, u->from_us, u->until_us)) {
            continue;
        }
        struct engine_rx *rx = &u->rx[u->rx_count++];
        rx->gateway = WORLD_GATEWAY_EUI_BASE + links[i].gateway;
        rx->snr_cdb = (int16_t)(snr_cdb < clip_cdb ? snr_cdb : clip_cdb);
        if (snr_cdb > best_cdb) {
            best_cdb = snr_cdb;
            u->gateway = links[i].gateway;
        }
    }
}

/* Whether something that the gateway sent meanwhile is too strong for frame f. */
static bool disturbed_by(struct world *w, const struct near *link, const struct frame *f,
                         int32_t level_cdb)
{
    const struct gateway *g = &w->gateways[link->gateway];
    for (size_t k = 0; k < RING; k++) {
        const struct sent *o = &g->ring[k];
        if (o->from_us >= f->until_us || o->until_us <= f->from_us || o->dr != f->dr ||
            o->frequency_hz != f->frequency_hz) {
            continue;
        }
        if (f->in_slots && o->from_us == f->from_us) {
            continue; /* the same frame, in the same ping slot */
        }
        int32_t other_cdb = fading_cdb(w, prng_next(&w->prng)) - link->loss_cdb;
        if (level_cdb < other_cdb + (int32_t)w->s->params.capture_cdb) {
            return true;
        }
    }
    return false;
}

/* A frame on air elsewhere at that frequency and spreading factor that is too strong. */
static bool disturbed(struct world *w, uint32_t device, const struct frame *f,
                      int32_t level_cdb)
{
    const struct near *links = world_near(w, device);
    int32_t weakest_cdb = level_cdb - (int32_t)w->s->params.capture_cdb - FADING_SPAN_CDB;

    for (size_t i = 0;
         links[i].loss_cdb != INT16_MAX && -links[i].loss_cdb >= weakest_cdb; i++) {
        uint32_t gateway = links[i].gateway;
        if (gateway != f->gateway && w->silent_at_us[gateway] > f->from_us &&
            disturbed_by(w, &links[i], f, level_cdb)) {
            return true;
        }
    }
    return false;
}

static bool frame_heard(struct world *w, uint32_t device, const struct frame *f,
                        int32_t loss_cdb)
{
    const struct light *d = &w->devices[device];
    if (d->busy_from_us < f->until_us && d->busy_until_us > f->from_us) {
        return false; /* it sends */
    }
    int32_t fade_cdb = fading_cdb(w, prng_next(&w->prng));
    return drawn(w, world_margin_cdb(w->s, loss_cdb, f->dr) + fade_cdb) &&
           !world_in_burst(w->s, device, f->from_us) &&
           !disturbed(w, device, f, fade_cdb - loss_cdb);
}

bool air_unicast_heard(struct world *w, const struct uplink *u, int64_t from_us)
{
    const struct near *links = world_near(w, u->device);
    struct frame f = {.from_us = from_us,
                      .until_us = w->now_us,
                      .gateway = u->gateway,
                      .frequency_hz = u->down_hz,
                      .dr = u->down_dr};
    for (size_t i = 0; links[i].loss_cdb != INT16_MAX; i++) {
        if (links[i].gateway != u->gateway) {
            continue;
        }
        int32_t snr_cdb = air_band(u->down_hz) == BAND_P
                              ? world_downlink_snr_cdb(w->s, links[i].loss_cdb)
                              : world_rx1_snr_cdb(w->s, links[i].loss_cdb);
        int32_t fade_cdb = fading_cdb(w, prng_next(&w->prng));
        return drawn(w, snr_cdb + fade_cdb - world_floor_cdb(u->down_dr)) &&
               !world_in_burst(w->s, u->device, from_us) &&
               (air_band(u->down_hz) != BAND_P ||
                !disturbed(w, u->device, &f, fade_cdb - links[i].loss_cdb));
    }
    return false;
}

/* ---- multicast ---- */

void air_listen(struct world *w, uint32_t device)
{
    const struct light *d = &w->devices[device];
    struct tx *tx = &w->txs[d->tx];
    const struct near *links = world_near(w, device);

    for (size_t i = 0; links[i].loss_cdb != INT16_MAX; i++) {
        uint32_t slot = tx->slot_of[links[i].gateway];
        if (world_margin_cdb(w->s, links[i].loss_cdb, d->session_dr) < -HOPELESS_CDB) {
            return;
        }
        if (slot == 0) {
            continue;
        }
        struct listeners *l = &tx->at[slot - 1];
        size_t cap = l->cap;
        l->items = world_grow(l->items, &cap, l->count + 1U, sizeof(*l->items));
        l->cap = (uint32_t)cap;
        l->items[l->count++] = (struct listener){.from_us = d->session_from_us,
                                                 .device = device,
                                                 .session = d->session,
                                                 .frequency_hz = d->session_hz,
                                                 .loss_cdb = links[i].loss_cdb,
                                                 .dr = d->session_dr};
    }
}

uint32_t air_frame_new(struct world *w, const struct frame *frame)
{
    if (w->frame_free == NONE) {
        size_t old = w->frame_cap;
        w->frames = world_grow(w->frames, &w->frame_cap, old + 1, sizeof(*w->frames));
        for (size_t i = w->frame_cap; i-- > old;) {
            w->frames[i].next_free = w->frame_free;
            w->frame_free = (uint32_t)i;
        }
    }
    uint32_t slot = w->frame_free;
    w->frame_free = w->frames[slot].next_free;
    w->frames[slot] = *frame;
    return slot;
}

/*
 * Listeners stand anywhere in memory, and waiting for it is most of what a frame costs: ask
 * for those to come. Changes nothing else.
 */
LOOKS_AHEAD void look_far(const struct world *w, const struct listeners *l, uint32_t i)
{
    if (i < l->count) {
        __builtin_prefetch(&w->devices[l->items[i].device]);
    }
}

LOOKS_AHEAD void look_near(const struct world *w, const struct listeners *l, uint32_t i,
                           const struct frame *f)
{
    if (i >= l->count) {
        return;
    }
    uint32_t device = l->items[i].device;
    if (w->devices[device].mc_next <= f->number) {
        __builtin_prefetch(world_near(w, device));
    }
}

void air_frame_end(struct world *w, uint32_t slot)
{
    struct frame f = w->frames[slot];
    w->frames[slot].next_free = w->frame_free;
    w->frame_free = slot;

    uint32_t at = w->txs[f.tx].slot_of[f.gateway];
    if (at == 0) {
        return;
    }
    struct listeners *l = &w->txs[f.tx].at[at - 1];
    for (uint32_t i = 0; i < LOOK_FAR; i++) {
        look_far(w, l, i);
    }
    for (uint32_t i = 0; i < l->count;) {
        look_far(w, l, i + LOOK_FAR);
        look_near(w, l, i + LOOK_NEAR, &f);
        const struct listener *one = &l->items[i];
        const struct light *d = &w->devices[one->device];
        if (d->session != one->session) {
            l->items[i] = l->items[--l->count];
            continue;
        }
        if (d->mc_next <= f.number && one->frequency_hz == f.frequency_hz &&
            one->dr == f.dr && one->from_us <= f.from_us &&
            frame_heard(w, one->device, &f, one->loss_cdb)) {
            device_multicast(w, one->device, &f);
        }
        i++;
    }
}

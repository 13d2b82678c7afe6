/* SPDX-License-Identifier: MIT */
/* device.c - light devices: what they send, when they listen, what reaches them. */
#include <stdlib.h>
#include <string.h>

#include "codec/frag.h"
#include "codec/package.h"
#include "fec/row.h"
#include "radio/airtime.h"
#include "world/internal.h"
#include "world/radio.h"

enum {
    APP_FPORT = 2,
    APP_BYTES = 20,
    ANSWER_OVERHEAD_S = 3, /* an uplink keeps the device busy until RX2 is over */
};

#define DEDUPLICATION_US MILLIS_US(200)
#define BUSY_AGAIN_US    MILLIS_US(2500)

static int64_t jitter_us(struct world *w, int64_t span_us)
{
    return (int64_t)prng_below(&w->prng, (uint64_t)span_us);
}

void world_device_init(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    const struct world_device *truth = &w->s->devices[device];
    d->queue_head = NONE;
    d->queue_tail = NONE;
    d->saying = NONE;
    d->tx = NONE;
    d->rank_tx = NONE;
    d->joined = NONE;
    d->version = campaigns_version(w, device);
    d->session_count_prev = UINT16_MAX;
    if (!truth->dead) {
        heap_push(&w->heap, jitter_us(w, SECONDS_US(truth->interval_s)), ON_UPLINK,
                  device);
    }
}

/* ---- uplinks ---- */

static uint32_t uplink_new(struct world *w)
{
    if (w->uplink_free == NONE) {
        size_t old = w->uplink_cap;
        w->uplinks = world_grow(w->uplinks, &w->uplink_cap, old + 1, sizeof(*w->uplinks));
        for (size_t i = w->uplink_cap; i-- > old;) {
            w->uplinks[i].next_free = w->uplink_free;
            w->uplink_free = (uint32_t)i;
        }
    }
    uint32_t slot = w->uplink_free;
    w->uplink_free = w->uplinks[slot].next_free;
    return slot;
}

void device_free_uplink(struct world *w, uint32_t slot)
{
    w->uplinks[slot].next_free = w->uplink_free;
    w->uplink_free = slot;
}

/* 868.1, 868.3, 868.5 and 867.1 to 867.9 MHz. */
static uint32_t draw_channel(struct world *w)
{
    uint32_t i = (uint32_t)prng_below(&w->prng, 8);
    return i < 3 ? 868100000 + 200000 * i : 867100000 + 200000 * (i - 3);
}

static void transmit(struct world *w, uint32_t device, uint8_t fport,
                     const uint8_t *payload, size_t len)
{
    uint32_t slot = uplink_new(w);
    struct uplink *u = &w->uplinks[slot];
    struct light *d = &w->devices[device];
    int64_t airtime_us = 0;

    *u = (struct uplink){.device = device,
                         .from_us = w->now_us,
                         .frequency_hz = draw_channel(w),
                         .sent = NONE,
                         .f_cnt = d->uplink_count++,
                         .dr = w->s->devices[device].uplink_dr,
                         .fport = fport,
                         .len = (uint8_t)len};
    if (payload != NULL) {
        memcpy(u->payload, payload, len);
    }
    if (airtime_uplink_us(w->region, u->dr, len, &airtime_us) != FUO_OK) {
        device_free_uplink(w, slot);
        return;
    }
    u->until_us = w->now_us + airtime_us;
    d->busy_from_us = w->now_us;
    d->busy_until_us = u->until_us;
    d->exchange_until_us = u->until_us + SECONDS_US(ANSWER_OVERHEAD_S);
    if (world_applied(w)) {
        struct world_device_trace *t = &w->trace.devices[device];
        w->trace.uplinks++;
        t->uplinks++;
        if (t->first_uplink_us < 0) {
            t->first_uplink_us = record_time(w, w->now_us);
        }
    }
    __builtin_prefetch(world_near(w, device)); /* for its end */
    run_expect(w, device, ENGINE_NEAR_PLACE);
    heap_push(&w->heap, u->until_us, ON_UPLINK_END, slot);
}

/* Jittered by a tenth of the interval around it. */
static void plan_uplink(struct world *w, uint32_t device)
{
    int64_t interval_us = SECONDS_US(w->s->devices[device].interval_s);
    int64_t next_us = interval_us - interval_us / 20 + jitter_us(w, interval_us / 10);
    heap_push(&w->heap, w->now_us + next_us, ON_UPLINK, device);
}

void device_uplink(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (w->now_us < d->exchange_until_us) {
        heap_push(&w->heap, d->exchange_until_us + jitter_us(w, BUSY_AGAIN_US), ON_UPLINK,
                  device);
        return;
    }
    plan_uplink(w, device);
    transmit(w, device, APP_FPORT, NULL, APP_BYTES);
}

struct saying *device_saying(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (d->saying == NONE && w->saying_free == NONE) {
        size_t from = w->saying_cap;
        w->sayings =
            world_grow(w->sayings, &w->saying_cap, from + 1, sizeof(*w->sayings));
        for (size_t i = from; i < w->saying_cap; i++) {
            w->sayings[i] = (struct saying){.next_free = w->saying_free};
            w->saying_free = (uint32_t)i;
        }
    }
    if (d->saying == NONE) {
        d->saying = w->saying_free;
        w->saying_free = w->sayings[d->saying].next_free;
    }
    return &w->sayings[d->saying];
}

/* Unless something is left of it. */
static void forget_saying(struct world *w, struct light *d)
{
    if (d->saying != NONE && w->sayings[d->saying].answer_len == 0 &&
        !d->status_pending) {
        w->sayings[d->saying].next_free = w->saying_free;
        w->saying_free = d->saying;
        d->saying = NONE;
    }
}

void device_answer(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (w->now_us < d->exchange_until_us) {
        heap_push(&w->heap, d->exchange_until_us + jitter_us(w, BUSY_AGAIN_US), ON_ANSWER,
                  device);
        return;
    }
    if (d->saying != NONE && w->sayings[d->saying].answer_len > 0) {
        struct saying *says = &w->sayings[d->saying];
        transmit(w, device, says->answer_fport, says->answer, says->answer_len);
        says->answer_len = 0;
    }
    forget_saying(w, d);
    if (d->acks_left > 0) {
        answers_block_received(w, device);
    }
}

void device_status_answer(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (w->now_us < d->exchange_until_us) {
        heap_push(&w->heap, d->exchange_until_us + jitter_us(w, BUSY_AGAIN_US), ON_STATUS,
                  device);
        return;
    }
    d->status_pending = false;
    const struct saying *says = &w->sayings[d->saying];
    transmit(w, device, FRAG_FPORT, says->status, says->status_len);
    forget_saying(w, d);
}

void device_uplink_end(struct world *w, uint32_t slot)
{
    struct uplink *u = &w->uplinks[slot];
    air_uplink(w, u);
    if (u->rx_count == 0) {
        w->trace.uplinks_lost += world_applied(w);
        device_free_uplink(w, slot);
        return;
    }
    if (world_applied(w)) {
        struct world_device_trace *t = &w->trace.devices[u->device];
        t->uplinks_received++;
        if (t->first_received_us < 0) {
            t->first_received_us = record_time(w, u->from_us);
        }
    }
    run_expect(w, u->device, ENGINE_NEAR_DEVICE);
    heap_push(&w->heap, u->until_us + DEDUPLICATION_US, ON_DELIVER, slot);
}

/* ---- downlinks ---- */

void device_downlink(struct world *w, uint32_t device, uint8_t fport,
                     const uint8_t *payload, size_t len)
{
    world_answers_take(w, device, fport, payload, len);
}

/* Row n of the code, shared by all devices that hear fragment M + n one after the other. */
static const uint64_t *row_of(struct world *w, struct tx *tx, uint16_t n, uint16_t m)
{
    if (n <= m) {
        return NULL;
    }
    if (tx->row == NULL) {
        tx->row = calloc(fec_row_words(m), sizeof(*tx->row));
    }
    if (tx->row_number != n) {
        const struct world_transmission *t = &w->trace.transmissions[tx - w->txs];
        fec_row(t->ts004 == 2 ? FEC_V2 : FEC_V1, m, n - (uint32_t)m, tx->row);
        tx->row_number = n;
    }
    return tx->row;
}

/* A delta to something else than it runs, or in which it sees no sense, makes no image. */
static bool makes_image(const struct world *w, uint32_t device, const struct tx *tx)
{
    uint64_t bits = world_hash(w->s->seed ^ UINT64_C(0xde17a), device, 0, 0);
    return !tx->is_delta || (tx->base == w->devices[device].version &&
                             bits % WORLD_PPM >= w->config->delta_fails_ppm);
}

void device_fragment(struct world *w, uint32_t device, uint16_t n)
{
    struct light *d = &w->devices[device];
    if (d->rank.missing == 0 || d->tx == NONE || d->rank_tx != d->tx) {
        return;
    }
    struct tx *tx = &w->txs[d->tx];
    if (!rank_push(&d->rank, n, row_of(w, tx, n, d->rank.m))) {
        if (d->rank.overflow) {
            w->trace.devices[device].overflow = true;
        }
        return;
    }
    d->complete = true;
    d->image = makes_image(w, device, tx);
    d->corrupt = !d->image;
    d->next_version = tx->version;
    struct world_device_trace *t = &w->trace.devices[device];
    if (d->image && t->complete_us < 0) {
        t->complete_us = record_time(w, w->now_us);
        t->transmission = d->tx;
    }
    device_leave_session(w, device);
    if (d->ack_reception) {
        d->acks_left = 3;
        answers_block_received(w, device);
    }
}

void device_multicast(struct world *w, uint32_t device, const struct frame *f)
{
    struct light *d = &w->devices[device];
    if (f->number < d->mc_next) {
        return; /* the same frame by another gateway */
    }
    d->mc_next = f->number + 1;
    if (d->joined == f->tx) {
        record_heard(w, f->tx, d->member, f->number);
    }
    if (f->n != 0) {
        device_fragment(w, device, f->n);
    } else if (rank_is_there(&d->rank) && !d->status_pending &&
               answers_status(w, device, f->all_participants)) {
        d->status_pending = true;
        int64_t span_us = SECONDS_US(1) << (d->block_ack_delay + 4);
        heap_push(&w->heap, w->now_us + SECONDS_US(1) + jitter_us(w, span_us), ON_STATUS,
                  device);
    }
}

/* ---- sessions ---- */

void device_session(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (d->session_from_us != w->now_us || d->session != 0 || d->tx == NONE) {
        return; /* another one was asked for since */
    }
    if (d->complete) {
        return;
    }
    answers_take_part(w, device);
    d->session = ++w->session_count;
    w->trace.devices[device].sessions++;
    heap_push(&w->heap, d->session_until_us, ON_SESSION_END, device);
    air_listen(w, device);
}

void device_leave_session(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (d->session != 0) {
        d->session = 0;
        int64_t us = w->now_us - d->session_from_us;
        w->trace.devices[device].listening_us +=
            d->listens_ppt != 0 ? us / 1000 * d->listens_ppt : us;
    }
}

void device_session_end(struct world *w, uint32_t device)
{
    const struct light *d = &w->devices[device];
    if (d->session_until_us == w->now_us) {
        device_leave_session(w, device);
    }
}

/* What is new does not run on it, and it goes back to what it had. */
static bool is_broken(const struct world *w, uint32_t device)
{
    uint64_t bits = world_hash(w->s->seed ^ UINT64_C(0xb40c), device, 0, 0);
    return bits % WORLD_PPM < w->config->broken_ppm;
}

void device_reboot(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (!d->reboot_planned || d->reboot_at_us != w->now_us) {
        return; /* cancelled */
    }
    d->reboot_planned = false;
    if (d->image && !is_broken(w, device)) {
        d->version = d->next_version;
    }
    d->image = false;
    d->corrupt = false;
    rank_finish(&d->rank);
    d->rank_tx = NONE;
    d->mc_addr = 0;
    d->tx = NONE;
    d->complete = false;
    /* It joins again, and says so. */
    static const uint8_t nothing[APP_BYTES];
    answers_say(w, device, APP_FPORT, nothing, sizeof(nothing),
                SECONDS_US(10) + jitter_us(w, SECONDS_US(50)));
}

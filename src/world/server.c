/* SPDX-License-Identifier: MIT */
/*
 * server.c - the network server: what it queues, and when it lets go of it.
 *
 * As ChirpStack v4 does it (source read): an uplink is handed on 200 ms after it ended; a
 * reply that is queued 100 ms later meets the receive windows of that uplink, others wait
 * for the next. RX1 is on the uplink's channel and data rate; RX2 on WORLD_CLASS_C_HZ at
 * params.rx2_dr is for slow uplinks, and when the gateway refuses RX1: it sends already, or
 * has no duty left. A row of a multicast group with an empty queue is due at once, others a
 * margin after the one before; the scheduler looks once a second. Frames of class B have ping
 * slots instead. Not modelled: MAC commands, acknowledgements.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/frag.h"
#include "codec/package.h"
#include "codec/split.h"
#include "world/internal.h"

#define RX1_DELAY_US  SECONDS_US(1)
#define RX2_DELAY_US  SECONDS_US(2)
#define TICK_US       SECONDS_US(1)
#define TICK_PHASE_US MILLIS_US(370) /* the scheduler's seconds are not ours */

enum {
    BEACON_S = 128,
    BEACON_RESERVED_MS = 2120,
    SLOT_MARGIN_S = 5, /* multicast_class_b_margin */
};

const char *world_timing_name(enum world_timing timing)
{
    static const char *const names[WORLD_TIMING_COUNT] = {"stock", "margin1s", "direct"};
    return names[timing];
}

int64_t world_timing_margin_us(enum world_timing timing)
{
    switch (timing) {
    case WORLD_TIMING_STOCK:
        return SECONDS_US(5);
    case WORLD_TIMING_MARGIN1S:
        return SECONDS_US(1);
    case WORLD_TIMING_DIRECT:
        break;
    }
    return 0;
}

int64_t world_next_tick_us(int64_t t_us)
{
    return (t_us - TICK_PHASE_US + TICK_US - 1) / TICK_US * TICK_US + TICK_PHASE_US;
}

/* ---- unicast ---- */

static uint32_t device_of(const struct world *w, uint64_t dev_eui)
{
    uint64_t i = dev_eui - WORLD_DEVICE_EUI_BASE;
    return i < w->s->device_count ? (uint32_t)i : NONE;
}

static uint32_t unicast_new(struct world *w)
{
    if (w->unicast_free == NONE) {
        size_t old = w->unicast_cap;
        w->unicasts =
            world_grow(w->unicasts, &w->unicast_cap, old + 1, sizeof(*w->unicasts));
        for (size_t i = w->unicast_cap; i-- > old;) {
            w->unicasts[i].next = w->unicast_free;
            w->unicast_free = (uint32_t)i;
        }
    }
    uint32_t slot = w->unicast_free;
    w->unicast_free = w->unicasts[slot].next;
    return slot;
}

static void unicast_free(struct world *w, uint32_t slot)
{
    w->unicasts[slot].next = w->unicast_free;
    w->unicast_free = slot;
}

void server_send(struct world *w, const struct effect *effect)
{
    uint32_t device = device_of(w, effect->send.dev_eui);
    struct notice n = {.type = ENGINE_EV_SEND_RESULT,
                       .id = effect->send.id,
                       .dev_eui = effect->send.dev_eui};
    if (device == NONE) {
        n.err = FUO_ENOENT;
        run_notice(w, &n);
        return;
    }
    uint32_t slot = unicast_new(w);
    struct unicast *u = &w->unicasts[slot];
    *u = (struct unicast){.id = effect->send.id,
                          .expires = effect->send.expires,
                          .next = NONE,
                          .fport = effect->send.fport,
                          .len = effect->send.payload_len};
    memcpy(u->payload, effect->send.payload, u->len);
    struct light *d = &w->devices[device];
    if (d->queue_head == NONE) {
        d->queue_head = slot;
    } else {
        w->unicasts[d->queue_tail].next = slot;
    }
    d->queue_tail = slot;
    run_notice(w, &n);
}

void server_flush_device(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    while (d->queue_head != NONE) {
        uint32_t slot = d->queue_head;
        d->queue_head = w->unicasts[slot].next;
        unicast_free(w, slot);
    }
}

static void fate(struct world *w, const struct uplink *u, enum engine_fate what)
{
    struct notice n = {.type = ENGINE_EV_SEND_FATE,
                       .id = w->unicasts[u->sent].id,
                       .dev_eui = WORLD_DEVICE_EUI_BASE + u->device,
                       .fate = (uint8_t)what};
    if (what == ENGINE_FATE_SENT) {
        n.gateway = u->gateway;
        n.frequency_hz = u->down_hz;
        n.dr = u->down_dr;
    } else {
        n.gateway = NONE;
        n.dr = ENGINE_DR_UNKNOWN;
    }
    run_notice(w, &n);
}

static bool fits(const struct world *w, uint8_t dr, uint8_t len)
{
    struct payload_rules rules = {.edition = PAYLOAD_SAFE};
    return len <= region_max_payload(w->region, dr, rules);
}

/* The first downlink that may still go, off the queue; NONE. */
static uint32_t take_downlink(struct world *w, struct uplink *u)
{
    struct light *d = &w->devices[u->device];
    while (d->queue_head != NONE) {
        u->sent = d->queue_head;
        const struct unicast *item = &w->unicasts[u->sent];
        d->queue_head = item->next;
        bool late = utc_reached(item->expires, world_utc(w->now_us));
        if (!late && fits(w, u->dr, item->len)) {
            return u->sent;
        }
        fate(w, u, late ? ENGINE_FATE_EXPIRED : ENGINE_FATE_REFUSED);
        unicast_free(w, u->sent);
    }
    return NONE;
}

void server_reply(struct world *w, uint32_t slot)
{
    struct uplink *u = &w->uplinks[slot];
    if (take_downlink(w, u) == NONE) {
        device_free_uplink(w, slot);
        return;
    }
    heap_push(&w->heap, u->until_us + RX1_DELAY_US, ON_RX1, slot);
}

/* RX2 comes first for slow uplinks, if the gateway will be able to. */
static bool prefers_rx2(struct world *w, const struct uplink *u, uint8_t len)
{
    const struct world_params *p = &w->s->params;
    int64_t at_us = u->until_us + RX2_DELAY_US;
    int64_t airtime_us = air_downlink_us(w, p->rx2_dr, len);
    return u->dr < p->rx2_first_below_dr && fits(w, p->rx2_dr, len) &&
           air_gateway_free(w, u->gateway, at_us, at_us + airtime_us) &&
           air_duty_left(w, u->gateway, WORLD_CLASS_C_HZ, airtime_us);
}

static void answer_on_air(struct world *w, uint32_t slot, int64_t airtime_us)
{
    struct uplink *u = &w->uplinks[slot];
    struct light *d = &w->devices[u->device];
    air_start(w, u->gateway, u->down_hz, u->down_dr, airtime_us);
    d->busy_from_us = w->now_us;
    d->busy_until_us = w->now_us + airtime_us;
    d->exchange_until_us = d->busy_until_us;
    fate(w, u, ENGINE_FATE_SENT);
    heap_push(&w->heap, w->now_us + airtime_us, ON_DOWN_END, slot);
}

void server_window(struct world *w, uint32_t slot, bool second)
{
    struct uplink *u = &w->uplinks[slot];
    const struct unicast *item = &w->unicasts[u->sent];
    u->down_hz = second ? WORLD_CLASS_C_HZ : u->frequency_hz;
    u->down_dr = second ? w->s->params.rx2_dr : u->dr;
    int64_t airtime_us = air_downlink_us(w, u->down_dr, item->len);
    bool wait = !second && prefers_rx2(w, u, item->len);

    if (!wait && fits(w, u->down_dr, item->len) &&
        air_gateway_free(w, u->gateway, w->now_us, w->now_us + airtime_us) &&
        air_duty_left(w, u->gateway, u->down_hz, airtime_us)) {
        answer_on_air(w, slot, airtime_us);
        return;
    }
    if (!second) {
        heap_push(&w->heap, u->until_us + RX2_DELAY_US, ON_RX2, slot);
        return;
    }
    w->trace.unicast_refused += world_applied(w);
    fate(w, u, ENGINE_FATE_REFUSED);
    unicast_free(w, u->sent);
    device_free_uplink(w, slot);
}

/* ---- multicast ---- */

struct tx *server_tx_by_address(struct world *w, uint32_t mc_addr)
{
    uint32_t i = mc_addr - MC_ADDR_BASE;
    return i < w->tx_count ? &w->txs[i] : NULL;
}

static struct tx *tx_by_id(struct world *w, uint32_t id)
{
    return id < w->tx_of_id_cap && w->tx_of_id[id] != 0 ? &w->txs[w->tx_of_id[id] - 1]
                                                        : NULL;
}

static struct lane *lane_by(struct world *w, uint32_t tx_id, uint8_t no)
{
    const struct tx *tx = tx_by_id(w, tx_id);
    if (tx == NULL || no >= RECORD_LANE_MAX || tx->lane_of[no] == 0) {
        return NULL;
    }
    return &w->lanes[tx->lane_of[no] - 1];
}

static void map_id(struct world *w, uint32_t id, size_t index)
{
    size_t old = w->tx_of_id_cap;
    w->tx_of_id =
        world_grow(w->tx_of_id, &w->tx_of_id_cap, id + 1U, sizeof(*w->tx_of_id));
    for (size_t i = old; i < w->tx_of_id_cap; i++) {
        w->tx_of_id[i] = 0;
    }
    w->tx_of_id[id] = (uint32_t)index + 1;
}

struct tx *server_add_tx(struct world *w, uint32_t id)
{
    struct tx *tx = tx_by_id(w, id);
    if (tx != NULL) {
        return tx;
    }
    uint32_t mc_addr = MC_ADDR_BASE + (uint32_t)w->tx_count;
    size_t cap = w->tx_count;
    w->txs = world_grow(w->txs, &cap, w->tx_count + 1, sizeof(*w->txs));
    tx = &w->txs[w->tx_count];
    *tx = (struct tx){.id = id, .mc_addr = mc_addr};
    tx->slot_of = calloc(w->s->gateway_count, sizeof(*tx->slot_of));
    assert(tx->slot_of != NULL);
    map_id(w, id, w->tx_count);
    struct world_trace *t = &w->trace;
    cap = t->transmission_count;
    t->transmissions =
        world_grow(t->transmissions, &cap, w->tx_count + 1, sizeof(*t->transmissions));
    t->transmissions[w->tx_count] =
        (struct world_transmission){.id = id, .mc_addr = mc_addr};
    t->transmission_count = ++w->tx_count;
    return tx;
}

static void add_gateway(struct tx *tx, uint32_t gateway)
{
    if (tx->slot_of[gateway] != 0) {
        return;
    }
    size_t cap = tx->at_count;
    tx->at = world_grow(tx->at, &cap, tx->at_count + 1U, sizeof(*tx->at));
    tx->at[tx->at_count++] = (struct listeners){0};
    assert(tx->at_count <= UINT16_MAX);
    tx->slot_of[gateway] = (uint16_t)tx->at_count;
}

void server_open_group(struct world *w, const struct effect *effect)
{
    struct notice n = {.type = ENGINE_EV_GROUP,
                       .tx_id = effect->group.transmission_id,
                       .lane = effect->group.lane,
                       .value = 0};
    struct tx *tx = tx_by_id(w, n.tx_id);
    struct lane *lane = tx == NULL ? NULL : lane_by(w, n.tx_id, n.lane);
    if (tx == NULL || n.lane >= RECORD_LANE_MAX) {
        n.err = FUO_ENOENT;
        run_notice(w, &n);
        return;
    }
    if (lane == NULL) {
        size_t cap = w->lane_count;
        w->lanes = world_grow(w->lanes, &cap, w->lane_count + 1, sizeof(*w->lanes));
        lane = &w->lanes[w->lane_count++];
        *lane = (struct lane){.tx = (uint32_t)(tx - w->txs), .no = n.lane};
        tx->lane_of[n.lane] = (uint32_t)w->lane_count;
        w->trace.transmissions[lane->tx].lane_count++;
    }
    lane->open = true;
    lane->frequency_hz = effect->group.frequency_hz;
    lane->dr = effect->group.dr;
    lane->in_slots = effect->group.device_class == 'B';
    lane->ping_slot_periodicity = effect->group.ping_slot_periodicity;
    lane->gateway_count = effect->group.gateway_count;
    for (size_t i = 0; i < lane->gateway_count; i++) {
        lane->gateways[i] =
            (uint32_t)(effect->group.gateways[i] - WORLD_GATEWAY_EUI_BASE);
        add_gateway(tx, lane->gateways[i]);
    }
    w->trace.transmissions[lane->tx].dr = lane->dr;
    n.value = lane->f_cnt;
    run_notice(w, &n);
}

void server_close_group(struct world *w, const struct effect *effect)
{
    struct notice n = {.type = ENGINE_EV_GROUP,
                       .tx_id = effect->group.transmission_id,
                       .lane = effect->group.lane,
                       .frames = 1};
    struct lane *lane = lane_by(w, n.tx_id, n.lane);
    if (lane != NULL) {
        lane->open = false;
        lane->row_count = 0;
    }
    run_notice(w, &n);
}

static struct row *row_add(struct lane *lane)
{
    if (lane->row_count == lane->row_cap) {
        uint32_t cap = lane->row_cap == 0 ? 8 : 2 * lane->row_cap;
        struct row *rows = calloc(cap, sizeof(*rows));
        assert(rows != NULL);
        for (uint32_t i = 0; i < lane->row_count; i++) {
            rows[i] = lane->rows[(lane->row_head + i) % lane->row_cap];
        }
        free(lane->rows);
        lane->rows = rows;
        lane->row_head = 0;
        lane->row_cap = cap;
    }
    return &lane->rows[(lane->row_head + lane->row_count++) % lane->row_cap];
}

static bool parse(const uint8_t *payload, size_t len, struct row *row)
{
    struct split split = split_init(PKG_FRAG, 1, PKG_DOWN, payload, len);
    struct split_cmd cmd;
    struct frag_data data;
    struct frag_status_req req;
    row->len = (uint8_t)len;
    if (!split_next(&split, &cmd)) {
        return false;
    }
    if (cmd.cid == FRAG_CID_DATA &&
        frag_data_decode(1, cmd.body, cmd.body_len, &data) == FUO_OK) {
        row->n = data.n;
        return true;
    }
    if (cmd.cid == FRAG_CID_STATUS &&
        frag_status_req_decode(1, cmd.body, cmd.body_len, &req) == FUO_OK) {
        row->status = true;
        row->all_participants = req.all_participants;
        return true;
    }
    return false;
}

/*
 * The first ping slot after that (LoRaWAN L2 1.0.4, 13): 4096 of 30 ms, from 2.12 s behind each
 * beacon. Where the first one is, is a cipher of beacon and address on air: here it is any
 * hash of them.
 */
static int64_t next_slot_us(const struct lane *lane, uint32_t mc_addr, int64_t after_us)
{
    int64_t step_us = MILLIS_US(30) << (5 + lane->ping_slot_periodicity);
    int64_t phase_us = gps_from_utc(world_utc(0)).s % BEACON_S * SECONDS_US(1);
    int64_t beacon_us = after_us - (after_us + phase_us) % SECONDS_US(BEACON_S);
    for (;; beacon_us += SECONDS_US(BEACON_S)) {
        struct prng offset = prng_seeded((uint64_t)beacon_us ^ (uint64_t)mc_addr << 32);
        int64_t first_us =
            beacon_us + MILLIS_US(BEACON_RESERVED_MS) +
            (int64_t)(prng_next(&offset) % (uint64_t)(step_us / 30000)) * MILLIS_US(30);
        int64_t behind_us = after_us - first_us;
        int64_t slot_us =
            behind_us < 0 ? first_us : first_us + (behind_us / step_us + 1) * step_us;
        if (slot_us < first_us + (step_us << (7 - lane->ping_slot_periodicity))) {
            return slot_us;
        }
    }
}

/* By all its gateways, in the first slot that is free and far enough. */
static void enqueue_in_slot(struct world *w, struct lane *lane, const struct row *row)
{
    int64_t from_us = w->now_us + SECONDS_US(SLOT_MARGIN_S);
    bool behind = lane->row_count > 0 && lane->last_due_us > from_us;
    from_us = behind ? lane->last_due_us : from_us;
    lane->last_due_us = next_slot_us(lane, w->txs[lane->tx].mc_addr, from_us);
    struct row *added = row_add(lane);
    *added = *row;
    added->due_us = lane->last_due_us;
    heap_push(&w->heap, added->due_us, ON_ROW, (uint32_t)(lane - w->lanes));
}

static void enqueue_row(struct world *w, struct lane *lane, const struct row *row,
                        int64_t at_us)
{
    int64_t due_us = at_us;
    if (w->config->timing != WORLD_TIMING_DIRECT) {
        int64_t margin_us = world_timing_margin_us(w->config->timing);
        bool first = lane->row_count == 0;
        int64_t from_us = first ? w->now_us : lane->last_due_us + margin_us;
        lane->last_due_us = from_us;
        due_us = world_next_tick_us(from_us);
    }
    struct row *added = row_add(lane);
    *added = *row;
    added->due_us = due_us > w->now_us ? due_us : w->now_us;
    heap_push(&w->heap, added->due_us, ON_ROW, (uint32_t)(lane - w->lanes));
}

/* Whoever makes the frames sends them by the gateways that they name. */
static void take_gateways(struct lane *lane, const struct effect_air *air)
{
    lane->gateway_count = air->gateway_count;
    for (size_t i = 0; i < lane->gateway_count; i++) {
        lane->gateways[i] = (uint32_t)(air->gateways[i] - WORLD_GATEWAY_EUI_BASE);
    }
}

void server_enqueue(struct world *w, const struct effect *effect)
{
    struct notice n = {.type = ENGINE_EV_MC_RESULT,
                       .tx_id = effect->multicast.transmission_id,
                       .lane = effect->multicast.lane};
    struct lane *lane = lane_by(w, n.tx_id, n.lane);
    struct row row = {.gateway = UINT16_MAX};
    if (lane == NULL || !lane->open ||
        !parse(effect->multicast.payload, effect->multicast.payload_len, &row)) {
        n.err = FUO_ENOENT;
        run_notice(w, &n);
        return;
    }
    if (w->config->timing == WORLD_TIMING_DIRECT) {
        take_gateways(lane, &effect->multicast.air);
    }
    row.number = lane->f_cnt++;
    record_number(w, lane->tx, row.number, row.n, -1);
    if (lane->in_slots) {
        enqueue_in_slot(w, lane, &row);
    } else if (w->config->timing == WORLD_TIMING_DIRECT) {
        int64_t at_us =
            effect->multicast.at.us == 0 ? w->now_us : world_of_utc(effect->multicast.at);
        enqueue_row(w, lane, &row, at_us);
    } else {
        for (uint16_t i = 0; i < lane->gateway_count; i++) {
            row.gateway = i;
            enqueue_row(w, lane, &row, 0);
        }
    }
    n.value = row.number;
    run_notice(w, &n);
}

/* Frames of which not every row has left. */
static uint32_t frames_queued(const struct lane *lane)
{
    if (lane->row_count == 0) {
        return 0;
    }
    uint32_t last = (lane->row_head + lane->row_count - 1) % lane->row_cap;
    return lane->rows[last].number - lane->rows[lane->row_head].number + 1;
}

void server_poll_queue(struct world *w, const struct effect *effect)
{
    struct notice n = {.type = ENGINE_EV_MC_QUEUE,
                       .tx_id = effect->queue.transmission_id,
                       .lane = effect->queue.lane};
    const struct lane *lane = lane_by(w, n.tx_id, n.lane);
    if (lane == NULL) {
        n.err = FUO_ENOENT;
    } else {
        n.frames = frames_queued(lane);
        n.value = lane->f_cnt;
    }
    run_notice(w, &n);
}

void server_flush_queue(struct world *w, const struct effect *effect)
{
    struct notice n = {.type = ENGINE_EV_MC_RESULT,
                       .tx_id = effect->queue.transmission_id,
                       .lane = effect->queue.lane};
    struct lane *lane = lane_by(w, n.tx_id, n.lane);
    if (lane != NULL) {
        lane->row_count = 0;
        n.value = lane->f_cnt;
    }
    run_notice(w, &n);
}

/* One gateway emits a row now, unless it is sending. */
static void emit(struct world *w, const struct lane *lane, const struct row *row,
                 uint32_t gateway)
{
    int64_t airtime_us = air_downlink_us(w, lane->dr, row->len);
    if (!air_gateway_free(w, gateway, w->now_us, w->now_us + airtime_us)) {
        w->trace.multicast_collided++;
        return;
    }
    air_start(w, gateway, lane->frequency_hz, lane->dr, airtime_us);
    record_number(w, lane->tx, row->number, row->n, w->now_us);
    struct frame f = {.from_us = w->now_us,
                      .until_us = w->now_us + airtime_us,
                      .tx = lane->tx,
                      .gateway = gateway,
                      .frequency_hz = lane->frequency_hz,
                      .number = row->number,
                      .n = row->status ? 0 : row->n,
                      .dr = lane->dr,
                      .all_participants = row->all_participants,
                      .in_slots = lane->in_slots};
    heap_push(&w->heap, f.until_us, ON_FRAME_END, air_frame_new(w, &f));
    struct world_frame record = {
        .at_us = record_time(w, w->now_us),
        .transmission = lane->tx,
        .number = row->number,
        .airtime_us = (uint32_t)airtime_us & WORLD_FRAME_AIRTIME_MAX_US,
        .dr = lane->dr & WORLD_FRAME_DR_MAX,
        .kind = row->status ? WORLD_FRAME_STATUS : WORLD_FRAME_FRAGMENT,
        .gateway = (uint16_t)gateway,
        .frequency = (uint16_t)(lane->frequency_hz / WORLD_FRAME_HZ)};
    record_frame(w, &record);
}

void server_row_due(struct world *w, uint32_t slot)
{
    struct lane *lane = &w->lanes[slot];
    if (lane->row_count == 0 || lane->rows[lane->row_head].due_us > w->now_us) {
        return; /* flushed */
    }
    struct row row = lane->rows[lane->row_head];
    lane->row_head = (lane->row_head + 1) % lane->row_cap;
    lane->row_count--;
    if (row.gateway != UINT16_MAX) {
        emit(w, lane, &row, lane->gateways[row.gateway]);
        return;
    }
    for (size_t i = 0; i < lane->gateway_count; i++) {
        emit(w, lane, &row, lane->gateways[i]);
    }
}

/* SPDX-License-Identifier: MIT */
/* run.c - virtual time: the next thing that happens, and what the engine makes of it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/record.h"
#include "world/internal.h"

enum {
    HEAP_NEXT = 5, /* among its first items is the next one, and the one after it */
    STUCK_STEPS = 5000000, /* timeouts without time moving: the engine hangs */
    HOUR_PARTS = 12,
};

#define NOTICE_DELAY_US MILLIS_US(5) /* the commit, and the server's answer */

/* ---- to the engine ---- */

struct engine_event run_event(const struct world *w, enum engine_event_type type)
{
    return (struct engine_event){
        .type = type, .now = {w->now_us}, .utc = world_utc(w->now_us)};
}

static void store(struct world *w, const struct effect *effect)
{
    if (effect->store.kind != STORE_MEMBER) {
        return;
    }
    if (effect->store.member.outcome != OUTCOME_NONE) {
        campaigns_note_end(w, &effect->store.member);
    }
}

static void new_key(struct world *w, uint32_t tx_id)
{
    struct notice n = {.type = ENGINE_EV_MC_KEY, .tx_id = tx_id};
    struct tx *tx = server_add_tx(w, tx_id);
    size_t campaign = campaigns_of(w, tx_id);
    campaigns_describe(w, tx, campaign);
    w->trace.transmissions[tx - w->txs].campaign = (uint32_t)campaign;
    n.value = tx->mc_addr;
    run_notice(w, &n);
}

static void key_answer(struct world *w, const struct effect *effect,
                       enum engine_event_type type)
{
    struct notice n = {.type = type,
                       .tx_id = effect->key.transmission_id,
                       .dev_eui = effect->key.dev_eui};
    run_notice(w, &n);
}

static void carry_out(struct world *w, const struct effect *effect)
{
    switch (effect->type) {
    case EFFECT_STORE:
        store(w, effect);
        return;
    case EFFECT_SEND:
        server_send(w, effect);
        return;
    case EFFECT_SEND_FLUSH:
        server_flush_device(w, (uint32_t)(effect->send.dev_eui - WORLD_DEVICE_EUI_BASE));
        return;
    case EFFECT_NEW_KEY:
        new_key(w, effect->key.transmission_id);
        return;
    case EFFECT_WRAP_KEY:
        key_answer(w, effect, ENGINE_EV_KEY_WRAPPED);
        return;
    case EFFECT_BLOCK_MIC:
        key_answer(w, effect, ENGINE_EV_BLOCK_MIC);
        return;
    case EFFECT_GROUP_OPEN:
        server_open_group(w, effect);
        return;
    case EFFECT_GROUP_CLOSE:
        server_close_group(w, effect);
        return;
    case EFFECT_SEND_MULTICAST:
        server_enqueue(w, effect);
        return;
    case EFFECT_QUEUE_POLL:
        server_poll_queue(w, effect);
        return;
    case EFFECT_QUEUE_FLUSH:
        server_flush_queue(w, effect);
        return;
    case EFFECT_PUBLISH:
    case EFFECT_DROP_KEY:
    case EFFECT_ORDER:
        return;
    }
}

void run_step(struct world *w, struct engine_event *event)
{
    w->trace.events++;
    world_watch(w, true);
    engine_step(w->engine, event, &w->effects);
    world_watch(w, false);
    w->trace.effects += w->effects.len;
    for (size_t i = 0; i < w->effects.len; i++) {
        carry_out(w, w->effects.items[i]);
    }
    world_watch(w, true);
    effects_clear(&w->effects);
    world_watch(w, false);
}

void run_uplink(struct world *w, const struct uplink *u)
{
    struct engine_event event = run_event(w, ENGINE_EV_UPLINK);
    event.uplink.dev_eui = WORLD_DEVICE_EUI_BASE + u->device;
    event.uplink.received = world_utc(u->until_us);
    event.uplink.payload = u->payload;
    event.uplink.payload_len = u->len;
    event.uplink.rx = u->rx;
    event.uplink.rx_count = u->rx_count;
    event.uplink.frequency_hz = u->frequency_hz;
    event.uplink.f_cnt = u->f_cnt;
    event.uplink.dr = u->dr;
    event.uplink.fport = u->fport;
    run_step(w, &event);
}

/* ---- answers, each a moment after what it answers ---- */

void run_notice(struct world *w, const struct notice *n)
{
    struct notices *q = &w->notices;
    if (q->head + q->count == q->cap && q->head > q->cap / 2) {
        memmove(q->items, q->items + q->head, q->count * sizeof(*q->items));
        q->head = 0;
    }
    q->items = world_grow(q->items, &q->cap, q->head + q->count + 1, sizeof(*q->items));
    struct notice *added = &q->items[q->head + q->count++];
    *added = *n;
    added->at_us = w->now_us + NOTICE_DELAY_US;
}

static void fill_wrapped(struct engine_event *event, const struct notice *n)
{
    event->key_wrapped.transmission_id = n->tx_id;
    event->key_wrapped.dev_eui = n->dev_eui;
    event->key_wrapped.err = n->err;
}

static void fill_fate(struct engine_event *event, const struct notice *n)
{
    event->send_fate.id = n->id;
    event->send_fate.dev_eui = n->dev_eui;
    event->send_fate.fate = (enum engine_fate)n->fate;
    event->send_fate.gateway =
        n->gateway == NONE ? 0 : WORLD_GATEWAY_EUI_BASE + n->gateway;
    event->send_fate.frequency_hz = n->frequency_hz;
    event->send_fate.dr = n->dr;
}

static void fill_event(struct engine_event *event, const struct notice *n)
{
    switch (n->type) {
    case ENGINE_EV_SEND_RESULT:
        event->send_result.id = n->id;
        event->send_result.dev_eui = n->dev_eui;
        event->send_result.err = n->err;
        return;
    case ENGINE_EV_SEND_FATE:
        fill_fate(event, n);
        return;
    case ENGINE_EV_MC_KEY:
        event->mc_key.transmission_id = n->tx_id;
        event->mc_key.mc_addr = n->value;
        return;
    case ENGINE_EV_KEY_WRAPPED:
        fill_wrapped(event, n);
        return;
    case ENGINE_EV_BLOCK_MIC:
        event->block_mic.transmission_id = n->tx_id;
        event->block_mic.dev_eui = n->dev_eui;
        event->block_mic.err = n->err;
        return;
    case ENGINE_EV_GROUP:
        event->group.transmission_id = n->tx_id;
        event->group.lane = n->lane;
        event->group.err = n->err;
        event->group.group = n->frames != 0 ? NULL : "g";
        event->group.f_cnt = n->value;
        return;
    case ENGINE_EV_MC_RESULT:
        event->mc_result.transmission_id = n->tx_id;
        event->mc_result.lane = n->lane;
        event->mc_result.err = n->err;
        event->mc_result.f_cnt = n->value;
        return;
    case ENGINE_EV_MC_QUEUE:
        event->mc_queue.transmission_id = n->tx_id;
        event->mc_queue.lane = n->lane;
        event->mc_queue.err = n->err;
        event->mc_queue.frame_count = n->frames;
        event->mc_queue.f_cnt = n->value;
        return;
    case ENGINE_EV_TIMEOUT:
    case ENGINE_EV_CLOCK_STEP:
    case ENGINE_EV_APPLY:
    case ENGINE_EV_CONTROL:
    case ENGINE_EV_UPLINK:
    case ENGINE_EV_STATUS:
    case ENGINE_EV_WINDOWS:
    case ENGINE_EV_REPORTED:
    case ENGINE_EV_RETRY:
    case ENGINE_EV_AIRED:
    case ENGINE_EV_GATEWAY:
    case ENGINE_EV_PROGRESS:
    case ENGINE_EV_AIRTIME:
        return; /* not answers */
    }
}

static void give_notice(struct world *w)
{
    struct notices *q = &w->notices;
    struct notice n = q->items[q->head++];
    if (--q->count == 0) {
        q->head = 0;
    }
    struct engine_event event = run_event(w, n.type);
    fill_event(&event, &n);
    run_step(w, &event);
}

/* ---- what happens ---- */

static void down_end(struct world *w, uint32_t slot)
{
    struct uplink u = w->uplinks[slot];
    struct unicast item = w->unicasts[u.sent];
    int64_t airtime_us = air_downlink_us(w, u.down_dr, item.len);
    int64_t from_us = w->now_us - airtime_us;

    w->unicasts[u.sent].next = w->unicast_free;
    w->unicast_free = u.sent;
    device_free_uplink(w, slot);
    if (world_applied(w)) {
        w->trace.devices[u.device].unicast_us += airtime_us;
        struct world_frame record = {.at_us = record_time(w, from_us),
                                     .transmission = UINT32_MAX,
                                     .number = u.device,
                                     .airtime_us = (uint32_t)airtime_us &
                                                   WORLD_FRAME_AIRTIME_MAX_US,
                                     .dr = u.down_dr & WORLD_FRAME_DR_MAX,
                                     .kind = WORLD_FRAME_UNICAST,
                                     .gateway = (uint16_t)u.gateway,
                                     .frequency = (uint16_t)(u.down_hz / WORLD_FRAME_HZ)};
        record_frame(w, &record);
    }
    if (air_unicast_heard(w, &u, from_us)) {
        device_downlink(w, u.device, item.fport, item.payload, item.len);
    }
}

static void happen(struct world *w, const struct heap_item *item)
{
    switch ((enum happening)item->kind) {
    case ON_UPLINK:
        device_uplink(w, item->arg);
        return;
    case ON_ANSWER:
        device_answer(w, item->arg);
        return;
    case ON_STATUS:
        device_status_answer(w, item->arg);
        return;
    case ON_UPLINK_END:
        device_uplink_end(w, item->arg);
        return;
    case ON_DELIVER:
        heap_push(&w->heap, w->now_us + MILLIS_US(100), ON_REPLY, item->arg);
        run_uplink(w, &w->uplinks[item->arg]);
        return;
    case ON_REPLY:
        server_reply(w, item->arg);
        return;
    case ON_RX1:
    case ON_RX2:
        server_window(w, item->arg, item->kind == ON_RX2);
        return;
    case ON_DOWN_END:
        down_end(w, item->arg);
        return;
    case ON_ROW:
        server_row_due(w, item->arg);
        return;
    case ON_FRAME_END:
        air_frame_end(w, item->arg);
        return;
    case ON_SESSION:
        device_session(w, item->arg);
        return;
    case ON_SESSION_END:
        device_session_end(w, item->arg);
        return;
    case ON_REBOOT:
        device_reboot(w, item->arg);
        return;
    }
}

/* What comes next is some other device, far from the cache: ask for it in good time. */
LOOKS_AHEAD void look_ahead(const struct world *w)
{
    for (size_t i = 0; i < w->heap.near && i < HEAP_NEXT; i++) {
        const struct heap_item *item = &w->heap.items[i];
        if (item->kind == ON_UPLINK) {
            __builtin_prefetch(&w->devices[item->arg]);
            __builtin_prefetch(&w->devices[item->arg].exchange_until_us);
            __builtin_prefetch(&w->trace.devices[item->arg].first_uplink_us);
            __builtin_prefetch(&w->trace.devices[item->arg].uplinks_received);
            __builtin_prefetch(&w->s->devices[item->arg]);
        } else if (item->kind == ON_DELIVER) {
            run_expect(w, w->uplinks[item->arg].device, ENGINE_NEAR_MEMBER);
        }
    }
}

static void time_out(struct world *w)
{
    struct engine_event event = run_event(w, ENGINE_EV_TIMEOUT);
    run_step(w, &event);
    if (++w->standing > STUCK_STEPS) {
        w->trace.cut = true;
        w->over = true;
    }
}

void run_until(struct world *w, int64_t until_us)
{
    while (!w->over) {
        int64_t heap_us = heap_next_us(&w->heap);
        int64_t engine_us = engine_deadline(w->engine).us;
        int64_t notice_us =
            w->notices.count == 0 ? INT64_MAX : w->notices.items[w->notices.head].at_us;
        int64_t next_us = heap_us < engine_us ? heap_us : engine_us;
        next_us = notice_us < next_us ? notice_us : next_us;
        if (next_us > until_us) {
            w->now_us = until_us;
            return;
        }
        w->standing = next_us > w->now_us ? 0 : w->standing;
        w->now_us = next_us > w->now_us ? next_us : w->now_us;
        if (notice_us == next_us) {
            give_notice(w);
        } else if (engine_us == next_us) {
            time_out(w);
        } else {
            struct heap_item item = heap_pop(&w->heap);
            look_ahead(w);
            happen(w, &item);
        }
    }
}

/* ---- all of it ---- */

static void show(const struct world *w)
{
    struct campaign_counts counts;
    size_t complete = 0;
    engine_campaign_counts(w->engine, 1, &counts);
    for (size_t i = 0; i < w->s->device_count; i++) {
        complete += w->trace.devices[i].complete_us >= 0;
    }
    (void)fprintf(
        stderr,
        "%6.1f h: %zu have the block, %u under way, %zu transmissions, %zu frames\n",
        (double)(w->now_us - w->apply_us) / 3.6e9, complete,
        counts.by_outcome[OUTCOME_NONE], w->tx_count, w->trace.frame_count);
}

/* In parts: when sessions begin, much is allocated within minutes, and looked at from then on. */
static void run_hour(struct world *w)
{
    for (int i = 0; i < HOUR_PARTS; i++) {
        run_until(w, w->now_us + HOURS_US(1) / HOUR_PARTS);
        parts_gather_heap(w);
    }
}

static int run_campaigns(struct world *w)
{
    int err = campaigns_apply(w);
    while (!w->over && err == FUO_OK) {
        run_hour(w);
        err = campaigns_apply(w);
        w->over |= campaigns_tend(w);
        if (!w->over && w->now_us - w->apply_us >= w->s->run_max_us) {
            w->trace.cut = true;
            w->over = true;
        }
        if (w->config->progress) {
            show(w);
        }
    }
    record_end(w);
    campaigns_record(w);
    return err;
}

static int64_t warmup_us(const struct world_scenario *s)
{
    uint32_t interval_s = 0;
    for (size_t i = 0; i < s->device_count; i++) {
        interval_s =
            s->devices[i].interval_s > interval_s ? s->devices[i].interval_s : interval_s;
    }
    return SECONDS_US(interval_s) * s->warmup_intervals;
}

int world_run(const struct world_scenario *s, const struct world_config *config,
              struct world_trace *trace)
{
    struct engine_config engine = {.seed = s->seed, .boot = 1};
    struct fleet_spec fleet = {.name = "bench",
                               .region = "EU868",
                               .reserve_ppm = WORLD_PPM - s->params.share_ppm};
    struct world w = {.s = s,
                      .config = config,
                      .region = region_get(REGION_EU868),
                      .prng = prng_seeded(s->seed ^ UINT64_C(0x0a1e))};
    if (config->campaigns != NULL &&
        (config->campaign_count == 0 || config->campaign_count > WORLD_CAMPAIGN_MAX)) {
        return FUO_EINVAL;
    }
    campaigns_init(&w);
    world_watch(&w, true);
    w.engine = engine_create(&engine);
    assert(w.engine != NULL);
    int err = world_add_fleet(&w, &fleet);
    world_watch(&w, false);
    if (err == FUO_OK) {
        parts_init(&w);
        run_until(&w, warmup_us(s));
        err = run_campaigns(&w);
    }
    if (err == FUO_OK) {
        *trace = w.trace;
        w.trace = (struct world_trace){0};
    }
    parts_finish(&w);
    return err;
}

/* SPDX-License-Identifier: MIT */
/* run.c - virtual time: the next thing that happens, and what the engine makes of it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/spec.h"
#include "profile/shipped.h"
#include "world/internal.h"

enum {
    FLEET = 1,
    CAMPAIGN = 1,
    PACKAGES = 5,
    EFFECTS_KEPT = 4096,
    HEAP_NEXT = 5, /* among its first items is the next one, and the one after it */
    STUCK_STEPS = 5000000, /* timeouts without time moving: the engine hangs */
};

#define NOTICE_DELAY_US MILLIS_US(5) /* the commit, and the server's answer */
#define DIRECT_LEAD_US  SECONDS_US(2)
#define JITTER_US       SECONDS_US(1) /* the scheduler's, of stock ChirpStack */

/* ---- to the engine ---- */

static struct engine_event event_of(const struct world *w, enum engine_event_type type)
{
    return (struct engine_event){
        .type = type, .now = {w->now_us}, .utc = world_utc(w->now_us)};
}

static void store(struct world *w, const struct effect *effect)
{
    if (effect->store.kind != STORE_MEMBER) {
        return;
    }
    const struct member_rec *m = &effect->store.member;
    struct world_device_trace *t = &w->trace.devices[m->dev_eui - WORLD_DEVICE_EUI_BASE];
    if (m->outcome != OUTCOME_NONE && t->ended_us < 0) {
        t->ended_us = record_time(w, w->now_us);
        t->outcome = (uint8_t)m->outcome;
        t->reason = (uint8_t)m->reason;
    }
}

static void new_key(struct world *w, uint32_t tx_id)
{
    struct notice n = {.type = ENGINE_EV_MC_KEY, .tx_id = tx_id};
    n.value = server_add_tx(w, tx_id)->mc_addr;
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
        return;
    }
}

static void step(struct world *w, struct engine_event *event)
{
    w->effects.len = 0;
    w->trace.events++;
    engine_step(w->engine, event, &w->effects);
    w->trace.effects += w->effects.len;
    for (size_t i = 0; i < w->effects.len; i++) {
        carry_out(w, &w->effects.items[i]);
    }
    if (w->effects.cap > EFFECTS_KEPT) {
        effects_finish(&w->effects); /* of a round that placed everybody */
    }
}

void run_uplink(struct world *w, const struct uplink *u)
{
    struct engine_event event = event_of(w, ENGINE_EV_UPLINK);
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
    step(w, &event);
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

static void fill_event(struct engine_event *event, const struct notice *n)
{
    switch (n->type) {
    case ENGINE_EV_SEND_RESULT:
        event->send_result.id = n->id;
        event->send_result.dev_eui = n->dev_eui;
        event->send_result.err = n->err;
        return;
    case ENGINE_EV_SEND_FATE:
        event->send_fate.id = n->id;
        event->send_fate.dev_eui = n->dev_eui;
        event->send_fate.fate = (enum engine_fate)n->fate;
        event->send_fate.gateway =
            n->gateway == NONE ? 0 : WORLD_GATEWAY_EUI_BASE + n->gateway;
        event->send_fate.frequency_hz = n->frequency_hz;
        event->send_fate.dr = n->dr;
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
    struct engine_event event = event_of(w, n.type);
    fill_event(&event, &n);
    step(w, &event);
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
            __builtin_prefetch(&w->trace.devices[item->arg]);
            __builtin_prefetch(&w->s->devices[item->arg]);
        }
    }
}

static void time_out(struct world *w)
{
    struct engine_event event = event_of(w, ENGINE_EV_TIMEOUT);
    step(w, &event);
    if (++w->standing > STUCK_STEPS) {
        w->trace.cut = true;
        w->over = true;
    }
}

/* Everything up to a time; what happens earlier at the engine comes first. */
static void run_until(struct world *w, int64_t until_us)
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

/* ---- setting it up ---- */

static struct campaign_spec default_spec(const struct world_scenario *s)
{
    struct campaign_spec spec = {.name = "bench"};
    spec.image.version = "2";
    spec.image.firmware_version = 2;
    spec.priority = 500;
    spec.targets.preconditions.max_uplink_age_us = DAYS_US(7);
    spec.radio.device_class = 'C';
    spec.radio.dr = SPEC_AUTO_U32;
    spec.radio.frequency_hz = SPEC_AUTO_U32;
    spec.radio.spacing_us = SPEC_AUTO_US;
    spec.radio.setup_lead_us = SPEC_AUTO_US;
    spec.fragmentation.size_bytes = s->frag_size != 0 ? s->frag_size : SPEC_AUTO_U32;
    spec.fragmentation.redundancy_ppm = SPEC_AUTO_U32;
    spec.fragmentation.max_redundancy_ppm = SPEC_PPM;
    spec.fragmentation.repair_rounds = 3;
    spec.fragmentation.block_ack_delay = SPEC_AUTO_U32;
    spec.budgets.duty_cycle_ppm = s->params.share_ppm;
    spec.budgets.device_listening_us = SPEC_NONE_US;
    spec.budgets.device_energy_mj = SPEC_AUTO_U32;
    spec.budgets.airtime_us = SPEC_NONE_US;
    spec.budgets.duration_us = SPEC_NONE_US;
    spec.retry.command = 4;
    spec.retry.session = 2;
    spec.retry.device = 6;
    spec.retry.cooldown_us = MINUTES_US(5);
    spec.activation.jitter_us = MINUTES_US(10);
    spec.verification.within_us = HOURS_US(48);
    spec.verification.require_version = true;
    return spec;
}

/*
 * What the engine is told of the devices: their decoders and how they count. All have the
 * fragment sizes of the strictest, and announce their images with a version of the world's.
 */
static void tell_profiles(struct world *w)
{
    for (size_t i = 0; i < w->s->profile_count; i++) {
        const struct world_profile *p = &w->s->profiles[i];
        w->profiles[i] = *p->quirks;
        w->profiles[i].limits = profile_shipped("st-v1")->limits;
        w->profiles[i].lost_max = 0;
        w->profiles[i].lost_ppm = p->cap_ppm;
        w->profiles[i].image = PROFILE_IMAGE_ANNOUNCED;
        w->profiles[i].version = PROFILE_VERSION_OPAQUE;
    }
}

static int add_devices(struct world *w)
{
    tell_profiles(w);
    for (size_t i = 0; i < w->s->device_count; i++) {
        const struct world_profile *p = &w->s->profiles[w->s->devices[i].profile];
        const uint8_t versions[PACKAGES] = {0, 1, p->ts005, p->ts004, 1};
        const uint8_t fports[PACKAGES] = {0, 202, 200, 201, 203};
        struct device_rec rec = {.dev_eui = WORLD_DEVICE_EUI_BASE + i,
                                 .fleet_id = FLEET,
                                 .packages_known = true,
                                 .firmware_known = true,
                                 .firmware_version = w->version - 1,
                                 .hardware_version = 1};
        memcpy(rec.package_version, versions, sizeof(versions));
        memcpy(rec.package_fport, fports, sizeof(fports));
        int err = engine_add_device(w->engine, &rec);
        if (err == FUO_OK) {
            err = engine_set_profile(w->engine, rec.dev_eui,
                                     &w->profiles[w->s->devices[i].profile]);
        }
        if (err != FUO_OK) {
            return err;
        }
    }
    return FUO_OK;
}

static int add_fleet(struct world *w, const struct fleet_spec *spec)
{
    bool direct = w->config->timing == WORLD_TIMING_DIRECT;
    struct engine_fleet fleet = {
        .id = FLEET,
        .spec = spec,
        .timing = direct ? ENGINE_TIMING_ABSOLUTE : ENGINE_TIMING_QUEUE,
        .multicast_spacing_us = world_timing_margin_us(w->config->timing),
        .multicast_jitter_us = direct ? 0 : JITTER_US,
        .multicast_lead_us = direct ? DIRECT_LEAD_US : 0,
        .queue_rows_max = 1,
    };
    return engine_add_fleet(w->engine, &fleet);
}

/* From a time since apply; what is no time stays what it is. */
static struct utc since_apply(const struct world *w, struct utc at)
{
    bool known = at.us != INT64_MAX && at.us != INT64_MIN;
    return known ? world_utc(w->apply_us + at.us) : at;
}

static void give_windows(struct world *w)
{
    const struct world_config *config = w->config;
    struct engine_event event = event_of(w, ENGINE_EV_WINDOWS);
    if (config->windows == NULL) {
        return;
    }
    struct calendar_span *spans = calloc(config->window_count + 1, sizeof(*spans));
    assert(spans != NULL);
    for (size_t i = 0; i < config->window_count; i++) {
        spans[i] = (struct calendar_span){since_apply(w, config->windows[i].start),
                                          since_apply(w, config->windows[i].end)};
    }
    event.windows =
        (struct engine_windows){.campaign_id = CAMPAIGN,
                                .spans = spans,
                                .count = config->window_count,
                                .until = since_apply(w, config->windows_until)};
    step(w, &event);
    free(spans);
}

static int apply(struct world *w, const struct campaign_spec *spec, const uint8_t *image)
{
    uint64_t *devices = calloc(w->s->device_count, sizeof(*devices));
    assert(devices != NULL);
    for (size_t i = 0; i < w->s->device_count; i++) {
        devices[i] = WORLD_DEVICE_EUI_BASE + i;
    }
    w->apply_us = w->now_us;
    struct engine_event event = event_of(w, ENGINE_EV_APPLY);
    event.apply =
        (struct engine_campaign){.id = CAMPAIGN,
                                 .fleet_id = FLEET,
                                 .spec = spec,
                                 .image = image,
                                 .image_len = w->s->image_bytes,
                                 .devices = devices,
                                 .device_count = w->s->device_count,
                                 .not_before = since_apply(w, w->config->not_before)};
    if (w->config->deadline.us != 0) {
        event.apply.deadline = since_apply(w, w->config->deadline);
    }
    step(w, &event);
    give_windows(w);
    free(devices);
    const struct campaign_rec *c = engine_campaign_by_id(w->engine, CAMPAIGN);
    return c == NULL || c->phase == CAMPAIGN_FAILED ? FUO_EINVAL : FUO_OK;
}

static void show(const struct world *w)
{
    struct campaign_counts counts;
    size_t complete = 0;
    engine_campaign_counts(w->engine, CAMPAIGN, &counts);
    for (size_t i = 0; i < w->s->device_count; i++) {
        complete += w->trace.devices[i].complete_us >= 0;
    }
    (void)fprintf(
        stderr,
        "%6.1f h: %zu have the block, %u under way, %zu transmissions, %zu frames\n",
        (double)(w->now_us - w->apply_us) / 3.6e9, complete,
        counts.by_outcome[OUTCOME_NONE], w->tx_count, w->trace.frame_count);
}

static void run_campaign(struct world *w)
{
    while (!w->over) {
        run_until(w, w->now_us + HOURS_US(1));
        const struct campaign_rec *c = engine_campaign_by_id(w->engine, CAMPAIGN);
        w->over |= campaign_phase_is_final(c->phase);
        if (w->now_us - w->apply_us >= w->s->run_max_us) {
            w->trace.cut = true;
            w->over = true;
        }
        if (w->config->progress) {
            show(w);
        }
    }
    w->trace.end_us = w->now_us - w->apply_us;
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

static int run_all(struct world *w, const struct fleet_spec *fleet,
                   const struct campaign_spec *spec, const uint8_t *image)
{
    int err = add_fleet(w, fleet);
    if (err == FUO_OK) {
        err = add_devices(w);
    }
    if (err == FUO_OK) {
        parts_init(w);
        run_until(w, warmup_us(w->s));
        err = apply(w, spec, image);
    }
    if (err == FUO_OK) {
        run_campaign(w);
    }
    return err;
}

int world_run(const struct world_scenario *s, const struct world_config *config,
              struct world_trace *trace)
{
    struct engine_config engine = {.seed = s->seed, .boot = 1};
    struct campaign_spec spec = config->spec != NULL ? *config->spec : default_spec(s);
    struct fleet_spec fleet = {.name = "bench",
                               .region = "EU868",
                               .reserve_ppm = WORLD_PPM - s->params.share_ppm};
    struct world w = {.s = s,
                      .config = config,
                      .region = region_get(REGION_EU868),
                      .prng = prng_seeded(s->seed ^ UINT64_C(0x0a1e)),
                      .version = spec.image.firmware_version != SPEC_AUTO_U32
                                     ? spec.image.firmware_version
                                     : 2,
                      .engine = engine_create(&engine)};
    uint8_t *image = malloc(s->image_bytes);
    assert(image != NULL && w.engine != NULL);
    struct prng bytes = prng_seeded(s->seed);
    for (size_t i = 0; i < s->image_bytes; i++) {
        image[i] = (uint8_t)prng_next(&bytes);
    }
    int err = run_all(&w, &fleet, &spec, image);
    if (err == FUO_OK) {
        *trace = w.trace;
        w.trace = (struct world_trace){0};
    }
    parts_finish(&w);
    free(image);
    return err;
}

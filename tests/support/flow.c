/* SPDX-License-Identifier: MIT */
#include "flow.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"

enum {
    EUI_BASE = 0x100,
    GATEWAY = 0x16,
    STEPS_MAX = 5000,
};

static void default_spec(struct flow *f)
{
    struct campaign_spec *spec = &f->spec;
    memcpy(spec->name, "flow", 5);
    spec->image.firmware_version = FLOW_VERSION;
    spec->image.version = "1.4.3";
    spec->targets.preconditions.max_uplink_age_us = DAYS_US(7);
    spec->radio.dr = 5;
    spec->radio.frequency_hz = SPEC_AUTO_U32;
    spec->radio.spacing_us = SPEC_AUTO_US;
    spec->radio.setup_lead_us = SPEC_AUTO_US;
    spec->fragmentation.size_bytes = 50;
    spec->fragmentation.redundancy_ppm = SPEC_AUTO_U32;
    spec->fragmentation.max_redundancy_ppm = SPEC_PPM;
    spec->fragmentation.repair_rounds = 3;
    spec->fragmentation.block_ack_delay = 0;
    spec->budgets.duty_cycle_ppm = 600000;
    spec->retry.command = 4;
    spec->retry.session = 2;
    spec->retry.device = 2;
    spec->retry.cooldown_us = HOURS_US(24);
    spec->activation.jitter_us = MINUTES_US(10);
    spec->verification.within_us = HOURS_US(48);
    f->gateways[0] = GATEWAY;
    f->gateways[1] = GATEWAY + 1;
    f->uplink_dr = ENGINE_DR_UNKNOWN;
    spec->radio.gateways = (struct eui_list){f->gateways, 1};
    memcpy(f->fleet.name, "flow", 5);
    f->fleet.region = "EU868";
    f->fleet.reserve_ppm = 400000;
    f->fleet.default_profile = "generic";
}

static void must(int err)
{
    assert(err == FUO_OK);
}

static void build(struct flow *f)
{
    f->config.boot++;
    f->config.seed = 1;
    f->engine = engine_create(&f->config);
    struct engine_fleet fleet = {.id = 1,
                                 .spec = &f->fleet,
                                 .timing = f->timing,
                                 .names_gateways = f->names_gateways,
                                 .delivers = f->delivers,
                                 .multicast_lead_us = SECONDS_US(2),
                                 .multicast_spacing_us = SECONDS_US(1),
                                 .multicast_jitter_us = f->multicast_jitter_us,
                                 .priority_ceiling_ppm = f->priority_ceiling_ppm,
                                 .queue_rows_max = 4};
    must(engine_add_fleet(f->engine, &fleet));
    for (uint32_t id = 2; id < 2 + f->more_fleets; id++) {
        fleet.id = id;
        fleet.delivers = id == f->delivering;
        must(engine_add_fleet(f->engine, &fleet));
    }
    for (size_t i = 0; i < FLOW_DEVICES; i++) {
        must(engine_add_device(f->engine, &f->devices[i]));
        if (f->profiles[i] != NULL) {
            must(engine_set_profile(f->engine, f->devices[i].dev_eui, f->profiles[i]));
        }
    }
}

void flow_init(struct flow *f, size_t device_count)
{
    memset(f, 0, sizeof(*f));
    f->now = (struct utc){SECONDS_US(1800000000)};
    f->campaign_id = 1;
    f->device_count = device_count;
    default_spec(f);
    for (size_t i = 0; i < sizeof(f->image); i++) {
        f->image[i] = (uint8_t)(i * 7);
    }
    for (size_t i = 0; i < FLOW_DEVICES; i++) {
        f->devices[i] = (struct device_rec){.dev_eui = EUI_BASE + i,
                                            .fleet_id = 1,
                                            .package_version = {0, 2, 2, 2, 1},
                                            .packages_known = true,
                                            .uplink_interval_us = MINUTES_US(5),
                                            .last_uplink = {f->now.us - 1}};
    }
    build(f);
}

void flow_free(struct flow *f)
{
    engine_destroy(f->engine);
    effects_finish(&f->effects);
}

static struct engine_campaign definition(const struct flow *f, uint64_t *devices)
{
    for (size_t i = 0; i < f->device_count; i++) {
        devices[i] = EUI_BASE + f->first_device + i;
    }
    return (struct engine_campaign){.id = f->campaign_id,
                                    .spec = &f->spec,
                                    .deadline = f->deadline,
                                    .image = f->image,
                                    .image_len = sizeof(f->image),
                                    .deltas = f->deltas,
                                    .delta_count = f->spec.image.delta_count,
                                    .devices = devices,
                                    .device_count = f->device_count,
                                    .waves = f->wave_of};
}

void flow_add_delta(struct flow *f, const char *from, uint32_t firmware, size_t len)
{
    size_t i = f->spec.image.delta_count++;
    assert(i < FLOW_DELTAS && len <= sizeof(f->delta[i]));
    memset(f->delta[i], (int)i + 1, len);
    f->spec_deltas[i].from = from;
    f->spec.image.deltas = f->spec_deltas;
    f->deltas[i] = (struct engine_delta){.bytes = f->delta[i],
                                         .len = len,
                                         .from_known = firmware != 0,
                                         .from_firmware = firmware};
}

void flow_apply(struct flow *f)
{
    uint64_t devices[FLOW_DEVICES];
    struct engine_event event = {.type = ENGINE_EV_APPLY,
                                 .apply = definition(f, devices)};
    flow_step(f, &event);
    flow_wait(f, SECONDS_US(1));
}

/* ---- the driver's part ---- */

static void store(struct flow *f, const struct effect *effect)
{
    switch (effect->store.kind) {
    case STORE_CAMPAIGN:
        f->campaign = effect->store.campaign;
        break;
    case STORE_MEMBER:
        f->members[effect->store.member.dev_eui - EUI_BASE] = effect->store.member;
        break;
    case STORE_TRANSMISSION:
        f->transmission = effect->store.transmission;
        break;
    case STORE_LANE:
        f->lane = effect->store.lane;
        break;
    case STORE_GROUP:
        f->group = effect->store.group;
        break;
    case STORE_WAVE:
        f->waves[effect->store.wave.no] = effect->store.wave;
        break;
    case STORE_DEVICE:
        f->devices[effect->store.device.dev_eui - EUI_BASE] = effect->store.device;
        break;
    case STORE_REPORT:
        f->report = effect->store.report;
        f->reports_stored++;
        break;
    case STORE_CHARGE:
    case STORE_HISTORY:
        break;
    }
}

static void answer_key(struct flow *f, const struct effect *effect)
{
    struct engine_event event = {.type = ENGINE_EV_MC_KEY};
    if (effect->type == EFFECT_NEW_KEY) {
        event.mc_key.transmission_id = effect->key.transmission_id;
        event.mc_key.mc_addr = 0x00ffffff + effect->key.transmission_id;
    } else if (effect->type == EFFECT_WRAP_KEY) {
        event.type = ENGINE_EV_KEY_WRAPPED;
        event.key_wrapped.transmission_id = effect->key.transmission_id;
        event.key_wrapped.dev_eui = effect->key.dev_eui;
        event.key_wrapped.err = f->wrap_err;
    } else {
        event.type = ENGINE_EV_BLOCK_MIC;
        event.block_mic.transmission_id = effect->key.transmission_id;
        event.block_mic.dev_eui = effect->key.dev_eui;
        event.block_mic.err = f->mic_err;
    }
    flow_step(f, &event);
}

static void answer_send(struct flow *f, const struct effect *effect)
{
    size_t device = (size_t)(effect->send.dev_eui - EUI_BASE);
    f->last_send[device] = *effect;
    f->send_count[device]++;
    f->group_setups += effect->send.fport == 200 && effect->send.payload[0] == 0x02;
    f->frag_setups += effect->send.fport == 201 && effect->send.payload[0] == 0x02;
    f->status_asks += effect->send.fport == 201 && effect->send.payload[0] == 0x01;
    f->upgrade_asks += effect->send.fport == 203 && effect->send.payload[0] == 0x04;
    if (!f->hold_txack) {
        flow_fate(f, device, ENGINE_FATE_SENT);
    }
}

static uint32_t *counter_of(struct flow *f, uint8_t lane)
{
    return lane == 0 ? &f->f_cnt : &f->lane_f_cnt[lane];
}

static void answer_group(struct flow *f, const struct effect *effect)
{
    bool open = effect->type == EFFECT_GROUP_OPEN;
    f->open_count += open;
    f->close_count += !open;
    if (open) {
        uint32_t *f_cnt = counter_of(f, effect->group.lane);
        *f_cnt = f->ignores_f_cnt               ? 0
                 : *f_cnt < effect->group.f_cnt ? effect->group.f_cnt
                                                : *f_cnt;
        f->last_open = *effect;
    }
    struct engine_event event = {.type = ENGINE_EV_GROUP};
    event.group.transmission_id = effect->group.transmission_id;
    event.group.lane = effect->group.lane;
    event.group.err = open ? f->group_err : f->close_err;
    event.group.group = open && f->group_err == FUO_OK ? "group" : NULL;
    event.group.f_cnt = *counter_of(f, effect->group.lane);
    if (!f->hold_group) {
        flow_step(f, &event);
    }
}

static void answer_multicast(struct flow *f, const struct effect *effect)
{
    struct engine_event event = {.type = ENGINE_EV_MC_RESULT};
    event.mc_result.transmission_id = effect->multicast.transmission_id;
    event.mc_result.lane = effect->multicast.lane;
    event.mc_result.err = f->frame_err;
    f->last_frame = *effect;
    f->frame_count++;
    if (!f->hold_frame) {
        event.mc_result.f_cnt =
            f->frame_err == FUO_OK ? (*counter_of(f, effect->multicast.lane))++ : 0;
        flow_step(f, &event);
    }
}

static void answer_queue(struct flow *f, const struct effect *effect)
{
    f->poll_count++;
    struct engine_event event = {.type = ENGINE_EV_MC_QUEUE};
    event.mc_queue.transmission_id = effect->queue.transmission_id;
    event.mc_queue.lane = effect->queue.lane;
    event.mc_queue.err = f->queue_err;
    event.mc_queue.frame_count = f->queued;
    event.mc_queue.f_cnt = *counter_of(f, effect->queue.lane);
    if (!f->hold_queue) {
        flow_step(f, &event);
    }
}

static void carry_out(struct flow *f, const struct effect *effect)
{
    if (f->watch != NULL) {
        f->watch(effect);
    }
    switch (effect->type) {
    case EFFECT_STORE:
        store(f, effect);
        break;
    case EFFECT_PUBLISH:
        f->alerts += effect->publish.kind == PUBLISH_ALERT;
        break;
    case EFFECT_SEND:
        answer_send(f, effect);
        break;
    case EFFECT_NEW_KEY:
    case EFFECT_WRAP_KEY:
    case EFFECT_BLOCK_MIC:
        answer_key(f, effect);
        break;
    case EFFECT_GROUP_OPEN:
    case EFFECT_GROUP_CLOSE:
        answer_group(f, effect);
        break;
    case EFFECT_SEND_MULTICAST:
        answer_multicast(f, effect);
        break;
    case EFFECT_QUEUE_POLL:
        answer_queue(f, effect);
        break;
    case EFFECT_SEND_FLUSH:
    case EFFECT_QUEUE_FLUSH:
        f->flushes++;
        break;
    case EFFECT_DROP_KEY:
        f->dropped_keys++;
        break;
    case EFFECT_ORDER:
        f->last_order[effect->order.dev_eui - EUI_BASE] = *effect;
        f->orders++;
        break;
    }
}

/* Takes the list over, because carrying out feeds further events. */
static void drain(struct flow *f)
{
    struct effects mine = f->effects;
    f->effects = (struct effects){0};
    for (size_t i = 0; i < mine.len; i++) {
        if (mine.items[i]->type == EFFECT_STORE) {
            carry_out(f, mine.items[i]);
        }
    }
    for (size_t i = 0; i < mine.len; i++) {
        if (mine.items[i]->type != EFFECT_STORE) {
            carry_out(f, mine.items[i]);
        }
    }
    effects_finish(&mine);
}

void flow_step(struct flow *f, struct engine_event *event)
{
    event->now = (struct instant){f->now.us};
    event->utc = f->now;
    engine_step(f->engine, event, &f->effects);
    drain(f);
}

void flow_wait(struct flow *f, int64_t duration_us)
{
    struct utc until = utc_after(f->now, duration_us);
    for (int steps = 0;; steps++) {
        assert(steps < 100 * STEPS_MAX);
        struct instant due = engine_deadline(f->engine);
        if (due.us > until.us) {
            break;
        }
        f->now.us = due.us > f->now.us ? due.us : f->now.us;
        struct engine_event event = {.type = ENGINE_EV_TIMEOUT};
        flow_step(f, &event);
    }
    f->now = until;
}

/* ---- events ---- */

void flow_control(struct flow *f, enum engine_control verb)
{
    struct engine_event event = {
        .type = ENGINE_EV_CONTROL,
        .control = {.campaign_id = f->campaign_id, .verb = verb}};
    flow_step(f, &event);
}

void flow_uplink(struct flow *f, size_t device, uint8_t fport, const char *hex)
{
    uint8_t bytes[64];
    size_t len = strlen(hex) / 2;
    int err = hex_decode(hex, strlen(hex), bytes, len);
    assert(err == FUO_OK);
    struct engine_event event = {.type = ENGINE_EV_UPLINK,
                                 .uplink = {.dev_eui = EUI_BASE + device,
                                            .received = f->now,
                                            .payload = bytes,
                                            .payload_len = len,
                                            .f_cnt = f->uplink_f_cnt,
                                            .dr = f->uplink_dr,
                                            .fport = fport,
                                            .server_clock = f->server_clock}};
    flow_step(f, &event);
    flow_wait(f, SECONDS_US(1));
}

void flow_noise(struct flow *f, size_t device)
{
    flow_wait(f, MINUTES_US(5));
    flow_uplink(f, device, 2, "00");
}

void flow_fate(struct flow *f, size_t device, enum engine_fate fate)
{
    struct engine_event event = {.type = ENGINE_EV_SEND_FATE,
                                 .send_fate = {.id = f->last_send[device].send.id,
                                               .dev_eui = EUI_BASE + device,
                                               .fate = fate,
                                               .dr = ENGINE_DR_UNKNOWN}};
    flow_step(f, &event);
}

void flow_rebuild(struct flow *f)
{
    engine_destroy(f->engine);
    build(f);
}

void flow_restart(struct flow *f)
{
    flow_rebuild(f);
    uint64_t devices[FLOW_DEVICES];
    struct engine_campaign def = definition(f, devices);
    int err = engine_restore_campaign(f->engine, &def, &f->campaign);
    assert(err == FUO_OK);
    for (size_t i = 0; i < FLOW_WAVES && f->waves[i].campaign_id == f->campaign_id; i++) {
        err = engine_restore_wave(f->engine, &f->waves[i]);
        assert(err == FUO_OK);
    }
    if (f->transmission.id != 0) {
        err = engine_restore_transmission(f->engine, &f->transmission);
        assert(err == FUO_OK);
        err = engine_restore_lane(f->engine, &f->lane);
        assert(err == FUO_OK);
    }
    for (size_t i = 0; i < f->device_count; i++) {
        err = engine_restore_member(f->engine, &f->members[f->first_device + i]);
        assert(err == FUO_OK);
    }
    if (f->report.dev_eui != 0) {
        err = engine_restore_report(f->engine, &f->report);
        assert(err == FUO_OK);
    }
    err = engine_restore_group(f->engine, &f->group);
    assert(err == FUO_OK);
    engine_resume(f->engine, (struct instant){f->now.us}, f->now, &f->effects);
    drain(f);
    flow_wait(f, SECONDS_US(1));
}

const struct member_rec *flow_member(const struct flow *f, size_t device)
{
    return engine_member_find(f->engine, f->campaign_id, EUI_BASE + device);
}

/* ---- right answers ---- */

static void answer_session(struct flow *f, size_t device)
{
    char hex[16];
    uint32_t left_s =
        (uint32_t)((f->transmission.session_start.us - f->now.us) / 1000000);
    snprintf(hex, sizeof(hex), "%s00%02x%02x%02x",
             spec_is_class_b(&f->spec.radio) ? "05" : "04", left_s & 0xff,
             left_s >> 8 & 0xff, left_s >> 16 & 0xff);
    flow_uplink(f, device, 200, hex);
}

void flow_answer(struct flow *f, size_t device)
{
    switch (flow_member(f, device)->phase) {
    case MEMBER_DISCOVER:
        flow_uplink(f, device, 225, "01040102ca0202c80302c90401cb01");
        break;
    case MEMBER_VERSION:
        flow_uplink(f, device, 203, "010100000001000000");
        break;
    case MEMBER_READY:
        flow_uplink(f, device, 2, "00"); /* it is taken when it speaks */
        break;
    case MEMBER_GROUP:
        flow_uplink(f, device, 200, "0200");
        break;
    case MEMBER_FRAG:
        flow_uplink(f, device, 201, "0200");
        break;
    case MEMBER_SESSION:
        answer_session(f, device);
        break;
    case MEMBER_LISTENING:
    case MEMBER_STATUS:
        if (f->transmission.next_n > f->transmission.frag_count) {
            flow_uplink(f, device, 201, "0400");
        }
        break;
    case MEMBER_UPGRADE:
        flow_uplink(f, device, 203, "040302000000");
        break;
    case MEMBER_REBOOT:
        flow_uplink(f, device, 203, "033c0000"); /* 60 s */
        break;
    case MEMBER_VERIFY:
        if (f->now.us > flow_member(f, device)->reboot_at.us + SECONDS_US(30)) {
            flow_uplink(f, device, 203, "010200000001000000");
        }
        break;
    default:
        break;
    }
}

void flow_walk(struct flow *f, size_t device, enum member_phase phase)
{
    for (int i = 0; flow_member(f, device)->phase < phase; i++) {
        assert(i < STEPS_MAX);
        flow_answer(f, device);
        if (flow_member(f, device)->phase < phase) {
            flow_wait(f, SECONDS_US(20));
        }
    }
}

void flow_walk_all(struct flow *f, size_t first, size_t count, enum member_phase last)
{
    static const enum member_phase steps[] = {
        MEMBER_READY, MEMBER_SET_UP, MEMBER_LISTENING, MEMBER_UPGRADE, MEMBER_ENDED};
    for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]) && steps[k] <= last; k++) {
        for (size_t i = first; i < first + count; i++) {
            flow_walk(f, i, steps[k]);
        }
    }
}

void flow_refuse(struct flow *f, size_t device)
{
    flow_walk(f, device, MEMBER_UPGRADE);
    flow_uplink(f, device, 203, "0401");
    assert(flow_member(f, device)->outcome == OUTCOME_FAILED);
}

/* SPDX-License-Identifier: MIT */
/* rig_server.c - effects carried out on the simulated server, and the driver's keys. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "crypto/block_mic.h"
#include "rig_internal.h"

static void id_text(uint64_t id, char text[static CS_ID_SIZE])
{
    snprintf(text, CS_ID_SIZE, "66756f74-6164-8000-%04x-%012llx", (unsigned)(id >> 48),
             (unsigned long long)(id & 0xffffffffffff));
}

struct lane_name {
    uint32_t transmission_id;
    uint8_t lane;
};

static void answer_result(struct rig *rig, struct lane_name name, int err, uint32_t f_cnt)
{
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_MC_RESULT);
    e->event.mc_result.transmission_id = name.transmission_id;
    e->event.mc_result.lane = name.lane;
    e->event.mc_result.err = err;
    e->event.mc_result.f_cnt = f_cnt;
    if (rig_fault(rig, rig->faults.twice_ppm)) {
        struct rig_event again = *e;
        *rig_new_event(rig, ENGINE_EV_MC_RESULT) = again;
        rig_delay(rig, &rig->events[rig->event_count - 1]);
    }
}

static void do_send(struct rig *rig, const struct effect *effect)
{
    char id[CS_ID_SIZE];
    id_text(effect->send.id, id);
    struct cs_downlink downlink = {.dev_eui = effect->send.dev_eui,
                                   .id = id,
                                   .fport = effect->send.fport,
                                   .data = effect->send.payload,
                                   .len = effect->send.payload_len,
                                   .expires = effect->send.expires};
    downlink.expires = utc_after(effect->send.expires, -rig->utc_offset_us);
    char out[CS_ID_SIZE];
    bool takes_effect;
    int err = rig_fault_of_call(rig, &takes_effect);
    int result = takes_effect ? cs_enqueue(&rig->net.cs, &downlink, out) : FUO_OK;
    rig->group_setups +=
        takes_effect && effect->send.fport == 200 && effect->send.payload[0] == 0x02;
    err = err != FUO_OK ? err : result;
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_SEND_RESULT);
    e->event.send_result.id = effect->send.id;
    e->event.send_result.dev_eui = effect->send.dev_eui;
    e->event.send_result.err = err;
}

static void do_new_key(struct rig *rig, const struct effect *effect)
{
    uint32_t id = effect->key.transmission_id;
    assert(id <= RIG_TRANSMISSIONS);
    for (size_t i = 0; i < sizeof(rig->mc_keys[id].b); i++) {
        rig->mc_keys[id].b[i] = (uint8_t)((size_t)id * 17 + i);
    }
    rig->mc_addrs[id] = 0x01000000u + id;
    rig_check_new_key(rig, id);
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_MC_KEY);
    e->event.mc_key.transmission_id = id;
    e->event.mc_key.mc_addr = rig->mc_addrs[id];
}

static void do_wrap(struct rig *rig, const struct effect *effect)
{
    const struct device *d =
        network_device(&rig->net, rig_index_of(rig, effect->key.dev_eui));
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_KEY_WRAPPED);
    e->event.key_wrapped.transmission_id = effect->key.transmission_id;
    e->event.key_wrapped.dev_eui = effect->key.dev_eui;
    e->event.key_wrapped.err = keys_mc_wrap_for_device(
        LORAWAN_1_0, &d->config.gen_app_key, &rig->mc_keys[effect->key.key_id],
        e->event.key_wrapped.wrapped);
}

static void do_mic(struct rig *rig, const struct effect *effect)
{
    const struct device *d =
        network_device(&rig->net, rig_index_of(rig, effect->key.dev_eui));
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_BLOCK_MIC);
    e->event.block_mic.transmission_id = effect->key.transmission_id;
    e->event.block_mic.dev_eui = effect->key.dev_eui;
    struct aes_key key;
    struct block_mic_params params = {.session_cnt = effect->key.session_count,
                                      .frag_index = effect->key.frag_index,
                                      .block_len_bytes = (uint32_t)rig->image_len};
    memcpy(params.descriptor, effect->key.descriptor, sizeof(params.descriptor));
    int err = keys_data_block_int(&d->config.gen_app_key, &key);
    assert(err == FUO_OK);
    e->event.block_mic.err = block_mic(&key, &params, rig->image, e->event.block_mic.mic);
}

static struct cs_group *group_by_name(const struct rig *rig, const char *name)
{
    for (struct cs_group *g = rig->net.cs.groups; g != NULL; g = g->next) {
        if (strcmp(g->settings.name, name) == 0) {
            return g;
        }
    }
    return NULL;
}

static struct cs_group *find_or_create(struct rig *rig, const struct effect *effect)
{
    uint32_t id = effect->group.transmission_id;
    struct cs_group_settings settings = {.mc_addr = effect->group.mc_addr,
                                         .type = CS_GROUP_CLASS_C,
                                         .f_cnt = effect->group.f_cnt,
                                         .dr = effect->group.dr,
                                         .frequency_hz = effect->group.frequency_hz};
    snprintf(settings.name, sizeof(settings.name), "rig-%u-%u", id, effect->group.lane);
    memcpy(settings.application_id, rig->net.config.application_id, CS_ID_SIZE);
    struct cs_group *g = group_by_name(rig, settings.name);
    if (g != NULL) {
        return g;
    }
    char text[CS_ID_SIZE];
    int err = keys_mc_session(&rig->mc_keys[effect->group.key_id], effect->group.mc_addr,
                              &settings.keys);
    assert(err == FUO_OK);
    err = cs_group_create(&rig->net.cs, &settings, rig->now, text);
    assert(err == FUO_OK);
    g = cs_group_find(&rig->net.cs, text);
    for (size_t i = 0; i < effect->group.gateway_count; i++) {
        err = cs_group_add_gateway(&rig->net.cs, text, effect->group.gateways[i]);
        assert(err == FUO_OK);
    }
    return g;
}

static void do_group_open(struct rig *rig, const struct effect *effect)
{
    uint32_t id = effect->group.transmission_id;
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_GROUP);
    e->event.group.transmission_id = id;
    e->event.group.lane = effect->group.lane;
    bool takes_effect;
    e->event.group.err = rig_fault_of_call(rig, &takes_effect);
    if (!takes_effect) {
        return;
    }
    const struct cs_group *g = find_or_create(rig, effect);
    if (e->event.group.err == FUO_OK) {
        memcpy(e->group, g->id, CS_ID_SIZE);
        e->event.group.f_cnt = g->settings.f_cnt;
    }
}

static void do_group_close(struct rig *rig, const struct effect *effect)
{
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_GROUP);
    e->event.group.transmission_id = effect->group.transmission_id;
    e->event.group.lane = effect->group.lane;
    bool takes_effect;
    int err = rig_fault_of_call(rig, &takes_effect);
    int result =
        takes_effect ? cs_group_delete(&rig->net.cs, effect->group.handle) : FUO_OK;
    e->event.group.err = err != FUO_OK ? err : result;
}

static void do_multicast(struct rig *rig, const struct effect *effect)
{
    struct cs_multicast frame = {
        .group = effect->multicast.handle,
        .fport = effect->multicast.fport,
        .data = effect->multicast.payload,
        .len = effect->multicast.payload_len,
        .expires = utc_after(effect->multicast.expires, -rig->utc_offset_us)};
    uint32_t f_cnt = 0;
    bool takes_effect;
    int err = rig_fault_of_call(rig, &takes_effect);
    if (takes_effect) {
        int result = cs_group_enqueue(&rig->net.cs, &frame, rig->now, &f_cnt);
        err = err != FUO_OK ? err : result;
        if (result == FUO_OK) {
            rig_check_taken(rig, effect);
            rig->multicast_count += effect->multicast.payload[0] == 0x08;
        }
    }
    answer_result(
        rig,
        (struct lane_name){effect->multicast.transmission_id, effect->multicast.lane},
        err, f_cnt);
}

/* As ChirpStack lists them: a frame once, whatever its gateways. */
static uint32_t frames_in(const struct cs_group *g)
{
    uint32_t count = 0;
    const struct cs_row *last = NULL;
    for (const struct cs_row *row = g->rows; row != NULL; row = row->next) {
        count += last == NULL || last->f_cnt != row->f_cnt;
        last = row;
    }
    return count;
}

static void do_queue(struct rig *rig, const struct effect *effect)
{
    const struct cs_group *g = cs_group_find(&rig->net.cs, effect->queue.handle);
    bool takes_effect;
    int err = rig_fault_of_call(rig, &takes_effect);
    if (effect->type == EFFECT_QUEUE_FLUSH) {
        int result =
            takes_effect ? cs_group_flush(&rig->net.cs, effect->queue.handle) : FUO_OK;
        answer_result(
            rig, (struct lane_name){effect->queue.transmission_id, effect->queue.lane},
            err != FUO_OK ? err : result, 0);
        return;
    }
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_MC_QUEUE);
    e->event.mc_queue.transmission_id = effect->queue.transmission_id;
    e->event.mc_queue.lane = effect->queue.lane;
    e->event.mc_queue.err = err == FUO_OK && g == NULL ? FUO_ENOENT : err;
    if (g != NULL && err == FUO_OK) {
        e->event.mc_queue.frame_count = frames_in(g);
        e->event.mc_queue.f_cnt = g->settings.f_cnt;
    }
}

void rig_carry_out(struct rig *rig, const struct effect *effect)
{
    rig_check_effect(rig, effect);
    switch (effect->type) {
    case EFFECT_STORE:
    case EFFECT_PUBLISH:
    case EFFECT_DROP_KEY:
    case EFFECT_ORDER:
        break;
    case EFFECT_SEND:
        do_send(rig, effect);
        break;
    case EFFECT_SEND_FLUSH:
        (void)!cs_flush(&rig->net.cs, effect->send.dev_eui);
        break;
    case EFFECT_NEW_KEY:
        do_new_key(rig, effect);
        break;
    case EFFECT_WRAP_KEY:
        do_wrap(rig, effect);
        break;
    case EFFECT_BLOCK_MIC:
        do_mic(rig, effect);
        break;
    case EFFECT_GROUP_OPEN:
        do_group_open(rig, effect);
        break;
    case EFFECT_GROUP_CLOSE:
        do_group_close(rig, effect);
        break;
    case EFFECT_SEND_MULTICAST:
        do_multicast(rig, effect);
        break;
    case EFFECT_QUEUE_POLL:
    case EFFECT_QUEUE_FLUSH:
        do_queue(rig, effect);
        break;
    }
}

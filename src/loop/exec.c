/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "crypto/block_mic.h"
#include "crypto/keys.h"
#include "io/cleanup.h"
#include "loop/direct.h"
#include "loop/internal.h"
#include "loop/xalloc.h"
#include "plugin/host.h"

#define LOG_MODULE "exec"
#include "io/log.h"

enum {
    GROUP_NAME_SIZE = 96, /* servers allow 100 characters */
    FLUSHES_MAX = 64,     /* of devices' queues, not answered yet; of HTTP_QUEUE_MAX */
};

static struct fuo_host *host_of(const struct daemon *d, const struct effect *effect)
{
    const struct fleet_entry *fleet = fleets_by_id(&d->fleets, effect->fleet_id);
    return fleet != NULL ? fleet->host : NULL;
}

/* ---- unicast ---- */

static void exec_send(struct daemon *d, const struct effect *effect)
{
    struct fuo_host *host = host_of(d, effect);
    struct fuo_unicast downlink = {
        .id = effect->send.id,
        .dev_eui = effect->send.dev_eui,
        .payload = effect->send.payload,
        .payload_len = effect->send.payload_len,
        .expires_us = effect->send.expires.us,
        .fport = effect->send.fport,
    };
    int err = host != NULL ? host_unicast(host, &downlink) : FUO_EAGAIN;
    if (err == FUO_OK) {
        requests_add(&d->requests, &(struct request){.id = downlink.id,
                                                     .kind = REQUEST_SEND,
                                                     .dev_eui = downlink.dev_eui});
        return;
    }
    struct engine_event event = {
        .type = ENGINE_EV_SEND_RESULT,
        .send_result = {.id = downlink.id, .dev_eui = downlink.dev_eui, .err = err},
    };
    driver_feed(d->driver, &event);
}

static enum fuo_order_type order_type_of(enum effect_order type)
{
    switch (type) {
    case ORDER_READ:
        return FUO_ORDER_READ;
    case ORDER_DELIVER:
        return FUO_ORDER_DELIVER;
    case ORDER_INSTALL:
        return FUO_ORDER_INSTALL;
    case ORDER_CANCEL:
        break;
    }
    return FUO_ORDER_CANCEL;
}

/* The answer names the device, so nothing is kept of what was asked. */
static void exec_order(struct daemon *d, const struct effect *effect)
{
    struct fuo_host *host = host_of(d, effect);
    struct fuo_order order = {
        .id = effect->order.id,
        .dev_eui = effect->order.dev_eui,
        .type = order_type_of(effect->order.type),
        .image = deltas_block_id(effect->order.campaign_id, effect->order.variant),
        .mark = effect->order.mark,
    };
    int err = host != NULL ? host_order(host, &order) : FUO_EAGAIN;
    if (err == FUO_OK) {
        return;
    }
    struct engine_event event = {
        .type = ENGINE_EV_SEND_RESULT,
        .send_result = {.id = order.id, .dev_eui = order.dev_eui, .err = err},
    };
    driver_feed(d->driver, &event);
}

/*
 * Only so many at a time: with many devices they would fill the way to the server, and
 * sessions that are on air need it. What is not flushed expires.
 */
static void exec_send_flush(struct daemon *d, const struct effect *effect)
{
    struct fuo_host *host = host_of(d, effect);
    uint64_t id = requests_new_id(&d->requests);
    if (d->requests.flushes >= FLUSHES_MAX || host == NULL ||
        host_unicast_flush(host, id, effect->send.dev_eui) != FUO_OK) {
        d->flushes_dropped++;
        return;
    }
    requests_add(&d->requests, &(struct request){.id = id, .kind = REQUEST_SEND_FLUSH});
}

/* ---- keys ---- */

static uint32_t draw_mc_addr(const struct daemon *d)
{
    uint32_t addr;
    do {
        addr = randombytes_random();
    } while (addr == 0 || addr == UINT32_MAX || keyring_has_addr(d->keyring, addr));
    return addr;
}

static void exec_new_key(struct daemon *d, const struct effect *effect)
{
    uint32_t transmission_id = effect->key.transmission_id;
    uint32_t mc_addr = draw_mc_addr(d);
    struct aes_key key;
    randombytes_buf(key.b, sizeof(key.b));
    if (keyring_put(d->keyring, transmission_id, mc_addr, &key) != FUO_OK) {
        log_err("too many multicast keys are live transmission=%u", transmission_id);
        aes_key_wipe(&key);
        return;
    }
    /* In the batch of what the answer leads to: nothing goes out before it is stored. */
    d->rows_tied = true;
    store_batch_mc_key(&d->rows, d->store, transmission_id, mc_addr, key.b);
    aes_key_wipe(&key);
    struct engine_event event = {
        .type = ENGINE_EV_MC_KEY,
        .mc_key = {.transmission_id = transmission_id, .mc_addr = mc_addr},
    };
    driver_feed(d->driver, &event);
}

static void exec_drop_key(struct daemon *d, const struct effect *effect)
{
    keyring_drop(d->keyring, effect->key.key_id);
    store_batch_mc_key_drop(&d->rows, effect->key.key_id);
}

static int wrap_key(struct daemon *d, const struct effect *effect,
                    enum lorawan_version version, const struct aes_key *root,
                    uint8_t wrapped[static AES_KEY_BYTES])
{
    const struct aes_key *key = keyring_find(d->keyring, effect->key.key_id);
    /* Not FUO_ENOENT: that would be the device's fault, and for good. */
    return key != NULL ? keys_mc_wrap_for_device(version, root, key, wrapped)
                       : FUO_EAGAIN;
}

static int make_block_mic(struct daemon *d, const struct effect *effect,
                          const struct aes_key *root, uint8_t mic[static AES_MIC_BYTES])
{
    const struct campaign_entry *entry =
        campaigns_find(&d->campaigns, effect->key.campaign_id);
    size_t variant = effect->key.variant;
    if (entry == NULL || entry->image == NULL || variant > entry->deltas.count) {
        return FUO_EAGAIN;
    }
    const uint8_t *block =
        variant == 0 ? entry->image : entry->deltas.items[variant - 1].bytes;
    size_t len = variant == 0 ? entry->image_len : entry->deltas.items[variant - 1].len;
    struct aes_key key;
    int err = keys_data_block_int(root, &key);
    if (err != FUO_OK) {
        return err;
    }
    struct block_mic_params params = {
        .session_cnt = effect->key.session_count,
        .frag_index = effect->key.frag_index,
        .block_len_bytes = (uint32_t)len,
    };
    memcpy(params.descriptor, effect->key.descriptor, sizeof(params.descriptor));
    err = block_mic(&key, &params, block, mic);
    aes_key_wipe(&key);
    return err;
}

static bool is_lorawan_1_0(const struct store_done *done)
{
    return done->device_key.lorawan_minor == 0;
}

int exec_root_key_error(const struct store_done *done)
{
    bool has = is_lorawan_1_0(done) ? done->device_key.has_gen_app_key
                                    : done->device_key.has_app_key;
    switch (done->err) {
    case FUO_OK:
        return has ? FUO_OK : FUO_ENOENT;
    case FUO_ENOSPC:
    case FUO_EIO:
    case FUO_ENOMEM:
    case FUO_EAGAIN:
        log_warn("a root key cannot be read, it is asked for again error=%s detail=%s",
                 fuo_strerror(done->err), done->detail.text);
        return FUO_EAGAIN;
    default:
        return FUO_ENOENT;
    }
}

/* err: why there is no root key, else FUO_OK. */
static void finish_key_job(struct daemon *d, const struct effect *effect,
                           enum lorawan_version version, const struct aes_key *root,
                           int err)
{
    struct engine_event event = {0};
    if (effect->type == EFFECT_WRAP_KEY) {
        event.type = ENGINE_EV_KEY_WRAPPED;
        event.key_wrapped.transmission_id = effect->key.transmission_id;
        event.key_wrapped.dev_eui = effect->key.dev_eui;
        event.key_wrapped.err =
            err == FUO_OK ? wrap_key(d, effect, version, root, event.key_wrapped.wrapped)
                          : err;
    } else {
        event.type = ENGINE_EV_BLOCK_MIC;
        event.block_mic.transmission_id = effect->key.transmission_id;
        event.block_mic.dev_eui = effect->key.dev_eui;
        event.block_mic.err =
            err == FUO_OK ? make_block_mic(d, effect, root, event.block_mic.mic) : err;
    }
    driver_feed(d->driver, &event);
}

/* One at a time: the root keys of few devices are in memory at once. */
void exec_next_key(struct daemon *d)
{
    struct key_jobs *jobs = &d->key_jobs;
    if (jobs->tag != 0 || jobs->head == jobs->len) {
        return;
    }
    const struct effect *effect = &jobs->items[jobs->head];
    uint64_t tag = ++d->last_tag;
    if (store_query_device_key(d->store, tag, effect->key.dev_eui) == FUO_OK) {
        jobs->tag = tag;
    }
}

static void exec_key_job(struct daemon *d, const struct effect *effect)
{
    struct key_jobs *jobs = &d->key_jobs;
    if (jobs->head == jobs->len) {
        jobs->head = jobs->len = 0;
    }
    if (jobs->len == jobs->cap) {
        jobs->cap = jobs->cap == 0 ? 16 : jobs->cap * 2;
        jobs->items = xrealloc(jobs->items, jobs->cap, sizeof(*jobs->items));
    }
    jobs->items[jobs->len++] = *effect;
    exec_next_key(d);
}

void exec_key_answer(struct daemon *d, const struct store_done *done)
{
    struct key_jobs *jobs = &d->key_jobs;
    if (jobs->tag == 0 || done->tag != jobs->tag) {
        return; /* asked for an engine that is gone */
    }
    jobs->tag = 0;
    struct effect effect = jobs->items[jobs->head++];
    bool old = is_lorawan_1_0(done);
    const uint8_t *bytes = old ? done->device_key.gen_app_key : done->device_key.app_key;
    struct aes_key root;
    memcpy(root.b, bytes, sizeof(root.b));
    finish_key_job(d, &effect, old ? LORAWAN_1_0 : LORAWAN_1_1, &root,
                   exec_root_key_error(done));
    aes_key_wipe(&root);
    exec_next_key(d);
}

void exec_forget(struct daemon *d)
{
    requests_clear(&d->requests);
    free(d->key_jobs.items);
    d->key_jobs = (struct key_jobs){0};
}

/* ---- multicast ---- */

/* Something that concerns a lane was not taken. */
static void refuse(struct daemon *d, const struct request *request, int err)
{
    struct engine_event event = {0};
    switch (request->kind) {
    case REQUEST_GROUP_OPEN:
    case REQUEST_GROUP_CLOSE:
        event.type = ENGINE_EV_GROUP;
        event.group.transmission_id = request->transmission_id;
        event.group.lane = request->lane;
        event.group.err = err;
        break;
    case REQUEST_MULTICAST:
        event.type = ENGINE_EV_MC_RESULT;
        event.mc_result.transmission_id = request->transmission_id;
        event.mc_result.lane = request->lane;
        event.mc_result.err = err;
        break;
    case REQUEST_QUEUE_POLL:
        event.type = ENGINE_EV_MC_QUEUE;
        event.mc_queue.transmission_id = request->transmission_id;
        event.mc_queue.lane = request->lane;
        event.mc_queue.err = err;
        break;
    case REQUEST_SEND:
    case REQUEST_SEND_FLUSH:
    case REQUEST_PROBE:
    case REQUEST_AIRTIME:
        return;
    }
    driver_feed(d->driver, &event);
}

static void asked(struct daemon *d, const struct request *request, int err)
{
    if (err != FUO_OK) {
        refuse(d, request, err);
    } else {
        requests_add(&d->requests, request);
    }
}

/*
 * What a server finds a lane's group by, when the answer to its creation was lost. The
 * first lane's name has no number: it is that of the only group in a database of before.
 */
static void group_name(const struct daemon *d, const char *campaign,
                       const struct effect *effect, char name[static GROUP_NAME_SIZE])
{
    int len = snprintf(name, GROUP_NAME_SIZE, "fuotad-%.24s-%.40s-%u", d->doc->name,
                       campaign, effect->group.transmission_id);
    if (effect->group.lane != 0 && len > 0) {
        snprintf(name + len, GROUP_NAME_SIZE - (size_t)len, ".%u", effect->group.lane);
    }
}

static int open_group(struct daemon *d, const struct effect *effect, uint64_t id)
{
    const struct fleet_entry *fleet = fleets_by_id(&d->fleets, effect->fleet_id);
    const struct campaign_rec *campaign =
        engine_campaign_by_id(d->engine, effect->group.campaign_id);
    const struct aes_key *key = keyring_find(d->keyring, effect->group.key_id);
    if (fleet == NULL || fleet->host == NULL || campaign == NULL) {
        return FUO_EAGAIN;
    }
    struct session_keys keys;
    if (key == NULL || keys_mc_session(key, effect->group.mc_addr, &keys) != FUO_OK) {
        return FUO_ENOENT;
    }
    uint32_t transmission_id = effect->group.transmission_id;
    size_t count = engine_transmission_devices(d->engine, transmission_id, NULL, 0);
    AUTO_FREE uint64_t *devices = xcalloc(count + 1, sizeof(*devices));
    engine_transmission_devices(d->engine, transmission_id, devices, count);
    char name[GROUP_NAME_SIZE];
    group_name(d, campaign->name, effect, name);
    struct fuo_group group = {
        .id = id,
        .name = name,
        .mc_nwk_s_key = keys.nwk_s_key.b,
        .mc_app_s_key = keys.app_s_key.b,
        .region = fleet->doc->spec.region,
        .gateways = effect->group.gateways,
        .gateway_count = effect->group.gateway_count,
        .devices = devices,
        .device_count = count,
        .mc_addr = effect->group.mc_addr,
        .f_cnt = effect->group.f_cnt,
        .frequency_hz = effect->group.frequency_hz,
        .dr = effect->group.dr,
        .device_class = effect->group.device_class,
        .ping_slot_periodicity = effect->group.ping_slot_periodicity,
    };
    int err = host_group_open(fleet->host, &group);
    session_keys_wipe(&keys);
    return err;
}

static void exec_group_open(struct daemon *d, const struct effect *effect)
{
    const struct fuo_host *host = host_of(d, effect);
    if (host != NULL && direct_is_wanted(host)) {
        direct_open(d, effect);
        return;
    }
    struct request request = {
        .id = requests_new_id(&d->requests),
        .kind = REQUEST_GROUP_OPEN,
        .transmission_id = effect->group.transmission_id,
        .lane = effect->group.lane,
    };
    asked(d, &request, open_group(d, effect, request.id));
}

static void exec_group_close(struct daemon *d, const struct effect *effect)
{
    struct fuo_host *host = host_of(d, effect);
    if (direct_is_handle(effect->group.handle)) {
        direct_close(d, effect);
        return;
    }
    struct request request = {
        .id = requests_new_id(&d->requests),
        .kind = REQUEST_GROUP_CLOSE,
        .transmission_id = effect->group.transmission_id,
        .lane = effect->group.lane,
    };
    int err = host != NULL ? host_group_close(host, request.id, effect->group.handle)
                           : FUO_EAGAIN;
    asked(d, &request, err);
}

static void exec_multicast(struct daemon *d, const struct effect *effect)
{
    struct fuo_host *host = host_of(d, effect);
    struct request request = {
        .id = requests_new_id(&d->requests),
        .kind = REQUEST_MULTICAST,
        .transmission_id = effect->multicast.transmission_id,
        .lane = effect->multicast.lane,
    };
    struct fuo_multicast frame = {
        .id = request.id,
        .group = effect->multicast.handle,
        .payload = effect->multicast.payload,
        .payload_len = effect->multicast.payload_len,
        .expires_us = effect->multicast.expires.us,
        .fport = effect->multicast.fport,
        .at_us = effect->multicast.at.us,
    };
    bool direct = host != NULL &&
                  (direct_is_wanted(host) || direct_is_handle(effect->multicast.handle));
    int err = host == NULL ? FUO_EAGAIN
              : direct     ? direct_send(d, host, effect, &frame)
                           : host_multicast(host, &frame);
    asked(d, &request, err);
}

static struct request queue_request(struct daemon *d, const struct effect *effect,
                                    enum request_kind kind)
{
    return (struct request){
        .id = requests_new_id(&d->requests),
        .kind = kind,
        .transmission_id = effect->queue.transmission_id,
        .lane = effect->queue.lane,
    };
}

static void exec_queue_poll(struct daemon *d, const struct effect *effect)
{
    struct fuo_host *host = host_of(d, effect);
    if (direct_is_handle(effect->queue.handle)) {
        direct_poll(d, effect);
        return;
    }
    struct request request = queue_request(d, effect, REQUEST_QUEUE_POLL);
    int err = host != NULL ? host_queue_poll(host, request.id, effect->queue.handle)
                           : FUO_EAGAIN;
    asked(d, &request, err);
}

static void exec_queue_flush(struct daemon *d, const struct effect *effect)
{
    struct fuo_host *host = host_of(d, effect);
    if (direct_is_handle(effect->queue.handle)) {
        return; /* nothing waits anywhere but at gateways, for its time */
    }
    struct request request = queue_request(d, effect, REQUEST_MULTICAST);
    int err = host != NULL ? host_queue_flush(host, request.id, effect->queue.handle)
                           : FUO_EAGAIN;
    asked(d, &request, err);
}

void exec_effect(struct daemon *d, const struct effect *effect)
{
    switch (effect->type) {
    case EFFECT_STORE:
    case EFFECT_PUBLISH:
        break; /* part of the batch */
    case EFFECT_SEND:
        exec_send(d, effect);
        break;
    case EFFECT_SEND_FLUSH:
        exec_send_flush(d, effect);
        break;
    case EFFECT_NEW_KEY:
        exec_new_key(d, effect);
        break;
    case EFFECT_WRAP_KEY:
    case EFFECT_BLOCK_MIC:
        exec_key_job(d, effect);
        break;
    case EFFECT_GROUP_OPEN:
        exec_group_open(d, effect);
        break;
    case EFFECT_GROUP_CLOSE:
        exec_group_close(d, effect);
        break;
    case EFFECT_SEND_MULTICAST:
        exec_multicast(d, effect);
        break;
    case EFFECT_QUEUE_POLL:
        exec_queue_poll(d, effect);
        break;
    case EFFECT_QUEUE_FLUSH:
        exec_queue_flush(d, effect);
        break;
    case EFFECT_DROP_KEY:
        exec_drop_key(d, effect);
        break;
    case EFFECT_ORDER:
        exec_order(d, effect);
        break;
    }
}

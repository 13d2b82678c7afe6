/* SPDX-License-Identifier: MIT */
#include "sim/chirpstack.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/join.h"
#include "sim/chirpstack_internal.h"

enum {
    JOIN_RX1_S = 5,
    NET_ID = 0x000013,
    DEV_ADDR_BASE = 0x26000000,
};

void cs_make_id(struct cs *cs, char id[static CS_ID_SIZE])
{
    uint8_t bytes[16];
    char text[2 * sizeof(bytes) + 1];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)prng_next(&cs->prng);
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    hex_encode(bytes, sizeof(bytes), text);
    static const struct {
        uint8_t from, to, len;
    } parts[] = {{0, 0, 8}, {8, 9, 4}, {12, 14, 4}, {16, 19, 4}, {20, 24, 12}};
    memset(id, '-', CS_ID_SIZE - 1);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        memcpy(id + parts[i].to, text + parts[i].from, parts[i].len);
    }
    id[CS_ID_SIZE - 1] = '\0';
}

/* ---- devices ---- */

static size_t hash(uint64_t key, size_t size)
{
    struct prng p = prng_seeded(key);
    return (size_t)(prng_next(&p) & (size - 1));
}

struct cs_device *cs_device_by_eui(const struct cs *cs, uint64_t dev_eui)
{
    for (size_t at = hash(dev_eui, cs->hash_size); cs->by_eui[at] != 0;
         at = (at + 1) & (cs->hash_size - 1)) {
        struct cs_device *device = &cs->devices[cs->by_eui[at] - 1];
        if (device->dev_eui == dev_eui) {
            return device;
        }
    }
    return NULL;
}

/* The DevAddr of a device is fixed: its number tells it, and the other way round. */
static uint32_t addr_of(const struct cs_device *device)
{
    return DEV_ADDR_BASE + (uint32_t)device->index;
}

static struct cs_device *device_by_addr(const struct cs *cs, uint32_t addr)
{
    uint32_t index = addr - DEV_ADDR_BASE;
    return index < cs->device_count && cs->devices[index].active ? &cs->devices[index]
                                                                 : NULL;
}

void cs_item_delete(struct cs_device *device, struct cs_item *item)
{
    struct cs_item **link = &device->queue;
    while (*link != item) {
        link = &(*link)->next;
    }
    *link = item->next;
    device->queue_len--;
    free(item);
}

int cs_enqueue(struct cs *cs, const struct cs_downlink *downlink,
               char id_out[static CS_ID_SIZE])
{
    struct cs_device *device = cs_device_by_eui(cs, downlink->dev_eui);
    if (device == NULL) {
        return FUO_ENOENT;
    }
    if (downlink->fport == 0 || downlink->fport > 225 ||
        (downlink->id != NULL && strlen(downlink->id) != CS_ID_SIZE - 1)) {
        return FUO_EINVAL;
    }
    if (downlink->len > FRAME_PAYLOAD_MAX_BYTES) {
        return FUO_ERANGE;
    }
    struct cs_item **link = &device->queue;
    for (; *link != NULL; link = &(*link)->next) {
        if (downlink->id != NULL && strcmp((*link)->id, downlink->id) == 0) {
            return FUO_EEXIST;
        }
    }
    struct cs_item *item = calloc(1, sizeof(*item));
    if (item == NULL || device->queue_len >= CS_DEVICE_QUEUE_MAX) {
        free(item);
        return FUO_ENOSPC;
    }
    cs_make_id(cs, item->id);
    if (downlink->id != NULL) {
        memcpy(item->id, downlink->id, CS_ID_SIZE);
    }
    item->expires = downlink->expires;
    item->fport = downlink->fport;
    item->confirmed = downlink->confirmed;
    item->len = downlink->len;
    if (item->len > 0) {
        memcpy(item->data, downlink->data, item->len);
    }
    *link = item;
    device->queue_len++;
    memcpy(id_out, item->id, CS_ID_SIZE);
    return FUO_OK;
}

int cs_flush(struct cs *cs, uint64_t dev_eui)
{
    struct cs_device *device = cs_device_by_eui(cs, dev_eui);
    if (device == NULL) {
        return FUO_ENOENT;
    }
    while (device->queue != NULL) {
        cs_item_delete(device, device->queue);
    }
    return FUO_OK;
}

/* ---- uplinks ---- */

static void note_reception(struct cs_device *device, const struct cs_uplink *uplink,
                           struct utc now)
{
    size_t count = uplink->rx_count < CS_RX_MAX ? uplink->rx_count : CS_RX_MAX;
    memcpy(device->rx, uplink->rx, count * sizeof(device->rx[0]));
    for (size_t i = 1; i < count; i++) {
        struct cs_rx rx = device->rx[i];
        size_t at = i;
        for (; at > 0 && device->rx[at - 1].rssi_dbm < rx.rssi_dbm; at--) {
            device->rx[at] = device->rx[at - 1];
        }
        device->rx[at] = rx;
    }
    device->rx_count = count;
    device->rx_time = now;
    device->rx_frequency_hz = uplink->frequency_hz;
    device->rx_dr = uplink->dr;
}

static void join(struct cs *cs, const struct cs_uplink *uplink, struct utc now)
{
    struct join_request request;
    struct session_keys keys;
    uint8_t phy[JOIN_ACCEPT_CFLIST_BYTES];
    size_t len = 0;
    if (join_request_peek(uplink->phy, uplink->phy_len, &request) != FUO_OK) {
        return;
    }
    struct cs_device *device = cs_device_by_eui(cs, request.dev_eui);
    if (device == NULL || join_request_open(uplink->phy, uplink->phy_len,
                                            &device->app_key, &request) != FUO_OK) {
        return;
    }
    struct join_accept accept = {
        .join_nonce = (uint32_t)prng_below(&cs->prng, 1 << 24),
        .net_id = NET_ID,
        .dev_addr = addr_of(device),
        .dl_settings = cs->config.region->rx2_dr,
        .rx_delay_s = cs->config.rx1_delay_s,
    };
    if (join_session_keys(&device->app_key, &accept, request.dev_nonce, &keys) !=
            FUO_OK ||
        join_accept_build(&accept, &device->app_key, phy, sizeof(phy), &len) != FUO_OK) {
        return;
    }
    note_reception(device, uplink, now);
    struct cs_reply reply = {phy, len, JOIN_RX1_S};
    if (cs_send_reply(cs, device, &reply, now, NULL) == TX_OK) {
        device->active = true;
        device->join_unannounced = true;
        device->dev_addr = accept.dev_addr;
        device->keys = keys;
        device->next_fcnt_up = 0;
        device->fcnt_down = 0;
        sim_timers_cancel(cs->timers, &device->reply_timer);
        sim_timers_set(cs->timers, &device->publish_timer,
                       utc_after(now, cs->config.dedup_us));
    }
    session_keys_wipe(&keys);
}

static void data_up(struct cs *cs, const struct cs_uplink *uplink, struct utc now)
{
    struct frame frame;
    uint32_t fcnt;
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    if (frame_peek(uplink->phy, uplink->phy_len, &frame) != FUO_OK) {
        return;
    }
    struct cs_device *device = device_by_addr(cs, frame.addr);
    if (device == NULL ||
        frame_fcnt_extend(device->next_fcnt_up, (uint16_t)frame.fcnt, &fcnt) != FUO_OK ||
        frame_open(uplink->phy, uplink->phy_len, &device->keys, fcnt, plain, &frame) !=
            FUO_OK) {
        return;
    }
    note_reception(device, uplink, now);
    device->next_fcnt_up = fcnt + 1;
    device->rx_fcnt = fcnt;
    device->rx_fport = frame.has_port ? frame.fport : 0;
    device->rx_confirmed = frame.type == FRAME_CONFIRMED_UP;
    device->rx_ack = frame.ack;
    device->rx_payload_len = frame.has_port ? frame.payload_len : 0;
    memcpy(device->rx_payload, frame.payload_len > 0 ? frame.payload : plain,
           device->rx_payload_len);
    sim_timers_cancel(cs->timers, &device->reply_timer);
    sim_timers_set(cs->timers, &device->publish_timer,
                   utc_after(now, cs->config.dedup_us));
}

void cs_uplink(struct cs *cs, const struct cs_uplink *uplink, struct utc now)
{
    enum frame_type type;
    if (uplink->rx_count == 0 ||
        frame_type_of(uplink->phy, uplink->phy_len, &type) != FUO_OK) {
        return;
    }
    if (type == FRAME_JOIN_REQUEST) {
        join(cs, uplink, now);
    } else if (type == FRAME_UNCONFIRMED_UP || type == FRAME_CONFIRMED_UP) {
        data_up(cs, uplink, now);
    }
}

/* A confirmed downlink is settled by the next uplink, one way or the other. */
static void settle_pending(struct cs *cs, struct cs_device *device, struct utc now)
{
    struct cs_item *item = device->queue;
    if (item == NULL || !item->pending) {
        return;
    }
    struct cs_event event = {
        .type = CS_EVENT_ACK,
        .time = now,
        .device = device,
        .queue_item_id = item->id,
        .f_cnt_down = item->fcnt_down,
        .acknowledged = device->rx_ack,
    };
    cs->ops->publish(cs->ctx, &event);
    cs_item_delete(device, item);
}

static void publish_status(struct cs *cs, struct cs_device *device, struct utc now)
{
    if (!utc_reached(device->status_due, now)) {
        return;
    }
    device->status_due = utc_after(now, DAYS_US(1));
    struct cs_event event = {
        .type = CS_EVENT_STATUS,
        .time = now,
        .device = device,
        .margin_db = device->rx[0].snr_db,
        .battery_percent = 100 - (int)(device->index % 60),
    };
    cs->ops->publish(cs->ctx, &event);
}

static void on_publish(struct sim_timer *timer, struct utc now)
{
    struct cs_device *device = SIM_TIMER_OWNER(timer, struct cs_device, publish_timer);
    struct cs *cs = device->cs;
    bool join = device->join_unannounced;
    struct cs_event event = {
        .type = join ? CS_EVENT_JOIN : CS_EVENT_UP,
        .time = device->rx_time,
        .device = device,
    };
    device->join_unannounced = false;
    cs->ops->publish(cs->ctx, &event);
    if (join) {
        return;
    }
    device->run_after = utc_after(device->rx_time, SECONDS_US(CS_CLASS_LOCK_S));
    if (cs->config.class_c) {
        cs_arm_scheduler(cs, now);
    }
    settle_pending(cs, device, now);
    publish_status(cs, device, now);
    cs_answer_clock(cs, device);
    sim_timers_set(cs->timers, &device->reply_timer,
                   cs->ops->reply_at(cs->ctx, device, now));
}

static void on_reply(struct sim_timer *timer, struct utc now)
{
    struct cs_device *device = SIM_TIMER_OWNER(timer, struct cs_device, reply_timer);
    cs_reply(device->cs, device, now);
}

/* ---- set-up ---- */

static void add_devices(struct cs *cs, const struct cs_inventory *inventory)
{
    for (size_t i = 0; i < inventory->device_count; i++) {
        struct cs_device *device = &cs->devices[i];
        device->cs = cs;
        device->index = i;
        device->dev_eui = inventory->dev_euis[i];
        device->app_key = inventory->app_keys[i];
        device->publish_timer.fire = on_publish;
        device->reply_timer.fire = on_reply;
        size_t at = hash(device->dev_eui, cs->hash_size);
        while (cs->by_eui[at] != 0) {
            at = (at + 1) & (cs->hash_size - 1);
        }
        cs->by_eui[at] = i + 1;
    }
}

int cs_init(struct cs *cs, const struct cs_config *config,
            const struct cs_inventory *inventory, const struct cs_ops *ops, void *ctx,
            struct sim_timers *timers)
{
    size_t hash_size = 16;
    while (hash_size < 2 * inventory->device_count) {
        hash_size *= 2;
    }
    *cs = (struct cs){
        .config = *config,
        .ops = ops,
        .ctx = ctx,
        .timers = timers,
        .prng = prng_seeded(config->seed),
        .tasks = prng_seeded(config->seed ^ UINT64_C(0x7a5c5)),
        .devices = calloc(inventory->device_count + 1, sizeof(*cs->devices)),
        .device_count = inventory->device_count,
        .gateways = inventory->gateways,
        .gateway_count = inventory->gateway_count,
        .by_eui = calloc(hash_size, sizeof(*cs->by_eui)),
        .hash_size = hash_size,
        .scheduler = {.fire = cs_on_scheduler},
    };
    if (cs->devices == NULL || cs->by_eui == NULL) {
        cs_free(cs);
        return FUO_ENOMEM;
    }
    add_devices(cs, inventory);
    return FUO_OK;
}

void cs_free(struct cs *cs)
{
    for (size_t i = 0; cs->devices != NULL && i < cs->device_count; i++) {
        struct cs_device *device = &cs->devices[i];
        while (device->queue != NULL) {
            cs_item_delete(device, device->queue);
        }
        sim_timers_cancel(cs->timers, &device->publish_timer);
        sim_timers_cancel(cs->timers, &device->reply_timer);
    }
    cs_groups_free(cs);
    sim_timers_cancel(cs->timers, &cs->scheduler);
    free(cs->devices);
    free(cs->by_eui);
    cs->devices = NULL;
    cs->by_eui = NULL;
}

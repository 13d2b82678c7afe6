/* SPDX-License-Identifier: MIT */
/* Downlinks to single devices (network-servers.md 2.1). */
#include <string.h>

#include "sim/chirpstack_internal.h"

enum {
    RX_LEAD_MS = 50, /* a gateway wants a frame that long before it transmits */
    /* Least SNR: -5 dB at SF6 and 2.5 dB less for each step (config.rs). */
    SF_OF_REST = 4, /* 0 dB, were there one */
    SNR_STEP_TENTHS = 25,
};

#define DOWNLINK_ID_STEP UINT32_C(0x9e3779b1) /* odd: every number once, none in a row */

enum tx_status cs_give(struct cs *cs, struct cs_gateway_frame *frame)
{
    enum tx_status status = TX_NO_ACK;
    frame->downlink_id = ++cs->downlink_count * DOWNLINK_ID_STEP;
    while (frame->tried < frame->count && status != TX_OK) {
        status = cs->ops->transmit(cs->ctx, &frame->items[frame->tried]);
        frame->status[frame->tried++] = status;
    }
    if (cs->ops->gateway != NULL) {
        cs->ops->gateway(cs->ctx, frame);
    }
    return status;
}

/* Tenths of a dB above the least SNR of the uplink's spreading factor. */
static int margin_tenths(const struct cs *cs, const struct cs_device *device, size_t i)
{
    const struct data_rate *rate =
        region_data_rate(cs->config.region, device->rx_dr, DIRECTION_UP);
    int sf = rate != NULL && rate->modulation == MODULATION_LORA ? rate->sf : SF_OF_REST;
    return 10 * device->rx[i].snr_db + SNR_STEP_TENTHS * (sf - SF_OF_REST);
}

/*
 * Any of the gateways that heard the last uplink with room to spare, each as likely; if
 * there is none, the one that heard it best (downlink/helpers.rs, select_downlink_gateway()).
 */
static size_t reply_gateway(struct cs *cs, const struct cs_device *device)
{
    int least = 10 * cs->config.prefer_margin_db;
    size_t good = 0;
    for (size_t i = 0; least > 0 && i < device->rx_count; i++) {
        good += margin_tenths(cs, device, i) >= least;
    }
    if (good < 2) {
        return device->rx[0].gateway;
    }
    size_t chosen = (size_t)prng_below(&cs->tasks, good);
    for (size_t i = 0; i < device->rx_count; i++) {
        if (margin_tenths(cs, device, i) >= least && chosen-- == 0) {
            return device->rx[i].gateway;
        }
    }
    return device->rx[0].gateway;
}

enum tx_status cs_send_reply(struct cs *cs, struct cs_device *device,
                             const struct cs_reply *reply, struct utc now,
                             struct cs_slot *slot)
{
    const struct region *region = cs->config.region;
    size_t gateway = reply_gateway(cs, device);
    const struct cs_slot slots[] = {
        {gateway, SECONDS_US(reply->rx1_delay_s), device->rx_frequency_hz, device->rx_dr,
         0},
        {gateway, SECONDS_US(reply->rx1_delay_s + 1), region->rx2_hz, region->rx2_dr, 0},
    };
    struct cs_gateway_frame frame = {0};
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        struct utc at = utc_after(device->rx_time, slots[i].delay_us);
        struct utc soonest = utc_after(now, MILLIS_US(RX_LEAD_MS));
        struct cs_tx tx = {
            .gateway = slots[i].gateway,
            .device = device,
            .at = utc_reached(at, soonest) ? soonest : at,
            .frequency_hz = slots[i].frequency_hz,
            .dr = slots[i].dr,
            .phy = reply->phy,
            .phy_len = reply->len,
        };
        uint8_t max = region_max_payload(region, tx.dr, (struct payload_rules){0});
        if (i > 0 && reply->len > (size_t)max + FRAME_OVERHEAD_BYTES) {
            break; /* too long for RX2 */
        }
        frame.items[frame.count++] = tx;
    }
    enum tx_status status = cs_give(cs, &frame);
    if (status == TX_OK && slot != NULL) {
        *slot = slots[frame.tried - 1];
        slot->downlink_id = frame.downlink_id;
    }
    return status;
}

static void publish_log(struct cs *cs, struct cs_event *event, const char *level,
                        const char *code, const char *description)
{
    event->type = CS_EVENT_LOG;
    event->level = level;
    event->code = code;
    event->description = description;
    cs->ops->publish(cs->ctx, event);
}

/* The first item that can be sent; what cannot is dropped with a log event. */
static struct cs_item *next_item(struct cs *cs, struct cs_device *device, uint8_t dr,
                                 struct utc now)
{
    size_t max = region_max_payload(cs->config.region, dr, (struct payload_rules){0});
    while (device->queue != NULL) {
        struct cs_item *item = device->queue;
        struct cs_event event = {
            .time = now,
            .device = device,
            .queue_item_id = item->id,
            .max_payload_size = max,
            .item_size = item->len,
        };
        if (utc_reached(item->expires, now)) {
            publish_log(cs, &event, "ERROR", "EXPIRED",
                        "Device queue-item discarded because it has expired");
        } else if (item->len > max) {
            publish_log(cs, &event, "ERROR", "DOWNLINK_PAYLOAD_SIZE",
                        "Device queue-item discarded because it exceeds the max. payload "
                        "size");
        } else {
            return item;
        }
        cs_item_delete(device, item);
    }
    return NULL;
}

static void tx_acknowledged(struct cs *cs, struct cs_device *device, struct cs_item *item,
                            const struct cs_slot *slot, struct utc now)
{
    struct cs_event event = {
        .type = CS_EVENT_TXACK,
        .time = now,
        .device = device,
        .queue_item_id = item->id,
        .f_cnt_down = device->fcnt_down,
        .gateway = slot->gateway,
        .downlink_id = slot->downlink_id,
        .frequency_hz = slot->frequency_hz,
        .dr = slot->dr,
        .delay_us = slot->delay_us,
    };
    item->fcnt_down = device->fcnt_down++;
    item->pending = item->confirmed;
    cs->ops->publish(cs->ctx, &event);
    if (!item->confirmed) {
        cs_item_delete(device, item);
    }
}

static int build(const struct cs_device *device, const struct cs_item *item, bool ack,
                 uint8_t phy[static FRAME_PHY_MAX_BYTES], size_t *len)
{
    struct frame frame = {
        .type = item != NULL && item->confirmed ? FRAME_CONFIRMED_DOWN
                                                : FRAME_UNCONFIRMED_DOWN,
        .addr = device->dev_addr,
        .fcnt = device->fcnt_down,
        .ack = ack,
        .pending = item != NULL && item->next != NULL,
        .has_port = item != NULL,
        .fport = item != NULL ? item->fport : 0,
        .payload = item != NULL ? item->data : NULL,
        .payload_len = item != NULL ? item->len : 0,
    };
    return frame_build(&frame, &device->keys, phy, FRAME_PHY_MAX_BYTES, len);
}

static void take_status(struct cs *cs, struct cs_device *device, struct cs_item *item,
                        enum tx_status status, const struct cs_slot *slot, struct utc now)
{
    if (status != TX_OK && item != NULL) {
        struct cs_event event = {.time = now, .device = device};
        publish_log(cs, &event, "ERROR", "DOWNLINK_GATEWAY", tx_status_name(status));
    } else if (status == TX_OK && item != NULL) {
        tx_acknowledged(cs, device, item, slot, now);
    } else if (status == TX_OK) {
        device->fcnt_down++;
    }
}

void cs_reply(struct cs *cs, struct cs_device *device, struct utc now)
{
    struct cs_item *item = next_item(cs, device, device->rx_dr, now);
    if (item == NULL && !device->rx_confirmed) {
        return;
    }
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    struct cs_reply reply = {phy, 0, cs->config.rx1_delay_s};
    struct cs_slot slot;
    if (build(device, item, device->rx_confirmed, phy, &reply.len) == FUO_OK) {
        enum tx_status status = cs_send_reply(cs, device, &reply, now, &slot);
        take_status(cs, device, item, status, &slot, now);
    }
}

static void push_next(struct cs *cs, struct cs_device *device, struct utc now)
{
    const struct region *region = cs->config.region;
    struct cs_item *item = next_item(cs, device, region->rx2_dr, now);
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    struct cs_tx tx = {
        .gateway = reply_gateway(cs, device),
        .device = device,
        .at = now,
        .immediate = true,
        .frequency_hz = region->rx2_hz,
        .dr = region->rx2_dr,
        .phy = phy,
    };
    if (item == NULL || item->pending ||
        build(device, item, false, phy, &tx.phy_len) != FUO_OK) {
        return;
    }
    struct cs_gateway_frame frame = {.count = 1, .items = {tx}};
    enum tx_status status = cs_give(cs, &frame);
    struct cs_slot slot = {.gateway = tx.gateway,
                           .frequency_hz = tx.frequency_hz,
                           .dr = tx.dr,
                           .downlink_id = frame.downlink_id};
    take_status(cs, device, item, status, &slot, now);
}

void cs_push(struct cs *cs, struct utc now)
{
    for (size_t i = 0; cs->config.class_c && i < cs->device_count; i++) {
        struct cs_device *device = &cs->devices[i];
        if (device->active && device->queue != NULL && device->rx_count > 0 &&
            utc_reached(device->run_after, now)) {
            device->run_after = utc_after(now, SECONDS_US(CS_CLASS_LOCK_S));
            push_next(cs, device, now);
        }
    }
}

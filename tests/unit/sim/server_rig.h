/* SPDX-License-Identifier: MIT */
/*
 * server_rig.h - the server of chirpstack.h alone: the test is its gateways, its devices
 * and its clock, and sees what it sends and what it publishes.
 */
#pragma once

#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/join.h"
#include "sim/chirpstack.h"

#define NOON   ((struct utc){SECONDS_US(INT64_C(1790000000))})
#define APP_ID "5a1c0e1e-0000-4000-8000-000000000001"
#define ITEM_1 "11111111-1111-4111-8111-111111111111"
#define ITEM_2 "22222222-2222-4222-8222-222222222222"

enum {
    DEVICES = 3,
    GATEWAYS = 2,
    LOG_MAX = 64,
};

static const uint64_t euis[DEVICES] = {0xa1, 0xa2, 0xa3};
static const uint64_t gateways[GATEWAYS] = {0xb1, 0xb2};
static const struct aes_key keys[DEVICES] = {{{1}}, {{2}}, {{3}}};

/* The world around it: what it sent and said. */
struct rig {
    struct cs cs;
    struct sim_timers timers;
    struct utc now;
    enum tx_status rx1;
    enum tx_status rx2;
    enum tx_status multicast;
    struct cs_tx tx[LOG_MAX];
    uint8_t phy[LOG_MAX][FRAME_PHY_MAX_BYTES];
    size_t tx_count;
    struct cs_event events[LOG_MAX];
    char items[LOG_MAX][CS_ID_SIZE];
    size_t event_count;
    struct session_keys session[DEVICES];
    uint32_t fcnt_up[DEVICES];
};

static inline enum tx_status on_transmit(void *ctx, const struct cs_tx *tx)
{
    struct rig *rig = ctx;
    assert_true(rig->tx_count < LOG_MAX);
    memcpy(rig->phy[rig->tx_count], tx->phy, tx->phy_len);
    rig->tx[rig->tx_count] = *tx;
    rig->tx[rig->tx_count].phy = rig->phy[rig->tx_count];
    rig->tx_count++;
    if (tx->device == NULL) {
        return rig->multicast;
    }
    return tx->frequency_hz == 869525000 ? rig->rx2 : rig->rx1;
}

static inline void on_publish(void *ctx, const struct cs_event *event)
{
    struct rig *rig = ctx;
    assert_true(rig->event_count < LOG_MAX);
    rig->events[rig->event_count] = *event;
    if (event->queue_item_id != NULL) {
        memcpy(rig->items[rig->event_count], event->queue_item_id, CS_ID_SIZE);
    }
    rig->event_count++;
}

static inline struct utc on_reply_at(void *ctx, struct cs_device *device,
                                     struct utc published)
{
    const struct rig *rig = ctx;
    (void)device;
    return utc_after(published, rig->cs.config.reply_window_us);
}

static const struct cs_ops ops = {on_transmit, on_publish, on_reply_at, NULL};

static inline struct rig *rig_open(void)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct cs_config config = {
        .application_id = APP_ID,
        .region = region_get(REGION_EU868),
        .dedup_us = MILLIS_US(200),
        .reply_window_us = MILLIS_US(100),
        .scheduler_us = SECONDS_US(1),
        .margin_us = SECONDS_US(5),
        .rx1_delay_s = 1,
        .seed = 4,
    };
    struct cs_inventory inventory = {euis, keys, DEVICES, gateways, GATEWAYS};
    assert_int_equal(cs_init(&rig->cs, &config, &inventory, &ops, rig, &rig->timers),
                     FUO_OK);
    rig->now = NOON;
    return rig;
}

static inline void rig_close(struct rig *rig)
{
    cs_free(&rig->cs);
    sim_timers_free(&rig->timers);
    free(rig);
}

static inline void run(struct rig *rig, int64_t us)
{
    rig->now = utc_after(rig->now, us);
    sim_timers_run(&rig->timers, rig->now);
}

static inline void hear(struct rig *rig, const uint8_t *phy, size_t len,
                        const struct cs_rx *rx, size_t rx_count)
{
    struct cs_uplink uplink = {phy, len, 868100000, 5, rx, rx_count};
    cs_uplink(&rig->cs, &uplink, rig->now);
}

static const struct cs_rx good_rx = {0, -80, 9};

static inline void join_device(struct rig *rig, size_t i)
{
    struct join_request request = {.dev_eui = euis[i], .dev_nonce = 9};
    struct join_accept accept;
    uint8_t phy[64];
    size_t len = 0;
    assert_int_equal(join_request_build(&request, &keys[i], phy, sizeof(phy), &len),
                     FUO_OK);
    size_t before = rig->tx_count;
    hear(rig, phy, len, &good_rx, 1);
    assert_int_equal(rig->tx_count, before + 1);
    const struct cs_tx *tx = &rig->tx[before];
    assert_int_equal(tx->at.us, rig->now.us + SECONDS_US(5));
    assert_int_equal(join_accept_open(tx->phy, tx->phy_len, &keys[i], &accept), FUO_OK);
    assert_int_equal(join_session_keys(&keys[i], &accept, 9, &rig->session[i]), FUO_OK);
    rig->fcnt_up[i] = 0;
}

static inline void uplink_at(struct rig *rig, size_t i, bool ack, const struct cs_rx *rx,
                             size_t rx_count)
{
    uint8_t phy[64];
    size_t len = 0;
    struct frame frame = {
        .type = FRAME_UNCONFIRMED_UP,
        .addr = rig->cs.devices[i].dev_addr,
        .fcnt = rig->fcnt_up[i]++,
        .ack = ack,
        .has_port = true,
        .fport = 2,
        .payload = (const uint8_t *)"hi",
        .payload_len = 2,
    };
    assert_int_equal(frame_build(&frame, &rig->session[i], phy, sizeof(phy), &len),
                     FUO_OK);
    hear(rig, phy, len, rx, rx_count);
}

/* An uplink and its windows; log and events start anew before it. */
static inline void uplink(struct rig *rig, size_t i, bool ack)
{
    rig->tx_count = 0;
    rig->event_count = 0;
    uplink_at(rig, i, ack, &good_rx, 1);
    run(rig, SECONDS_US(3));
}

/* Joined, joining announced, status told. */
static inline struct rig *rig_with_device(void)
{
    struct rig *rig = rig_open();
    join_device(rig, 0);
    run(rig, SECONDS_US(10));
    uplink(rig, 0, false);
    return rig;
}

/* SPDX-License-Identifier: MIT */
/*
 * test_orders.c - gateways and devices without a server, served over the gateways' wire by
 * one that stands apart (chirpstack.h on timers of its own): nothing but messages in between.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "fuota-sim/gateway.h"
#include "fuota-sim/orders.h"

#define NOON ((struct utc){SECONDS_US(INT64_C(1790000000))})

enum {
    DEVICES = 6,
    GATEWAYS = 2,
};

struct bench {
    struct network network;
    struct cs server;
    struct sim_timers timers;
    bool protobuf;
    size_t joins;
    size_t uplinks;
    size_t txacks;
    size_t heard;   /* downlinks, by whom they were for */
    size_t class_c; /* receptions of frames that were sent at once */
    size_t unacked;
    uint32_t ids;
};

/* ---- gateways to server ---- */

static void on_uplink(void *ctx, const struct cs_uplink *uplink, struct utc now)
{
    struct bench *b = ctx;
    for (size_t i = 0; i < uplink->rx_count; i++) {
        struct gateway_message m = gateway_up(&b->network.cs, uplink, &uplink->rx[i], now,
                                              ++b->ids, b->protobuf);
        assert_non_null(m.payload);
        assert_non_null(strstr(m.topic, "/event/up"));
        assert_int_equal(m.payload[0] == '{', !b->protobuf);
        free(m.payload);
    }
    cs_uplink(&b->server, uplink, now);
}

static void on_frame(void *ctx, const struct air_frame *frame)
{
    struct bench *b = ctx;
    if (frame->direction == DIRECTION_DOWN && frame->dr == 3) {
        b->class_c += frame->received_count;
    } else if (frame->direction == DIRECTION_DOWN) {
        b->heard += frame->received_count;
        assert_int_equal(frame->missed_count, 0);
    }
}

static const struct network_sink sink = {.uplink = on_uplink, .frame = on_frame};

/* ---- server to gateways ---- */

static enum tx_status on_transmit(void *ctx, const struct cs_tx *tx)
{
    struct bench *b = ctx;
    struct cs_gateway_frame frame = {.downlink_id = 9, .count = 1, .items = {*tx}};
    struct cs_gateway_frame answer;
    struct gateway_order order;
    struct gateway_message m = gateway_command(&b->server, &frame, b->protobuf);
    int err =
        gateway_order_parse(b->network.config.region, m.topic, m.payload, m.len, &order);
    free(m.payload);
    assert_int_equal(err, FUO_OK);
    assert_int_equal(order.protobuf, b->protobuf);
    if (order_carry_out(&b->network, &order, b->network.wall, &answer) != FUO_OK) {
        b->unacked++;
        return TX_NO_ACK;
    }
    assert_int_equal(answer.downlink_id, 9);
    assert_int_equal(answer.tried, 1);
    return answer.status[0];
}

static void on_event(void *ctx, const struct cs_event *event)
{
    struct bench *b = ctx;
    b->joins += event->type == CS_EVENT_JOIN;
    b->uplinks += event->type == CS_EVENT_UP;
    b->txacks += event->type == CS_EVENT_TXACK;
}

static struct utc on_reply_at(void *ctx, struct cs_device *device, struct utc published)
{
    (void)ctx;
    (void)device;
    return utc_after(published, MILLIS_US(100));
}

static const struct cs_ops ops = {
    .transmit = on_transmit, .publish = on_event, .reply_at = on_reply_at};

static void bench_open(struct bench *b, bool protobuf, uint32_t loss_ppm)
{
    struct network_config config = {
        .start = NOON,
        .dialect = NETWORK_DIALECT_GATEWAY,
        .region = region_get(REGION_EU868),
        .device_count = DEVICES,
        .gateway_count = GATEWAYS,
        .packages = NETWORK_PACKAGES_V2,
        .seed = 5,
        .loss_ppm = loss_ppm,
        .uplink_interval_us = SECONDS_US(30),
        .uplink_dr = 5,
    };
    uint64_t euis[DEVICES];
    struct aes_key keys[DEVICES];
    *b = (struct bench){.protobuf = protobuf};
    assert_int_equal(network_init(&b->network, &config, &sink, b), FUO_OK);
    for (size_t i = 0; i < DEVICES; i++) {
        euis[i] = network_device(&b->network, i)->config.dev_eui;
        keys[i] = network_device(&b->network, i)->config.app_key;
    }
    struct cs_inventory inventory = {euis, keys, DEVICES, b->network.gateway_euis,
                                     GATEWAYS};
    struct cs_config server = {.region = config.region,
                               .dedup_us = MILLIS_US(200),
                               .scheduler_us = SECONDS_US(1),
                               .margin_us = SECONDS_US(5),
                               .rx1_delay_s = 1,
                               .seed = 6};
    assert_int_equal(cs_init(&b->server, &server, &inventory, &ops, b, &b->timers),
                     FUO_OK);
}

static void bench_close(struct bench *b)
{
    cs_free(&b->server);
    sim_timers_free(&b->timers);
    network_free(&b->network);
}

/* Both halves in the order in which things happen. */
static void bench_run(struct bench *b, int64_t seconds)
{
    struct utc end = utc_after(b->network.wall, SECONDS_US(seconds));
    for (;;) {
        struct utc server = sim_timers_next(&b->timers);
        struct utc field = network_deadline(&b->network);
        struct utc next = server.us < field.us ? server : field;
        if (next.us > end.us) {
            break;
        }
        network_run(&b->network, next);
        sim_timers_run(&b->timers, next);
    }
    network_run(&b->network, end);
}

static size_t joined(const struct bench *b)
{
    size_t n = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        n += network_device(&b->network, i)->joined;
    }
    return n;
}

static void devices_join_and_are_answered(void **state)
{
    (void)state;
    for (int protobuf = 0; protobuf < 2; protobuf++) {
        struct bench b;
        bench_open(&b, protobuf != 0, 0);
        bench_run(&b, 90);
        assert_int_equal(joined(&b), DEVICES);
        assert_int_equal(b.joins, DEVICES);
        assert_true(b.uplinks > DEVICES);
        size_t before = b.heard;
        for (size_t i = 0; i < DEVICES; i++) {
            static const uint8_t ask[] = {0x00}; /* PackageVersionReq */
            struct cs_downlink down = {.dev_eui =
                                           network_device(&b.network, i)->config.dev_eui,
                                       .fport = 200,
                                       .data = ask,
                                       .len = 1,
                                       .expires = UTC_NEVER};
            char id[CS_ID_SIZE];
            assert_int_equal(cs_enqueue(&b.server, &down, id), FUO_OK);
        }
        bench_run(&b, 90);
        assert_int_equal(b.txacks, DEVICES);
        assert_true(b.heard >= before + DEVICES);
        bench_close(&b);
    }
}

static struct gateway_order order_now(uint8_t dr)
{
    struct gateway_order order = {.gateway = UINT64_C(0x0016c001f1000001),
                                  .downlink_id = 1,
                                  .count = 1,
                                  .items = {{.timing = ORDER_IMMEDIATELY,
                                             .frequency_hz = 869525000,
                                             .dr = dr,
                                             .phy_len = 20}}};
    return order;
}

static void a_frame_at_once_reaches_no_class_a_device(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, false, 0);
    bench_run(&b, 90);
    struct gateway_order order = order_now(3);
    struct cs_gateway_frame frame;
    assert_int_equal(order_carry_out(&b.network, &order, b.network.wall, &frame), FUO_OK);
    assert_int_equal(frame.status[0], TX_OK);
    bench_run(&b, 5);
    assert_int_equal(b.class_c, 0);
    bench_close(&b);
}

static void the_second_chance_is_taken_when_the_first_is_past(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, false, 0);
    bench_run(&b, 90);
    struct gateway_order order = order_now(5);
    struct cs_gateway_frame frame;
    order.count = 2;
    order.items[1] = order.items[0];
    order.items[0].timing = order.items[1].timing = ORDER_DELAY;
    order.items[0].at = b.network.wall;
    order.items[1].at = utc_after(b.network.wall, SECONDS_US(1));
    assert_int_equal(order_carry_out(&b.network, &order, b.network.wall, &frame), FUO_OK);
    assert_int_equal(frame.tried, 2);
    assert_int_equal(frame.status[0], TX_TOO_LATE);
    assert_int_equal(frame.status[1], TX_OK);
    order.items[0].at = utc_after(b.network.wall, SECONDS_US(3));
    assert_int_equal(order_carry_out(&b.network, &order, b.network.wall, &frame), FUO_OK);
    assert_int_equal(frame.tried, 1);
    assert_int_equal(frame.count, 2);
    bench_close(&b);
}

static void a_gateway_that_is_away_does_not_answer(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, false, 0);
    struct gateway_order order = order_now(5);
    struct cs_gateway_frame frame;
    b.network.radio.gateways[0].off = true;
    assert_int_equal(order_carry_out(&b.network, &order, NOON, &frame), FUO_ENOENT);
    order.items[0].timing = ORDER_GPS;
    order.items[0].at = NOON;
    assert_int_equal(order_carry_out(&b.network, &order, NOON, &frame), FUO_ENOENT);
    order.gateway = 1;
    assert_int_equal(order_carry_out(&b.network, &order, NOON, &frame), FUO_ENOENT);
    bench_close(&b);
}

TEST_MAIN(cmocka_unit_test(devices_join_and_are_answered),
          cmocka_unit_test(a_frame_at_once_reaches_no_class_a_device),
          cmocka_unit_test(the_second_chance_is_taken_when_the_first_is_past),
          cmocka_unit_test(a_gateway_that_is_away_does_not_answer))

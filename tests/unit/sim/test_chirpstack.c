/* SPDX-License-Identifier: MIT */
/* What an application sees of the server; the sections are those of network-servers.md. */
#include "server_rig.h"

static int queue(struct rig *rig, const char *id, const char *text, bool confirmed,
                 struct utc expires)
{
    char out[CS_ID_SIZE];
    struct cs_downlink downlink = {
        euis[0], id, 10, confirmed, (const uint8_t *)text, strlen(text), expires};
    return cs_enqueue(&rig->cs, &downlink, out);
}

/* chirpstack uplink/join.rs (class C at the join, by the device profile), downlink/scheduler.rs
 * (schedule_device_queue_batch), downlink/data.rs (set_tx_info_for_rx2) */
static void with_class_c_ticked_what_is_queued_leaves_at_once(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig->cs.config.class_c = true;
    join_device(rig, 0);
    run(rig, SECONDS_US(10));
    uplink(rig, 0, false);
    rig->event_count = 0;
    assert_int_equal(queue(rig, ITEM_1, "one", false, UTC_NEVER), FUO_OK);
    assert_int_equal(queue(rig, ITEM_2, "two", false, UTC_NEVER), FUO_OK);
    run(rig, SECONDS_US(1));
    assert_int_equal(rig->tx_count, 0); /* class_a_lock */
    run(rig, SECONDS_US(2));
    assert_int_equal(rig->tx_count, 1);
    assert_true(rig->tx[0].immediate);
    assert_int_equal(rig->tx[0].frequency_hz, 869525000);
    assert_int_equal(rig->tx[0].dr, 0);
    assert_int_equal(rig->events[0].type, CS_EVENT_TXACK);
    assert_string_equal(rig->items[0], ITEM_1);
    run(rig, SECONDS_US(3));
    assert_int_equal(rig->tx_count, 1); /* class_c_lock */
    run(rig, SECONDS_US(3));
    assert_int_equal(rig->tx_count, 2);
    assert_string_equal(rig->items[1], ITEM_2);
    rig_close(rig);
}

/* ---- 2.1 ---- */

/* chirpstack uplink/join.rs (send_join_event); integration.proto, JoinEvent */
static void a_join_is_announced_when_it_is_accepted(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    join_device(rig, 0);
    struct utc joined = rig->now;
    run(rig, MILLIS_US(199));
    assert_int_equal(rig->event_count, 0); /* deduplication */
    run(rig, SECONDS_US(10));
    assert_int_equal(rig->event_count, 1);
    assert_int_equal(rig->events[0].type, CS_EVENT_JOIN);
    assert_int_equal(rig->events[0].time.us, joined.us);
    assert_int_equal(rig->tx_count, 1); /* nothing but the JoinAccept */
    uplink_at(rig, 0, false, &good_rx, 1);
    run(rig, MILLIS_US(199));
    assert_int_equal(rig->event_count, 1);
    run(rig, MILLIS_US(1));
    assert_int_equal(rig->events[1].type, CS_EVENT_UP);
    assert_int_equal(rig->events[1].time.us, rig->now.us - MILLIS_US(200));
    assert_int_equal(rig->events[2].type, CS_EVENT_STATUS);
    assert_memory_equal(rig->cs.devices[0].rx_payload, "hi", 2);
    uplink(rig, 0, false);
    assert_int_equal(rig->event_count, 1);
    rig_close(rig);
}

/* chirpstack storage/device.rs (get_for_phypayload_and_incr_f_cnt_up) */
static void strangers_replays_and_forgeries_are_not_heard(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    rig->event_count = 0;
    rig->fcnt_up[0]--; /* a counter that was used */
    uplink_at(rig, 0, false, &good_rx, 1);
    rig->session[0].nwk_s_key.b[0] ^= 1;
    rig->fcnt_up[0] = 50;
    uplink_at(rig, 0, false, &good_rx, 1);
    struct join_request request = {.dev_eui = 0xdead};
    uint8_t phy[64];
    size_t len = 0;
    assert_int_equal(join_request_build(&request, &keys[0], phy, sizeof(phy), &len),
                     FUO_OK);
    rig->tx_count = 0;
    hear(rig, phy, len, &good_rx, 1);
    request.dev_eui = euis[1]; /* under another key */
    assert_int_equal(join_request_build(&request, &keys[0], phy, sizeof(phy), &len),
                     FUO_OK);
    hear(rig, phy, len, &good_rx, 1);
    hear(rig, phy, 0, &good_rx, 1);
    run(rig, SECONDS_US(10));
    assert_int_equal(rig->event_count, 0);
    assert_int_equal(rig->tx_count, 0);
    rig_close(rig);
}

/* 2.1: dedup 200 ms, then get_downlink_data_delay 100 ms behind the published uplink */
static void a_reply_within_the_window_goes_out_with_the_same_uplink(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    const struct cs_rx rx[] = {{0, -110, -3}, {1, -80, 9}};
    rig->event_count = 0;
    rig->tx_count = 0;
    uplink_at(rig, 0, false, rx, 2);
    struct utc received = rig->now;
    run(rig, MILLIS_US(299));
    assert_int_equal(queue(rig, ITEM_1, "a", false, UTC_NEVER), FUO_OK);
    run(rig, MILLIS_US(1));
    assert_int_equal(queue(rig, ITEM_2, "b", false, UTC_NEVER), FUO_OK);
    assert_int_equal(rig->tx_count, 1);
    assert_int_equal(rig->tx[0].gateway, 1); /* the one that heard it best */
    assert_int_equal(rig->tx[0].at.us, received.us + SECONDS_US(1));
    assert_int_equal(rig->tx[0].frequency_hz, 868100000);
    assert_int_equal(rig->events[1].type, CS_EVENT_TXACK);
    assert_string_equal(rig->items[1], ITEM_1);
    assert_int_equal(rig->events[1].f_cnt_down, 0);
    run(rig, SECONDS_US(60));
    assert_int_equal(rig->tx_count, 1); /* the other waits for the next uplink */
    uplink(rig, 0, false);
    assert_string_equal(rig->items[1], ITEM_2);
    assert_int_equal(rig->events[1].f_cnt_down, 1);
    assert_null(rig->cs.devices[0].queue);
    rig_close(rig);
}

/* chirpstack downlink/data.rs (get_next_device_queue_item: FPending if there are more) */
static void one_item_per_uplink_and_fpending_for_the_rest(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    struct frame frame;
    assert_int_equal(queue(rig, ITEM_1, "a", false, UTC_NEVER), FUO_OK);
    assert_int_equal(queue(rig, NULL, "b", false, UTC_NEVER), FUO_OK);
    uplink(rig, 0, false);
    assert_int_equal(rig->tx_count, 1);
    assert_int_equal(frame_peek(rig->tx[0].phy, rig->tx[0].phy_len, &frame), FUO_OK);
    assert_true(frame.pending);
    uplink(rig, 0, false);
    assert_int_equal(frame_peek(rig->tx[0].phy, rig->tx[0].phy_len, &frame), FUO_OK);
    assert_false(frame.pending);
    rig_close(rig);
}

/* downlink/helpers.rs, select_downlink_gateway(): at random among those with the margin. */
static void any_gateway_with_room_to_spare_replies(void **state)
{
    (void)state;
    static const struct cs_rx even[] = {{0, -80, 9}, {1, -90, 3}};
    static const struct cs_rx uneven[] = {{0, -80, 9}, {1, -90, 2}};
    static const struct cs_rx weak[] = {{0, -110, 1}, {1, -105, 2}};
    static const struct {
        const char *name;
        const struct cs_rx *rx;
        bool at[GATEWAYS];
    } rows[] = {{"both 10 dB above what SF7 needs", even, {true, true}},
                {"one of them", uneven, {true, false}},
                {"neither: the stronger one", weak, {false, true}}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool at[GATEWAYS] = {false};
        test_row(rows[i].name);
        struct rig *rig = rig_with_device();
        rig->cs.config.prefer_margin_db = 10;
        for (int n = 0; n < 20; n++) {
            assert_int_equal(queue(rig, NULL, "x", false, UTC_NEVER), FUO_OK);
            rig->tx_count = 0;
            rig->event_count = 0;
            uplink_at(rig, 0, false, rows[i].rx, 2);
            run(rig, SECONDS_US(3));
            assert_int_equal(rig->tx_count, 1);
            at[rig->tx[0].gateway] = true;
        }
        for (size_t g = 0; g < GATEWAYS; g++) {
            assert_int_equal(at[g], rows[i].at[g]);
        }
        rig_close(rig);
    }
}

/* 2.1: "On gateway nack the item stays"; log DOWNLINK_GATEWAY has the TxAckStatus */
static void a_refusing_gateway_keeps_the_item_and_is_logged(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    assert_int_equal(queue(rig, ITEM_1, "a", false, UTC_NEVER), FUO_OK);
    rig->rx1 = TX_COLLISION_PACKET;
    rig->rx2 = TX_DUTY_CYCLE_OVERFLOW;
    uplink(rig, 0, false);
    assert_int_equal(rig->tx_count, 2); /* RX1, then RX2 */
    assert_int_equal(rig->tx[1].frequency_hz, 869525000);
    assert_int_equal(rig->tx[1].dr, 0);
    assert_int_equal(rig->events[1].type, CS_EVENT_LOG);
    assert_string_equal(rig->events[1].code, "DOWNLINK_GATEWAY");
    assert_string_equal(rig->events[1].description, "DUTY_CYCLE_OVERFLOW");
    rig->rx2 = TX_OK;
    uplink(rig, 0, false);
    assert_int_equal(rig->events[1].type, CS_EVENT_TXACK);
    assert_int_equal(rig->events[1].f_cnt_down, 0); /* nothing was sent before */
    assert_string_equal(rig->items[1], ITEM_1);
    rig_close(rig);
}

/* 2.1: log EXPIRED carries context.queue_item_id */
static void an_expired_item_is_dropped_with_a_log_event(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    struct utc soon = utc_after(rig->now, SECONDS_US(10));
    assert_int_equal(queue(rig, ITEM_1, "a", false, soon), FUO_OK);
    assert_int_equal(queue(rig, ITEM_2, "b", false, UTC_NEVER), FUO_OK);
    run(rig, SECONDS_US(10));
    uplink(rig, 0, false);
    assert_string_equal(rig->events[1].code, "EXPIRED");
    assert_string_equal(rig->events[1].level, "ERROR");
    assert_string_equal(rig->items[1], ITEM_1);
    assert_int_equal(rig->events[2].type, CS_EVENT_TXACK);
    assert_string_equal(rig->items[2], ITEM_2);
    rig_close(rig);
}

/* 2.1: DOWNLINK_PAYLOAD_SIZE carries max_payload_size, item_size, queue_item_id */
static void an_item_too_long_for_the_data_rate_is_dropped(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    char text[60];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(queue(rig, ITEM_1, text, false, UTC_NEVER), FUO_OK);
    rig->event_count = 0;
    uint8_t phy[64];
    size_t len = 0;
    struct frame frame = {.type = FRAME_UNCONFIRMED_UP,
                          .addr = rig->cs.devices[0].dev_addr,
                          .fcnt = rig->fcnt_up[0]++};
    assert_int_equal(frame_build(&frame, &rig->session[0], phy, sizeof(phy), &len),
                     FUO_OK);
    struct cs_uplink up = {phy, len, 868100000, 0, &good_rx, 1};
    cs_uplink(&rig->cs, &up, rig->now);
    run(rig, SECONDS_US(3));
    assert_string_equal(rig->events[1].code, "DOWNLINK_PAYLOAD_SIZE");
    assert_int_equal(rig->events[1].max_payload_size, 51);
    assert_int_equal(rig->events[1].item_size, 59);
    assert_null(rig->cs.devices[0].queue);
    rig_close(rig);
}

/* 2.1: "confirmed stays pending until ack/timeout"; AckEvent has queueItemId */
static void a_confirmed_item_waits_for_the_next_uplink(void **state)
{
    (void)state;
    for (int ack = 0; ack < 2; ack++) {
        struct rig *rig = rig_with_device();
        assert_int_equal(queue(rig, ITEM_1, "a", true, UTC_NEVER), FUO_OK);
        uplink(rig, 0, false);
        assert_int_equal(rig->events[1].type, CS_EVENT_TXACK);
        assert_true(rig->cs.devices[0].queue->pending);
        uplink(rig, 0, ack != 0);
        assert_int_equal(rig->events[1].type, CS_EVENT_ACK);
        assert_int_equal(rig->events[1].acknowledged, ack);
        assert_string_equal(rig->items[1], ITEM_1);
        assert_null(rig->cs.devices[0].queue);
        rig_close(rig);
    }
}

/* 2.1: devEui must equal the topic's, errors are only logged */
static void commands_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    char out[CS_ID_SIZE];
    struct cs_downlink downlink = {.dev_eui = 0xdead, .fport = 1, .expires = UTC_NEVER};
    assert_int_equal(cs_enqueue(&rig->cs, &downlink, out), FUO_ENOENT);
    downlink.dev_eui = euis[0];
    downlink.fport = 0;
    assert_int_equal(cs_enqueue(&rig->cs, &downlink, out), FUO_EINVAL);
    downlink.fport = 1;
    downlink.len = 243;
    assert_int_equal(cs_enqueue(&rig->cs, &downlink, out), FUO_ERANGE);
    assert_int_equal(queue(rig, ITEM_1, "a", false, UTC_NEVER), FUO_OK);
    assert_int_equal(queue(rig, ITEM_1, "a", false, UTC_NEVER), FUO_EEXIST);
    assert_int_equal(cs_flush(&rig->cs, euis[0]), FUO_OK);
    assert_int_equal(cs_flush(&rig->cs, 0xdead), FUO_ENOENT);
    assert_null(rig->cs.devices[0].queue);
    for (int i = 0; i < CS_DEVICE_QUEUE_MAX; i++) {
        assert_int_equal(queue(rig, NULL, "a", false, UTC_NEVER), FUO_OK);
    }
    assert_int_equal(queue(rig, NULL, "a", false, UTC_NEVER), FUO_ENOSPC);
    rig_close(rig);
}

TEST_MAIN(cmocka_unit_test(with_class_c_ticked_what_is_queued_leaves_at_once),
          cmocka_unit_test(a_join_is_announced_when_it_is_accepted),
          cmocka_unit_test(strangers_replays_and_forgeries_are_not_heard),
          cmocka_unit_test(a_reply_within_the_window_goes_out_with_the_same_uplink),
          cmocka_unit_test(one_item_per_uplink_and_fpending_for_the_rest),
          cmocka_unit_test(any_gateway_with_room_to_spare_replies),
          cmocka_unit_test(a_refusing_gateway_keeps_the_item_and_is_logged),
          cmocka_unit_test(an_expired_item_is_dropped_with_a_log_event),
          cmocka_unit_test(an_item_too_long_for_the_data_rate_is_dropped),
          cmocka_unit_test(a_confirmed_item_waits_for_the_next_uplink),
          cmocka_unit_test(commands_that_make_no_sense_are_refused))

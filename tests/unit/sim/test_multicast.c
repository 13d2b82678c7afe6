/* SPDX-License-Identifier: MIT */
/* Multicast groups and their queue: network-servers.md 2.2 and 2.3. */
#include "server_rig.h"

#include "sim/pingslots.h"

static struct cs_group_settings settings(void)
{
    return (struct cs_group_settings){
        .name = "campaign",
        .application_id = APP_ID,
        .mc_addr = 0x01020304,
        .keys = {{{7}}, {{8}}},
        .f_cnt = 10,
        .dr = 3,
        .frequency_hz = 869525000,
    };
}

/* A group at one gateway or two. */
static struct rig *rig_with_group(size_t gateway_count, char *id)
{
    struct rig *rig = rig_open();
    struct cs_group_settings s = settings();
    assert_int_equal(cs_group_create(&rig->cs, &s, rig->now, id), FUO_OK);
    for (size_t i = 0; i < gateway_count; i++) {
        assert_int_equal(cs_group_add_gateway(&rig->cs, id, gateways[i]), FUO_OK);
    }
    return rig;
}

static int enqueue(struct rig *rig, const char *id, struct utc expires, uint32_t *f_cnt)
{
    static const uint8_t data[] = {8, 1, 0, 0xaa, 0xbb};
    struct cs_multicast frame = {id, 201, data, sizeof(data), expires};
    return cs_group_enqueue(&rig->cs, &frame, rig->now, f_cnt);
}

static void enqueue_many(struct rig *rig, const char *id, int count)
{
    uint32_t f_cnt = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(enqueue(rig, id, UTC_NEVER, &f_cnt), FUO_OK);
        assert_int_equal(f_cnt, 10 + i);
    }
}

/* 2.3: "Fixed f_cnt assignment at enqueue"; 2.2: one row per gateway per frame */
static void fcnt_is_given_at_enqueue_and_a_row_made_per_gateway(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(2, id);
    enqueue_many(rig, id, 3);
    const struct cs_group *group = cs_group_find(&rig->cs, id);
    assert_int_equal(group->row_count, 6);
    assert_int_equal(group->settings.f_cnt, 13);
    uint32_t i = 0;
    for (const struct cs_row *row = group->rows; row != NULL; row = row->next, i++) {
        assert_int_equal(row->f_cnt, 10 + i / 2);
        assert_int_equal(row->gateway, i % 2);
    }
    rig_close(rig);
}

/* 2.3: run-after = max(existing)+margin, then +margin per further gateway */
static void rows_are_spaced_by_margin_times_gateways(void **state)
{
    (void)state;
    for (size_t gateway_count = 1; gateway_count <= 2; gateway_count++) {
        char id[CS_ID_SIZE];
        struct rig *rig = rig_with_group(gateway_count, id);
        struct utc start = rig->now;
        enqueue_many(rig, id, 4);
        for (size_t i = 0; i < 4 * gateway_count; i++) {
            run(rig, SECONDS_US(5));
        }
        assert_int_equal(rig->tx_count, 4 * gateway_count);
        for (size_t i = 0; i < rig->tx_count; i++) {
            assert_int_equal(rig->tx[i].at.us, start.us + SECONDS_US((int64_t)(5 * i)));
            assert_int_equal(rig->tx[i].gateway, i % gateway_count);
            assert_true(rig->tx[i].immediate);
        }
        rig_close(rig);
    }
}

/* chirpstack storage/multicast.rs (enqueue), downlink/classb.rs get_next_ping_slot_after(): the
 * ping slot behind multicast_class_b_margin, or behind the last row; all gateways in it. */
static void frames_of_class_b_have_ping_slots_of_their_own(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(2, id);
    struct cs_group_settings s = settings();
    s.type = CS_GROUP_CLASS_B;
    s.ping_slot_periodicity = 8;
    assert_int_equal(cs_group_update(&rig->cs, id, &s, rig->now), FUO_EINVAL);
    s.ping_slot_periodicity = 3;
    assert_int_equal(cs_group_update(&rig->cs, id, &s, rig->now), FUO_OK);
    struct utc enqueued = rig->now;
    enqueue_many(rig, id, 3);
    for (int i = 0; i < 60; i++) {
        run(rig, SECONDS_US(1));
    }
    assert_int_equal(rig->tx_count, 6);
    struct utc slot = utc_after(enqueued, SECONDS_US(5));
    for (size_t i = 0; i < 3; i++) {
        slot = pingslots_next(slot, s.mc_addr, 3);
        assert_true(pingslots_is_one(slot, s.mc_addr, 3));
        for (size_t g = 0; g < 2; g++) {
            assert_int_equal(rig->tx[2 * i + g].at.us, slot.us);
            assert_false(rig->tx[2 * i + g].immediate);
        }
        assert_int_not_equal(rig->tx[2 * i].gateway, rig->tx[2 * i + 1].gateway);
    }
    assert_false(pingslots_is_one(utc_after(slot, MILLIS_US(20)), s.mc_addr, 3));
    rig_close(rig);
}

/* 2.3: scheduler interval 1 s; the first row runs after now */
static void an_empty_queue_sends_at_the_next_run_of_the_scheduler(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(1, id);
    uint32_t f_cnt;
    run(rig, MILLIS_US(300));
    assert_int_equal(enqueue(rig, id, UTC_NEVER, &f_cnt), FUO_OK);
    run(rig, MILLIS_US(699));
    assert_int_equal(rig->tx_count, 0);
    run(rig, MILLIS_US(1));
    assert_int_equal(rig->tx_count, 1);
    struct frame frame;
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    struct session_keys mc_keys = settings().keys;
    assert_int_equal(
        frame_open(rig->tx[0].phy, rig->tx[0].phy_len, &mc_keys, 10, plain, &frame),
        FUO_OK);
    assert_int_equal(frame.addr, 0x01020304);
    assert_int_equal(frame.fport, 201);
    assert_memory_equal(frame.payload, "\x08\x01\x00\xaa\xbb", 5);
    rig_close(rig);
}

/* downlink/scheduler.rs: a task is spawned for each row of a batch, and all are joined. */
static void rows_that_are_due_together_leave_in_any_order(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(1, id);
    enqueue_many(rig, id, 8);
    struct cs_group *group = cs_group_find(&rig->cs, id);
    for (struct cs_row *row = group->rows; row != NULL; row = row->next) {
        row->run_after = rig->now; /* it stood still for longer than the margins */
    }
    run(rig, SECONDS_US(1));
    assert_int_equal(rig->tx_count, 8);
    assert_int_equal(group->row_count, 0);
    assert_null(group->rows_last);
    uint32_t seen = 0;
    bool falls = false;
    uint16_t last = 0;
    for (size_t i = 0; i < rig->tx_count; i++) {
        struct frame frame;
        assert_int_equal(frame_peek(rig->tx[i].phy, rig->tx[i].phy_len, &frame), FUO_OK);
        seen |= 1u << (frame.fcnt - 10);
        falls = falls || frame.fcnt < last;
        last = (uint16_t)frame.fcnt;
    }
    assert_int_equal(seen, 0xff);
    assert_true(falls);
    rig_close(rig);
}

/* downlink/multicast.rs, validate_payload_size(): the newest edition of RP002, whatever the
 * devices are; in EU868 DR4 has 222 bytes there (lrwn/src/region/eu868.rs), 242 before. */
static void what_is_too_long_for_the_newest_edition_vanishes(void **state)
{
    (void)state;
    static const uint8_t data[FRAME_PAYLOAD_MAX_BYTES] = {8};
    for (size_t extra = 0; extra < 2; extra++) {
        char id[CS_ID_SIZE];
        struct rig *rig = rig_open();
        struct cs_group_settings s = settings();
        s.dr = 4;
        assert_int_equal(cs_group_create(&rig->cs, &s, rig->now, id), FUO_OK);
        assert_int_equal(cs_group_add_gateway(&rig->cs, id, gateways[0]), FUO_OK);
        struct cs_multicast frame = {id, 201, data, 222 + extra, UTC_NEVER};
        uint32_t f_cnt = 0;
        assert_int_equal(cs_group_enqueue(&rig->cs, &frame, rig->now, &f_cnt), FUO_OK);
        run(rig, SECONDS_US(1));
        assert_int_equal(rig->tx_count, 1 - extra);
        assert_int_equal(cs_group_find(&rig->cs, id)->row_count, 0);
        rig_close(rig);
    }
}

/* Lanes: a group for each gateway, with one address and key. */
static void groups_of_one_address_count_and_send_each_for_itself(void **state)
{
    (void)state;
    char ids[2][CS_ID_SIZE];
    struct rig *rig = rig_open();
    struct cs_group_settings s = settings();
    struct session_keys mc_keys = s.keys;
    uint32_t f_cnt = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(cs_group_create(&rig->cs, &s, rig->now, ids[i]), FUO_OK);
        assert_int_equal(cs_group_add_gateway(&rig->cs, ids[i], gateways[i]), FUO_OK);
    }
    for (size_t i = 0; i < 2; i++) {
        enqueue_many(rig, ids[i], 2);
    }
    run(rig, SECONDS_US(1));
    assert_int_equal(rig->tx_count, 2); /* the margin of one is not that of the other */
    run(rig, SECONDS_US(5));
    assert_int_equal(rig->tx_count, 4);
    for (size_t i = 0; i < rig->tx_count; i++) {
        struct frame frame;
        uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
        assert_int_equal(rig->tx[i].gateway, i % 2);
        assert_int_equal(frame_open(rig->tx[i].phy, rig->tx[i].phy_len, &mc_keys,
                                    (uint32_t)(10 + i / 2), plain, &frame),
                         FUO_OK);
    }
    /* lock-step: the first goes on, the second has its counter still */
    assert_int_equal(enqueue(rig, ids[0], UTC_NEVER, &f_cnt), FUO_OK);
    assert_int_equal(f_cnt, 12);
    assert_int_equal(cs_group_find(&rig->cs, ids[1])->settings.f_cnt, 12);
    assert_int_equal(cs_group_delete(&rig->cs, ids[1]), FUO_OK);
    assert_int_equal(cs_group_find(&rig->cs, ids[0])->row_count, 1);
    rig_close(rig);
}

/* 2.3: "A sent item stays until tx-ack (OK or error -> deleted)"; 0.3: nothing published */
static void any_answer_of_the_gateway_deletes_the_row_in_silence(void **state)
{
    (void)state;
    static const enum tx_status answers[] = {TX_OK, TX_DUTY_CYCLE_OVERFLOW,
                                             TX_COLLISION_PACKET, TX_TOO_LATE};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        char id[CS_ID_SIZE];
        struct rig *rig = rig_with_group(1, id);
        rig->multicast = answers[i];
        test_row(tx_status_name(answers[i]));
        enqueue_many(rig, id, 1);
        run(rig, SECONDS_US(60));
        assert_int_equal(rig->tx_count, 1);
        assert_int_equal(cs_group_find(&rig->cs, id)->row_count, 0);
        assert_int_equal(rig->event_count, 0);
        rig_close(rig);
    }
}

/* 2.3: "No ack at all -> resent after lock (2 s), same FCnt" */
static void without_an_answer_the_row_is_sent_again_with_its_fcnt(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(1, id);
    rig->multicast = TX_NO_ACK;
    enqueue_many(rig, id, 1);
    run(rig, SECONDS_US(3));
    rig->multicast = TX_OK;
    run(rig, SECONDS_US(60));
    assert_int_equal(rig->tx_count, 3);
    assert_int_equal(rig->tx[1].at.us - rig->tx[0].at.us, SECONDS_US(2));
    assert_memory_equal(rig->tx[0].phy, rig->tx[2].phy, rig->tx[2].phy_len);
    rig_close(rig);
}

/* 2.3: "expired -> deleted", "oversize silently deleted" */
static void expired_and_oversized_rows_vanish(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(1, id);
    uint32_t f_cnt;
    static const uint8_t long_data[116];
    struct cs_multicast frame = {id, 201, long_data, sizeof(long_data), UTC_NEVER};
    struct utc soon = utc_after(rig->now, SECONDS_US(1));
    enqueue_many(rig, id, 1);
    assert_int_equal(enqueue(rig, id, soon, &f_cnt), FUO_OK);
    assert_int_equal(cs_group_enqueue(&rig->cs, &frame, rig->now, &f_cnt), FUO_OK);
    run(rig, SECONDS_US(60));
    assert_int_equal(rig->tx_count, 1);
    assert_int_equal(cs_group_find(&rig->cs, id)->row_count, 0);
    assert_int_equal(rig->event_count, 0);
    rig_close(rig);
}

/* 0.4: "the group (and its queue) is deleted ... with fragments still queued" */
static void deleting_the_group_or_flushing_it_forgets_the_queue(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(1, id);
    enqueue_many(rig, id, 5);
    run(rig, SECONDS_US(6));
    assert_int_equal(rig->tx_count, 2);
    assert_int_equal(cs_group_flush(&rig->cs, id), FUO_OK);
    run(rig, SECONDS_US(60));
    assert_int_equal(rig->tx_count, 2);
    uint32_t f_cnt;
    assert_int_equal(enqueue(rig, id, UTC_NEVER, &f_cnt), FUO_OK);
    assert_int_equal(f_cnt, 15);
    assert_int_equal(cs_group_delete(&rig->cs, id), FUO_OK);
    run(rig, SECONDS_US(60));
    assert_int_equal(rig->tx_count, 2);
    assert_int_equal(enqueue(rig, id, UTC_NEVER, &f_cnt), FUO_ENOENT);
    assert_int_equal(cs_group_delete(&rig->cs, id), FUO_ENOENT);
    assert_int_equal(cs_group_flush(&rig->cs, id), FUO_ENOENT);
    rig_close(rig);
}

/* 2.3: explicit gateways if any, else few that heard the devices' last uplink */
static void without_gateways_it_learns_them_from_the_last_uplinks(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(0, id);
    const struct cs_rx both[] = {{0, -80, 9}, {1, -90, 9}};
    const struct cs_rx second[] = {{1, -80, 9}};
    uint32_t f_cnt;
    for (size_t i = 0; i < DEVICES; i++) {
        assert_int_equal(cs_group_add_device(&rig->cs, id, euis[i]), FUO_OK);
    }
    /* nobody has a session: no gateway, no row, but a counter all the same */
    assert_int_equal(enqueue(rig, id, UTC_NEVER, &f_cnt), FUO_OK);
    assert_int_equal(cs_group_find(&rig->cs, id)->row_count, 0);
    join_device(rig, 0);
    uplink_at(rig, 0, false, both, 2);
    join_device(rig, 1);
    uplink_at(rig, 1, false, second, 1);
    assert_int_equal(enqueue(rig, id, UTC_NEVER, &f_cnt), FUO_OK);
    const struct cs_group *group = cs_group_find(&rig->cs, id);
    assert_int_equal(group->row_count, 1);
    assert_int_equal(group->rows->gateway, 1);
    rig_close(rig);
}

/* 2.2: Update, f_cnt too; storage/multicast.rs update() leaves application_id */
static void settings_can_be_read_and_changed_but_for_the_application(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    char other[CS_ID_SIZE];
    struct rig *rig = rig_with_group(1, id);
    struct cs_group_settings s = settings();
    uint32_t f_cnt;
    memcpy(s.application_id, ITEM_1, CS_ID_SIZE);
    assert_int_equal(cs_group_create(&rig->cs, &s, rig->now, other), FUO_EINVAL);
    s.f_cnt = 500;
    assert_int_equal(cs_group_update(&rig->cs, id, &s, rig->now), FUO_OK);
    assert_string_equal(cs_group_find(&rig->cs, id)->settings.application_id, APP_ID);
    assert_int_equal(enqueue(rig, id, UTC_NEVER, &f_cnt), FUO_OK);
    assert_int_equal(f_cnt, 500);
    s.frequency_hz = 0;
    assert_int_equal(cs_group_update(&rig->cs, id, &s, rig->now), FUO_EINVAL);
    assert_int_equal(cs_group_update(&rig->cs, ITEM_1, &s, rig->now), FUO_ENOENT);
    rig_close(rig);
}

/* 2.2: AddDevice, AddGateway; the database's unique constraint answers the second */
static void members_are_added_once_and_removed_once(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(1, id);
    struct cs *cs = &rig->cs;
    assert_int_equal(cs_group_add_gateway(cs, id, gateways[0]), FUO_EEXIST);
    assert_int_equal(cs_group_add_gateway(cs, id, 0xdead), FUO_ENOENT);
    assert_int_equal(cs_group_remove_gateway(cs, id, gateways[0]), FUO_OK);
    assert_int_equal(cs_group_remove_gateway(cs, id, gateways[0]), FUO_ENOENT);
    assert_int_equal(cs_group_add_device(cs, id, euis[0]), FUO_OK);
    assert_int_equal(cs_group_add_device(cs, id, euis[0]), FUO_EEXIST);
    assert_int_equal(cs_group_add_device(cs, id, 0xdead), FUO_ENOENT);
    assert_int_equal(cs_group_add_device(cs, ITEM_1, euis[0]), FUO_ENOENT);
    assert_int_equal(cs_group_remove_device(cs, id, euis[0]), FUO_OK);
    assert_int_equal(cs_group_remove_device(cs, id, 0xdead), FUO_ENOENT);
    rig_close(rig);
}

/* lrwn: FPort 0 is for MAC commands, and a FRMPayload has at most 242 bytes; 2.3 */
static void frames_that_cannot_be_are_refused_without_a_counter(void **state)
{
    (void)state;
    char id[CS_ID_SIZE];
    struct rig *rig = rig_with_group(1, id);
    uint32_t f_cnt = 77;
    struct cs_multicast frame = {id, 0, NULL, 0, UTC_NEVER};
    assert_int_equal(cs_group_enqueue(&rig->cs, &frame, rig->now, &f_cnt), FUO_EINVAL);
    frame.fport = 201;
    frame.len = 243;
    assert_int_equal(cs_group_enqueue(&rig->cs, &frame, rig->now, &f_cnt), FUO_EINVAL);
    assert_int_equal(f_cnt, 77);
    assert_int_equal(cs_group_find(&rig->cs, id)->settings.f_cnt, 10);
    rig_close(rig);
}

TEST_MAIN(cmocka_unit_test(fcnt_is_given_at_enqueue_and_a_row_made_per_gateway),
          cmocka_unit_test(rows_are_spaced_by_margin_times_gateways),
          cmocka_unit_test(frames_of_class_b_have_ping_slots_of_their_own),
          cmocka_unit_test(an_empty_queue_sends_at_the_next_run_of_the_scheduler),
          cmocka_unit_test(rows_that_are_due_together_leave_in_any_order),
          cmocka_unit_test(what_is_too_long_for_the_newest_edition_vanishes),
          cmocka_unit_test(groups_of_one_address_count_and_send_each_for_itself),
          cmocka_unit_test(any_answer_of_the_gateway_deletes_the_row_in_silence),
          cmocka_unit_test(without_an_answer_the_row_is_sent_again_with_its_fcnt),
          cmocka_unit_test(expired_and_oversized_rows_vanish),
          cmocka_unit_test(deleting_the_group_or_flushing_it_forgets_the_queue),
          cmocka_unit_test(without_gateways_it_learns_them_from_the_last_uplinks),
          cmocka_unit_test(settings_can_be_read_and_changed_but_for_the_application),
          cmocka_unit_test(members_are_added_once_and_removed_once),
          cmocka_unit_test(frames_that_cannot_be_are_refused_without_a_counter))

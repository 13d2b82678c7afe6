/* SPDX-License-Identifier: MIT */
/* Multicast without groups: the daemon makes the frames, and answers for their queue. */
#include "exec_rig.h"

#include "crypto/frame.h"
#include "loop/direct.h"

#define MC_ADDR 0x01020304u
#define KEY_ID  7u

static const struct aes_key mc_key = {{1, 2, 3, 4, 5, 6, 7, 8}};

static void start_direct(struct rig *rig)
{
    start(rig);
    rig->seen.direct = true;
    assert_int_equal(keyring_put(rig->d.keyring, KEY_ID, MC_ADDR, &mc_key), FUO_OK);
}

static struct effect frame_effect(const char *handle)
{
    struct effect effect = effect_of(EFFECT_SEND_MULTICAST);
    snprintf(effect.multicast.handle, sizeof(effect.multicast.handle), "%s", handle);
    effect.multicast.at.us = 123;
    effect.multicast.fport = 201;
    effect.multicast.payload_len = 3;
    memcpy(effect.multicast.payload, "\x08\x01\x00", 3);
    effect.multicast.air = (struct effect_air){.key_id = KEY_ID,
                                               .mc_addr = MC_ADDR,
                                               .f_cnt = 0x10005,
                                               .frequency_hz = 869525000,
                                               .dr = 3,
                                               .gateway_count = 2,
                                               .gateways = {0xa1, 0xa2}};
    return effect;
}

static void a_frame_is_made_whole_and_its_result_awaited(void **state)
{
    (void)state;
    struct rig rig;
    start_direct(&rig);
    struct effect effect = frame_effect("direct");
    exec_effect(&rig.d, &effect);
    assert_int_equal(rig.seen.calls, 1);
    assert_string_equal(rig.seen.what, "multicast");
    assert_int_equal(rig.seen.at_us, 123);
    assert_int_equal(rig.d.requests.count, 1);
    assert_int_equal(rig.seen.air.f_cnt, 0x10005);
    assert_int_equal(rig.seen.air.gateway_count, 2);
    assert_int_equal(rig.seen.air.frequency_hz, 869525000);
    assert_int_equal(rig.seen.air.bandwidth_hz, 125000);
    assert_int_equal(rig.seen.air.sf, 9);
    struct session_keys keys;
    struct frame frame;
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    assert_int_equal(keys_mc_session(&mc_key, MC_ADDR, &keys), FUO_OK);
    assert_int_equal(
        frame_open(rig.seen.phy, rig.seen.air.phy_len, &keys, 0x10005, plain, &frame),
        FUO_OK);
    assert_int_equal(frame.addr, MC_ADDR);
    assert_int_equal(frame.type, FRAME_UNCONFIRMED_DOWN);
    assert_int_equal(frame.fport, 201);
    assert_int_equal(frame.payload_len, 3);
    assert_memory_equal(frame.payload, "\x08\x01\x00", 3);
    stop(&rig);
}

static void groups_and_queues_are_nobody_elses_business(void **state)
{
    (void)state;
    static const enum effect_type types[] = {EFFECT_GROUP_OPEN, EFFECT_GROUP_CLOSE,
                                             EFFECT_QUEUE_POLL, EFFECT_QUEUE_FLUSH};
    struct rig rig;
    start_direct(&rig);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct effect effect = effect_of(types[i]);
        if (types[i] == EFFECT_GROUP_CLOSE) {
            memcpy(effect.group.handle, "direct", 7);
        } else if (types[i] != EFFECT_GROUP_OPEN) {
            memcpy(effect.queue.handle, "direct", 7);
        }
        exec_effect(&rig.d, &effect);
        run(&rig);
        assert_int_equal(rig.seen.calls, 0);
        assert_int_equal(rig.d.requests.count, 0);
    }
    stop(&rig);
}

/* The fleet's file was changed while a campaign ran, or its key is gone. */
static void a_lane_of_another_kind_is_not_served(void **state)
{
    (void)state;
    static const struct {
        const char *handle;
        bool direct;
        uint32_t key_id;
    } rows[] = {{"a-group-of-the-server", true, KEY_ID},
                {"direct", false, KEY_ID},
                {"direct", true, KEY_ID + 1}};
    struct rig rig;
    start_direct(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct effect effect = frame_effect(rows[i].handle);
        test_row(rows[i].handle);
        rig.seen.direct = rows[i].direct;
        effect.multicast.air.key_id = rows[i].key_id;
        exec_effect(&rig.d, &effect);
        run(&rig);
        assert_int_equal(rig.seen.calls, 0);
        assert_int_equal(rig.d.requests.count, 0);
    }
    stop(&rig);
}

TEST_MAIN(cmocka_unit_test(a_frame_is_made_whole_and_its_result_awaited),
          cmocka_unit_test(groups_and_queues_are_nobody_elses_business),
          cmocka_unit_test(a_lane_of_another_kind_is_not_served))

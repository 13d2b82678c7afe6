/* SPDX-License-Identifier: MIT */
#include "json_vectors.h"

#include "crypto/frame.h"
#include "crypto/pingslot.h"

static void check_multicast_frame(const struct session_keys *keys, uint32_t addr,
                                  uint32_t fcnt, struct json_object *payload_of,
                                  const char *payload_name, const char *phy_name)
{
    uint8_t payload[FRAME_PHY_MAX_BYTES];
    uint8_t want[FRAME_PHY_MAX_BYTES];
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    size_t len = 0;
    struct frame got;
    size_t payload_len = vec_bytes(payload_of, payload_name, payload, sizeof(payload));
    size_t want_len = vec_bytes(payload_of, phy_name, want, sizeof(want));
    struct frame f = {
        .type = FRAME_UNCONFIRMED_DOWN,
        .addr = addr,
        .fcnt = fcnt,
        .has_port = true,
        .fport = 201,
        .payload = payload,
        .payload_len = payload_len,
    };
    assert_int_equal(frame_build(&f, keys, phy, sizeof(phy), &len), FUO_OK);
    assert_int_equal(len, want_len);
    assert_memory_equal(phy, want, len);

    assert_int_equal(frame_open(want, want_len, keys, fcnt, plain, &got), FUO_OK);
    assert_int_equal(got.addr, addr);
    assert_int_equal(got.fcnt, fcnt);
    assert_int_equal(got.fport, 201);
    assert_int_equal(got.payload_len, payload_len);
    assert_memory_equal(plain, payload, payload_len);
    assert_ptr_equal(got.payload, plain);
}

static void vec_session_keys(struct json_object *o, struct session_keys *keys)
{
    (void)vec_bytes(o, "mc_app_s_key", keys->app_s_key.b, AES_KEY_BYTES);
    (void)vec_bytes(o, "mc_nwk_s_key", keys->nwk_s_key.b, AES_KEY_BYTES);
}

static void multicast_frames_are_bit_exact_also_beyond_sixteen_bits(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("multicast_frames.json");
    struct json_object *frames = vec_get(root, "frames");
    assert_int_equal(vec_count(frames), 3);
    for (size_t i = 0; i < vec_count(frames); i++) {
        struct json_object *o = vec_at(frames, i);
        struct session_keys keys;
        vec_session_keys(o, &keys);
        check_multicast_frame(&keys, vec_hex_u32(o, "mc_addr"),
                              (uint32_t)vec_int(o, "fcnt"), o, "frm_payload",
                              "phy_payload");
    }
    json_object_put(root);
}

static void check_campaign_frames(const char *file)
{
    struct json_object *root = vectors_load(file);
    struct json_object *keys_of = vec_get(root, "keys");
    struct json_object *frames = vec_get(root, "mc_frames");
    struct session_keys keys;
    vec_session_keys(keys_of, &keys);
    assert_int_equal(vec_count(frames), 3);
    for (size_t i = 0; i < vec_count(frames); i++) {
        struct json_object *o = vec_at(frames, i);
        check_multicast_frame(&keys, vec_hex_u32(keys_of, "mc_addr"),
                              (uint32_t)vec_int(o, "fcnt"), o, "payload", "phy");
    }
    json_object_put(root);
}

static void lbm_received_these_frames(void **state)
{
    (void)state;
    check_campaign_frames("campaign_lbm_v1.json");
    check_campaign_frames("campaign_lbm_v2.json");
}

/* 128 slots are periodicity 0, one slot is 7. */
static uint8_t periodicity_of(int64_t ping_nb)
{
    uint8_t exp = 7;
    while (ping_nb > 1) {
        ping_nb /= 2;
        exp--;
    }
    return exp;
}

static void ping_slots_are_those_of_chirpstack(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("pingslot.json");
    struct json_object *offsets = vec_get(root, "offsets");
    struct json_object *next = vec_get(root, "next_after");
    assert_int_equal(vec_count(offsets), 48);
    assert_int_equal(vec_count(next), 5);
    for (size_t i = 0; i < vec_count(offsets); i++) {
        struct json_object *o = vec_at(offsets, i);
        uint16_t offset = 0;
        struct gps beacon = {(uint32_t)vec_int(o, "beacon_time")};
        assert_int_equal(pingslot_offset(beacon, vec_hex_u32(o, "addr"),
                                         periodicity_of(vec_int(o, "ping_nb")), &offset),
                         FUO_OK);
        assert_int_equal(offset, vec_int(o, "offset"));
    }
    for (size_t i = 0; i < vec_count(next); i++) {
        struct json_object *o = vec_at(next, i);
        int64_t slot_ms = 0;
        assert_int_equal(
            pingslot_next_after(vec_int(o, "after_ms"), vec_hex_u32(o, "dev_addr"),
                                periodicity_of(vec_int(o, "ping_nb")), &slot_ms),
            FUO_OK);
        assert_int_equal(slot_ms, vec_int(o, "slot_ms"));
    }
    json_object_put(root);
}

TEST_MAIN(cmocka_unit_test(multicast_frames_are_bit_exact_also_beyond_sixteen_bits),
          cmocka_unit_test(lbm_received_these_frames),
          cmocka_unit_test(ping_slots_are_those_of_chirpstack))

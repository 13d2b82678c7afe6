/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "crypto/frame.h"
#include "crypto/join.h"

static const struct session_keys keys = {.nwk_s_key = {{1, 2, 3}},
                                         .app_s_key = {{4, 5, 6}}};
static const uint8_t text[] = {'t', 'e', 's', 't'};

static struct frame sample(enum frame_type type)
{
    return (struct frame){
        .type = type,
        .addr = 0x26011234,
        .fcnt = 0x00018001,
        .has_port = true,
        .fport = 200,
        .payload = text,
        .payload_len = sizeof(text),
    };
}

static size_t build(const struct frame *f, uint8_t phy[static FRAME_PHY_MAX_BYTES])
{
    size_t len = 0;
    assert_int_equal(frame_build(f, &keys, phy, FRAME_PHY_MAX_BYTES, &len), FUO_OK);
    return len;
}

static void all_four_types_and_flags_survive_the_air(void **state)
{
    (void)state;
    static const enum frame_type types[] = {FRAME_UNCONFIRMED_UP, FRAME_UNCONFIRMED_DOWN,
                                            FRAME_CONFIRMED_UP, FRAME_CONFIRMED_DOWN};
    for (unsigned i = 0; i < ARRAY_LEN(types) * 16; i++) {
        uint8_t phy[FRAME_PHY_MAX_BYTES];
        uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
        struct frame got;
        struct frame f = sample(types[i / 16]);
        enum frame_type type = FRAME_PROPRIETARY;
        bool up = frame_is_up(f.type);
        f.adr = (i & 1) != 0;
        f.ack = (i & 2) != 0;
        f.pending = (i & 4) != 0;
        f.adr_ack_req = up && (i & 8) != 0;
        size_t len = build(&f, phy);
        assert_int_equal(len, FRAME_OVERHEAD_BYTES + sizeof(text));
        assert_int_equal(frame_type_of(phy, len, &type), FUO_OK);
        assert_int_equal(type, f.type);
        assert_int_equal(frame_open(phy, len, &keys, f.fcnt, plain, &got), FUO_OK);
        assert_int_equal(got.type, f.type);
        assert_int_equal(got.addr, f.addr);
        assert_int_equal(got.fcnt, f.fcnt);
        assert_int_equal(got.adr, f.adr);
        assert_int_equal(got.ack, f.ack);
        assert_int_equal(got.pending, f.pending);
        assert_int_equal(got.adr_ack_req, f.adr_ack_req);
        assert_int_equal(got.payload_len, sizeof(text));
        assert_memory_equal(got.payload, text, sizeof(text));
    }
}

static void a_published_uplink_opens(void **state)
{
    (void)state;
    static const char hex[] = "40f17dbe4900020001954378762b11ff0d";
    uint8_t phy[17];
    uint8_t again[FRAME_PHY_MAX_BYTES];
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    size_t len = 0;
    struct frame f;
    struct session_keys k;
    assert_int_equal(hex_decode(hex, 34, phy, 17), FUO_OK);
    assert_int_equal(
        hex_decode("44024241ed4ce9a68c6a8bc055233fd3", 32, k.nwk_s_key.b, 16), 0);
    assert_int_equal(
        hex_decode("ec925802ae430ca77fd3dd73cb2cc588", 32, k.app_s_key.b, 16), 0);
    assert_int_equal(frame_open(phy, sizeof(phy), &k, 2, plain, &f), FUO_OK);
    assert_int_equal(f.addr, 0x49be7df1);
    assert_int_equal(f.fport, 1);
    assert_int_equal(f.payload_len, 4);
    assert_memory_equal(plain, text, 4);
    assert_int_equal(frame_build(&f, &k, again, sizeof(again), &len), FUO_OK);
    assert_int_equal(len, sizeof(phy));
    assert_memory_equal(again, phy, len);
}

static void one_wrong_bit_or_counter_is_not_authentic(void **state)
{
    (void)state;
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES] = {0xee};
    struct frame got = {.addr = 7};
    struct frame f = sample(FRAME_UNCONFIRMED_DOWN);
    size_t len = build(&f, phy);
    for (size_t bit = 8; bit < 8 * len; bit++) {
        if (bit >= 40 && bit < 44) {
            continue; /* FOptsLen: then the frame is malformed, see below */
        }
        phy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(frame_open(phy, len, &keys, f.fcnt, plain, &got), FUO_EAUTH);
        phy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(frame_open(phy, len, &keys, f.fcnt + 1, plain, &got), FUO_EAUTH);
    assert_int_equal(frame_open(phy, len, &keys, f.fcnt + 0x10000, plain, &got),
                     FUO_EAUTH);
    assert_int_equal(got.addr, 7);
    assert_int_equal(plain[0], 0xee);
}

static void a_frame_without_port_has_no_payload(void **state)
{
    (void)state;
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    struct frame got;
    struct frame f = {.type = FRAME_UNCONFIRMED_DOWN, .ack = true, .addr = 1, .fcnt = 5};
    size_t len = build(&f, phy);
    assert_int_equal(len, 12);
    assert_int_equal(frame_open(phy, len, &keys, 5, plain, &got), FUO_OK);
    assert_false(got.has_port);
    assert_int_equal(got.payload_len, 0);
    f.payload_len = 1;
    assert_int_equal(frame_build(&f, &keys, phy, sizeof(phy), &len), FUO_EINVAL);
}

static void port_zero_is_encrypted_under_the_network_key(void **state)
{
    (void)state;
    uint8_t a[FRAME_PHY_MAX_BYTES];
    uint8_t b[FRAME_PHY_MAX_BYTES];
    struct session_keys other = keys;
    size_t len = 0;
    struct frame f = sample(FRAME_UNCONFIRMED_DOWN);
    f.fport = 0;
    other.app_s_key.b[0] ^= 1;
    build(&f, a);
    assert_int_equal(frame_build(&f, &other, b, sizeof(b), &len), FUO_OK);
    assert_memory_equal(a, b, len);
}

static void options_are_shown_and_skipped(void **state)
{
    (void)state;
    /* unconfirmed down, FOptsLen 2, then port 5 and one byte */
    const uint8_t phy[] = {0x60, 1, 2, 3, 4, 0x02, 9, 0, 0xaa, 0xbb, 5, 0x77, 0, 0, 0, 0};
    const uint8_t port_zero[] = {0x60, 1, 2, 3, 4, 0x01, 9, 0, 0xaa, 0, 0x77, 0, 0, 0, 0};
    struct frame f;
    assert_int_equal(frame_peek(phy, sizeof(phy), &f), FUO_OK);
    assert_int_equal(f.addr, 0x04030201);
    assert_int_equal(f.fcnt, 9);
    assert_int_equal(f.fopts_len, 2);
    assert_ptr_equal(f.fopts, phy + 8);
    assert_int_equal(f.fport, 5);
    assert_int_equal(f.payload_len, 1);
    assert_int_equal(frame_peek(port_zero, sizeof(port_zero), &f), FUO_EPROTO);
}

static void malformed_frames_are_refused(void **state)
{
    (void)state;
    uint8_t phy[FRAME_PHY_MAX_BYTES + 1] = {0x60};
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    struct frame f = {.addr = 7};
    for (size_t len = 0; len < 12; len++) {
        assert_int_equal(frame_peek(phy, len, &f), FUO_ESHORT);
        assert_int_equal(frame_open(phy, len, &keys, 0, plain, &f), FUO_ESHORT);
    }
    assert_int_equal(frame_peek(phy, sizeof(phy), &f), FUO_EPROTO);
    phy[5] = 0x0f;
    assert_int_equal(frame_peek(phy, 26, &f), FUO_ESHORT);
    phy[0] = 0x61;
    assert_int_equal(frame_peek(phy, 20, &f), FUO_EPROTO);
    phy[0] = 0xe0;
    assert_int_equal(frame_peek(phy, 20, &f), FUO_EPROTO);
    phy[0] = 0x20;
    assert_int_equal(frame_peek(phy, 20, &f), FUO_EPROTO);
    assert_int_equal(f.addr, 7);
}

static void building_is_bounded(void **state)
{
    (void)state;
    static const uint8_t payload[FRAME_PAYLOAD_MAX_BYTES + 1] = {0};
    uint8_t phy[FRAME_PHY_MAX_BYTES + 1];
    size_t len = 77;
    struct frame f = sample(FRAME_UNCONFIRMED_DOWN);
    for (size_t cap = 0; cap < FRAME_OVERHEAD_BYTES + sizeof(text); cap++) {
        assert_int_equal(frame_build(&f, &keys, phy, cap, &len), FUO_ENOSPC);
    }
    f.payload = payload;
    f.payload_len = sizeof(payload);
    assert_int_equal(frame_build(&f, &keys, phy, sizeof(phy), &len), FUO_ENOSPC);
    f.fopts_len = 1;
    assert_int_equal(frame_build(&f, &keys, phy, sizeof(phy), &len), FUO_EINVAL);
    f = sample(FRAME_JOIN_ACCEPT);
    assert_int_equal(frame_build(&f, &keys, phy, sizeof(phy), &len), FUO_EINVAL);
    assert_int_equal(len, 77);
    f = sample(FRAME_UNCONFIRMED_UP);
    f.payload = payload;
    f.payload_len = FRAME_PAYLOAD_MAX_BYTES;
    assert_int_equal(build(&f, phy), FRAME_PHY_MAX_BYTES);
}

static void counters_extend_to_the_next_that_fits(void **state)
{
    (void)state;
    static const struct {
        uint32_t least;
        uint16_t low;
        int err;
        uint32_t want;
    } rows[] = {
        {0, 0, FUO_OK, 0},
        {0, 0xffff, FUO_OK, 0xffff},
        {5, 4, FUO_OK, 0x10004},
        {5, 5, FUO_OK, 5},
        {0x1ffff, 0, FUO_OK, 0x20000},
        {0xffff0005, 4, FUO_ERANGE, 7},
        {0xffffffff, 0xffff, FUO_OK, 0xffffffff},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t got = 7;
        assert_int_equal(frame_fcnt_extend(rows[i].least, rows[i].low, &got),
                         rows[i].err);
        assert_int_equal(got, rows[i].want);
    }
}

static const struct aes_key app_key = {{0xb6, 0xb5, 0x3f, 0x4a, 0x16, 0x8a, 0x7a, 0x88,
                                        0xbd, 0xf7, 0xea, 0x13, 0x5c, 0xe9, 0xcf, 0xca}};

static void a_join_request_is_bit_exact_and_signed(void **state)
{
    (void)state;
    const struct join_request req = {.join_eui = 0x70b3d57ed00000dc,
                                     .dev_eui = 0x00afee7cf5ed6f1e,
                                     .dev_nonce = 0xcc85};
    uint8_t phy[JOIN_REQUEST_BYTES];
    uint8_t want[JOIN_REQUEST_BYTES];
    size_t len = 77;
    struct join_request got = {0};

    for (size_t cap = 0; cap < sizeof(phy); cap++) {
        assert_int_equal(join_request_build(&req, &app_key, phy, cap, &len), FUO_ENOSPC);
    }
    assert_int_equal(len, 77);
    assert_int_equal(join_request_build(&req, &app_key, phy, sizeof(phy), &len), FUO_OK);
    assert_int_equal(hex_decode("00dc0000d07ed5b3701e6fedf57ceeaf0085cc587fe913", 46,
                                want, sizeof(want)),
                     FUO_OK);
    assert_memory_equal(phy, want, sizeof(want));
    assert_int_equal(join_request_open(phy, len, &app_key, &got), FUO_OK);
    assert_true(got.join_eui == req.join_eui);
    assert_true(got.dev_eui == req.dev_eui);
    assert_int_equal(got.dev_nonce, req.dev_nonce);

    got.dev_nonce = 7;
    phy[3] ^= 1;
    assert_int_equal(join_request_open(phy, len, &app_key, &got), FUO_EAUTH);
    assert_int_equal(join_request_open(phy, len - 1, &app_key, &got), FUO_ESHORT);
    phy[0] = 0x40;
    assert_int_equal(join_request_peek(phy, len, &got), FUO_EPROTO);
    assert_int_equal(got.dev_nonce, 7);
}

static void a_published_join_accept_opens_and_gives_the_keys(void **state)
{
    (void)state;
    static const char hex[] =
        "204dd85ae608b87fc4889970b7d2042c9e72959b0057aed6094b16003df12de145";
    uint8_t phy[JOIN_ACCEPT_CFLIST_BYTES];
    uint8_t again[JOIN_ACCEPT_CFLIST_BYTES];
    size_t len = 77;
    struct join_accept acc;
    assert_int_equal(hex_decode(hex, strlen(hex), phy, sizeof(phy)), FUO_OK);
    assert_int_equal(join_accept_open(phy, sizeof(phy), &app_key, &acc), FUO_OK);
    assert_int_equal(acc.join_nonce, 0xe5063a);
    assert_int_equal(acc.net_id, 0x000013);
    assert_int_equal(acc.dev_addr, 0x26012e43);
    assert_int_equal(acc.dl_settings, 0x03);
    assert_int_equal(acc.rx_delay_s, 1);
    assert_true(acc.has_cflist);
    for (size_t cap = 0; cap < sizeof(again); cap++) {
        assert_int_equal(join_accept_build(&acc, &app_key, again, cap, &len), FUO_ENOSPC);
    }
    assert_int_equal(len, 77);
    assert_int_equal(join_accept_build(&acc, &app_key, again, sizeof(again), &len),
                     FUO_OK);
    assert_int_equal(len, sizeof(phy));
    assert_memory_equal(again, phy, len);
}

static void both_ends_of_a_join_derive_the_same_keys(void **state)
{
    (void)state;
    const struct join_accept sent = {
        .join_nonce = 0x123456, .net_id = 0x13, .dev_addr = 0x26012e43, .rx_delay_s = 1};
    uint8_t phy[JOIN_ACCEPT_BYTES];
    size_t len = 0;
    struct join_accept got = {0};
    struct session_keys network;
    struct session_keys device;
    assert_int_equal(join_accept_build(&sent, &app_key, phy, sizeof(phy), &len), FUO_OK);
    assert_int_equal(len, JOIN_ACCEPT_BYTES);
    assert_int_equal(join_accept_open(phy, len, &app_key, &got), FUO_OK);
    assert_false(got.has_cflist);
    assert_int_equal(join_session_keys(&app_key, &sent, 0xcc85, &network), FUO_OK);
    assert_int_equal(join_session_keys(&app_key, &got, 0xcc85, &device), FUO_OK);
    assert_memory_equal(&network, &device, sizeof(network));
    assert_memory_not_equal(&network.nwk_s_key, &network.app_s_key, AES_KEY_BYTES);
    assert_int_equal(join_session_keys(&app_key, &got, 0xcc86, &device), FUO_OK);
    assert_memory_not_equal(&network, &device, sizeof(network));
}

static void malformed_join_accepts_are_refused(void **state)
{
    (void)state;
    uint8_t phy[JOIN_ACCEPT_CFLIST_BYTES + 1] = {0x20};
    size_t len = 77;
    struct join_accept acc = {.join_nonce = 0x1000000};
    assert_int_equal(join_accept_build(&acc, &app_key, phy, sizeof(phy), &len),
                     FUO_ERANGE);
    acc = (struct join_accept){.net_id = 0x1000000};
    assert_int_equal(join_accept_build(&acc, &app_key, phy, sizeof(phy), &len),
                     FUO_ERANGE);
    assert_int_equal(len, 77);
    acc.dev_addr = 7;
    assert_int_equal(join_accept_open(phy, 0, &app_key, &acc), FUO_ESHORT);
    assert_int_equal(join_accept_open(phy, 16, &app_key, &acc), FUO_ESHORT);
    assert_int_equal(join_accept_open(phy, 18, &app_key, &acc), FUO_ESHORT);
    assert_int_equal(join_accept_open(phy, 34, &app_key, &acc), FUO_ETRAIL);
    assert_int_equal(join_accept_open(phy, 17, &app_key, &acc), FUO_EAUTH);
    phy[0] = 0x60;
    assert_int_equal(join_accept_open(phy, 17, &app_key, &acc), FUO_EPROTO);
    assert_int_equal(acc.dev_addr, 7);
}

static void types_know_their_direction(void **state)
{
    (void)state;
    enum frame_type type = FRAME_REJOIN;
    assert_int_equal(frame_type_of(NULL, 0, &type), FUO_ESHORT);
    assert_int_equal(type, FRAME_REJOIN);
    assert_true(frame_is_up(FRAME_JOIN_REQUEST));
    assert_true(frame_is_up(FRAME_REJOIN));
    assert_false(frame_is_up(FRAME_JOIN_ACCEPT));
    assert_false(frame_is_up(FRAME_PROPRIETARY));
}

TEST_MAIN(cmocka_unit_test(all_four_types_and_flags_survive_the_air),
          cmocka_unit_test(a_published_uplink_opens),
          cmocka_unit_test(one_wrong_bit_or_counter_is_not_authentic),
          cmocka_unit_test(a_frame_without_port_has_no_payload),
          cmocka_unit_test(port_zero_is_encrypted_under_the_network_key),
          cmocka_unit_test(options_are_shown_and_skipped),
          cmocka_unit_test(malformed_frames_are_refused),
          cmocka_unit_test(building_is_bounded),
          cmocka_unit_test(counters_extend_to_the_next_that_fits),
          cmocka_unit_test(a_join_request_is_bit_exact_and_signed),
          cmocka_unit_test(a_published_join_accept_opens_and_gives_the_keys),
          cmocka_unit_test(both_ends_of_a_join_derive_the_same_keys),
          cmocka_unit_test(malformed_join_accepts_are_refused),
          cmocka_unit_test(types_know_their_direction))

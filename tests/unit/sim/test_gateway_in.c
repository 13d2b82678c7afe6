/* SPDX-License-Identifier: MIT */
/* test_gateway_in.c - what others give gateways, as they write it. */
#include "test.h"

#include <string.h>

#include "base/hex.h"
#include "fuota-sim/gateway_in.h"

#define TOPIC "eu868/gateway/0016c001f1000001/command/down"
#define DOWN(timing, lora)                                                          \
    "{\"downlinkId\":7,\"items\":[{\"phyPayload\":\"YAQDAgE=\",\"txInfo\":{"        \
    "\"frequency\":869525000,\"modulation\":{\"lora\":" lora "},\"timing\":" timing \
    "}}]}"
#define SF9 "{\"bandwidth\":125000,\"spreadingFactor\":9}"
#define GPS "{\"gpsEpoch\":{\"timeSinceGpsEpoch\":\"1451358263.25s\"}}"

/* As @chirpstack/chirpstack-api serializes it. */
#define PB                                                                   \
    "18072a300a0560040302011a270888cccf9e03101b1a0c1a0a08c8d007100928012001" \
    "320f1a0d0a0b08b7f087b4051080e59a773a1030303136633030316631303030303031"

static const struct region *eu868(void)
{
    return region_get(REGION_EU868);
}

static void a_frame_with_a_time_is_an_order(void **state)
{
    (void)state;
    static const char json[] = DOWN(GPS, SF9);
    struct gateway_order order;
    assert_int_equal(gateway_order_parse(eu868(), TOPIC, (const uint8_t *)json,
                                         sizeof(json) - 1, &order),
                     FUO_OK);
    assert_true(order.gateway == UINT64_C(0x0016c001f1000001));
    assert_int_equal(order.downlink_id, 7);
    assert_int_equal(order.items[0].dr, 3);
    assert_int_equal(order.items[0].frequency_hz, 869525000);
    assert_int_equal(order.items[0].at.us, INT64_C(1767323045250000));
    assert_int_equal(order.items[0].phy_len, 5);
    assert_memory_equal(order.items[0].phy, "\x60\x04\x03\x02\x01", 5);
    assert_false(order.protobuf);
}

static void everything_else_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *topic;
        const char *payload;
        int err;
    } rows[] = {
        {"no timing", TOPIC, DOWN("{}", SF9), FUO_EPROTO},
        {"after an uplink, but of whom", TOPIC,
         DOWN("{\"delay\":{\"delay\":\"1s\"}}", SF9), FUO_EPROTO},
        {"FSK", TOPIC, "{\"items\":[{\"txInfo\":{\"modulation\":{\"fsk\":{}}}}]}",
         FUO_ENOENT},
        {"three items", TOPIC, "{\"items\":[{},{},{}]}", FUO_EPROTO},
        {"another topic", "eu868/gateway/0016c001f1000001/event/ack", "{}", FUO_ENOENT},
        {"no gateway", "eu868/gateway/x/command/down", "{}", FUO_ENOENT},
        {"a longer EUI", "eu868/gateway/0016c001f10000011/command/down", "{}",
         FUO_ENOENT},
        {"no items", TOPIC, "{\"items\":[]}", FUO_EPROTO},
        {"no JSON", TOPIC, "{", FUO_EPROTO},
        {"no protobuf", TOPIC, "\xff", FUO_EPROTO},
        {"nothing", TOPIC, "", FUO_EPROTO},
        {"a rate that is none", TOPIC,
         DOWN(GPS, "{\"bandwidth\":125000,\"spreadingFactor\":13}"), FUO_EPROTO},
        {"a time that is none", TOPIC,
         DOWN("{\"gpsEpoch\":{\"timeSinceGpsEpoch\":\"soon\"}}", SF9), FUO_EPROTO},
        {"a time without its unit", TOPIC,
         DOWN("{\"gpsEpoch\":{\"timeSinceGpsEpoch\":\"12.5\"}}", SF9), FUO_EPROTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gateway_order order;
        test_row(rows[i].name);
        assert_int_equal(gateway_order_parse(eu868(), rows[i].topic,
                                             (const uint8_t *)rows[i].payload,
                                             strlen(rows[i].payload), &order),
                         rows[i].err);
    }
}

/* As pbjson writes what ChirpStack v4 sends in answer to an uplink. */
static void a_reply_has_two_chances(void **state)
{
    (void)state;
    static const char json[] =
        "{\"downlinkId\":3000000007,\"items\":[{\"phyPayload\":\"YAQDAgE=\",\"txInfo\":{"
        "\"frequency\":868100000,\"power\":16,\"modulation\":{\"lora\":{\"bandwidth\":"
        "125000,\"spreadingFactor\":7,\"codeRate\":\"CR_4_5\",\"polarizationInversion\":"
        "true}},\"timing\":{\"delay\":{\"delay\":\"1s\"}},\"context\":\"AAZHYnQ5wFA=\"}},"
        "{\"phyPayload\":\"YAQDAgE=\",\"txInfo\":{\"frequency\":869525000,\"modulation\":"
        "{"
        "\"lora\":{\"bandwidth\":125000,\"spreadingFactor\":12}},\"timing\":{\"delay\":{"
        "\"delay\":\"2s\"}},\"context\":\"AAZHYnQ5wFA=\"}}],"
        "\"gatewayId\":\"0016c001f1000001\"}";
    static const uint8_t context[] = {0x00, 0x06, 0x47, 0x62, 0x74, 0x39, 0xc0, 0x50};
    struct gateway_order order;
    uint8_t made[GATEWAY_CONTEXT_BYTES];
    gateway_context((struct utc){INT64_C(0x000647627439c050)}, made);
    assert_memory_equal(made, context, sizeof(context));
    assert_int_equal(gateway_order_parse(eu868(), TOPIC, (const uint8_t *)json,
                                         sizeof(json) - 1, &order),
                     FUO_OK);
    assert_int_equal(order.downlink_id, 3000000007u);
    assert_int_equal(order.count, 2);
    assert_int_equal(order.items[0].timing, ORDER_DELAY);
    assert_int_equal(order.items[0].at.us, INT64_C(0x000647627439c050) + 1000000);
    assert_int_equal(order.items[0].dr, 5);
    assert_int_equal(order.items[1].at.us, INT64_C(0x000647627439c050) + 2000000);
    assert_int_equal(order.items[1].frequency_hz, 869525000);
    assert_int_equal(order.items[1].dr, 0);
}

static void at_once_is_a_timing(void **state)
{
    (void)state;
    static const char json[] = DOWN("{\"immediately\":{}}", SF9);
    struct gateway_order order;
    assert_int_equal(gateway_order_parse(eu868(), TOPIC, (const uint8_t *)json,
                                         sizeof(json) - 1, &order),
                     FUO_OK);
    assert_int_equal(order.items[0].timing, ORDER_IMMEDIATELY);
}

static void protobuf_says_the_same(void **state)
{
    (void)state;
    static const char *const hex = PB;
    uint8_t bytes[128];
    size_t len = strlen(hex) / 2;
    struct gateway_order order;
    assert_int_equal(hex_decode(hex, strlen(hex), bytes, len), FUO_OK);
    assert_int_equal(gateway_order_parse(eu868(), TOPIC, bytes, len, &order), FUO_OK);
    assert_int_equal(order.downlink_id, 7);
    assert_int_equal(order.items[0].dr, 3);
    assert_int_equal(order.items[0].frequency_hz, 869525000);
    assert_int_equal(order.items[0].at.us, INT64_C(1767323045250000));
    assert_int_equal(order.items[0].phy_len, 5);
    assert_memory_equal(order.items[0].phy, "\x60\x04\x03\x02\x01", 5);
    assert_true(order.protobuf);
}

TEST_MAIN(cmocka_unit_test(a_frame_with_a_time_is_an_order),
          cmocka_unit_test(everything_else_is_none),
          cmocka_unit_test(a_reply_has_two_chances),
          cmocka_unit_test(at_once_is_a_timing), cmocka_unit_test(protobuf_says_the_same))

/* SPDX-License-Identifier: MIT */
/* test_chirpstack_tap.c - what gateways are given and answer, through the real loader. */
#include "fake_host.h"

#include "base/hex.h"

#define APP     "5a1c0e1e-0000-4000-8000-000000000001"
#define GATEWAY "eu868/gateway/00000000000000a1/"

static const struct option_pair pairs[] = {{"applicationId", APP}};

static void deliver(struct rig *rig, const char *topic, const char *json)
{
    rig->loaded.plugin.on_mqtt(rig->ns, topic, (const uint8_t *)json, strlen(json),
                               false);
}

/* As @chirpstack/chirpstack-api serializes them: DownlinkFrame 4000000001 with the same
 * PHYPayload for 868.1 MHz SF7 and 869.525 MHz SF12, and DownlinkTxAck TOO_LATE, OK. */
#define PB_DOWN                                                                         \
    "1881d0acf30e2a310a0d60040302012a0d0005aabbccdd1a2008a0cff89d03100e1a0c1a0a08c8d00" \
    "710072801200132020a003a04010203042a310a0d60040302012a0d0005aabbccdd1a200888cccf9e" \
    "03100e1a0c1a0a08c8d007100c2801200132020a003a04010203043a1030303030303030303030303" \
    "0303061"                                                                           \
    "31"
#define PB_ACK "3210303030303030303030303030303061311081d0acf30e2a0208022a020801"

static void deliver_hex(struct rig *rig, const char *topic, const char *hex)
{
    uint8_t bytes[512];
    size_t len = strlen(hex) / 2;
    assert_true(len <= sizeof(bytes));
    assert_int_equal(hex_decode(hex, strlen(hex), bytes, len), FUO_OK);
    rig->loaded.plugin.on_mqtt(rig->ns, topic, bytes, len, false);
}

/* YAQDAgEqDQAFqrvM3Q==: unconfirmed down, DevAddr 01020304, FCnt 13 */
#define ITEM(hz, sf)                                                         \
    "{\"phyPayload\":\"YAQDAgEqDQAFqrvM3Q==\",\"txInfo\":{\"frequency\":" hz \
    ",\"power\":14,\"modulation\":{\"lora\":{\"bandwidth\":125000,"          \
    "\"spreadingFactor\":" sf                                                \
    ",\"codeRate\":\"CR_4_5\"}},\"timing\":{\"immediately\":{}}}}"
#define DOWN(id, items) \
    "{\"downlinkId\":" id ",\"items\":[" items "],\"gatewayId\":\"00000000000000a1\"}"
#define ACK(id, items) \
    "{\"gatewayId\":\"00000000000000a1\",\"downlinkId\":" id ",\"items\":[" items "]}"

static void a_frame_is_told_of_when_its_gateway_has_answered(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    assert_int_equal(rig.host.filter_count, 5);
    assert_string_equal(rig.host.filter, "eu868/gateway/+/event/ack");
    deliver(&rig, GATEWAY "command/down", DOWN("7", ITEM("869525000", "12")));
    assert_null(rig_event(&rig));
    deliver(&rig, GATEWAY "event/ack", ACK("7", "{\"status\":\"OK\"}"));
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_AIRED);
    assert_int_equal(e->aired.gateway, 0xa1);
    assert_int_equal(e->aired.address, 0x01020304);
    assert_int_equal(e->aired.f_cnt, 13);
    assert_int_equal(e->aired.frequency_hz, 869525000);
    assert_int_equal(e->aired.dr, 0);
    assert_int_equal(e->aired.phy_len, 13);
    assert_int_equal(e->aired.status, FUO_AIRED_SENT);
    deliver(&rig, GATEWAY "event/ack", ACK("7", "{\"status\":\"OK\"}")); /* twice */
    assert_null(rig_event(&rig));
    assert_int_equal(rig.host.reject_count, 0);
    rig_close(&rig);
}

static void protobuf_says_the_same(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    deliver_hex(&rig, GATEWAY "command/down", PB_DOWN);
    deliver_hex(&rig, GATEWAY "event/ack", PB_ACK);
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_AIRED);
    assert_int_equal(e->aired.gateway, 0xa1);
    assert_int_equal(e->aired.address, 0x01020304);
    assert_int_equal(e->aired.f_cnt, 13);
    assert_int_equal(e->aired.frequency_hz,
                     869525000); /* the second, the first was late */
    assert_int_equal(e->aired.dr, 0);
    assert_int_equal(e->aired.status, FUO_AIRED_SENT);
    assert_int_equal(rig.host.reject_count, 0);
    rig_close(&rig);
}

static void an_answer_is_one_of_four_fates(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *items;
        enum fuo_aired status;
    } rows[] = {
        {"sent", "{\"status\":\"OK\"}", FUO_AIRED_SENT},
        {"the second one sent", "{\"status\":\"TOO_LATE\"},{\"status\":\"OK\"}",
         FUO_AIRED_SENT},
        {"duty cycle", "{\"status\":\"DUTY_CYCLE_OVERFLOW\"}", FUO_AIRED_NO_BUDGET},
        {"late", "{\"status\":\"TOO_LATE\"}", FUO_AIRED_NO_TIME},
        {"early", "{\"status\":\"TOO_EARLY\"}", FUO_AIRED_NO_TIME},
        {"collision", "{\"status\":\"COLLISION_PACKET\"}", FUO_AIRED_NO_TIME},
        {"beacon", "{\"status\":\"COLLISION_BEACON\"}", FUO_AIRED_NO_TIME},
        {"frequency", "{\"status\":\"TX_FREQ\"}", FUO_AIRED_REFUSED},
        {"not tried", "{\"status\":\"IGNORED\"}", FUO_AIRED_REFUSED},
        {"a default that is left out", "{}", FUO_AIRED_REFUSED},
        {"unheard of", "{\"status\":\"NO_MOOD\"}", FUO_AIRED_REFUSED},
        {"nothing", "", FUO_AIRED_REFUSED},
        {"more answers than items", "{},{},{\"status\":\"OK\"}", FUO_AIRED_REFUSED},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char down[512];
        char ack[512];
        test_row(rows[i].name);
        snprintf(down, sizeof(down), "{\"downlinkId\":%zu,\"items\":[%s,%s]}", i + 1,
                 ITEM("868100000", "7"), ITEM("869525000", "12"));
        snprintf(ack, sizeof(ack), "{\"downlinkId\":%zu,\"items\":[%s]}", i + 1,
                 rows[i].items);
        deliver(&rig, GATEWAY "command/down", down);
        deliver(&rig, GATEWAY "event/ack", ack);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_int_equal(e->aired.status, rows[i].status);
    }
    rig_close(&rig);
}

static void what_cannot_be_read_is_counted_and_the_rest_ignored(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *topic;
        const char *payload;
        bool rejected;
    } rows[] = {
        {"no JSON", GATEWAY "command/down", "{", true},
        {"no protobuf", GATEWAY "command/down", "\xff\xff", true},
        {"no items", GATEWAY "command/down", "{\"downlinkId\":1}", true},
        {"a number too large", GATEWAY "command/down",
         DOWN("99999999999", ITEM("868100000", "7")), true},
        {"no base64", GATEWAY "command/down", DOWN("1", "{\"phyPayload\":\"*\"}"), true},
        {"no JSON in an answer", GATEWAY "event/ack", "{", true},
        {"no protobuf in an answer", GATEWAY "event/ack", "\xff\xff", true},
        {"an answer to nothing", GATEWAY "event/ack", ACK("8", "{\"status\":\"OK\"}"),
         false},
        {"another gateway", "eu868/gateway/00000000000000a2/event/ack",
         ACK("7", "{\"status\":\"OK\"}"), false},
        {"no EUI", "eu868/gateway/x/event/ack", "{}", true},
        {"EUI 0", "eu868/gateway/0000000000000000/event/ack", "{}", true},
        {"of no interest", GATEWAY "event/up", "{", false},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    deliver(&rig, GATEWAY "command/down", DOWN("7", ITEM("869525000", "12")));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t before = rig.host.reject_count;
        test_row(rows[i].name);
        deliver(&rig, rows[i].topic, rows[i].payload);
        assert_int_equal(rig.host.reject_count - before, rows[i].rejected);
        assert_null(rig_event(&rig));
    }
    rig_close(&rig);
}

/* Its airtime is not to be charged a second time. */
static void a_command_that_the_tap_has_seen_says_so(void **state)
{
    (void)state;
#define TXACK(id)                                                                      \
    "{\"downlinkId\":" id ",\"queueItemId\":\"66756f74-6164-8000-0000-00000000002a\"," \
    "\"gatewayId\":\"00000000000000a1\",\"txInfo\":{\"frequency\":868100000}}"
    static const struct {
        const char *json;
        bool aired;
    } rows[] = {{TXACK("7"), true}, {TXACK("8"), false}};
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    deliver(&rig, GATEWAY "command/down", DOWN("7", ITEM("868100000", "7")));
    deliver(&rig, GATEWAY "event/ack", ACK("7", "{\"status\":\"OK\"}"));
    assert_non_null(rig_event(&rig));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        deliver(&rig, "application/" APP "/device/0102030405060708/event/txack",
                rows[i].json);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_int_equal(e->type, FUO_EV_FATE);
        assert_int_equal(e->fate.gateway, 0xa1);
        assert_true(e->fate.aired == rows[i].aired);
    }
    rig_close(&rig);
}

static void frames_without_an_answer_are_forgotten_in_the_end(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (int id = 1; id <= 513; id++) {
        char down[512];
        snprintf(down, sizeof(down), "{\"downlinkId\":%d,\"items\":[%s]}", id,
                 ITEM("868100000", "7"));
        deliver(&rig, GATEWAY "command/down", down);
    }
    deliver(&rig, GATEWAY "event/ack", ACK("1", "{\"status\":\"OK\"}"));
    assert_null(rig_event(&rig));
    deliver(&rig, GATEWAY "event/ack", ACK("2", "{\"status\":\"OK\"}"));
    assert_non_null(rig_event(&rig));
    rig_close(&rig);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *tap;
        const char *topic;
        int err;
        size_t filters;
    } rows[] = {
        {"off", "#", FUO_OK, 1},        {"auto", "us915_0", FUO_OK, 5},
        {"on", "eu868", FUO_EINVAL, 1}, {"auto", "", FUO_OK, 5},
        {"auto", "+", FUO_EINVAL, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        struct option_pair options[] = {
            {"applicationId", APP}, {"tap", rows[i].tap}, {"regionTopic", rows[i].topic}};
        test_row(rows[i].tap);
        rig_load(&rig, "chirpstack", options, ARRAY_LEN(options));
        int err = rig.loaded.plugin.open(&rig.ns, plugin_options_config(rig.options),
                                         &fake_ops, &rig.host);
        assert_int_equal(err, rows[i].err);
        assert_int_equal(rig.host.filter_count, rows[i].filters);
        assert_true(err == FUO_OK || rig.host.log[0] != '\0');
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_told_of_when_its_gateway_has_answered),
        cmocka_unit_test(protobuf_says_the_same),
        cmocka_unit_test(an_answer_is_one_of_four_fates),
        cmocka_unit_test(what_cannot_be_read_is_counted_and_the_rest_ignored),
        cmocka_unit_test(a_command_that_the_tap_has_seen_says_so),
        cmocka_unit_test(frames_without_an_answer_are_forgotten_in_the_end),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

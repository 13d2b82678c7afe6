/* SPDX-License-Identifier: MIT */
/* test_chirpstack_mqtt.c - application events and downlinks, through the real loader. */
#include "fake_host.h"

#define APP    "5a1c0e1e-0000-4000-8000-000000000001"
#define TOPIC  "application/" APP "/device/0102030405060708/event/"
#define OUR_ID "66756f74-6164-8000-0000-00000000002a" /* 42 */

static const struct option_pair pairs[] = {{"applicationId", APP}, {"tap", "off"}};

static void deliver(struct rig *rig, const char *topic, const char *json)
{
    rig->loaded.plugin.on_mqtt(rig->ns, topic, (const uint8_t *)json, strlen(json),
                               false);
}

static void an_uplink_arrives_with_all_that_it_carries(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    assert_string_equal(rig.host.filter, "application/" APP "/device/+/event/+");
    assert_int_equal(rig.host.filter_qos, 1);
    deliver(&rig, TOPIC "up",
            "{\"deduplicationId\":\"x\",\"time\":\"2026-01-02T03:04:05.123456+00:00\","
            "\"deviceInfo\":{\"devEui\":\"0102030405060708\",\"tags\":{}},"
            "\"adr\":true,\"dr\":5,\"fCnt\":70000,\"fPort\":201,\"confirmed\":false,"
            "\"data\":\"AQID\",\"rxInfo\":["
            "{\"gatewayId\":\"00000000000000a1\",\"nsTime\":\"2026-01-02T03:04:05.2Z\","
            "\"gwTime\":\"2026-01-02T03:04:04.9Z\",\"rssi\":-90,\"snr\":7.25},"
            "{\"gatewayId\":\"00000000000000A2\",\"rssi\":\"-60\",\"snr\":-2.5},"
            "{\"gatewayId\":\"short\",\"rssi\":-10}],\"txInfo\":{\"frequency\":868300000,"
            "\"modulation\":{\"lora\":{\"bandwidth\":125000,\"spreadingFactor\":7}}}}");
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_UPLINK);
    assert_true(e->uplink.dev_eui == UINT64_C(0x0102030405060708));
    assert_true(e->uplink.received_us == INT64_C(1767323044900000));
    assert_int_equal(e->uplink.payload_len, 3);
    assert_memory_equal(e->uplink.payload, "\1\2\3", 3);
    assert_int_equal(e->uplink.f_cnt, 70000);
    assert_int_equal(e->uplink.fport, 201);
    assert_int_equal(e->uplink.dr, 5);
    assert_int_equal(e->uplink.frequency_hz, 868300000);
    assert_int_equal(e->uplink.rx_count, 2);
    assert_int_equal(e->uplink.rx[0].gateway, 0xa2); /* the strongest first */
    assert_int_equal(e->uplink.rx[0].rssi_dbm, -60);
    assert_int_equal(e->uplink.rx[0].snr_cdb, -250);
    assert_int_equal(e->uplink.rx[1].snr_cdb, 725);
    assert_null(rig_event(&rig));
    assert_int_equal(rig.host.reject_count, 0);
    rig_close(&rig);
}

static void the_reception_time_is_the_best_that_there_is(void **state)
{
    (void)state;
#define NS "\"nsTime\":\"2026-01-02T03:04:05Z\""
    static const struct {
        const char *name;
        const char *fields; /* of the object: "time" and rxInfo */
        int64_t us;
    } rows[] = {
        {"gps", "\"rxInfo\":[{" NS ",\"timeSinceGpsEpoch\":\"1451358263.5s\"}]",
         INT64_C(1767323045500000)},
        {"gps of a later reception",
         "\"rxInfo\":[{" NS "},{\"timeSinceGpsEpoch\":\"1451358263s\"}]",
         INT64_C(1767323045000000)},
        {"gps of zero is none", "\"rxInfo\":[{" NS ",\"timeSinceGpsEpoch\":\"0s\"}]",
         INT64_C(1767323045000000)},
        {"gateway near the server",
         "\"rxInfo\":[{" NS ",\"gwTime\":\"2026-01-02T03:04:03Z\"}]",
         INT64_C(1767323043000000)},
        {"gateway too early",
         "\"rxInfo\":[{" NS ",\"gwTime\":\"2026-01-02T03:04:02.9Z\"}]",
         INT64_C(1767323045000000)},
        {"gateway too late",
         "\"rxInfo\":[{" NS ",\"gwTime\":\"2026-01-02T03:04:07.000001Z\"}]",
         INT64_C(1767323045000000)},
        {"gateway alone is not trusted",
         "\"rxInfo\":[{\"gwTime\":\"2026-01-02T03:04:03Z\"}],"
         "\"time\":\"2026-01-02T03:04:06Z\"",
         INT64_C(1767323046000000)},
        {"event time", "\"time\":\"2026-01-02T04:04:05+01:00\"",
         INT64_C(1767323045000000)},
        {"no time", "\"rxInfo\":[{}]", 0},
        {"not a time", "\"time\":\"yesterday\"", 0},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[512];
        test_row(rows[i].name);
        snprintf(json, sizeof(json), "{%s}", rows[i].fields);
        deliver(&rig, TOPIC "up", json);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_true(e->uplink.received_us == rows[i].us);
    }
    rig_close(&rig);
}

static void uplinks_are_read_forgivingly_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *json;
        bool ok;
        int fport;
        size_t len;
    } rows[] = {
        {"nothing", "{}", true, 0, 0},
        {"numbers as text", "{\"fPort\":\"7\",\"fCnt\":\"9\"}", true, 7, 0},
        {"null members", "{\"fPort\":null,\"data\":null,\"rxInfo\":null}", true, 0, 0},
        {"wrong kinds", "{\"fPort\":[],\"data\":{},\"rxInfo\":5,\"deviceInfo\":[]}", true,
         0, 0},
        {"data without a port", "{\"data\":\"AQID\"}", true, 0, 0},
        {"unpadded base64", "{\"fPort\":1,\"data\":\"AQI\"}", true, 1, 2},
        {"base64 of the URL kind", "{\"fPort\":1,\"data\":\"-_8=\"}", true, 1, 2},
        {"unknown members", "{\"later\":{\"a\":[1,2,{}]},\"fPort\":2}", true, 2, 0},
        {"bad base64", "{\"fPort\":1,\"data\":\"A\"}", false, 0, 0},
        {"bad letter", "{\"fPort\":1,\"data\":\"A!==\"}", false, 0, 0},
        {"bad padding", "{\"fPort\":1,\"data\":\"AQ=\"}", false, 0, 0},
        {"port too high", "{\"fPort\":256}", false, 0, 0},
        {"port below zero", "{\"fPort\":-1}", false, 0, 0},
        {"counter too high", "{\"fCnt\":4294967296}", false, 0, 0},
        {"counter infinite", "{\"fCnt\":\"inf\"}", false, 0, 0},
        {"counter not a number", "{\"fCnt\":\"nan\"}", true, 0, 0},
        {"dr too high", "{\"dr\":\"1000\"}", false, 0, 0},
        {"another device", "{\"deviceInfo\":{\"devEui\":\"0102030405060709\"}}", false, 0,
         0},
        {"no device", "{\"deviceInfo\":{\"devEui\":\"xyz\"}}", false, 0, 0},
        {"not an object", "[1]", false, 0, 0},
        {"a number", "17", false, 0, 0},
        {"cut off", "{\"fPort\":1", false, 0, 0},
        {"not UTF-8", "{\"time\":\"\xff\"}", false, 0, 0},
        {"empty", "", false, 0, 0},
        {"too deep", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]}",
         false, 0, 0},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t rejects = rig.host.reject_count;
        test_row(rows[i].name);
        deliver(&rig, TOPIC "up", rows[i].json);
        const struct fuo_event *e = rig_event(&rig);
        assert_true((e != NULL) == rows[i].ok);
        assert_int_equal(rig.host.reject_count - rejects, !rows[i].ok);
        if (e != NULL) {
            assert_int_equal(e->uplink.fport, rows[i].fport);
            assert_int_equal(e->uplink.payload_len, rows[i].len);
        }
    }
    rig_close(&rig);
}

static void only_the_sixteen_strongest_receptions_are_reported(void **state)
{
    (void)state;
    char json[8192] = "{\"rxInfo\":[";
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (int i = 0; i < 40; i++) {
        size_t used = strlen(json);
        snprintf(json + used, sizeof(json) - used,
                 "%s{\"gatewayId\":\"%016x\",\"rssi\":%d,\"snr\":1e9}", i > 0 ? "," : "",
                 i, -130 + i * 7 % 40);
    }
    size_t end = strlen(json);
    snprintf(json + end, sizeof(json) - end, "]}");
    deliver(&rig, TOPIC "up", json);
    const struct fuo_event *e = rig_event(&rig);
    assert_int_equal(e->uplink.rx_count, FUO_RX_MAX);
    for (size_t i = 0; i < FUO_RX_MAX; i++) {
        assert_int_equal(e->uplink.rx[i].rssi_dbm, -91 - (int)i);
        assert_int_equal(e->uplink.rx[i].snr_cdb, INT16_MAX);
    }
    rig_close(&rig);
}

static void the_longest_payload_passes_and_a_longer_one_does_not(void **state)
{
    (void)state;
    char json[1024];
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t groups = 85; groups <= 86; groups++) { /* 255 and 258 bytes */
        char data[400];
        memset(data, 'A', sizeof(data));
        data[groups * 4] = '\0';
        snprintf(json, sizeof(json), "{\"fPort\":1,\"data\":\"%s\"}", data);
        deliver(&rig, TOPIC "up", json);
        const struct fuo_event *e = rig_event(&rig);
        assert_true((e != NULL) == (groups == 85));
        if (e != NULL) {
            assert_int_equal(e->uplink.payload_len, 255);
        }
    }
    rig_close(&rig);
}

static void the_fate_of_our_downlinks_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *event;
        const char *json;
        enum fuo_fate fate; /* 0: none */
    } rows[] = {
        {"txack", "txack", "{\"queueItemId\":\"" OUR_ID "\",\"fCntDown\":3}",
         FUO_FATE_SENT},
        {"ack", "ack", "{\"queueItemId\":\"" OUR_ID "\",\"acknowledged\":true}",
         FUO_FATE_SENT},
        {"no ack", "ack", "{\"queueItemId\":\"" OUR_ID "\",\"acknowledged\":false}", 0},
        {"expired", "log",
         "{\"code\":\"EXPIRED\",\"context\":{\"queue_item_id\":\"" OUR_ID "\"}}",
         FUO_FATE_EXPIRED},
        {"too long", "log",
         "{\"code\":\"DOWNLINK_PAYLOAD_SIZE\",\"context\":{\"max_payload_size\":\"51\","
         "\"queue_item_id\":\"" OUR_ID "\"}}",
         FUO_FATE_REFUSED},
        {"counter", "log",
         "{\"code\":\"F_CNT_DOWN\",\"context\":{\"queue_item_id\":\"" OUR_ID "\"}}",
         FUO_FATE_REFUSED},
        {"gateway trouble leaves it queued", "log",
         "{\"code\":\"DOWNLINK_GATEWAY\",\"description\":\"TOO_LATE\","
         "\"context\":{\"queue_item_id\":\"" OUR_ID "\"}}",
         0},
        {"a log of no interest", "log", "{\"code\":\"UPLINK_CODEC\"}", 0},
        {"a log without context", "log", "{\"code\":\"EXPIRED\"}", 0},
        {"somebody else's", "txack",
         "{\"queueItemId\":\"5a1c0e1e-0000-4000-8000-00000000002a\"}", 0},
        {"nobody's", "txack", "{}", 0},
        {"cut off", "txack", "{\"queueItemId\":\"66756f74-6164-8000-0000-0000\"}", 0},
        {"join", "join", "not even JSON", 0},
        {"status", "status", "{\"margin\":99}", 0},
        {"unknown event", "location", "{}", 0},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char topic[160];
        test_row(rows[i].name);
        snprintf(topic, sizeof(topic), "%s%s", TOPIC, rows[i].event);
        deliver(&rig, topic, rows[i].json);
        const struct fuo_event *e = rig_event(&rig);
        assert_true((e != NULL) == (rows[i].fate != 0));
        if (e != NULL) {
            assert_int_equal(e->type, FUO_EV_FATE);
            assert_int_equal(e->fate.id, 42);
            assert_int_equal(e->fate.fate, rows[i].fate);
            assert_true(e->fate.dev_eui == UINT64_C(0x0102030405060708));
        }
    }
    assert_int_equal(rig.host.reject_count, 0);
    rig_close(&rig);
}

static void a_status_tells_how_well_a_device_hears(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *json;
        bool told;
        int8_t margin_db;
        int battery; /* -1: unknown */
    } rows[] = {
        {"margin", "{\"margin\":10,\"batteryLevel\":83.5}", true, 10, 83},
        {"worse than the noise", "{\"margin\":-17}", true, -17, -1},
        {"zero is left out", "{\"externalPowerSource\":true}", true, 0, 100},
        {"lowest", "{\"margin\":-32}", true, -32, -1},
        {"highest", "{\"margin\":31}", true, 31, -1},
        {"below", "{\"margin\":-33}", false, 0, -1},
        {"above", "{\"margin\":32}", false, 0, -1},
        {"no number", "{\"margin\":\"x\"}", false, 0, -1},
        {"a full battery", "{\"batteryLevel\":100}", true, 0, 100},
        {"next to empty", "{\"batteryLevel\":0.39}", true, 0, 0},
        {"more than full", "{\"batteryLevel\":101}", true, 0, -1},
        {"it cannot measure it", "{\"batteryLevelUnavailable\":true,\"batteryLevel\":5}",
         true, 0, -1},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        deliver(&rig, TOPIC "status", rows[i].json);
        const struct fuo_event *e = rig_event(&rig);
        assert_true((e != NULL) == rows[i].told);
        if (e != NULL) {
            assert_int_equal(e->type, FUO_EV_STATUS);
            assert_true(e->status.dev_eui == UINT64_C(0x0102030405060708));
            assert_int_equal(e->status.margin_db, rows[i].margin_db);
            assert_int_equal(e->status.has_battery, rows[i].battery >= 0);
            assert_int_equal(e->status.battery_percent,
                             rows[i].battery >= 0 ? rows[i].battery : 0);
        }
    }
    rig_close(&rig);
}

/* The fleet's versionDecoder. */
static void what_the_server_decodes_tells_the_version(void **state)
{
    (void)state;
    static const struct {
        const char *pointer;
        const char *object;
        const char *version;
    } rows[] = {
        {"/fw/version", "{\"fw\":{\"version\":\"1.4.3\"}}", "1.4.3"},
        {"/fw/0", "{\"fw\":[\"2.0\"]}", "2.0"},
        {"/v", "{\"v\":17040128}", "17040128"},
        {"/a~1b", "{\"a/b\":\"1\"}", "1"},
        {"/fw/version", "{\"fw\":{}}", ""},
        {"/fw", "{\"fw\":{\"version\":\"1\"}}", ""},
        {"/fw", "{\"fw\":true}", ""},
        {"/fw", "null", ""},
        {"/fw", "{\"fw\":\"a\\u0007b\"}", ""},
        {"/fw",
         "{\"fw\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
         ""},
        {NULL, "{\"v\":\"1\"}", ""},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[256];
        test_row(rows[i].object);
        rig.host.version_pointer = rows[i].pointer;
        snprintf(json, sizeof(json), "{\"fPort\":2,\"data\":\"AA==\",\"object\":%s}",
                 rows[i].object);
        deliver(&rig, TOPIC "up", json);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_string_equal(e->uplink.version, rows[i].version);
    }
    rig_close(&rig);
}

static void a_txack_says_which_gateway_sent_what(void **state)
{
    (void)state;
#define LORA(bandwidth, sf)                                                    \
    ",\"gatewayId\":\"00000000000000a1\",\"txInfo\":{\"frequency\":869525000," \
    "\"modulation\":"                                                          \
    "{\"lora\":{\"bandwidth\":" bandwidth ",\"spreadingFactor\":" sf "}}}"
    static const struct {
        const char *name;
        const char *members;
        uint64_t gateway;
        uint32_t frequency_hz;
        uint8_t dr;
    } rows[] = {
        {"SF12", LORA("125000", "12"), 0xa1, 869525000, 0},
        {"SF7", LORA("125000", "7"), 0xa1, 869525000, 5},
        {"SF7 at 250 kHz", LORA("250000", "7"), 0xa1, 869525000, 6},
        {"SF12 at 500 kHz", LORA("500000", "12"), 0xa1, 869525000, 8},
        {"SF7 at 500 kHz", LORA("\"500000\"", "7"), 0xa1, 869525000, 13},
        {"SF8 at 250 kHz", LORA("250000", "8"), 0xa1, 869525000, FUO_DR_UNKNOWN},
        {"SF6", LORA("125000", "6"), 0xa1, 869525000, FUO_DR_UNKNOWN},
        {"SF13", LORA("125000", "13"), 0xa1, 869525000, FUO_DR_UNKNOWN},
        {"a strange bandwidth", LORA("1", "7"), 0xa1, 869525000, FUO_DR_UNKNOWN},
        {"FSK", ",\"txInfo\":{\"frequency\":868800000,\"modulation\":{\"fsk\":{}}}", 0,
         868800000, FUO_DR_UNKNOWN},
        {"nothing", "", 0, 0, FUO_DR_UNKNOWN},
        {"other kinds", ",\"gatewayId\":5,\"txInfo\":[]", 0, 0, FUO_DR_UNKNOWN},
        {"out of range", ",\"txInfo\":{\"frequency\":-1}", 0, 0, FUO_DR_UNKNOWN},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[512];
        test_row(rows[i].name);
        snprintf(json, sizeof(json), "{\"queueItemId\":\"" OUR_ID "\"%s}",
                 rows[i].members);
        deliver(&rig, TOPIC "txack", json);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_int_equal(e->fate.fate, FUO_FATE_SENT);
        assert_int_equal(e->fate.gateway, rows[i].gateway);
        assert_int_equal(e->fate.frequency_hz, rows[i].frequency_hz);
        assert_int_equal(e->fate.dr, rows[i].dr);
    }
    rig_close(&rig);
}

static void foreign_topics_and_retained_events_are_rejected(void **state)
{
    (void)state;
    static const char *const topics[] = {
        "",
        "application",
        "application/" APP "/device/0102030405060708/command/down",
        "application/" APP "/device/010203040506070/event/up",
        "application/" APP "/device/010203040506070g/event/up",
        "application/" APP "/device/01020304050607080/event/up",
        "application/" APP "0/device/0102030405060708/event/up",
        ("application/00000000-0000-4000-8000-000000000001/device/0102030405060708/event/"
         "up"),
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        test_row(topics[i]);
        deliver(&rig, topics[i], "{}");
        assert_int_equal(rig.host.reject_count, i + 1);
        assert_string_equal(rig.host.rejected, "message on an unexpected topic");
    }
    rig.loaded.plugin.on_mqtt(rig.ns, TOPIC "up", (const uint8_t *)"{}", 2, true);
    assert_string_equal(rig.host.rejected, "retained event");
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

static void a_downlink_is_a_command_with_id_and_expiry(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    struct fuo_unicast downlink = {
        .id = UINT64_C(0x1122334455667788),
        .dev_eui = UINT64_C(0x70b3d57ed005a1b2),
        .payload = (const uint8_t *)"\xff\x00\x01\x02",
        .payload_len = 4,
        .expires_us = INT64_C(1767323045500001),
        .fport = 200,
        .confirmed = true,
    };
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_OK);
    assert_string_equal(rig.host.published.topic,
                        "application/" APP "/device/70b3d57ed005a1b2/command/down");
    assert_string_equal(
        rig.host.published.payload,
        "{\"id\":\"66756f74-6164-8000-1122-334455667788\","
        "\"devEui\":\"70b3d57ed005a1b2\",\"confirmed\":true,\"fPort\":200,"
        "\"data\":\"/wABAg==\",\"expiresAt\":\"2026-01-02T03:04:05.500001Z\"}");
    assert_int_equal(rig.host.published.qos, 1);
    assert_null(rig_event(&rig)); /* the result follows the broker's */

    rig.loaded.plugin.on_published(rig.ns, downlink.id, FUO_ETIMEDOUT);
    const struct fuo_event *e = rig_event(&rig);
    assert_int_equal(e->type, FUO_EV_RESULT);
    assert_true(e->result.id == downlink.id);
    assert_int_equal(e->result.err, FUO_ETIMEDOUT);

    downlink.expires_us = 0;
    downlink.payload_len = 0;
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_OK);
    assert_null(strstr(rig.host.published.payload, "expiresAt"));
    rig_close(&rig);
}

static void unusable_downlinks_are_refused_at_once(void **state)
{
    (void)state;
    static const uint8_t bytes[243];
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    struct fuo_unicast downlink = {.payload = bytes, .payload_len = 243, .fport = 1};
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_EINVAL);
    downlink.payload_len = 242;
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_OK);
    downlink.fport = 0;
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_EINVAL);
    downlink.fport = 1;
    rig.host.refuse = FUO_EAGAIN;
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_EAGAIN);
    assert_int_equal(rig.host.publish_count, 1);
    rig_close(&rig);
}

static void the_application_must_be_a_uuid(void **state)
{
    (void)state;
    static const char *const ids[] = {"", "+", "5a1c0e1e-0000-4000-8000-00000000000",
                                      "5a1c0e1e-0000-4000-8000-00000000000/",
                                      "5a1c0e1ex0000-4000-8000-000000000001"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct option_pair pair = {"applicationId", ids[i]};
        struct rig rig;
        test_row(ids[i]);
        rig_load(&rig, "chirpstack", &pair, 1);
        assert_int_equal(rig.loaded.plugin.open(&rig.ns,
                                                plugin_options_config(rig.options),
                                                &fake_ops, &rig.host),
                         FUO_EINVAL);
        assert_null(rig.ns);
        assert_non_null(strstr(rig.host.log, "applicationId"));
        rig_close(&rig);
    }
}

static void the_server_s_pace_is_an_option(void **state)
{
    (void)state;
    static const struct option_pair more[] = {{"applicationId", APP},
                                              {"multicastMargin", "700ms"},
                                              {"schedulerInterval", "250ms"}};
    struct rig rig;
    struct fuo_caps caps = {0};
    rig_open(&rig, "chirpstack", more, ARRAY_LEN(more));
    rig.loaded.plugin.caps(rig.ns, &caps);
    assert_int_equal(caps.multicast_spacing_us, 700000);
    assert_int_equal(caps.reply_window_us, 100000);
    assert_int_equal(caps.queue_rows_max, 4);
    assert_int_equal(caps.timing, FUO_TIMING_QUEUE);
    assert_int_equal(caps.multicast_jitter_us, 250000);
    assert_int_equal(caps.multicast_lead_us, 0);
    rig_close(&rig);
}

TEST_MAIN(cmocka_unit_test(an_uplink_arrives_with_all_that_it_carries),
          cmocka_unit_test(the_reception_time_is_the_best_that_there_is),
          cmocka_unit_test(uplinks_are_read_forgivingly_or_not_at_all),
          cmocka_unit_test(only_the_sixteen_strongest_receptions_are_reported),
          cmocka_unit_test(the_longest_payload_passes_and_a_longer_one_does_not),
          cmocka_unit_test(the_fate_of_our_downlinks_is_told),
          cmocka_unit_test(a_status_tells_how_well_a_device_hears),
          cmocka_unit_test(what_the_server_decodes_tells_the_version),
          cmocka_unit_test(a_txack_says_which_gateway_sent_what),
          cmocka_unit_test(foreign_topics_and_retained_events_are_rejected),
          cmocka_unit_test(a_downlink_is_a_command_with_id_and_expiry),
          cmocka_unit_test(unusable_downlinks_are_refused_at_once),
          cmocka_unit_test(the_application_must_be_a_uuid),
          cmocka_unit_test(the_server_s_pace_is_an_option))

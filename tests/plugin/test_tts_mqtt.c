/* SPDX-License-Identifier: MIT */
/* test_tts_mqtt.c - The Things Stack's application messages, through the real loader. */
#include "tts_rig.h"

#define SECOND INT64_C(1000000)
#define NOON   (INT64_C(1767355200) * SECOND) /* 2026-01-02T12:00:00Z */

/* ---- options ---- */

static void options_are_checked_with_a_sentence(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        const char *problem; /* NULL: it is fine */
    } rows[] = {
        {"application", "app1", NULL},
        {"application", "App", "application must be"},
        {"application", "@ttn", "application must be"},
        {"application", "a+/#", "application must be"},
        {"priority", "HIGHEST", NULL},
        {"priority", "high", "priority must be"},
        {"frequencyPlan", "US_902_928_FSB_2", NULL},
        {"frequencyPlan", "EU868", "frequencyPlan must be"},
        {"frequencyPlan", "EU_863_870\"", "frequencyPlan must be"},
        {"lead", "8s", NULL},
        {"lead", "7.9s", "lead must be 8s at least"},
        {"serverAddress", "eu1.cloud.thethings.network", NULL},
        {"serverAddress", "http://x/", "serverAddress must be"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct option_pair two[] = {{"application", UID}, {rows[i].key, rows[i].value}};
        bool other = strcmp(rows[i].key, "application") != 0;
        struct rig rig;
        test_row(rows[i].value);
        rig_load(&rig, "tts", other ? two : two + 1, other ? 2 : 1);
        int err = rig.loaded.plugin.open(&rig.ns, plugin_options_config(rig.options),
                                         &fake_ops, &rig.host);
        assert_int_equal(err, rows[i].problem != NULL ? FUO_EINVAL : FUO_OK);
        if (rows[i].problem != NULL) {
            assert_non_null(strstr(rig.host.log, rows[i].problem));
            rig.ns = NULL;
        }
        rig_close(&rig);
    }
}

static void it_subscribes_with_qos_0_and_has_absolute_times(void **state)
{
    static const struct {
        const char *priority;
        uint32_t ppm;
    } rows[] = {{"LOWEST", 400000}, {"NORMAL", 700000}, {"HIGHEST", 1000000}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct option_pair two[] = {{"application", UID}, {"priority", rows[i].priority}};
        struct fuo_caps caps = {0};
        struct rig rig;
        test_row(rows[i].priority);
        rig_open(&rig, "tts", two, 2);
        assert_int_equal(rig.host.filter_count, 5);
        assert_string_equal(rig.host.filter, "v3/app1@ttn/devices/+/down/failed");
        assert_int_equal(rig.host.filter_qos, 0);
        rig.loaded.plugin.caps(rig.ns, &caps);
        assert_int_equal(caps.timing, FUO_TIMING_ABSOLUTE);
        assert_int_equal(caps.multicast_lead_us, 15 * SECOND);
        assert_int_equal(caps.priority_ceiling_ppm, rows[i].ppm);
        rig_close(&rig);
    }
}

/* ---- uplinks ---- */

static void an_uplink_arrives_with_all_that_it_carries(void **state)
{
    struct rig rig;
    (void)state;
    setup(&rig);
    deliver(
        &rig, TOPIC "meter-1/up",
        "{\"end_device_ids\":{\"device_id\":\"meter-1\",\"application_ids\":{"
        "\"application_id\":\"app1\"},\"dev_eui\":\"0102030405060708\",\"join_eui\":"
        "\"0000000000000000\",\"dev_addr\":\"260B0001\"},\"correlation_ids\":[\"x\"],"
        "\"received_at\":\"2026-01-02T12:00:01.2Z\",\"uplink_message\":{"
        "\"session_key_id\":\"AZ==\",\"f_port\":201,\"f_cnt\":70000,\"frm_payload\":"
        "\"AQID\",\"rx_metadata\":[{\"gateway_ids\":{\"gateway_id\":\"gw-a\",\"eui\":"
        "\"00000000000000A1\"},\"time\":\"2026-01-02T12:00:00.9Z\",\"timestamp\":1,"
        "\"rssi\":-90,\"channel_rssi\":-90,\"snr\":7.25},{\"gateway_ids\":{"
        "\"gateway_id\":\"gw-b\",\"eui\":\"00000000000000A2\"},\"rssi\":-60,\"snr\":"
        "-2.5},{\"gateway_ids\":{\"gateway_id\":\"gw-b\",\"eui\":\"00000000000000A2\"}"
        ",\"antenna_index\":1,\"rssi\":-50,\"snr\":1},{\"gateway_ids\":{"
        "\"gateway_id\":\"packetbroker\",\"eui\":\"00000000000000A3\"},\"rssi\":-10},"
        "{\"gateway_ids\":{\"gateway_id\":\"no-eui\"},\"rssi\":-10}],\"settings\":{"
        "\"data_rate\":{\"lora\":{\"bandwidth\":125000,\"spreading_factor\":9,"
        "\"coding_rate\":\"4/5\"}},\"frequency\":\"868300000\",\"timestamp\":1},"
        "\"received_at\":\"2026-01-02T12:00:01Z\",\"consumed_airtime\":\"0.1s\"}}");
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_UPLINK);
    assert_true(e->uplink.dev_eui == DEV_EUI);
    assert_true(e->uplink.received_us == NOON + 900000);
    assert_int_equal(e->uplink.payload_len, 3);
    assert_memory_equal(e->uplink.payload, "\1\2\3", 3);
    assert_int_equal(e->uplink.f_cnt, 70000);
    assert_int_equal(e->uplink.fport, 201);
    assert_int_equal(e->uplink.dr, 3);
    assert_int_equal(e->uplink.frequency_hz, 868300000);
    assert_int_equal(e->uplink.rx_count, 2);
    assert_int_equal(e->uplink.rx[0].gateway, 0xa2); /* its best antenna, and first */
    assert_int_equal(e->uplink.rx[0].rssi_dbm, -50);
    assert_int_equal(e->uplink.rx[1].snr_cdb, 725);
    assert_null(rig_event(&rig));
    assert_int_equal(rig.host.reject_count, 0);
    rig_close(&rig);
}

#define IDS "\"end_device_ids\":{\"dev_eui\":\"0102030405060708\"}"

/* The fleet's versionDecoder, and the battery that the server was told. */
static void decoded_payloads_and_batteries_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *version;
        int battery; /* -1: nothing */
    } rows[] = {
        {"\"decoded_payload\":{\"fw\":\"1.4.3\"}", "1.4.3", -1},
        {"\"decoded_payload\":{\"fw\":{}}", "", -1},
        {"\"last_battery_percentage\":{\"f_cnt\":9,\"value\":64.6}", "", 64},
        {"\"last_battery_percentage\":{\"value\":101}", "", -1},
        {"\"f_cnt\":1", "", -1},
    };
    struct rig rig;
    setup(&rig);
    rig.host.version_pointer = "/fw";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[512];
        test_row(rows[i].json);
        snprintf(json, sizeof(json),
                 "{" IDS
                 ",\"uplink_message\":{\"f_port\":2,\"frm_payload\":\"AA==\",%s}}",
                 rows[i].json);
        deliver(&rig, TOPIC "d/up", json);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_string_equal(e->uplink.version, rows[i].version);
        e = rig_event(&rig);
        assert_int_equal(e != NULL, rows[i].battery >= 0);
        if (e != NULL) {
            assert_int_equal(e->type, FUO_EV_REPORTED);
            assert_int_equal(e->reported.battery_percent, rows[i].battery);
        }
    }
    rig_close(&rig);
}

static void the_reception_time_is_the_best_that_there_is(void **state)
{
#define AT "\"received_at\":\"2026-01-02T12:00:00Z\""
    static const struct {
        const char *name;
        const char *uplink;
        const char *root;
        int64_t us;
    } rows[] = {
        {"gps", "\"rx_metadata\":[{\"gps_time\":\"2026-01-02T11:59:59.5Z\"}]," AT, "",
         NOON - SECOND / 2},
        {"gps of a later reception",
         "\"rx_metadata\":[{},{\"gps_time\":\"2026-01-02T11:00:00Z\"}]," AT, "",
         NOON - 3600 * SECOND},
        {"gateway near the server",
         "\"rx_metadata\":[{\"time\":\"2026-01-02T11:59:58Z\"}]," AT, "",
         NOON - 2 * SECOND},
        {"gateway too early",
         "\"rx_metadata\":[{\"time\":\"2026-01-02T11:59:57.9Z\"}]," AT, "", NOON},
        {"gateway alone is not trusted",
         "\"rx_metadata\":[{\"time\":\"2026-01-02T11:59:58Z\"}]", "", 0},
        {"of the message", "\"f_cnt\":1", "," AT, NOON},
        {"no time", "\"f_cnt\":1", "", 0},
        {"not a time", "\"received_at\":\"noon\"", "", 0},
    };
    struct rig rig;
    (void)state;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[512];
        test_row(rows[i].name);
        snprintf(json, sizeof(json),
                 "{\"end_device_ids\":{\"dev_eui\":\"0102030405060708\"},"
                 "\"uplink_message\":{%s}%s}",
                 rows[i].uplink, rows[i].root);
        deliver(&rig, TOPIC "d/up", json);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_true(e->uplink.received_us == rows[i].us);
    }
    rig_close(&rig);
}

static void data_rates_are_those_of_the_plan(void **state)
{
    static const struct {
        const char *plan;
        const char *rate;
        uint8_t dr;
    } rows[] = {
        {"EU_863_870_TTN", "\"lora\":{\"bandwidth\":125000,\"spreading_factor\":12}", 0},
        {"EU_863_870_TTN", "\"lora\":{\"bandwidth\":250000,\"spreading_factor\":7}", 6},
        {"EU_863_870_TTN", "\"fsk\":{\"bit_rate\":50000}", 7},
        {"EU_863_870_TTN", "\"lrfhss\":{}", FUO_DR_UNKNOWN},
        {"EU_863_870_TTN", "\"lora\":{\"bandwidth\":125000,\"spreading_factor\":13}",
         FUO_DR_UNKNOWN},
        {"EU_863_870_TTN", "\"lora\":{\"bandwidth\":-1}", FUO_DR_UNKNOWN},
        {"US_902_928_FSB_2", "\"lora\":{\"bandwidth\":125000,\"spreading_factor\":10}",
         0},
        {"US_902_928_FSB_2", "\"lora\":{\"bandwidth\":125000,\"spreading_factor\":11}",
         FUO_DR_UNKNOWN},
        {"US_902_928_FSB_2", "\"lora\":{\"bandwidth\":500000,\"spreading_factor\":8}", 4},
        {"AU_915_928_FSB_2", "\"lora\":{\"bandwidth\":500000,\"spreading_factor\":8}", 6},
        {"AS_923", "\"lora\":{\"bandwidth\":125000,\"spreading_factor\":7}", 5},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct option_pair two[] = {{"application", UID},
                                    {"frequencyPlan", rows[i].plan}};
        struct rig rig;
        char json[256];
        test_row(rows[i].rate);
        rig_open(&rig, "tts", two, 2);
        snprintf(json, sizeof(json),
                 "{\"end_device_ids\":{\"dev_eui\":\"0102030405060708\"},"
                 "\"uplink_message\":{\"settings\":{\"data_rate\":{%s}}}}",
                 rows[i].rate);
        deliver(&rig, TOPIC "d/up", json);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_int_equal(e->uplink.dr, rows[i].dr);
        rig_close(&rig);
    }
}

static void unusable_messages_are_rejected_by_kind(void **state)
{
    static const struct {
        const char *topic;
        const char *json;
        const char *kind; /* NULL: passed over */
    } rows[] = {
        {TOPIC "d/up", "[]", "message that is not JSON"},
        {TOPIC "d/up", "", "message that is not JSON"},
        {TOPIC "d/up", "{} and more", "message that is not JSON"},
        {TOPIC "d/up", "{\"a\":\"\xff\"}", "message that is not JSON"},
        {TOPIC "d/up", "{}", "uplink of a device without a DevEUI"},
        {TOPIC "d/up", "{" IDS ",\"uplink_message\":{\"app_s_key\":{}}}",
         "uplink that is still encrypted: payload crypto is skipped on the server"},
        {TOPIC "d/up", "{" IDS ",\"uplink_message\":{\"frm_payload\":\"*\"}}",
         "uplink with an unusable payload"},
        {TOPIC "d/up", "{" IDS ",\"uplink_message\":{\"f_port\":256}}",
         "uplink with a number out of range"},
        {TOPIC "D!/up", "{}", "message on a topic of no device"},
        {"v3/app2/devices/d/up", "{}", "message on a topic of no device"},
        {TOPIC "d", "{}", "message on a topic of no device"},
        {TOPIC "d/up", "{" IDS ",\"simulated\":true,\"uplink_message\":{}}", NULL},
        {TOPIC "d/down/ack", "{}", NULL},
        {TOPIC "d/down/sent", "{\"downlink_sent\":{\"correlation_ids\":[\"x\",7]}}",
         NULL},
        {TOPIC "d/down/sent",
         "{\"downlink_sent\":{\"f_cnt\":-1,\"correlation_ids\":[\"fuotad:u:"
         "000000000000002a\"]}}",
         "downlink with a number out of range"},
    };
    struct rig rig;
    (void)state;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].json);
        rig.host.rejected = NULL;
        deliver(&rig, rows[i].topic, rows[i].json);
        assert_null(rig_event(&rig));
        if (rows[i].kind == NULL) {
            assert_null(rig.host.rejected);
        } else {
            assert_non_null(rig.host.rejected);
            assert_string_equal(rig.host.rejected, rows[i].kind);
        }
    }
    rig.loaded.plugin.on_mqtt(rig.ns, TOPIC "d/up", (const uint8_t *)"{}", 2, true);
    assert_string_equal(rig.host.rejected, "retained message");
    rig_close(&rig);
}

/* ---- class A downlinks ---- */

static int command(struct rig *rig, uint64_t id, int64_t expires_us)
{
    struct fuo_unicast downlink = {
        .id = id,
        .dev_eui = DEV_EUI,
        .payload = (const uint8_t *)"\1\2\3",
        .payload_len = 3,
        .expires_us = expires_us,
        .fport = 200,
    };
    return rig->loaded.plugin.unicast(rig->ns, &downlink);
}

static void published(struct rig *rig, int err)
{
    rig->loaded.plugin.on_published(rig->ns, rig->host.published.id, err);
}

static void a_downlink_is_pushed_to_the_device_by_its_name(void **state)
{
    struct rig rig;
    (void)state;
    setup(&rig);
    assert_int_equal(command(&rig, 42, 0), FUO_OK);
    assert_string_equal(rig.host.published.topic, TOPIC "eui-0102030405060708/down/push");
    hear(&rig, "meter-1", "2026-01-02T12:00:00Z");
    assert_non_null(rig_event(&rig));
    assert_int_equal(command(&rig, 42, 0), FUO_OK);
    assert_string_equal(rig.host.published.topic, TOPIC "meter-1/down/push");
    assert_int_equal(rig.host.published.qos, 0);
    struct json_object *json = json_tokener_parse(rig.host.published.payload);
    assert_string_equal(at(json, "/downlinks/0/f_port"), "200");
    assert_string_equal(at(json, "/downlinks/0/frm_payload"), "AQID");
    assert_string_equal(at(json, "/downlinks/0/confirmed"), "false");
    assert_string_equal(at(json, "/downlinks/0/priority"), "NORMAL");
    assert_string_equal(at(json, "/downlinks/0/correlation_ids/0"),
                        "fuotad:u:000000000000002a");
    assert_string_equal(at(json, "/downlinks/0/class_b_c"), "");
    json_object_put(json);
    assert_null(rig_event(&rig));
    published(&rig, FUO_EAGAIN);
    expect_result(&rig, 42, FUO_EAGAIN, 0);
    published(&rig, FUO_OK); /* twice: it is settled */
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

static void what_cannot_be_sent_is_refused_at_once(void **state)
{
    struct rig rig;
    struct fuo_unicast downlink = {.id = 1, .dev_eui = DEV_EUI, .fport = 0};
    uint8_t payload[243] = {0};
    (void)state;
    setup(&rig);
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_EINVAL);
    downlink.fport = 1;
    downlink.payload = payload;
    downlink.payload_len = sizeof(payload);
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_EINVAL);
    rig.host.refuse = FUO_EAGAIN;
    assert_int_equal(command(&rig, 1, 0), FUO_EAGAIN);
    assert_int_equal(rig.loaded.plugin.unicast_flush(rig.ns, 2, DEV_EUI), FUO_EAGAIN);
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

static void fates_are_told(void **state)
{
    static const struct {
        const char *type;
        const char *json;
        int fate; /* 0: none */
    } rows[] = {
        {"sent",
         "{" IDS ",\"downlink_sent\":{\"f_cnt\":7,\"correlation_ids\":[\"as:x\","
         "\"fuotad:u:000000000000002A\"]}}",
         FUO_FATE_SENT},
        {"sent",
         "{" IDS ",\"correlation_ids\":[\"fuotad:u:000000000000002a\"],"
         "\"downlink_sent\":{}}",
         FUO_FATE_SENT},
        {"failed",
         "{" IDS ",\"downlink_failed\":{\"downlink\":{\"correlation_ids\":[\"fuotad:u:"
         "000000000000002a\"]},\"error\":{\"name\":\"application_downlink_too_long\"}}}",
         FUO_FATE_REFUSED},
        {"failed",
         "{" IDS ",\"downlink_failed\":{\"downlink\":{\"correlation_ids\":[\"fuotad:u:"
         "000000000000002a\"]},\"error\":{\"name\":\"downlink_expired\"}}}",
         FUO_FATE_EXPIRED},
        {"queued",
         "{" IDS ",\"downlink_queued\":{\"correlation_ids\":[\"fuotad:u:"
         "000000000000002a\"]}}",
         0},
        {"sent",
         "{\"downlink_sent\":{\"correlation_ids\":[\"fuotad:u:"
         "000000000000002a\"]}}",
         0}, /* of which device? */
        {"sent",
         "{" IDS ",\"downlink_sent\":{\"correlation_ids\":[\"fuotad:x:"
         "000000000000002a\",\"fuotad:u:2a\"]}}",
         0},
    };
    struct rig rig;
    (void)state;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char topic[96];
        test_row(rows[i].json);
        snprintf(topic, sizeof(topic), TOPIC "meter-1/down/%s", rows[i].type);
        deliver(&rig, topic, rows[i].json);
        const struct fuo_event *e = rig_event(&rig);
        if (rows[i].fate == 0) {
            assert_null(e);
            continue;
        }
        assert_non_null(e);
        assert_int_equal(e->type, FUO_EV_FATE);
        assert_int_equal(e->fate.id, 42);
        assert_true(e->fate.dev_eui == DEV_EUI);
        assert_int_equal(e->fate.fate, rows[i].fate);
        assert_int_equal(e->fate.gateway, 0);
    }
    rig_close(&rig);
}

/* QoS 0: down/sent may be lost. ApplicationDownlink in downlink_ack, api/ttn/lorawan/v3/
 * messages.proto. */
static void what_a_device_acknowledges_has_left_and_is_told_once(void **state)
{
    static const char ack[] = "{" IDS ",\"downlink_ack\":{\"confirmed\":true,\"f_cnt\":7,"
                              "\"correlation_ids\":[\"fuotad:u:000000000000002a\"]}}";
    struct rig rig;
    (void)state;
    setup(&rig);
    for (int sent = 0; sent < 2; sent++) {
        test_row(sent ? "sent was heard" : "sent was lost");
        assert_int_equal(command(&rig, 42, 0), FUO_OK);
        if (sent) {
            deliver(&rig, TOPIC "meter-1/down/sent",
                    "{" IDS ",\"downlink_sent\":{\"correlation_ids\":[\"fuotad:u:"
                    "000000000000002a\"]}}");
        } else {
            deliver(&rig, TOPIC "meter-1/down/ack", ack);
        }
        const struct fuo_event *e = rig_event(&rig);
        assert_int_equal(e->type, FUO_EV_FATE);
        assert_int_equal(e->fate.id, 42);
        assert_int_equal(e->fate.fate, FUO_FATE_SENT);
        deliver(&rig, TOPIC "meter-1/down/ack", ack);
        assert_null(rig_event(&rig));
    }
    rig_close(&rig);
}

static void an_expired_downlink_is_taken_back_when_the_device_speaks(void **state)
{
    struct rig rig;
    (void)state;
    setup(&rig);
    assert_int_equal(command(&rig, 1, NOON - SECOND), FUO_OK);
    assert_int_equal(command(&rig, 2, 0), FUO_OK);
    assert_int_equal(command(&rig, 3, NOON + SECOND), FUO_OK);
    hear(&rig, "meter-1", "2026-01-02T12:00:00Z");
    const struct fuo_event *e = rig_event(&rig);
    assert_int_equal(e->type, FUO_EV_FATE);
    assert_int_equal(e->fate.id, 1);
    assert_int_equal(e->fate.fate, FUO_FATE_EXPIRED);
    assert_int_equal(rig_event(&rig)->type, FUO_EV_UPLINK);
    assert_string_equal(rig.host.published.topic, TOPIC "meter-1/down/replace");
    struct json_object *json = json_tokener_parse(rig.host.published.payload);
    assert_string_equal(at(json, "/downlinks/0/correlation_ids/0"),
                        "fuotad:u:0000000000000002");
    assert_string_equal(at(json, "/downlinks/1/correlation_ids/0"),
                        "fuotad:u:0000000000000003");
    assert_string_equal(at(json, "/downlinks/2"), "");
    json_object_put(json);
    published(&rig, FUO_OK); /* nobody asked for it */
    assert_null(rig_event(&rig));

    /* what was sent, or flushed, does not expire */
    size_t before = rig.host.publish_count;
    deliver(&rig, TOPIC "meter-1/down/sent",
            "{" IDS ",\"downlink_sent\":{\"correlation_ids\":[\"fuotad:u:"
            "0000000000000003\"]}}");
    assert_int_equal(rig_event(&rig)->fate.fate, FUO_FATE_SENT);
    hear(&rig, "meter-1", "2026-01-02T13:00:00Z");
    assert_int_equal(rig_event(&rig)->type, FUO_EV_UPLINK);
    assert_int_equal(rig.host.publish_count, before);
    rig_close(&rig);
}

static void a_flush_empties_the_queue(void **state)
{
    struct rig rig;
    (void)state;
    setup(&rig);
    assert_int_equal(command(&rig, 1, NOON - SECOND), FUO_OK);
    assert_int_equal(rig.loaded.plugin.unicast_flush(rig.ns, 9, DEV_EUI), FUO_OK);
    assert_string_equal(rig.host.published.topic,
                        TOPIC "eui-0102030405060708/down/replace");
    assert_string_equal(rig.host.published.payload, "{\"downlinks\":[]}");
    published(&rig, FUO_OK);
    expect_result(&rig, 9, FUO_OK, 0);
    hear(&rig, "eui-0102030405060708", "2026-01-02T12:00:00Z");
    assert_int_equal(rig_event(&rig)->type, FUO_EV_UPLINK); /* nothing expires any more */
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

TEST_MAIN(cmocka_unit_test(decoded_payloads_and_batteries_are_told),
          cmocka_unit_test(options_are_checked_with_a_sentence),
          cmocka_unit_test(it_subscribes_with_qos_0_and_has_absolute_times),
          cmocka_unit_test(an_uplink_arrives_with_all_that_it_carries),
          cmocka_unit_test(the_reception_time_is_the_best_that_there_is),
          cmocka_unit_test(data_rates_are_those_of_the_plan),
          cmocka_unit_test(unusable_messages_are_rejected_by_kind),
          cmocka_unit_test(a_downlink_is_pushed_to_the_device_by_its_name),
          cmocka_unit_test(what_cannot_be_sent_is_refused_at_once),
          cmocka_unit_test(fates_are_told),
          cmocka_unit_test(what_a_device_acknowledges_has_left_and_is_told_once),
          cmocka_unit_test(an_expired_downlink_is_taken_back_when_the_device_speaks),
          cmocka_unit_test(a_flush_empties_the_queue))

/* SPDX-License-Identifier: MIT */
/* test_chirpstack_topics.c - topics by templates, and what gateways tell of themselves. */
#include "fake_host.h"
#include "topics.h"

#include "base/hex.h"

#define APP "5a1c0e1e-0000-4000-8000-000000000001"
#define EUI "0102030405060708"

static void templates_make_filters_and_topics_and_are_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *filter;
        const char *topic; /* of the event up */
    } rows[] = {
        {TOPIC_EVENT, "application/" APP "/device/+/event/+",
         "application/" APP "/device/" EUI "/event/up"},
        {"{{ application_id }}/{{dev_eui}}/{{ event }}", APP "/+/+", APP "/" EUI "/up"},
        {"lns/{{dev_eui}}/{{event}}", "lns/+/+", "lns/" EUI "/up"},
        {"lns/app-{{application_id}}/x{{dev_eui}}-{{event}}.json/v1",
         "lns/app-" APP "/+/v1", "lns/app-" APP "/x" EUI "-up.json/v1"},
        {"{{application_id}}-{{dev_eui}}/{{event}}", "+/+", APP "-" EUI "/up"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char topic[TOPIC_SIZE];
        struct topic_device from = {0};
        test_row(rows[i].text);
        assert_null(topic_template_problem(rows[i].text, "event"));
        topic_filter(rows[i].text, APP, topic);
        assert_string_equal(topic, rows[i].filter);
        assert_true(topic_parse(rows[i].text, APP, rows[i].topic, &from));
        assert_true(from.dev_eui == UINT64_C(0x0102030405060708));
        assert_string_equal(from.kind, "up");
        topic_command(rows[i].text, APP, from.dev_eui, "up", topic);
        assert_string_equal(topic, rows[i].topic);
    }
}

static void topics_of_others_are_not_ours(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "application/5a1c0e1e-0000-4000-8000-000000000002/device/" EUI "/event/up",
        "application/" APP "/device/01020304050607/event/up",
        "application/" APP "/device/" EUI "x/event/up",
        "application/" APP "/device/" EUI "/event/",
        "application/" APP "/device/" EUI "/event/up/x",
        "application/" APP "/device/" EUI "/state/up",
        "application/" APP "/device/" EUI
        "/event/a-kind-of-event-that-nobody-has-ever-heard-of",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct topic_device from = {.dev_eui = 7};
        test_row(rows[i]);
        assert_false(topic_parse(TOPIC_EVENT, APP, rows[i], &from));
        assert_int_equal(from.dev_eui, 7);
    }
}

static void a_template_that_cannot_work_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"a/{{dev_eui}}", "tell"},
        {"a/{{event}}", "tell"},
        {"", "tell"},
        {"a/{{dev_eui}}/{{event}}/{{name}}", "placeholder"},
        {"a/{{dev_eui}}/{{event}", "placeholder"},
        {"a/{{}}/{{dev_eui}}/{{event}}", "placeholder"},
        {"a/{{dev_eui}}{{event}}", "in between"},
        {"a/+/{{dev_eui}}/{{event}}", "wildcard"},
        {"#/{{dev_eui}}/{{event}}", "wildcard"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "a"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/{{dev_eui}}/{{event}}",
         "long"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].text);
        const char *problem = topic_template_problem(rows[i].text, "event");
        assert_non_null(problem);
        assert_non_null(strstr(problem, rows[i].says));
        struct rig rig;
        struct option_pair options[] = {
            {"applicationId", APP}, {"tap", "off"}, {"eventTopic", rows[i].text}};
        rig_load(&rig, "chirpstack", options, ARRAY_LEN(options));
        assert_int_equal(rig.loaded.plugin.open(&rig.ns,
                                                plugin_options_config(rig.options),
                                                &fake_ops, &rig.host),
                         FUO_EINVAL);
        assert_non_null(strstr(rig.host.log, "eventTopic"));
        rig_close(&rig);
    }
}

static void prefixes_are_a_list(void **state)
{
    (void)state;
    struct topic_prefixes p;
    uint64_t gateway;
    size_t which;
    assert_true(topic_prefixes_parse("us915_0, site/us915_1", &p));
    assert_int_equal(p.count, 2);
    const char *rest = topic_of_gateway(
        &p, "site/us915_1/gateway/00000000000000a1/event/ack", &gateway, &which);
    assert_non_null(rest);
    assert_string_equal(rest, "/event/ack");
    assert_int_equal(gateway, 0xa1);
    assert_int_equal(which, 1);
    assert_non_null(
        topic_of_gateway(&p, "us915_0/gateway/a1/event/ack", &gateway, &which));
    assert_int_equal(gateway, 0);
    assert_null(topic_of_gateway(&p, "us915_2/gateway/00000000000000a1/event/ack",
                                 &gateway, &which));
    assert_true(topic_prefixes_parse("", &p));
    assert_non_null(
        topic_of_gateway(&p, "gateway/00000000000000a1/event/stats", &gateway, &which));
    assert_int_equal(gateway, 0xa1);
    assert_false(topic_prefixes_parse("us915_0,us/#", &p));
    assert_false(topic_prefixes_parse("a,b,c,d,e,f,g,h,i", &p));
    assert_false(topic_prefixes_parse(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &p));
}

static void deliver(struct rig *rig, const char *topic, const char *payload, size_t len,
                    bool retained)
{
    rig->loaded.plugin.on_mqtt(rig->ns, topic, (const uint8_t *)payload, len, retained);
}

static void a_server_with_topics_of_its_own_is_understood(void **state)
{
    (void)state;
    static const struct option_pair pairs[] = {
        {"applicationId", APP},
        {"eventTopic", "lns/{{dev_eui}}/{{event}}"},
        {"commandTopic", "lns/{{dev_eui}}/{{command}}"},
        {"regionTopic", "us915_0,us915_1"}};
    static const char up[] = "{\"fPort\":201,\"data\":\"AQID\",\"rxInfo\":[]}";
    static const uint8_t payload[] = {1};
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    assert_int_equal(rig.host.filter_count, 1 + 2 * 4);
    assert_string_equal(rig.host.filter, "us915_1/gateway/+/event/ack");
    deliver(&rig, "lns/" EUI "/up", up, sizeof(up) - 1, false);
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_UPLINK);
    struct fuo_unicast downlink = {.id = 1,
                                   .dev_eui = UINT64_C(0x0102030405060708),
                                   .payload = payload,
                                   .payload_len = 1,
                                   .fport = 200};
    assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_OK);
    assert_string_equal(rig.host.published.topic, "lns/" EUI "/down");
    deliver(&rig, "application/" APP "/device/" EUI "/event/up", up, sizeof(up) - 1,
            false);
    assert_null(rig_event(&rig));
    assert_int_equal(rig.host.reject_count, 1);
    rig_close(&rig);
}

/* As @chirpstack/chirpstack-api serializes them: GatewayStats with 7 heard, 5 given and 4
 * sent, ConnState ONLINE and, all defaults, OFFLINE. */
#define PB_STATS   "8a01103030303030303030303030303030613112060880e2cfaa06280738054004"
#define PB_ONLINE  "1a10303030303030303030303030303061311001"
#define PB_OFFLINE "1a1030303030303030303030303030306131"

static void a_gateway_tells_of_itself(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *payload; /* JSON, or hex */
        bool retained;
        bool online;
        bool counted;
    } rows[] = {
        {"event/stats",
         "{\"gatewayId\":\"00000000000000a1\",\"rxPacketsReceived\":7,"
         "\"txPacketsReceived\":5,\"txPacketsEmitted\":4}",
         false, true, true},
        {"event/stats", PB_STATS, false, true, true},
        {"state/conn", "{\"gatewayId\":\"00000000000000a1\",\"state\":\"ONLINE\"}", true,
         true, false},
        {"state/conn", "{\"gatewayId\":\"00000000000000a1\",\"state\":\"OFFLINE\"}", true,
         false, false},
        {"state/conn", "{\"gatewayId\":\"00000000000000a1\"}", false, false, false},
        {"state/conn", PB_ONLINE, true, true, false},
        {"state/conn", PB_OFFLINE, true, false, false},
    };
    static const struct option_pair pairs[] = {{"applicationId", APP}};
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char topic[TOPIC_SIZE];
        uint8_t bytes[256];
        size_t len = strlen(rows[i].payload);
        test_row(rows[i].payload);
        snprintf(topic, sizeof(topic), "eu868/gateway/00000000000000a1/%s", rows[i].what);
        memcpy(bytes, rows[i].payload, len);
        if (rows[i].payload[0] != '{') {
            len /= 2;
            assert_int_equal(hex_decode(rows[i].payload, 2 * len, bytes, len), FUO_OK);
        }
        deliver(&rig, topic, (const char *)bytes, len, rows[i].retained);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_int_equal(e->type, FUO_EV_GATEWAY);
        assert_int_equal(e->gateway.gateway, 0xa1);
        assert_true(e->gateway.online == rows[i].online);
        assert_true(e->gateway.counted == rows[i].counted);
        assert_int_equal(e->gateway.rx_count, rows[i].counted ? 7 : 0);
        assert_int_equal(e->gateway.tx_given, rows[i].counted ? 5 : 0);
        assert_int_equal(e->gateway.tx_sent, rows[i].counted ? 4 : 0);
    }
    assert_int_equal(rig.host.reject_count, 0);
    rig_close(&rig);
}

static void what_a_gateway_cannot_mean_is_counted(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *payload;
        bool retained;
    } rows[] = {
        {"event/stats", "{", false},
        {"event/stats", "\xff\xff", false},
        {"event/stats", "{\"txPacketsReceived\":99999999999}", false},
        {"event/stats", "{}", true}, /* of another day */
        {"state/conn", "{", true},
        {"state/conn", "\xff\xff", true},
        {"state/conn", "{\"state\":\"BROKEN\"}", true},
    };
    static const struct option_pair pairs[] = {{"applicationId", APP}};
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char topic[TOPIC_SIZE];
        test_row(rows[i].payload);
        snprintf(topic, sizeof(topic), "eu868/gateway/00000000000000a1/%s", rows[i].what);
        deliver(&rig, topic, rows[i].payload, strlen(rows[i].payload), rows[i].retained);
        assert_null(rig_event(&rig));
        assert_int_equal(rig.host.reject_count, i + 1);
    }
    rig_close(&rig);
}

static void a_clock_of_the_server_is_said_with_each_uplink(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int err;
    } rows[] = {{"fuotad", FUO_OK}, {"server", FUO_OK}, {"both", FUO_EINVAL}};
    static const char up[] = "{\"fPort\":202,\"data\":\"AQID\",\"rxInfo\":[]}";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        struct option_pair options[] = {
            {"applicationId", APP}, {"tap", "off"}, {"clockSync", rows[i].value}};
        rig_load(&rig, "chirpstack", options, ARRAY_LEN(options));
        assert_int_equal(rig.loaded.plugin.open(&rig.ns,
                                                plugin_options_config(rig.options),
                                                &fake_ops, &rig.host),
                         rows[i].err);
        if (rows[i].err == FUO_OK) {
            deliver(&rig, "application/" APP "/device/" EUI "/event/up", up,
                    sizeof(up) - 1, false);
            const struct fuo_event *e = rig_event(&rig);
            assert_non_null(e);
            assert_true(e->uplink.server_clock == (i == 1));
        } else {
            assert_non_null(strstr(rig.host.log, "clockSync"));
        }
        rig_close(&rig);
    }
}

TEST_MAIN(cmocka_unit_test(templates_make_filters_and_topics_and_are_read_back),
          cmocka_unit_test(topics_of_others_are_not_ours),
          cmocka_unit_test(a_template_that_cannot_work_is_refused),
          cmocka_unit_test(prefixes_are_a_list),
          cmocka_unit_test(a_server_with_topics_of_its_own_is_understood),
          cmocka_unit_test(a_gateway_tells_of_itself),
          cmocka_unit_test(a_clock_of_the_server_is_said_with_each_uplink),
          cmocka_unit_test(what_a_gateway_cannot_mean_is_counted))

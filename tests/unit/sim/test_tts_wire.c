/* SPDX-License-Identifier: MIT */
/* The Things Stack's JSON and HTTP as fuota-sim speaks them. */
#include "server_rig.h"

#include <json-c/json.h>

#include "fuota-sim/tts_json.h"
#include "fuota-sim/tts_rest.h"

#define UID "app1@ttn"

struct wire {
    struct directory_state state;
    struct sim_radio radio; /* zeroed, but where it is asked for */
    struct rig *rig;
    struct tts tts;
    struct prng prng;
    struct json_object *last; /* the last event */
    char topic[TTS_TOPIC_MAX];
};

static void note(void *ctx, const struct tts_event *event)
{
    struct wire *w = ctx;
    struct tts_json context = {&w->tts, UID, &w->prng};
    char *text = tts_event_json(&context, event);
    json_object_put(w->last);
    w->last = json_tokener_parse(text);
    assert_non_null(w->last);
    tts_topic(&context, event, w->topic);
    free(text);
}

static void wire_open(struct wire *w)
{
    *w = (struct wire){.rig = rig_open(), .prng = prng_seeded(1)};
    assert_int_equal(tts_init(&w->tts, &w->rig->cs, note, w), FUO_OK);
}

static void wire_close(struct wire *w)
{
    json_object_put(w->last);
    tts_free(&w->tts);
    rig_close(w->rig);
}

/* The text at a JSON pointer of the last event; "" if there is nothing. */
static const char *at(const struct wire *w, const char *pointer)
{
    struct json_object *o = NULL;
    if (json_pointer_get(w->last, pointer, &o) != 0) {
        return "";
    }
    return json_object_get_string(o);
}

/* ---- events ---- */

/* api/ttn/lorawan/v3/messages.proto, ApplicationUp and ApplicationUplink; 3.1 */
static void an_uplink_has_everything_of_the_real_one(void **state)
{
    struct wire w;
    (void)state;
    wire_open(&w);
    join_device(w.rig, 0);
    run(w.rig, SECONDS_US(10));
    struct cs_rx both[] = {{0, -80, 9}, {1, -100, -5}};
    uplink_at(w.rig, 0, false, both, 2);
    run(w.rig, SECONDS_US(1));
    struct cs_event event = {.type = CS_EVENT_UP, .device = &w.rig->cs.devices[0]};
    event.time = event.device->rx_time;
    tts_take(&w.tts, &event);
    assert_string_equal(w.topic, "v3/app1@ttn/devices/sim-00001/up");
    static const struct {
        const char *pointer;
        const char *text;
    } rows[] = {
        {"/end_device_ids/device_id", "sim-00001"},
        {"/end_device_ids/application_ids/application_id", "app1"},
        {"/end_device_ids/dev_eui", "00000000000000A1"},
        {"/end_device_ids/dev_addr", "26000000"},
        {"/uplink_message/f_port", "2"},
        {"/uplink_message/f_cnt", ""}, /* zero */
        {"/uplink_message/frm_payload", "aGk="},
        {"/uplink_message/rx_metadata/0/gateway_ids/gateway_id", "sim-gateway-1"},
        {"/uplink_message/rx_metadata/1/gateway_ids/eui", "00000000000000B2"},
        {"/uplink_message/rx_metadata/1/rssi", "-100"},
        {"/uplink_message/rx_metadata/0/gps_time", "2026-09-21T14:13:30.000000Z"},
        {"/uplink_message/settings/frequency", "868100000"},
        {"/uplink_message/settings/data_rate/lora/spreading_factor", "7"},
        {"/uplink_message/settings/data_rate/lora/bandwidth", "125000"},
        {"/uplink_message/confirmed", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].pointer);
        assert_string_equal(at(&w, rows[i].pointer), rows[i].text);
    }
    event.type = CS_EVENT_JOIN;
    tts_take(&w.tts, &event);
    assert_string_equal(w.topic, "v3/app1@ttn/devices/sim-00001/join");
    assert_string_not_equal(at(&w, "/join_accept/received_at"), "");
    wire_close(&w);
}

/* ---- pushes ---- */

static int parse(const char *json, struct tts_batch *batch)
{
    return tts_batch_parse((const uint8_t *)json, strlen(json), batch);
}

/* messages.proto, ApplicationDownlinks and ApplicationDownlink.ClassBC; 3.1 */
static void a_push_is_read_with_all_its_members(void **state)
{
    static struct tts_batch b;
    (void)state;
    assert_int_equal(
        parse(
            "{\"downlinks\":[{\"f_port\":201,\"frm_payload\":\"AQID\",\"priority\":"
            "\"HIGH\",\"correlation_ids\":[\"a:1\",\"b:2\"],\"class_b_c\":{\"gateways\":"
            "[{\"gateway_ids\":{\"gateway_id\":\"gw1\"}},{\"gateway_ids\":{\"gateway_"
            "id\":\"gw2\"},\"group_index\":1}],\"absolute_time\":\"2026-01-01T00:00:00Z"
            "\"},\"unknown\":{}},{\"f_port\":1,\"confirmed\":true}]}",
            &b),
        FUO_OK);
    assert_int_equal(b.count, 2);
    const struct tts_downlink *d = &b.downlinks[0];
    assert_int_equal(d->fport, 201);
    assert_int_equal(d->len, 3);
    assert_memory_equal(d->data, "\x01\x02\x03", 3);
    assert_int_equal(d->priority, TTS_PRIORITY_HIGH);
    assert_int_equal(d->correlation_count, 2);
    assert_string_equal(d->correlation_ids[1], "b:2");
    assert_int_equal(d->path_count, 2);
    assert_string_equal(d->paths[1].gateway_id, "gw2");
    assert_int_equal(d->paths[1].group_index, 1);
    assert_int_equal(d->absolute_time.us, SECONDS_US(INT64_C(1767225600)));
    assert_false(d->confirmed);
    d = &b.downlinks[1];
    assert_true(d->confirmed);
    assert_false(d->has_class_b_c);
    assert_int_equal(d->absolute_time.us, INT64_MAX);
    assert_int_equal(d->priority, TTS_PRIORITY_LOWEST);
    assert_int_equal(parse("{\"downlinks\":[]}", &b), FUO_OK);
    assert_int_equal(b.count, 0);
}

/* messages.proto: f_port 1 to 255 but 224, frm_payload at most 255 bytes */
static void wrong_pushes_are_refused(void **state)
{
    static struct tts_batch b;
    static const char *const rows[] = {
        "",
        "{",
        "[]",
        "{\"downlinks\":[7]}",
        "{\"downlinks\":[{\"f_port\":256}]}",
        "{\"downlinks\":[{\"f_port\":224}]}",
        "{\"downlinks\":[{\"f_port\":\"1\"}]}",
        "{\"downlinks\":[{\"f_port\":1,\"frm_payload\":\"*\"}]}",
        "{\"downlinks\":[{\"f_port\":1,\"frm_payload\":7}]}",
        "{\"downlinks\":[{\"f_port\":1,\"priority\":\"URGENT\"}]}",
        "{\"downlinks\":[{\"f_port\":1,\"class_b_c\":{\"absolute_time\":\"soon\"}}]}",
        "{\"downlinks\":[{\"f_port\":1,\"class_b_c\":{\"gateways\":[{}]}}]}",
        "{\"downlinks\":[{\"f_port\":1,\"correlation_ids\":[7]}]}",
    };
    static const char *const topics[] = {
        "v3/app1@ttn/devices/d1/up",          "v3/app1/devices/d1/down/push",
        "v3/app1@ttn/devices//down/push",     "v3/app1@ttn/devices/d1/down/queued",
        "v3/app1@ttn/devices/d1/down/push/x", "elsewhere",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i]);
        assert_int_equal(parse(rows[i], &b), FUO_EPROTO);
    }
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        test_row(topics[i]);
        assert_int_equal(tts_topic_parse(UID, topics[i], &b), FUO_ENOENT);
    }
    assert_int_equal(tts_topic_parse(UID, "v3/app1@ttn/devices/d1/down/replace", &b),
                     FUO_OK);
    assert_true(b.replace);
    assert_string_equal(b.device_id, "d1");
}

/* ---- HTTP ---- */

static unsigned http(struct wire *w, const char *method, const char *path,
                     const char *body)
{
    struct tts_rest rest = {&w->tts, w->rig->now, UID, "key", &w->state, &w->radio};
    struct httpd_call call = {
        .method = method,
        .path = path,
        .field_mask = "attributes,session",
        .content_type = "application/json",
        .authorization = "Bearer key",
        .body = (const uint8_t *)body,
        .len = strlen(body),
    };
    struct httpd_reply reply = {0};
    tts_rest_serve(&rest, &call, &reply);
    json_object_put(w->last);
    w->last = json_tokener_parse((const char *)reply.body);
    free(reply.body);
    return reply.status;
}

#define IS_URL "/api/v3/applications/app1/devices"
#define NS_URL "/api/v3/ns/applications/app1/devices/mc1"
#define AS_URL "/api/v3/as/applications/app1/devices/mc1"
#define KEY    "000102030405060708090A0B0C0D0E0F"

static const char is_body[] =
    "{\"end_device\":{\"ids\":{\"device_id\":\"mc1\",\"application_ids\":{\"application_"
    "id\":\"app1\"}},\"name\":\"mc\",\"attributes\":{\"gateways\":\"gw1\"}},"
    "\"field_mask\":{\"paths\":[\"name\",\"attributes\"]}}";
/* mac_settings has bare values: lorawan.proto, thethings.json.message wrapper; a real server
 * (v3.32.1) refuses objects: "invalid value type for enum: Object". */
#define NS_BODY(dr, frequency)                                                           \
    "{\"end_device\":{\"multicast\":true,\"supports_class_c\":true,\"lorawan_version\":" \
    "\"MAC_V1_0_3\",\"lorawan_phy_version\":\"PHY_V1_0_3_REV_A\",\"frequency_plan_id\":" \
    "\"EU_863_870\",\"session\":{\"dev_addr\":\"01020304\",\"keys\":{\"f_nwk_s_int_"     \
    "key\":"                                                                             \
    "{\"key\":\"" KEY "\"}},\"last_n_f_cnt_down\":8},\"mac_settings\":{\"rx2_data_rate_" \
    "index\":" dr ",\"rx2_frequency\":" frequency ","                                    \
    "\"class_b_c_downlink_interval\":\"0.5s\"}},\"field_mask\":{\"paths\":["             \
    "\"multicast\","                                                                     \
    "\"supports_class_c\",\"lorawan_version\",\"lorawan_phy_version\",\"frequency_plan_" \
    "id\",\"session\",\"mac_settings\"]}}"
static const char ns_body[] = NS_BODY("\"DATA_RATE_3\"", "\"869525000\"");
static const char wrapped_dr[] = NS_BODY("{\"value\":\"DATA_RATE_3\"}", "\"869525000\"");
static const char wrapped_frequency[] =
    NS_BODY("\"DATA_RATE_3\"", "{\"value\":\"869525000\"}");
static const char as_body[] =
    "{\"end_device\":{\"session\":{\"dev_addr\":\"01020304\",\"keys\":{\"app_s_key\":{"
    "\"key\":\"" KEY "\"}},\"last_a_f_cnt_down\":8}},\"field_mask\":{\"paths\":["
    "\"session.dev_addr\",\"session.keys.app_s_key.key\",\"session.last_a_f_cnt_down\"]}"
    "}";

/* 3.2; end_device_services.proto, networkserver.proto, applicationserver.proto */
static void a_virtual_device_is_made_by_three_calls_and_deleted_by_three(void **state)
{
    struct wire w;
    (void)state;
    wire_open(&w);
    assert_int_equal(http(&w, "POST", IS_URL, is_body), 200);
    assert_int_equal(http(&w, "POST", IS_URL, is_body), 409);
    assert_string_equal(at(&w, "/details/0/name"), "id_taken");
    assert_int_equal(http(&w, "PUT", NS_URL, wrapped_dr), 400);
    assert_int_equal(http(&w, "PUT", NS_URL, wrapped_frequency), 400);
    assert_int_equal(http(&w, "PUT", NS_URL, ns_body), 200);
    assert_int_equal(http(&w, "PUT", AS_URL, as_body), 200);
    const struct tts_virtual *v = tts_virtual_find(&w.tts, "mc1");
    assert_int_equal(v->ns.dev_addr, 0x01020304);
    assert_int_equal(v->ns.rx2_dr, 3);
    assert_int_equal(v->ns.rx2_frequency_hz, 869525000);
    assert_int_equal(v->ns.interval_us, 500000);
    assert_int_equal(v->ns.last_n_f_cnt_down, 8);
    assert_int_equal(v->ns.f_nwk_s_int_key.b[15], 15);
    assert_int_equal(v->as.last_a_f_cnt_down, 8);
    assert_int_equal(http(&w, "GET", IS_URL "/mc1", ""), 200);
    assert_string_equal(at(&w, "/attributes/gateways"), "gw1");
    assert_int_equal(http(&w, "GET", AS_URL, ""), 200);
    assert_string_equal(at(&w, "/session/last_a_f_cnt_down"), "8");
    assert_string_equal(at(&w, "/session/dev_addr"), "01020304");
    assert_int_equal(http(&w, "GET", IS_URL, ""), 200);
    assert_string_equal(at(&w, "/end_devices/0/ids/device_id"), "mc1");
    assert_int_equal(http(&w, "DELETE", AS_URL, ""), 200);
    assert_int_equal(http(&w, "DELETE", AS_URL, ""), 404);
    assert_int_equal(http(&w, "DELETE", NS_URL, ""), 200);
    assert_int_equal(http(&w, "DELETE", IS_URL "/mc1", ""), 200);
    assert_null(w.tts.virtuals);
    wire_close(&w);
}

/* applicationserver.proto, AppAs: /down/push, /down/replace, GET /down */
static void downlinks_are_pushed_and_listed(void **state)
{
    struct wire w;
    (void)state;
    wire_open(&w);
    assert_int_equal(http(&w, "POST", IS_URL, is_body), 200);
    assert_int_equal(http(&w, "PUT", NS_URL, ns_body), 200);
    assert_int_equal(http(&w, "PUT", AS_URL, as_body), 200);
    assert_int_equal(http(&w, "GET", AS_URL "/down", ""), 200);
    assert_string_equal(at(&w, "/downlinks"), "");
    assert_int_equal(
        http(&w, "POST", AS_URL "/down/push",
             "{\"downlinks\":[{\"f_port\":201,\"frm_payload\":\"AQID\",\"priority\":"
             "\"NORMAL\",\"correlation_ids\":[\"mine\"],\"class_b_c\":{\"gateways\":[{"
             "\"gateway_ids\":{\"gateway_id\":\"sim-gateway-1\"}}],\"absolute_time\":"
             "\"2026-09-21T15:00:00Z\"}}]}"),
        200);
    assert_int_equal(http(&w, "GET", AS_URL "/down", ""), 200);
    assert_string_equal(at(&w, "/downlinks/0/f_cnt"), "9");
    assert_string_equal(at(&w, "/downlinks/0/priority"), "NORMAL");
    assert_string_equal(at(&w, "/downlinks/0/correlation_ids/0"), "mine");
    assert_string_equal(
        at(&w, "/downlinks/0/class_b_c/gateways/0/gateway_ids/gateway_id"),
        "sim-gateway-1");
    assert_int_equal(
        http(&w, "POST", AS_URL "/down/push", "{\"downlinks\":[{\"f_port\":201}]}"), 404);
    assert_string_equal(at(&w, "/details/0/name"), "no_downlink_path");
    assert_int_equal(http(&w, "POST", AS_URL "/down/replace", "{\"downlinks\":[]}"), 200);
    assert_int_equal(http(&w, "GET", AS_URL "/down", ""), 200);
    assert_string_equal(at(&w, "/downlinks"), "");
    assert_int_equal(http(&w, "POST", AS_URL "/down/push", "{"), 400);
    wire_close(&w);
}

/* pkg/errors/http.go: gRPC codes as HTTP statuses */
static void wrong_calls_are_refused(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        unsigned status;
    } rows[] = {
        {"GET", "/", "", 404},
        {"GET", "/api/v3/applications/other/devices", "", 403},
        {"GET", "/api/v3/applications/app12/devices", "", 403},
        {"GET", IS_URL "/mc1", "", 404},
        {"GET", IS_URL "/mc1/down", "", 404},
        {"PATCH", NS_URL, "{}", 404},
        {"PUT", NS_URL, "", 400},
        {"PUT", NS_URL, "{}", 400},
        {"PUT", AS_URL, "{}", 400},
        {"PUT", IS_URL "/mc1", "{}", 404},
        {"POST", IS_URL, "", 400},
        {"POST", IS_URL, "{}", 400},
        {"DELETE", NS_URL, "", 404},
        {"GET", AS_URL "/down", "", 404},
        {"POST", AS_URL "/down/pull", "", 404},
        {"POST", AS_URL "/down/push", "{\"downlinks\":[{\"f_port\":1}]}", 404},
    };
    struct wire w;
    (void)state;
    wire_open(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].path);
        assert_int_equal(http(&w, rows[i].method, rows[i].path, rows[i].body),
                         rows[i].status);
    }
    assert_int_equal(http(&w, "GET", "/api/v3/applications/other/rights", ""), 200);
    assert_string_equal(at(&w, "/rights"), "");
    assert_int_equal(http(&w, "GET", "/api/v3/applications/app1/rights", ""), 200);
    assert_string_equal(at(&w, "/rights/0"), "RIGHT_APPLICATION_INFO");
    struct tts_rest rest = {&w.tts, w.rig->now, UID, "another key", &w.state, &w.radio};
    struct httpd_call call = {"GET", IS_URL, "", "", "Bearer key", NULL, 0};
    struct httpd_reply reply = {0};
    tts_rest_serve(&rest, &call, &reply);
    assert_int_equal(reply.status, 401);
    free(reply.body);
    wire_close(&w);
}

/* gatewayserver.proto, BatchGetGatewayConnectionStats; pkg/gatewayserver/grpc.go and
 * scheduling/sub_band.go, DutyCycleUtilization; 3.3 */
static void the_airtime_of_gateways_is_for_those_who_own_them(void **state)
{
#define STATS "/api/v3/gs/gateways/connection/stats"
    static const char both[] = "{\"gateway_ids\":[{\"gateway_id\":\"sim-gateway-1\"},{"
                               "\"gateway_id\":\"sim-gateway-2\"}],\"field_mask\":{"
                               "\"paths\":[\"sub_bands\"]}}";
    static const char one[] = "{\"gateway_ids\":[{\"gateway_id\":\"sim-gateway-1\"}]}";
    struct sim_radio_config config = {
        .region = region_get(REGION_EU868), .gateway_count = 2, .seed = 1};
    struct sim_emission e;
    struct wire w;
    (void)state;
    wire_open(&w);
    assert_int_equal(sim_radio_init(&w.radio, &config), FUO_OK);
    struct sim_tx_request tx = {
        .at = w.rig->now, .frequency_hz = 869525000, .dr = 0, .phy_bytes = 51};
    assert_int_equal(sim_radio_book(&w.radio, &tx, &e), TX_OK);
    w.rig->now = utc_after(w.rig->now, SECONDS_US(60));
    assert_int_equal(http(&w, "GET", "/api/v3/auth_info", ""), 200);
    assert_string_equal(at(&w, "/api_key/entity_ids/application_ids/application_id"),
                        "app1");
    assert_int_equal(http(&w, "POST", STATS, one), 403);
    assert_string_equal(at(&w, "/details/0/name"), "no_gateway_rights");
    assert_int_equal(http(&w, "GET", STATS, ""), 404);
    w.state.gateway_rights = true;
    assert_int_equal(http(&w, "GET", "/api/v3/auth_info", ""), 200);
    assert_string_equal(at(&w, "/api_key/api_key/rights/0"), "RIGHT_ALL");
    assert_int_equal(http(&w, "POST", STATS, "{}"), 400);
    assert_int_equal(http(&w, "POST", STATS, one), 200);
    assert_string_equal(at(&w, "/entries/sim-gateway-1/protocol"), "udp");
    assert_int_equal(http(&w, "POST", STATS, both), 200);
    assert_string_equal(at(&w, "/entries/sim-gateway-1/protocol"), "");
    assert_string_equal(at(&w, "/entries/sim-gateway-1/sub_bands/4/min_frequency"),
                        "869400000");
    assert_string_equal(at(&w, "/entries/sim-gateway-2/sub_bands/4/downlink_utilization"),
                        "");
    double used =
        strtod(at(&w, "/entries/sim-gateway-1/sub_bands/4/downlink_utilization"), NULL);
    assert_int_equal((int64_t)(used * 3600e6 + 0.5), e.airtime_us);
    w.radio.gateways[1].off = true; /* it is not connected */
    assert_int_equal(http(&w, "POST", STATS, both), 200);
    assert_string_equal(at(&w, "/entries/sim-gateway-2"), "");
    w.state.foreign_gateway = true; /* one without rights: for none */
    assert_int_equal(http(&w, "POST", STATS, both), 403);
    assert_int_equal(http(&w, "POST", STATS, one), 200);
    sim_radio_free(&w.radio);
    wire_close(&w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_uplink_has_everything_of_the_real_one),
        cmocka_unit_test(a_push_is_read_with_all_its_members),
        cmocka_unit_test(wrong_pushes_are_refused),
        cmocka_unit_test(a_virtual_device_is_made_by_three_calls_and_deleted_by_three),
        cmocka_unit_test(downlinks_are_pushed_and_listed),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(the_airtime_of_gateways_is_for_those_who_own_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_tts_airtime.c - what The Things Stack tells of its gateways' duty cycle, and to whom:
 * gatewayserver.proto (BatchGetGatewayConnectionStats), gateway.proto (GatewayConnectionStats),
 * pkg/gatewayserver/grpc.go; network-servers.md 3.3.
 */
#include "tts_rig.h"

#define STATS  "/api/v3/gs/gateways/connection/stats"
#define RIGHTS "/api/v3/applications/app1/rights"
#define AUTH   "/api/v3/auth_info"

static const uint64_t two[] = {0xa1, 0xa2};

static void start(struct rig *rig)
{
    setup(rig);
    hear(rig, "meter-1", "2026-01-02T12:00:00Z");
    assert_non_null(rig_event(rig));
}

static void ask(struct rig *rig, uint64_t id, size_t count)
{
    assert_int_equal(rig->loaded.plugin.gateway_airtime(rig->ns, id, two, count), FUO_OK);
}

static void expect_airtime(struct rig *rig, uint64_t gateway, uint32_t min_hz,
                           uint32_t used_ppm)
{
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_AIRTIME);
    assert_int_equal(e->airtime.gateway, gateway);
    assert_int_equal(e->airtime.min_hz, min_hz);
    assert_int_equal(e->airtime.used_ppm, used_ppm);
}

static void sub_bands_are_told_of_each_gateway(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    ask(&rig, 5, 2);
    assert_int_equal(rig.loaded.plugin.gateway_airtime(rig.ns, 6, two, 2), FUO_EAGAIN);
    struct json_object *json =
        json_tokener_parse((char *)expect(&rig, "POST", STATS)->body);
    assert_string_equal(at(json, "/gateway_ids/0/gateway_id"), "gw-a");
    assert_string_equal(at(json, "/gateway_ids/1/gateway_id"), "gw-b");
    assert_string_equal(at(json, "/field_mask/paths/0"), "sub_bands");
    json_object_put(json);
    answer(&rig, 200,
           "{\"entries\":{\"gw-a\":{\"sub_bands\":[{\"min_frequency\":\"869400000\","
           "\"max_frequency\":\"869650000\",\"downlink_utilization_limit\":0.1,"
           "\"downlink_utilization\":0.0125},{\"min_frequency\":\"868000000\","
           "\"max_frequency\":\"868600000\",\"downlink_utilization_limit\":0.01}]}}}");
    expect_airtime(&rig, 0xa1, 869400000, 12500);
    expect_airtime(&rig, 0xa1, 868000000, 0); /* a zero is left out */
    expect_result(&rig, 5, FUO_OK, 0);        /* gw-b is not connected */
    ask(&rig, 7, 2);                          /* the next one */
    rig_close(&rig);                          /* with it under way */
}

static void nonsense_is_rejected(void **state)
{
    static const char *const rows[] = {
        "{\"downlink_utilization\":1.5,\"min_frequency\":\"1\",\"max_frequency\":\"2\"}",
        "{\"downlink_utilization\":-1,\"min_frequency\":\"1\",\"max_frequency\":\"2\"}",
        "{\"min_frequency\":\"99999999999\",\"max_frequency\":\"2\"}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        char json[256];
        test_row(rows[i]);
        start(&rig);
        ask(&rig, 5, 1);
        snprintf(json, sizeof(json), "{\"entries\":{\"gw-a\":{\"sub_bands\":[%s]}}}",
                 rows[i]);
        answer(&rig, 200, json);
        assert_int_equal(rig.host.reject_count, 1);
        expect_result(&rig, 5, FUO_OK, 0);
        rig_close(&rig);
    }
}

/* One that is another's makes the server refuse for all: it is found, and left out. */
static void a_gateway_of_others_is_left_out(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    ask(&rig, 5, 2);
    refuse(&rig, 403, "no_gateway_rights");
    expect(&rig, "POST", STATS);
    assert_non_null(strstr((char *)expect(&rig, "POST", STATS)->body, "gw-a"));
    answer(&rig, 200, "{}");
    assert_non_null(strstr((char *)expect(&rig, "POST", STATS)->body, "gw-b"));
    refuse(&rig, 403, "no_gateway_rights");
    expect_result(&rig, 5, FUO_OK, 0);
    ask(&rig, 6, 2);
    assert_null(strstr((char *)expect(&rig, "POST", STATS)->body, "gw-b"));
    answer(&rig, 200, "{}");
    expect_result(&rig, 6, FUO_OK, 0);
    rig_close(&rig);
}

static void a_key_that_sees_none_is_told(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    ask(&rig, 5, 2);
    for (int i = 0; i < 3; i++) {
        expect(&rig, "POST", STATS);
        refuse(&rig, 403, "no_gateway_rights");
    }
    expect_result(&rig, 5, FUO_EPERM, 0);
    ask(&rig, 6, 2); /* nobody is asked */
    expect_result(&rig, 6, FUO_EPERM, 0);
    assert_int_equal(rig.loaded.plugin.probe(rig.ns, 7), FUO_OK);
    expect(&rig, "GET", RIGHTS);
    answer(&rig, 200, "{\"rights\":[\"RIGHT_APPLICATION_ALL\"]}");
    expect(&rig, "GET", AUTH);
    answer(&rig, 200, "{}");
    while (rig_event(&rig) != NULL) {
    }
    ask(&rig, 8, 1); /* from the beginning */
    expect(&rig, "POST", STATS);
    refuse(&rig, 429, "rate_limited");
    expect_result(&rig, 8, FUO_EAGAIN, 0);
    rig_close(&rig);
}

/* A gateway that is deleted is unknown to the server, which refuses for all as well. */
static void a_gateway_that_is_deleted_is_left_out(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    ask(&rig, 5, 2);
    refuse(&rig, 404, "gateway_not_found");
    assert_non_null(strstr((char *)expect(&rig, "POST", STATS)->body, "gw-a"));
    refuse(&rig, 404, "gateway_not_found");
    assert_non_null(strstr((char *)expect(&rig, "POST", STATS)->body, "gw-b"));
    answer(&rig, 200, "{}");
    expect_result(&rig, 5, FUO_OK, 0);
    ask(&rig, 6, 2);
    assert_null(strstr((char *)expect(&rig, "POST", STATS)->body, "gw-a"));
    answer(&rig, 200, "{}");
    expect_result(&rig, 6, FUO_OK, 0);
    rig_close(&rig);
}

/* Gateways from EUI 0x100 on, called "g0", "g1" and so on. */
static void hear_many(struct rig *rig, uint64_t *many, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char json[512];
        many[i] = 0x100 + i;
        snprintf(
            json, sizeof(json),
            "{\"end_device_ids\":{\"device_id\":\"m\",\"dev_eui\":\"0102030405060708\"},"
            "\"uplink_message\":{\"f_port\":2,\"frm_payload\":\"AQ==\",\"rx_metadata\":"
            "[{\"gateway_ids\":{\"gateway_id\":\"g%zu\",\"eui\":\"%016zX\"}}],"
            "\"received_at\":\"2026-01-02T12:00:00Z\"}}",
            i, (size_t)many[i]);
        deliver(rig, TOPIC "m/up", json);
        assert_non_null(rig_event(rig));
    }
}

static size_t refuse_all(struct rig *rig)
{
    size_t refused = 0;
    while (rig->host.answered_count < rig->host.request_count) {
        refuse(rig, 403, "no_gateway_rights");
        refused++;
    }
    return refused;
}

/* More are asked for than fit into a request, and all are refused: that costs a few only. */
static void many_gateways_are_asked_for_by_the_hundred(void **state)
{
    static uint64_t many[150];
    struct rig rig;
    (void)state;
    setup(&rig);
    hear_many(&rig, many, ARRAY_LEN(many));
    assert_int_equal(rig.loaded.plugin.gateway_airtime(rig.ns, 5, many, ARRAY_LEN(many)),
                     FUO_OK);
    answer(&rig, 200, "{}");
    expect(&rig, "POST", STATS);
    answer(&rig, 200, "{}");
    expect_result(&rig, 5, FUO_OK, 0);
    assert_int_equal(rig.loaded.plugin.gateway_airtime(rig.ns, 6, many, ARRAY_LEN(many)),
                     FUO_OK);
    assert_int_equal(refuse_all(&rig), 16);
    expect_result(&rig, 6, FUO_OK, 0); /* nothing is known of most of them */
    rig_close(&rig);
}

/* Is one of the first `foreign` gateways among those of a request? */
static bool names_foreign(const char *body, size_t foreign)
{
    for (size_t i = 0; i < foreign; i++) {
        char name[32];
        snprintf(name, sizeof(name), "\"g%zu\"", i);
        if (strstr(body, name) != NULL) {
            return true;
        }
    }
    return false;
}

/* As the server does it. How many requests were answered. */
static size_t refuse_foreign(struct rig *rig, size_t foreign)
{
    size_t given = 0;
    while (rig->host.answered_count < rig->host.request_count) {
        if (names_foreign((char *)expect(rig, "POST", STATS)->body, foreign)) {
            refuse(rig, 403, "no_gateway_rights");
        } else {
            answer(rig, 200, "{}");
            given++;
        }
    }
    return given;
}

/* The first ones by EUI are not the key's: its own are found by the questions that follow. */
static void own_gateways_are_found_behind_those_of_others(void **state)
{
    static uint64_t many[100];
    struct rig rig;
    size_t given = 0;
    (void)state;
    setup(&rig);
    hear_many(&rig, many, ARRAY_LEN(many));
    for (uint64_t id = 5; id < 9; id++) {
        assert_int_equal(
            rig.loaded.plugin.gateway_airtime(rig.ns, id, many, ARRAY_LEN(many)), FUO_OK);
        given = refuse_foreign(&rig, 8);
        assert_int_equal(given > 0, id > 5); /* the first is cut off before */
        expect_result(&rig, id, FUO_OK, 0);
    }
    assert_int_equal(given, 1); /* all that is left at once */
    rig_close(&rig);
}

/* None of 100 is the key's: that is told in the end. */
static void a_key_that_sees_none_of_many_is_told_in_the_end(void **state)
{
    static uint64_t many[100];
    struct rig rig;
    int err = FUO_OK;
    (void)state;
    setup(&rig);
    hear_many(&rig, many, ARRAY_LEN(many));
    for (uint64_t id = 1; id <= ARRAY_LEN(many) && err == FUO_OK; id++) {
        assert_int_equal(
            rig.loaded.plugin.gateway_airtime(rig.ns, id, many, ARRAY_LEN(many)), FUO_OK);
        assert_true(refuse_all(&rig) <= 16);
        const struct fuo_event *e = rig_event(&rig);
        assert_int_equal(e->type, FUO_EV_RESULT);
        err = e->result.err;
    }
    assert_int_equal(err, FUO_EPERM);
    rig_close(&rig);
}

/* identityserver.proto, AuthInfoResponse: an application's key has no rights elsewhere. */
static void a_key_without_the_right_is_named(void **state)
{
#define USER "\"entity_ids\":{\"user_ids\":{\"user_id\":\"me\"}}}}"
    static const struct {
        const char *name;
        int status;
        const char *json;
        bool found;
        bool asked; /* for airtime, from then on */
    } rows[] = {
        {"an application's", 200,
         "{\"api_key\":{\"api_key\":{\"rights\":[\"RIGHT_ALL\"]},\"entity_ids\":{"
         "\"application_ids\":{\"application_id\":\"app1\"}}}}",
         true, false},
        {"nobody knows, after that", 500, "{}", false, false},
        {"a user's without", 200,
         "{\"api_key\":{\"api_key\":{\"rights\":[\"RIGHT_APPLICATION_ALL\"]}," USER, true,
         false},
        {"a user's", 200,
         "{\"api_key\":{\"api_key\":{\"rights\":[\"RIGHT_GATEWAY_STATUS_READ\"]}," USER,
         false, true},
        {"all of gateways", 200,
         "{\"api_key\":{\"api_key\":{\"rights\":[\"RIGHT_GATEWAY_ALL\"]}," USER, false,
         true},
        {"all there is", 200,
         "{\"api_key\":{\"api_key\":{\"rights\":[\"RIGHT_ALL\"]}," USER, false, true},
        {"nobody knows", 500, "{}", false, true},
        {"no key", 200, "{\"oauth_access_token\":{}}", true, true},
    };
    struct rig rig;
    (void)state;
    start(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(rig.loaded.plugin.probe(rig.ns, 50), FUO_OK);
        answer(&rig, 200, "{\"rights\":[\"RIGHT_APPLICATION_ALL\"]}");
        expect(&rig, "GET", AUTH);
        answer(&rig, rows[i].status, rows[i].json);
        if (rows[i].found) {
            const struct fuo_event *e = rig_event(&rig);
            assert_int_equal(e->type, FUO_EV_FINDING);
            assert_false(e->finding.fatal);
            assert_non_null(strstr(e->finding.text, "RIGHT_GATEWAY_STATUS_READ"));
        }
        expect_result(&rig, 50, FUO_OK, 0);
        ask(&rig, 51, 1);
        if (rows[i].asked) {
            expect(&rig, "POST", STATS);
            answer(&rig, 200, "{}");
        }
        expect_result(&rig, 51, rows[i].asked ? FUO_OK : FUO_EPERM, 0);
    }
    rig_close(&rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sub_bands_are_told_of_each_gateway),
        cmocka_unit_test(nonsense_is_rejected),
        cmocka_unit_test(a_gateway_of_others_is_left_out),
        cmocka_unit_test(a_key_that_sees_none_is_told),
        cmocka_unit_test(a_gateway_that_is_deleted_is_left_out),
        cmocka_unit_test(many_gateways_are_asked_for_by_the_hundred),
        cmocka_unit_test(own_gateways_are_found_behind_those_of_others),
        cmocka_unit_test(a_key_that_sees_none_of_many_is_told_in_the_end),
        cmocka_unit_test(a_key_without_the_right_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

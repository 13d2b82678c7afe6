/* SPDX-License-Identifier: MIT */
/* test_tts_group.c - virtual multicast devices: every step, every way it can fail. */
#include "tts_group.h"

/* ---- opening ---- */

static void a_group_is_a_device_in_three_registries(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    begin(&rig);
    expect(&rig, "GET", LOOK);
    refuse(&rig, 404, "device_not_found");

    struct fake_request *r = expect(&rig, "POST", IS);
    struct json_object *json = json_tokener_parse((char *)r->body);
    assert_string_equal(r->content_type, "application/json");
    assert_string_equal(at(json, "/end_device/ids/device_id"), HANDLE);
    assert_string_equal(at(json, "/end_device/ids/application_ids/application_id"),
                        "app1");
    assert_string_equal(at(json, "/end_device/name"), "fuotad-d-wm1-3");
    assert_string_equal(at(json, "/end_device/attributes/fuotad-gateways-0"),
                        "gw-a,gw-b");
    assert_string_equal(at(json, "/field_mask/paths/2"), "attributes");
    assert_string_equal(at(json, "/field_mask/paths/3"), ""); /* no serverAddress */
    json_object_put(json);
    answer(&rig, 200, "{}");

    r = expect(&rig, "PUT", NS HANDLE);
    json = json_tokener_parse((char *)r->body);
    static const struct {
        const char *pointer;
        const char *text;
    } rows[] = {
        {"/multicast", "true"},
        {"/supports_class_c", "true"},
        {"/supports_join", "false"},
        {"/lorawan_version", "MAC_V1_0_3"},
        {"/lorawan_phy_version", "PHY_V1_0_3_REV_A"},
        {"/frequency_plan_id", "EU_863_870"},
        {"/session/dev_addr", "01AB23CD"},
        {"/session/keys/f_nwk_s_int_key/key", "A0010203000000000000000000000000"},
        {"/session/last_n_f_cnt_down", "4"},
        {"/mac_settings/rx2_data_rate_index", "DATA_RATE_3"},
        {"/mac_settings/rx2_frequency", "869525000"},
        {"/mac_settings/class_b_c_downlink_interval", "0.1s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char pointer[96];
        test_row(rows[i].pointer);
        snprintf(pointer, sizeof(pointer), "/end_device%s", rows[i].pointer);
        assert_string_equal(at(json, pointer), rows[i].text);
    }
    json_object_put(json);
    answer(&rig, 200, "{}");

    r = expect(&rig, "PUT", AS HANDLE);
    json = json_tokener_parse((char *)r->body);
    assert_string_equal(at(json, "/end_device/session/dev_addr"), "01AB23CD");
    assert_string_equal(at(json, "/end_device/session/keys/app_s_key/key"),
                        "B0010203000000000000000000000000");
    assert_string_equal(at(json, "/end_device/session/last_a_f_cnt_down"), "4");
    json_object_put(json);
    answer(&rig, 200, "{}");
    expect_group(&rig, FUO_OK, 5);
    rig_close(&rig);
}

static void the_console_is_told_the_address_of_the_server(void **state)
{
    struct option_pair two[] = {{"application", UID}, {"serverAddress", "tts.example"}};
    struct rig rig;
    (void)state;
    rig_open(&rig, "tts", two, 2);
    hear(&rig, "meter-1", "2026-01-02T12:00:00Z");
    assert_non_null(rig_event(&rig));
    begin(&rig);
    refuse(&rig, 404, "device_not_found");
    struct fake_request *r = expect(&rig, "POST", IS);
    struct json_object *json = json_tokener_parse((char *)r->body);
    assert_string_equal(at(json, "/end_device/network_server_address"), "tts.example");
    assert_string_equal(at(json, "/end_device/application_server_address"),
                        "tts.example");
    assert_string_equal(at(json, "/field_mask/paths/4"), "application_server_address");
    json_object_put(json);
    rig_close(&rig);
}

static void a_group_that_is_there_goes_on_with_its_counter(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    begin(&rig);
    answer(&rig, 200,
           "{\"session\":{\"dev_addr\":\"01AB23CD\",\"last_a_f_cnt_down\":41}}");
    expect_group(&rig, FUO_OK, 42);
    rig_close(&rig);
}

static void a_device_of_that_name_with_another_address_is_left_alone(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    begin(&rig);
    answer(&rig, 200, "{\"session\":{\"dev_addr\":\"01AB23CE\"}}");
    expect_group(&rig, FUO_EEXIST, 0);
    rig_close(&rig);
}

/* The first frame of a fresh key: the server begins at 1. */
static void the_server_counts_from_1(void **state)
{
    struct rig rig;
    struct fuo_group group = group_intent();
    (void)state;
    start(&rig);
    group.f_cnt = 0;
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_OK);
    refuse(&rig, 404, "device_not_found");
    refuse(&rig, 409, "id_taken"); /* half of it is left: go on */
    answer(&rig, 200, "{}");
    answer(&rig, 200, "{}");
    expect_group(&rig, FUO_OK, 1);
    rig_close(&rig);
}

/* ---- what goes wrong ---- */

static void steps_that_are_refused(void **state)
{
    static const struct {
        const char *name;
        int step; /* that fails: 0 look, 1 IS, 2 NS, 3 AS */
        int status;
        int err;
        bool clean_up;
    } rows[] = {
        {"wrong key", 0, 401, FUO_EPERM, false},
        {"too many calls", 0, 429, FUO_EAGAIN, false},
        {"no right to write devices", 1, 403, FUO_EPERM, true},
        {"server away at IS", 1, 503, FUO_EAGAIN, false},
        {"no such frequency plan", 2, 400, FUO_EPROTO, true},
        {"server broken at NS", 2, 500, FUO_ETIMEDOUT, false},
        {"no right to write keys", 3, 403, FUO_EPERM, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        test_row(rows[i].name);
        start(&rig);
        begin(&rig);
        for (int step = 0; step < rows[i].step; step++) {
            answer(&rig, step == 0 ? 404 : 200, "{}");
        }
        refuse(&rig, rows[i].status, "some_error");
        if (rows[i].clean_up) {
            expect(&rig, "DELETE", AS HANDLE);
            refuse(&rig, 404, "device_not_found");
            expect(&rig, "DELETE", NS HANDLE);
            answer(&rig, 200, "{}");
            expect(&rig, "DELETE", IS "/" HANDLE);
            answer(&rig, 200, "{}");
        }
        expect_group(&rig, rows[i].err, 0);
        assert_non_null(strstr(rig.host.log, "error:pkg/some:some_error (words)"));
        rig_close(&rig);
    }
}

static void answers_that_are_none(void **state)
{
    static const struct {
        const char *name;
        struct fuo_http_response response;
        int err;
        const char *log;
    } rows[] = {
        {"not sent", {.err = FUO_EAGAIN}, FUO_EAGAIN, "the server is away"},
        {"no answer", {.err = FUO_ETIMEDOUT}, FUO_ETIMEDOUT, "no answer in time"},
        {"a web page",
         {.status = 200, .body = (const uint8_t *)"<html>", .body_len = 6},
         FUO_EPROTO,
         "not JSON"},
        {"a bad gateway",
         {.status = 502, .body = (const uint8_t *)"<html>", .body_len = 6},
         FUO_ETIMEDOUT,
         "HTTP status 502 without a word"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        test_row(rows[i].name);
        start(&rig);
        begin(&rig);
        respond(&rig, &rows[i].response);
        expect_group(&rig, rows[i].err, 0);
        assert_non_null(strstr(rig.host.log, rows[i].log));
        rig_close(&rig);
    }
}

/* lorawan.proto, PingSlotPeriod; mac/utils.go, DeviceDefaultClass(): class C would win. */
static void a_group_of_class_b_has_ping_slots(void **state)
{
    static const struct {
        const char *pointer;
        const char *text;
    } rows[] = {
        {"/end_device/multicast", "true"},
        {"/end_device/supports_class_b", "true"},
        {"/end_device/supports_class_c", ""},
        {"/end_device/mac_settings/ping_slot_periodicity", "PING_EVERY_8S"},
        {"/end_device/mac_settings/ping_slot_data_rate_index", "DATA_RATE_3"},
        {"/end_device/mac_settings/ping_slot_frequency", "869525000"},
        {"/end_device/mac_settings/rx2_frequency", ""},
        {"/field_mask/paths/1", "supports_class_b"},
        {"/field_mask/paths/9", "mac_settings.ping_slot_periodicity"},
    };
    struct rig rig;
    struct fuo_group group = group_intent();
    (void)state;
    start(&rig);
    group.device_class = 'B';
    group.ping_slot_periodicity = 8;
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_EINVAL);
    group.ping_slot_periodicity = 3;
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_OK);
    refuse(&rig, 404, "device_not_found");
    answer(&rig, 200, "{}");
    struct json_object *json =
        json_tokener_parse((char *)expect(&rig, "PUT", NS HANDLE)->body);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].pointer);
        assert_string_equal(at(json, rows[i].pointer), rows[i].text);
    }
    json_object_put(json);
    rig_close(&rig);
}

static void groups_that_cannot_be(void **state)
{
    static const struct {
        const char *name;
        char device_class;
        const char *region;
        size_t gateway_count;
        int err;
        const char *log;
    } rows[] = {
        {"another region", 'C', "US915", 2, FUO_EINVAL, "frequencyPlan"},
        {"no gateways", 'C', "EU868", 0, FUO_EINVAL, "the server chooses none"},
        {"too many gateways", 'C', "EU868", 33, FUO_EINVAL, "1 to 32 gateways"},
    };
    struct rig rig;
    uint64_t many[33] = {0xa1};
    (void)state;
    start(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuo_group group = group_intent();
        test_row(rows[i].name);
        group.device_class = rows[i].device_class;
        group.region = rows[i].region;
        group.gateways = many;
        group.gateway_count = rows[i].gateway_count;
        assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), rows[i].err);
        assert_non_null(strstr(rig.host.log, rows[i].log));
    }
    struct fuo_group group = group_intent();
    uint64_t unheard[] = {0xa1, 0xdead};
    group.gateways = unheard;
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_EAGAIN);
    assert_non_null(strstr(rig.host.log, "gateway 000000000000dead has not been heard"));
    rig.host.refuse = FUO_EAGAIN;
    group = group_intent();
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_EAGAIN);
    assert_null(rig_event(&rig));
    assert_int_equal(rig.host.request_count, 0);
    rig_close(&rig);
}

/* ---- closing ---- */

static void closing_deletes_in_reverse_and_does_not_mind_what_is_gone(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    open_all(&rig);
    assert_int_equal(rig.loaded.plugin.group_close(rig.ns, 8, HANDLE), FUO_OK);
    expect(&rig, "DELETE", AS HANDLE);
    answer(&rig, 200, "{}");
    expect(&rig, "DELETE", NS HANDLE);
    refuse(&rig, 404, "device_not_found");
    expect(&rig, "DELETE", IS "/" HANDLE);
    answer(&rig, 200, "{}");
    expect_result(&rig, 8, FUO_OK, 0);
    assert_int_equal(rig.loaded.plugin.group_close(rig.ns, 9, HANDLE), FUO_OK);
    refuse(&rig, 429, "rate_limit");
    expect_result(&rig, 9, FUO_EAGAIN, 0);
    assert_int_equal(rig.loaded.plugin.group_close(
                         rig.ns, 10, "a-handle-that-is-longer-than-any-device"),
                     FUO_EINVAL);
    rig_close(&rig);
}

TEST_MAIN(cmocka_unit_test(a_group_is_a_device_in_three_registries),
          cmocka_unit_test(the_console_is_told_the_address_of_the_server),
          cmocka_unit_test(a_group_that_is_there_goes_on_with_its_counter),
          cmocka_unit_test(a_device_of_that_name_with_another_address_is_left_alone),
          cmocka_unit_test(the_server_counts_from_1),
          cmocka_unit_test(steps_that_are_refused),
          cmocka_unit_test(answers_that_are_none),
          cmocka_unit_test(a_group_of_class_b_has_ping_slots),
          cmocka_unit_test(groups_that_cannot_be),
          cmocka_unit_test(closing_deletes_in_reverse_and_does_not_mind_what_is_gone))

/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "loop/render.h"

static void assert_json(struct json_object *object, const char *want)
{
    assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
                        want);
    json_object_put(object);
}

static void a_device_that_is_done(void **state)
{
    (void)state;
    struct member_rec member = {
        .dev_eui = 0x0011223344556677,
        .phase = MEMBER_ENDED,
        .state = FW_IDLE,
        .result = FW_RESULT_SUCCESS,
        .source = FW_REPORTED,
        .outcome = OUTCOME_SUCCEEDED,
        .reason = REASON_VERIFIED,
        .version_before = 1,
        .version_before_known = true,
        .version_after = 0xffffffff,
        .version_after_known = true,
        .received = 12,
        .missing = 0,
        .tries = 2,
        .changed = {SECONDS_US(1770000000)},
    };
    assert_json(render_result(&member),
                "{\"dev_eui\":\"0011223344556677\",\"state\":0,\"result\":1,\"source\":"
                "\"reported\",\"outcome\":\"succeeded\",\"reason\":\"verified\","
                "\"version_before\":1,\"version\":4294967295,\"time\":"
                "\"2026-02-02T02:40:00.000000Z\"}");
    struct json_object *object = render_member(&member);
    struct json_object *value = NULL;
    assert_true(json_object_object_get_ex(object, "missing", &value));
    assert_int_equal(json_object_get_int(value), 0);
    assert_true(json_object_object_get_ex(object, "reason_text", &value));
    assert_string_equal(json_object_get_string(value), "the new version was reported");
    json_object_put(object);
}

static void what_is_not_known_is_null(void **state)
{
    (void)state;
    struct report_rec report = {.state = RECORD_NEVER, .result = RECORD_NEVER};
    assert_json(render_report(&report),
                "{\"state\":null,\"result\":null,\"package_version\":null,"
                "\"firmware_version\":null,\"time\":null}");
    report = (struct report_rec){.state = 2,
                                 .package_version = "1.4.3",
                                 .firmware_version = "1.4.2",
                                 .at = {SECONDS_US(1770000000)}};
    assert_json(render_report(&report),
                "{\"state\":2,\"result\":0,\"package_version\":\"1.4.3\","
                "\"firmware_version\":\"1.4.2\","
                "\"time\":\"2026-02-02T02:40:00.000000Z\"}");
    assert_null(render_report(NULL));
    struct member_rec member = {.missing = UINT16_MAX};
    assert_json(render_result(&member),
                "{\"dev_eui\":\"0000000000000000\",\"state\":0,\"result\":0,\"source\":"
                "\"inferred\",\"outcome\":\"none\",\"reason\":\"none\","
                "\"version_before\":null,\"version\":null,\"time\":null}");
    struct json_object *object = render_member(&member);
    struct json_object *value = object;
    assert_true(json_object_object_get_ex(object, "missing", &value));
    assert_null(value);
    json_object_put(object);
}

static void a_session_says_where_it_stands(void **state)
{
    (void)state;
    struct transmission_rec rec = {
        .id = 4,
        .phase = TX_SENDING,
        .dr = 5,
        .frequency_hz = 869525000,
        .frag_size_bytes = 50,
        .frag_count = 20,
        .next_n = 7,
        .target_n = 22,
        .colour_count = 2,
    };
    static const struct lane_rec lanes[] = {
        {.gateways = {0xabc}, .gateway_count = 1, .frames_handed = 6},
        {.no = 1, .colour = 1, .gateways = {1, 2}, .gateway_count = 2, .lost = true},
    };
    const struct lane_rec *const list[] = {&lanes[0], &lanes[1]};
    struct render_session session = {
        .rec = &rec, .lanes = list, .lane_count = ARRAY_LEN(list), .members = 9};
    assert_json(render_session(&session),
                "{\"id\":4,\"phase\":\"sending\",\"dr\":5,\"uncoded\":20,\"next\":7,"
                "\"target\":22,\"members\":9,\"start\":null,\"end\":null,"
                "\"frequency_hz\":869525000,\"fragment_size\":50,\"copies\":1,"
                "\"repair_rounds\":0,\"gateways\":[\"0000000000000abc\","
                "\"0000000000000001\",\"0000000000000002\"],\"colours\":2,\"lanes\":["
                "{\"lane\":0,\"colour\":0,\"gateways\":[\"0000000000000abc\"],"
                "\"frames\":6,\"lost\":false},"
                "{\"lane\":1,\"colour\":1,\"gateways\":[\"0000000000000001\","
                "\"0000000000000002\"],\"frames\":0,\"lost\":true}]}");
}

static void links_of_a_device_are_listed(void **state)
{
    (void)state;
    struct device_rec device = {.link_count = 1, .link = {{0xabc, -150, 75, 980}}};
    assert_json(render_links(&device),
                "[{\"gateway\":\"0000000000000abc\",\"snr_p10_cdb\":-150,"
                "\"snr_p50_cdb\":75,\"heard_ppk\":980}]");
    device.link_count = 0;
    assert_json(render_links(&device), "[]");
}

static void the_state_of_the_daemon(void **state)
{
    (void)state;
    assert_json(
        render_daemon_state("ready", 3, (struct utc){SECONDS_US(1770000000)}),
        "{\"state\":\"ready\",\"boot\":3,\"ts\":\"2026-02-02T02:40:00.000000Z\"}");
}

static void a_line_of_history(void **state)
{
    (void)state;
    struct history_rec row = {.at = {SECONDS_US(1770000000)}, .state = FW_UPDATING};
    assert_json(render_history(&row),
                "{\"time\":\"2026-02-02T02:40:00.000000Z\",\"phase\":\"waiting\","
                "\"state\":3,\"result\":0,\"source\":\"inferred\",\"outcome\":\"none\","
                "\"reason\":\"none\"}");
}

TEST_MAIN(cmocka_unit_test(a_device_that_is_done),
          cmocka_unit_test(what_is_not_known_is_null),
          cmocka_unit_test(a_session_says_where_it_stands),
          cmocka_unit_test(links_of_a_device_are_listed),
          cmocka_unit_test(the_state_of_the_daemon), cmocka_unit_test(a_line_of_history))

/* SPDX-License-Identifier: MIT */
/* test_tts_frames.c - frames of a multicast device, their answers and their queue. */
#include "tts_group.h"

/* ---- frames ---- */

static struct fuo_multicast frame_intent(uint64_t id)
{
    return (struct fuo_multicast){
        .id = id,
        .group = HANDLE,
        .payload = (const uint8_t *)"\1\2\3",
        .payload_len = 3,
        .fport = 201,
        .at_us = INT64_C(1767355200250000),
    };
}

static void send(struct rig *rig, uint64_t id)
{
    struct fuo_multicast frame = frame_intent(id);
    assert_int_equal(rig->loaded.plugin.multicast(rig->ns, &frame), FUO_OK);
}

static void tell(struct rig *rig, const char *type, uint64_t id, const char *error)
{
    char topic[128];
    char json[512];
    bool failed = strcmp(type, "failed") == 0;
    snprintf(topic, sizeof(topic), TOPIC HANDLE "/down/%s", type);
    snprintf(json, sizeof(json),
             failed ? "{\"downlink_%s\":{\"downlink\":{\"f_cnt\":9,\"correlation_ids\":["
                      "\"fuotad:m:%016llx\"]},\"error\":{\"name\":\"%s\"}}}"
                    : "{\"downlink_%s\":{\"f_cnt\":9,\"correlation_ids\":[\"fuotad:m:"
                      "%016llx\"]}%s}",
             type, (unsigned long long)id, error);
    deliver(rig, topic, json);
}

static void a_frame_has_a_time_and_every_gateway_a_group_index(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    open_all(&rig);
    send(&rig, 11);
    assert_string_equal(rig.host.published.topic, TOPIC HANDLE "/down/push");
    assert_int_equal(rig.host.published.qos, 0);
    struct json_object *json = json_tokener_parse(rig.host.published.payload);
    static const struct {
        const char *pointer;
        const char *text;
    } rows[] = {
        {"/f_port", "201"},
        {"/frm_payload", "AQID"},
        {"/priority", "NORMAL"},
        {"/correlation_ids/0", "fuotad:m:000000000000000b"},
        {"/class_b_c/absolute_time", "2026-01-02T12:00:00.250000Z"},
        {"/class_b_c/gateways/0/gateway_ids/gateway_id", "gw-a"},
        {"/class_b_c/gateways/0/group_index", "0"},
        {"/class_b_c/gateways/1/gateway_ids/gateway_id", "gw-b"},
        {"/class_b_c/gateways/1/group_index", "1"},
        {"/class_b_c/gateways/2", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char pointer[96];
        test_row(rows[i].pointer);
        snprintf(pointer, sizeof(pointer), "/downlinks/0%s", rows[i].pointer);
        assert_string_equal(at(json, pointer), rows[i].text);
    }
    json_object_put(json);
    rig.loaded.plugin.on_published(rig.ns, rig.host.published.id, FUO_OK);
    assert_null(rig_event(&rig)); /* sent is not taken */
    tell(&rig, "queued", 11, "");
    expect_result(&rig, 11, FUO_OK, 9);
    tell(&rig, "queued", 11, "");
    tell(&rig, "sent", 11, "");
    tell(&rig, "failed", 11, "absolute_time"); /* lost after that: the log knows */
    assert_null(rig_event(&rig));
    assert_non_null(strstr(rig.host.log, "a multicast frame failed: absolute_time"));
    rig_close(&rig);
}

static void refused_frames_have_a_reason(void **state)
{
    static const struct {
        const char *error;
        int err;
    } rows[] = {
        {"downlink_expired", FUO_EEXPIRED},
        {"absolute_time", FUO_EDUTY},
        {"fixed_paths", FUO_EAGAIN},
        {"device_not_found", FUO_ENOENT},
        {"no_device_session", FUO_ENOENT},
        {"downlink_queue_capacity", FUO_EAGAIN},
        {"application_downlink_too_long", FUO_ERANGE},
        {"something new", FUO_EPROTO},
    };
    struct rig rig;
    (void)state;
    start(&rig);
    open_all(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].error);
        send(&rig, 20 + i);
        tell(&rig, "failed", 20 + i, rows[i].error);
        expect_result(&rig, 20 + i, rows[i].err, 0);
    }
    send(&rig, 40);
    rig.loaded.plugin.on_published(rig.ns, rig.host.published.id, FUO_EAGAIN);
    expect_result(&rig, 40, FUO_EAGAIN, 0);
    rig_close(&rig);
}

/* QoS 0: an answer may be lost. It has one all the same, with the next thing asked. */
static void a_frame_without_an_answer_ends_with_the_next_question(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    open_all(&rig);
    send(&rig, 1);
    send(&rig, 2);
    expect_result(&rig, 1, FUO_ETIMEDOUT, 0);
    assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 3, HANDLE), FUO_OK);
    expect_result(&rig, 2, FUO_ETIMEDOUT, 0);
    answer(&rig, 200, "{}");
    answer(&rig, 200, "{}");
    assert_int_equal(rig_event(&rig)->type, FUO_EV_QUEUE);
    send(&rig, 4);
    assert_int_equal(rig.loaded.plugin.queue_flush(rig.ns, 5, HANDLE), FUO_OK);
    expect_result(&rig, 4, FUO_ETIMEDOUT, 0);
    answer(&rig, 200, "{}");
    expect_result(&rig, 5, FUO_OK, 0);
    send(&rig, 6);
    assert_int_equal(rig.loaded.plugin.group_close(rig.ns, 7, HANDLE), FUO_OK);
    expect_result(&rig, 6, FUO_ETIMEDOUT, 0);
    tell(&rig, "queued", 6, "");
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

static void tell_queued(struct rig *rig, uint64_t id)
{
    char json[128];
    snprintf(json, sizeof(json),
             "{\"downlink_queued\":{\"correlation_ids\":[\"fuotad:m:%016llx\"]}}",
             (unsigned long long)id);
    deliver(rig, TOPIC HANDLE "/down/queued", json);
}

#define COUNTER AS HANDLE "?field_mask=session.last_a_f_cnt_down"

/* pkg/applicationserver/observability.go, registerForwardDownlinks: down/queued is the frame as
 * it was pushed, without a counter. */
static void frames_are_counted_here_where_the_server_does_not_say(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    open_all(&rig);
    send(&rig, 11);
    tell_queued(&rig, 11);
    expect_result(&rig, 11, FUO_OK, 5); /* the group was opened with it */
    send(&rig, 12);
    deliver(&rig, TOPIC HANDLE "/down/failed",
            "{\"downlink_failed\":{\"downlink\":{\"correlation_ids\":[\"fuotad:m:"
            "000000000000000c\"]},\"error\":{\"name\":\"downlink_expired\"}}}");
    expect_result(&rig, 12, FUO_EEXPIRED, 0); /* it was given none */
    send(&rig, 13);
    tell_queued(&rig, 13);
    expect_result(&rig, 13, FUO_OK, 6);
    send(&rig, 14); /* nobody knows what became of it, but the server */
    assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 15, HANDLE), FUO_OK);
    expect_result(&rig, 14, FUO_ETIMEDOUT, 0);
    answer(&rig, 200, "{}");
    answer(&rig, 200, "{\"session\":{\"last_a_f_cnt_down\":7}}");
    assert_int_equal(rig_event(&rig)->type, FUO_EV_QUEUE);
    send(&rig, 16);
    tell_queued(&rig, 16);
    expect_result(&rig, 16, FUO_OK, 8);
    rig_close(&rig);
}

static void where_nobody_knows_the_counter_the_server_is_asked(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    send(&rig, 11); /* after a restart */
    answer(&rig, 200, "{\"attributes\":{\"fuotad-gateways-0\":\"gw-x\"}}");
    tell_queued(&rig, 11);
    assert_null(rig_event(&rig));
    expect(&rig, "GET", COUNTER);
    answer(&rig, 200, "{\"session\":{\"last_a_f_cnt_down\":41}}");
    expect_result(&rig, 11, FUO_OK, 41);
    send(&rig, 12);
    tell_queued(&rig, 12);
    expect_result(&rig, 12, FUO_OK, 42);
    send(&rig, 13);
    send(&rig, 14);
    expect_result(&rig, 13, FUO_ETIMEDOUT, 0);
    tell_queued(&rig, 14);
    expect(&rig, "GET", COUNTER);
    refuse(&rig, 503, "away");
    expect_result(&rig, 14, FUO_ETIMEDOUT, 0); /* the queue tells */
    rig_close(&rig);
}

static void look(struct rig *rig, uint64_t id, uint32_t last)
{
    char json[64];
    assert_int_equal(rig->loaded.plugin.queue_poll(rig->ns, id, HANDLE), FUO_OK);
    expect_result(rig, id - 1, FUO_ETIMEDOUT, 0);
    answer(rig, 200, "{}");
    expect(rig, "GET", COUNTER);
    snprintf(json, sizeof(json), "{\"session\":{\"last_a_f_cnt_down\":%u}}",
             (unsigned)last);
    answer(rig, 200, json);
    assert_int_equal(rig_event(rig)->type, FUO_EV_QUEUE);
}

/* Its push was in a connection that stalled: it is taken after the queue was looked at. */
static void a_frame_that_is_taken_late_is_counted_by_the_server(void **state)
{
    static const char *const rows[][2] = {{"queued", ""}, {"failed", "absolute_time"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        test_row(rows[i][0]);
        start(&rig);
        open_all(&rig);
        send(&rig, 11);
        look(&rig, 12, 4);
        tell(&rig, rows[i][0], 11, rows[i][1]); /* it had 5 */
        assert_null(rig_event(&rig));
        send(&rig, 13);
        tell_queued(&rig, 13);
        expect(&rig, "GET", COUNTER);
        answer(&rig, 200, "{\"session\":{\"last_a_f_cnt_down\":6}}");
        expect_result(&rig, 13, FUO_OK, 6);
        send(&rig, 14);
        tell_queued(&rig, 14);
        expect_result(&rig, 14, FUO_OK, 7);
        rig_close(&rig);
    }
}

/* What the server says of the counter was under way: it may be of before. */
static void a_frame_taken_while_the_counter_is_asked_for_spoils_it(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    open_all(&rig);
    send(&rig, 11);
    assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 12, HANDLE), FUO_OK);
    expect_result(&rig, 11, FUO_ETIMEDOUT, 0);
    answer(&rig, 200, "{}");
    tell_queued(&rig, 11);
    answer(&rig, 200, "{\"session\":{\"last_a_f_cnt_down\":4}}");
    assert_int_equal(rig_event(&rig)->type, FUO_EV_QUEUE);
    send(&rig, 13);
    tell_queued(&rig, 13);
    expect(&rig, "GET", COUNTER);
    tell_queued(&rig, 10); /* of before, too: whose is the counter? */
    answer(&rig, 200, "{\"session\":{\"last_a_f_cnt_down\":7}}");
    expect_result(&rig, 13, FUO_ETIMEDOUT, 0);
    rig_close(&rig);
}

/* It has just taken one, and counts from 1. */
static void a_server_that_leaves_the_counter_out_has_not_said_it(void **state)
{
    static const char *const rows[] = {"{}", "{\"session\":{}}",
                                       "{\"session\":{\"last_a_f_cnt_down\":0}}"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        test_row(rows[i]);
        start(&rig);
        send(&rig, 11); /* after a restart */
        answer(&rig, 200, "{\"attributes\":{\"fuotad-gateways-0\":\"gw-x\"}}");
        tell_queued(&rig, 11);
        expect(&rig, "GET", COUNTER);
        answer(&rig, 200, rows[i]);
        expect_result(&rig, 11, FUO_ETIMEDOUT, 0);
        rig_close(&rig);
    }
}

static void after_a_restart_the_gateways_are_asked_for(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    send(&rig, 11);
    expect(&rig, "GET", IS "/" HANDLE "?field_mask=attributes");
    assert_int_equal(rig.host.publish_count, 0);
    answer(&rig, 200,
           "{\"attributes\":{\"fuotad-gateways-0\":\"gw-x,bad!,gw-y\","
           "\"fuotad-gateways-1\":\"gw-z\",\"other\":\"gw-o\"}}");
    assert_int_equal(rig.host.publish_count, 1);
    struct json_object *json = json_tokener_parse(rig.host.published.payload);
    assert_string_equal(
        at(json, "/downlinks/0/class_b_c/gateways/2/gateway_ids/gateway_id"), "gw-z");
    assert_string_equal(at(json, "/downlinks/0/class_b_c/gateways/3"), "");
    json_object_put(json);
    tell(&rig, "queued", 11, "");
    expect_result(&rig, 11, FUO_OK, 9);
    send(&rig, 12);
    assert_int_equal(rig.host.publish_count, 2); /* they are known now */
    rig_close(&rig);
}

static void a_group_that_is_gone_is_said_so(void **state)
{
    static const struct {
        const char *name;
        int status;
        const char *json;
        int err;
    } rows[] = {
        {"gone", 404, "{}", FUO_ENOENT},
        {"without gateways", 200, "{}", FUO_ENOENT},
        {"not permitted", 403, "{}", FUO_EPERM},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        test_row(rows[i].name);
        start(&rig);
        send(&rig, 11);
        answer(&rig, rows[i].status, rows[i].json);
        expect_result(&rig, 11, rows[i].err, 0);
        assert_int_equal(rig.host.publish_count, 0);
        rig_close(&rig);
    }
}

static void a_frame_for_ping_slots_has_no_time(void **state)
{
    struct rig rig;
    struct fuo_multicast frame = frame_intent(12);
    (void)state;
    start(&rig);
    open_all(&rig);
    frame.at_us = 0;
    assert_int_equal(rig.loaded.plugin.multicast(rig.ns, &frame), FUO_OK);
    struct json_object *json = json_tokener_parse(rig.host.published.payload);
    assert_string_equal(at(json, "/downlinks/0/class_b_c/absolute_time"), "");
    assert_string_equal(
        at(json, "/downlinks/0/class_b_c/gateways/0/gateway_ids/gateway_id"), "gw-a");
    json_object_put(json);
    rig_close(&rig);
}

static void frames_that_cannot_be_sent_are_refused_at_once(void **state)
{
    struct rig rig;
    uint8_t payload[243] = {0};
    (void)state;
    start(&rig);
    for (int i = 0; i < 5; i++) {
        struct fuo_multicast frame = frame_intent(1);
        frame.fport = i == 0 ? 0 : 201;
        frame.at_us = i == 1 ? -1 : frame.at_us;
        frame.payload_len = i == 2 ? 243 : 3;
        frame.payload = payload;
        frame.group = i == 3 ? "a-handle-that-is-longer-than-any-device" : HANDLE;
        rig.host.refuse = i == 4 ? FUO_EAGAIN : FUO_OK;
        assert_int_equal(rig.loaded.plugin.multicast(rig.ns, &frame),
                         i == 4 ? FUO_EAGAIN : FUO_EINVAL);
    }
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

/* ---- the queue ---- */

static void the_queue_tells_its_length_and_the_counter(void **state)
{
    static const struct {
        const char *name;
        int status;
        const char *queue;
        const char *device; /* NULL: not asked */
        int err;
        uint32_t count, f_cnt;
    } rows[] = {
        {"two", 200, "{\"downlinks\":[{\"f_cnt\":8},{\"f_cnt\":9}]}",
         "{\"session\":{\"last_a_f_cnt_down\":9}}", FUO_OK, 2, 10},
        {"empty, never sent", 200, "{}", "{\"session\":{}}", FUO_OK, 0, 1},
        {"gone", 404, "{}", NULL, FUO_ENOENT, 0, 0},
        {"nonsense", 200, "{}", "{\"session\":{\"last_a_f_cnt_down\":-1}}", FUO_EPROTO, 0,
         0},
    };
    struct rig rig;
    (void)state;
    start(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 30 + i, HANDLE), FUO_OK);
        expect(&rig, "GET", AS HANDLE "/down");
        answer(&rig, rows[i].status, rows[i].queue);
        if (rows[i].device != NULL) {
            expect(&rig, "GET", AS HANDLE "?field_mask=session.last_a_f_cnt_down");
            answer(&rig, 200, rows[i].device);
        }
        const struct fuo_event *e = rig_event(&rig);
        assert_int_equal(e->type, FUO_EV_QUEUE);
        assert_int_equal(e->queue.id, 30 + i);
        assert_int_equal(e->queue.err, rows[i].err);
        assert_int_equal(e->queue.frame_count, rows[i].count);
        assert_int_equal(e->queue.f_cnt, rows[i].f_cnt);
    }
    rig_close(&rig);
}

static void a_group_that_is_gone_is_empty(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    assert_int_equal(rig.loaded.plugin.queue_flush(rig.ns, 1, HANDLE), FUO_OK);
    assert_string_equal((char *)expect(&rig, "POST", AS HANDLE "/down/replace")->body,
                        "{\"downlinks\":[]}");
    refuse(&rig, 404, "device_not_found");
    expect_result(&rig, 1, FUO_OK, 0);
    assert_int_equal(rig.loaded.plugin.queue_flush(rig.ns, 2, HANDLE), FUO_OK);
    refuse(&rig, 403, "no_rights");
    expect_result(&rig, 2, FUO_EPERM, 0);
    rig_close(&rig);
}

#define RIGHT "\"RIGHT_APPLICATION_"

static void a_probe_asks_for_the_rights_of_the_key(void **state)
{
    static const struct {
        const char *name;
        int status;
        const char *json;
        int err;
        const char *finding; /* "": none */
    } rows[] = {
        {"everything", 200, "{\"rights\":[" RIGHT "ALL\"]}", FUO_OK, ""},
        {"what is needed", 200,
         "{\"rights\":[" RIGHT "DEVICES_READ\"," RIGHT "DEVICES_WRITE\"," RIGHT
         "DEVICES_WRITE_KEYS\"," RIGHT "TRAFFIC_READ\"," RIGHT "TRAFFIC_DOWN_WRITE\"]}",
         FUO_OK, ""},
        {"two are missing", 200,
         "{\"rights\":[7," RIGHT "DEVICES_READ\"," RIGHT "DEVICES_WRITE\"," RIGHT
         "TRAFFIC_READ\"]}",
         FUO_EPERM,
         "RIGHT_APPLICATION_DEVICES_WRITE_KEYS, "
         "RIGHT_APPLICATION_TRAFFIC_DOWN_WRITE; tick them"},
        {"another application's", 200, "{}", FUO_ENOENT,
         "no right in the application 'app1'"},
        {"no key of this server", 401, "{\"message\":\"error:x\"}", FUO_EPERM,
         "does not know the API key, or it has expired (error:x)"},
    };
    struct rig rig;
    (void)state;
    start(&rig);
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) { /* doctor asks, then a plan */
        const struct fuo_inventory inventory = {.id = 50 + i};
        size_t row = i / 2;
        int fine = i % 2 == 0 ? FUO_OK : FUO_ENOTSUP; /* it lists nothing */
        test_row(rows[row].name);
        assert_int_equal(i % 2 == 0 ? rig.loaded.plugin.probe(rig.ns, 50 + i)
                                    : rig.loaded.plugin.inventory(rig.ns, &inventory),
                         FUO_OK);
        expect(&rig, "GET", "/api/v3/applications/app1/rights");
        answer(&rig, rows[row].status, rows[row].json);
        if (rows[row].err == FUO_OK) {
            answer(&rig, 200, "{\"api_key\":{\"api_key\":{\"rights\":[\"RIGHT_ALL\"]}}}");
        }
        if (rows[row].finding[0] != '\0') {
            const struct fuo_event *e = rig_event(&rig);
            assert_int_equal(e->type, FUO_EV_FINDING);
            assert_int_equal(e->finding.id, 50 + i);
            assert_true(e->finding.fatal);
            assert_non_null(strstr(e->finding.text, rows[row].finding));
        }
        expect_result(&rig, 50 + i, rows[row].err == FUO_OK ? fine : rows[row].err, 0);
    }
    assert_int_equal(rig.loaded.plugin.probe(rig.ns, 60), FUO_OK);
    rig_close(&rig); /* with one under way */
}

static void what_is_under_way_is_forgotten_at_the_end(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig);
    begin(&rig);
    send(&rig, 1);
    assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 2, HANDLE), FUO_OK);
    rig_close(&rig);
}

TEST_MAIN(cmocka_unit_test(a_frame_has_a_time_and_every_gateway_a_group_index),
          cmocka_unit_test(refused_frames_have_a_reason),
          cmocka_unit_test(a_frame_without_an_answer_ends_with_the_next_question),
          cmocka_unit_test(frames_are_counted_here_where_the_server_does_not_say),
          cmocka_unit_test(where_nobody_knows_the_counter_the_server_is_asked),
          cmocka_unit_test(a_frame_that_is_taken_late_is_counted_by_the_server),
          cmocka_unit_test(a_frame_taken_while_the_counter_is_asked_for_spoils_it),
          cmocka_unit_test(a_server_that_leaves_the_counter_out_has_not_said_it),
          cmocka_unit_test(after_a_restart_the_gateways_are_asked_for),
          cmocka_unit_test(a_group_that_is_gone_is_said_so),
          cmocka_unit_test(a_frame_for_ping_slots_has_no_time),
          cmocka_unit_test(frames_that_cannot_be_sent_are_refused_at_once),
          cmocka_unit_test(the_queue_tells_its_length_and_the_counter),
          cmocka_unit_test(a_group_that_is_gone_is_empty),
          cmocka_unit_test(a_probe_asks_for_the_rights_of_the_key),
          cmocka_unit_test(what_is_under_way_is_forgotten_at_the_end))

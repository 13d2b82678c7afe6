/* SPDX-License-Identifier: MIT */
#include <pwd.h>

#include "daemon_fixture.h"

/* By its EUI, and by its name. */
static void assert_first_device(struct daemon_fixture *f)
{
    assert_int_equal(call(f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000101\"}"), 0);
    assert_answer(f, "/name", "one");
    assert_answer(f, "/fleet", "f");
    assert_int_equal(call(f, CTL_DEVICE, "{\"device\":\"one\"}"), 0);
    assert_answer(f, "/dev_eui", "0000000000000101");
    assert_int_equal(call(f, CTL_DEVICE, "{\"device\":\"0000000000000101\"}"), 0);
    assert_answer(f, "/name", "one");
    assert_answer(f, "/campaigns/0/campaign", "camp");
    assert_answer(f, "/history/0/campaign", "camp");
}

static void a_campaign_is_applied_looked_at_and_aborted(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_VERSION, NULL), 0);
    assert_answer(&f, "/instance", "main");
    assert_answer(&f, "/boot", "1");
    assert_answer(&f, "/state", "ready");
    upload(&f);

    assert_int_equal(submit(&f, CTL_PLAN, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/devices", "3");
    assert_answer(&f, "/image_bytes", "700");
    assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
    assert_answer(&f, "/campaigns", "[ ]");

    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/existing", "false");
    assert_answer(&f, "/state/phase", "running");
    assert_answer(&f, "/state/digest", f.digest);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/existing", "true");
    upload(&f); /* of an image that the daemon holds: there already */

    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/devices/total", "3");
    assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\",\"limit\":2}"), 0);
    assert_answer(&f, "/devices/0/dev_eui", "0000000000000101");
    assert_answer(&f, "/next", "0000000000000102");
    assert_int_equal(
        call(&f, CTL_DEVICES, "{\"name\":\"camp\",\"after\":\"0000000000000102\"}"), 0);
    assert_answer(&f, "/devices/0/dev_eui", "0000000000000103");
    assert_answer(&f, "/next", "null");
    assert_int_equal(
        call(&f, CTL_DEVICES,
             "{\"name\":\"camp\",\"outcome\":\"active\",\"state\":0,\"limit\":0}"),
        0);
    assert_answer(&f, "/devices/0/outcome", "none");
    assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\",\"outcome\":\"failed\"}"),
                     0);
    assert_answer(&f, "/devices", "[ ]");
    assert_first_device(&f);

    assert_int_equal(call(&f, CTL_PAUSE, "{\"name\":\"camp\",\"reason\":\"tea\"}"), 0);
    assert_answer(&f, "/phase", "paused");
    assert_answer(&f, "/reason", "tea");
    assert_int_equal(call(&f, CTL_PAUSE, "{\"name\":\"camp\"}"), 0); /* changes nothing */
    assert_int_equal(call(&f, CTL_RESUME, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/phase", "running");
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/phase", "aborted");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void every_action_is_in_the_audit_log(void **state)
{
    (void)state;
    static const char *const actions[] = {"apply", "pause", "resume", "abort"};
    static const char *const reasons[] = {"", "tea", "", "storm"};
    struct daemon_fixture f;
    char actor[64];
    const struct passwd *me = getpwuid(getuid());
    assert_non_null(me);
    snprintf(actor, sizeof(actor), "user:%s", me->pw_name);
    fixture_files(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_AUDIT, NULL), 0);
    assert_answer(&f, "/records", "[ ]");
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_int_equal(call(&f, CTL_PAUSE, "{\"name\":\"camp\",\"reason\":\"tea\"}"), 0);
    assert_int_equal(call(&f, CTL_RESUME, "{\"name\":\"nope\"}"), CTL_NOT_FOUND);
    assert_int_equal(call(&f, CTL_RESUME, "{\"name\":\"camp\"}"), 0);
    daemon_kill(&f); /* what was answered is on disk */
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\",\"reason\":\"storm\"}"), 0);
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        char params[64];
        char id[8];
        snprintf(params, sizeof(params), "{\"after\":%zu,\"limit\":1}", i);
        snprintf(id, sizeof(id), "%zu", i + 1);
        assert_int_equal(call(&f, CTL_AUDIT, params), 0);
        assert_answer(&f, "/count", "4");
        assert_answer(&f, "/records/0/id", id);
        assert_answer(&f, "/records/0/action", actions[i]);
        assert_answer(&f, "/records/0/reason", reasons[i]);
        assert_answer(&f, "/records/0/object", "camp");
        assert_answer(&f, "/records/0/actor", actor);
    }
    daemon_stop(&f);
    fixture_remove(&f);
}

static void a_snapshot_comes_in_pages(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    assert_int_equal(call(&f, CTL_SNAPSHOT, "{\"name\":\"camp\",\"limit\":2}"), 0);
    assert_answer(&f, "/campaign", "camp");
    assert_answer(&f, "/phase", "aborted");
    assert_answer(&f, "/results/0/dev_eui", "0000000000000101");
    assert_answer(&f, "/results/1/outcome", "cancelled");
    assert_answer(&f, "/next", "0000000000000102");
    assert_int_equal(
        call(&f, CTL_SNAPSHOT, "{\"name\":\"camp\",\"after\":\"0000000000000102\"}"), 0);
    assert_answer(&f, "/results/0/dev_eui", "0000000000000103");
    assert_answer(&f, "/next", "null");
    assert_int_equal(call(&f, CTL_SNAPSHOT, NULL), CTL_USAGE);
    assert_int_equal(call(&f, CTL_SNAPSHOT, "{\"name\":\"camp\",\"after\":\"1\"}"),
                     CTL_USAGE);
    assert_int_equal(call(&f, CTL_SNAPSHOT, "{\"name\":\"nope\"}"), CTL_NOT_FOUND);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void what_is_wrong_is_refused_with_its_code(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    memset(f.digest, '0', sizeof(f.digest) - 1);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), CTL_NOT_FOUND);
    upload(&f);
    const struct {
        const char *name;
        const char *from;
        const char *to;
        int code;
    } rows[] = {
        {"not YAML", "spec:", "spec", CTL_INVALID},
        {"unknown key", "targets:", "target:", CTL_INVALID},
        {"unknown fleet", "fleet: f", "fleet: g", CTL_NOT_FOUND},
        {"no such device", "fleet: f", "fleet: f, devices: [\"00000000000009ff\"]",
         CTL_NOT_FOUND},
        {"selects nothing", "fleet: f", "fleet: f, match: { labels: { site: z } }",
         CTL_NOT_FOUND},
        {"more than the limit", "fleet: f", "fleet: f, limit: 2", CTL_DOES_NOT_FIT},
        {"list not uploaded", "fleet: f", "fleet: f, devicesFile: l.csv", CTL_NOT_FOUND},
        {"signed for another version", "\"2.0\"", "\"2.1\"", CTL_UNTRUSTED},
        {"no such data rate",
         "targets:", "radio: { datarate: DR15 }\n  targets:", CTL_DOES_NOT_FIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        int code = submit(&f, CTL_APPLY, edited(rows[i].from, rows[i].to), f.signature);
        assert_int_equal(code, rows[i].code);
        assert_true(f.message.error.text[0] != '\0');
    }
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, "not a signature"),
                     CTL_UNTRUSTED);
    assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
    assert_answer(&f, "/campaigns", "[ ]");

    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_int_equal(
        submit(&f, CTL_APPLY, edited("fleet: f", "fleet: f, limit: 9"), f.signature),
        CTL_CONFLICT);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void requests_are_checked(void **state)
{
    (void)state;
    static const struct {
        enum ctl_method method;
        const char *params;
        int code;
    } rows[] = {
        {CTL_STATUS, "{\"name\":\"none\"}", CTL_NOT_FOUND},
        {CTL_STATUS, "{\"name\":1}", CTL_USAGE},
        {CTL_DEVICES, NULL, CTL_USAGE},
        {CTL_DEVICES, "{\"name\":\"none\"}", CTL_NOT_FOUND},
        {CTL_DEVICE, NULL, CTL_USAGE},
        {CTL_DEVICE, "{\"dev_eui\":\"12\"}", CTL_USAGE},
        {CTL_DEVICE, "{\"dev_eui\":\"12\",\"device\":\"one\"}", CTL_USAGE},
        {CTL_DEVICE, "{\"device\":1}", CTL_USAGE},
        {CTL_DEVICE, "{\"device\":\"nobody\"}", CTL_NOT_FOUND},
        {CTL_DEVICE, "{\"device\":\"\"}", CTL_NOT_FOUND},
        {CTL_DEVICE, "{\"dev_eui\":\"0000000000000999\"}", CTL_NOT_FOUND},
        {CTL_PAUSE, NULL, CTL_USAGE},
        {CTL_ABORT, "{\"name\":\"none\"}", CTL_NOT_FOUND},
        {CTL_WATCH, "{\"name\":\"none\"}", CTL_NOT_FOUND},
        {CTL_WATCH, NULL, CTL_NOT_FOUND},
        {CTL_APPLY, NULL, CTL_USAGE},
        {CTL_APPLY, "{\"campaign\":\"x\",\"digest\":\"12\"}", CTL_USAGE},
        {CTL_VALIDATE, NULL, CTL_USAGE},
        {CTL_VALIDATE, "{\"campaign\":\"x: [\"}", CTL_INVALID},
        {CTL_PUT, "{\"digest\":\"12\",\"size\":5}", CTL_USAGE},
    };
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].params != NULL ? rows[i].params : "no params");
        assert_int_equal(call(&f, rows[i].method, rows[i].params), rows[i].code);
    }
    daemon_stop(&f);
    fixture_remove(&f);
}

static void uploads_are_checked(void **state)
{
    (void)state;
    static const char digest[] =
        "\"digest\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"";
    static const struct {
        const char *rest;
        int code;
    } puts_[] = {
        {"", CTL_INVALID},
        {",\"size\":0", CTL_INVALID},
        {",\"size\":99999999", CTL_INVALID},
        {",\"size\":3", 0},
        {",\"size\":4", CTL_INVALID},
        {",\"size\":3,\"offset\":1,\"data\":\"YQ==\"", CTL_INVALID},
        {",\"size\":3,\"offset\":-1,\"data\":\"YQ==\"", CTL_INVALID},
        {",\"size\":3,\"data\":\"****\"", CTL_INVALID},
        {",\"size\":3,\"data\":7", CTL_INVALID},
        {",\"size\":3,\"data\":\"YWJj\"", CTL_INVALID}, /* another digest */
    };
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    for (size_t i = 0; i < ARRAY_LEN(puts_); i++) {
        char params[256];
        snprintf(params, sizeof(params), "{%s%s}", digest, puts_[i].rest);
        test_row(params);
        assert_int_equal(call(&f, CTL_PUT, params), puts_[i].code);
    }
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "campaign", json_object_new_string(campaign_yaml));
    ctl_message_finish(&f.message);
    assert_int_equal(ctl_client_call(f.client, CTL_VALIDATE, params, &f.message), FUO_OK);
    assert_answer(&f, "/name", "camp");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void lists_of_devices_are_uploaded(void **state)
{
    (void)state;
    static const char list[] = "0000000000000101\n0000000000000103\n";
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    char digest[CTL_DIGEST_SIZE];
    ctl_message_finish(&f.message);
    assert_int_equal(ctl_client_put(f.client, (const uint8_t *)list, sizeof(list) - 1,
                                    digest, &f.message),
                     FUO_OK);
    struct json_object *params = json_object_new_object();
    struct json_object *signatures = json_object_new_array();
    json_object_array_add(signatures, json_object_new_string(f.signature));
    json_object_object_add(
        params, "campaign",
        json_object_new_string(edited("fleet: f", "fleet: f, devicesFile: l.txt")));
    json_object_object_add(params, "digest", json_object_new_string(f.digest));
    json_object_object_add(params, "devices_file", json_object_new_string(digest));
    json_object_object_add(params, "signatures", signatures);
    ctl_message_finish(&f.message);
    assert_int_equal(ctl_client_call(f.client, CTL_APPLY, params, &f.message), FUO_OK);
    assert_answer(&f, "/state/devices/total", "2");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void watchers_hear_of_changes_until_the_end(void **state)
{
    (void)state;
    struct daemon_fixture f;
    struct ctl_client *second = NULL;
    char path[2 * TEMP_PATH_SIZE];
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_int_equal(ctl_client_open(temp_path(&f.temp, "run/s", path), 20000, &second),
                     FUO_OK);
    struct json_object *params =
        json_tokener_parse("{\"name\":\"camp\",\"devices\":true}");
    assert_int_equal(ctl_client_send(second, CTL_WATCH, params), FUO_OK);
    struct ctl_message message = {0};
    assert_int_equal(ctl_client_next(second, &message), FUO_OK);
    assert_string_equal(message.event, "state");
    ctl_message_finish(&message);

    /* A third one that leaves at once. */
    struct ctl_client *third = NULL;
    assert_int_equal(ctl_client_open(path, 20000, &third), FUO_OK);
    params = json_tokener_parse("{\"name\":\"camp\"}");
    assert_int_equal(ctl_client_send(third, CTL_WATCH, params), FUO_OK);
    ctl_client_close(third);

    assert_int_equal(call(&f, CTL_PAUSE, "{\"name\":\"camp\"}"), 0);
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    size_t devices = 0;
    size_t states = 0;
    while (ctl_client_next(second, &message) == FUO_OK && message.type == CTL_MSG_EVENT) {
        devices += strcmp(message.event, "device") == 0;
        states += strcmp(message.event, "state") == 0;
        ctl_message_finish(&message);
    }
    assert_int_equal(message.type, CTL_MSG_DATA);
    assert_string_equal(ctl_text(message.data, "phase"), "aborted");
    assert_int_equal(devices, 3);
    assert_true(states >= 1);
    ctl_message_finish(&message);

    params = json_tokener_parse("{\"name\":\"camp\"}");
    assert_int_equal(ctl_client_call(second, CTL_WATCH, params, &message), FUO_OK);
    assert_int_equal(message.type, CTL_MSG_DATA); /* over already */
    ctl_message_finish(&message);
    ctl_client_close(second);
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(a_campaign_is_applied_looked_at_and_aborted),
          cmocka_unit_test(every_action_is_in_the_audit_log),
          cmocka_unit_test(a_snapshot_comes_in_pages),
          cmocka_unit_test(what_is_wrong_is_refused_with_its_code),
          cmocka_unit_test(requests_are_checked), cmocka_unit_test(uploads_are_checked),
          cmocka_unit_test(lists_of_devices_are_uploaded),
          cmocka_unit_test(watchers_hear_of_changes_until_the_end))

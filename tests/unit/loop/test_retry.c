/* SPDX-License-Identifier: MIT */
/* retry through the whole daemon: who goes again, who does not, and why. */
#include "daemon_fixture.h"

/* One and two are in maintenance: every campaign skips them. */
static const char maintained_csv[] =
    "dev_eui,name,lorawan,gen_app_key,label:site,label:maintenance\n"
    "0000000000000101,one,1.0.4," DAEMON_KEY_HEX ",a,yes\n"
    "0000000000000102,two,1.0.4," DAEMON_KEY_HEX ",b,yes\n"
    "0000000000000103,three,1.0.4," DAEMON_KEY_HEX ",b,\n";

static void prepare(struct daemon_fixture *f)
{
    fixture_files(f);
    put_file(f, "f.csv", maintained_csv);
    daemon_start(f);
    upload(f);
}

static int retry(struct daemon_fixture *f, const char *params)
{
    return call(f, CTL_RETRY, params);
}

static void assert_error(const struct daemon_fixture *f, size_t i, const char *eui,
                         const char *text)
{
    struct json_object *error = json_object_array_get_idx(f->message.error.errors, i);
    assert_string_equal(ctl_text(error, "path"), eui);
    assert_string_equal(ctl_text(error, "text"), text);
}

static void devices_are_chosen_by_name_label_and_outcome(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        const char *retried;
    } rows[] = {
        {"{\"name\":\"camp\"}", "0"}, /* none failed */
        {"{\"name\":\"camp\",\"outcomes\":[\"skipped\"]}", "2"},
        {"{\"name\":\"camp\",\"outcomes\":[\"failed\",\"skipped\"]}", "2"},
        {"{\"name\":\"camp\",\"outcomes\":[\"skipped\"],\"labels\":{\"site\":\"b\"}}",
         "1"},
        {"{\"name\":\"camp\",\"outcomes\":[\"skipped\"],\"labels\":{\"site\":\"c\"}}",
         "0"},
        {"{\"name\":\"camp\",\"outcomes\":[\"skipped\"],"
         "\"labels\":{\"site\":\"b\",\"maintenance\":\"no\"}}",
         "0"},
        {"{\"name\":\"camp\",\"devices\":[\"0000000000000101\"]}", "1"},
        {"{\"name\":\"camp\",\"devices\":[\"0000000000000101\"],"
         "\"outcomes\":[\"unknown\"]}",
         "0"},
        {"{\"name\":\"camp\",\"devices\":[\"0000000000000103\"]}", "0"}, /* under way */
    };
    struct daemon_fixture f;
    prepare(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].params);
        assert_int_equal(retry(&f, rows[i].params), 0);
        assert_answer(&f, "/retried", rows[i].retried);
        assert_answer(&f, "/state/name", "camp");
    }
    assert_answer(&f, "/under_way", "1");
    assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\",\"outcome\":\"skipped\"}"),
                     0);
    assert_answer(&f, "/devices/0/retries", "3");
    assert_answer(&f, "/devices/0/reason", "maintenance"); /* it is, still */
    assert_answer(&f, "/devices/0/outcome_before", "skipped");
    assert_answer(&f, "/devices/0/reason_before", "maintenance");
    assert_answer(&f, "/devices/1/retries", "3");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void what_cannot_be_is_refused_as_a_whole(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        int code;
    } rows[] = {
        {"{\"name\":\"none\"}", CTL_NOT_FOUND},
        {"{\"outcomes\":[\"skipped\"]}", CTL_USAGE},
        {"{\"name\":\"camp\",\"outcomes\":[]}", CTL_USAGE},
        {"{\"name\":\"camp\",\"outcomes\":\"failed\"}", CTL_USAGE},
        {"{\"name\":\"camp\",\"outcomes\":[\"succeeded\"]}", CTL_USAGE},
        {"{\"name\":\"camp\",\"outcomes\":[7]}", CTL_USAGE},
        {"{\"name\":\"camp\",\"labels\":[]}", CTL_USAGE},
        {"{\"name\":\"camp\",\"labels\":{}}", CTL_USAGE},
        {"{\"name\":\"camp\",\"devices\":[]}", CTL_USAGE},
        {"{\"name\":\"camp\",\"devices\":[7]}", CTL_USAGE},
        {"{\"name\":\"camp\",\"devices\":[\"xyz\"]}", CTL_USAGE},
    };
    struct daemon_fixture f;
    prepare(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].params);
        assert_int_equal(retry(&f, rows[i].params), rows[i].code);
    }
    assert_int_equal(retry(&f, "{\"name\":\"camp\",\"devices\":[\"0000000000000101\","
                               "\"00000000000000aa\",\"00000000000000ab\"]}"),
                     CTL_NOT_FOUND);
    assert_int_equal(json_object_array_length(f.message.error.errors), 2);
    assert_error(&f, 0, "00000000000000aa", "it is not in the campaign");
    assert_error(&f, 1, "00000000000000ab", "it is not in the campaign");
    assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\",\"outcome\":\"skipped\"}"),
                     0);
    assert_answer(&f, "/devices/0/retries", "0");
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    assert_int_equal(retry(&f, "{\"name\":\"camp\"}"), CTL_CONFLICT);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void a_device_of_another_campaign_is_left_alone(void **state)
{
    (void)state;
    struct daemon_fixture f;
    prepare(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    upload(&f);
    assert_int_equal(
        submit(&f, CTL_APPLY,
               "apiVersion: fuotad/v1\n"
               "kind: Campaign\n"
               "metadata: { name: other }\n"
               "spec:\n"
               "  image: { file: i.bin, version: \"2.0\", signatures: [i.minisig] }\n"
               "  targets: { fleet: f, devices: [\"0000000000000102\"],\n"
               "             preconditions: { maintenance: allow } }\n",
               f.signature),
        0);
    assert_int_equal(retry(&f, "{\"name\":\"camp\",\"outcomes\":[\"skipped\"]}"), 0);
    assert_answer(&f, "/retried", "1");
    assert_answer(&f, "/busy", "1");
    assert_int_equal(retry(&f, "{\"name\":\"camp\",\"devices\":[\"0000000000000101\","
                               "\"0000000000000102\"]}"),
                     CTL_CONFLICT);
    assert_int_equal(json_object_array_length(f.message.error.errors), 1);
    assert_error(&f, 0, "0000000000000102", "another campaign has it");
    assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\",\"outcome\":\"skipped\"}"),
                     0);
    assert_answer(&f, "/devices/0/retries", "1");
    assert_answer(&f, "/devices/1/retries", "0");
    daemon_stop(&f);
    fixture_remove(&f);
}

/* What it needs is read again at the start: the image, and whether it may be sent. */
static void a_campaign_that_had_completed_runs_again_after_a_restart(void **state)
{
    (void)state;
    struct daemon_fixture f;
    prepare(&f);
    assert_int_equal(
        submit(&f, CTL_APPLY,
               edited("{ fleet: f }", "{ fleet: f, devices: [\"0000000000000101\"] }"),
               f.signature),
        0);
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/phase", "completed");
    daemon_kill(&f);
    put_file(&f, "f.csv", inventory_csv); /* out of maintenance */
    daemon_start(&f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(retry(&f, "{\"name\":\"camp\",\"outcomes\":[\"skipped\"],"
                                   "\"reason\":\"back from the workshop\"}"),
                         0);
        assert_answer(&f, "/retried", i == 0 ? "1" : "0");
        assert_answer(&f, "/under_way", i == 0 ? "0" : "1");
        assert_answer(&f, "/state/phase", "running");
        assert_answer(&f, "/state/ended", "null");
        assert_answer(&f, "/state/devices/active", "1");
    }
    daemon_kill(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/devices/0/outcome", "none");
    assert_answer(&f, "/devices/0/reason", "retried");
    assert_answer(&f, "/devices/0/retries", "1");
    assert_int_equal(call(&f, CTL_AUDIT, NULL), 0);
    assert_answer(&f, "/records/1/action", "retry");
    assert_answer(&f, "/records/1/object", "camp");
    assert_answer(&f, "/records/1/reason", "back from the workshop");
    assert_answer(&f, "/records/1/detail", "devices=1 0000000000000101");
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000101\"}"), 0);
    assert_answer(&f, "/history/0/outcome", "skipped");
    assert_answer(&f, "/history/1/outcome", "none");
    assert_answer(&f, "/history/1/reason", "retried");
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(devices_are_chosen_by_name_label_and_outcome),
          cmocka_unit_test(what_cannot_be_is_refused_as_a_whole),
          cmocka_unit_test(a_device_of_another_campaign_is_left_alone),
          cmocka_unit_test(a_campaign_that_had_completed_runs_again_after_a_restart))

/* SPDX-License-Identifier: MIT */
/* What clients of the daemon's socket may ask for is bounded. */
#include "daemon_fixture.h"

enum {
    WATCHERS = 256, /* as many as the daemon allows */
    REQUESTS = 8,   /* plans at a time; it allows twice as many */
};

static void streams_are_bounded_in_number(void **state)
{
    (void)state;
    struct daemon_fixture f;
    struct ctl_client *many = NULL;
    struct ctl_message message = {0};
    char path[2 * TEMP_PATH_SIZE];
    size_t accepted = 0;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_int_equal(ctl_client_open(temp_path(&f.temp, "run/s", path), 20000, &many),
                     FUO_OK);
    for (size_t i = 0; i < WATCHERS + 1; i++) {
        struct json_object *params = json_tokener_parse("{\"name\":\"camp\"}");
        assert_int_equal(ctl_client_send(many, CTL_WATCH, params), FUO_OK);
    }
    while (ctl_client_next(many, &message) == FUO_OK && message.type == CTL_MSG_EVENT) {
        accepted++;
        ctl_message_finish(&message);
    }
    assert_int_equal(message.type, CTL_MSG_ERROR);
    assert_non_null(strstr(message.error.text, "too many"));
    ctl_message_finish(&message);
    assert_true(accepted >= WATCHERS); /* some heard of a change, too */
    ctl_client_close(many);
    assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
    assert_answer(&f, "/daemon/instance", "main");
    assert_answer(&f, "/daemon/uplinks", "0");
    assert_answer(&f, "/daemon/dropped/flood", "0");
    daemon_stop(&f);
    fixture_remove(&f);
}

/* As submit(), without waiting for the answer. */
static void send_off(struct daemon_fixture *f, enum ctl_method method, const char *yaml)
{
    struct json_object *params = json_object_new_object();
    struct json_object *signatures = json_object_new_array();
    json_object_array_add(signatures, json_object_new_string(f->signature));
    json_object_object_add(params, "campaign", json_object_new_string(yaml));
    json_object_object_add(params, "digest", json_object_new_string(f->digest));
    json_object_object_add(params, "signatures", signatures);
    assert_int_equal(ctl_client_send(f->client, method, params), FUO_OK);
}

static bool is_new_campaign(const struct daemon_fixture *f)
{
    struct json_object *existing = NULL;
    assert_int_equal(f->message.type, CTL_MSG_DATA);
    return !json_object_object_get_ex(f->message.data, "existing", &existing) ||
           !json_object_get_boolean(existing);
}

/* Plans are made beside the loop: what was free when an apply came may be taken then. */
static void of_applies_at_the_same_time_one_makes_the_campaign(void **state)
{
    (void)state;
    struct daemon_fixture f;
    size_t made = 0;
    size_t conflicts = 0;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    for (size_t i = 0; i < REQUESTS; i++) {
        send_off(&f, CTL_APPLY,
                 i % 2 == 0 ? campaign_yaml
                            : edited("  targets", "  priority: 7\n  targets"));
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        ctl_message_finish(&f.message);
        assert_int_equal(ctl_client_next(f.client, &f.message), FUO_OK);
        if (f.message.type == CTL_MSG_ERROR) {
            conflicts += f.message.error.code == CTL_CONFLICT;
        } else {
            made += is_new_campaign(&f);
        }
    }
    assert_int_equal(made, 1);
    assert_int_equal(conflicts, REQUESTS / 2);
    assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
    assert_answer(&f, "/campaigns/0/name", "camp");
    struct json_object *second = NULL;
    assert_int_not_equal(json_pointer_get(f.message.data, "/campaigns/1", &second), 0);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void a_daemon_that_makes_plans_can_be_stopped(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    for (size_t i = 0; i < REQUESTS; i++) {
        send_off(&f, i % 2 == 0 ? CTL_PLAN : CTL_APPLY, campaign_yaml);
    }
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(streams_are_bounded_in_number),
          cmocka_unit_test(of_applies_at_the_same_time_one_makes_the_campaign),
          cmocka_unit_test(a_daemon_that_makes_plans_can_be_stopped))

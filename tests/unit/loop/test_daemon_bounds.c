/* SPDX-License-Identifier: MIT */
/* What clients of the daemon's socket may ask for is bounded. */
#include "daemon_fixture.h"

enum {
    WATCHERS = 256, /* as many as the daemon allows */
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

TEST_MAIN(cmocka_unit_test(streams_are_bounded_in_number))

/* SPDX-License-Identifier: MIT */
/* The method doctor of a whole daemon, with the plugin that talks to nobody. */
#include "daemon_fixture.h"

#include <time.h>

enum {
    TRIES = 600,
    TRY_US = 50000,
};

/* The text of the finding of that level and check; NULL: there is none. */
static const char *finding(struct daemon_fixture *f, const char *level, const char *check)
{
    struct json_object *list = NULL;
    assert_int_equal(call(f, CTL_DOCTOR, NULL), 0);
    assert_true(json_object_object_get_ex(f->message.data, "findings", &list));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        if (strcmp(ctl_text(one, "level"), level) == 0 &&
            strcmp(ctl_text(one, "check"), check) == 0) {
            return ctl_text(one, "text");
        }
    }
    return NULL;
}

static void assert_finding(struct daemon_fixture *f, const char *level, const char *check,
                           const char *words)
{
    test_row(words);
    const char *text = finding(f, level, check);
    assert_non_null(text);
    assert_non_null(strstr(text, words));
}

static void a_daemon_at_rest_is_looked_at(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    assert_finding(&f, "ok", "daemon", "boot 1");
    assert_finding(&f, "ok", "key", "closed to others");
    assert_finding(&f, "ok", "store", "the last commit took");
    assert_finding(&f, "ok", "trust", "1 keys in force");
    assert_finding(&f, "fail", "broker", "no broker answers there");
    assert_finding(&f, "fail", "status", "no broker answers there");
    assert_finding(&f, "warn", "gateways", "none has been heard");
    assert_finding(&f, "warn", "devices", "3 were never heard");
    assert_null(finding(&f, "ok", "campaigns"));
    assert_finding(&f, "ok", "api", "the plugin null has no question for it");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void clients_that_ask_meanwhile_get_the_same_answer(void **state)
{
    (void)state;
    struct daemon_fixture f;
    struct ctl_client *others[3];
    char path[2 * TEMP_PATH_SIZE];
    fixture_files(&f);
    daemon_start(&f);
    temp_path(&f.temp, "run/s", path);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(ctl_client_open(path, 20000, &others[i]), FUO_OK);
        assert_int_equal(ctl_client_send(others[i], CTL_DOCTOR, NULL), FUO_OK);
    }
    ctl_client_close(others[2]); /* does not wait for it */
    for (size_t i = 0; i < 2; i++) {
        struct ctl_message message = {0};
        assert_int_equal(ctl_client_next(others[i], &message), FUO_OK);
        assert_int_equal(message.type, CTL_MSG_DATA);
        ctl_message_finish(&message);
        ctl_client_close(others[i]);
    }
    assert_finding(&f, "ok", "daemon", "answers");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void put_trust(const struct daemon_fixture *f, const char *limits)
{
    char text[512];
    snprintf(text, sizeof(text),
             "apiVersion: fuotad/v1\n"
             "kind: TrustPolicy\n"
             "metadata: { name: release }\n"
             "spec:\n"
             "  keys: [{ file: r.pub%s }]\n"
             "  product: p\n",
             limits);
    put_file(f, "trust/t.yaml", text);
}

static void keys_that_are_not_in_force_are_said(void **state)
{
    (void)state;
    struct daemon_fixture f;
    char limits[64];
    char day[16];
    time_t next_week = time(NULL) + (time_t)7 * 86400;
    struct tm tm;
    fixture_files(&f);
    put_trust(&f, ", notAfter: \"2020-01-01\"");
    daemon_start(&f);
    assert_finding(&f, "fail", "trust", "0 of its 1 keys are in force and 1 are needed");
    daemon_stop(&f);
    put_trust(&f, ", notBefore: \"2999-01-01\"");
    daemon_start(&f);
    assert_finding(&f, "fail", "trust", "0 of its 1 keys");
    daemon_stop(&f);
    assert_non_null(gmtime_r(&next_week, &tm));
    assert_true(strftime(day, sizeof(day), "%Y-%m-%d", &tm) > 0);
    snprintf(limits, sizeof(limits), ", notAfter: \"%s\"", day);
    put_trust(&f, limits);
    daemon_start(&f);
    assert_finding(&f, "warn", "trust", "within 30 days");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void campaigns_that_wait_for_people_are_said(void **state)
{
    (void)state;
    struct daemon_fixture f;
    char path[2 * TEMP_PATH_SIZE];
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_finding(&f, "ok", "campaigns", "running");
    daemon_stop(&f);

    struct minisign_secret other = put_key(&f, 2);
    secret_wipe(&other, sizeof(other));
    daemon_start(&f);
    assert_finding(&f, "fail", "campaigns", "its image does not verify any more");
    daemon_stop(&f);
    put_key(&f, 1);

    assert_int_equal(unlink(temp_path(&f.temp, "fleets/f.yaml", path)), 0);
    daemon_start(&f);
    assert_finding(&f, "fail", "campaigns", "there is no fleet 'f' any more");
    daemon_stop(&f);

    put_file(&f, "fleets/f.yaml", fleet_yaml);
    daemon_start(&f);
    assert_finding(&f, "warn", "campaigns", "`fuotactl resume camp`");
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    assert_null(finding(&f, "warn", "campaigns"));
    daemon_stop(&f);

    /* What is over and left out needs nobody. */
    assert_int_equal(unlink(temp_path(&f.temp, "fleets/f.yaml", path)), 0);
    daemon_start(&f);
    assert_null(finding(&f, "fail", "campaigns"));
    daemon_stop(&f);
    fixture_remove(&f);
}

/* Days pass in seconds: nobody is heard. */
static void a_campaign_in_which_nothing_happens_is_said(void **state)
{
    (void)state;
    struct daemon_fixture f;
    char scale[64];
    char path[2 * TEMP_PATH_SIZE];
    const char *text = NULL;
    fixture_files(&f);
    snprintf(scale, sizeof(scale), "20000@%lld", (long long)time(NULL));
    f.pid = spawn(&f, false, scale);
    temp_path(&f.temp, "run/s", path);
    while (ctl_client_open(path, 20000, &f.client) != FUO_OK) {
        assert_int_equal(waitpid(f.pid, NULL, WNOHANG), 0);
        usleep(1000);
    }
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    for (int i = 0; i < TRIES && text == NULL; i++) {
        usleep(TRY_US);
        text = finding(&f, "warn", "campaigns");
    }
    assert_non_null(text);
    assert_non_null(strstr(text, "`fuotactl devices camp --outcome active`"));
    assert_finding(&f, "warn", "clock", "--time-scale");
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(a_daemon_at_rest_is_looked_at),
          cmocka_unit_test(clients_that_ask_meanwhile_get_the_same_answer),
          cmocka_unit_test(keys_that_are_not_in_force_are_said),
          cmocka_unit_test(campaigns_that_wait_for_people_are_said),
          cmocka_unit_test(a_campaign_in_which_nothing_happens_is_said))

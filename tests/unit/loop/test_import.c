/* SPDX-License-Identifier: MIT */
/* devices import through the whole daemon. */
#include "base/hex.h"
#include "daemon_fixture.h"

enum {
    MANY = 100000,
    LINE_SIZE = 96,
};

#define KEY_HEX "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"

static int upload_text(struct daemon_fixture *f, const char *text, size_t len,
                       char digest[static CTL_DIGEST_SIZE])
{
    ctl_message_finish(&f->message);
    assert_int_equal(
        ctl_client_put(f->client, (const uint8_t *)text, len, digest, &f->message),
        FUO_OK);
    return f->message.type == CTL_MSG_ERROR ? (int)f->message.error.code : 0;
}

static int give_text(struct daemon_fixture *f, enum ctl_method method, const char *text,
                     const char *more)
{
    char digest[CTL_DIGEST_SIZE];
    char params[512];
    assert_int_equal(upload_text(f, text, strlen(text), digest), 0);
    snprintf(params, sizeof(params), "{\"file\":\"new.csv\",\"digest\":\"%s\"%s}", digest,
             more);
    return call(f, method, params);
}

static int import_text(struct daemon_fixture *f, const char *text, const char *more)
{
    return give_text(f, CTL_IMPORT, text, more);
}

static int remove_text(struct daemon_fixture *f, const char *text)
{
    return give_text(f, CTL_REMOVE, text, ",\"reason\":\"scrapped\"");
}

static void assert_error(const struct daemon_fixture *f, size_t i, int line,
                         const char *text)
{
    struct json_object *error = json_object_array_get_idx(f->message.error.errors, i);
    assert_int_equal(ctl_int(error, "line", 0), line);
    assert_string_equal(ctl_text(error, "file"), "new.csv");
    assert_non_null(strstr(ctl_text(error, "text"), text));
}

static void begin(struct daemon_fixture *f)
{
    fixture_files(f);
    daemon_start(f);
}

static const char two_more[] =
    "dev_eui,name,lorawan,gen_app_key,label:site,label:ring,profile\n"
    "0000000000000201,new,1.0.4," KEY_HEX ",c,2,lbm-v2\n"
    "0000000000000202,newer,1.0.4," KEY_HEX ",c,3,\n";

static void apply_to_site_c(struct daemon_fixture *f)
{
    upload(f);
    assert_int_equal(
        submit(f, CTL_APPLY,
               edited("{ fleet: f }", "{ fleet: f, match: { labels: { site: c } } }"),
               f->signature),
        0);
}

static void devices_are_there_at_once_and_after_a_restart(void **state)
{
    (void)state;
    struct daemon_fixture f;
    begin(&f);
    assert_int_equal(import_text(&f, two_more, ",\"fleet\":\"f\",\"reason\":\"site c\""),
                     0);
    assert_answer(&f, "/fleet", "f");
    assert_answer(&f, "/devices", "2");
    assert_answer(&f, "/added", "2");
    assert_answer(&f, "/replaced", "0");
    for (int start = 0; start < 2; start++) {
        assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000201\"}"), 0);
        assert_answer(&f, "/name", "new");
        assert_answer(&f, "/fleet", "f");
        assert_answer(&f, "/profile", "lbm-v2");
        daemon_kill(&f);
        daemon_start(&f);
    }
    assert_int_equal(import_text(&f, two_more, ""), 0);
    assert_answer(&f, "/added", "0");
    assert_answer(&f, "/replaced", "2");
    apply_to_site_c(&f);
    assert_answer(&f, "/state/devices/total", "2");
    assert_int_equal(call(&f, CTL_AUDIT, NULL), 0);
    assert_answer(&f, "/records/0/action", "import");
    assert_answer(&f, "/records/0/object", "f");
    assert_answer(&f, "/records/0/reason", "site c");
    assert_answer(&f, "/records/0/detail", "devices=2 added=2");
    daemon_stop(&f);
    assert_false(file_contains(&f, "log", KEY_HEX, strlen(KEY_HEX)));
    uint8_t key[16];
    assert_int_equal(hex_decode(KEY_HEX, 32, key, sizeof(key)), FUO_OK);
    assert_false(file_contains(&f, "state/fuotad.db", (const char *)key, sizeof(key)));
    assert_false(file_contains(&f, "state/fuotad.db", KEY_HEX, strlen(KEY_HEX)));
    fixture_remove(&f);
}

static void assert_problem(const struct daemon_fixture *f, size_t i, const char *eui,
                           const char *text)
{
    struct json_object *error = json_object_array_get_idx(f->message.error.errors, i);
    assert_string_equal(ctl_text(error, "path"), eui);
    assert_non_null(strstr(ctl_text(error, "text"), text));
}

static void devices_are_removed_all_or_none(void **state)
{
    (void)state;
    struct daemon_fixture f;
    begin(&f);
    assert_int_equal(import_text(&f, two_more, ""), 0);
    apply_to_site_c(&f);
    assert_int_equal(remove_text(&f, "0000000000000201\nxyz\n12\n"), CTL_INVALID);
    assert_error(&f, 0, 2, "not a DevEUI");
    assert_error(&f, 1, 3, "not a DevEUI");
    assert_int_equal(remove_text(&f, "dev_eui\n"), CTL_INVALID);
    assert_int_equal(remove_text(&f, "0000000000000777\n0000000000000778\n"),
                     CTL_NOT_FOUND);
    assert_problem(&f, 1, "0000000000000778", "is not in fleet 'f'");
    assert_int_equal(remove_text(&f,
                                 "name,dev_eui\na,0000000000000202\nb,0000000000000777\n"
                                 "c,0000000000000101\n"),
                     CTL_CONFLICT);
    assert_int_equal(json_object_array_length(f.message.error.errors), 3);
    assert_problem(&f, 0, "0000000000000101", "inventory file of the fleet");
    assert_problem(&f, 1, "0000000000000202", "campaign 'camp', which is under way");
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000202\"}"), 0);
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    assert_int_equal(remove_text(&f, "0000000000000202\n0000000000000202\n"), 0);
    assert_answer(&f, "/devices", "1");
    for (int start = 0; start < 2; start++) {
        assert_int_equal(remove_text(&f, "0000000000000202\n"), CTL_NOT_FOUND);
        assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000202\"}"), 0);
        assert_answer(&f, "/name", "");
        assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000201\"}"), 0);
        assert_answer(&f, "/name", "new");
        /* What was is told all the same. */
        assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\"}"), 0);
        assert_answer(&f, "/devices/1/outcome", "cancelled");
        daemon_kill(&f);
        daemon_start(&f);
    }
    assert_int_equal(call(&f, CTL_AUDIT, NULL), 0);
    assert_answer(&f, "/records/3/action", "remove");
    assert_answer(&f, "/records/3/reason", "scrapped");
    assert_answer(&f, "/records/3/detail", "devices=1");
    assert_int_equal(import_text(&f, two_more, ""), 0);
    assert_answer(&f, "/added", "1");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void every_bad_line_is_told_and_nothing_imported(void **state)
{
    (void)state;
    struct daemon_fixture f;
    begin(&f);
    assert_int_equal(import_text(&f,
                                 "dev_eui,gen_app_key,profile\n"
                                 "0000000000000201," KEY_HEX ",\n"
                                 "0000000000000202," KEY_HEX "00,\n"
                                 "xyz,,\n",
                                 ""),
                     CTL_INVALID);
    assert_int_equal(json_object_array_length(f.message.error.errors), 2);
    assert_error(&f, 0, 3, "must be 32 hex digits");
    assert_error(&f, 1, 4, "must be 16 hex digits");
    assert_int_equal(import_text(&f,
                                 "dev_eui,profile\n"
                                 "0000000000000201,none\n"
                                 "0000000000000202,\n"
                                 "0000000000000101,\n",
                                 ""),
                     CTL_INVALID);
    assert_int_equal(json_object_array_length(f.message.error.errors), 2);
    assert_error(&f, 0, 2, "there is no device profile 'none'");
    assert_error(&f, 1, 4, "the inventory file of fleet 'f': change it there");
    assert_int_equal(import_text(&f, "dev_eui\n", ""), CTL_INVALID);
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000202\"}"),
                     CTL_NOT_FOUND);
    assert_int_equal(import_text(&f, two_more, ",\"fleet\":\"none\""), CTL_NOT_FOUND);
    assert_int_equal(call(&f, CTL_IMPORT, "{\"fleet\":\"f\"}"), CTL_USAGE);
    assert_int_equal(
        call(&f, CTL_IMPORT,
             "{\"fleet\":\"f\",\"digest\":\"000000000000000000000000000000000000"
             "0000000000000000000000000000\"}"),
        CTL_NOT_FOUND);
    assert_int_equal(call(&f, CTL_AUDIT, NULL), 0);
    assert_answer(&f, "/count", "0");
    daemon_stop(&f);
    fixture_remove(&f);
}

/* Looked at when the wave begins: one of both is let in by then. */
static void maintenance_changes_while_a_campaign_runs(void **state)
{
    (void)state;
    struct daemon_fixture f;
    begin(&f);
    assert_int_equal(import_text(&f,
                                 "dev_eui,label:site,label:maintenance,gen_app_key\n"
                                 "0000000000000201,c,yes," KEY_HEX "\n",
                                 ""),
                     0);
    apply_to_site_c(&f);
    assert_answer(&f, "/state/phase", "completed"); /* left alone */
    assert_int_equal(import_text(&f,
                                 "dev_eui,label:site,label:maintenance,gen_app_key\n"
                                 "0000000000000201,c,no," KEY_HEX "\n",
                                 ""),
                     0);
    assert_int_equal(
        call(&f, CTL_RETRY, "{\"name\":\"camp\",\"outcomes\":[\"skipped\"]}"), 0);
    assert_answer(&f, "/state/phase", "running");
    assert_answer(&f, "/state/devices/active", "1");
    assert_answer(&f, "/state/devices/skipped", "0");
    daemon_stop(&f);
    fixture_remove(&f);
}

/* What the file of the fleet names is as that says. */
static void the_file_of_the_fleet_wins(void **state)
{
    (void)state;
    struct daemon_fixture f;
    begin(&f);
    assert_int_equal(import_text(&f, two_more, ""), 0);
    daemon_stop(&f);
    put_file(&f, "f.csv",
             "dev_eui,name,lorawan,gen_app_key,label:site\n"
             "0000000000000201,filed,1.0.4," DAEMON_KEY_HEX ",a\n");
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000201\"}"), 0);
    assert_answer(&f, "/name", "filed");
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000202\"}"), 0);
    assert_answer(&f, "/name", "newer");
    assert_int_equal(import_text(&f, two_more, ""), CTL_INVALID);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void a_hundred_thousand_are_one_request(void **state)
{
    (void)state;
    struct daemon_fixture f;
    char digest[CTL_DIGEST_SIZE];
    char params[512];
    char *text = malloc((size_t)MANY * LINE_SIZE);
    size_t len = (size_t)sprintf(text, "dev_eui,name,gen_app_key,label:site\n");
    assert_non_null(text);
    for (int i = 0; i < MANY; i++) {
        len +=
            (size_t)sprintf(text + len, "%016x,meter-%d," KEY_HEX ",c\n", 0x1000 + i, i);
    }
    begin(&f);
    assert_int_equal(upload_text(&f, text, len, digest), 0);
    free(text);
    snprintf(params, sizeof(params), "{\"file\":\"new.csv\",\"digest\":\"%s\"}", digest);
    assert_int_equal(call(&f, CTL_IMPORT, params), 0);
    assert_answer(&f, "/added", "100000");
    assert_int_equal(call(&f, CTL_IMPORT, params), CTL_NOT_FOUND); /* it was wiped */
    daemon_kill(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"000000000001969f\"}"), 0);
    assert_answer(&f, "/name", "meter-99999");
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(devices_are_there_at_once_and_after_a_restart),
          cmocka_unit_test(every_bad_line_is_told_and_nothing_imported),
          cmocka_unit_test(devices_are_removed_all_or_none),
          cmocka_unit_test(maintenance_changes_while_a_campaign_runs),
          cmocka_unit_test(the_file_of_the_fleet_wins),
          cmocka_unit_test(a_hundred_thousand_are_one_request))

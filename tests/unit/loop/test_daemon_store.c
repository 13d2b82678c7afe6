/* SPDX-License-Identifier: MIT */
/* What a daemon finds at its start: its database, whole or damaged, files, and a full disk. */
#include <sqlite3.h>

#include "daemon_fixture.h"

static void campaigns_outlive_the_daemon(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    daemon_kill(&f);

    daemon_start(&f);
    assert_int_equal(call(&f, CTL_VERSION, NULL), 0);
    assert_answer(&f, "/boot", "2");
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/phase", "running");
    assert_answer(&f, "/campaigns/0/devices/active", "3");
    upload(&f); /* the image is still held */
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/existing", "true");
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    daemon_stop(&f);

    /* An ended one makes room for other content under its name. */
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/phase", "aborted");
    upload(&f);
    assert_int_equal(
        submit(&f, CTL_APPLY, edited("fleet: f", "fleet: f, limit: 9"), f.signature), 0);
    assert_answer(&f, "/id", "2");
    daemon_stop(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
    assert_answer(&f, "/campaigns/0/id", "2");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void an_image_that_does_not_verify_any_more_pauses_its_campaign(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    daemon_stop(&f);
    struct minisign_secret other = put_key(&f, 2);
    secret_wipe(&other, sizeof(other));
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/phase", "paused");
    assert_int_equal(call(&f, CTL_RESUME, "{\"name\":\"camp\"}"), CTL_UNTRUSTED);
    assert_true(log_says(&f, "image does not verify"));
    daemon_stop(&f);
    /* The key is back: an operator may go on. */
    put_key(&f, 1);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_RESUME, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/phase", "running");
    daemon_stop(&f);
    fixture_remove(&f);
}

/* The fleet of a running campaign goes, and comes back. */
static void a_campaign_without_its_fleet_is_left_out_and_shown(void **state)
{
    (void)state;
    struct daemon_fixture f;
    char path[2 * TEMP_PATH_SIZE];
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    daemon_stop(&f);
    assert_int_equal(unlink(temp_path(&f.temp, "fleets/f.yaml", path)), 0);
    for (int start = 0; start < 2; start++) {
        daemon_start(&f);
        assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
        assert_answer(&f, "/campaigns/0/phase", "paused");
        assert_answer(&f, "/campaigns/0/reason", "there is no fleet 'f' any more");
        assert_answer(&f, "/campaigns/0/fleet", "f");
        assert_answer(&f, "/campaigns/0/devices/total", "3");
        assert_answer(&f, "/campaigns/0/revision", "2"); /* told once */
        assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
        assert_answer(&f, "/campaigns/0/name", "camp");
        assert_int_equal(call(&f, CTL_RESUME, "{\"name\":\"camp\"}"), CTL_CONFLICT);
        assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\"}"), CTL_CONFLICT);
        upload(&f);
        assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), CTL_CONFLICT);
        daemon_stop(&f);
    }
    assert_true(log_says(&f, "campaign left out"));
    assert_true(file_contains(&f, "state/fuotad.db", "/alert/camp", 11));
    put_file(&f, "fleets/f.yaml", fleet_yaml);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_RESUME, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/phase", "running");
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    daemon_stop(&f);

    /* One that is over is left out in silence, and makes room for its name. */
    assert_int_equal(unlink(temp_path(&f.temp, "fleets/f.yaml", path)), 0);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/phase", "aborted");
    put_file(&f, "fleets/f.yaml", fleet_yaml);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void run_sql(const struct daemon_fixture *f, const char *sql)
{
    char path[2 * TEMP_PATH_SIZE];
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(temp_path(&f->temp, "state/fuotad.db", path), &db),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int64_t schema_version(const struct daemon_fixture *f)
{
    char path[2 * TEMP_PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(temp_path(&f->temp, "state/fuotad.db", path), &db),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t version = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return version;
}

static void damage_in_the_store_leaves_one_campaign_out(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *reason;
    } rows[] = {
        {"UPDATE image SET bytes = x'00'", "its image cannot be read"},
        {"UPDATE source SET yaml = 'x: ['", "its stored file cannot be read any more"},
        {"DELETE FROM source", "it has no stored file"},
    };
    struct daemon_fixture f;
    fixture_files(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].sql);
        daemon_start(&f);
        upload(&f);
        if (i == 0) {
            assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
        }
        daemon_stop(&f);
        run_sql(&f, rows[i].sql);
        daemon_start(&f);
        assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
        assert_answer(&f, "/campaigns/0/phase", "paused");
        assert_non_null(strstr(answer_at(&f, "/campaigns/0/reason"), rows[i].reason));
        daemon_stop(&f);
    }
    fixture_remove(&f);
}

static int64_t count_of(const struct daemon_fixture *f, const char *sql)
{
    char path[2 * TEMP_PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(temp_path(&f->temp, "state/fuotad.db", path), &db),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

/* Each frame of each gateway is one: in time they would be all that the store holds. */
static void airtime_of_hours_ago_is_forgotten(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    daemon_stop(&f);
    run_sql(&f, "INSERT INTO charge(gateway, frequency_hz, at, airtime_us)"
                " VALUES (7, 869525000, 1000, 50000),"
                " (7, 869525000, 1000000 * unixepoch(), 50000)");
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    daemon_stop(&f);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM charge WHERE gateway = 7"), 1);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM charge WHERE at = 1000"), 0);
    fixture_remove(&f);
}

static void a_history_that_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000101\"}"), 0);
    daemon_stop(&f);
    run_sql(&f, "ALTER TABLE history RENAME TO other");
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000101\"}"),
                     CTL_INTERNAL);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void limit_files(const struct daemon_fixture *f, rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(prlimit(f->pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void a_full_disk_changes_nothing_and_passes(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    limit_files(&f, 1);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), CTL_INTERNAL);
    assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
    assert_answer(&f, "/campaigns", "[ ]");
    assert_int_equal(call(&f, CTL_VERSION, NULL), 0);
    assert_answer(&f, "/stores", "false");
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), CTL_INTERNAL);
    assert_int_equal(call(&f, CTL_WATCH, "{\"name\":\"camp\"}"), CTL_NOT_FOUND);
    limit_files(&f, RLIM_INFINITY);
    do {
        usleep(10000);
        assert_int_equal(call(&f, CTL_VERSION, NULL), 0);
    } while (strcmp(answer_at(&f, "/stores"), "true") != 0);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/state/phase", "running");
    daemon_stop(&f);
    fixture_remove(&f);
}

static const char folder_campaign[] =
    "apiVersion: fuotad/v1\n"
    "kind: Campaign\n"
    "metadata: { name: camp }\n"
    "spec:\n"
    "  image: { file: ../i.bin, version: \"2.0\", signatures: [../i.minisig] }\n"
    "  targets: { fleet: f }\n"
    "  schedule: { notBefore: 2099-01-01T00:00:00 }\n" /* till then nothing is stored */
    "  paused: %s\n";

/* Renamed into place, as a program should. */
static void put_campaign(const struct daemon_fixture *f, const char *paused)
{
    char text[512];
    char from[2 * TEMP_PATH_SIZE];
    char to[2 * TEMP_PATH_SIZE];
    snprintf(text, sizeof(text), folder_campaign, paused);
    put_file(f, "new", text);
    assert_int_equal(rename(temp_path(&f->temp, "new", from),
                            temp_path(&f->temp, "campaigns/c.yaml", to)),
                     0);
}

static void watch_folder(struct daemon_fixture *f)
{
    char text[2048];
    char path[2 * TEMP_PATH_SIZE];
    snprintf(text, sizeof(text), "%s  campaigns: campaigns\n", daemon_yaml);
    put_file(f, "fuotad.yaml", text);
    put_file(f, "i.minisig", f->signature);
    put_folder(f, "campaigns");
    FILE *file = fopen(temp_path(&f->temp, "i.bin", path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(f->image, 1, sizeof(f->image), file), sizeof(f->image));
    assert_int_equal(fclose(file), 0);
}

/* Of the answer to a call without params, or about the campaign. */
static void wait_for(struct daemon_fixture *f, enum ctl_method method,
                     const char *pointer, const char *want)
{
    const char *params = method == CTL_STATUS ? "{\"name\":\"camp\"}" : NULL;
    for (int i = 0; i < 3000; i++) {
        if (call(f, method, params) == 0 && strcmp(answer_at(f, pointer), want) == 0) {
            return;
        }
        usleep(10000);
    }
    fail_msg("%s is not %s", pointer, want);
}

/* That the file was taken is on disk. */
static void wait_for_taken(const struct daemon_fixture *f)
{
    static const char counter[] = "intake/taken/camp/";
    int tries = 0;
    while (!file_contains(f, "state/fuotad.db-wal", counter, sizeof(counter) - 1)) {
        assert_true(tries++ < 3000);
        usleep(10000);
    }
}

/* The engine has forgotten it then, and so must who reads the folder. */
static void a_change_in_the_folder_outlives_a_full_disk(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    watch_folder(&f);
    daemon_start(&f);
    put_campaign(&f, "false");
    wait_for(&f, CTL_STATUS, "/campaigns/0/phase", "scheduled");
    wait_for_taken(&f);
    limit_files(&f, 1);
    put_campaign(&f, "true");
    wait_for(&f, CTL_VERSION, "/stores", "false");
    limit_files(&f, RLIM_INFINITY);
    wait_for(&f, CTL_STATUS, "/campaigns/0/phase", "paused");
    daemon_stop(&f);
    daemon_start(&f);
    wait_for(&f, CTL_STATUS, "/campaigns/0/phase", "paused");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void keys_are_in_no_file_but_sealed(void **state)
{
    (void)state;
    static const char *const names[] = {"state/fuotad.db", "state/fuotad.db-wal", "log"};
    static const uint8_t key[] = {0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7,
                                  0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf};
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        test_row(names[i]);
        assert_false(file_contains(&f, names[i], key, sizeof(key)));
        assert_false(file_contains(&f, names[i], DAEMON_KEY_HEX, 32));
    }
    assert_true(file_contains(&f, "f.csv", DAEMON_KEY_HEX, 32));
    daemon_stop(&f);

    /* A device that leaves the inventory leaves the store with its keys. */
    put_file(&f, "f.csv", "dev_eui\n0000000000000101\n");
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_DEVICE, "{\"dev_eui\":\"0000000000000103\"}"),
                     CTL_NOT_FOUND);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void wrong_files_are_all_reported(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    assert_int_equal(run_to_end(&f, true, NULL), DAEMON_DONE);
    assert_int_equal(run_to_end(&f, true, "fast"), DAEMON_USAGE);
    put_file(&f, "fleets/g.yaml",
             "apiVersion: fuotad/v1\n"
             "kind: Fleet\n"
             "metadata: { name: f }\n"
             "spec:\n"
             "  trustPolicy: none\n"
             "  region: EU868\n"
             "  networkServer: { plugin: missing }\n"
             "  inventory: { source: file, file: ../f.csv }\n");
    put_file(&f, "trust/r.pub", "not a key");
    assert_int_equal(run_to_end(&f, true, NULL), DAEMON_INVALID);
    assert_true(log_says(&f, "another file has a fleet 'f' too"));
    assert_true(log_says(&f, "there is no TrustPolicy 'none'"));
    assert_true(log_says(&f, "plugin 'missing'"));
    assert_true(log_says(&f, "is not a minisign public key"));
    assert_true(log_says(&f, "is in fleet 'f' too"));
    put_file(&f, "fuotad.yaml", "kind: Daemon\n");
    assert_int_equal(run_to_end(&f, false, NULL), DAEMON_INVALID);
    fixture_remove(&f);
}

static void what_cannot_be_opened_ends_the_start(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    /* The same store and socket a second time. */
    assert_int_equal(run_to_end(&f, false, NULL), DAEMON_INTERNAL);
    daemon_stop(&f);
    char path[2 * TEMP_PATH_SIZE];
    temp_path(&f.temp, "state/sealing.key", path);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(run_to_end(&f, false, NULL), DAEMON_INTERNAL);
    assert_true(log_says(&f, "use chmod o-rwx"));
    assert_int_equal(chmod(path, 0600), 0);
    put_file(&f, "state/sealing.key", "this is some other key of 32 b..");
    assert_int_equal(run_to_end(&f, false, NULL), DAEMON_MISMATCH);
    assert_true(log_says(&f, "the sealing key is not the one"));
    put_file(&f, "state/sealing.key", "short");
    assert_int_equal(run_to_end(&f, false, NULL), DAEMON_MISMATCH);
    assert_true(log_says(&f, "cannot start"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(run_to_end(&f, false, NULL), DAEMON_INTERNAL);
    assert_true(log_says(&f, "the sealing key is gone"));
    assert_int_not_equal(access(path, F_OK), 0); /* none was made in its place */
    fixture_remove(&f);
}

static void a_database_of_a_newer_fuotad_is_refused_and_left_alone(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    daemon_stop(&f);
    int64_t newest = schema_version(&f);
    run_sql(&f, "PRAGMA user_version = 99");
    assert_int_equal(run_to_end(&f, false, NULL), DAEMON_MISMATCH);
    assert_true(log_says(&f,
                         "state/fuotad.db: written by a newer fuotad: schema 99, this "
                         "one knows up to "));
    assert_int_equal(schema_version(&f), 99);
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)newest);
    run_sql(&f, sql);
    daemon_start(&f);
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(a_database_of_a_newer_fuotad_is_refused_and_left_alone),
          cmocka_unit_test(campaigns_outlive_the_daemon),
          cmocka_unit_test(an_image_that_does_not_verify_any_more_pauses_its_campaign),
          cmocka_unit_test(a_campaign_without_its_fleet_is_left_out_and_shown),
          cmocka_unit_test(airtime_of_hours_ago_is_forgotten),
          cmocka_unit_test(damage_in_the_store_leaves_one_campaign_out),
          cmocka_unit_test(a_history_that_cannot_be_read_is_said),
          cmocka_unit_test(a_full_disk_changes_nothing_and_passes),
          cmocka_unit_test(a_change_in_the_folder_outlives_a_full_disk),
          cmocka_unit_test(keys_are_in_no_file_but_sealed),
          cmocka_unit_test(wrong_files_are_all_reported),
          cmocka_unit_test(what_cannot_be_opened_ends_the_start))

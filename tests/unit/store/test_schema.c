/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>

#include "io/file.h"
#include "store/db.h"

static struct fixture fix;

static int setup(void **state)
{
    (void)state;
    fixture_create(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(&fix);
    return 0;
}

static int open_with(const struct schema *schema, struct db *db, struct detail *detail)
{
    return db_open(fix.path, &fix.key, schema, db, detail);
}

static int64_t number(struct db *db, const char *sql)
{
    int64_t value = -1;
    assert_int_equal(db_get_int(db->sql, sql, &value, NULL), FUO_OK);
    return value;
}

static struct schema_step older_steps[] = {
    {{"CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
      "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"}},
};

static struct schema_step newer_steps[] = {
    {{"CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
      "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"}},
    {{"ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 42",
      "CREATE INDEX thing_by_name ON thing(name)"}},
    {{"UPDATE thing SET name = upper(name)"}},
};

static struct schema_step broken_steps[] = {
    {{"CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
      "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"}},
    {{"ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 42",
      "INSERT INTO nowhere VALUES(1)"}},
};

static const struct schema older = {older_steps, ARRAY_LEN(older_steps)};
static const struct schema newer = {newer_steps, ARRAY_LEN(newer_steps)};
static const struct schema broken = {broken_steps, ARRAY_LEN(broken_steps)};

static void make_older(void)
{
    struct db db;
    assert_int_equal(open_with(&older, &db, NULL), FUO_OK);
    assert_int_equal(db_exec(db.sql, "INSERT INTO thing VALUES(1, 'kept')", NULL),
                     FUO_OK);
    db_close(&db);
}

static void a_database_of_an_older_schema_is_migrated(void **state)
{
    (void)state;
    struct db db;
    make_older();
    assert_int_equal(open_with(&newer, &db, NULL), FUO_OK);
    assert_int_equal(number(&db, "PRAGMA user_version"), 3);
    assert_int_equal(number(&db, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
    assert_int_equal(number(&db, "SELECT size FROM thing WHERE name = 'KEPT'"), 42);
    db_close(&db);
    assert_int_equal(open_with(&newer, &db, NULL), FUO_OK); /* nothing is left to do */
    assert_int_equal(number(&db, "SELECT count(*) FROM thing"), 1);
    db_close(&db);
}

static void a_migration_that_fails_changes_nothing(void **state)
{
    (void)state;
    struct db db;
    struct detail detail = {0};
    make_older();
    assert_int_equal(open_with(&broken, &db, &detail), FUO_EIO);
    assert_non_null(strstr(detail.text, "nowhere"));
    assert_int_equal(open_with(&older, &db, NULL), FUO_OK);
    assert_int_equal(number(&db, "PRAGMA user_version"), 1);
    assert_int_equal(number(&db, "SELECT count(*) FROM pragma_table_info('thing')"), 2);
    db_close(&db);
}

static void a_database_of_a_newer_fuotad_is_left_alone(void **state)
{
    (void)state;
    struct db db;
    struct detail detail = {0};
    assert_int_equal(open_with(&newer, &db, NULL), FUO_OK);
    db_close(&db);
    assert_int_equal(open_with(&older, &db, &detail), FUO_ENOTSUP);
    assert_non_null(strstr(detail.text, "newer fuotad"));
    assert_int_equal(open_with(&newer, &db, NULL), FUO_OK);
    db_close(&db);
}

/* ---- from step 1 to the newest ---- */

/* A transmission in its session, one that ended, and a device with two links. */
static const char step_1_rows[] =
    "INSERT INTO transmission VALUES(7, 1, 4, 1, 1, 5, 0, 0, 1, 12, 230, 100, 869525000,"
    " 305419896, 'b1-group', x'0100000000000000"
    "eeffc0cefa0250ac" /* little-endian */
    "0000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000', 2, 40, 17, 18, 110, 1, 0, 1, 0, 5, 6, 7);"
    "INSERT INTO transmission VALUES(8, 1, 9, 1, 1, 5, 1, 0, 1, 12, 230, 100, 869525000,"
    " 2, '', zeroblob(128), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);"
    "INSERT INTO device VALUES(5, 1, zeroblob(5), zeroblob(5), 1, 0, 0, 0, 9, 10,"
    " zeroblob(8), 2, x'0100000000000000"
    "0200000000000000"
    "0000000000000000"
    "0000000000000000', x'e8030cfe00000000');"
    "INSERT INTO device VALUES(6, 1, zeroblob(5), zeroblob(5), 0, 0, 0, 0, 0, 0,"
    " zeroblob(8), 0, zeroblob(32), zeroblob(8));";

static void make_step_1(void)
{
    const struct schema first = {schema_newest.steps, 1};
    struct detail detail = {0};
    struct db db;
    assert_int_equal(open_with(&first, &db, NULL), FUO_OK);
    int err = db_exec(db.sql, step_1_rows, &detail);
    assert_string_equal(detail.text, "");
    assert_int_equal(err, FUO_OK);
    db_close(&db);
}

struct found {
    struct transmission_rec transmissions[3];
    struct lane_rec lanes[3];
    struct device_rec devices[3];
    size_t count;
};

static int take_transmission(void *arg, const void *record)
{
    struct found *found = arg;
    assert_true(found->count < 3);
    found->transmissions[found->count++] = *(const struct transmission_rec *)record;
    return FUO_OK;
}

static int take_lane(void *arg, const void *record)
{
    struct found *found = arg;
    assert_true(found->count < 3);
    found->lanes[found->count++] = *(const struct lane_rec *)record;
    return FUO_OK;
}

static int take_device(void *arg, const void *record)
{
    struct found *found = arg;
    assert_true(found->count < 3);
    found->devices[found->count++] = *(const struct device_rec *)record;
    return FUO_OK;
}

static void load_two(struct found *found, enum store_kind kind, store_record_fn *fn)
{
    found->count = 0;
    assert_int_equal(store_load_records(fix.store, kind, fn, found, NULL), FUO_OK);
    assert_int_equal(found->count, 2);
}

static void a_transmission_of_step_1_goes_on_as_one_lane(void **state)
{
    (void)state;
    struct found found;
    make_step_1();
    fixture_open(&fix);
    load_two(&found, STORE_TRANSMISSION, take_transmission);
    const struct transmission_rec *tx = &found.transmissions[0];
    assert_int_equal(tx->id, 7);
    assert_int_equal(tx->phase, TX_SENDING);
    assert_int_equal(tx->lane_count, 1);
    assert_int_equal(tx->colour_count, 1);
    assert_int_equal(tx->key_id, 7); /* drawn for itself */
    assert_int_equal(tx->f_cnt_first, 0);
    assert_int_equal(tx->copies, 0);      /* coded fragments in natural order */
    assert_int_equal(tx->interval_us, 0); /* as the plan says */
    assert_int_equal(tx->frames_handed, 17);
    assert_int_equal(tx->next_n, 18);
    assert_int_equal(tx->target_n, 110);
    assert_true(tx->pending && !tx->pending_status);
    assert_int_equal(tx->phase_since.us, 7);

    load_two(&found, STORE_LANE, take_lane);
    const struct lane_rec *lane = &found.lanes[0];
    assert_int_equal(lane->transmission_id, 7);
    assert_int_equal(lane->no, 0);
    assert_int_equal(lane->colour, 0);
    assert_true(lane->pending && !lane->lost);
    assert_string_equal(lane->group, "b1-group");
    assert_int_equal(lane->gateway_count, 2);
    assert_int_equal(lane->gateways[0], 1);
    assert_int_equal(lane->gateways[1], 0xac5002facec0ffee);
    assert_int_equal(lane->f_cnt_base, 40);
    assert_int_equal(lane->frames_handed, 17);
    assert_int_equal(found.lanes[1].transmission_id, 8);
    assert_string_equal(found.lanes[1].group, "");
}

static void links_of_step_1_keep_their_snr(void **state)
{
    (void)state;
    struct found found;
    make_step_1();
    fixture_open(&fix);
    load_two(&found, STORE_DEVICE, take_device);
    const struct device_rec *device = &found.devices[0];
    assert_int_equal(device->uplinks_heard, 1);
    assert_int_equal(device->link_count, 2);
    assert_int_equal(device->link[1].gateway, 2);
    assert_int_equal(device->link[0].snr_p50_cdb, 1000);
    assert_int_equal(device->link[0].snr_p10_cdb, 1000);
    assert_int_equal(device->link[1].snr_p50_cdb, -500);
    assert_int_equal(device->link[1].heard_ppk, 1000);
    assert_int_equal(device->uplink_interval_us, 10);
    assert_int_equal(device->down_cdb, 0); /* nothing told of its downlinks */
    assert_int_equal(device->mc_group, 0);
    assert_false(device->forgets_groups);
    assert_false(device->told_before);
    assert_int_equal(device->quirks, 0);
    found.count = 0;
    assert_int_equal(
        store_load_records(fix.store, STORE_GROUP, take_device, &found, NULL), FUO_OK);
    assert_int_equal(found.count, 0); /* none is kept */
    assert_int_equal(found.devices[1].uplinks_heard, 0);
    assert_int_equal(found.devices[1].link_count, 0);
}

/* Opening must fail with err and leave the bytes as they are. */
static void assert_refused_untouched(int err, const char *text)
{
    AUTO_FREE uint8_t *before = NULL;
    AUTO_FREE uint8_t *after = NULL;
    size_t before_len;
    size_t after_len;
    struct detail detail = {0};
    assert_int_equal(file_read(fix.path, 1 << 20, &before, &before_len), FUO_OK);
    assert_int_equal(fixture_try_open(&fix, &detail), err);
    assert_null(fix.store);
    assert_non_null(strstr(detail.text, text));
    assert_non_null(strstr(detail.text, fix.path));
    assert_int_equal(file_read(fix.path, 1 << 20, &after, &after_len), FUO_OK);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
}

static void a_file_that_is_no_database_is_left_alone(void **state)
{
    (void)state;
    /* SQLite itself takes a file of one byte for an empty one. */
    static const size_t sizes[] = {2, 16, 99, 512, 5000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint8_t bytes[5000];
        memset(bytes, 'x', sizeof(bytes));
        assert_int_equal(file_write_atomic(fix.path, 0600, bytes, sizes[i]), FUO_OK);
        assert_refused_untouched(FUO_EPROTO, "not a database");
    }
}

static void somebody_elses_database_is_left_alone(void **state)
{
    (void)state;
    static const char *const others[] = {
        "CREATE TABLE t(x)",
        "PRAGMA application_id = 252006674; CREATE TABLE t(x)",
        "PRAGMA user_version = 1; CREATE TABLE t(x)",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        sqlite3 *sql;
        test_row(others[i]);
        (void)remove(fix.path);
        assert_int_equal(sqlite3_open(fix.path, &sql), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sql, others[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(sql);
        assert_refused_untouched(FUO_EPROTO, "not a database of fuotad");
    }
}

static void an_empty_file_becomes_a_database(void **state)
{
    (void)state;
    assert_int_equal(file_write_atomic(fix.path, 0600, NULL, 0), FUO_OK);
    fixture_open(&fix);
}

static void a_damaged_database_is_refused(void **state)
{
    (void)state;
    struct detail detail = {0};
    fixture_open(&fix);
    fixture_close(&fix);
    int fd = open(fix.path, O_WRONLY | O_CLOEXEC);
    uint8_t garbage[4096];
    memset(garbage, 0xa5, sizeof(garbage));
    assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 4096), sizeof(garbage));
    close(fd);
    assert_int_equal(fixture_try_open(&fix, &detail), FUO_EPROTO);
    assert_true(strlen(detail.text) > strlen(fix.path));
}

static void another_sealing_key_is_noticed(void **state)
{
    (void)state;
    fixture_open(&fix);
    fixture_close(&fix);
    fix.key.bytes[0] ^= 1;
    struct detail detail = {0};
    assert_int_equal(fixture_try_open(&fix, &detail), FUO_EAUTH);
    assert_non_null(strstr(detail.text, "sealing key"));
    fix.key.bytes[0] ^= 1;
    fixture_open(&fix);
}

static void a_look_from_outside_tells_the_same_and_touches_nothing(void **state)
{
    (void)state;
    struct detail detail = {0};
    assert_int_equal(store_peek(fix.path, &detail), FUO_ENOENT);
    fixture_open(&fix);
    assert_int_equal(store_peek(fix.path, &detail), FUO_EAGAIN);
    assert_non_null(strstr(detail.text, "in use"));
    fixture_close(&fix);
    assert_int_equal(store_peek(fix.path, NULL), FUO_OK);

    sqlite3 *sql = NULL;
    assert_int_equal(sqlite3_open(fix.path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, "PRAGMA user_version = 99", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(sql), SQLITE_OK);
    assert_int_equal(store_peek(fix.path, &detail), FUO_ENOTSUP);
    assert_non_null(strstr(detail.text, "newer fuotad: schema 99"));

    FILE *file = fopen(fix.path, "w");
    assert_non_null(file);
    assert_true(fputs("no database, but more than a header of bytes in a file that is "
                      "as long as this sentence, and then some more of it",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(store_peek(fix.path, &detail), FUO_EPROTO);
}

static void a_missing_folder_is_said(void **state)
{
    (void)state;
    struct detail detail = {0};
    temp_path(&fix.temp, "none/fuotad.db", fix.path);
    assert_int_equal(fixture_try_open(&fix, &detail), FUO_ENOENT);
    assert_non_null(strstr(detail.text, "No such file"));
}

static void a_database_is_opened_by_one_only(void **state)
{
    (void)state;
    struct fixture second = fix;
    struct detail detail = {0};
    fixture_open(&fix);
    assert_int_equal(fixture_try_open(&second, &detail), FUO_EAGAIN);
    assert_non_null(strstr(detail.text, "in use"));
    fixture_close(&fix);
    fixture_open(&fix);
}

static void only_the_owner_can_read_the_files(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct stat st;
    char wal[2 * TEMP_PATH_SIZE + 8];
    fixture_open(&fix);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    snprintf(wal, sizeof(wal), "%s-wal", fix.path);
    assert_int_equal(stat(fix.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(IN_FOLDER(a_database_of_an_older_schema_is_migrated),
          IN_FOLDER(a_migration_that_fails_changes_nothing),
          IN_FOLDER(a_database_of_a_newer_fuotad_is_left_alone),
          IN_FOLDER(a_transmission_of_step_1_goes_on_as_one_lane),
          IN_FOLDER(links_of_step_1_keep_their_snr),
          IN_FOLDER(a_file_that_is_no_database_is_left_alone),
          IN_FOLDER(somebody_elses_database_is_left_alone),
          IN_FOLDER(an_empty_file_becomes_a_database),
          IN_FOLDER(a_damaged_database_is_refused),
          IN_FOLDER(another_sealing_key_is_noticed), IN_FOLDER(a_missing_folder_is_said),
          IN_FOLDER(a_database_is_opened_by_one_only),
          IN_FOLDER(a_look_from_outside_tells_the_same_and_touches_nothing),
          IN_FOLDER(only_the_owner_can_read_the_files))

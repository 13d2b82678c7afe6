/* SPDX-License-Identifier: MIT */
/*
 * test_migrate.c - a database of each schema there ever was, with rows in every table, opened
 * by this version.
 *
 * A new step needs a row in versions[]: what its tables and columns may hold, and its
 * digest once it is released.
 */
#include "store_fixture.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "base/hex.h"
#include "store/db.h"
#include "store/internal.h"

enum {
    CELLS_MAX = 256,
    TX = 7,
    DEVICE = 5,
    MC_ADDR = 0x12345678,
    SQL_SIZE = 4096,
};

#define IMAGE "an image"

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

/* ---- the rows of each version ---- */

/* All tables but those with digests and keys. */
static const char rows_1[] =
    "INSERT INTO counter VALUES('boot', 41), ('shard-3', 17);"
    "INSERT INTO fleet(id, name) VALUES(3, 'fleet-a');"
    "INSERT INTO campaign VALUES(1, 1, 'wm1', 'storm', 11, 12, 13, 14, 1, 15, 16, 18, "
    "19);"
    "INSERT INTO member VALUES(1, 7, 5, 13, 1, 2, 1, 0, 3, 21, 22, 23, 1, 24, 25, 26, "
    "27, 28,"
    " 29, 30, 1, 31, 1, 32, 33, 34);"
    "INSERT INTO transmission VALUES(7, 1, 4, 1, 2, 5, 3, 1, 6, 12, 230, 100, 869525000,"
    " 305419896, 'b1-group', zeroblob(128), 2, 40, 17, 18, 110, 1, 1, 8, 9, 51, 52, 53);"
    "INSERT INTO device VALUES(5, 3, x'0102030405', x'c8c9cacbcc', 1, 1, 61, 62, 63, 64,"
    " x'0100020003000400', 2, zeroblob(32), x'e8030cfe00000000');"
    "INSERT INTO charge VALUES(1, 99, 869525000, 35, 36);"
    "INSERT INTO history VALUES(1, 1, 5, 37, 13, 1, 2, 1, 0, 3);"
    "INSERT INTO outbox VALUES(9, 'topic', x'7b7d', 38, 1, 1, 1);";

static const char rows_2[] =
    "INSERT INTO lane VALUES(7, 1, 1, 1, 0, 'b2-group', 1, zeroblob(128), 41, 16);"
    "UPDATE transmission SET lane_count = 2, colour_count = 3, copies = 2,"
    " interval_us = 1300000;"
    "UPDATE device SET uplinks_heard = 71, link_heard_ppk = x'e703e603e503e403',"
    " link_snr_p10_cdb = x'0100020003000400';";

static const char rows_3[] = "UPDATE member SET late = 2;";

static const char rows_4[] =
    "UPDATE device SET down_cdb = -150, mc_group = 7, forgets_groups = 1;"
    "UPDATE transmission SET key_id = 6, f_cnt_first = 44;"
    "UPDATE member SET kept = 1;"
    "INSERT INTO mc_group VALUES(0, 7, 3, 7, 1, 305419896, 50, 2, 60);";

static const char rows_5[] = "UPDATE device SET quirks = 5;";

static const char rows_6[] =
    "INSERT INTO counter VALUES('audit', 1);"
    "INSERT INTO audit VALUES(1, 72, 'user:a', 'apply', 'wm1', 'storm', 'image=00',"
    " zeroblob(32), x'c0ffee');";

/* A charge of another hour; what came before it has its hour from the step. */
static const char rows_7[] =
    "INSERT INTO charge VALUES(2, 99, 868100000, 7200000000, 40);";

static const char rows_8[] =
    "UPDATE member SET reports = 1;"
    "INSERT INTO report VALUES(5, 61, 2, 255, '1.4.3', '1.4.2');";

static const char rows_9[] = "UPDATE member SET wave = 3, attempted = 1;"
                             "INSERT INTO wave VALUES(1, 3, 3, 1, 1, 1, 61, 62, 63);";

static const char rows_10[] = "UPDATE member SET retries = 4, outcome_before = 2,"
                              " reason_before = 10;";

static const char rows_11[] = "UPDATE inventory SET imported = 1;";

static const char rows_12[] = "UPDATE wave SET installs = 1;";

static const char rows_13[] = "UPDATE member SET variant = 2, delta_failures = 1;"
                              "UPDATE transmission SET variant = 2;"
                              "UPDATE source SET deltas = '[{}]';";

static const char rows_14[] =
    "UPDATE device SET battery_known = 1, battery_percent = 64;";

static const char rows_15[] = "UPDATE member SET listened_s = 1900;";

static const char rows_16[] = "UPDATE device SET told_before = 1;";

static const char rows_17[] =
    "INSERT INTO webhook VALUES(3, 81, 'wm1', 'https://ci.example/a', '{}');";

/* Known of a campaign whose source is there. */
static const char rows_18[] = "UPDATE transmission SET fleet_id = 3;";

static const char rows_19[] = "UPDATE member SET mark = 4294967295;";

static const struct {
    const char *rows; /* what a daemon of that version may have written beyond the last */
    const char *digest; /* of the step's SQL: other people's databases have it */
} versions[] = {
    {rows_1, "d9ca5428d8bf7e3be92485dc38a2627bb82d998c009d39498c06ef6fbde13a1a"},
    {rows_2, "72a1611c827185458774f6cf753d141c4f6f45c563d5e35db93f1de5d4494f80"},
    {rows_3, "d96041bcf8c3c47675ccc3755256d325e68438d5b874d7580ede5d21f4a74eca"},
    {rows_4, "e5bcc36bad201b1ebd226b307c59a7735156518d3248494d36138dc37edb8269"},
    {rows_5, "f2d22376762dc8bca2b537e5969e6e1c343d9bdd1ca8ca7d17e804ba1fb87792"},
    {rows_6, "41f9a6d2ea790a70bd32702d965af22c979bf4125015d1f3f9b46a40e94aeb30"},
    {rows_7, "efef94eec2687a875cb617f4efd695070195b4ec29a15890861628ac40150963"},
    {rows_8, "c251c02c2f2d81e4fd8be7774903036f813275fff778737972dfdacc64a2baae"},
    {rows_9, "f2f04bfe8d62dc5ea19d01ca217b40c2591bbbb660d2478450b93ab82ff3ec86"},
    {rows_10, "1247a53f08b5a73403049f59144dfc9ea623209571825e995dadc9243128f958"},
    {rows_11, "bf262b533acbef2fa4a9c89e3c7118dca6548bded7aad346c2af9a63a15cd9d9"},
    {rows_12, "d0c309f910ec9debfba907531186a9d532f329774655379df22140af04a1ea82"},
    {rows_13, "08764c1678276f83c41e0614c33e487dbc3bc03f055280c1380ca78ee70cdbb7"},
    {rows_14, "767d5bf3927a68f0a8d0d661bf5c478f631d31fd5ec5898f0ae8c02b0f29e10b"},
    {rows_15, "d833e3b4c8bb5df80ae0b6dd32a0586fdf0565d11bb220c34f449c2ef8b1febc"},
    {rows_16, "ca79428dd042640bc7c46dff0e431a33a62dc99018db756a97427064225d9ab5"},
    {rows_17, "42ee802627c855731db7e40f59d273c93adace9151da76cbcc9bebb8b1338953"},
    {rows_18, "08c548b368f4fbc0064d81a5c874bfe5277c4abf8a92855caa30ee103cdae343"},
    {rows_19, "8b765e1dedd8bcc03b43c7681230221b7f474527eafbbe59e7b742e7cf63485e"},
};

/* Columns that were turned into others; test_schema.c says into what. */
static const char *const gone[] = {
    "transmission.group_handle", "transmission.gateways", "transmission.gateway_count",
    "transmission.f_cnt_base",   "device.link_snr_cdb",
};

/* ---- making a database ---- */

static void run(struct db *db, const char *sql)
{
    struct detail detail = {0};
    int err = db_exec(db->sql, sql, &detail);
    assert_string_equal(detail.text, "");
    assert_int_equal(err, FUO_OK);
}

static const char *sealed(const struct seal_place *place, uint8_t fill,
                          char text[2 * (STORE_KEY_BYTES + SEAL_OVERHEAD_BYTES) + 1])
{
    uint8_t key[STORE_KEY_BYTES];
    uint8_t blob[STORE_KEY_BYTES + SEAL_OVERHEAD_BYTES];
    memset(key, fill, sizeof(key));
    seal(&fix.key, place, key, sizeof(key), blob);
    return hex_encode(blob, sizeof(blob), text);
}

/* The tables of version 1 that hold digests and keys. */
static void put_secrets(struct db *db)
{
    enum { TEXT_SIZE = 2 * (STORE_KEY_BYTES + SEAL_OVERHEAD_BYTES) + 1 };
    struct seal_place mc = seal_place_mc_key(TX);
    struct seal_place gen_app = seal_place_gen_app_key(DEVICE);
    struct seal_place app = seal_place_app_key(DEVICE);
    uint8_t digest[STORE_DIGEST_BYTES];
    char hex[2 * STORE_DIGEST_BYTES + 1];
    char keys[3][TEXT_SIZE];
    char sql[SQL_SIZE];
    store_digest((const uint8_t *)IMAGE, strlen(IMAGE), digest);
    hex_encode(digest, sizeof(digest), hex);
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO image VALUES(x'%s', CAST('" IMAGE "' AS BLOB), 'sig');"
        "INSERT INTO source VALUES(1, 'wm1', 'fleet-a', 'kind: Campaign', 'sig2',"
        " x'%s', x'%s');"
        "INSERT INTO mc_key VALUES(%d, %d, x'%s');"
        "INSERT INTO inventory VALUES(%d, 'fleet-a', 'one', 'st-v1', '{\"a\":\"b\"}', 1,"
        " x'%s', x'%s');",
        hex, hex, hex, TX, MC_ADDR, sealed(&mc, 0x11, keys[0]), DEVICE,
        sealed(&gen_app, 0x22, keys[1]), sealed(&app, 0x33, keys[2]));
    run(db, sql);
}

static void open_version(size_t version, struct db *db)
{
    const struct schema schema = {schema_newest.steps, version};
    struct detail detail = {0};
    int err = db_open(fix.path, &fix.key, &schema, db, &detail);
    assert_string_equal(detail.text, "");
    assert_int_equal(err, FUO_OK);
}

/* As a daemon of that version leaves it. */
static void make_version(size_t version, struct db *db)
{
    for (size_t v = 1; v <= version; v++) {
        open_version(v, db);
        run(db, versions[v - 1].rows);
        if (v == 1) {
            put_secrets(db);
        }
        if (v < version) {
            db_close(db);
        }
    }
}

/* ---- what is in a database ---- */

struct cell {
    char name[64]; /* table.column */
    char *values;  /* of all rows, sorted */
};

struct cells {
    struct cell items[CELLS_MAX];
    size_t count;
};

static void cells_free(struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++) {
        free(cells->items[i].values);
    }
    free(cells);
}

static char *values_of(struct db *db, const char *table, const char *column)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    char sql[256];
    snprintf(sql, sizeof(sql),
             "SELECT coalesce(group_concat(v), '') FROM"
             " (SELECT quote(\"%s\") AS v FROM \"%s\" ORDER BY v)",
             column, table);
    assert_int_equal(db_prepare(db->sql, sql, &stmt, NULL), FUO_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    char *values = strdup((const char *)sqlite3_column_text(stmt, 0));
    assert_non_null(values);
    return values;
}

static struct cells *read_cells(struct db *db)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    struct cells *cells = calloc(1, sizeof(*cells));
    assert_non_null(cells);
    assert_int_equal(db_prepare(db->sql,
                                "SELECT t.name, c.name FROM sqlite_schema AS t,"
                                " pragma_table_info(t.name) AS c WHERE t.type = 'table'"
                                " AND t.name NOT LIKE 'sqlite_%'",
                                &stmt, NULL),
                     FUO_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        assert_true(cells->count < CELLS_MAX);
        struct cell *cell = &cells->items[cells->count++];
        const char *table = (const char *)sqlite3_column_text(stmt, 0);
        const char *column = (const char *)sqlite3_column_text(stmt, 1);
        snprintf(cell->name, sizeof(cell->name), "%s.%s", table, column);
        cell->values = values_of(db, table, column);
    }
    return cells;
}

static const char *find(const struct cells *cells, const char *name)
{
    for (size_t i = 0; i < cells->count; i++) {
        if (strcmp(cells->items[i].name, name) == 0) {
            return cells->items[i].values;
        }
    }
    return NULL;
}

static bool may_go(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        if (strcmp(gone[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Rows that a step makes of others: the lanes of before there were any, hours of charges. */
static bool may_grow(const char *name)
{
    return strncmp(name, "lane.", 5) == 0 || strncmp(name, "airtime.", 8) == 0;
}

static void assert_kept(const struct cells *before, const struct cells *after)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct cell *cell = &before->items[i];
        const char *values = find(after, cell->name);
        test_row(cell->name);
        if (values == NULL) {
            assert_true(may_go(cell->name));
        } else if (!may_grow(cell->name)) {
            assert_string_equal(values, cell->values);
        }
    }
}

/* ---- tests ---- */

static void every_version_has_its_rows_here(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(versions), schema_newest.count);
    struct db db;
    make_version(schema_newest.count, &db);
    struct cells *cells = read_cells(&db);
    for (size_t i = 0; i < cells->count; i++) {
        test_row(cells->items[i].name);
        assert_string_not_equal(cells->items[i].values, "");
    }
    cells_free(cells);
    db_close(&db);
}

static void a_released_step_is_never_edited(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_newest.count; i++) {
        char all[16384] = "";
        uint8_t digest[STORE_DIGEST_BYTES];
        char hex[2 * STORE_DIGEST_BYTES + 1];
        for (size_t k = 0; k < SCHEMA_STEP_PARTS; k++) {
            const char *part = schema_newest.steps[i].parts[k];
            size_t len = strlen(all);
            snprintf(all + len, sizeof(all) - len, "%s\n", part != NULL ? part : "");
        }
        store_digest((const uint8_t *)all, strlen(all), digest);
        hex_encode(digest, sizeof(digest), hex);
        assert_string_equal(hex, versions[i].digest);
    }
}

static void no_value_of_any_version_is_lost(void **state)
{
    (void)state;
    for (size_t version = 1; version <= schema_newest.count; version++) {
        struct db db;
        unlink(fix.path);
        make_version(version, &db);
        struct cells *before = read_cells(&db);
        db_close(&db);
        open_version(schema_newest.count, &db);
        struct cells *after = read_cells(&db);
        assert_kept(before, after);
        cells_free(before);
        cells_free(after);
        db_close(&db);
    }
}

static int count_source(void *arg, const struct store_source *source)
{
    assert_string_equal(source->yaml, "kind: Campaign");
    assert_string_equal(source->signatures, "sig2");
    ++*(size_t *)arg;
    return FUO_OK;
}

static int count_inventory(void *arg, const struct store_inventory *device)
{
    assert_int_equal(device->dev_eui, DEVICE);
    assert_string_equal(device->profile, "st-v1");
    assert_int_equal(device->lorawan_minor, 1);
    ++*(size_t *)arg;
    return FUO_OK;
}

static int sum_counter(void *arg, const char *name, uint64_t value)
{
    (void)name;
    *(size_t *)arg += value;
    return FUO_OK;
}

static void assert_records(size_t version)
{
    struct seen campaigns =
        fixture_load(&fix, STORE_CAMPAIGN, sizeof(struct campaign_rec));
    struct seen members = fixture_load(&fix, STORE_MEMBER, sizeof(struct member_rec));
    struct seen txs =
        fixture_load(&fix, STORE_TRANSMISSION, sizeof(struct transmission_rec));
    struct seen devices = fixture_load(&fix, STORE_DEVICE, sizeof(struct device_rec));
    assert_int_equal(campaigns.count, 1);
    assert_string_equal(campaigns.last.campaign.reason, "storm");
    assert_int_equal(members.count, 1);
    assert_int_equal(members.last.member.changed.us, 34);
    assert_int_equal(members.last.member.late, version >= 3 ? 2 : 0);
    assert_int_equal(members.last.member.kept, version >= 4);
    assert_int_equal(txs.count, 1);
    assert_int_equal(txs.last.transmission.mc_addr, MC_ADDR);
    assert_int_equal(txs.last.transmission.next_n, 18);
    assert_int_equal(txs.last.transmission.copies, version >= 2 ? 2 : 0);
    assert_int_equal(txs.last.transmission.key_id, version >= 4 ? 6 : TX);
    assert_int_equal(txs.last.transmission.fleet_id, 3);
    assert_int_equal(devices.count, 1);
    assert_int_equal(devices.last.device.package_fport[4], 0xcc);
    assert_int_equal(devices.last.device.session_count[3], 4);
    assert_int_equal(devices.last.device.uplinks_heard, version >= 2 ? 71 : 1);
    assert_int_equal(devices.last.device.down_cdb, version >= 4 ? -150 : 0);
    assert_int_equal(devices.last.device.battery_known, version >= 14);
    assert_int_equal(devices.last.device.battery_percent, version >= 14 ? 64 : 0);
    assert_int_equal(
        fixture_load(&fix, STORE_CHARGE, sizeof(struct charge_rec)).last.charge.gateway,
        99);
    assert_int_equal(fixture_load(&fix, STORE_LANE, sizeof(struct lane_rec)).count,
                     version >= 2 ? 2 : 1);
    assert_int_equal(fixture_load(&fix, STORE_GROUP, sizeof(struct group_rec)).count,
                     version >= 4);
    assert_int_equal(members.last.member.wave, version >= 9 ? 3 : 0);
    assert_int_equal(members.last.member.attempted, version >= 9);
    assert_int_equal(members.last.member.listened_s, version >= 15 ? 1900 : 0);
    assert_int_equal(members.last.member.mark, version >= 19 ? UINT32_MAX : 0);
    assert_int_equal(members.last.member.retries, version >= 10 ? 4 : 0);
    assert_int_equal(members.last.member.outcome_before, version >= 10 ? 2 : 0);
    assert_int_equal(members.last.member.reason_before, version >= 10 ? 10 : 0);
    assert_int_equal(members.last.member.variant, version >= 13 ? 2 : 0);
    assert_int_equal(members.last.member.delta_failures, version >= 13);
    assert_int_equal(txs.last.transmission.variant, version >= 13 ? 2 : 0);
    assert_int_equal(fixture_load(&fix, STORE_WAVE, sizeof(struct wave_rec)).count,
                     version >= 9);
}

static void assert_image_and_keys(void)
{
    uint8_t digest[STORE_DIGEST_BYTES];
    uint8_t filled[STORE_KEY_BYTES];
    AUTO_FREE uint8_t *image = NULL;
    AUTO_FREE char *signatures = NULL;
    AUTO_SECRET struct secret mc_key = {0};
    size_t len = 0;
    uint32_t mc_addr = 0;
    store_digest((const uint8_t *)IMAGE, strlen(IMAGE), digest);
    assert_int_equal(store_load_image(fix.store, digest, &image, &len, &signatures, NULL),
                     FUO_OK);
    assert_int_equal(len, strlen(IMAGE));
    assert_string_equal(signatures, "sig");
    assert_int_equal(store_load_mc_key(fix.store, TX, &mc_addr, &mc_key, NULL), FUO_OK);
    assert_int_equal(mc_addr, MC_ADDR);
    memset(filled, 0x11, sizeof(filled));
    assert_memory_equal(mc_key.bytes, filled, sizeof(filled));

    assert_int_equal(store_query_device_key(fix.store, 1, DEVICE), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.err, FUO_OK);
    assert_true(done.device_key.has_gen_app_key && done.device_key.has_app_key);
    assert_int_equal(done.device_key.gen_app_key[15], 0x22);
    assert_int_equal(done.device_key.app_key[15], 0x33);
    store_done_finish(&done);
}

static void assert_queries(void)
{
    assert_int_equal(store_query_history(fix.store, 2, DEVICE, 10), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.history.count, 1);
    assert_int_equal(done.history.rows[0].at.us, 37);
    store_done_finish(&done);
    assert_int_equal(store_query_outbox(fix.store, 3, 0, 10), FUO_OK);
    done = fixture_wait(&fix);
    assert_int_equal(done.outbox.count, 1);
    assert_int_equal(done.outbox.rows[0].id, 9);
    assert_int_equal(done.outbox.rows[0].seq, 38);
    store_done_finish(&done);
}

static void every_version_is_read_by_this_one(void **state)
{
    (void)state;
    for (size_t version = 1; version <= schema_newest.count; version++) {
        struct db db;
        size_t sources = 0;
        size_t devices = 0;
        size_t sum = 0;
        uint32_t fleet = 0;
        unlink(fix.path);
        make_version(version, &db);
        db_close(&db);
        assert_int_equal(store_peek(fix.path, NULL), FUO_OK); /* says so before */
        fixture_open(&fix);
        assert_records(version);
        assert_image_and_keys();
        assert_queries();
        assert_int_equal(store_load_sources(fix.store, count_source, &sources, NULL),
                         FUO_OK);
        assert_int_equal(
            store_load_inventory(fix.store, "fleet-a", count_inventory, &devices, NULL),
            FUO_OK);
        assert_int_equal(store_load_counters(fix.store, "", sum_counter, &sum, NULL),
                         FUO_OK);
        assert_int_equal(sources, 1);
        assert_int_equal(devices, 1);
        assert_int_equal(sum, 41 + 17 + (version >= 6 ? 1 : 0));
        assert_int_equal(store_fleet_id(fix.store, "fleet-a", &fleet, NULL), FUO_OK);
        assert_int_equal(fleet, 3);
        fixture_close(&fix);
    }
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(IN_FOLDER(every_version_has_its_rows_here),
          IN_FOLDER(a_released_step_is_never_edited),
          IN_FOLDER(no_value_of_any_version_is_lost),
          IN_FOLDER(every_version_is_read_by_this_one))

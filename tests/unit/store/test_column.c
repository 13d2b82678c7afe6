/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include "store/column.h"
#include "store/db.h"

/*
 * Every field by position and different from zero: a field that is added to a record makes
 * the compiler complain here, and one that no column carries comes back as zero.
 */
static const struct campaign_rec campaign = {
    1, CAMPAIGN_ABORTED, "wm1-1-4-3", "somebody said so", {2}, {3}, {4}, 5, true, 6,
    7, 1L << 40,         9,
};

static const struct member_rec member = {
    1,
    2,
    0xf0e1d2c3b4a59687,
    MEMBER_ENDED,
    FW_UPDATING,
    FW_RESULT_DEFERRED,
    FW_REPORTED,
    OUTCOME_SUPERSEDED,
    REASON_TOO_BIG,
    UINT64_MAX - 1,
    {3},
    {4},
    true,
    5,
    6,
    7,
    true,
    true,
    8,
    9,
    10,
    11,
    12,
    true,
    UINT32_MAX,
    true,
    13,
    true,
    15,
    OUTCOME_FAILED,
    REASON_MIC,
    8,
    17,
    UINT32_MAX - 19,
    UINT32_MAX - 18,
    {14},
    {INT64_MAX},
    {-16},
};

static const struct transmission_rec transmission = {
    1,
    2,
    3,
    TX_ENDED,
    1,
    2,
    5,
    3,
    2,
    7,
    14,
    222,
    8,
    0x3fff,
    869525000,
    UINT32_MAX,
    UINT32_MAX - 1,
    0xffff,
    RECORD_LANE_MAX,
    UINT8_MAX,
    1L << 41,
    4,
    18,
    19,
    20,
    true,
    true,
    21,
    22,
    {23},
    {24},
    {25},
};

static const struct lane_rec lane = {
    1,
    RECORD_LANE_MAX - 1,
    UINT8_MAX,
    true,
    true,
    "a group's handle",
    16,
    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, UINT64_MAX},
    RECORD_F_CNT_MAX,
    18,
};

static const struct group_rec group = {1, 2, 3, UINT32_MAX, 4, 5, 0xffff, 3, {7}};

static const struct wave_rec wave = {
    1, WAVE_MAX - 1, WAVE_HELD, WAVE_INCONCLUSIVE, true, true, true, {2}, {3}, {4},
};

static const struct device_rec device = {
    0x0102030405060708,
    1,
    {1, 2, 3, 4, 5},
    {200, 201, 202, 203, 204},
    true,
    true,
    0x01040300,
    2,
    {3},
    4,
    {5, 6, 7, UINT16_MAX},
    UINT32_MAX,
    true,
    true,
    15,
    UINT16_MAX,
    -1500,
    true,
    100,
    4,
    {{UINT64_MAX, INT16_MIN, -1, 1000},
     {2, -75, INT16_MIN, 1},
     {3, 1, INT16_MAX, 2},
     {4, INT16_MAX, 2, UINT16_MAX}},
};

static const struct charge_rec charge = {UINT64_MAX, 868100000, {1}, 2};

static const struct history_rec history = {
    1,           0xfedcba9876543210, {2},         MEMBER_ENDED,
    FW_UPDATING, FW_RESULT_NO_FLASH, FW_REPORTED, OUTCOME_SUPERSEDED,
    REASON_MIC,
};

static const struct report_rec report = {UINT64_MAX,   {1},     FW_UPDATING,
                                         RECORD_NEVER, "1.4.3", "1.4.2"};

static const struct {
    enum store_kind kind;
    const void *record;
} samples[] = {
    {STORE_CAMPAIGN, &campaign},
    {STORE_MEMBER, &member},
    {STORE_TRANSMISSION, &transmission},
    {STORE_DEVICE, &device},
    {STORE_CHARGE, &charge},
    {STORE_HISTORY, &history},
    {STORE_LANE, &lane},
    {STORE_GROUP, &group},
    {STORE_REPORT, &report},
    {STORE_WAVE, &wave},
};

/* A database of the newest schema. */
struct base {
    struct temp temp;
    struct secret key;
    struct db db;
};

static struct base base;

static int setup(void **state)
{
    (void)state;
    char path[2 * TEMP_PATH_SIZE];
    base.temp = temp_create();
    temp_path(&base.temp, "db", path);
    return secrets_init() != FUO_OK ||
           secret_alloc(SEAL_KEY_BYTES, &base.key) != FUO_OK ||
           db_open(path, &base.key, &schema_newest, &base.db, NULL) != FUO_OK;
}

static int teardown(void **state)
{
    (void)state;
    db_close(&base.db);
    secret_release(&base.key);
    temp_remove(&base.temp);
    return 0;
}

static int commit_record(enum store_kind kind, const void *record)
{
    struct store_batch batch = {0};
    struct db_result result;
    store_batch_record(&batch, kind, record);
    int err = db_commit(&base.db, batch.bytes, batch.len, &result, NULL);
    store_batch_finish(&batch);
    return err;
}

/* The only row of a table. */
static int read_record(enum store_kind kind, void *record, struct detail *detail)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    AUTO_FREE char *sql = table_select_sql(table_of(kind), "");
    assert_int_equal(db_prepare(base.db.sql, sql, &stmt, NULL), FUO_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    return table_decode(table_of(kind), stmt, record, detail);
}

static void every_field_of_every_record_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct table *table = table_of(samples[i].kind);
        uint8_t back[RECORD_SIZE_MAX] = {0};
        test_row(table->name);
        assert_int_equal(commit_record(samples[i].kind, samples[i].record), FUO_OK);
        assert_int_equal(read_record(samples[i].kind, back, NULL), FUO_OK);
        assert_memory_equal(back, samples[i].record, table->record_size);
    }
}

static void copy_key(const struct table *table, const void *from, uint8_t *to)
{
    for (size_t k = 0; k < table->column_count; k++) {
        const struct column *column = &table->columns[k];
        if (strstr(table->key, column->name) != NULL) {
            memcpy(to + column->offset, (const uint8_t *)from + column->offset,
                   column_element_size(column->type));
        }
    }
}

static void an_upsert_replaces_every_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct table *table = table_of(samples[i].kind);
        if (table->key == NULL) {
            continue;
        }
        uint8_t record[RECORD_SIZE_MAX] = {0};
        uint8_t back[RECORD_SIZE_MAX] = {0};
        test_row(table->name);
        assert_int_equal(commit_record(samples[i].kind, samples[i].record), FUO_OK);
        copy_key(table, samples[i].record, record);
        assert_int_equal(commit_record(samples[i].kind, record), FUO_OK);
        assert_int_equal(read_record(samples[i].kind, back, NULL), FUO_OK);
        assert_memory_equal(back, record, table->record_size);
    }
}

static bool has_column(const struct table *table, const char *name)
{
    size_t k = 0;
    while (k < table->column_count && strcmp(table->columns[k].name, name) != 0) {
        k++;
    }
    return k < table->column_count;
}

static void the_schema_has_exactly_the_columns_of_the_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct table *table = table_of(samples[i].kind);
        AUTO_STMT sqlite3_stmt *stmt = NULL;
        char sql[192];
        size_t found = 0;
        size_t rows = 0;
        snprintf(sql, sizeof(sql),
                 "SELECT name FROM pragma_table_info('%s') WHERE name <> 'id'"
                 " OR '%s' IN ('campaign', 'transmission', 'mc_group')",
                 table->name, table->name);
        assert_int_equal(db_prepare(base.db.sql, sql, &stmt, NULL), FUO_OK);
        for (; sqlite3_step(stmt) == SQLITE_ROW; rows++) {
            found += has_column(table, (const char *)sqlite3_column_text(stmt, 0));
        }
        test_row(table->name);
        assert_int_equal(rows, table->column_count);
        assert_int_equal(found, table->column_count);
    }
}

static void use_bytes(const struct column *column, uint8_t *used, size_t record_size)
{
    size_t size = column_element_size(column->type);
    for (size_t b = 0; b < column->count * size; b++) {
        size_t at = column->offset + b / size * column->stride + b % size;
        assert_true(at < record_size);
        assert_int_equal(used[at]++, 0);
    }
}

static void columns_fit_their_fields_and_do_not_overlap(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct table *table = table_of(samples[i].kind);
        uint8_t used[RECORD_SIZE_MAX] = {0};
        for (size_t k = 0; k < table->column_count; k++) {
            const struct column *column = &table->columns[k];
            size_t size = column_element_size(column->type);
            test_row(column->name);
            assert_true(column->count > 1 || column->stride == size);
            assert_true(column->stride >= size);
            use_bytes(column, used, table->record_size);
        }
    }
}

static const void *sample_of(enum store_kind kind)
{
    size_t i = 0;
    while (samples[i].kind != kind) {
        i++;
    }
    return samples[i].record;
}

/* What a row must not hold: SQL that damages the sample, and where it is noticed. */
static void a_row_that_no_record_can_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum store_kind kind;
        const char *sql;
        const char *where;
    } rows[] = {
        {STORE_MEMBER, "UPDATE member SET phase = 23", "member.phase"},
        {STORE_MEMBER, "UPDATE member SET outcome = 7", "member.outcome"},
        {STORE_MEMBER, "UPDATE member SET state = 4", "member.state"},
        {STORE_MEMBER, "UPDATE member SET state = -1", "member.state"},
        {STORE_MEMBER, "UPDATE member SET tries = 256", "member.tries"},
        {STORE_MEMBER, "UPDATE member SET missing = 65536", "member.missing"},
        {STORE_MEMBER, "UPDATE member SET command_sent = 2", "member.command_sent"},
        {STORE_MEMBER, "UPDATE member SET version_after = 4294967296", "version_after"},
        {STORE_CAMPAIGN, "UPDATE campaign SET name = printf('%64d', 1)", "campaign.name"},
        {STORE_CAMPAIGN, "UPDATE campaign SET name = 'a' || char(0) || 'b'", "name"},
        {STORE_CAMPAIGN, "UPDATE campaign SET phase = 8", "campaign.phase"},
        {STORE_CAMPAIGN, "UPDATE campaign SET created = 253402300800000000", "created"},
        {STORE_CAMPAIGN, "UPDATE campaign SET ended = -9223372036854775808", "ended"},
        {STORE_TRANSMISSION, "UPDATE transmission SET lane_count = 33", "lane_count"},
        {STORE_TRANSMISSION, "UPDATE transmission SET phase = 10", "phase"},
        {STORE_TRANSMISSION, "UPDATE transmission SET frag_count = 16384", "frag_count"},
        {STORE_TRANSMISSION, "UPDATE transmission SET interval_us = -1", "interval_us"},
        {STORE_CHARGE, "UPDATE charge SET airtime_us = 8640000000001", "airtime_us"},
        {STORE_WAVE, "UPDATE wave SET no = 64", "wave.no"},
        {STORE_WAVE, "UPDATE wave SET phase = 7", "wave.phase"},
        {STORE_WAVE, "UPDATE wave SET verdict = 5", "wave.verdict"},
        {STORE_LANE, "UPDATE lane SET no = 32", "lane.no"},
        {STORE_LANE, "UPDATE lane SET gateway_count = 17", "gateway_count"},
        {STORE_LANE, "UPDATE lane SET f_cnt_base = 1048577", "f_cnt_base"},
        {STORE_LANE, "UPDATE lane SET gateways = zeroblob(127)", "gateways"},
        {STORE_LANE, "UPDATE lane SET gateways = x''", "gateways"},
        {STORE_DEVICE, "UPDATE device SET link_count = 5", "device.link_count"},
        {STORE_DEVICE, "UPDATE device SET link_snr_p10_cdb = zeroblob(9)",
         "link_snr_p10_cdb"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t record[RECORD_SIZE_MAX];
        uint8_t untouched[RECORD_SIZE_MAX];
        struct detail detail = {0};
        test_row(rows[i].sql);
        memset(record, 0x77, sizeof(record));
        memset(untouched, 0x77, sizeof(untouched));
        const void *sample = sample_of(rows[i].kind);
        assert_int_equal(commit_record(rows[i].kind, sample), FUO_OK);
        assert_int_equal(db_exec(base.db.sql, rows[i].sql, NULL), FUO_OK);
        assert_int_equal(read_record(rows[i].kind, record, &detail), FUO_EPROTO);
        assert_non_null(strstr(detail.text, rows[i].where));
        assert_memory_equal(record, untouched, sizeof(record));
    }
}

static void a_full_text_field_without_a_nul_is_cut(void **state)
{
    (void)state;
    struct campaign_rec full = campaign;
    struct campaign_rec back = {0};
    memset(full.name, 'x', sizeof(full.name));
    assert_int_equal(commit_record(STORE_CAMPAIGN, &full), FUO_OK);
    assert_int_equal(read_record(STORE_CAMPAIGN, &back, NULL), FUO_OK);
    assert_int_equal(strlen(back.name), sizeof(back.name) - 1);
}

#define WITH_BASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(WITH_BASE(every_field_of_every_record_round_trips),
          WITH_BASE(an_upsert_replaces_every_column),
          WITH_BASE(the_schema_has_exactly_the_columns_of_the_tables),
          cmocka_unit_test(columns_fit_their_fields_and_do_not_overlap),
          WITH_BASE(a_row_that_no_record_can_be_is_refused),
          WITH_BASE(a_full_text_field_without_a_nul_is_cut))

/* SPDX-License-Identifier: MIT */
#include "store/column.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/partition.h"
#include "campaign/variant.h"
#include "store/values.h"

#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define FIELD(rec, field) ((struct rec *)0)->field

#define SCALAR(rec, kind, field)                                                      \
    {                                                                                 \
        .name = #field, .type = COLUMN_##kind, .offset = offsetof(struct rec, field), \
        .count = 1, .stride = sizeof(FIELD(rec, field)),                              \
    }
#define BOUNDED(rec, kind, field, bound)                                              \
    {                                                                                 \
        .name = #field, .type = COLUMN_##kind, .offset = offsetof(struct rec, field), \
        .count = 1, .stride = sizeof(FIELD(rec, field)), .max = (bound),              \
    }
#define ARRAY(rec, kind, field)                                                        \
    {                                                                                  \
        .name = #field, .type = COLUMN_##kind, .offset = offsetof(struct rec, field),  \
        .count = ARRAY_LEN(FIELD(rec, field)), .stride = sizeof(FIELD(rec, field)[0]), \
    }
/* A field of each of a device's links. */
#define LINK(kind, field)                                                               \
    {                                                                                   \
        .name = "link_" #field, .type = COLUMN_##kind,                                  \
        .offset = offsetof(struct device_rec, link[0].field), .count = RECORD_LINK_MAX, \
        .stride = sizeof(struct device_link),                                           \
    }
#define TABLE(title, rec, pk, sort, list)                                   \
    {                                                                       \
        .name = (title), .key = (pk), .order = (sort), .columns = (list),   \
        .column_count = ARRAY_LEN(list), .record_size = sizeof(struct rec), \
    }

enum {
    ENUM_MAX = 255, /* of enumerators that are still appended to */
    DR_MAX = 15,
    ID_MAX = 3, /* McGroupID, FragIndex */
    BLOCK_ACK_DELAY_MAX = 7,
    TIMEOUT_EXP_MAX = 15,
    N_MAX = 0x3fff, /* TS004: 14 bits */
};

#define TIME_MAX_US INT64_C(253402300799999999) /* the last moment of the year 9999 */

static const struct column campaign_columns[] = {
    SCALAR(campaign_rec, U32, id),
    BOUNDED(campaign_rec, U32, phase, CAMPAIGN_SCHEDULED),
    ARRAY(campaign_rec, TEXT, name),
    ARRAY(campaign_rec, TEXT, reason),
    SCALAR(campaign_rec, I64, created),
    SCALAR(campaign_rec, I64, started),
    SCALAR(campaign_rec, I64, ended),
    SCALAR(campaign_rec, U32, next_firmware),
    SCALAR(campaign_rec, BOOL, next_known),
    SCALAR(campaign_rec, U32, fragments_sent),
    SCALAR(campaign_rec, U32, fragments_uncoded),
    SCALAR(campaign_rec, SUM, airtime_us),
    SCALAR(campaign_rec, U32, revision),
};

static const struct column member_columns[] = {
    SCALAR(member_rec, U32, campaign_id),
    SCALAR(member_rec, U32, transmission_id),
    SCALAR(member_rec, U64, dev_eui),
    BOUNDED(member_rec, U32, phase, MEMBER_PHASE_COUNT - 1),
    BOUNDED(member_rec, U32, state, FW_UPDATING),
    BOUNDED(member_rec, U32, result, ENUM_MAX),
    BOUNDED(member_rec, U32, source, FW_REPORTED),
    BOUNDED(member_rec, U32, outcome, OUTCOME_COUNT - 1),
    BOUNDED(member_rec, U32, reason, ENUM_MAX),
    SCALAR(member_rec, U64, command_id),
    SCALAR(member_rec, I64, command_at),
    SCALAR(member_rec, I64, expires),
    SCALAR(member_rec, BOOL, command_sent),
    SCALAR(member_rec, U8, tries),
    SCALAR(member_rec, U8, transmissions),
    SCALAR(member_rec, U8, late),
    SCALAR(member_rec, BOOL, kept),
    SCALAR(member_rec, BOOL, reports),
    SCALAR(member_rec, U16, missing),
    SCALAR(member_rec, U16, received),
    SCALAR(member_rec, U16, session_count),
    SCALAR(member_rec, U16, session_no),
    SCALAR(member_rec, U32, version_before),
    SCALAR(member_rec, BOOL, version_before_known),
    SCALAR(member_rec, U32, version_after),
    SCALAR(member_rec, BOOL, version_after_known),
    SCALAR(member_rec, U8, wave),
    SCALAR(member_rec, BOOL, attempted),
    SCALAR(member_rec, U8, retries),
    BOUNDED(member_rec, U8, outcome_before, OUTCOME_COUNT - 1),
    SCALAR(member_rec, U8, reason_before),
    BOUNDED(member_rec, U8, variant, VARIANT_DELTAS_MAX),
    SCALAR(member_rec, U8, delta_failures),
    SCALAR(member_rec, U32, listened_s),
    SCALAR(member_rec, U32, mark),
    SCALAR(member_rec, I64, phase_since),
    SCALAR(member_rec, I64, reboot_at),
    SCALAR(member_rec, I64, changed),
};

static const struct column transmission_columns[] = {
    SCALAR(transmission_rec, U32, id),
    SCALAR(transmission_rec, U32, campaign_id),
    SCALAR(transmission_rec, U32, fleet_id),
    BOUNDED(transmission_rec, U32, phase, TX_ENDED),
    SCALAR(transmission_rec, U8, ts004),
    SCALAR(transmission_rec, U8, ts005),
    BOUNDED(transmission_rec, U8, dr, DR_MAX),
    BOUNDED(transmission_rec, U8, group_id, ID_MAX),
    BOUNDED(transmission_rec, U8, frag_index, ID_MAX),
    BOUNDED(transmission_rec, U8, block_ack_delay, BLOCK_ACK_DELAY_MAX),
    BOUNDED(transmission_rec, U8, timeout_exp, TIMEOUT_EXP_MAX),
    SCALAR(transmission_rec, U8, frag_size_bytes),
    BOUNDED(transmission_rec, U8, variant, VARIANT_DELTAS_MAX),
    BOUNDED(transmission_rec, U16, frag_count, N_MAX),
    SCALAR(transmission_rec, U32, frequency_hz),
    SCALAR(transmission_rec, U32, mc_addr),
    SCALAR(transmission_rec, U32, key_id),
    BOUNDED(transmission_rec, U32, f_cnt_first, RECORD_F_CNT_MAX),
    BOUNDED(transmission_rec, U8, lane_count, RECORD_LANE_MAX),
    SCALAR(transmission_rec, U8, colour_count), /* of the grid: beyond its lanes */
    BOUNDED(transmission_rec, U8, copies, PARTITION_COPIES_MAX),
    SCALAR(transmission_rec, SPAN, interval_us),
    BOUNDED(transmission_rec, U32, frames_handed, RECORD_F_CNT_MAX),
    BOUNDED(transmission_rec, U16, next_n, N_MAX + 1),
    BOUNDED(transmission_rec, U16, target_n, N_MAX + 1),
    SCALAR(transmission_rec, BOOL, pending),
    SCALAR(transmission_rec, BOOL, pending_status),
    SCALAR(transmission_rec, U16, session_no),
    SCALAR(transmission_rec, U16, repair_rounds),
    SCALAR(transmission_rec, I64, session_start),
    SCALAR(transmission_rec, I64, session_end),
    SCALAR(transmission_rec, I64, phase_since),
};

static const struct column lane_columns[] = {
    SCALAR(lane_rec, U32, transmission_id),
    BOUNDED(lane_rec, U8, no, RECORD_LANE_MAX - 1),
    SCALAR(lane_rec, U8, colour),
    SCALAR(lane_rec, BOOL, lost),
    SCALAR(lane_rec, BOOL, pending),
    {
        .name = "group_handle", /* GROUP is a word of SQL */
        .type = COLUMN_TEXT,
        .offset = offsetof(struct lane_rec, group),
        .count = ARRAY_LEN(FIELD(lane_rec, group)),
        .stride = 1,
    },
    BOUNDED(lane_rec, U8, gateway_count, RECORD_GATEWAY_MAX),
    ARRAY(lane_rec, U64, gateways),
    BOUNDED(lane_rec, U32, f_cnt_base, RECORD_F_CNT_MAX),
    BOUNDED(lane_rec, U32, frames_handed, RECORD_F_CNT_MAX),
};

static const struct column group_columns[] = {
    SCALAR(group_rec, U32, slot),
    SCALAR(group_rec, U32, id),
    SCALAR(group_rec, U32, fleet_id),
    SCALAR(group_rec, U32, transmission_id),
    SCALAR(group_rec, U32, campaign_id),
    SCALAR(group_rec, U32, mc_addr),
    BOUNDED(group_rec, U32, f_cnt, RECORD_F_CNT_MAX),
    BOUNDED(group_rec, U8, group_id, ID_MAX),
    SCALAR(group_rec, I64, used),
};

static const struct column wave_columns[] = {
    SCALAR(wave_rec, U32, campaign_id),
    BOUNDED(wave_rec, U8, no, WAVE_MAX - 1),
    BOUNDED(wave_rec, U32, phase, WAVE_CANCELLED),
    BOUNDED(wave_rec, U32, verdict, WAVE_INCONCLUSIVE),
    SCALAR(wave_rec, BOOL, approved),
    SCALAR(wave_rec, BOOL, installs),
    SCALAR(wave_rec, BOOL, waived),
    SCALAR(wave_rec, I64, started),
    SCALAR(wave_rec, I64, ended),
    SCALAR(wave_rec, I64, soak_until),
};

static const struct column device_columns[] = {
    SCALAR(device_rec, U64, dev_eui),
    SCALAR(device_rec, U32, fleet_id),
    ARRAY(device_rec, U8, package_version),
    ARRAY(device_rec, U8, package_fport),
    SCALAR(device_rec, BOOL, packages_known),
    SCALAR(device_rec, BOOL, firmware_known),
    SCALAR(device_rec, U32, firmware_version),
    SCALAR(device_rec, U32, hardware_version),
    SCALAR(device_rec, I64, last_uplink),
    SCALAR(device_rec, SPAN, uplink_interval_us),
    ARRAY(device_rec, U16, session_count),
    SCALAR(device_rec, U32, mc_group),
    SCALAR(device_rec, BOOL, forgets_groups),
    SCALAR(device_rec, BOOL, told_before),
    BOUNDED(device_rec, U8, quirks, DEVICE_QUIRKS),
    SCALAR(device_rec, U16, uplinks_heard),
    SCALAR(device_rec, I16, down_cdb),
    SCALAR(device_rec, BOOL, battery_known),
    BOUNDED(device_rec, U8, battery_percent, 100),
    BOUNDED(device_rec, U8, link_count, RECORD_LINK_MAX),
    LINK(U64, gateway),
    LINK(I16, snr_p10_cdb),
    LINK(I16, snr_p50_cdb),
    LINK(U16, heard_ppk),
};

static const struct column charge_columns[] = {
    SCALAR(charge_rec, U64, gateway),
    SCALAR(charge_rec, U32, frequency_hz),
    SCALAR(charge_rec, I64, at),
    SCALAR(charge_rec, SPAN, airtime_us),
};

static const struct column history_columns[] = {
    SCALAR(history_rec, U32, campaign_id),
    SCALAR(history_rec, U64, dev_eui),
    SCALAR(history_rec, I64, at),
    BOUNDED(history_rec, U32, phase, MEMBER_PHASE_COUNT - 1),
    BOUNDED(history_rec, U32, state, FW_UPDATING),
    BOUNDED(history_rec, U32, result, ENUM_MAX),
    BOUNDED(history_rec, U32, source, FW_REPORTED),
    BOUNDED(history_rec, U32, outcome, OUTCOME_COUNT - 1),
    BOUNDED(history_rec, U32, reason, ENUM_MAX),
};

static const struct column report_columns[] = {
    SCALAR(report_rec, U64, dev_eui),
    SCALAR(report_rec, I64, at),
    SCALAR(report_rec, U8, state),
    SCALAR(report_rec, U8, result),
    ARRAY(report_rec, TEXT, package_version),
    ARRAY(report_rec, TEXT, firmware_version),
};

static const struct table tables[] = {
    [STORE_CAMPAIGN] = TABLE("campaign", campaign_rec, "id", "id", campaign_columns),
    [STORE_MEMBER] = TABLE("member", member_rec, "campaign_id, dev_eui",
                           "campaign_id, dev_eui", member_columns),
    [STORE_TRANSMISSION] =
        TABLE("transmission", transmission_rec, "id", "id", transmission_columns),
    [STORE_DEVICE] = TABLE("device", device_rec, "dev_eui", "dev_eui", device_columns),
    [STORE_CHARGE] = TABLE("charge", charge_rec, NULL, "at, id", charge_columns),
    [STORE_HISTORY] = TABLE("history", history_rec, NULL, "id", history_columns),
    [STORE_LANE] = TABLE("lane", lane_rec, "transmission_id, no", "transmission_id, no",
                         lane_columns),
    [STORE_GROUP] = TABLE("mc_group", group_rec, "slot", "slot", group_columns),
    [STORE_REPORT] = TABLE("report", report_rec, "dev_eui", "dev_eui", report_columns),
    [STORE_WAVE] =
        TABLE("wave", wave_rec, "campaign_id, no", "campaign_id, no", wave_columns),
};

static_assert(sizeof(struct campaign_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct member_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct transmission_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct device_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct charge_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct history_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct lane_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct group_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct report_rec) <= RECORD_SIZE_MAX &&
                  sizeof(struct wave_rec) <= RECORD_SIZE_MAX,
              "a record buffer holds any record");

const struct table *table_of(enum store_kind kind)
{
    assert(kind >= STORE_CAMPAIGN && kind <= STORE_WAVE);
    return &tables[kind];
}

/* What a type holds; all are sign- or zero-extended to 64 bits. */
static const struct type_info {
    uint8_t size;
    int64_t min;
    int64_t max;
} types[] = {
    [COLUMN_BOOL] = {1, 0, 1},
    [COLUMN_U8] = {1, 0, UINT8_MAX},
    [COLUMN_U16] = {2, 0, UINT16_MAX},
    [COLUMN_I16] = {2, INT16_MIN, INT16_MAX},
    [COLUMN_U32] = {4, 0, UINT32_MAX},
    [COLUMN_U64] = {8, INT64_MIN, INT64_MAX},
    [COLUMN_I64] = {8, -TIME_MAX_US, TIME_MAX_US},
    [COLUMN_SPAN] = {8, 0, RECORD_SPAN_MAX_US},
    [COLUMN_SUM] = {8, 0, TIME_MAX_US},
    [COLUMN_TEXT] = {1, 0, 0},
};

size_t column_element_size(enum column_type type)
{
    return types[type].size;
}

static int64_t extended(enum column_type type, uint64_t value)
{
    return type == COLUMN_I16 ? (int16_t)value : (int64_t)value;
}

/* An element in memory, in the machine's byte order. */
static int64_t element_get(enum column_type type, const uint8_t *field)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    switch (types[type].size) {
    case 1:
        return *field;
    case 2:
        memcpy(&u16, field, sizeof(u16));
        return extended(type, u16);
    case 4:
        memcpy(&u32, field, sizeof(u32));
        return u32;
    default:
        memcpy(&u64, field, sizeof(u64));
        return (int64_t)u64;
    }
}

static void element_put(enum column_type type, uint8_t *field, int64_t value)
{
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;
    switch (types[type].size) {
    case 1:
        *field = (uint8_t)value;
        break;
    case 2:
        memcpy(field, &u16, sizeof(u16));
        break;
    case 4:
        memcpy(field, &u32, sizeof(u32));
        break;
    default:
        memcpy(field, &value, sizeof(value));
        break;
    }
}

/* An element in a blob: little-endian. */
static void blob_put(enum column_type type, uint8_t *bytes, int64_t value)
{
    for (size_t i = 0; i < types[type].size; i++) {
        bytes[i] = (uint8_t)((uint64_t)value >> (8 * i));
    }
}

static int64_t blob_get(enum column_type type, const uint8_t *bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < types[type].size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return extended(type, value);
}

static bool element_valid(const struct column *column, int64_t value)
{
    if (column->type == COLUMN_I64 && value == UTC_NEVER.us) {
        return true;
    }
    return value >= types[column->type].min && value <= types[column->type].max &&
           (column->max == 0 || value <= column->max);
}

static void encode_array(const struct column *column, const uint8_t *field,
                         struct store_batch *batch)
{
    uint8_t bytes[RECORD_SIZE_MAX];
    size_t size = types[column->type].size;
    assert(size * column->count <= sizeof(bytes));
    for (size_t i = 0; i < column->count; i++) {
        int64_t value = element_get(column->type, field + i * column->stride);
        blob_put(column->type, bytes + i * size, value);
    }
    values_blob(batch, bytes, size * column->count);
}

static void encode_column(const struct column *column, const uint8_t *field,
                          struct store_batch *batch)
{
    if (column->type == COLUMN_TEXT) {
        const char *text = (const char *)field;
        values_text(batch, text, strnlen(text, column->count - 1U));
    } else if (column->count > 1) {
        encode_array(column, field, batch);
    } else {
        values_int(batch, element_get(column->type, field));
    }
}

void table_encode(const struct table *table, const void *record,
                  struct store_batch *batch)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        encode_column(column, (const uint8_t *)record + column->offset, batch);
    }
}

static bool decode_text(const struct column *column, sqlite3_stmt *row, int i,
                        uint8_t *field)
{
    const unsigned char *text = sqlite3_column_text(row, i);
    int len = sqlite3_column_bytes(row, i);
    if (sqlite3_column_type(row, i) != SQLITE_TEXT || text == NULL || len < 0 ||
        len >= column->count || memchr(text, 0, (size_t)len) != NULL) {
        return false;
    }
    memcpy(field, text, (size_t)len);
    return true;
}

static bool decode_array(const struct column *column, sqlite3_stmt *row, int i,
                         uint8_t *field)
{
    const uint8_t *bytes = sqlite3_column_blob(row, i);
    size_t size = types[column->type].size;
    if (sqlite3_column_type(row, i) != SQLITE_BLOB || bytes == NULL ||
        (size_t)sqlite3_column_bytes(row, i) != size * column->count) {
        return false;
    }
    for (size_t k = 0; k < column->count; k++) {
        int64_t value = blob_get(column->type, bytes + k * size);
        if (!element_valid(column, value)) {
            return false;
        }
        element_put(column->type, field + k * column->stride, value);
    }
    return true;
}

static bool decode_scalar(const struct column *column, sqlite3_stmt *row, int i,
                          uint8_t *field)
{
    int64_t value = sqlite3_column_int64(row, i);
    if (sqlite3_column_type(row, i) != SQLITE_INTEGER || !element_valid(column, value)) {
        return false;
    }
    element_put(column->type, field, value);
    return true;
}

static bool decode_column(const struct column *column, sqlite3_stmt *row, int i,
                          uint8_t *record)
{
    uint8_t *field = record + column->offset;
    if (column->type == COLUMN_TEXT) {
        return decode_text(column, row, i, field);
    }
    return column->count > 1 ? decode_array(column, row, i, field)
                             : decode_scalar(column, row, i, field);
}

int table_decode(const struct table *table, sqlite3_stmt *row, void *record,
                 struct detail *detail)
{
    uint8_t decoded[RECORD_SIZE_MAX] = {0};
    for (size_t i = 0; i < table->column_count; i++) {
        if (!decode_column(&table->columns[i], row, (int)i, decoded)) {
            detail_set(detail, "damaged database: %s.%s", table->name,
                       table->columns[i].name);
            return FUO_EPROTO;
        }
    }
    memcpy(record, decoded, table->record_size);
    return FUO_OK;
}

static void put_names(FILE *out, const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
    }
}

char *table_upsert_sql(const struct table *table)
{
    char *sql = NULL;
    size_t len;
    FILE *out = open_memstream(&sql, &len);
    if (out == NULL) {
        return NULL;
    }
    fprintf(out, "INSERT INTO %s(", table->name);
    put_names(out, table);
    fputs(") VALUES(", out);
    for (size_t i = 0; i < table->column_count; i++) {
        fputs(i == 0 ? "?" : ", ?", out);
    }
    fputs(")", out);
    if (table->key != NULL) {
        fprintf(out, " ON CONFLICT(%s) DO UPDATE SET ", table->key);
        for (size_t i = 0; i < table->column_count; i++) {
            const char *name = table->columns[i].name;
            fprintf(out, "%s%s = excluded.%s", i == 0 ? "" : ", ", name, name);
        }
    }
    return fclose(out) == 0 ? sql : NULL;
}

char *table_select_sql(const struct table *table, const char *tail)
{
    char *sql = NULL;
    size_t len;
    FILE *out = open_memstream(&sql, &len);
    if (out == NULL) {
        return NULL;
    }
    fputs("SELECT ", out);
    put_names(out, table);
    fprintf(out, " FROM %s %s", table->name, tail);
    return fclose(out) == 0 ? sql : NULL;
}

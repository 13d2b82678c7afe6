/* SPDX-License-Identifier: MIT */
/* The reads of start-up: each is a function on the store's thread and its wrapper. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "store/column.h"
#include "store/internal.h"

/* Every row to a function of ours, until one fails. */
typedef int row_fn(struct db *db, sqlite3_stmt *row, void *arg, struct detail *detail);

static int each_row(struct db *db, sqlite3_stmt *stmt, row_fn *fn, void *arg,
                    struct detail *detail)
{
    int rc = sqlite3_step(stmt);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(stmt)) {
        int err = fn(db, stmt, arg, detail);
        if (err != FUO_OK) {
            return err;
        }
    }
    return rc == SQLITE_DONE ? FUO_OK : db_error(db->sql, detail);
}

/* ---- records ---- */

struct record_call {
    enum store_kind kind;
    store_record_fn *fn;
    void *arg;
};

static int record_row(struct db *db, sqlite3_stmt *row, void *arg, struct detail *detail)
{
    (void)db;
    const struct record_call *call = arg;
    max_align_t record[RECORD_SIZE_MAX / sizeof(max_align_t)];
    int err = table_decode(table_of(call->kind), row, record, detail);
    return err == FUO_OK ? call->fn(call->arg, record) : err;
}

static int load_records(struct db *db, void *arg, struct detail *detail)
{
    const struct record_call *call = arg;
    const struct table *table = table_of(call->kind);
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    char tail[64];
    (void)snprintf(tail, sizeof(tail), "ORDER BY %s", table->order);
    AUTO_FREE char *sql = table_select_sql(table, tail);
    if (sql == NULL) {
        return FUO_ENOMEM;
    }
    int err = db_prepare(db->sql, sql, &stmt, detail);
    return err == FUO_OK ? each_row(db, stmt, record_row, arg, detail) : err;
}

int store_load_records(struct store *store, enum store_kind kind, store_record_fn *fn,
                       void *arg, struct detail *detail)
{
    struct record_call call = {kind, fn, arg};
    if (kind == STORE_HISTORY) {
        return FUO_EINVAL;
    }
    return store_call(store, load_records, &call, detail);
}

/* ---- sources ---- */

struct source_call {
    store_source_fn *fn;
    void *arg;
};

static int copy_digest(sqlite3_stmt *row, int i,
                       uint8_t digest[static STORE_DIGEST_BYTES], struct detail *detail)
{
    const void *bytes = sqlite3_column_blob(row, i);
    if (bytes == NULL || sqlite3_column_bytes(row, i) != STORE_DIGEST_BYTES) {
        detail_set(detail, "damaged database: a digest of source");
        return FUO_EPROTO;
    }
    memcpy(digest, bytes, STORE_DIGEST_BYTES);
    return FUO_OK;
}

static int source_row(struct db *db, sqlite3_stmt *row, void *arg, struct detail *detail)
{
    (void)db;
    const struct source_call *call = arg;
    struct store_source source = {
        .campaign_id = (uint32_t)sqlite3_column_int64(row, 0),
        .name = row_text(row, 1),
        .fleet = row_text(row, 2),
        .yaml = row_text(row, 3),
        .signatures = row_text(row, 4),
        .deltas = row_text(row, 5),
    };
    int err = copy_digest(row, 6, source.image_digest, detail);
    if (err == FUO_OK) {
        err = copy_digest(row, 7, source.spec_digest, detail);
    }
    return err == FUO_OK ? call->fn(call->arg, &source) : err;
}

static int load_sources(struct db *db, void *arg, struct detail *detail)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql,
                         "SELECT campaign_id, name, fleet, yaml, signatures, deltas,"
                         " image_digest, spec_digest FROM source ORDER BY campaign_id",
                         &stmt, detail);
    return err == FUO_OK ? each_row(db, stmt, source_row, arg, detail) : err;
}

int store_load_sources(struct store *store, store_source_fn *fn, void *arg,
                       struct detail *detail)
{
    struct source_call call = {fn, arg};
    return store_call(store, load_sources, &call, detail);
}

/* ---- inventory ---- */

struct inventory_call {
    const char *fleet;
    store_inventory_fn *fn;
    void *arg;
};

static enum store_origin origin_of(int64_t value)
{
    return value == STORE_FROM_SERVER ? STORE_FROM_SERVER
           : value != STORE_FROM_FILE ? STORE_FROM_IMPORT
                                      : STORE_FROM_FILE;
}

static int inventory_row(struct db *db, sqlite3_stmt *row, void *arg,
                         struct detail *detail)
{
    (void)db;
    (void)detail;
    const struct inventory_call *call = arg;
    struct store_inventory device = {
        .dev_eui = (uint64_t)sqlite3_column_int64(row, 0),
        .fleet = row_text(row, 1),
        .name = row_text(row, 2),
        .profile = row_text(row, 3),
        .labels = row_text(row, 4),
        .lorawan_minor = (uint8_t)sqlite3_column_int64(row, 5),
        .origin = origin_of(sqlite3_column_int64(row, 6)),
        .has_gen_app_key = sqlite3_column_int64(row, 7) != 0,
        .has_app_key = sqlite3_column_int64(row, 8) != 0,
    };
    return call->fn(call->arg, &device);
}

static int load_inventory(struct db *db, void *arg, struct detail *detail)
{
    const struct inventory_call *call = arg;
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql,
                         "SELECT dev_eui, fleet, name, profile, labels, lorawan_minor,"
                         " imported, sealed_gen_app_key IS NOT NULL,"
                         " sealed_app_key IS NOT NULL"
                         " FROM inventory WHERE ?1 IS NULL OR fleet = ?1"
                         " ORDER BY dev_eui",
                         &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    sqlite3_bind_text(stmt, 1, call->fleet, -1, SQLITE_STATIC); /* NULL binds NULL */
    return each_row(db, stmt, inventory_row, arg, detail);
}

int store_load_inventory(struct store *store, const char *fleet, store_inventory_fn *fn,
                         void *arg, struct detail *detail)
{
    struct inventory_call call = {fleet, fn, arg};
    return store_call(store, load_inventory, &call, detail);
}

/* ---- counters and fleets ---- */

struct counters_call {
    const char *prefix;
    store_counter_fn *fn;
    void *arg;
};

static int counter_row(struct db *db, sqlite3_stmt *row, void *arg, struct detail *detail)
{
    (void)db;
    (void)detail;
    const struct counters_call *call = arg;
    return call->fn(call->arg, row_text(row, 0), (uint64_t)sqlite3_column_int64(row, 1));
}

static int load_counters(struct db *db, void *arg, struct detail *detail)
{
    const struct counters_call *call = arg;
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql,
                         "SELECT name, value FROM counter"
                         " WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
                         &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    sqlite3_bind_text(stmt, 1, call->prefix, -1, SQLITE_STATIC);
    return each_row(db, stmt, counter_row, arg, detail);
}

int store_load_counters(struct store *store, const char *prefix, store_counter_fn *fn,
                        void *arg, struct detail *detail)
{
    struct counters_call call = {prefix, fn, arg};
    return store_call(store, load_counters, &call, detail);
}

/* A write that returns a number: its one row, then the end, which commits. */
struct number_call {
    const char *sql;
    const char *name;
    int64_t value;
};

static int number_row(struct db *db, sqlite3_stmt *row, void *arg, struct detail *detail)
{
    (void)db;
    (void)detail;
    struct number_call *call = arg;
    call->value = sqlite3_column_int64(row, 0);
    return FUO_OK;
}

static int write_number(struct db *db, void *arg, struct detail *detail)
{
    const struct number_call *call = arg;
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql, call->sql, &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    sqlite3_bind_text(stmt, 1, call->name, -1, SQLITE_STATIC);
    return each_row(db, stmt, number_row, arg, detail);
}

int store_counter_next(struct store *store, const char *name, uint64_t *value,
                       struct detail *detail)
{
    struct number_call call = {
        .sql = "INSERT INTO counter(name, value) VALUES(?, 1)"
               " ON CONFLICT(name) DO UPDATE SET value = value + 1 RETURNING value",
        .name = name,
    };
    int err = store_call(store, write_number, &call, detail);
    if (err == FUO_OK) {
        *value = (uint64_t)call.value;
    }
    return err;
}

int store_fleet_id(struct store *store, const char *name, uint32_t *id,
                   struct detail *detail)
{
    struct number_call call = {
        .sql = "INSERT INTO fleet(name) VALUES(?)"
               " ON CONFLICT(name) DO UPDATE SET name = excluded.name RETURNING id",
        .name = name,
    };
    int err = store_call(store, write_number, &call, detail);
    if (err == FUO_OK && (call.value <= 0 || call.value > UINT32_MAX)) {
        return FUO_ERANGE;
    }
    if (err == FUO_OK) {
        *id = (uint32_t)call.value;
    }
    return err;
}

/* ---- image ---- */

struct image_call {
    const uint8_t *digest;
    uint8_t *bytes;
    size_t len;
    char *signatures;
};

static int image_row(sqlite3_stmt *row, struct image_call *call, struct detail *detail)
{
    uint8_t digest[STORE_DIGEST_BYTES];
    const void *bytes = sqlite3_column_blob(row, 0);
    size_t len = (size_t)sqlite3_column_bytes(row, 0);
    if (bytes == NULL && len > 0) {
        return FUO_ENOMEM;
    }
    store_digest(bytes, len, digest);
    if (memcmp(digest, call->digest, sizeof(digest)) != 0) {
        detail_set(detail, "the image in the database is damaged");
        return FUO_EAUTH;
    }
    call->bytes = malloc(len + 1);
    call->signatures = strdup(row_text(row, 1));
    if (call->bytes == NULL || call->signatures == NULL) {
        return FUO_ENOMEM; /* the caller frees both */
    }
    if (len > 0) {
        memcpy(call->bytes, bytes, len);
    }
    call->len = len;
    return FUO_OK;
}

static int load_image(struct db *db, void *arg, struct detail *detail)
{
    struct image_call *call = arg;
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql, "SELECT bytes, signatures FROM image WHERE digest = ?",
                         &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    sqlite3_bind_blob(stmt, 1, call->digest, STORE_DIGEST_BYTES, SQLITE_STATIC);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE) {
        detail_set(detail, "no such image");
        return FUO_ENOENT;
    }
    return rc == SQLITE_ROW ? image_row(stmt, call, detail) : db_error(db->sql, detail);
}

int store_load_image(struct store *store, const uint8_t digest[static STORE_DIGEST_BYTES],
                     uint8_t **bytes, size_t *len, char **signatures,
                     struct detail *detail)
{
    struct image_call call = {.digest = digest};
    int err = store_call(store, load_image, &call, detail);
    if (err == FUO_OK) {
        *bytes = TAKE(call.bytes);
        *len = call.len;
    }
    if (err == FUO_OK && signatures != NULL) {
        *signatures = TAKE(call.signatures);
    }
    free(call.bytes);
    free(call.signatures);
    return err;
}

/* ---- McKeys ---- */

struct mc_key_call {
    uint32_t transmission_id;
    uint32_t mc_addr;
    struct secret *key; /* allocated */
};

static int load_mc_key(struct db *db, void *arg, struct detail *detail)
{
    struct mc_key_call *call = arg;
    struct seal_place place = seal_place_mc_key(call->transmission_id);
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql,
                         "SELECT mc_addr, sealed_key FROM mc_key"
                         " WHERE transmission_id = ?",
                         &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    sqlite3_bind_int64(stmt, 1, call->transmission_id);
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW) {
        return rc == SQLITE_DONE ? FUO_ENOENT : db_error(db->sql, detail);
    }
    call->mc_addr = (uint32_t)sqlite3_column_int64(stmt, 0);
    return row_key(db, stmt, 1, &place, call->key->bytes, detail);
}

int store_load_mc_key(struct store *store, uint32_t transmission_id, uint32_t *mc_addr,
                      struct secret *key, struct detail *detail)
{
    AUTO_SECRET struct secret opened = {0};
    int err = secret_alloc(STORE_KEY_BYTES, &opened);
    if (err != FUO_OK) {
        return err;
    }
    struct mc_key_call call = {.transmission_id = transmission_id, .key = &opened};
    err = store_call(store, load_mc_key, &call, detail);
    if (err == FUO_OK) {
        *mc_addr = call.mc_addr;
        *key = opened;
        opened = (struct secret){0};
    }
    return err;
}

/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "store/column.h"
#include "store/internal.h"

enum {
    OUTBOX_PAGE_BYTES = 1 << 20, /* payloads of an answer; but one row at least */
};

/* Memory of an answer: a list of blocks, freed together. */
struct block {
    struct block *next;
    max_align_t bytes[];
};

void *done_alloc(struct store_done *done, size_t len)
{
    struct block *block = calloc(1, sizeof(*block) + len);
    if (block == NULL) {
        return NULL;
    }
    block->next = done->memory;
    done->memory = block;
    return block->bytes;
}

static void free_blocks(struct store_done *done)
{
    struct block *block = done->memory;
    while (block != NULL) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    done->memory = NULL;
}

void store_done_finish(struct store_done *done)
{
    free_blocks(done);
    secret_wipe(done, sizeof(*done));
}

size_t done_rows(size_t max_rows)
{
    return max_rows < STORE_PAGE_MAX ? max_rows : STORE_PAGE_MAX;
}

/* ---- history ---- */

static int prepare_history(struct db *db, uint64_t dev_eui, size_t max_rows,
                           sqlite3_stmt **stmt, struct detail *detail)
{
    AUTO_FREE char *sql = table_select_sql(
        table_of(STORE_HISTORY), "WHERE id IN (SELECT id FROM history WHERE dev_eui = ?"
                                 " ORDER BY id DESC LIMIT ?) ORDER BY id");
    if (sql == NULL) {
        return FUO_ENOMEM;
    }
    int err = db_prepare(db->sql, sql, stmt, detail);
    if (err == FUO_OK) {
        sqlite3_bind_int64(*stmt, 1, (int64_t)dev_eui);
        sqlite3_bind_int64(*stmt, 2, (int64_t)max_rows);
    }
    return err;
}

static int read_history(struct db *db, uint64_t dev_eui, size_t max_rows,
                        struct store_done *done)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = prepare_history(db, dev_eui, max_rows, &stmt, &done->detail);
    if (err != FUO_OK) {
        return err;
    }
    struct history_rec *rows = done_alloc(done, max_rows * sizeof(*rows));
    if (rows == NULL) {
        return FUO_ENOMEM;
    }
    int rc = SQLITE_ROW;
    size_t n = 0;
    while (n < max_rows && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        err = table_decode(table_of(STORE_HISTORY), stmt, &rows[n++], &done->detail);
        if (err != FUO_OK) {
            return err;
        }
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        return db_error(db->sql, &done->detail);
    }
    done->history.rows = rows;
    done->history.count = n;
    return FUO_OK;
}

void query_history(struct db *db, uint64_t dev_eui, size_t max_rows,
                   struct store_done *done)
{
    done->history.dev_eui = dev_eui;
    done->err = read_history(db, dev_eui, done_rows(max_rows), done);
}

/* ---- outbox ---- */

static int read_outbox_row(sqlite3_stmt *row, struct store_done *done,
                           struct store_outbox *out)
{
    size_t topic_size = strlen(row_text(row, 1)) + 1;
    const void *payload = sqlite3_column_blob(row, 2);
    size_t payload_len = (size_t)sqlite3_column_bytes(row, 2);
    char *bytes = done_alloc(done, topic_size + payload_len + 1);
    if (bytes == NULL || (payload == NULL && payload_len > 0)) {
        return FUO_ENOMEM;
    }
    memcpy(bytes, row_text(row, 1), topic_size);
    if (payload_len > 0) {
        memcpy(bytes + topic_size, payload, payload_len);
    }
    *out = (struct store_outbox){
        .id = (uint64_t)sqlite3_column_int64(row, 0),
        .topic = bytes,
        .payload = (const uint8_t *)bytes + topic_size,
        .payload_len = payload_len,
        .seq = (uint64_t)sqlite3_column_int64(row, 3),
        .campaign_id = (uint32_t)sqlite3_column_int64(row, 4),
        .qos = (uint8_t)sqlite3_column_int64(row, 5),
        .retain = sqlite3_column_int64(row, 6) != 0,
    };
    return FUO_OK;
}

static int read_outbox_rows(struct db *db, sqlite3_stmt *stmt, size_t max_rows,
                            struct store_done *done)
{
    struct store_outbox *rows = done_alloc(done, max_rows * sizeof(*rows));
    if (rows == NULL) {
        return FUO_ENOMEM;
    }
    int rc = SQLITE_ROW;
    size_t n = 0;
    for (size_t total = 0; n < max_rows && total < OUTBOX_PAGE_BYTES;
         total += rows[n++].payload_len) {
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW) {
            break;
        }
        int err = read_outbox_row(stmt, done, &rows[n]);
        if (err != FUO_OK) {
            return err;
        }
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        return db_error(db->sql, &done->detail);
    }
    done->outbox.rows = rows;
    done->outbox.count = n;
    return FUO_OK;
}

void query_outbox(struct db *db, uint64_t after_id, size_t max_rows,
                  struct store_done *done)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    done->err = db_prepare(db->sql,
                           "SELECT id, topic, payload, seq, campaign_id, qos, retain"
                           " FROM outbox WHERE id > ? ORDER BY id LIMIT ?",
                           &stmt, &done->detail);
    if (done->err == FUO_OK) {
        sqlite3_bind_int64(stmt, 1, (int64_t)after_id);
        sqlite3_bind_int64(stmt, 2, (int64_t)done_rows(max_rows));
        done->err = read_outbox_rows(db, stmt, done_rows(max_rows), done);
    }
}

/* ---- keys ---- */

int row_key(const struct db *db, sqlite3_stmt *row, int i, const struct seal_place *place,
            uint8_t key[static STORE_KEY_BYTES], struct detail *detail)
{
    const void *sealed = sqlite3_column_blob(row, i);
    size_t len = (size_t)sqlite3_column_bytes(row, i);
    if (sqlite3_column_type(row, i) == SQLITE_NULL) {
        return FUO_ENOENT;
    }
    if (len != STORE_KEY_BYTES + SEAL_OVERHEAD_BYTES || sealed == NULL ||
        seal_open(db->key, place, sealed, len, key) != FUO_OK) {
        detail_set(detail, "damaged database: %s.%s of row %016" PRIx64, place->table,
                   place->column, place->row);
        return FUO_EAUTH;
    }
    return FUO_OK;
}

static int read_root_key(struct db *db, sqlite3_stmt *row, int i,
                         const struct seal_place *place, struct store_done *done)
{
    bool gen_app = i == 1;
    uint8_t *key = gen_app ? done->device_key.gen_app_key : done->device_key.app_key;
    bool *has =
        gen_app ? &done->device_key.has_gen_app_key : &done->device_key.has_app_key;
    int err = row_key(db, row, i, place, key, &done->detail);
    *has = err == FUO_OK;
    return err == FUO_ENOENT ? FUO_OK : err;
}

static int read_device_key(struct db *db, uint64_t dev_eui, struct store_done *done)
{
    struct seal_place gen_app = seal_place_gen_app_key(dev_eui);
    struct seal_place app = seal_place_app_key(dev_eui);
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql,
                         "SELECT lorawan_minor, sealed_gen_app_key, sealed_app_key"
                         " FROM inventory WHERE dev_eui = ?",
                         &stmt, &done->detail);
    if (err != FUO_OK) {
        return err;
    }
    sqlite3_bind_int64(stmt, 1, (int64_t)dev_eui);
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW) {
        return rc == SQLITE_DONE ? FUO_ENOENT : db_error(db->sql, &done->detail);
    }
    done->device_key.lorawan_minor = (uint8_t)sqlite3_column_int64(stmt, 0);
    err = read_root_key(db, stmt, 1, &gen_app, done);
    if (err == FUO_OK) {
        err = read_root_key(db, stmt, 2, &app, done);
    }
    bool none = !done->device_key.has_gen_app_key && !done->device_key.has_app_key;
    return err == FUO_OK && none ? FUO_ENOENT : err;
}

void query_device_key(struct db *db, uint64_t dev_eui, struct store_done *done)
{
    done->device_key.dev_eui = dev_eui;
    done->err = read_device_key(db, dev_eui, done);
}

/* SPDX-License-Identifier: MIT */
/* The audit log: hashes as records are written, and reading them. */
#include <stdlib.h>
#include <string.h>

#include "crypto/audit.h"
#include "store/internal.h"

_Static_assert((int)AUDIT_HASH_BYTES == (int)STORE_DIGEST_BYTES, "one size of hashes");

enum {
    HASH_ARGS = 8,
    PAGE_BYTES = 96 << 10, /* texts of an answer; but one row at least */
};

static const char *arg_text(sqlite3_value *value)
{
    const unsigned char *text = sqlite3_value_text(value);
    return text == NULL ? "" : (const char *)text;
}

/* audit_hash(id, at, actor, action, object, reason, detail, previous) */
static void hash_function(sqlite3_context *context, int count, sqlite3_value **args)
{
    uint8_t hash[AUDIT_HASH_BYTES];
    (void)count;
    struct audit_record record = {
        .number = (uint64_t)sqlite3_value_int64(args[0]),
        .time_us = sqlite3_value_int64(args[1]),
        .actor = arg_text(args[2]),
        .action = arg_text(args[3]),
        .object = arg_text(args[4]),
        .reason = arg_text(args[5]),
        .detail = arg_text(args[6]),
    };
    const void *previous = sqlite3_value_blob(args[7]);
    if (previous == NULL || sqlite3_value_bytes(args[7]) != AUDIT_HASH_BYTES) {
        sqlite3_result_error(context, "the hash before has another size", -1);
        return;
    }
    memcpy(record.previous, previous, sizeof(record.previous));
    audit_hash(&record, hash);
    sqlite3_result_blob(context, hash, sizeof(hash), SQLITE_TRANSIENT);
}

int audit_register(sqlite3 *sql, struct detail *detail)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    int rc = sqlite3_create_function_v2(sql, "audit_hash", HASH_ARGS, flags, NULL,
                                        hash_function, NULL, NULL, NULL);
    return rc == SQLITE_OK ? FUO_OK : db_error(sql, detail);
}

/* ---- reading ---- */

static void read_hash(sqlite3_stmt *row, int i, uint8_t hash[static AUDIT_HASH_BYTES])
{
    const void *bytes = sqlite3_column_blob(row, i);
    /* What is damaged shows as a hash that does not fit. */
    if (bytes != NULL && sqlite3_column_bytes(row, i) == AUDIT_HASH_BYTES) {
        memcpy(hash, bytes, AUDIT_HASH_BYTES);
    }
}

static const char *copy_text(struct store_done *done, sqlite3_stmt *row, int i,
                             size_t *total)
{
    const char *text = row_text(row, i);
    size_t size = strlen(text) + 1;
    char *copy = done_alloc(done, size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    *total += size;
    return copy;
}

static int read_row(struct store_done *done, sqlite3_stmt *row, struct store_audit *out,
                    size_t *total)
{
    const char **const texts[] = {&out->actor, &out->action, &out->object, &out->reason,
                                  &out->detail};
    out->id = (uint64_t)sqlite3_column_int64(row, 0);
    out->at.us = sqlite3_column_int64(row, 1);
    for (int i = 0; i < (int)(sizeof(texts) / sizeof(texts[0])); i++) {
        *texts[i] = copy_text(done, row, 2 + i, total);
        if (*texts[i] == NULL) {
            return FUO_ENOMEM;
        }
    }
    read_hash(row, 7, out->previous);
    read_hash(row, 8, out->hash);
    return FUO_OK;
}

static int read_rows(struct db *db, sqlite3_stmt *stmt, size_t max_rows,
                     struct store_done *done)
{
    struct store_audit *rows = done_alloc(done, max_rows * sizeof(*rows));
    if (rows == NULL) {
        return FUO_ENOMEM;
    }
    int rc = SQLITE_ROW;
    size_t total = 0;
    while (done->audit.count < max_rows && total < PAGE_BYTES &&
           (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int err = read_row(done, stmt, &rows[done->audit.count++], &total);
        if (err != FUO_OK) {
            return err;
        }
    }
    done->audit.rows = rows;
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? FUO_OK
                                                 : db_error(db->sql, &done->detail);
}

void query_audit(struct db *db, uint64_t after_id, size_t max_rows,
                 struct store_done *done)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int64_t total = 0;
    done->err = db_get_int(
        db->sql, "SELECT coalesce((SELECT value FROM counter WHERE name = 'audit'), 0)",
        &total, &done->detail);
    if (done->err == FUO_OK) {
        done->err = db_prepare(db->sql,
                               "SELECT id, at, actor, action, object, reason, detail,"
                               " previous, hash FROM audit WHERE id > ? ORDER BY id"
                               " LIMIT ?",
                               &stmt, &done->detail);
    }
    if (done->err == FUO_OK) {
        done->audit.total = (uint64_t)total;
        sqlite3_bind_int64(stmt, 1, (int64_t)after_id);
        sqlite3_bind_int64(stmt, 2, (int64_t)done_rows(max_rows));
        done->err = read_rows(db, stmt, done_rows(max_rows), done);
    }
}

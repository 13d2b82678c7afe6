/* SPDX-License-Identifier: MIT */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/cleanup.h"
#include "io/file.h"
#include "store/internal.h"
#include "store/seal.h"
#include "store/values.h"

enum {
    BUSY_MS = 250,
    CHECK_LEN = 6,
};

static const struct seal_place check_place = {"meta", "value", 0};
static const uint8_t check_plain[CHECK_LEN] = {'f', 'u', 'o', 't', 'a', 'd'};

/* A file that may not grow (EFBIG, EDQUOT) reaches us as an I/O error of SQLite. */
static int code_of(sqlite3 *sql)
{
    switch (sqlite3_errcode(sql) & 0xff) {
    case SQLITE_FULL:
        return FUO_ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return FUO_EAGAIN;
    case SQLITE_NOMEM:
        return FUO_ENOMEM;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return FUO_EPROTO;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return FUO_EPERM;
    case SQLITE_IOERR:
        return file_error(sqlite3_system_errno(sql)) == FUO_ENOSPC ? FUO_ENOSPC : FUO_EIO;
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
        return FUO_ERANGE;
    default:
        return FUO_EIO;
    }
}

int db_error(sqlite3 *sql, struct detail *detail)
{
    if (sql == NULL) {
        return FUO_ENOMEM;
    }
    detail_set(detail, "%s", sqlite3_errmsg(sql));
    return code_of(sql);
}

int db_prepare(sqlite3 *sql, const char *text, sqlite3_stmt **stmt, struct detail *detail)
{
    int rc = sqlite3_prepare_v2(sql, text, -1, stmt, NULL);
    return rc == SQLITE_OK ? FUO_OK : db_error(sql, detail);
}

int db_exec(sqlite3 *sql, const char *text, struct detail *detail)
{
    int rc = sqlite3_exec(sql, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? FUO_OK : db_error(sql, detail);
}

int db_get_int(sqlite3 *sql, const char *text, int64_t *value, struct detail *detail)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(sql, text, &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    if (sqlite3_step(stmt) != SQLITE_ROW) {
        return db_error(sql, detail);
    }
    *value = sqlite3_column_int64(stmt, 0);
    return FUO_OK;
}

void db_rollback(sqlite3 *sql)
{
    if (!sqlite3_get_autocommit(sql)) {
        (void)sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
    }
}

/* ---- opening ---- */

/* With our mode, not SQLite's; one that is there is never opened here (POSIX locks). */
static int create_file(const char *path, struct detail *detail)
{
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        int errnum = errno;
        detail_set(detail, "%s", strerror(errnum));
        return errnum == EEXIST ? FUO_OK : file_error(errnum);
    }
    close(fd);
    return FUO_OK;
}

static int connect(const char *path, struct db *db, struct detail *detail)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &db->sql, flags, NULL) != SQLITE_OK) {
        return db_error(db->sql, detail);
    }
    sqlite3_busy_timeout(db->sql, BUSY_MS);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    int err = audit_register(db->sql, detail);
    if (err != FUO_OK) {
        return err;
    }
    return db_exec(db->sql,
                   "PRAGMA locking_mode = EXCLUSIVE;"
                   "PRAGMA cache_size = -512;"
                   "PRAGMA mmap_size = 0;"
                   "PRAGMA temp_store = MEMORY;"
                   "PRAGMA cell_size_check = ON",
                   detail);
}

/* Only once it is known to be ours. */
static int set_durable(struct db *db, struct detail *detail)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql, "PRAGMA journal_mode = WAL", &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    if (sqlite3_step(stmt) != SQLITE_ROW) {
        return db_error(db->sql, detail);
    }
    const unsigned char *mode = sqlite3_column_text(stmt, 0);
    if (mode == NULL || strcmp((const char *)mode, "wal") != 0) {
        detail_set(detail, "this file system cannot hold a write-ahead log");
        return FUO_ENOTSUP;
    }
    return db_exec(db->sql,
                   "PRAGMA synchronous = FULL;"
                   "PRAGMA journal_size_limit = 2097152;"
                   "PRAGMA wal_autocheckpoint = 256;"
                   "PRAGMA secure_delete = FAST",
                   detail);
}

static int check_integrity(struct db *db, struct detail *detail)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql, "PRAGMA quick_check(1)", &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    if (sqlite3_step(stmt) != SQLITE_ROW) {
        return db_error(db->sql, detail);
    }
    const unsigned char *text = sqlite3_column_text(stmt, 0);
    if (text == NULL || strcmp((const char *)text, "ok") != 0) {
        detail_set(detail, "damaged database: %s",
                   text == NULL ? (const unsigned char *)"?" : text);
        return FUO_EPROTO;
    }
    return FUO_OK;
}

static int put_key_check(struct db *db, struct detail *detail)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    uint8_t sealed[CHECK_LEN + SEAL_OVERHEAD_BYTES];
    seal(db->key, &check_place, check_plain, CHECK_LEN, sealed);
    int err = db_prepare(db->sql, "INSERT INTO meta(name, value) VALUES('key-check', ?)",
                         &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    sqlite3_bind_blob(stmt, 1, sealed, sizeof(sealed), SQLITE_STATIC);
    return sqlite3_step(stmt) == SQLITE_DONE ? FUO_OK : db_error(db->sql, detail);
}

/* A value sealed when the database was made opens with the same key only. */
static int check_key(struct db *db, struct detail *detail)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(db->sql, "SELECT value FROM meta WHERE name = 'key-check'",
                         &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE) {
        return put_key_check(db, detail);
    }
    if (rc != SQLITE_ROW) {
        return db_error(db->sql, detail);
    }
    uint8_t plain[CHECK_LEN];
    const void *sealed = sqlite3_column_blob(stmt, 0);
    size_t len = (size_t)sqlite3_column_bytes(stmt, 0);
    if (len != CHECK_LEN + SEAL_OVERHEAD_BYTES || sealed == NULL ||
        seal_open(db->key, &check_place, sealed, len, plain) != FUO_OK ||
        memcmp(plain, check_plain, CHECK_LEN) != 0) {
        detail_set(detail, "the sealing key is not the one this database was made with");
        return FUO_EAUTH;
    }
    return FUO_OK;
}

static int open_checked(const char *path, const struct schema *schema, struct db *db,
                        struct detail *detail)
{
    int (*const before[])(struct db *, struct detail *) = {set_durable, check_integrity};
    int err = create_file(path, detail);
    if (err == FUO_OK) {
        err = connect(path, db, detail);
    }
    if (err == FUO_OK) {
        err = schema_check(db->sql, schema, detail);
    }
    for (size_t i = 0; err == FUO_OK && i < 2; i++) {
        err = before[i](db, detail);
    }
    if (err == FUO_OK) {
        err = schema_migrate(db->sql, schema, detail);
    }
    if (err == FUO_OK) {
        err = check_key(db, detail);
    }
    return err;
}

int db_open(const char *path, const struct secret *key, const struct schema *schema,
            struct db *db, struct detail *detail)
{
    struct detail why = {0};
    struct db opening = {.key = key};
    int err = open_checked(path, schema, &opening, &why);
    if (err != FUO_OK) {
        detail_set(detail, "%s: %s", path,
                   err == FUO_EAGAIN ? "in use by another process" : why.text);
        db_close(&opening);
        return err;
    }
    sqlite3_db_release_memory(opening.sql);
    *db = opening;
    return FUO_OK;
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(db->statements[i]);
    }
    sqlite3_close(db->sql); /* checkpoints; accepts NULL */
    *db = (struct db){0};
}

/* ---- committing ---- */

static int get_statement(struct db *db, enum statement statement, sqlite3_stmt **stmt,
                         struct detail *detail)
{
    if (db->statements[statement] == NULL) {
        AUTO_FREE char *text = statement_sql(statement);
        if (text == NULL) {
            return FUO_ENOMEM;
        }
        int rc = sqlite3_prepare_v3(db->sql, text, -1, SQLITE_PREPARE_PERSISTENT,
                                    &db->statements[statement], NULL);
        if (rc != SQLITE_OK) {
            return db_error(db->sql, detail);
        }
    }
    *stmt = db->statements[statement];
    return FUO_OK;
}

static int after_step(struct db *db, enum statement statement, struct db_result *result,
                      struct detail *detail)
{
    if (statement == STATEMENT_OUTBOX_PUT) {
        result->outbox_last = (uint64_t)sqlite3_last_insert_rowid(db->sql);
        if (result->outbox_first == 0) {
            result->outbox_first = result->outbox_last;
        }
    }
    if (statement == STATEMENT_COUNTER_SET && sqlite3_changes(db->sql) == 0) {
        detail_set(detail, "a counter would go back");
        return FUO_ERANGE;
    }
    return FUO_OK;
}

static int run_operation(struct db *db, enum statement statement,
                         struct values_cursor *cursor, struct db_result *result,
                         struct detail *detail)
{
    sqlite3_stmt *stmt = NULL;
    int err = get_statement(db, statement, &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    int rc = values_bind(cursor, stmt);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
    }
    err = rc == SQLITE_DONE ? after_step(db, statement, result, detail)
                            : db_error(db->sql, detail);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return err;
}

/* A log that had grown before the disk was full gives its room back, if it can. */
static void reclaim(struct db *db)
{
    if (db->full) {
        (void)sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                        NULL);
    }
}

int db_commit(struct db *db, const uint8_t *bytes, size_t len, struct db_result *result,
              struct detail *detail)
{
    reclaim(db);
    struct values_cursor cursor = {bytes, len == 0 ? bytes : bytes + len};
    struct db_result given = {0};
    enum statement statement;
    int err = db_exec(db->sql, "BEGIN IMMEDIATE", detail);
    while (err == FUO_OK && values_next(&cursor, &statement)) {
        err = run_operation(db, statement, &cursor, &given, detail);
    }
    if (err == FUO_OK) {
        err = db_exec(db->sql, "COMMIT", detail);
    }
    /* Some file systems and quotas report what is full as another I/O error. */
    db->full = err == FUO_ENOSPC || err == FUO_EIO;
    if (err != FUO_OK) {
        db_rollback(db->sql);
        return err;
    }
    *result = given;
    return FUO_OK;
}

int store_peek(const char *path, struct detail *detail)
{
    struct db db = {0};
    struct detail why = {0};
    if (access(path, F_OK) != 0) {
        int errnum = errno;
        detail_set(detail, "%s: %s", path, strerror(errnum));
        return file_error(errnum);
    }
    int err = FUO_OK;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &db.sql, flags, NULL) != SQLITE_OK) {
        err = db_error(db.sql, &why);
    } else {
        err = schema_check(db.sql, &schema_newest, &why);
    }
    if (err != FUO_OK) {
        detail_set(detail, "%s: %s", path,
                   err == FUO_EAGAIN ? "in use by another process" : why.text);
    }
    db_close(&db);
    return err;
}

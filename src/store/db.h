/* SPDX-License-Identifier: MIT */
/*
 * db.h - the connection: opening with all checks, errors, commits.
 *
 * Used by one thread at a time. locking_mode is EXCLUSIVE: nobody else opens the database
 * while we run, so neither a second daemon nor a curious shell can race us, and SQLite's
 * WAL-reset bug (before 3.51.3, campaigns.md 6.3), which needs two connections, cannot
 * strike.
 */
#pragma once

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>

#include "fuotad/error.h"
#include "io/detail.h"
#include "io/secrets.h"
#include "store/schema.h"
#include "store/statement.h"

struct db {
    sqlite3 *sql;
    const struct secret *key;                  /* borrowed */
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared at first use */
    bool full; /* the last commit found no room: make some before the next */
};

/* *db is to be released with db_close() on FUO_OK only. Errors as store_open(). */
FUO_MUST_CHECK int db_open(const char *path, const struct secret *key,
                           const struct schema *schema, struct db *db,
                           struct detail *detail);
void db_close(struct db *db);

/* What a commit gave out. */
struct db_result {
    uint64_t outbox_first; /* 0: none */
    uint64_t outbox_last;
};

/* Carry out the operations of a batch (values.h) as one transaction: all or nothing. */
FUO_MUST_CHECK int db_commit(struct db *db, const uint8_t *bytes, size_t len,
                             struct db_result *result, struct detail *detail);

/* The FUO_ code of the connection's last error, and its text. */
int db_error(sqlite3 *sql, struct detail *detail);

/* A fresh statement; the caller finalizes it (AUTO_STMT). */
FUO_MUST_CHECK int db_prepare(sqlite3 *sql, const char *text, sqlite3_stmt **stmt,
                              struct detail *detail);
FUO_MUST_CHECK int db_exec(sqlite3 *sql, const char *text, struct detail *detail);
FUO_MUST_CHECK int db_get_int(sqlite3 *sql, const char *text, int64_t *value,
                              struct detail *detail);

/* If a transaction is open. */
void db_rollback(sqlite3 *sql);

static inline void db_cleanup_stmt(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt); /* accepts NULL */
}

#define AUTO_STMT __attribute__((__cleanup__(db_cleanup_stmt)))

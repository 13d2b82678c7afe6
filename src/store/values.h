/* SPDX-License-Identifier: MIT */
/*
 * values.h - a batch as bytes: operations, each a statement and the values to bind.
 *
 * Written on the loop's thread, read on the store's; only memory in between. No SQLite
 * handle is needed to write one. Not a format on disk: it never leaves the process.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "store/statement.h"
#include "store/store.h"

/* Begin an operation; its values follow in the order of the parameters. */
void values_begin(struct store_batch *batch, enum statement statement);
void values_int(struct store_batch *batch, int64_t value);
void values_u64(struct store_batch *batch, uint64_t value);
void values_text(struct store_batch *batch, const char *text, size_t len);
void values_blob(struct store_batch *batch, const uint8_t *bytes, size_t len);
void values_null(struct store_batch *batch);
/* What another batch holds; that stays as it is. */
void values_append(struct store_batch *batch, const struct store_batch *more);

/* Reading: what is left of a batch. */
struct values_cursor {
    const uint8_t *p;
    const uint8_t *end;
};

/* The statement of the next operation; false at the end. */
bool values_next(struct values_cursor *cursor, enum statement *statement);

/* Bind the values of that operation; they are borrowed from the batch. A SQLite code. */
FUO_MUST_CHECK int values_bind(struct values_cursor *cursor, sqlite3_stmt *stmt);

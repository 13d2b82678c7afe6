/* SPDX-License-Identifier: MIT */
#include "store/values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum tag {
    TAG_BEGIN = 1, /* then the statement, as an integer */
    TAG_INT,
    TAG_TEXT, /* then the length, then the bytes */
    TAG_BLOB,
    TAG_NULL,
};

static void reserve(struct store_batch *batch, size_t more)
{
    if (batch->err != FUO_OK || batch->cap - batch->len >= more) {
        return;
    }
    if (more > STORE_BATCH_MAX_BYTES - batch->len) {
        batch->err = FUO_ERANGE;
        return;
    }
    size_t cap = batch->cap == 0 ? 512 : batch->cap * 2;
    cap = cap < batch->len + more ? batch->len + more : cap;
    uint8_t *bytes = realloc(batch->bytes, cap);
    if (bytes == NULL) {
        batch->err = FUO_ENOMEM;
        return;
    }
    batch->bytes = bytes;
    batch->cap = cap;
}

static void append(struct store_batch *batch, const void *bytes, size_t len)
{
    reserve(batch, len);
    if (batch->err == FUO_OK && len > 0) {
        memcpy(batch->bytes + batch->len, bytes, len);
        batch->len += len;
    }
}

static void append_tag(struct store_batch *batch, enum tag tag)
{
    uint8_t byte = (uint8_t)tag;
    append(batch, &byte, 1);
}

static void append_bytes(struct store_batch *batch, enum tag tag, const void *bytes,
                         size_t len)
{
    uint32_t len32 = (uint32_t)len;
    if (len > STORE_BATCH_MAX_BYTES) {
        batch->err = FUO_ERANGE;
    }
    append_tag(batch, tag);
    append(batch, &len32, sizeof(len32));
    append(batch, bytes, len);
}

void values_begin(struct store_batch *batch, enum statement statement)
{
    uint32_t number = (uint32_t)statement;
    append_tag(batch, TAG_BEGIN);
    append(batch, &number, sizeof(number));
    batch->ops++;
}

void values_int(struct store_batch *batch, int64_t value)
{
    append_tag(batch, TAG_INT);
    append(batch, &value, sizeof(value));
}

void values_u64(struct store_batch *batch, uint64_t value)
{
    values_int(batch, (int64_t)value);
}

void values_text(struct store_batch *batch, const char *text, size_t len)
{
    append_bytes(batch, TAG_TEXT, text, len);
}

void values_blob(struct store_batch *batch, const uint8_t *bytes, size_t len)
{
    append_bytes(batch, TAG_BLOB, bytes, len);
}

void values_null(struct store_batch *batch)
{
    append_tag(batch, TAG_NULL);
}

void values_append(struct store_batch *batch, const struct store_batch *more)
{
    append(batch, more->bytes, more->len);
    batch->ops += more->ops;
    batch->err = batch->err != FUO_OK ? batch->err : more->err;
}

static const void *take(struct values_cursor *cursor, size_t len)
{
    const void *p = cursor->p;
    assert((size_t)(cursor->end - cursor->p) >= len);
    cursor->p += len;
    return p;
}

static uint32_t take_u32(struct values_cursor *cursor)
{
    uint32_t value;
    memcpy(&value, take(cursor, sizeof(value)), sizeof(value));
    return value;
}

static int64_t take_i64(struct values_cursor *cursor)
{
    int64_t value;
    memcpy(&value, take(cursor, sizeof(value)), sizeof(value));
    return value;
}

bool values_next(struct values_cursor *cursor, enum statement *statement)
{
    if (cursor->p == cursor->end) {
        return false;
    }
    assert(*cursor->p == TAG_BEGIN);
    (void)take(cursor, 1);
    *statement = (enum statement)take_u32(cursor);
    return true;
}

static int bind_bytes(struct values_cursor *cursor, sqlite3_stmt *stmt, int i, bool text)
{
    uint32_t len = take_u32(cursor);
    const void *bytes = take(cursor, len);
    return text ? sqlite3_bind_text64(stmt, i, bytes, len, SQLITE_STATIC, SQLITE_UTF8)
                : sqlite3_bind_blob64(stmt, i, bytes, len, SQLITE_STATIC);
}

static int bind_value(struct values_cursor *cursor, sqlite3_stmt *stmt, int i)
{
    enum tag tag = (enum tag)(*(const uint8_t *)take(cursor, 1));
    switch (tag) {
    case TAG_INT:
        return sqlite3_bind_int64(stmt, i, take_i64(cursor));
    case TAG_TEXT:
    case TAG_BLOB:
        return bind_bytes(cursor, stmt, i, tag == TAG_TEXT);
    case TAG_NULL:
        return sqlite3_bind_null(stmt, i);
    case TAG_BEGIN:
        break;
    }
    assert(false);
    return SQLITE_MISUSE;
}

int values_bind(struct values_cursor *cursor, sqlite3_stmt *stmt)
{
    int rc = SQLITE_OK;
    int i = 1;
    for (; rc == SQLITE_OK && cursor->p < cursor->end && *cursor->p != TAG_BEGIN; i++) {
        rc = bind_value(cursor, stmt, i);
    }
    assert(rc != SQLITE_OK || i - 1 == sqlite3_bind_parameter_count(stmt));
    return rc;
}

/* SPDX-License-Identifier: MIT */
/*
 * column.h - one table per kind of record: which field is which column.
 *
 * All SQL of the records and both directions of the mapping come from these tables; the
 * schema itself (schema.c) is written by hand and a test compares the two. A new field of
 * a record is one line here and one migration.
 *
 * Scalars are INTEGER (64-bit unsigned as two's complement), char arrays TEXT, other
 * arrays BLOB: elements little-endian, without padding.
 */
#pragma once

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/effect.h"
#include "fuotad/error.h"
#include "io/detail.h"

struct store_batch;

enum column_type {
    COLUMN_BOOL,
    COLUMN_U8,
    COLUMN_U16,
    COLUMN_I16,
    COLUMN_U32,
    COLUMN_U64,
    COLUMN_I64,  /* microseconds, struct utc too: up to the year 9999, or UTC_NEVER */
    COLUMN_SPAN, /* microseconds from 0 to RECORD_SPAN_MAX_US */
    COLUMN_SUM,  /* microseconds of many, from 0 to 8000 years */
    COLUMN_TEXT,
};

struct column {
    const char *name;
    enum column_type type;
    uint16_t offset; /* in the record */
    uint16_t count;  /* elements; of TEXT the size, NUL included */
    uint16_t stride; /* from one element to the next, in bytes */
    uint32_t max;    /* 0: what the type holds; else checked when read back */
};

struct table {
    const char *name;
    const char *key; /* conflict target of the upsert; NULL: rows are only appended */
    const char *order;
    const struct column *columns;
    size_t column_count;
    size_t record_size;
};

enum {
    RECORD_SIZE_MAX = 512,
};

/* Never NULL for a valid kind. */
const struct table *table_of(enum store_kind kind);

size_t column_element_size(enum column_type type);

/* The values of a record, in the order of the columns. */
void table_encode(const struct table *table, const void *record,
                  struct store_batch *batch);

/*
 * The record of the row a statement stands on, which begins with the table's columns.
 * FUO_EPROTO if a value cannot have come from a record.
 */
FUO_MUST_CHECK int table_decode(const struct table *table, sqlite3_stmt *row,
                                void *record, struct detail *detail);

/* SQL text; the caller frees it. NULL: out of memory. tail follows FROM name. */
char *table_upsert_sql(const struct table *table);
char *table_select_sql(const struct table *table, const char *tail);

/* SPDX-License-Identifier: MIT */
/*
 * words.h - words for people: durations, clean text, aligned tables.
 *
 * No clock, no sockets; prints to the stream it is given. What comes from elsewhere (the
 * daemon, a file) goes through here, so that it cannot move the cursor of a terminal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fuotad/error.h"

enum {
    WORDS_DURATION_SIZE = 32,
    TABLE_COLUMNS_MAX = 12,
};

/*
 * Printed without C0 and C1 control characters, DEL, direction overrides, line separators
 * and broken UTF-8: a '?' for each. NULL prints nothing.
 */
void words_print(FILE *out, const char *text);

/* The same as a fresh string; the caller frees it. NULL if memory is exhausted. */
char *words_clean(const char *text);

/* "0.4 s", "12.3 s", "3m 12s", "5h 2m", "7d 18h"; the two largest units. */
const char *words_duration(int64_t us, char text[static WORDS_DURATION_SIZE]);

/*
 * "90s", "15m", "6h", "1h30m", "14d", "2w": whole numbers with units, in any order.
 * FUO_EPROTO otherwise, and *us is untouched.
 */
FUO_MUST_CHECK int words_parse_duration(const char *text, int64_t *us);

/* A decimal number from 0 to max. FUO_EPROTO otherwise, and *number is untouched. */
FUO_MUST_CHECK int words_parse_u32(const char *text, uint32_t max, uint32_t *number);

/* Columns of a table on screen: control characters out, widths in code points. */
struct table {
    size_t columns;
    size_t cells; /* row after row */
    size_t capacity;
    char **texts;        /* owned, clean */
    unsigned right_mask; /* columns that are set flush right */
};

/* A zeroed table with .columns set is empty. Adds the next cell; NULL is "-". */
void table_add(struct table *table, const char *text);
__attribute__((format(printf, 2, 3))) void table_addf(struct table *table,
                                                      const char *format, ...);
/* The first row is the heading. Nothing is printed behind the last cell of a row. */
void table_print(const struct table *table, FILE *out);
void table_finish(struct table *table);

#define AUTO_TABLE __attribute__((__cleanup__(table_finish)))

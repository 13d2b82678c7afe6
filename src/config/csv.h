/* SPDX-License-Identifier: MIT */
/*
 * csv.h - lines of a CSV file, unquoted in place; internal to src/config.
 *
 * Commas, fields in double quotes ("" is a quote), LF or CRLF, an optional UTF-8 byte order
 * mark. Empty lines and lines that begin with # are passed over. Spaces around a field that
 * is not quoted do not count. A quoted field ends on its line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/diag.h"
#include "fuotad/error.h"

enum {
    CSV_LINE_MAX_BYTES = 8192,
};

struct csv {
    char *p; /* the rest; a NUL stands at the end */
    char *end;
    uint32_t line;     /* of the record that csv_next() gave */
    const char *error; /* static: what is wrong with it; NULL: nothing */
};

struct csv_field {
    char *text; /* NUL-terminated, inside the buffer */
    size_t len;
    uint32_t column; /* from 1 */
};

/* text[len] must be a NUL; both are changed while reading. */
struct csv csv_open(char *text, size_t len);

/*
 * The fields of the next line; 0 at the end. If csv->error is set the line is unusable, and
 * the next call goes on behind it.
 */
size_t csv_next(struct csv *csv, struct csv_field *fields, size_t max);

/* A whole file, at most INVENTORY_FILE_MAX_BYTES; errors are reported. Caller frees. */
FUO_MUST_CHECK int csv_read(const char *file, uint8_t **bytes, size_t *len,
                            struct diag_list *diags);

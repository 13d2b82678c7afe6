/* SPDX-License-Identifier: MIT */
#include "config/csv.h"

#include <string.h>

#include "config/inventory.h"
#include "io/file.h"

struct csv csv_open(char *text, size_t len)
{
    bool mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
    return (struct csv){.p = text + (mark ? 3 : 0), .end = text + len};
}

/* The next line without its end; NULL at the end of the file. */
static char *next_line(struct csv *csv, size_t *len)
{
    char *line = csv->p;
    if (line == csv->end) {
        return NULL;
    }
    char *newline = memchr(line, '\n', (size_t)(csv->end - line));
    char *stop = newline != NULL ? newline : csv->end;
    csv->p = newline != NULL ? newline + 1 : csv->end;
    csv->line++;
    if (stop > line && stop[-1] == '\r') {
        stop--;
    }
    *stop = '\0';
    *len = (size_t)(stop - line);
    return line;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* *p stands on the opening quote; moves to what follows the closing one. */
static bool unquote(char **p, struct csv_field *field)
{
    char *from = *p + 1;
    char *to = from;
    field->text = to;
    for (;;) {
        if (*from == '\0') {
            return false;
        }
        if (from[0] == '"' && from[1] != '"') {
            break;
        }
        from += from[0] == '"';
        *to++ = *from++;
    }
    field->len = (size_t)(to - field->text);
    *p = from + 1;
    *to = '\0';
    while (is_blank(**p)) {
        (*p)++;
    }
    return **p == ',' || **p == '\0';
}

static void take_plain(char **p, struct csv_field *field)
{
    char *stop = strchrnul(*p, ',');
    char *last = stop;
    while (last > *p && is_blank(last[-1])) {
        last--;
    }
    field->text = *p;
    field->len = (size_t)(last - *p);
    *p = stop;
}

/* Fields of one line; *p ends on its NUL. */
static size_t split(struct csv *csv, char *line, struct csv_field *fields, size_t max)
{
    char *p = line;
    size_t count = 0;
    for (;;) {
        while (is_blank(*p)) {
            p++;
        }
        if (count == max) {
            csv->error = "has too many fields";
            return count;
        }
        struct csv_field *field = &fields[count++];
        field->column = (uint32_t)(p - line) + 1;
        bool quoted = *p == '"';
        if (quoted && !unquote(&p, field)) {
            csv->error = "a quoted field does not end, or something follows it";
            return count;
        }
        if (!quoted) {
            take_plain(&p, field);
        }
        bool more = *p == ',';
        field->text[field->len] = '\0';
        if (!more) {
            return count;
        }
        p++;
    }
}

static bool is_passed_over(const char *line)
{
    line += strspn(line, " \t");
    return *line == '\0' || *line == '#';
}

size_t csv_next(struct csv *csv, struct csv_field *fields, size_t max)
{
    size_t len;
    char *line = next_line(csv, &len);
    csv->error = NULL;
    while (line != NULL && strlen(line) == len && is_passed_over(line)) {
        line = next_line(csv, &len);
    }
    if (line == NULL) {
        return 0;
    }
    if (strlen(line) != len) {
        csv->error = "holds a NUL byte";
        return 1;
    }
    if (len > CSV_LINE_MAX_BYTES) {
        csv->error = "is too long";
        return 1;
    }
    return split(csv, line, fields, max);
}

int csv_read(const char *file, uint8_t **bytes, size_t *len, struct diag_list *diags)
{
    struct diag_place place = {.file = file};
    /* Doubling from the size of a usual file: file_read() takes all of its bound. */
    int err = FUO_ERANGE;
    for (size_t max = 1 << 20; err == FUO_ERANGE && max <= INVENTORY_FILE_MAX_BYTES;
         max *= 4) {
        err = file_read(file, max, bytes, len);
    }
    if (err == FUO_ERANGE) {
        diag_error(diags, &place, "the file is larger than 256 MiB");
        return FUO_EINVAL;
    }
    if (err != FUO_OK) {
        diag_unreadable(diags, &place, err);
    }
    return err;
}

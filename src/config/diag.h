/* SPDX-License-Identifier: MIT */
/*
 * diag.h - all problems of a set of files, to be shown at once.
 *
 * One problem is `file:line:col: path: text`; a warning says so before the text. The texts
 * are for people; control characters of the file never reach them. At most
 * DIAG_KEPT_MAX problems are kept, the rest is counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

enum {
    DIAG_KEPT_MAX = 1000,
};

enum diag_severity {
    DIAG_ERROR,
    DIAG_WARNING,
};

/* Where: any part may be absent (NULL or 0). */
struct diag_place {
    const char *file;
    uint32_t line; /* from 1 */
    uint32_t column;
    const char *path; /* "spec.image.file" */
};

struct diag {
    enum diag_severity severity;
    struct diag_place place; /* strings owned by the list */
    char *text;
};

/* A zeroed struct diag_list is empty and ready to use. */
struct diag_list {
    struct diag *items;
    size_t count;
    size_t capacity;
    size_t error_count; /* also those that are not kept */
    size_t warning_count;
};

void diag_list_finish(struct diag_list *list);

/* Append one problem. The place is copied. */
void diag_error(struct diag_list *list, const struct diag_place *place,
                const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_warn(struct diag_list *list, const struct diag_place *place, const char *format,
               ...) __attribute__((format(printf, 3, 4)));

/* Report that a file cannot be read, by the code of file_read() and errno. */
void diag_unreadable(struct diag_list *list, const struct diag_place *place, int err);

/* By file, line and column; equal places stay in order of appearance. */
void diag_list_sort(struct diag_list *list);

/* One line per problem. */
void diag_list_print(const struct diag_list *list, FILE *out);

/* One problem as a line without a newline; the caller frees it. */
char *diag_format(const struct diag *diag);

/*
 * A fresh array of {severity, file, line, column, path, text}; absent parts are left out.
 * The caller owns it (json_object_put).
 */
struct json_object *diag_list_json(const struct diag_list *list);

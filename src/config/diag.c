/* SPDX-License-Identifier: MIT */
#include "config/diag.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuotad/error.h"

static char *copy_or_null(const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        abort(); /* small and bounded: the machine has no memory left */
    }
    return copy;
}

static void diag_finish(struct diag *diag)
{
    free((void *)(uintptr_t)diag->place.file);
    free((void *)(uintptr_t)diag->place.path);
    free(diag->text);
}

void diag_list_finish(struct diag_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        diag_finish(&list->items[i]);
    }
    free(list->items);
    *list = (struct diag_list){0};
}

/* What a file contains must not steer a terminal. */
static void defuse(char *text)
{
    for (char *c = text; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = '?';
        }
    }
}

static struct diag *append(struct diag_list *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity != 0 ? list->capacity * 2 : 16;
        struct diag *items = reallocarray(list->items, capacity, sizeof(*list->items));
        if (items == NULL) {
            abort();
        }
        list->items = items;
        list->capacity = capacity;
    }
    return &list->items[list->count++];
}

__attribute__((format(printf, 4, 0))) static void add(struct diag_list *list,
                                                      enum diag_severity severity,
                                                      const struct diag_place *place,
                                                      const char *format, va_list args)
{
    list->error_count += severity == DIAG_ERROR;
    list->warning_count += severity == DIAG_WARNING;
    if (list->count == DIAG_KEPT_MAX) {
        return;
    }
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) {
        abort();
    }
    char *path = copy_or_null(place->path);
    defuse(text);
    defuse(path);
    *append(list) = (struct diag){
        .severity = severity,
        .place = {copy_or_null(place->file), place->line, place->column, path},
        .text = text,
    };
}

void diag_error(struct diag_list *list, const struct diag_place *place,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(list, DIAG_ERROR, place, format, args);
    va_end(args);
}

void diag_warn(struct diag_list *list, const struct diag_place *place, const char *format,
               ...)
{
    va_list args;
    va_start(args, format);
    add(list, DIAG_WARNING, place, format, args);
    va_end(args);
}

void diag_unreadable(struct diag_list *list, const struct diag_place *place, int err)
{
    const char *why = strerror(errno);
    if (err == FUO_ENOENT) {
        why = "no such file";
    } else if (err == FUO_EINVAL) {
        why = "it is a folder";
    }
    diag_error(list, place, "cannot be read: %s", why);
}

static bool goes_before(const struct diag *a, const struct diag *b)
{
    int files = strcmp(a->place.file != NULL ? a->place.file : "",
                       b->place.file != NULL ? b->place.file : "");
    if (files != 0) {
        return files < 0;
    }
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line;
    }
    return a->place.column < b->place.column;
}

/* Insertion: stable, and the list is short and nearly sorted. */
void diag_list_sort(struct diag_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        struct diag diag = list->items[i];
        size_t at = i;
        while (at > 0 && goes_before(&diag, &list->items[at - 1])) {
            list->items[at] = list->items[at - 1];
            at--;
        }
        list->items[at] = diag;
    }
}

static void print_one(const struct diag *diag, FILE *out)
{
    const struct diag_place *place = &diag->place;
    if (place->file != NULL) {
        fprintf(out, "%s:", place->file);
        if (place->line != 0) {
            fprintf(out, "%u:%u:", place->line, place->column);
        }
        fputc(' ', out);
    }
    if (place->path != NULL && place->path[0] != '\0') {
        fprintf(out, "%s: ", place->path);
    }
    fprintf(out, "%s%s", diag->severity == DIAG_WARNING ? "warning: " : "", diag->text);
}

char *diag_format(const struct diag *diag)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        abort();
    }
    print_one(diag, out);
    fclose(out);
    return text;
}

void diag_list_print(const struct diag_list *list, FILE *out)
{
    for (size_t i = 0; i < list->count; i++) {
        print_one(&list->items[i], out);
        fputc('\n', out);
    }
    size_t total = list->error_count + list->warning_count;
    if (total > list->count) {
        fprintf(out, "and %zu more\n", total - list->count);
    }
}

static struct json_object *diag_json(const struct diag *diag)
{
    struct json_object *object = json_object_new_object();
    const struct diag_place *place = &diag->place;
    json_object_object_add(
        object, "severity",
        json_object_new_string(diag->severity == DIAG_ERROR ? "error" : "warning"));
    if (place->file != NULL) {
        json_object_object_add(object, "file", json_object_new_string(place->file));
    }
    if (place->line != 0) {
        json_object_object_add(object, "line", json_object_new_int64(place->line));
        json_object_object_add(object, "column", json_object_new_int64(place->column));
    }
    if (place->path != NULL && place->path[0] != '\0') {
        json_object_object_add(object, "path", json_object_new_string(place->path));
    }
    json_object_object_add(object, "text", json_object_new_string(diag->text));
    return object;
}

struct json_object *diag_list_json(const struct diag_list *list)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < list->count; i++) {
        json_object_array_add(array, diag_json(&list->items[i]));
    }
    return array;
}

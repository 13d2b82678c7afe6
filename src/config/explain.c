/* SPDX-License-Identifier: MIT */
#include "config/explain.h"

#include <string.h>

#include "config/describe.h"

static void print_line(FILE *out, const char *name, const char *text)
{
    fprintf(out, "%-10s%s\n", name, text);
}

static void print_children(const struct option *table, FILE *out)
{
    char type[128];
    fputs("\nKEYS\n", out);
    for (const struct option *o = table; o->key != NULL; o++) {
        bool required = (o->flags & OPTION_REQUIRED) != 0;
        fprintf(out, "  %-20s %s", o->key, option_type_text(o, type, sizeof(type)));
        if (required) {
            fputs(", required", out);
        } else if (o->def != NULL) {
            fprintf(out, ", default %s", o->def);
        }
        fprintf(out, "\n  %-20s   %s\n", "", o->help);
    }
}

static void print_values(const struct option *option, FILE *out)
{
    char type[128];
    const char *hint = option_type_info(option->type)->hint;
    print_line(out, "TYPE:", option_type_text(option, type, sizeof(type)));
    if (hint != NULL) {
        print_line(out, "FORM:", hint);
    }
    if (option->flags & OPTION_REQUIRED) {
        print_line(out, "REQUIRED:", "yes");
    } else if (option->def != NULL) {
        print_line(out, "DEFAULT:", option->def);
    }
    if (describe_has_range(option)) {
        fprintf(out, "%-10s", "RANGE:");
        describe_range(option, out);
        fputc('\n', out);
    }
    if (option->example != NULL) {
        print_line(out, "EXAMPLE:", option->example);
    }
}

/* The kind that the path begins with; a Campaign without one. */
static const struct config_kind *split_kind(const char **path)
{
    char first[64];
    size_t len = strcspn(*path, ".");
    if (len < sizeof(first)) {
        memcpy(first, *path, len);
        first[len] = '\0';
        const struct config_kind *kind = len != 0 ? config_kind_find(first) : NULL;
        if (kind != NULL) {
            *path += len + ((*path)[len] == '.');
            return kind;
        }
    }
    return config_kind_find("Campaign");
}

/* The table in which the last part of the path was looked for, and that part. */
static const char *suggest(const struct option *table, const char *path)
{
    while (table != NULL) {
        char key[64];
        size_t len = strcspn(path, ".[");
        if (len >= sizeof(key)) {
            return NULL;
        }
        memcpy(key, path, len);
        key[len] = '\0';
        const struct option *option = option_find(table, key);
        if (option == NULL || path[len] == '\0') {
            return option_nearest(table, key);
        }
        table = option->sub;
        path += len + 1;
    }
    return NULL;
}

int explain_print(const char *path, FILE *out, const char **nearest)
{
    const char *rest = path;
    const struct config_kind *kind = split_kind(&rest);
    if (rest[0] == '\0') {
        print_line(out, "KIND:", kind->name);
        fprintf(out, "\n%s\n", kind->text);
        print_children(kind->options, out);
        return FUO_OK;
    }
    const struct option *option = option_find(kind->options, rest);
    if (option == NULL) {
        if (nearest != NULL) {
            *nearest = suggest(kind->options, rest);
        }
        return FUO_ENOENT;
    }
    print_line(out, "KIND:", kind->name);
    print_line(out, "KEY:", rest);
    print_values(option, out);
    fprintf(out, "\n%s\n", option->help);
    if (option->later != NULL) {
        bool all = strcmp(option->later, OPTION_LATER) == 0;
        fprintf(out, "This version supports %s%s.\n",
                all ? "the default only" : "all but ", all ? "" : option->later);
    }
    if (option->sub != NULL) {
        print_children(option->sub, out);
    }
    return FUO_OK;
}

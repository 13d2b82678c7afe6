/* SPDX-License-Identifier: MIT */
#include "config/sample.h"

#include <stdbool.h>
#include <string.h>

#include "config/option.h"

enum {
    TEXT_COLUMN = 90, /* where help is broken */
};

/* A position in the file. */
struct at {
    FILE *out;
    int indent;
    int off;   /* column from which lines are commented out; -1: they are not */
    bool dash; /* the next key begins an item of a list */
};

static struct at commented_out(struct at at)
{
    at.off = at.off >= 0 ? at.off : at.indent;
    return at;
}

static struct at inside(struct at at, int columns)
{
    at.indent += columns;
    at.dash = false;
    return at;
}

static void print_indent(const struct at *at)
{
    bool off = at->off >= 0;
    int before = off ? at->off : 0;
    int dash = at->dash ? 2 : 0;
    fprintf(at->out, "%*s%s%*s%s", before, "", off ? "#" : "", at->indent - dash - before,
            "", at->dash ? "- " : "");
}

/* How much of a text goes into a line: whole words, if there are any. */
static size_t line_len(const char *text, size_t width)
{
    size_t len = strlen(text);
    if (len <= width) {
        return len;
    }
    len = width;
    while (len > 1 && text[len] != ' ') {
        len--;
    }
    return len;
}

/* Help as comment lines above its key. */
static void print_help(const struct at *at, const char *help)
{
    struct at line = *at;
    line.dash = false;
    while (*help != '\0') {
        size_t len = line_len(help, (size_t)(TEXT_COLUMN - at->indent - 3));
        print_indent(&line);
        fprintf(at->out, "# %.*s\n", (int)len, help);
        help += len;
        help += strspn(help, " ");
    }
}

static bool is_shown(const struct option *option)
{
    return option->def != NULL || (option->flags & (OPTION_REQUIRED | OPTION_SHOWN)) != 0;
}

/* A mapping all of whose keys are commented out would be an empty value. */
static bool has_shown(const struct option *table)
{
    for (const struct option *o = table; o->key != NULL; o++) {
        bool is_map = o->type == OPTION_MAP && (o->flags & OPTION_LIST) == 0;
        if (is_shown(o) || (is_map && has_shown(o->sub))) {
            return true;
        }
    }
    return false;
}

static void print_table(struct at at, const struct option *table);

/* Words by spaces become a list. */
static void print_flags(const struct at *at, const char *key, const char *words)
{
    print_indent(at);
    fprintf(at->out, "%s: [", key);
    for (; *words != '\0'; words++) {
        fputs(*words == ' ' ? ", " : (char[]){*words, '\0'}, at->out);
    }
    fputs("]\n", at->out);
}

/* Default text as YAML: what other tools would misread goes into quotes. */
static void print_value(const struct at *at, const struct option *option)
{
    const char *value = option->def != NULL ? option->def : option->example;
    bool is_url = option->type == OPTION_URL && strstr(value, "://") != NULL;
    bool quoted = option->def != NULL && (option->type == OPTION_HEX || is_url);
    print_indent(at);
    fprintf(at->out, quoted ? "%s: \"%s\"" : "%s: %s", option->key, value);
    if (option->def != NULL && option->example != NULL) {
        fprintf(at->out, " # for example %s", option->example);
    }
    fputc('\n', at->out);
}

/* The default, if any, and below it, commented out, what a mapping or an item holds. */
static void print_mapping(struct at at, const struct option *option)
{
    bool is_list = (option->flags & OPTION_LIST) != 0;
    bool shown = is_list ? is_shown(option) : has_shown(option->sub);
    if (option->def != NULL) {
        print_value(&at, option);
        at = commented_out(at);
    } else if (!shown) {
        at = commented_out(at);
    }
    print_indent(&at);
    fprintf(at.out, "%s:\n", option->key);
    at = inside(at, is_list ? 4 : 2);
    at.dash = is_list;
    print_table(at, option->sub);
}

static void print_option(struct at at, const struct option *option)
{
    print_help(&at, option->help);
    if (option->type == OPTION_MAP) {
        print_mapping(at, option);
    } else if (option->type == OPTION_FLAGS && option->def != NULL) {
        print_flags(&at, option->key, option->def);
    } else {
        at = is_shown(option) ? at : commented_out(at);
        print_value(&at, option);
    }
}

static void print_table(struct at at, const struct option *table)
{
    for (const struct option *o = table; o->key != NULL; o++) {
        print_option(at, o);
        at.dash = false;
    }
}

void sample_print(const struct config_kind *kind, FILE *out)
{
    fprintf(out,
            "# %s: every key with its default. Keys behind a # without a space have "
            "none, or\n"
            "# show what the items of a list hold. See %s(5).\n",
            kind->name, kind->page);
    print_table((struct at){.out = out, .off = -1}, kind->options);
}

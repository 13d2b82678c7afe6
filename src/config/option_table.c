/* SPDX-License-Identifier: MIT */
/* Questions about a table, and the walk that finds what this version does not honour. */
#include <stdio.h>
#include <string.h>

#include "config/option_walk.h"

const struct option *option_of(const struct option *table, const char *key, size_t len)
{
    for (; table->key != NULL; table++) {
        if (strlen(table->key) == len && memcmp(table->key, key, len) == 0) {
            return table;
        }
    }
    return NULL;
}

const struct option *option_find(const struct option *table, const char *path)
{
    const struct option *option = NULL;
    while (*path != '\0') {
        size_t len = strcspn(path, ".[");
        option = table != NULL ? option_of(table, path, len) : NULL;
        if (option == NULL) {
            return NULL;
        }
        table = option->sub;
        path += len;
        if (*path == '[') {
            path += strcspn(path, "]");
            path += *path == ']';
        }
        path += *path == '.';
    }
    return option;
}

const char *option_nearest(const struct option *table, const char *key)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (; table->key != NULL; table++) {
        size_t distance = option_distance(key, table->key);
        if (distance < best_distance && option_is_near(table->key, distance)) {
            best = table->key;
            best_distance = distance;
        }
    }
    return best;
}

const char *option_type_text(const struct option *option, char *text, size_t size)
{
    const struct option_type_info *info = option_type_info(option->type);
    bool is_list = (option->flags & OPTION_LIST) != 0;
    bool or_one = (option->flags & OPTION_ONE) != 0;
    snprintf(text, size, "%s%s%s%s%s", option->word != NULL ? option->word : "",
             option->word != NULL ? " or " : "", or_one ? info->noun : "",
             or_one ? " or " : "", is_list ? "list of " : "");
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s", is_list ? info->plural : info->noun);
    return text;
}

/* The release without its patch level: what a user knows it by. */
static const char *release_text(char text[static 32])
{
    snprintf(text, 32, "fuotad %s", FUO_VERSION);
    char *dot = strchr(text, '.');
    dot = dot != NULL ? strchr(dot + 1, '.') : NULL;
    if (dot != NULL) {
        *dot = '\0';
    }
    return text;
}

static void refuse_later(struct option_context *ctx, const struct node *node)
{
    char release[32];
    struct diag_place place = option_place(ctx, node);
    diag_error(ctx->diags, &place, "not supported by %s; remove it",
               release_text(release));
}

/* Equal in value, however written: "1h" is "60m". */
static bool same_value(const struct option *option, const char *a, const char *b)
{
    struct option_value x;
    struct option_value y;
    char message[OPTION_MESSAGE_SIZE];
    if (b == NULL || strcmp(a, b) == 0) {
        return b != NULL;
    }
    if (!option_is_scalar(option->type) || option_is_text(option->type) ||
        !option_parse(option, a, &x, message) || !option_parse(option, b, &y, message)) {
        return false;
    }
    return x.num == y.num && x.is_share == y.is_share;
}

static bool is_default(const struct option *option, const struct node *node)
{
    if (node->type == NODE_SCALAR) {
        return same_value(option, node->text, option->def);
    }
    return node->len == 0 && option->type != OPTION_FLAGS;
}

static bool names_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *w = words; *w != '\0'; w += strspn(w, " ")) {
        size_t w_len = strcspn(w, " ");
        if (w_len == len && memcmp(w, word, len) == 0) {
            return true;
        }
        w += w_len;
    }
    return false;
}

static void check_words(struct option_context *ctx, const struct option *option,
                        const struct node *node)
{
    if (node->type == NODE_SCALAR && names_word(option->later, node->text)) {
        refuse_later(ctx, node);
    }
    for (size_t i = 0; node->type == NODE_SEQUENCE && i < node->len; i++) {
        size_t mark = option_path_push_index(ctx, i);
        check_words(ctx, option, node->items[i]);
        option_path_pop(ctx, mark);
    }
}

static void check_option(struct option_context *ctx, const struct option *option,
                         const struct node *node)
{
    bool whole = option->later != NULL && strcmp(option->later, OPTION_LATER) == 0;
    if (whole && !is_default(option, node)) {
        refuse_later(ctx, node);
    } else if (!whole && option->later != NULL) {
        check_words(ctx, option, node);
    } else if (option->type == OPTION_MAP && node->type == NODE_MAPPING) {
        option_check_later(ctx, option->sub, node);
    }
    bool is_list = option->type == OPTION_MAP && node->type == NODE_SEQUENCE;
    for (size_t i = 0; is_list && !whole && i < node->len; i++) {
        size_t mark = option_path_push_index(ctx, i);
        option_check_later(ctx, option->sub, node->items[i]);
        option_path_pop(ctx, mark);
    }
}

void option_check_later(struct option_context *ctx, const struct option *table,
                        const struct node *node)
{
    for (const struct option *o = table; o->key != NULL; o++) {
        const struct node *value = node_get(node, o->key);
        if (value != NULL) {
            size_t mark = option_path_push(ctx, o->key);
            check_option(ctx, o, value);
            option_path_pop(ctx, mark);
        }
    }
}

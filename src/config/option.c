/* SPDX-License-Identifier: MIT */
#include "config/option.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "campaign/spec.h"
#include "config/option_text.h"
#include "config/option_walk.h"

/* ---- where we are ---- */

size_t option_path_push(struct option_context *ctx, const char *key)
{
    size_t mark = strlen(ctx->path);
    snprintf(ctx->path + mark, sizeof(ctx->path) - mark, "%s%.64s", mark != 0 ? "." : "",
             key);
    return mark;
}

size_t option_path_push_index(struct option_context *ctx, size_t index)
{
    size_t mark = strlen(ctx->path);
    snprintf(ctx->path + mark, sizeof(ctx->path) - mark, "[%zu]", index);
    return mark;
}

void option_path_pop(struct option_context *ctx, size_t mark)
{
    ctx->path[mark] = '\0';
}

struct diag_place option_place(const struct option_context *ctx, const struct node *node)
{
    return (struct diag_place){ctx->file, node->line, node->column, ctx->path};
}

static void wrong(struct option_context *ctx, const struct node *node, const char *text)
{
    struct diag_place place = option_place(ctx, node);
    diag_error(ctx->diags, &place, "%s", text);
}

/* ---- storing ---- */

static void store_int(void *at, size_t size, int64_t num)
{
    uint8_t u8 = (uint8_t)num;
    uint16_t u16 = (uint16_t)num;
    uint32_t u32 = (uint32_t)num;
    if (size == sizeof(u8)) {
        memcpy(at, &u8, size);
    } else if (size == sizeof(u16)) {
        memcpy(at, &u16, size);
    } else if (size == sizeof(u32)) {
        memcpy(at, &u32, size);
    } else {
        assert(size == sizeof(num));
        memcpy(at, &num, size);
    }
}

static void store_text(struct option_context *ctx, void *at, size_t size,
                       const char *text)
{
    if (size == SPEC_NAME_SIZE) {
        memset(at, 0, size);
        memcpy(at, text, strlen(text)); /* a DNS label fits */
        return;
    }
    assert(size == sizeof(const char *));
    const char *copy = arena_text(ctx->arena, text, strlen(text));
    memcpy(at, &copy, sizeof(copy));
}

static void store(struct option_context *ctx, const struct option *option, void *at,
                  const struct option_value *value)
{
    if (option->size == 0) {
        return; /* apiVersion, kind: checked and that is all */
    }
    if (option->type == OPTION_HEX) {
        int err = hex_decode(value->text, strlen(value->text), at, option->size);
        assert(err == FUO_OK);
        (void)err;
    } else if (option->type == OPTION_AMOUNT) {
        struct spec_amount amount = {0};
        *(value->is_share ? &amount.ppm : &amount.count) = (uint32_t)value->num;
        memcpy(at, &amount, sizeof(amount));
    } else if (option_is_text(option->type)) {
        store_text(ctx, at, option->size, value->text);
    } else {
        store_int(at, option->size, value->num);
    }
}

/* The special word: NULL, an empty list or a number outside the range. */
static void store_word(const struct option *option, void *at)
{
    bool is_list = (option->flags & OPTION_LIST) != 0;
    if (is_list || option->type == OPTION_MAP || option->type == OPTION_LABELS) {
        return; /* zeroed is empty */
    }
    if (option_is_text(option->type)) {
        memset(at, 0, option->size);
    } else {
        store_int(at, option->size, option->word_value);
    }
}

/* ---- one scalar ---- */

/* Other tools of the pipeline would damage it; we take the text as it stands. */
static void warn_unquoted(struct option_context *ctx, const struct option *option,
                          const struct node *node)
{
    bool fragile = option->type == OPTION_EUI || option->type == OPTION_VERSION ||
                   option->type == OPTION_HEX;
    bool numeric = fragile && text_looks_numeric(node->text);
    if (!node->quoted && (numeric || option->type == OPTION_TIME_OF_DAY)) {
        struct diag_place place = option_place(ctx, node);
        diag_warn(ctx->diags, &place,
                  "write \"%s\" in quotes: other tools read it as a number", node->text);
    }
}

static bool is_word(const struct option *option, const struct node *node)
{
    return option->word != NULL && node->type == NODE_SCALAR &&
           strcmp(option->word, node->text) == 0;
}

static bool is_absent(const struct node *node)
{
    return node->type == NODE_SCALAR && !node->quoted && node->len == 0;
}

static bool decode_scalar(struct option_context *ctx, const struct option *option,
                          const struct node *node, void *at)
{
    struct option_value value;
    char message[OPTION_MESSAGE_SIZE] = "";
    if (node->type == NODE_REFUSED) {
        return false;
    }
    if (is_absent(node)) {
        wrong(ctx, node, "has no value");
        return false;
    }
    if (node->type != NODE_SCALAR) {
        const char *noun = option_type_info(option->type)->noun;
        snprintf(message, sizeof(message), "must be %s %s, not a %s",
                 option_article(noun), noun,
                 node->type == NODE_MAPPING ? "mapping" : "list");
        wrong(ctx, node, message);
        return false;
    }
    if (!option_parse(option, node->text, &value, message)) {
        wrong(ctx, node, message);
        return false;
    }
    warn_unquoted(ctx, option, node);
    store(ctx, option, at, &value);
    return true;
}

/* ---- mappings of free keys ---- */

/* Labels are compared and printed: a small alphabet for the keys. */
static bool is_label_key(const char *key)
{
    size_t len = strlen(key);
    return len >= 1 && len <= 63 &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "0123456789._/-") == len;
}

static bool check_label(struct option_context *ctx, const struct node_entry *entry)
{
    const struct node *value = entry->value;
    if (value->type == NODE_REFUSED) {
        return false;
    }
    if (!is_label_key(entry->key->text)) {
        wrong(ctx, entry->key, "a label's name is 1 to 63 letters, digits and . _ / -");
        return false;
    }
    if (value->type != NODE_SCALAR || value->len > 255 ||
        !text_is_printable(value->text)) {
        wrong(ctx, value, "a label's value is a text of at most 255 characters");
        return false;
    }
    return true;
}

static struct option_slice decode_labels(struct option_context *ctx,
                                         const struct node *node)
{
    struct spec_label *labels = arena_array(ctx->arena, node->len, sizeof(*labels));
    size_t count = 0;
    for (size_t i = 0; i < node->len; i++) {
        const struct node_entry *entry = &node->entries[i];
        size_t mark = option_path_push(ctx, entry->key->text);
        if (check_label(ctx, entry)) {
            labels[count++] = (struct spec_label){
                arena_text(ctx->arena, entry->key->text, entry->key->len),
                arena_text(ctx->arena, entry->value->text, entry->value->len),
            };
        }
        option_path_pop(ctx, mark);
    }
    return (struct option_slice){count != 0 ? labels : NULL, count};
}

static struct option_slice decode_raw(struct option_context *ctx, const struct node *node)
{
    struct option_raw *raw = arena_array(ctx->arena, node->len, sizeof(*raw));
    size_t count = 0;
    for (size_t i = 0; i < node->len; i++) {
        const struct node *key = node->entries[i].key;
        const struct node *value = node->entries[i].value;
        size_t mark = option_path_push(ctx, key->text);
        if (value->type == NODE_SCALAR) {
            raw[count++] =
                (struct option_raw){arena_text(ctx->arena, key->text, key->len),
                                    arena_text(ctx->arena, value->text, value->len),
                                    value->line, value->column};
        } else if (value->type != NODE_REFUSED) {
            wrong(ctx, value, "must be a single value");
        }
        option_path_pop(ctx, mark);
    }
    return (struct option_slice){count != 0 ? raw : NULL, count};
}

/* ---- lists ---- */

static bool decode_item(struct option_context *ctx, const struct option *option,
                        const struct node *node, void *at)
{
    if (option->type != OPTION_MAP) {
        return decode_scalar(ctx, option, node, at);
    }
    if (node->type != NODE_MAPPING) {
        if (node->type != NODE_REFUSED) {
            wrong(ctx, node, "must be a mapping");
        }
        return false;
    }
    option_decode(ctx, option->sub, node, at);
    return true;
}

/* A lone scalar is a list of one where the option says so. */
static size_t list_items(const struct option *option, const struct node *const *node,
                         const struct node *const **items)
{
    if ((*node)->type == NODE_SEQUENCE) {
        *items = (*node)->items;
        return (*node)->len;
    }
    bool one = (*node)->type == NODE_SCALAR && (option->flags & OPTION_ONE) != 0;
    *items = node;
    return one ? 1 : SIZE_MAX;
}

static void decode_list(struct option_context *ctx, const struct option *option,
                        const struct node *node, void *at)
{
    const struct node *const *nodes;
    size_t len = list_items(option, &node, &nodes);
    if (len == SIZE_MAX) {
        wrong(ctx, node, "must be a list");
        return;
    }
    uint8_t *items = arena_array(ctx->arena, len, option->size);
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        bool indexed = node->type == NODE_SEQUENCE;
        size_t mark = indexed ? option_path_push_index(ctx, i) : strlen(ctx->path);
        count += decode_item(ctx, option, nodes[i], items + count * option->size);
        option_path_pop(ctx, mark);
    }
    if (len == 0 && (option->flags & OPTION_NOT_EMPTY) != 0) {
        wrong(ctx, node, "must not be empty");
    }
    struct option_slice slice = {count != 0 ? items : NULL, count};
    memcpy(at, &slice, sizeof(slice));
}

static void decode_flags(struct option_context *ctx, const struct option *option,
                         const struct node *node, void *at)
{
    const struct node *const *nodes;
    size_t len = list_items(option, &node, &nodes);
    if (len == SIZE_MAX) {
        wrong(ctx, node, "must be a list");
        return;
    }
    struct option word = {.type = OPTION_ENUM, .words = option->words, .size = 8};
    int64_t mask = 0;
    for (size_t i = 0; i < len; i++) {
        bool indexed = node->type == NODE_SEQUENCE;
        size_t mark = indexed ? option_path_push_index(ctx, i) : strlen(ctx->path);
        int64_t bit = 0;
        if (decode_scalar(ctx, &word, nodes[i], &bit)) {
            mask |= bit;
        }
        option_path_pop(ctx, mark);
    }
    if (len == 0 && (option->flags & OPTION_NOT_EMPTY) != 0) {
        wrong(ctx, node, "must not be empty");
    }
    store_int(at, option->size, mask);
}

/* ---- a table ---- */

static void decode_mapping(struct option_context *ctx, const struct option *option,
                           const struct node *node, void *at)
{
    struct option_slice slice = {0};
    if (node->type != NODE_MAPPING) {
        wrong(ctx, node, "must be a mapping");
    } else if (option->type == OPTION_MAP) {
        option_decode(ctx, option->sub, node, at);
        return;
    } else if (option->type == OPTION_LABELS) {
        slice = decode_labels(ctx, node);
    } else {
        slice = decode_raw(ctx, node);
    }
    if (option->type == OPTION_MAP) {
        option_decode(ctx, option->sub, NULL, at);
    } else {
        memcpy(at, &slice, sizeof(slice));
    }
}

static void default_flags(const struct option *option, void *at)
{
    int64_t mask = 0;
    for (const struct option_word *w = option->words; w->word != NULL; w++) {
        /* The words of the tables are no parts of each other. */
        mask |= strstr(option->def, w->word) != NULL ? w->value : 0;
    }
    store_int(at, option->size, mask);
}

static void apply_default(struct option_context *ctx, const struct option *option,
                          void *at)
{
    struct option_value value;
    char message[OPTION_MESSAGE_SIZE];
    bool is_list = (option->flags & OPTION_LIST) != 0;
    bool is_the_word = option->def != NULL && option->word != NULL &&
                       strcmp(option->def, option->word) == 0;
    if (option->type == OPTION_MAP && !is_list && !is_the_word) {
        option_decode(ctx, option->sub, NULL, at);
        return;
    }
    if (option->def == NULL || is_list) {
        return; /* zeroed; another key may share the field */
    }
    if (is_the_word) {
        store_word(option, at);
    } else if (option->type == OPTION_FLAGS) {
        default_flags(option, at);
    } else if (option_is_scalar(option->type)) {
        bool ok = option_parse(option, option->def, &value, message);
        assert(ok); /* every table is decoded by a test */
        (void)ok;
        store(ctx, option, at, &value);
    }
}

static void decode_option(struct option_context *ctx, const struct option *option,
                          const struct node *node, void *at)
{
    if (node->type == NODE_REFUSED) {
        apply_default(ctx, option, at);
    } else if (is_word(option, node)) {
        store_word(option, at);
    } else if ((option->flags & OPTION_LIST) != 0) {
        decode_list(ctx, option, node, at);
    } else if (option->type == OPTION_FLAGS) {
        decode_flags(ctx, option, node, at);
    } else if (option_is_scalar(option->type)) {
        apply_default(ctx, option, at);
        (void)decode_scalar(ctx, option, node, at);
    } else if (is_absent(node)) {
        wrong(ctx, node, "has no value");
        apply_default(ctx, option, at);
    } else {
        decode_mapping(ctx, option, node, at);
    }
}

static void report_missing(struct option_context *ctx, const struct option *option,
                           const struct node *node)
{
    if (node == NULL || (option->flags & OPTION_REQUIRED) == 0) {
        return; /* what holds it is absent, too: reported there, or it may be */
    }
    size_t mark = option_path_push(ctx, option->key);
    wrong(ctx, node, "is required");
    option_path_pop(ctx, mark);
}

static void report_unknown(struct option_context *ctx, const struct option *table,
                           const struct node *key)
{
    char known[256] = "";
    size_t len = 0;
    const char *near = option_nearest(table, key->text);
    struct diag_place place = option_place(ctx, key);
    if (near != NULL) {
        diag_error(ctx->diags, &place, "unknown key \"%.60s\"; did you mean \"%s\"?",
                   key->text, near);
        return;
    }
    for (const struct option *o = table; o->key != NULL && len < sizeof(known); o++) {
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
                                o == table ? "" : ", ", o->key);
    }
    diag_error(ctx->diags, &place, "unknown key \"%.60s\"; known here: %s", key->text,
               known);
}

static void report_unknown_keys(struct option_context *ctx, const struct option *table,
                                const struct node *node)
{
    for (size_t i = 0; node != NULL && i < node->len; i++) {
        const struct node *key = node->entries[i].key;
        if (option_of(table, key->text, key->len) == NULL) {
            report_unknown(ctx, table, key);
        }
    }
}

void option_decode(struct option_context *ctx, const struct option *table,
                   const struct node *node, void *base)
{
    for (const struct option *o = table; o->key != NULL; o++) {
        void *at = (uint8_t *)base + o->offset;
        const struct node *value = node_get(node, o->key);
        if (value == NULL) {
            report_missing(ctx, o, node);
            apply_default(ctx, o, at);
            continue;
        }
        size_t mark = option_path_push(ctx, o->key);
        decode_option(ctx, o, value, at);
        option_path_pop(ctx, mark);
    }
    report_unknown_keys(ctx, table, node);
}

/* SPDX-License-Identifier: MIT */
#include "config/plugin_options.h"

#include <stdio.h>
#include <string.h>

#include "config/option_value.h"

static enum option_type type_of(enum fuo_option_type type)
{
    switch (type) {
    case FUO_OPT_STRING:
    case FUO_OPT_SECRET:
        return OPTION_TEXT;
    case FUO_OPT_U32:
        return OPTION_U32;
    case FUO_OPT_BOOL:
        return OPTION_BOOL;
    case FUO_OPT_DURATION_US:
        return OPTION_DURATION;
    }
    return OPTION_TEXT;
}

static bool parse(const struct fuo_option *option, const char *text,
                  struct option_value *value, char message[static OPTION_MESSAGE_SIZE])
{
    struct option ours = {.key = option->key, .type = type_of(option->type)};
    if (option->type == FUO_OPT_STRING && text[0] == '\0') {
        *value = (struct option_value){.text = text}; /* an empty default */
        return true;
    }
    return option_parse(&ours, text, value, message);
}

static void store(struct fleet_doc *doc, const struct fuo_option *option,
                  const struct option_value *value, void *config)
{
    void *at = (char *)config + option->offset;
    bool flag = value->num != 0;
    uint32_t u32 = (uint32_t)value->num;
    if (value->text != NULL) {
        const char *copy = arena_text(&doc->doc.arena, value->text, strlen(value->text));
        memcpy(at, &copy, sizeof(copy));
    } else if (option->type == FUO_OPT_BOOL) {
        memcpy(at, &flag, sizeof(flag));
    } else if (option->type == FUO_OPT_U32) {
        memcpy(at, &u32, sizeof(u32));
    } else {
        memcpy(at, &value->num, sizeof(value->num));
    }
}

static const struct option_raw *find_raw(const struct fleet_doc *doc, const char *key)
{
    for (size_t i = 0; i < doc->option_count; i++) {
        if (strcmp(doc->options[i].key, key) == 0) {
            return &doc->options[i];
        }
    }
    return NULL;
}

static void decode_one(const struct fuo_option *option, struct fleet_doc *doc,
                       void *config, struct diag_list *diags)
{
    char path[128];
    char message[OPTION_MESSAGE_SIZE];
    struct option_value value;
    const struct option_raw *raw = find_raw(doc, option->key);
    const char *text = raw != NULL ? raw->value : option->def;
    snprintf(path, sizeof(path), "spec.networkServer.options.%.60s", option->key);
    struct diag_place place = config_place(&doc->doc, path);
    if (text == NULL) {
        diag_error(diags, &place, "is required by the plugin %s", doc->plugin);
    } else if (parse(option, text, &value, message)) {
        store(doc, option, &value, config);
    } else if (option->type == FUO_OPT_SECRET) {
        diag_error(diags, &place, "is not usable");
    } else {
        diag_error(diags, &place, "%s", message);
    }
}

static const char *nearest(const struct fuo_option *table, const char *key)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (; table != NULL && table->key != NULL; table++) {
        size_t distance = option_distance(key, table->key);
        if (distance < best_distance && option_is_near(table->key, distance)) {
            best = table->key;
            best_distance = distance;
        }
    }
    return best;
}

static bool is_known(const struct fuo_option *table, const char *key)
{
    for (; table != NULL && table->key != NULL; table++) {
        if (strcmp(table->key, key) == 0) {
            return true;
        }
    }
    return false;
}

static void report_unknown(const struct fuo_option *table, const struct fleet_doc *doc,
                           const struct option_raw *raw, struct diag_list *diags)
{
    const char *near = nearest(table, raw->key);
    struct diag_place place = {doc->doc.file, raw->line, raw->column,
                               "spec.networkServer.options"};
    diag_error(diags, &place, "the plugin %s has no option \"%.60s\"%s%s%s", doc->plugin,
               raw->key, near != NULL ? "; did you mean \"" : "",
               near != NULL ? near : "", near != NULL ? "\"?" : "");
}

int plugin_options_decode(const struct fuo_option *table, struct fleet_doc *doc,
                          void *config, struct diag_list *diags)
{
    size_t errors = diags->error_count;
    for (const struct fuo_option *o = table; o != NULL && o->key != NULL; o++) {
        decode_one(o, doc, config, diags);
    }
    for (size_t i = 0; i < doc->option_count; i++) {
        if (!is_known(table, doc->options[i].key)) {
            report_unknown(table, doc, &doc->options[i], diags);
        }
    }
    diag_list_sort(diags);
    return diags->error_count == errors ? FUO_OK : FUO_EINVAL;
}

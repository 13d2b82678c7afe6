/* SPDX-License-Identifier: MIT */
#include "plugin/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "plugin/nearest.h"

enum {
    TEXT_SIZE = 256,
    KEY_SHOWN = 100, /* of a key, however long */
    VALUE_MAX = 1024,
    OPTION_MAX = 64,
};

struct plugin_options {
    const struct fuo_option *table; /* borrowed; NULL: no options */
    void *config;
    size_t config_size;
};

struct parse {
    void (*report)(void *arg, size_t index, const char *text);
    void *arg;
    size_t problem_count;
};

static void problem(struct parse *p, size_t index, const char *key, const char *text)
{
    char line[TEXT_SIZE + KEY_SHOWN + 3];
    snprintf(line, sizeof(line), "%.*s: %s", KEY_SHOWN, key, text);
    p->problem_count++;
    if (p->report != NULL) {
        p->report(p->arg, index, line);
    }
}

/* ---- values ---- */

/* Decimal digits at *text, which moves on. false: none, or above UINT64_MAX. */
static bool digits(const char **text, uint64_t *value)
{
    const char *p = *text;
    uint64_t v = 0;
    while (*p >= '0' && *p <= '9') {
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) {
            return false;
        }
        p++;
    }
    if (p == *text) {
        return false;
    }
    *text = p;
    *value = v;
    return true;
}

static bool unit_us(const char *text, int64_t *us)
{
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {
        {"us", 1},
        {"ms", 1000},
        {"s", 1000000},
        {"m", 60 * INT64_C(1000000)},
        {"h", 3600 * INT64_C(1000000)},
        {"d", 86400 * INT64_C(1000000)},
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text, units[i].unit) == 0) {
            *us = units[i].us;
            return true;
        }
    }
    return false;
}

/* ".5" as a millionth part of a unit, at most six digits. */
static bool fraction_ppm(const char **text, int64_t *ppm)
{
    *ppm = 0;
    if (**text != '.') {
        return true;
    }
    int64_t weight = 100000;
    const char *p = *text + 1;
    for (; *p >= '0' && *p <= '9' && weight > 0; p++) {
        *ppm += (*p - '0') * weight;
        weight /= 10;
    }
    bool some = p != *text + 1;
    *text = p;
    return some;
}

int option_parse_duration_us(const char *text, int64_t *us)
{
    uint64_t whole;
    int64_t ppm;
    int64_t unit = 0;
    const char *p = text;
    if (strcmp(text, "0") == 0) {
        *us = 0;
        return FUO_OK;
    }
    if (!digits(&p, &whole) || !fraction_ppm(&p, &ppm) || !unit_us(p, &unit)) {
        return FUO_EINVAL;
    }
    int64_t total;
    if (whole > INT64_MAX || __builtin_mul_overflow((int64_t)whole, unit, &total) ||
        __builtin_add_overflow(total, ppm * unit / 1000000, &total)) {
        return FUO_ERANGE;
    }
    *us = total;
    return FUO_OK;
}

static const char *set_u32(const char *value, uint32_t *out)
{
    uint64_t v;
    const char *p = value;
    if (!digits(&p, &v) || *p != '\0' || v > UINT32_MAX) {
        return "a number from 0 to 4294967295 is expected";
    }
    *out = (uint32_t)v;
    return NULL;
}

static const char *set_bool(const char *value, bool *out)
{
    *out = strcmp(value, "true") == 0;
    return *out || strcmp(value, "false") == 0 ? NULL : "true or false is expected";
}

static const char *set_text(const char *value, char **out)
{
    if (strnlen(value, VALUE_MAX + 1) > VALUE_MAX) {
        return "too long";
    }
    *out = strdup(value);
    return *out != NULL ? NULL : fuo_strerror(FUO_ENOMEM);
}

/* NULL: done; else what is wrong, without the value. */
static const char *set(const struct fuo_option *o, const char *value, void *config)
{
    void *at = (char *)config + o->offset;
    switch (o->type) {
    case FUO_OPT_STRING:
    case FUO_OPT_SECRET:
        return set_text(value, at);
    case FUO_OPT_U32:
        return set_u32(value, at);
    case FUO_OPT_BOOL:
        return set_bool(value, at);
    case FUO_OPT_DURATION_US:
        return option_parse_duration_us(value, at) == FUO_OK
                   ? NULL
                   : "a duration is expected, as in 5s or 700ms";
    }
    return "of a type that is not known here";
}

/* ---- the table ---- */

static size_t find(const struct fuo_option *table, const char *key)
{
    size_t i = 0;
    while (table != NULL && table[i].key != NULL && strcmp(table[i].key, key) != 0) {
        i++;
    }
    return table != NULL && table[i].key != NULL ? i : OPTION_MAX;
}

static void unknown(struct parse *p, const struct fuo_option *table, size_t index,
                    const char *key)
{
    char text[TEXT_SIZE];
    const char *best = NULL;
    for (size_t i = 0; table != NULL && table[i].key != NULL; i++) {
        best = nearest_of(key, best, table[i].key);
    }
    snprintf(text, sizeof(text), "unknown option%s%s%s",
             best != NULL ? "; did you mean " : "", best != NULL ? best : "",
             best != NULL ? "?" : "");
    problem(p, index, key, text);
}

static void set_pairs(struct parse *p, const struct option_pair *pairs, size_t count,
                      struct plugin_options *o, bool *given)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = find(o->table, pairs[i].key);
        if (at == OPTION_MAX) {
            unknown(p, o->table, i, pairs[i].key);
            continue;
        }
        if (given[at]) {
            problem(p, i, pairs[i].key, "given twice");
            continue;
        }
        given[at] = true;
        const char *wrong = set(&o->table[at], pairs[i].value, o->config);
        if (wrong != NULL) {
            problem(p, i, pairs[i].key, wrong);
        }
    }
}

static void set_defaults(struct parse *p, size_t count, struct plugin_options *o,
                         const bool *given)
{
    for (size_t i = 0; o->table != NULL && o->table[i].key != NULL; i++) {
        if (given[i]) {
            continue;
        }
        const char *def = o->table[i].def;
        const char *wrong = def == NULL ? "missing" : set(&o->table[i], def, o->config);
        if (wrong != NULL) {
            problem(p, count, o->table[i].key, wrong);
        }
    }
}

int plugin_options_parse(const struct fuo_ns_plugin *plugin,
                         const struct option_pair *pairs, size_t count,
                         void (*report)(void *arg, size_t index, const char *text),
                         void *arg, struct plugin_options **options)
{
    bool given[OPTION_MAX] = {false};
    struct parse p = {.report = report, .arg = arg};
    struct plugin_options *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        return FUO_ENOMEM;
    }
    o->table = plugin->options;
    o->config_size = plugin->config_size;
    o->config = calloc(1, plugin->config_size + 1);
    if (o->config == NULL) {
        plugin_options_destroy(o);
        return FUO_ENOMEM;
    }
    set_pairs(&p, pairs, count, o, given);
    set_defaults(&p, count, o, given);
    if (p.problem_count > 0) {
        plugin_options_destroy(o);
        return FUO_EINVAL;
    }
    *options = o;
    return FUO_OK;
}

const void *plugin_options_config(const struct plugin_options *options)
{
    return options->config;
}

static void free_values(struct plugin_options *o)
{
    for (size_t i = 0; o->table != NULL && o->table[i].key != NULL; i++) {
        if (o->table[i].type != FUO_OPT_STRING && o->table[i].type != FUO_OPT_SECRET) {
            continue;
        }
        char *text;
        memcpy(&text, (char *)o->config + o->table[i].offset, sizeof(text));
        if (text != NULL) {
            explicit_bzero(text, strlen(text));
        }
        free(text);
    }
}

void plugin_options_destroy(struct plugin_options *options)
{
    if (options == NULL) {
        return;
    }
    if (options->config != NULL) {
        free_values(options);
    }
    free(options->config);
    free(options);
}

/* SPDX-License-Identifier: MIT */
#include "codec/lwm2m_value.h"

#include "codec/base64.h"
#include "codec/decimal.h"

enum {
    LINK_DIGITS = 5,
    LINK_MAX = 65535,
};

static const char *const names[LWM2M_TYPE_COUNT] = {
    "unknown", "string", "integer", "float", "boolean", "opaque", "time", "link",
};

const char *lwm2m_type_name(enum lwm2m_type type)
{
    return (unsigned)type < LWM2M_TYPE_COUNT ? names[type] : names[LWM2M_UNKNOWN];
}

static bool is_word(const char *text, size_t len, const char *word)
{
    size_t i = 0;
    while (i < len && word[i] != '\0' && text[i] == word[i]) {
        i++;
    }
    return i == len && word[i] == '\0';
}

bool lwm2m_type_find(const char *name, size_t len, enum lwm2m_type *type)
{
    for (unsigned i = LWM2M_STRING; i < LWM2M_TYPE_COUNT; i++) {
        if (is_word(name, len, names[i])) {
            *type = (enum lwm2m_type)i;
            return true;
        }
    }
    return false;
}

/* ---- lists ---- */

static void fit(const struct lwm2m_path *path, struct lwm2m_value *value)
{
    enum lwm2m_type type = lwm2m_type_of(path);
    if (value->type == LWM2M_INTEGER && type == LWM2M_TIME) {
        value->type = LWM2M_TIME;
    } else if (value->type == LWM2M_INTEGER && type == LWM2M_FLOAT) {
        value->type = LWM2M_FLOAT;
        value->real = (double)value->integer;
    } else if (value->type == LWM2M_FLOAT && value->real >= -1e15 &&
               value->real <= 1e15 && (double)(int64_t)value->real == value->real &&
               (type == LWM2M_INTEGER || type == LWM2M_TIME)) {
        value->type = type; /* 100.0 */
        value->integer = (int64_t)value->real;
    }
}

int lwm2m_list_add(struct lwm2m_list *list, const struct lwm2m_path *path,
                   const struct lwm2m_value *value)
{
    if (list->count == list->cap) {
        return FUO_ENOSPC;
    }
    struct lwm2m_entry *entry = &list->entries[list->count++];
    *entry = (struct lwm2m_entry){*path, *value};
    fit(path, &entry->value);
    return FUO_OK;
}

/* ---- text ---- */

static int parse_number(enum lwm2m_type type, const char *text, size_t len,
                        struct lwm2m_value *value)
{
    struct decimal number;
    int err = decimal_parse(text, len, &number);
    if (err != FUO_OK) {
        return err;
    }
    if (type != LWM2M_FLOAT && !number.is_integer) {
        return FUO_EPROTO;
    }
    *value = (struct lwm2m_value){
        .type = type, .integer = number.integer, .real = number.real};
    return FUO_OK;
}

static int parse_boolean(const char *text, size_t len, struct lwm2m_value *value)
{
    bool yes = is_word(text, len, "1") || is_word(text, len, "true");
    if (!yes && !is_word(text, len, "0") && !is_word(text, len, "false")) {
        return FUO_EPROTO;
    }
    *value = (struct lwm2m_value){.type = LWM2M_BOOLEAN, .integer = yes};
    return FUO_OK;
}

static int parse_id(const char *text, size_t len, uint16_t *id)
{
    struct decimal number;
    bool good = len > 0 && len <= LINK_DIGITS &&
                decimal_parse(text, len, &number) == FUO_OK && number.is_integer &&
                number.integer >= 0 && number.integer <= LINK_MAX;
    if (good) {
        *id = (uint16_t)number.integer;
    }
    return good ? FUO_OK : FUO_EPROTO;
}

/* "33629:1" */
static int parse_link(const char *text, size_t len, struct lwm2m_value *value)
{
    struct lwm2m_value read = {.type = LWM2M_LINK};
    size_t colon = 0;
    while (colon < len && text[colon] != ':') {
        colon++;
    }
    if (colon == len || parse_id(text, colon, &read.object) != FUO_OK ||
        parse_id(text + colon + 1, len - colon - 1, &read.instance) != FUO_OK) {
        return FUO_EPROTO;
    }
    *value = read;
    return FUO_OK;
}

static int parse_opaque(const char *text, size_t len, struct wr *scratch,
                        struct lwm2m_value *value)
{
    size_t begin = scratch->len;
    int err = base64_decode(text, len, scratch);
    if (err == FUO_OK) {
        *value = (struct lwm2m_value){.type = LWM2M_OPAQUE,
                                      .bytes = scratch->base + begin,
                                      .len = scratch->len - begin};
    }
    return err;
}

static struct lwm2m_value string_of(const char *text, size_t len)
{
    return (struct lwm2m_value){
        .type = LWM2M_STRING, .bytes = (const uint8_t *)text, .len = len};
}

static void guess(const char *text, size_t len, struct lwm2m_value *value)
{
    struct decimal number;
    bool word = is_word(text, len, "true") || is_word(text, len, "false");
    if (decimal_parse(text, len, &number) == FUO_OK) {
        *value =
            (struct lwm2m_value){.type = number.is_integer ? LWM2M_INTEGER : LWM2M_FLOAT,
                                 .integer = number.is_integer ? number.integer : 0,
                                 .real = number.real};
    } else if (!word || parse_boolean(text, len, value) != FUO_OK) {
        *value = string_of(text, len);
    }
}

int lwm2m_value_parse(enum lwm2m_type type, const char *text, size_t len,
                      struct wr *scratch, struct lwm2m_value *value)
{
    switch (type) {
    case LWM2M_UNKNOWN:
        guess(text, len, value);
        return FUO_OK;
    case LWM2M_STRING:
        *value = string_of(text, len);
        return FUO_OK;
    case LWM2M_INTEGER:
    case LWM2M_TIME:
    case LWM2M_FLOAT:
        return parse_number(type, text, len, value);
    case LWM2M_BOOLEAN:
        return parse_boolean(text, len, value);
    case LWM2M_OPAQUE:
        return parse_opaque(text, len, scratch, value);
    case LWM2M_LINK:
        return parse_link(text, len, value);
    }
    return FUO_EPROTO;
}

static void put_int(struct wr *w, int64_t number)
{
    char text[DECIMAL_TEXT_SIZE];
    wr_bytes(w, (const uint8_t *)text, decimal_format_int(number, text));
}

void lwm2m_value_format(const struct lwm2m_value *value, struct wr *w)
{
    char text[DECIMAL_TEXT_SIZE];
    switch (value->type) {
    case LWM2M_UNKNOWN:
        break;
    case LWM2M_STRING:
        wr_bytes(w, value->bytes, value->len);
        break;
    case LWM2M_INTEGER:
    case LWM2M_TIME:
    case LWM2M_BOOLEAN:
        put_int(w, value->integer);
        break;
    case LWM2M_FLOAT:
        wr_bytes(w, (const uint8_t *)text, decimal_format(value->real, text));
        break;
    case LWM2M_OPAQUE:
        base64_put(w, value->bytes, value->len);
        break;
    case LWM2M_LINK:
        put_int(w, value->object);
        wr_u8(w, ':');
        put_int(w, value->instance);
        break;
    }
}

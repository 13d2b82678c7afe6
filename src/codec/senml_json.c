/* SPDX-License-Identifier: MIT */
/* senml_json.c - content formats 110 (RFC 8428, section 5) and 11543 (LwM2M 1.0, 6.4.4), and as
 * much of JSON (RFC 8259). */
#include "codec/base64.h"
#include "codec/decimal.h"
#include "codec/senml.h"

enum {
    DEPTH_MAX = 16, /* of what is passed over */
    KEY_MAX = 16,
};

/* What a record calls its values; numbers are "v". */
struct words {
    const char *boolean;
    const char *string;
    const char *opaque;
    const char *link;
};

static const struct words senml_words = {"vb", "vs", "vd", "vlo"};
static const struct words oma_words = {"bv", "sv", "",
                                       "ov"}; /* opaque is a string there */

struct cursor {
    const struct words *words;
    const char *p;
    const char *end;
    struct wr *scratch; /* for unpacked texts */
    int err;
};

/* A string, unpacked. */
struct text {
    const uint8_t *bytes;
    size_t len;
};

static void fail(struct cursor *c, int err)
{
    c->err = c->err != FUO_OK ? c->err : err;
}

static void skip_space(struct cursor *c)
{
    while (c->p < c->end &&
           (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r')) {
        c->p++;
    }
}

/* The next character that is no space; 0 at the end. */
static char peek(struct cursor *c)
{
    skip_space(c);
    if (c->p == c->end || c->err != FUO_OK) {
        return '\0';
    }
    return *c->p;
}

static bool take(struct cursor *c, char wanted)
{
    bool there = peek(c) == wanted;
    c->p += there;
    return there;
}

static void expect(struct cursor *c, char wanted)
{
    if (!take(c, wanted)) {
        fail(c, c->p == c->end ? FUO_ESHORT : FUO_EPROTO);
    }
}

/* ---- strings ---- */

static uint32_t take_hex4(struct cursor *c)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char x = '\0';
        if (c->p < c->end) {
            x = *c->p++;
        } else {
            fail(c, FUO_ESHORT);
        }
        uint32_t digit = x >= '0' && x <= '9'   ? (uint32_t)(x - '0')
                         : x >= 'a' && x <= 'f' ? (uint32_t)(x - 'a' + 10)
                         : x >= 'A' && x <= 'F' ? (uint32_t)(x - 'A' + 10)
                                                : 16;
        if (digit > 15) {
            fail(c, FUO_EPROTO);
        }
        value = value << 4 | (digit & 15);
    }
    return value;
}

static void put_utf8(struct wr *w, uint32_t code)
{
    if (code < 0x80) {
        wr_u8(w, (uint8_t)code);
    } else if (code < 0x800) {
        wr_u8(w, (uint8_t)(0xc0 | code >> 6));
        wr_u8(w, (uint8_t)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        wr_u8(w, (uint8_t)(0xe0 | code >> 12));
        wr_u8(w, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        wr_u8(w, (uint8_t)(0x80 | (code & 0x3f)));
    } else {
        wr_u8(w, (uint8_t)(0xf0 | code >> 18));
        wr_u8(w, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        wr_u8(w, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        wr_u8(w, (uint8_t)(0x80 | (code & 0x3f)));
    }
}

/* The second half of a pair of surrogates: "\udc00". */
static uint32_t take_low(struct cursor *c)
{
    static const char begin[] = "\\u";
    for (size_t i = 0; i < 2; i++) {
        if (c->p == c->end || *c->p != begin[i]) {
            fail(c, c->p == c->end ? FUO_ESHORT : FUO_EPROTO);
            return 0;
        }
        c->p++;
    }
    return take_hex4(c);
}

/* Behind "\u"; a pair of surrogates is one character. */
static void take_unicode(struct cursor *c)
{
    uint32_t code = take_hex4(c);
    if (code >= 0xd800 && code < 0xdc00) {
        uint32_t low = take_low(c);
        code = low >= 0xdc00 && low < 0xe000
                   ? 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00)
                   : 0xd800;
    }
    if (code >= 0xd800 && code < 0xe000) {
        fail(c, FUO_EPROTO);
    }
    put_utf8(c->scratch, code);
}

static void take_escape(struct cursor *c)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    char x = '\0';
    if (c->p < c->end) {
        x = *c->p++;
    }
    if (x == 'u') {
        take_unicode(c);
        return;
    }
    for (size_t i = 0; i < sizeof(from) - 1; i++) {
        if (x == from[i]) {
            wr_u8(c->scratch, (uint8_t)to[i]);
            return;
        }
    }
    fail(c, c->p == c->end ? FUO_ESHORT : FUO_EPROTO);
}

static struct text take_string(struct cursor *c)
{
    size_t begin = c->scratch->len;
    expect(c, '"');
    while (c->err == FUO_OK && c->p < c->end && *c->p != '"') {
        char x = *c->p++;
        if (x == '\\') {
            take_escape(c);
        } else if ((unsigned char)x < 0x20) {
            fail(c, FUO_EPROTO);
        } else {
            wr_u8(c->scratch, (uint8_t)x);
        }
    }
    if (c->p == c->end) {
        fail(c, FUO_ESHORT);
    } else {
        c->p++;
    }
    fail(c, c->scratch->err);
    return c->err == FUO_OK
               ? (struct text){c->scratch->base + begin, c->scratch->len - begin}
               : (struct text){NULL, 0};
}

static bool is(const struct text *text, const char *key)
{
    size_t i = 0;
    while (i < text->len && key[i] != '\0' && text->bytes[i] == (uint8_t)key[i]) {
        i++;
    }
    return i == text->len && key[i] == '\0';
}

/* ---- other values ---- */

static struct text take_token(struct cursor *c)
{
    (void)peek(c);
    const char *begin = c->p;
    while (c->p < c->end &&
           ((*c->p >= 'a' && *c->p <= 'z') || (*c->p >= '0' && *c->p <= '9') ||
            *c->p == '-' || *c->p == '+' || *c->p == '.' || *c->p == 'E')) {
        c->p++;
    }
    return (struct text){(const uint8_t *)begin, (size_t)(c->p - begin)};
}

static struct lwm2m_value take_number(struct cursor *c)
{
    struct lwm2m_value value = {.type = LWM2M_INTEGER};
    struct decimal number = {.is_integer = true};
    struct text token = take_token(c);
    int err = decimal_parse((const char *)token.bytes, token.len, &number);
    fail(c, err == FUO_OK || c->p < c->end ? err : FUO_ESHORT);
    value.type = number.is_integer ? LWM2M_INTEGER : LWM2M_FLOAT;
    value.integer = number.integer;
    value.real = number.real;
    return value;
}

static bool take_bool(struct cursor *c)
{
    struct text token = take_token(c);
    bool yes = is(&token, "true");
    if (!yes && !is(&token, "false")) {
        fail(c, c->p == c->end ? FUO_ESHORT : FUO_EPROTO);
    }
    return yes;
}

static void skip_scalar(struct cursor *c)
{
    if (peek(c) == '"') {
        struct wr kept = *c->scratch;
        (void)take_string(c);
        *c->scratch = kept;
        return;
    }
    struct text token = take_token(c);
    struct decimal number;
    bool good = is(&token, "true") || is(&token, "false") || is(&token, "null") ||
                decimal_parse((const char *)token.bytes, token.len, &number) == FUO_OK;
    if (!good) {
        fail(c, c->p == c->end ? FUO_ESHORT : FUO_EPROTO);
    }
}

/* What arrays and objects that are passed over end with, outermost first. */
struct nest {
    char closing[DEPTH_MAX];
    size_t depth;
};

static void skip_token(struct cursor *c, struct nest *n)
{
    char next = peek(c);
    bool opens = next == '{' || next == '[';
    if (opens && n->depth == DEPTH_MAX) {
        fail(c, FUO_EPROTO);
    } else if (opens) {
        c->p++;
        n->closing[n->depth++] = next == '{' ? '}' : ']';
    } else if (n->depth > 0 && next == n->closing[n->depth - 1]) {
        c->p++;
        n->depth--;
    } else if (n->depth > 0 && (next == ',' || next == ':')) {
        c->p++;
    } else {
        skip_scalar(c);
    }
}

/* A value of whatever kind. Commas and colons are not looked at closely. */
static void skip_value(struct cursor *c)
{
    struct nest n = {.depth = 0};
    do {
        skip_token(c, &n);
    } while (n.depth > 0 && c->err == FUO_OK);
}

/* ---- records ---- */

static void take_text_value(struct cursor *c, enum lwm2m_type type,
                            struct lwm2m_value *value)
{
    struct text text = take_string(c);
    if (c->err == FUO_OK) {
        fail(c, lwm2m_value_parse(type, (const char *)text.bytes, text.len, c->scratch,
                                  value));
    }
}

/* False: it is no value. */
static bool take_value(struct cursor *c, const struct text *key,
                       struct lwm2m_value *value)
{
    if (is(key, "v")) {
        *value = take_number(c);
    } else if (is(key, c->words->boolean)) {
        *value = (struct lwm2m_value){.type = LWM2M_BOOLEAN, .integer = take_bool(c)};
    } else if (is(key, c->words->string)) {
        take_text_value(c, LWM2M_STRING, value);
    } else if (key->len > 0 && is(key, c->words->opaque)) {
        take_text_value(c, LWM2M_OPAQUE, value);
    } else if (is(key, c->words->link)) {
        take_text_value(c, LWM2M_LINK, value);
    } else {
        return false;
    }
    return true;
}

static void take_pair(struct cursor *c, struct senml_record *record)
{
    struct text key = take_string(c);
    expect(c, ':');
    if (c->err != FUO_OK) {
        return;
    }
    if (is(&key, "bn") || is(&key, "n")) {
        struct text name = take_string(c);
        bool base = key.len == 2;
        record->has_base |= base;
        *(base ? &record->base : &record->name) = name.bytes;
        *(base ? &record->base_len : &record->name_len) = name.len;
    } else if (take_value(c, &key, &record->value)) {
        record->has_value = true;
    } else if (is(&key, "bv") || is(&key, "bs") || is(&key, "s") ||
               (key.len > 0 && key.bytes[key.len - 1] == '_')) {
        fail(c, FUO_ENOTSUP);
    } else {
        skip_value(c);
    }
}

static void take_record(struct cursor *c, struct senml *senml)
{
    struct senml_record record = {.has_base = false};
    expect(c, '{');
    if (!take(c, '}')) {
        do {
            take_pair(c, &record);
        } while (take(c, ','));
        expect(c, '}');
    }
    if (c->err == FUO_OK) {
        fail(c, senml_take(senml, &record));
    }
}

static void take_records(struct cursor *c, struct senml *senml)
{
    expect(c, '[');
    if (!take(c, ']')) {
        do {
            take_record(c, senml);
        } while (take(c, ','));
        expect(c, ']');
    }
}

static void expect_end(struct cursor *c)
{
    (void)peek(c);
    if (c->p != c->end) {
        fail(c, FUO_EPROTO);
    }
}

int senml_json_read(const uint8_t *bytes, size_t len, struct lwm2m_list *list)
{
    const char *text = (const char *)bytes;
    struct cursor c = {
        .words = &senml_words, .p = text, .end = text + len, .scratch = &list->scratch};
    struct senml senml = {.list = list};
    take_records(&c, &senml);
    expect_end(&c);
    return c.err;
}

/* ---- LwM2M 1.0 ---- */

static void take_base(struct cursor *c, struct senml *senml)
{
    struct text text = take_string(c);
    if (text.len > sizeof(senml->base)) {
        fail(c, FUO_EPROTO);
    } else if (text.len > 0) {
        memcpy(senml->base, text.bytes, text.len);
    }
    senml->base_len = text.len <= sizeof(senml->base) ? text.len : 0;
}

/* The base name, wherever it is; or the records under it. */
static void take_top(struct cursor *c, struct senml *senml, bool records)
{
    expect(c, '{');
    if (take(c, '}')) {
        return;
    }
    do {
        struct text key = take_string(c);
        expect(c, ':');
        if (records && is(&key, "e")) {
            take_records(c, senml);
        } else if (!records && is(&key, "bn")) {
            take_base(c, senml);
        } else {
            skip_value(c);
        }
    } while (c->err == FUO_OK && take(c, ','));
    expect(c, '}');
}

/* Opaque is base64 in a string; what is none stays one. */
static int unpack(struct lwm2m_list *list, size_t from)
{
    int err = FUO_OK;
    for (size_t i = from; i < list->count && err != FUO_ENOSPC; i++) {
        struct lwm2m_value *v = &list->entries[i].value;
        if (v->type == LWM2M_STRING &&
            lwm2m_type_of(&list->entries[i].path) == LWM2M_OPAQUE) {
            struct lwm2m_value opaque;
            err = lwm2m_value_parse(LWM2M_OPAQUE, (const char *)v->bytes, v->len,
                                    &list->scratch, &opaque);
            *v = err == FUO_OK ? opaque : *v;
        }
    }
    return err == FUO_ENOSPC ? err : FUO_OK;
}

int senml_oma_read(const struct lwm2m_path *asked, const uint8_t *bytes, size_t len,
                   struct lwm2m_list *list)
{
    const char *text = (const char *)bytes;
    struct wr scratch = list->scratch;
    struct cursor c = {
        .words = &oma_words, .p = text, .end = text + len, .scratch = &scratch};
    struct senml senml = {.list = list};
    size_t before = list->count;
    senml.base_len = senml_base(asked, (char *)senml.base);
    if (senml.base[senml.base_len - 1] != '/') {
        senml.base[senml.base_len++] = '/';
    }
    take_top(&c, &senml, false);
    expect_end(&c);
    c.p = text;
    c.scratch = &list->scratch;
    if (c.err == FUO_OK) {
        take_top(&c, &senml, true);
    }
    return c.err == FUO_OK ? unpack(list, before) : c.err;
}

/* ---- writing ---- */

static void put(struct wr *w, const char *text)
{
    while (*text != '\0') {
        wr_u8(w, (uint8_t)*text++);
    }
}

static void put_string(struct wr *w, const uint8_t *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    wr_u8(w, '"');
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\') {
            wr_u8(w, '\\');
        }
        if (bytes[i] < 0x20) {
            put(w, "\\u00");
            wr_u8(w, (uint8_t)hex[bytes[i] >> 4]);
            wr_u8(w, (uint8_t)hex[bytes[i] & 15]);
        } else {
            wr_u8(w, bytes[i]);
        }
    }
    wr_u8(w, '"');
}

static void put_value(struct wr *w, const struct lwm2m_value *v)
{
    switch (v->type) {
    case LWM2M_INTEGER:
    case LWM2M_TIME:
    case LWM2M_FLOAT:
        put(w, "\"v\":");
        lwm2m_value_format(v, w);
        break;
    case LWM2M_BOOLEAN:
        put(w, v->integer != 0 ? "\"vb\":true" : "\"vb\":false");
        break;
    case LWM2M_OPAQUE:
        put(w, "\"vd\":\"");
        base64_url_put(w, v->bytes, v->len);
        put(w, "\"");
        break;
    case LWM2M_LINK:
        put(w, "\"vlo\":\"");
        lwm2m_value_format(v, w);
        put(w, "\"");
        break;
    case LWM2M_UNKNOWN:
    case LWM2M_STRING:
        put(w, "\"vs\":");
        put_string(w, v->bytes, v->len);
        break;
    }
}

void senml_json_write(struct wr *w, const struct lwm2m_path *base,
                      const struct lwm2m_entry *entries, size_t count)
{
    char text[SENML_NAME_SIZE];
    put(w, "[");
    for (size_t i = 0; i < count; i++) {
        put(w, i == 0 ? "{" : ",{");
        if (i == 0) {
            put(w, "\"bn\":");
            put_string(w, (const uint8_t *)text, senml_base(base, text));
            put(w, ",");
        }
        if (entries[i].path.depth > base->depth) {
            put(w, "\"n\":");
            put_string(w, (const uint8_t *)text,
                       senml_name(base, &entries[i].path, text));
            put(w, ",");
        }
        put_value(w, &entries[i].value);
        put(w, "}");
    }
    put(w, "]");
}

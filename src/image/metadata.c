/* SPDX-License-Identifier: MIT */
#include "image/metadata.h"

#include <string.h>

#include "base/wire.h"

/* A piece of the text; compared with literals by MATCHES(). */
struct word {
    const char *p;
    size_t len;
};

#define MATCHES(w, literal) \
    ((w).len == sizeof(literal) - 1 && memcmp((w).p, (literal), sizeof(literal) - 1) == 0)

enum {
    SEEN_PRODUCT = 1,
    SEEN_VERSION = 2,
    SEEN_SIZE = 4,
    SEEN_SECCNT = 8,
    SEEN_REQUIRED = SEEN_PRODUCT | SEEN_VERSION | SEEN_SIZE,
};

static bool is_name_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '+' || c == '~' || c == '-';
}

/* The length of a valid name, 0 if it is not one. */
static size_t name_len(const char *text)
{
    size_t len = 0;
    while (len <= METADATA_NAME_MAX && is_name_char(text[len])) {
        len++;
    }
    return len <= METADATA_NAME_MAX && text[len] == '\0' ? len : 0;
}

bool metadata_name_valid(const char *text)
{
    return name_len(text) != 0;
}

bool metadata_name_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Up to the next c, or all of it; the rest, c dropped, stays in *text. */
static struct word cut(struct word *text, char c)
{
    struct word w = {text->p, 0};
    while (w.len < text->len && w.p[w.len] != c) {
        w.len++;
    }
    size_t used = w.len < text->len ? w.len + 1 : w.len;
    *text = (struct word){text->p + used, text->len - used};
    return w;
}

static bool parse_name(struct word value, char name[static METADATA_NAME_SIZE])
{
    if (value.len == 0 || value.len > METADATA_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!is_name_char(value.p[i])) {
            return false;
        }
    }
    memcpy(name, value.p, value.len);
    name[value.len] = '\0';
    return true;
}

static bool parse_u32(struct word value, uint32_t *number)
{
    if (value.len == 0 || value.len > 10 || (value.p[0] == '0' && value.len > 1)) {
        return false;
    }
    uint64_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] < '0' || value.p[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    *number = (uint32_t)n;
    return n <= UINT32_MAX;
}

/* The SEEN_ bit of the field; 0 if it is unknown or its value wrong. */
static unsigned parse_field(struct word field, struct image_metadata *meta)
{
    struct word value = field;
    struct word key = cut(&value, '=');
    if (key.len == field.len) {
        return 0;
    }
    if (MATCHES(key, "product")) {
        return parse_name(value, meta->product) ? SEEN_PRODUCT : 0;
    }
    if (MATCHES(key, "version")) {
        return parse_name(value, meta->version) ? SEEN_VERSION : 0;
    }
    if (MATCHES(key, "size")) {
        return parse_u32(value, &meta->size_bytes) && meta->size_bytes != 0 ? SEEN_SIZE
                                                                            : 0;
    }
    if (MATCHES(key, "seccnt")) {
        return parse_u32(value, &meta->security_counter) ? SEEN_SECCNT : 0;
    }
    return 0;
}

int metadata_parse(const char *text, size_t len, struct image_metadata *meta)
{
    struct word rest = {text, len};
    struct word tag = cut(&rest, ' ');
    if (tag.len < 6 || memcmp(tag.p, "fuota:", 6) != 0) {
        return FUO_ENOENT;
    }
    if (!MATCHES(tag, "fuota:v1")) {
        return FUO_ENOTSUP;
    }
    if (len > METADATA_TEXT_MAX || text[len - 1] == ' ') {
        return FUO_EPROTO;
    }

    struct image_metadata m = {0};
    unsigned seen = 0;
    while (rest.len > 0) {
        unsigned bit = parse_field(cut(&rest, ' '), &m);
        if (bit == 0 || (seen & bit) != 0) {
            return FUO_EPROTO;
        }
        seen |= bit;
    }
    if ((seen & SEEN_REQUIRED) != SEEN_REQUIRED) {
        return FUO_EPROTO;
    }
    m.has_security_counter = (seen & SEEN_SECCNT) != 0;
    *meta = m;
    return FUO_OK;
}

static void put_text(struct wr *w, const char *text)
{
    for (; *text != '\0'; text++) {
        wr_u8(w, (uint8_t)*text);
    }
}

static void put_u32(struct wr *w, uint32_t number)
{
    char digits[11] = {0};
    size_t i = sizeof(digits) - 1;
    do {
        digits[--i] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    put_text(w, digits + i);
}

int metadata_format(const struct image_metadata *meta, char *text, size_t cap,
                    size_t *len)
{
    if (name_len(meta->product) == 0 || name_len(meta->version) == 0 ||
        meta->size_bytes == 0) {
        return FUO_EINVAL;
    }
    struct wr w = wr_init((uint8_t *)text, cap);
    put_text(&w, "fuota:v1 product=");
    put_text(&w, meta->product);
    put_text(&w, " version=");
    put_text(&w, meta->version);
    put_text(&w, " size=");
    put_u32(&w, meta->size_bytes);
    if (meta->has_security_counter) {
        put_text(&w, " seccnt=");
        put_u32(&w, meta->security_counter);
    }
    return wr_end(&w, len);
}

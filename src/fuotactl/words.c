/* SPDX-License-Identifier: MIT */
#include "fuotactl/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"

enum {
    REPLACEMENT = '?',
};

/* ---- clean text ---- */

/* Length of the UTF-8 sequence at s and its code point; 0 if it is none. */
static size_t decode(const unsigned char *s, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80   ? 1
                 : s[0] < 0xc0 ? 0
                 : s[0] < 0xe0 ? 2
                 : s[0] < 0xf0 ? 3
                 : s[0] < 0xf8 ? 4
                               : 0;
    if (len < 2) {
        *code = s[0];
        return len;
    }
    uint32_t c = s[0] & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (s[i] & 0x3fU);
    }
    *code = c;
    return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? len : 0;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0xfeff;
}

char *words_clean(const char *text)
{
    char *clean = malloc(strlen(text) + 1);
    if (clean == NULL) {
        return NULL;
    }
    const unsigned char *s = (const unsigned char *)text;
    char *at = clean;
    while (*s != '\0') {
        uint32_t code = 0;
        size_t len = decode(s, &code);
        if (len == 0 || is_control(code)) {
            *at++ = REPLACEMENT;
            s += len == 0 ? 1 : len;
        } else {
            memcpy(at, s, len);
            at += len;
            s += len;
        }
    }
    *at = '\0';
    return clean;
}

void words_print(FILE *out, const char *text)
{
    AUTO_FREE char *clean = text != NULL ? words_clean(text) : NULL;
    if (clean != NULL) {
        fputs(clean, out);
    }
}

/* ---- durations and numbers ---- */

const char *words_duration(int64_t us, char text[static WORDS_DURATION_SIZE])
{
    int64_t s = us / 1000000;
    if (us < 0) {
        snprintf(text, WORDS_DURATION_SIZE, "-");
    } else if (s < 60) {
        snprintf(text, WORDS_DURATION_SIZE, "%" PRId64 ".%" PRId64 " s", s,
                 us % 1000000 / 100000);
    } else if (s < 3600) {
        snprintf(text, WORDS_DURATION_SIZE, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
    } else if (s < 86400) {
        snprintf(text, WORDS_DURATION_SIZE, "%" PRId64 "h %" PRId64 "m", s / 3600,
                 s / 60 % 60);
    } else {
        snprintf(text, WORDS_DURATION_SIZE, "%" PRId64 "d %" PRId64 "h", s / 86400,
                 s / 3600 % 24);
    }
    return text;
}

static int64_t unit_us(char unit)
{
    switch (unit) {
    case 's':
        return 1000000;
    case 'm':
        return 60LL * 1000000;
    case 'h':
        return 3600LL * 1000000;
    case 'd':
        return 86400LL * 1000000;
    case 'w':
        return 7 * 86400LL * 1000000;
    default:
        return 0;
    }
}

int words_parse_duration(const char *text, int64_t *us)
{
    int64_t sum = 0;
    if (*text == '\0') {
        return FUO_EPROTO;
    }
    while (*text != '\0') {
        int64_t number = 0;
        size_t digits = 0;
        for (; *text >= '0' && *text <= '9' && digits < 7; text++, digits++) {
            number = number * 10 + (*text - '0');
        }
        int64_t unit = digits > 0 ? unit_us(*text) : 0;
        int64_t part = 0;
        if (unit == 0 || __builtin_mul_overflow(number, unit, &part) ||
            __builtin_add_overflow(sum, part, &sum)) {
            return FUO_EPROTO;
        }
        text++;
    }
    *us = sum;
    return FUO_OK;
}

int words_parse_u32(const char *text, uint32_t max, uint32_t *number)
{
    uint64_t n = 0;
    if (*text == '\0') {
        return FUO_EPROTO;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return FUO_EPROTO;
        }
        n = n * 10 + (uint64_t)(*text - '0');
        if (n > max) {
            return FUO_EPROTO;
        }
    }
    *number = (uint32_t)n;
    return FUO_OK;
}

/* ---- tables ---- */

void table_add(struct table *table, const char *text)
{
    if (table->cells == table->capacity) {
        size_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        char **texts = realloc(table->texts, capacity * sizeof(*texts));
        if (texts == NULL) {
            abort(); /* a few bytes: the machine has no memory left */
        }
        table->texts = texts;
        table->capacity = capacity;
    }
    char *clean = words_clean(text != NULL && *text != '\0' ? text : "-");
    if (clean == NULL) {
        abort();
    }
    table->texts[table->cells++] = clean;
}

void table_addf(struct table *table, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    table_add(table, text);
}

/* Code points: good enough for the columns of what is shown here. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_cell(const struct table *table, size_t i, size_t width, FILE *out)
{
    size_t column = i % table->columns;
    bool last = column + 1 == table->columns;
    size_t used = width_of(table->texts[i]);
    bool right = (table->right_mask >> column & 1) != 0;
    int pad = (int)(width - used);
    fprintf(out, "%s%*s%s%*s%s", column > 0 ? "  " : "", right ? pad : 0, "",
            table->texts[i], right || last ? 0 : pad, "", last ? "\n" : "");
}

void table_print(const struct table *table, FILE *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->cells; i++) {
        size_t width = width_of(table->texts[i]);
        size_t *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i < table->cells; i++) {
        print_cell(table, i, widths[i % table->columns], out);
    }
}

void table_finish(struct table *table)
{
    for (size_t i = 0; i < table->cells; i++) {
        free(table->texts[i]);
    }
    free(table->texts);
    *table = (struct table){0};
}

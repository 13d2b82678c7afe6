/* SPDX-License-Identifier: MIT */
#include "image/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* One number of a dotted version, leading zeros dropped; len 0 is zero or absent. */
struct number {
    const char *p;
    size_t len;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_dotted(const char *text)
{
    bool want_digit = true; /* at the start and after a dot */
    for (; *text != '\0'; text++) {
        if (!is_digit(*text) && (*text != '.' || want_digit)) {
            return false;
        }
        want_digit = *text == '.';
    }
    return !want_digit;
}

/* Past the end it yields zeros for ever. */
static struct number next_number(const char **text)
{
    while (**text == '0') {
        (*text)++;
    }
    struct number n = {*text, 0};
    while (is_digit(n.p[n.len])) {
        n.len++;
    }
    *text += n.len;
    if (**text == '.') {
        (*text)++;
    }
    return n;
}

static int number_compare(struct number a, struct number b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len == 0 ? 0 : memcmp(a.p, b.p, a.len);
}

static bool same_text(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

enum version_order version_compare(const char *a, const char *b)
{
    if (!is_dotted(a) || !is_dotted(b)) {
        return same_text(a, b) ? VERSION_SAME : VERSION_UNORDERED;
    }
    while (*a != '\0' || *b != '\0') {
        int order = number_compare(next_number(&a), next_number(&b));
        if (order != 0) {
            return order < 0 ? VERSION_OLDER : VERSION_NEWER;
        }
    }
    return VERSION_SAME;
}

/* Up to three digits; returns what is behind them, NULL if there is no such number. */
static const char *byte_of(const char *at, uint32_t *value)
{
    const char *begin = at;
    *value = 0;
    while (*at >= '0' && *at <= '9' && *value <= UINT8_MAX) {
        *value = *value * 10 + (uint32_t)(*at++ - '0');
    }
    return at == begin || *value > UINT8_MAX ? NULL : at;
}

int version_as_bytes(const char *text, uint32_t *value)
{
    uint32_t packed = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t number;
        text = byte_of(text, &number);
        if (text == NULL) {
            return FUO_EINVAL;
        }
        packed |= number << (8 * i);
        if (*text == '\0') {
            *value = packed;
            return FUO_OK;
        }
        if (*text++ != '.') {
            return FUO_EINVAL;
        }
    }
    return FUO_EINVAL;
}

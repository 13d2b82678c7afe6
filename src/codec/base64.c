/* SPDX-License-Identifier: MIT */
#include "codec/base64.h"

#include <stdbool.h>

enum {
    NONE = 64,
};

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static unsigned value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a' + 26);
    }
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0' + 52);
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : NONE;
}

int base64_decode(const char *text, size_t len, struct wr *out)
{
    struct wr w = *out;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t padding = 0;
    while (padding < 2 && len > 0 && len % 4 == 0 && text[len - 1 - padding] == '=') {
        padding++;
    }
    len -= padding;
    for (size_t i = 0; i < len; i++) {
        unsigned value = value_of(text[i]);
        if (value == NONE) {
            return FUO_EPROTO;
        }
        bits = bits << 6 | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            wr_u8(&w, (uint8_t)(bits >> held));
        }
    }
    if (held == 6 || (bits & ((1u << held) - 1)) != 0) {
        return FUO_EPROTO; /* a letter too many, or bits that are lost */
    }
    if (w.err == FUO_OK) {
        *out = w;
    }
    return w.err;
}

static void put_letter(struct wr *w, unsigned value, const char *last)
{
    value &= 63;
    wr_u8(w, (uint8_t)(value < 62 ? letters[value] : last[value - 62]));
}

static void put(struct wr *w, const uint8_t *bytes, size_t len, const char *last)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)bytes[i] << 16 | (n > 1 ? bytes[i + 1] : 0u) << 8 |
                        (n > 2 ? bytes[i + 2] : 0u);
        for (size_t k = 0; k <= n; k++) {
            put_letter(w, bits >> (18 - 6 * k), last);
        }
    }
}

void base64_put(struct wr *w, const uint8_t *bytes, size_t len)
{
    put(w, bytes, len, "+/");
    for (size_t n = len % 3; n == 1 || n == 2; n++) {
        wr_u8(w, '=');
    }
}

void base64_url_put(struct wr *w, const uint8_t *bytes, size_t len)
{
    put(w, bytes, len, "-_");
}

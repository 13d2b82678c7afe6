/* SPDX-License-Identifier: MIT */
#include "base/hex.h"

const char *hex_encode(const uint8_t *bytes, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
    text[2 * len] = '\0';
    return text;
}

enum {
    NO_DIGIT = 0xff,
};

static uint8_t digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (uint8_t)(c - 'a' + 10);
    }
    if (c >= 'A' && c <= 'F') {
        return (uint8_t)(c - 'A' + 10);
    }
    return NO_DIGIT;
}

int hex_decode(const char *text, size_t text_len, uint8_t *bytes, size_t len)
{
    if (text_len % 2 != 0 || text_len / 2 != len) {
        return FUO_EPROTO;
    }
    for (size_t i = 0; i < text_len; i++) {
        if (digit_value(text[i]) == NO_DIGIT) {
            return FUO_EPROTO;
        }
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] =
            (uint8_t)(digit_value(text[2 * i]) << 4 | digit_value(text[2 * i + 1]));
    }
    return FUO_OK;
}

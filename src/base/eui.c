/* SPDX-License-Identifier: MIT */
#include "base/eui.h"

#include "base/hex.h"

const char *eui_format(uint64_t eui, char text[static EUI_TEXT_SIZE])
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(eui >> (56 - 8 * i));
    }
    hex_encode(bytes, sizeof(bytes), text);
    return text;
}

int eui_parse(const char *text, size_t len, uint64_t *eui)
{
    uint8_t bytes[8];
    if (len != EUI_TEXT_LEN) {
        return FUO_EPROTO;
    }
    int err = hex_decode(text, len, bytes, sizeof(bytes));
    if (err != FUO_OK) {
        return err;
    }
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    *eui = value;
    return FUO_OK;
}

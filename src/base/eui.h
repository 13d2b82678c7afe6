/* SPDX-License-Identifier: MIT */
/*
 * eui.h - 64-bit identifiers (DevEUI, gateway id) as text: 16 lower-case hex digits.
 *
 * In memory an EUI is a uint64_t in host order; the most significant byte is printed first.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    EUI_TEXT_LEN = 16,
    EUI_TEXT_SIZE = EUI_TEXT_LEN + 1,
};

/* Writes 16 digits and a NUL; returns text. */
const char *eui_format(uint64_t eui, char text[static EUI_TEXT_SIZE]);

/*
 * Exactly 16 hex digits of either case. FUO_EPROTO otherwise, and *eui is untouched.
 */
FUO_MUST_CHECK int eui_parse(const char *text, size_t len, uint64_t *eui);

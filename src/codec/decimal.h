/* SPDX-License-Identifier: MIT */
/*
 * decimal.h - numbers as decimal text, in the grammar of JSON (RFC 8259, section 6).
 *
 * What has neither fraction nor exponent and fits in 64 bits is an integer and stays exact.
 * Of others 19 digits count; the last bit of a double may be off by one. What is written
 * reads as the same number again to 15 digits.
 *
 * Pure: no allocation, no I/O, no locale, no global state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    DECIMAL_TEXT_SIZE = 32,
};

struct decimal {
    bool is_integer;
    int64_t integer; /* if it is one */
    double real;     /* always */
};

/* All of the text. FUO_EPROTO: no number; FUO_ERANGE: too big for a double. *number is
 * written only on success. */
FUO_MUST_CHECK int decimal_parse(const char *text, size_t len, struct decimal *number);

/* Without a NUL; returns the length. */
size_t decimal_format_int(int64_t value, char text[DECIMAL_TEXT_SIZE]);
/* "-1.5e-7"; a whole number below 10^15 has no exponent. 0: not finite. */
size_t decimal_format(double value, char text[DECIMAL_TEXT_SIZE]);

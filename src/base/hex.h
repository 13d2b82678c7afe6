/* SPDX-License-Identifier: MIT */
/* hex.h - bytes as hexadecimal text; lower case out, either case in. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

/* Writes 2*len digits and a NUL into text, which holds 2*len + 1. Returns text. */
const char *hex_encode(const uint8_t *bytes, size_t len, char *text);

/*
 * Decode exactly text_len digits into len bytes. FUO_EPROTO if text_len is not 2*len or a
 * character is no digit; then bytes is untouched.
 */
FUO_MUST_CHECK int hex_decode(const char *text, size_t text_len, uint8_t *bytes,
                              size_t len);

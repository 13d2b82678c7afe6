/* SPDX-License-Identifier: MIT */
/*
 * base64.h - base64 as LwM2M devices write it: with the alphabet of RFC 4648, section 4
 * (text/plain) or of section 5 (SenML JSON), with padding or without.
 *
 * Pure: no allocation, no I/O, no global state.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "fuotad/error.h"

/* Either alphabet. FUO_EPROTO: no base64; FUO_ENOSPC. Appends, and nothing on failure. */
FUO_MUST_CHECK int base64_decode(const char *text, size_t len, struct wr *out);

/* Section 4, with padding. */
void base64_put(struct wr *w, const uint8_t *bytes, size_t len);
/* Section 5, without. */
void base64_url_put(struct wr *w, const uint8_t *bytes, size_t len);

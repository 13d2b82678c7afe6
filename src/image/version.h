/* SPDX-License-Identifier: MIT */
/*
 * version.h - which of two version texts is the newer one.
 *
 * Dotted numbers of any length are ordered number by number: 1.10 is newer than 1.9, and
 * 1.4 is 1.4.0. Everything else (a git hash, "1.4.3-rc1") has no order that we could
 * know: it is the same or it is not.
 */
#pragma once

#include <stdint.h>

#include "fuotad/error.h"

enum version_order {
    VERSION_OLDER,
    VERSION_SAME,
    VERSION_NEWER,
    VERSION_UNORDERED, /* different, and no telling which is newer */
};

/* Where a stands to b: VERSION_NEWER if a is newer. Both are NUL-terminated. */
enum version_order version_compare(const char *a, const char *b);

/*
 * One to four dotted numbers as the u32 of TS006 whose bytes on air are those numbers: 1.2.3
 * is 01 02 03 00. FUO_EINVAL for any other text, or a number above 255.
 */
FUO_MUST_CHECK int version_as_bytes(const char *text, uint32_t *value);

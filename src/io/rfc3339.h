/* SPDX-License-Identifier: MIT */
/*
 * rfc3339.h - UTC as text, in the one profile that servers, logs and results use.
 *
 * Pure arithmetic: no zone files, no libc time functions.
 */
#pragma once

#include <stddef.h>

#include "base/time.h"
#include "fuotad/error.h"

enum {
    RFC3339_SIZE = 28, /* "2026-03-01T12:00:00.123456Z" and its NUL */
};

/* Microseconds, always. Years outside 0000 to 9999 become the first or last moment. */
const char *rfc3339_format(struct utc utc, char text[static RFC3339_SIZE]);

/* Whole seconds, rounded down: "2026-03-01T12:00:00Z". */
const char *rfc3339_format_s(struct utc utc, char text[static RFC3339_SIZE]);

/*
 * YYYY-MM-DDTHH:MM:SS, then at most nine decimals (cut to microseconds), then Z or +HH:MM
 * or -HH:MM; upper case T and Z, a date that exists, nothing before or after. A leap
 * second (:60) is the first moment of the next minute. FUO_EPROTO otherwise, and *utc is
 * untouched.
 */
FUO_MUST_CHECK int rfc3339_parse(const char *text, size_t len, struct utc *utc);

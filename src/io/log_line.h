/* SPDX-License-Identifier: MIT */
/*
 * log_line.h - the parts of log.h that need no sink: escaping, layout, rate limit.
 *
 * No I/O, no clock, no allocation, no state of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/log.h"

enum {
    LOG_LINE_SIZE = 4096, /* of a whole line, newline included */
};

struct log_line {
    enum log_level level;
    struct utc utc;
    const char *module;
    const char *message; /* raw */
};

/* Writes one line that ends in its only newline; returns its length. Long ones are cut. */
size_t log_line_format(const struct log_line *line, enum log_format format,
                       char text[static LOG_LINE_SIZE]);

/* Lines of the running second. Zeroed is fresh. */
struct log_limit {
    int64_t second_start_us;
    uint32_t count;
    uint64_t dropped; /* since it was last told */
};

/*
 * Whether one more line may be written. *dropped is set to the number of lines that were
 * not since the last time, when a new second begins; else 0.
 */
bool log_limit_pass(struct log_limit *limit, int64_t now_us, uint32_t max,
                    uint64_t *dropped);

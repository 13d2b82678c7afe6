/* SPDX-License-Identifier: MIT */
/*
 * log.h - lines for people and for log collectors, on standard error.
 *
 *     #define LOG_MODULE "store"
 *     #include "io/log.h"
 *     log_warn("disk is full path=%s", path);
 *
 * One call, one line, one write(2); any thread. Control characters and broken UTF-8 are
 * escaped, so what comes from outside cannot forge a line; long ones are cut. Each level
 * is bounded in lines per second of wall time; what was dropped is counted and said in a
 * line of its own. Secrets are never passed in. By convention: a sentence, then key=value.
 *
 * The sink is the one mutable file-scope state of the program: threading it through every
 * caller would buy nothing. Before log_init() it is text at level info, unscaled time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "io/clock.h"

enum log_level {
    LOG_LEVEL_ERROR = 0,
    LOG_LEVEL_WARN = 1,
    LOG_LEVEL_INFO = 2,
    LOG_LEVEL_DEBUG = 3,
};

enum log_format {
    LOG_FORMAT_TEXT = 0, /* 2026-03-01T12:00:00.123456Z warn store: disk is full path=x */
    LOG_FORMAT_JSON =
        1, /* {"time":"...","level":"warn","module":"store","message":"..."} */
};

enum {
    LOG_LINE_MAX_BYTES = 2048,      /* of a message, before escaping */
    LOG_LINES_PER_SECOND_MAX = 500, /* the default */
};

struct log_config {
    enum log_level level;
    enum log_format format;
    struct clock clock;
    uint32_t lines_per_second; /* of each level; 0: LOG_LINES_PER_SECOND_MAX */
    int fd;                    /* STDERR_FILENO, but in tests */
};

/* Set or change the sink. Call it before threads are started. */
void log_init(const struct log_config *config);

/* "error", "warn", "info", "debug"; "text", "json". FUO_ENOENT for other words. */
FUO_MUST_CHECK int log_level_parse(const char *text, enum log_level *level);
FUO_MUST_CHECK int log_format_parse(const char *text, enum log_format *format);

/* Whether a line of that level would be written: to skip costly arguments. */
bool log_enabled(enum log_level level);

/* Say now what was dropped; for the end of the program. */
void log_flush(void);

void log_write(enum log_level level, const char *module, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_err(...)   log_write(LOG_LEVEL_ERROR, LOG_MODULE, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, LOG_MODULE, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, LOG_MODULE, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, LOG_MODULE, __VA_ARGS__)

/* SPDX-License-Identifier: MIT */
#include "io/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/log_line.h"

enum {
    LEVEL_COUNT = LOG_LEVEL_DEBUG + 1,
};

/* The sink. config is written before threads are started, limit under the lock. */
static struct {
    pthread_mutex_t lock;
    struct log_config config;
    struct log_limit limit[LEVEL_COUNT];
} sink = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .config =
        {
            .level = LOG_LEVEL_INFO,
            .clock = {.scale_ppm = 1000000},
            .lines_per_second = LOG_LINES_PER_SECOND_MAX,
            .fd = STDERR_FILENO,
        },
};

static const struct clock unscaled = {.scale_ppm = 1000000};

void log_init(const struct log_config *config)
{
    pthread_mutex_lock(&sink.lock);
    sink.config = *config;
    if (sink.config.lines_per_second == 0) {
        sink.config.lines_per_second = LOG_LINES_PER_SECOND_MAX;
    }
    memset(sink.limit, 0, sizeof(sink.limit));
    pthread_mutex_unlock(&sink.lock);
}

static int find_word(const char *const *words, int count, const char *text)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            return i;
        }
    }
    return FUO_ENOENT;
}

int log_level_parse(const char *text, enum log_level *level)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    int found = find_word(words, LEVEL_COUNT, text);
    if (found < 0) {
        return found;
    }
    *level = (enum log_level)found;
    return FUO_OK;
}

int log_format_parse(const char *text, enum log_format *format)
{
    static const char *const words[] = {"text", "json"};
    int found = find_word(words, 2, text);
    if (found < 0) {
        return found;
    }
    *format = (enum log_format)found;
    return FUO_OK;
}

bool log_enabled(enum log_level level)
{
    return level <= sink.config.level;
}

/* A log that cannot be written is nobody's failure. */
static void write_line(const struct log_line *line)
{
    char text[LOG_LINE_SIZE];
    size_t len = log_line_format(line, sink.config.format, text);
    while (write(sink.config.fd, text, len) < 0 && errno == EINTR) {
    }
}

static void write_dropped(enum log_level level, uint64_t dropped)
{
    char message[64];
    if (dropped == 0) {
        return;
    }
    (void)snprintf(message, sizeof(message), "too many lines dropped=%" PRIu64, dropped);
    struct log_line line = {level, clock_utc(&sink.config.clock), "log", message};
    write_line(&line);
}

void log_flush(void)
{
    pthread_mutex_lock(&sink.lock);
    for (int level = 0; level < LEVEL_COUNT; level++) {
        write_dropped((enum log_level)level, sink.limit[level].dropped);
        sink.limit[level].dropped = 0;
    }
    pthread_mutex_unlock(&sink.lock);
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    int errnum = errno; /* a log call between a failure and its report is harmless */
    char message[LOG_LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);

    uint64_t dropped;
    pthread_mutex_lock(&sink.lock);
    bool pass = log_limit_pass(&sink.limit[level], clock_mono(&unscaled).us,
                               sink.config.lines_per_second, &dropped);
    write_dropped(level, dropped);
    if (pass) {
        struct log_line line = {level, clock_utc(&sink.config.clock), module, message};
        write_line(&line);
    }
    pthread_mutex_unlock(&sink.lock);
    errno = errnum;
}

/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io/log_line.h"

#define LOG_MODULE "mod"

static const struct utc noon = {INT64_C(1772366400123456)};

static void lines_look_as_documented(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *text;
        const char *json;
    } rows[] = {
        {"plain key=1", "plain key=1", "plain key=1"},
        {"", "", ""},
        {"two\nlines", "two\\nlines", "two\\nlines"},
        {"\r\t\x1b[31m\x7f", "\\x0d\\x09\\x1b[31m\\x7f",
         "\\u000d\\u0009\\u001b[31m\\u007f"},
        {"back\\slash \"quote\"", "back\\\\slash \"quote\"",
         "back\\\\slash \\\"quote\\\""},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"c1 \xc2\x9b end", "c1 \\x9b end", "c1 \\u009b end"},
        {"\xff", "\\xff", "\\ufffd"},
        {"\xc3", "\\xc3", "\\ufffd"},
        {"\xc0\x80", "\\xc0\\x80", "\\ufffd\\ufffd"},
        {"\xe0\x80\x80", "\\xe0\\x80\\x80", "\\ufffd\\ufffd\\ufffd"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
        {"\xf0\x80\x80\x80", "\\xf0\\x80\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
        {"\xe2\x82", "\\xe2\\x82", "\\ufffd\\ufffd"},
        {"\xf5\x80", "\\xf5\\x80", "\\ufffd\\ufffd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[LOG_LINE_SIZE];
        char want[LOG_LINE_SIZE];
        struct log_line line = {LOG_LEVEL_WARN, noon, "mod", rows[i].message};
        test_row(rows[i].text);
        size_t len = log_line_format(&line, LOG_FORMAT_TEXT, got);
        snprintf(want, sizeof(want), "2026-03-01T12:00:00.123456Z warn mod: %s\n",
                 rows[i].text);
        assert_int_equal(len, strlen(want));
        assert_memory_equal(got, want, len);
        len = log_line_format(&line, LOG_FORMAT_JSON, got);
        snprintf(want, sizeof(want),
                 "{\"time\":\"2026-03-01T12:00:00.123456Z\",\"level\":\"warn\","
                 "\"module\":\"mod\",\"message\":\"%s\"}\n",
                 rows[i].json);
        assert_int_equal(len, strlen(want));
        assert_memory_equal(got, want, len);
    }
}

static void a_long_line_is_cut_and_still_whole(void **state)
{
    (void)state;
    static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};
    char message[3000];
    memset(message, '\x01', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        char got[LOG_LINE_SIZE];
        struct log_line line = {LOG_LEVEL_INFO, noon, "mod", message};
        size_t len = log_line_format(&line, formats[i], got);
        assert_true(len <= LOG_LINE_SIZE && len > LOG_LINE_SIZE - 16);
        assert_ptr_equal(memchr(got, '\n', len), got + len - 1);
        assert_true(formats[i] == LOG_FORMAT_TEXT ||
                    memcmp(got + len - 3, "\"}", 2) == 0);
    }
}

static void a_second_is_bounded_and_the_next_tells_what_was_dropped(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    uint64_t dropped = 99;
    int64_t now_us = SECONDS_US(100);
    assert_true(log_limit_pass(&limit, now_us, 2, &dropped));
    assert_int_equal(dropped, 0);
    assert_true(log_limit_pass(&limit, now_us + 1, 2, &dropped));
    assert_false(log_limit_pass(&limit, now_us + 2, 2, &dropped));
    assert_false(log_limit_pass(&limit, now_us + 999999, 2, &dropped));
    assert_int_equal(dropped, 0);
    assert_true(log_limit_pass(&limit, now_us + SECONDS_US(1), 2, &dropped));
    assert_int_equal(dropped, 2);
    assert_true(log_limit_pass(&limit, now_us, 2, &dropped)); /* a clock went back */
    assert_int_equal(dropped, 0);
}

/* The sink, seen through a pipe. */
static char *written(const struct log_config *config, void (*say)(void))
{
    static char text[8192];
    int fds[2];
    struct log_config piped = *config;
    assert_int_equal(pipe(fds), 0);
    piped.fd = fds[1];
    log_init(&piped);
    say();
    close(fds[1]);
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len < sizeof(text) - 1; len += (size_t)n) {
        n = read(fds[0], text + len, sizeof(text) - 1 - len);
        assert_true(n >= 0);
    }
    text[len] = '\0';
    close(fds[0]);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

static void say_all_levels(void)
{
    log_err("one %d", 1);
    log_warn("two");
    log_info("three");
    log_debug("four");
}

static void the_level_decides_what_is_written(void **state)
{
    (void)state;
    struct log_config config = {.clock = {.scale_ppm = 1000000}};
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        config.level = (enum log_level)level;
        const char *text = written(&config, say_all_levels);
        assert_int_equal(count_lines(text), level + 1);
        assert_non_null(strstr(text, "error mod: one 1\n"));
        assert_true(log_enabled((enum log_level)level));
        assert_false(log_enabled((enum log_level)(level + 1)));
    }
}

static void say_five_errors(void)
{
    for (int i = 0; i < 5; i++) {
        log_err("again");
    }
    log_warn("other levels have room of their own");
    log_flush();
    log_flush();
}

static void floods_are_counted(void **state)
{
    (void)state;
    struct log_config config = {
        .level = LOG_LEVEL_INFO, .clock = {.scale_ppm = 1000000}, .lines_per_second = 3};
    const char *text = written(&config, say_five_errors);
    assert_int_equal(count_lines(text), 5);
    assert_non_null(strstr(text, "error log: too many lines dropped=2\n"));
}

static void say_with_errno(void)
{
    errno = ENOSPC;
    log_err("disk is full");
    assert_int_equal(errno, ENOSPC);
}

static void time_is_the_clocks_and_errno_is_left_alone(void **state)
{
    (void)state;
    struct log_config config = {
        .format = LOG_FORMAT_JSON,
        .clock = {.scale_ppm = INT64_C(1000000) * 1000, .epoch_us = 0},
    };
    /* 1970 plus a thousand times the age of Unix is far beyond year 9999. */
    const char *text = written(&config, say_with_errno);
    assert_non_null(strstr(text, "{\"time\":\"9999-"));
}

static void words_of_the_configuration_are_known(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_WARN;
    enum log_format format = LOG_FORMAT_JSON;
    assert_int_equal(log_level_parse("debug", &level), FUO_OK);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("loud", &level), FUO_ENOENT);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_format_parse("text", &format), FUO_OK);
    assert_int_equal(format, LOG_FORMAT_TEXT);
    assert_int_equal(log_format_parse("xml", &format), FUO_ENOENT);
    assert_int_equal(format, LOG_FORMAT_TEXT);
}

TEST_MAIN(cmocka_unit_test(lines_look_as_documented),
          cmocka_unit_test(a_long_line_is_cut_and_still_whole),
          cmocka_unit_test(a_second_is_bounded_and_the_next_tells_what_was_dropped),
          cmocka_unit_test(the_level_decides_what_is_written),
          cmocka_unit_test(floods_are_counted),
          cmocka_unit_test(time_is_the_clocks_and_errno_is_left_alone),
          cmocka_unit_test(words_of_the_configuration_are_known))

/* SPDX-License-Identifier: MIT */
#include "io/log_line.h"

#include <string.h>

#include "io/rfc3339.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Bytes, cut off at the end; room for the tail is never used. */
struct out {
    char *p;
    size_t left;
};

static void put_bytes(struct out *out, const char *bytes, size_t len)
{
    if (len > out->left) {
        out->left = 0; /* nothing after what is cut */
        return;
    }
    memcpy(out->p, bytes, len);
    out->p += len;
    out->left -= len;
}

static void put(struct out *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the well-formed UTF-8 sequence at s (NUL-terminated); 0 if it is none. */
static size_t utf8_len(const unsigned char *s)
{
    size_t len;
    if (s[0] < 0x80) {
        return 1;
    }
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        len = 2;
    } else if ((s[0] & 0xf0) == 0xe0) {
        len = 3;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        len = 4;
    } else {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if (!is_continuation(s[i])) {
            return 0;
        }
    }
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] > 0x9f;
    bool beyond = s[0] == 0xf4 && s[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : len;
}

/* C0, DEL, and C1 in UTF-8: what moves a terminal's cursor or begins a new line. */
static bool is_control(const unsigned char *s, size_t len)
{
    return len == 1 ? s[0] < 0x20 || s[0] == 0x7f : s[0] == 0xc2 && s[1] < 0xa0;
}

static void put_hex(struct out *out, const char *prefix, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char text[2] = {digits[c >> 4], digits[c & 0x0f]};
    put(out, prefix);
    put_bytes(out, text, sizeof(text));
}

/* The code point of a control character is its last byte. */
static void put_control(struct out *out, const unsigned char *s, size_t len, bool json)
{
    if (s[0] == '\n') {
        put(out, "\\n");
    } else {
        put_hex(out, json ? "\\u00" : "\\x", s[len - 1]);
    }
}

static void put_escaped(struct out *out, const char *text, bool json)
{
    for (const char *p = text; *p != '\0' && out->left > 0;) {
        const unsigned char *s = (const unsigned char *)p;
        size_t len = utf8_len(s);
        if (len == 0 && json) {
            put(out, "\\ufffd");
        } else if (len == 0) {
            put_hex(out, "\\x", *s);
        } else if (is_control(s, len)) {
            put_control(out, s, len, json);
        } else if (*s == '\\' || (json && *s == '"')) {
            put(out, *s == '"' ? "\\\"" : "\\\\");
        } else {
            put_bytes(out, p, len);
        }
        p += len == 0 ? 1 : len;
    }
}

size_t log_line_format(const struct log_line *line, enum log_format format,
                       char text[static LOG_LINE_SIZE])
{
    bool json = format == LOG_FORMAT_JSON;
    const char *tail = json ? "\"}\n" : "\n";
    struct out out = {.p = text, .left = LOG_LINE_SIZE - strlen(tail)};
    char time[RFC3339_SIZE];

    put(&out, json ? "{\"time\":\"" : "");
    put(&out, rfc3339_format(line->utc, time));
    put(&out, json ? "\",\"level\":\"" : " ");
    put(&out, level_names[line->level]);
    put(&out, json ? "\",\"module\":\"" : " ");
    put(&out, line->module);
    put(&out, json ? "\",\"message\":\"" : ": ");
    put_escaped(&out, line->message, json);
    memcpy(out.p, tail, strlen(tail));
    return (size_t)(out.p - text) + strlen(tail);
}

bool log_limit_pass(struct log_limit *limit, int64_t now_us, uint32_t max,
                    uint64_t *dropped)
{
    *dropped = 0;
    int64_t since = now_us - limit->second_start_us;
    if (since < 0 || since >= SECONDS_US(1)) {
        *dropped = limit->dropped;
        *limit = (struct log_limit){.second_start_us = now_us};
    }
    if (limit->count >= max) {
        limit->dropped++;
        return false;
    }
    limit->count++;
    return true;
}

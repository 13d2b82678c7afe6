/* SPDX-License-Identifier: MIT */
#include "grpcweb.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum {
    FLAG_MESSAGE = 0x00,
    FLAG_TRAILERS = 0x80,
    STATUS_MAX = 16,
};

void grpcweb_prefix(size_t message_len, uint8_t prefix[static GRPCWEB_PREFIX_LEN])
{
    prefix[0] = FLAG_MESSAGE;
    for (size_t i = 0; i < 4; i++) {
        prefix[1 + i] = (uint8_t)(message_len >> (24 - 8 * i));
    }
}

static bool parse_status(const char *text, size_t len, int *status)
{
    int value = 0;
    if (len == 0 || len > 2) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *status = value;
    return value <= STATUS_MAX;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded, cut to fit; what is not printable ASCII becomes '?'. */
static void copy_text(const char *text, size_t len, char out[static GRPCWEB_TEXT_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < GRPCWEB_TEXT_SIZE - 1; i++) {
        int c = (uint8_t)text[i];
        if (c == '%' && i + 2 < len && nibble(text[i + 1]) >= 0 &&
            nibble(text[i + 2]) >= 0) {
            c = nibble(text[i + 1]) << 4 | nibble(text[i + 2]);
            i += 2;
        }
        out[n] = '?';
        if (c >= ' ' && c <= '~') {
            out[n] = (char)c;
        }
        n++;
    }
    out[n] = '\0';
}

/* "name: value" of the wanted name, its value without blanks around it. */
static bool header_is(const char *line, size_t len, const char *name, const char **value,
                      size_t *value_len)
{
    size_t name_len = strlen(name);
    if (len <= name_len || strncasecmp(line, name, name_len) != 0 ||
        line[name_len] != ':') {
        return false;
    }
    const char *from = line + name_len + 1;
    const char *end = line + len;
    while (from < end && *from == ' ') {
        from++;
    }
    while (end > from && (end[-1] == ' ' || end[-1] == '\r')) {
        end--;
    }
    *value = from;
    *value_len = (size_t)(end - from);
    return true;
}

/* One line of the trailers. false: an unusable status. */
static bool parse_trailer(const char *line, size_t len, struct grpcweb_answer *a,
                          bool *found)
{
    const char *value;
    size_t value_len;
    if (header_is(line, len, "grpc-message", &value, &value_len)) {
        copy_text(value, value_len, a->text);
    }
    if (!header_is(line, len, "grpc-status", &value, &value_len)) {
        return true;
    }
    *found = true;
    return parse_status(value, value_len, &a->status);
}

static bool parse_trailers(const char *text, size_t len, struct grpcweb_answer *a)
{
    bool found = false;
    while (len > 0) {
        const char *newline = memchr(text, '\n', len);
        size_t line_len = newline != NULL ? (size_t)(newline - text) : len;
        if (!parse_trailer(text, line_len, a, &found)) {
            return false;
        }
        size_t used = newline != NULL ? line_len + 1 : line_len;
        text += used;
        len -= used;
    }
    return found;
}

/* At most one message, not compressed; then the trailers. */
static bool take_frame(uint8_t flag, const uint8_t *bytes, size_t len,
                       struct grpcweb_answer *a, bool *ended)
{
    if (flag == FLAG_TRAILERS) {
        *ended = true;
        return parse_trailers((const char *)bytes, len, a);
    }
    if (flag != FLAG_MESSAGE || a->message != NULL) {
        return false;
    }
    a->message = bytes;
    a->message_len = len;
    return true;
}

static bool parse_frames(const uint8_t *p, size_t left, struct grpcweb_answer *a)
{
    bool ended = false;
    while (left > 0) {
        if (left < GRPCWEB_PREFIX_LEN || ended) {
            return false;
        }
        uint32_t len =
            (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
        if (len > left - GRPCWEB_PREFIX_LEN ||
            !take_frame(p[0], p + GRPCWEB_PREFIX_LEN, len, a, &ended)) {
            return false;
        }
        p += GRPCWEB_PREFIX_LEN + len;
        left -= GRPCWEB_PREFIX_LEN + len;
    }
    return ended;
}

int grpcweb_decode(const uint8_t *body, size_t body_len, const char *status,
                   const char *text, struct grpcweb_answer *answer)
{
    struct grpcweb_answer a = {.status = GRPC_OK};
    if (status != NULL) {
        if (!parse_status(status, strnlen(status, 3), &a.status)) {
            return FUO_EPROTO;
        }
        if (text != NULL) {
            copy_text(text, strlen(text), a.text);
        }
        if (a.status == GRPC_OK && !parse_frames(body, body_len, &a)) {
            return FUO_EPROTO;
        }
    } else if (!parse_frames(body, body_len, &a)) {
        return FUO_EPROTO;
    }
    if (a.status != GRPC_OK) {
        a.message = NULL;
        a.message_len = 0;
    }
    *answer = a;
    return FUO_OK;
}

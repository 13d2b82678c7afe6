/* SPDX-License-Identifier: MIT */
#include "net/mqtt_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/mqtt.h"

static const char *skip_prefix(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static bool host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '-' || c == '_';
}

/* Bytes of "name" or "[v6 address]" at the start of text; 0: neither. */
static size_t host_span(const char *text)
{
    size_t n = 0;
    if (text[0] != '[') {
        while (host_char(text[n])) {
            n++;
        }
        return n;
    }
    n = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
    return n > 1 && text[n] == ']' ? n + 1 : 0;
}

static bool parse_port(const char *text, unsigned fallback, unsigned *port)
{
    *port = fallback;
    if (text[0] == ':') {
        size_t n = strspn(text + 1, "0123456789");
        if (n == 0 || n > 5) {
            return false;
        }
        *port = (unsigned)strtoul(text + 1, NULL, 10);
        text += 1 + n;
    }
    return *port >= 1 && *port <= 65535 && (text[0] == '\0' || strcmp(text, "/") == 0);
}

int mqtt_uri_from_url(const char *url, char uri[static MQTT_URI_SIZE], bool *tls)
{
    const char *plain = skip_prefix(url, "mqtt://");
    const char *secure = skip_prefix(url, "mqtts://");
    const char *host = plain != NULL ? plain : secure;
    if (host == NULL) {
        return FUO_EINVAL;
    }
    size_t host_len = host_span(host);
    unsigned port;
    if (host_len == 0 || host_len > 255 ||
        !parse_port(host + host_len, secure != NULL ? 8883 : 1883, &port)) {
        return FUO_EINVAL;
    }
    snprintf(uri, MQTT_URI_SIZE, "%s://%.*s:%u", secure != NULL ? "ssl" : "tcp",
             (int)host_len, host, port);
    *tls = secure != NULL;
    return FUO_OK;
}

/* Bytes of the UTF-8 sequence that starts with c; 0: none does. */
static size_t utf8_len(uint8_t c)
{
    if (c < 0x80) {
        return c >= 0x20 && c != 0x7f ? 1 : 0;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        return 2;
    }
    if (c >= 0xe0 && c <= 0xef) {
        return 3;
    }
    return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

static bool utf8_sequence(const uint8_t *p, size_t len)
{
    static const uint32_t least[] = {0, 0x20, 0x80, 0x800, 0x10000};
    uint32_t code = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) { /* the final NUL is none either */
            return false;
        }
        code = code << 6 | (p[i] & 0x3fu);
    }
    return code >= least[len] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static bool text_valid(const char *text, const char *forbidden)
{
    size_t len = strnlen(text, MQTT_TOPIC_MAX + 1);
    if (len == 0 || len > MQTT_TOPIC_MAX) {
        return false;
    }
    const uint8_t *p = (const uint8_t *)text;
    while (*p != 0) {
        size_t n = utf8_len(*p);
        if (n == 0 || !utf8_sequence(p, n)) {
            return false;
        }
        p += n;
    }
    return strpbrk(text, forbidden) == NULL;
}

bool mqtt_topic_valid(const char *topic)
{
    return text_valid(topic, "+#");
}

bool mqtt_filter_valid(const char *filter)
{
    if (!text_valid(filter, "")) {
        return false;
    }
    for (const char *p = strpbrk(filter, "+#"); p != NULL; p = strpbrk(p + 1, "+#")) {
        bool starts = p == filter || p[-1] == '/';
        bool ends = p[1] == '\0' || (p[0] == '+' && p[1] == '/');
        if (!starts || !ends) {
            return false;
        }
    }
    return true;
}

/* SPDX-License-Identifier: MIT */
#include "config/webhook.h"

#include <string.h>
#include <strings.h>

static const char *after_scheme(const char *url)
{
    return strncmp(url, "https://", 8) == 0  ? url + 8
           : strncmp(url, "http://", 7) == 0 ? url + 7
                                             : NULL;
}

int webhook_split(const char *url, struct webhook *webhook)
{
    const char *host = after_scheme(url);
    if (host == NULL || strpbrk(url, "#\\@ ") != NULL) {
        return FUO_EINVAL;
    }
    size_t host_len = strcspn(host, "/?");
    size_t len = (size_t)(host - url) + host_len;
    if (host_len == 0 || host[0] == ':') {
        return FUO_EINVAL;
    }
    if (len >= sizeof(webhook->origin) || strlen(url) > WEBHOOK_URL_MAX) {
        return FUO_ERANGE;
    }
    memcpy(webhook->origin, url, len);
    webhook->origin[len] = '\0';
    webhook->path = host + host_len;
    return FUO_OK;
}

/* 127.0.0.1, and nothing that only begins so, as 127.0.0.1.example. */
static bool is_loopback_address(const char *host, size_t len)
{
    int dots = 0;
    for (size_t i = 0; i < len; i++) {
        dots += host[i] == '.';
        if (host[i] != '.' && (host[i] < '0' || host[i] > '9')) {
            return false;
        }
    }
    return dots == 3 && strncmp(host, "127.", 4) == 0;
}

bool webhook_is_private(const struct webhook *webhook)
{
    const char *host = after_scheme(webhook->origin);
    if (strncmp(webhook->origin, "https://", 8) == 0) {
        return true;
    }
    if (strncmp(host, "[::1]", 5) == 0) {
        return host[5] == '\0' || host[5] == ':';
    }
    size_t len = strcspn(host, ":");
    return (len == 9 && strncasecmp(host, "localhost", len) == 0) ||
           is_loopback_address(host, len);
}

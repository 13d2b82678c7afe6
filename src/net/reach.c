/* SPDX-License-Identifier: MIT */
#include "net/reach.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HOST_SIZE = 256,
    PORT_SIZE = 6,
};

struct place {
    char host[HOST_SIZE];
    char port[PORT_SIZE];
};

static const struct {
    const char *prefix;
    const char *port;
} schemes[] = {
    {"mqtt://", "1883"},
    {"mqtts://", "8883"},
    {"http://", "80"},
    {"https://", "443"},
};

static bool copy(char *to, size_t size, const char *from, size_t len)
{
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

/* host[:port] or [v6][:port], before any path. */
static bool split(const char *authority, const char *port, struct place *place)
{
    size_t len = strcspn(authority, "/?#");
    const char *end = authority + len;
    const char *bracket = memchr(authority, ']', len);
    bool v6 = authority[0] == '[' && bracket != NULL;
    const char *host = v6 ? authority + 1 : authority;
    const char *host_end = bracket;
    if (!v6) {
        host_end = memchr(authority, ':', len);
        host_end = host_end != NULL ? host_end : end;
    }
    const char *rest = v6 ? host_end + 1 : host_end;
    if (memchr(authority, '@', len) != NULL ||
        !copy(place->host, sizeof(place->host), host, (size_t)(host_end - host))) {
        return false;
    }
    if (rest == end) {
        return copy(place->port, sizeof(place->port), port, strlen(port));
    }
    return *rest == ':' &&
           copy(place->port, sizeof(place->port), rest + 1, (size_t)(end - rest - 1));
}

static bool parse(const char *url, struct place *place)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].prefix);
        if (strncmp(url, schemes[i].prefix, len) == 0) {
            return split(url + len, schemes[i].port, place);
        }
    }
    return false;
}

/* The errno of the connection's end; 0: it stands. */
static int await(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int n = poll(&poll_fd, 1, timeout_ms);
    if (n <= 0) {
        return n == 0 ? ETIMEDOUT : errno;
    }
    int errnum = 0;
    socklen_t len = sizeof(errnum);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) == 0 ? errnum : errno;
}

static int try_address(const struct addrinfo *address, int timeout_ms)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int errnum = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (errnum == EINPROGRESS) {
        errnum = await(fd, timeout_ms);
    }
    close(fd);
    return errnum;
}

int reach_url(const char *url, int timeout_ms, struct detail *detail)
{
    struct place place;
    if (!parse(url, &place)) {
        detail_set(detail, "%s is not a URL with a host", url);
        return FUO_EINVAL;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(place.host, place.port, &hints, &list);
    if (rc != 0) {
        detail_set(detail, "%s: %s", place.host, gai_strerror(rc));
        return FUO_ENOENT;
    }
    int errnum = ECONNREFUSED;
    for (const struct addrinfo *a = list; a != NULL && errnum != 0; a = a->ai_next) {
        errnum = try_address(a, timeout_ms);
    }
    freeaddrinfo(list);
    if (errnum == 0) {
        return FUO_OK;
    }
    detail_set(detail, "%s port %s: %s", place.host, place.port, strerror(errnum));
    return errnum == ETIMEDOUT ? FUO_ETIMEDOUT : FUO_EAGAIN;
}

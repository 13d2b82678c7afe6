/* SPDX-License-Identifier: MIT */
/* The Unix socket of the daemon, as a transport of client.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/client.h"
#include "io/cleanup.h"

struct ctl_socket {
    int fd;
    size_t start; /* buffer[start..end) is not consumed yet */
    size_t end;
    char buffer[CTL_LINE_MAX];
};

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int wait_readable(const struct ctl_socket *sock, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = sock->fd, .events = POLLIN};
    int ready = poll(&poll_fd, 1, timeout_ms);
    if (ready > 0) {
        return FUO_OK;
    }
    if (ready == 0) {
        return FUO_ETIMEDOUT;
    }
    return errno == EINTR ? FUO_EAGAIN : FUO_EIO;
}

/* Reads more behind what is there. */
static int fill(struct ctl_socket *sock, int timeout_ms)
{
    if (sock->start > 0) {
        memmove(sock->buffer, sock->buffer + sock->start, sock->end - sock->start);
        sock->end -= sock->start;
        sock->start = 0;
    }
    if (sock->end == sizeof(sock->buffer)) {
        return FUO_EPROTO;
    }
    int err = wait_readable(sock, timeout_ms);
    if (err != FUO_OK) {
        return err;
    }
    ssize_t n =
        recv(sock->fd, sock->buffer + sock->end, sizeof(sock->buffer) - sock->end, 0);
    if (n <= 0) {
        return n < 0 && errno == EINTR ? FUO_EAGAIN : FUO_EIO;
    }
    sock->end += (size_t)n;
    return FUO_OK;
}

static int socket_receive(void *arg, int timeout_ms, struct ctl_message *message)
{
    struct ctl_socket *sock = arg;
    size_t scanned = 0;
    for (;;) {
        char *line = sock->buffer + sock->start;
        size_t have = sock->end - sock->start;
        char *lf = memchr(line + scanned, '\n', have - scanned);
        if (lf != NULL) {
            sock->start += (size_t)(lf - line) + 1;
            return ctl_message_parse(line, (size_t)(lf - line), message);
        }
        scanned = have;
        int err = fill(sock, timeout_ms);
        if (err != FUO_OK) {
            return err;
        }
    }
}

static int send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EINTR ? FUO_EAGAIN : FUO_EIO;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return FUO_OK;
}

static int socket_send(void *arg, int64_t id, enum ctl_method method,
                       struct json_object *params)
{
    const struct ctl_socket *sock = arg;
    AUTO_FREE char *line = ctl_print_request(id, method, params);
    if (line == NULL) {
        return FUO_ENOMEM;
    }
    size_t len = strlen(line);
    return len <= CTL_LINE_MAX ? send_all(sock->fd, line, len) : FUO_ERANGE;
}

static void socket_close(void *arg)
{
    struct ctl_socket *sock = arg;
    close(sock->fd);
    free(sock);
}

int ctl_client_open(const char *socket_path, int timeout_ms, struct ctl_client **client)
{
    int fd = open_socket(socket_path);
    if (fd < 0) {
        return FUO_EIO;
    }
    struct ctl_socket *sock = calloc(1, sizeof(*sock));
    if (sock == NULL) {
        close(fd);
        return FUO_ENOMEM;
    }
    sock->fd = fd;
    struct ctl_transport transport = {
        .arg = sock,
        .chunk_max = CTL_CHUNK_MAX,
        .send = socket_send,
        .receive = socket_receive,
        .close = socket_close,
    };
    return ctl_client_over(&transport, timeout_ms, client);
}

/* SPDX-License-Identifier: MIT */
#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/cleanup.h"

struct ctl_client {
    int fd;
    int timeout_ms;
    int64_t last_id;
    char version[32];
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

static int wait_readable(struct ctl_client *client)
{
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
    int ready = poll(&poll_fd, 1, client->timeout_ms);
    if (ready > 0) {
        return FUO_OK;
    }
    if (ready == 0) {
        return FUO_ETIMEDOUT;
    }
    return errno == EINTR ? FUO_EAGAIN : FUO_EIO;
}

/* Reads more behind what is there. */
static int fill(struct ctl_client *client)
{
    if (client->start > 0) {
        memmove(client->buffer, client->buffer + client->start,
                client->end - client->start);
        client->end -= client->start;
        client->start = 0;
    }
    if (client->end == sizeof(client->buffer)) {
        return FUO_EPROTO;
    }
    int err = wait_readable(client);
    if (err != FUO_OK) {
        return err;
    }
    ssize_t n = recv(client->fd, client->buffer + client->end,
                     sizeof(client->buffer) - client->end, 0);
    if (n <= 0) {
        return n < 0 && errno == EINTR ? FUO_EAGAIN : FUO_EIO;
    }
    client->end += (size_t)n;
    return FUO_OK;
}

int ctl_client_next(struct ctl_client *client, struct ctl_message *message)
{
    size_t scanned = 0;
    for (;;) {
        char *line = client->buffer + client->start;
        size_t have = client->end - client->start;
        char *lf = memchr(line + scanned, '\n', have - scanned);
        if (lf != NULL) {
            client->start += (size_t)(lf - line) + 1;
            return ctl_message_parse(line, (size_t)(lf - line), message);
        }
        scanned = have;
        int err = fill(client);
        if (err != FUO_OK) {
            return err;
        }
    }
}

static int read_hello(struct ctl_client *client)
{
    struct ctl_message message = {0};
    int err = ctl_client_next(client, &message);
    if (err != FUO_OK) {
        return err;
    }
    if (message.type != CTL_MSG_HELLO || message.protocol != CTL_PROTOCOL) {
        err = FUO_EPROTO;
    } else {
        snprintf(client->version, sizeof(client->version), "%s",
                 ctl_text(message.root, "fuotad"));
    }
    ctl_message_finish(&message);
    return err;
}

int ctl_client_open(const char *socket_path, int timeout_ms, struct ctl_client **client)
{
    int fd = open_socket(socket_path);
    if (fd < 0) {
        return FUO_EIO;
    }
    struct ctl_client *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        close(fd);
        return FUO_ENOMEM;
    }
    opened->fd = fd;
    opened->timeout_ms = timeout_ms;
    int err = read_hello(opened);
    if (err != FUO_OK) {
        ctl_client_close(opened);
        return err;
    }
    *client = opened;
    return FUO_OK;
}

void ctl_client_close(struct ctl_client *client)
{
    if (client != NULL) {
        close(client->fd);
        free(client);
    }
}

const char *ctl_client_server_version(const struct ctl_client *client)
{
    return client->version;
}

void ctl_client_set_timeout(struct ctl_client *client, int timeout_ms)
{
    client->timeout_ms = timeout_ms;
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

int ctl_client_send(struct ctl_client *client, enum ctl_method method,
                    struct json_object *params)
{
    AUTO_FREE char *line = ctl_print_request(++client->last_id, method, params);
    if (line == NULL) {
        return FUO_ENOMEM;
    }
    size_t len = strlen(line);
    return len <= CTL_LINE_MAX ? send_all(client->fd, line, len) : FUO_ERANGE;
}

int ctl_client_call(struct ctl_client *client, enum ctl_method method,
                    struct json_object *params, struct ctl_message *message)
{
    int err = ctl_client_send(client, method, params);
    if (err != FUO_OK) {
        return err;
    }
    for (;;) {
        struct ctl_message got = {0};
        err = ctl_client_next(client, &got);
        if (err != FUO_OK) {
            return err;
        }
        if ((got.type == CTL_MSG_DATA || got.type == CTL_MSG_ERROR) &&
            got.id == client->last_id) {
            *message = got;
            return FUO_OK;
        }
        ctl_message_finish(&got);
    }
}

enum {
    PUT_RETRIES = 32, /* against other clients that upload the same image */
};

/* One put request; data NULL asks how much is there. */
static int put_chunk(struct ctl_client *client, struct json_object *params,
                     const uint8_t *bytes, size_t len, struct ctl_message *message)
{
    if (bytes != NULL) {
        AUTO_FREE char *data = ctl_base64_encode(bytes, len);
        if (data == NULL) {
            json_object_put(params);
            return FUO_ENOMEM;
        }
        json_object_object_add(params, "data", json_object_new_string(data));
    }
    return ctl_client_call(client, CTL_PUT, params, message);
}

static struct json_object *put_params(const char *digest, size_t len, size_t offset)
{
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "digest", json_object_new_string(digest));
    json_object_object_add(params, "size", json_object_new_int64((int64_t)len));
    json_object_object_add(params, "offset", json_object_new_int64((int64_t)offset));
    return params;
}

int ctl_client_put(struct ctl_client *client, const uint8_t *bytes, size_t len,
                   char digest[static CTL_DIGEST_SIZE], struct ctl_message *message)
{
    ctl_digest(bytes, len, digest);
    struct ctl_message got = {0};
    int err = put_chunk(client, put_params(digest, len, 0), NULL, 0, &got);
    size_t before = SIZE_MAX;
    int retries = PUT_RETRIES;
    while (err == FUO_OK && got.type == CTL_MSG_DATA) {
        int64_t have = ctl_int(got.data, "have", -1);
        if (have == (int64_t)len) {
            break;
        }
        /* No progress, or more than there is: not a server we know. */
        if (have < 0 || (uint64_t)have > len || (size_t)have == before) {
            ctl_message_finish(&got);
            return FUO_EPROTO;
        }
        before = (size_t)have;
        size_t n = len - before < CTL_CHUNK_MAX ? len - before : CTL_CHUNK_MAX;
        ctl_message_finish(&got);
        err = put_chunk(client, put_params(digest, len, before), bytes + before, n, &got);
        if (err == FUO_OK && got.type != CTL_MSG_DATA && retries > 0) {
            /* Another client may be uploading the same: go on where it stands now. */
            retries--;
            before = SIZE_MAX;
            ctl_message_finish(&got);
            err = put_chunk(client, put_params(digest, len, 0), NULL, 0, &got);
        }
    }
    if (err == FUO_OK) {
        *message = got;
    }
    return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_client.c - a program that says anything in place of fuotad, on a socket: the hello,
 * answers to a call and to an upload, then whatever is left, as a stream.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TIMEOUT_MS = 5000, /* never needed: what is said ends */
};

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static struct {
    char path[64];
    int listener;
} server = {.listener = -1};

struct speech {
    const uint8_t *data;
    size_t size;
    int fd;
};

static void remove_socket(void)
{
    (void)unlink(server.path);
}

static void start_server(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (server.listener >= 0) {
        return;
    }
    snprintf(server.path, sizeof(server.path), "/tmp/fuo-fuzz-client-%ld",
             (long)getpid());
    memcpy(address.sun_path, server.path, sizeof(server.path));
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(bind(server.listener, (const struct sockaddr *)&address, sizeof(address)) ==
            0);
    require(listen(server.listener, 4) == 0);
    atexit(remove_socket);
}

/* Says it all and no more; what the client says is not read. */
static void *speak(void *arg)
{
    struct speech *s = arg;
    s->fd = accept(server.listener, NULL, NULL);
    require(s->fd >= 0);
    for (size_t at = 0; at < s->size;) {
        ssize_t n = send(s->fd, s->data + at, s->size - at, MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        at += (size_t)n;
    }
    shutdown(s->fd, SHUT_WR);
    return NULL;
}

static void listen_to(struct ctl_client *client)
{
    static const uint8_t image[] = "an image";
    char digest[CTL_DIGEST_SIZE];
    struct ctl_message message = {0};
    require(strlen(ctl_client_server_version(client)) < 32);
    if (ctl_client_call(client, CTL_STATUS, NULL, &message) == FUO_OK) {
        require(message.type == CTL_MSG_DATA || message.type == CTL_MSG_ERROR);
        ctl_message_finish(&message);
    }
    if (ctl_client_put(client, image, sizeof(image), digest, &message) == FUO_OK) {
        ctl_message_finish(&message);
    }
    int err = FUO_OK;
    while (err == FUO_OK || err == FUO_EPROTO) {
        err = ctl_client_next(client, &message);
        if (err == FUO_OK) {
            ctl_message_finish(&message);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct speech speech = {data, size, -1};
    struct ctl_client *client = NULL;
    pthread_t thread;
    start_server();
    require(pthread_create(&thread, NULL, speak, &speech) == 0);
    if (ctl_client_open(server.path, TIMEOUT_MS, &client) == FUO_OK) {
        listen_to(client);
        ctl_client_close(client);
    }
    require(pthread_join(thread, NULL) == 0);
    close(speech.fd);
    return 0;
}

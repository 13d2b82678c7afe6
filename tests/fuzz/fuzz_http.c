/* SPDX-License-Identifier: MIT */
/*
 * fuzz_http.c - any bytes as what an HTTP server answers, through the real client and a
 * socket: two requests on one connection, which the server then closes. Each has one answer,
 * within its bounds.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "net/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    REQUESTS = 2,
    ANSWER_MAX = 2000,
    TURNS_MAX = 100000,
    HEADER_MAX = 512,
};

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static struct {
    bool ready;
    uv_loop_t loop;
    int listener;
    char url[64];
} net;

struct exchange {
    const uint8_t *data;
    size_t size;
    size_t sent;
    int fd; /* -1: nobody has connected */
    size_t answers;
    bool closed;
};

static void on_response(void *arg, uint64_t id, const struct fuo_http_response *response)
{
    struct exchange *x = arg;
    require(id == x->answers++);
    require(response->body_len <= ANSWER_MAX);
    const char *const headers[] = {response->grpc_status, response->grpc_message};
    for (size_t i = 0; i < 2; i++) {
        require(headers[i] == NULL || strnlen(headers[i], HEADER_MAX) < HEADER_MAX);
    }
    if (response->err == FUO_OK) {
        require(response->status >= 100 && response->status <= 599);
    }
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    require(strnlen(text, 4096) < 4096);
}

static void on_closed(void *arg)
{
    struct exchange *x = arg;
    x->closed = true;
}

static void prepare(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    if (net.ready) {
        return;
    }
    net.ready = true;
    net.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    require(bind(net.listener, (const struct sockaddr *)&address, len) == 0);
    require(listen(net.listener, 16) == 0);
    require(getsockname(net.listener, (struct sockaddr *)&address, &len) == 0);
    snprintf(net.url, sizeof(net.url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    require(uv_loop_init(&net.loop) == 0);
}

/* The server: says everything to who comes first, and nothing to others. */
static void serve(struct exchange *x)
{
    int fd = accept(net.listener, NULL, NULL);
    if (fd >= 0 && x->fd >= 0) {
        close(fd);
    } else if (fd >= 0) {
        x->fd = fd;
    }
    if (x->fd < 0 || x->sent == SIZE_MAX) {
        return;
    }
    char request[512];
    if (recv(x->fd, request, sizeof(request), MSG_DONTWAIT) <= 0) {
        return; /* an answer before the question would be thrown away */
    }
    if (x->size > 0) {
        (void)!send(x->fd, x->data, x->size, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    shutdown(x->fd, SHUT_WR);
    x->sent = SIZE_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_handlers handlers = {on_response, on_log};
    static const struct fuo_http_request request = {
        .method = "POST",
        .path = "/api",
        .content_type = "application/grpc-web+proto",
        .body = (const uint8_t *)"body",
        .body_len = 4,
    };
    prepare();
    struct exchange x = {.data = data, .size = size, .fd = -1};
    struct http_client *client = NULL;
    struct http_config config = {.base_url = net.url,
                                 .response_max_bytes = ANSWER_MAX,
                                 .backoff_min_ms = 1,
                                 .backoff_max_ms = 1};
    require(http_client_open(&net.loop, &config, &handlers, &x, &client) == FUO_OK);
    for (uint64_t id = 0; id < REQUESTS; id++) {
        require(http_request(client, id, &request) == FUO_OK);
    }
    for (int i = 0; x.answers < REQUESTS; i++) {
        require(i < TURNS_MAX);
        uv_run(&net.loop, UV_RUN_NOWAIT);
        serve(&x);
    }
    http_client_close(client, on_closed, &x);
    while (!x.closed) {
        uv_run(&net.loop, UV_RUN_NOWAIT);
    }
    if (x.fd >= 0) {
        close(x.fd);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "fuota-sim/httpd.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    CONNECTIONS_MAX = 64,
};

struct httpd {
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
    struct MHD_Daemon *daemon;
    httpd_handler *handler;
    void *arg;
    uint16_t port;
};

/* What has come in of one request. */
struct upload {
    uint8_t *body;
    size_t len;
    bool too_long;
};

/* ---- answers ---- */

void httpd_add_header(struct httpd_reply *reply, const char *name, const char *value)
{
    for (size_t i = 0; i < HTTPD_HEADER_MAX; i++) {
        struct httpd_header *header = &reply->headers[i];
        if (header->name == NULL) {
            header->name = name;
            (void)snprintf(header->value, sizeof(header->value), "%s", value);
            return;
        }
    }
}

/* Takes the body. */
static enum MHD_Result send_reply(struct MHD_Connection *connection,
                                  struct httpd_reply *reply)
{
    if (reply->status == 0) {
        free(reply->body);
        return MHD_NO;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->len, reply->body,
        reply->body == NULL ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(reply->body);
        return MHD_NO;
    }
    for (size_t i = 0; i < HTTPD_HEADER_MAX && reply->headers[i].name != NULL; i++) {
        (void)MHD_add_response_header(response, reply->headers[i].name,
                                      reply->headers[i].value);
    }
    enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- requests ---- */

static const char *value_of(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                            const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, kind, name);
    return value != NULL ? value : "";
}

static enum MHD_Result finish(const struct httpd *httpd,
                              struct MHD_Connection *connection, const char *method,
                              const char *url, const struct upload *upload)
{
    struct httpd_reply reply = {0};
    struct httpd_call call = {
        .method = method,
        .path = url,
        .field_mask = value_of(connection, MHD_GET_ARGUMENT_KIND, "field_mask"),
        .content_type = value_of(connection, MHD_HEADER_KIND, "Content-Type"),
        .authorization = value_of(connection, MHD_HEADER_KIND, "Authorization"),
        .body = upload->body != NULL ? upload->body : (const uint8_t *)"",
        .len = upload->len,
    };
    if (upload->too_long) {
        reply.status = MHD_HTTP_CONTENT_TOO_LARGE;
    } else {
        httpd->handler(httpd->arg, &call, &reply);
    }
    return send_reply(connection, &reply);
}

static bool upload_add(struct upload *upload, const char *data, size_t len)
{
    if (upload->too_long || upload->len + len > HTTPD_BODY_MAX_BYTES) {
        upload->too_long = true;
        return true;
    }
    uint8_t *grown = realloc(upload->body, upload->len + len);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + upload->len, data, len);
    upload->body = grown;
    upload->len += len;
    return true;
}

/* NOLINTNEXTLINE(readability-function-size): the signature is libmicrohttpd's */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_len,
                                  void **context)
{
    struct upload *upload = *context;
    (void)version;
    if (upload == NULL) {
        *context = calloc(1, sizeof(struct upload));
        return *context == NULL ? MHD_NO : MHD_YES;
    }
    if (*data_len > 0) {
        bool good = upload_add(upload, data, *data_len);
        *data_len = 0;
        return good ? MHD_YES : MHD_NO;
    }
    return finish(arg, connection, method, url, upload);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct upload *upload = *context;
    (void)arg;
    (void)connection;
    (void)code;
    if (upload != NULL) {
        free(upload->body);
        free(upload);
    }
    *context = NULL;
}

/* ---- on the loop ---- */

static void on_timer(uv_timer_t *timer);

static void run(struct httpd *httpd)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    (void)MHD_run(httpd->daemon);
    if (MHD_get_timeout(httpd->daemon, &timeout_ms) == MHD_YES) {
        uv_timer_start(&httpd->timer, on_timer, timeout_ms, 0);
    } else {
        uv_timer_stop(&httpd->timer);
    }
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static int watch(struct uv_loop_s *loop, struct httpd *httpd)
{
    const union MHD_DaemonInfo *epoll =
        MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    const union MHD_DaemonInfo *port =
        MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (epoll == NULL || port == NULL ||
        uv_poll_init(loop, &httpd->poll, epoll->epoll_fd) != 0) {
        return FUO_EIO;
    }
    httpd->port = port->port;
    (void)uv_timer_init(loop, &httpd->timer);
    httpd->open_handles = 2;
    httpd->poll.data = httpd;
    httpd->timer.data = httpd;
    return uv_poll_start(&httpd->poll, UV_READABLE, on_poll) == 0 ? FUO_OK : FUO_EIO;
}

int httpd_open(struct uv_loop_s *loop, const char *host, uint16_t port,
               httpd_handler *handler, void *arg, struct httpd **httpd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return FUO_EINVAL;
    }
    struct httpd *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return FUO_ENOMEM;
    }
    h->handler = handler;
    h->arg = arg;
    h->daemon = MHD_start_daemon(MHD_USE_EPOLL, port, NULL, NULL, on_request, h,
                                 MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&address,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                 MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (h->daemon == NULL) {
        free(h);
        return FUO_EIO;
    }
    int err = watch(loop, h);
    if (err != FUO_OK) {
        httpd_close(h);
        return err;
    }
    *httpd = h;
    return FUO_OK;
}

uint16_t httpd_port(const struct httpd *httpd)
{
    return httpd->port;
}

static void on_closed(uv_handle_t *handle)
{
    struct httpd *httpd = handle->data;
    if (--httpd->open_handles == 0) {
        free(httpd);
    }
}

void httpd_close(struct httpd *httpd)
{
    if (httpd == NULL) {
        return;
    }
    if (httpd->open_handles > 0) {
        uv_close((uv_handle_t *)&httpd->poll, on_closed);
        uv_close((uv_handle_t *)&httpd->timer, on_closed);
    }
    MHD_stop_daemon(httpd->daemon);
    if (httpd->open_handles == 0) {
        free(httpd);
    }
}

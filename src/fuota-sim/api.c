/* SPDX-License-Identifier: MIT */
#include "fuota-sim/api.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "fuota-sim/grpcweb.h"

enum {
    TRAILERS_MAX = 256,
    CONNECTIONS_MAX = 64,
    TOKEN_MAX = 1024,
};

struct api {
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
    struct MHD_Daemon *daemon;
    api_handler *handler;
    void *arg;
    uint16_t port;
    char expected[TOKEN_MAX]; /* of the Authorization header; "": any */
};

/* What has come in of one request. */
struct upload {
    uint8_t *body;
    size_t len;
    bool too_long;
};

/* ---- answers ---- */

static enum MHD_Result reply_http(struct MHD_Connection *connection, unsigned status)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static void add_headers(struct MHD_Response *response, const struct rpc_response *rpc)
{
    char status[16];
    (void)MHD_add_response_header(response, "content-type", "application/grpc-web+proto");
    if (rpc->status != RPC_OK) {
        (void)snprintf(status, sizeof(status), "%d", (int)rpc->status);
        (void)MHD_add_response_header(response, "grpc-status", status);
        if (rpc->message[0] != '\0') {
            (void)MHD_add_response_header(response, "grpc-message", rpc->message);
        }
    }
}

static enum MHD_Result reply_rpc(struct MHD_Connection *connection,
                                 const struct rpc_response *rpc)
{
    size_t len = 0;
    uint8_t *body = rpc->status == RPC_OK ? grpcweb_frame(rpc, &len) : NULL;
    if (rpc->status == RPC_OK && body == NULL) {
        return MHD_NO;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        len, body, body == NULL ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
        return MHD_NO;
    }
    add_headers(response, rpc);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- requests ---- */

static bool authorized(const struct api *api, struct MHD_Connection *connection)
{
    const char *given =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    return api->expected[0] == '\0' ||
           (given != NULL && strcmp(given, api->expected) == 0);
}

static bool is_grpc_web(struct MHD_Connection *connection)
{
    static const char prefix[] = "application/grpc-web";
    const char *type =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    if (type == NULL || strncmp(type, prefix, sizeof(prefix) - 1) != 0) {
        return false;
    }
    const char *rest = type + sizeof(prefix) - 1;
    return *rest == '\0' || strcmp(rest, "+proto") == 0;
}

static enum MHD_Result finish(struct api *api, struct MHD_Connection *connection,
                              const char *url, const struct upload *upload)
{
    struct rpc_request request = {.path = url};
    struct rpc_response response = {.status = RPC_UNAUTHENTICATED,
                                    .message = "authentication failed"};
    if (upload->too_long) {
        return reply_http(connection, MHD_HTTP_CONTENT_TOO_LARGE);
    }
    if (!is_grpc_web(connection)) {
        return reply_http(connection, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE);
    }
    if (authorized(api, connection)) {
        response.status = RPC_INTERNAL;
        response.message = "malformed frame";
        if (grpcweb_unframe(upload->body, upload->len, &request)) {
            api->handler(api->arg, &request, &response);
        }
    }
    enum MHD_Result result = reply_rpc(connection, &response);
    free(response.body);
    return result;
}

static bool upload_add(struct upload *upload, const char *data, size_t len)
{
    if (upload->too_long || upload->len + len > API_BODY_MAX_BYTES) {
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
    if (strcmp(method, MHD_HTTP_METHOD_POST) != 0) {
        return reply_http(connection, MHD_HTTP_METHOD_NOT_ALLOWED);
    }
    return finish(arg, connection, url, upload);
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

static void run(struct api *api)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    (void)MHD_run(api->daemon);
    if (MHD_get_timeout(api->daemon, &timeout_ms) == MHD_YES) {
        uv_timer_start(&api->timer, on_timer, timeout_ms, 0);
    } else {
        uv_timer_stop(&api->timer);
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

static int watch(struct uv_loop_s *loop, struct api *api)
{
    const union MHD_DaemonInfo *epoll =
        MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    const union MHD_DaemonInfo *port =
        MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (epoll == NULL || port == NULL ||
        uv_poll_init(loop, &api->poll, epoll->epoll_fd) != 0) {
        return FUO_EIO;
    }
    api->port = port->port;
    (void)uv_timer_init(loop, &api->timer);
    api->open_handles = 2;
    api->poll.data = api;
    api->timer.data = api;
    return uv_poll_start(&api->poll, UV_READABLE, on_poll) == 0 ? FUO_OK : FUO_EIO;
}

int api_open(struct uv_loop_s *loop, const struct api_config *config,
             api_handler *handler, void *arg, struct api **api)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(config->port)};
    if (inet_pton(AF_INET, config->host, &address.sin_addr) != 1) {
        return FUO_EINVAL;
    }
    struct api *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return FUO_ENOMEM;
    }
    a->handler = handler;
    a->arg = arg;
    if (config->token != NULL) {
        (void)snprintf(a->expected, sizeof(a->expected), "Bearer %s", config->token);
    }
    a->daemon = MHD_start_daemon(MHD_USE_EPOLL, config->port, NULL, NULL, on_request, a,
                                 MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&address,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, a,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                 MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (a->daemon == NULL) {
        free(a);
        return FUO_EIO;
    }
    int err = watch(loop, a);
    if (err != FUO_OK) {
        api_close(a);
        return err;
    }
    *api = a;
    return FUO_OK;
}

uint16_t api_port(const struct api *api)
{
    return api->port;
}

static void on_closed(uv_handle_t *handle)
{
    struct api *api = handle->data;
    if (--api->open_handles == 0) {
        free(api);
    }
}

void api_close(struct api *api)
{
    if (api == NULL) {
        return;
    }
    if (api->open_handles > 0) {
        uv_close((uv_handle_t *)&api->poll, on_closed);
        uv_close((uv_handle_t *)&api->timer, on_closed);
    }
    MHD_stop_daemon(api->daemon);
    if (api->open_handles == 0) {
        free(api);
    }
}

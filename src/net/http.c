/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "io/cleanup.h"
#include "net/backoff.h"
#include "net/http_request.h"

enum {
    LOG_SIZE = 512,
    IDLE_MAX_S = 30, /* a connection unused for longer is not used again */
};

/* One per socket that libcurl wants watched. */
struct watch {
    struct http_client *client;
    curl_socket_t socket;
    uv_poll_t poll;
};

struct http_client {
    struct http_config config; /* texts are owned */
    struct http_handlers handlers;
    void *arg;
    CURLM *multi;
    CURL *easy; /* one, used again for each request: one at a time */
    struct http_request_item *head;
    struct http_request_item *last;
    struct http_request_item *current;
    struct backoff backoff;
    uv_timer_t curl_timer;
    uv_timer_t start_timer; /* starts the next request */
    bool backing_off;
    bool closing;
    char error_text[CURL_ERROR_SIZE];
    char problem[LOG_SIZE]; /* of the last request, as logged */
    struct http_stats stats;
    int handles_open;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

static void start_next(struct http_client *c);

__attribute__((format(printf, 3, 4))) static void
say(struct http_client *c, enum fuo_log_level level, const char *format, ...)
{
    char text[LOG_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    c->handlers.log(c->arg, level, text);
}

/* ---- queue ---- */

static void on_start_timer(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    c->backing_off = false;
    start_next(c);
}

static void arm_start(struct http_client *c, uint32_t delay_ms)
{
    c->backing_off = delay_ms > 0;
    uv_timer_start(&c->start_timer, on_start_timer, delay_ms, 0);
}

static struct http_request_item *pop(struct http_client *c)
{
    struct http_request_item *item = c->head;
    if (item != NULL) {
        c->head = item->next;
        item->next = NULL;
    }
    return item;
}

static void answer(struct http_client *c, struct http_request_item *item,
                   const struct fuo_http_response *response)
{
    uint64_t id = item->id;
    c->stats.queued--;
    if (response->err != FUO_OK) {
        c->stats.failures++;
    }
    if (c->handlers.on_response != NULL) {
        c->handlers.on_response(c->arg, id, response);
    }
    http_request_item_destroy(item);
}

/* The server is away: what has queued up so far is told at once. */
static void refuse_queued(struct http_client *c)
{
    struct http_request_item *item = c->head;
    c->head = NULL;
    while (item != NULL) {
        struct http_request_item *next = item->next;
        if (c->closing) {
            http_request_item_destroy(item);
        } else {
            answer(c, item, &(struct fuo_http_response){.err = FUO_EAGAIN});
        }
        item = next;
    }
}

/* ---- one request ---- */

/* Once bytes may have left, "not sent" is no longer certain. */
static int err_of(const struct http_client *c, CURLcode code)
{
    curl_off_t pretransfer_us = 0;
    switch (code) {
    case CURLE_OK:
        return FUO_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return FUO_EAGAIN;
    default:
        curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
        return pretransfer_us == 0 ? FUO_EAGAIN : FUO_ETIMEDOUT;
    }
}

/* libcurl takes more digits than there are, as in "HTTP/21001." */
static bool is_status(long status)
{
    return status >= 100 && status <= 599;
}

static void finish_current(struct http_client *c, CURLcode code)
{
    struct http_request_item *item = TAKE(c->current);
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && !is_status(status)) {
        code = CURLE_WEIRD_SERVER_REPLY;
    }
    struct fuo_http_response response = {.err = err_of(c, code)};
    curl_multi_remove_handle(c->multi, c->easy);

    if (item->too_big) {
        response.err = FUO_ENOSPC;
    }
    if (response.err == FUO_OK) {
        response.status = (int)status;
        response.body = item->answer;
        response.body_len = item->answer_len;
        response.grpc_status = item->grpc_status;
        response.grpc_message = item->grpc_message;
        backoff_reset(&c->backoff);
        c->problem[0] = '\0';
    } else {
        snprintf(c->problem, sizeof(c->problem), "http %s%s: %s", c->config.base_url,
                 c->config.path_secret ? "" : item->path,
                 item->too_big              ? "the answer is too big"
                 : c->error_text[0] != '\0' ? c->error_text
                                            : curl_easy_strerror(code));
        c->handlers.log(c->arg, FUO_LOG_WARN, c->problem);
    }
    bool away = response.err == FUO_EAGAIN;
    answer(c, item, &response);
    if (away && !c->closing) {
        refuse_queued(c);
    }
    if (!c->closing) {
        arm_start(c, away ? backoff_next_ms(&c->backoff) : 0);
    }
}

static void set_common(struct http_client *c)
{
    CURL *e = c->easy;
    const struct http_config *config = &c->config;
    curl_easy_reset(e);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)config->total_timeout_ms);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error_text);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    if (config->ca_file != NULL) {
        curl_easy_setopt(e, CURLOPT_CAINFO, config->ca_file);
        curl_easy_setopt(e, CURLOPT_CAPATH, (char *)NULL);
    }
    c->error_text[0] = '\0';
}

static CURLcode begin(struct http_client *c, struct http_request_item *item)
{
    set_common(c);
    if (!http_request_item_prepare(item, &c->config, c->easy)) {
        return CURLE_OUT_OF_MEMORY;
    }
    return curl_multi_add_handle(c->multi, c->easy) == CURLM_OK ? CURLE_OK
                                                                : CURLE_FAILED_INIT;
}

static void start_next(struct http_client *c)
{
    if (c->closing || c->current != NULL || c->backing_off) {
        return;
    }
    struct http_request_item *item = pop(c);
    if (item == NULL) {
        return;
    }
    c->current = item;
    c->stats.requests++;
    if (begin(c, item) != CURLE_OK) {
        c->current = NULL;
        answer(c, item, &(struct fuo_http_response){.err = FUO_EAGAIN});
        arm_start(c, backoff_next_ms(&c->backoff));
    }
}

/* ---- libcurl on the loop ---- */

static void collect(struct http_client *c)
{
    int left = 0;
    CURLMsg *message = curl_multi_info_read(c->multi, &left);
    if (message != NULL && message->msg == CURLMSG_DONE && c->current != NULL) {
        finish_current(c, message->data.result);
    }
}

static void act(struct http_client *c, curl_socket_t socket, int flags)
{
    int running = 0;
    if (c->closing) {
        return;
    }
    curl_multi_socket_action(c->multi, socket, flags, &running);
    collect(c);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct watch *w = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    act(w->client, w->socket, flags);
}

static void on_curl_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct http_client *c = context;
    (void)multi;
    if (c->closing || timeout_ms < 0) {
        uv_timer_stop(&c->curl_timer);
    } else {
        uv_timer_start(&c->curl_timer, on_curl_timer, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *watch_new(struct http_client *c, curl_socket_t socket)
{
    struct watch *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return NULL;
    }
    w->client = c;
    w->socket = socket;
    if (uv_poll_init_socket(c->curl_timer.loop, &w->poll, socket) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    curl_multi_assign(c->multi, socket, w);
    return w;
}

static int set_watch(CURL *easy, curl_socket_t socket, int what, void *context,
                     void *socket_context)
{
    struct http_client *c = context;
    struct watch *w = socket_context;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            uv_poll_stop(&w->poll);
            curl_multi_assign(c->multi, socket, NULL);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        }
        return 0;
    }
    if (w == NULL) {
        w = watch_new(c, socket);
    }
    if (w == NULL) {
        return -1;
    }
    int events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
    events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
    return uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

/* ---- open and close ---- */

static void finish_curl(struct http_client *c)
{
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    curl_global_cleanup();
}

static int init_curl(struct http_client *c)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return FUO_ENOMEM;
    }
    c->multi = curl_multi_init();
    c->easy = curl_easy_init();
    if (c->multi == NULL || c->easy == NULL) {
        finish_curl(c);
        return FUO_ENOMEM;
    }
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, set_watch);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_curl_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return FUO_OK;
}

int http_client_open(struct uv_loop_s *loop, const struct http_config *config,
                     const struct http_handlers *handlers, void *arg,
                     struct http_client **client)
{
    AUTO_FREE struct http_client *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return FUO_ENOMEM;
    }
    c->handlers = *handlers;
    c->arg = arg;
    const char *problem = http_config_problem(config);
    if (problem != NULL) {
        say(c, FUO_LOG_ERROR, "http: %s", problem);
        return FUO_EINVAL;
    }
    int err = http_config_copy(&c->config, config);
    if (err != FUO_OK) {
        return err;
    }
    err = init_curl(c);
    if (err != FUO_OK) {
        http_config_finish(&c->config);
        return err;
    }
    c->backoff = backoff_init(c->config.backoff_min_ms, c->config.backoff_max_ms,
                              c->config.jitter_seed);
    uv_timer_init(loop, &c->curl_timer);
    uv_timer_init(loop, &c->start_timer);
    c->curl_timer.data = c;
    c->start_timer.data = c;
    c->handles_open = 2;
    *client = TAKE(c);
    return FUO_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct http_client *c = handle->data;
    if (--c->handles_open > 0) {
        return;
    }
    void (*on_closed)(void *) = c->on_closed;
    void *arg = c->closed_arg;
    http_config_finish(&c->config);
    free(c);
    if (on_closed != NULL) {
        on_closed(arg);
    }
}

/* libcurl may not be torn down from its own callbacks' stack: next turn of the loop. */
static void on_close_timer(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    if (c->current != NULL) {
        curl_multi_remove_handle(c->multi, c->easy);
    }
    finish_curl(c);
    http_request_item_destroy(TAKE(c->current));
    refuse_queued(c);
    uv_close((uv_handle_t *)&c->curl_timer, on_timer_closed);
    uv_close((uv_handle_t *)&c->start_timer, on_timer_closed);
}

void http_client_close(struct http_client *client, void (*on_closed)(void *arg),
                       void *arg)
{
    if (client == NULL) {
        return;
    }
    assert(!client->closing);
    client->closing = true;
    client->on_closed = on_closed;
    client->closed_arg = arg;
    uv_timer_stop(&client->curl_timer);
    uv_timer_start(&client->start_timer, on_close_timer, 0, 0);
}

int http_request(struct http_client *client, uint64_t id,
                 const struct fuo_http_request *request)
{
    if (client->stats.queued >= HTTP_QUEUE_MAX || client->closing) {
        return FUO_EAGAIN;
    }
    struct http_request_item *item;
    int err =
        http_request_item_create(id, request, client->config.response_max_bytes, &item);
    if (err != FUO_OK) {
        return err;
    }
    if (client->head == NULL) {
        client->head = item;
    } else {
        client->last->next = item;
    }
    client->last = item;
    client->stats.queued++;
    if (client->current == NULL && !client->backing_off) {
        arm_start(client, 0);
    }
    return FUO_OK;
}

const char *http_problem(const struct http_client *client)
{
    return client->problem;
}

struct http_stats http_stats(const struct http_client *client)
{
    return client->stats;
}

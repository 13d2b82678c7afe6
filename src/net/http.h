/* SPDX-License-Identifier: MIT */
/*
 * http.h - requests to one HTTP server, in order and one at a time, on a libuv loop.
 *
 * HTTP/1.1 with keep-alive, plain or TLS. Never: a redirect, a proxy (not from the
 * environment either), a POST sent twice. An answer is bounded in size and time.
 * After a failure to connect, what was queued fails at once (FUO_EAGAIN) and the next
 * request waits for a back-off. Bodies are wiped when they are freed, the token is never
 * logged.
 *
 * Every function is called, and every handler runs, on the loop thread. A handler may
 * call any function here, http_client_close() included. libcurl's global state is counted:
 * each client holds a share of it, from open to the end of close.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "fuotad/plugin.h"

struct uv_loop_s;
struct http_client;

enum {
    HTTP_QUEUE_MAX = 256, /* requests under way, the current one included */
    HTTP_RESPONSE_MAX_BYTES = 1 << 20,
    HTTP_REQUEST_MAX_BYTES = 1 << 20,
};

/* NULL strings: none; 0: the default. Everything is copied. */
struct http_config {
    const char *base_url;        /* http://host[:port][/prefix] or https://... */
    const char *bearer_token;    /* the value, not a file name */
    const char *ca_file;         /* PEM; NULL with https: the system's */
    uint32_t connect_timeout_ms; /* 5 000 */
    uint32_t total_timeout_ms;   /* 15 000 */
    size_t response_max_bytes;   /* HTTP_RESPONSE_MAX_BYTES */
    uint32_t backoff_min_ms;     /* 100 */
    uint32_t backoff_max_ms;     /* 30 000 */
    uint64_t jitter_seed;
    bool path_secret; /* paths are not logged, nor in http_problem() */
};

struct http_handlers {
    /*
     * Once for every accepted request; response is borrowed. response->err: FUO_OK: an
     * answer came, whatever its status; FUO_EAGAIN: the request was certainly not sent;
     * FUO_ETIMEDOUT: no usable answer came, the request may have taken effect;
     * FUO_ENOSPC: as FUO_ETIMEDOUT, because the answer was too big.
     */
    void (*on_response)(void *arg, uint64_t id, const struct fuo_http_response *response);
    void (*log)(void *arg, enum fuo_log_level level, const char *text);
};

struct http_stats {
    uint64_t requests;
    uint64_t failures; /* no usable answer */
    uint32_t queued;
};

/* FUO_EINVAL: unusable config, with a reason in the log. *client is set on success only. */
FUO_MUST_CHECK int http_client_open(struct uv_loop_s *loop,
                                    const struct http_config *config,
                                    const struct http_handlers *handlers, void *arg,
                                    struct http_client **client);

/*
 * Forget what is under way and free everything; no handler runs after this call except
 * on_closed (may be NULL), the last call made. Accepts NULL: then nothing is called.
 */
void http_client_close(struct http_client *client, void (*on_closed)(void *arg),
                       void *arg);

/*
 * FUO_OK: on_response(id) follows, never before this returns; request is copied.
 * FUO_EAGAIN: the queue is full. FUO_EINVAL: the path does not start with '/', or a text
 * holds control characters; FUO_ERANGE: body too big.
 */
FUO_MUST_CHECK int http_request(struct http_client *client, uint64_t id,
                                const struct fuo_http_request *request);

/* Why the last request got no usable answer, for people; "" if it got one, or none was
 * made. Borrowed until the next turn of the loop. */
const char *http_problem(const struct http_client *client);

struct http_stats http_stats(const struct http_client *client);

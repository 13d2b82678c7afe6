/* SPDX-License-Identifier: MIT */
/*
 * httpd.h - an HTTP/1.1 port with libmicrohttpd on the libuv loop, without a thread.
 *
 * What comes in is bounded: a body beyond HTTPD_BODY_MAX_BYTES is refused here. Everything
 * else is the handler's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

struct uv_loop_s;
struct httpd;

enum {
    HTTPD_BODY_MAX_BYTES = 1 << 20,
    HTTPD_HEADER_MAX = 4,
    HTTPD_VALUE_SIZE = 256,
};

/* A request; borrowed, no member is NULL. */
struct httpd_call {
    const char *method;
    const char *path;          /* without the query */
    const char *field_mask;    /* of the query; "": none */
    const char *content_type;  /* "": none */
    const char *authorization; /* "": none */
    const uint8_t *body;
    size_t len;
};

struct httpd_header {
    const char *name; /* NULL: the end */
    char value[HTTPD_VALUE_SIZE];
};

struct httpd_reply {
    unsigned status; /* 0: there is no memory for one */
    struct httpd_header headers[HTTPD_HEADER_MAX];
    uint8_t *body; /* owned, free(); NULL: none */
    size_t len;
};

/* A header more; what is beyond the bounds is cut. */
void httpd_add_header(struct httpd_reply *reply, const char *name, const char *value);

/* Called on the loop thread, with a zeroed reply. */
typedef void httpd_handler(void *arg, const struct httpd_call *call,
                           struct httpd_reply *reply);

/* host: numeric IPv4; port 0: any. FUO_EINVAL: bad host; FUO_EIO: cannot listen there.
 * *httpd is set on success only. */
FUO_MUST_CHECK int httpd_open(struct uv_loop_s *loop, const char *host, uint16_t port,
                              httpd_handler *handler, void *arg, struct httpd **httpd);

/* The port it listens on. */
uint16_t httpd_port(const struct httpd *httpd);

/* Frees itself when the loop has closed its handles. Accepts NULL. */
void httpd_close(struct httpd *httpd);

/* SPDX-License-Identifier: MIT */
/*
 * api.h - ChirpStack's API port: gRPC-Web over HTTP/1.1 (network-servers.md 2.2), with
 * libmicrohttpd on the libuv loop, without a thread.
 *
 * Answers have status 200 and carry the gRPC status: in a trailer frame after the message,
 * or, when there is no message, in the HTTP headers. A wrong or missing token is
 * UNAUTHENTICATED. Bodies are bounded; what is no POST of gRPC-Web is refused with an HTTP
 * status, as by any web server.
 */
#pragma once

#include <stdint.h>

#include "fuota-sim/rpc.h"
#include "fuotad/error.h"

struct uv_loop_s;
struct api;

enum {
    API_BODY_MAX_BYTES = 1 << 20,
};

struct api_config {
    const char *host;  /* numeric IPv4 */
    uint16_t port;     /* 0: any */
    const char *token; /* NULL: every caller is welcome */
};

/* Carries out one call; called on the loop thread. */
typedef void api_handler(void *arg, const struct rpc_request *request,
                         struct rpc_response *response);

/* FUO_EINVAL: bad host; FUO_EIO: cannot listen there. *api is set on success only. */
FUO_MUST_CHECK int api_open(struct uv_loop_s *loop, const struct api_config *config,
                            api_handler *handler, void *arg, struct api **api);

/* The port it listens on. */
uint16_t api_port(const struct api *api);

/* Frees itself when the loop has closed its handles. Accepts NULL. */
void api_close(struct api *api);

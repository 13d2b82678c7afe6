/* SPDX-License-Identifier: MIT */
/*
 * api.h - ChirpStack's API on an HTTP port: gRPC-Web over HTTP/1.1 (network-servers.md 2.2).
 *
 * Answers have status 200 and carry the gRPC status: in a trailer frame after the message,
 * or, when there is no message, in the HTTP headers. A wrong or missing token is
 * UNAUTHENTICATED. What is no POST of gRPC-Web is refused with an HTTP status, as by any
 * web server.
 */
#pragma once

#include <stdbool.h>

#include "base/time.h"
#include "fuota-sim/directory.h"
#include "fuota-sim/httpd.h"
#include "sim/chirpstack.h"

struct api {
    struct cs *cs;
    struct utc now;
    const char *token;                 /* NULL: every caller is welcome */
    const struct directory *directory; /* NULL: there is none */
};

void api_serve(const struct api *api, const struct httpd_call *call,
               struct httpd_reply *reply);

/* Whether a call brings "Authorization: Bearer TOKEN"; all do if token is NULL. */
bool api_authorized(const char *token, const struct httpd_call *call);

/* SPDX-License-Identifier: MIT */
/*
 * api.h - calls of The Things Stack's HTTP API: send, and route the answer back.
 *
 * A body may hold session keys: the caller wipes its own, the host what it copied.
 */
#pragma once

#include "tts.h"

struct json_object;

/* The registries of a device, and so the first part of its path. */
#define API_IS   "/api/v3/applications/"                /* Identity Server */
#define API_NS   "/api/v3/ns/applications/"             /* Network Server */
#define API_AS   "/api/v3/as/applications/"             /* Application Server */
#define API_GS   "/api/v3/gs/gateways/connection/stats" /* Gateway Server */
#define API_AUTH "/api/v3/auth_info"                    /* who the key is */

/* What an answer to a call is; borrowed. */
struct api_answer {
    int err;
    const char *text;         /* for people, if err is not FUO_OK */
    struct json_object *json; /* if it is; never NULL then */
};

/* Runs once per accepted call; context is then the callee's to free or to pass on. */
typedef void api_done(struct fuo_ns *ns, void *context, const struct api_answer *answer);

/* Called instead of done() when the connection is closed: frees context. */
typedef void api_drop(void *context);

struct api_request {
    const char *method;   /* a literal */
    const char *registry; /* API_IS, API_NS, API_AS; API_GS and API_AUTH are whole */
    const char *device;   /* NULL: it is about the application */
    const char *rest;     /* behind that: "", "/down", "?field_mask=attributes" */
    const char *body;     /* NULL: none */
};

/*
 * FUO_OK: done() follows, never before this returns. Else neither done() nor drop() is
 * called: FUO_EAGAIN: too much under way; FUO_ENOMEM.
 */
FUO_MUST_CHECK int api_call(struct fuo_ns *ns, const struct api_request *request,
                            api_done *done, api_drop *drop, void *context);

/* An answer from the host. */
void api_on_http(struct fuo_ns *ns, uint64_t http_id,
                 const struct fuo_http_response *response);

/* Forget all calls. */
void api_close(struct fuo_ns *ns);

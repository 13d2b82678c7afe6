/* SPDX-License-Identifier: MIT */
#include "fuota-sim/api.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuota-sim/grpcweb.h"
#include "fuota-sim/rpc.h"

enum {
    TOKEN_MAX = 1024,
    HTTP_OK = 200,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_UNSUPPORTED_MEDIA_TYPE = 415,
};

bool api_authorized(const char *token, const struct httpd_call *call)
{
    char expected[TOKEN_MAX];
    if (token == NULL) {
        return true;
    }
    int n = snprintf(expected, sizeof(expected), "Bearer %s", token);
    return n > 0 && (size_t)n < sizeof(expected) &&
           strcmp(call->authorization, expected) == 0;
}

static bool is_grpc_web(const struct httpd_call *call)
{
    static const char prefix[] = "application/grpc-web";
    const char *type = call->content_type;
    if (strncmp(type, prefix, sizeof(prefix) - 1) != 0) {
        return false;
    }
    const char *rest = type + sizeof(prefix) - 1;
    return *rest == '\0' || strcmp(rest, "+proto") == 0;
}

static void reply_rpc(const struct rpc_response *rpc, struct httpd_reply *reply)
{
    reply->status = HTTP_OK;
    httpd_add_header(reply, "content-type", "application/grpc-web+proto");
    if (rpc->status == RPC_OK) {
        reply->body = grpcweb_frame(rpc, &reply->len);
        reply->status = reply->body != NULL ? HTTP_OK : 0;
        return;
    }
    char status[16];
    (void)snprintf(status, sizeof(status), "%d", (int)rpc->status);
    httpd_add_header(reply, "grpc-status", status);
    if (rpc->message[0] != '\0') {
        httpd_add_header(reply, "grpc-message", rpc->message);
    }
}

void api_serve(const struct api *api, const struct httpd_call *call,
               struct httpd_reply *reply)
{
    struct rpc_request request = {.path = call->path};
    struct rpc_response response = {.status = RPC_UNAUTHENTICATED,
                                    .message = "authentication failed"};
    if (strcmp(call->method, "POST") != 0) {
        reply->status = HTTP_METHOD_NOT_ALLOWED;
        return;
    }
    if (!is_grpc_web(call)) {
        reply->status = HTTP_UNSUPPORTED_MEDIA_TYPE;
        return;
    }
    if (api_authorized(api->token, call)) {
        response.status = RPC_INTERNAL;
        response.message = "malformed frame";
        bool framed = grpcweb_unframe(call->body, call->len, &request);
        if (framed && (api->directory == NULL ||
                       !directory_call(api->directory, &request, &response))) {
            rpc_call(api->cs, &request, api->now, &response);
        }
    }
    reply_rpc(&response, reply);
    free(response.body);
}

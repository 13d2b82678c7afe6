/* SPDX-License-Identifier: MIT */
#include "api.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum {
    PATH_SIZE = 320,
    TEXT_SIZE = 200,
};

struct call {
    struct call *next;
    uint64_t http_id;
    api_done *done;
    api_drop *drop;
    void *context;
};

int api_call(struct fuo_ns *ns, const struct api_request *request, api_done *done,
             api_drop *drop, void *context)
{
    char path[PATH_SIZE];
    struct call *call = malloc(sizeof(*call));
    if (call == NULL) {
        return FUO_ENOMEM;
    }
    *call = (struct call){
        .http_id = ns->next_no++, .done = done, .drop = drop, .context = context};
    bool whole = strcmp(request->registry, API_GS) == 0 ||
                 strcmp(request->registry, API_AUTH) == 0;
    snprintf(path, sizeof(path), "%s%s%s%s%s", request->registry,
             whole ? "" : ns->application_id, request->device != NULL ? "/devices/" : "",
             request->device != NULL ? request->device : "", request->rest);
    struct fuo_http_request http = {
        .method = request->method,
        .path = path,
        .content_type = request->body != NULL ? "application/json" : NULL,
        .accept = "application/json",
        .body = (const uint8_t *)request->body,
        .body_len = request->body != NULL ? strlen(request->body) : 0,
    };
    int err = ns->base.ops->http(ns->base.host, call->http_id, &http);
    if (err != FUO_OK) {
        free(call);
        return err;
    }
    call->next = ns->calls;
    ns->calls = call;
    return FUO_OK;
}

static struct call *take_call(struct fuo_ns *ns, uint64_t http_id)
{
    struct call **at = &ns->calls;
    while (*at != NULL && (*at)->http_id != http_id) {
        at = &(*at)->next;
    }
    struct call *call = *at;
    if (call != NULL) {
        *at = call->next;
    }
    return call;
}

/* ---- what an answer means ---- */

/* lorawan-stack pkg/errors: a gRPC code as an HTTP status. */
static int err_of_status(int status)
{
    switch (status) {
    case 200:
        return FUO_OK;
    case 401:
    case 403:
        return FUO_EPERM;
    case 404:
        return FUO_ENOENT;
    case 409:
        return FUO_EEXIST;
    case 429: /* rate limits */
    case 503:
        return FUO_EAGAIN;
    default:
        return status >= 500 ? FUO_ETIMEDOUT : FUO_EPROTO;
    }
}

/* "error:pkg/...:name (words)", printable and cut; or what else there is to say. */
static void explain(struct json_object *json, int status, char text[static TEXT_SIZE])
{
    size_t len;
    const char *message = json_text(json, "message", &len);
    if (len == 0) {
        snprintf(text, TEXT_SIZE,
                 "HTTP status %d without a word of The Things Stack; "
                 "check the URL of the API",
                 status);
        return;
    }
    snprintf(text, TEXT_SIZE, "%s", message);
    for (char *at = text; *at != '\0'; at++) {
        if (*at < ' ' || *at >= 0x7f) {
            *at = '?';
        }
    }
}

void api_on_http(struct fuo_ns *ns, uint64_t http_id,
                 const struct fuo_http_response *response)
{
    struct call *call = take_call(ns, http_id);
    char text[TEXT_SIZE] = "";
    struct api_answer answer = {.text = text};
    if (call == NULL) {
        return;
    }
    if (response->err != FUO_OK) {
        answer.err = response->err == FUO_EAGAIN ? FUO_EAGAIN : FUO_ETIMEDOUT;
        answer.text =
            answer.err == FUO_EAGAIN ? "the server is away" : "no answer in time";
    } else {
        answer.json = json_read(response->body, response->body_len);
        answer.err = err_of_status(response->status);
        if (answer.err != FUO_OK) {
            explain(answer.json, response->status, text);
        } else if (answer.json == NULL) {
            ns->base.ops->reject(ns->base.host, "API answer that is not JSON");
            answer.err = FUO_EPROTO;
            answer.text = "the answer is not JSON; check the URL of the API";
        }
    }
    call->done(ns, call->context, &answer);
    json_object_put(answer.json);
    free(call);
}

void api_close(struct fuo_ns *ns)
{
    while (ns->calls != NULL) {
        struct call *call = ns->calls;
        ns->calls = call->next;
        call->drop(call->context);
        free(call);
    }
}

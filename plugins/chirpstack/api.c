/* SPDX-License-Identifier: MIT */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    BUSY_TRIES = 5,
};

struct call {
    struct call *next;
    uint64_t http_id;
    const char *path;
    uint8_t *body; /* wiped_alloc() */
    size_t body_len;
    int tries;
    api_done *done;
    api_drop *drop;
    void *context;
};

/* ---- memory that is wiped ---- */

union block {
    size_t size;
    max_align_t align;
};

static void *wiped_alloc(void *data, size_t size)
{
    (void)data;
    union block *b = malloc(sizeof(*b) + size);
    if (b == NULL) {
        return NULL;
    }
    b->size = size;
    return b + 1;
}

static void wiped_free(void *data, void *p)
{
    (void)data;
    if (p != NULL) {
        union block *b = (union block *)p - 1;
        explicit_bzero(p, b->size);
        free(b);
    }
}

ProtobufCAllocator api_allocator = {.alloc = wiped_alloc, .free = wiped_free};

/* ---- calls ---- */

static void call_free(struct call *call)
{
    wiped_free(NULL, call->body);
    free(call);
}

static struct call *call_new(const char *path, const ProtobufCMessage *request)
{
    size_t len = protobuf_c_message_get_packed_size(request);
    struct call *call = calloc(1, sizeof(*call));
    uint8_t *body = wiped_alloc(NULL, GRPCWEB_PREFIX_LEN + len);
    if (call == NULL || body == NULL) {
        wiped_free(NULL, body);
        free(call);
        return NULL;
    }
    grpcweb_prefix(len, body);
    protobuf_c_message_pack(request, body + GRPCWEB_PREFIX_LEN);
    call->path = path;
    call->body = body;
    call->body_len = GRPCWEB_PREFIX_LEN + len;
    return call;
}

static int post(struct fuo_ns *ns, struct call *call)
{
    struct fuo_http_request http = {
        .method = "POST",
        .path = call->path,
        .content_type = "application/grpc-web+proto",
        .accept = "application/grpc-web+proto",
        .body = call->body,
        .body_len = call->body_len,
    };
    call->http_id = ns->next_http_id++;
    int err = ns->base.ops->http(ns->base.host, call->http_id, &http);
    if (err == FUO_OK) {
        call->tries++;
        call->next = ns->calls;
        ns->calls = call;
    }
    return err;
}

int api_call(struct fuo_ns *ns, const char *path, const ProtobufCMessage *request,
             api_done *done, api_drop *drop, void *context)
{
    struct call *call = call_new(path, request);
    if (call == NULL) {
        return FUO_ENOMEM;
    }
    call->done = done;
    call->drop = drop;
    call->context = context;
    int err = post(ns, call);
    if (err != FUO_OK) {
        call_free(call);
    }
    return err;
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

static int err_of_status(int status)
{
    switch (status) {
    case GRPC_OK:
        return FUO_OK;
    case GRPC_UNAUTHENTICATED:
    case GRPC_PERMISSION_DENIED:
        return FUO_EPERM;
    case GRPC_NOT_FOUND:
        return FUO_ENOENT;
    case GRPC_ALREADY_EXISTS:
        return FUO_EEXIST;
    case GRPC_UNAVAILABLE:
    case GRPC_RESOURCE_EXHAUSTED:
        return FUO_EAGAIN;
    case GRPC_CANCELLED:
    case GRPC_DEADLINE_EXCEEDED:
        return FUO_ETIMEDOUT;
    default:
        return FUO_EPROTO;
    }
}

/*
 * ChirpStack passes most errors of its database on as INTERNAL, with the database's words
 * (storage/error.rs, from_diesel()); and so a missing group at Enqueue (downlink/error.rs).
 */
static int err_of_internal(const char *text)
{
    static const struct {
        const char *words;
        int err;
    } known[] = {
        {"unique constraint", FUO_EEXIST},  {"object does not exist", FUO_ENOENT},
        {"database is locked", FUO_EAGAIN}, /* SQLite: another has just written */
        {"deadlock detected", FUO_EAGAIN},  /* PostgreSQL */
        {"timeout occurred", FUO_EAGAIN},   /* every connection is in use */
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasestr(text, known[i].words) != NULL) {
            return known[i].err;
        }
    }
    return FUO_EPROTO;
}

static int err_of_answer(const struct grpcweb_answer *answer)
{
    return answer->status == GRPC_INTERNAL ? err_of_internal(answer->text)
                                           : err_of_status(answer->status);
}

/* Without a gRPC status: something between us and ChirpStack, or no ChirpStack at all. */
static int err_of_http(int status)
{
    switch (status) {
    case 401:
    case 403:
        return FUO_EPERM;
    case 429:
    case 503:
        return FUO_EAGAIN;
    default:
        return status >= 500 ? FUO_ETIMEDOUT : FUO_EPROTO;
    }
}

static void decode(struct fuo_ns *ns, const struct fuo_http_response *response,
                   struct grpcweb_answer *frames, struct api_answer *answer)
{
    if (response->err != FUO_OK) {
        answer->err = response->err == FUO_EAGAIN ? FUO_EAGAIN : FUO_ETIMEDOUT;
        answer->text =
            answer->err == FUO_EAGAIN ? "the server is away" : "no answer in time";
        return;
    }
    if (response->status != 200) {
        answer->err = err_of_http(response->status);
        answer->text = "the answer is no gRPC-Web; check the URL of the API";
        return;
    }
    if (grpcweb_decode(response->body, response->body_len, response->grpc_status,
                       response->grpc_message, frames) != FUO_OK) {
        ns->base.ops->reject(ns->base.host, "API answer that is not gRPC-Web");
        answer->err = FUO_EPROTO;
        answer->unreadable = true;
        answer->text = "the answer is malformed";
        return;
    }
    answer->err = err_of_answer(frames);
    answer->status = frames->status;
    answer->text = frames->text;
    answer->message = frames->message;
    answer->message_len = frames->message_len;
}

void api_on_http(struct fuo_ns *ns, uint64_t http_id,
                 const struct fuo_http_response *response)
{
    struct call *call = take_call(ns, http_id);
    if (call == NULL) {
        return;
    }
    struct grpcweb_answer frames = {0};
    struct api_answer answer = {.text = "", .status = GRPC_UNKNOWN};
    decode(ns, response, &frames, &answer);
    /* The database was busy and has undone it: the next moment is as good as any other. */
    bool busy = frames.status == GRPC_INTERNAL && answer.err == FUO_EAGAIN;
    if (busy && call->tries < BUSY_TRIES && post(ns, call) == FUO_OK) {
        return;
    }
    call->done(ns, call->context, &answer);
    call_free(call);
}

void api_close(struct fuo_ns *ns)
{
    while (ns->calls != NULL) {
        struct call *call = ns->calls;
        ns->calls = call->next;
        call->drop(call->context);
        call_free(call);
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * api.h - calls of ChirpStack's API: pack, send, and route the answer back.
 *
 * What passes through here may hold session keys: every buffer is wiped when it is freed.
 */
#pragma once

#include "chirpstack.h"
#include "chirpstack.pb-c.h"
#include "grpcweb.h"

#define API_GROUP   "/api.MulticastGroupService/"
#define API_DEVICE  "/api.DeviceService/"
#define API_PROFILE "/api.DeviceProfileService/"

/* What an answer to a call is: a message if err is FUO_OK, else a text for people. */
struct api_answer {
    int err;
    int status; /* enum grpc_status, if an answer of gRPC came; else GRPC_UNKNOWN */
    const uint8_t *message; /* perhaps of length 0 */
    size_t message_len;
    const char *text;
    bool
        unreadable; /* an answer came, but whether the call took effect it does not say */
};

/* Runs once per accepted call; context is then the callee's to free or to pass on. */
typedef void api_done(struct fuo_ns *ns, void *context, const struct api_answer *answer);

/* Called instead of done() when the connection is closed: frees context. */
typedef void api_drop(void *context);

/*
 * FUO_OK: done() follows, never before this returns. Else neither done() nor drop() is
 * called: FUO_EAGAIN: too much under way; FUO_ENOMEM. path is a literal. A call that finds
 * the server's database locked is made again at once, a few times.
 */
FUO_MUST_CHECK int api_call(struct fuo_ns *ns, const char *path,
                            const ProtobufCMessage *request, api_done *done,
                            api_drop *drop, void *context);

/* An answer from the host. */
void api_on_http(struct fuo_ns *ns, uint64_t http_id,
                 const struct fuo_http_response *response);

/* Forget all calls. */
void api_close(struct fuo_ns *ns);

/* An allocator for unpacking that wipes what it frees. */
extern ProtobufCAllocator api_allocator;

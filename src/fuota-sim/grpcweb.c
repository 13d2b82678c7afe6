/* SPDX-License-Identifier: MIT */
#include "fuota-sim/grpcweb.h"

#include <stdlib.h>
#include <string.h>

enum {
    FRAME_HEADER_BYTES = 5, /* flags, length in network order */
    FRAME_FLAG_TRAILERS = 0x80,
};

static void put_be32(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

uint8_t *grpcweb_frame(const struct rpc_response *rpc, size_t *len)
{
    static const char trailers[] = "grpc-status:0\r\n";
    size_t trailers_len = sizeof(trailers) - 1;
    uint8_t *body = malloc(rpc->len + trailers_len + (size_t)2 * FRAME_HEADER_BYTES);
    if (body == NULL) {
        return NULL;
    }
    uint8_t *at = body;
    *at = 0;
    put_be32(at + 1, rpc->len);
    at += FRAME_HEADER_BYTES;
    if (rpc->len > 0) {
        memcpy(at, rpc->body, rpc->len);
        at += rpc->len;
    }
    *at = FRAME_FLAG_TRAILERS;
    put_be32(at + 1, trailers_len);
    memcpy(at + FRAME_HEADER_BYTES, trailers, trailers_len);
    *len = (size_t)(at - body) + FRAME_HEADER_BYTES + trailers_len;
    return body;
}

bool grpcweb_unframe(const uint8_t *b, size_t len, struct rpc_request *request)
{
    if (len < FRAME_HEADER_BYTES || b[0] != 0) {
        return false;
    }
    size_t body_len =
        (size_t)b[1] << 24 | (size_t)b[2] << 16 | (size_t)b[3] << 8 | (size_t)b[4];
    if (body_len != len - FRAME_HEADER_BYTES) {
        return false;
    }
    request->body = b + FRAME_HEADER_BYTES;
    request->len = body_len;
    return true;
}

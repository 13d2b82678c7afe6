/* SPDX-License-Identifier: MIT */
/*
 * grpcweb.h - the framing of gRPC-Web: one message, then trailers. Pure.
 *
 * A frame is a flag byte (0x00 message, 0x80 trailers), its length as big-endian 32 bits,
 * and that many bytes (grpc/PROTOCOL-WEB.md). A refused call may have no frames at all:
 * then its status is in the HTTP headers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    GRPCWEB_PREFIX_LEN = 5,
    GRPCWEB_TEXT_SIZE = 200,
};

enum grpc_status {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_ALREADY_EXISTS = 6,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16,
};

struct grpcweb_answer {
    const uint8_t *message; /* borrowed; NULL: none */
    size_t message_len;
    int status;                   /* enum grpc_status, and others */
    char text[GRPCWEB_TEXT_SIZE]; /* grpc-message, decoded, printable; may be empty */
};

/* The five bytes in front of a message. */
void grpcweb_prefix(size_t message_len, uint8_t prefix[static GRPCWEB_PREFIX_LEN]);

/*
 * status and text are the values of the headers grpc-status and grpc-message, or NULL.
 * FUO_EPROTO: no well-formed answer, or none with a status; then *answer is untouched.
 */
FUO_MUST_CHECK int grpcweb_decode(const uint8_t *body, size_t body_len,
                                  const char *status, const char *text,
                                  struct grpcweb_answer *answer);

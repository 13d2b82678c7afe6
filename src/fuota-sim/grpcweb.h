/* SPDX-License-Identifier: MIT */
/*
 * grpcweb.h - the server's side of gRPC-Web's framing (network-servers.md 2.2): bodies of
 * HTTP, without HTTP.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuota-sim/rpc.h"

/* One uncompressed message frame, and nothing after it: borrowed into *request. */
bool grpcweb_unframe(const uint8_t *b, size_t len, struct rpc_request *request);

/* A good answer as message frame and trailer frame; fresh, NULL if there is no memory. */
uint8_t *grpcweb_frame(const struct rpc_response *rpc, size_t *len);

/* SPDX-License-Identifier: MIT */
/*
 * rpc.h - the methods of ChirpStack's API on the simulated server: protobuf in, protobuf
 * out. No HTTP here (api.h) and no clock.
 *
 * api.MulticastGroupService: Create Get Update Delete List AddDevice RemoveDevice AddGateway
 * RemoveGateway Enqueue FlushQueue ListQueue. api.DeviceService: Enqueue FlushQueue
 * GetQueue. Anything else is UNIMPLEMENTED. Facts: network-servers.md 2.2.
 *
 * Statuses are those of a tenant's API key: a group or device that is not there is
 * UNAUTHENTICATED without a word, a member that is there already INTERNAL with the words of
 * the database. ListQueue names each frame once, not once for each gateway.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "sim/chirpstack.h"

/* Status codes of gRPC. */
enum rpc_status {
    RPC_OK = 0,
    RPC_INVALID_ARGUMENT = 3,
    RPC_NOT_FOUND = 5,
    RPC_RESOURCE_EXHAUSTED = 8,
    RPC_UNIMPLEMENTED = 12,
    RPC_INTERNAL = 13,
    RPC_UNAUTHENTICATED = 16,
};

struct rpc_response {
    enum rpc_status status;
    const char *message; /* static */
    uint8_t *body;       /* RPC_OK: the message; owned, free() */
    size_t len;
};

struct rpc_request {
    const char *path; /* "/api.MulticastGroupService/Enqueue" */
    const uint8_t *body;
    size_t len;
};

void rpc_call(struct cs *cs, const struct rpc_request *request, struct utc now,
              struct rpc_response *response);

/* SPDX-License-Identifier: MIT */
/*
 * gateway.h - what server and gateways tell each other on <region>/gateway/<id>/..., as JSON
 * or protobuf (network-servers.md 2.4): command/down, event/ack, event/stats, event/up.
 * Formats only.
 *
 * Left out: command/config, state/conn, mesh; power is a constant, statistics are those of
 * downlinks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/chirpstack.h"

enum {
    GATEWAY_TOPIC_MAX = 96,
};

/* Whose messages are protobuf. */
enum gateway_marshaler {
    GATEWAY_JSON,
    GATEWAY_PROTOBUF,
    GATEWAY_MIXED, /* of every other gateway */
};

struct gateway_message {
    char topic[GATEWAY_TOPIC_MAX];
    uint8_t *payload; /* the caller's to free; NULL: there was no memory */
    size_t len;
};

bool gateway_speaks_protobuf(enum gateway_marshaler marshaler, size_t gateway);

struct gateway_message
gateway_command(const struct cs *cs, const struct cs_gateway_frame *frame, bool protobuf);
struct gateway_message gateway_ack(const struct cs *cs,
                                   const struct cs_gateway_frame *frame, bool protobuf);

/* Since the gateway's last ones. */
struct gateway_counts {
    uint32_t given;
    uint32_t emitted;
};

struct gateway_message gateway_stats(const struct cs *cs, size_t gateway, struct utc now,
                                     const struct gateway_counts *counts, bool protobuf);

/* What one of the gateways heard; its number in *rx. id: any, of that reception. */
struct gateway_message gateway_up(const struct cs *cs, const struct cs_uplink *uplink,
                                  const struct cs_rx *rx, struct utc now, uint32_t id,
                                  bool protobuf);

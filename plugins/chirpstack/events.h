/* SPDX-License-Identifier: MIT */
/*
 * events.h - ChirpStack's application events, JSON or protobuf, as events of the contract.
 *
 * Pure: neither host nor clock. A missing field is its default, numbers may be texts,
 * unknown fields are ignored. Facts: ChirpStack v4 integration events, api/proto/
 * integration/integration.proto and gw/gw.proto in their JSON mapping.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/plugin.h"
#include "topics.h"

enum {
    EVENT_PAYLOAD_MAX = 255,
};

struct decoded_event {
    struct fuo_event event; /* type 0: nothing that fuotad wants to know */
    struct fuo_rx rx[FUO_RX_MAX];
    uint8_t payload[EVENT_PAYLOAD_MAX];
    uint32_t downlink_id; /* FUO_FATE_SENT: by which the gateways know it; 0: unknown */
};

/* The data rate of a downlink; FUO_DR_UNKNOWN. */
uint8_t event_downlink_dr(uint32_t bandwidth_hz, uint32_t sf);

/*
 * NULL: *out is filled, and its event points into it. Else why the message is unusable (a
 * constant), and *out is undefined. An uplink whose time is nowhere has received_us 0.
 * version_pointer: where in what the server decodes the running version is; NULL: nowhere.
 */
const char *event_decode(const struct topic_device *from, const uint8_t *payload,
                         size_t payload_len, const char *version_pointer,
                         struct decoded_event *out);

/* Else it is protobuf: no event of that begins like an object. */
bool event_is_json(const uint8_t *payload, size_t len);

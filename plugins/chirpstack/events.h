/* SPDX-License-Identifier: MIT */
/*
 * events.h - ChirpStack's application events (topic and JSON) as events of the contract.
 *
 * Pure: neither host nor clock. A missing field is its default, numbers may be texts,
 * unknown fields are ignored. Facts: ChirpStack v4 integration events, api/proto/
 * integration/integration.proto and gw/gw.proto in their JSON mapping.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/plugin.h"

enum {
    EVENT_PAYLOAD_MAX = 255,
};

struct decoded_event {
    struct fuo_event event; /* type 0: nothing that fuotad wants to know */
    struct fuo_rx rx[FUO_RX_MAX];
    uint8_t payload[EVENT_PAYLOAD_MAX];
};

/*
 * NULL: *out is filled, and its event points into it. Else why the message is unusable (a
 * constant), and *out is undefined. An uplink whose time is nowhere has received_us 0.
 */
const char *event_decode(const char *application_id, const char *topic,
                         const uint8_t *json, size_t json_len, struct decoded_event *out);

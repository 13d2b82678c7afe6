/* SPDX-License-Identifier: MIT */
/*
 * gateway_in.h - what others give gateways on <region>/gateway/<id>/command/down, JSON or
 * protobuf: one item, or the chances that a reply has, the best first, each with its timing:
 * at once, at a GPS time, or so long after an uplink, which the context of that uplink names.
 * Formats only; LoRa only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "crypto/frame.h"
#include "fuotad/error.h"
#include "radio/region.h"
#include "sim/chirpstack.h"

enum order_timing {
    ORDER_IMMEDIATELY,
    ORDER_DELAY,
    ORDER_GPS,
};

struct gateway_item {
    enum order_timing timing;
    struct utc at; /* undefined if it is ORDER_IMMEDIATELY */
    uint32_t frequency_hz;
    uint8_t dr;
    size_t phy_len;
    uint8_t phy[FRAME_PHY_MAX_BYTES];
};

struct gateway_order {
    uint64_t gateway;
    uint32_t downlink_id;
    bool protobuf;
    size_t count; /* at least one */
    struct gateway_item items[CS_FRAME_ITEMS];
};

/* FUO_ENOENT: another topic, or not LoRa; FUO_EPROTO: unusable. *order is then undefined. */
FUO_MUST_CHECK int gateway_order_parse(const struct region *region, const char *topic,
                                       const uint8_t *payload, size_t len,
                                       struct gateway_order *order);

enum {
    GATEWAY_CONTEXT_BYTES = 8,
};

/* What a gateway tells with an uplink, to be told when it is answered: the end of the frame. */
void gateway_context(struct utc end, uint8_t context[static GATEWAY_CONTEXT_BYTES]);

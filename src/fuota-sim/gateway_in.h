/* SPDX-License-Identifier: MIT */
/*
 * gateway_in.h - what others give gateways on <region>/gateway/<id>/command/down: frames with
 * a GPS time, JSON or protobuf. The server's own, which come back from the broker, have none
 * and are passed over. Formats only; one item of a frame, and that LoRa.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "crypto/frame.h"
#include "fuotad/error.h"
#include "radio/region.h"

struct gateway_order {
    uint64_t gateway;
    uint32_t downlink_id;
    uint32_t frequency_hz;
    uint8_t dr;
    bool protobuf;
    struct utc at;
    size_t phy_len;
    uint8_t phy[FRAME_PHY_MAX_BYTES];
};

/* FUO_ENOENT: nothing of that kind; FUO_EPROTO: unusable. *order is then undefined. */
FUO_MUST_CHECK int gateway_order_parse(const struct region *region, const char *topic,
                                       const uint8_t *payload, size_t len,
                                       struct gateway_order *order);

/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what a gateway tells of itself: event/stats and state/conn, JSON or protobuf,
 * as FUO_EV_GATEWAY. Pure. Facts: GatewayStats and ConnState of api/proto/gw/gw.proto.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/plugin.h"

/* false: unusable, and *event is undefined. The EUI is that of the topic. */
bool stats_read(uint64_t gateway, const uint8_t *payload, size_t len,
                struct fuo_event *event);
bool conn_read(uint64_t gateway, const uint8_t *payload, size_t len,
               struct fuo_event *event);

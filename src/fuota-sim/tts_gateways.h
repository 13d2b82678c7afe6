/* SPDX-License-Identifier: MIT */
/*
 * tts_gateways.h - what The Things Stack's Gateway Server tells of gateways:
 *
 *   POST /api/v3/gs/gateways/connection/stats     Gs.BatchGetGatewayConnectionStats
 *
 * Facts: gatewayserver.proto (1 to 100 gateways), pkg/gatewayserver/grpc.go: a key without
 * RIGHT_GATEWAY_STATUS_READ at one of them is refused for all, pkg/auth/rights/require.go;
 * gateways that are not connected are left out. sub_bands[].downlink_utilization is the part
 * of the last hour that was sent in (pkg/gatewayserver/scheduling/sub_band.go). No HTTP.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>

#include "base/time.h"
#include "sim/radio.h"

enum tts_stats_verdict {
    TTS_STATS_GIVEN,
    TTS_STATS_BAD_REQUEST,
    TTS_STATS_NO_RIGHTS,
};

struct tts_gateways {
    const struct sim_radio *radio;
    struct utc now;
    bool owned;   /* the key has rights at gateways */
    bool foreign; /* but for the last one */
};

/* TTS_STATS_GIVEN: *body is the answer, the caller's to put; else untouched. */
enum tts_stats_verdict tts_gateways_stats(const struct tts_gateways *gateways,
                                          struct json_object *request,
                                          struct json_object **body);

/* SPDX-License-Identifier: MIT */
/*
 * direct.h - frames past the server: fuo_air as DownlinkFrame on the command/down topic of
 * each gateway, with the time on air as GPS time. JSON or protobuf, as the gateway speaks.
 *
 * The server takes no notice but of the acknowledgement of a frame it does not know, which it
 * logs. Its gateways' arbitration is passed by: a gateway refuses what collides with frames of
 * the server. Facts: network-servers.md 2.4, api/proto/gw/gw.proto of ChirpStack v4.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "chirpstack.h"

/* FUO_EV_RESULT follows. Taken if one of its gateways is told, or may have been. */
int direct_send(struct fuo_ns *ns, const struct fuo_multicast *frame);

/* false: not of a frame. */
bool direct_published(struct fuo_ns *ns, uint64_t id, int err);

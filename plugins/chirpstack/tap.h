/* SPDX-License-Identifier: MIT */
/*
 * tap.h - the gateway tap: what the server gives its gateways, and what becomes of it.
 *
 * Listens to <regionTopic>/gateway/+/command/down and event/ack, JSON or protobuf, as each
 * gateway has it, and joins the two by gateway and downlink_id: one FUO_EV_AIRED for each
 * frame that a gateway answered for; event/stats and state/conn, the one topic that is
 * retained, become FUO_EV_GATEWAY. Nothing is published here. Frames without an answer are
 * forgotten when TAP_FRAMES others have come. The server tells the application's frames
 * apart from others by nothing that is seen here: the engine does by address and counter.
 *
 * Facts: network-servers.md 2.3 and 2.4, api/proto/gw/gw.proto of ChirpStack v4.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chirpstack.h"

enum {
    TAP_FRAMES = 512,
    TAP_ITEMS = 4, /* of a frame: the receive windows to choose from */
};

/* Listen, if the options want it. FUO_EINVAL, said in the log; FUO_ENOMEM. */
int tap_open(struct fuo_ns *ns);
void tap_close(struct fuo_ns *ns);

/* false: the topic is none of the tap's. Else the message is done with. */
bool tap_take_message(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                      size_t payload_len, bool retained);

/* How a gateway is spoken to. One that has not been heard: as ChirpStack does, protobuf, and
 * below the first prefix. */
struct tap_form {
    const char *prefix; /* with its slash */
    bool json;
};

struct tap_form tap_form_of(const struct fuo_ns *ns, uint64_t gateway);

/* A frame that we gave a gateway ourselves. */
void tap_note(struct fuo_ns *ns, uint64_t gateway, uint32_t downlink_id,
              const struct fuo_air *air);

/* Whether FUO_EV_AIRED has told of it. */
bool tap_has_told(const struct fuo_ns *ns, uint64_t gateway, uint32_t downlink_id);

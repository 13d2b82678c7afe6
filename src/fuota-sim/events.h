/* SPDX-License-Identifier: MIT */
/*
 * events.h - ChirpStack v4's application MQTT, both ways, as JSON (network-servers.md 2.1):
 * protobuf JSON mapping in camelCase, bytes in base64, EUIs in lower-case hex, times in
 * RFC 3339. Formats and parses only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "sim/chirpstack.h"

enum {
    EVENT_TOPIC_MAX = 128,
    COMMAND_MAX_BYTES = 4096,
};

struct json_object;

struct event_context {
    const struct cs *cs;
    struct prng *prng; /* of identifiers */
};

/* "application/<id>/device/<eui>/event/<type>" */
void event_topic(const struct event_context *context, const struct cs_event *event,
                 char topic[static EVENT_TOPIC_MAX]);

/* The payload, owned by the caller (free()); NULL if there is no memory. */
char *event_json(const struct event_context *context, const struct cs_event *event);
uint8_t *event_protobuf(const struct event_context *context, const struct cs_event *event,
                        size_t *len);

/* "modulation" of a data rate. */
struct json_object *event_modulation(const struct cs *cs, uint8_t dr, bool down);

/* A DownlinkCommand with what its strings point to. */
struct command {
    struct cs_downlink downlink;
    char id[CS_ID_SIZE];
    uint8_t data[FRAME_PAYLOAD_MAX_BYTES];
};

/*
 * Parse a message on application/<id>/device/<eui>/command/down, JSON or protobuf. camelCase
 * and snake_case, unknown fields ignored. FUO_ENOENT: another topic; FUO_EPROTO: anything wrong with the
 * payload, a devEui that is not the topic's included. *command is then undefined.
 */
FUO_MUST_CHECK int command_parse(const char *application_id, const char *topic,
                                 const uint8_t *payload, size_t len,
                                 struct command *command);

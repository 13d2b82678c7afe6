/* SPDX-License-Identifier: MIT */
/*
 * tts_json.h - The Things Stack's application MQTT, both ways, as JSON (network-servers.md
 * 3.1): snake_case, bytes in base64, EUIs in upper-case hex, 64-bit numbers as text, times
 * in RFC 3339, members that are zero left out. Formats and parses only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "sim/tts.h"

struct json_object;

enum {
    TTS_TOPIC_MAX = 160,
    TTS_UID_SIZE = 75,           /* of an application: "app@tenant" */
    TTS_MESSAGE_MAX = 128 << 10, /* bytes */
    TTS_BATCH_MAX = 128,         /* downlinks in a message */
};

struct tts_json {
    const struct tts *tts;
    const char *uid;   /* "app@tenant", or "app" */
    struct prng *prng; /* of identifiers */
};

/* The part of a uid that bodies and HTTP paths have: "app". */
void tts_application_id(const char *uid, char id[static TTS_UID_SIZE]);

/* "v3/<uid>/devices/<id>/<type>" */
void tts_topic(const struct tts_json *context, const struct tts_event *event,
               char topic[static TTS_TOPIC_MAX]);

/* The payload, owned by the caller (free()); NULL if there is no memory. */
char *tts_event_json(const struct tts_json *context, const struct tts_event *event);

/* ApplicationDownlinks; the caller's. */
struct json_object *tts_queue_json(const struct tts_downlink *queue);

struct tts_batch {
    char device_id[TTS_ID_SIZE];
    bool replace;
    struct tts_downlink downlinks[TTS_BATCH_MAX];
    size_t count;
};

/* Which queue a message on that topic is for. FUO_ENOENT: another topic. */
FUO_MUST_CHECK int tts_topic_parse(const char *uid, const char *topic,
                                   struct tts_batch *batch);

/* ApplicationDownlinks. Unknown members are ignored. FUO_EPROTO: anything wrong. */
FUO_MUST_CHECK int tts_batch_parse(const uint8_t *json, size_t len,
                                   struct tts_batch *batch);

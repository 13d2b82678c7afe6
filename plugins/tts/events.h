/* SPDX-License-Identifier: MIT */
/*
 * events.h - The Things Stack's application messages (topic and JSON), decoded.
 *
 * Pure: neither host nor clock. Facts: network-servers.md 3.1; api/ttn/lorawan/v3/
 * messages.proto and metadata.proto in their JSON mapping: members that are zero are left
 * out, 64-bit numbers are texts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "names.h"
#include "plan.h"

#include "fuotad/plugin.h"

enum {
    EVENT_PAYLOAD_MAX = 255,
    ERROR_NAME_SIZE = 64,
};

enum message_kind {
    MESSAGE_OTHER, /* nothing that fuotad wants to know */
    MESSAGE_UPLINK,
    MESSAGE_QUEUED, /* of a downlink of ours */
    MESSAGE_SENT,
    MESSAGE_ACKED, /* by the device: it was confirmed */
    MESSAGE_FAILED,
};

/* Which kind of intent a correlation id was made of. */
enum correlation {
    CORRELATION_UNICAST,
    CORRELATION_FRAME,
};

struct message {
    enum message_kind kind;
    char device_id[NAME_SIZE];

    /* of an uplink */
    struct fuo_event event;
    struct fuo_rx rx[FUO_RX_MAX];
    char gateway_ids[FUO_RX_MAX][NAME_SIZE]; /* of rx */
    uint8_t payload[EVENT_PAYLOAD_MAX];
    bool has_battery;
    uint8_t battery_percent;

    /* of a downlink */
    enum correlation correlation;
    uint64_t id;
    uint64_t dev_eui; /* 0: it does not say */
    uint32_t f_cnt;
    char error[ERROR_NAME_SIZE]; /* the name: "downlink_expired" */
};

/*
 * NULL: *out is filled, and its event points into it. Else why the message is unusable (a
 * constant), and *out is undefined. An uplink whose time is nowhere has received_us 0.
 */
struct message_context {
    const char *uid;
    const struct plan *plan;
    const char
        *version_pointer; /* where the running version is in what the server decodes
                                    of an uplink; NULL: nowhere */
};

const char *message_decode(const struct message_context *context, const char *topic,
                           const uint8_t *json, size_t json_len, struct message *out);

enum {
    CORRELATION_SIZE = 32,
};

/* "fuotad:u:000000000000002a" */
void correlation_format(enum correlation correlation, uint64_t id,
                        char text[static CORRELATION_SIZE]);

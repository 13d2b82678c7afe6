/* SPDX-License-Identifier: MIT */
/*
 * mqtt_ctl.h - the control protocol over MQTT 5 request and response: who may ask, and
 * where answers go.
 *
 * The counterpart of ctl_server.h: it hands each request to the same handlers and sends
 * what they answer; it does not know what the methods mean. Requests are envelopes
 * (ctl/envelope.h) on <prefix>/req/<method>. Refused is whatever is not signed by an
 * operator, not meant for this daemon and this start of it, expired or too far ahead, or
 * was seen before. Retained ones, and those that name no place for an answer, are ignored.
 * Answers and events go, one line a message, not retained, to the response topic with the
 * correlation data of the request. That topic must be <prefix>/rsp/<word>: the daemon
 * publishes nowhere else for anybody.
 *
 * A channel is an operator, a response topic and correlation data; it has a number that is
 * never used again, with the top bit set, so that it cannot be a connection of the socket.
 * It lapses MQTT_CTL_LAPSE_MS after its last request: who streams (watch) asks something
 * now and then to be kept. Bounded: MQTT_CTL_CHANNELS_MAX channels, the one that was
 * silent longest makes room.
 *
 * No broker and no clock in here: the ports have them. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "loop/ctl_server.h"
#include "loop/operators.h"
#include "net/mqtt.h"

enum {
    MQTT_CTL_CHANNELS_MAX = 256,
    MQTT_CTL_LAPSE_MS = 60000,
    MQTT_CTL_ANSWER_LIFE_S = 120,
    MQTT_CTL_WORD_MAX = 64, /* characters behind rsp/ */
};

struct mqtt_ctl;

struct mqtt_ctl_config {
    const char *prefix;   /* <root>/<instance>; copied */
    const char *instance; /* copied */
    uint8_t session[ENVELOPE_SESSION_BYTES];
    const struct operators *operators; /* borrowed */
};

struct mqtt_ctl_ports {
    int (*publish)(void *arg, const struct mqtt_publish *publish);
    struct utc (*wall)(void *arg);       /* real UTC, also where time is scaled */
    uint64_t (*milliseconds)(void *arg); /* monotonic */
};

/* ports and handlers are copied; all are called with arg. */
struct mqtt_ctl *mqtt_ctl_create(const struct mqtt_ctl_config *config,
                                 const struct mqtt_ctl_ports *ports,
                                 const struct ctl_server_handlers *handlers, void *arg);
void mqtt_ctl_destroy(struct mqtt_ctl *ctl); /* accepts NULL; calls no handler */

/* Something on <prefix>/req/+. */
void mqtt_ctl_take(struct mqtt_ctl *ctl, const struct mqtt_message *message);

/* Whether a number is a channel's, of now or of before. */
bool mqtt_ctl_is_channel(uint64_t connection);

/* Takes line (NULL: ends the channel). For a channel that is gone it is dropped. */
void mqtt_ctl_send(struct mqtt_ctl *ctl, uint64_t channel, char *line);

/* The id of the operator's key; NULL: the channel is gone. Borrowed. */
const char *mqtt_ctl_key(const struct mqtt_ctl *ctl, uint64_t channel);

/* SPDX-License-Identifier: MIT */
/*
 * mqtt.h - one connection to an MQTT broker, on a libuv loop.
 *
 * MQTT 5 and 3.1.1, plain or TLS. It connects at once, reconnects for ever (exponential
 * back-off with jitter), and subscribes again after every connect. With a persistent
 * session the broker keeps what QoS 1 subscriptions would have received meanwhile.
 *
 * Every function is called, and every handler runs, on the loop thread; the library's own
 * threads only put copies into a bounded queue. A handler may call any function here,
 * mqtt_client_close() included. Nothing from outside is unbounded: what is too big or
 * comes faster than the loop can take it is dropped and counted (QoS 1 of the protocol
 * covers the network, not a flood). Passwords and keys are never logged.
 *
 * MQTT 5: OASIS Standard 2019; 3.1.1: OASIS Standard 2014.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "fuotad/plugin.h"

struct uv_loop_s;
struct mqtt_client;

enum mqtt_protocol {
    MQTT_PROTOCOL_AUTO, /* 5; 3.1.1 once the broker has refused 5 */
    MQTT_PROTOCOL_5,
    MQTT_PROTOCOL_3_1_1,
};

enum {
    MQTT_INFLIGHT_MAX = 64,             /* QoS 1 handed to the broker, unacknowledged */
    MQTT_WAITING_MAX = 1024,            /* accepted, not handed over yet */
    MQTT_WAITING_MAX_BYTES = 8 << 20,   /* the same, by size */
    MQTT_PAYLOAD_MAX_BYTES = 256 << 10, /* of a received message */
    MQTT_TOPIC_MAX = 1024,              /* bytes, either way */
    MQTT_CORRELATION_MAX = 256,         /* bytes, either way */
    MQTT_RECEIVED_MAX = 4096,           /* messages that wait for the loop */
    MQTT_RECEIVED_MAX_BYTES = 16 << 20, /* the same, by size */
    MQTT_TURN_MAX = 256,                /* messages taken in one turn of the loop */
    MQTT_GATHER_MS = 4, /* how long messages gather that follow each other closely */
    MQTT_SUBSCRIPTION_MAX = 64,
};

/* NULL strings: none. Everything is copied by mqtt_client_open(). */
struct mqtt_config {
    const char *url; /* mqtt://host[:1883] or mqtts://host[:8883] */
    const char *client_id;
    const char *username; /* values, not file names */
    const char *password;
    const char *ca_file; /* PEM; NULL with mqtts: the system's */
    const char *cert_file;
    const char *key_file;
    enum mqtt_protocol protocol;
    const char *will_topic; /* published retained, QoS 1, when the connection is lost */
    const uint8_t *will_payload;
    size_t will_payload_len;
    bool persistent;           /* clean start false */
    uint32_t session_expiry_s; /* MQTT 5, of a persistent session; 0: a day */
    uint32_t keep_alive_s;     /* 0: 30 */
    uint32_t backoff_min_ms;   /* 0: 100 */
    uint32_t backoff_max_ms;   /* 0: 30 000 */
    uint32_t
        publish_timeout_ms; /* QoS 1, handed over but never acknowledged; 0: 60 000 */
    uint64_t jitter_seed;
};

/* A received message, borrowed. */
struct mqtt_message {
    const char *topic;
    const uint8_t *payload;
    size_t payload_len;
    int qos;
    bool retained;
    const char *response_topic; /* MQTT 5; NULL: none */
    const uint8_t *correlation; /* MQTT 5; NULL: none */
    size_t correlation_len;
};

/* A message to publish; copied. */
struct mqtt_publish {
    uint64_t id; /* of on_published(); the caller's */
    const char *topic;
    const uint8_t *payload;
    size_t payload_len;
    int qos; /* 0 or 1 */
    bool retain;
    uint32_t expiry_s;          /* MQTT 5; 0: none */
    const char *response_topic; /* MQTT 5; NULL: none */
    const uint8_t *correlation; /* MQTT 5; NULL: none */
    size_t correlation_len;
};

/* Each but log may be NULL. */
struct mqtt_handlers {
    void (*on_state)(void *arg, bool up);
    void (*on_message)(void *arg, const struct mqtt_message *message);
    /*
     * Once for every accepted publish. FUO_OK: the broker has it (QoS 0: it was written to
     * the socket). FUO_ETIMEDOUT: unknown. FUO_EAGAIN: it was not sent. FUO_EPERM: refused.
     */
    void (*on_published)(void *arg, uint64_t id, int err);
    void (*log)(void *arg, enum fuo_log_level level, const char *text);
};

struct mqtt_stats {
    uint64_t received;
    uint64_t dropped_flood;    /* the queue to the loop was full */
    uint64_t dropped_oversize; /* payload, topic or correlation data too long */
    uint64_t published;        /* acknowledged */
    uint64_t connects;
    uint32_t waiting;
    uint32_t inflight;
};

/*
 * Start connecting. FUO_EINVAL: unusable config, with a reason in the log; FUO_ENOMEM.
 * *client is set on success only. handlers is copied.
 */
FUO_MUST_CHECK int mqtt_client_open(struct uv_loop_s *loop,
                                    const struct mqtt_config *config,
                                    const struct mqtt_handlers *handlers, void *arg,
                                    struct mqtt_client **client);

/*
 * Say goodbye (no last will), then free everything; on_closed (may be NULL) is the last
 * call made. No other handler runs after this function was called; publishes that have
 * not been acknowledged are forgotten. It takes a second or so. Accepts NULL: then
 * nothing is called.
 */
void mqtt_client_close(struct mqtt_client *client, void (*on_closed)(void *arg),
                       void *arg);

/*
 * Now, if connected, and after each reconnect. The same filter again only changes its
 * QoS. FUO_EINVAL: bad filter or QoS; FUO_ENOSPC: MQTT_SUBSCRIPTION_MAX reached. What the
 * broker refuses is logged.
 */
FUO_MUST_CHECK int mqtt_subscribe(struct mqtt_client *client, const char *filter,
                                  int qos);

/*
 * FUO_OK: on_published() follows, never before this returns. Kept while there is no
 * connection, in order. FUO_EAGAIN: too much is waiting. FUO_EINVAL: bad topic or QoS.
 */
FUO_MUST_CHECK int mqtt_publish(struct mqtt_client *client,
                                const struct mqtt_publish *publish);

bool mqtt_is_up(const struct mqtt_client *client);

/* What the client struggles with now, for people: why there is no connection, or which
 * subscription was refused. "": nothing. Borrowed until the next turn of the loop. */
const char *mqtt_problem(const struct mqtt_client *client);

struct mqtt_stats mqtt_stats(struct mqtt_client *client);

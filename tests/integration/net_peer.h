/* SPDX-License-Identifier: MIT */
/* net_peer.h - a client of src/net/mqtt.h that remembers what it was told. */
#pragma once

#include "net_support.h"

#include "net/mqtt.h"

struct peer {
    uv_loop_t *loop;
    struct mqtt_client *client;
    int up_count;
    int down_count;
    size_t message_count;
    char topic[128]; /* of the latest message, and so on */
    char payload[128];
    size_t payload_len;
    bool retained;
    char response_topic[128];
    char correlation[32];
    size_t published_count;
    uint64_t published_id;
    int published_err;
    bool closed;
    struct net_log log;
};

static inline void on_state(void *arg, bool up)
{
    struct peer *p = arg;
    p->up_count += up;
    p->down_count += !up;
}

static inline void on_message(void *arg, const struct mqtt_message *m)
{
    struct peer *p = arg;
    p->message_count++;
    snprintf(p->topic, sizeof(p->topic), "%s", m->topic);
    snprintf(p->payload, sizeof(p->payload), "%.*s", (int)m->payload_len,
             (const char *)m->payload);
    p->payload_len = m->payload_len;
    p->retained = m->retained;
    snprintf(p->response_topic, sizeof(p->response_topic), "%s",
             m->response_topic != NULL ? m->response_topic : "");
    snprintf(p->correlation, sizeof(p->correlation), "%.*s", (int)m->correlation_len,
             m->correlation != NULL ? (const char *)m->correlation : "");
}

static inline void on_published(void *arg, uint64_t id, int err)
{
    struct peer *p = arg;
    p->published_count++;
    p->published_id = id;
    p->published_err = err;
}

static inline void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    struct peer *p = arg;
    (void)level;
    net_log_add(&p->log, text);
}

static const struct mqtt_handlers handlers = {on_state, on_message, on_published, on_log};

static inline struct mqtt_config config_for(int port, const char *client_id, char url[64])
{
    snprintf(url, 64, "mqtt://127.0.0.1:%d", port);
    return (struct mqtt_config){
        .url = url,
        .client_id = client_id,
        .backoff_min_ms = 10,
        .backoff_max_ms = 100,
    };
}

static inline void peer_open_with(struct peer *p, const struct mqtt_config *config)
{
    *p = (struct peer){.loop = uv_default_loop()};
    assert_int_equal(mqtt_client_open(p->loop, config, &handlers, p, &p->client), FUO_OK);
}

static inline bool is_up(void *arg)
{
    const struct peer *p = arg;
    return mqtt_is_up(p->client);
}

static inline bool is_down_once(void *arg)
{
    const struct peer *p = arg;
    return p->down_count > 0;
}

static inline void peer_open(struct peer *p, int port, const char *client_id,
                             bool persistent)
{
    char url[64];
    struct mqtt_config config = config_for(port, client_id, url);
    config.persistent = persistent;
    peer_open_with(p, &config);
    net_run_until(p->loop, is_up, p);
}

static inline void peer_close(struct peer *p)
{
    mqtt_client_close(p->client, net_set_flag, &p->closed);
    net_run_until(p->loop, net_flag, &p->closed);
}

static inline void say(struct peer *p, uint64_t id, const char *topic, const char *text,
                       int qos, bool retain)
{
    struct mqtt_publish publish = {
        .id = id,
        .topic = topic,
        .payload = (const uint8_t *)text,
        .payload_len = strlen(text),
        .qos = qos,
        .retain = retain,
    };
    assert_int_equal(mqtt_publish(p->client, &publish), FUO_OK);
}

static inline bool one_message(void *arg)
{
    const struct peer *p = arg;
    return p->message_count >= 1;
}

static inline bool one_published(void *arg)
{
    const struct peer *p = arg;
    return p->published_count >= 1;
}

static inline bool cannot_connect(void *arg)
{
    const struct peer *p = arg;
    return strstr(p->log.text, "cannot connect") != NULL;
}

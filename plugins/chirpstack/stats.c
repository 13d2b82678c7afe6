/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <json-c/json.h>
#include <string.h>

#include "api.h"
#include "events.h"
#include "gateway.pb-c.h"
#include "json.h"

enum {
    CONN_ONLINE = 1, /* ConnState.State */
};

static void begin(uint64_t gateway, struct fuo_event *event)
{
    *event = (struct fuo_event){.size = sizeof(*event), .type = FUO_EV_GATEWAY};
    event->gateway.gateway = gateway;
}

static bool json_stats(const uint8_t *payload, size_t len, struct fuo_event *event)
{
    struct json_object *root = json_read(payload, len);
    bool usable =
        root != NULL &&
        json_uint(root, "rxPacketsReceived", UINT32_MAX, &event->gateway.rx_count) &&
        json_uint(root, "txPacketsReceived", UINT32_MAX, &event->gateway.tx_given) &&
        json_uint(root, "txPacketsEmitted", UINT32_MAX, &event->gateway.tx_sent);
    json_object_put(root);
    return usable;
}

static bool pb_stats(const uint8_t *payload, size_t len, struct fuo_event *event)
{
    Gwtap__Stats *stats = gwtap__stats__unpack(&api_allocator, len, payload);
    if (stats == NULL) {
        return false;
    }
    event->gateway.rx_count = stats->rx_packets_received;
    event->gateway.tx_given = stats->tx_packets_received;
    event->gateway.tx_sent = stats->tx_packets_emitted;
    gwtap__stats__free_unpacked(stats, &api_allocator);
    return true;
}

bool stats_read(uint64_t gateway, const uint8_t *payload, size_t len,
                struct fuo_event *event)
{
    begin(gateway, event);
    event->gateway.online = true;
    event->gateway.counted = true;
    return event_is_json(payload, len) ? json_stats(payload, len, event)
                                       : pb_stats(payload, len, event);
}

static bool json_conn(const uint8_t *payload, size_t len, bool *online)
{
    struct json_object *root = json_read(payload, len);
    size_t text_len;
    const char *state = json_text(root, "state", &text_len);
    *online = strcmp(state, "ONLINE") == 0;
    /* A default is left out: OFFLINE. */
    bool usable =
        root != NULL && (*online || text_len == 0 || strcmp(state, "OFFLINE") == 0);
    json_object_put(root);
    return usable;
}

static bool pb_conn(const uint8_t *payload, size_t len, bool *online)
{
    Gwtap__Conn *conn = gwtap__conn__unpack(&api_allocator, len, payload);
    if (conn == NULL) {
        return false;
    }
    *online = conn->state == CONN_ONLINE;
    gwtap__conn__free_unpacked(conn, &api_allocator);
    return true;
}

bool conn_read(uint64_t gateway, const uint8_t *payload, size_t len,
               struct fuo_event *event)
{
    begin(gateway, event);
    return event_is_json(payload, len) ? json_conn(payload, len, &event->gateway.online)
                                       : pb_conn(payload, len, &event->gateway.online);
}

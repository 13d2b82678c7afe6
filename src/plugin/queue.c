/* SPDX-License-Identifier: MIT */
#include "plugin/queue.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/host.h"
#include "plugin/queue_access.h"
#include "plugin/queue_inventory.h"

enum {
    UPLINK_MAX_BYTES = 255,
    MARGIN_MIN_DB = -32, /* six bits, signed */
    MARGIN_MAX_DB = 31,
    PPM = 1000000,
};

struct event_node {
    struct event_node *next;
    struct fuo_event event;
    struct fuo_rx rx[FUO_RX_MAX];
    uint8_t payload[UPLINK_MAX_BYTES];
    char group[FUO_GROUP_SIZE];
    struct event_inventory *inventory; /* owned; what a DEVICE or FINDING points to */
    struct event_access *access;       /* owned; what an ACCESSED points to */
};

static bool uplink_usable(const struct fuo_event *e)
{
    return e->uplink.payload_len <= UPLINK_MAX_BYTES &&
           e->uplink.rx_count <= FUO_RX_MAX &&
           (e->uplink.payload != NULL || e->uplink.payload_len == 0) &&
           (e->uplink.rx != NULL || e->uplink.rx_count == 0);
}

static bool group_usable(const struct fuo_event *e)
{
    if (e->group.group == NULL) {
        return e->group.err != FUO_OK;
    }
    size_t len = strnlen(e->group.group, FUO_GROUP_SIZE);
    return len > 0 && len < FUO_GROUP_SIZE;
}

static bool is_text(const char text[FUO_REPORT_SIZE])
{
    size_t len = strnlen(text, FUO_REPORT_SIZE);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    return len < FUO_REPORT_SIZE;
}

static bool is_percent(bool given, uint8_t percent)
{
    return !given || percent <= 100;
}

static bool usable(const struct fuo_event *e, bool *bounded)
{
    *bounded = false;
    switch (e->type) {
    case FUO_EV_UPLINK:
        *bounded = true;
        return uplink_usable(e) && is_text(e->uplink.version);
    case FUO_EV_FATE:
        *bounded = true;
        return e->fate.fate >= FUO_FATE_SENT && e->fate.fate <= FUO_FATE_REFUSED;
    case FUO_EV_STATUS:
        *bounded = true;
        return e->status.margin_db >= MARGIN_MIN_DB &&
               e->status.margin_db <= MARGIN_MAX_DB &&
               is_percent(e->status.has_battery, e->status.battery_percent);
    case FUO_EV_REPORTED:
        *bounded = true;
        return is_text(e->reported.package_version) &&
               is_text(e->reported.firmware_version) &&
               is_percent(e->reported.has_battery, e->reported.battery_percent);
    case FUO_EV_AIRED:
        *bounded = true;
        return e->aired.status >= FUO_AIRED_SENT && e->aired.status <= FUO_AIRED_NO_TIME;
    case FUO_EV_GATEWAY:
        *bounded = true;
        return e->gateway.gateway != 0;
    case FUO_EV_AIRTIME:
        *bounded = true;
        return e->airtime.gateway != 0 && e->airtime.min_hz <= e->airtime.max_hz &&
               e->airtime.used_ppm <= PPM;
    case FUO_EV_PROGRESS:
        *bounded = true;
        return e->progress.done_bytes <= e->progress.total_bytes;
    case FUO_EV_GROUP:
        return group_usable(e);
    case FUO_EV_DEVICE:
    case FUO_EV_LISTED:
    case FUO_EV_FINDING:
        return event_inventory_usable(e);
    case FUO_EV_ACCESSED:
        *bounded = e->accessed.more; /* the last one is an answer */
        return event_access_usable(e);
    case FUO_EV_RESULT:
    case FUO_EV_QUEUE:
    case FUO_EV_ORDERED:
        return true;
    }
    return false;
}

/* What the plugin lent becomes the node's own. */
static int own(struct event_node *node)
{
    struct fuo_event *e = &node->event;
    if (e->type == FUO_EV_UPLINK) {
        if (e->uplink.payload_len > 0) {
            memcpy(node->payload, e->uplink.payload, e->uplink.payload_len);
        }
        if (e->uplink.rx_count > 0) {
            memcpy(node->rx, e->uplink.rx, e->uplink.rx_count * sizeof(node->rx[0]));
        }
        e->uplink.payload = node->payload;
        e->uplink.rx = node->rx;
    } else if (e->type == FUO_EV_GROUP && e->group.group != NULL) {
        memcpy(node->group, e->group.group, strlen(e->group.group));
        e->group.group = node->group;
    } else if (e->type == FUO_EV_DEVICE || e->type == FUO_EV_FINDING) {
        node->inventory = event_inventory_own(e);
        return node->inventory != NULL ? FUO_OK : FUO_ENOMEM;
    } else if (e->type == FUO_EV_ACCESSED) {
        node->access = event_access_own(e);
        return node->access != NULL ? FUO_OK : FUO_ENOMEM;
    }
    return FUO_OK;
}

int event_queue_put(struct event_queue *queue, const struct fuo_event *event)
{
    struct fuo_event copy = {0};
    bool bounded;
    size_t size = event->size;
    if (size <= offsetof(struct fuo_event, uplink)) {
        return FUO_EINVAL;
    }
    memcpy(&copy, event, size < sizeof(copy) ? size : sizeof(copy));
    copy.size = sizeof(copy);
    if (!usable(&copy, &bounded)) {
        return FUO_EINVAL;
    }
    if (bounded && queue->count >= HOST_EVENTS_MAX) {
        return FUO_ENOSPC;
    }
    struct event_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return FUO_ENOMEM;
    }
    node->event = copy;
    if (own(node) != FUO_OK) {
        free(node);
        return FUO_ENOMEM;
    }
    if (queue->head == NULL) {
        queue->head = node;
    } else {
        queue->last->next = node;
    }
    queue->last = node;
    queue->count++;
    return FUO_OK;
}

struct event_node *event_queue_take(struct event_queue *queue)
{
    struct event_node *node = queue->head;
    if (node != NULL) {
        queue->head = node->next;
        queue->count--;
    }
    return node;
}

const struct fuo_event *event_node_event(const struct event_node *node)
{
    return &node->event;
}

void event_node_free(struct event_node *node)
{
    if (node != NULL) {
        event_inventory_free(node->inventory);
        event_access_free(node->access);
    }
    free(node);
}

void event_queue_clear(struct event_queue *queue)
{
    for (struct event_node *n = event_queue_take(queue); n != NULL;
         n = event_queue_take(queue)) {
        event_node_free(n);
    }
}

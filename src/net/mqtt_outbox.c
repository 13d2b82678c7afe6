/* SPDX-License-Identifier: MIT */
#include "net/mqtt_outbox.h"

#include <stdlib.h>
#include <string.h>

struct outbox_item {
    struct outbox_item *next;
    uint64_t sequence;
    uint64_t begun_ms;
    size_t size_bytes;
    struct mqtt_publish publish;
    char data[];
};

void outbox_init(struct outbox *outbox)
{
    *outbox = (struct outbox){0};
}

void outbox_clear(struct outbox *outbox)
{
    for (struct outbox_item *item = outbox->head; item != NULL;) {
        struct outbox_item *next = item->next;
        free(item);
        item = next;
    }
    for (uint32_t i = 0; i < MQTT_INFLIGHT_MAX; i++) {
        free(outbox->slots[i]);
    }
    outbox_init(outbox);
}

static char *append(char **at, const void *bytes, size_t len)
{
    char *copy = *at;
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    copy[len] = '\0';
    *at += len + 1;
    return copy;
}

static struct outbox_item *item_from(const struct mqtt_publish *p)
{
    size_t topic_len = strlen(p->topic);
    size_t response_len = p->response_topic != NULL ? strlen(p->response_topic) : 0;
    size_t bytes = topic_len + p->payload_len + response_len + p->correlation_len + 4;
    struct outbox_item *item = malloc(sizeof(*item) + bytes);
    if (item == NULL) {
        return NULL;
    }
    *item = (struct outbox_item){.size_bytes = bytes, .publish = *p};
    char *at = item->data;
    item->publish.topic = append(&at, p->topic, topic_len);
    item->publish.payload = (const uint8_t *)append(&at, p->payload, p->payload_len);
    if (p->response_topic != NULL) {
        item->publish.response_topic = append(&at, p->response_topic, response_len);
    }
    item->publish.correlation =
        (const uint8_t *)append(&at, p->correlation, p->correlation_len);
    return item;
}

int outbox_add(struct outbox *outbox, const struct mqtt_publish *publish)
{
    if (outbox->waiting_count >= MQTT_WAITING_MAX ||
        publish->payload_len > MQTT_WAITING_MAX_BYTES ||
        outbox->waiting_bytes + publish->payload_len > MQTT_WAITING_MAX_BYTES) {
        return FUO_EAGAIN;
    }
    struct outbox_item *item = item_from(publish);
    if (item == NULL) {
        return FUO_ENOMEM;
    }
    item->sequence = outbox->next_sequence++;
    if (outbox->head == NULL) {
        outbox->head = item;
    } else {
        outbox->last->next = item;
    }
    outbox->last = item;
    outbox->waiting_count++;
    outbox->waiting_bytes += item->size_bytes;
    return FUO_OK;
}

const struct mqtt_publish *outbox_begin(struct outbox *outbox, uint64_t now_ms,
                                        uint32_t *slot)
{
    struct outbox_item *item = outbox->head;
    if (item == NULL || outbox->inflight_count == MQTT_INFLIGHT_MAX) {
        return NULL;
    }
    uint32_t i = 0;
    while (outbox->slots[i] != NULL) {
        i++;
    }
    outbox->head = item->next;
    item->next = NULL;
    item->begun_ms = now_ms;
    outbox->waiting_count--;
    outbox->waiting_bytes -= item->size_bytes;
    outbox->slots[i] = item;
    outbox->inflight_count++;
    *slot = i;
    return &item->publish;
}

static struct outbox_item *take_slot(struct outbox *outbox, uint32_t slot)
{
    struct outbox_item *item = outbox->slots[slot];
    if (item != NULL) {
        outbox->slots[slot] = NULL;
        outbox->inflight_count--;
    }
    return item;
}

bool outbox_end(struct outbox *outbox, uint32_t slot, uint64_t *id)
{
    struct outbox_item *item = take_slot(outbox, slot);
    if (item == NULL) {
        return false;
    }
    *id = item->publish.id;
    free(item);
    return true;
}

void outbox_put_back(struct outbox *outbox, uint32_t slot)
{
    struct outbox_item *item = take_slot(outbox, slot);
    if (item == NULL) {
        return;
    }
    struct outbox_item **at = &outbox->head;
    while (*at != NULL && (*at)->sequence < item->sequence) {
        at = &(*at)->next;
    }
    item->next = *at;
    *at = item;
    if (item->next == NULL) {
        outbox->last = item;
    }
    outbox->waiting_count++;
    outbox->waiting_bytes += item->size_bytes;
}

void outbox_put_all_back(struct outbox *outbox)
{
    for (uint32_t i = 0; i < MQTT_INFLIGHT_MAX; i++) {
        outbox_put_back(outbox, i);
    }
}

bool outbox_expire(struct outbox *outbox, uint64_t now_ms, uint32_t timeout_ms,
                   uint64_t *id)
{
    for (uint32_t i = 0; i < MQTT_INFLIGHT_MAX && outbox->inflight_count > 0; i++) {
        const struct outbox_item *item = outbox->slots[i];
        if (item != NULL && now_ms - item->begun_ms >= timeout_ms) {
            return outbox_end(outbox, i, id);
        }
    }
    return false;
}

void outbox_counts(const struct outbox *outbox, uint32_t *waiting, uint32_t *inflight)
{
    *waiting = outbox->waiting_count;
    *inflight = outbox->inflight_count;
}

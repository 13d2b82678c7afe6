/* SPDX-License-Identifier: MIT */
#include "net/mqtt_inbox.h"

#include <stdlib.h>
#include <string.h>

int inbox_init(struct inbox *inbox, uv_loop_t *loop, uv_async_cb async_cb)
{
    *inbox = (struct inbox){0};
    inbox->tail = &inbox->head;
    if (uv_mutex_init(&inbox->mutex) != 0) {
        return FUO_ENOMEM;
    }
    if (uv_async_init(loop, &inbox->async, async_cb) != 0) {
        uv_mutex_destroy(&inbox->mutex);
        return FUO_ENOMEM;
    }
    return FUO_OK;
}

void inbox_destroy(struct inbox *inbox)
{
    while (inbox->head != NULL) {
        struct inbox_item *item = inbox->head;
        inbox->head = item->next;
        free(item);
    }
    uv_mutex_destroy(&inbox->mutex);
}

/* True: the loop has to be told; else it was, and has not been here since. */
static bool append(struct inbox *inbox, struct inbox_item *item)
{
    bool first = inbox->head == NULL;
    item->next = NULL;
    *inbox->tail = item;
    inbox->tail = &item->next;
    return first;
}

void inbox_put(struct inbox *inbox, enum inbox_kind kind, uint32_t generation,
               uint32_t index, int code, const char *text)
{
    size_t text_len = text != NULL ? strnlen(text, 200) : 0;
    struct inbox_item *item = calloc(1, sizeof(*item) + text_len + 1);
    if (item == NULL) {
        return;
    }
    item->kind = kind;
    item->generation = generation;
    item->index = index;
    item->code = code;
    if (text_len > 0) {
        memcpy(item->data, text, text_len);
    }
    uv_mutex_lock(&inbox->mutex);
    bool first = append(inbox, item);
    uv_mutex_unlock(&inbox->mutex);
    if (first) {
        uv_async_send(&inbox->async);
    }
}

static char *copy_bytes(char **at, const void *bytes, size_t len)
{
    char *copy = *at;
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    copy[len] = '\0';
    *at += len + 1;
    return copy;
}

static struct inbox_item *message_item(const struct mqtt_message *message,
                                       size_t topic_len, size_t response_topic_len)
{
    size_t bytes =
        topic_len + message->payload_len + response_topic_len + message->correlation_len;
    struct inbox_item *item = malloc(sizeof(*item) + bytes + 4);
    if (item == NULL) {
        return NULL;
    }
    *item = (struct inbox_item){.kind = INBOX_MESSAGE, .size_bytes = bytes};
    char *at = item->data;
    item->message = *message;
    item->message.topic = copy_bytes(&at, message->topic, topic_len);
    item->message.payload =
        (const uint8_t *)copy_bytes(&at, message->payload, message->payload_len);
    if (message->response_topic != NULL) {
        item->message.response_topic =
            copy_bytes(&at, message->response_topic, response_topic_len);
    }
    if (message->correlation != NULL) {
        item->message.correlation = (const uint8_t *)copy_bytes(&at, message->correlation,
                                                                message->correlation_len);
    }
    return item;
}

/* A NUL in a topic would hide what follows it. */
static bool acceptable(const struct mqtt_message *message, size_t topic_len,
                       size_t response_topic_len)
{
    return message->payload_len <= MQTT_PAYLOAD_MAX_BYTES &&
           topic_len <= MQTT_TOPIC_MAX && response_topic_len <= MQTT_TOPIC_MAX &&
           message->correlation_len <= MQTT_CORRELATION_MAX &&
           memchr(message->topic, '\0', topic_len) == NULL;
}

void inbox_put_message(struct inbox *inbox, uint32_t generation,
                       const struct mqtt_message *message, size_t topic_len,
                       size_t response_topic_len)
{
    struct inbox_item *item = NULL;
    bool first = false;
    bool ok = acceptable(message, topic_len, response_topic_len);
    if (ok) {
        item = message_item(message, topic_len, response_topic_len);
    }
    uv_mutex_lock(&inbox->mutex);
    if (!ok) {
        inbox->dropped_oversize++;
        first = true; /* nothing else may come that has it reported */
    } else if (item == NULL || inbox->message_count >= MQTT_RECEIVED_MAX ||
               inbox->message_bytes + item->size_bytes > MQTT_RECEIVED_MAX_BYTES) {
        inbox->dropped_flood++;
    } else {
        item->generation = generation;
        inbox->message_count++;
        inbox->message_bytes += item->size_bytes;
        first = append(inbox, item);
        item = NULL;
    }
    uv_mutex_unlock(&inbox->mutex);
    free(item);
    if (first) {
        uv_async_send(&inbox->async);
    }
}

/* Behind the last item of those that are taken; what they took up is free again. */
static struct inbox_item **cut(struct inbox *inbox, size_t max)
{
    struct inbox_item **at = &inbox->head;
    for (size_t i = 0; i < max && *at != NULL; i++) {
        if ((*at)->kind == INBOX_MESSAGE) {
            inbox->message_count--;
            inbox->message_bytes -= (*at)->size_bytes;
        }
        at = &(*at)->next;
    }
    return at;
}

struct inbox_item *inbox_take(struct inbox *inbox, size_t max, bool *more)
{
    uv_mutex_lock(&inbox->mutex);
    struct inbox_item *items = inbox->head;
    struct inbox_item **end = cut(inbox, max);
    struct inbox_item *rest = *end;
    *end = NULL;
    inbox->head = rest;
    if (rest == NULL) {
        inbox->tail = &inbox->head;
    }
    uv_mutex_unlock(&inbox->mutex);
    *more = rest != NULL;
    return items;
}

void inbox_dropped(struct inbox *inbox, uint64_t *flood, uint64_t *oversize)
{
    uv_mutex_lock(&inbox->mutex);
    *flood = inbox->dropped_flood;
    *oversize = inbox->dropped_oversize;
    uv_mutex_unlock(&inbox->mutex);
}

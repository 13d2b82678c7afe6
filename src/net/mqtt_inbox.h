/* SPDX-License-Identifier: MIT */
/*
 * mqtt_inbox.h - the way from the MQTT library's threads to the loop thread.
 *
 * inbox_put_*() may be called from any thread and never blocks for long; everything else
 * belongs to the loop thread. Messages that wait are bounded in number and size (mqtt.h), the rest
 * by what the client has under way.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "net/mqtt.h"

enum inbox_kind {
    INBOX_UP = 1,     /* connected */
    INBOX_REFUSED,    /* could not connect; code, text */
    INBOX_LOST,       /* the connection broke */
    INBOX_GOODBYE,    /* disconnected as asked */
    INBOX_SUBSCRIBED, /* index of the subscription; code */
    INBOX_SENT,       /* index of the in-flight slot; code */
    INBOX_MESSAGE,
};

struct inbox_item {
    struct inbox_item *next;
    enum inbox_kind kind;
    uint32_t generation; /* of the link that it came from */
    uint32_t index;
    int code; /* FUO_*, of INBOX_REFUSED: see mqtt_link.h */
    struct mqtt_message message;
    size_t size_bytes; /* of a message, for the bound */
    char data[];       /* what message points to, or a text for the log */
};

struct inbox {
    uv_mutex_t mutex;
    uv_async_t async;
    struct inbox_item *head;
    struct inbox_item **tail;
    size_t message_count;
    size_t message_bytes;
    uint64_t dropped_flood;
    uint64_t dropped_oversize;
};

/* async_cb runs on the loop; async.data is left to the caller. */
FUO_MUST_CHECK int inbox_init(struct inbox *inbox, uv_loop_t *loop, uv_async_cb async_cb);

/* After the async handle was closed and no thread can put any more. */
void inbox_destroy(struct inbox *inbox);

/* Anything but a message. text may be NULL. Lost when memory is out. */
void inbox_put(struct inbox *inbox, enum inbox_kind kind, uint32_t generation,
               uint32_t index, int code, const char *text);

/* Copies; message->topic is topic_len bytes without a NUL. */
void inbox_put_message(struct inbox *inbox, uint32_t generation,
                       const struct mqtt_message *message, size_t topic_len,
                       size_t response_topic_len);

/*
 * The first ones, at most max, in order, to be freed one by one with free(). The loop is
 * woken when something comes into an empty inbox: if *more, it has to come again itself.
 */
struct inbox_item *inbox_take(struct inbox *inbox, size_t max, bool *more);

void inbox_dropped(struct inbox *inbox, uint64_t *flood, uint64_t *oversize);

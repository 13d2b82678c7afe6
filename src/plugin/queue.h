/* SPDX-License-Identifier: MIT */
/*
 * queue.h - events between a plugin and the engine, deep-copied, in order.
 *
 * Pure but for the allocation. Uplinks and fates are bounded by HOST_EVENTS_MAX; answers
 * to intents always fit.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "fuotad/plugin.h"

struct event_node;

struct event_queue {
    struct event_node *head;
    struct event_node *last;
    size_t count;
};

/*
 * Copy *event, which may come from a plugin older or newer than we are. FUO_EINVAL: a type
 * that is not known, or a field out of bounds; FUO_ENOSPC: full; FUO_ENOMEM.
 */
FUO_MUST_CHECK int event_queue_put(struct event_queue *queue,
                                   const struct fuo_event *event);

/* The first event, to be freed with event_node_free(); NULL: none. */
struct event_node *event_queue_take(struct event_queue *queue);

const struct fuo_event *event_node_event(const struct event_node *node);
void event_node_free(struct event_node *node);

void event_queue_clear(struct event_queue *queue);

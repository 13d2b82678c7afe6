/* SPDX-License-Identifier: MIT */
/*
 * queue_inventory.h - what a server has, as events in the queue: texts, labels and keys are
 * copied, and wiped when the event is freed. Internal to queue.c.
 *
 * Pure but for the allocation.
 */
#pragma once

#include <stdbool.h>

#include "fuotad/plugin.h"

struct event_inventory;

/* Of FUO_EV_DEVICE, _LISTED and _FINDING: within the bounds of plugin.h, texts are there. */
bool event_inventory_usable(const struct fuo_event *event);

/* What *event, a DEVICE or a FINDING, points to is copied, and it points to the copy. NULL:
 * no memory. */
struct event_inventory *event_inventory_own(struct fuo_event *event);

void event_inventory_free(struct event_inventory *inventory); /* accepts NULL */

/* SPDX-License-Identifier: MIT */
/*
 * queue_access.h - what a device's objects hold, as events in the queue: texts are copied.
 * Internal to queue.c.
 *
 * Pure but for the allocation.
 */
#pragma once

#include <stdbool.h>

#include "fuotad/plugin.h"

struct event_access;

/* Of FUO_EV_ACCESSED: within the bounds of plugin.h, texts are there. */
bool event_access_usable(const struct fuo_event *event);

/* What *event points to is copied, and it points to the copy. NULL: no memory. */
struct event_access *event_access_own(struct fuo_event *event);

void event_access_free(struct event_access *access); /* accepts NULL */

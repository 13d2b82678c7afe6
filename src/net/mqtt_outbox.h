/* SPDX-License-Identifier: MIT */
/*
 * mqtt_outbox.h - what is to be published: a bounded queue and the window in flight.
 *
 * Pure but for the allocation. Order is kept: what comes back from a broken connection
 * goes in front of what has never been sent, in its old order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/mqtt.h"

struct outbox_item;

struct outbox {
    struct outbox_item *head; /* waiting, in order of sequence */
    uint64_t next_sequence;
    uint32_t waiting_count;
    size_t waiting_bytes;
    uint32_t inflight_count;
    struct outbox_item *last;
    struct outbox_item *slots[MQTT_INFLIGHT_MAX];
};

void outbox_init(struct outbox *outbox);
void outbox_clear(struct outbox *outbox);

/* Copy and append. FUO_EAGAIN: full; FUO_ENOMEM. */
FUO_MUST_CHECK int outbox_add(struct outbox *outbox, const struct mqtt_publish *publish);

/* Move the first waiting one into a free slot; borrowed. NULL: none waits, or no slot. */
const struct mqtt_publish *outbox_begin(struct outbox *outbox, uint64_t now_ms,
                                        uint32_t *slot);

/* It is done: forget it and give its id. false: the slot is empty. */
bool outbox_end(struct outbox *outbox, uint32_t slot, uint64_t *id);

/* It was not sent: back to where it was. An empty slot is ignored. */
void outbox_put_back(struct outbox *outbox, uint32_t slot);
void outbox_put_all_back(struct outbox *outbox);

/* Forget one that has been in flight for timeout_ms or longer. false: there is none. */
bool outbox_expire(struct outbox *outbox, uint64_t now_ms, uint32_t timeout_ms,
                   uint64_t *id);

void outbox_counts(const struct outbox *outbox, uint32_t *waiting, uint32_t *inflight);

/* SPDX-License-Identifier: MIT */
/*
 * relay.h - carries the store's outbox to the broker: in order, bounded in flight, at
 * least once. A row is dropped from the store only after the broker has acknowledged it
 * and all before it.
 *
 * Knows neither store nor MQTT: the ports do. After a failure it waits until everything in
 * flight is answered and goes back to the first row that was not acknowledged. Rows that
 * the broker refuses for good are passed over, or nothing would ever follow them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "store/store.h"

enum {
    RELAY_INFLIGHT_MAX = 32,
};

struct relay_ports {
    /* Ask for rows above after_id; relay_rows() follows if FUO_OK. */
    int (*query)(void *arg, uint64_t after_id, size_t max_rows);
    /* FUO_OK: relay_published() follows, never before this returns. */
    int (*publish)(void *arg, const struct store_outbox *row);
    /* Everything up to that id has been delivered. */
    void (*drop)(void *arg, uint64_t up_to_id);
};

struct relay_slot {
    uint64_t id;
    bool answered;
};

struct relay {
    struct relay_ports ports;
    void *arg;
    struct relay_slot inflight[RELAY_INFLIGHT_MAX]; /* ascending ids */
    size_t count;
    size_t unanswered;
    uint64_t sent_id;  /* handed to the broker up to here */
    uint64_t acked_id; /* acknowledged up to here */
    size_t asked;      /* rows, of the query that is out; 0: none is out */
    bool more;         /* there may be rows above sent_id */
    bool failed;       /* go back to acked_id when nothing is unanswered */
    bool stalled;      /* the client had no room; until an answer or a reconnect */
    bool up;
};

/* To be called again after the store was reopened. */
void relay_init(struct relay *relay, const struct relay_ports *ports, void *arg);

void relay_set_up(struct relay *relay, bool up); /* the broker is there */
void relay_added(struct relay *relay);           /* rows were committed */
void relay_rows(struct relay *relay, const struct store_outbox *rows, size_t count,
                int err);
void relay_published(struct relay *relay, uint64_t id, int err);

/* Nothing is in flight and nothing waits. */
bool relay_is_idle(const struct relay *relay);

/* SPDX-License-Identifier: MIT */
/*
 * requests.h - intents handed to a plugin and not answered yet: which effect each id was.
 *
 * There are never more than the hosts let wait (some hundreds), so a plain list is enough.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_kind {
    REQUEST_SEND,        /* EFFECT_SEND */
    REQUEST_SEND_FLUSH,  /* EFFECT_SEND_FLUSH: nobody waits for the answer */
    REQUEST_GROUP_OPEN,  /* EFFECT_GROUP_OPEN */
    REQUEST_GROUP_CLOSE, /* EFFECT_GROUP_CLOSE */
    REQUEST_MULTICAST,   /* EFFECT_SEND_MULTICAST, EFFECT_QUEUE_FLUSH */
    REQUEST_QUEUE_POLL,  /* EFFECT_QUEUE_POLL */
    REQUEST_PROBE,       /* no effect: the doctor's question to an API */
    REQUEST_AIRTIME,     /* neither: of gateways, for the ledgers */
};

struct request {
    uint64_t id; /* unique among all hosts */
    enum request_kind kind;
    uint32_t transmission_id;
    uint8_t lane;
    uint64_t dev_eui;
    uint32_t fleet_id; /* REQUEST_PROBE, REQUEST_AIRTIME */
};

/* Zeroed is empty. */
struct requests {
    struct request *items;
    size_t count;
    size_t cap;
    size_t flushes; /* of them, REQUEST_SEND_FLUSH */
    uint64_t last;
};

/* An id that no command of the engine has: the top bit is set. */
uint64_t requests_new_id(struct requests *requests);

void requests_add(struct requests *requests, const struct request *request);

/* Takes it out; false if the id is not known (any more). */
bool requests_take(struct requests *requests, uint64_t id, struct request *request);

/* Forget what is under way; ids go on. */
void requests_clear(struct requests *requests);

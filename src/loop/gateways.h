/* SPDX-License-Identifier: MIT */
/*
 * gateways.h - when each gateway was heard last, and what it told of itself, since the
 * daemon runs.
 *
 * In memory only, and bounded: what comes after GATEWAYS_MAX is counted, not kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum {
    GATEWAYS_MAX = 65536,
};

struct gateway_told {
    struct utc at;  /* 0: never */
    bool online;    /* it has a connection to its server */
    uint64_t given; /* frames to send, and those that it sent */
    uint64_t sent;
};

struct gateway_heard {
    uint64_t gateway;
    struct utc last;          /* an uplink; 0: never */
    struct gateway_told told; /* frames: all so far */
};

/* Zeroed is empty. */
struct gateways {
    struct gateway_heard *items; /* ascending */
    size_t count;
    size_t cap;
    uint64_t left_out;
};

/* Known, and heard at that time (0: not heard); an earlier time changes nothing. */
void gateways_note(struct gateways *gateways, uint64_t gateway, struct utc at);

/* 0: never, or not known. */
struct utc gateways_last(const struct gateways *gateways, uint64_t gateway);

/* What it tells, with the frames since it told last. true: online is news. */
bool gateways_tell(struct gateways *gateways, uint64_t gateway,
                   const struct gateway_told *told);

/* Zeroed: it told nothing, or is not known. */
struct gateway_told gateways_told(const struct gateways *gateways, uint64_t gateway);

void gateways_finish(struct gateways *gateways);

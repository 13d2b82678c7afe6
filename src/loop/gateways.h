/* SPDX-License-Identifier: MIT */
/*
 * gateways.h - when each gateway was heard last, since the daemon runs.
 *
 * In memory only, and bounded: what comes after GATEWAYS_MAX is counted, not kept.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum {
    GATEWAYS_MAX = 65536,
};

struct gateway_heard {
    uint64_t gateway;
    struct utc last; /* 0: never */
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

void gateways_finish(struct gateways *gateways);

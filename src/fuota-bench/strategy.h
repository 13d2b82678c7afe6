/* SPDX-License-Identifier: MIT */
/*
 * strategy.h - what another way of updating a fleet achieves on the same scenario.
 *
 * Times in microseconds from apply, -1: never.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "world/scenario.h"

struct strategy {
    uint8_t dr;
    int64_t makespan_us;  /* to the last of those it completes */
    int64_t t95_us;       /* 95 % of all reachable ones complete; -1: never */
    int64_t listening_us; /* summed over reachable devices */
    uint64_t fragments;
    uint64_t frames;       /* fragments times gateways */
    size_t completed;      /* of the reachable ones */
    uint32_t gateways;     /* that send */
    uint32_t retries;      /* of the unicast steps */
    int64_t margin_us;     /* between frames of the group */
    int64_t start_us;      /* of the session */
    bool session_exceeded; /* took longer than the 2^15 s a session may last */
    int64_t *complete_us;  /* per device, -1: never; owned, free() */
    int64_t *listened_us;  /* per device, reachable or not; in the same memory */
};

/* An empty result: nobody complete. FUO_ENOMEM; *out is untouched then. */
FUO_MUST_CHECK int strategy_begin(const struct world_scenario *s, struct strategy *out);

/* makespan_us, t95_us, completed and listening_us from what is told of each device.
 * FUO_ENOMEM. */
FUO_MUST_CHECK int strategy_sum(const struct world_scenario *s, const uint8_t *reachable,
                                struct strategy *out);

/* Frees what it has of each device: what stays is without pointers. */
void strategy_drop_devices(struct strategy *s);

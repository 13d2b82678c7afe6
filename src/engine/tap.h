/* SPDX-License-Identifier: MIT */
/*
 * tap.h - what gateways say of the frames that they were given (ENGINE_EV_AIRED).
 *
 * A multicast frame is known by its address and counter, as it is on air. What was sent
 * later than it was charged for is charged when it was sent, what was sent twice twice, and
 * what was not sent is taken back. A fragment that a gateway refused is made good: as many
 * coded ones are added to those that are to be sent as the gateway that refused most has
 * refused; the server itself drops a refused frame in silence (network-servers.md 2.3). A
 * refused status request is repeated. A gateway that refuses TAP_RUN_MAX in a row is told
 * about, and nothing more is added for it: that it works is not waited for.
 *
 * Frames of others, commands to single devices among them, count as airtime of others.
 *
 * Where a server tells how much a gateway has sent in the hour (ENGINE_EV_AIRTIME), what is
 * not in the book yet is booked as airtime of others, now: that errs upward, for an hour.
 *
 * Nothing depends on being told: without a tap all is as charged at hand-over. What is here
 * is in memory only; after a restart, frames handed over before it stay as charged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "campaign/record.h"
#include "engine/engine.h"

struct transmission;
struct lane;

enum {
    TAP_FRAMES = 16, /* of a lane that are remembered; a server's queue is kept shorter */
    TAP_RUN_MAX = 8,
};

/* A frame that was handed over. */
struct tap_frame {
    struct utc charged_at;
    int64_t airtime_us; /* charged to each gateway; 0: an empty place */
    uint16_t f_cnt;
    uint16_t told; /* gateways of the lane that have told of it, by their bits */
    bool status;   /* a status request; else a fragment */
};

struct tap_lane {
    struct tap_frame frames[TAP_FRAMES];
    uint8_t next;
    uint8_t run[RECORD_GATEWAY_MAX];   /* refused in a row */
    uint16_t lost[RECORD_GATEWAY_MAX]; /* fragments refused */
    struct lane_aired aired;
};

/* The frame under way is handed over, and charged. */
void tap_note(const struct transmission *t, struct lane *l);
/* The server did not take it. */
void tap_forget(struct lane *l);
/* Gateway i of the lane leaves it; those behind it move up. */
void tap_drop_gateway(struct lane *l, size_t i);
void tap_take(struct engine *e, const struct engine_event *event);
void tap_take_airtime(struct engine *e, const struct engine_event *event);
/* A gateway lost its server, or has it again: planned without meanwhile, if the devices
 * have others; a session that it sends for is told about. */
void tap_take_gateway(struct engine *e, const struct engine_event *event);
void tap_clock_step(struct lane *l, int64_t delta_us);

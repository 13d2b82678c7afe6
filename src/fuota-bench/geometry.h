/* SPDX-License-Identifier: MIT */
/*
 * geometry.h - what all yardsticks need of a scenario: into how many fragments its image may
 * be cut at a data rate, how long one is on air, and a quick table of losses.
 *
 * From regional parameters, airtime and scenario alone; the planner's choice of size is not
 * known here. Fleets of scenarios are in EU868 and obey the payload limits that are right
 * for every device (PAYLOAD_SAFE).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "world/scenario.h"

enum {
    /* What carries the three set-up commands, and one command alone (TS004, TS005). */
    GEOMETRY_GROUP_BYTES = 30 + 11, /* McGroupSetupReq and McClassCSessionReq */
    GEOMETRY_FRAG_BYTES = 11,       /* FragSessionSetupReq, on a port of its own */
    GEOMETRY_ANSWER_BYTES = 2,      /* the shortest answer to it */
    GEOMETRY_UPLINK_BYTES = 20,     /* regular uplinks of a scenario */
    GEOMETRY_TABLE_CDB = 2500,      /* the table covers -25 .. +25 dB */
    GEOMETRY_STEP_CDB = 10,
    GEOMETRY_STEPS = 2 * GEOMETRY_TABLE_CDB / GEOMETRY_STEP_CDB + 1,
};

struct geometry {
    uint8_t size; /* FragSize */
    uint32_t m;   /* fragments without redundancy */
    int64_t airtime_us;
};

/*
 * With the largest fragment that profile and data rate allow, or that of the campaign.
 * False if there is none; *g is untouched then. size_max: FragSize not above it.
 */
bool geometry_largest(const struct world_scenario *s, uint8_t size_max, uint8_t dr,
                      struct geometry *g);

/* With the size that takes the least airtime in total: no other cut is faster. */
bool geometry_fastest(const struct world_scenario *s, uint8_t size_max, uint8_t dr,
                      struct geometry *g);

/* Of a frame with that FRMPayload; 0 if dr does not exist. */
int64_t geometry_downlink_us(uint8_t dr, uint32_t frm_bytes);
int64_t geometry_uplink_us(uint8_t dr, uint32_t frm_bytes);

/* Mean losses by margin, averaged over fading once. */
struct geometry_losses {
    uint32_t ppm[GEOMETRY_STEPS];
};

void geometry_losses_fill(struct geometry_losses *losses, const struct world_scenario *s);

/* The margin is rounded up to the step: never more than the true loss. */
uint32_t geometry_loss_ppm(const struct geometry_losses *losses, int32_t margin_cdb);

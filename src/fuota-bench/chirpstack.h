/* SPDX-License-Identifier: MIT */
/*
 * chirpstack.h - ChirpStack's own FUOTA on the same fleet, radio and server timing.
 *
 * Model (reference network-servers.md 1, 2.3):
 *   set-up   McGroupSetup, FragSessionSetup, McClassCSession, one after the other. Each
 *            attempt queues a command for every device still without it and waits out the
 *            interval of uplinks; after the last attempt those without are lost. The session
 *            starts (retries + 1) intervals after its command was first queued.
 *   gateways of the tree that spans devices and gateways: each device hangs on that gateway
 *            which hears most devices, of those that heard its last uplink.
 *   session  every fragment once per gateway, one margin after the other (DELAY), uncoded
 *            ones first, 30 % coded ones in their natural order, no poll, no repair.
 *
 * Where an operator may choose, it gets the best for it: the number of retries (0 to 3) and
 * the data rate of the least time to 95 %, within a session of legal length if that is
 * possible; the smallest legal margin in whole seconds from that of the server on; the
 * largest fragments.
 *
 * Kinder than ChirpStack is: one deployment serves every profile at once; set-up commands
 * take no airtime and find every gateway ready; devices stop listening when complete; it may
 * use the whole legal duty cycle; and where fewer than M fragments fit the 2^15 s of a
 * session, the session goes on until all are sent (as if the fleet had been split into
 * deployments one after the other, their set-ups overlapping) and session_exceeded is set.
 *
 * Draws are those of world/radio.h: a frame of a gateway at a time is heard by a device or
 * not, whoever asks. Where the margin is shorter than a frame, gateways next to each other in
 * the order disturb each other's listeners within the capture threshold.
 */
#pragma once

#include <stdint.h>

#include "fuota-bench/strategy.h"
#include "world/world.h"

enum {
    CHIRPSTACK_REDUNDANCY_PERCENT = 30,
    CHIRPSTACK_RETRIES_MAX = 3,
    CHIRPSTACK_SESSION_EXP_MAX = 15,
    CHIRPSTACK_ANY_DR = UINT8_MAX,
};

/*
 * Flags of the gateways that ChirpStack sends from; returns how many. heard[first[i] + k]:
 * whether the gateway of link k heard the last uplink of device i. counts: one per gateway,
 * scratch.
 */
uint32_t chirpstack_gateways(const struct world_scenario *s, const uint8_t *heard,
                             uint32_t *counts, uint8_t *chosen);

/*
 * The smallest margin, in whole seconds and at least margin_us, at which `fragments` frames
 * of each of `gateways` gateways keep to limit_ppm in every hour.
 */
int64_t chirpstack_legal_margin_us(int64_t margin_us, uint32_t gateways,
                                   int64_t airtime_us, uint64_t fragments,
                                   uint32_t limit_ppm);

/*
 * The margin of a server with that timing; without one of its own (WORLD_TIMING_DIRECT) 1 s,
 * the smallest that ChirpStack supports.
 */
int64_t chirpstack_margin_us(enum world_timing timing);

/*
 * dr: DR0..DR5; CHIRPSTACK_ANY_DR: the best one. Of the timing only its margin counts: where
 * that is the same, so is the strategy.
 * FUO_ERANGE if the image cannot be cut for that data rate; FUO_ENOMEM. *out is written only
 * on success.
 */
FUO_MUST_CHECK int strategy_chirpstack(const struct world_scenario *s,
                                       enum world_timing timing, uint8_t dr,
                                       const uint8_t *reachable, struct strategy *out);

/* SPDX-License-Identifier: MIT */
/*
 * bounds.h - how fast a campaign could possibly be, for a set of devices and the share of the
 * duty cycle that campaigns may use. Facts: reference performance.md 3.1.
 *
 * All count from apply. A device is addressed after an uplink only (class A), so nothing
 * before its first one helps it; the trace says when that was.
 *
 * Two sets of bounds, because "a share of the duty cycle" can be read in two ways:
 *
 * makespan_us is that of performance.md 3.1. A gateway sends a frame of t microseconds once
 * in t / share, as one that enforces off times makes it do, and all gateways that a device
 * hears repeat the same frames to it. It is the largest of
 *
 *   fragments_us  a device needs at least M different fragments, M = image / FragSize,
 *                 whatever the code; it loses the product of the losses of all gateways that
 *                 it hears, so ceil(M / (1 - loss)) frames have to be sent in expectation,
 *                 after its set-up; at the data rate and size where that is soonest. The
 *                 expectation of a maximum is not below the maximum of expectations, so it
 *                 bounds the mean makespan over seeds.
 *   gateway_us    what a gateway has to send to the devices that no other one reaches: the
 *                 frames for the worst of them (all could share one transmission) and the
 *                 set-up of each, over the budget of all its sub-bands.
 *   clique_us     gateways each with a device that only it reaches, at one data rate only,
 *                 and where of any two one disturbs the device of the other: what they send
 *                 for these devices cannot overlap, so it adds up.
 *   setup_us      the last first uplink and the two downlinks that no strategy can do
 *                 without (TS005 and TS004 have ports of their own), and the answer that
 *                 opens the way for the second; or all of these over all gateways' budget.
 *                 At the data rate of the uplink or that of RX2, whichever is soonest over.
 *
 * any_us holds for every schedule whatsoever: gateways may send a whole hour's budget at
 * once, as a sliding hour allows, and each may send different fragments, so that a device
 * that hears k of them collects k times as fast (but one frame at a time). No run can beat
 * it; a run that bursts or stripes may beat makespan_us, and then the ratio says so.
 *
 * capped_us is fragments_us for TS004 as devices have it: uncoded fragments count only before
 * the first coded one, and no more than the decoder's cap may be lost of them. Without an
 * answer from each device to each fragment they have to be repeated blindly then: x times
 * each leaves loss^x of them. It shows what the caps cost; ARQ by unicast could beat it.
 *
 * More bounds, printed beside these and not part of makespan_us:
 *
 *   heard_us         fragments_us from the first uplink that this run received, lost ones
 *                    before it passed over, its airtime included. It holds for this run: who
 *                    was heard depends a little on when gateways were sending.
 *   versions_us      makespan_us lets all devices that only one gateway reaches share one
 *                    transmission. Matrices of TS004 v1 and v2 differ, so the worst of each
 *                    needs one of its own and their airtime adds up; a slower data rate
 *                    serves the faster devices too, so within a version it does not.
 *   setup_median_us  the set-up of all of them with the losses that the scenario has
 *                    (setup_odds.h): in half of all runs no schedule at all is sooner. With
 *                    thousands of devices the last is far behind any mean: that is what
 *                    setup_us, the maximum of expectations, does not see.
 *   median_us        the same with the frames of each device after it, as in fragments_us.
 *   more_us          the largest of makespan_us, heard_us, versions_us and median_us.
 *
 * That all devices of a transmission are set up before it begins is no bound: a second one
 * can be sent, or fragments by unicast.
 *
 * A gateway counts as reaching a device if it loses less than 99 % (else it would take a
 * hundred frames for one reception). Integer arithmetic.
 */
#pragma once

#include <stdint.h>

#include "fuotad/error.h"
#include "world/scenario.h"
#include "world/trace.h"

struct bounds {
    int64_t fragments_us; /* the device that needs the longest */
    int64_t gateway_us;   /* the gateway with most to send */
    int64_t clique_us;    /* gateways that cannot be on air together */
    int64_t setup_us;     /* answers of class A devices */
    int64_t makespan_us;  /* the largest */
    int64_t t95_us;       /* like fragments_us, for 95 % of the devices */
    int64_t capped_us;    /* like fragments_us, with the caps of the decoders */
    int64_t any_us;       /* every schedule whatsoever */
    int64_t any_t95_us;
    int64_t heard_us;        /* like fragments_us, after uplinks that were received */
    int64_t versions_us;     /* the gateway with most to send, v1 and v2 on their own */
    int64_t setup_median_us; /* set-up of all, with losses, in half of the cases */
    int64_t median_us;       /* ... and the fragments after it */
    int64_t more_us;         /* the largest of these and of makespan_us */
    uint32_t worst_device;   /* whose bound fragments_us is */
    uint8_t worst_dr;        /* and at what data rate; UINT8_MAX: no device counts */
};

/*
 * Over devices with reachable[i] != 0; those that nothing reaches are left out. What the timing
 * of a server adds is not inevitable. FUO_ENOMEM; *out is untouched then.
 */
FUO_MUST_CHECK int bounds_compute(const struct world_scenario *s,
                                  const struct world_trace *t, const uint8_t *reachable,
                                  struct bounds *out);

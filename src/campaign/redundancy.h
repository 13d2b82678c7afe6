/* SPDX-License-Identifier: MIT */
/*
 * redundancy.h - how many coded fragments: before a session, and after each poll.
 *
 * A device that lost L of M uncoded fragments has them back with L + e coded ones received
 * unless these have less than full rank, which for random rows over GF(2) happens with
 * probability 1 - prod(1 - 2^-i, i = e+1 .. e+L). TS004 rows behave like that for M above
 * 128, and for smaller M in the order of fec/sequence.h. Losses are taken as independent;
 * what really happened is learned from polls. Probabilities are exact to about 1e-12 and
 * the same on every machine (integers only).
 *
 * Quantities are fragments sent, as everybody hears or misses them. Losses are shares of
 * 1 000 000 (ppm). All redundancies are at most FEC_N_MAX - m: N has 14 bits.
 *
 * Pure; no allocation. Facts: reference performance.md 2.2, 2.4, 2.6.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The smallest number of coded fragments after which a device fails with probability
 * fail_ppm at most, 0: hardly ever; FEC_N_MAX - m if there is none.
 */
uint32_t redundancy_for_device(uint32_t m, uint32_t loss_ppm, uint32_t fail_ppm);

/*
 * Fragments to send, fresh coded ones, until a device that misses `missing` independent
 * ones has likely decoded. 0 for missing = 0. A loss above 99 % counts as 99 %.
 */
uint32_t redundancy_need(uint32_t missing, uint32_t loss_ppm);

/*
 * How many more to send now, to all. needs[0..count) are those of the devices that have not
 * decoded (redundancy_need()); cost is what leaving one of them unfinished costs, in
 * fragments. Takes the quantity that minimises fragments + cost * devices unfinished, the
 * larger one if two are equal; 0: stop, the rest is cheaper otherwise. Sorts needs.
 */
uint32_t redundancy_stop(uint32_t *needs, size_t count, uint32_t cost);

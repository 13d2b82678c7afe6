/* SPDX-License-Identifier: MIT */
/*
 * cover.h - the fewest, cheapest gateways that reach every device well enough.
 *
 * Weighted set multicover with contributions: each link adds its units to the device, a
 * device wants at least its demand. With units of 1 this is plain k-coverage; the planner
 * uses units of loss (partition.h). A demand above what all links together give is clipped
 * to that. Lazy greedy, reverse delete, then swaps of one gateway for a cheaper one or of
 * two for one (performance.md 3.5b). O(E log G) apart from the swaps, whose effort is
 * bounded by a constant times E.
 *
 * Pure, no allocation. Deterministic, also in which of equal covers it ends.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A gateway that a device hears. */
struct cover_link {
    uint32_t gateway; /* from 0 */
    int16_t
        margin_cdb; /* above the demodulation floor, 1/100 dB; not used by the cover */
    uint8_t units;  /* added to the demand; 0: too weak to serve, it only disturbs */
};

/* Links by device: those of device i are links[first[i]] .. links[first[i + 1] - 1]. */
struct cover_problem {
    const uint32_t *first;          /* device_count + 1 of them, ascending */
    const struct cover_link *links; /* of one device to different gateways */
    const uint8_t *demand;          /* per device, in units */
    size_t device_count;
    const uint32_t *weight; /* per gateway, above 0; NULL: all the same */
    size_t gateway_count;
};

size_t cover_link_count(const struct cover_problem *p);

/* Two links of one device, both ways: the sum of n * (n - 1) over devices with n links. */
size_t cover_pair_count(const struct cover_problem *p);

/* What cover_solve() needs, for 8-byte aligned memory. */
size_t cover_workspace_for(size_t device_count, size_t gateway_count, size_t link_count);

/*
 * Set chosen[g] to 1 for each gateway of the cover, to 0 for the others. Returns how many
 * are chosen.
 */
size_t cover_solve(const struct cover_problem *problem, void *workspace, uint8_t *chosen);

/*
 * The same in pieces: what problem points to, workspace and chosen[] have to live on. The
 * search looks at about so many links, and returns at how many; 0: that is the cover.
 */
void cover_begin(const struct cover_problem *problem, void *workspace, uint8_t *chosen);
uint64_t cover_search(void *workspace, uint64_t steps);

/* SPDX-License-Identifier: MIT */
/*
 * cluster.h - chosen gateways that share devices, in clusters of a bounded size.
 *
 * Gateways that together serve a device belong into one transmission, so that the device
 * hears each frame from both. The connected parts of that relation are the clusters; a part
 * above the bound is grown apart from its rim: each cluster takes the neighbour that shares
 * most with it, and gateways then move to where they share more, while there is room. A
 * device that needs several gateways counts CLUSTER_NEED times as much as one that merely
 * hears several.
 *
 * Pure, no allocation. Deterministic: ties go to the lower gateway number.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "campaign/cover.h"

#define CLUSTER_NONE UINT32_MAX

enum {
    CLUSTER_NEED = 8,
};

/* For 8-byte aligned memory; the counts are at least those of cover.h. */
size_t cluster_workspace_for(size_t gateway_count, size_t link_count, size_t pair_count);

/*
 * cluster[g]: number of the cluster of gateway g, from 0 in order of the lowest gateway;
 * CLUSTER_NONE if it is not chosen. At most size_max (above 0) gateways in each. Returns
 * how many clusters there are.
 */
size_t cluster_solve(const struct cover_problem *problem, const uint8_t *chosen,
                     size_t size_max, void *workspace, uint32_t *cluster);

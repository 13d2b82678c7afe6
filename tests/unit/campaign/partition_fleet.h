/* SPDX-License-Identifier: MIT */
/* partition_fleet.h - the fleet and the input that the tests of partition_make() change. */
#pragma once

#include <stdlib.h>

#include "base/time.h"
#include "campaign/partition.h"
#include "campaign/spec.h"
#include "test.h"

enum {
    DEVICES = 3000,
    GATEWAYS = 40,
};

static struct partition_device devices[DEVICES];
static struct partition_input input;
static struct partition result;
static void *workspace;

static inline void base_input(size_t device_count, size_t gateway_count)
{
    const struct region *region = region_get(REGION_EU868);
    input = (struct partition_input){
        .devices = devices,
        .device_count = device_count,
        .gateway_count = gateway_count,
        .region = region,
        .frequency_hz = region->rx2_hz,
        .dr = PARTITION_DR_AUTO,
        .image_len = 40000,
        .size_bytes = SPEC_AUTO_U32,
        .limit_ppm = 100000,
        .share_ppm = 600000,
        .absolute = true,
        .jitter_us = SECONDS_US(1),
        .overhead_us = MINUTES_US(10),
        .again_us = HOURS_US(2),
        .lanes_max = PARTITION_LANE_MAX,
        .lane_gateways = 1,
        .gain_cdb = partition_gain_cdb(region, region->rx2_hz),
    };
}

static inline int make(void)
{
    free(workspace);
    workspace = malloc(partition_workspace_bytes(&input));
    assert_non_null(workspace);
    return partition_make(&input, workspace, &result);
}

static inline int drop(void **state)
{
    (void)state;
    free(workspace);
    workspace = NULL;
    return 0;
}

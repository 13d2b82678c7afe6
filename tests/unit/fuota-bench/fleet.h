/* SPDX-License-Identifier: MIT */
/* fleet.h - scenarios and traces by hand: a few gateways, a few devices, links as told. */
#pragma once

#include <string.h>

#include "world/radio.h"
#include "world/scenario.h"
#include "world/trace.h"

enum {
    FLEET_DEVICES = 64,
    FLEET_GATEWAYS = 8,
};

/* Points into itself: do not copy. */
struct fleet {
    struct world_scenario s;
    struct world_trace t;
    struct world_gateway gateways[FLEET_GATEWAYS];
    struct world_device devices[FLEET_DEVICES];
    struct world_device_trace traces[FLEET_DEVICES];
    struct world_link links[FLEET_DEVICES * FLEET_GATEWAYS];
    uint32_t first[FLEET_DEVICES + 1];
    uint8_t reachable[FLEET_DEVICES];
};

/* Radio as in the city, but no losses among uplinks and no fading. */
static inline void fleet_init(struct fleet *f, size_t gateway_count)
{
    memset(f, 0, sizeof(*f));
    f->s = (struct world_scenario){
        .name = "hand",
        .seed = 7,
        .params = {.gateway_dbm = 27,
                   .gateway_narrow_dbm = 14,
                   .device_dbm = 14,
                   .gateway_noise_db = 3,
                   .device_noise_db = 6,
                   .capture_cdb = 600,
                   .burst_length_s = 1,
                   .legal_ppm = 100000,
                   .narrow_legal_ppm = 10000,
                   .share_ppm = 600000},
        .profiles = {{"any", NULL, 2, 2, WORLD_PPM, 0},
                     {"capped", NULL, 1, 1, 100000, 0}},
        .profile_count = 2,
        .gateways = f->gateways,
        .gateway_count = gateway_count,
        .devices = f->devices,
        .first = f->first,
        .links = f->links,
        .image_bytes = 4800,
        .run_max_us = INT64_C(86400) * 1000000,
    };
    f->t = (struct world_trace){.devices = f->traces};
}

/* Path loss that leaves that much downlink margin at DR0. */
static inline int32_t fleet_loss_cdb(const struct fleet *f, int32_t margin_cdb)
{
    return world_margin_cdb(&f->s, 0, 0) - margin_cdb;
}

/* A device without links yet; its uplinks at DR5 every 15 minutes. */
static inline size_t fleet_add(struct fleet *f, int64_t first_uplink_us)
{
    size_t i = f->s.device_count++;
    f->t.device_count = f->s.device_count;
    f->devices[i] = (struct world_device){.uplink_dr = 5, .interval_s = 900};
    f->traces[i] = (struct world_device_trace){.complete_us = -1,
                                               .ended_us = -1,
                                               .first_uplink_us = first_uplink_us,
                                               .first_received_us = first_uplink_us,
                                               .transmission = UINT32_MAX};
    f->reachable[i] = 1;
    f->first[i + 1] = f->first[i];
    return i;
}

/* Of the device added last; strongest first. */
static inline void fleet_link(struct fleet *f, uint32_t gateway, int32_t margin_cdb)
{
    uint32_t at = f->first[f->s.device_count]++;
    f->links[at] = (struct world_link){gateway, fleet_loss_cdb(f, margin_cdb)};
}

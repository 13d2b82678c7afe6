/* SPDX-License-Identifier: MIT */
/* random_fleet.h - random cover problems for the tests of cover, colour and cluster. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/prng.h"
#include "campaign/cover.h"

enum {
    FLEET_DEVICES_MAX = 4000,
    FLEET_LINKS_MAX = 4 * FLEET_DEVICES_MAX,
    FLEET_GATEWAYS_MAX = 400,
};

struct random_fleet {
    struct cover_problem problem;
    uint32_t first[FLEET_DEVICES_MAX + 1];
    struct cover_link links[FLEET_LINKS_MAX];
    uint8_t demand[FLEET_DEVICES_MAX];
    uint32_t weight[FLEET_GATEWAYS_MAX];
};

static inline void fleet_reset(struct random_fleet *f, size_t gateway_count)
{
    f->first[0] = 0;
    f->problem =
        (struct cover_problem){f->first, f->links, f->demand, 0, NULL, gateway_count};
}

/* A device: fleet_open(), fleet_add() for each link, fleet_close(). */
static inline void fleet_open(struct random_fleet *f, uint8_t demand)
{
    f->demand[f->problem.device_count] = demand;
    f->first[f->problem.device_count + 1] = f->first[f->problem.device_count];
}

static inline void fleet_add(struct random_fleet *f, uint32_t gateway, int16_t margin_cdb,
                             uint8_t units)
{
    f->links[f->first[f->problem.device_count + 1]++] =
        (struct cover_link){gateway, margin_cdb, units};
}

static inline void fleet_close(struct random_fleet *f)
{
    f->problem.device_count++;
}

/* Devices with 0 to 4 links to different gateways, units and demands up to a few. */
static inline void fleet_random(struct random_fleet *f, uint64_t seed, size_t devices,
                                size_t gateways)
{
    struct prng prng = prng_seeded(seed);
    fleet_reset(f, gateways);
    for (size_t g = 0; g < gateways; g++) {
        f->weight[g] = (uint32_t)(1 + prng_below(&prng, 5));
    }
    for (size_t d = 0; d < devices; d++) {
        uint32_t taken[4];
        size_t count = prng_below(&prng, 5);
        fleet_open(f, (uint8_t)(1 + prng_below(&prng, 6)));
        for (size_t i = 0; i < count && i < gateways; i++) {
            size_t k = 0;
            taken[i] = (uint32_t)prng_below(&prng, gateways);
            while (k < i) {
                if (taken[k] == taken[i]) {
                    taken[i] = (taken[i] + 1) % (uint32_t)gateways;
                    k = 0;
                } else {
                    k++;
                }
            }
            fleet_add(f, taken[i], (int16_t)prng_below(&prng, 2000),
                      (uint8_t)prng_below(&prng, 5));
        }
        fleet_close(f);
    }
}

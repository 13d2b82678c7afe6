/* SPDX-License-Identifier: MIT */
/* simulate.h - the parts of `fuotactl simulate`: what was asked for, and what came of it. */
#pragma once

#include <json-c/json.h>

#include "fuotactl/bundle.h"
#include "fuotactl/simulate_schedule.h"
#include "world/world.h"

struct simulated {
    struct bundle bundle;
    struct simulate_schedule schedule;
    size_t delta_bytes[VARIANT_DELTAS_MAX];
};

struct simulation {
    uint64_t seed;
    uint64_t devices;
    uint32_t loss_ppm;
    uint32_t broken_ppm;
    uint32_t delta_fails_ppm;
    int64_t apart_us; /* between the applies of two campaigns */
    int64_t approve_us;
    int64_t abort_us; /* 0: never */
    enum world_timing timing;
    struct simulated campaigns[WORLD_CAMPAIGN_MAX];
    size_t campaign_count;
};

/* See fuotactl(1), simulate. */
struct json_object *simulate_result(const struct simulation *sim,
                                    const struct world_scenario *s,
                                    const struct world_trace *t);

/*
 * Refuses fleets of devices that are not of LoRaWAN. file: the fleet's, NULL: looked for as
 * fleets/NAME.yaml in the campaign's folder and the one above; without one it is taken for
 * LoRaWAN. CLI_OK, or a code, which is told.
 */
int simulate_check_fleet(const struct cli *cli, const struct simulated *c,
                         const char *file);

/* CLI_PAUSED: one is held; CLI_FAILED: one failed or was aborted. */
int simulate_exit_code(const struct world_trace *t);

/* SPDX-License-Identifier: MIT */
/*
 * rig_faults.h - what goes wrong around the engine, by rate and seed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/time.h"

struct rig;

/* Zeroed: nothing goes wrong. Rates in ppm, of each occasion; times 0: never. */
struct rig_faults {
    struct prng prng;
    uint32_t kill_ppm;  /* of effects: die before it, or between it and its answer */
    uint32_t lost_ppm;  /* of uplink events */
    uint32_t twice_ppm; /* of uplink events and answers of the multicast queue */
    uint32_t late_ppm;  /* of uplink events: out of order, by up to late_us */
    int64_t late_us;
    uint32_t txack_ppm;    /* of txacks: lost; the same rate again is late */
    uint32_t timeout_ppm;  /* of calls: the answer is lost, half of them had an effect */
    uint32_t refuse_ppm;   /* of calls: not taken */
    int64_t away_every_us; /* the server is away for away_us, so often on average */
    int64_t away_us;
    int64_t reboot_every_us; /* some device reboots */
    int64_t step_every_us;   /* the wall clock is set wrong, and right again later */
    int64_t step_us;         /* by at most that much */
    struct utc next_away;
    struct utc next_reboot;
    struct utc next_step;
};

void rig_faults_start(struct rig *rig, uint64_t seed);

/* When rig_faults_run() is wanted next. */
struct utc rig_faults_next(const struct rig *rig);
void rig_faults_run(struct rig *rig);

bool rig_fault(struct rig *rig, uint32_t ppm);
/* What a call to the server meets: its error, and whether it takes effect all the same. */
int rig_fault_of_call(struct rig *rig, bool *takes_effect);

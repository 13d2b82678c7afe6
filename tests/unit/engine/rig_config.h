/* SPDX-License-Identifier: MIT */
/* The network that scenarios of the engine start from. */
#pragma once

#include <stdio.h>

#include "rig.h"

/* Kills, and a network that loses, repeats, delays and refuses: of a struct rig_faults. */
#define RIG_NETWORK_FAULTS                                                      \
    .kill_ppm = 5000, .lost_ppm = 30000, .twice_ppm = 50000, .late_ppm = 50000, \
    .late_us = MINUTES_US(7), .txack_ppm = 50000, .timeout_ppm = 20000,         \
    .refuse_ppm = 20000, .away_every_us = HOURS_US(5), .away_us = MINUTES_US(20)

static inline struct rig_config config_of(size_t devices, uint32_t loss_ppm,
                                          enum network_packages packages)
{
    struct rig_config config = {
        .net = {.start = {SECONDS_US(1800000000)},
                .region = region_by_name("EU868"),
                .device_count = devices,
                .gateway_count = 1,
                .packages = packages,
                .seed = 1,
                .loss_ppm = loss_ppm,
                .uplink_interval_us = MINUTES_US(5),
                .margin_us = SECONDS_US(5),
                .reply_window_us = MILLIS_US(100),
                .application_id = "5a1c0e1e-0000-4000-8000-000000000001",
                .uplink_dr = 5},
        .image_len = 8000,
        .commit_us = MILLIS_US(5),
    };
    return config;
}

/* What a failed scenario was like. */
static inline void dump(const struct rig *rig)
{
    const struct campaign_rec *c = engine_campaign_by_id(rig->engine, rig->campaign_id);
    printf("# %s (%s) after %lld s\n", c != NULL ? campaign_phase_name(c->phase) : "-",
           c != NULL ? c->reason : "",
           (long long)((rig->now.us - rig->net.config.start.us) / 1000000));
    for (size_t i = 1; i <= RIG_TRANSMISSIONS; i++) {
        const struct transmission_rec *t = &rig->store.transmissions[i];
        if (t->id == 0) {
            continue;
        }
        printf("# transmission %u %s M %u next %u target %u session %u\n", t->id,
               tx_phase_name(t->phase), t->frag_count, t->next_n, t->target_n,
               t->session_no);
    }
    for (size_t i = 0; engine_member_at(rig->engine, rig->campaign_id, i) != NULL; i++) {
        const struct member_rec *m = engine_member_at(rig->engine, rig->campaign_id, i);
        printf("# %016llx %s state %d result %d outcome %s reason %s missing %u\n",
               (unsigned long long)m->dev_eui, member_phase_name(m->phase), m->state,
               m->result, outcome_name(m->outcome), member_reason_slug(m->reason),
               m->missing);
    }
}

static inline const char *violation_of(const struct rig *rig)
{
    return rig->check.violation != NULL ? rig->check.violation : "";
}

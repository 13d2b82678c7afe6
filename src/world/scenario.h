/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - a fleet and its radio world as plain tables, made from a name and a seed.
 *
 * What stands here is the truth that only the simulated world and the yardsticks may read;
 * the planner has to learn it from uplinks. Everything is integer and drawn from
 * base/prng.h: the same name and seed give the same tables with every compiler.
 *
 *   town      4 gateways on a 6 km2 square, 500 devices, 20 kB, an uplink every 15 min
 *   town1     1 gateway, radius 5 km, else as town
 *   city      50 gateways on a square of 15 km, 20 000 devices, 40 kB, 1 h
 *   national  20 such cities and 1000 rural gateways, 1 000 000 devices, 40 kB, 24 h
 *   rollout   250 gateways on a square of 33.5 km, 100 000 devices, 40 kB, 1 h: five cities
 *   twins     10 gateways in one place, 2000 devices, a block of 768 fragments of 48 bytes,
 *             5 % dead devices, burst losses; twins769: one fragment more
 *
 * Path loss: Oulu (Petaejaejaervi), 128.95 + 23.2 log10(d / 1 km) dB, shadowing N(0, 7.8 dB)
 * for each device and gateway on their own, 60 % of devices indoors with U(0, 25 dB) more.
 * Facts: reference performance.md 3.4, 6.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    WORLD_PROFILE_MAX = 4,
    WORLD_DR_COUNT = 6, /* DR0..DR5: SF12..SF7 at 125 kHz */
    WORLD_CLASS_C_HZ = 869525000,
    WORLD_PPM = 1000000,
};

/* DevEUI of device i and EUI of gateway i; both ascend with i. */
#define WORLD_DEVICE_EUI_BASE  UINT64_C(0x0080e11500000000)
#define WORLD_GATEWAY_EUI_BASE UINT64_C(0x0016c001ff000000)

struct profile;

struct world_profile {
    const char *name;
    const struct profile *quirks; /* how it answers; its own limits are the next ones */
    uint8_t ts004;                /* package versions; TS006 is 1 */
    uint8_t ts005;
    uint32_t cap_ppm; /* share of M that may be lost uncoded; WORLD_PPM: no cap */
    uint8_t size_max; /* FragSize; 0: any */
};

struct world_gateway {
    int32_t x_m;
    int32_t y_m;
};

struct world_device {
    int32_t x_m;
    int32_t y_m;
    uint16_t indoor_cdb;
    uint8_t profile;     /* index into scenario.profiles */
    uint8_t uplink_dr;   /* where ADR has brought it */
    bool dead;           /* never sends, never hears */
    uint32_t interval_s; /* of its uplinks; each is jittered by a tenth */
};

/* Everything between the two antennas, in 1/100 dB; no fading. */
struct world_link {
    uint32_t gateway;
    int32_t loss_cdb;
};

struct world_params {
    int32_t gateway_dbm;        /* at WORLD_CLASS_C_HZ */
    int32_t gateway_narrow_dbm; /* in the 868 MHz bands */
    int32_t device_dbm;
    int32_t gateway_noise_db; /* noise figures */
    int32_t device_noise_db;
    uint32_t fading_cdb;       /* sigma, per packet */
    uint32_t capture_cdb;      /* a frame this much stronger than the other survives */
    uint32_t uplink_loss_ppm;  /* collisions among uplinks */
    uint32_t burst_loss_ppm;   /* share of time in which a device hears nothing */
    uint32_t burst_length_s;   /* mean length of such a gap */
    uint32_t legal_ppm;        /* duty cycle at WORLD_CLASS_C_HZ: 100 000 */
    uint32_t narrow_legal_ppm; /* in each of the two 868 MHz bands of uplinks: 10 000 */
    uint32_t share_ppm;        /* of the legal limit, what campaigns may use */
    /* Unicast answers: RX2 is at WORLD_CLASS_C_HZ and rx2_dr, and comes before RX1 where RX1
     * would be slower than rx2_first_below_dr (ChirpStack: rx2_dr, rx2_prefer_on_rx1_dr_lt;
     * its own default is DR0 and 0, operators of The Things Stack have DR3). */
    uint8_t rx2_dr;
    uint8_t rx2_first_below_dr;
    /* A device stands only where its best gateway hears SF12 with that margin or more: else
     * it could not have joined. */
    int32_t join_margin_cdb;
    uint8_t adr_margin_db;
    uint32_t snr_clip_cdb; /* gateways report no more than that */
};

struct world_scenario {
    const char *name;
    uint64_t seed;
    struct world_params params;
    struct world_profile profiles[WORLD_PROFILE_MAX];
    size_t profile_count;
    struct world_gateway *gateways;
    size_t gateway_count;
    struct world_device *devices;
    size_t device_count;
    uint32_t *
        first; /* device_count + 1: links of device i are links[first[i] .. first[i+1]) */
    struct world_link *links; /* of a device: strongest first */
    size_t image_bytes;
    uint8_t frag_size;         /* asked for by the campaign; 0: the planner chooses */
    uint32_t warmup_intervals; /* uplinks of each device before the campaign is applied */
    int64_t run_max_us;        /* from apply */
};

/* FUO_ENOENT for a name that is not in the list. *s is written only on success. */
FUO_MUST_CHECK int world_scenario_make(struct world_scenario *s, const char *name,
                                       uint64_t seed);

/*
 * The same from counts, for tests and for other fleets: `gateway_count` on a square of
 * side_m, `device_count` devices spread over it, parameters of city.
 */
FUO_MUST_CHECK int world_scenario_square(struct world_scenario *s, uint64_t seed,
                                         size_t gateway_count, size_t device_count,
                                         int32_t side_m);

void world_scenario_finish(struct world_scenario *s); /* accepts a zeroed one */

static inline size_t world_link_count(const struct world_scenario *s, size_t device)
{
    return s->first[device + 1] - s->first[device];
}

static inline const struct world_link *world_links(const struct world_scenario *s,
                                                   size_t device)
{
    return s->links + s->first[device];
}

/* SPDX-License-Identifier: MIT */
#include "fuota-bench/plan_bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "campaign/partition.h"
#include "campaign/spec.h"
#include "io/cleanup.h"
#include "world/radio.h"

enum {
    SIDE = 100, /* gateways on a grid of SIDE x SIDE */
    GATEWAYS = SIDE * SIDE,
    DEVICES = 1000000,
    BEST_SNR_CDB = 600,
    SPREAD_CDB = 1000,
    STEP_CDB = 450, /* each further gateway is that much weaker */
    FADING_P10_CDB = 320,
    EXIT_FAILED = 1,
};

/* A device near a gateway of the grid hears it and three of its neighbours. */
static void make_device(struct prng *p, struct partition_device *d)
{
    static const int32_t dx[PARTITION_LINK_MAX] = {0, 1, 0, 1};
    static const int32_t dy[PARTITION_LINK_MAX] = {0, 0, 1, 1};
    uint32_t x = (uint32_t)prng_below(p, SIDE - 1);
    uint32_t y = (uint32_t)prng_below(p, SIDE - 1);
    uint64_t kind = prng_below(p, 10);
    int32_t snr_cdb = BEST_SNR_CDB + world_normal_milli(prng_next(p)) * SPREAD_CDB / 1000;
    int32_t turn = (int32_t)prng_below(p, PARTITION_LINK_MAX);

    *d = (struct partition_device){.ts004 = kind == 0 ? 2 : 1,
                                   .ts005 = kind == 0 ? 2 : 1,
                                   .link_count = PARTITION_LINK_MAX,
                                   .cap_ppm = kind == 0 ? PARTITION_CAP_NONE : 100000};
    for (int32_t i = 0; i < PARTITION_LINK_MAX; i++) {
        int32_t k = (i + turn) % PARTITION_LINK_MAX;
        int32_t median_cdb = snr_cdb - i * STEP_CDB;
        d->link[i] = (struct partition_link){
            .gateway = (y + (uint32_t)dy[k]) * SIDE + x + (uint32_t)dx[k],
            .snr_p10_cdb = (int16_t)(median_cdb - FADING_P10_CDB),
            .snr_p50_cdb = (int16_t)median_cdb,
            .heard_ppk = median_cdb > -1200 ? 950 : 500};
    }
}

int plan_bench(const struct clock *clock, uint64_t seed, uint32_t devices_wanted)
{
    size_t count = devices_wanted != 0 ? devices_wanted : DEVICES;
    const struct region *region = region_get(REGION_EU868);
    struct prng p = prng_seeded(seed);
    AUTO_FREE struct partition_device *devices = calloc(count, sizeof(*devices));
    if (devices == NULL) {
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        make_device(&p, &devices[i]);
    }
    struct partition_input input = {
        .devices = devices,
        .device_count = count,
        .gateway_count = GATEWAYS,
        .region = region,
        .frequency_hz = WORLD_CLASS_C_HZ,
        .dr = PARTITION_DR_AUTO,
        .image_len = 40000,
        .size_bytes = SPEC_AUTO_U32,
        .limit_ppm = 100000,
        .share_ppm = 600000,
        .absolute = true,
        .lanes_max = PARTITION_LANE_MAX,
        .lane_gateways = 1,
        .gain_cdb = partition_gain_cdb(region, WORLD_CLASS_C_HZ),
    };
    int64_t start_us = clock_mono(clock).us;
    size_t bytes = partition_workspace_bytes(&input);
    AUTO_FREE void *workspace = calloc(1, bytes);
    struct partition result = {0};
    int err = workspace == NULL ? FUO_ENOMEM : partition_make(&input, workspace, &result);
    int64_t took_us = clock_mono(clock).us - start_us;
    if (err != FUO_OK) {
        (void)fprintf(stderr, "fuota-bench: no plan: %s\n", fuo_strerror(err));
        return EXIT_FAILED;
    }
    (void)printf("{\"plan\": {\"devices\": %zu, \"gateways\": %d, \"cohorts\": %zu, "
                 "\"without_cohort\": %zu, \"memory_mib\": %zu, \"wall_s\": %.3f}}\n",
                 count, GATEWAYS, result.cohort_count,
                 result.no_link + result.too_far + result.no_fit + result.no_room,
                 (bytes + count * sizeof(*devices)) >> 20, (double)took_us / 1e6);
    return 0;
}

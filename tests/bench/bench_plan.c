/* SPDX-License-Identifier: MIT */
/*
 * bench_plan.c - how long partition_make() takes for a large fleet.
 *
 * bench-plan [DEVICES [GATEWAYS [SEED [queue|absolute]]]]: gateways at city density, devices
 * with the path loss, shadowing and indoor loss of performance.md 6, four best links each,
 * versions and decoder caps mixed as in its scenario S2. One JSON object on the last line.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/prng.h"
#include "base/time.h"
#include "campaign/partition.h"
#include "campaign/spec.h"

enum {
    CELLS_MAX = 4096,
    NEAR_CELLS = 2,
};

struct place {
    double x_km;
    double y_km;
};

struct field {
    struct place *gateway;
    size_t gateway_count;
    double side_km;
    size_t cells; /* along a side */
    uint32_t *cell_first;
    uint32_t *cell_gateway;
};

static double unit(struct prng *prng)
{
    return (double)(prng_next(prng) >> 11) / 9007199254740992.0;
}

static double normal(struct prng *prng)
{
    return sqrt(-2 * log(1 - unit(prng))) * cos(2 * 3.14159265358979 * unit(prng));
}

static size_t cell_of(const struct field *f, double at_km)
{
    size_t c = (size_t)(at_km / f->side_km * (double)f->cells);
    return c < f->cells ? c : f->cells - 1;
}

static void *must_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL) {
        abort();
    }
    return p;
}

static struct field make_field(size_t gateway_count, struct prng *prng)
{
    struct field f = {.gateway_count = gateway_count};
    f.side_km = sqrt((double)gateway_count / 0.22);
    f.cells = (size_t)(f.side_km / 3) + 1;
    f.gateway = must_calloc(gateway_count, sizeof(*f.gateway));
    f.cell_first = must_calloc(f.cells * f.cells + 1, sizeof(uint32_t));
    f.cell_gateway = must_calloc(gateway_count, sizeof(uint32_t));
    for (size_t g = 0; g < gateway_count; g++) {
        f.gateway[g].x_km = unit(prng) * f.side_km;
        f.gateway[g].y_km = unit(prng) * f.side_km;
        f.cell_first[cell_of(&f, f.gateway[g].y_km) * f.cells +
                     cell_of(&f, f.gateway[g].x_km)]++;
    }
    uint32_t sum = 0;
    for (size_t c = 0; c <= f.cells * f.cells; c++) {
        sum += f.cell_first[c];
        f.cell_first[c] = sum;
    }
    for (size_t g = gateway_count; g-- > 0;) {
        size_t c =
            cell_of(&f, f.gateway[g].y_km) * f.cells + cell_of(&f, f.gateway[g].x_km);
        f.cell_gateway[--f.cell_first[c]] = (uint32_t)g;
    }
    return f;
}

static void keep_link(struct partition_device *d, uint32_t gateway, double snr_db)
{
    struct partition_link link = {.gateway = gateway,
                                  .snr_p50_cdb = (int16_t)(snr_db * 100),
                                  .snr_p10_cdb = (int16_t)(snr_db * 100 - 320),
                                  .heard_ppk = 900};
    size_t at = d->link_count;
    if (at == PARTITION_LINK_MAX) {
        if (d->link[at - 1].snr_p50_cdb >= link.snr_p50_cdb) {
            return;
        }
        at--;
    } else {
        d->link_count++;
    }
    while (at > 0 && d->link[at - 1].snr_p50_cdb < link.snr_p50_cdb) {
        d->link[at] = d->link[at - 1];
        at--;
    }
    d->link[at] = link;
}

/* One more gateway that the device may hear. */
static void try_link(const struct field *f, struct prng *prng, struct partition_device *d,
                     uint32_t gateway, struct place at, double indoor_db)
{
    const struct place *g = &f->gateway[gateway];
    double d_km = hypot(g->x_km - at.x_km, g->y_km - at.y_km);
    double loss_db = 128.95 + 23.2 * log10(d_km + 0.01) + 7.8 * normal(prng);
    double snr_db = 14 - loss_db - indoor_db + 120;
    if (snr_db > -20) {
        keep_link(d, gateway, snr_db);
    }
}

static void make_links(const struct field *f, struct prng *prng,
                       struct partition_device *d)
{
    double x_km = unit(prng) * f->side_km;
    double y_km = unit(prng) * f->side_km;
    double indoor_db = unit(prng) < 0.6 ? 25 * unit(prng) : 0;
    size_t cx = cell_of(f, x_km);
    size_t cy = cell_of(f, y_km);
    for (size_t row = cy > NEAR_CELLS ? cy - NEAR_CELLS : 0;
         row <= cy + NEAR_CELLS && row < f->cells; row++) {
        size_t west = cx > NEAR_CELLS ? cx - NEAR_CELLS : 0;
        size_t east = cx + NEAR_CELLS < f->cells ? cx + NEAR_CELLS : f->cells - 1;
        for (uint32_t i = f->cell_first[row * f->cells + west];
             i < f->cell_first[row * f->cells + east + 1]; i++) {
            try_link(f, prng, d, f->cell_gateway[i], (struct place){x_km, y_km},
                     indoor_db);
        }
    }
}

static struct partition_device *make_devices(const struct field *f, size_t count,
                                             struct prng *prng)
{
    struct partition_device *devices = must_calloc(count, sizeof(*devices));
    for (size_t d = 0; d < count; d++) {
        double kind = unit(prng);
        devices[d].ts004 = kind < 0.9 ? 1 : 2;
        devices[d].ts005 = kind < 0.9 ? 1 : 2;
        devices[d].cap_ppm = kind < 0.7 ? 100000 : kind < 0.9 ? 200000 : 0;
        make_links(f, prng, &devices[d]);
    }
    return devices;
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) +
           (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void print_cohorts(const struct partition *result)
{
    for (size_t i = 0; i < result->cohort_count && i < 40; i++) {
        const struct partition_cohort *c = &result->cohorts[i];
        printf("%3zu v%u/%u DR%u x%u: %7u devices, %3u gateways, %2u lanes, %2u turns, "
               "%.2f s, M %u, first %u, p50 %u, p90 %u, loss %.3f/%.3f %%, %.2f h\n",
               i, c->ts004, c->ts005, c->dr, c->copies, c->device_count, c->gateway_count,
               c->lane_count, c->colour_count, (double)c->interval_us / 1e6,
               c->fragments.count, c->coded_first, c->frames_p50, c->frames_p90,
               c->loss_mean_ppm / 1e4, c->loss_p90_ppm / 1e4,
               (double)c->duration_p50_us / 3.6e9);
    }
}

/* FNV-1a over what was decided, to compare builds. */
static uint64_t digest(const struct partition *result, size_t device_count)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t d = 0; d < device_count; d++) {
        h = (h ^ result->cohort[d]) * UINT64_C(0x100000001b3);
    }
    for (size_t i = 0; i < result->cohort_count; i++) {
        const struct partition_cohort *c = &result->cohorts[i];
        h = (h ^ (uint64_t)c->interval_us) * UINT64_C(0x100000001b3);
        h = (h ^ c->frames_p90) * UINT64_C(0x100000001b3);
        for (size_t g = 0; g < c->gateway_count; g++) {
            h = (h ^ c->gateways[g].gateway) * UINT64_C(0x100000001b3);
            h = (h ^ c->gateways[g].colour) * UINT64_C(0x100000001b3);
        }
    }
    return h;
}

int main(int argc, char **argv)
{
    size_t device_count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    size_t gateway_count = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    uint64_t seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    struct prng prng = prng_seeded(seed);
    struct field field = make_field(gateway_count, &prng);
    const struct region *region = region_get(REGION_EU868);
    struct partition_device *devices = make_devices(&field, device_count, &prng);
    struct partition_input in = {
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
        .absolute = argc <= 4 || strcmp(argv[4], "queue") != 0,
        .jitter_us = SECONDS_US(1),
        .overhead_us = MINUTES_US(10),
        .lanes_max = PARTITION_LANE_MAX,
        .lane_gateways = 1,
        .gain_cdb = partition_gain_cdb(region, region->rx2_hz),
    };
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    size_t bytes = partition_workspace_bytes(&in);
    void *workspace = malloc(bytes);
    struct partition result;
    if (workspace == NULL || partition_make(&in, workspace, &result) != FUO_OK) {
        fputs("no partition\n", stderr);
        abort();
    }
    double wall_s = seconds_since(&start);
    print_cohorts(&result);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(
        "{\"devices\":%zu,\"gateways\":%zu,\"seed\":%lu,\"cohorts\":%zu,\"no_link\":%zu,"
        "\"too_far\":%zu,\"workspace_bytes\":%zu,\"digest\":\"%016lx\","
        "\"wall_s\":%.3f,\"peak_rss_wall_kb\":%ld}\n",
        device_count, gateway_count, (unsigned long)seed, result.cohort_count,
        result.no_link, result.too_far, bytes,
        (unsigned long)digest(&result, device_count), wall_s, usage.ru_maxrss);
    free(workspace);
    free(devices);
    free(field.gateway);
    free(field.cell_first);
    free(field.cell_gateway);
    return 0;
}

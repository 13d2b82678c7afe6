/* SPDX-License-Identifier: MIT */
#include "fuota-bench/rollout_bench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "campaign/calendar.h"
#include "campaign/record.h"
#include "campaign/spec.h"
#include "campaign/wave.h"
#include "io/cleanup.h"
#include "world/world.h"

enum {
    NIGHTS = 60,
    DEVICES_PER_GATEWAY = 400,
    SIDE_PER_GATEWAY_M = 2119, /* 50 gateways on a square of 15 km */
    DEVICE_BYTES = 256,
    FIXED_BYTES = 64000000,
    EXIT_FAILED = 1,
    EXIT_NO_FIT = 11,
};

#define NIGHT_START_US HOURS_US(10) /* from the apply, at noon */
#define NIGHT_US       (HOURS_US(7) + MINUTES_US(30))

static const struct spec_wave waves[] = {
    {.name = "canary",
     .size = {.ppm = 10000},
     .min = 20,
     .success_ppm = 950000,
     .abort_failed_ppm = 50000,
     .abort_attempted = 20,
     .soak_us = HOURS_US(24)},
    {.name = "ten",
     .size = {.ppm = 100000},
     .success_ppm = 950000,
     .abort_failed_ppm = 50000,
     .abort_attempted = 20,
     .soak_us = HOURS_US(24)},
    {.name = "rest",
     .size = {.ppm = SPEC_PPM},
     .success_ppm = 950000,
     .abort_failed_ppm = 50000,
     .abort_attempted = 20,
     .approval_required = true},
};

struct rollout_run {
    struct world_scenario scenario;
    struct campaign_spec spec;
    struct calendar_span nights[NIGHTS];
    struct world_trace trace;
    int64_t wall_us;
    int64_t resident_bytes; /* the most of the program, less what it had before the run */
    int64_t engine_bytes;
    uint64_t law_violations;
    uint64_t window_violations;
    size_t outcomes[OUTCOME_COUNT];
};

static struct campaign_spec rollout_spec(const struct world_scenario *s)
{
    struct campaign_spec spec = world_default_spec(s);
    spec.rollout = (struct spec_rollout){.waves = waves,
                                         .wave_count = sizeof(waves) / sizeof(waves[0]),
                                         .waves_given = true,
                                         .unknown_counts_as_failed = true};
    spec.activation.mode = SPEC_ACTIVATE_SCHEDULED;
    return spec;
}

static int make(struct rollout_run *r, const struct options *options)
{
    if (options->devices == 0) {
        return world_scenario_make(&r->scenario, ROLLOUT_BENCH, options->seed);
    }
    size_t gateways = options->devices / DEVICES_PER_GATEWAY + 1;
    int32_t side_m = SIDE_PER_GATEWAY_M;
    while ((int64_t)side_m * side_m <
           (int64_t)gateways * SIDE_PER_GATEWAY_M * SIDE_PER_GATEWAY_M) {
        side_m += SIDE_PER_GATEWAY_M / 10;
    }
    int err = world_scenario_square(&r->scenario, options->seed, gateways,
                                    options->devices, side_m);
    r->scenario.run_max_us = DAYS_US(45);
    return err;
}

static int64_t resident_bytes(void)
{
    struct rusage usage = {0};
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

static int run(struct rollout_run *r, const struct clock *clock,
               const struct options *options, const struct rollout_memory *memory)
{
    for (int64_t i = 0; i < NIGHTS; i++) {
        int64_t start_us = NIGHT_START_US + i * DAYS_US(1);
        r->nights[i] =
            (struct calendar_span){{.us = start_us}, {.us = start_us + NIGHT_US}};
    }
    r->spec = rollout_spec(&r->scenario);
    struct world_campaign campaign = {.spec = &r->spec,
                                      .image_bytes = r->scenario.image_bytes,
                                      .windows = r->nights,
                                      .window_count = NIGHTS,
                                      .windows_until = {.us = DAYS_US(NIGHTS)}};
    struct world_config config = {
        .timing = options->timing_given ? options->timing : WORLD_TIMING_STOCK,
        .install = true,
        .progress = options->progress,
        .campaigns = &campaign,
        .campaign_count = 1,
        .approve_after_us = HOURS_US(2),
        .watch = memory->watch,
    };
    int64_t before_bytes = resident_bytes();
    int64_t start_us = clock_mono(clock).us;
    int err = world_run(&r->scenario, &config, &r->trace);
    r->wall_us = clock_mono(clock).us - start_us;
    r->resident_bytes = resident_bytes() - before_bytes;
    r->engine_bytes = memory->peak_bytes();
    return err;
}

/* ---- figures ---- */

static void judge(struct rollout_run *r)
{
    const struct calendar_windows nights = {r->nights, NIGHTS};
    const struct world_trace *t = &r->trace;
    r->law_violations = world_trace_violations(t, &r->scenario);
    for (size_t i = 0; i < t->frame_count; i++) {
        const struct world_frame *f = &t->frames[i];
        int64_t end_us = f->at_us + f->airtime_us;
        r->window_violations +=
            f->kind != WORLD_FRAME_UNICAST &&
            calendar_open_until(&nights, (struct utc){f->at_us}).us < end_us;
    }
    for (size_t i = 0; i < t->device_count; i++) {
        r->outcomes[t->devices[i].outcome % OUTCOME_COUNT]++;
    }
}

static double ratio(int64_t a, int64_t b)
{
    return b == 0 ? 0 : (double)a / (double)b;
}

static int64_t limit_bytes(const struct rollout_run *r)
{
    return (int64_t)r->trace.device_count * DEVICE_BYTES + FIXED_BYTES;
}

static void print_waves(const struct world_campaign_trace *c)
{
    (void)printf(", \"waves\": [");
    for (size_t i = 0; i < c->wave_count; i++) {
        const struct world_wave_trace *w = &c->waves[i];
        (void)printf("%s{\"name\": \"%s\", \"verdict\": \"%s\", \"total\": %" PRIu32
                     ", \"attempted\": %" PRIu32 ", \"succeeded\": %" PRIu32
                     ", \"started_s\": %" PRId64 ", \"ended_s\": %" PRId64 "}",
                     i == 0 ? "" : ", ", waves[i].name,
                     wave_verdict_name((enum wave_verdict)w->verdict), w->total,
                     w->attempted, w->succeeded, w->started_us / 1000000,
                     w->ended_us / 1000000);
    }
    (void)printf("]");
}

static void print_json(const struct rollout_run *r, const struct options *options)
{
    const struct world_trace *t = &r->trace;
    int64_t count = (int64_t)t->device_count;
    (void)printf(
        "{\"scenario\": \"%s\", \"seed\": %" PRIu64
        ", \"devices\": %zu, \"gateways\": %zu, \"image_bytes\": %zu, \"%s\": {",
        ROLLOUT_BENCH, options->seed, t->device_count, r->scenario.gateway_count,
        r->scenario.image_bytes,
        world_timing_name(options->timing_given ? options->timing : WORLD_TIMING_STOCK));
    (void)printf("\"virtual_s\": %" PRId64 ", \"wall_run_s\": %.3f, \"wall_ratio\": %.1f",
                 t->end_us / 1000000, (double)r->wall_us / 1e6,
                 ratio(t->end_us, r->wall_us));
    (void)printf(", \"engine_bytes\": %" PRId64 ", \"engine_bytes_limit\": %" PRId64
                 ", \"engine_bytes_share\": %.4f, \"engine_bytes_per_device\": %.1f"
                 ", \"wall_resident_bytes\": %" PRId64
                 ", \"wall_resident_bytes_per_device\": %.1f",
                 r->engine_bytes, limit_bytes(r), ratio(r->engine_bytes, limit_bytes(r)),
                 ratio(r->engine_bytes, count), r->resident_bytes,
                 ratio(r->resident_bytes, count));
    (void)printf(", \"phase\": \"%s\", \"held\": %d, \"cut\": %d",
                 campaign_phase_name((enum campaign_phase)t->campaigns[0].phase),
                 t->campaigns[0].held, t->cut);
    (void)printf(", \"completion\": %.6f, \"duty_cycle_violations\": %" PRIu64
                 ", \"schedule_violations\": %" PRIu64,
                 ratio((int64_t)r->outcomes[OUTCOME_SUCCEEDED], count), r->law_violations,
                 r->window_violations);
    (void)printf(", \"transmissions\": %zu, \"frames\": %zu, \"events\": %" PRIu64
                 ", \"uplinks\": %" PRIu64 ", \"outcomes\": {",
                 t->transmission_count, t->frame_count, t->events, t->uplinks);
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        (void)printf("%s\"%s\": %zu", i == 0 ? "" : ", ", outcome_name((enum outcome)i),
                     r->outcomes[i]);
    }
    (void)printf("}");
    print_waves(&t->campaigns[0]);
    (void)printf("}, \"wall_s\": %.3f}\n", (double)r->wall_us / 1e6);
}

static void print_table(const struct rollout_run *r)
{
    const struct world_trace *t = &r->trace;
    (void)printf(
        "rollout, %zu devices, %zu gateways: %.1f days in %.1f s, %.0f times real "
        "time\n",
        t->device_count, r->scenario.gateway_count, (double)t->end_us / 86.4e9,
        (double)r->wall_us / 1e6, ratio(t->end_us, r->wall_us));
    (void)printf(
        "the engine holds %.1f MB at most, of %.1f; the program grew by %.1f MB\n",
        (double)r->engine_bytes / 1e6, (double)limit_bytes(r) / 1e6,
        (double)r->resident_bytes / 1e6);
    (void)printf("%zu succeeded, %zu have no outcome\n", r->outcomes[OUTCOME_SUCCEEDED],
                 r->outcomes[OUTCOME_NONE]);
}

static int conclude(struct rollout_run *r, const struct options *options)
{
    judge(r);
    if (options->json) {
        print_json(r, options);
    } else {
        print_table(r);
    }
    bool bad = r->law_violations > 0 || r->window_violations > 0 ||
               r->outcomes[OUTCOME_NONE] > 0 || r->trace.cut;
    return bad ? EXIT_FAILED : 0;
}

int rollout_bench(const struct clock *clock, const struct options *options,
                  const struct rollout_memory *memory)
{
    AUTO_FREE struct rollout_run *r = calloc(1, sizeof(*r));
    if (r == NULL || make(r, options) != FUO_OK) {
        return EXIT_FAILED;
    }
    int status = EXIT_NO_FIT;
    if (run(r, clock, options, memory) == FUO_OK) {
        status = conclude(r, options);
    } else {
        (void)fprintf(stderr, "fuota-bench: the campaign was refused\n");
    }
    world_trace_finish(&r->trace);
    world_scenario_finish(&r->scenario);
    return status;
}

/* SPDX-License-Identifier: MIT */
/* fuota-bench: the engine on virtual time, measured. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuota-bench/apart.h"
#include "fuota-bench/counted.h"
#include "fuota-bench/dump.h"
#include "fuota-bench/faults_cmd.h"
#include "fuota-bench/options.h"
#include "fuota-bench/plan_bench.h"
#include "fuota-bench/report.h"
#include "fuota-bench/rollout_bench.h"
#include "fuota-bench/timings.h"
#include "io/cleanup.h"
#include "io/clock.h"

enum { EXIT_INTERNAL = 1, EXIT_USAGE = 2, EXIT_NO_FIT = 11 };

struct bench {
    struct options options;
    struct clock clock;
    struct world_scenario scenario;
    struct timings timings;
};

static void say_cannot_write(const char *what)
{
    (void)fprintf(stderr, "fuota-bench: cannot write %s: %s\n", what, strerror(errno));
}

static int report(struct bench *b, int64_t start_us, const uint8_t *reachable,
                  size_t count)
{
    struct report r = {.scenario = &b->scenario,
                       .traces = b->timings.traces,
                       .figures = b->timings.figures,
                       .reachable = count,
                       .wall_us = clock_mono(&b->clock).us - start_us};
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        r.ran[i] = b->timings.ran[i];
    }
    if (b->options.json) {
        report_json(stdout, &r);
    } else {
        report_table(stdout, &r);
    }
    if (b->options.dump != NULL && dump_write(b->options.dump, &r, reachable) != FUO_OK) {
        say_cannot_write(b->options.dump);
        return EXIT_INTERNAL;
    }
    return 0;
}

/* Before the run, which may take minutes. */
static bool can_write(const char *path)
{
    AUTO_FCLOSE FILE *f = fopen(path, "abe");
    if (f == NULL) {
        say_cannot_write(path);
    }
    return f != NULL;
}

static int run_timings(struct bench *b, const uint8_t *reachable)
{
    struct timings_options options = {.solver = !b->options.no_solver,
                                      .progress = b->options.progress,
                                      .tables = b->options.dump != NULL,
                                      .at_once = apart_processors()};
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        options.wanted[i] =
            !b->options.timing_given || b->options.timing == (enum world_timing)i;
    }
    switch (timings_run(&b->clock, &b->scenario, &options, reachable, &b->timings)) {
    case FUO_OK:
        return 0;
    case FUO_EINVAL:
        (void)fprintf(stderr, "fuota-bench: the campaign was refused\n");
        return EXIT_NO_FIT;
    default:
        return EXIT_INTERNAL;
    }
}

static int run_scenario(struct bench *b)
{
    int64_t start_us = clock_mono(&b->clock).us;
    if (b->options.dump != NULL && !can_write(b->options.dump)) {
        return EXIT_INTERNAL;
    }
    if (world_scenario_make(&b->scenario, b->options.scenario, b->options.seed) !=
        FUO_OK) {
        return EXIT_USAGE;
    }
    if (b->options.capture_db != 0) {
        b->scenario.params.capture_cdb = 100 * b->options.capture_db;
    }
    AUTO_FREE uint8_t *reachable = calloc(b->scenario.device_count, 1);
    if (reachable == NULL) {
        return EXIT_INTERNAL;
    }
    size_t count = reachable_devices(&b->scenario, reachable);
    int status = run_timings(b, reachable);
    return status != 0 ? status : report(b, start_us, reachable, count);
}

static int run_options(struct bench *b)
{
    if (b->options.help) {
        options_help(stdout);
        return 0;
    }
    if (b->options.faults) {
        return faults_cmd(&b->options);
    }
    if (clock_init(&b->clock, NULL) != FUO_OK) {
        return EXIT_INTERNAL;
    }
    if (b->options.plan_bench) {
        return plan_bench(&b->clock, b->options.seed, b->options.devices);
    }
    if (strcmp(b->options.scenario, ROLLOUT_BENCH) == 0) {
        const struct rollout_memory memory = {counted_watch, counted_peak_bytes};
        return rollout_bench(&b->clock, &b->options, &memory);
    }
    return run_scenario(b);
}

int main(int argc, char **argv)
{
    struct bench b = {.scenario = {0}};
    if (options_parse(&b.options, argc, argv) != FUO_OK) {
        (void)fputs("'fuota-bench --help' tells the options\n", stderr);
        return EXIT_USAGE;
    }
    int status = run_options(&b);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        say_cannot_write("stdout");
        status = EXIT_INTERNAL;
    }
    timings_finish(&b.timings);
    world_scenario_finish(&b.scenario);
    return status;
}

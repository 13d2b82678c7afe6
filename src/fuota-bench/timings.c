/* SPDX-License-Identifier: MIT */
#include "fuota-bench/timings.h"

#include "fuota-bench/apart.h"

struct runs {
    const struct clock *clock;
    const struct world_scenario *scenario;
    const struct timings_options *options;
    const uint8_t *reachable;
    const struct world_nears *nears;
    enum world_timing timings[WORLD_TIMING_COUNT]; /* by job: the longest first */
    size_t count;
};

/* What one comes to. */
struct outcome {
    struct world_trace trace;
    struct figures figures;
};

static int run_one(const struct runs *r, enum world_timing timing, struct outcome *out)
{
    struct world_config config = {.timing = timing,
                                  .install = true,
                                  .no_frames = !r->options->tables,
                                  .nears = r->nears,
                                  .progress = r->options->progress};
    struct figures_options options = {.timing = timing, .solver = r->options->solver};
    int64_t start_us = clock_mono(r->clock).us;
    if (world_run(r->scenario, &config, &out->trace) != FUO_OK) {
        return FUO_EINVAL;
    }
    int64_t ran_us = clock_mono(r->clock).us;
    int err =
        figures_compute(r->scenario, &out->trace, &options, r->reachable, &out->figures);
    out->figures.wall_run_us = ran_us - start_us;
    out->figures.wall_yardsticks_us = clock_mono(r->clock).us - ran_us;
    if (!r->options->tables) {
        world_trace_drop_tables(&out->trace);
        figures_drop_devices(&out->figures);
    }
    return err;
}

/* ---- in a process of its own ---- */

static int run_job(void *context, size_t job, void *result)
{
    const struct runs *r = context;
    return run_one(r, r->timings[job], result);
}

static const char *job_name(void *context, size_t job)
{
    const struct runs *r = context;
    return world_timing_name(r->timings[job]);
}

static int run_apart(struct runs *r, struct timings *out)
{
    struct outcome outcomes[WORLD_TIMING_COUNT] = {0};
    struct apart a = {.count = r->count,
                      .result_bytes = sizeof(outcomes[0]),
                      .run = run_job,
                      .name = job_name,
                      .context = r};
    int err = apart_run(&a, r->options->at_once, outcomes);
    for (size_t i = 0; err == FUO_OK && i < r->count; i++) {
        out->traces[r->timings[i]] = outcomes[i].trace;
        out->figures[r->timings[i]] = outcomes[i].figures;
        out->ran[r->timings[i]] = true;
    }
    return err;
}

/* ---- here ---- */

static int run_here(const struct runs *r, struct timings *out)
{
    int err = FUO_OK;
    for (size_t i = 0; err == FUO_OK && i < r->count; i++) {
        struct outcome one = {0};
        err = run_one(r, r->timings[i], &one);
        out->traces[r->timings[i]] = one.trace;
        out->figures[r->timings[i]] = one.figures;
        out->ran[r->timings[i]] = err == FUO_OK;
    }
    return err;
}

int timings_run(const struct clock *clock, const struct world_scenario *s,
                const struct timings_options *options, const uint8_t *reachable,
                struct timings *out)
{
    struct world_nears *nears = world_nears_make(s); /* before there are processes */
    struct runs r = {clock, s, options, reachable, nears, {0}, 0};
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        if (options->wanted[i]) {
            r.timings[r.count++] = (enum world_timing)i;
        }
    }
    bool here =
        options->tables || options->progress || options->at_once < 2 || r.count < 2;
    int err = here ? run_here(&r, out) : run_apart(&r, out);
    world_nears_free(nears);
    return err;
}

void timings_finish(struct timings *t)
{
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        figures_finish(&t->figures[i]);
        world_trace_finish(&t->traces[i]);
    }
    *t = (struct timings){0};
}

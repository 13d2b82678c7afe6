/* SPDX-License-Identifier: MIT */
#include "fuota-bench/timings.h"

#include <stdlib.h>

#include "fuota-bench/apart.h"

enum job_kind { JOB_RUN, JOB_BEST, JOB_DR0 };

enum { JOBS_MAX = 3 * WORLD_TIMING_COUNT };

struct job {
    enum job_kind kind;
    enum world_timing timing; /* the first of those it is for */
};

struct jobs {
    const struct clock *clock;
    const struct world_scenario *scenario;
    const struct timings_options *options;
    const uint8_t *reachable;
    const struct world_nears *nears;
    struct job items[JOBS_MAX]; /* the longest first */
    size_t run_count;           /* runs stand before strategies */
    size_t count;
};

/* What one comes to. */
struct outcome {
    struct world_trace trace; /* of a run */
    struct figures figures;
    struct strategy strategy; /* of the others */
    int64_t wall_us;          /* what they took */
};

/* ---- which there are ---- */

static bool has_strategy_of(enum world_timing a, enum world_timing b)
{
    return chirpstack_margin_us(a) == chirpstack_margin_us(b);
}

static bool is_first_of_its_strategy(const struct timings_options *o, int timing)
{
    int first = 0;
    while (!o->wanted[first] ||
           !has_strategy_of((enum world_timing)first, (enum world_timing)timing)) {
        first++;
    }
    return first == timing;
}

static void list_jobs(struct jobs *j, enum job_kind kind)
{
    const struct timings_options *o = j->options;
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        if (o->wanted[i] && (kind == JOB_RUN || is_first_of_its_strategy(o, i))) {
            j->items[j->count++] = (struct job){kind, (enum world_timing)i};
        }
    }
}

/* ---- one of them ---- */

static int do_run(const struct jobs *j, enum world_timing timing, struct outcome *out,
                  struct apart_child *child)
{
    struct world_config config = {.timing = timing,
                                  .install = true,
                                  .no_frames = !j->options->tables,
                                  .nears = j->nears,
                                  .progress = j->options->progress};
    int64_t start_us = clock_mono(j->clock).us;
    if (world_run(j->scenario, &config, &out->trace) != FUO_OK) {
        return FUO_EINVAL;
    }
    int64_t ran_us = clock_mono(j->clock).us;
    apart_make_way(child); /* the next run is longer than all yardsticks */
    int err = figures_compute(j->scenario, &out->trace, j->options->solver, j->reachable,
                              &out->figures);
    out->figures.wall_run_us = ran_us - start_us;
    out->figures.wall_yardsticks_us = clock_mono(j->clock).us - ran_us;
    if (!j->options->tables) {
        world_trace_drop_tables(&out->trace);
    }
    return err;
}

static int do_strategy(const struct jobs *j, const struct job *job, struct outcome *out)
{
    int64_t start_us = clock_mono(j->clock).us;
    int err = strategy_chirpstack(j->scenario, job->timing,
                                  job->kind == JOB_DR0 ? 0 : CHIRPSTACK_ANY_DR,
                                  j->reachable, &out->strategy);
    out->wall_us = clock_mono(j->clock).us - start_us;
    if (!j->options->tables) {
        strategy_drop_devices(&out->strategy);
    }
    return err;
}

static int do_job(void *context, size_t job, void *result, struct apart_child *child)
{
    const struct jobs *j = context;
    struct outcome *out = result;
    const struct job *item = &j->items[job];
    return item->kind == JOB_RUN ? do_run(j, item->timing, out, child)
                                 : do_strategy(j, item, out);
}

/* ---- all of them ---- */

static const char *job_name(void *context, size_t job)
{
    const struct jobs *j = context;
    switch (j->items[job].kind) {
    case JOB_BEST:
        return "chirpstack_best";
    case JOB_DR0:
        return "chirpstack_dr0";
    case JOB_RUN:
        break;
    }
    return world_timing_name(j->items[job].timing);
}

static int do_all(struct jobs *j, struct outcome *outcomes)
{
    const struct timings_options *o = j->options;
    struct apart a = {.count = j->count,
                      .result_bytes = sizeof(*outcomes),
                      .run = do_job,
                      .name = job_name,
                      .context = j};
    if (!o->tables && !o->progress && o->at_once > 1 && j->run_count > 1) {
        return apart_run(&a, o->at_once, outcomes);
    }
    int err = FUO_OK;
    for (size_t i = 0; err == FUO_OK && i < j->count; i++) {
        err = do_job(j, i, &outcomes[i], NULL);
    }
    return err;
}

/* The strategy, to each timing that it is for. */
static void give_strategy(const struct jobs *j, const struct job *job,
                          const struct outcome *outcome, struct timings *out)
{
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        struct figures *f = &out->figures[i];
        if (j->options->wanted[i] && has_strategy_of((enum world_timing)i, job->timing)) {
            *(job->kind == JOB_DR0 ? &f->dr0 : &f->best) = outcome->strategy;
            f->wall_yardsticks_us += outcome->wall_us;
        }
    }
}

static void give(const struct jobs *j, const struct outcome *outcomes,
                 struct timings *out)
{
    size_t strategies = 0;
    for (size_t i = 0; i < j->count; i++) {
        const struct job *job = &j->items[i];
        if (job->kind == JOB_RUN) {
            out->traces[job->timing] = outcomes[i].trace;
            out->figures[job->timing] = outcomes[i].figures;
        } else {
            give_strategy(j, job, &outcomes[i], out);
            out->of_devices[strategies++] = outcomes[i].strategy.complete_us;
        }
    }
}

int timings_run(const struct clock *clock, const struct world_scenario *s,
                const struct timings_options *options, const uint8_t *reachable,
                struct timings *out)
{
    struct world_nears *nears = world_nears_make(s); /* before there are processes */
    struct jobs j = {clock, s, options, reachable, nears, {{0}}, 0, 0};
    struct outcome outcomes[JOBS_MAX] = {0};
    list_jobs(&j, JOB_RUN);
    j.run_count = j.count;
    list_jobs(&j, JOB_BEST);
    list_jobs(&j, JOB_DR0);
    int err = do_all(&j, outcomes);
    give(&j, outcomes, out);
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        out->ran[i] = err == FUO_OK && options->wanted[i];
    }
    world_nears_free(nears);
    return err;
}

void timings_finish(struct timings *t)
{
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        world_trace_finish(&t->traces[i]);
    }
    for (size_t i = 0; i < sizeof(t->of_devices) / sizeof(t->of_devices[0]); i++) {
        free(t->of_devices[i]);
    }
    *t = (struct timings){0};
}

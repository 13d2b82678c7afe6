/* SPDX-License-Identifier: MIT */
#include "fuota-bench/report.h"

#include <inttypes.h>

#include "campaign/record.h"

/* Writes members of an object, with commas between them. */
struct json {
    FILE *to;
    bool more;
};

static void key(struct json *j, const char *name)
{
    (void)fprintf(j->to, "%s\"%s\": ", j->more ? ", " : "", name);
    j->more = true;
}

static void open_object(struct json *j, const char *name)
{
    if (name != NULL) {
        key(j, name);
    }
    (void)fputc('{', j->to);
    j->more = false;
}

static void close_object(struct json *j)
{
    (void)fputc('}', j->to);
    j->more = true;
}

static void put_int(struct json *j, const char *name, int64_t value)
{
    key(j, name);
    (void)fprintf(j->to, "%" PRId64, value);
}

/* Negative: there is no such figure. */
static void put_real(struct json *j, const char *name, double value)
{
    key(j, name);
    if (value < 0) {
        (void)fputs("null", j->to);
    } else {
        (void)fprintf(j->to, "%.6g", value);
    }
}

static void put_text(struct json *j, const char *name, const char *value)
{
    key(j, name);
    (void)fprintf(j->to, "\"%s\"", value);
}

static double seconds(int64_t us)
{
    return us < 0 ? -1.0 : (double)us / 1e6;
}

static double per_device(int64_t sum, size_t devices)
{
    return figures_ratio(sum, (int64_t)devices);
}

static double joules(int64_t listening_us, size_t devices)
{
    return per_device(energy_listening_uj(listening_us, ENERGY_CLASS_C_UW), devices) /
           1e6;
}

static void put_bounds(struct json *j, const struct bounds *b)
{
    open_object(j, "bounds");
    put_real(j, "fragments_s", seconds(b->fragments_us));
    put_real(j, "gateway_s", seconds(b->gateway_us));
    put_real(j, "clique_s", seconds(b->clique_us));
    put_real(j, "setup_s", seconds(b->setup_us));
    put_real(j, "makespan_s", seconds(b->makespan_us));
    put_real(j, "t95_s", seconds(b->t95_us));
    put_real(j, "capped_s", seconds(b->capped_us));
    put_real(j, "any_s", seconds(b->any_us));
    put_real(j, "any_t95_s", seconds(b->any_t95_us));
    put_real(j, "heard_s", seconds(b->heard_us));
    put_real(j, "versions_s", seconds(b->versions_us));
    put_real(j, "setup_median_s", seconds(b->setup_median_us));
    put_real(j, "median_s", seconds(b->median_us));
    put_real(j, "more_s", seconds(b->more_us));
    close_object(j);
}

static void put_strategy(struct json *j, const char *name, const struct strategy *s,
                         size_t reachable)
{
    open_object(j, name);
    put_int(j, "dr", s->dr);
    put_real(j, "completion", per_device((int64_t)s->completed, reachable));
    put_real(j, "makespan_s", seconds(s->makespan_us));
    put_real(j, "t95_s", seconds(s->t95_us));
    put_real(j, "listening_mean_s", per_device(s->listening_us, reachable) / 1e6);
    put_real(j, "energy_mean_j", joules(s->listening_us, reachable));
    put_int(j, "fragments", (int64_t)s->fragments);
    put_int(j, "frames", (int64_t)s->frames);
    put_int(j, "gateways", s->gateways);
    put_real(j, "margin_s", seconds(s->margin_us));
    put_int(j, "session_exceeded", s->session_exceeded);
    close_object(j);
}

/* Of rho_makespan, what no schedule comes below in half of all runs. */
static double of_least_rho_makespan(const struct figures *f)
{
    const struct bounds *b = &f->bounds;
    return figures_ratio(b->median_us > b->makespan_us ? b->median_us : b->makespan_us,
                         b->makespan_us);
}

static void put_ratios(struct json *j, const struct figures *f)
{
    int64_t ours = f->listening_us;
    put_int(j, "duty_cycle_violations", (int64_t)f->violations);
    put_real(j, "rho_fragments",
             figures_ratio((int64_t)f->oracle.sent, (int64_t)f->oracle.least));
    put_real(j, "rho_makespan", figures_ratio(f->makespan_us, f->bounds.makespan_us));
    put_real(j, "rho_makespan_any", figures_ratio(f->makespan_us, f->bounds.any_us));
    put_real(j, "rho_makespan_more", figures_ratio(f->makespan_us, f->bounds.more_us));
    put_real(j, "least_rho_makespan", of_least_rho_makespan(f));
    put_real(j, "least_rho_makespan_run",
             figures_ratio(f->bounds.heard_us, f->bounds.makespan_us));
    put_real(j, "rho_cover",
             figures_ratio((int64_t)f->cover.ours, (int64_t)f->cover.best));
    put_real(j, "rho_cover_lp",
             figures_ratio((int64_t)f->cover.ours * 1000, (int64_t)f->cover.lp_milli));
    put_real(j, "completion", per_device((int64_t)f->completed, f->reachable));
    put_real(j, "speedup_vs_chirpstack_best", figures_ratio(f->best.t95_us, f->t95_us));
    put_real(j, "speedup_vs_chirpstack_dr0", figures_ratio(f->dr0.t95_us, f->t95_us));
    put_real(j, "energy_vs_chirpstack_best", figures_ratio(f->best.listening_us, ours));
    put_real(j, "energy_vs_chirpstack_dr0", figures_ratio(f->dr0.listening_us, ours));
}

static void put_outcomes(struct json *j, const struct figures *f)
{
    open_object(j, "outcomes");
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        put_int(j, outcome_name((enum outcome)i), (int64_t)f->outcomes[i]);
    }
    close_object(j);
}

static void put_run(struct json *j, const struct figures *f, const struct world_trace *t)
{
    put_real(j, "makespan_s", seconds(f->makespan_us));
    put_real(j, "t95_s", seconds(f->t95_us));
    put_real(j, "t99_s", seconds(f->t99_us));
    put_real(j, "end_s", seconds(t->end_us));
    put_int(j, "cut", t->cut);
    put_int(j, "reachable", (int64_t)f->reachable);
    put_int(j, "completed", (int64_t)f->completed);
    put_int(j, "completed_all", (int64_t)f->completed_all);
    put_int(j, "fragments_sent", (int64_t)f->oracle.sent);
    put_int(j, "fragments_oracle", (int64_t)f->oracle.least);
    put_int(j, "fragments_oracle_any", (int64_t)f->oracle.least_any);
    put_int(j, "oracle_contradicted", (int64_t)f->oracle.contradicted);
    put_int(j, "transmissions", (int64_t)t->transmission_count);
    put_int(j, "m_min", f->m_min);
    put_int(j, "m_max", f->m_max);
    put_int(j, "frames_sent", (int64_t)f->frames);
    put_real(j, "multicast_airtime_s", seconds(f->multicast_us));
    put_real(j, "unicast_airtime_s", seconds(f->unicast_us));
    put_real(j, "listening_mean_s", per_device(f->listening_us, f->reachable) / 1e6);
    put_real(j, "energy_mean_j", joules(f->listening_us, f->reachable));
    put_int(j, "cover", (int64_t)f->cover.ours);
    put_int(j, "cover_best", (int64_t)f->cover.best);
    put_int(j, "cover_searched", (int64_t)f->cover.searched);
    put_int(j, "cover_left_out", (int64_t)f->cover.left_out);
    put_int(j, "unicast_refused", (int64_t)t->unicast_refused);
    put_int(j, "multicast_collided", (int64_t)t->multicast_collided);
    put_int(j, "uplinks", (int64_t)t->uplinks);
    put_real(j, "uplinks_lost_share",
             figures_ratio((int64_t)t->uplinks_lost, (int64_t)t->uplinks));
    put_int(j, "events", (int64_t)t->events);
}

static void put_timing(struct json *j, const struct report *r, int timing)
{
    const struct figures *f = &r->figures[timing];
    const struct world_trace *t = &r->traces[timing];
    open_object(j, world_timing_name((enum world_timing)timing));
    put_ratios(j, f);
    put_run(j, f, t);
    put_outcomes(j, f);
    put_bounds(j, &f->bounds);
    put_strategy(j, "chirpstack_best", &f->best, f->reachable);
    put_strategy(j, "chirpstack_dr0", &f->dr0, f->reachable);
    put_real(j, "wall_run_s", seconds(f->wall_run_us));
    put_real(j, "wall_yardsticks_s", seconds(f->wall_yardsticks_us));
    put_real(j, "wall_events_per_s",
             figures_ratio((int64_t)t->events * 1000000, f->wall_run_us));
    close_object(j);
}

static void put_scenario(struct json *j, const struct world_scenario *s)
{
    size_t by_dr[WORLD_DR_COUNT] = {0};
    for (size_t i = 0; i < s->device_count; i++) {
        by_dr[s->devices[i].uplink_dr]++;
    }
    put_text(j, "scenario", s->name);
    key(j, "seed");
    (void)fprintf(j->to, "%" PRIu64, s->seed);
    put_int(j, "gateways", (int64_t)s->gateway_count);
    put_int(j, "devices", (int64_t)s->device_count);
    put_int(j, "image_bytes", (int64_t)s->image_bytes);
    put_int(j, "capture_db", s->params.capture_cdb / 100);
    key(j, "uplink_dr_share");
    for (size_t dr = 0; dr < WORLD_DR_COUNT; dr++) {
        (void)fprintf(j->to, "%s%.4f", dr == 0 ? "[" : ", ",
                      per_device((int64_t)by_dr[dr], s->device_count));
    }
    (void)fputc(']', j->to);
}

void report_json(FILE *to, const struct report *r)
{
    struct json j = {.to = to};
    open_object(&j, NULL);
    put_scenario(&j, r->scenario);
    put_int(&j, "reachable", (int64_t)r->reachable);
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        if (r->ran[i]) {
            put_timing(&j, r, i);
        }
    }
    put_real(&j, "wall_s", seconds(r->wall_us));
    close_object(&j);
    (void)fputc('\n', to);
}

static void table_row(FILE *to, const struct report *r, const char *name,
                      double (*of)(const struct figures *))
{
    (void)fprintf(to, "%-28s", name);
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        if (r->ran[i]) {
            double v = of(&r->figures[i]);
            (void)(v < 0 ? fprintf(to, "%12s", "-") : fprintf(to, "%12.4g", v));
        }
    }
    (void)fputc('\n', to);
}

static double of_makespan(const struct figures *f)
{
    return f->makespan_us < 0 ? -1 : seconds(f->makespan_us) / 3600;
}

static double of_t95(const struct figures *f)
{
    return f->t95_us < 0 ? -1 : seconds(f->t95_us) / 3600;
}

static double of_completion(const struct figures *f)
{
    return per_device((int64_t)f->completed, f->reachable);
}

static double of_rho_makespan(const struct figures *f)
{
    return figures_ratio(f->makespan_us, f->bounds.makespan_us);
}

static double of_rho_fragments(const struct figures *f)
{
    return figures_ratio((int64_t)f->oracle.sent, (int64_t)f->oracle.least);
}

static double of_speedup(const struct figures *f)
{
    return figures_ratio(f->best.t95_us, f->t95_us);
}

static double of_energy(const struct figures *f)
{
    return joules(f->listening_us, f->reachable);
}

void report_table(FILE *to, const struct report *r)
{
    (void)fprintf(to, "%s, seed %" PRIu64 ": %zu gateways, %zu devices, %zu reachable\n",
                  r->scenario->name, r->scenario->seed, r->scenario->gateway_count,
                  r->scenario->device_count, r->reachable);
    (void)fprintf(to, "%-28s", "");
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        if (r->ran[i]) {
            (void)fprintf(to, "%12s", world_timing_name((enum world_timing)i));
        }
    }
    (void)fputc('\n', to);
    table_row(to, r, "completion", of_completion);
    table_row(to, r, "makespan, h", of_makespan);
    table_row(to, r, "95 %, h", of_t95);
    table_row(to, r, "makespan / bound", of_rho_makespan);
    table_row(to, r, "... that nobody can beat", of_least_rho_makespan);
    table_row(to, r, "fragments / oracle", of_rho_fragments);
    table_row(to, r, "ChirpStack's 95 % / ours", of_speedup);
    table_row(to, r, "energy of a device, J", of_energy);
}

/* SPDX-License-Identifier: MIT */
/* simulate: a campaign file on virtual time against a made-up fleet, without the daemon. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/record.h"
#include "fuotactl/bundle.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/render.h"
#include "fuotactl/simulate_schedule.h"
#include "fuotactl/words.h"
#include "io/cleanup.h"
#include "world/world.h"

enum {
    DEVICES_DEFAULT = 200,
    DEVICES_MAX = 100000,
    DEVICES_PER_GATEWAY = 400,
    SIDE_PER_GATEWAY_M = 2100, /* 22 gateways on 100 km2 */
    LOSS_SECONDS = 1,
};

struct simulation {
    uint64_t seed;
    uint64_t devices;
    uint32_t loss_ppm;
    enum world_timing timing;
    struct simulate_schedule schedule;
};

static bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    char *end = NULL;
    if (text == NULL) {
        return true;
    }
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    unsigned long long v = strtoull(text, &end, 10);
    if (*end != '\0' || v < min || v > max) {
        return false;
    }
    *value = v;
    return true;
}

/* "12%", "12": whole percent. */
static bool read_loss(const char *text, uint32_t *ppm)
{
    char digits[4] = "";
    uint64_t percent = 0;
    size_t len = text == NULL ? 0 : strlen(text);
    if (len == 0) {
        return text == NULL;
    }
    len -= text[len - 1] == '%';
    if (len == 0 || len >= sizeof(digits)) {
        return false;
    }
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
    bool read = read_number(digits, 0, 90, &percent);
    *ppm = (uint32_t)percent * (WORLD_PPM / 100);
    return read;
}

static bool read_timing(const char *text, enum world_timing *timing)
{
    for (int i = 0; text != NULL && i < WORLD_TIMING_COUNT; i++) {
        if (strcmp(text, world_timing_name((enum world_timing)i)) == 0) {
            *timing = (enum world_timing)i;
            return true;
        }
    }
    return text == NULL;
}

static int read_options(const struct cli_args *args, struct simulation *sim)
{
    const char *wrong = NULL;
    *sim = (struct simulation){.seed = 1, .devices = DEVICES_DEFAULT};
    if (!read_number(cli_value(args, "--seed"), 0, CTL_INT_MAX, &sim->seed)) {
        wrong = "--seed takes a number up to 9007199254740992";
    } else if (!read_number(cli_value(args, "--devices"), 1, DEVICES_MAX,
                            &sim->devices)) {
        wrong = "--devices takes a number from 1 to 100000";
    } else if (!read_loss(cli_value(args, "--loss"), &sim->loss_ppm)) {
        wrong = "--loss takes a percentage from 0% to 90%";
    } else if (!read_timing(cli_value(args, "--timing"), &sim->timing)) {
        wrong = "--timing takes stock, margin1s or direct";
    }
    if (wrong == NULL) {
        return CLI_OK;
    }
    cmd_say("%s", wrong);
    cli_print_usage(args->command, stderr);
    return CLI_USAGE;
}

static int make_scenario(const struct simulation *sim, size_t image_len,
                         struct world_scenario *s)
{
    size_t gateways = (size_t)(sim->devices - 1) / DEVICES_PER_GATEWAY + 1;
    int32_t side_m = SIDE_PER_GATEWAY_M;
    while ((int64_t)side_m * side_m <
           (int64_t)gateways * SIDE_PER_GATEWAY_M * SIDE_PER_GATEWAY_M) {
        side_m += SIDE_PER_GATEWAY_M / 10;
    }
    int err = world_scenario_square(s, sim->seed, gateways, (size_t)sim->devices, side_m);
    if (err == FUO_OK) {
        s->image_bytes = image_len;
        s->params.burst_loss_ppm = sim->loss_ppm;
        s->params.burst_length_s = LOSS_SECONDS;
        s->run_max_us += simulate_schedule_extra_us(&sim->schedule);
    }
    return err;
}

static int compare_times(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static void put(struct json_object *o, const char *key, int64_t value)
{
    json_object_object_add(o, key, json_object_new_int64(value));
}

/* How many have the image, and when 95 % of all and the last of them had it; -1: never. */
static void put_complete(struct json_object *o, const struct world_trace *t)
{
    size_t count = 0;
    size_t wanted = (t->device_count * 95 + 99) / 100;
    AUTO_FREE int64_t *times = calloc(t->device_count + 1, sizeof(*times));
    for (size_t i = 0; times != NULL && i < t->device_count; i++) {
        if (t->devices[i].complete_us >= 0) {
            times[count++] = t->devices[i].complete_us;
        }
    }
    if (times != NULL) {
        qsort(times, count, sizeof(*times), compare_times);
    }
    put(o, "complete", (int64_t)count);
    put(o, "complete_us", count == 0 ? -1 : times[count - 1]);
    put(o, "complete_95_us", wanted == 0 || count < wanted ? -1 : times[wanted - 1]);
}

static struct json_object *outcomes_of(const struct world_trace *t)
{
    struct json_object *outcomes = json_object_new_object();
    int64_t counts[OUTCOME_COUNT] = {0};
    for (size_t i = 0; i < t->device_count; i++) {
        counts[t->devices[i].outcome % OUTCOME_COUNT]++;
    }
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        put(outcomes, outcome_name((enum outcome)i), counts[i]);
    }
    return outcomes;
}

static struct json_object *reasons_of(const struct world_trace *t)
{
    struct json_object *reasons = json_object_new_object();
    for (size_t i = 0; i < t->device_count; i++) {
        const char *slug = member_reason_slug(t->devices[i].reason);
        put(reasons, slug, ctl_int(reasons, slug, 0) + 1);
    }
    return reasons;
}

static void put_schedule(struct json_object *o, const struct simulation *sim,
                         const struct world_trace *t)
{
    char text[SIMULATE_TIME_SIZE];
    const struct simulate_schedule *schedule = &sim->schedule;
    if (!schedule->given) {
        return; /* when it is applied makes no difference */
    }
    json_object_object_add(
        o, "start", json_object_new_string(simulate_schedule_time(schedule, 0, text)));
    json_object_object_add(
        o, "end",
        json_object_new_string(simulate_schedule_time(schedule, t->end_us, text)));
    put(o, "schedule_violations", (int64_t)simulate_schedule_violations(schedule, t));
}

static struct json_object *result_of(const struct simulation *sim,
                                     const struct bundle *bundle,
                                     const struct world_scenario *s,
                                     const struct world_trace *t)
{
    struct json_object *o = json_object_new_object();
    int64_t airtime_us = 0;
    for (size_t i = 0; i < t->frame_count; i++) {
        airtime_us += t->frames[i].airtime_us;
    }
    json_object_object_add(o, "name", json_object_new_string(bundle->doc->spec.name));
    put(o, "image_bytes", (int64_t)bundle->image.len);
    put(o, "seed", (int64_t)sim->seed);
    json_object_object_add(o, "timing",
                           json_object_new_string(world_timing_name(sim->timing)));
    put(o, "devices", (int64_t)t->device_count);
    put(o, "gateways", (int64_t)s->gateway_count);
    put_complete(o, t);
    put(o, "end_us", t->end_us);
    put(o, "airtime_us", airtime_us);
    put(o, "transmissions", (int64_t)t->transmission_count);
    put(o, "frames", (int64_t)t->frame_count);
    put(o, "duty_cycle_violations", (int64_t)world_trace_violations(t, s));
    put_schedule(o, sim, t);
    json_object_object_add(o, "cut", json_object_new_boolean(t->cut));
    json_object_object_add(o, "outcomes", outcomes_of(t));
    json_object_object_add(o, "reasons", reasons_of(t));
    return o;
}

static int print_result(const struct cli *cli, struct json_object *o)
{
    if (cli->json) {
        render_json(stdout, "simulation", o);
        return cmd_finish();
    }
    render_simulation(stdout, o);
    return cmd_finish();
}

static int run_world(const struct cli *cli, const struct simulation *sim,
                     const struct bundle *bundle, struct world_scenario *s)
{
    struct world_config config = {
        .timing = sim->timing, .install = true, .spec = &bundle->doc->spec};
    struct world_trace t = {0};
    simulate_schedule_give(&sim->schedule, &config);
    if (world_run(s, &config, &t) != FUO_OK) {
        return cli_fail(cli, CLI_DOES_NOT_FIT, NULL,
                        "the campaign does not fit the simulated fleet");
    }
    if (t.cut && t.transmission_count == 0) {
        world_trace_finish(&t);
        return cli_fail(cli, CLI_DOES_NOT_FIT, NULL,
                        "the campaign does not fit the simulated fleet: %zu bytes and "
                        "spec.radio leave nothing that could be sent",
                        bundle->image.len);
    }
    AUTO_JSON json_object *o = result_of(sim, bundle, s, &t);
    world_trace_finish(&t);
    return print_result(cli, o);
}

static int make_schedule(const struct cli *cli, const struct cli_args *args,
                         const struct bundle *bundle, struct simulation *sim)
{
    int err = simulate_schedule_make(&bundle->doc->spec.schedule,
                                     cli_value(args, "--start"), &sim->schedule);
    if (err == FUO_EINVAL) {
        cmd_say("--start takes a local time like 2026-12-01T08:00");
        cli_print_usage(args->command, stderr);
        return CLI_USAGE;
    }
    if (err == FUO_ENOENT) {
        return cli_fail(cli, CLI_NOT_FOUND, NULL,
                        "%s: spec.schedule.blackouts: a simulation knows no Window; give "
                        "from and to in its place",
                        bundle->file);
    }
    return err == FUO_OK ? CLI_OK
                         : cli_fail(cli, CLI_INTERNAL, NULL, "%s", fuo_strerror(err));
}

int cmd_simulate(const struct cli *cli, const struct cli_args *args)
{
    struct simulation sim;
    int rc = read_options(args, &sim);
    if (rc != CLI_OK) {
        return rc;
    }
    AUTO_BUNDLE struct bundle bundle = {0};
    rc = bundle_load(cli, args->operands[0], &bundle);
    if (rc != CLI_OK) {
        return rc;
    }
    rc = make_schedule(cli, args, &bundle, &sim);
    if (rc != CLI_OK) {
        return rc;
    }
    struct world_scenario s = {0};
    if (make_scenario(&sim, bundle.image.len, &s) != FUO_OK) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "no fleet could be made up");
    }
    rc = run_world(cli, &sim, &bundle, &s);
    world_scenario_finish(&s);
    return rc;
}

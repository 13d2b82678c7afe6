/* SPDX-License-Identifier: MIT */
/* simulate: a campaign file on virtual time against a made-up fleet, without the daemon. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/option_text.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/render.h"
#include "fuotactl/simulate.h"
#include "io/cleanup.h"
#include "profile/profile.h"

enum {
    DEVICES_DEFAULT = 200,
    DEVICES_MAX = 100000,
    DEVICES_PER_GATEWAY = 400,
    SIDE_PER_GATEWAY_M = 2100, /* 22 gateways on 100 km2 */
    LOSS_SECONDS = 1,
};

#define WAVE_US DAYS_US(5)

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

/* NULL: it stays as it is. */
static bool read_duration(const char *text, int64_t *us)
{
    return text == NULL || (text_duration(text, us) && *us > 0);
}

/* "12%", "12": whole percent, up to max. */
static bool read_percent(const char *text, uint64_t max, uint32_t *ppm)
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
    bool read = read_number(digits, 0, max, &percent);
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
    sim->seed = 1;
    sim->devices = DEVICES_DEFAULT;
    if (!read_number(cli_value(args, "--seed"), 0, CTL_INT_MAX, &sim->seed)) {
        wrong = "--seed takes a number up to 9007199254740992";
    } else if (!read_number(cli_value(args, "--devices"), 1, DEVICES_MAX,
                            &sim->devices)) {
        wrong = "--devices takes a number from 1 to 100000";
    } else if (!read_percent(cli_value(args, "--loss"), 90, &sim->loss_ppm)) {
        wrong = "--loss takes a percentage from 0% to 90%";
    } else if (!read_percent(cli_value(args, "--broken"), 100, &sim->broken_ppm)) {
        wrong = "--broken takes a percentage from 0% to 100%";
    } else if (!read_percent(cli_value(args, "--delta-fails"), 100,
                             &sim->delta_fails_ppm)) {
        wrong = "--delta-fails takes a percentage from 0% to 100%";
    } else if (!read_duration(cli_value(args, "--apart"), &sim->apart_us)) {
        wrong = "--apart takes a time like 6h";
    } else if (!read_duration(cli_value(args, "--approve-after"), &sim->approve_us)) {
        wrong = "--approve-after takes a time like 6h";
    } else if (!read_duration(cli_value(args, "--abort-after"), &sim->abort_us)) {
        wrong = "--abort-after takes a time like 6h";
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

/* How much longer a campaign may take than one without schedule and waves. */
static int64_t extra_us(const struct simulated *c)
{
    const struct spec_rollout *rollout = &c->bundle.doc->spec.rollout;
    int64_t sum_us = simulate_schedule_extra_us(&c->schedule);
    for (size_t i = 0; i < rollout->wave_count; i++) {
        sum_us += rollout->waves[i].soak_us + (i > 0 ? WAVE_US : 0);
    }
    return sum_us;
}

/* Whoever plans sessions in ping slots has devices that know them. */
static void give_class_b(const struct simulation *sim, struct world_scenario *s)
{
    bool wanted = false;
    for (size_t i = 0; i < sim->campaign_count; i++) {
        wanted = wanted || spec_is_class_b(&sim->campaigns[i].bundle.doc->spec.radio);
    }
    for (size_t i = 1; wanted && i < s->profile_count; i++) {
        if (!profile_has_class_b(s->profiles[i].quirks)) {
            s->profiles[i] = s->profiles[0];
        }
    }
}

static int make_scenario(const struct simulation *sim, struct world_scenario *s)
{
    size_t gateways = (size_t)(sim->devices - 1) / DEVICES_PER_GATEWAY + 1;
    int32_t side_m = SIDE_PER_GATEWAY_M;
    while ((int64_t)side_m * side_m <
           (int64_t)gateways * SIDE_PER_GATEWAY_M * SIDE_PER_GATEWAY_M) {
        side_m += SIDE_PER_GATEWAY_M / 10;
    }
    int err = world_scenario_square(s, sim->seed, gateways, (size_t)sim->devices, side_m);
    if (err == FUO_OK) {
        s->image_bytes = sim->campaigns[0].bundle.image.len;
        s->params.burst_loss_ppm = sim->loss_ppm;
        s->params.burst_length_s = LOSS_SECONDS;
        give_class_b(sim, s);
    }
    for (size_t i = 0; i < sim->campaign_count && err == FUO_OK; i++) {
        s->run_max_us += extra_us(&sim->campaigns[i]) + (i > 0 ? sim->apart_us : 0);
    }
    return err;
}

static int print_result(const struct cli *cli, struct json_object *o, int code)
{
    if (cli->json) {
        render_json(stdout, "simulation", o);
    } else {
        render_simulation(stdout, o);
    }
    int rc = cmd_finish();
    return rc == CLI_OK ? code : rc;
}

/* Time ended it, or the engine gave up: only a campaign that was to be paused is as it should. */
static bool nothing_could_be_sent(const struct simulation *sim,
                                  const struct world_trace *t)
{
    bool paused = sim->campaigns[0].bundle.doc->spec.paused;
    return (t->cut || (t->campaigns[0].held && !paused)) && t->transmission_count == 0;
}

static int run_world(const struct cli *cli, const struct simulation *sim,
                     struct world_scenario *s)
{
    struct world_campaign campaigns[WORLD_CAMPAIGN_MAX];
    struct world_config config = {.timing = sim->timing,
                                  .install = true,
                                  .campaigns = campaigns,
                                  .campaign_count = sim->campaign_count,
                                  .broken_ppm = sim->broken_ppm,
                                  .delta_fails_ppm = sim->delta_fails_ppm,
                                  .approve_after_us = sim->approve_us,
                                  .abort_at_us = sim->abort_us};
    struct world_trace t = {0};
    for (size_t i = 0; i < sim->campaign_count; i++) {
        const struct simulated *c = &sim->campaigns[i];
        campaigns[i] = (struct world_campaign){.spec = &c->bundle.doc->spec,
                                               .image_bytes = c->bundle.image.len,
                                               .delta_bytes = c->delta_bytes,
                                               .apply_us = (int64_t)i * sim->apart_us};
        simulate_schedule_give(&c->schedule, &campaigns[i]);
    }
    if (world_run(s, &config, &t) != FUO_OK) {
        return cli_fail(cli, CLI_DOES_NOT_FIT, NULL,
                        "the campaign does not fit the simulated fleet");
    }
    if (nothing_could_be_sent(sim, &t)) {
        const char *reason = t.campaigns[0].reason;
        int rc = cli_fail(cli, CLI_DOES_NOT_FIT, NULL,
                          "the campaign does not fit the simulated fleet: %zu bytes%s%s",
                          s->image_bytes, reason[0] != '\0' ? "; " : "", reason);
        world_trace_finish(&t);
        return rc;
    }
    AUTO_JSON json_object *o = simulate_result(sim, s, &t);
    int code = simulate_exit_code(&t);
    world_trace_finish(&t);
    return print_result(cli, o, code);
}

static int fail_start(const struct cli_args *args)
{
    cmd_say("--start takes a local time like 2026-12-01T08:00");
    cli_print_usage(args->command, stderr);
    return CLI_USAGE;
}

static int make_schedules(const struct cli *cli, const struct cli_args *args,
                          struct simulation *sim)
{
    struct utc start;
    const struct spec_schedule *first = &sim->campaigns[0].bundle.doc->spec.schedule;
    int err = simulate_schedule_start(first, cli_value(args, "--start"), &start);
    if (err == FUO_EINVAL) {
        return fail_start(args);
    }
    for (size_t i = 0; i < sim->campaign_count && err == FUO_OK; i++) {
        struct simulated *c = &sim->campaigns[i];
        err = simulate_schedule_make(&c->bundle.doc->spec.schedule, start, &c->schedule);
        if (err == FUO_ENOENT) {
            return cli_fail(cli, CLI_NOT_FOUND, NULL,
                            "%s: spec.schedule.blackouts: a simulation knows no Window; "
                            "give from and to in its place",
                            c->bundle.file);
        }
    }
    return err == FUO_OK ? CLI_OK
                         : cli_fail(cli, CLI_INTERNAL, NULL, "%s", fuo_strerror(err));
}

static int load(const struct cli *cli, const struct cli_args *args,
                struct simulation *sim)
{
    for (size_t i = 0; i < args->operand_count; i++) {
        struct simulated *c = &sim->campaigns[i];
        int rc = bundle_load(cli, args->operands[i], &c->bundle);
        for (size_t k = 0; k < VARIANT_DELTAS_MAX; k++) {
            c->delta_bytes[k] = c->bundle.deltas[k].len;
        }
        sim->campaign_count = i + 1;
        rc = rc == CLI_OK ? simulate_check_fleet(cli, c, cli_value(args, "--fleet")) : rc;
        if (rc != CLI_OK) {
            return rc;
        }
    }
    return make_schedules(cli, args, sim);
}

static int simulate(const struct cli *cli, const struct simulation *sim)
{
    struct world_scenario s = {0};
    if (make_scenario(sim, &s) != FUO_OK) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "no fleet could be made up");
    }
    int rc = run_world(cli, sim, &s);
    world_scenario_finish(&s);
    return rc;
}

int cmd_simulate(const struct cli *cli, const struct cli_args *args)
{
    struct simulation *sim = calloc(1, sizeof(*sim));
    if (sim == NULL) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "%s", fuo_strerror(FUO_ENOMEM));
    }
    int rc = read_options(args, sim);
    if (rc == CLI_OK) {
        rc = load(cli, args, sim);
    }
    if (rc == CLI_OK) {
        rc = simulate(cli, sim);
    }
    for (size_t i = 0; i < sim->campaign_count; i++) {
        bundle_finish(&sim->campaigns[i].bundle);
    }
    free(sim);
    return rc;
}

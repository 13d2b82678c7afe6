/* SPDX-License-Identifier: MIT */
/*
 * bench-turns [DEVICES [GATEWAYS]] - CPU time of what a turn of the daemon's loop may consist
 * of, with a large campaign (20 000 devices, 1000 gateways, each device heard by three of
 * them at random): the steps of a plan, an apply, a round, a pause and an abort.
 *
 * A line of JSON each: how many steps it took, and CPU time of the longest and of all, with
 * what the commit queue and the store's batch cost on the thread of the loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "engine/commitq.h"
#include "io/clock.h"
#include "loop/driver.h"
#include "loop/planning.h"
#include "store/store.h"

enum {
    DEVICES = 20000,
    GATEWAYS = 1000,
    LINKS = 3,
    IMAGE_BYTES = 40000,
    FIRST_DEVICE = 0x1000,
    FIRST_GATEWAY = 0x10,
    STEPS_MAX = 100000,
};

struct bench {
    struct engine *engine;
    struct commitq *queue;
    struct effects effects;
    struct effects batch;
    struct fleet_doc fleet;
    struct fleet_entry entry;
    struct campaign_spec spec;
    struct utc now;
    uint64_t *devices;
    size_t count;
    size_t gateways;
    uint8_t image[IMAGE_BYTES];
};

struct cost {
    size_t steps;
    int64_t longest_us;
    int64_t all_us;
};

static void note(struct cost *cost, int64_t since_us)
{
    int64_t us = clock_thread_cpu_us() - since_us;
    cost->steps++;
    cost->all_us += us;
    cost->longest_us = us > cost->longest_us ? us : cost->longest_us;
}

static void show(const char *what, const struct cost *cost)
{
    (void)printf("{\"what\": \"%s\", \"steps\": %zu, \"longest_us\": %lld, "
                 "\"all_us\": %lld}\n",
                 what, cost->steps, (long long)cost->longest_us, (long long)cost->all_us);
}

static void must(int err)
{
    if (err != FUO_OK) {
        (void)fprintf(stderr, "bench-turns: %s\n", fuo_strerror(err));
        exit(1);
    }
}

/* ---- the fleet ---- */

static struct device_rec device_of(const struct bench *b, size_t i, struct prng *p)
{
    struct device_rec rec = {
        .dev_eui = FIRST_DEVICE + i,
        .fleet_id = 1,
        .package_version = {0, 2, 2, 2, 1},
        .packages_known = true,
        .firmware_known = true,
        .uplink_interval_us = MINUTES_US(10),
        .last_uplink = {b->now.us - 1},
        .uplinks_heard = 30,
    };
    for (size_t k = 0; k < LINKS; k++) {
        int16_t snr_cdb = (int16_t)(1000 - (int)prng_below(p, 2500));
        rec.link[rec.link_count++] = (struct device_link){
            .gateway =
                FIRST_GATEWAY + (k * b->gateways + prng_below(p, b->gateways)) / LINKS,
            .snr_p10_cdb = (int16_t)(snr_cdb - 300),
            .snr_p50_cdb = snr_cdb,
            .heard_ppk = 900,
        };
    }
    return rec;
}

static void start(struct bench *b)
{
    struct prng p = prng_seeded(1);
    struct engine_config config = {.seed = 1, .boot = 1};
    struct engine_fleet fleet = {.id = 1, .spec = &b->fleet.spec, .queue_rows_max = 4};
    b->now = (struct utc){SECONDS_US(1800000000)};
    memcpy(b->fleet.spec.name, "many", 5);
    b->fleet.spec.region = "EU868";
    b->fleet.spec.reserve_ppm = 400000;
    b->fleet.spec.default_profile = "generic";
    b->entry.doc = &b->fleet;
    b->entry.id = 1;
    memcpy(b->spec.name, "many", 5);
    b->spec.image.firmware_version = SPEC_AUTO_U32;
    b->spec.targets.preconditions.max_uplink_age_us = DAYS_US(7);
    b->spec.schedule.timezone = "UTC";
    b->spec.radio.dr = SPEC_AUTO_U32;
    b->spec.radio.frequency_hz = SPEC_AUTO_U32;
    b->spec.radio.spacing_us = SPEC_AUTO_US;
    b->spec.radio.setup_lead_us = SPEC_AUTO_US;
    b->spec.fragmentation.size_bytes = SPEC_AUTO_U32;
    b->spec.fragmentation.redundancy_ppm = SPEC_AUTO_U32;
    b->spec.fragmentation.max_redundancy_ppm = SPEC_PPM;
    b->spec.fragmentation.repair_rounds = 3;
    b->spec.budgets = (struct spec_budgets){.duty_cycle_ppm = 600000,
                                            .device_listening_us = SPEC_NONE_US,
                                            .device_energy_mj = SPEC_AUTO_U32,
                                            .airtime_us = SPEC_NONE_US,
                                            .duration_us = SPEC_NONE_US};
    b->spec.retry.command = 4;
    b->spec.retry.session = 2;
    b->spec.retry.device = 2;
    b->engine = engine_create(&config);
    b->queue = commitq_create();
    must(engine_add_fleet(b->engine, &fleet));
    b->devices = calloc(b->count, sizeof(*b->devices));
    for (size_t i = 0; b->devices != NULL && i < b->count; i++) {
        struct device_rec rec = device_of(b, i, &p);
        b->devices[i] = rec.dev_eui;
        must(engine_add_device(b->engine, &rec));
    }
}

static void stop(struct bench *b)
{
    engine_destroy(b->engine);
    commitq_destroy(b->queue);
    effects_finish(&b->effects);
    effects_finish(&b->batch);
    free(b->devices);
}

/* ---- a plan ---- */

static void measure_plan(struct bench *b)
{
    struct planning_request request = {.engine = b->engine,
                                       .fleet = &b->entry,
                                       .spec = &b->spec,
                                       .devices = b->devices,
                                       .device_count = b->count,
                                       .image_len = IMAGE_BYTES,
                                       .file = "c.yaml"};
    struct planning planning;
    struct diag_list diags = {0};
    struct cost loop = {0};
    struct cost thread = {0};
    int64_t since_us = clock_thread_cpu_us();
    struct planning_job *job = planning_begin(&request, &planning, &diags);
    note(&loop, since_us);
    since_us = clock_thread_cpu_us();
    planning_compute(job);
    note(&thread, since_us);
    since_us = clock_thread_cpu_us();
    int err = planning_end(job);
    diag_list_print(&diags, stderr);
    must(err);
    json_object_put(planning_render(&request, &planning));
    note(&loop, since_us);
    show("plan, on the loop", &loop);
    show("plan, beside it", &thread);
    planning_finish(&planning);
    diag_list_finish(&diags);
}

/* ---- the engine ---- */

/* One step with its storing, as one turn of the loop has it; what is free goes. */
static void step(struct bench *b, struct engine_event *event, struct cost *cost)
{
    struct store_batch rows = {0};
    struct effect effect;
    event->now = (struct instant){b->now.us};
    event->utc = b->now;
    int64_t since_us = clock_thread_cpu_us();
    effects_clear(&b->effects);
    engine_step(b->engine, event, &b->effects);
    commitq_push(b->queue, &b->effects);
    enum commitq_taken taken =
        commitq_take_batch(b->queue, DRIVER_BATCH_MAX, DRIVER_BATCH_MAX, &b->batch);
    store_batch_effects(&rows, &b->batch);
    note(cost, since_us);
    store_batch_finish(&rows);
    if (taken == COMMITQ_WHOLE) {
        commitq_committed(b->queue);
    }
    while (commitq_pop(b->queue, &effect)) {
    }
}

/* The event, and all that is due at once because of it. */
static void measure(struct bench *b, const char *what, struct engine_event event,
                    struct utc until)
{
    struct cost cost = {0};
    step(b, &event, &cost);
    while (cost.steps < STEPS_MAX && engine_deadline(b->engine).us <= until.us) {
        struct engine_event timeout = {.type = ENGINE_EV_TIMEOUT};
        int64_t deadline_us = engine_deadline(b->engine).us;
        b->now.us = deadline_us > b->now.us ? deadline_us : b->now.us;
        step(b, &timeout, &cost);
    }
    show(what, &cost);
}

static void measure_control(struct bench *b, const char *what, enum engine_control verb)
{
    struct engine_event event = {.type = ENGINE_EV_CONTROL,
                                 .control = {.campaign_id = 1, .verb = verb}};
    measure(b, what, event, b->now);
}

/* Each says what it runs (TS006 DevVersionAns): then all can be placed. */
static void tell_versions(struct bench *b)
{
    static const uint8_t answer[] = {0x01, 1, 0, 0, 0, 1, 0, 0, 0};
    struct cost cost = {0};
    for (size_t i = 0; i < b->count; i++) {
        struct engine_event event = {.type = ENGINE_EV_UPLINK,
                                     .uplink = {.dev_eui = b->devices[i],
                                                .received = b->now,
                                                .fport = 203,
                                                .payload = answer,
                                                .payload_len = sizeof(answer)}};
        b->now.us += 1000;
        step(b, &event, &cost);
    }
    show("uplinks", &cost);
}

int main(int argc, char **argv)
{
    static struct bench b;
    b.count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : DEVICES;
    b.gateways = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : GATEWAYS;
    start(&b);
    measure_plan(&b);
    struct engine_event apply = {.type = ENGINE_EV_APPLY,
                                 .apply = {.id = 1,
                                           .spec = &b.spec,
                                           .image = b.image,
                                           .image_len = IMAGE_BYTES,
                                           .devices = b.devices,
                                           .device_count = b.count}};
    measure(&b, "apply", apply, utc_after(b.now, SECONDS_US(2)));
    tell_versions(&b);
    struct engine_event timeout = {.type = ENGINE_EV_TIMEOUT};
    measure(&b, "round, and what follows in a minute", timeout,
            utc_after(b.now, MINUTES_US(1)));
    measure_control(&b, "pause", ENGINE_PAUSE);
    measure_control(&b, "resume", ENGINE_RESUME);
    measure_control(&b, "abort", ENGINE_ABORT);
    stop(&b);
    return 0;
}

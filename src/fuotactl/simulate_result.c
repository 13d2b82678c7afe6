/* SPDX-License-Identifier: MIT */
/* What a simulation shows, of all campaigns and of each. */
#include <stdlib.h>

#include "campaign/record.h"
#include "campaign/wave.h"
#include "ctl/protocol.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/exit.h"
#include "fuotactl/simulate.h"
#include "io/cleanup.h"

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

static void put_text(struct json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *outcomes_of(const struct world_trace *t, size_t campaign)
{
    struct json_object *outcomes = json_object_new_object();
    int64_t counts[OUTCOME_COUNT] = {0};
    for (size_t i = 0; i < t->device_count; i++) {
        counts[t->campaigns[campaign].devices[i].outcome % OUTCOME_COUNT]++;
    }
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        put(outcomes, outcome_name((enum outcome)i), counts[i]);
    }
    return outcomes;
}

static struct json_object *reasons_of(const struct world_trace *t, size_t campaign)
{
    struct json_object *reasons = json_object_new_object();
    for (size_t i = 0; i < t->device_count; i++) {
        uint8_t reason = t->campaigns[campaign].devices[i].reason;
        const char *slug = member_reason_slug((enum member_reason)reason);
        put(reasons, slug, ctl_int(reasons, slug, 0) + 1);
    }
    return reasons;
}

static void put_schedule(struct json_object *o, const struct simulation *sim,
                         const struct world_trace *t)
{
    char text[SIMULATE_TIME_SIZE];
    int64_t violations = 0;
    bool given = false;
    for (size_t i = 0; i < sim->campaign_count; i++) {
        const struct simulate_schedule *schedule = &sim->campaigns[i].schedule;
        given |= schedule->given;
        violations += (int64_t)simulate_schedule_violations(schedule, t, i);
    }
    if (!given) {
        return; /* when it is applied makes no difference */
    }
    const struct simulate_schedule *first = &sim->campaigns[0].schedule;
    put_text(o, "start", simulate_schedule_time(first, 0, text));
    put_text(o, "end", simulate_schedule_time(first, t->end_us, text));
    put(o, "schedule_violations", violations);
}

static struct json_object *wave_of(const struct spec_wave *spec,
                                   const struct world_wave_trace *w)
{
    struct json_object *o = json_object_new_object();
    put_text(o, "name", spec->name);
    put_text(o, "phase", wave_phase_name((enum wave_phase)w->phase));
    put_text(o, "verdict", wave_verdict_name((enum wave_verdict)w->verdict));
    put(o, "devices", w->total);
    put(o, "attempted", w->attempted);
    put(o, "succeeded", w->succeeded);
    put(o, "failed", w->failed);
    put(o, "unknown", w->unknown);
    put(o, "started_us", w->started_us);
    put(o, "ended_us", w->ended_us);
    return o;
}

/* Devices by what they were sent last, and how many of them a delta had failed on. */
static struct json_object *variant_of(const struct world_campaign_trace *c, size_t count,
                                      const char *name, const char *file, size_t variant)
{
    struct json_object *o = json_object_new_object();
    int64_t devices = 0;
    int64_t succeeded = 0;
    int64_t fell_back = 0;
    for (size_t i = 0; i < count; i++) {
        const struct world_ending *d = &c->devices[i];
        bool counts = d->outcome != OUTCOME_NONE && d->variant == variant;
        devices += counts;
        succeeded += counts && d->outcome == OUTCOME_SUCCEEDED;
        fell_back += counts && d->delta_failures > 0;
    }
    put_text(o, "variant", name);
    put_text(o, "file", file);
    put(o, "devices", devices);
    put(o, "succeeded", succeeded);
    put(o, "fell_back", fell_back);
    return o;
}

static void put_variants(struct json_object *o, const struct spec_image *image,
                         const struct world_trace *t, size_t no)
{
    struct json_object *list = json_object_new_array();
    const struct world_campaign_trace *c = &t->campaigns[no];
    json_object_array_add(list, variant_of(c, t->device_count, "full", image->file, 0));
    for (size_t i = 0; i < image->delta_count; i++) {
        const struct spec_delta *d = &image->deltas[i];
        json_object_array_add(list,
                              variant_of(c, t->device_count, d->from, d->file, i + 1));
    }
    json_object_object_add(o, "variants", list);
}

static struct json_object *campaign_of(const struct simulation *sim,
                                       const struct world_trace *t, size_t no)
{
    const struct world_campaign_trace *c = &t->campaigns[no];
    const struct campaign_spec *spec = &sim->campaigns[no].bundle.doc->spec;
    struct json_object *o = json_object_new_object();
    struct json_object *waves = json_object_new_array();
    put_text(o, "name", spec->name);
    put(o, "image_bytes", (int64_t)sim->campaigns[no].bundle.image.len);
    put(o, "priority", spec->priority);
    put_text(o, "phase", campaign_phase_name((enum campaign_phase)c->phase));
    json_object_object_add(o, "held", json_object_new_boolean(c->held));
    put_text(o, "reason", c->reason);
    put(o, "end_us", c->end_us);
    json_object_object_add(o, "outcomes", outcomes_of(t, no));
    json_object_object_add(o, "reasons", reasons_of(t, no));
    for (size_t i = 0; i < c->wave_count; i++) {
        json_object_array_add(waves, wave_of(&spec->rollout.waves[i], &c->waves[i]));
    }
    json_object_object_add(o, "waves", waves);
    if (spec->image.delta_count > 0) {
        put_variants(o, &spec->image, t, no);
    }
    return o;
}

struct json_object *simulate_result(const struct simulation *sim,
                                    const struct world_scenario *s,
                                    const struct world_trace *t)
{
    struct json_object *o = json_object_new_object();
    struct json_object *campaigns = json_object_new_array();
    int64_t airtime_us = 0;
    for (size_t i = 0; i < t->frame_count; i++) {
        airtime_us += t->frames[i].airtime_us;
    }
    put_text(o, "name", sim->campaigns[0].bundle.doc->spec.name);
    put(o, "image_bytes", (int64_t)sim->campaigns[0].bundle.image.len);
    put(o, "seed", (int64_t)sim->seed);
    put_text(o, "timing", world_timing_name(sim->timing));
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
    json_object_object_add(o, "outcomes", outcomes_of(t, 0));
    json_object_object_add(o, "reasons", reasons_of(t, 0));
    for (size_t i = 0; i < t->campaign_count; i++) {
        json_object_array_add(campaigns, campaign_of(sim, t, i));
    }
    json_object_object_add(o, "campaigns", campaigns);
    return o;
}

static bool any_lost(const struct world_trace *t, size_t campaign)
{
    bool any = false;
    for (size_t i = 0; i < t->device_count; i++) {
        enum outcome outcome = (enum outcome)t->campaigns[campaign].devices[i].outcome;
        any = any || outcome == OUTCOME_FAILED || outcome == OUTCOME_UNKNOWN ||
              outcome == OUTCOME_CANCELLED;
    }
    return any;
}

/*
 * A campaign can go through to its end without success: its last wave has no gate behind it.
 * Of apply --wait, for which one lost device is enough, this is milder: of a made-up fleet
 * nobody has to be looked after.
 */
static bool has_failed(const struct world_trace *t, size_t campaign)
{
    const struct world_campaign_trace *c = &t->campaigns[campaign];
    bool short_of = false;
    for (size_t i = 0; i < c->wave_count; i++) {
        short_of = short_of || c->waves[i].verdict != WAVE_SUCCEEDED;
    }
    return c->phase == CAMPAIGN_ABORTED || c->phase == CAMPAIGN_FAILED ||
           (c->phase == CAMPAIGN_COMPLETED && short_of && any_lost(t, campaign));
}

int simulate_exit_code(const struct world_trace *t)
{
    int code = CLI_OK;
    for (size_t i = 0; i < t->campaign_count; i++) {
        const struct world_campaign_trace *c = &t->campaigns[i];
        if (has_failed(t, i)) {
            return CLI_FAILED;
        }
        code = c->held ? CLI_PAUSED : code;
    }
    return code;
}

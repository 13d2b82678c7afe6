/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rig_internal.h"

enum {
    RIG_FLEET = 1,
};

/* ---- running ---- */

static struct utc wall(const struct rig *rig)
{
    return utc_after(rig->now, rig->utc_offset_us);
}

static void execute_ready(struct rig *rig)
{
    struct effect effect;
    while (!rig->dead && commitq_pop(rig->queue, &effect)) {
        rig->effect_count++;
        bool crash = rig->crash_at != 0 && rig->effect_count == rig->crash_at;
        bool lose_answer = rig->lose_answer;
        if (rig_fault(rig, rig->faults.kill_ppm)) {
            crash = true;
            lose_answer = rig_fault(rig, SPEC_PPM / 2);
        }
        if (crash && !lose_answer) {
            rig->dead = true;
            return;
        }
        rig_carry_out(rig, &effect);
        if (crash) {
            rig->dead = true;
            return;
        }
    }
}

static void submit(struct rig *rig)
{
    if (rig->commit_at.us == INT64_MAX &&
        commitq_take_batch(rig->queue, RIG_BATCH_MAX, SIZE_MAX, &rig->batch) !=
            COMMITQ_NOTHING) {
        rig->commit_at = utc_after(rig->now, rig->commit_us);
    }
}

static void take_effects(struct rig *rig)
{
    for (size_t i = 0; i < rig->effects.len; i++) {
        rig->published += rig->effects.items[i]->type == EFFECT_PUBLISH;
        rig->alerts += rig->effects.items[i]->type == EFFECT_PUBLISH &&
                       rig->effects.items[i]->publish.kind == PUBLISH_ALERT;
    }
    commitq_push(rig->queue, &rig->effects);
    effects_clear(&rig->effects);
    submit(rig);
    execute_ready(rig);
}

static void feed(struct rig *rig, struct engine_event *event)
{
    const struct campaign_rec *c = engine_campaign_by_id(rig->engine, rig->campaign_id);
    enum campaign_phase before = c != NULL ? c->phase : CAMPAIGN_RUNNING;
    event->now = (struct instant){rig->now.us};
    event->utc = wall(rig);
    engine_step(rig->engine, event, &rig->effects);
    rig_check_step(rig, before);
    take_effects(rig);
}

static void feed_all(struct rig *rig)
{
    size_t at = 0;
    while (!rig->dead && at < rig->event_count) {
        struct rig_event e = rig->events[at];
        if (!utc_reached(e.due, rig->now)) {
            at++;
            continue;
        }
        memmove(&rig->events[at], &rig->events[at + 1],
                (--rig->event_count - at) * sizeof(*rig->events));
        if (e.event.type == ENGINE_EV_UPLINK) {
            e.event.uplink.payload = e.payload;
            e.event.uplink.rx = e.rx;
        } else if (e.event.type == ENGINE_EV_GROUP) {
            e.event.group.group = e.group[0] != '\0' ? e.group : NULL;
        }
        feed(rig, &e.event);
    }
}

static void commit(struct rig *rig)
{
    for (size_t i = 0; i < rig->batch.len; i++) {
        if (rig->batch.items[i]->type == EFFECT_STORE) {
            rig_store_one(rig, rig->batch.items[i]);
        }
    }
    rig->commit_at = UTC_NEVER;
    commitq_committed(rig->queue);
    submit(rig);
    execute_ready(rig);
}

static void add_devices(struct rig *rig)
{
    for (size_t i = 0; i < network_device_count(&rig->net); i++) {
        const struct profile *profile = network_device(&rig->net, i)->config.profile;
        rig_must(engine_add_device(rig->engine, &rig->store.devices[i]));
        if (rig->tells_profiles) {
            rig_must(
                engine_set_profile(rig->engine, rig->store.devices[i].dev_eui, profile));
        }
    }
}

static void start_engine(struct rig *rig)
{
    struct engine_config config = {
        .seed = 7, .boot = ++rig->boot, .groups_max = RIG_GROUPS};
    rig->engine = engine_create(&config);
    struct engine_fleet fleet = {.id = RIG_FLEET,
                                 .spec = &rig->fleet,
                                 .multicast_spacing_us = rig->net.config.margin_us,
                                 .multicast_jitter_us = SECONDS_US(1),
                                 .queue_rows_max = 4};
    int err = engine_add_fleet(rig->engine, &fleet);
    assert(err == FUO_OK);
    add_devices(rig);
}

static struct engine_campaign definition(struct rig *rig, uint64_t *devices)
{
    size_t count = network_device_count(&rig->net);
    for (size_t i = 0; i < count; i++) {
        devices[i] = network_device(&rig->net, i)->config.dev_eui;
    }
    for (size_t i = 1; i < count; i++) {
        assert(devices[i] > devices[i - 1]);
    }
    return (struct engine_campaign){.id = rig->campaign_id,
                                    .spec = &rig->spec,
                                    .image = rig->image,
                                    .image_len = rig->image_len,
                                    .devices = devices,
                                    .device_count = count,
                                    .not_before = rig->not_before,
                                    .deadline = rig->deadline,
                                    .waves = rig->wave_of};
}

static struct engine_windows windows_of(const struct rig *rig)
{
    return (struct engine_windows){.campaign_id = rig->campaign_id,
                                   .spans = rig->windows,
                                   .count = rig->window_count,
                                   .until = UTC_NEVER};
}

static void restore(struct rig *rig)
{
    if (!rig->store.has_campaign) {
        return;
    }
    uint64_t *devices = calloc(network_device_count(&rig->net), sizeof(*devices));
    struct engine_campaign def = definition(rig, devices);
    int err = engine_restore_campaign(rig->engine, &def, &rig->store.campaign);
    assert(err == FUO_OK);
    rig_restore_rest(rig);
    struct engine_windows windows = windows_of(rig);
    rig_must(engine_restore_windows(rig->engine, &windows));
    free(devices);
    engine_resume(rig->engine, (struct instant){rig->now.us}, wall(rig), &rig->effects);
    take_effects(rig);
}

void rig_restart(struct rig *rig)
{
    rig->crashes++;
    rig->crash_at = 0;
    rig->dead = false;
    engine_destroy(rig->engine);
    commitq_drop_all(rig->queue);
    effects_clear(&rig->effects);
    rig->event_count = 0;
    rig->commit_at = UTC_NEVER;
    start_engine(rig);
    restore(rig);
}

static struct utc engine_due(const struct rig *rig)
{
    struct instant at = engine_deadline(rig->engine);
    return (struct utc){at.us};
}

static void turn(struct rig *rig, struct utc limit)
{
    struct utc next = utc_min(network_deadline(&rig->net), engine_due(rig));
    next = utc_min(utc_min(next, rig->commit_at), utc_min(limit, rig_faults_next(rig)));
    for (size_t i = 0; i < rig->event_count; i++) {
        next = utc_min(next, rig->events[i].due);
    }
    if (next.us > rig->now.us) {
        rig->now = next;
    }
    network_run(&rig->net, rig->now);
    rig_faults_run(rig);
    feed_all(rig);
    if (!rig->dead && utc_reached(rig->commit_at, rig->now)) {
        commit(rig);
        feed_all(rig);
    }
    if (!rig->dead && utc_reached(engine_due(rig), rig->now)) {
        struct engine_event event = {.type = ENGINE_EV_TIMEOUT};
        feed(rig, &event);
        feed_all(rig);
    }
    if (rig->dead) {
        rig_restart(rig);
    }
}

static bool over(const struct rig *rig)
{
    const struct campaign_rec *c = engine_campaign_by_id(rig->engine, rig->campaign_id);
    if (c == NULL || c->ended.us == 0 || rig->store.campaign.ended.us == 0) {
        return false;
    }
    for (size_t i = 1; i <= RIG_TRANSMISSIONS; i++) {
        const struct transmission_rec *t = &rig->store.transmissions[i];
        if (t->id != 0 && t->phase != TX_ENDED) {
            return false;
        }
    }
    return true;
}

bool rig_run(struct rig *rig, int64_t limit_us)
{
    struct utc limit = utc_after(rig->now, limit_us);
    while (!over(rig) && rig->now.us < limit.us) {
        turn(rig, limit);
    }
    if (over(rig)) {
        rig_check_outcomes(rig);
    }
    return over(rig);
}

void rig_run_for(struct rig *rig, int64_t duration_us)
{
    struct utc limit = utc_after(rig->now, duration_us);
    while (rig->now.us < limit.us) {
        turn(rig, limit);
    }
}

void rig_apply(struct rig *rig)
{
    uint64_t *devices = calloc(network_device_count(&rig->net), sizeof(*devices));
    struct engine_event event = {.type = ENGINE_EV_APPLY,
                                 .apply = definition(rig, devices)};
    feed(rig, &event);
    free(devices);
}

void rig_windows(struct rig *rig, const struct calendar_span *spans, size_t count)
{
    rig->windows = spans;
    rig->window_count = count;
    struct engine_event event = {.type = ENGINE_EV_WINDOWS, .windows = windows_of(rig)};
    feed(rig, &event);
}

void rig_apply_next(struct rig *rig)
{
    size_t count = network_device_count(&rig->net);
    int err = engine_forget(rig->engine, rig->campaign_id);
    assert(err == FUO_OK);
    rig->campaign_id++;
    rig->store.has_campaign = false;
    memset(rig->store.transmissions, 0, sizeof(rig->store.transmissions));
    memset(rig->store.members, 0, count * sizeof(*rig->store.members));
    for (size_t i = 0; i < rig->image_len; i++) {
        rig->image[i] ^= 0x5a;
    }
    rig_apply(rig);
}

void rig_control(struct rig *rig, enum engine_control verb)
{
    struct engine_event event = {
        .type = ENGINE_EV_CONTROL,
        .control = {.campaign_id = rig->campaign_id, .verb = verb, .reason = "test"}};
    feed(rig, &event);
}

void rig_step_clock(struct rig *rig, int64_t delta_us)
{
    rig->utc_offset_us += delta_us;
    rig->check.clock_was_wrong = true;
    struct engine_event event = {.type = ENGINE_EV_CLOCK_STEP,
                                 .step = {.delta_us = delta_us}};
    feed(rig, &event);
}

/* ---- life ---- */

static void default_spec(struct campaign_spec *spec)
{
    memcpy(spec->name, "rig", 4);
    spec->image.firmware_version = SPEC_AUTO_U32;
    spec->image.version = "1.1";
    spec->targets.preconditions.max_uplink_age_us = DAYS_US(7);
    spec->radio.device_class = 'C';
    spec->radio.dr = SPEC_AUTO_U32;
    spec->radio.frequency_hz = SPEC_AUTO_U32;
    spec->radio.spacing_us = SPEC_AUTO_US;
    spec->radio.setup_lead_us = SPEC_AUTO_US;
    spec->fragmentation.size_bytes = SPEC_AUTO_U32;
    spec->fragmentation.redundancy_ppm = SPEC_AUTO_U32;
    spec->fragmentation.max_redundancy_ppm = SPEC_PPM;
    spec->fragmentation.repair_rounds = 3;
    spec->fragmentation.block_ack_delay = SPEC_AUTO_U32;
    spec->budgets.duty_cycle_ppm = 600000;
    spec->retry.command = 4;
    spec->retry.session = 2;
    spec->retry.device = 2;
    spec->retry.cooldown_us = HOURS_US(24);
    spec->activation.jitter_us = MINUTES_US(10);
    spec->verification.within_us = HOURS_US(48);
    spec->verification.require_version = true;
}

void rig_init(struct rig *rig, const struct rig_config *config)
{
    memset(rig, 0, sizeof(*rig));
    int err = network_init(&rig->net, &config->net, &rig_sink, rig);
    assert(err == FUO_OK);
    rig->now = config->net.start;
    rig->campaign_id = 1;
    rig->commit_us = config->commit_us;
    rig->commit_at = UTC_NEVER;
    rig->queue = commitq_create();
    rig->image_len = config->image_len;
    rig->image = malloc(config->image_len);
    struct prng prng = prng_seeded(config->net.seed);
    for (size_t i = 0; i < rig->image_len; i++) {
        rig->image[i] = (uint8_t)prng_next(&prng);
    }
    default_spec(&rig->spec);
    memcpy(rig->fleet.name, "rig", 4);
    rig->fleet.region = config->net.region->name;
    rig->fleet.reserve_ppm = 400000;
    rig->fleet.default_profile = "generic";
    rig_check_init(rig);
    size_t count = network_device_count(&rig->net);
    rig->store.members = calloc(count, sizeof(*rig->store.members));
    rig->store.devices = calloc(count, sizeof(*rig->store.devices));
    rig->store.charges = calloc(RIG_CHARGES, sizeof(*rig->store.charges));
    for (size_t i = 0; i < count; i++) {
        rig->store.devices[i].dev_eui = network_device(&rig->net, i)->config.dev_eui;
        rig->store.devices[i].fleet_id = RIG_FLEET;
    }
    start_engine(rig);
}

void rig_free(struct rig *rig)
{
    engine_destroy(rig->engine);
    commitq_destroy(rig->queue);
    effects_finish(&rig->effects);
    effects_finish(&rig->batch);
    rig_check_free(rig);
    network_free(&rig->net);
    free(rig->image);
    free(rig->store.members);
    free(rig->store.devices);
    free(rig->store.charges);
    free(rig->events);
}

static bool is_image(const struct rig *rig, const struct device_image *image)
{
    return image->len == rig->image_len &&
           memcmp(image->bytes, rig->image, rig->image_len) == 0;
}

bool rig_runs_image(const struct rig *rig, size_t index)
{
    return is_image(rig, &network_device(&rig->net, index)->running);
}

bool rig_holds_image(const struct rig *rig, size_t index)
{
    return is_image(rig, &network_device(&rig->net, index)->received);
}

size_t rig_updated(const struct rig *rig)
{
    size_t count = 0;
    for (size_t i = 0; i < network_device_count(&rig->net); i++) {
        count += rig_runs_image(rig, i);
    }
    return count;
}

struct device *rig_device(struct rig *rig, size_t index)
{
    return (struct device *)(uintptr_t)network_device(&rig->net, index);
}

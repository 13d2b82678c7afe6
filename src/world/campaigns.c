/* SPDX-License-Identifier: MIT */
/* campaigns.c - campaigns from their apply to their end, and who is in which of their waves. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/wave.h"
#include "world/internal.h"

enum {
    SELECTED_PPM = 50000, /* whom a wave with `select` may select */
    OLDER_SHARE = 5,      /* of devices, one runs what no delta is for */
};

/* ---- what is asked for ---- */

struct campaign_spec world_default_spec(const struct world_scenario *s)
{
    struct campaign_spec spec = {.name = "bench"};
    spec.image.version = "2";
    spec.image.firmware_version = 2;
    spec.priority = 500;
    spec.targets.preconditions.max_uplink_age_us = DAYS_US(7);
    spec.radio.device_class = 'C';
    spec.radio.dr = SPEC_AUTO_U32;
    spec.radio.frequency_hz = SPEC_AUTO_U32;
    spec.radio.spacing_us = SPEC_AUTO_US;
    spec.radio.setup_lead_us = SPEC_AUTO_US;
    spec.fragmentation.size_bytes = s->frag_size != 0 ? s->frag_size : SPEC_AUTO_U32;
    spec.fragmentation.redundancy_ppm = SPEC_AUTO_U32;
    spec.fragmentation.max_redundancy_ppm = SPEC_PPM;
    spec.fragmentation.repair_rounds = 3;
    spec.fragmentation.block_ack_delay = SPEC_AUTO_U32;
    spec.budgets.duty_cycle_ppm = s->params.share_ppm;
    spec.budgets.device_listening_us = SPEC_NONE_US;
    spec.budgets.device_energy_mj = SPEC_AUTO_U32;
    spec.budgets.airtime_us = SPEC_NONE_US;
    spec.budgets.duration_us = SPEC_NONE_US;
    spec.retry.command = 4;
    spec.retry.session = 2;
    spec.retry.device = 6;
    spec.retry.cooldown_us = MINUTES_US(5);
    spec.activation.jitter_us = MINUTES_US(10);
    spec.verification.within_us = HOURS_US(48);
    spec.verification.require_version = true;
    return spec;
}

/* A delta is for the version that is as old as its place in the list says. */
static void make_deltas(const struct world *w, size_t no)
{
    const struct world_campaign *c = &w->campaigns[no];
    struct running *r = &w->running[no];
    r->delta_count = c->delta_bytes != NULL ? c->spec->image.delta_count : 0;
    for (size_t i = 0; i < r->delta_count; i++) {
        r->deltas[i] = (struct engine_delta){.bytes = r->image,
                                             .len = c->delta_bytes[i],
                                             .from_known = true,
                                             .from_firmware = w->version - (uint32_t)i};
    }
}

uint32_t campaigns_version(const struct world *w, size_t device)
{
    if (w->delta_count == 0) {
        return w->version;
    }
    uint64_t bits = world_hash(w->s->seed ^ UINT64_C(0xba5e), device, 0, 0);
    uint64_t older = bits % OLDER_SHARE == 0 ? w->delta_count : bits % w->delta_count;
    return w->version - (uint32_t)older;
}

static void make_image(const struct world *w, size_t no)
{
    size_t bytes = w->campaigns[no].image_bytes;
    struct prng p = prng_seeded(w->s->seed + no);
    uint8_t *image = malloc(bytes);
    assert(image != NULL);
    for (size_t i = 0; i < bytes; i++) {
        image[i] = (uint8_t)prng_next(&p);
    }
    w->running[no].image = image;
}

/* Devices run the version before the lowest of the images, or with deltas older ones, too. */
static void choose_versions(struct world *w)
{
    w->version = UINT32_MAX;
    for (size_t i = 0; i < w->campaign_count; i++) {
        const struct world_campaign *c = &w->campaigns[i];
        size_t count = c->delta_bytes != NULL ? c->spec->image.delta_count : 0;
        w->delta_count = count > w->delta_count ? count : w->delta_count;
    }
    for (size_t i = 0; i < w->campaign_count; i++) {
        uint32_t asked = w->campaigns[i].spec->image.firmware_version;
        struct running *r = &w->running[i];
        r->version = asked != SPEC_AUTO_U32 ? asked : 2 + (uint32_t)(w->delta_count + i);
        w->version = r->version - 1 < w->version ? r->version - 1 : w->version;
    }
}

void campaigns_init(struct world *w)
{
    w->default_spec = world_default_spec(w->s);
    w->first = (struct world_campaign){.spec = &w->default_spec,
                                       .image_bytes = w->s->image_bytes};
    bool given = w->config->campaigns != NULL;
    w->campaigns = given ? w->config->campaigns : &w->first;
    w->campaign_count = given ? w->config->campaign_count : 1;
    w->running = calloc(w->campaign_count, sizeof(*w->running));
    w->trace.campaigns = calloc(w->campaign_count, sizeof(*w->trace.campaigns));
    assert(w->running != NULL && w->trace.campaigns != NULL);
    w->trace.campaign_count = w->campaign_count;
    choose_versions(w);
    for (size_t i = 0; i < w->campaign_count; i++) {
        struct world_campaign_trace *t = &w->trace.campaigns[i];
        make_image(w, i);
        make_deltas(w, i);
        w->running[i].waits_us = -1;
        t->end_us = -1;
        t->devices = calloc(w->s->device_count, sizeof(*t->devices));
        assert(t->devices != NULL);
    }
}

void campaigns_finish(struct world *w)
{
    for (size_t i = 0; w->running != NULL && i < w->campaign_count; i++) {
        free(w->running[i].image);
    }
    free(w->running);
}

/* ---- waves ---- */

static bool is_selected(const struct world *w, const struct spec_wave *wave, size_t no,
                        size_t device)
{
    bool all = wave->select.label_count == 0 && wave->select.expression_count == 0;
    return all || world_hash(w->s->seed ^ UINT64_C(0x3e1ec7), device, no, 0) % WORLD_PPM <
                      SELECTED_PPM;
}

static void fill_wave(const struct world *w, const struct campaign_spec *spec, size_t no,
                      struct wave_place *places, uint8_t *waves)
{
    const struct spec_wave *wave = &spec->rollout.waves[no];
    const char *seed = spec->rollout.seed != NULL ? spec->rollout.seed : spec->name;
    struct siphash_key key = wave_key(seed);
    size_t count = 0;
    for (size_t i = 0; i < w->s->device_count; i++) {
        if (is_selected(w, wave, no, i)) {
            places[count++] = (struct wave_place){
                .hash = wave_hash(&key, WORLD_DEVICE_EUI_BASE + i),
                .index = (uint32_t)i,
                .stratum = wave->spread.count > 0 ? w->s->devices[i].profile : 0,
                .wave = waves[i]};
        }
    }
    (void)wave_fill(wave, (uint8_t)no, places, count);
    for (size_t i = 0; i < count; i++) {
        waves[places[i].index] = places[i].wave;
    }
}

/* NULL: it has none. */
static uint8_t *make_waves(const struct world *w, const struct campaign_spec *spec)
{
    if (spec->rollout.wave_count == 0) {
        return NULL;
    }
    uint8_t *waves = malloc(w->s->device_count);
    struct wave_place *places = calloc(w->s->device_count, sizeof(*places));
    assert(waves != NULL && places != NULL);
    memset(waves, WAVE_NOWHERE, w->s->device_count);
    for (size_t no = 0; no < spec->rollout.wave_count; no++) {
        fill_wave(w, spec, no, places, waves);
    }
    free(places);
    return waves;
}

/* ---- apply ---- */

/* From a time since apply; what is no time stays what it is. */
static struct utc since_apply(const struct world *w, struct utc at)
{
    bool known = at.us != INT64_MAX && at.us != INT64_MIN;
    return known ? world_utc(w->apply_us + at.us) : at;
}

static void give_windows(struct world *w, size_t no)
{
    const struct world_campaign *c = &w->campaigns[no];
    struct engine_event event = run_event(w, ENGINE_EV_WINDOWS);
    if (c->windows == NULL) {
        return;
    }
    struct calendar_span *spans = calloc(c->window_count + 1, sizeof(*spans));
    assert(spans != NULL);
    for (size_t i = 0; i < c->window_count; i++) {
        spans[i] = (struct calendar_span){since_apply(w, c->windows[i].start),
                                          since_apply(w, c->windows[i].end)};
    }
    event.windows = (struct engine_windows){.campaign_id = (uint32_t)no + 1,
                                            .spans = spans,
                                            .count = c->window_count,
                                            .until = since_apply(w, c->windows_until)};
    run_step(w, &event);
    free(spans);
}

static const struct campaign_rec *record_of(const struct world *w, size_t no)
{
    return engine_campaign_by_id(w->engine, (uint32_t)no + 1);
}

static int apply_one(struct world *w, size_t no)
{
    const struct world_campaign *c = &w->campaigns[no];
    uint64_t *devices = calloc(w->s->device_count, sizeof(*devices));
    uint8_t *waves = make_waves(w, c->spec);
    assert(devices != NULL);
    for (size_t i = 0; i < w->s->device_count; i++) {
        devices[i] = WORLD_DEVICE_EUI_BASE + i;
    }
    struct engine_event event = run_event(w, ENGINE_EV_APPLY);
    event.apply = (struct engine_campaign){.id = (uint32_t)no + 1,
                                           .spec = c->spec,
                                           .image = w->running[no].image,
                                           .image_len = c->image_bytes,
                                           .deltas = w->running[no].deltas,
                                           .delta_count = w->running[no].delta_count,
                                           .devices = devices,
                                           .device_count = w->s->device_count,
                                           .waves = waves,
                                           .not_before = since_apply(w, c->not_before)};
    if (c->deadline.us != 0) {
        event.apply.deadline = since_apply(w, c->deadline);
    }
    run_step(w, &event);
    parts_gather(engine_member_at(w->engine, event.apply.id, 0),
                 engine_member_at(w->engine, event.apply.id, w->s->device_count - 1));
    give_windows(w, no);
    free(devices);
    free(waves);
    w->running[no].applied = true;
    const struct campaign_rec *rec = record_of(w, no);
    return rec == NULL || rec->phase == CAMPAIGN_FAILED ? FUO_EINVAL : FUO_OK;
}

int campaigns_apply(struct world *w)
{
    if (!world_applied(w)) {
        w->apply_us = w->now_us;
    }
    int err = FUO_OK;
    for (size_t i = 0; i < w->campaign_count && err == FUO_OK; i++) {
        bool due = w->campaigns[i].apply_us <= w->now_us - w->apply_us;
        if (due && !w->running[i].applied) {
            err = apply_one(w, i);
        }
    }
    return err;
}

/* ---- an operator who approves, and aborts if he is told to ---- */

static void control(struct world *w, size_t no, enum engine_control verb)
{
    struct engine_event event = run_event(w, ENGINE_EV_CONTROL);
    event.control.campaign_id = (uint32_t)no + 1;
    event.control.verb = verb;
    event.control.reason = "the simulated operator";
    event.control.wave = ENGINE_WAVE_NEXT;
    run_step(w, &event);
}

static bool waits_for_approval(const struct world *w, size_t no)
{
    const struct wave_rec *wave = NULL;
    for (size_t i = 0; (wave = engine_wave_at(w->engine, (uint32_t)no + 1, i, NULL));
         i++) {
        if (wave->phase == WAVE_APPROVAL) {
            return true;
        }
    }
    return false;
}

static void approve(struct world *w, size_t no, enum engine_control verb)
{
    struct running *r = &w->running[no];
    r->waits_us = r->waits_us < 0 ? w->now_us : r->waits_us;
    if (w->now_us - r->waits_us >= w->config->approve_after_us) {
        r->waits_us = -1;
        control(w, no, verb);
    }
}

/* All that are under way in it have their image, and wait to install it. */
static bool waits_to_install(const struct world *w, size_t no)
{
    struct campaign_counts counts;
    engine_campaign_counts(w->engine, (uint32_t)no + 1, &counts);
    return counts.installable > 0 &&
           counts.installable == counts.by_outcome[OUTCOME_NONE] - counts.pending;
}

/* True: it is over, or held. */
static bool tend(struct world *w, size_t no)
{
    const struct campaign_rec *c = record_of(w, no);
    struct world_campaign_trace *t = &w->trace.campaigns[no];
    if (!w->running[no].applied) {
        return false;
    }
    bool final = campaign_phase_is_final(c->phase);
    if (final && t->end_us < 0) {
        t->end_us = record_time(w, world_of_utc(c->ended));
    }
    if (!final && waits_to_install(w, no)) {
        approve(w, no, ENGINE_INSTALL);
    }
    if (final || c->phase != CAMPAIGN_PAUSED) {
        return final;
    }
    if (waits_for_approval(w, no)) {
        approve(w, no, ENGINE_APPROVE);
        return false;
    }
    t->held = true;
    return true;
}

bool campaigns_tend(struct world *w)
{
    const struct campaign_rec *first = record_of(w, 0);
    int64_t abort_us = w->config->abort_at_us;
    if (abort_us > 0 && w->now_us - w->apply_us >= abort_us && first != NULL &&
        !campaign_phase_is_final(first->phase) && first->phase != CAMPAIGN_ABORTING) {
        control(w, 0, ENGINE_ABORT);
    }
    bool all = true;
    for (size_t i = 0; i < w->campaign_count; i++) {
        all = tend(w, i) && all;
    }
    return all;
}

/* ---- looking in ---- */

static bool is_of(const struct world *w, size_t no, uint32_t tx_id)
{
    const struct transmission_rec *t = NULL;
    uint32_t id = (uint32_t)no + 1;
    for (size_t i = 0; (t = engine_transmission_at(w->engine, id, i)) != NULL; i++) {
        if (t->id == tx_id) {
            return true;
        }
    }
    return false;
}

size_t campaigns_of(const struct world *w, uint32_t tx_id)
{
    size_t no = w->campaign_count - 1;
    while (no > 0 && !is_of(w, no, tx_id)) {
        no--;
    }
    return no;
}

void campaigns_describe(const struct world *w, struct tx *tx, size_t campaign)
{
    const struct transmission_rec *t = NULL;
    uint32_t id = (uint32_t)campaign + 1;
    tx->version = w->running[campaign].version;
    for (size_t i = 0; (t = engine_transmission_at(w->engine, id, i)) != NULL; i++) {
        if (t->id == tx->id && t->variant != VARIANT_FULL) {
            tx->is_delta = true;
            tx->base = w->running[campaign].deltas[t->variant - 1].from_firmware;
        }
    }
}

void campaigns_note_end(struct world *w, const struct member_rec *m)
{
    size_t device = (size_t)(m->dev_eui - WORLD_DEVICE_EUI_BASE);
    struct world_device_trace *t = &w->trace.devices[device];
    w->trace.campaigns[m->campaign_id - 1].devices[device] = (struct world_ending){
        (uint8_t)m->outcome, (uint8_t)m->reason, m->variant, m->delta_failures};
    if (m->campaign_id == 1 && t->ended_us < 0) {
        t->ended_us = record_time(w, w->now_us);
        t->outcome = (uint8_t)m->outcome;
        t->reason = (uint8_t)m->reason;
    }
}

static int64_t time_or_never(const struct world *w, struct utc at)
{
    return at.us == 0 ? -1 : record_time(w, world_of_utc(at));
}

static void record_waves(const struct world *w, size_t no, struct world_campaign_trace *t)
{
    struct wave_counts n;
    size_t count = w->campaigns[no].spec->rollout.wave_count;
    t->waves = calloc(count + 1, sizeof(*t->waves));
    assert(t->waves != NULL);
    for (size_t i = 0; i < count; i++) {
        const struct wave_rec *wave = engine_wave_at(w->engine, (uint32_t)no + 1, i, &n);
        if (wave == NULL) {
            return;
        }
        t->waves[t->wave_count++] =
            (struct world_wave_trace){.total = n.total,
                                      .attempted = n.attempted,
                                      .succeeded = n.succeeded,
                                      .failed = n.failed,
                                      .unknown = n.unknown,
                                      .started_us = time_or_never(w, wave->started),
                                      .ended_us = time_or_never(w, wave->ended),
                                      .phase = (uint8_t)wave->phase,
                                      .verdict = (uint8_t)wave->verdict};
    }
}

void campaigns_record(struct world *w)
{
    for (size_t i = 0; i < w->campaign_count; i++) {
        const struct campaign_rec *c = record_of(w, i);
        struct world_campaign_trace *t = &w->trace.campaigns[i];
        if (c != NULL) {
            t->phase = (uint8_t)c->phase;
            (void)snprintf(t->reason, sizeof(t->reason), "%s", c->reason);
            record_waves(w, i, t);
        }
    }
}

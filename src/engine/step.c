/* SPDX-License-Identifier: MIT */
/* step.c - an event to the flow it concerns; timers; resuming after a restart. */
#include <string.h>

#include "engine/admit.h"
#include "engine/air.h"
#include "engine/campaign.h"
#include "engine/deliver.h"
#include "engine/group.h"
#include "engine/internal.h"
#include "engine/lane.h"
#include "engine/member.h"
#include "engine/reported.h"
#include "engine/retry.h"
#include "engine/session.h"
#include "engine/silence.h"
#include "engine/sweep.h"
#include "engine/term.h"
#include "engine/uplink.h"
#include "engine/waves.h"

enum {
    DUE_MAX = 256, /* timers served in a step; the rest is due in the next one */
};

static void serve(struct engine *e, const struct owner *owner)
{
    switch (owner->kind) {
    case OWNER_MEMBER:
        member_tick(e, owner->object);
        break;
    case OWNER_TRANSMISSION:
        transmission_tick(e, owner->object);
        break;
    case OWNER_CAMPAIGN:
        campaign_tick(e, owner->object);
        break;
    }
}

/* A flow that asks to be woken "now" is served in the next step: a step stays short. */
static void fire_timers(struct engine *e)
{
    uint32_t due[DUE_MAX];
    int64_t deadline_us[DUE_MAX];
    size_t count = 0;
    while (count < DUE_MAX && timers_pop(&e->timers, e->utc, &due[count])) {
        deadline_us[count] = e->timers.deadline_us[due[count]];
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        /* Set again or cleared by one of those before. */
        if (e->timers.position[due[i]] == TIMERS_UNSET &&
            e->timers.deadline_us[due[i]] == deadline_us[i]) {
            serve(e, &e->owners[due[i]]);
        }
    }
}

/*
 * Waits are for so long, so they move with the clock, and so do the records that waits are
 * counted from. A session's start is a date that was told to devices, so it does not: its
 * flow looks again at once.
 */
static void take_clock_step(struct engine *e, int64_t delta_us)
{
    timers_shift(&e->timers, delta_us);
    air_clock_step(e, delta_us);
    for (size_t i = 0; i < e->campaign_count; i++) {
        struct campaign *c = e->campaigns[i];
        campaign_clock_step(e, c, delta_us);
        for (size_t k = 0; k < c->transmission_count; k++) {
            transmission_clock_step(e, c->transmissions[k], delta_us);
        }
        for (size_t k = 0; k < c->member_count; k++) {
            member_clock_step(&c->members[k], delta_us);
        }
    }
}

static struct member *active_member(struct engine *e, uint64_t dev_eui)
{
    struct device *d = engine_find_device(e, dev_eui);
    return d != NULL ? d->active : NULL;
}

static void take_send_event(struct engine *e, const struct engine_event *event)
{
    if (event->type == ENGINE_EV_SEND_RESULT) {
        struct member *m = active_member(e, event->send_result.dev_eui);
        if (m != NULL) {
            member_on_result(e, m, event->send_result.id, event->send_result.err);
        }
        return;
    }
    const struct device *d = engine_find_device(e, event->send_fate.dev_eui);
    struct member *m = d != NULL ? d->active : NULL;
    if (m != NULL && m->rec.command_id == event->send_fate.id) {
        member_on_fate(e, m, event);
    } else if (d != NULL && event->send_fate.fate == ENGINE_FATE_SENT) {
        admit_charge_stray(e, d, event);
    }
}

static struct member *member_of_transmission(struct engine *e, uint32_t transmission_id,
                                             uint64_t dev_eui)
{
    struct member *m = active_member(e, dev_eui);
    return m != NULL && m->rec.transmission_id == transmission_id && transmission_id != 0
               ? m
               : NULL;
}

static void take_wrapped(struct engine *e, const struct engine_event *event)
{
    struct member *m = member_of_transmission(e, event->key_wrapped.transmission_id,
                                              event->key_wrapped.dev_eui);
    if (m == NULL) {
        return;
    }
    m->asked_key = false;
    if (event->key_wrapped.err == FUO_ENOENT) {
        member_end(e, m, OUTCOME_FAILED, REASON_NO_KEY, FW_SEEN_NO_PACKAGE);
        return;
    }
    if (event->key_wrapped.err != FUO_OK) {
        engine_wake(e, m->slot, engine_in(e, MINUTES_US(1)));
        return;
    }
    memcpy(m->wrapped, event->key_wrapped.wrapped, sizeof(m->wrapped));
    m->has_key = true;
    if (m->rec.phase == MEMBER_GROUP) {
        member_send(e, m);
    }
}

static void take_mic(struct engine *e, const struct engine_event *event)
{
    struct member *m = member_of_transmission(e, event->block_mic.transmission_id,
                                              event->block_mic.dev_eui);
    if (m == NULL) {
        return;
    }
    m->asked_mic = false;
    if (event->block_mic.err == FUO_ENOENT) {
        member_end(e, m, OUTCOME_FAILED, REASON_NO_KEY, FW_SEEN_NO_PACKAGE);
        return;
    }
    if (event->block_mic.err != FUO_OK) {
        engine_wake(e, m->slot, engine_in(e, MINUTES_US(1)));
        return;
    }
    memcpy(m->mic, event->block_mic.mic, sizeof(m->mic));
    m->has_mic = true;
    if (m->rec.phase == MEMBER_FRAG) {
        member_send(e, m);
    }
}

static void take_lane_event(struct engine *e, const struct engine_event *event)
{
    /* Each of these structs begins with the transmission's id and the lane. */
    uint32_t id = event->type == ENGINE_EV_GROUP       ? event->group.transmission_id
                  : event->type == ENGINE_EV_MC_RESULT ? event->mc_result.transmission_id
                                                       : event->mc_queue.transmission_id;
    uint8_t no = event->type == ENGINE_EV_GROUP       ? event->group.lane
                 : event->type == ENGINE_EV_MC_RESULT ? event->mc_result.lane
                                                      : event->mc_queue.lane;
    struct transmission *t = engine_find_transmission(e, id);
    struct lane *l = t != NULL ? lane_at(t, no) : NULL;
    if (l == NULL) {
        return;
    }
    if (event->type == ENGINE_EV_GROUP) {
        lane_on_group(e, t, l, event);
    } else if (event->type == ENGINE_EV_MC_RESULT) {
        frame_on_result(e, t, l, event->mc_result.err, event->mc_result.f_cnt);
    } else {
        frame_on_queue(e, t, l, event);
    }
}

static void take_mc_key(struct engine *e, const struct engine_event *event)
{
    struct transmission *t = engine_find_transmission(e, event->mc_key.transmission_id);
    if (t != NULL) {
        transmission_on_key(e, t, event->mc_key.mc_addr);
    }
}

static void take_control(struct engine *e, const struct engine_event *event)
{
    struct campaign *c = engine_find_campaign(e, event->control.campaign_id);
    while (c != NULL && c->placing) {
        term_place(e, c); /* all of them, at once: it is for all of them */
    }
    if (c != NULL && event->control.verb == ENGINE_APPROVE) {
        campaign_approve(e, c, event->control.wave);
    } else if (c != NULL && event->control.verb == ENGINE_INSTALL) {
        waves_install(e, c, event->control.wave);
    } else if (c != NULL) {
        campaign_control(e, c, event->control.verb, event->control.reason);
    }
}

static void take_retry(struct engine *e, const struct engine_event *event)
{
    struct campaign *c = engine_find_campaign(e, event->retry.campaign_id);
    if (c != NULL) {
        retry_members(e, c, event->retry.devices, event->retry.count);
    }
}

static void take(struct engine *e, const struct engine_event *event)
{
    switch (event->type) {
    case ENGINE_EV_TIMEOUT:
        break; /* timers fire after every event */
    case ENGINE_EV_CLOCK_STEP:
        take_clock_step(e, event->step.delta_us);
        break;
    case ENGINE_EV_APPLY:
        campaign_start(e, &event->apply);
        break;
    case ENGINE_EV_CONTROL:
        take_control(e, event);
        break;
    case ENGINE_EV_WINDOWS:
        dates_take_windows(e, &event->windows);
        break;
    case ENGINE_EV_UPLINK:
        uplink_take(e, event);
        break;
    case ENGINE_EV_STATUS:
        uplink_take_status(e, event);
        break;
    case ENGINE_EV_REPORTED:
        reported_take(e, &event->reported);
        break;
    case ENGINE_EV_PROGRESS:
        deliver_take_progress(e, event->progress.dev_eui, event->progress.ppm,
                              event->progress.mark);
        break;
    case ENGINE_EV_RETRY:
        take_retry(e, event);
        break;
    case ENGINE_EV_AIRED:
        tap_take(e, event);
        break;
    case ENGINE_EV_GATEWAY:
        tap_take_gateway(e, event);
        break;
    case ENGINE_EV_AIRTIME:
        tap_take_airtime(e, event);
        break;
    case ENGINE_EV_SEND_RESULT:
    case ENGINE_EV_SEND_FATE:
        take_send_event(e, event);
        break;
    case ENGINE_EV_KEY_WRAPPED:
        take_wrapped(e, event);
        break;
    case ENGINE_EV_BLOCK_MIC:
        take_mic(e, event);
        break;
    case ENGINE_EV_MC_KEY:
        take_mc_key(e, event);
        break;
    case ENGINE_EV_GROUP:
    case ENGINE_EV_MC_RESULT:
    case ENGINE_EV_MC_QUEUE:
        take_lane_event(e, event);
        break;
    }
}

void engine_step(struct engine *engine, const struct engine_event *event,
                 struct effects *effects)
{
    engine->now = event->now;
    engine->utc = event->utc;
    engine->out = effects;
    take(engine, event);
    fire_timers(engine);
    campaign_flush_changes(engine);
    effects->open = engine->placing > 0;
    engine->out = NULL;
}

struct instant engine_deadline(const struct engine *engine)
{
    struct utc next = timers_next(&engine->timers);
    if (next.us == INT64_MAX) {
        return INSTANT_NEVER;
    }
    int64_t wait_us = next.us - engine->utc.us;
    return instant_after(engine->now, wait_us > 0 ? wait_us : 0);
}

static void resume_campaign(struct engine *e, struct campaign *c, int64_t away_us)
{
    for (size_t i = 0; i < c->transmission_count; i++) {
        transmission_resume(e, c->transmissions[i], away_us);
    }
    (void)term_tick(e, c); /* before anybody is asked again */
    while (c->placing) {
        term_place(e, c);
    }
    while (c->cutting) {
        sweep_go(e, c);
    }
    if (c->rec.ended.us != 0) {
        return;
    }
    for (size_t i = 0; i < c->member_count; i++) {
        if (c->members[i].rec.outcome == OUTCOME_NONE) {
            member_resume(e, &c->members[i]);
        }
    }
    c->entered = c->by_phase[MEMBER_PENDING] > 0 ? 0 : c->member_count;
    campaign_begin_waiting(e, c);
    if (c->rec.phase == CAMPAIGN_ABORTING) {
        sweep_start(e, c); /* with all that are not told */
    }
    campaign_member_settled(e, c);
}

/* Since the last that is stored of anybody; what is only statistics may be an hour old. */
static int64_t absence_us(const struct engine *e)
{
    struct utc last = {0};
    for (size_t i = 0; i < e->device_cap; i++) {
        const struct device *d = e->devices[i];
        if (d != NULL && d->rec.last_uplink.us > last.us) {
            last = d->rec.last_uplink;
        }
    }
    for (size_t i = 0; i < e->transmission_count; i++) {
        struct utc since = e->transmissions[i]->rec.phase_since;
        last = since.us > last.us ? since : last;
    }
    return last.us > 0 && last.us < e->utc.us ? e->utc.us - last.us : 0;
}

void engine_resume(struct engine *engine, struct instant now, struct utc utc,
                   struct effects *effects)
{
    engine->now = now;
    engine->utc = utc;
    engine->out = effects;
    air_resume(engine);
    group_resume(engine);
    int64_t away_us = absence_us(engine);
    engine->resumed_at = utc;
    engine->away_us = away_us;
    for (size_t i = 0; i < engine->campaign_count; i++) {
        resume_campaign(engine, engine->campaigns[i], away_us);
    }
    campaign_flush_changes(engine);
    effects->open = false;
    engine->out = NULL;
}

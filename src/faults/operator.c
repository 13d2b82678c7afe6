/* SPDX-License-Identifier: MIT */
/*
 * The operator: applies the campaign, lets go on what was paused, edits its file on the way
 * and lets devices that have ended go again.
 *
 * An edit is told until the daemon goes by it: a daemon that dies, or whose disk fails, may
 * have forgotten it. Until some time after that, what was open before is allowed as well.
 */
#include "faults/internal.h"

#define APPLY_AGAIN_US MINUTES_US(5)
#define OPERATOR_US    HOURS_US(5)
#define EDIT_AGAIN_US  MINUTES_US(10)
#define EDIT_GRACE_US  MINUTES_US(20) /* frames that the server has */

enum {
    DAY_MINUTES = 1440,
    WINDOW_LEAST_MINUTES = 90,
};

static const struct campaign_rec *record(const struct run *r)
{
    return r->daemon != NULL && r->applied
               ? engine_campaign_by_name(virtual_engine(r->daemon), RUN_CAMPAIGN)
               : NULL;
}

static void apply(struct run *r)
{
    struct virtual_campaign campaign = {
        .yaml = r->yaml,
        .name = RUN_CAMPAIGN,
        .signature = r->signature,
        .image = r->image,
        .image_len = r->scenario.image_len,
    };
    (void)virtual_apply(r->daemon, &campaign); /* else it is asked again */
    run_look(r);
}

/* An operator who asks again until the campaign is there. */
static void on_apply(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, apply_timer);
    if (r->applied) {
        return;
    }
    if (r->daemon != NULL) {
        r->apply_tries++;
        apply(r);
    }
    sim_timers_set(&r->timers, &r->apply_timer, utc_after(now, APPLY_AGAIN_US));
}

/* ---- devices go again ---- */

static bool retry(struct run *r)
{
    if (r->retries_left == 0 || virtual_wants_retry(r->daemon)) {
        return false;
    }
    r->retries_left--;
    check_may_retry(r->check);
    uint64_t count = virtual_go_again(r->daemon, RUN_CAMPAIGN);
    if (count > 0) {
        run_count(r, FAULT_RETRIED);
    }
    run_look(r);
    return count > 0;
}

bool operator_goes_on(struct run *r)
{
    return retry(r);
}

/* Looks in now and then. */
static void on_operator(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, operator_timer);
    sim_timers_set(&r->timers, &r->operator_timer, utc_after(now, OPERATOR_US));
    const struct campaign_rec *rec = record(r);
    if (rec != NULL && rec->phase == CAMPAIGN_PAUSED) {
        struct engine_event event = {.type = ENGINE_EV_CONTROL,
                                     .control = {.campaign_id = rec->id,
                                                 .verb = ENGINE_RESUME,
                                                 .wave = ENGINE_WAVE_NEXT}};
        virtual_feed(r->daemon, &event);
        event.control.verb = ENGINE_APPROVE; /* if that is what it waits for */
        virtual_feed(r->daemon, &event);
        run_look(r);
    } else if (rec != NULL && prng_chance(&r->prng, RUN_PPM / 4) != 0) {
        (void)retry(r);
    }
}

/* ---- edits ---- */

int64_t edition_window_start(const struct run *r, uint32_t i)
{
    return (r->edition.window_offset_minutes +
            i * DAY_MINUTES / r->scenario.window_count) %
           DAY_MINUTES;
}

/* What the file says, for every day: in UTC. */
void operator_make_spans(struct run *r)
{
    const struct scenario *s = &r->scenario;
    struct calendar_span *spans = r->spans[r->edition.number % 2];
    int64_t day_us = r->start.us - r->start.us % DAYS_US(1) - DAYS_US(1);
    size_t count = 0;
    for (int64_t at = day_us; at < r->start.us + s->limit_us; at += DAYS_US(1)) {
        for (uint32_t i = 0; i < s->window_count && count < RUN_SPANS_MAX; i++) {
            int64_t start_us = at + MINUTES_US(edition_window_start(r, i));
            spans[count++] = (struct calendar_span){
                .start = {start_us},
                .end = {start_us + MINUTES_US(r->edition.window_minutes)}};
        }
    }
    r->windows = (struct check_windows){count > 0 ? spans : NULL, count};
}

static void draw_edition(struct run *r)
{
    struct edition *e = &r->edition;
    e->number++;
    if (r->scenario.window_count > 0 && prng_chance(&r->prng, RUN_PPM / 2) != 0) {
        int64_t most = DAY_MINUTES / r->scenario.window_count - 60;
        e->window_offset_minutes = (int64_t)prng_below(&r->prng, DAY_MINUTES);
        e->window_minutes =
            WINDOW_LEAST_MINUTES +
            (int64_t)prng_below(&r->prng, (uint64_t)(most - WINDOW_LEAST_MINUTES));
    }
    if (prng_chance(&r->prng, RUN_PPM / 2) != 0) {
        e->duty_percent = 20 + (uint32_t)prng_below(&r->prng, 60);
    }
    e->paused = prng_chance(&r->prng, RUN_PPM / 4) != 0;
}

static void edit(struct run *r)
{
    const struct check_windows before = r->windows;
    draw_edition(r);
    files_write_campaign(r);
    operator_make_spans(r);
    check_windows(r->check, &r->windows, &before);
    run_count(r, FAULT_EDITED);
    r->edits_left--;
    r->edit = EDIT_TOLD;
}

/* It goes by the file as it is now, and its disk has it. */
static bool is_taken(const struct run *r)
{
    return virtual_has_file(r->daemon, RUN_CAMPAIGN, r->yaml) &&
           virtual_answers_due(r->daemon) == 0 && !virtual_wants_retry(r->daemon);
}

static void edit_later(struct run *r, int64_t least_us, int64_t most_us)
{
    sim_timers_set(&r->timers, &r->edit_timer,
                   utc_after(r->now, run_between_us(r, least_us, most_us)));
}

/* A file of a campaign that is over would begin it anew: that is no edit. */
static void on_edit(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, edit_timer);
    const struct campaign_rec *rec = record(r);
    bool under_way = rec != NULL && !campaign_phase_is_final(rec->phase);
    (void)now;
    if (r->edit == EDIT_TAKEN) {
        check_windows(r->check, &r->windows, &(struct check_windows){NULL, 0});
        r->edit = EDIT_NONE;
    } else if (r->edit == EDIT_NONE && under_way && r->edits_left > 0) {
        edit(r);
        apply(r);
    } else if (r->edit == EDIT_TOLD && under_way) {
        bool taken = is_taken(r);
        apply(r);
        r->edit = taken ? EDIT_TAKEN : EDIT_TOLD;
    }
    if (r->edit == EDIT_TAKEN) {
        edit_later(r, EDIT_GRACE_US, EDIT_GRACE_US);
    } else if (r->edit == EDIT_TOLD) {
        edit_later(r, EDIT_AGAIN_US, EDIT_AGAIN_US);
    } else if (r->edits_left > 0) {
        edit_later(r, MINUTES_US(20), HOURS_US(6));
    }
}

void operator_start(struct run *r)
{
    r->apply_timer.fire = on_apply;
    r->operator_timer.fire = on_operator;
    r->edit_timer.fire = on_edit;
    r->edits_left = r->scenario.edits;
    r->retries_left = r->scenario.retries;
    sim_timers_set(&r->timers, &r->operator_timer, utc_after(r->now, OPERATOR_US));
    sim_timers_set(&r->timers, &r->apply_timer,
                   utc_after(r->now, r->scenario.apply_after_us));
    if (r->edits_left > 0) {
        edit_later(r, r->scenario.apply_after_us, HOURS_US(8));
    }
}

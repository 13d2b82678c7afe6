/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/internal.h"
#include "profile/shipped.h"

#define LOG_MODULE "faults"
#include "io/log.h"

enum {
    SAME_TIME_MAX = 20000, /* turns without any time passing: something spins */
    APPLY_TRIES_MAX = 200,
    LOG_LINES = 1000000,
};

/* After that nothing goes wrong any more: then it has to end. */
#define FAULTS_US DAYS_US(50)

#define RETRY_US   SECONDS_US(2)
#define LOOK_US    SECONDS_US(10)
#define WINDOWS_US HOURS_US(6)

bool run_is_calm(const struct run *r)
{
    return r->now.us - r->start.us > FAULTS_US;
}

bool run_fault(struct run *r, enum fault_kind kind)
{
    uint32_t ppm = r->scenario.rate_ppm[kind];
    if (ppm == 0 || run_is_calm(r) || prng_chance(&r->prng, ppm) == 0) {
        return false;
    }
    run_count(r, kind);
    return true;
}

void run_count(struct run *r, enum fault_kind kind)
{
    r->report->faults[kind]++;
}

int64_t run_between_us(struct run *r, int64_t least_us, int64_t most_us)
{
    return least_us + (int64_t)prng_below(&r->prng, (uint64_t)(most_us - least_us + 1));
}

void run_abort_if_no_memory(void *p)
{
    if (p == NULL) {
        abort(); /* a simulator that runs out of memory: there is nothing to save */
    }
}

/* ---- time ---- */

void run_set_clock(struct run *r)
{
    int64_t elapsed_us = r->now.us - r->start.us;
    int64_t drift_us = elapsed_us / 1000000 * r->scenario.drift_ppm;
    r->hands.mono_us = r->now.us;
    r->hands.utc_us = r->now.us + drift_us + r->stepped_us;
    check_time(r->check, r->now, r->hands.utc_us - r->now.us);
}

/* ---- the life of the daemon ---- */

static void bury(struct run *r, int64_t least_us, int64_t most_us)
{
    bool stored = false;
    virtual_close(r->daemon, &stored);
    r->daemon = NULL;
    if (stored) {
        run_on_disk(r);
    }
    effects_clear(&r->batch);
    api_forget(r);
    status_break(r);
    sim_timers_cancel(&r->timers, &r->disk_timer);
    sim_timers_cancel(&r->timers, &r->retry_timer);
    sim_timers_cancel(&r->timers, &r->look_timer);
    if (!r->never_again) {
        sim_timers_set(&r->timers, &r->start_timer,
                       utc_after(r->now, run_between_us(r, least_us, most_us)));
    }
}

/* Mostly started again at once, now and then by somebody who had to be woken up. */
static void bury_dead(struct run *r)
{
    if (prng_chance(&r->prng, 30000) != 0) {
        bury(r, MINUTES_US(20), HOURS_US(8));
    } else {
        bury(r, SECONDS_US(1), MINUTES_US(2));
    }
}

void run_look(struct run *r)
{
    if (r->daemon == NULL) {
        return;
    }
    if (virtual_is_dead(r->daemon)) {
        bury_dead(r);
        return;
    }
    if (virtual_answers_due(r->daemon) > 0 && r->disk_timer.slot == 0) {
        int64_t wait_us = run_fault(r, FAULT_DISK_SLOW)
                              ? run_between_us(r, MILLIS_US(200), SECONDS_US(30))
                              : run_between_us(r, MILLIS_US(1), MILLIS_US(15));
        sim_timers_set(&r->timers, &r->disk_timer, utc_after(r->now, wait_us));
    }
    if (virtual_wants_retry(r->daemon) && r->retry_timer.slot == 0) {
        sim_timers_set(&r->timers, &r->retry_timer, utc_after(r->now, RETRY_US));
    }
}

static void on_disk(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, disk_timer);
    (void)now;
    virtual_take_answers(r->daemon);
    run_look(r);
}

static void on_retry(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, retry_timer);
    (void)now;
    virtual_retry(r->daemon);
    run_look(r);
}

/* The daemon looks at its clocks at least that often. */
static void on_look(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, look_timer);
    sim_timers_set(&r->timers, &r->look_timer, utc_after(now, LOOK_US));
    if (r->stepped_us == 0) {
        sim_timers_cancel(&r->timers, &r->look_timer);
    }
    virtual_timeout(r->daemon);
    run_look(r);
}

static void on_windows(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, windows_timer);
    sim_timers_set(&r->timers, &r->windows_timer, utc_after(now, WINDOWS_US));
    if (r->daemon != NULL) {
        virtual_renew_windows(r->daemon);
        run_look(r);
    }
}

static void on_start(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, start_timer);
    struct virtual_config config = {
        .config_file = r->config_file,
        .hands = &r->hands,
        .carrier = &r->carrier,
        .status = r->scenario.status ? &r->status_carrier : NULL,
        .hooks = &run_hooks,
        .arg = r,
    };
    r->boot++;
    r->woken = false;
    int err = virtual_open(&config, &r->daemon);
    if (err == FUO_EINVAL &&
        r->boot == 1) { /* its files, or a plugin: the same next time */
        r->files_err = err;
        return;
    }
    if (err != FUO_OK) { /* its disk: tried again by whoever started it */
        r->daemon = NULL;
        api_forget(r);
        sim_timers_set(&r->timers, &r->start_timer, utc_after(now, SECONDS_US(15)));
        return;
    }
    r->report->starts++;
    status_started(r);
    if (r->stepped_us != 0) {
        sim_timers_set(&r->timers, &r->look_timer, utc_after(now, LOOK_US));
    }
    run_look(r);
}

/* ---- turns ---- */

static struct utc deadline(const struct run *r)
{
    struct utc at = UTC_NEVER;
    if (r->daemon != NULL) {
        at.us = virtual_deadline(r->daemon).us;
    }
    return at;
}

static void turn(struct run *r, struct utc limit)
{
    struct utc next = utc_min(network_deadline(&r->network), sim_timers_next(&r->timers));
    next = utc_min(utc_min(next, deadline(r)), limit);
    if (next.us > r->now.us) {
        r->now = next;
    }
    run_set_clock(r);
    network_run(&r->network, r->now);
    world_touched(r);
    sim_timers_run(&r->timers, r->now);
    if (utc_reached(deadline(r), r->now)) {
        virtual_timeout(r->daemon);
        run_look(r);
    }
}

/* Over for the daemon, and on its disk. */
static bool over(const struct run *r)
{
    if (r->daemon == NULL || !r->applied || virtual_answers_due(r->daemon) > 0 ||
        virtual_deadline(r->daemon).us != INT64_MAX) {
        return false;
    }
    const struct engine *engine = virtual_engine(r->daemon);
    const struct campaign_rec *rec = engine_campaign_by_name(engine, RUN_CAMPAIGN);
    if (rec == NULL || rec->ended.us == 0) {
        return false;
    }
    const struct transmission_rec *t;
    for (size_t i = 0; (t = engine_transmission_at(engine, rec->id, i)) != NULL; i++) {
        if (t->phase != TX_ENDED) {
            return false;
        }
    }
    return !r->scenario.status || virtual_status_idle(r->daemon);
}

static void count_device(struct run *r, const struct profile *kind, bool updated)
{
    size_t i = kind == NULL ? 0 : (size_t)(kind - profiles_shipped) + 1;
    assert(i < FAULTS_STACKS_MAX);
    struct faults_stack *stack = &r->report->stacks[i];
    stack->name = kind == NULL ? "by-the-book" : kind->name;
    stack->devices++;
    stack->updated += updated;
    r->report->updated += updated;
}

static void finish(struct run *r, bool ended)
{
    bool runs[RUN_DEVICES_MAX] = {false};
    for (size_t i = 0; i < network_device_count(&r->network); i++) {
        const struct device *d = network_device(&r->network, i);
        runs[i] = d->running.len == r->scenario.image_len &&
                  memcmp(d->running.bytes, r->image, d->running.len) == 0;
        count_device(r, r->scenario.kinds[i], runs[i]);
    }
    struct utc deadline = utc_after(r->start, r->scenario.deadline_us);
    r->report->traits[TRAIT_DEADLINE_CAME] +=
        r->scenario.deadline_us != 0 && utc_reached(deadline, r->now);
    check_end(r->check, ended, runs);
    if (ended && r->scenario.status) {
        const struct campaign_rec *rec =
            engine_campaign_by_name(virtual_engine(r->daemon), RUN_CAMPAIGN);
        check_told(r->check, campaign_phase_name(rec->phase));
    }
}

/* What could not be sent by its deadline was refused, and by now it has come. */
static bool is_too_late(const struct run *r)
{
    return !r->applied && r->apply_tries > 0 && r->scenario.deadline_us != 0 &&
           utc_reached(utc_after(r->start, r->scenario.deadline_us), r->now);
}

/* What is wrong has been said; most likely there are no plugins. */
static void say_no_daemon(const struct run *r)
{
    (void)fprintf(stderr,
                  "faults: seed %llu: the daemon does not start; its plugins are looked "
                  "for in the folder plugins beside the program: build them all, and run "
                  "it from its build folder\n",
                  (unsigned long long)r->config->seed);
}

static int go(struct run *r)
{
    struct utc limit = utc_after(r->start, r->scenario.limit_us);
    uint32_t same = 0;
    bool ended = false;
    while (!ended && r->now.us < limit.us && check_result(r->check)->text == NULL) {
        struct utc before = r->now;
        turn(r, limit);
        if (r->files_err != FUO_OK) {
            say_no_daemon(r);
            return r->files_err;
        }
        same = r->now.us == before.us ? same + 1 : 0;
        if (same > SAME_TIME_MAX) {
            break; /* it has not ended, and never will */
        }
        if (is_too_late(r)) {
            return FUO_OK;
        }
        if (r->apply_tries > APPLY_TRIES_MAX && !r->applied) {
            (void)fprintf(stderr, "faults: seed %llu: the campaign is refused\n",
                          (unsigned long long)r->config->seed);
            return FUO_EINVAL;
        }
        if (r->never_again && r->daemon == NULL) {
            break; /* nothing will happen any more */
        }
        /* The daemon may be killed by what the operator asks: then it is not over. */
        ended = over(r) && !operator_goes_on(r) && r->daemon != NULL;
    }
    finish(r, ended);
    return FUO_OK;
}

/* ---- set-up ---- */

/* Behind that nothing is sent to many; drain goes on with what is under way. */
static struct utc stop_at(const struct run *r)
{
    const struct scenario *s = &r->scenario;
    return s->deadline_us != 0 && s->end_behavior != SPEC_END_DRAIN
               ? utc_after(r->start, s->deadline_us) /* in the file to a minute */
               : UTC_NEVER;
}

static int make_network(struct run *r)
{
    int err = network_init(&r->network, &r->scenario.network, &world_sink, r);
    if (err != FUO_OK) {
        return err;
    }
    size_t count = network_device_count(&r->network);
    for (size_t i = 0; i < count; i++) {
        r->dev_euis[i] = network_device(&r->network, i)->config.dev_eui;
    }
    r->image = malloc(r->scenario.image_len);
    run_abort_if_no_memory(r->image);
    struct prng p = prng_seeded(r->config->seed ^ UINT64_C(0x13a9e));
    for (size_t i = 0; i < r->scenario.image_len; i++) {
        r->image[i] = (uint8_t)prng_next(&p);
    }
    operator_make_spans(r);
    r->check = check_new(&(struct check_config){
        .region = r->scenario.network.region,
        .image = r->image,
        .image_len = r->scenario.image_len,
        .device_count = count,
        .dev_euis = r->dev_euis,
        .dev_addr_first = RUN_DEV_ADDR,
        .spans = r->windows.spans,
        .span_count = r->windows.span_count,
        .deadline = stop_at(r),
    });
    return FUO_OK;
}

static void start_log(const struct run *r, int fd)
{
    log_init(&(struct log_config){
        .level = r->config->verbose ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
        .clock = clock_by_hand(&r->hands),
        .lines_per_second = LOG_LINES,
        .fd = fd,
    });
}

static int begin(struct run *r)
{
    r->prng = prng_seeded(r->config->seed ^ UINT64_C(0xfa0175));
    r->entropy = prng_seeded(r->config->seed ^ UINT64_C(0xe9720b9));
    r->event_prng = prng_seeded(r->config->seed ^ UINT64_C(0xe7e27));
    scenario_draw(&r->scenario, r->config->seed, r->config->plant);
    if (r->config->months) {
        scenario_stretch(&r->scenario);
    }
    r->start = r->now = r->scenario.network.start;
    r->edition = r->scenario.first;
    status_open(r);
    r->carrier = run_carrier;
    r->carrier.arg = r;
    r->start_timer.fire = on_start;
    r->disk_timer.fire = on_disk;
    r->retry_timer.fire = on_retry;
    r->look_timer.fire = on_look;
    r->windows_timer.fire = on_windows;
    int err = system_take(&r->entropy);
    if (err == FUO_OK) {
        err = make_network(r);
    }
    if (err == FUO_OK) {
        err = files_make(r);
    }
    if (err != FUO_OK) {
        return err;
    }
    run_set_clock(r);
    world_start(r);
    sim_timers_set(&r->timers, &r->start_timer, r->now);
    sim_timers_set(&r->timers, &r->windows_timer, utc_after(r->now, WINDOWS_US));
    operator_start(r);
    return FUO_OK;
}

static void fill_report(struct run *r)
{
    struct faults_report *report = r->report;
    report->devices = network_device_count(&r->network);
    report->gateways = r->scenario.network.gateway_count;
    scenario_traits(&r->scenario, report->traits);
    report->virtual_us = r->now.us - r->start.us;
    report->violation = *check_result(r->check);
    check_outcomes(r->check, report->outcomes);
}

static void end(struct run *r)
{
    system_disk(DISK_FINE);
    virtual_close(r->daemon, NULL);
    api_forget(r);
    while (r->parcels != NULL) {
        parcel_free(r->parcels);
    }
    effects_finish(&r->batch);
    if (r->network.timers.heap != NULL) {
        network_free(&r->network);
    }
    check_free(r->check);
    free(r->image);
    sim_timers_free(&r->timers);
    files_remove(r);
}

int faults_run(const struct faults_config *config, struct faults_report *report)
{
    struct run *r = calloc(1, sizeof(*r));
    run_abort_if_no_memory(r);
    *report = (struct faults_report){.seed = config->seed};
    r->config = config;
    r->report = report;
    int fd = config->verbose ? STDERR_FILENO : system_nowhere();
    start_log(r, fd);
    int err = begin(r);
    if (err == FUO_OK) {
        err = go(r);
        fill_report(r);
    } else {
        (void)fprintf(stderr, "faults: seed %llu: cannot be set up: %s\n",
                      (unsigned long long)config->seed, fuo_strerror(err));
    }
    end(r);
    log_init(&(struct log_config){.fd = STDERR_FILENO});
    free(r);
    return err;
}

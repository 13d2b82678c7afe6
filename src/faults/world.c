/* SPDX-License-Identifier: MIT */
/* What goes wrong with gateways, devices, server, disk and clocks; what the network shows. */
#include <string.h>

#include "codec/frag.h"
#include "codec/mpa.h"
#include "crypto/frame.h"
#include "faults/internal.h"

enum {
    REPEATS = 60, /* of a lawless gateway */
    TOKEN_BYTES = 64,
};

static struct device *device_at(struct run *r, size_t index)
{
    return (struct device *)(uintptr_t)network_device(&r->network, index);
}

static struct device *any_device(struct run *r, size_t *index)
{
    *index = (size_t)prng_below(&r->prng, network_device_count(&r->network));
    return device_at(r, *index);
}

/* ---- what comes by itself ---- */

static enum fault_kind kind_of(enum self_kind kind)
{
    switch (kind) {
    case SELF_BROKER:
        return FAULT_BROKER_GONE;
    case SELF_API:
        return FAULT_API_AWAY;
    case SELF_SERVER:
        return FAULT_SERVER_RESTARTED;
    case SELF_GATEWAY:
        return FAULT_GATEWAY_DEAD;
    case SELF_CLOCK:
        return FAULT_CLOCK_STEPPED;
    case SELF_REBOOT:
        return FAULT_DEVICE_REBOOTED;
    case SELF_SILENT:
        return FAULT_DEVICE_SILENT;
    case SELF_MOVE:
        return FAULT_DEVICE_MOVED;
    case SELF_DISK:
    case SELF_COUNT:
        break;
    }
    return FAULT_DISK_FULL;
}

static void again(struct self *s, int64_t in_us)
{
    sim_timers_set(&s->run->timers, &s->timer, utc_after(s->run->now, in_us));
}

/* Full or broken, as the seed says. */
static enum fault_kind disk_fault(struct run *r)
{
    const int64_t *every = r->scenario.every_us;
    bool full = every[FAULT_DISK_FULL] != 0;
    bool broken = every[FAULT_COMMIT_FAILED] != 0;
    bool choose_full = full && (!broken || prng_chance(&r->prng, RUN_PPM / 2) != 0);
    return choose_full ? FAULT_DISK_FULL : FAULT_COMMIT_FAILED;
}

static int64_t mean_us(const struct run *r, enum self_kind kind)
{
    const int64_t *every = r->scenario.every_us;
    if (kind == SELF_DISK && every[FAULT_DISK_FULL] == 0) {
        return every[FAULT_COMMIT_FAILED];
    }
    return every[kind_of(kind)];
}

static void later(struct self *s)
{
    int64_t mean = mean_us(s->run, s->kind);
    if (mean != 0 && !run_is_calm(s->run)) {
        again(s, run_between_us(s->run, mean / 4, 2 * mean));
    }
}

/* The server comes up again with empty queues; nobody is told. */
static void lose_queues(struct run *r)
{
    struct cs *cs = &r->network.cs;
    for (struct cs_group *g = cs->groups; g != NULL; g = g->next) {
        (void)!cs_group_flush(cs, g->id);
    }
    for (size_t i = 0; i < cs->device_count; i++) {
        (void)!cs_flush(cs, cs->devices[i].dev_eui);
    }
}

static void set_disk(struct run *r, bool bad)
{
    if (r->daemon != NULL) {
        virtual_wait_answers(r->daemon); /* what was written before was written well */
    }
    if (!bad) {
        system_disk(DISK_FINE);
        return;
    }
    enum fault_kind kind = disk_fault(r);
    run_count(r, kind);
    system_disk(kind == FAULT_DISK_FULL ? DISK_FULL : DISK_BROKEN);
}

static void set_clock(struct run *r, bool wrong)
{
    int64_t most_us =
        prng_chance(&r->prng, RUN_PPM / 4) != 0 ? HOURS_US(30) : MINUTES_US(4);
    r->stepped_us = wrong ? run_between_us(r, -most_us, most_us) : 0;
    run_set_clock(r);
    if (r->daemon != NULL) {
        sim_timers_set(&r->timers, &r->look_timer,
                       utc_after(r->now, run_between_us(r, 1, SECONDS_US(10))));
    }
}

/* On and off again: returns how long it is on. */
static int64_t toggle(struct self *s)
{
    struct run *r = s->run;
    switch (s->kind) {
    case SELF_BROKER:
        r->broker_away = s->on;
        if (s->on) {
            status_break(r);
        }
        return run_between_us(r, SECONDS_US(5), MINUTES_US(30));
    case SELF_API:
        r->api_away = s->on;
        return run_between_us(r, SECONDS_US(5), MINUTES_US(30));
    case SELF_SERVER:
        r->server_away = s->on;
        if (!s->on) {
            lose_queues(r);
        }
        return run_between_us(r, SECONDS_US(5), MINUTES_US(4));
    case SELF_GATEWAY:
        if (s->on) {
            s->which = (size_t)prng_below(&r->prng, r->scenario.network.gateway_count);
        }
        r->network.radio.gateways[s->which].off = s->on;
        check_gateway(r->check, r->network.gateway_euis[s->which]);
        return run_between_us(r, MINUTES_US(1), HOURS_US(3));
    case SELF_CLOCK:
        set_clock(r, s->on);
        return run_between_us(r, MINUTES_US(2), HOURS_US(1));
    case SELF_DISK:
        set_disk(r, s->on);
        return run_between_us(r, SECONDS_US(1), MINUTES_US(15));
    case SELF_REBOOT:
    case SELF_SILENT:
    case SELF_MOVE:
    case SELF_COUNT:
        break;
    }
    return 0;
}

static void reboot(struct run *r)
{
    size_t index = 0;
    struct device *d = any_device(r, &index);
    d->reboot_at = r->now;
    sim_timers_set(&r->network.timers, &d->timer, r->now);
}

/* It has power, and says nothing. */
static void fall_silent(struct run *r)
{
    size_t index = 0;
    struct device *d = any_device(r, &index);
    d->quiet_until = utc_after(r->now, run_between_us(r, HOURS_US(6), DAYS_US(4)));
}

static void move(struct run *r)
{
    size_t index = 0;
    (void)any_device(r, &index);
    if (sim_radio_move(&r->network.radio, index) != FUO_OK) {
        run_abort_if_no_memory(NULL);
    }
}

static void on_self(struct sim_timer *timer, struct utc now)
{
    struct self *s = SIM_TIMER_OWNER(timer, struct self, timer);
    struct run *r = s->run;
    (void)now;
    s->on = !s->on;
    if (s->on && s->kind != SELF_DISK && s->kind != SELF_API) {
        run_count(r, kind_of(s->kind));
    }
    if (s->kind == SELF_REBOOT || s->kind == SELF_SILENT || s->kind == SELF_MOVE) {
        (s->kind == SELF_REBOOT   ? reboot
         : s->kind == SELF_SILENT ? fall_silent
                                  : move)(r);
        s->on = false;
        later(s);
        return;
    }
    int64_t on_us = toggle(s);
    if (s->on) {
        again(s, on_us);
    } else {
        later(s);
    }
}

static void set_drifts(struct run *r)
{
    for (size_t i = 0; i < network_device_count(&r->network); i++) {
        device_at(r, i)->config.clock_drift_ppm =
            (int32_t)prng_below(&r->prng, 241) - 120;
        run_count(r, FAULT_CLOCK_DRIFTS);
    }
}

void world_start(struct run *r)
{
    for (size_t i = 0; i < SELF_COUNT; i++) {
        r->selves[i].timer.fire = on_self;
        r->selves[i].run = r;
        r->selves[i].kind = (enum self_kind)i;
        later(&r->selves[i]);
    }
    if (r->scenario.every_us[FAULT_CLOCK_DRIFTS] != 0) {
        set_drifts(r);
    }
    for (size_t g = 0; g < r->scenario.network.gateway_count; g++) {
        r->network.radio.gateways[g].lawless = true; /* nobody keeps the law for us */
    }
    for (size_t i = 0; i < network_device_count(&r->network); i++) {
        if (r->config->plant == PLANT_ACK) {
            device_at(r, i)->config.frag_count_max = 1; /* refuses each set-up */
        }
    }
}

/* ---- devices that answer late, and twice ---- */

static void answer_twice(struct run *r, struct device *d, size_t i)
{
    if (d->outbox_len == DEVICE_OUTBOX_MAX) {
        return;
    }
    d->outbox[d->outbox_len] = d->outbox[i];
    d->outbox[d->outbox_len].due =
        utc_after(d->outbox[i].due, run_between_us(r, SECONDS_US(5), MINUTES_US(5)));
    d->outbox_len++;
    run_count(r, FAULT_DEVICE_TWICE);
}

static void disturb(struct run *r, struct device *d)
{
    size_t len = d->outbox_len;
    for (size_t i = 0; i < len; i++) {
        if (d->outbox[i].kind != OUTBOX_BYTES) {
            continue;
        }
        if (run_fault(r, FAULT_DEVICE_LATE)) {
            d->outbox[i].due = utc_after(d->outbox[i].due,
                                         run_between_us(r, MINUTES_US(1), HOURS_US(1)));
        }
        uint32_t ppm = r->scenario.rate_ppm[FAULT_DEVICE_TWICE];
        if (ppm != 0 && prng_chance(&r->prng, ppm) != 0) {
            answer_twice(r, d, i);
        }
    }
}

void world_touched(struct run *r)
{
    for (size_t i = 0; i < network_device_count(&r->network); i++) {
        if (r->touched[i]) {
            r->touched[i] = false;
            disturb(r, device_at(r, i));
        }
    }
}

/* ---- what the network shows ---- */

static void note_touched(struct run *r, const struct air_frame *frame)
{
    for (size_t k = 0; k < frame->received_count; k++) {
        for (size_t i = 0; i < network_device_count(&r->network); i++) {
            r->touched[i] = r->touched[i] || r->dev_euis[i] == frame->received_by[k];
        }
    }
}

/* A gateway that says everything many times. */
static void repeat(struct run *r, const struct air_frame *frame)
{
    struct air_frame copy = *frame;
    for (int i = 0; i < REPEATS; i++) {
        copy.start.us += copy.airtime_us;
        check_frame(r->check, &copy);
    }
}

static bool is_repeated(const struct run *r, const struct air_frame *frame)
{
    struct frame peeked;
    if (r->config->plant != PLANT_UNICAST) {
        return r->config->plant == PLANT_DUTY;
    }
    return frame_peek(frame->phy, frame->phy_len, &peeked) == FUO_OK &&
           peeked.addr - RUN_DEV_ADDR < network_device_count(&r->network);
}

static void on_frame(void *ctx, const struct air_frame *frame)
{
    struct run *r = ctx;
    check_frame(r->check, frame);
    if (frame->direction == DIRECTION_DOWN) {
        r->report->frames++;
        note_touched(r, frame);
        if (is_repeated(r, frame)) {
            repeat(r, frame);
        }
    }
}

static void show_uplink(struct run *r, const struct cs_device *from)
{
    const struct device *d = network_device(&r->network, from->index);
    struct check_uplink uplink = {
        .device = from->index,
        .versions = &d->config.versions,
        .fport = from->rx_fport,
        .payload = from->rx_payload,
        .len = from->rx_payload_len,
    };
    check_uplink(r->check, &uplink);
}

/* The server says yes where the device said no. */
static void plant_ack(struct cs_device *device)
{
    if (device->rx_fport == FRAG_FPORT && device->rx_payload_len == 2 &&
        device->rx_payload[0] == FRAG_CID_SETUP) {
        device->rx_payload[1] &= 0xc0;
    }
}

static void on_event(void *ctx, const struct cs_event *event)
{
    struct run *r = ctx;
    if (event->type == CS_EVENT_UP) {
        show_uplink(r, event->device);
        if (r->config->plant == PLANT_ACK) {
            plant_ack((struct cs_device *)(uintptr_t)event->device);
        }
    }
    broker_publish_event(r, event);
}

static void on_installed(void *ctx, const struct device *device)
{
    struct run *r = ctx;
    if (r->config->plant == PLANT_IMAGE && device->running.len > 0) {
        device->running.bytes[0] ^= 1;
    }
    check_installed(r->check, device->running.bytes, device->running.len);
}

const struct network_sink world_sink = {
    .frame = on_frame,
    .event = on_event,
    .installed = on_installed,
    .gateway = tap_on_gateway,
};

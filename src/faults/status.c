/* SPDX-License-Identifier: MIT */
/*
 * The broker of the status topics, and somebody who listens there to everything.
 *
 * A connection keeps the order of its messages and acknowledges those that arrived. When it
 * breaks, what is under way may have arrived or not, and nobody can tell which.
 */
#include <string.h>

#include "faults/internal.h"

enum {
    STATUS_WAITING_MAX = 64,
};

static size_t waiting(const struct run *r)
{
    size_t count = 0;
    for (const struct parcel *p = r->parcels; p != NULL; p = p->next) {
        count += p->kind == PARCEL_STATUS ? 1 : 0;
    }
    return count;
}

/* In the order they were sent. */
static struct utc arrival(struct run *r)
{
    int64_t transit_us = run_fault(r, FAULT_BROKER_SLOW)
                             ? run_between_us(r, MILLIS_US(100), SECONDS_US(20))
                             : run_between_us(r, MILLIS_US(1), MILLIS_US(12));
    struct utc at = utc_after(r->now, transit_us);
    struct utc next = utc_after(r->status_last, 1);
    return at.us > next.us ? at : next;
}

static int publish(void *arg, const struct mqtt_publish *publish)
{
    struct run *r = arg;
    if (!r->status_up || waiting(r) >= STATUS_WAITING_MAX) {
        return FUO_EAGAIN;
    }
    r->status_last = arrival(r);
    struct parcel *p = parcel_send(r, PARCEL_STATUS, r->status_last.us - r->now.us);
    p->id = publish->id;
    parcel_fill(p, publish->topic, publish->payload, publish->payload_len);
    return FUO_OK;
}

static void connect_in(struct run *r, int64_t least_us, int64_t most_us)
{
    sim_timers_set(&r->timers, &r->status_timer,
                   utc_after(r->now, run_between_us(r, least_us, most_us)));
}

static void on_connect(struct sim_timer *timer, struct utc now)
{
    struct run *r = SIM_TIMER_OWNER(timer, struct run, status_timer);
    (void)now;
    if (r->daemon == NULL) {
        return;
    }
    if (r->broker_away) {
        connect_in(r, SECONDS_US(1), SECONDS_US(20));
        return;
    }
    r->status_up = true;
    virtual_status_up(r->daemon, true);
    run_look(r);
}

void status_open(struct run *r)
{
    r->status_carrier = (struct status_carrier){.publish = publish, .arg = r};
    r->status_timer.fire = on_connect;
}

void status_started(struct run *r)
{
    if (r->scenario.status) {
        connect_in(r, MILLIS_US(10), SECONDS_US(3));
    }
}

static void acknowledge(struct run *r, const struct parcel *p, int err, int64_t delay_us)
{
    struct parcel *ack = parcel_send(r, PARCEL_STATUS_ACK, delay_us);
    ack->boot = p->boot;
    ack->id = p->id;
    ack->err = err;
}

/* What arrives until then got there, and nothing behind it. */
static void break_behind(struct run *r, int64_t until_us)
{
    r->status_up = false;
    for (struct parcel *p = r->parcels; p != NULL; p = p->next) {
        if (p->kind == PARCEL_STATUS_ACK) {
            p->err = prng_chance(&r->prng, RUN_PPM / 2) != 0 ? FUO_ETIMEDOUT : p->err;
        } else if (p->kind == PARCEL_STATUS) {
            p->err = p->timer.at.us > until_us ? FUO_EAGAIN : FUO_ETIMEDOUT;
        }
    }
    if (r->daemon != NULL && !virtual_is_dead(r->daemon)) {
        virtual_status_up(r->daemon, false);
        connect_in(r, SECONDS_US(1), SECONDS_US(30));
    }
}

/* What was sent before may get there: as many as may be, the first ones. */
void status_break(struct run *r)
{
    if (r->status_up) {
        break_behind(r, r->now.us + run_between_us(r, 0, MILLIS_US(30)));
    }
}

/* This one is the first: if it is not there, none behind it is. */
static void break_at(struct run *r, struct parcel *p)
{
    if (prng_chance(&r->prng, RUN_PPM / 2) != 0) {
        break_behind(r, r->now.us);
        p->err = FUO_EAGAIN;
    } else {
        status_break(r);
        p->err = FUO_ETIMEDOUT;
    }
}

/* A result that the broker takes and forgets. */
static bool is_swallowed(struct run *r, const struct parcel *p)
{
    if (r->config->plant != PLANT_SEQ || r->planted_done ||
        strstr(p->topic, "/results/") == NULL) {
        return false;
    }
    r->planted_done = true;
    return true;
}

static void deliver(struct run *r, const struct parcel *p)
{
    if (is_swallowed(r, p)) {
        return;
    }
    check_status(r->check, p->topic, p->body, p->len);
    if (run_fault(r, FAULT_BROKER_TWICE)) {
        check_status(r->check, p->topic, p->body, p->len);
    }
}

static void take_message(struct run *r, struct parcel *p)
{
    if (p->err == FUO_OK && run_fault(r, FAULT_BROKER_LOST)) {
        break_at(r, p);
    }
    if (p->err != FUO_EAGAIN) {
        deliver(r, p);
    }
    acknowledge(r, p, p->err, run_between_us(r, MILLIS_US(1), MILLIS_US(8)));
}

void status_take(struct run *r, struct parcel *p)
{
    bool for_client = r->daemon != NULL && p->boot == r->boot;
    if (p->kind == PARCEL_STATUS) {
        take_message(r, p);
    } else if (for_client) {
        virtual_status_published(r->daemon, p->id, p->err);
    }
    parcel_free(p);
}

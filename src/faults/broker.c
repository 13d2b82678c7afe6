/* SPDX-License-Identifier: MIT */
/* MQTT between the plugin and the server, without a broker: parcels that take time. */
#include <stdlib.h>
#include <string.h>

#include "faults/internal.h"

enum {
    WAITING_MAX = 1024, /* as the client's */
};

/* ---- parcels ---- */

static void on_parcel(struct sim_timer *timer, struct utc now)
{
    struct parcel *p = SIM_TIMER_OWNER(timer, struct parcel, timer);
    struct run *r = p->run;
    (void)now;
    switch (p->kind) {
    case PARCEL_WAKE:
    case PARCEL_PUBLISH:
    case PARCEL_PUBLISHED:
    case PARCEL_COMMAND:
    case PARCEL_MESSAGE:
        broker_take(r, p);
        break;
    case PARCEL_CALL:
    case PARCEL_ANSWER:
        api_take(r, p);
        break;
    case PARCEL_STATUS:
    case PARCEL_STATUS_ACK:
        status_take(r, p);
        break;
    }
    run_look(r);
}

struct parcel *parcel_send(struct run *r, enum parcel_kind kind, int64_t delay_us)
{
    struct parcel *p = calloc(1, sizeof(*p));
    run_abort_if_no_memory(p);
    p->timer.fire = on_parcel;
    p->run = r;
    p->kind = kind;
    p->boot = r->boot;
    p->next = r->parcels;
    p->link = &r->parcels;
    if (p->next != NULL) {
        p->next->link = &p->next;
    }
    r->parcels = p;
    sim_timers_set(&r->timers, &p->timer, utc_after(r->now, delay_us));
    return p;
}

void parcel_free(struct parcel *p)
{
    sim_timers_cancel(&p->run->timers, &p->timer);
    *p->link = p->next;
    if (p->next != NULL) {
        p->next->link = p->link;
    }
    free(p->topic);
    free(p->body);
    free(p);
}

static char *copy_text(const char *text)
{
    char *copy = strdup(text);
    run_abort_if_no_memory(copy);
    return copy;
}

static uint8_t *copy_bytes(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    run_abort_if_no_memory(copy);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

void parcel_fill(struct parcel *p, const char *topic, const void *bytes, size_t len)
{
    p->topic = copy_text(topic);
    p->body = copy_bytes(bytes, len);
    p->len = len;
}

/* How long a message is under way; a slow one is overtaken by later ones as well. */
int64_t broker_transit_us(struct run *r)
{
    if (run_fault(r, FAULT_BROKER_SLOW)) {
        return run_between_us(r, MILLIS_US(100), SECONDS_US(40));
    }
    if (run_fault(r, FAULT_BROKER_REORDERED)) {
        return run_between_us(r, MILLIS_US(20), SECONDS_US(2));
    }
    return run_between_us(r, MILLIS_US(1), MILLIS_US(12));
}

/* ---- the carrier ---- */

static int subscribe(void *arg, const char *topic_filter, int qos)
{
    (void)arg;
    (void)topic_filter;
    (void)qos;
    return FUO_OK;
}

static void wake(void *arg)
{
    struct run *r = arg;
    if (!r->woken) {
        r->woken = true;
        (void)parcel_send(r, PARCEL_WAKE, 0);
    }
}

static size_t waiting(const struct run *r)
{
    size_t count = 0;
    for (const struct parcel *p = r->parcels; p != NULL; p = p->next) {
        count += p->kind == PARCEL_PUBLISH ? 1 : 0;
    }
    return count;
}

int broker_publish(void *arg, const struct mqtt_publish *publish)
{
    struct run *r = arg;
    if (r->broker_away && waiting(r) >= WAITING_MAX) {
        return FUO_EAGAIN;
    }
    struct parcel *p =
        parcel_send(r, PARCEL_PUBLISH, run_between_us(r, MILLIS_US(1), MILLIS_US(8)));
    p->id = publish->id;
    parcel_fill(p, publish->topic, publish->payload, publish->payload_len);
    return FUO_OK;
}

const struct host_carrier run_carrier = {
    .subscribe = subscribe,
    .publish = broker_publish,
    .http = api_http,
    .wake = wake,
};

/* ---- on the way ---- */

static void to_server(struct run *r, const struct parcel *p)
{
    struct parcel *command = parcel_send(r, PARCEL_COMMAND, broker_transit_us(r));
    parcel_fill(command, p->topic, p->body, p->len);
}

static void acknowledge(struct run *r, const struct parcel *p, int err, int64_t delay_us)
{
    struct parcel *ack = parcel_send(r, PARCEL_PUBLISHED, delay_us);
    ack->boot = p->boot;
    ack->id = p->id;
    ack->err = err;
}

/* The client was told that it is there, or told nothing for a minute. */
static void lose(struct run *r, const struct parcel *p, int64_t back_us)
{
    if (prng_chance(&r->prng, RUN_PPM / 2) != 0) {
        acknowledge(r, p, FUO_OK, back_us);
        return;
    }
    if (prng_chance(&r->prng, RUN_PPM / 2) != 0) {
        to_server(r, p);
    }
    acknowledge(r, p, FUO_ETIMEDOUT, SECONDS_US(60));
}

/* At the broker; false: it is away, and the client, which lives, keeps it for later. */
static bool take_publish(struct run *r, struct parcel *p)
{
    if (r->broker_away && p->boot == r->boot && r->daemon != NULL) {
        sim_timers_set(
            &r->timers, &p->timer,
            utc_after(r->now, run_between_us(r, SECONDS_US(1), SECONDS_US(9))));
        return false;
    }
    if (r->broker_away) {
        return true;
    }
    int64_t back_us = run_between_us(r, MILLIS_US(1), MILLIS_US(8));
    if (run_fault(r, FAULT_BROKER_LOST)) {
        lose(r, p, back_us);
        return true;
    }
    acknowledge(r, p, FUO_OK, back_us);
    to_server(r, p);
    if (run_fault(r, FAULT_BROKER_TWICE)) {
        to_server(r, p);
    }
    return true;
}

static void take_command(struct run *r, const struct parcel *p)
{
    struct command command;
    char id[CS_ID_SIZE];
    if (r->server_away) {
        return;
    }
    if (command_parse(RUN_APP, p->topic, p->body, p->len, &command) == FUO_OK) {
        /* As a real server: what it cannot queue it logs, and nobody hears of it. */
        (void)!cs_enqueue(&r->network.cs, &command.downlink, id);
    }
}

void broker_take(struct run *r, struct parcel *p)
{
    bool for_client = r->daemon != NULL && p->boot == r->boot;
    switch (p->kind) {
    case PARCEL_WAKE:
        r->woken = for_client ? false : r->woken;
        if (for_client) {
            host_deliver(virtual_host(r->daemon));
        }
        break;
    case PARCEL_PUBLISH:
        if (!take_publish(r, p)) {
            return;
        }
        break;
    case PARCEL_PUBLISHED:
        if (for_client) {
            host_take_published(virtual_host(r->daemon), p->id, p->err);
        }
        break;
    case PARCEL_COMMAND:
        take_command(r, p);
        break;
    case PARCEL_MESSAGE:
        if (for_client && !r->broker_away) {
            struct mqtt_message message = {
                .topic = p->topic, .payload = p->body, .payload_len = p->len};
            host_take_message(virtual_host(r->daemon), &message);
        }
        break;
    case PARCEL_CALL:
    case PARCEL_ANSWER:
    case PARCEL_STATUS:
    case PARCEL_STATUS_ACK:
        break;
    }
    parcel_free(p);
}

/* ---- events of the server ---- */

void broker_send(struct run *r, const char *topic, const void *bytes, size_t len,
                 int64_t delay_us)
{
    struct parcel *p = parcel_send(r, PARCEL_MESSAGE, delay_us);
    parcel_fill(p, topic, bytes, len);
}

/* QoS 0: who is not there does not get it. */
void broker_publish_event(struct run *r, const struct cs_event *event)
{
    struct event_context context = {&r->network.cs, &r->event_prng};
    char topic[EVENT_TOPIC_MAX];
    if (event->type == CS_EVENT_TXACK && run_fault(r, FAULT_TXACK_LOST)) {
        return;
    }
    if (r->broker_away || r->server_away || r->daemon == NULL ||
        run_fault(r, FAULT_BROKER_LOST)) {
        return;
    }
    event_topic(&context, event, topic);
    char *json = event_json(&context, event);
    run_abort_if_no_memory(json);
    broker_send(r, topic, json, strlen(json), broker_transit_us(r));
    if (run_fault(r, FAULT_BROKER_TWICE)) {
        broker_send(r, topic, json, strlen(json), broker_transit_us(r));
    }
    free(json);
}

/* SPDX-License-Identifier: MIT */
#include "net/mqtt.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "io/cleanup.h"
#include "net/backoff.h"
#include "net/mqtt_config.h"
#include "net/mqtt_inbox.h"
#include "net/mqtt_link.h"
#include "net/mqtt_outbox.h"
#include "net/mqtt_text.h"
#include "net/no_delay.h"

enum {
    TICK_MS = 1000,
    STABLE_MS = 5000,       /* a connection that lived so long resets the back-off */
    CONNECT_MAX_MS = 20000, /* the library's own limit is shorter */
    GOODBYE_MAX_MS = 2000,
    LOG_SIZE = 512,
    FLOOD_LOG_MS = 10000,    /* between two warnings about dropped messages */
    REFUSAL_LOG_MS = 600000, /* between two warnings that a broker is not there */
};

enum client_state {
    CLIENT_WAITING, /* for the back-off */
    CLIENT_CONNECTING,
    CLIENT_UP,
    CLIENT_CLOSING,
};

struct subscription {
    char *filter;
    int qos;
};

struct mqtt_client {
    struct mqtt_owned_config owned;
    struct mqtt_link_config link_config;
    struct mqtt_handlers handlers;
    void *arg;
    enum client_state state;
    struct mqtt_link *link; /* kept, though broken, until the next one exists */
    uint32_t generation;
    struct inbox inbox;
    struct outbox outbox;
    struct backoff backoff;
    uv_timer_t gather; /* until what came is taken */
    uint64_t taken_ms;
    bool more;        /* not everything was taken */
    uv_timer_t timer; /* back-off, connect limit, tick, goodbye: by state */
    uint64_t state_since_ms;
    uint64_t flood_logged_ms;
    uint64_t flood_logged;
    int refusal; /* the last one logged; FUO_OK: none since it was connected */
    uint64_t refusal_logged_ms;
    char problem[LOG_SIZE]; /* as logged; empty while all is well */
    struct subscription subscriptions[MQTT_SUBSCRIPTION_MAX];
    uint32_t subscription_count;
    bool subscribe_failed; /* connect again: a deaf connection is worse than none */
    struct mqtt_stats stats;
    int handles_open;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

static void on_timer(uv_timer_t *timer);
static void on_down(struct mqtt_client *c, const char *why);

__attribute__((format(printf, 3, 4))) static void
say(struct mqtt_client *c, enum fuo_log_level level, const char *format, ...)
{
    char text[LOG_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    c->handlers.log(c->arg, level, text);
}

/* Says it, and keeps it for who asks. */
__attribute__((format(printf, 3, 4))) static void
complain(struct mqtt_client *c, enum fuo_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->problem, sizeof(c->problem), format, args);
    va_end(args);
    c->handlers.log(c->arg, level, c->problem);
}

/* The only place that writes c->state. */
static void enter(struct mqtt_client *c, enum client_state state, uint64_t timer_ms)
{
    c->state = state;
    c->state_since_ms = uv_now(c->timer.loop);
    uv_timer_start(&c->timer, on_timer, timer_ms, state == CLIENT_UP ? TICK_MS : 0);
}

/* ---- publishing ---- */

static void published(struct mqtt_client *c, uint64_t id, int err)
{
    if (err == FUO_OK) {
        c->stats.published++;
    }
    if (c->handlers.on_published != NULL) {
        c->handlers.on_published(c->arg, id, err);
    }
}

/* Hand over what fits the window. */
static void pump(struct mqtt_client *c)
{
    while (c->state == CLIENT_UP) {
        uint32_t slot;
        const struct mqtt_publish *p =
            outbox_begin(&c->outbox, uv_now(c->timer.loop), &slot);
        if (p == NULL) {
            return;
        }
        if (link_publish(c->link, slot, p) != FUO_OK) {
            outbox_put_back(&c->outbox, slot); /* next tick, or after the next connect */
            return;
        }
    }
}

static void on_sent(struct mqtt_client *c, uint32_t slot, int err)
{
    uint64_t id;
    if (err == FUO_EAGAIN) {
        on_down(c, "a publish failed");
        return;
    }
    if (outbox_end(&c->outbox, slot, &id)) {
        published(c, id, err);
    }
    pump(c);
}

/* ---- the connection ---- */

static void schedule(struct mqtt_client *c)
{
    enter(c, CLIENT_WAITING, backoff_next_ms(&c->backoff));
}

/* A new link first, then the old one goes: the library stops its threads with the last. */
static int renew_link(struct mqtt_client *c)
{
    struct mqtt_link *link;
    int err = link_create(&c->inbox, ++c->generation, &c->link_config, &link);
    if (err != FUO_OK) {
        return err;
    }
    link_destroy(c->link);
    c->link = link;
    return FUO_OK;
}

static void try_connect(struct mqtt_client *c)
{
    int err = renew_link(c);
    if (err == FUO_OK) {
        err = link_connect(c->link, &c->link_config);
    }
    if (err != FUO_OK) {
        complain(c, FUO_LOG_ERROR, "mqtt %s: cannot start a connection: %s", c->owned.uri,
                 fuo_strerror(err));
        schedule(c);
        return;
    }
    enter(c, CLIENT_CONNECTING, CONNECT_MAX_MS);
}

static void subscribe(struct mqtt_client *c, uint32_t index)
{
    const struct subscription *s = &c->subscriptions[index];
    if (link_subscribe(c->link, index, s->filter, s->qos) != FUO_OK) {
        c->subscribe_failed = true;
    }
}

static void on_subscribed(struct mqtt_client *c, uint32_t index, int err)
{
    if (err == FUO_EPERM) {
        complain(c, FUO_LOG_ERROR, "mqtt %s: subscription to %s refused", c->owned.uri,
                 c->subscriptions[index].filter);
    } else if (err != FUO_OK) {
        c->subscribe_failed = true;
    }
}

static void on_up(struct mqtt_client *c)
{
    if (c->state != CLIENT_CONNECTING) {
        return;
    }
    enter(c, CLIENT_UP, TICK_MS);
    no_delay();
    c->subscribe_failed = false;
    c->refusal = FUO_OK;
    c->problem[0] = '\0';
    c->stats.connects++;
    say(c, FUO_LOG_INFO, "mqtt %s: connected, MQTT %s", c->owned.uri,
        c->link_config.v5 ? "5" : "3.1.1");
    for (uint32_t i = 0; i < c->subscription_count; i++) {
        subscribe(c, i);
    }
    if (c->handlers.on_state != NULL) {
        c->handlers.on_state(c->arg, true);
    }
    pump(c);
}

static const char *refusal_text(int code)
{
    switch (code) {
    case FUO_EAUTH:
        return "login refused; check user name, password and certificate";
    case FUO_EABI:
        return "the broker does not speak this version of MQTT";
    default:
        return "no broker answers there; check host and port";
    }
}

/* The same refusal again and again is said once in a while only. */
static void report_refusal(struct mqtt_client *c, int code, const char *text)
{
    uint64_t now_ms = uv_now(c->timer.loop);
    bool again = code == c->refusal && now_ms - c->refusal_logged_ms < REFUSAL_LOG_MS;
    if (!again) {
        c->refusal = code;
        c->refusal_logged_ms = now_ms;
    }
    complain(c, again ? FUO_LOG_DEBUG : FUO_LOG_WARN, "mqtt %s: cannot connect: %s%s%s%s",
             c->owned.uri, refusal_text(code), text[0] != '\0' ? " (" : "", text,
             text[0] != '\0' ? ")" : "");
}

static void on_refused(struct mqtt_client *c, int code, const char *text)
{
    if (c->state != CLIENT_CONNECTING) {
        return;
    }
    if (code == FUO_EABI && c->owned.config.protocol == MQTT_PROTOCOL_AUTO &&
        c->link_config.v5) {
        say(c, FUO_LOG_INFO, "mqtt %s: no MQTT 5 here, going on with 3.1.1",
            c->owned.uri);
        c->link_config.v5 = false;
        try_connect(c);
        return;
    }
    report_refusal(c, code, text);
    schedule(c);
}

/* Everything in flight goes back to the front of the queue: at least once. */
static void on_down(struct mqtt_client *c, const char *why)
{
    if (c->state != CLIENT_UP) {
        return;
    }
    if (uv_now(c->timer.loop) - c->state_since_ms >= STABLE_MS) {
        backoff_reset(&c->backoff);
    }
    outbox_put_all_back(&c->outbox);
    schedule(c);
    complain(c, FUO_LOG_WARN, "mqtt %s: connection lost%s%s", c->owned.uri,
             why[0] != '\0' ? ": " : "", why);
    if (c->handlers.on_state != NULL) {
        c->handlers.on_state(c->arg, false);
    }
}

/* A broker that is connected but acknowledges nothing is of no use. */
static void on_tick(struct mqtt_client *c)
{
    uint64_t id;
    uint64_t now_ms = uv_now(c->timer.loop);
    bool stuck = false;
    while (outbox_expire(&c->outbox, now_ms, c->owned.config.publish_timeout_ms, &id)) {
        stuck = true;
        published(c, id, FUO_ETIMEDOUT);
        if (c->state != CLIENT_UP) {
            return;
        }
    }
    if (stuck) {
        on_down(c, "publishes are not acknowledged");
        return;
    }
    if (c->subscribe_failed) {
        on_down(c, "a subscription failed");
        return;
    }
    pump(c);
}

/* ---- closing ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct mqtt_client *c = handle->data;
    if (--c->handles_open > 0) {
        return;
    }
    void (*on_closed)(void *) = c->on_closed;
    void *arg = c->closed_arg;
    inbox_destroy(&c->inbox);
    outbox_clear(&c->outbox);
    for (uint32_t i = 0; i < c->subscription_count; i++) {
        free(c->subscriptions[i].filter);
    }
    mqtt_owned_config_clear(&c->owned);
    free(c);
    if (on_closed != NULL) {
        on_closed(arg);
    }
}

static void finish(struct mqtt_client *c)
{
    if (uv_is_closing((uv_handle_t *)&c->timer)) {
        return;
    }
    link_destroy(TAKE(c->link));
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
    uv_close((uv_handle_t *)&c->gather, on_handle_closed);
    uv_close((uv_handle_t *)&c->inbox.async, on_handle_closed);
}

void mqtt_client_close(struct mqtt_client *client, void (*on_closed)(void *arg),
                       void *arg)
{
    if (client == NULL) {
        return;
    }
    assert(client->state != CLIENT_CLOSING);
    client->on_closed = on_closed;
    client->closed_arg = arg;
    bool goodbye = client->state == CLIENT_UP && link_disconnect(client->link) == FUO_OK;
    enter(client, CLIENT_CLOSING, goodbye ? GOODBYE_MAX_MS : 0);
}

/* ---- what happens on the loop ---- */

static void on_timer(uv_timer_t *timer)
{
    struct mqtt_client *c = timer->data;
    switch (c->state) {
    case CLIENT_WAITING:
        try_connect(c);
        return;
    case CLIENT_CONNECTING:
        on_refused(c, FUO_EAGAIN, "no answer");
        return;
    case CLIENT_UP:
        on_tick(c);
        return;
    case CLIENT_CLOSING:
        finish(c);
        return;
    }
}

static void on_item(struct mqtt_client *c, const struct inbox_item *item)
{
    if (item->generation != c->generation) {
        return;
    }
    switch (item->kind) {
    case INBOX_UP:
        on_up(c);
        return;
    case INBOX_REFUSED:
        on_refused(c, item->code, item->data);
        return;
    case INBOX_LOST:
        on_down(c, item->data);
        return;
    case INBOX_SENT:
        on_sent(c, item->index, item->code);
        return;
    case INBOX_SUBSCRIBED:
        on_subscribed(c, item->index, item->code);
        return;
    case INBOX_MESSAGE:
        c->stats.received++;
        if (c->handlers.on_message != NULL) {
            c->handlers.on_message(c->arg, &item->message);
        }
        return;
    case INBOX_GOODBYE:
        return;
    }
}

static void report_dropped(struct mqtt_client *c)
{
    inbox_dropped(&c->inbox, &c->stats.dropped_flood, &c->stats.dropped_oversize);
    uint64_t dropped = c->stats.dropped_flood + c->stats.dropped_oversize;
    uint64_t now_ms = uv_now(c->timer.loop);
    if (dropped == c->flood_logged ||
        (c->flood_logged != 0 && now_ms - c->flood_logged_ms < FLOOD_LOG_MS)) {
        return;
    }
    c->flood_logged = dropped;
    c->flood_logged_ms = now_ms;
    say(c, FUO_LOG_WARN, "mqtt %s: %llu messages dropped so far, %llu of them too big",
        c->owned.uri, (unsigned long long)dropped,
        (unsigned long long)c->stats.dropped_oversize);
}

/* A part of what waits, so that a turn of the loop stays short; the rest in the next. */
static void take_some(struct mqtt_client *c)
{
    bool more = false;
    struct inbox_item *item = inbox_take(&c->inbox, MQTT_TURN_MAX, &more);
    if (more) {
        uv_async_send(&c->inbox.async);
    }
    c->more = more;
    while (item != NULL) {
        AUTO_FREE struct inbox_item *current = item;
        item = current->next;
        if (c->state != CLIENT_CLOSING) {
            on_item(c, current);
        } else if (current->kind == INBOX_GOODBYE) {
            finish(c);
        }
    }
    if (c->state != CLIENT_CLOSING) {
        report_dropped(c);
    }
}

static void on_gather(uv_timer_t *gather)
{
    struct mqtt_client *c = gather->data;
    c->taken_ms = uv_now(gather->loop);
    take_some(c);
}

/*
 * A message that comes alone is taken at once. One that follows another closely waits for
 * more: waking the loop for each would cost more than what is in it.
 */
static void on_async(uv_async_t *async)
{
    struct mqtt_client *c = async->data;
    uint64_t now_ms = uv_now(async->loop);
    if (c->state == CLIENT_UP && !c->more && now_ms - c->taken_ms < MQTT_GATHER_MS) {
        uv_timer_start(&c->gather, on_gather, MQTT_GATHER_MS, 0);
        return;
    }
    c->taken_ms = now_ms;
    take_some(c);
}

/* ---- the rest of the interface ---- */

static int init(struct mqtt_client *c, uv_loop_t *loop, const struct mqtt_config *config)
{
    int err = mqtt_owned_config_init(&c->owned, config);
    if (err != FUO_OK) {
        say(c, FUO_LOG_ERROR, "mqtt: %s",
            err == FUO_EINVAL ? mqtt_config_problem(config) : fuo_strerror(err));
        return err;
    }
    const struct mqtt_config *own = &c->owned.config;
    outbox_init(&c->outbox);
    c->backoff = backoff_init(own->backoff_min_ms, own->backoff_max_ms, own->jitter_seed);
    c->link_config = (struct mqtt_link_config){
        .config = own,
        .uri = c->owned.uri,
        .tls = c->owned.tls,
        .v5 = own->protocol != MQTT_PROTOCOL_3_1_1,
    };
    err = inbox_init(&c->inbox, loop, on_async);
    if (err != FUO_OK) {
        mqtt_owned_config_clear(&c->owned);
        return err;
    }
    c->inbox.async.data = c;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    uv_timer_init(loop, &c->gather);
    c->gather.data = c;
    c->handles_open = 3;
    return FUO_OK;
}

int mqtt_client_open(struct uv_loop_s *loop, const struct mqtt_config *config,
                     const struct mqtt_handlers *handlers, void *arg,
                     struct mqtt_client **client)
{
    AUTO_FREE struct mqtt_client *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return FUO_ENOMEM;
    }
    c->handlers = *handlers;
    c->arg = arg;
    int err = init(c, loop, config);
    if (err != FUO_OK) {
        return err;
    }
    enter(c, CLIENT_WAITING, 0);
    *client = TAKE(c);
    return FUO_OK;
}

static int remember(struct mqtt_client *c, const char *filter, int qos, uint32_t *index)
{
    for (uint32_t i = 0; i < c->subscription_count; i++) {
        if (strcmp(c->subscriptions[i].filter, filter) == 0) {
            c->subscriptions[i].qos = qos;
            *index = i;
            return FUO_OK;
        }
    }
    if (c->subscription_count == MQTT_SUBSCRIPTION_MAX) {
        return FUO_ENOSPC;
    }
    char *copy = strdup(filter);
    if (copy == NULL) {
        return FUO_ENOMEM;
    }
    *index = c->subscription_count++;
    c->subscriptions[*index] = (struct subscription){copy, qos};
    return FUO_OK;
}

int mqtt_subscribe(struct mqtt_client *client, const char *filter, int qos)
{
    if (!mqtt_filter_valid(filter) || qos < 0 || qos > 1) {
        return FUO_EINVAL;
    }
    uint32_t index;
    int err = remember(client, filter, qos, &index);
    if (err == FUO_OK && client->state == CLIENT_UP) {
        subscribe(client, index); /* else after connecting */
    }
    return err;
}

int mqtt_publish(struct mqtt_client *client, const struct mqtt_publish *publish)
{
    if (!mqtt_topic_valid(publish->topic) || publish->qos < 0 || publish->qos > 1 ||
        publish->correlation_len > MQTT_CORRELATION_MAX ||
        (publish->response_topic != NULL && !mqtt_topic_valid(publish->response_topic))) {
        return FUO_EINVAL;
    }
    int err = outbox_add(&client->outbox, publish);
    if (err == FUO_OK) {
        pump(client);
    }
    return err;
}

bool mqtt_is_up(const struct mqtt_client *client)
{
    return client->state == CLIENT_UP;
}

const char *mqtt_problem(const struct mqtt_client *client)
{
    return client->problem;
}

struct mqtt_stats mqtt_stats(struct mqtt_client *client)
{
    struct mqtt_stats stats = client->stats;
    inbox_dropped(&client->inbox, &stats.dropped_flood, &stats.dropped_oversize);
    outbox_counts(&client->outbox, &stats.waiting, &stats.inflight);
    return stats;
}

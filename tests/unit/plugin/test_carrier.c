/* SPDX-License-Identifier: MIT */
/* test_carrier.c - a host whose messages are carried by this file, without any loop. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/host.h"

struct fuo_ns {
    const struct fuo_host_ops *ops;
    struct fuo_host *host;
};

/* What came through, a word each. */
struct carried {
    struct fuo_host *host;
    char words[256];
    size_t wakes;
    size_t event_count;
    bool closed;
};

static void note(struct carried *c, const char *word)
{
    size_t used = strlen(c->words);
    snprintf(c->words + used, sizeof(c->words) - used, "%s ", word);
}

/* ---- a plugin that says an event for all it gets ---- */

static void say(struct fuo_ns *ns, uint64_t id)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_RESULT};
    event.result.id = id;
    ns->ops->event(ns->host, &event);
}

static int p_open(struct fuo_ns **ns, const void *config, const struct fuo_host_ops *ops,
                  struct fuo_host *host)
{
    (void)config;
    assert_int_equal(ops->subscribe(host, "a/b", 1), FUO_OK);
    *ns = calloc(1, sizeof(**ns));
    (*ns)->ops = ops;
    (*ns)->host = host;
    return FUO_OK;
}

static void p_close(struct fuo_ns *ns)
{
    free(ns);
}

static void p_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    (void)ns;
    (void)caps;
}

static void p_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                   size_t payload_len, bool retained)
{
    (void)payload;
    assert_string_equal(topic, "a/b");
    assert_int_equal(payload_len, 2);
    assert_false(retained);
    say(ns, 1);
}

static void p_published(struct fuo_ns *ns, uint64_t id, int err)
{
    assert_int_equal(err, FUO_OK);
    say(ns, id);
}

static void p_http(struct fuo_ns *ns, uint64_t id, const struct fuo_http_response *r)
{
    assert_int_equal(r->status, 200);
    say(ns, id);
}

static int p_unicast(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    static const struct fuo_http_request request = {.method = "POST", .path = "/x"};
    assert_int_equal(ns->ops->publish(ns->host, downlink->id, "c/d", NULL, 0, 1), FUO_OK);
    assert_int_equal(ns->ops->http(ns->host, 7, &request), FUO_EAGAIN);
    say(ns, downlink->id);
    return FUO_OK;
}

static int p_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    (void)ns;
    (void)id;
    (void)dev_eui;
    return FUO_ENOTSUP;
}

static const struct fuo_ns_plugin plugin = {
    .name = "carried",
    .open = p_open,
    .close = p_close,
    .caps = p_caps,
    .on_mqtt = p_mqtt,
    .on_published = p_published,
    .on_http = p_http,
    .unicast = p_unicast,
    .unicast_flush = p_flush,
};

/* ---- the carrier ---- */

static int c_subscribe(void *arg, const char *topic_filter, int qos)
{
    assert_string_equal(topic_filter, "a/b");
    assert_int_equal(qos, 1);
    note(arg, "subscribe");
    return FUO_OK;
}

static int c_publish(void *arg, const struct mqtt_publish *publish)
{
    assert_string_equal(publish->topic, "c/d");
    note(arg, "publish");
    return FUO_OK;
}

static int c_http(void *arg, uint64_t id, const struct fuo_http_request *request)
{
    assert_int_equal(id, 7);
    assert_string_equal(request->path, "/x");
    note(arg, "http");
    return FUO_EAGAIN;
}

static void c_wake(void *arg)
{
    struct carried *c = arg;
    c->wakes++;
}

static void on_event(void *arg, const struct fuo_event *event)
{
    struct carried *c = arg;
    assert_int_equal(event->type, FUO_EV_RESULT);
    c->event_count++;
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    (void)text;
}

static void on_closed(void *arg)
{
    struct carried *c = arg;
    c->closed = true;
}

static void messages_go_by_the_carrier_and_events_wait_for_it(void **state)
{
    (void)state;
    static const struct host_handlers handlers = {.on_event = on_event, .log = on_log};
    struct carried c = {.words = ""};
    struct host_carrier carrier = {c_subscribe, c_publish, c_http, c_wake, &c};
    struct host_config config = {.plugin = &plugin, .carrier = &carrier};
    assert_int_equal(host_open(NULL, &config, &handlers, &c, &c.host), FUO_OK);
    struct fuo_unicast downlink = {.id = 3};
    assert_int_equal(host_unicast(c.host, &downlink), FUO_OK);
    assert_string_equal(c.words, "subscribe publish http ");
    assert_int_equal(c.wakes, 1);
    assert_int_equal(c.event_count, 0);
    host_deliver(c.host);
    assert_int_equal(c.event_count, 1);

    struct mqtt_message message = {
        .topic = "a/b", .payload = (const uint8_t *)"{}", .payload_len = 2};
    host_take_message(c.host, &message);
    host_take_published(c.host, 3, FUO_OK);
    host_take_response(c.host, 7, &(struct fuo_http_response){.status = 200});
    assert_int_equal(c.event_count, 4);
    host_close(c.host, on_closed, &c);
    assert_true(c.closed);
}

TEST_MAIN(cmocka_unit_test(messages_go_by_the_carrier_and_events_wait_for_it))

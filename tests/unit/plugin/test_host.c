/* SPDX-License-Identifier: MIT */
/* test_host.c - the queue of events and the host around a plugin made of this file. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "plugin/host.h"
#include "plugin/queue.h"

/* ---- the queue ---- */

static void events_are_copied_deeply_and_keep_their_order(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    uint8_t payload[] = {1, 2, 3};
    char group[] = "handle";
    struct fuo_rx rx = {.gateway = 7};
    struct fuo_event e = {.size = sizeof(e), .type = FUO_EV_UPLINK};
    e.uplink.payload = payload;
    e.uplink.payload_len = 3;
    e.uplink.rx = &rx;
    e.uplink.rx_count = 1;
    assert_int_equal(event_queue_put(&queue, &e), FUO_OK);
    e = (struct fuo_event){.size = sizeof(e), .type = FUO_EV_GROUP};
    e.group.group = group;
    assert_int_equal(event_queue_put(&queue, &e), FUO_OK);
    memset(payload, 0, sizeof(payload));
    memset(group, 'x', 6);
    rx.gateway = 0;

    struct event_node *node = event_queue_take(&queue);
    assert_int_equal(event_node_event(node)->type, FUO_EV_UPLINK);
    assert_memory_equal(event_node_event(node)->uplink.payload, "\1\2\3", 3);
    assert_int_equal(event_node_event(node)->uplink.rx[0].gateway, 7);
    event_node_free(node);
    node = event_queue_take(&queue);
    assert_string_equal(event_node_event(node)->group.group, "handle");
    event_node_free(node);
    assert_null(event_queue_take(&queue));
    event_node_free(NULL);
}

static struct fuo_event event_of(enum fuo_event_type type)
{
    return (struct fuo_event){.size = sizeof(struct fuo_event), .type = type};
}

static void unusable_events_are_refused(void **state)
{
    (void)state;
    static const uint8_t bytes[256];
    char longest[FUO_GROUP_SIZE + 1];
    struct event_queue queue = {0};
    memset(longest, 'x', FUO_GROUP_SIZE);
    longest[FUO_GROUP_SIZE] = '\0';

    struct fuo_event e = event_of((enum fuo_event_type)0);
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e = event_of((enum fuo_event_type)99);
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e = event_of(FUO_EV_RESULT);
    e.size = 4;
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e = event_of(FUO_EV_UPLINK);
    e.uplink.payload = bytes;
    e.uplink.payload_len = 256;
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e.uplink.payload_len = 1;
    e.uplink.payload = NULL;
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e = event_of(FUO_EV_UPLINK);
    e.uplink.rx_count = 1;
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e = event_of(FUO_EV_FATE);
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e = event_of(FUO_EV_STATUS);
    e.status.margin_db = 32;
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e.status.margin_db = -33;
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e = event_of(FUO_EV_REPORTED);
    memset(e.reported.package_version, 'x', FUO_REPORT_SIZE);
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL); /* no end */
    e.reported.package_version[1] = '\0';
    e.reported.firmware_version[0] = '\n';
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e = event_of(FUO_EV_GROUP);
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL); /* fine without a handle */
    e.group.group = "";
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e.group.group = longest;
    assert_int_equal(event_queue_put(&queue, &e), FUO_EINVAL);
    e.group.group = longest + 1;
    assert_int_equal(event_queue_put(&queue, &e), FUO_OK);
    assert_int_equal(queue.count, 1);
    event_queue_clear(&queue);
}

static void an_event_of_an_older_plugin_is_filled_up_with_zeros(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    struct fuo_event e = event_of(FUO_EV_RESULT);
    memset(&e.result, 0xff, sizeof(e.result));
    e.result.id = 5;
    e.size = offsetof(struct fuo_event, result.err);
    assert_int_equal(event_queue_put(&queue, &e), FUO_OK);
    struct event_node *node = event_queue_take(&queue);
    assert_int_equal(event_node_event(node)->size, sizeof(e));
    assert_int_equal(event_node_event(node)->result.id, 5);
    assert_int_equal(event_node_event(node)->result.err, 0);
    event_node_free(node);
}

static void uplinks_are_bounded_and_answers_are_not(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    struct fuo_event uplink = event_of(FUO_EV_UPLINK);
    struct fuo_event fate = event_of(FUO_EV_FATE);
    struct fuo_event result = event_of(FUO_EV_RESULT);
    fate.fate.fate = FUO_FATE_SENT;
    for (size_t i = 0; i < HOST_EVENTS_MAX; i++) {
        assert_int_equal(event_queue_put(&queue, &uplink), FUO_OK);
    }
    assert_int_equal(event_queue_put(&queue, &uplink), FUO_ENOSPC);
    assert_int_equal(event_queue_put(&queue, &fate), FUO_ENOSPC);
    assert_int_equal(event_queue_put(&queue, &result), FUO_OK);
    event_queue_clear(&queue);
}

/* ---- a plugin ---- */

struct fuo_ns {
    const struct fuo_host_ops *ops;
    struct fuo_host *host;
};

static int open_result;

static int t_open(struct fuo_ns **ns, const void *config, const struct fuo_host_ops *ops,
                  struct fuo_host *host)
{
    (void)config;
    if (open_result != FUO_OK) {
        return open_result;
    }
    *ns = calloc(1, sizeof(**ns));
    (*ns)->ops = ops;
    (*ns)->host = host;
    return FUO_OK;
}

static void t_close(struct fuo_ns *ns)
{
    free(ns);
}

/* What a newer plugin takes for members of its own lies in the zeros behind. */
static void check_spare(const void *lent, size_t size)
{
    static const uint8_t zeros[FUO_SPARE_BYTES];
    assert_memory_equal((const uint8_t *)lent + size, zeros, sizeof(zeros));
}

static void t_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    (void)ns;
    check_spare(caps, sizeof(*caps));
    memset((uint8_t *)caps + sizeof(*caps), 0xff, FUO_SPARE_BYTES);
    caps->queue_rows_max = 9;
}

static void t_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                   size_t payload_len, bool retained)
{
    (void)ns;
    (void)topic;
    (void)payload;
    (void)payload_len;
    (void)retained;
}

static void t_published(struct fuo_ns *ns, uint64_t id, int err)
{
    (void)ns;
    (void)id;
    (void)err;
}

static void t_http(struct fuo_ns *ns, uint64_t id, const struct fuo_http_response *r)
{
    (void)ns;
    (void)id;
    (void)r;
}

static void t_result(struct fuo_ns *ns, uint64_t id, int err)
{
    struct fuo_event e = event_of(FUO_EV_RESULT);
    e.result.id = id;
    e.result.err = err;
    ns->ops->event(ns->host, &e);
}

static int t_unicast(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    static const struct fuo_http_request request = {.method = "GET", .path = "/"};
    check_spare(downlink, sizeof(*downlink));
    int subscribed = ns->ops->subscribe(ns->host, "a", 1);
    int published = ns->ops->publish(ns->host, 1, "a", NULL, 0, 1);
    int http = ns->ops->http(ns->host, 1, &request);
    assert_int_equal(subscribed, FUO_ENOTSUP);
    assert_int_equal(published, FUO_ENOTSUP);
    assert_int_equal(http, FUO_ENOTSUP);
    ns->ops->reject(ns->host, downlink->fport == 1 ? "kind one" : "kind two");
    ns->ops->log(ns->host, FUO_LOG_INFO, "hello");
    t_result(ns, downlink->id, FUO_OK);
    return FUO_OK;
}

static int t_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    struct fuo_event e = event_of(FUO_EV_FATE); /* without a fate: out of bounds */
    (void)dev_eui;
    ns->ops->event(ns->host, &e);
    t_result(ns, id, FUO_OK);
    return FUO_OK;
}

static int t_group(struct fuo_ns *ns, const struct fuo_group *group)
{
    check_spare(group, sizeof(*group));
    t_result(ns, group->id, FUO_OK);
    return FUO_OK;
}

static int t_by_group(struct fuo_ns *ns, uint64_t id, const char *group)
{
    (void)group;
    t_result(ns, id, FUO_OK);
    return FUO_OK;
}

static int t_multicast(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    check_spare(frame, sizeof(*frame));
    assert_int_equal(frame->at_us, 77);
    t_result(ns, frame->id, FUO_OK);
    return FUO_OK;
}

static struct fuo_ns_plugin test_plugin(bool multicast)
{
    struct fuo_ns_plugin p = {
        .name = "test",
        .open = t_open,
        .close = t_close,
        .caps = t_caps,
        .on_mqtt = t_mqtt,
        .on_published = t_published,
        .on_http = t_http,
        .unicast = t_unicast,
        .unicast_flush = t_flush,
    };
    if (multicast) {
        p.group_open = t_group;
        p.group_close = t_by_group;
        p.multicast = t_multicast;
        p.queue_poll = t_by_group;
        p.queue_flush = t_by_group;
    }
    return p;
}

/* ---- the daemon ---- */

struct daemon {
    struct fuo_host *host;
    uint64_t ids[16];
    size_t event_count;
    bool in_call;
    bool ask_again;  /* make an intent from inside the handler */
    bool close_here; /* close from inside the handler */
    bool closed;
    char log[1024];
};

static void on_closed(void *arg)
{
    struct daemon *d = arg;
    d->closed = true;
}

static void on_event(void *arg, const struct fuo_event *event)
{
    struct daemon *d = arg;
    assert_false(d->in_call);
    d->ids[d->event_count++ % ARRAY_LEN(d->ids)] = event->result.id;
    if (d->ask_again) {
        d->ask_again = false;
        struct fuo_unicast downlink = {.id = 100};
        d->in_call = true;
        assert_int_equal(host_unicast(d->host, &downlink), FUO_OK);
        d->in_call = false;
    }
    if (d->close_here) {
        d->close_here = false;
        host_close(d->host, on_closed, d);
    }
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    struct daemon *d = arg;
    (void)level;
    size_t used = strlen(d->log);
    snprintf(d->log + used, sizeof(d->log) - used, "%s\n", text);
}

static const struct host_handlers handlers = {.on_event = on_event, .log = on_log};

static void daemon_open(struct daemon *d, const struct fuo_ns_plugin *plugin)
{
    struct host_config config = {.plugin = plugin};
    *d = (struct daemon){0};
    assert_int_equal(host_open(uv_default_loop(), &config, &handlers, d, &d->host),
                     FUO_OK);
}

static void run(void)
{
    for (int i = 0; i < 5; i++) {
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    }
}

static void daemon_close(struct daemon *d)
{
    host_close(d->host, on_closed, d);
    run();
    assert_true(d->closed);
}

static int unicast(struct daemon *d, uint64_t id, uint8_t fport)
{
    struct fuo_unicast downlink = {.id = id, .fport = fport};
    d->in_call = true;
    int err = host_unicast(d->host, &downlink);
    d->in_call = false;
    return err;
}

static void events_come_after_the_call_and_in_order(void **state)
{
    (void)state;
    struct fuo_ns_plugin plugin = test_plugin(true);
    struct daemon d;
    daemon_open(&d, &plugin);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(unicast(&d, i, 1), FUO_OK);
    }
    assert_int_equal(d.event_count, 0);
    d.ask_again = true;
    run();
    assert_int_equal(d.event_count, 4);
    assert_int_equal(d.ids[0], 1);
    assert_int_equal(d.ids[2], 3);
    assert_int_equal(d.ids[3], 100);
    daemon_close(&d);
}

static void every_intent_reaches_the_plugin(void **state)
{
    (void)state;
    struct fuo_ns_plugin plugin = test_plugin(true);
    struct fuo_group group = {.id = 1};
    struct fuo_multicast frame = {.id = 2, .at_us = 77};
    struct fuo_caps caps = {.reply_window_us = 99};
    struct daemon d;
    daemon_open(&d, &plugin);
    assert_false(host_mqtt_up(d.host));
    host_caps(d.host, &caps);
    assert_int_equal(caps.queue_rows_max, 9);
    assert_int_equal(caps.reply_window_us, 0);
    assert_int_equal(host_group_open(d.host, &group), FUO_OK);
    assert_int_equal(host_multicast(d.host, &frame), FUO_OK);
    assert_int_equal(host_queue_poll(d.host, 3, "g"), FUO_OK);
    assert_int_equal(host_queue_flush(d.host, 4, "g"), FUO_OK);
    assert_int_equal(host_group_close(d.host, 5, "g"), FUO_OK);
    assert_int_equal(host_unicast_flush(d.host, 6, 1), FUO_OK);
    run();
    assert_int_equal(d.event_count, 6);
    for (uint64_t i = 0; i < 6; i++) {
        assert_int_equal(d.ids[i], i + 1);
    }
    daemon_close(&d);
}

static void without_multicast_its_intents_are_not_supported(void **state)
{
    (void)state;
    struct fuo_ns_plugin plugin = test_plugin(false);
    struct fuo_group group = {.id = 1};
    struct fuo_multicast frame = {.id = 2};
    struct daemon d;
    daemon_open(&d, &plugin);
    assert_int_equal(host_group_open(d.host, &group), FUO_ENOTSUP);
    assert_int_equal(host_multicast(d.host, &frame), FUO_ENOTSUP);
    assert_int_equal(host_queue_poll(d.host, 3, "g"), FUO_ENOTSUP);
    assert_int_equal(host_queue_flush(d.host, 4, "g"), FUO_ENOTSUP);
    assert_int_equal(host_group_close(d.host, 5, "g"), FUO_ENOTSUP);
    daemon_close(&d);
}

static void rejects_are_counted_by_kind_and_logged_once(void **state)
{
    (void)state;
    struct fuo_ns_plugin plugin = test_plugin(true);
    struct daemon d;
    const char *kind;
    uint64_t count;
    daemon_open(&d, &plugin);
    assert_false(host_reject(d.host, 0, &kind, &count));
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(unicast(&d, i, i < 4 ? 1 : 2), FUO_OK);
    }
    assert_int_equal(host_unicast_flush(d.host, 6, 1), FUO_OK);
    assert_true(host_reject(d.host, 0, &kind, &count));
    assert_string_equal(kind, "kind one");
    assert_int_equal(count, 4);
    assert_true(host_reject(d.host, 1, &kind, &count));
    assert_int_equal(count, 1);
    assert_true(host_reject(d.host, 2, &kind, &count));
    assert_string_equal(kind, "event out of bounds");
    assert_false(host_reject(d.host, 3, &kind, &count));
    const char *first = strstr(d.log, "test: ignored: kind one");
    assert_non_null(first);
    assert_null(strstr(first + strlen("test: ignored: kind one"), "kind one"));
    assert_non_null(strstr(d.log, "test: hello"));
    daemon_close(&d);
}

static void closing_from_a_handler_forgets_the_other_events(void **state)
{
    (void)state;
    struct fuo_ns_plugin plugin = test_plugin(true);
    struct daemon d;
    daemon_open(&d, &plugin);
    assert_int_equal(unicast(&d, 1, 1), FUO_OK);
    assert_int_equal(unicast(&d, 2, 1), FUO_OK);
    d.close_here = true;
    run();
    assert_int_equal(d.event_count, 1);
    assert_true(d.closed);
    host_close(NULL, NULL, NULL);
}

static void a_plugin_or_connection_that_does_not_open_leaves_nothing(void **state)
{
    (void)state;
    struct fuo_ns_plugin plugin = test_plugin(true);
    struct daemon d = {0};
    struct mqtt_config mqtt = {.url = "mqtt://", .client_id = "c"};
    struct http_config http = {.base_url = "http://"};
    struct host_config config = {.plugin = &plugin};
    open_result = FUO_EPERM;
    assert_int_equal(host_open(uv_default_loop(), &config, &handlers, &d, &d.host),
                     FUO_EPERM);
    open_result = FUO_OK;
    config.mqtt = &mqtt;
    assert_int_equal(host_open(uv_default_loop(), &config, &handlers, &d, &d.host),
                     FUO_EINVAL);
    mqtt.url = "mqtt://127.0.0.1:1";
    config.http = &http;
    assert_int_equal(host_open(uv_default_loop(), &config, &handlers, &d, &d.host),
                     FUO_EINVAL);
    assert_null(d.host);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT); /* until everything is closed */
    uv_loop_close(uv_default_loop());
}

TEST_MAIN(cmocka_unit_test(events_are_copied_deeply_and_keep_their_order),
          cmocka_unit_test(unusable_events_are_refused),
          cmocka_unit_test(an_event_of_an_older_plugin_is_filled_up_with_zeros),
          cmocka_unit_test(uplinks_are_bounded_and_answers_are_not),
          cmocka_unit_test(events_come_after_the_call_and_in_order),
          cmocka_unit_test(every_intent_reaches_the_plugin),
          cmocka_unit_test(without_multicast_its_intents_are_not_supported),
          cmocka_unit_test(rejects_are_counted_by_kind_and_logged_once),
          cmocka_unit_test(closing_from_a_handler_forgets_the_other_events),
          cmocka_unit_test(a_plugin_or_connection_that_does_not_open_leaves_nothing))

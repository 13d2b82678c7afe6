/* SPDX-License-Identifier: MIT */
/*
 * test_first.c - a plugin built against the first header loads into today's daemon, and
 * everything that the contract had then works as it did.
 */
#include "fake_host.h"

#include "plugin/host.h"

/* The host that lends larger structs, as the daemon's does; nothing is carried anywhere. */
struct desk {
    struct rig rig; /* plugin and options */
    struct fuo_host *host;
    struct event_queue got;
    struct event_node *node;
};

static int carry_nothing(void *arg, const char *topic_filter, int qos)
{
    (void)arg;
    (void)topic_filter;
    (void)qos;
    return FUO_OK;
}

static void wake(void *arg)
{
    (void)arg;
}

static void on_event(void *arg, const struct fuo_event *event)
{
    struct desk *desk = arg;
    assert_int_equal(event_queue_put(&desk->got, event), FUO_OK);
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    (void)text;
}

static void desk_open(struct desk *desk)
{
    static const struct host_handlers handlers = {.on_event = on_event, .log = on_log};
    struct host_carrier carrier = {.subscribe = carry_nothing, .wake = wake, .arg = desk};
    *desk = (struct desk){0};
    const char *folder = getenv("FUO_TEST_PLUGINS");
    assert_non_null(folder);
    assert_int_equal(setenv("FUO_PLUGINS", folder != NULL ? folder : "", 1), 0);
    rig_load(&desk->rig, "first", NULL, 0);
    struct host_config config = {
        .plugin = &desk->rig.loaded.plugin,
        .plugin_config = plugin_options_config(desk->rig.options),
        .carrier = &carrier,
    };
    assert_int_equal(host_open(NULL, &config, &handlers, desk, &desk->host), FUO_OK);
}

static void desk_close(struct desk *desk)
{
    host_close(desk->host, NULL, NULL);
    event_node_free(desk->node);
    event_queue_clear(&desk->got);
    plugin_options_destroy(desk->rig.options);
    plugin_unload(&desk->rig.loaded);
}

static const struct fuo_event *next(struct desk *desk, enum fuo_event_type type)
{
    host_deliver(desk->host);
    event_node_free(desk->node);
    desk->node = event_queue_take(&desk->got);
    assert_non_null(desk->node);
    const struct fuo_event *e = event_node_event(desk->node);
    assert_int_equal(e->type, type);
    return e;
}

static void it_declares_less_than_there_is_today(void **state)
{
    struct desk desk;
    struct fuo_caps caps;
    (void)state;
    desk_open(&desk);
    assert_true(desk.rig.loaded.plugin.size < sizeof(struct fuo_ns_plugin));
    assert_null(desk.rig.loaded.plugin.probe);
    assert_int_equal(host_probe(desk.host, 1), FUO_ENOTSUP);
    assert_null(desk.rig.loaded.plugin.inventory);
    assert_null(desk.rig.loaded.plugin.order);
    assert_null(desk.rig.loaded.plugin.on_ready);
    assert_null(desk.rig.loaded.plugin.access);
    const struct fuo_inventory inventory = {.id = 2};
    assert_int_equal(host_inventory(desk.host, &inventory), FUO_ENOTSUP);
    host_caps(desk.host, &caps);
    assert_int_equal(caps.multicast_spacing_us, 1);
    assert_int_equal(caps.queue_rows_max, 3);
    assert_int_equal(caps.timing, FUO_TIMING_QUEUE); /* what was before it came */
    assert_int_equal(caps.multicast_lead_us, 0);
    assert_int_equal(caps.priority_ceiling_ppm, 0);
    assert_false(caps.direct);
    assert_false(caps.delivers);
    desk_close(&desk);
}

static void its_events_have_no_members_that_it_does_not_know(void **state)
{
    struct desk desk;
    struct mqtt_message message = {
        .topic = "x", .payload = (const uint8_t *)"abc", .payload_len = 3};
    (void)state;
    desk_open(&desk);
    host_take_message(desk.host, &message);
    const struct fuo_event *e = next(&desk, FUO_EV_UPLINK);
    assert_int_equal(e->uplink.dev_eui, 7);
    assert_memory_equal(e->uplink.payload, "abc", 3);
    assert_int_equal(e->uplink.rx[0].gateway, 9);
    assert_int_equal(e->uplink.dr, 5);
    assert_int_equal(e->uplink.frequency_hz, 0);
    assert_false(e->uplink.server_clock);
    struct fuo_unicast down = {.id = 11, .dev_eui = 7, .fport = 1};
    assert_int_equal(host_unicast(desk.host, &down), FUO_OK);
    assert_int_equal(next(&desk, FUO_EV_RESULT)->result.id, 11);
    e = next(&desk, FUO_EV_FATE);
    assert_int_equal(e->fate.id, 11);
    assert_int_equal(e->fate.gateway, 0);
    assert_int_equal(e->fate.frequency_hz, 0);
    assert_false(e->fate.aired);
    desk_close(&desk);
}

static void its_groups_work(void **state)
{
    struct desk desk;
    struct fuo_group group = {.id = 21, .name = "g"};
    struct fuo_multicast frame = {.id = 22,
                                  .group = "g",
                                  .payload = (const uint8_t *)"abcd",
                                  .payload_len = 4,
                                  .at_us = 5};
    (void)state;
    desk_open(&desk);
    assert_int_equal(host_group_open(desk.host, &group), FUO_OK);
    const struct fuo_event *e = next(&desk, FUO_EV_GROUP);
    assert_string_equal(e->group.group, "g");
    assert_int_equal(e->group.f_cnt, 3); /* of its option */
    assert_int_equal(host_multicast(desk.host, &frame), FUO_OK);
    assert_int_equal(next(&desk, FUO_EV_RESULT)->result.f_cnt, 4);
    assert_int_equal(host_queue_poll(desk.host, 23, "g"), FUO_OK);
    e = next(&desk, FUO_EV_QUEUE);
    assert_int_equal(e->queue.frame_count, 4);
    assert_int_equal(e->queue.f_cnt, 5);
    assert_int_equal(host_queue_flush(desk.host, 24, "g"), FUO_OK);
    assert_int_equal(next(&desk, FUO_EV_RESULT)->result.id, 24);
    assert_int_equal(host_group_close(desk.host, 25, "g"), FUO_OK);
    assert_int_equal(next(&desk, FUO_EV_RESULT)->result.id, 25);
    assert_int_equal(host_unicast_flush(desk.host, 26, 7), FUO_OK);
    assert_int_equal(next(&desk, FUO_EV_RESULT)->result.id, 26);
    desk_close(&desk);
}

TEST_MAIN(cmocka_unit_test(it_declares_less_than_there_is_today),
          cmocka_unit_test(its_events_have_no_members_that_it_does_not_know),
          cmocka_unit_test(its_groups_work))

/* SPDX-License-Identifier: MIT */
/* net_mqtt.c PYTHON STUB - src/net/mqtt.h against a real mosquitto and an odd broker. */
#include "net_peer.h"

enum {
    MESSAGES_MAX = 8192,
};

static const char *python;
static const char *stub; /* net_mqtt_stub.py */
static const char *self; /* argv[0]: some tests need a process that dies */

/* ---- broker ---- */

static int broker_up(void **state)
{
    struct broker *b = calloc(1, sizeof(*b));
    broker_configure(b, "allow_anonymous true\n");
    broker_start(b);
    *state = b;
    return 0;
}

static int broker_down(void **state)
{
    broker_remove(*state);
    free(*state);
    return 0;
}

/* ---- tests ---- */

static void a_qos1_publish_is_acknowledged_and_comes_back(void **state)
{
    const struct broker *b = *state;
    struct peer p;
    peer_open(&p, b->port, "roundtrip", false);
    assert_int_equal(mqtt_subscribe(p.client, "t/+/x", 1), FUO_OK);
    struct mqtt_publish publish = {
        .id = 77,
        .topic = "t/a/x",
        .payload = (const uint8_t *)"hello",
        .payload_len = 5,
        .qos = 1,
        .expiry_s = 60,
        .response_topic = "answers/1",
        .correlation = (const uint8_t *)"c-1",
        .correlation_len = 3,
    };
    assert_int_equal(mqtt_publish(p.client, &publish), FUO_OK);
    assert_int_equal(p.published_count, 0); /* never before mqtt_publish() returns */
    net_run_until(p.loop, one_message, &p);
    net_run_until(p.loop, one_published, &p);
    assert_int_equal(p.published_id, 77);
    assert_int_equal(p.published_err, FUO_OK);
    assert_string_equal(p.topic, "t/a/x");
    assert_string_equal(p.payload, "hello");
    assert_string_equal(p.response_topic, "answers/1");
    assert_string_equal(p.correlation, "c-1");
    assert_false(p.retained);
    assert_int_equal(p.up_count, 1);
    struct mqtt_stats stats = mqtt_stats(p.client);
    assert_int_equal(stats.received, 1);
    assert_int_equal(stats.published, 1);
    assert_int_equal(stats.inflight + stats.waiting, 0);
    peer_close(&p);
}

static void mqtt_3_1_1_works_as_well(void **state)
{
    const struct broker *b = *state;
    struct peer p;
    char url[64];
    struct mqtt_config config = config_for(b->port, "old", url);
    config.protocol = MQTT_PROTOCOL_3_1_1;
    peer_open_with(&p, &config);
    assert_int_equal(mqtt_subscribe(p.client, "old/#", 1), FUO_OK);
    say(&p, 5, "old/topic", "kept", 1, true); /* before there is a connection */
    net_run_until(p.loop, one_published, &p);
    net_run_until(p.loop, one_message, &p);
    assert_int_equal(p.published_id, 5);
    assert_string_equal(p.payload, "kept");
    assert_non_null(strstr(p.log.text, "MQTT 3.1.1"));
    peer_close(&p);

    peer_open(&p, b->port, "late", false);
    assert_int_equal(mqtt_subscribe(p.client, "old/topic", 0), FUO_OK);
    net_run_until(p.loop, one_message, &p);
    assert_true(p.retained);
    peer_close(&p);
}

static bool all_there(void *arg)
{
    const struct peer *p = arg;
    return p->published_count == MQTT_INFLIGHT_MAX + MQTT_WAITING_MAX &&
           p->message_count == p->published_count;
}

static void many_publishes_pass_through_the_window_in_order(void **state)
{
    const struct broker *b = *state;
    struct peer p;
    peer_open(&p, b->port, "window", false);
    assert_int_equal(mqtt_subscribe(p.client, "w/#", 1), FUO_OK);
    char text[16];
    uint64_t accepted = 0;
    for (int i = 0; i < MQTT_INFLIGHT_MAX + MQTT_WAITING_MAX + 10; i++) {
        struct mqtt_publish publish = {
            .id = (uint64_t)i,
            .topic = "w/1",
            .payload = (const uint8_t *)text,
            .payload_len = (size_t)snprintf(text, sizeof(text), "%d", i),
            .qos = 1,
        };
        int err = mqtt_publish(p.client, &publish);
        accepted += err == FUO_OK;
        assert_true(err == FUO_OK || err == FUO_EAGAIN);
    }
    assert_int_equal(accepted, MQTT_INFLIGHT_MAX + MQTT_WAITING_MAX);
    assert_int_equal(mqtt_stats(p.client).inflight, MQTT_INFLIGHT_MAX);
    net_run_until(p.loop, all_there, &p);
    snprintf(text, sizeof(text), "%d", (int)accepted - 1);
    assert_string_equal(p.payload, text); /* the last one is the last one */
    peer_close(&p);
}

static bool up_again(void *arg)
{
    const struct peer *p = arg;
    return p->up_count >= 2 && mqtt_is_up(p->client);
}

static void a_killed_broker_is_found_again_and_subscribed_to_again(void **state)
{
    struct broker *b = *state;
    struct peer p;
    peer_open(&p, b->port, "survivor", true);
    assert_int_equal(mqtt_subscribe(p.client, "s/#", 1), FUO_OK);
    net_stop(b->pid, SIGKILL);
    net_run_until(p.loop, is_down_once, &p);
    say(&p, 9, "s/1", "after", 1, false); /* while there is no broker */
    assert_int_equal(p.published_count, 0);
    broker_start(b);
    net_run_until(p.loop, up_again, &p);
    net_run_until(p.loop, one_published, &p);
    net_run_until(p.loop, one_message, &p);
    assert_int_equal(p.published_id, 9);
    assert_int_equal(p.published_err, FUO_OK);
    assert_string_equal(p.payload, "after");
    assert_non_null(strstr(p.log.text, "connection lost"));
    peer_close(&p);
}

static void a_persistent_session_keeps_what_was_published_meanwhile(void **state)
{
    const struct broker *b = *state;
    struct peer sleeper;
    struct peer other;
    peer_open(&sleeper, b->port, "sleeper", true);
    assert_int_equal(mqtt_subscribe(sleeper.client, "p/#", 1), FUO_OK);
    say(&sleeper, 1, "elsewhere", "x", 1, false); /* the subscription went before it */
    net_run_until(sleeper.loop, one_published, &sleeper);
    peer_close(&sleeper);

    peer_open(&other, b->port, "other", false);
    say(&other, 2, "p/1", "kept for you", 1, false);
    net_run_until(other.loop, one_published, &other);
    peer_close(&other);

    peer_open(&sleeper, b->port, "sleeper", true);
    net_run_until(sleeper.loop, one_message, &sleeper);
    assert_string_equal(sleeper.payload, "kept for you");
    peer_close(&sleeper);
}

static bool one_dropped(void *arg)
{
    const struct peer *p = arg;
    return mqtt_stats(p->client).dropped_oversize > 0;
}

static void an_oversized_message_is_dropped_and_counted(void **state)
{
    const struct broker *b = *state;
    struct peer p;
    peer_open(&p, b->port, "big", false);
    assert_int_equal(mqtt_subscribe(p.client, "big", 0), FUO_OK);
    static uint8_t payload[MQTT_PAYLOAD_MAX_BYTES + 1];
    struct mqtt_publish publish = {
        .id = 1,
        .topic = "big",
        .payload = payload,
        .payload_len = sizeof(payload),
        .qos = 1,
    };
    assert_int_equal(mqtt_publish(p.client, &publish), FUO_OK);
    net_run_until(p.loop, one_dropped, &p);
    publish.payload_len--;
    assert_int_equal(mqtt_publish(p.client, &publish), FUO_OK);
    net_run_until(p.loop, one_message, &p);
    assert_int_equal(p.payload_len, MQTT_PAYLOAD_MAX_BYTES);
    peer_close(&p);
}

static void run_self(const char *role, int port)
{
    char port_text[16];
    snprintf(port_text, sizeof(port_text), "%d", port);
    const char *argv[] = {self, role, port_text, NULL};
    net_stop(net_spawn(argv), 0); /* waits for its end */
}

static bool as_many_as_may_wait(void *arg)
{
    const struct peer *p = arg;
    return p->message_count >= MQTT_RECEIVED_MAX;
}

static void a_flood_is_dropped_and_counted_while_the_loop_is_busy(void **state)
{
    const struct broker *b = *state;
    struct peer p;
    peer_open(&p, b->port, "victim", false);
    assert_int_equal(mqtt_subscribe(p.client, "flood", 0), FUO_OK);
    say(&p, 1, "elsewhere", "x", 1, false);
    net_run_until(p.loop, one_published, &p);
    /* The loop stands still; the library's threads go on. */
    run_self("flood", b->port);
    while (mqtt_stats(p.client).dropped_flood == 0) {
        uv_sleep(1);
    }
    uv_run(p.loop, UV_RUN_NOWAIT);
    assert_in_range(p.message_count, 1, MQTT_TURN_MAX); /* a turn stays short */
    net_run_until(p.loop, as_many_as_may_wait, &p);
    assert_non_null(strstr(p.log.text, "messages dropped"));
    peer_close(&p);
}

static void the_last_will_is_published_when_the_process_dies(void **state)
{
    const struct broker *b = *state;
    struct peer p;
    peer_open(&p, b->port, "mourner", false);
    assert_int_equal(mqtt_subscribe(p.client, "will/state", 1), FUO_OK);
    say(&p, 1, "elsewhere", "x", 1, false);
    net_run_until(p.loop, one_published, &p);
    run_self("die", b->port);
    net_run_until(p.loop, one_message, &p);
    assert_string_equal(p.payload, "lost");
    peer_close(&p);
}

static bool two_published(void *arg)
{
    const struct peer *p = arg;
    return p->published_count >= 2;
}

static void an_odd_broker_is_coped_with(void **state)
{
    (void)state;
    struct peer p;
    char url[64];
    char port_text[16];
    int port = net_free_port();
    snprintf(port_text, sizeof(port_text), "%d", port);
    const char *argv[] = {python, stub, port_text, NULL};
    pid_t pid = net_spawn(argv);
    net_wait_port(port);
    struct mqtt_config config = config_for(port, "patient", url);
    config.publish_timeout_ms = 1;
    peer_open_with(&p, &config);
    net_run_until(p.loop, is_up, &p); /* by 3.1.1, after 5 was refused */
    assert_non_null(strstr(p.log.text, "going on with 3.1.1"));
    say(&p, 1, "a", "ignore me", 1, false);
    net_run_until(p.loop, one_published, &p);
    assert_int_equal(p.published_id, 1);
    assert_int_equal(p.published_err, FUO_ETIMEDOUT);
    net_run_until(p.loop, up_again, &p); /* a new connection */
    say(&p, 2, "a", "me too", 0, false);
    net_run_until(p.loop, two_published, &p);
    assert_int_equal(p.published_id, 2);
    assert_int_equal(p.published_err, FUO_OK);
    peer_close(&p);
    net_stop(pid, SIGKILL);
}

static void bad_arguments_are_refused_at_once(void **state)
{
    const struct broker *b = *state;
    struct peer p;
    char filter[16];
    peer_open(&p, b->port, "careless", false);
    struct mqtt_publish publish = {.topic = "a/#"};
    assert_int_equal(mqtt_publish(p.client, &publish), FUO_EINVAL);
    publish = (struct mqtt_publish){.topic = "a", .qos = 2};
    assert_int_equal(mqtt_publish(p.client, &publish), FUO_EINVAL);
    publish = (struct mqtt_publish){.topic = "a", .response_topic = "+"};
    assert_int_equal(mqtt_publish(p.client, &publish), FUO_EINVAL);
    assert_int_equal(mqtt_subscribe(p.client, "a/#/b", 1), FUO_EINVAL);
    assert_int_equal(mqtt_subscribe(p.client, "a", 2), FUO_EINVAL);
    for (int i = 0; i < MQTT_SUBSCRIPTION_MAX; i++) {
        snprintf(filter, sizeof(filter), "f/%d", i);
        assert_int_equal(mqtt_subscribe(p.client, filter, 1), FUO_OK);
    }
    assert_int_equal(mqtt_subscribe(p.client, "f/0", 0), FUO_OK); /* known already */
    assert_int_equal(mqtt_subscribe(p.client, "one more", 1), FUO_ENOSPC);
    peer_close(&p);
}

static void closing_works_in_every_state(void **state)
{
    const struct broker *b = *state;
    struct peer p;
    char url[64];
    struct mqtt_config config = config_for(b->port, "hasty", url);
    peer_open_with(&p, &config); /* not even connecting */
    peer_close(&p);
    peer_open_with(&p, &config);
    uv_run(p.loop, UV_RUN_NOWAIT); /* perhaps connecting */
    peer_close(&p);
    config = config_for(net_free_port(), "lonely", url); /* nobody is there */
    peer_open_with(&p, &config);
    net_run_until(p.loop, cannot_connect, &p);
    say(&p, 1, "a", "never sent", 1, false);
    peer_close(&p);
    assert_int_equal(p.published_count, 0);
    mqtt_client_close(NULL, NULL, NULL);
}

/* ---- the other process ---- */

static int run_role(const char *role, int port)
{
    struct peer p;
    char url[64];
    struct mqtt_config config = config_for(port, role, url);
    config.will_topic = "will/state";
    config.will_payload = (const uint8_t *)"lost";
    config.will_payload_len = 4;
    peer_open_with(&p, &config);
    net_run_until(p.loop, is_up, &p);
    if (strcmp(role, "die") == 0) {
        _exit(0);
    }
    for (uint64_t i = 0; i < MESSAGES_MAX;) {
        struct mqtt_publish publish = {.id = i, .topic = "flood", .qos = 1};
        if (mqtt_publish(p.client, &publish) == FUO_OK) {
            i++;
        } else {
            uv_run(p.loop, UV_RUN_ONCE);
        }
    }
    while (mqtt_stats(p.client).published < MESSAGES_MAX) {
        uv_run(p.loop, UV_RUN_ONCE);
    }
    peer_close(&p);
    return 0;
}

#define WITH_BROKER(test) cmocka_unit_test_setup_teardown(test, broker_up, broker_down)

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc != 3) {
        fprintf(stderr, "usage: %s PYTHON STUB | ROLE PORT\n", argv[0]);
        return 2;
    }
    if (strcmp(argv[1], "die") == 0 || strcmp(argv[1], "flood") == 0) {
        return run_role(argv[1], (int)strtol(argv[2], NULL, 10));
    }
    python = argv[1];
    stub = argv[2];
    const struct CMUnitTest tests[] = {
        WITH_BROKER(a_qos1_publish_is_acknowledged_and_comes_back),
        WITH_BROKER(mqtt_3_1_1_works_as_well),
        WITH_BROKER(many_publishes_pass_through_the_window_in_order),
        WITH_BROKER(a_killed_broker_is_found_again_and_subscribed_to_again),
        WITH_BROKER(a_persistent_session_keeps_what_was_published_meanwhile),
        WITH_BROKER(an_oversized_message_is_dropped_and_counted),
        WITH_BROKER(a_flood_is_dropped_and_counted_while_the_loop_is_busy),
        WITH_BROKER(the_last_will_is_published_when_the_process_dies),
        cmocka_unit_test(an_odd_broker_is_coped_with),
        WITH_BROKER(bad_arguments_are_refused_at_once),
        WITH_BROKER(closing_works_in_every_state),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    uv_loop_close(uv_default_loop());
    return failed;
}

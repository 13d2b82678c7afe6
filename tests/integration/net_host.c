/* SPDX-License-Identifier: MIT */
/*
 * net_host.c PYTHON SERVER - the host with the ChirpStack plugin, a real broker, and an
 * HTTP server that is no ChirpStack.
 */
#include "net_support.h"

#include <curl/curl.h>

#include "plugin/host.h"
#include "plugin/loader.h"
#include "plugin/options.h"

#define APP    "5a1c0e1e-0000-4000-8000-000000000001"
#define DEVICE "application/" APP "/device/0102030405060708/"

struct daemon {
    struct fuo_host *host;
    struct fuo_event event; /* the latest; what it points to is gone */
    size_t event_count;
    size_t wanted;
    uint8_t payload[8];
    bool answer; /* an uplink with a downlink, from the handler */
    int state_count;
    bool closed;
    struct net_log log;
};

struct server {
    struct mqtt_client *client; /* plays ChirpStack on the broker */
    const struct daemon *daemon;
    char command[1024];
    bool closed;
};

static const char *python;
static const char *script;

static void on_event(void *arg, const struct fuo_event *event)
{
    struct daemon *d = arg;
    d->event = *event;
    d->event_count++;
    if (event->type != FUO_EV_UPLINK || !d->answer) {
        return;
    }
    memcpy(d->payload, event->uplink.payload, event->uplink.payload_len);
    struct fuo_unicast downlink = {
        .id = 42,
        .dev_eui = event->uplink.dev_eui,
        .payload = d->payload,
        .payload_len = event->uplink.payload_len,
        .fport = event->uplink.fport,
    };
    assert_int_equal(host_unicast(d->host, &downlink), FUO_OK);
}

static void on_state(void *arg, bool up)
{
    struct daemon *d = arg;
    d->state_count += up;
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    struct daemon *d = arg;
    (void)level;
    net_log_add(&d->log, text);
}

static void on_command(void *arg, const struct mqtt_message *m)
{
    struct server *s = arg;
    snprintf(s->command, sizeof(s->command), "%s %.*s", m->topic, (int)m->payload_len,
             (const char *)m->payload);
}

static void on_server_log(void *arg, enum fuo_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    (void)text;
}

static bool host_is_up(void *arg)
{
    const struct daemon *d = arg;
    return host_mqtt_up(d->host);
}

static bool server_is_up(void *arg)
{
    const struct server *s = arg;
    return mqtt_is_up(s->client);
}

static bool commanded(void *arg)
{
    const struct server *s = arg;
    return s->command[0] != '\0';
}

static bool enough(void *arg)
{
    const struct daemon *d = arg;
    return d->event_count >= d->wanted;
}

static void wait_events(struct daemon *d, size_t count)
{
    d->wanted = count;
    net_run_until(uv_default_loop(), enough, d);
}

static void publish(struct server *s, const char *topic, const char *text)
{
    struct mqtt_publish p = {.topic = topic,
                             .payload = (const uint8_t *)text,
                             .payload_len = strlen(text),
                             .qos = 1};
    assert_int_equal(mqtt_publish(s->client, &p), FUO_OK);
}

/* One useless event after the other until one is heard: the subscription is in effect. */
static bool listening(void *arg)
{
    struct server *s = arg;
    if (strstr(s->daemon->log.text, "event that is not JSON") != NULL) {
        return true;
    }
    struct mqtt_stats stats = mqtt_stats(s->client);
    if (stats.inflight + stats.waiting == 0) {
        publish(s, DEVICE "event/up", "{not JSON");
    }
    return false;
}

static void talk(struct daemon *d, struct server *s)
{
    d->answer = true;
    net_run_until(uv_default_loop(), listening, s);
    publish(s, DEVICE "event/up", "{\"fPort\":201,\"data\":\"AQID\"}");
    net_run_until(uv_default_loop(), commanded, s);
    assert_non_null(strstr(s->command, DEVICE "command/down {\"id\":\"66756f74-"));
    assert_non_null(strstr(s->command, "\"data\":\"AQID\""));
    wait_events(d, 2); /* the uplink, then the result */
    assert_int_equal(d->event.type, FUO_EV_RESULT);
    assert_int_equal(d->event.result.id, 42);
    assert_int_equal(d->event.result.err, FUO_OK);
    assert_non_null(strstr(d->log.text, "chirpstack: ignored: event that is not JSON"));

    publish(s, DEVICE "event/txack",
            "{\"queueItemId\":\"66756f74-6164-8000-0000-00000000002a\"}");
    wait_events(d, 3);
    assert_int_equal(d->event.type, FUO_EV_FATE);
    assert_int_equal(d->event.fate.id, 42);

    assert_int_equal(host_queue_flush(d->host, 7, "any"), FUO_OK);
    wait_events(d, 4);
    assert_int_equal(d->event.result.id, 7);
    assert_int_equal(d->event.result.err, FUO_EPROTO); /* an echo is no gRPC-Web */
}

static void an_uplink_is_answered_and_calls_reach_the_api(void **state)
{
    (void)state;
    static const struct option_pair pairs[] = {{"applicationId", APP}};
    static const struct host_handlers handlers = {on_event, on_state, on_log};
    static const struct mqtt_handlers server_handlers = {.on_message = on_command,
                                                         .log = on_server_log};
    struct broker b = {0};
    struct daemon d = {0};
    struct server s = {.daemon = &d};
    struct loaded_plugin loaded = {0};
    struct plugin_options *options = NULL;
    char mqtt_url[64];
    char http_url[64];
    char port_text[16];
    char why[256] = "";
    int port = net_free_port();

    snprintf(port_text, sizeof(port_text), "%d", port);
    const char *argv[] = {python, script, port_text, NULL};
    pid_t http_server = net_spawn(argv);
    net_wait_port(port);
    broker_configure(&b, "allow_anonymous true\n");
    broker_start(&b);
    snprintf(mqtt_url, sizeof(mqtt_url), "mqtt://127.0.0.1:%d", b.port);
    snprintf(http_url, sizeof(http_url), "http://127.0.0.1:%d", port);
    assert_int_equal(
        plugin_load(getenv("FUO_PLUGINS"), "chirpstack", &loaded, why, sizeof(why)),
        FUO_OK);
    assert_int_equal(plugin_options_parse(&loaded.plugin, pairs, 1, NULL, NULL, &options),
                     FUO_OK);
    struct mqtt_config mqtt = {.url = mqtt_url, .client_id = "fuotad"};
    struct http_config http = {.base_url = http_url};
    struct host_config config = {
        .plugin = &loaded.plugin,
        .plugin_config = plugin_options_config(options),
        .mqtt = &mqtt,
        .http = &http,
    };
    assert_int_equal(host_open(uv_default_loop(), &config, &handlers, &d, &d.host),
                     FUO_OK);
    mqtt.client_id = "chirpstack";
    assert_int_equal(
        mqtt_client_open(uv_default_loop(), &mqtt, &server_handlers, &s, &s.client),
        FUO_OK);
    assert_int_equal(mqtt_subscribe(s.client, "application/+/device/+/command/+", 1),
                     FUO_OK);
    net_run_until(uv_default_loop(), host_is_up, &d);
    net_run_until(uv_default_loop(), server_is_up, &s);
    assert_int_equal(d.state_count, 1);

    talk(&d, &s);

    host_close(d.host, net_set_flag, &d.closed);
    mqtt_client_close(s.client, net_set_flag, &s.closed);
    net_run_until(uv_default_loop(), net_flag, &d.closed);
    net_run_until(uv_default_loop(), net_flag, &s.closed);
    plugin_options_destroy(options);
    plugin_unload(&loaded);
    net_stop(http_server, SIGKILL);
    broker_remove(&b);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s PYTHON SERVER\n", argv[0]);
        return 2;
    }
    python = argv[1];
    script = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_uplink_is_answered_and_calls_reach_the_api),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    uv_loop_close(uv_default_loop());
    return failed;
}

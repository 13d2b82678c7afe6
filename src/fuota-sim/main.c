/* SPDX-License-Identifier: MIT */
/*
 * fuota-sim - the simulated network (src/sim) behind a real broker and a real HTTP port, on
 * one libuv loop. Wiring only: events of the server go out as MQTT messages, commands and
 * API calls come in, frames go to the air log, images to files; time is virtual.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuota-sim/api.h"
#include "fuota-sim/events.h"
#include "fuota-sim/files.h"
#include "fuota-sim/gateway.h"
#include "fuota-sim/lwm2m.h"
#include "fuota-sim/options.h"
#include "fuota-sim/orders.h"
#include "fuota-sim/sim_loop.h"
#include "fuota-sim/tts_json.h"
#include "fuota-sim/tts_rest.h"
#include "io/cleanup.h"
#include "io/clock.h"
#include "io/file.h"
#include "net/mqtt.h"
#include "net/tls.h"
#include "sim/network.h"

#define LOG_MODULE "sim"
#include "io/log.h"

#define GATEWAY_FILTER "+/gateway/+/command/down"

enum {
    EXIT_USAGE = 2,
    REPLY_WINDOW_MS = 100, /* of the wall */
    EVENT_QOS = 0,         /* ChirpStack's default; The Things Stack has no other */
};

struct app {
    struct sim_options options;
    struct sim_loop loop;
    struct network network;
    struct mqtt_client *mqtt;
    struct httpd *httpd;
    char *token;                   /* of the API; NULL: none */
    struct tts_batch batch;        /* scratch */
    struct prng prng;              /* of identifiers in events */
    struct gateway_counts *counts; /* of each gateway */
    uint32_t uplink_id;            /* of the last one that a gateway told of */
    uint64_t frame_count;
    uint64_t dropped_events;
    size_t updated_count; /* devices that run an image they were sent */
};

/* ---- time ---- */

static void advance(struct app *app)
{
    network_run(&app->network, clock_utc(&app->options.clock));
}

static void rearm(struct app *app)
{
    sim_loop_wake(&app->loop, network_deadline(&app->network));
}

static void on_due(void *arg)
{
    struct app *app = arg;
    advance(app);
    rearm(app);
}

/* ---- out: events, frames, images ---- */

/* Takes the message; NULL: there was no memory for it. */
static void publish_bytes(struct app *app, const char *topic, uint8_t *payload,
                          size_t len)
{
    if (payload == NULL) {
        return;
    }
    struct mqtt_publish publish = {
        .topic = topic,
        .payload = payload,
        .payload_len = len,
        .qos = EVENT_QOS,
    };
    if (mqtt_publish(app->mqtt, &publish) != FUO_OK) {
        app->dropped_events++;
    }
    free(payload);
}

static void publish(struct app *app, const char *topic, char *json)
{
    publish_bytes(app, topic, (uint8_t *)json, json != NULL ? strlen(json) : 0);
}

static void on_event(void *ctx, const struct cs_event *event)
{
    struct app *app = ctx;
    struct event_context context = {&app->network.cs, &app->prng};
    char topic[EVENT_TOPIC_MAX];
    event_topic(&context, event, topic);
    if (app->options.protobuf) {
        size_t len = 0;
        uint8_t *bytes = event_protobuf(&context, event, &len);
        publish_bytes(app, topic, bytes, len);
        return;
    }
    publish(app, topic, event_json(&context, event));
}

static void on_tts_event(void *ctx, const struct tts_event *event)
{
    struct app *app = ctx;
    struct tts_json context = {&app->network.tts, app->options.application, &app->prng};
    char topic[TTS_TOPIC_MAX];
    tts_topic(&context, event, topic);
    publish(app, topic, tts_event_json(&context, event));
}

static void tell(struct app *app, struct gateway_message message)
{
    publish_bytes(app, message.topic, message.payload, message.len);
}

/* A gateway that is away is given the frame all the same, and does not answer. */
static void on_gateway(void *ctx, const struct cs_gateway_frame *frame)
{
    struct app *app = ctx;
    size_t gateway = frame->items[0].gateway;
    bool protobuf = gateway_speaks_protobuf(app->options.marshaler, gateway);
    enum tx_status status = frame->status[frame->tried - 1];
    struct gateway_counts *counts = &app->counts[gateway];
    tell(app, gateway_command(&app->network.cs, frame, protobuf));
    if (status != TX_NO_ACK) {
        tell(app, gateway_ack(&app->network.cs, frame, protobuf));
        counts->given++;
        counts->emitted += status == TX_OK;
    }
}

static void on_gateway_stats(void *ctx, size_t gateway, struct utc now)
{
    struct app *app = ctx;
    bool protobuf = gateway_speaks_protobuf(app->options.marshaler, gateway);
    tell(app,
         gateway_stats(&app->network.cs, gateway, now, &app->counts[gateway], protobuf));
    app->counts[gateway] = (struct gateway_counts){0};
}

static void on_uplink(void *ctx, const struct cs_uplink *uplink, struct utc now)
{
    struct app *app = ctx;
    for (size_t i = 0; i < uplink->rx_count; i++) {
        const struct cs_rx *rx = &uplink->rx[i];
        bool protobuf = gateway_speaks_protobuf(app->options.marshaler, rx->gateway);
        tell(app,
             gateway_up(&app->network.cs, uplink, rx, now, ++app->uplink_id, protobuf));
    }
}

static void on_frame(void *ctx, const struct air_frame *frame)
{
    struct app *app = ctx;
    size_t len = 0;
    app->frame_count++;
    if (app->loop.airlog == NULL) {
        return;
    }
    char *line = airlog_line(frame, &len);
    if (line == NULL) {
        log_err("cannot write the air log: out of memory");
        app->loop.failed = true;
    } else {
        (void)fwrite(line, 1, len, app->loop.airlog);
    }
    free(line);
}

static void on_installed(void *ctx, const struct device *device)
{
    struct app *app = ctx;
    app->updated_count += device->install_count == 1 ? 1 : 0;
    if (app->options.flash != NULL && flash_write(app->options.flash, device) != FUO_OK) {
        log_err("cannot write to %s: %s", app->options.flash, strerror(errno));
        app->loop.failed = true;
    }
}

static const struct network_sink sink = {
    .frame = on_frame,
    .event = on_event,
    .tts_event = on_tts_event,
    .gateway = on_gateway,
    .gateway_stats = on_gateway_stats,
    .uplink = on_uplink,
    .installed = on_installed,
};

/* ---- in: commands and API calls ---- */

static bool speaks_tts(const struct app *app)
{
    return app->options.network.dialect == NETWORK_DIALECT_TTS;
}

static int take_command(struct app *app, const struct mqtt_message *message)
{
    struct command command;
    char id[CS_ID_SIZE];
    int err = command_parse(app->network.cs.config.application_id, message->topic,
                            message->payload, message->payload_len, &command);
    return err != FUO_OK ? err : cs_enqueue(&app->network.cs, &command.downlink, id);
}

static int take_push(struct app *app, const struct mqtt_message *message)
{
    struct tts_batch *batch = &app->batch;
    const struct tts_error *why = NULL;
    int err = tts_topic_parse(app->options.application, message->topic, batch);
    if (err == FUO_OK) {
        err = tts_batch_parse(message->payload, message->payload_len, batch);
    }
    struct tts_push push = {batch->device_id, batch->downlinks, batch->count,
                            batch->replace};
    return err != FUO_OK
               ? err
               : tts_push(&app->network.tts, &push, clock_utc(&app->options.clock), &why);
}

static bool serves_gateways(const struct app *app)
{
    return app->options.network.dialect == NETWORK_DIALECT_GATEWAY;
}

/* A frame that is not of our server: its gateway sends it, or says why not. */
static int take_order(struct app *app, const struct mqtt_message *message)
{
    struct gateway_order order;
    struct cs_gateway_frame frame;
    int err = gateway_order_parse(app->network.config.region, message->topic,
                                  message->payload, message->payload_len, &order);
    if (err != FUO_OK) {
        return err;
    }
    if (!serves_gateways(app) && order.items[0].timing != ORDER_GPS) {
        return FUO_OK; /* the server's own comes back from the broker */
    }
    if (order_carry_out(&app->network, &order, clock_utc(&app->options.clock), &frame) !=
        FUO_OK) {
        return FUO_OK; /* nobody answers */
    }
    size_t gateway = frame.items[0].gateway;
    struct gateway_counts *counts = &app->counts[gateway];
    bool protobuf = gateway_speaks_protobuf(app->options.marshaler, gateway);
    tell(app, gateway_ack(&app->network.cs, &frame, protobuf));
    counts->given++;
    counts->emitted += frame.status[frame.tried - 1] == TX_OK;
    return FUO_OK;
}

static int take(struct app *app, const struct mqtt_message *message)
{
    if (speaks_tts(app)) {
        return take_push(app, message);
    }
    bool order = strstr(message->topic, "/gateway/") != NULL;
    return order ? take_order(app, message) : take_command(app, message);
}

static void on_message(void *arg, const struct mqtt_message *message)
{
    struct app *app = arg;
    if (app->loop.stopping) {
        return;
    }
    advance(app);
    int err = take(app, message);
    if (err != FUO_OK) {
        log_warn("command refused topic=%s: %s", message->topic, fuo_strerror(err));
    }
    rearm(app);
}

static void on_http(void *arg, const struct httpd_call *call, struct httpd_reply *reply)
{
    struct app *app = arg;
    advance(app);
    struct utc now = clock_utc(&app->options.clock);
    if (speaks_tts(app)) {
        struct tts_rest rest = {&app->network.tts,        now,
                                app->options.application, app->token,
                                &app->options.server,     &app->network.radio};
        tts_rest_serve(&rest, call, reply);
    } else {
        struct directory directory = {&app->network, &app->options.server};
        struct api api = {&app->network.cs, now, app->token, &directory};
        api_serve(&api, call, reply);
    }
    rearm(app);
}

static void on_mqtt_state(void *arg, bool up)
{
    struct app *app = arg;
    if (!app->options.quiet) {
        log_info("broker is %s", up ? "connected" : "away");
    }
}

static void on_mqtt_log(void *arg, enum fuo_log_level level, const char *text)
{
    const struct app *app = arg;
    if (level == FUO_LOG_ERROR || level == FUO_LOG_WARN || !app->options.quiet) {
        log_write(level == FUO_LOG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "mqtt", "%s",
                  text);
    }
}

/* ---- start and end ---- */

static void stop(void *arg)
{
    struct app *app = arg;
    if (sim_loop_stop(&app->loop)) {
        mqtt_client_close(app->mqtt, NULL, NULL);
        httpd_close(app->httpd);
    }
}

static int open_files(struct app *app)
{
    const struct sim_options *o = &app->options;
    if (sim_loop_open_airlog(&app->loop, o->airlog) != FUO_OK) {
        return FUO_EIO;
    }
    if (o->flash != NULL && flash_write_all(o->flash, &app->network) != FUO_OK) {
        log_err("%s: %s", o->flash, strerror(errno));
        return FUO_EIO;
    }
    if (o->inventory != NULL && inventory_write(o->inventory, &app->network) != FUO_OK) {
        log_err("%s: %s", o->inventory, strerror(errno));
        return FUO_EIO;
    }
    return FUO_OK;
}

/* The versions of images that devices accept from a patch. */
static int read_genuine(const struct sim_options *o, struct network_config *config)
{
    for (size_t i = 0; i < o->genuine_count; i++) {
        AUTO_FREE uint8_t *bytes = NULL;
        size_t len = 0;
        int err = file_read(o->genuine[i], DEVICE_IMAGE_MAX, &bytes, &len);
        if (err != FUO_OK) {
            log_err("%s: %s", o->genuine[i], fuo_strerror(err));
            return err;
        }
        config->genuine[config->genuine_count++] = device_firmware_version(bytes, len);
    }
    return FUO_OK;
}

static int open_network(struct app *app)
{
    struct network_config *config = &app->options.network;
    if (read_genuine(&app->options, config) != FUO_OK) {
        return FUO_EINVAL;
    }
    config->start = clock_utc(&app->options.clock);
    config->reply_window_us =
        clock_virtual_us(&app->options.clock, MILLIS_US(REPLY_WINDOW_MS));
    config->profiles = app->options.profiles;
    app->counts = calloc(config->gateway_count, sizeof(*app->counts));
    if (app->counts == NULL) {
        return FUO_ENOMEM;
    }
    app->prng = prng_seeded(config->seed ^ UINT64_C(0xe7e27));
    int err = network_init(&app->network, config, &sink, app);
    if (err != FUO_OK) {
        log_err("cannot set up the network: %s", fuo_strerror(err));
    }
    return err;
}

static int open_mqtt(struct app *app)
{
    char filter[TTS_TOPIC_MAX];
    char client_id[64];
    (void)snprintf(client_id, sizeof(client_id), "fuota-sim-%ld", (long)getpid());
    struct mqtt_config config = {
        .url = app->options.broker,
        .client_id = client_id,
        .jitter_seed = app->options.network.seed,
    };
    struct mqtt_handlers handlers = {
        .on_state = on_mqtt_state,
        .on_message = on_message,
        .log = on_mqtt_log,
    };
    int err = mqtt_client_open(&app->loop.uv, &config, &handlers, app, &app->mqtt);
    if (err != FUO_OK) {
        log_err("%s: %s", app->options.broker, fuo_strerror(err));
        return err;
    }
    const char *application = app->options.application;
    if (serves_gateways(app)) {
        return mqtt_subscribe(app->mqtt, GATEWAY_FILTER, EVENT_QOS);
    }
    if (!speaks_tts(app)) {
        (void)snprintf(filter, sizeof(filter), "application/%s/device/+/command/down",
                       application);
        err = mqtt_subscribe(app->mqtt, filter, EVENT_QOS);
        return err != FUO_OK ? err : mqtt_subscribe(app->mqtt, GATEWAY_FILTER, EVENT_QOS);
    }
    (void)snprintf(filter, sizeof(filter), "v3/%s/devices/+/down/push", application);
    err = mqtt_subscribe(app->mqtt, filter, EVENT_QOS);
    if (err == FUO_OK) {
        (void)snprintf(filter, sizeof(filter), "v3/%s/devices/+/down/replace",
                       application);
        err = mqtt_subscribe(app->mqtt, filter, EVENT_QOS);
    }
    return err;
}

static int open_api(struct app *app)
{
    const struct sim_options *o = &app->options;
    if (serves_gateways(app)) {
        return FUO_OK; /* the server's */
    }
    if (o->token_file != NULL) {
        int err = token_read(o->token_file, &app->token);
        if (err != FUO_OK) {
            log_err("%s: %s", o->token_file, fuo_strerror(err));
            return err;
        }
    }
    int err =
        httpd_open(&app->loop.uv, o->api_host, o->api_port, on_http, app, &app->httpd);
    if (err != FUO_OK) {
        log_err("cannot listen on %s:%u", o->api_host, o->api_port);
    }
    return err;
}

static int open_all(struct app *app)
{
    int err = open_network(app);
    if (err == FUO_OK) {
        err = open_files(app);
    }
    if (err == FUO_OK) {
        err = open_api(app);
    }
    return err != FUO_OK ? err : open_mqtt(app);
}

static int finish(struct app *app)
{
    sim_loop_finish(&app->loop);
    if (app->options.flash != NULL && app->network.stations != NULL &&
        flash_write_all(app->options.flash, &app->network) != FUO_OK) {
        log_err("%s: %s", app->options.flash, strerror(errno));
        app->loop.failed = true;
    }
    if (!app->options.quiet) {
        log_info(
            "end: %llu frames on air, %zu devices updated, %llu events not published",
            (unsigned long long)app->frame_count, app->updated_count,
            (unsigned long long)app->dropped_events);
    }
    network_free(&app->network);
    free(app->token);
    free(app->counts);
    return app->loop.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct app *app)
{
    static const struct sim_loop_handlers handlers = {on_due, stop};
    sim_loop_init(&app->loop, &app->options.clock, &handlers, app);
    if (open_all(app) != FUO_OK) {
        app->loop.failed = true;
        stop(app);
    } else {
        if (!app->options.quiet) {
            log_info("ready: %zu devices, %zu gateways, api=%s:%u",
                     app->options.network.device_count,
                     app->options.network.gateway_count,
                     app->httpd != NULL ? app->options.api_host : "none",
                     app->httpd != NULL ? httpd_port(app->httpd) : 0U);
        }
        rearm(app);
    }
    sim_loop_run(&app->loop);
    return finish(app);
}

int main(int argc, char **argv)
{
    tls_startup();
    AUTO_FREE struct app *app = calloc(1, sizeof(*app));
    struct detail detail = {0};
    if (app == NULL) {
        return EXIT_FAILURE;
    }
    if (options_parse(argc, argv, &app->options, &detail) != FUO_OK) {
        (void)fprintf(stderr, "fuota-sim: %s\n", detail.text);
        return EXIT_USAGE;
    }
    if (app->options.help) {
        (void)fputs(options_help(), stdout);
        return EXIT_SUCCESS;
    }
    if (app->options.lwm2m.list_kinds) {
        for (size_t i = 0; i < lwm2m_quirks_count; i++) {
            (void)printf("%-16s%s\n", lwm2m_quirks[i].name, lwm2m_quirks[i].help);
        }
        return EXIT_SUCCESS;
    }
    if (app->options.version) {
        (void)puts("fuota-sim " FUO_VERSION);
        return EXIT_SUCCESS;
    }
    signal(SIGPIPE, SIG_IGN);
    log_init(&(struct log_config){
        .level = LOG_LEVEL_INFO, .clock = app->options.clock, .fd = STDERR_FILENO});
    return app->options.lwm2m.wanted ? lwm2m_main(&app->options) : run(app);
}

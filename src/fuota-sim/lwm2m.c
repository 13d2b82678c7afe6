/* SPDX-License-Identifier: MIT */
#include "fuota-sim/lwm2m.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/eui.h"
#include "base/hex.h"
#include "fuota-sim/files.h"
#include "fuota-sim/lwm2m_link.h"
#include "fuota-sim/sim_loop.h"
#include "sim/lwm2m_client.h"
#include "sim/timers.h"

#define LOG_MODULE "sim"
#include "io/log.h"

#define FACTORY_FIRMWARE "fuota-sim factory firmware\n"

enum {
    ACK_TIMEOUT_MS = 2000, /* of the wall */
    LOST_MS = 60000,       /* of the wall */
    AWAKE_S = 93,          /* MAX_TRANSMIT_WAIT */
    INSTALL_S = 10,
    BOOT_S = 3,
    START_MS = 1, /* of the wall, between the first registrations of two devices */
    SITE_COUNT = 4,
    SPARE_FILES = 64,
};

struct app;

struct station {
    struct lwm2m_client client;
    struct lwm2m_link link;
    struct sim_timer timer;
    struct app *app;
};

struct app {
    const struct sim_options *options;
    struct sim_loop loop;
    struct lwm2m_client_config config;
    struct ssl_ctx_st *dtls; /* NULL: none */
    struct station *stations;
    size_t count;
    struct sim_timers timers;
    struct prng prng; /* of what is lost */
    char buffer[LWM2M_DATAGRAM_MAX];
    uint64_t datagram_count;
    size_t updated_count;
};

/* ---- time ---- */

static struct utc now_of(const struct app *app)
{
    return clock_utc(&app->options->clock);
}

static void settle(struct station *s)
{
    struct utc at = lwm2m_client_deadline(&s->client);
    if (at.us == INT64_MAX) {
        sim_timers_cancel(&s->app->timers, &s->timer);
    } else {
        sim_timers_set(&s->app->timers, &s->timer, at);
    }
}

static void on_due(struct sim_timer *timer, struct utc at)
{
    struct station *s = SIM_TIMER_OWNER(timer, struct station, timer);
    struct utc now = now_of(s->app);
    lwm2m_client_run(&s->client, now.us > at.us ? now : at);
    settle(s);
}

static void rearm(struct app *app)
{
    sim_loop_wake(&app->loop, sim_timers_next(&app->timers));
}

static void on_time(void *arg)
{
    struct app *app = arg;
    sim_timers_run(&app->timers, now_of(app));
    rearm(app);
}

/* ---- datagrams ---- */

static void write_airlog(struct app *app, const struct station *s, bool up, bool lost,
                         const uint8_t *bytes, size_t len)
{
    char hex[2 * LWM2M_MESSAGE_SIZE + 512];
    app->datagram_count++;
    if (app->loop.airlog == NULL || 2 * len >= sizeof(hex)) {
        return;
    }
    struct utc now = now_of(app);
    (void)fprintf(app->loop.airlog,
                  "{\"time\":%lld.%06lld,\"direction\":\"%s\",\"device\":\"%s\","
                  "\"lost\":%s,\"coap\":\"%s\"}\n",
                  (long long)(now.us / 1000000), (long long)(now.us % 1000000),
                  up ? "up" : "down", s->client.endpoint, lost ? "true" : "false",
                  hex_encode(bytes, len, hex));
}

static struct station *station_of(struct lwm2m_client *client)
{
    return SIM_TIMER_OWNER(client, struct station, client);
}

static bool is_lost(struct app *app)
{
    return prng_chance(&app->prng, app->options->network.loss_ppm) != 0;
}

static void on_send(void *ctx, struct lwm2m_client *client, enum lwm2m_peer peer,
                    const uint8_t *bytes, size_t len)
{
    struct app *app = ctx;
    struct station *s = station_of(client);
    bool lost = is_lost(app);
    write_airlog(app, s, true, lost, bytes, len);
    if (!lost) {
        lwm2m_link_send(&s->link, peer, bytes, len);
    }
}

static void on_received(void *arg, const uint8_t *bytes, size_t len)
{
    struct station *s = arg;
    struct app *app = s->app;
    bool lost = is_lost(app);
    write_airlog(app, s, false, lost, bytes, len);
    if (lost || app->loop.stopping) {
        return;
    }
    lwm2m_client_receive(&s->client, bytes, len, now_of(app));
    settle(s);
    rearm(app);
}

static bool on_connect(void *ctx, struct lwm2m_client *client,
                       const struct lwm2m_uri *uri)
{
    (void)ctx;
    return lwm2m_link_files(&station_of(client)->link, uri) == FUO_OK;
}

static void on_move(void *ctx, struct lwm2m_client *client)
{
    struct app *app = ctx;
    int err = lwm2m_link_move(&station_of(client)->link);
    if (err != FUO_OK) {
        log_err("no socket for %s: %s", client->endpoint, fuo_strerror(err));
        app->loop.failed = true;
    }
}

/* ---- files ---- */

static uint64_t eui_of(const struct sim_options *o, size_t device)
{
    uint64_t first = o->network.first_dev_eui;
    return (first != 0 ? first : NETWORK_DEV_EUI_BASE) + device;
}

static int write_flash(const struct app *app, uint64_t dev_eui, const void *bytes,
                       size_t len)
{
    int err = app->options->flash != NULL
                  ? flash_write_image(app->options->flash, dev_eui, bytes, len)
                  : FUO_OK;
    if (err != FUO_OK) {
        log_err("cannot write to %s: %s", app->options->flash, strerror(errno));
    }
    return err;
}

static void on_installed(void *ctx, struct lwm2m_client *client)
{
    struct app *app = ctx;
    app->updated_count += client->install_count == 1;
    if (write_flash(app, client->dev_eui, client->image.bytes, client->image.len) !=
        FUO_OK) {
        app->loop.failed = true;
    }
}

int lwm2m_inventory_write(const char *path, const struct sim_options *options)
{
    FILE *f = create_private(path);
    if (f == NULL) {
        return FUO_EIO;
    }
    (void)fputs("dev_eui,name,app_key,label:site\n", f);
    for (size_t i = 0; i < options->network.device_count; i++) {
        char eui[EUI_TEXT_SIZE];
        char hex[2 * LWM2M_KEY_BYTES + 1];
        uint8_t key[LWM2M_KEY_BYTES];
        lwm2m_key(options, i, key);
        (void)fprintf(f, "%s,sim-%05zu,%s,site-%c\n", eui_format(eui_of(options, i), eui),
                      i + 1, hex_encode(key, sizeof(key), hex),
                      (char)('a' + i % SITE_COUNT));
    }
    bool failed = ferror(f) != 0;
    return fclose(f) != 0 || failed ? FUO_EIO : FUO_OK;
}

void lwm2m_key(const struct sim_options *options, size_t device,
               uint8_t key[LWM2M_KEY_BYTES])
{
    struct prng prng =
        prng_seeded(options->network.seed ^ (UINT64_C(0x9e51) << 32 | device));
    uint64_t half[] = {prng_next(&prng), prng_next(&prng)};
    memcpy(key, half, LWM2M_KEY_BYTES);
}

static int open_files(struct app *app)
{
    const struct sim_options *o = app->options;
    if (sim_loop_open_airlog(&app->loop, o->airlog) != FUO_OK) {
        return FUO_EIO;
    }
    if (o->flash != NULL && mkdir(o->flash, 0755) != 0 && errno != EEXIST) {
        log_err("%s: %s", o->flash, strerror(errno));
        return FUO_EIO;
    }
    if (o->inventory != NULL && lwm2m_inventory_write(o->inventory, o) != FUO_OK) {
        log_err("%s: %s", o->inventory, strerror(errno));
        return FUO_EIO;
    }
    return FUO_OK;
}

/* ---- start and end ---- */

static const struct lwm2m_client_sink sink = {
    .send = on_send,
    .connect = on_connect,
    .move = on_move,
    .installed = on_installed,
};

static void configure(struct app *app)
{
    const struct sim_options *o = app->options;
    app->config = (struct lwm2m_client_config){
        .sink = &sink,
        .ctx = app,
        .next_version = o->lwm2m.firmware_version,
        .lifetime_s = o->lwm2m.lifetime_us / 1000000,
        .update_us = o->network.uplink_interval_us,
        .ack_timeout_us = clock_virtual_us(&o->clock, MILLIS_US(ACK_TIMEOUT_MS)),
        .lost_us = clock_virtual_us(&o->clock, MILLIS_US(LOST_MS)),
        .awake_us = SECONDS_US(AWAKE_S),
        .install_us = SECONDS_US(INSTALL_S),
        .boot_us = SECONDS_US(BOOT_S),
        .secure = o->lwm2m.secure,
    };
    app->prng = prng_seeded(o->network.seed ^ UINT64_C(0x1055));
}

static int open_station(struct app *app, size_t i, const struct sockaddr_storage *server)
{
    const struct sim_options *o = app->options;
    struct station *s = &app->stations[i];
    uint64_t dev_eui = eui_of(o, i);
    int64_t start_us = (int64_t)i * MILLIS_US(START_MS);
    s->app = app;
    s->timer.fire = on_due;
    s->link = (struct lwm2m_link){
        .loop = &app->loop.uv, .buffer = app->buffer, .received = on_received, .arg = s};
    s->link.peers[LWM2M_PEER_SERVER] = *server;
    s->link.dtls.ctx = app->dtls;
    s->link.dtls.identity = s->client.endpoint;
    lwm2m_key(o, i, s->link.dtls.key);
    lwm2m_client_init(&s->client, &app->config, o->lwm2m.kinds[i % o->lwm2m.kind_count],
                      dev_eui, o->network.seed ^ i * UINT64_C(0x10001),
                      utc_after(now_of(app), clock_virtual_us(&o->clock, start_us)));
    int err = lwm2m_link_open(&s->link);
    if (err != FUO_OK) {
        log_err("no socket for device %zu of %zu: %s (see ulimit -n)", i + 1, app->count,
                strerror(errno));
        return err;
    }
    settle(s);
    return write_flash(app, dev_eui, FACTORY_FIRMWARE, strlen(FACTORY_FIRMWARE));
}

/* Each device has a descriptor. */
static void want_descriptors(size_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < count + SPARE_FILES) {
        limit.rlim_cur =
            count + SPARE_FILES < limit.rlim_max ? count + SPARE_FILES : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_stations(struct app *app)
{
    const struct sim_options *o = app->options;
    struct sockaddr_storage server;
    if (lwm2m_link_address(o->lwm2m.host, o->lwm2m.port, &server) != FUO_OK) {
        log_err("--server: %s is not an address of this machine (127.0.0.1 or ::1)",
                o->lwm2m.host);
        return FUO_EINVAL;
    }
    app->dtls = o->lwm2m.secure ? lwm2m_dtls_context() : NULL;
    if (o->lwm2m.secure && app->dtls == NULL) {
        log_err("no DTLS with pre-shared keys: OpenSSL refuses it");
        return FUO_EIO;
    }
    want_descriptors(o->network.device_count);
    app->stations = calloc(o->network.device_count, sizeof(*app->stations));
    if (app->stations == NULL) {
        return FUO_ENOMEM;
    }
    int err = FUO_OK;
    for (; app->count < o->network.device_count && err == FUO_OK; app->count++) {
        err = open_station(app, app->count, &server);
    }
    return err;
}

static void stop(void *arg)
{
    struct app *app = arg;
    if (app->loop.stopping) {
        return;
    }
    for (size_t i = 0; i < app->count; i++) {
        lwm2m_client_stop(&app->stations[i].client, now_of(app)); /* it still says so */
    }
    (void)sim_loop_stop(&app->loop);
    for (size_t i = 0; i < app->count; i++) {
        lwm2m_link_close(&app->stations[i].link);
    }
}

static int finish(struct app *app)
{
    uint64_t registrations = 0;
    for (size_t i = 0; i < app->count; i++) {
        registrations += app->stations[i].client.register_count;
        lwm2m_client_free(&app->stations[i].client);
    }
    sim_loop_finish(&app->loop);
    if (!app->options->quiet) {
        log_info("end: %llu datagrams, %llu registrations, %zu devices updated",
                 (unsigned long long)app->datagram_count,
                 (unsigned long long)registrations, app->updated_count);
    }
    sim_timers_free(&app->timers);
    lwm2m_dtls_context_free(app->dtls);
    free(app->stations);
    return app->loop.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int lwm2m_main(const struct sim_options *options)
{
    static const struct sim_loop_handlers handlers = {on_time, stop};
    struct app app = {.options = options};
    configure(&app);
    sim_loop_init(&app.loop, &options->clock, &handlers, &app);
    if (open_files(&app) != FUO_OK || open_stations(&app) != FUO_OK) {
        app.loop.failed = true;
        stop(&app);
    } else {
        if (!options->quiet) {
            log_info("ready: %zu LwM2M devices, server=%s:%u", app.count,
                     options->lwm2m.host, options->lwm2m.port);
        }
        rearm(&app);
    }
    sim_loop_run(&app.loop);
    return finish(&app);
}

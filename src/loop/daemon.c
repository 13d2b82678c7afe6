/* SPDX-License-Identifier: MIT */
#include "loop/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "io/secrets.h"
#include "loop/doctor.h"
#include "loop/internal.h"
#include "loop/setup.h"
#include "loop/xalloc.h"

#define LOG_MODULE "fuotad"
#include "io/log.h"

enum {
    DRAIN_LOOK_MS = 20,
    DRAIN_MAX_MS = 1500,
    TEXT_SIZE = 320,
};

/* ---- callbacks of the loop ---- */

static void on_store_wake(uv_async_t *handle)
{
    struct daemon *d = handle->data;
    if (d->running) {
        commit_on_store(d);
    }
}

static void store_notify(void *arg)
{
    struct daemon *d = arg;
    uv_async_send(&d->store_async);
}

static void on_retry(uv_timer_t *timer)
{
    commit_on_retry(timer->data);
}

static void on_watch(uv_timer_t *timer)
{
    watch_on_timer(timer->data);
}

/* ---- the end ---- */

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void close_all(struct daemon *d)
{
    fleet_link_close_all(d);
    status_link_close(d);
    if (d->ctl != NULL) {
        ctl_server_close(TAKE(d->ctl), NULL, NULL);
    }
    if (d->driver != NULL) {
        driver_close(TAKE(d->driver), NULL, NULL);
    }
    close_handle((uv_handle_t *)&d->store_async);
    close_handle((uv_handle_t *)&d->retry_timer);
    close_handle((uv_handle_t *)&d->watch_timer);
    close_handle((uv_handle_t *)&d->windows_timer);
    close_handle((uv_handle_t *)&d->doctor_timer);
    close_handle((uv_handle_t *)&d->drain_timer);
    close_handle((uv_handle_t *)&d->sigterm);
    close_handle((uv_handle_t *)&d->sigint);
    d->running = false;
}

/* Until the batch that is out has settled and the broker has heard of it. */
static void on_drain(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    bool told = d->mqtt == NULL || !mqtt_is_up(d->mqtt) || d->told_draining;
    bool late = uv_now(d->loop) - d->drain_started_ms >= DRAIN_MAX_MS;
    if ((driver_is_idle(d->driver) && told) || late) {
        close_all(d);
    }
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct daemon *d = handle->data;
    if (d->draining) {
        return;
    }
    log_info("stopping signal=%d", signum);
    d->draining = true;
    if (!d->running) {
        return; /* still starting: serve() looks */
    }
    d->drain_started_ms = uv_now(d->loop);
    driver_stop(d->driver);
    status_link_set_state(d, "draining");
    uv_timer_stop(&d->retry_timer);
    uv_timer_start(&d->drain_timer, on_drain, 0, DRAIN_LOOK_MS);
}

static void free_waiters(struct daemon *d)
{
    while (d->histories != NULL) {
        struct history_wait *wait = d->histories;
        d->histories = wait->next;
        json_object_put(wait->data);
        free(wait);
    }
    while (d->watchers != NULL) {
        struct watcher *watcher = d->watchers;
        d->watchers = watcher->next;
        free(watcher);
    }
    free(d->watch_notes.items);
}

static void free_waiter_list(struct waiter *waiter)
{
    while (waiter != NULL) {
        struct waiter *next = waiter->next;
        json_object_put(waiter->plan);
        free(waiter);
        waiter = next;
    }
}

/* Accepts a half-built one; the handles are closed. */
static void release(struct daemon *d)
{
    store_close(d->store);
    engine_destroy(d->engine);
    campaigns_clear(&d->campaigns);
    exec_forget(d);
    doctor_close(d);
    gateways_finish(&d->gateways);
    keyring_destroy(d->keyring);
    uploads_destroy(d->uploads);
    status_destroy(d->status);
    store_batch_finish(&d->rows);
    effects_finish(&d->publish_later);
    free_waiters(d);
    free_waiter_list(d->waiters);
    free_waiter_list(d->waiters_out);
    fleets_finish(&d->fleets);
    windows_finish(&d->windows);
    daemon_doc_destroy(d->doc);
}

/* ---- the beginning ---- */

static enum log_level log_level_of(enum daemon_log_level level)
{
    switch (level) {
    case DAEMON_LOG_ERROR:
        return LOG_LEVEL_ERROR;
    case DAEMON_LOG_WARN:
        return LOG_LEVEL_WARN;
    case DAEMON_LOG_INFO:
        break;
    case DAEMON_LOG_DEBUG:
        return LOG_LEVEL_DEBUG;
    }
    return LOG_LEVEL_INFO;
}

static void start_log(const struct daemon *d)
{
    struct log_config config = {
        .level = log_level_of(d->doc->log_level),
        .format =
            d->doc->log_format == DAEMON_LOG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
        .clock = d->clock,
        .fd = STDERR_FILENO,
    };
    log_init(&config);
}

/* All files, all problems at once. */
static int load_files(struct daemon *d, const struct daemon_options *options,
                      struct diag_list *diags)
{
    if (daemon_load(options->config_file, &d->doc, diags) != FUO_OK) {
        return FUO_EINVAL;
    }
    config_unsupported(&d->doc->doc, diags);
    windows_load(d->doc, &d->windows, diags);
    const char *folders[SETUP_FOLDERS_MAX];
    setup_plugin_folders(d->doc, options->plugin_folder, folders);
    return fleets_load(d->doc, folders, &d->fleets, diags);
}

static int open_store(struct daemon *d, struct detail *detail)
{
    AUTO_SECRET struct secret key = {0};
    int err = setup_folders(d->doc, detail);
    if (err == FUO_OK) {
        err = setup_sealing_key(d->doc, &key, detail);
    }
    if (err != FUO_OK) {
        return err;
    }
    struct store_config config = {
        .path = daemon_store_path(d->doc),
        .sealing_key = &key,
        .notify = store_notify,
        .arg = d,
    };
    err = store_open(&config, &d->store, detail);
    if (err != FUO_OK) {
        return err;
    }
    uint64_t boot = 0;
    err = store_counter_next(d->store, "boot", &boot, detail);
    d->boot = (uint32_t)boot;
    return err;
}

static int open_control(struct daemon *d, struct detail *detail)
{
    AUTO_FREE char *hello = ctl_print_hello(FUO_VERSION, d->doc->name, d->boot);
    struct ctl_server_config config = {
        .path = config_path(&d->doc->doc, d->doc->control_socket),
        .group = d->doc->control_group,
        .hello = hello,
    };
    return ctl_server_open(d->loop, &config, &method_handlers, d, &d->ctl, detail);
}

static void init_handles(struct daemon *d)
{
    uv_async_init(d->loop, &d->store_async, on_store_wake);
    uv_timer_init(d->loop, &d->retry_timer);
    uv_timer_init(d->loop, &d->watch_timer);
    uv_timer_init(d->loop, &d->windows_timer);
    uv_timer_init(d->loop, &d->doctor_timer);
    uv_timer_init(d->loop, &d->drain_timer);
    uv_signal_init(d->loop, &d->sigterm);
    uv_signal_init(d->loop, &d->sigint);
    d->store_async.data = d->retry_timer.data = d->watch_timer.data = d;
    d->windows_timer.data = d;
    d->doctor_timer.data = d->drain_timer.data = d->sigterm.data = d->sigint.data = d;
    d->on_retry = on_retry;
    d->on_watch = on_watch;
    d->driver = driver_create(d->loop, &d->clock, &commit_ports, d);
    d->uploads = uploads_create();
    if (d->doc->status.url != NULL) {
        char prefix[TEXT_SIZE];
        snprintf(prefix, sizeof(prefix), "%s/%s", d->doc->status_root, d->doc->name);
        d->status = status_create(prefix);
    }
}

/* Store, keys, connections, campaigns; nothing is sent yet. */
static int open_all(struct daemon *d, struct diag_list *diags, struct detail *detail)
{
    int err = open_store(d, detail);
    if (err == FUO_OK) {
        err = keyring_create(&d->keyring);
    }
    if (err == FUO_OK) {
        err = restore_inventories(d, detail);
    }
    if (err == FUO_OK) {
        err = fleet_link_open_all(d, diags);
    }
    if (err == FUO_OK) {
        err = restore_engine(d, detail);
    }
    if (err == FUO_OK) {
        err = status_link_open(d, diags);
    }
    if (err == FUO_OK) {
        err = open_control(d, detail);
    }
    return err;
}

/* What no further start mends: see store_open(). */
static bool is_mismatch(int err)
{
    return err == FUO_ENOTSUP || err == FUO_EAUTH || err == FUO_EPROTO;
}

static enum daemon_exit report(const struct diag_list *diags, int err,
                               const struct detail *detail)
{
    diag_list_print(diags, stderr);
    if (diags->error_count > 0) {
        return DAEMON_INVALID;
    }
    if (err != FUO_OK) {
        log_err("cannot start: %s",
                detail->text[0] != '\0' ? detail->text : fuo_strerror(err));
        return is_mismatch(err) ? DAEMON_MISMATCH : DAEMON_INTERNAL;
    }
    return DAEMON_DONE;
}

static enum daemon_exit serve(struct daemon *d, struct diag_list *diags)
{
    struct detail detail = {0};
    init_handles(d);
    uv_signal_start(&d->sigterm, on_signal, SIGTERM);
    uv_signal_start(&d->sigint, on_signal, SIGINT);
    int err = open_all(d, diags, &detail);
    enum daemon_exit code = d->draining ? DAEMON_DONE : report(diags, err, &detail);
    if (err == FUO_OK && !d->draining) {
        d->running = true;
        d->started = clock_utc(&d->clock);
        log_info("ready version=%s instance=%s boot=%u fleets=%zu", FUO_VERSION,
                 d->doc->name, d->boot, d->fleets.count);
        driver_recover(d->driver, d->engine);
        windows_link_start(d);
        uv_run(d->loop, UV_RUN_DEFAULT);
    } else {
        close_all(d);
        uv_run(d->loop, UV_RUN_DEFAULT);
    }
    return code;
}

enum daemon_exit daemon_run(const struct daemon_options *options)
{
    uv_loop_t loop;
    struct daemon d = {.loop = &loop};
    struct diag_list diags = {0};
    if (clock_init(&d.clock, options->time_scale) != FUO_OK) {
        fprintf(stderr, "fuotad: --time-scale is F@EPOCH, as 60@1770000000\n");
        return DAEMON_USAGE;
    }
    if (secrets_init() != FUO_OK || uv_loop_init(&loop) != 0) {
        fprintf(stderr, "fuotad: a library cannot be initialised\n");
        return DAEMON_INTERNAL;
    }
    secrets_forbid_dumps();
    enum daemon_exit code = DAEMON_INVALID;
    if (load_files(&d, options, &diags) != FUO_OK || diags.error_count > 0) {
        diag_list_print(&diags, stderr);
    } else if (options->check) {
        diag_list_print(&diags, stderr);
        code = DAEMON_DONE;
    } else {
        start_log(&d);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ,
               SIG_IGN); /* a full quota is an error of write(), like a full disk */
        code = serve(&d, &diags);
    }
    release(&d);
    diag_list_finish(&diags);
    uv_loop_close(&loop);
    log_flush();
    return code;
}

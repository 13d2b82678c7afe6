/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "io/cleanup.h"
#include "io/secrets.h"
#include "loop/daemon.h"
#include "loop/doctor.h"
#include "loop/internal.h"
#include "loop/notify.h"
#include "loop/setup.h"

enum {
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

/* ---- the beginning ---- */

int life_load_files(struct daemon *d, const struct daemon_options *options,
                    struct diag_list *diags)
{
    if (daemon_load(options->config_file, &d->doc, diags) != FUO_OK) {
        return FUO_EINVAL;
    }
    config_unsupported(&d->doc->doc, diags);
    windows_load(d->doc, &d->windows, diags);
    operators_load(d->doc, &d->operators, diags);
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

void life_init(struct daemon *d, const struct driver_ports *ports, void *arg)
{
    uv_async_init(d->loop, &d->store_async, on_store_wake);
    uv_timer_init(d->loop, &d->retry_timer);
    uv_timer_init(d->loop, &d->watch_timer);
    uv_timer_init(d->loop, &d->windows_timer);
    uv_timer_init(d->loop, &d->budget_timer);
    d->budget_timer.data = d;
    uv_timer_init(d->loop, &d->scan_timer);
    d->scan_timer.data = d;
    uv_timer_init(d->loop, &d->airtime_timer);
    d->airtime_timer.data = d;
    uv_timer_init(d->loop, &d->doctor_timer);
    uv_timer_init(d->loop, &d->drain_timer);
    uv_signal_init(d->loop, &d->sigterm);
    uv_signal_init(d->loop, &d->sigint);
    d->store_async.data = d->retry_timer.data = d->watch_timer.data = d;
    d->windows_timer.data = d;
    d->doctor_timer.data = d->drain_timer.data = d->sigterm.data = d->sigint.data = d;
    d->on_retry = on_retry;
    d->on_watch = on_watch;
    d->driver = driver_create(d->loop, &d->clock, ports, arg);
    d->uploads = uploads_create();
    notify_init(d);
    if (d->doc->status.url != NULL) {
        char prefix[TEXT_SIZE];
        snprintf(prefix, sizeof(prefix), "%s/%s", d->doc->status_root, d->doc->name);
        d->status = status_create(prefix);
        request_link_prepare(d);
    }
}

int life_open(struct daemon *d, struct diag_list *diags, struct detail *detail)
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
        err = notify_load(d, detail);
    }
    if (err == FUO_OK) {
        err = status_link_open(d, diags);
    }
    return err;
}

/* ---- the end ---- */

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void life_close(struct daemon *d)
{
    intake_link_close(d);
    fleet_link_close_all(d);
    notify_close(d);
    status_link_close(d);
    if (d->ctl != NULL) {
        ctl_server_close(TAKE(d->ctl), NULL, NULL);
    }
    if (d->driver != NULL) {
        driver_close(TAKE(d->driver), NULL, NULL);
    }
    turns_close(&d->turns);
    close_handle((uv_handle_t *)&d->store_async);
    close_handle((uv_handle_t *)&d->retry_timer);
    close_handle((uv_handle_t *)&d->watch_timer);
    close_handle((uv_handle_t *)&d->windows_timer);
    close_handle((uv_handle_t *)&d->budget_timer);
    close_handle((uv_handle_t *)&d->scan_timer);
    close_handle((uv_handle_t *)&d->airtime_timer);
    close_handle((uv_handle_t *)&d->doctor_timer);
    close_handle((uv_handle_t *)&d->drain_timer);
    close_handle((uv_handle_t *)&d->sigterm);
    close_handle((uv_handle_t *)&d->sigint);
    d->running = false;
    scan_close(d);
}

static void free_waiters(struct daemon *d)
{
    while (d->histories != NULL) {
        struct history_wait *wait = d->histories;
        d->histories = wait->next;
        json_object_put(wait->data);
        free(wait);
    }
    while (d->audits != NULL) {
        struct audit_wait *wait = d->audits;
        d->audits = wait->next;
        free(wait);
    }
    access_close(d);
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
        json_object_put(waiter->retry);
        import_free(waiter->import);
        free(waiter);
        waiter = next;
    }
}

void life_release(struct daemon *d)
{
    store_close(d->store);
    engine_destroy(d->engine);
    campaigns_clear(&d->campaigns);
    exec_forget(d);
    notify_free(d);
    doctor_close(d);
    gateways_finish(&d->gateways);
    keyring_destroy(d->keyring);
    uploads_destroy(d->uploads);
    mqtt_ctl_destroy(d->mqtt_ctl);
    status_destroy(d->status);
    store_batch_finish(&d->rows);
    store_batch_finish(&d->parts);
    effects_finish(&d->publish_later);
    free_waiters(d);
    free_waiter_list(d->waiters);
    free_waiter_list(d->waiters_out);
    scan_free_all(d);
    fleets_finish(&d->fleets);
    windows_finish(&d->windows);
    daemon_doc_destroy(d->doc);
}

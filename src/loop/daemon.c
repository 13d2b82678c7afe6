/* SPDX-License-Identifier: MIT */
#include "loop/daemon.h"
#include "loop/gateway_airtime.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "io/secrets.h"
#include "loop/internal.h"
#include "loop/notify.h"
#include "loop/setup.h"
#include "loop/xalloc.h"

#define LOG_MODULE "fuotad"
#include "io/log.h"

enum {
    DRAIN_LOOK_MS = 20,
    DRAIN_MAX_MS = 1500,
};

/* ---- the end ---- */

/* Until the batch that is out has settled and the broker has heard of it. */
static void on_drain(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    bool told = d->mqtt == NULL || !mqtt_is_up(d->mqtt) || d->told_draining;
    bool late = uv_now(d->loop) - d->drain_started_ms >= DRAIN_MAX_MS;
    if ((driver_is_idle(d->driver) && told) || late) {
        life_close(d);
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
    atomic_store(&d->stopping, true);
    if (!d->running) {
        return; /* still starting: serve() looks */
    }
    d->drain_started_ms = uv_now(d->loop);
    driver_stop(d->driver);
    status_link_set_state(d, "draining");
    uv_timer_stop(&d->retry_timer);
    uv_timer_start(&d->drain_timer, on_drain, 0, DRAIN_LOOK_MS);
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
    life_init(d, &commit_ports, d);
    uv_signal_start(&d->sigterm, on_signal, SIGTERM);
    uv_signal_start(&d->sigint, on_signal, SIGINT);
    int err = life_open(d, diags, &detail);
    if (err == FUO_OK) {
        err = open_control(d, &detail);
    }
    enum daemon_exit code = d->draining ? DAEMON_DONE : report(diags, err, &detail);
    if (err == FUO_OK && !d->draining) {
        d->running = true;
        d->started = clock_utc(&d->clock);
        log_info("ready version=%s instance=%s boot=%u fleets=%zu", FUO_VERSION,
                 d->doc->name, d->boot, d->fleets.count);
        turns_start(&d->turns, d->loop);
        driver_recover(d->driver, d->engine);
        windows_link_start(d);
        scan_start(d);
        gateway_airtime_start(d);
        notify_start(d);
        intake_link_start(d);
        status_budget_start(d);
        uv_run(d->loop, UV_RUN_DEFAULT);
    } else {
        life_close(d);
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
    if (life_load_files(&d, options, &diags) != FUO_OK || diags.error_count > 0) {
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
    life_release(&d);
    diag_list_finish(&diags);
    uv_loop_close(&loop);
    log_flush();
    return code;
}

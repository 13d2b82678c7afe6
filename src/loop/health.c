/* SPDX-License-Identifier: MIT */
/* health.c - how the daemon itself does: turns of its loop, what it took, what it dropped. */
#include "loop/internal.h"
#include "loop/notify.h"
#include "loop/render.h"
#include "plugin/host.h"

#define LOG_MODULE "health"
#include "io/log.h"

enum {
    BACKLOG_LOG_MS = 10000,
};

/* Of all fleets together. */
static void add_fleet(struct health *health, const struct fleet_entry *fleet)
{
    struct host_health host;
    const char *kind = NULL;
    uint64_t count = 0;
    if (fleet->host == NULL) {
        return;
    }
    host_health(fleet->host, &host);
    health->messages += host.mqtt.received;
    health->dropped_flood += host.mqtt.dropped_flood;
    health->dropped_oversize += host.mqtt.dropped_oversize;
    for (size_t i = 0; host_reject(fleet->host, i, &kind, &count); i++) {
        health->rejected += count;
    }
}

struct health health_now(const struct daemon *d)
{
    struct health health = {
        .uplinks = d->uplinks,
        .dropped_backlog = driver_dropped(d->driver),
        .implausible = d->implausible_uplinks,
    };
    for (size_t i = 0; i < d->fleets.count; i++) {
        add_fleet(&health, &d->fleets.items[i]);
    }
    return health;
}

void health_report_backlog(struct daemon *d)
{
    uint64_t dropped = driver_dropped(d->driver);
    uint64_t now_ms = uv_now(d->loop);
    if (dropped == d->backlog_logged ||
        (d->backlog_logged != 0 && now_ms - d->backlog_logged_ms < BACKLOG_LOG_MS)) {
        return;
    }
    d->backlog_logged = dropped;
    d->backlog_logged_ms = now_ms;
    log_warn("the disk does not keep up: %llu events dropped so far",
             (unsigned long long)dropped);
}

struct json_object *health_render(const struct daemon *d)
{
    struct health health = health_now(d);
    struct json_object *data = json_object_new_object();
    struct json_object *dropped = json_object_new_object();
    render_add_text(data, "instance", d->doc->name);
    render_add_text(data, "version", FUO_VERSION);
    render_add_int(data, "boot", d->boot);
    render_add(data, "stores", json_object_new_boolean(!driver_is_down(d->driver)));
    render_add_int(data, "turns", (int64_t)d->turns.count);
    render_add_int(data, "turn_longest_us", d->turns.longest_us);
    render_add_int(data, "messages", (int64_t)health.messages);
    render_add_int(data, "uplinks", (int64_t)health.uplinks);
    render_add_int(dropped, "flood", (int64_t)health.dropped_flood);
    render_add_int(dropped, "backlog", (int64_t)health.dropped_backlog);
    render_add_int(dropped, "oversize", (int64_t)health.dropped_oversize);
    render_add_int(dropped, "rejected", (int64_t)health.rejected);
    render_add_int(dropped, "implausible", (int64_t)health.implausible);
    render_add_int(dropped, "flushes", (int64_t)d->flushes_dropped);
    render_add_int(dropped, "webhooks", (int64_t)notify_lost(d));
    render_add_int(data, "webhooks_waiting", (int64_t)notify_waiting(d));
    render_add(data, "dropped", dropped);
    return data;
}

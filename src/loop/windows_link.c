/* SPDX-License-Identifier: MIT */
/* The windows of campaigns, from the daemon's files to the engine. */
#include "loop/internal.h"

#define LOG_MODULE "windows"
#include "io/log.h"

/* Spans are known for weeks; a clock that is set is not to matter for longer than this. */
#define RENEW_US HOURS_US(6)

static bool resolve(struct daemon *d, const struct campaign_entry *entry,
                    struct schedule_spans *spans, struct engine_windows *windows)
{
    int err = windows_resolve(&d->windows, &entry->doc->spec.schedule,
                              clock_utc(&d->clock), spans, windows);
    if (err != FUO_OK) { /* checked before the campaign was taken */
        log_err("windows cannot be resolved, nothing is sent campaign=%s error=%s",
                entry->doc->spec.name, fuo_strerror(err));
        *windows = (struct engine_windows){.spans = spans->spans, .until = UTC_NEVER};
    }
    windows->campaign_id = entry->id;
    return windows->spans != NULL;
}

void windows_link_give(struct daemon *d, const struct campaign_entry *entry)
{
    struct schedule_spans spans;
    struct engine_event event = {.type = ENGINE_EV_WINDOWS};
    if (resolve(d, entry, &spans, &event.windows)) {
        driver_feed(d->driver, &event);
    }
}

void windows_link_replace(struct daemon *d, const struct campaign_entry *entry)
{
    struct schedule_spans spans;
    struct engine_event event = {.type = ENGINE_EV_WINDOWS};
    (void)resolve(d, entry, &spans, &event.windows);
    driver_feed(d->driver, &event);
}

int windows_link_restore(struct daemon *d, struct engine *engine,
                         const struct campaign_entry *entry)
{
    struct schedule_spans spans;
    struct engine_windows windows;
    return resolve(d, entry, &spans, &windows) ? engine_restore_windows(engine, &windows)
                                               : FUO_OK;
}

void windows_link_renew(struct daemon *d)
{
    for (const struct campaign_entry *entry = d->campaigns.head; entry != NULL;
         entry = entry->next) {
        windows_link_give(d, entry);
    }
}

static void on_renew(uv_timer_t *timer)
{
    windows_link_renew(timer->data);
}

void windows_link_start(struct daemon *d)
{
    uint64_t every_ms = (uint64_t)clock_wall_us(&d->clock, RENEW_US) / 1000 + 1;
    uv_timer_start(&d->windows_timer, on_renew, every_ms, every_ms);
}

/* SPDX-License-Identifier: MIT */
/*
 * scan.c - what the servers have: asked for, collected, merged with what the files say, and
 * known to inventory and engine when it is on disk.
 *
 * A device that another fleet has stays there. One that the server has no more is forgotten
 * when the list was complete.
 */
#include "loop/scan.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/xalloc.h"

#define LOG_MODULE "scan"
#include "io/log.h"

/* Somebody who waits for what a scan says. */
struct scan_wait {
    struct scan_wait *next;
    const struct fleet_entry *fleet;
    uint64_t until_ms;
    void (*done)(void *arg);
    void *arg;
};

static bool takes_devices(const struct fleet_entry *fleet)
{
    return fleet->doc->inventory_source != FLEET_INVENTORY_FILE;
}

/* ---- those who wait ---- */

static bool is_over(const struct daemon *d, const struct scan_wait *wait)
{
    return wait->fleet->server->scan == NULL || uv_now(d->loop) >= wait->until_ms;
}

static void tell_waiting(struct daemon *d)
{
    struct scan_wait **at = &d->scan_waits;
    while (*at != NULL) {
        struct scan_wait *wait = *at;
        if (!is_over(d, wait)) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        wait->done(wait->arg);
        free(wait);
        at = &d->scan_waits; /* others may have come */
    }
}

/* ---- the end of a scan ---- */

static void end(struct scan *s, int err)
{
    struct daemon *d = s->d;
    struct server_state *state = s->fleet->server;
    const char *fatal = server_view_fatal(&s->view);
    const char *name = s->fleet->doc->spec.name;
    uint64_t now_ms = uv_now(d->loop);
    state->scan = NULL;
    state->tried = true;
    bool looked = err == FUO_ENOTSUP && !takes_devices(s->fleet); /* it lists nothing */
    state->err = looked ? FUO_OK : err;
    state->fatal = (struct server_finding){0};
    if (fatal != NULL) {
        state->fatal.fatal = true;
        memcpy(state->fatal.text, fatal, sizeof(state->fatal.text));
        log_err("the server of the fleet cannot be used fleet=%s reason=%s", name, fatal);
    }
    if (err == FUO_OK) {
        server_view_finish(&state->view);
        state->view = s->view;
        s->view = (struct server_view){0};
        state->known = true;
        state->ended_ms = now_ms;
        state->keys_ms = s->with_keys ? now_ms : state->keys_ms;
        state->again_ms = SCAN_AGAIN_MS;
        state->next_ms = now_ms + SCAN_EVERY_MS;
        log_info("server read fleet=%s devices=%zu gateways=%zu", name, state->view.count,
                 state->view.gateway_count);
    } else if (looked) {
        server_view_finish(&state->view); /* its findings are all there is */
        state->view = s->view;
        s->view = (struct server_view){0};
        state->untold = false;
        state->next_ms = now_ms + SCAN_EVERY_MS;
    } else {
        state->next_ms = now_ms + state->again_ms;
        state->again_ms =
            state->again_ms < SCAN_EVERY_MS / 2 ? state->again_ms * 2 : SCAN_EVERY_MS;
        log_warn("server could not be read fleet=%s error=%s", name, fuo_strerror(err));
    }
    scan_free(s);
    tell_waiting(d);
}

static void install(struct scan *s)
{
    struct fleet_entry *fleet = s->fleet;
    if (takes_devices(fleet)) {
        inventory_finish(&fleet->inventory);
        fleet->inventory = s->merged;
        s->merged = (struct inventory){0};
        import_tell_engine(s->d, fleet);
    }
}

/* ---- to the disk ---- */

static void submit(struct scan *s)
{
    struct daemon *d = s->d;
    if (s->part == s->part_count) {
        install(s);
        end(s, s->err);
        return;
    }
    if (driver_is_down(d->driver) || d->draining) {
        end(s, FUO_EIO);
        return;
    }
    store_batch_append(&d->rows, &s->parts[s->part]);
    commit_wait(d, 0, 0)->scan = s;
    driver_flush(d->driver);
}

void scan_stored(struct daemon *d, struct scan *scan, int err)
{
    (void)d;
    if (err != FUO_OK) {
        end(scan, err);
        return;
    }
    scan->part++;
    submit(scan);
}

static bool is_bounded(const struct scan *s)
{
    for (size_t i = 0; i < s->part_count; i++) {
        if (s->parts[i].err != FUO_OK) {
            return false;
        }
    }
    return s->merged.count <= INVENTORY_DEVICES_MAX &&
           s->merged.label_count <= INVENTORY_COLUMNS_MAX;
}

static void on_merged(uv_work_t *work, int status)
{
    struct scan *s = work->data;
    (void)status; /* it is never cancelled */
    if (!s->d->running) {
        s->fleet->server->scan = NULL;
        scan_free(s);
        return;
    }
    if (!is_bounded(s)) {
        log_err("the server has more than fits fleet=%s devices=%zu of %d labels=%zu of "
                "%d",
                s->fleet->doc->spec.name, s->merged.count, INVENTORY_DEVICES_MAX,
                s->merged.label_count, INVENTORY_COLUMNS_MAX);
        end(s, FUO_ENOSPC);
        return;
    }
    submit(s);
}

static void on_work(uv_work_t *work)
{
    scan_merge(work->data);
}

static void note_left_out(struct scan *s)
{
    if (s->elsewhere > 0) {
        server_view_add_finding(&s->view, false,
                                "%zu of its devices are in another fleet and stay there, "
                                "the first is %016llx: let one fleet have each device",
                                s->elsewhere, (unsigned long long)s->first_elsewhere);
    }
    if (s->strange > 0) {
        server_view_add_finding(&s->view, false,
                                "%zu devices name a device profile that is not there, "
                                "such as '%.60s', and are taken for the fleet's default: "
                                "correct their tag fuotad-profile",
                                s->strange, s->first_strange);
    }
    if (s->builder.labels_lost + s->builder.devices_lost > 0) {
        server_view_add_finding(
            &s->view, false,
            "%zu labels and %zu devices were left out: a fleet has at "
            "most %d different labels and %d devices",
            s->builder.labels_lost, s->builder.devices_lost, INVENTORY_COLUMNS_MAX,
            INVENTORY_DEVICES_MAX);
    }
}

/* The server has answered all that was asked. FUO_EAGAIN: devices came or went meanwhile. */
static void on_result(struct scan *s, int err)
{
    bool usable = err == FUO_OK || (err == FUO_EAGAIN && s->builder.count > 0);
    if (!usable) {
        end(s, err);
        return;
    }
    s->err = err;
    note_left_out(s);
    s->work.data = s;
    if (uv_queue_work(s->d->loop, &s->work, on_work, on_merged) != 0) {
        end(s, FUO_ENOMEM);
    }
}

/* ---- what comes in ---- */

static bool is_elsewhere(const struct scan *s, uint64_t dev_eui)
{
    const struct device_rec *rec = engine_device(s->d->engine, dev_eui);
    return rec != NULL && rec->fleet_id != s->fleet->id;
}

/* One that stays as it is has a name that is known. */
static const char *profile_of(struct scan *s, const struct fuo_event *event)
{
    const char *name = event->device.profile;
    if (name == NULL || fleets_profile(&s->d->fleets, name) != NULL) {
        return name;
    }
    if (s->strange++ == 0) {
        (void)snprintf(s->first_strange, sizeof(s->first_strange), "%s", name);
    }
    return NULL;
}

/* Never 0 where there was an answer. */
static uint64_t hash_of_keys(const struct scan *s, const struct fuo_event *event)
{
    uint8_t bytes[2 * (INVENTORY_KEY_SIZE + 1)] = {0};
    if (event->device.keys_left_out) {
        return 0;
    }
    if (event->device.gen_app_key != NULL) {
        bytes[0] = 1;
        memcpy(bytes + 1, event->device.gen_app_key, INVENTORY_KEY_SIZE);
    }
    if (event->device.app_key != NULL) {
        bytes[INVENTORY_KEY_SIZE + 1] = 1;
        memcpy(bytes + INVENTORY_KEY_SIZE + 2, event->device.app_key, INVENTORY_KEY_SIZE);
    }
    uint64_t hash = siphash(&s->fleet->server->key, bytes, sizeof(bytes));
    explicit_bzero(bytes, sizeof(bytes));
    return hash != 0 ? hash : 1;
}

static void take_device(struct scan *s, const struct fuo_event *event)
{
    uint64_t dev_eui = event->device.dev_eui;
    struct inventory_label labels[FUO_LABELS_MAX];
    server_view_add_device(&s->view, event, hash_of_keys(s, event));
    if (!takes_devices(s->fleet)) {
        return;
    }
    if (is_elsewhere(s, dev_eui)) {
        s->first_elsewhere = s->elsewhere++ == 0 ? dev_eui : s->first_elsewhere;
        return;
    }
    for (size_t i = 0; i < event->device.label_count; i++) {
        labels[i] = (struct inventory_label){event->device.labels[i].key,
                                             event->device.labels[i].value};
    }
    const struct inventory_device *known =
        event->device.keys_left_out ? inventory_find(&s->fleet->inventory, dev_eui)
                                    : NULL;
    const struct inventory_entry entry = {
        .dev_eui = dev_eui,
        .name = event->device.name,
        .profile = profile_of(s, event),
        .labels = labels,
        .label_count = event->device.label_count,
        .gen_app_key = event->device.gen_app_key,
        .app_key = event->device.app_key,
        .has_gen_app_key = known != NULL && known->has_gen_app_key,
        .has_app_key = known != NULL && known->has_app_key,
        .lorawan_minor = event->device.lorawan_minor,
    };
    inventory_builder_add(&s->builder, &entry);
}

static struct scan *scan_of(const struct daemon *d, uint32_t fleet_id, uint64_t id)
{
    const struct fleet_entry *fleet = fleets_by_id(&d->fleets, fleet_id);
    struct scan *s = fleet != NULL && fleet->server != NULL ? fleet->server->scan : NULL;
    return s != NULL && s->id == id && s->work.data == NULL ? s : NULL;
}

bool scan_take(struct daemon *d, uint32_t fleet_id, const struct fuo_event *event)
{
    struct scan *s = NULL;
    switch (event->type) {
    case FUO_EV_DEVICE:
        s = scan_of(d, fleet_id, event->device.id);
        if (s != NULL) {
            take_device(s, event);
        }
        return true;
    case FUO_EV_LISTED:
        s = scan_of(d, fleet_id, event->listed.id);
        if (s != NULL) {
            server_view_add_gateway(&s->view, event);
        }
        return true;
    case FUO_EV_FINDING:
        s = scan_of(d, fleet_id, event->finding.id);
        if (s != NULL) {
            server_view_add_finding(&s->view, event->finding.fatal, "%s",
                                    event->finding.text);
        }
        return s != NULL;
    case FUO_EV_RESULT:
        s = scan_of(d, fleet_id, event->result.id);
        if (s != NULL) {
            on_result(s, event->result.err);
        }
        return s != NULL;
    case FUO_EV_UPLINK:
    case FUO_EV_FATE:
    case FUO_EV_GROUP:
    case FUO_EV_QUEUE:
    case FUO_EV_STATUS:
    case FUO_EV_REPORTED:
    case FUO_EV_AIRED:
    case FUO_EV_GATEWAY:
    case FUO_EV_PROGRESS:
    case FUO_EV_ORDERED:
    case FUO_EV_ACCESSED:
    case FUO_EV_AIRTIME:
        return false;
    }
    return false;
}

/* ---- the beginning ---- */

/* Ascending: of these the keys are known. */
static size_t list_keyed(const struct fleet_entry *fleet, uint64_t *keyed)
{
    size_t count = 0;
    for (size_t i = 0; i < fleet->inventory.count; i++) {
        const struct inventory_device *device = &fleet->inventory.devices[i];
        if (device->served && (device->has_gen_app_key || device->has_app_key)) {
            keyed[count++] = device->dev_eui;
        }
    }
    return count;
}

static void begin(struct daemon *d, struct fleet_entry *fleet)
{
    struct server_state *state = fleet->server;
    bool with_keys =
        takes_devices(fleet) &&
        (state->keys_ms == 0 || uv_now(d->loop) - state->keys_ms >= SCAN_KEYS_EVERY_MS);
    uint64_t *keyed = xcalloc(fleet->inventory.count + 1, sizeof(*keyed));
    struct fuo_inventory intent = {
        .id = requests_new_id(&d->requests),
        .keys = takes_devices(fleet),
        .keyed = keyed,
        .keyed_count = with_keys ? 0 : list_keyed(fleet, keyed),
    };
    int err = host_inventory(fleet->host, &intent);
    free(keyed);
    if (err == FUO_OK) {
        struct scan *s = xcalloc(1, sizeof(*s));
        s->d = d;
        s->fleet = fleet;
        s->id = intent.id;
        s->with_keys = with_keys;
        state->scan = s;
    } else {
        state->unable = err == FUO_ENOTSUP;
        state->next_ms = uv_now(d->loop) + SCAN_AGAIN_MS;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    for (size_t i = 0; i < d->fleets.count && !d->draining; i++) {
        struct fleet_entry *fleet = &d->fleets.items[i];
        const struct server_state *state = fleet->server;
        if (!state->unable && state->scan == NULL && uv_now(d->loop) >= state->next_ms) {
            begin(d, fleet);
        }
    }
    tell_waiting(d);
}

void scan_start(struct daemon *d)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        struct server_state *state = xcalloc(1, sizeof(*state));
        randombytes_buf(&state->key, sizeof(state->key));
        state->again_ms = SCAN_AGAIN_MS;
        d->fleets.items[i].server = state;
    }
    uv_timer_start(&d->scan_timer, on_timer, 0, SCAN_LOOK_MS);
}

/* ---- plans ---- */

static bool is_wanted(const struct daemon *d, const struct fleet_entry *fleet)
{
    const struct server_state *state = fleet->server;
    if (state == NULL || state->unable || !d->running) {
        return false;
    }
    bool fresh = state->known && (!takes_devices(fleet) ||
                                  uv_now(d->loop) - state->ended_ms < SCAN_FRESH_MS);
    return !state->tried || state->fatal.fatal || (!fresh && takes_devices(fleet));
}

bool scan_wait_for(struct daemon *d, struct fleet_entry *fleet, void (*done)(void *arg),
                   void *arg)
{
    if (!is_wanted(d, fleet)) {
        return false;
    }
    if (fleet->server->scan == NULL) {
        begin(d, fleet);
    }
    if (fleet->server->scan == NULL) {
        return false;
    }
    struct scan_wait *wait = xcalloc(1, sizeof(*wait));
    wait->fleet = fleet;
    wait->until_ms = uv_now(d->loop) + SCAN_WAIT_MS;
    wait->done = done;
    wait->arg = arg;
    wait->next = d->scan_waits;
    d->scan_waits = wait;
    return true;
}

/* ---- the end ---- */

void scan_close(struct daemon *d)
{
    while (d->scan_waits != NULL) {
        struct scan_wait *wait = d->scan_waits;
        d->scan_waits = wait->next;
        wait->done(wait->arg);
        free(wait);
    }
}

void scan_free_all(struct daemon *d)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        struct server_state *state = d->fleets.items[i].server;
        if (state != NULL) {
            scan_free(state->scan);
            server_view_finish(&state->view);
            free(state);
        }
        d->fleets.items[i].server = NULL;
    }
}

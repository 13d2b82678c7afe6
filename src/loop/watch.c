/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "loop/internal.h"
#include "loop/view.h"
#include "loop/xalloc.h"

enum {
    TELL_EVERY_MS = 250,
};

static void tell_event(struct daemon *d, const struct watcher *watcher, const char *event,
                       struct json_object *data)
{
    client_send(d, watcher->connection,
                ctl_print_event(watcher->request_id, event, data));
}

/* The state now; true if the stream is over. */
static bool tell_state(struct daemon *d, struct watcher *watcher)
{
    const struct campaign_rec *rec =
        engine_campaign_by_id(d->engine, watcher->campaign_id);
    if (rec == NULL) {
        struct ctl_error error = {0};
        ctl_fail(&error, CTL_NOT_FOUND, "the campaign is gone");
        method_refuse(d, watcher->connection, watcher->request_id, &error);
        return true;
    }
    tell_event(d, watcher, "state", method_state(d, rec));
    watcher->pending = false;
    watcher->told_ms = uv_now(d->loop);
    if (!campaign_phase_is_final(rec->phase)) {
        return false;
    }
    method_reply(d, watcher->connection, watcher->request_id, method_state(d, rec));
    return true;
}

/* Watchers of connections that are gone are only marked: they may be in use. */
void watch_gone(struct daemon *d, uint64_t connection)
{
    for (struct watcher *w = d->watchers; w != NULL; w = w->next) {
        if (w->connection == connection) {
            w->connection = 0;
        }
    }
}

/* Those whose turn it is; the others when the timer ends. */
static void tell_pending(struct daemon *d)
{
    uint64_t now_ms = uv_now(d->loop);
    bool waiting = false;
    struct watcher **at = &d->watchers;
    while (*at != NULL) {
        struct watcher *watcher = *at;
        bool due = now_ms - watcher->told_ms >= TELL_EVERY_MS;
        bool over = watcher->pending && due && tell_state(d, watcher);
        if (over || watcher->connection == 0) {
            *at = watcher->next;
            free(watcher);
        } else {
            waiting |= watcher->pending;
            at = &watcher->next;
        }
    }
    if (waiting && !uv_is_active((uv_handle_t *)&d->watch_timer)) {
        uv_timer_start(&d->watch_timer, d->on_watch, TELL_EVERY_MS, 0);
    }
}

static size_t watcher_count(const struct daemon *d)
{
    size_t count = 0;
    for (const struct watcher *w = d->watchers; w != NULL; w = w->next) {
        count++;
    }
    return count;
}

void watch_start(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    const char *name = ctl_text(request->params, "name");
    const struct campaign_rec *rec =
        name != NULL ? engine_campaign_by_name(d->engine, name) : NULL;
    if (rec == NULL) {
        struct ctl_error error = {0};
        ctl_fail(&error, CTL_NOT_FOUND, "there is no campaign '%s'",
                 name != NULL ? name : "");
        method_refuse(d, connection, request->id, &error);
        return;
    }
    if (watcher_count(d) >= WATCHERS_MAX) {
        struct ctl_error error = {0};
        ctl_fail(&error, CTL_INTERNAL, "too many watch already");
        method_refuse(d, connection, request->id, &error);
        return;
    }
    struct watcher *watcher = xcalloc(1, sizeof(*watcher));
    watcher->connection = connection;
    watcher->request_id = request->id;
    watcher->campaign_id = rec->id;
    watcher->devices = ctl_bool(request->params, "devices", false);
    if (tell_state(d, watcher)) {
        free(watcher);
        return;
    }
    watcher->next = d->watchers;
    d->watchers = watcher;
    tell_pending(d); /* clears away what is gone */
}

/* ---- changes: noted when a batch is taken, told when it is on disk ---- */

static void note_device(struct daemon *d, const struct effect *effect)
{
    struct watch_notes *notes = &d->watch_notes;
    if (notes->count == notes->cap) {
        notes->cap = notes->cap == 0 ? 64 : notes->cap * 2;
        notes->items = xrealloc(notes->items, notes->cap, sizeof(*notes->items));
    }
    notes->items[notes->count++] = (struct watch_note){
        .campaign_id = effect->publish.campaign_id,
        .dev_eui = effect->publish.dev_eui,
    };
}

void watch_note(struct daemon *d, const struct effects *batch)
{
    d->watch_notes.count = 0;
    if (d->watchers == NULL) {
        return;
    }
    for (size_t i = 0; i < batch->len; i++) {
        const struct effect *effect = batch->items[i];
        if (effect->type != EFFECT_PUBLISH) {
            continue;
        }
        if (effect->publish.kind == PUBLISH_RESULT) {
            note_device(d, effect);
        }
        for (struct watcher *w = d->watchers; w != NULL; w = w->next) {
            w->pending |= w->campaign_id == effect->publish.campaign_id;
        }
    }
}

static void tell_device(struct daemon *d, const struct watch_note *note)
{
    const struct member_rec *member =
        engine_member_find(d->engine, note->campaign_id, note->dev_eui);
    for (struct watcher *w = d->watchers; member != NULL && w != NULL; w = w->next) {
        if (w->devices && w->campaign_id == note->campaign_id) {
            struct json_object *device = view_member(d->engine, member);
            view_add_variant(device, campaigns_find(&d->campaigns, note->campaign_id),
                             member);
            tell_event(d, w, "device", device);
        }
    }
}

void watch_committed(struct daemon *d)
{
    for (size_t i = 0; i < d->watch_notes.count; i++) {
        tell_device(d, &d->watch_notes.items[i]);
    }
    d->watch_notes.count = 0;
    tell_pending(d);
}

void watch_on_timer(struct daemon *d)
{
    if (!driver_is_down(d->driver)) {
        tell_pending(d);
    }
}

/* SPDX-License-Identifier: MIT */
/* notify.c - what webhooks are to be told: found in a batch, stored with it. */
#include "loop/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/notify_internal.h"
#include "loop/render.h"
#include "loop/status_event.h"
#include "loop/view.h"
#include "loop/xalloc.h"

#define LOG_MODULE "notify"
#include "io/log.h"

enum {
    WAITING_MAX = 256,
    PAYLOAD_MAX = 64 << 10, /* else without the campaign's state */
    PREFIX_SIZE = 320,
};

void notify_row_free(struct notify_row *row)
{
    if (row != NULL) {
        free(row->campaign);
        free(row->url);
        free(row->payload);
        free(row);
    }
}

/* ---- an event ---- */

static struct json_object *event_of(struct daemon *d, const struct campaign_rec *rec,
                                    const char *type, struct json_object *data)
{
    char prefix[PREFIX_SIZE];
    snprintf(prefix, sizeof(prefix), "%s/%s", d->doc->status_root, d->doc->name);
    struct status_event event = {
        .prefix = prefix,
        .campaign = rec->name,
        .campaign_id = rec->id,
        .type = type,
        .time = clock_utc(&d->clock),
        .boot = d->boot,
        .series = "w",
        .number = d->notify->event_number,
    };
    return status_event_object(&event, data);
}

/* Takes data. */
static char *text_of(struct daemon *d, const struct campaign_rec *rec, const char *type,
                     struct json_object *data)
{
    struct json_object *event = event_of(d, rec, type, data);
    const char *text = json_object_to_json_string_ext(
        event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (strlen(text) > PAYLOAD_MAX) {
        json_object_object_del(json_object_object_get(event, "data"), "state");
        text = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN |
                                                         JSON_C_TO_STRING_NOSLASHESCAPE);
    }
    char *copy = xstrdup(text);
    json_object_put(event);
    return copy;
}

static void add_row(struct daemon *d, const struct campaign_rec *rec, const char *url,
                    const char *payload)
{
    struct notify *n = d->notify;
    if (n->waiting >= WAITING_MAX) {
        n->lost++;
        notify_alert(d, NULL, "too much waits for webhooks: campaign %s is not told",
                     rec->name);
        return;
    }
    struct notify_row *row = xcalloc(1, sizeof(*row));
    row->id = ++n->last_id;
    row->created = clock_utc(&d->clock);
    row->campaign = xstrdup(rec->name);
    row->url = xstrdup(url);
    row->payload = xstrdup(payload);
    row->next = n->fresh;
    n->fresh = row;
    n->waiting++;
    struct store_webhook stored = {.id = row->id,
                                   .created = row->created,
                                   .campaign = row->campaign,
                                   .url = row->url,
                                   .payload = row->payload};
    store_batch_webhook(n->rows, &stored);
}

/* All whom it concerns hear of the same event. Takes data. */
static void tell(struct daemon *d, const struct campaign_entry *entry,
                 const struct campaign_rec *rec, uint32_t occasion, const char *type,
                 struct json_object *data)
{
    const struct campaign_doc *doc = entry->doc;
    bool any = false;
    for (size_t i = 0; i < doc->notify_count; i++) {
        any |= (doc->notify[i].on_mask & occasion) != 0;
    }
    if (!any) {
        json_object_put(data);
        return;
    }
    d->notify->event_number++;
    char *payload = text_of(d, rec, type, data);
    for (size_t i = 0; i < doc->notify_count; i++) {
        if ((doc->notify[i].on_mask & occasion) != 0) {
            add_row(d, rec, doc->notify[i].webhook, payload);
        }
    }
    free(payload);
}

static void add_state(struct daemon *d, const struct campaign_entry *entry,
                      struct json_object *data)
{
    const struct campaign_rec *now = engine_campaign_by_id(d->engine, entry->id);
    if (now != NULL) {
        render_add(data, "state", view_campaign(d->engine, now, entry));
    }
}

/* ---- what is news ---- */

static uint32_t occasion_of(struct campaign_entry *entry, enum campaign_phase phase)
{
    switch (phase) {
    case CAMPAIGN_RUNNING:
        return entry->told.started ? 0 : CAMPAIGN_ON_STARTED;
    case CAMPAIGN_PAUSED:
        return CAMPAIGN_ON_PAUSED;
    case CAMPAIGN_ABORTED:
    case CAMPAIGN_FAILED:
        return CAMPAIGN_ON_ABORTED;
    case CAMPAIGN_COMPLETED:
        return CAMPAIGN_ON_COMPLETED;
    case CAMPAIGN_ABORTING:
    case CAMPAIGN_SCHEDULED:
        break;
    }
    return 0;
}

static void take_campaign(struct daemon *d, struct campaign_entry *entry,
                          const struct campaign_rec *rec)
{
    char type[64];
    if (entry->told.phase == rec->phase) {
        return;
    }
    uint32_t occasion = occasion_of(entry, rec->phase);
    entry->told.phase = rec->phase;
    entry->told.started |= rec->phase == CAMPAIGN_RUNNING;
    if (occasion == 0) {
        return;
    }
    struct json_object *data = json_object_new_object();
    render_add_text(data, "phase", campaign_phase_name(rec->phase));
    render_add_text(data, "reason", rec->reason);
    add_state(d, entry, data);
    snprintf(type, sizeof(type), "campaign.%s", campaign_phase_name(rec->phase));
    tell(d, entry, rec, occasion, type, data);
}

static bool is_over(const struct wave_rec *wave)
{
    return wave->phase == WAVE_SOAKING || wave->phase == WAVE_DONE;
}

static void take_wave(struct daemon *d, struct campaign_entry *entry,
                      const struct wave_rec *wave)
{
    const struct spec_rollout *rollout = &entry->doc->spec.rollout;
    const struct campaign_rec *rec = engine_campaign_by_id(d->engine, entry->id);
    uint64_t bit = wave->no < WAVE_MAX ? UINT64_C(1) << wave->no : 0;
    if (rec == NULL || wave->no >= rollout->wave_count) {
        return;
    }
    if (!is_over(wave) || (entry->told.waves & bit) != 0) {
        entry->told.waves &= is_over(wave) ? UINT64_MAX : ~bit; /* it goes again */
        return;
    }
    entry->told.waves |= bit;
    struct json_object *data = json_object_new_object();
    render_add_text(data, "wave", rollout->waves[wave->no].name);
    render_add_text(data, "verdict", wave_verdict_name(wave->verdict));
    add_state(d, entry, data);
    tell(d, entry, rec, CAMPAIGN_ON_WAVE_DONE, "wave.done", data);
}

/* NULL: nobody wants to hear of it. */
static struct campaign_entry *listened_to(const struct daemon *d, uint32_t campaign_id)
{
    struct campaign_entry *entry = campaigns_find(&d->campaigns, campaign_id);
    return entry != NULL && entry->doc->notify_count > 0 ? entry : NULL;
}

void notify_batch(struct daemon *d, const struct effects *batch, struct store_batch *rows)
{
    d->notify->rows = rows;
    for (size_t i = 0; i < batch->len; i++) {
        const struct effect *effect = batch->items[i];
        if (effect->type != EFFECT_STORE) {
            continue;
        }
        struct campaign_entry *entry =
            effect->store.kind == STORE_CAMPAIGN
                ? listened_to(d, effect->store.campaign.id)
            : effect->store.kind == STORE_WAVE
                ? listened_to(d, effect->store.wave.campaign_id)
                : NULL;
        if (entry == NULL) {
            continue;
        }
        if (effect->store.kind == STORE_CAMPAIGN) {
            take_campaign(d, entry, &effect->store.campaign);
        } else {
            take_wave(d, entry, &effect->store.wave);
        }
    }
}

void notify_published(struct daemon *d, const struct effects *published,
                      struct store_batch *rows)
{
    d->notify->rows = rows;
    for (size_t i = 0; i < published->len; i++) {
        const struct effect *effect = published->items[i];
        struct campaign_entry *entry =
            effect->type == EFFECT_PUBLISH && effect->publish.kind == PUBLISH_CAMPAIGN
                ? listened_to(d, effect->publish.campaign_id)
                : NULL;
        const struct campaign_rec *rec =
            entry != NULL ? engine_campaign_by_id(d->engine, entry->id) : NULL;
        if (rec != NULL) {
            take_campaign(d, entry, rec);
        }
    }
}

/* Its phase was taken from the store before anything was made of it. */
static void restore_waves_told(const struct daemon *d, struct campaign_entry *entry)
{
    const struct wave_rec *wave;
    for (size_t i = 0; (wave = engine_wave_at(d->engine, entry->id, i, NULL)) != NULL;
         i++) {
        if (is_over(wave) && wave->no < WAVE_MAX) {
            entry->told.waves |= UINT64_C(1) << wave->no;
        }
    }
}

void notify_restored(struct daemon *d)
{
    for (struct campaign_entry *entry = d->campaigns.head; entry != NULL;
         entry = entry->next) {
        restore_waves_told(d, entry);
    }
}

/* ---- life ---- */

void notify_init(struct daemon *d)
{
    struct notify *n = xcalloc(1, sizeof(*n));
    uv_timer_init(d->loop, &n->timer);
    n->timer.data = d;
    d->notify = n;
}

static int take_stored(void *arg, const struct store_webhook *stored)
{
    struct daemon *d = arg;
    struct notify_row *row = xcalloc(1, sizeof(*row));
    row->id = stored->id;
    row->created = stored->created;
    row->campaign = xstrdup(stored->campaign);
    row->url = xstrdup(stored->url);
    row->payload = xstrdup(stored->payload);
    d->notify->last_id = stored->id;
    d->notify->waiting++;
    notify_enqueue(d, row);
    return FUO_OK;
}

int notify_load(struct daemon *d, struct detail *detail)
{
    return store_load_webhooks(d->store, take_stored, d, detail);
}

void notify_start(struct daemon *d)
{
    notify_go(d);
}

void notify_settled(struct daemon *d, int err)
{
    struct notify *n = d->notify;
    struct notify_row *in_order = NULL;
    while (n->fresh != NULL) {
        struct notify_row *row = n->fresh;
        n->fresh = row->next;
        row->next = in_order;
        in_order = row;
    }
    while (in_order != NULL) {
        struct notify_row *row = in_order;
        in_order = row->next;
        row->next = NULL;
        if (err == FUO_OK) {
            notify_enqueue(d, row);
        } else {
            n->waiting--;
            notify_row_free(row);
        }
    }
    notify_go(d);
}

uint64_t notify_lost(const struct daemon *d)
{
    return d->notify->lost;
}

size_t notify_waiting(const struct daemon *d)
{
    return d->notify->waiting;
}

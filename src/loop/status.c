/* SPDX-License-Identifier: MIT */
#include "loop/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "loop/render.h"
#include "loop/status_event.h"
#include "loop/status_internal.h"
#include "loop/xalloc.h"

struct status *status_create(const char *prefix)
{
    struct status *status = xcalloc(1, sizeof(*status));
    status->prefix = xstrdup(prefix);
    return status;
}

void status_reset(struct status *status)
{
    free(TAKE(status->index));
    free(TAKE(status->seqs));
    status->seq_count = 0;
}

void status_destroy(struct status *status)
{
    if (status != NULL) {
        status_reset(status);
        free(status->prefix);
        free(status);
    }
}

const char *status_prefix(const struct status *status)
{
    return status->prefix;
}

/* ---- rows ---- */

void status_add_row(struct status_rendering *r, const struct store_outbox *row,
                    struct json_object *payload)
{
    struct store_outbox full = *row;
    full.payload = (const uint8_t *)"";
    if (payload != NULL) {
        full.payload = (const uint8_t *)json_object_to_json_string_length(
            payload, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
            &full.payload_len);
    }
    full.qos = 1;
    store_batch_outbox(r->rows, &full);
    json_object_put(payload);
}

void status_add_retained(struct status_rendering *r, uint32_t campaign_id,
                         const char *topic, struct json_object *payload)
{
    char full[STATUS_FULL_TOPIC_SIZE];
    snprintf(full, sizeof(full), "%s/%s", r->status->prefix, topic);
    status_add_row(
        r,
        &(struct store_outbox){.topic = full, .campaign_id = campaign_id, .retain = true},
        payload);
}

/* ---- events ---- */

void status_event(struct status *status, const struct status_source *source,
                  const struct campaign_rec *rec, const char *type,
                  struct json_object *data, struct store_batch *rows)
{
    struct status_event event = {
        .prefix = status->prefix,
        .campaign = rec->name,
        .campaign_id = rec->id,
        .type = type,
        .time = source->now,
        .boot = source->boot,
        .series = "",
        .number = ++status->event_number,
    };
    status_event_row(&event, data, rows);
}

void status_add_event(struct status_rendering *r, const struct campaign_rec *rec,
                      const char *type, struct json_object *data)
{
    status_event(r->status, r->source, rec, type, data, r->rows);
}

/* ---- a batch ---- */

static void render_index(struct status_rendering *r)
{
    struct json_object *index = json_object_new_object();
    struct json_object *list = json_object_new_array();
    const struct campaign_rec *rec;
    for (size_t i = 0; (rec = engine_campaign_at(r->source->engine, i)) != NULL; i++) {
        json_object_array_add(list, render_index_entry(rec));
    }
    for (const struct campaign_left_out *out = r->source->campaigns->left_out;
         out != NULL; out = out->next) {
        json_object_array_add(list, render_index_entry(&out->rec));
    }
    render_add(index, "campaigns", list);
    const char *text = json_object_to_json_string_ext(index, JSON_C_TO_STRING_PLAIN);
    if (r->status->index != NULL && strcmp(text, r->status->index) == 0) {
        json_object_put(index);
        return;
    }
    free(r->status->index);
    r->status->index = xstrdup(text);
    status_add_retained(r, 0, "campaigns", index);
}

void status_alert_topic(char topic[static STATUS_TOPIC_SIZE], const char *id)
{
    snprintf(topic, STATUS_TOPIC_SIZE, "alert/%s", id);
}

static struct json_object *alert_payload(const char *id, const char *text, struct utc now)
{
    struct json_object *object = json_object_new_object();
    render_add_text(object, "id", id);
    render_add_text(object, "text", text);
    render_add(object, "time", render_time(now));
    return object;
}

static void render_alert(struct status_rendering *r, const struct effect *effect)
{
    const struct campaign_rec *rec =
        engine_campaign_by_id(r->source->engine, effect->publish.campaign_id);
    struct campaign_entry *entry =
        campaigns_find(r->source->campaigns, effect->publish.campaign_id);
    const struct campaign_left_out *out =
        campaigns_left_out(r->source->campaigns, effect->publish.campaign_id);
    const char *id = rec != NULL ? rec->name : out != NULL ? out->rec.name : "daemon";
    if (rec != NULL && entry != NULL && rec->phase == CAMPAIGN_PAUSED) {
        entry->alert_out = true;
    }
    char topic[STATUS_TOPIC_SIZE];
    status_alert_topic(topic, id);
    status_add_retained(r, effect->publish.campaign_id, topic,
                        alert_payload(id, effect->publish.text, r->source->now));
    if (rec != NULL) {
        struct json_object *data = json_object_new_object();
        render_add_text(data, "text", effect->publish.text);
        status_add_event(r, rec, "alert", data);
    }
}

/* Whether a later effect of the batch says the same. */
static bool repeated(const struct effects *batch, size_t i)
{
    const struct effect *effect = batch->items[i];
    for (size_t k = i + 1; k < batch->len; k++) {
        const struct effect *later = batch->items[k];
        if (later->type == EFFECT_PUBLISH && later->publish.kind == PUBLISH_CAMPAIGN &&
            later->publish.campaign_id == effect->publish.campaign_id) {
            return true;
        }
    }
    return false;
}

/* false: it is not of a campaign's state. */
static bool render_publish(struct status_rendering *r, const struct effects *batch,
                           size_t i)
{
    const struct effect *effect = batch->items[i];
    switch (effect->publish.kind) {
    case PUBLISH_CAMPAIGN:
        if (!repeated(batch, i)) {
            status_render_campaign(r, effect->publish.campaign_id);
        }
        return true;
    case PUBLISH_ALERT:
        render_alert(r, effect);
        break;
    case PUBLISH_RESULT: /* is out already */
        break;
    }
    return false;
}

void status_render(struct status *status, const struct status_source *source,
                   const struct effects *batch, struct store_batch *rows)
{
    struct status_rendering r = {.status = status, .source = source, .rows = rows};
    bool any_campaign = false;
    status_render_results(&r, batch);
    for (size_t i = 0; i < batch->len; i++) {
        if (batch->items[i]->type == EFFECT_PUBLISH) {
            any_campaign |= render_publish(&r, batch, i);
        }
    }
    if (any_campaign) {
        render_index(&r);
    }
}

void status_alert(const struct status *status, const char *id, const char *text,
                  struct utc now, char **topic, char **payload)
{
    char full[STATUS_FULL_TOPIC_SIZE];
    snprintf(full, sizeof(full), "%s/alert/%s", status->prefix, id);
    *topic = xstrdup(full);
    if (text == NULL) {
        *payload = xstrdup("");
        return;
    }
    struct json_object *object = alert_payload(id, text, now);
    *payload = xstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    json_object_put(object);
}

/* SPDX-License-Identifier: MIT */
#include "loop/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "loop/render.h"
#include "loop/status_event.h"
#include "loop/view.h"
#include "loop/xalloc.h"

enum {
    TOPIC_SIZE = 160, /* below the prefix */
    FULL_TOPIC_SIZE = 640,
    SEQ_NAME_SIZE = 48,
};

struct seq {
    uint32_t campaign_id;
    uint32_t shard;
    uint64_t value;
    uint64_t settled; /* on disk */
};

struct status {
    char *prefix;
    char *index; /* what was said last on `campaigns`; NULL: nothing yet */
    struct seq *seqs;
    size_t seq_count;
    uint64_t event_number;
};

/* A batch being rendered. */
struct rendering {
    struct status *status;
    const struct status_source *source;
    struct store_batch *rows;
};

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

/* ---- sequence numbers ---- */

static struct seq *seq_of(struct status *status, uint32_t campaign_id, uint32_t shard)
{
    for (size_t i = 0; i < status->seq_count; i++) {
        if (status->seqs[i].campaign_id == campaign_id &&
            status->seqs[i].shard == shard) {
            return &status->seqs[i];
        }
    }
    status->seqs = xrealloc(status->seqs, status->seq_count + 1, sizeof(*status->seqs));
    struct seq *seq = &status->seqs[status->seq_count++];
    *seq = (struct seq){.campaign_id = campaign_id, .shard = shard};
    return seq;
}

void status_restore_seq(struct status *status, const char *name, uint64_t value)
{
    size_t len = strlen(STATUS_SEQ_PREFIX);
    if (strncmp(name, STATUS_SEQ_PREFIX, len) != 0) {
        return;
    }
    char *end = NULL;
    unsigned long campaign_id = strtoul(name + len, &end, 10);
    if (*end != '/') {
        return;
    }
    unsigned long shard = strtoul(end + 1, NULL, 16);
    if (campaign_id <= UINT32_MAX && shard < STATUS_SHARDS) {
        struct seq *seq = seq_of(status, (uint32_t)campaign_id, (uint32_t)shard);
        seq->value = seq->settled = value;
    }
}

void status_settled(struct status *status)
{
    for (size_t i = 0; i < status->seq_count; i++) {
        status->seqs[i].settled = status->seqs[i].value;
    }
}

struct json_object *status_seqs(const struct status *status, uint32_t campaign_id)
{
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < status->seq_count; i++) {
        const struct seq *seq = &status->seqs[i];
        char shard[12];
        snprintf(shard, sizeof(shard), "%02x", seq->shard);
        if (seq->campaign_id == campaign_id && seq->settled > 0) {
            render_add_int(object, shard, (int64_t)seq->settled);
        }
    }
    return object;
}

/* DevEUIs of one maker differ in few bits: spread them. */
static uint32_t shard_of(uint64_t dev_eui)
{
    return (uint32_t)((dev_eui * UINT64_C(0x9e3779b97f4a7c15)) >> 60) % STATUS_SHARDS;
}

/* ---- rows ---- */

static void add_row(struct rendering *r, const struct store_outbox *row,
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

/* Takes payload; NULL clears the topic. */
static void add_retained(struct rendering *r, uint32_t campaign_id, const char *topic,
                         struct json_object *payload)
{
    char full[FULL_TOPIC_SIZE];
    snprintf(full, sizeof(full), "%s/%s", r->status->prefix, topic);
    add_row(
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
        .number = ++status->event_number,
    };
    status_event_row(&event, data, rows);
}

static void add_event(struct rendering *r, const struct campaign_rec *rec,
                      const char *type, struct json_object *data)
{
    status_event(r->status, r->source, rec, type, data, r->rows);
}

/* After a restart a phase is news only if it is the first of the campaign. */
static void add_phase_event(struct rendering *r, struct campaign_entry *entry,
                            const struct campaign_rec *rec)
{
    char type[64];
    bool known = entry->phase_known || rec->revision > 1;
    if (known && (!entry->phase_known || entry->phase == rec->phase)) {
        entry->phase_known = true;
        entry->phase = rec->phase;
        return;
    }
    entry->phase_known = true;
    entry->phase = rec->phase;
    snprintf(type, sizeof(type), "campaign.%s", campaign_phase_name(rec->phase));
    struct json_object *data = json_object_new_object();
    render_add_text(data, "phase", campaign_phase_name(rec->phase));
    render_add_text(data, "reason", rec->reason);
    add_event(r, rec, type, data);
}

static void add_session_event(struct rendering *r, const struct campaign_rec *rec,
                              uint32_t id, const struct render_session *session)
{
    struct json_object *data = json_object_new_object();
    render_add_int(data, "session", id);
    if (session != NULL) {
        render_add_int(data, "dr", session->rec->dr);
        render_add_int(data, "members", (int64_t)session->members);
    }
    add_event(r, rec, session != NULL ? "session.started" : "session.ended", data);
}

/* ---- campaigns ---- */

static void render_index(struct rendering *r)
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
    add_retained(r, 0, "campaigns", index);
}

static void session_topic(char topic[static TOPIC_SIZE], const char *name, uint32_t id)
{
    snprintf(topic, TOPIC_SIZE, "c/%s/session/%u", name, id);
}

/* FNV-1a; never 0. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    }
    return hash | 1;
}

/* Said only if it is not what was said last: others of the campaign may have changed. */
static void render_session_topic(struct rendering *r, struct campaign_entry *entry,
                                 const struct campaign_rec *rec,
                                 const struct render_session *session)
{
    char topic[TOPIC_SIZE];
    size_t before = entry->session_count;
    struct published_session *published = campaign_sessions_add(entry, session->rec->id);
    if (entry->session_count > before) {
        add_session_event(r, rec, session->rec->id, session);
    }
    struct json_object *object = render_session(session);
    uint64_t hash =
        hash_of(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    if (hash == published->hash) {
        json_object_put(object);
        return;
    }
    published->hash = hash;
    session_topic(topic, rec->name, session->rec->id);
    add_retained(r, rec->id, topic, object);
}

static bool is_among(const struct view_sessions *sessions, uint32_t id)
{
    size_t i = 0;
    while (i < sessions->count && sessions->items[i].rec->id != id) {
        i++;
    }
    return i < sessions->count;
}

/* A topic for each transmission that is under way; cleared when it is over. */
static void render_session_topics(struct rendering *r, struct campaign_entry *entry,
                                  const struct campaign_rec *rec)
{
    char topic[TOPIC_SIZE];
    struct view_sessions sessions = view_sessions(r->source->engine, rec->id);
    for (size_t i = entry->session_count; i > 0; i--) {
        uint32_t id = entry->sessions[i - 1].id;
        if (!is_among(&sessions, id)) {
            session_topic(topic, rec->name, id);
            add_retained(r, rec->id, topic, NULL);
            add_session_event(r, rec, id, NULL);
            campaign_sessions_drop(entry, i - 1);
        }
    }
    for (size_t i = 0; i < sessions.count; i++) {
        render_session_topic(r, entry, rec, &sessions.items[i]);
    }
    view_sessions_finish(&sessions);
}

/* ---- waves ---- */

static void wave_topic(char topic[static TOPIC_SIZE], const char *name, const char *wave)
{
    snprintf(topic, TOPIC_SIZE, "c/%s/wave/%s/state", name, wave);
}

static void render_wave_topic(struct rendering *r, struct campaign_entry *entry,
                              const struct campaign_rec *rec,
                              const struct render_wave *wave)
{
    char topic[TOPIC_SIZE];
    struct published_wave *published = campaign_waves_add(entry, wave->name);
    struct json_object *object = render_wave(wave);
    render_add_text(object, "campaign", rec->name);
    uint64_t hash =
        hash_of(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    if (hash == published->hash) {
        json_object_put(object);
        return;
    }
    published->hash = hash;
    wave_topic(topic, rec->name, wave->name);
    add_retained(r, rec->id, topic, object);
}

/* A topic for each; those that a campaign of the same name had before are cleared. */
static void render_wave_topics(struct rendering *r, struct campaign_entry *entry,
                               const struct campaign_rec *rec)
{
    char topic[TOPIC_SIZE];
    struct render_wave waves[WAVE_MAX];
    for (size_t i = entry->wave_count; i > 0; i--) {
        if (campaign_wave_named(entry, entry->waves[i - 1].name) < 0) {
            wave_topic(topic, rec->name, entry->waves[i - 1].name);
            add_retained(r, rec->id, topic, NULL);
            campaign_waves_drop(entry, i - 1);
        }
    }
    size_t count = view_waves(r->source->engine, entry, waves);
    for (size_t i = 0; i < count; i++) {
        render_wave_topic(r, entry, rec, &waves[i]);
    }
}

/* Takes state. */
static void add_state(struct rendering *r, const struct campaign_rec *rec,
                      struct json_object *state)
{
    char topic[TOPIC_SIZE];
    snprintf(topic, sizeof(topic), "c/%s/state", rec->name);
    add_retained(r, rec->id, topic, state);
}

static void alert_topic(char topic[static TOPIC_SIZE], const char *id)
{
    snprintf(topic, TOPIC_SIZE, "alert/%s", id);
}

/* An alert is for a campaign that waits for somebody: it ends with the waiting. */
static void clear_alert(struct rendering *r, struct campaign_entry *entry,
                        const struct campaign_rec *rec)
{
    if (entry->alert_out && rec->phase != CAMPAIGN_PAUSED) {
        char topic[TOPIC_SIZE];
        alert_topic(topic, rec->name);
        add_retained(r, rec->id, topic, NULL);
        entry->alert_out = false;
    }
}

static void render_campaign_topics(struct rendering *r, uint32_t campaign_id)
{
    const struct campaign_rec *rec =
        engine_campaign_by_id(r->source->engine, campaign_id);
    struct campaign_entry *entry = campaigns_find(r->source->campaigns, campaign_id);
    const struct campaign_left_out *out =
        campaigns_left_out(r->source->campaigns, campaign_id);
    if (out != NULL) {
        add_state(r, &out->rec, view_left_out(out));
    }
    if (rec == NULL || entry == NULL) {
        return;
    }
    add_state(r, rec, view_campaign(r->source->engine, rec, entry));
    clear_alert(r, entry, rec);
    add_phase_event(r, entry, rec);
    render_session_topics(r, entry, rec);
    render_wave_topics(r, entry, rec);
}

/* ---- device results ---- */

struct result_ref {
    uint32_t campaign_id;
    uint32_t shard;
    uint64_t dev_eui;
};

static int compare_refs(const void *a, const void *b)
{
    const struct result_ref *x = a;
    const struct result_ref *y = b;
    if (x->campaign_id != y->campaign_id) {
        return x->campaign_id < y->campaign_id ? -1 : 1;
    }
    if (x->shard != y->shard) {
        return x->shard < y->shard ? -1 : 1;
    }
    return (x->dev_eui > y->dev_eui) - (x->dev_eui < y->dev_eui);
}

static struct json_object *result_message(struct seq *seq, const char *name,
                                          struct json_object *results)
{
    struct json_object *object = json_object_new_object();
    render_add_text(object, "campaign", name);
    render_add_int(object, "seq", (int64_t)seq->value + 1);
    render_add_int(object, "prev", (int64_t)seq->value);
    render_add(object, "results", results);
    seq->value++;
    return object;
}

static void add_results(struct rendering *r, const struct result_ref *refs, size_t count)
{
    const struct campaign_rec *rec =
        engine_campaign_by_id(r->source->engine, refs->campaign_id);
    if (rec == NULL) {
        return;
    }
    struct json_object *results = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        const struct member_rec *member =
            engine_member_find(r->source->engine, rec->id, refs[i].dev_eui);
        if (member != NULL) {
            json_object_array_add(results, render_result(member));
        }
    }
    struct seq *seq = seq_of(r->status, rec->id, refs->shard);
    char topic[FULL_TOPIC_SIZE];
    snprintf(topic, sizeof(topic), "%s/c/%s/results/%02x", r->status->prefix, rec->name,
             refs->shard);
    struct json_object *message = result_message(seq, rec->name, results);
    add_row(
        r,
        &(struct store_outbox){.topic = topic, .campaign_id = rec->id, .seq = seq->value},
        message);
    char counter[SEQ_NAME_SIZE];
    snprintf(counter, sizeof(counter), STATUS_SEQ_PREFIX "%u/%x", rec->id, refs->shard);
    store_batch_counter(r->rows, counter, seq->value);
}

static bool same_topic(const struct result_ref *a, const struct result_ref *b)
{
    return a->campaign_id == b->campaign_id && a->shard == b->shard;
}

/* Sorted: one message per campaign and shard, each device once. */
static void render_results(struct rendering *r, struct result_ref *refs, size_t count)
{
    size_t unique = 0;
    qsort(refs, count, sizeof(*refs), compare_refs);
    for (size_t i = 0; i < count; i++) {
        if (unique == 0 || compare_refs(&refs[unique - 1], &refs[i]) != 0) {
            refs[unique++] = refs[i];
        }
    }
    for (size_t start = 0; start < unique;) {
        size_t n = 1;
        while (start + n < unique && n < STATUS_RESULTS_MAX &&
               same_topic(&refs[start], &refs[start + n])) {
            n++;
        }
        add_results(r, &refs[start], n);
        start += n;
    }
}

/* ---- a batch ---- */

static struct json_object *alert_payload(const char *id, const char *text, struct utc now)
{
    struct json_object *object = json_object_new_object();
    render_add_text(object, "id", id);
    render_add_text(object, "text", text);
    render_add(object, "time", render_time(now));
    return object;
}

static void render_alert(struct rendering *r, const struct effect *effect)
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
    char topic[TOPIC_SIZE];
    alert_topic(topic, id);
    add_retained(r, effect->publish.campaign_id, topic,
                 alert_payload(id, effect->publish.text, r->source->now));
    if (rec != NULL) {
        struct json_object *data = json_object_new_object();
        render_add_text(data, "text", effect->publish.text);
        add_event(r, rec, "alert", data);
    }
}

/* Whether a later effect of the batch says the same. */
static bool repeated(const struct effects *batch, size_t i)
{
    const struct effect *effect = &batch->items[i];
    for (size_t k = i + 1; k < batch->len; k++) {
        const struct effect *later = &batch->items[k];
        if (later->type == EFFECT_PUBLISH && later->publish.kind == PUBLISH_CAMPAIGN &&
            later->publish.campaign_id == effect->publish.campaign_id) {
            return true;
        }
    }
    return false;
}

/* The results of a batch go out before the campaign that they end: who reads "completed"
 * has seen the outcome of every device. */
static void render_batch_results(struct rendering *r, const struct effects *batch)
{
    AUTO_FREE struct result_ref *refs = xcalloc(batch->len + 1, sizeof(*refs));
    size_t count = 0;
    for (size_t i = 0; i < batch->len; i++) {
        const struct effect *effect = &batch->items[i];
        if (effect->type == EFFECT_PUBLISH && effect->publish.kind == PUBLISH_RESULT) {
            refs[count++] = (struct result_ref){
                .campaign_id = effect->publish.campaign_id,
                .shard = shard_of(effect->publish.dev_eui),
                .dev_eui = effect->publish.dev_eui,
            };
        }
    }
    render_results(r, refs, count);
}

/* false: it is not of a campaign's state. */
static bool render_publish(struct rendering *r, const struct effects *batch, size_t i)
{
    const struct effect *effect = &batch->items[i];
    switch (effect->publish.kind) {
    case PUBLISH_CAMPAIGN:
        if (!repeated(batch, i)) {
            render_campaign_topics(r, effect->publish.campaign_id);
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
    struct rendering r = {.status = status, .source = source, .rows = rows};
    bool any_campaign = false;
    render_batch_results(&r, batch);
    for (size_t i = 0; i < batch->len; i++) {
        if (batch->items[i].type == EFFECT_PUBLISH) {
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
    char full[FULL_TOPIC_SIZE];
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

/* SPDX-License-Identifier: MIT */
/* status_campaign.c - what is retained of a campaign: its state, its sessions, its waves. */
#include <stdio.h>
#include <string.h>

#include "base/fnv.h"
#include "loop/render.h"
#include "loop/status_internal.h"
#include "loop/view.h"

/* After a restart a phase is news only if it is the first of the campaign. */
static void add_phase_event(struct status_rendering *r, struct campaign_entry *entry,
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
    status_add_event(r, rec, type, data);
}

static void add_session_event(struct status_rendering *r, const struct campaign_rec *rec,
                              uint32_t id, const struct render_session *session)
{
    struct json_object *data = json_object_new_object();
    render_add_int(data, "session", id);
    if (session != NULL) {
        render_add_int(data, "dr", session->rec->dr);
        render_add_int(data, "members", (int64_t)session->members);
    }
    status_add_event(r, rec, session != NULL ? "session.started" : "session.ended", data);
}

static void session_topic(char topic[static STATUS_TOPIC_SIZE], const char *name,
                          uint32_t id)
{
    snprintf(topic, STATUS_TOPIC_SIZE, "c/%s/session/%u", name, id);
}

/* Only if it is not what was said last: others of the campaign may have changed. Takes
 * object. */
static void say_news(struct status_rendering *r, uint32_t campaign_id, const char *topic,
                     struct json_object *object, uint64_t *said)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
    uint64_t hash = fnv1a(text, strlen(text));
    if (hash == *said) {
        json_object_put(object);
        return;
    }
    *said = hash;
    status_add_retained(r, campaign_id, topic, object);
}

static void render_session_topic(struct status_rendering *r, struct campaign_entry *entry,
                                 const struct campaign_rec *rec,
                                 const struct render_session *session)
{
    char topic[STATUS_TOPIC_SIZE];
    size_t before = entry->session_count;
    struct published_session *published = campaign_sessions_add(entry, session->rec->id);
    if (entry->session_count > before) {
        add_session_event(r, rec, session->rec->id, session);
    }
    session_topic(topic, rec->name, session->rec->id);
    say_news(r, rec->id, topic, render_session(session), &published->hash);
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
static void render_session_topics(struct status_rendering *r,
                                  struct campaign_entry *entry,
                                  const struct campaign_rec *rec)
{
    char topic[STATUS_TOPIC_SIZE];
    struct view_sessions sessions = view_sessions(r->source->engine, rec->id);
    for (size_t i = entry->session_count; i > 0; i--) {
        uint32_t id = entry->sessions[i - 1].id;
        if (!is_among(&sessions, id)) {
            session_topic(topic, rec->name, id);
            status_add_retained(r, rec->id, topic, NULL);
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

static void wave_topic(char topic[static STATUS_TOPIC_SIZE], const char *name,
                       const char *wave)
{
    snprintf(topic, STATUS_TOPIC_SIZE, "c/%s/wave/%s/state", name, wave);
}

static void render_wave_topic(struct status_rendering *r, struct campaign_entry *entry,
                              const struct campaign_rec *rec,
                              const struct render_wave *wave)
{
    char topic[STATUS_TOPIC_SIZE];
    struct published_wave *published = campaign_waves_add(entry, wave->name);
    struct json_object *object = render_wave(wave);
    render_add_text(object, "campaign", rec->name);
    wave_topic(topic, rec->name, wave->name);
    say_news(r, rec->id, topic, object, &published->hash);
}

/* A topic for each; those that a campaign of the same name had before are cleared. */
static void render_wave_topics(struct status_rendering *r, struct campaign_entry *entry,
                               const struct campaign_rec *rec)
{
    char topic[STATUS_TOPIC_SIZE];
    struct render_wave waves[WAVE_MAX];
    for (size_t i = entry->wave_count; i > 0; i--) {
        if (campaign_wave_named(entry, entry->waves[i - 1].name) < 0) {
            wave_topic(topic, rec->name, entry->waves[i - 1].name);
            status_add_retained(r, rec->id, topic, NULL);
            campaign_waves_drop(entry, i - 1);
        }
    }
    size_t count = view_waves(r->source->engine, entry, waves);
    for (size_t i = 0; i < count; i++) {
        render_wave_topic(r, entry, rec, &waves[i]);
    }
}

/* Takes state. */
static void add_state(struct status_rendering *r, const struct campaign_rec *rec,
                      struct json_object *state)
{
    char topic[STATUS_TOPIC_SIZE];
    snprintf(topic, sizeof(topic), "c/%s/state", rec->name);
    status_add_retained(r, rec->id, topic, state);
}

/* An alert is for a campaign that waits for somebody: it ends with the waiting. */
static void clear_alert(struct status_rendering *r, struct campaign_entry *entry,
                        const struct campaign_rec *rec)
{
    if (entry->alert_out && rec->phase != CAMPAIGN_PAUSED) {
        char topic[STATUS_TOPIC_SIZE];
        status_alert_topic(topic, rec->name);
        status_add_retained(r, rec->id, topic, NULL);
        entry->alert_out = false;
    }
}

void status_render_campaign(struct status_rendering *r, uint32_t campaign_id)
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

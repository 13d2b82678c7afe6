/* SPDX-License-Identifier: MIT */
#include "loop/view.h"

#include "campaign/variant.h"

#include <stdlib.h>

#include "loop/xalloc.h"

/* ---- sessions ---- */

static bool under_way(const struct transmission_rec *rec)
{
    return rec->phase != TX_ENDED;
}

/* The lanes of a transmission, from lanes on. */
static struct render_session fill(const struct engine *engine,
                                  const struct transmission_rec *rec,
                                  const struct lane_rec **lanes)
{
    struct render_session session = {
        .rec = rec,
        .lanes = lanes,
        .members = engine_transmission_devices(engine, rec->id, NULL, 0),
    };
    const struct lane_rec *lane;
    while (session.lane_count < RECORD_LANE_MAX &&
           (lane = engine_lane_at(engine, rec->id, session.lane_count)) != NULL) {
        session.aired[session.lane_count] =
            engine_lane_aired(engine, rec->id, session.lane_count);
        lanes[session.lane_count++] = lane;
    }
    return session;
}

struct view_sessions view_sessions(const struct engine *engine, uint32_t campaign_id)
{
    struct view_sessions sessions = {0};
    const struct transmission_rec *rec;
    size_t count = 0;
    for (size_t i = 0; (rec = engine_transmission_at(engine, campaign_id, i)) != NULL;
         i++) {
        count += under_way(rec);
    }
    sessions.items = xcalloc(count + 1, sizeof(*sessions.items));
    sessions.lanes =
        xcalloc(count * RECORD_LANE_MAX + 1, sizeof(const struct lane_rec *));
    for (size_t i = 0; (rec = engine_transmission_at(engine, campaign_id, i)) != NULL;
         i++) {
        if (under_way(rec)) {
            sessions.items[sessions.count] =
                fill(engine, rec, sessions.lanes + sessions.count * RECORD_LANE_MAX);
            sessions.count++;
        }
    }
    return sessions;
}

void view_sessions_finish(struct view_sessions *sessions)
{
    free(sessions->items);
    free(sessions->lanes);
    *sessions = (struct view_sessions){0};
}

/* ---- campaigns ---- */

size_t view_waves(const struct engine *engine, const struct campaign_entry *entry,
                  struct render_wave waves[static WAVE_MAX])
{
    const struct spec_rollout *rollout = &entry->doc->spec.rollout;
    size_t count = 0;
    for (size_t i = 0; i < rollout->wave_count && i < WAVE_MAX; i++) {
        struct render_wave *w = &waves[count];
        w->name = rollout->waves[i].name;
        w->rec = engine_wave_at(engine, entry->id, i, &w->counts);
        count += w->rec != NULL;
    }
    return count;
}

struct json_object *view_left_out(const struct campaign_left_out *left_out)
{
    struct render_campaign campaign = {
        .rec = &left_out->rec,
        .counts = &left_out->counts,
        .fleet = left_out->fleets != NULL ? left_out->fleets : "",
        .version = "",
        .digest = "",
    };
    return render_campaign(&campaign);
}

/* ---- variants ---- */

/* NULL: it has been sent nothing. */
static const char *variant_name(const struct campaign_entry *entry,
                                const struct member_rec *member)
{
    bool sent = member->transmissions > 0 || member->delta_failures > 0;
    if (!sent || member->variant > entry->doc->spec.image.delta_count) {
        return NULL;
    }
    return member->variant == VARIANT_FULL
               ? "full"
               : entry->doc->spec.image.deltas[member->variant - 1].from;
}

void view_add_variant(struct json_object *device, const struct campaign_entry *entry,
                      const struct member_rec *member)
{
    const char *name = entry != NULL ? variant_name(entry, member) : NULL;
    render_add(device, "variant", name != NULL ? json_object_new_string(name) : NULL);
    render_add_int(device, "delta_failures", member->delta_failures);
}

struct variant_tally {
    int64_t devices;
    int64_t succeeded;
    int64_t fell_back;
};

/* Of a campaign that has deltas: a look at every member. */
static struct json_object *variants_of(const struct engine *engine,
                                       const struct campaign_entry *entry)
{
    const struct spec_image *image = &entry->doc->spec.image;
    struct variant_tally tally[VARIANT_DELTAS_MAX + 1] = {{0}};
    const struct member_rec *member;
    for (size_t i = 0; (member = engine_member_at(engine, entry->id, i)) != NULL; i++) {
        struct variant_tally *t = &tally[member->variant];
        if (variant_name(entry, member) != NULL) {
            t->devices++;
            t->succeeded += member->outcome == OUTCOME_SUCCEEDED;
            t->fell_back += member->delta_failures > 0;
        }
    }
    struct json_object *list = json_object_new_array();
    for (size_t v = 0; v <= image->delta_count; v++) {
        struct json_object *o = json_object_new_object();
        render_add_text(o, "variant", v == 0 ? "full" : image->deltas[v - 1].from);
        render_add_text(o, "file", v == 0 ? image->file : image->deltas[v - 1].file);
        render_add_int(o, "devices", tally[v].devices);
        render_add_int(o, "succeeded", tally[v].succeeded);
        render_add_int(o, "fell_back", tally[v].fell_back);
        json_object_array_add(list, o);
    }
    return list;
}

struct json_object *view_campaign(const struct engine *engine,
                                  const struct campaign_rec *rec,
                                  const struct campaign_entry *entry)
{
    struct campaign_counts counts;
    engine_campaign_counts(engine, rec->id, &counts);
    struct view_sessions sessions = view_sessions(engine, rec->id);
    struct render_wave waves[WAVE_MAX];
    struct render_campaign campaign = {
        .rec = rec,
        .counts = &counts,
        .fleet = entry != NULL ? entry->fleets : "",
        .fleets = entry != NULL ? &entry->doc->spec.targets.fleets : NULL,
        .version = entry != NULL ? entry->doc->spec.image.version : "",
        .digest = entry != NULL ? entry->digest : "",
        .sessions = sessions.items,
        .session_count = sessions.count,
        .waves = waves,
        .wave_count = entry != NULL ? view_waves(engine, entry, waves) : 0,
    };
    if (entry != NULL && entry->term.not_before.us != INT64_MIN) {
        campaign.not_before = entry->term.not_before;
    }
    if (entry != NULL && entry->term.deadline.us != INT64_MAX) {
        campaign.deadline = entry->term.deadline;
    }
    struct json_object *object = render_campaign(&campaign);
    if (entry != NULL && entry->doc->spec.image.delta_count > 0) {
        render_add(object, "variants", variants_of(engine, entry));
    }
    view_sessions_finish(&sessions);
    return object;
}

struct json_object *view_member(const struct engine *engine,
                                const struct member_rec *member)
{
    struct json_object *object = render_member(member);
    const struct report_rec *report = engine_report(engine, member->dev_eui);
    render_add_int(object, "progress",
                   (int64_t)engine_progress_ppm(engine, member) * 100 / SPEC_PPM);
    render_add(object, "package_version",
               report != NULL && report->package_version[0] != '\0'
                   ? json_object_new_string(report->package_version)
                   : NULL);
    return object;
}

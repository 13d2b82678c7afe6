/* SPDX-License-Identifier: MIT */
#include "loop/render.h"

#include "base/eui.h"
#include "io/rfc3339.h"

void render_add(struct json_object *object, const char *key, struct json_object *value)
{
    json_object_object_add(object, key, value);
}

void render_add_text(struct json_object *object, const char *key, const char *text)
{
    render_add(object, key, json_object_new_string(text));
}

void render_add_int(struct json_object *object, const char *key, int64_t value)
{
    render_add(object, key, json_object_new_int64(value));
}

struct json_object *render_time(struct utc utc)
{
    char text[RFC3339_SIZE];
    return utc.us != 0 ? json_object_new_string(rfc3339_format(utc, text)) : NULL;
}

struct json_object *render_eui(uint64_t eui)
{
    char text[EUI_TEXT_SIZE];
    return json_object_new_string(eui_format(eui, text));
}

static struct json_object *render_outcomes(const struct campaign_counts *counts)
{
    struct json_object *object = json_object_new_object();
    render_add_int(object, "total", counts->total);
    render_add_int(object, "pending", counts->pending);
    render_add_int(object, "active",
                   (int64_t)counts->by_outcome[OUTCOME_NONE] - counts->pending);
    render_add_int(object, "installable", counts->installable);
    for (int i = OUTCOME_SUCCEEDED; i < OUTCOME_COUNT; i++) {
        render_add_int(object, outcome_name((enum outcome)i), counts->by_outcome[i]);
    }
    return object;
}

static struct json_object *render_states(const struct campaign_counts *counts)
{
    struct json_object *object = json_object_new_object();
    for (int i = FW_IDLE; i <= FW_UPDATING; i++) {
        render_add_int(object, fw_state_name((enum fw_state)i), counts->by_state[i]);
    }
    return object;
}

/* Adds the gateways of a lane to list. */
static void add_gateways(struct json_object *list, const struct lane_rec *lane)
{
    for (size_t i = 0; i < lane->gateway_count; i++) {
        json_object_array_add(list, render_eui(lane->gateways[i]));
    }
}

/* Left out where no gateway tells. */
static void add_aired(struct json_object *object, struct lane_aired aired)
{
    if (aired.sent + aired.refused > 0) {
        render_add_int(object, "aired", aired.sent);
        render_add_int(object, "refused", aired.refused);
    }
}

static struct json_object *render_lane(const struct lane_rec *lane,
                                       struct lane_aired aired)
{
    struct json_object *object = json_object_new_object();
    struct json_object *gateways = json_object_new_array();
    add_gateways(gateways, lane);
    render_add_int(object, "lane", lane->no);
    render_add_int(object, "colour", lane->colour);
    render_add(object, "gateways", gateways);
    render_add_int(object, "frames", lane->frames_handed);
    render_add(object, "lost", json_object_new_boolean(lane->lost));
    add_aired(object, aired);
    return object;
}

/* The lanes, and the gateways of all of them together. */
static void add_lanes(struct json_object *object, const struct render_session *session)
{
    struct json_object *gateways = json_object_new_array();
    struct json_object *lanes = json_object_new_array();
    struct lane_aired all = {0};
    for (size_t i = 0; i < session->lane_count; i++) {
        add_gateways(gateways, session->lanes[i]);
        json_object_array_add(lanes, render_lane(session->lanes[i], session->aired[i]));
        all.sent += session->aired[i].sent;
        all.refused += session->aired[i].refused;
    }
    render_add(object, "gateways", gateways);
    render_add_int(object, "colours", session->rec->colour_count);
    render_add(object, "lanes", lanes);
    add_aired(object, all);
}

/* What is worth a line in a list. */
static struct json_object *render_brief(const struct render_session *session)
{
    const struct transmission_rec *rec = session->rec;
    struct json_object *object = json_object_new_object();
    render_add_int(object, "id", rec->id);
    render_add_text(object, "phase", tx_phase_name(rec->phase));
    render_add_int(object, "dr", rec->dr);
    render_add_int(object, "uncoded", rec->frag_count);
    render_add_int(object, "next", rec->next_n);
    render_add_int(object, "target", rec->target_n);
    render_add_int(object, "members", (int64_t)session->members);
    render_add(object, "start", render_time(rec->session_start));
    render_add(object, "end", render_time(rec->session_end));
    return object;
}

struct json_object *render_session(const struct render_session *session)
{
    const struct transmission_rec *rec = session->rec;
    struct json_object *object = render_brief(session);
    render_add_int(object, "frequency_hz", rec->frequency_hz);
    render_add_int(object, "fragment_size", rec->frag_size_bytes);
    render_add_int(object, "copies", rec->copies != 0 ? rec->copies : 1);
    render_add_int(object, "repair_rounds", rec->repair_rounds);
    add_lanes(object, session);
    return object;
}

/* The newest of those under way, and a list of them, bounded as a line of JSON is. */
static void add_sessions(struct json_object *object,
                         const struct render_campaign *campaign)
{
    struct json_object *list = json_object_new_array();
    size_t count = campaign->session_count;
    for (size_t i = 0; i < count && i < RENDER_SESSIONS_MAX; i++) {
        json_object_array_add(list, render_brief(&campaign->sessions[i]));
    }
    render_add(object, "session",
               count > 0 ? render_session(&campaign->sessions[count - 1]) : NULL);
    render_add_int(object, "session_count", (int64_t)count);
    render_add(object, "sessions", list);
}

struct json_object *render_wave(const struct render_wave *wave)
{
    const struct wave_rec *rec = wave->rec;
    const struct wave_counts *n = &wave->counts;
    struct json_object *object = json_object_new_object();
    render_add_text(object, "name", wave->name);
    render_add_text(object, "phase", wave_phase_name(rec->phase));
    render_add_text(object, "verdict", wave_verdict_name(rec->verdict));
    render_add(object, "waived", json_object_new_boolean(rec->waived));
    render_add(object, "approved", json_object_new_boolean(rec->approved));
    render_add(object, "installs", json_object_new_boolean(rec->installs));
    render_add_int(object, "devices", n->total);
    render_add_int(object, "done", n->ended);
    render_add_int(object, "attempted", n->attempted);
    render_add_int(object, "succeeded", n->succeeded);
    render_add_int(object, "failed", n->failed);
    render_add_int(object, "unknown", n->unknown);
    render_add_int(object, "passed_over", n->passed_over);
    render_add_int(object, "already", n->already);
    render_add(object, "started", render_time(rec->started));
    render_add(object, "ended", render_time(rec->ended));
    render_add(object, "soak_until", render_time(rec->soak_until));
    return object;
}

static struct json_object *render_waves(const struct render_campaign *campaign)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < campaign->wave_count; i++) {
        json_object_array_add(list, render_wave(&campaign->waves[i]));
    }
    return list;
}

/* The name of the first that is not over; null: none. */
static struct json_object *render_current_wave(const struct render_campaign *campaign)
{
    for (size_t i = 0; i < campaign->wave_count; i++) {
        if (campaign->waves[i].rec->phase < WAVE_DONE) {
            return json_object_new_string(campaign->waves[i].name);
        }
    }
    return NULL;
}

static struct json_object *render_fragments(const struct campaign_rec *rec)
{
    struct json_object *object = json_object_new_object();
    render_add_int(object, "uncoded", rec->fragments_uncoded);
    render_add_int(object, "sent", rec->fragments_sent);
    return object;
}

static struct json_object *render_names(const struct str_list *names)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; names != NULL && i < names->count; i++) {
        json_object_array_add(list, json_object_new_string(names->items[i]));
    }
    return list;
}

struct json_object *render_campaign(const struct render_campaign *campaign)
{
    const struct campaign_rec *rec = campaign->rec;
    struct json_object *object = json_object_new_object();
    render_add_text(object, "name", rec->name);
    render_add_int(object, "id", rec->id);
    render_add_text(object, "phase", campaign_phase_name(rec->phase));
    render_add_text(object, "reason", rec->reason);
    render_add_int(object, "revision", rec->revision);
    render_add_text(object, "fleet", campaign->fleet);
    render_add(object, "fleets", render_names(campaign->fleets));
    render_add_text(object, "version", campaign->version);
    render_add_text(object, "digest", campaign->digest);
    render_add(object, "not_before", render_time(campaign->not_before));
    render_add(object, "deadline", render_time(campaign->deadline));
    render_add(object, "created", render_time(rec->created));
    render_add(object, "started", render_time(rec->started));
    render_add(object, "ended", render_time(rec->ended));
    render_add(object, "devices", render_outcomes(campaign->counts));
    render_add(object, "states", render_states(campaign->counts));
    render_add(object, "fragments", render_fragments(rec));
    render_add_int(object, "airtime_us", rec->airtime_us);
    render_add(object, "wave", render_current_wave(campaign));
    render_add(object, "waves", render_waves(campaign));
    add_sessions(object, campaign);
    return object;
}

static struct json_object *known_u32(bool known, uint32_t value)
{
    return known ? json_object_new_int64(value) : NULL;
}

struct json_object *render_member(const struct member_rec *member)
{
    struct json_object *object = json_object_new_object();
    render_add(object, "dev_eui", render_eui(member->dev_eui));
    render_add_text(object, "phase", member_phase_name(member->phase));
    render_add_int(object, "state", member->state);
    render_add_text(object, "state_name", fw_state_name(member->state));
    render_add_int(object, "result", member->result);
    render_add_text(object, "result_text", fw_result_text(member->result));
    render_add_text(object, "source", fw_source_name(member->source));
    render_add_text(object, "outcome", outcome_name(member->outcome));
    render_add_text(object, "reason", member_reason_slug(member->reason));
    render_add_text(object, "reason_text", member_reason_text(member->reason));
    render_add(object, "version_before",
               known_u32(member->version_before_known, member->version_before));
    render_add(object, "version",
               known_u32(member->version_after_known, member->version_after));
    render_add_int(object, "received", member->received);
    render_add(object, "missing",
               known_u32(member->missing != UINT16_MAX, member->missing));
    render_add_int(object, "tries", member->tries);
    render_add_int(object, "retries", member->retries);
    if (member->retries > 0) {
        render_add_text(object, "outcome_before",
                        outcome_name((enum outcome)member->outcome_before));
        render_add_text(object, "reason_before",
                        member_reason_slug((enum member_reason)member->reason_before));
    }
    render_add(object, "time", render_time(member->changed));
    return object;
}

static struct json_object *known_u8(uint8_t value)
{
    return value != RECORD_NEVER ? json_object_new_int64(value) : NULL;
}

static struct json_object *known_text(const char *text)
{
    return text[0] != '\0' ? json_object_new_string(text) : NULL;
}

struct json_object *render_report(const struct report_rec *report)
{
    if (report == NULL) {
        return NULL;
    }
    struct json_object *object = json_object_new_object();
    render_add(object, "state", known_u8(report->state));
    render_add(object, "result", known_u8(report->result));
    render_add(object, "package_version", known_text(report->package_version));
    render_add(object, "firmware_version", known_text(report->firmware_version));
    render_add(object, "time", render_time(report->at));
    return object;
}

struct json_object *render_result(const struct member_rec *member)
{
    struct json_object *object = json_object_new_object();
    render_add(object, "dev_eui", render_eui(member->dev_eui));
    render_add_int(object, "state", member->state);
    render_add_int(object, "result", member->result);
    render_add_text(object, "source", fw_source_name(member->source));
    render_add_text(object, "outcome", outcome_name(member->outcome));
    render_add_text(object, "reason", member_reason_slug(member->reason));
    render_add(object, "version_before",
               known_u32(member->version_before_known, member->version_before));
    render_add(object, "version",
               known_u32(member->version_after_known, member->version_after));
    render_add(object, "time", render_time(member->changed));
    return object;
}

struct json_object *render_index_entry(const struct campaign_rec *rec)
{
    struct json_object *object = json_object_new_object();
    render_add_text(object, "name", rec->name);
    render_add_int(object, "id", rec->id);
    render_add_text(object, "phase", campaign_phase_name(rec->phase));
    return object;
}

struct json_object *render_links(const struct device_rec *device)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < device->link_count; i++) {
        const struct device_link *link = &device->link[i];
        struct json_object *object = json_object_new_object();
        render_add(object, "gateway", render_eui(link->gateway));
        render_add_int(object, "snr_p10_cdb", link->snr_p10_cdb);
        render_add_int(object, "snr_p50_cdb", link->snr_p50_cdb);
        render_add_int(object, "heard_ppk", link->heard_ppk);
        json_object_array_add(list, object);
    }
    return list;
}

struct json_object *render_history(const struct history_rec *row)
{
    struct json_object *object = json_object_new_object();
    render_add(object, "time", render_time(row->at));
    render_add_text(object, "phase", member_phase_name(row->phase));
    render_add_int(object, "state", row->state);
    render_add_int(object, "result", row->result);
    render_add_text(object, "source", fw_source_name(row->source));
    render_add_text(object, "outcome", outcome_name(row->outcome));
    render_add_text(object, "reason", member_reason_slug(row->reason));
    return object;
}

struct json_object *render_daemon_state(const char *state, uint32_t boot, struct utc now)
{
    struct json_object *object = json_object_new_object();
    render_add_text(object, "state", state);
    render_add_int(object, "boot", boot);
    render_add(object, "ts", render_time(now));
    return object;
}

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
    render_add_int(object, "active", counts->by_outcome[OUTCOME_NONE]);
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

struct json_object *render_session(const struct transmission_rec *session, size_t members)
{
    struct json_object *object = json_object_new_object();
    render_add_int(object, "id", session->id);
    render_add_text(object, "phase", tx_phase_name(session->phase));
    render_add_int(object, "dr", session->dr);
    render_add_int(object, "frequency_hz", session->frequency_hz);
    render_add_int(object, "fragment_size", session->frag_size_bytes);
    render_add_int(object, "uncoded", session->frag_count);
    render_add_int(object, "next", session->next_n);
    render_add_int(object, "target", session->target_n);
    render_add_int(object, "members", (int64_t)members);
    struct json_object *gateways = json_object_new_array();
    for (size_t i = 0; i < session->gateway_count; i++) {
        json_object_array_add(gateways, render_eui(session->gateways[i]));
    }
    render_add(object, "gateways", gateways);
    render_add(object, "start", render_time(session->session_start));
    render_add(object, "end", render_time(session->session_end));
    render_add_int(object, "repair_rounds", session->repair_rounds);
    return object;
}

static struct json_object *render_fragments(const struct campaign_rec *rec)
{
    struct json_object *object = json_object_new_object();
    render_add_int(object, "uncoded", rec->fragments_uncoded);
    render_add_int(object, "sent", rec->fragments_sent);
    return object;
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
    render_add_text(object, "version", campaign->version);
    render_add_text(object, "digest", campaign->digest);
    render_add(object, "created", render_time(rec->created));
    render_add(object, "started", render_time(rec->started));
    render_add(object, "ended", render_time(rec->ended));
    render_add(object, "devices", render_outcomes(campaign->counts));
    render_add(object, "states", render_states(campaign->counts));
    render_add(object, "fragments", render_fragments(rec));
    render_add_int(object, "airtime_us", rec->airtime_us);
    render_add(object, "session",
               campaign->session != NULL
                   ? render_session(campaign->session, campaign->session_members)
                   : NULL);
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
    render_add(object, "time", render_time(member->changed));
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

/* SPDX-License-Identifier: MIT */
/*
 * render.h - records as JSON, the same for the control socket and the status topics.
 *
 * The fields are those of ctl/protocol.h. Fresh objects, owned by the caller; arguments are
 * borrowed. No engine, no clock: what is shown is what was given.
 */
#pragma once

#include <stdint.h>

#include <json-c/json.h>

#include "base/time.h"
#include "campaign/record.h"
#include "engine/engine.h"

enum {
    RENDER_SESSIONS_MAX = 64, /* in the state of a campaign */
};

/* What a session consists of. */
struct render_session {
    const struct transmission_rec *rec;
    const struct lane_rec *const *lanes;
    size_t lane_count;
    size_t members;
    struct lane_aired aired[RECORD_LANE_MAX]; /* of each lane */
};

struct render_wave {
    const struct wave_rec *rec;
    const char *name;
    struct wave_counts counts;
};

/* What a campaign's state consists of. */
struct render_campaign {
    const struct campaign_rec *rec;
    const struct campaign_counts *counts;
    const char *fleet;             /* of several: their names, separated by ", " */
    const struct str_list *fleets; /* NULL: not known */
    const char *version;
    const char *digest;
    struct utc not_before;                 /* 0: none */
    struct utc deadline;                   /* 0: none */
    const struct render_session *sessions; /* under way, ascending */
    size_t session_count;
    const struct render_wave *waves;
    size_t wave_count;
};

/* RFC 3339 text; null for 0. */
struct json_object *render_time(struct utc utc);
struct json_object *render_eui(uint64_t eui);

struct json_object *render_campaign(const struct render_campaign *campaign); /* STATE */
struct json_object *render_session(const struct render_session *session);    /* SESSION */
struct json_object *render_wave(const struct render_wave *wave);             /* WAVE */
struct json_object *render_member(const struct member_rec *member);          /* DEVICE */
/* What a device reported in LwM2M; null for NULL. */
struct json_object *render_report(const struct report_rec *report);

/* An element of the topic results/<shard>. */
struct json_object *render_result(const struct member_rec *member);

/* An element of the topic campaigns. */
struct json_object *render_index_entry(const struct campaign_rec *rec);

/* The links of a device, best first. */
struct json_object *render_links(const struct device_rec *device);

struct json_object *render_history(const struct history_rec *row);

/* ready | draining | lost */
struct json_object *render_daemon_state(const char *state, uint32_t boot, struct utc now);

/* Adds a member; takes value. */
void render_add(struct json_object *object, const char *key, struct json_object *value);
void render_add_text(struct json_object *object, const char *key, const char *text);
void render_add_int(struct json_object *object, const char *key, int64_t value);

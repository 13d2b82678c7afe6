/* SPDX-License-Identifier: MIT */
/* view.h - what the engine and the daemon know of a campaign, put together for render.h. */
#pragma once

#include <json-c/json.h>

#include "engine/engine.h"
#include "loop/campaigns.h"
#include "loop/render.h"

/* The transmissions of a campaign that are under way. */
struct view_sessions {
    struct render_session *items; /* ascending ids; what is in them is borrowed */
    size_t count;
    const struct lane_rec **lanes; /* of all of them */
};

/* Valid until the engine's next step; to be freed with view_sessions_finish(). */
struct view_sessions view_sessions(const struct engine *engine, uint32_t campaign_id);
void view_sessions_finish(struct view_sessions *sessions);

/* STATE of ctl/protocol.h, fresh. */
struct json_object *view_left_out(const struct campaign_left_out *left_out);

/* DEVICE of ctl/protocol.h, fresh. */
struct json_object *view_member(const struct engine *engine,
                                const struct member_rec *member);

/* "variant" and "delta_failures" of a DEVICE. */
void view_add_variant(struct json_object *device, const struct campaign_entry *entry,
                      const struct member_rec *member);

/* Those that the engine knows; returns how many. Valid until its next step. */
size_t view_waves(const struct engine *engine, const struct campaign_entry *entry,
                  struct render_wave waves[static WAVE_MAX]);

/* The same; entry may be NULL. */
struct json_object *view_campaign(const struct engine *engine,
                                  const struct campaign_rec *rec,
                                  const struct campaign_entry *entry);

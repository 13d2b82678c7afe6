/* SPDX-License-Identifier: MIT */
/* view.h - what the engine and the daemon know of a campaign, put together for render.h. */
#pragma once

#include <json-c/json.h>

#include "engine/engine.h"
#include "loop/campaigns.h"

/* The transmission that is under way; NULL if there is none. Borrowed until a step. */
const struct transmission_rec *view_session(const struct engine *engine,
                                            uint32_t campaign_id);

/* STATE of ctl/protocol.h, fresh. */
struct json_object *view_left_out(const struct campaign_left_out *left_out);

/* The same; entry may be NULL. */
struct json_object *view_campaign(const struct engine *engine,
                                  const struct campaign_rec *rec,
                                  const struct campaign_entry *entry);

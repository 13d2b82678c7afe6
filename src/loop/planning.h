/* SPDX-License-Identifier: MIT */
/* planning.h - what is known of the chosen devices, for plan_make(), and a plan as JSON. */
#pragma once

#include <json-c/json.h>

#include "campaign/plan.h"
#include "engine/engine.h"
#include "loop/fleets.h"

/* Everything but image_len. Pointers are borrowed. */
struct plan_input planning_input(const struct engine *engine,
                                 const struct fleet_entry *fleet,
                                 const struct campaign_spec *spec,
                                 const uint64_t *devices, size_t device_count);

/* PLAN of ctl/protocol.h, fresh. */
struct json_object *planning_render(const struct plan_input *input,
                                    const struct plan *plan);

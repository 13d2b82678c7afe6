/* SPDX-License-Identifier: MIT */
/*
 * planning_cost.h - what a plan costs the devices, and with which campaigns it conflicts.
 *
 * Listening is the time of a session that is as likely as not; energy is that of measured
 * hardware (radio/energy.h), set-up and answers included: a measure to compare plans by.
 */
#pragma once

#include <json-c/json.h>

#include "loop/campaigns.h"
#include "loop/planning.h"

struct planning_cost {
    int64_t listening_us; /* of the device that listens longest */
    int64_t device_uj;    /* of the device that spends most */
    int64_t total_uj;     /* of all devices */
};

struct planning_cost planning_cost_of(const struct planning *planning);
struct planning_cost planning_cost_of_wave(const struct planning *planning, size_t wave);
struct planning_cost planning_cost_of_fleet(const struct planning *planning,
                                            size_t fleet);
struct planning_cost planning_cost_of_cohort(const struct planned_cohort *cohort);

/* Adds the members of PLAN, or of a wave or cohort of it. */
void planning_cost_add(struct json_object *object, const struct planning_cost *cost);

/* Campaigns under way that have some of these devices: an array of CONFLICT, fresh. */
struct json_object *planning_conflicts(const struct engine *engine,
                                       const struct campaigns *campaigns,
                                       const struct planning_request *request);

/*
 * Whether priority decides who gets which device, and leaves some to this campaign. Else
 * FUO_EEXIST: each campaign that is in the way is in diags, with how many devices it has.
 */
FUO_MUST_CHECK int planning_overlap_check(const struct engine *engine,
                                          const struct campaigns *campaigns,
                                          const struct planning_request *request,
                                          struct diag_list *diags);

/* SPDX-License-Identifier: MIT */
#include "loop/planning_cost.h"

#include <string.h>

#include "loop/render.h"
#include "radio/energy.h"

enum {
    UJ_PER_MJ = 1000,
    CONFLICTS_MAX = 100, /* a line of the control socket is bounded */
};

struct planning_cost planning_cost_of_cohort(const struct planned_cohort *cohort)
{
    int64_t device_uj = energy_run_uj(cohort->duration_p50_us);
    return (struct planning_cost){
        .listening_us = cohort->duration_p50_us,
        .device_uj = device_uj,
        .total_uj = device_uj * cohort->device_count,
    };
}

static void add(struct planning_cost *all, const struct planned_cohort *cohort)
{
    struct planning_cost one = planning_cost_of_cohort(cohort);
    all->listening_us =
        one.listening_us > all->listening_us ? one.listening_us : all->listening_us;
    all->device_uj = one.device_uj > all->device_uj ? one.device_uj : all->device_uj;
    all->total_uj += one.total_uj;
}

struct planning_cost planning_cost_of(const struct planning *planning)
{
    struct planning_cost all = {0};
    for (size_t i = 0; i < planning->cohort_count; i++) {
        add(&all, &planning->cohorts[i]);
    }
    return all;
}

struct planning_cost planning_cost_of_wave(const struct planning *planning, size_t wave)
{
    struct planning_cost all = {0};
    for (size_t i = 0; i < planning->cohort_count; i++) {
        if (planning->cohorts[i].wave == wave) {
            add(&all, &planning->cohorts[i]);
        }
    }
    return all;
}

void planning_cost_add(struct json_object *object, const struct planning_cost *cost)
{
    render_add_int(object, "device_listening_us", cost->listening_us);
    render_add_int(object, "device_energy_mj", cost->device_uj / UJ_PER_MJ);
    render_add_int(object, "energy_mj", cost->total_uj / UJ_PER_MJ);
}

/* ---- conflicts ---- */

static bool is_over(const struct campaign_rec *rec)
{
    return rec->phase == CAMPAIGN_COMPLETED || rec->phase == CAMPAIGN_ABORTED ||
           rec->phase == CAMPAIGN_FAILED;
}

static int64_t shared_devices(const struct engine *engine, uint32_t campaign_id,
                              const struct planning_request *request)
{
    int64_t count = 0;
    for (size_t i = 0; i < request->device_count; i++) {
        const struct member_rec *member =
            engine_member_find(engine, campaign_id, request->devices[i]);
        count += member != NULL && member->outcome == OUTCOME_NONE;
    }
    return count;
}

struct json_object *planning_conflicts(const struct engine *engine,
                                       const struct campaigns *campaigns,
                                       const struct planning_request *request)
{
    struct json_object *list = json_object_new_array();
    const struct campaign_rec *rec;
    for (size_t i = 0; (rec = engine_campaign_at(engine, i)) != NULL &&
                       json_object_array_length(list) < CONFLICTS_MAX;
         i++) {
        if (is_over(rec) || strcmp(rec->name, request->spec->name) == 0) {
            continue;
        }
        int64_t shared = shared_devices(engine, rec->id, request);
        const struct campaign_entry *entry = campaigns_find(campaigns, rec->id);
        if (shared > 0) {
            struct json_object *object = json_object_new_object();
            render_add_text(object, "campaign", rec->name);
            render_add(object, "priority",
                       entry != NULL ? json_object_new_int64(entry->doc->spec.priority)
                                     : NULL);
            render_add_int(object, "devices", shared);
            json_object_array_add(list, object);
        }
    }
    return list;
}

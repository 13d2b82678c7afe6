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
    int64_t device_uj = energy_run_uj(cohort->listening_us);
    return (struct planning_cost){
        .listening_us = cohort->listening_us,
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

struct planning_cost planning_cost_of_fleet(const struct planning *planning, size_t fleet)
{
    struct planning_cost all = {0};
    for (size_t i = 0; i < planning->cohort_count; i++) {
        if (planning->cohorts[i].fleet == fleet) {
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

/* Under way, and not this very one. */
static bool is_other(const struct campaign_rec *rec,
                     const struct planning_request *request)
{
    return !is_over(rec) && strcmp(rec->name, request->spec->name) != 0;
}

static bool is_shared(const struct engine *engine, uint32_t campaign_id, uint64_t dev_eui)
{
    const struct member_rec *member = engine_member_find(engine, campaign_id, dev_eui);
    return member != NULL && member->outcome == OUTCOME_NONE;
}

static int64_t shared_devices(const struct engine *engine, uint32_t campaign_id,
                              const struct planning_request *request)
{
    int64_t count = 0;
    for (size_t i = 0; i < request->device_count; i++) {
        count += is_shared(engine, campaign_id, request->devices[i]);
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
        if (!is_other(rec, request)) {
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

/* ---- whom priority does not decide about ---- */

static uint32_t priority_of(const struct campaigns *campaigns,
                            const struct campaign_rec *rec)
{
    const struct campaign_entry *entry = campaigns_find(campaigns, rec->id);
    return entry != NULL ? entry->doc->spec.priority : 0;
}

/* Another campaign has it that will not let it go (engine/claim.h). */
static bool is_held(const struct engine *engine, const struct campaigns *campaigns,
                    const struct planning_request *request, uint64_t dev_eui)
{
    const struct campaign_rec *rec;
    for (size_t i = 0; (rec = engine_campaign_at(engine, i)) != NULL; i++) {
        if (is_other(rec, request) &&
            priority_of(campaigns, rec) >= request->spec->priority &&
            is_shared(engine, rec->id, dev_eui)) {
            return true;
        }
    }
    return false;
}

static bool are_all_held(const struct engine *engine, const struct campaigns *campaigns,
                         const struct planning_request *request)
{
    for (size_t i = 0; i < request->device_count; i++) {
        if (!is_held(engine, campaigns, request, request->devices[i])) {
            return false;
        }
    }
    return request->device_count > 0;
}

int planning_overlap_check(const struct engine *engine, const struct campaigns *campaigns,
                           const struct planning_request *request,
                           struct diag_list *diags)
{
    const struct diag_place place = {.file = request->file, .path = "spec.targets"};
    const struct campaign_rec *rec;
    int err = FUO_OK;
    bool all_held = are_all_held(engine, campaigns, request);
    for (size_t i = 0; (rec = engine_campaign_at(engine, i)) != NULL; i++) {
        uint32_t priority = priority_of(campaigns, rec);
        bool undecided = priority == request->spec->priority;
        bool in_the_way = undecided || (all_held && priority > request->spec->priority);
        int64_t shared = is_other(rec, request) && in_the_way
                             ? shared_devices(engine, rec->id, request)
                             : 0;
        if (shared > 0) {
            diag_error(
                diags, &place,
                "campaign '%s', which is under way, has %lld of the %zu devices and "
                "%s priority (%u): wait for its end or abort it, leave them out, or "
                "choose another spec.priority",
                rec->name, (long long)shared, request->device_count,
                undecided ? "the same" : "a higher", (unsigned)priority);
            err = FUO_EEXIST;
        }
    }
    return err;
}

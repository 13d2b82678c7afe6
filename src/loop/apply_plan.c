/* SPDX-License-Identifier: MIT */
/*
 * apply_plan.c - what a campaign would cost: the plans of its fleets, put together.
 *
 * Each fleet is planned by itself: it has a server, gateways and devices of its own, and all
 * send at the same time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "io/cleanup.h"
#include "loop/apply_internal.h"
#include "loop/planning_budget.h"
#include "loop/planning_cost.h"
#include "loop/planning_join.h"
#include "loop/render.h"
#include "loop/xalloc.h"

struct planning_request apply_plan_request(const struct application *a,
                                           const struct campaign_spec *spec)
{
    const char *file = ctl_text(a->params, "file");
    const struct deltas *deltas = a->entry != NULL ? &a->entry->deltas : &a->deltas;
    return (struct planning_request){
        .engine = a->d->engine,
        .fleet = a->fleets[0].fleet,
        .spec = spec,
        .devices = a->devices,
        .device_count = a->device_count,
        .waves = a->waves,
        .wave_sizes = a->wave_sizes,
        .image_len = a->image_len,
        .deltas = deltas->items,
        .delta_count = deltas->count,
        .file = file != NULL ? file : "campaign.yaml",
        .windows = &a->d->windows,
        .now = clock_utc(&a->d->clock),
        .stop = &a->d->stopping,
    };
}

static struct planning_request request_of(const struct application *a,
                                          const struct application_fleet *f)
{
    struct planning_request request = apply_plan_request(a, &a->doc->spec);
    request.fleet = f->fleet;
    request.devices = f->devices;
    request.device_count = f->device_count;
    request.waves = f->waves;
    return request;
}

bool apply_is_delivered(const struct fleet_entry *fleet)
{
    struct fuo_caps caps = {0};
    if (fleet->host != NULL) {
        host_caps(fleet->host, &caps);
    }
    return caps.delivers;
}

/* ---- each fleet ---- */

size_t apply_plan_begin(struct application *a)
{
    size_t jobs = 0;
    for (size_t i = 0; i < a->fleet_count; i++) {
        struct application_fleet *f = &a->fleets[i];
        struct planning_request request = request_of(a, f);
        if (!apply_is_delivered(f->fleet) && f->device_count > 0) {
            f->job = planning_begin(&request, &f->planning, &f->diags);
            jobs++;
        }
    }
    return jobs;
}

void apply_plan_compute(struct application *a)
{
    for (size_t i = 0; i < a->fleet_count; i++) {
        if (a->fleets[i].job != NULL) {
            planning_compute(a->fleets[i].job);
        }
    }
}

/* What is wrong with one of several fleets says with which. */
static void take_diags(struct application *a, struct application_fleet *f)
{
    char which[APPLY_FLEET_SIZE];
    apply_fleet_text(a, f->fleet, which);
    for (size_t i = 0; i < f->diags.count; i++) {
        const struct diag *diag = &f->diags.items[i];
        (diag->severity == DIAG_ERROR ? diag_error : diag_warn)(
            &a->diags, &diag->place, "%s%s", which, diag->text);
    }
}

static int end_one(struct application *a, struct application_fleet *f)
{
    int err = f->job != NULL ? planning_end(TAKE(f->job)) : FUO_OK;
    take_diags(a, f);
    return err;
}

/* ---- together ---- */

/* What each alone keeps to they may exceed together. */
static int join(struct application *a)
{
    struct planning_request request = apply_plan_request(a, &a->doc->spec);
    struct planning_part *parts = xcalloc(a->fleet_count + 1, sizeof(*parts));
    for (size_t i = 0; i < a->fleet_count; i++) {
        struct application_fleet *f = &a->fleets[i];
        parts[i] = (struct planning_part){.request = request_of(a, f),
                                          .planning = &f->planning,
                                          .delivered = apply_is_delivered(f->fleet)};
    }
    planning_join(&request, parts, a->fleet_count, &a->planning);
    free(parts);
    return a->fleet_count > 1 ? planning_budget_check(&request, &a->planning, &a->diags)
                              : FUO_OK;
}

int apply_plan_end(struct application *a)
{
    int err = FUO_OK;
    for (size_t i = 0; i < a->fleet_count; i++) {
        int one = end_one(a, &a->fleets[i]);
        err = err == FUO_OK || err == FUO_ERANGE ? (one != FUO_OK ? one : err) : err;
    }
    err = err == FUO_OK ? join(a) : err;
    if (err == FUO_ERANGE) {
        return apply_refuse(a, CTL_DOES_NOT_FIT, "the campaign does not fit");
    }
    if (err == FUO_EAGAIN) {
        return ctl_fail(&a->error, CTL_INTERNAL, "the daemon stops; try again later");
    }
    return err == FUO_OK ? CTL_DONE
                         : ctl_fail(&a->error, CTL_INTERNAL, "%s", fuo_strerror(err));
}

void apply_plan_finish(struct application *a)
{
    for (size_t i = 0; i < a->fleet_count; i++) {
        struct application_fleet *f = &a->fleets[i];
        planning_finish(&f->planning);
        diag_list_finish(&f->diags);
        free(f->devices);
        free(f->waves);
    }
    free(a->fleets);
    planning_finish(&a->planning);
}

struct json_object *apply_plan_data(const struct application *a,
                                    const struct campaign_spec *spec)
{
    struct planning_request request = apply_plan_request(a, spec);
    struct json_object *plan = planning_render(&request, &a->planning);
    render_add(plan, "conflicts",
               planning_conflicts(a->d->engine, &a->d->campaigns, &request));
    apply_server_notes(a, spec, plan);
    return plan;
}

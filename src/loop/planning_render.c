/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "campaign/variant.h"
#include "io/cleanup.h"
#include "loop/planning.h"
#include "loop/planning_calendar.h"
#include "loop/planning_cost.h"
#include "loop/render.h"

enum {
    NOTE_SIZE = 200,
    DEVICES_MAX = 100, /* named of those that are left out for one reason */
    COHORTS_MAX = 200, /* a line of the control socket is bounded */
};

static struct json_object *render_cohort(const struct planning_request *request,
                                         const struct planning *planning,
                                         const struct planned_cohort *cohort)
{
    struct json_object *object = json_object_new_object();
    if (request->waves != NULL) {
        render_add_text(object, "wave", request->spec->rollout.waves[cohort->wave].name);
    }
    if (planning->fleet_count > 1) {
        render_add_text(object, "fleet",
                        planning->fleets[cohort->fleet].fleet->doc->spec.name);
    }
    if (request->delta_count > 0) {
        render_add_text(object, "variant",
                        cohort->variant == VARIANT_FULL
                            ? "full"
                            : request->spec->image.deltas[cohort->variant - 1].from);
    }
    render_add_int(object, "devices", cohort->device_count);
    render_add(object, "assumed", json_object_new_boolean(cohort->assumed));
    render_add_int(object, "dr", cohort->dr);
    render_add_int(object, "frequency_hz", cohort->frequency_hz);
    render_add_int(object, "fragment_size", cohort->fragments.size);
    render_add_int(object, "fragments", cohort->fragments.count);
    render_add_int(object, "coded", cohort->coded);
    render_add_int(object, "copies", cohort->copies);
    render_add_int(object, "lanes", cohort->lanes);
    render_add_int(object, "gateways", cohort->gateways);
    render_add_int(object, "colours", cohort->colours);
    render_add_int(object, "frame_airtime_us", cohort->frame_airtime_us);
    render_add_int(object, "airtime_us", cohort->airtime_us);
    render_add_int(object, "airtime_cap_us", cohort->airtime_cap_us);
    render_add_int(object, "legal_cap_us", cohort->legal_cap_us);
    render_add_int(object, "sessions", cohort->session_count);
    render_add_int(object, "interval_us", cohort->interval_us);
    render_add_int(object, "frames_p50", cohort->frames_p50);
    render_add_int(object, "frames_p90", cohort->frames_p90);
    render_add_int(object, "duration_us", cohort->duration_p50_us);
    render_add_int(object, "duration_p90_us", cohort->duration_p90_us);
    struct planning_cost cost = planning_cost_of_cohort(cohort);
    planning_cost_add(object, &cost);
    return object;
}

static struct json_object *render_left_out(enum planning_reason reason,
                                           const struct planning_left_out *out)
{
    struct json_object *object = json_object_new_object();
    struct json_object *devices = json_object_new_array();
    for (size_t i = 0; i < out->count && i < DEVICES_MAX; i++) {
        json_object_array_add(devices, render_eui(out->devices[i]));
    }
    render_add_text(object, "reason", planning_reason_slug(reason));
    render_add_text(object, "text", planning_reason_text(reason));
    render_add_text(object, "limit", out->limit);
    render_add_int(object, "count", (int64_t)out->count);
    render_add(object, "devices", devices);
    return object;
}

static void add_note(struct json_object *notes, const char *text)
{
    json_object_array_add(notes, json_object_new_string(text));
}

static void note_cohort(struct json_object *notes, const struct planning *planning)
{
    char text[NOTE_SIZE];
    const struct planned_cohort *first = &planning->cohorts[0];
    snprintf(text, sizeof(text),
             "up to %u coded fragments more may follow for what is lost",
             planning->coded_max > first->coded
                 ? (unsigned)(planning->coded_max - first->coded)
                 : 0U);
    add_note(notes, text);
    if (first->legal_cap_us < HOURS_US(1)) {
        snprintf(text, sizeof(text),
                 "other traffic of each gateway is assumed to need %u%% of the legal "
                 "airtime",
                 (unsigned)(planning->reserve_ppm / 10000));
        add_note(notes, text);
    }
}

static void note_unheard(struct json_object *notes, const struct planning *planning)
{
    char text[NOTE_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < planning->cohort_count; i++) {
        count += planning->cohorts[i].device_count;
    }
    if (planning->unheard_count > 0 && planning->unheard_count == count) {
        add_note(notes, "no device has been heard yet: coverage is not known");
    } else if (planning->unheard_count > 0) {
        snprintf(text, sizeof(text),
                 "%zu devices have not been heard yet: their coverage is not known",
                 planning->unheard_count);
        add_note(notes, text);
    }
}

static size_t count_delivered(const struct planning *planning)
{
    size_t count = 0;
    for (size_t i = 0; i < planning->fleet_count; i++) {
        const struct planned_fleet *fleet = &planning->fleets[i];
        count += fleet->delivered ? fleet->planned_count : 0;
    }
    return count;
}

static void note_delivered(struct json_object *notes, const struct planning *planning,
                           size_t count)
{
    char text[NOTE_SIZE];
    if (planning->cohort_count == 0) {
        add_note(notes, "each device gets the image over IP, by itself: there is no "
                        "airtime to plan");
        return;
    }
    snprintf(text, sizeof(text),
             "%zu devices get the image over IP, each by itself: there is no airtime to "
             "plan for them",
             count);
    add_note(notes, text);
}

static struct json_object *render_notes(const struct planning_request *request,
                                        const struct planning *planning)
{
    struct json_object *notes = json_object_new_array();
    size_t delivered = count_delivered(planning);
    if (planning->cohort_count > 0) {
        note_cohort(notes, planning);
    }
    if (delivered > 0) {
        note_delivered(notes, planning, delivered);
    } else if (planning->cohort_count == 0) {
        add_note(notes, "nobody would be updated now: all devices are left out");
    }
    if (planning->fleet_count > 1) {
        add_note(notes, "each fleet is planned by itself, and all send at the same time");
    }
    note_unheard(notes, planning);
    if (planning_calendar_is_tight(request, planning)) {
        add_note(notes, "the deadline is tight: in one of ten cases not all is sent by "
                        "then");
    }
    return notes;
}

/* What it costs; of its devices, planned are in cohorts, and skipped are left out. */
static void add_wave_cost(struct json_object *object, const struct planning *planning,
                          size_t no, uint32_t device_count)
{
    const struct planned_wave *wave = &planning->waves[no];
    struct planning_cost cost = planning_cost_of_wave(planning, no);
    render_add_int(object, "planned", wave->device_count);
    render_add_int(object, "skipped", (int64_t)device_count - wave->device_count);
    render_add_int(object, "cohorts", wave->cohort_count);
    render_add_int(object, "airtime_us", wave->airtime_us);
    render_add_int(object, "duration_us", wave->p50_us);
    render_add_int(object, "duration_p90_us", wave->p90_us);
    planning_cost_add(object, &cost);
}

/* Who is left over is in no wave. */
static struct json_object *render_waves(const struct planning_request *request,
                                        const struct planning *planning)
{
    struct json_object *list = json_object_new_array();
    const struct spec_rollout *rollout = &request->spec->rollout;
    for (size_t i = 0; i < rollout->wave_count; i++) {
        const struct spec_wave *wave = &rollout->waves[i];
        struct json_object *object = json_object_new_object();
        render_add_text(object, "name", wave->name);
        render_add_int(object, "devices", request->wave_sizes[i]);
        render_add_int(object, "success_ppm", wave->success_ppm);
        render_add_int(object, "abort_failed_ppm", wave->abort_failed_ppm);
        render_add_int(object, "abort_attempted", wave->abort_attempted);
        render_add_int(object, "soak_us", wave->soak_us);
        render_add(object, "approval", json_object_new_boolean(wave->approval_required));
        if (i < planning->wave_count) {
            add_wave_cost(object, planning, i, request->wave_sizes[i]);
        }
        json_object_array_add(list, object);
    }
    return list;
}

/* Of a campaign with deltas: what is sent to whom, by what devices have said so far. */
static struct json_object *render_variants(const struct planning_request *request,
                                           const struct planning *planning)
{
    const struct spec_image *image = &request->spec->image;
    struct json_object *list = json_object_new_array();
    for (size_t v = 0; v <= request->delta_count; v++) {
        struct json_object *object = json_object_new_object();
        int64_t devices = planning->delivered_by_variant[v];
        int64_t airtime_us = 0;
        for (size_t i = 0; i < planning->cohort_count; i++) {
            const struct planned_cohort *cohort = &planning->cohorts[i];
            bool counts = cohort->variant == v;
            devices += counts ? cohort->device_count : 0;
            airtime_us += counts ? cohort->airtime_us * cohort->gateways : 0;
        }
        render_add_text(object, "variant", v == 0 ? "full" : image->deltas[v - 1].from);
        render_add_text(object, "file", v == 0 ? image->file : image->deltas[v - 1].file);
        render_add_int(
            object, "bytes",
            (int64_t)(v == 0 ? request->image_len : request->deltas[v - 1].len));
        render_add_int(object, "devices", devices);
        render_add_int(object, "airtime_us", airtime_us);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *render_fleets(const struct planning *planning)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < planning->fleet_count; i++) {
        const struct planned_fleet *fleet = &planning->fleets[i];
        struct planning_cost cost = planning_cost_of_fleet(planning, i);
        struct json_object *object = json_object_new_object();
        render_add_text(object, "fleet", fleet->fleet->doc->spec.name);
        render_add(object, "delivered", json_object_new_boolean(fleet->delivered));
        render_add_int(object, "devices", fleet->device_count);
        render_add_int(object, "planned", fleet->planned_count);
        render_add_int(object, "skipped",
                       (int64_t)fleet->device_count - fleet->planned_count);
        render_add_int(object, "cohorts", fleet->cohort_count);
        render_add_int(object, "airtime_us", fleet->airtime_us);
        render_add_int(object, "duration_us", fleet->p50_us);
        render_add_int(object, "duration_p90_us", fleet->p90_us);
        planning_cost_add(object, &cost);
        json_object_array_add(list, object);
    }
    return list;
}

static void add_totals(struct json_object *object, const struct planning *planning)
{
    int64_t fragments = 0;
    int64_t coded = 0;
    for (size_t i = 0; i < planning->cohort_count; i++) {
        fragments += planning->cohorts[i].fragments.count;
        coded += planning->cohorts[i].coded;
    }
    render_add_int(object, "fragments", fragments);
    render_add_int(object, "coded", coded);
    render_add_int(object, "airtime_us", planning->airtime_us);
    render_add_int(object, "duration_us", planning->p50_us);
    render_add_int(object, "duration_p90_us", planning->p90_us);
    render_add_int(object, "soak_us", planning->soak_us);
    render_add_int(object, "lower_bound_us", planning->lower_bound_us);
    struct planning_cost cost = planning_cost_of(planning);
    planning_cost_add(object, &cost);
}

struct json_object *planning_render(const struct planning_request *request,
                                    const struct planning *planning)
{
    struct json_object *object = json_object_new_object();
    struct json_object *cohorts = json_object_new_array();
    struct json_object *left_out = json_object_new_array();
    AUTO_FREE char *names = campaign_fleets_text(request->spec);
    render_add_text(object, "name", request->spec->name);
    render_add_text(object, "fleet", names);
    render_add_int(object, "devices", (int64_t)request->device_count);
    render_add_int(object, "image_bytes", (int64_t)request->image_len);
    for (size_t i = 0; i < planning->cohort_count && i < COHORTS_MAX; i++) {
        json_object_array_add(cohorts,
                              render_cohort(request, planning, &planning->cohorts[i]));
    }
    for (int i = 0; i < PLANNING_REASON_COUNT; i++) {
        if (planning->left_out[i].count > 0) {
            json_object_array_add(left_out, render_left_out((enum planning_reason)i,
                                                            &planning->left_out[i]));
        }
    }
    render_add_int(object, "cohort_count", (int64_t)planning->cohort_count);
    render_add(object, "cohorts", cohorts);
    add_totals(object, planning);
    struct json_object *calendar = planning_calendar_render(request, planning);
    if (calendar != NULL) {
        render_add(object, "calendar", calendar);
    }
    if (request->wave_sizes != NULL) {
        render_add(object, "waves", render_waves(request, planning));
    }
    if (planning->fleet_count > 1) {
        render_add(object, "by_fleet", render_fleets(planning));
    }
    if (request->delta_count > 0) {
        render_add(object, "variants", render_variants(request, planning));
    }
    render_add(object, "left_out", left_out);
    render_add(object, "notes", render_notes(request, planning));
    return object;
}

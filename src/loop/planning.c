/* SPDX-License-Identifier: MIT */
#include "loop/planning.h"

#include <stdlib.h>

#include "codec/mcast.h"
#include "io/cleanup.h"
#include "loop/planning_budget.h"
#include "loop/planning_calendar.h"
#include "loop/planning_internal.h"
#include "loop/xalloc.h"
#include "radio/energy.h"

/* Work between two looks at request.stop: some milliseconds. */
#define PIECE_WORK (1u << 18)

void planning_finish(struct planning *planning)
{
    free(planning->cohorts);
    free(planning->waves);
    free(planning->fleets);
    for (size_t i = 0; i < PLANNING_REASON_COUNT; i++) {
        free(planning->left_out[i].devices);
    }
    *planning = (struct planning){0};
}

/* ---- what all cohorts share ---- */

/* The lowest floor of the data rates that may be used. */
static int32_t slowest_floor_cdb(const struct planning_job *m)
{
    int32_t lowest = INT16_MAX;
    for (int dr = 0; dr < REGION_DR_COUNT; dr++) {
        if (m->radio.dr == PARTITION_DR_AUTO || m->radio.dr == dr) {
            int32_t floor = partition_floor_cdb(m->radio.region, (uint8_t)dr);
            lowest = floor < lowest ? floor : lowest;
        }
    }
    return lowest == INT16_MAX ? 0 : lowest;
}

/* Of all devices that can take the image, or, if none can, of the first. */
static void take_limits(struct planning_job *m)
{
    const struct planning_request *r = &m->request;
    const struct profile *last = NULL;
    bool any = false;
    for (size_t i = 0; i < r->device_count; i++) {
        const struct profile *profile = engine_profile(r->engine, r->devices[i]);
        struct fragplan_limits merged;
        if (profile == NULL || profile == last) {
            continue;
        }
        last = profile;
        m->limiting = m->limiting != NULL ? m->limiting : profile;
        if (fragplan_merge(&m->input.limits, &profile->limits, &merged) == FUO_OK &&
            planning_can_cut(r, &merged, r->image_len)) {
            m->input.limits = merged;
            m->limiting = any ? m->limiting : profile;
            any = true;
        }
    }
    if (!any && m->limiting != NULL) {
        m->input.limits = m->limiting->limits;
    }
}

static enum plan_error probe(struct planning_job *m)
{
    const struct planning_request *r = &m->request;
    if (r->fleet->host != NULL) {
        host_caps(r->fleet->host, &m->caps);
    }
    m->input = (struct plan_input){
        .spec = r->spec,
        .fleet = &r->fleet->doc->spec,
        .image_len = r->image_len,
        .device_count = (uint32_t)r->device_count,
        .weakest_snr_cdb = INT16_MAX,
        .priority_ceiling_ppm = m->caps.priority_ceiling_ppm,
    };
    take_limits(m);
    enum plan_error error = plan_make(&m->input, &m->probe);
    m->radio = (struct planning_radio){
        .region = m->probe.region,
        .frequency_hz = m->probe.frequency_hz,
        .dr = r->spec->radio.dr == SPEC_AUTO_U32 ? PARTITION_DR_AUTO
                                                 : (uint8_t)r->spec->radio.dr,
    };
    if (error == PLAN_OK) {
        m->radio.gain_cdb = partition_gain_cdb(m->radio.region, m->radio.frequency_hz);
        m->radio.floor_cdb = slowest_floor_cdb(m);
    }
    return error;
}

/* ---- cohorts of devices that were heard ---- */

static size_t block_len(const struct planning_job *m, size_t variant)
{
    return variant == VARIANT_FULL ? m->request.image_len
                                   : m->request.deltas[variant - 1].len;
}

static struct partition_input input_of(const struct planning_job *m,
                                       const struct planning_slice *slice, size_t variant)
{
    struct partition_input in =
        partition_input_of(m->request.spec, &m->request.fleet->doc->spec, m->radio.region,
                           m->caps.timing == FUO_TIMING_ABSOLUTE,
                           m->caps.multicast_jitter_us, m->caps.priority_ceiling_ppm);
    in.devices = m->devices.items + slice->first;
    in.device_count = slice->count;
    in.gateway_count = m->devices.gateway_count;
    in.gateway_weight = m->devices.weights;
    in.image_len = block_len(m, variant);
    in.limits = m->input.limits;
    return in;
}

static uint32_t sessions_for(const struct planning_job *m, int64_t duration_us)
{
    int64_t longest_us = spec_session_unit_us(&m->request.spec->radio)
                         << MC_TIMEOUT_EXP_MAX;
    return (uint32_t)((duration_us + longest_us - 1) / longest_us);
}

/* In class B gateways share their ping slots, and groups: see engine/cohort.c. */
static uint8_t lanes_for(const struct planning_job *m, size_t lanes, size_t gateways)
{
    return (uint8_t)(spec_is_class_b(&m->request.spec->radio)
                         ? (gateways + RECORD_GATEWAY_MAX - 1) / RECORD_GATEWAY_MAX
                         : lanes);
}

static uint16_t colours_for(const struct planning_job *m, size_t colours)
{
    return spec_is_class_b(&m->request.spec->radio) ? 1 : (uint16_t)colours;
}

/* The receiver is on all the time in class C. */
static int64_t listening_for(const struct planning_job *m, int64_t duration_us,
                             int64_t frame_us, int64_t interval_us)
{
    const struct spec_radio *radio = &m->request.spec->radio;
    const struct energy_slots how = {.periodicity = radio->ping_slot_periodicity,
                                     .frame_us = frame_us,
                                     .interval_us = interval_us};
    return spec_is_class_b(radio) ? energy_slots_us(duration_us, &how) : duration_us;
}

static struct planned_cohort take_cohort(const struct planning_job *m,
                                         const struct partition_cohort *from)
{
    int64_t frames = (int64_t)from->fragments.count * from->copies + from->coded_first;
    return (struct planned_cohort){
        .device_count = from->device_count,
        .dr = from->dr,
        .copies = from->copies,
        .lanes = lanes_for(m, from->lane_count, from->gateway_count),
        .gateways = from->gateway_count,
        .colours = colours_for(m, from->colour_count),
        .frequency_hz = m->radio.frequency_hz,
        .fragments = from->fragments,
        .coded = from->coded_first,
        .session_count = sessions_for(m, from->duration_p50_us),
        .frame_airtime_us = from->frame_airtime_us,
        .airtime_us = frames * from->frame_airtime_us,
        .airtime_cap_us = m->probe.airtime_cap_us,
        .legal_cap_us = m->probe.legal_cap_us,
        .interval_us = from->interval_us,
        .frames_p50 = from->frames_p50,
        .frames_p90 = from->frames_p90,
        .duration_p50_us = from->duration_p50_us,
        .duration_p90_us = from->duration_p90_us,
        .listening_us = listening_for(m, from->duration_p50_us, from->frame_airtime_us,
                                      from->interval_us),
    };
}

/* When a cohort's gateways are all free; then they are busy until its end. */
static int64_t occupy(int64_t *free_at_us, const struct partition_cohort *cohort,
                      int64_t duration_us)
{
    int64_t start_us = 0;
    for (size_t i = 0; i < cohort->gateway_count; i++) {
        int64_t us = free_at_us[cohort->gateways[i].gateway];
        start_us = us > start_us ? us : start_us;
    }
    for (size_t i = 0; i < cohort->gateway_count; i++) {
        free_at_us[cohort->gateways[i].gateway] = start_us + duration_us;
    }
    return start_us + duration_us;
}

/* One after the other where they share a gateway, in their order. */
static int64_t last_end_us(const struct planning_job *m,
                           const struct partition *partition, bool p90)
{
    int64_t last_us = 0;
    int64_t *free_at_us = xcalloc(m->devices.gateway_count + 1, sizeof(*free_at_us));
    for (size_t i = 0; i < partition->cohort_count; i++) {
        const struct partition_cohort *c = &partition->cohorts[i];
        int64_t end_us =
            occupy(free_at_us, c, p90 ? c->duration_p90_us : c->duration_p50_us);
        last_us = end_us > last_us ? end_us : last_us;
    }
    free(free_at_us);
    return last_us;
}

/* Also counted in its wave. */
static void add_cohort(struct planning_job *m, const struct planned_cohort *cohort,
                       struct planned_wave *wave)
{
    struct planning *planning = m->planning;
    size_t count = planning->cohort_count;
    if ((count & (count - 1)) == 0) { /* room for the next power of two */
        planning->cohorts = xrealloc(planning->cohorts, count == 0 ? 1 : 2 * count,
                                     sizeof(*planning->cohorts));
    }
    struct planned_cohort *added = &planning->cohorts[planning->cohort_count++];
    *added = *cohort;
    added->wave = (uint8_t)(wave - planning->waves);
    wave->cohort_count++;
    wave->device_count += cohort->device_count;
    wave->airtime_us += cohort->airtime_us * cohort->gateways;
}

static void take_partition(struct planning_job *m, const struct partition *partition,
                           const struct planning_slice *slice, size_t variant,
                           struct planned_wave *wave)
{
    enum planning_reason why =
        partition->no_fit > 0 ? PLANNING_TOO_BIG : PLANNING_COVERAGE;
    for (size_t i = 0; i < partition->cohort_count; i++) {
        struct planned_cohort cohort = take_cohort(m, &partition->cohorts[i]);
        cohort.variant = (uint8_t)variant;
        add_cohort(m, &cohort, wave);
    }
    for (size_t i = 0; i < slice->count; i++) {
        if (partition->cohort[i] == PARTITION_NONE) {
            planning_leave_out(m->planning, why, m->devices.euis[slice->first + i]);
        }
    }
    wave->p50_us += last_end_us(m, partition, false);
    wave->p90_us += last_end_us(m, partition, true);
}

/* The campaign names its gateways: each is a lane and a turn, for all devices. */
static bool is_by_hand(const struct planning_job *m)
{
    return m->request.spec->radio.gateways.count > 0;
}

static bool is_stopped(const struct planning_job *m)
{
    const atomic_bool *stop = m->request.stop;
    return stop != NULL && atomic_load(stop);
}

/* partition_make(), but FUO_EAGAIN if it is stopped on its way. */
static int make_partition(const struct planning_job *m,
                          const struct partition_input *input, void *workspace,
                          struct partition *partition)
{
    bool done = false;
    int err = partition_begin(input, workspace);
    while (err == FUO_OK && !done && !is_stopped(m)) {
        uint64_t work = PIECE_WORK;
        done = partition_go(workspace, &work, partition);
    }
    return err == FUO_OK && !done ? FUO_EAGAIN : err;
}

static int plan_heard(struct planning_job *m, const struct planning_slice *slice,
                      size_t variant, struct planned_wave *wave)
{
    struct partition_input input = input_of(m, slice, variant);
    struct partition partition;
    if (slice->count == 0 || is_by_hand(m)) {
        return FUO_OK;
    }
    AUTO_FREE void *workspace = malloc(partition_workspace_bytes(&input));
    if (workspace == NULL) {
        return FUO_ENOMEM;
    }
    int err = make_partition(m, &input, workspace, &partition);
    if (err == FUO_EAGAIN) {
        return err;
    }
    if (err != FUO_OK) {
        return planning_refuse_all(m, PLAN_NO_SHARE);
    }
    take_partition(m, &partition, slice, variant, wave);
    return FUO_OK;
}

/* ---- the cohort of devices that were never heard, or of gateways given by hand ---- */

static size_t assumed_gateways(const struct planning_job *m)
{
    size_t count = m->devices.gateways_given ? m->devices.gateway_count : 1;
    return count > RECORD_LANE_MAX ? RECORD_LANE_MAX : count;
}

static void add_whole(struct planning_job *m, const struct plan *plan, bool assumed,
                      size_t device_count, size_t variant, struct planned_wave *wave)
{
    const struct planned_cohort cohort = {
        .variant = (uint8_t)variant,
        .device_count = (uint32_t)device_count,
        .dr = plan->dr,
        .copies = 1,
        .lanes = lanes_for(m, assumed_gateways(m), assumed_gateways(m)),
        .gateways = (uint16_t)assumed_gateways(m),
        .colours = colours_for(m, assumed_gateways(m)),
        .assumed = assumed,
        .frequency_hz = plan->frequency_hz,
        .fragments = plan->fragments,
        .coded = plan->coded_first,
        .session_count = plan->session_count,
        .frame_airtime_us = plan->frame_airtime_us,
        .airtime_us = plan->airtime_us,
        .airtime_cap_us = plan->airtime_cap_us,
        .legal_cap_us = plan->legal_cap_us,
        .interval_us = plan->interval_us,
        .frames_p50 = (uint32_t)plan->fragments.count + plan->coded_first,
        .frames_p90 = (uint32_t)plan->fragments.count + plan->coded_first,
        .duration_p50_us = plan->duration_us,
        .duration_p90_us = plan->duration_us,
        .listening_us = listening_for(m, plan->duration_us, plan->frame_airtime_us,
                                      plan->interval_us),
    };
    add_cohort(m, &cohort, wave);
    wave->p50_us += plan->duration_us;
    wave->p90_us += plan->duration_us;
}

static int plan_whole(struct planning_job *m, const struct planning_slice *slice,
                      size_t variant, struct planned_wave *wave)
{
    struct plan_input input = m->input;
    struct plan plan;
    size_t heard_count = is_by_hand(m) ? slice->count : 0;
    size_t device_count = heard_count + slice->unheard_count;
    input.image_len = block_len(m, variant);
    input.device_count = (uint32_t)device_count;
    input.weakest_snr_cdb = PLAN_SNR_UNKNOWN;
    if (heard_count > 0) {
        input.weakest_snr_cdb = slice->weakest_snr_cdb;
    }
    if (device_count == 0) {
        return FUO_OK;
    }
    enum plan_error error = plan_make(&input, &plan);
    if (error == PLAN_OK) {
        int64_t slot_us =
            plan_slot_us(plan.frame_airtime_us, m->caps.timing == FUO_TIMING_ABSOLUTE,
                         m->caps.multicast_jitter_us);
        input.server_spacing_us = slot_us * (int64_t)assumed_gateways(m);
        error = plan_make(&input, &plan);
    }
    if (error != PLAN_OK) {
        m->probe.dr = plan.dr; /* that it does not fit */
        return planning_refuse_all(m, error);
    }
    add_whole(m, &plan, heard_count == 0, device_count, variant, wave);
    return FUO_OK;
}

/* ---- totals ---- */

/* Any device may be sent the shortest of them. */
static size_t shortest_len(const struct planning_job *m)
{
    size_t len = m->request.image_len;
    for (size_t i = 0; i < m->request.delta_count; i++) {
        len = m->request.deltas[i].len < len ? m->request.deltas[i].len : len;
    }
    return len;
}

/* M fragments at a data rate, on air at one gateway: no device is complete before. */
static int64_t bound_at_us(const struct planning_job *m, uint8_t dr)
{
    struct campaign_spec spec = *m->request.spec;
    struct plan_input input = m->input;
    struct plan plan;
    spec.radio.dr = dr;
    input.spec = &spec;
    input.image_len = shortest_len(m);
    return plan_make(&input, &plan) == PLAN_OK ? plan.lower_bound_us : 0;
}

/* The hardest device decides: whatever the plan, it hears no faster data rate than that. */
static int64_t lower_bound_us(const struct planning_job *m)
{
    int64_t at_us[REGION_DR_COUNT];
    int64_t bound_us = bound_at_us(m, m->probe.dr);
    for (int dr = 0; dr < REGION_DR_COUNT; dr++) {
        at_us[dr] = partition_floor_cdb(m->radio.region, (uint8_t)dr) != INT16_MAX &&
                            (m->radio.dr == PARTITION_DR_AUTO || m->radio.dr == dr)
                        ? bound_at_us(m, (uint8_t)dr)
                        : 0;
    }
    for (size_t i = 0; i < m->devices.count; i++) {
        int64_t least_us = planning_least_us(&m->devices.items[i], &m->radio, at_us);
        bound_us = least_us > bound_us ? least_us : bound_us;
    }
    return bound_us;
}

/* A wave soaks if it has devices and others come after it. */
int64_t planning_soak_us(const struct planning_request *request,
                         const struct planning *planning)
{
    int64_t sum_us = 0;
    int64_t last_us = 0;
    for (size_t i = 0; i < planning->wave_count && request->waves != NULL; i++) {
        if (planning->waves[i].device_count > 0) {
            sum_us += last_us;
            last_us = request->spec->rollout.waves[i].soak_us;
        }
    }
    return sum_us;
}

static void add_totals(struct planning_job *m)
{
    struct planning *planning = m->planning;
    planning->lower_bound_us = lower_bound_us(m);
    planning->coded_max = m->probe.coded_max;
    planning->reserve_ppm = m->request.fleet->doc->spec.reserve_ppm;
    planning->soak_us = planning_soak_us(&m->request, planning);
    for (size_t i = 0; i < planning->wave_count; i++) {
        for (size_t v = 0; v < m->devices.variant_count; v++) {
            planning->unheard_count += m->devices.slices[i][v].unheard_count;
        }
        planning->airtime_us += planning->waves[i].airtime_us;
        planning->p50_us += planning->waves[i].p50_us;
        planning->p90_us += planning->waves[i].p90_us;
    }
}

/* ---- the steps ---- */

struct planning_job *planning_begin(const struct planning_request *request,
                                    struct planning *planning, struct diag_list *diags)
{
    struct planning_job *m = xcalloc(1, sizeof(*m));
    m->request = *request;
    m->planning = planning;
    m->diags = diags;
    *planning = (struct planning){0};
    enum plan_error error = probe(m);
    if (error != PLAN_OK) {
        m->err = planning_refuse_all(m, error);
    } else {
        int64_t airtime_us[VARIANT_DELTAS_MAX + 1] = {0};
        for (size_t v = 0; request->delta_count > 0 && v <= request->delta_count; v++) {
            airtime_us[v] = variant_airtime_us(&m->input, block_len(m, v));
        }
        planning_sort_devices(request, &m->radio, airtime_us, &m->devices, planning);
        planning->wave_count = m->devices.wave_count;
        planning->waves = xcalloc(planning->wave_count + 1, sizeof(*planning->waves));
    }
    m->request.engine = NULL;
    return m;
}

static int plan_wave(struct planning_job *m, size_t no)
{
    struct planned_wave *wave = &m->planning->waves[no];
    int err = FUO_OK;
    for (size_t v = 0; v < m->devices.variant_count && err == FUO_OK; v++) {
        const struct planning_slice *slice = &m->devices.slices[no][v];
        err = plan_heard(m, slice, v, wave);
        err = err == FUO_OK ? plan_whole(m, slice, v, wave) : err;
    }
    return err;
}

static int compute(struct planning_job *m)
{
    int err = FUO_OK;
    for (size_t i = 0; i < m->planning->wave_count && err == FUO_OK; i++) {
        err = plan_wave(m, i);
    }
    if (err == FUO_OK && m->planning->cohort_count == 0) {
        err = planning_refuse_left_out(m);
    }
    if (err == FUO_OK) {
        add_totals(m);
    }
    return err;
}

void planning_compute(struct planning_job *job)
{
    if (job->err == FUO_OK) {
        job->err = compute(job);
    }
}

int planning_end(struct planning_job *job)
{
    int err = job->err;
    if (err == FUO_OK) {
        int calendar_err =
            planning_calendar_check(&job->request, job->planning, job->diags);
        err = planning_budget_check(&job->request, job->planning, job->diags);
        err = calendar_err != FUO_OK ? calendar_err : err;
    }
    if (err != FUO_OK) {
        planning_finish(job->planning);
    }
    planning_devices_finish(&job->devices);
    free(job);
    return err;
}

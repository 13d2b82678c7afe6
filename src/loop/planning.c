/* SPDX-License-Identifier: MIT */
#include "loop/planning.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/eui.h"
#include "io/cleanup.h"
#include "loop/planning_calendar.h"
#include "loop/planning_devices.h"
#include "loop/xalloc.h"
#include "plugin/host.h"

enum {
    NAMED_MAX = 20, /* devices in a diagnostic */
    TEXT_SIZE = 512,
    DEVICES_SIZE = NAMED_MAX * (EUI_TEXT_SIZE + 1) + 32,
};

#define SESSION_MAX_US (SECONDS_US(1) << 15)

/* One planning on its way; called m. */
struct planning_job {
    struct planning_request request; /* engine NULL: what it knows was copied */
    int err;
    struct planning *planning;
    struct diag_list *diags;
    struct fuo_caps caps;
    struct plan_input input; /* of the fastest data rate, for what all cohorts share */
    struct plan probe;
    struct planning_radio radio;
    struct planning_devices devices;
    const struct profile *limiting; /* whose limits can be named; NULL: nobody's */
};

const char *planning_reason_slug(enum planning_reason reason)
{
    static const char *const slugs[] = {
#define X(name, slug, path, text) [name] = (slug),
        PLANNING_REASON_MAP(X)
#undef X
    };
    return slugs[reason];
}

const char *planning_reason_text(enum planning_reason reason)
{
    static const char *const texts[] = {
#define X(name, slug, path, text) [name] = (text),
        PLANNING_REASON_MAP(X)
#undef X
    };
    return texts[reason];
}

const char *planning_reason_path(enum planning_reason reason)
{
    static const char *const paths[] = {
#define X(name, slug, path, text) [name] = (path),
        PLANNING_REASON_MAP(X)
#undef X
    };
    return paths[reason];
}

void planning_finish(struct planning *planning)
{
    free(planning->cohorts);
    for (size_t i = 0; i < PLANNING_REASON_COUNT; i++) {
        free(planning->left_out[i].devices);
    }
    *planning = (struct planning){0};
}

/* ---- what is wrong, and with which devices ---- */

/* The first of them by name, the rest by number. */
static void list_devices(const uint64_t *devices, size_t count,
                         char text[static DEVICES_SIZE])
{
    size_t named = count < NAMED_MAX ? count : NAMED_MAX;
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < named; i++) {
        char eui[EUI_TEXT_SIZE];
        len += (size_t)snprintf(text + len, DEVICES_SIZE - len, "%s%s", i > 0 ? " " : "",
                                eui_format(devices[i], eui));
    }
    if (count > named) {
        snprintf(text + len, DEVICES_SIZE - len, " and %zu more", count - named);
    }
}

static void refuse(const struct planning_job *m, const char *path, const char *what,
                   const uint64_t *devices, size_t count)
{
    char names[DEVICES_SIZE];
    struct diag_place place = {.file = m->request.file, .path = path};
    list_devices(devices, count, names);
    diag_error(m->diags, &place, "%s; %zu device%s: %s", what, count,
               count == 1 ? "" : "s", names);
}

static int refuse_left_out(const struct planning_job *m)
{
    for (int i = 0; i < PLANNING_REASON_COUNT; i++) {
        const struct planning_left_out *out = &m->planning->left_out[i];
        enum planning_reason reason = (enum planning_reason)i;
        char what[TEXT_SIZE];
        if (out->count == 0) {
            continue;
        }
        snprintf(what, sizeof(what), "%s%s%s", planning_reason_text(reason),
                 out->limit[0] != '\0' ? ": " : "", out->limit);
        refuse(m, planning_reason_path(reason), what, out->devices, out->count);
    }
    return FUO_ERANGE;
}

/* What the decoders of the fleet take at most. */
static void describe_limits(const struct planning_job *m, char text[static TEXT_SIZE])
{
    const struct fragplan_limits *limits = &m->input.limits;
    unsigned count = limits->count_max != 0 ? limits->count_max : FRAGPLAN_COUNT_MAX;
    unsigned size = limits->size_max != 0 ? limits->size_max : 255;
    snprintf(text, TEXT_SIZE,
             "the image has %zu bytes; device profile '%s' takes at most %u fragments of "
             "%u to %u bytes",
             m->request.image_len, m->limiting != NULL ? m->limiting->name : "generic",
             count, (unsigned)limits->size_min, size);
}

static int refuse_all(const struct planning_job *m, enum plan_error error)
{
    const struct planning_request *r = &m->request;
    char what[2 * TEXT_SIZE];
    char limits[TEXT_SIZE];
    switch (error) {
    case PLAN_OK:
    case PLAN_REGION:
    case PLAN_DATARATE:
    case PLAN_FREQUENCY:
    case PLAN_EMPTY:
        refuse(m, NULL, plan_error_text(error), r->devices, r->device_count);
        break;
    case PLAN_TOO_MANY:
        describe_limits(m, limits);
        snprintf(what, sizeof(what), "%s: %s", planning_reason_text(PLANNING_TOO_BIG),
                 limits);
        refuse(m, "spec.image", what, r->devices, r->device_count);
        break;
    case PLAN_SIZE:
        describe_limits(m, limits);
        snprintf(what, sizeof(what), "%s; %s", plan_error_text(error), limits);
        refuse(m, "spec.image", what, r->devices, r->device_count);
        break;
    case PLAN_NO_SHARE:
        snprintf(what, sizeof(what),
                 "%s; campaigns may use %.1f s of each hour of a gateway",
                 plan_error_text(error), (double)m->probe.airtime_cap_us / 1e6);
        refuse(m, "spec.budgets.dutyCycle", what, r->devices, r->device_count);
        break;
    }
    return FUO_ERANGE;
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

static bool can_cut(const struct planning_request *r, struct fragplan_limits limits)
{
    struct fragplan cut;
    limits.size_max = limits.size_max == 0 ? UINT8_MAX : limits.size_max;
    return fragplan_choose(r->image_len, &limits, &cut) == FUO_OK;
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
            can_cut(r, merged)) {
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

static struct partition_input input_of(const struct planning_job *m)
{
    struct partition_input in =
        partition_input_of(m->request.spec, &m->request.fleet->doc->spec, m->radio.region,
                           m->caps.timing == FUO_TIMING_ABSOLUTE,
                           m->caps.multicast_jitter_us, m->caps.priority_ceiling_ppm);
    in.devices = m->devices.items;
    in.device_count = m->devices.count;
    in.gateway_count = m->devices.gateway_count;
    in.gateway_weight = m->devices.weights;
    in.image_len = m->request.image_len;
    in.limits = m->input.limits;
    return in;
}

static uint32_t sessions_for(int64_t duration_us)
{
    return (uint32_t)((duration_us + SESSION_MAX_US - 1) / SESSION_MAX_US);
}

static struct planned_cohort take_cohort(const struct planning_job *m,
                                         const struct partition_cohort *from)
{
    int64_t frames = (int64_t)from->fragments.count * from->copies + from->coded_first;
    return (struct planned_cohort){
        .device_count = from->device_count,
        .dr = from->dr,
        .copies = from->copies,
        .lanes = (uint8_t)from->lane_count,
        .gateways = from->gateway_count,
        .colours = from->colour_count,
        .frequency_hz = m->radio.frequency_hz,
        .fragments = from->fragments,
        .coded = from->coded_first,
        .session_count = sessions_for(from->duration_p50_us),
        .frame_airtime_us = from->frame_airtime_us,
        .airtime_us = frames * from->frame_airtime_us,
        .airtime_cap_us = m->probe.airtime_cap_us,
        .legal_cap_us = m->probe.legal_cap_us,
        .interval_us = from->interval_us,
        .frames_p50 = from->frames_p50,
        .frames_p90 = from->frames_p90,
        .duration_p50_us = from->duration_p50_us,
        .duration_p90_us = from->duration_p90_us,
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

/* One after the other where they share a gateway, shortest first. */
static void forecast(struct planning_job *m, const struct partition *partition)
{
    AUTO_FREE int64_t *p50 = xcalloc(m->devices.gateway_count + 1, sizeof(*p50));
    AUTO_FREE int64_t *p90 = xcalloc(m->devices.gateway_count + 1, sizeof(*p90));
    for (size_t i = 0; i < partition->cohort_count; i++) {
        const struct partition_cohort *c = &partition->cohorts[i];
        int64_t end50_us = occupy(p50, c, c->duration_p50_us);
        int64_t end90_us = occupy(p90, c, c->duration_p90_us);
        m->planning->p50_us =
            end50_us > m->planning->p50_us ? end50_us : m->planning->p50_us;
        m->planning->p90_us =
            end90_us > m->planning->p90_us ? end90_us : m->planning->p90_us;
    }
}

static void take_partition(struct planning_job *m, const struct partition *partition)
{
    struct planning *planning = m->planning;
    enum planning_reason why =
        partition->no_fit > 0 ? PLANNING_TOO_BIG : PLANNING_COVERAGE;
    planning->cohorts = xcalloc(partition->cohort_count + 1, sizeof(*planning->cohorts));
    for (size_t i = 0; i < partition->cohort_count; i++) {
        planning->cohorts[planning->cohort_count++] =
            take_cohort(m, &partition->cohorts[i]);
    }
    for (size_t i = 0; i < m->devices.count; i++) {
        if (partition->cohort[i] == PARTITION_NONE) {
            planning_leave_out(planning, why, m->devices.euis[i]);
        }
    }
    forecast(m, partition);
}

/* The campaign names its gateways: each is a lane and a turn, for all devices. */
static bool is_by_hand(const struct planning_job *m)
{
    return m->request.spec->radio.gateways.count > 0;
}

static int plan_heard(struct planning_job *m)
{
    struct partition_input input = input_of(m);
    struct partition partition;
    if (m->devices.count == 0 || is_by_hand(m)) {
        m->planning->cohorts = xcalloc(1, sizeof(*m->planning->cohorts));
        return FUO_OK;
    }
    AUTO_FREE void *workspace = malloc(partition_workspace_bytes(&input));
    if (workspace == NULL) {
        return FUO_ENOMEM;
    }
    int err = partition_make(&input, workspace, &partition);
    if (err != FUO_OK) {
        return refuse_all(m, PLAN_NO_SHARE);
    }
    take_partition(m, &partition);
    return FUO_OK;
}

/* ---- the cohort of devices that were never heard, or of gateways given by hand ---- */

static size_t assumed_gateways(const struct planning_job *m)
{
    size_t count = m->devices.gateways_given ? m->devices.gateway_count : 1;
    return count > RECORD_LANE_MAX ? RECORD_LANE_MAX : count;
}

static void add_whole(struct planning_job *m, const struct plan *plan,
                      size_t device_count)
{
    struct planning *planning = m->planning;
    planning->cohorts[planning->cohort_count++] = (struct planned_cohort){
        .device_count = (uint32_t)device_count,
        .dr = plan->dr,
        .copies = 1,
        .lanes = (uint8_t)assumed_gateways(m),
        .gateways = (uint16_t)assumed_gateways(m),
        .colours = (uint16_t)assumed_gateways(m),
        .assumed = device_count == m->devices.unheard_count,
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
    };
    planning->p50_us += plan->duration_us;
    planning->p90_us += plan->duration_us;
}

static int plan_whole(struct planning_job *m)
{
    struct plan_input input = m->input;
    struct plan plan;
    size_t heard_count = is_by_hand(m) ? m->devices.count : 0;
    size_t device_count = heard_count + m->devices.unheard_count;
    input.device_count = (uint32_t)device_count;
    input.weakest_snr_cdb = PLAN_SNR_UNKNOWN;
    if (heard_count > 0) {
        input.weakest_snr_cdb = m->devices.weakest_snr_cdb;
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
        return refuse_all(m, error);
    }
    add_whole(m, &plan, device_count);
    return FUO_OK;
}

/* ---- totals ---- */

/* M fragments at a data rate, on air at one gateway: no device is complete before. */
static int64_t bound_at_us(const struct planning_job *m, uint8_t dr)
{
    struct campaign_spec spec = *m->request.spec;
    struct plan_input input = m->input;
    struct plan plan;
    spec.radio.dr = dr;
    input.spec = &spec;
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

static void add_totals(struct planning_job *m)
{
    struct planning *planning = m->planning;
    planning->lower_bound_us = lower_bound_us(m);
    planning->coded_max = m->probe.coded_max;
    planning->reserve_ppm = m->request.fleet->doc->spec.reserve_ppm;
    planning->unheard_count = m->devices.unheard_count;
    for (size_t i = 0; i < planning->cohort_count; i++) {
        const struct planned_cohort *c = &planning->cohorts[i];
        planning->airtime_us += c->airtime_us * c->gateways;
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
        m->err = refuse_all(m, error);
    } else {
        planning_sort_devices(request, &m->radio, &m->devices, planning);
    }
    m->request.engine = NULL;
    return m;
}

static int compute(struct planning_job *m)
{
    int err = plan_heard(m);
    if (err == FUO_OK) {
        err = plan_whole(m);
    }
    if (err == FUO_OK && m->planning->cohort_count == 0) {
        return refuse_left_out(m);
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
        err = planning_calendar_check(&job->request, job->planning, job->diags);
    }
    if (err != FUO_OK) {
        planning_finish(job->planning);
    }
    planning_devices_finish(&job->devices);
    free(job);
    return err;
}

int planning_make(const struct planning_request *request, struct planning *planning,
                  struct diag_list *diags)
{
    struct planning_job *job = planning_begin(request, planning, diags);
    planning_compute(job);
    return planning_end(job);
}

/* SPDX-License-Identifier: MIT */
#include "loop/planning_join.h"

#include <stdlib.h>
#include <string.h>

#include "campaign/wave.h"
#include "loop/xalloc.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- a wave ---- */

static void join_wave(struct planned_wave *to, const struct planned_wave *from)
{
    to->device_count += from->device_count;
    to->cohort_count += from->cohort_count;
    to->airtime_us += from->airtime_us;
    to->p50_us = larger(to->p50_us, from->p50_us);
    to->p90_us = larger(to->p90_us, from->p90_us);
}

static void count_delivered(const struct planning_part *part, struct planning *joined)
{
    const struct planning_request *r = &part->request;
    for (size_t i = 0; i < r->device_count; i++) {
        size_t wave = r->waves != NULL ? r->waves[i] : 0;
        if (wave < joined->wave_count) {
            joined->waves[wave].device_count++;
        }
    }
}

static void count_variants(const struct planning_part *part, struct planning *joined)
{
    const struct planning_request *r = &part->request;
    const struct engine_campaign campaign = {
        .spec = r->spec, .deltas = r->deltas, .delta_count = r->delta_count};
    int64_t bytes[VARIANT_DELTAS_MAX + 1] = {(int64_t)r->image_len};
    for (size_t i = 0; i < r->delta_count; i++) {
        bytes[i + 1] = (int64_t)r->deltas[i].len;
    }
    for (size_t i = 0; r->delta_count > 0 && i < r->device_count; i++) {
        if (r->waves == NULL || r->waves[i] != WAVE_NOWHERE) {
            joined->delivered_by_variant[engine_variant(r->engine, &campaign, bytes,
                                                        r->devices[i])]++;
        }
    }
}

/* By wave, then by fleet. */
static void take_cohorts(struct planning *joined, uint8_t wave, uint8_t fleet,
                         const struct planning *from)
{
    for (size_t i = 0; i < from->cohort_count; i++) {
        if (from->cohorts[i].wave == wave) {
            joined->cohorts[joined->cohort_count] = from->cohorts[i];
            joined->cohorts[joined->cohort_count++].fleet = fleet;
        }
    }
}

static void take_wave(const struct planning_part *parts, size_t count, size_t no,
                      struct planning *joined)
{
    for (size_t k = 0; k < count; k++) {
        const struct planning *from = parts[k].planning;
        take_cohorts(joined, (uint8_t)no, (uint8_t)k, from);
        if (no < from->wave_count) {
            join_wave(&joined->waves[no], &from->waves[no]);
        }
    }
}

static void join_waves(const struct planning_part *parts, size_t count,
                       struct planning *joined)
{
    size_t cohorts = 0;
    for (size_t k = 0; k < count; k++) {
        cohorts += parts[k].planning->cohort_count;
    }
    joined->cohorts = xcalloc(cohorts + 1, sizeof(*joined->cohorts));
    for (size_t no = 0; no < joined->wave_count; no++) {
        take_wave(parts, count, no, joined);
    }
}

/* ---- a fleet ---- */

static void join_left_out(struct planning_left_out *to,
                          const struct planning_left_out *from)
{
    if (from->count == 0) {
        return;
    }
    to->devices = xrealloc(to->devices, to->count + from->count, sizeof(*to->devices));
    memcpy(to->devices + to->count, from->devices, from->count * sizeof(*to->devices));
    if (to->count == 0) {
        memcpy(to->limit, from->limit, sizeof(to->limit));
    }
    to->count += from->count;
}

static struct planned_fleet summary_of(const struct planning_part *part)
{
    const struct planning *from = part->planning;
    struct planned_fleet fleet = {
        .fleet = part->request.fleet,
        .device_count = (uint32_t)part->request.device_count,
        .cohort_count = (uint32_t)from->cohort_count,
        .airtime_us = from->airtime_us,
        .p50_us = from->p50_us,
        .p90_us = from->p90_us,
        .delivered = part->delivered,
    };
    for (size_t i = 0; i < from->wave_count; i++) {
        fleet.planned_count += from->waves[i].device_count;
    }
    for (size_t i = 0; part->delivered && i < part->request.device_count; i++) {
        const uint8_t *waves = part->request.waves;
        fleet.planned_count += waves == NULL || waves[i] != WAVE_NOWHERE;
    }
    return fleet;
}

static void join_totals(const struct planning_part *part, struct planning *joined)
{
    const struct planning *from = part->planning;
    for (size_t i = 0; i < PLANNING_REASON_COUNT; i++) {
        join_left_out(&joined->left_out[i], &from->left_out[i]);
    }
    joined->unheard_count += from->unheard_count;
    joined->airtime_us += from->airtime_us;
    joined->coded_max =
        from->coded_max > joined->coded_max ? from->coded_max : joined->coded_max;
    joined->reserve_ppm =
        from->reserve_ppm > joined->reserve_ppm ? from->reserve_ppm : joined->reserve_ppm;
    joined->lower_bound_us = larger(joined->lower_bound_us, from->lower_bound_us);
    if (part->delivered) {
        count_delivered(part, joined);
        count_variants(part, joined);
    }
}

/* ---- all ---- */

static size_t wave_count(const struct planning_request *request,
                         const struct planning_part *parts, size_t count)
{
    size_t most = request->waves != NULL ? request->spec->rollout.wave_count : 1;
    for (size_t k = 0; k < count; k++) {
        size_t one = parts[k].planning->wave_count;
        most = one > most ? one : most;
    }
    return most;
}

void planning_join(const struct planning_request *request, struct planning_part *parts,
                   size_t count, struct planning *joined)
{
    *joined = (struct planning){.wave_count = wave_count(request, parts, count)};
    joined->waves = xcalloc(joined->wave_count + 1, sizeof(*joined->waves));
    joined->fleets = xcalloc(count + 1, sizeof(*joined->fleets));
    joined->fleet_count = count;
    join_waves(parts, count, joined);
    for (size_t k = 0; k < count; k++) {
        joined->fleets[k] = summary_of(&parts[k]);
        join_totals(&parts[k], joined);
    }
    for (size_t i = 0; i < joined->wave_count; i++) {
        joined->p50_us += joined->waves[i].p50_us;
        joined->p90_us += joined->waves[i].p90_us;
    }
    joined->soak_us = planning_soak_us(request, joined);
    for (size_t k = 0; k < count; k++) {
        planning_finish(parts[k].planning);
    }
}

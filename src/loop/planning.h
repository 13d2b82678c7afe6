/* SPDX-License-Identifier: MIT */
/*
 * planning.h - what a campaign would cost, from what is known of the chosen devices.
 *
 * Devices that were heard are put into cohorts as the engine does it (partition.h), or into
 * one if the campaign names its gateways; those never heard are one more cohort, assumed to
 * be heard by one gateway or by those that the files name. A device that cannot be updated is left out, and why is said; if that is
 * every device, there is no plan: nothing is started that cannot end.
 * With deltas each variant has cohorts of its own, one variant after the other.
 * Each wave is planned by itself, as the engine does it; what budgets of the campaign do not
 * allow is refused as well (planning_budget.h).
 *
 * Arithmetic on what the engine knows now: nothing is changed, nothing is sent. It may take
 * seconds for a large fleet, so it has three steps: the first copies what the engine and the
 * servers know, the second may run on another thread, the third looks at the calendar.
 */
#pragma once

#include <json-c/json.h>
#include <stdatomic.h>

#include "campaign/plan.h"
#include "campaign/variant.h"
#include "config/diag.h"
#include "engine/engine.h"
#include "loop/fleets.h"
#include "loop/windows.h"

struct planning_request {
    const struct engine *engine;
    const struct fleet_entry *fleet; /* of several: the first */
    const struct campaign_spec *spec;
    const uint64_t *devices;
    size_t device_count;
    const uint8_t *waves;       /* of each device; NULL: all go at once */
    const uint32_t *wave_sizes; /* of each wave of spec; NULL: not to be shown */
    size_t image_len;
    const struct engine_delta *deltas; /* of spec->image; NULL with none */
    size_t delta_count;
    const char *file;              /* of the campaign, for diagnostics */
    const struct windows *windows; /* that blackouts may name; NULL: none */
    struct utc now;
    const atomic_bool *stop; /* set: planning_compute() ends soon; NULL: it never does */
};

/*
 * Why a device is left out: name, key of the file, and what is the matter. Those up to
 * PLANNING_TOO_BIG are for good: if that is all there is, the campaign is refused. The others
 * are looked at again when a wave begins, and by then may be over.
 */
#define PLANNING_REASON_MAP(X)                                                          \
    X(PLANNING_COVERAGE, "no-coverage", "spec.targets",                                 \
      "no gateway reaches it well enough")                                              \
    X(PLANNING_CLOCK, "no-clock", "spec.targets",                                       \
      "it has no clock package (TS003), so that no session can be dated")               \
    X(PLANNING_PACKAGE, "no-package", "spec.targets",                                   \
      "it lacks TS004, TS005 or, for firmware, TS006, or has an unknown version")       \
    X(PLANNING_CLASS_B, "no-class-b", "spec.radio.class",                               \
      "its stack has no sessions of class B (session.classB of its profile)")           \
    X(PLANNING_TOO_BIG, "too-big", "spec.image", "its decoder cannot take the image")   \
    X(PLANNING_NO_WAVE, "no-wave", "spec.rollout.waves",                                \
      "no wave of the rollout takes it")                                                \
    X(PLANNING_ALREADY, "already-installed", "spec.image.firmwareVersion",              \
      "it runs the version")                                                            \
    X(PLANNING_VERSION, "running-version", "spec.targets.preconditions.runningVersion", \
      "what it runs is not in targets.preconditions.runningVersion")                    \
    X(PLANNING_AGE, "uplink-age", "spec.targets.preconditions.maxUplinkAge",            \
      "it was not heard for maxUplinkAge")                                              \
    X(PLANNING_BATTERY, "battery", "spec.targets.preconditions.battery",                \
      "its battery is too low, or unknown")                                             \
    X(PLANNING_MARGIN, "link-margin", "spec.targets.preconditions.linkMargin",          \
      "it hears its gateways too weakly")                                               \
    X(PLANNING_MAINTENANCE, "maintenance", "spec.targets.preconditions.maintenance",    \
      "it is in maintenance")

enum planning_reason {
#define X(name, slug, path, text) name,
    PLANNING_REASON_MAP(X)
#undef X
        PLANNING_REASON_COUNT,
    PLANNING_PASSING = PLANNING_NO_WAVE, /* the first that is not for good */
};

enum {
    PLANNING_LIMIT_SIZE = 192,
};

/* The devices that are left out for one reason. */
struct planning_left_out {
    uint64_t *devices; /* owned, in the order of the request */
    size_t count;
    char limit[PLANNING_LIMIT_SIZE]; /* what was found and what is needed; may be "" */
};

struct planned_cohort {
    uint8_t wave;    /* in spec.rollout.waves; 0 without */
    uint8_t fleet;   /* in planning.fleets; 0 before planning_join() */
    uint8_t variant; /* campaign/variant.h: by what its devices have reported so far */
    uint32_t device_count;
    uint8_t dr;
    uint8_t copies;
    uint8_t lanes;
    uint16_t gateways;
    uint16_t colours;
    bool assumed; /* its devices were never heard */
    uint32_t frequency_hz;
    struct fragplan fragments;
    uint32_t coded;
    uint32_t session_count;
    int64_t frame_airtime_us;
    int64_t airtime_us; /* first pass, at each gateway */
    int64_t airtime_cap_us;
    int64_t legal_cap_us;
    int64_t interval_us;
    uint32_t frames_p50; /* to complete all devices */
    uint32_t frames_p90;
    int64_t duration_p50_us;
    int64_t duration_p90_us;
    int64_t listening_us; /* of a device, its receiver on, in duration_p50_us */
};

/* One after the other: a wave begins when the one before is over. */
struct planned_wave {
    uint32_t device_count; /* of its cohorts */
    uint32_t cohort_count;
    int64_t airtime_us; /* as of struct planning */
    int64_t p50_us;
    int64_t p90_us;
};

/* A fleet of the campaign; all at the same time. */
struct planned_fleet {
    const struct fleet_entry *fleet;
    uint32_t device_count;  /* selected */
    uint32_t planned_count; /* ... and not left out */
    uint32_t cohort_count;
    int64_t airtime_us; /* as of struct planning */
    int64_t p50_us;
    int64_t p90_us;
    bool delivered; /* its server brings images to devices: there is no radio to plan */
};

struct planning {
    struct planned_fleet *fleets; /* owned; made by planning_join() */
    size_t fleet_count;
    struct planned_cohort *
        cohorts; /* owned; by wave, most devices for the time first, an assumed one last */
    size_t cohort_count;
    struct planned_wave *waves; /* owned; those of the request, else one */
    size_t wave_count;
    struct planning_left_out left_out[PLANNING_REASON_COUNT];
    /* of those whose server delivers, by what they have said; all 0 without deltas */
    uint32_t delivered_by_variant[VARIANT_DELTAS_MAX + 1];
    size_t unheard_count;
    uint32_t coded_max;   /* of the cohort that may need most */
    uint32_t reserve_ppm; /* assumed for others */
    int64_t airtime_us;   /* first passes, all gateways together */
    int64_t p50_us;       /* all waves; cohorts of one over the gateways they share */
    int64_t p90_us;
    int64_t soak_us;        /* between the waves, when nothing is sent */
    int64_t lower_bound_us; /* no plan can be shorter */
};

struct planning_job;

/* What the request borrows, but for the engine, and planning and diags, which nobody else
 * touches until then, have to live until planning_end(). */
struct planning_job *planning_begin(const struct planning_request *request,
                                    struct planning *planning, struct diag_list *diags);
void planning_compute(struct planning_job *job);
/*
 * Takes job. FUO_OK: *planning is to be released with planning_finish(). FUO_ERANGE: the
 * campaign does not fit radio, budget or devices; diags say why, and *planning is zeroed.
 * FUO_EAGAIN: it was stopped. FUO_ENOMEM.
 */
FUO_MUST_CHECK int planning_end(struct planning_job *job);
void planning_finish(struct planning *planning); /* accepts a zeroed one */

/* What the waves that are planned soak between them. */
int64_t planning_soak_us(const struct planning_request *request,
                         const struct planning *planning);

const char *planning_reason_slug(enum planning_reason reason);
const char *planning_reason_text(enum planning_reason reason);
const char *planning_reason_path(enum planning_reason reason);

/* PLAN of ctl/protocol.h, fresh. */
struct json_object *planning_render(const struct planning_request *request,
                                    const struct planning *planning);

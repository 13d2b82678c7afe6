/* SPDX-License-Identifier: MIT */
/*
 * plan.h - what one transmission will look like: data rate, fragments, pace, airtime.
 *
 * Arithmetic only; `fuotactl plan` and the engine use the same function, so that what was
 * shown is what is done. One cohort, one cluster, class C (the calendar of several is not
 * here). Everything automatic in the spec is decided here, and errors say which key to
 * change.
 */
#pragma once

#include <stdint.h>

#include "campaign/spec.h"
#include "radio/fragsize.h"
#include "radio/region.h"

#define PLAN_SNR_UNKNOWN INT16_MIN

struct plan_input {
    const struct campaign_spec *spec;
    const struct fleet_spec *fleet;
    size_t image_len;
    uint32_t device_count;
    uint8_t gateway_count;     /* of the cluster, at least 1 */
    int64_t server_spacing_us; /* of the server, per gateway */
    int16_t weakest_snr_cdb;   /* uplink SNR of the weakest device; PLAN_SNR_UNKNOWN */
    struct fragplan_limits limits; /* of the devices; zeroed: none */
};

/* Why there is no plan, and the key that could mend it. */
#define PLAN_ERROR_MAP(X)                                                               \
    X(PLAN_OK, "")                                                                      \
    X(PLAN_REGION, "spec.region of the Fleet is not a region")                          \
    X(PLAN_DATARATE, "spec.radio.datarate does not exist in downlinks of this region")  \
    X(PLAN_FREQUENCY, "spec.radio.frequency is outside every sub-band of this region")  \
    X(PLAN_SIZE, "spec.fragmentation.size does not fit the data rate or the devices")   \
    X(PLAN_TOO_MANY, "the image needs more than 16383 fragments; choose a faster "      \
                     "data rate or a larger fragment")                                  \
    X(PLAN_NO_SHARE, "spec.budgets.dutyCycle and the Fleet's reserve leave no airtime") \
    X(PLAN_EMPTY, "the image is empty")

enum plan_error {
#define X(name, text) name,
    PLAN_ERROR_MAP(X)
#undef X
};

const char *plan_error_text(enum plan_error error);

struct plan {
    const struct region *region;
    uint8_t dr;
    uint8_t block_ack_delay;
    uint8_t timeout_exp; /* of the first session: 2^n s */
    uint32_t frequency_hz;
    struct fragplan fragments;
    uint16_t coded_first;     /* coded fragments sent before the first poll */
    uint16_t coded_max;       /* coded fragments that may be sent at all */
    uint32_t session_count;   /* sessions that the first pass needs */
    int64_t frame_airtime_us; /* of one fragment */
    int64_t airtime_us;       /* first pass, each gateway of the cluster */
    int64_t airtime_cap_us;   /* what campaigns may use of each hour at a gateway */
    int64_t legal_cap_us;     /* what the law allows in each hour; 3600 s: no limit */
    int64_t interval_us;      /* between two fragments */
    int64_t duration_us;      /* first pass, from session start */
    int64_t poll_window_us;   /* for answers to one status request */
};

/* *plan is complete on PLAN_OK only. */
enum plan_error plan_make(const struct plan_input *in, struct plan *plan);

/* Smallest n with 2^n s >= duration, at most 15 (TS005 SessionTimeOut). */
uint8_t plan_timeout_exp(int64_t duration_us);

/* SPDX-License-Identifier: MIT */
/*
 * plan.h - what one transmission will look like: data rate, fragments, pace, airtime.
 *
 * Arithmetic only; `fuotactl plan` and the engine use the same function, so that what was
 * shown is what is done. One cohort, one cluster; who is in it, its gateways and
 * its turns come from partition.h, its sessions and windows from calendar.h. Everything
 * automatic in the spec is decided here, and errors say which key to change.
 */
#pragma once

#include <stdbool.h>
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
    int64_t server_spacing_us; /* between two frames of a group */
    int16_t weakest_snr_cdb;   /* uplink SNR of the weakest device; PLAN_SNR_UNKNOWN */
    struct fragplan_limits limits; /* of the devices; zeroed: none */
    uint32_t priority_ceiling_ppm; /* most of the legal limit, says the server; 0: all */
};

/* Why there is no plan, and the key that could mend it. */
#define PLAN_ERROR_MAP(X)                                                               \
    X(PLAN_OK, "")                                                                      \
    X(PLAN_REGION, "spec.region of the Fleet is not a region")                          \
    X(PLAN_DATARATE, "spec.radio.datarate does not exist in downlinks of this region")  \
    X(PLAN_FREQUENCY, "spec.radio.frequency is outside every sub-band of this region")  \
    X(PLAN_SIZE, "spec.fragmentation.size does not fit the data rate or the devices")   \
    X(PLAN_TOO_MANY, "the image makes more fragments than TS004 (16128) "               \
                     "or a decoder takes; use a faster data rate")                      \
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
    uint8_t timeout_exp; /* of the first session: 2^n units */
    uint32_t frequency_hz;
    struct fragplan fragments;
    uint16_t coded_first;     /* coded fragments sent before the first poll */
    uint16_t coded_max;       /* coded fragments that may be sent at all */
    uint32_t session_count;   /* sessions that the first pass needs */
    int64_t frame_airtime_us; /* of one fragment */
    int64_t airtime_us;       /* first pass, each gateway of the cluster */
    int64_t airtime_cap_us;   /* what campaigns may use of each hour at a gateway */
    int64_t legal_cap_us;     /* what the law allows in each hour; 3600 s: no limit */
    int64_t session_unit_us;  /* of SessionTimeOut: 1 s; class B: 128 s */
    int64_t interval_us;      /* between two fragments; class B: a ping slot each */
    int64_t duration_us;      /* first pass, from session start */
    int64_t poll_window_us;   /* for answers to one status request */
    int64_t lower_bound_us;   /* M frames, an hour's budget at once: nothing is shorter */
};

/* *plan is complete on PLAN_OK only. */
enum plan_error plan_make(const struct plan_input *in, struct plan *plan);

/*
 * What campaigns may use of the legal limit: the budget, what the Fleet's reserve leaves, and
 * what the server sends at its priority, whichever is least. priority_ceiling_ppm 0: all.
 */
uint32_t plan_share_ppm(const struct campaign_spec *spec, const struct fleet_spec *fleet,
                        uint32_t priority_ceiling_ppm);

/*
 * The turn of a colour: a frame, and the guard to the next one. Exact times (absolute) ask for
 * 50 ms. A server that looks at its queues once every jitter_us lets two frames go at looks
 * that are as far apart as their hand-overs, whatever its phase: as many of them as a frame
 * lasts, and 300 ms for hand-overs that are late.
 */
int64_t plan_slot_us(int64_t airtime_us, bool absolute, int64_t jitter_us);

/* So much airtime at one gateway takes that long, whatever the order; 0 if cap_us is. */
int64_t plan_least_time_us(int64_t airtime_us, int64_t cap_us);

/* Smallest n with 2^n units >= duration, at most 15 (TS005 SessionTimeOut). */
uint8_t plan_timeout_exp(int64_t unit_us, int64_t duration_us);

/* The channel of sessions: what the campaign says, else that of RX2, in class B that of the
 * beacon, where no region's devices hop. */
uint32_t plan_frequency_hz(const struct spec_radio *radio, const struct region *region);

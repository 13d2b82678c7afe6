/* SPDX-License-Identifier: MIT */
/*
 * partition.h - who shares a transmission: devices into cohorts, with their gateways.
 *
 * A cohort has one pair of package versions, one data rate and one cluster of gateways
 * (performance.md 3.5). Decided here, in this order:
 *   the fastest data rate of each device by margin and decoder cap;
 *   the set of data rates whose sessions cost least in makespan and listening together;
 *   for each data rate the gateways (cover.h), their turns (colour.h) and clusters: one link
 *   for a device where that is safe, else two, and more only where two are not safe;
 *   the cohorts, the loss that their devices must expect, and how much will be sent.
 * What a cohort looks like is the forecast of plan.h; nothing here is learned from a run.
 *
 * Losses come from the margin of the median downlink at fading of 2.5 dB or what the link
 * itself shows (performance.md 6), multiplied over the lanes that a device hears; a link
 * that a gateway of the same colour spoils counts as lost.
 *
 * Pure, no allocation, integers only: the same input gives the same bytes everywhere. The
 * order of devices decides nothing but the order of equal cohorts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "campaign/spec.h"
#include "fuotad/error.h"
#include "radio/fragsize.h"
#include "radio/region.h"

#define PARTITION_NONE UINT32_MAX

enum {
    PARTITION_LINK_MAX = 4,
    PARTITION_LANE_MAX = 32,
    PARTITION_COPIES_MAX = 4,
    PARTITION_VERSIONS_MAX = 8, /* different pairs of package versions */
    PARTITION_DR_AUTO = 0xff,
    PARTITION_CAP_NONE = 1000000,
    PARTITION_LOSS_CLASSES = 32,
    PARTITION_RATE_MAX = 6,
    PARTITION_TURN_MAX = 255, /* turns of a data rate; records have a byte for them */
    PARTITION_NO_TURN = 0xffff,
    PARTITION_POLLED_MAX = 20, /* so few are asked what they miss, as often as it takes */
};

/*
 * The turns of a data rate: the same for all sessions of a fleet, so that none disturbs
 * another. Gateways that are new are fitted in.
 */
struct partition_grid {
    uint8_t dr;
    uint16_t turn_count; /* 1..PARTITION_TURN_MAX */
    int64_t interval_us;
    const uint16_t *turn; /* by gateway; PARTITION_NO_TURN, or beyond: none yet */
};

struct partition_link {
    uint32_t gateway;    /* from 0 */
    int16_t snr_p10_cdb; /* of uplinks at 14 dBm; p10 == p50: spread unknown */
    int16_t snr_p50_cdb;
    uint16_t heard_ppk; /* 0: unknown */
};

struct partition_device {
    uint8_t ts004; /* package versions */
    uint8_t ts005;
    uint8_t attempts; /* failed before; each asks for 3 dB more */
    uint8_t link_count;
    uint32_t cap_ppm; /* of M that may be lost uncoded; 0 or PARTITION_CAP_NONE: all */
    struct partition_link link[PARTITION_LINK_MAX];
};

struct partition_input {
    const struct partition_device *devices;
    size_t device_count;
    size_t gateway_count;
    const uint32_t *gateway_weight; /* what sending there costs; NULL: the same */
    const struct region *region;
    uint32_t frequency_hz;
    uint8_t dr; /* PARTITION_DR_AUTO, or the one to use */
    size_t image_len;
    uint32_t size_bytes; /* wanted FragSize; SPEC_AUTO_U32: the best */
    struct fragplan_limits limits;
    uint32_t limit_ppm;    /* legal share of time */
    uint32_t share_ppm;    /* of the legal limit, what campaigns may use */
    bool off_time;         /* gateways are silent after each frame (Basics Station) */
    bool absolute;         /* exact times; else the server's queue and its jitter */
    int64_t jitter_us;     /* of the server, unless absolute */
    int64_t interval_us;   /* least; 0: none */
    int64_t overhead_us;   /* of a session beside its fragments: polls, repair rounds */
    int64_t again_us;      /* until who missed a session is in another one */
    uint8_t lanes_max;     /* gateways of a cluster, 1..PARTITION_LANE_MAX */
    uint8_t lane_gateways; /* of a lane: 1, or more with exact times */
    int16_t gain_cdb;      /* downlink over uplink: partition_gain_cdb() */
    const struct partition_grid *grids; /* given before; NULL: none */
    size_t grid_count;
};

/* One gateway of a cohort. Those of one lane have one colour. */
struct partition_gateway {
    uint32_t gateway;
    uint16_t colour;
    uint16_t lane; /* in the cohort, from 0 */
};

struct partition_cohort {
    uint8_t ts004;
    uint8_t ts005;
    uint8_t dr;
    uint8_t copies; /* of each uncoded fragment, in a row; 1..PARTITION_COPIES_MAX */
    uint16_t lane_count;
    uint16_t gateway_count;
    const struct partition_gateway *gateways; /* ascending by lane, then gateway */
    uint16_t colour_count; /* of the grid: common to all cohorts of the data rate */
    struct fragplan fragments;
    uint32_t device_count;
    int64_t frame_airtime_us;
    int64_t slot_us;        /* colour c is on air c * slot_us into each interval */
    int64_t interval_us;    /* of the grid: common to all cohorts of the data rate */
    uint32_t loss_mean_ppm; /* per frame, after copies for none */
    uint32_t loss_p90_ppm;
    uint32_t loss_max_ppm;
    uint32_t cap_max_ppm;                        /* the largest of its decoders' caps */
    uint32_t loss_class[PARTITION_LOSS_CLASSES]; /* devices by partition_loss_class() */
    uint32_t coded_first; /* coded fragments to send before the first poll */
    uint32_t frames_p50;  /* uncoded with copies, and coded, to complete all devices */
    uint32_t frames_p90;
    int64_t duration_p50_us; /* frames at the interval, and the overhead */
    int64_t duration_p90_us;
};

/* The result; it points into the workspace. */
struct partition {
    const uint32_t *cohort; /* per device: its cohort; PARTITION_NONE: it has none */
    const struct partition_cohort *cohorts; /* most devices for the time first */
    size_t cohort_count;
    struct partition_grid grids[PARTITION_RATE_MAX]; /* of the data rates in use */
    size_t grid_count;
    size_t no_link; /* devices without a known link */
    size_t too_far; /* no link is good enough at the slowest data rate */
    size_t no_fit;  /* the image does not fit any data rate they can hear */
    size_t no_room; /* more pairs of versions than PARTITION_VERSIONS_MAX */
};

/*
 * What campaign, fleet and the server (absolute, jitter_us, priority_ceiling_ppm) say; devices, gateways,
 * image_len and limits are left to the caller. A frequency outside every sub-band gives a
 * limit_ppm of 0, which partition_make() refuses. region: that of the fleet.
 */
struct partition_input partition_input_of(const struct campaign_spec *spec,
                                          const struct fleet_spec *fleet,
                                          const struct region *region, bool absolute,
                                          int64_t jitter_us,
                                          uint32_t priority_ceiling_ppm);

/* For 8-byte aligned memory. */
size_t partition_workspace_bytes(const struct partition_input *input);

/*
 * FUO_ERANGE: the region, data rate, frequency, share or image leave no way to send;
 * *result is untouched then. A device without a cohort is no error.
 */
FUO_MUST_CHECK int partition_make(const struct partition_input *input, void *workspace,
                                  struct partition *result);

/*
 * Gateways without which the devices are not served as well as partition_make() asks for, at
 * the one data rate that input->dr gives: needed[g] is 1, of the others 0. For a session that
 * begins with fewer devices than it was planned for. Grids and lanes do not matter; the same
 * workspace. FUO_ERANGE as above, or no single data rate: needed is untouched then.
 */
FUO_MUST_CHECK int partition_narrow(const struct partition_input *input, void *workspace,
                                    uint8_t *needed);

/* What a downlink has over an uplink at 14 dBm: power, less 3 dB of noise figure. */
int16_t partition_gain_cdb(const struct region *region, uint32_t frequency_hz);

/* data_rate_floor_cdb() of a downlink; INT16_MAX if dr is not for downlink payload. */
int16_t partition_floor_cdb(const struct region *region, uint8_t dr);

/* Frames lost at a margin under fading of sigma (at least 100), in ppm. */
uint32_t partition_loss_ppm(int32_t margin_cdb, int32_t sigma_cdb);

/* Classes of loss: a half octave each; class 0 is anything below 61 ppm. */
uint32_t partition_loss_class(uint32_t loss_ppm);

/* The upper end of a class, for forecasts. */
uint32_t partition_class_loss_ppm(uint32_t loss_class);

/*
 * The same in pieces, for who cannot wait: a piece looks at no link more than a few times.
 * What input points to, and the workspace, have to live on. *work, about the links still to
 * be looked at, is counted down; at 0 partition_go() returns false. True: *result is there,
 * the same bytes however it was cut.
 */
FUO_MUST_CHECK int partition_begin(const struct partition_input *input, void *workspace);
bool partition_go(void *workspace, uint64_t *work, struct partition *result);

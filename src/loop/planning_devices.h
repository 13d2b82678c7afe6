/* SPDX-License-Identifier: MIT */
/*
 * planning_devices.h - the chosen devices as partition.h wants them, and those that no
 * plan can serve.
 */
#pragma once

#include "campaign/partition.h"
#include "campaign/variant.h"
#include "campaign/wave.h"
#include "loop/planning.h"

struct planning_radio {
    const struct region *region;
    uint32_t frequency_hz;
    uint8_t dr;        /* PARTITION_DR_AUTO, or the one that is asked for */
    int32_t floor_cdb; /* demodulation floor of the slowest that may be used */
    int16_t gain_cdb;
};

/* The devices of one wave that are sent the same variant. */
struct planning_slice {
    size_t first; /* of the items */
    size_t count;
    int16_t weakest_snr_cdb; /* of the best uplinks of the items */
    size_t unheard_count;
};

/* What partition_make() is given; owned. */
struct planning_devices {
    struct partition_device *items; /* heard, and not left out, by wave and variant */
    uint64_t *euis;                 /* of the items */
    size_t count;
    struct planning_slice slices[WAVE_MAX]
                                [VARIANT_DELTAS_MAX + 1]; /* the first without */
    size_t wave_count;
    size_t variant_count;
    uint64_t *gateways; /* by their numbers, ascending */
    size_t gateway_count;
    uint32_t *weights;   /* of the gateways */
    bool gateways_given; /* by the files */
};

/* Sorts the devices of the request into these and planning->left_out; airtime_us: of each
 * variant. */
void planning_sort_devices(const struct planning_request *request,
                           const struct planning_radio *radio, const int64_t *airtime_us,
                           struct planning_devices *devices, struct planning *planning);
void planning_devices_finish(struct planning_devices *devices);

/* The least of at_us over the data rates that the device hears at 0 dB; 0 is none. */
int64_t planning_least_us(const struct partition_device *device,
                          const struct planning_radio *radio,
                          const int64_t at_us[static REGION_DR_COUNT]);

/* Whether a stack takes a block of so many bytes, if every data rate had room for it: cut as
 * the campaign wants it. */
bool planning_can_cut(const struct planning_request *request,
                      const struct fragplan_limits *limits, size_t block_len);

void planning_leave_out(struct planning *planning, enum planning_reason reason,
                        uint64_t dev_eui);

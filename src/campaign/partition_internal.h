/* SPDX-License-Identifier: MIT */
/*
 * partition_internal.h - what the files of partition.c share; for nobody else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "campaign/arena.h"
#include "campaign/cluster.h"
#include "campaign/colour.h"
#include "campaign/cover.h"
#include "campaign/partition.h"

enum {
    PART_PPM = 1000000,
    PART_RATE_MAX = PARTITION_RATE_MAX,
    PART_SLICE_MAX = PARTITION_VERSIONS_MAX * (PART_RATE_MAX + 1),
    PART_CLASSES = PART_RATE_MAX + 1,
    PART_NO_CLASS = 0xff,
    PART_NO_SLICE = 0xff,
    PART_DEMAND_UNITS = 64, /* a loss of 1/256, by two links: of 3.8 dB each */
    PART_ALONE_UNITS = 48,  /* a loss of 1/64, by one: 5.4 dB */
    PART_HALF_UNITS = 8,    /* half the loss */
};

/* A data rate that the image and the region allow; slowest first. */
struct part_rate {
    uint8_t dr;
    bool used;  /* some cohort has it */
    bool kept;  /* turns and pace are those given before */
    bool burst; /* estimated: its airtime fits an hour's budget */
    int16_t floor_cdb;
    struct fragplan fragments;
    int64_t airtime_us;
    int64_t slot_us;
    int64_t interval_us;    /* estimated first, then final */
    int64_t airtime_sum_us; /* of one session of each of its slices */
    uint16_t colour_count;
};

/*
 * Devices by their fastest rate: class k has rate k - 1, class 0 has none at which it is
 * safe. forced[k][r][c]: how many of class k would need c copies at a rate r that is too fast
 * for them; c = 0: none would do.
 */
struct part_version {
    uint8_t ts004;
    uint8_t ts005;
    uint8_t slowest;           /* rate in use */
    uint8_t copies;            /* of the devices forced to it that need any; else 1 */
    bool joined;               /* these share the session of the others */
    uint8_t use[PART_CLASSES]; /* the rate chosen for a class */
    uint32_t by_class[PART_CLASSES];
    uint32_t forced[PART_CLASSES][PART_RATE_MAX][PARTITION_COPIES_MAX + 1];
    uint32_t risky[PART_CLASSES]
                  [PART_RATE_MAX]; /* of the forced: near the decoder's cap */
    uint32_t loss_ppm[PART_CLASSES][PART_RATE_MAX]; /* the largest, of one copy */
};

/* Devices of one pair of versions, one rate and one need for copies. */
struct part_slice {
    uint8_t version;
    uint8_t rate;
    bool hard;
    uint32_t first; /* in order[], while its rate is worked on */
    uint32_t count;
    uint32_t cluster_count;
    uint32_t *cluster; /* per gateway */
};

/* What comes after what; partition_work.c goes through it. */
enum part_stage {
    PART_SORT,    /* devices into classes */
    PART_COLOUR,  /* the turns of each rate */
    PART_SLICES,  /* who uses which rate */
    PART_PROBLEM, /* for each rate: its problem, */
    PART_COVER,   /* for each of its slices: its gateways, begun, */
    PART_SEARCH,  /* searched for, */
    PART_CLUSTER, /* and clustered; */
    PART_JOIN,    /* then its devices into clusters */
    PART_SPILL,   /* to a slower rate, who needs it */
    PART_COHORTS,
    PART_DONE,
};

/* Turns of the gateways that serve devices at a rate; the graph knows one device in step. */
struct part_turns {
    struct colour_graph graph;
    uint32_t count; /* devices that can take the rate */
    uint32_t sampled;
    size_t step;
    void *workspace; /* for colour_solve() */
    uint16_t *colours;
    uint16_t limit; /* looked at next; 0: all are */
    uint16_t best;
    int64_t best_cost;
};

struct part {
    const struct partition_input *in;
    enum part_stage stage;
    size_t at; /* of the stage: the next device, place or slice */
    size_t work_rate;
    uint32_t work_count; /* devices of its problem */
    unsigned turns_done; /* see part_colour_next() */
    struct part_turns turns;
    int64_t total_us;  /* sessions of all slices */
    uint32_t duty_ppm; /* of time, for campaigns at a gateway */
    struct part_rate rate[PART_RATE_MAX];
    size_t rate_count;
    struct part_version version[PARTITION_VERSIONS_MAX];
    size_t version_count;
    struct part_slice slice[PART_SLICE_MAX];
    size_t slice_count;
    uint32_t device_count; /* with a rate */
    size_t no_link;
    size_t too_far;
    size_t no_fit;
    size_t no_room;

    /* Per device. */
    int16_t *strength_cdb; /* PARTITION_LINK_MAX each: downlink SNR, less penalties */
    uint8_t *version_of;
    uint8_t *class_of; /* PART_NO_CLASS: has no cohort */
    uint8_t *slice_of;
    uint32_t *cluster_of; /* in its slice */
    uint32_t *loss_ppm;
    uint32_t *cohort_of;

    /* The problem of one rate. */
    uint32_t *order; /* devices, by slice; before: those that turns are chosen for */
    uint32_t *first;
    struct cover_link *links;
    uint8_t *demand;
    uint8_t *chosen;
    uint32_t *weight;
    int64_t *busy_us;  /* per gateway: sessions so far */
    uint16_t *colours; /* per rate and gateway */
    void *scratch;

    /* The cohorts. */
    uint32_t *cohort_base; /* scratch by slice and cluster */
    struct partition_cohort *cohorts;
    struct partition_cohort *sorted;
    uint32_t *rank;
    struct partition_gateway *gateways;
    uint32_t *coded; /* coded fragments needed, by class, count and quantile */
    size_t cohort_count;
};

static inline uint16_t *part_colours(const struct part *p, size_t rate)
{
    return p->colours + rate * p->in->gateway_count;
}

/* Loss in eighths of a bit: 8 * log2(1 / loss), at most 160. */
uint8_t part_units(uint32_t loss_ppm);

/* Loss of one link at a rate. */
uint32_t part_link_loss_ppm(const struct part *p, size_t device, size_t link,
                            size_t rate);

/* May the link serve at the rate at all? */
bool part_link_serves(const struct part *p, size_t device, size_t link, size_t rate);

/* The loss up to which a rate is safe for the device, estimates being what they are. */
uint32_t part_safe_loss_ppm(const struct part *p, size_t device);

/* Loss over the best links of a device, as many as that; all of it if none serves. */
uint32_t part_reach_loss_ppm(const struct part *p, size_t device, size_t rate,
                             size_t link_max);

/* Copies for a device at a rate that is too fast for it; 0 if none would do. */
uint32_t part_forced_copies(const struct part *p, size_t device, size_t rate);

/* Can the decoder of the device live with that loss of uncoded fragments? */
bool part_cap_fits(const struct part *p, size_t device, size_t rate, uint32_t loss_ppm);

/* Copies that bring the loss below the cap; PARTITION_COPIES_MAX at most. */
uint32_t part_copies(const struct part *p, size_t device, size_t rate, uint32_t loss_ppm);

uint32_t part_product_ppm(uint32_t a_ppm, uint32_t b_ppm);

/* At the start of the workspace; NULL: the input is not sound, or leaves no data rate. */
struct part *part_begin(const struct partition_input *input, void *workspace);

/* Fills strength_cdb of its links. */
void part_rate_links(struct part *p, size_t device);

/* Does it need a slower rate only because gateways of one turn drown each other? Of the turns
 * as they are in part_colours(). */
bool part_is_spoiled(const struct part *p, size_t device, size_t rate);

/* Put a device at place i of the problem, after place i - 1. */
void part_problem_add(struct part *p, size_t device, size_t rate, uint32_t i);

/* The pieces of partition_go(), in this order. */
void part_find_versions(struct part *p);
void part_sort_in(struct part *p, size_t device);
void part_find_slices(struct part *p);
int64_t part_slice_us(const struct part *p, const struct part_slice *slice);
/* Returns its devices. */
uint32_t part_build_problem(struct part *p, size_t rate);
void part_cover_begin(struct part *p, const struct part_slice *slice);
void part_cluster(struct part *p, struct part_slice *slice);
/* To the best cluster of its slice. */
void part_join(struct part *p, size_t device);
/* The rate and the gateways do not suffice after all: a slower session may. */
void part_spill(struct part *p, size_t device);

/* FUO_ERANGE if there is none. */
int part_rates_find(struct part *p);

/* The pace of a rate with that many turns; burst: its airtime fits an hour's budget. */
int64_t part_interval_us(const struct part *p, const struct part_rate *rate, bool burst);

/* A piece of choosing the turns of a rate; returns its work, 0: they are chosen. */
uint64_t part_colour_next(struct part *p, size_t rate);

/* Which rates each pair of versions uses. */
void part_rates_choose(struct part *p);

/* Final pace of the rates in use, once turns and slices are known. */
void part_rates_pace(struct part *p);

/* Cohorts from slices and clusters; then their numbers in cohort_of. */
void part_cohorts_make(struct part *p);

/* Bytes of coded[]. */
size_t part_coded_count(void);

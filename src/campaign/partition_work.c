/* SPDX-License-Identifier: MIT */
/* partition_work.c - a partition from begin to end, in pieces: what comes after what. */
#include <string.h>

#include "campaign/partition_internal.h"

enum {
    DEVICES_AT_ONCE = 1024,
    SEARCH_AT_ONCE = 100000,
    LOOKS_PER_DEVICE = 8, /* of a device at all data rates */
};

static void hand_out_grids(const struct part *p, struct partition *result)
{
    for (size_t r = 0; r < p->rate_count; r++) {
        const struct part_rate *rate = &p->rate[r];
        if (rate->used) {
            result->grids[result->grid_count++] = (struct partition_grid){
                rate->dr, rate->colour_count, rate->interval_us, part_colours(p, r)};
        }
    }
}

int partition_begin(const struct partition_input *input, void *workspace)
{
    struct part *p = part_begin(input, workspace);
    if (p == NULL) {
        return FUO_ERANGE;
    }
    part_find_versions(p);
    memset(p->busy_us, 0, input->gateway_count * sizeof(int64_t));
    return FUO_OK;
}

static uint64_t next_stage(struct part *p, enum part_stage stage)
{
    p->stage = stage;
    p->at = 0;
    return 1;
}

/* fn for some of so many devices, then on to a stage. */
static uint64_t some_devices(struct part *p, size_t count,
                             void (*fn)(struct part *p, size_t i), enum part_stage then)
{
    size_t begin = p->at;
    for (; p->at < count && p->at < begin + DEVICES_AT_ONCE; p->at++) {
        fn(p, p->at);
    }
    uint64_t work = (p->at - begin) * LOOKS_PER_DEVICE;
    return p->at < count ? work : work + next_stage(p, then);
}

static void join_placed(struct part *p, size_t place)
{
    part_join(p, p->order[place]);
}

static void spill_placed(struct part *p, size_t device)
{
    if (p->class_of[device] != PART_NO_CLASS) {
        part_spill(p, device);
    }
}

/* Of all gateways and devices at once. */
static uint64_t whole(const struct part *p)
{
    return p->in->device_count + p->in->gateway_count;
}

static uint64_t colour(struct part *p)
{
    if (p->work_rate == p->rate_count) {
        part_rates_choose(p);
        return next_stage(p, PART_SLICES);
    }
    uint64_t work = part_colour_next(p, p->work_rate);
    if (work == 0) {
        p->work_rate++;
    }
    return work + 1;
}

static uint64_t slices(struct part *p)
{
    part_find_slices(p);
    for (size_t s = 0; s < p->slice_count; s++) {
        p->total_us += part_slice_us(p, &p->slice[s]);
    }
    p->work_rate = 0;
    return next_stage(p, PART_PROBLEM) + whole(p);
}

static uint64_t problem(struct part *p)
{
    if (p->work_rate == p->rate_count) {
        return next_stage(p, PART_SPILL);
    }
    p->work_count = part_build_problem(p, p->work_rate);
    return next_stage(p, PART_COVER) + whole(p) + p->first[p->work_count];
}

/* The next slice of the rate that is worked on. */
static uint64_t cover(struct part *p)
{
    while (p->at < p->slice_count && p->slice[p->at].rate != p->work_rate) {
        p->at++;
    }
    if (p->at == p->slice_count) {
        return next_stage(p, PART_JOIN);
    }
    const struct part_slice *slice = &p->slice[p->at];
    part_cover_begin(p, slice);
    p->stage = PART_SEARCH;
    return p->in->gateway_count +
           UINT64_C(4) * (p->first[slice->first + slice->count] - p->first[slice->first]);
}

static uint64_t search(struct part *p)
{
    uint64_t looked = cover_search(p->scratch, SEARCH_AT_ONCE);
    if (looked == 0) {
        p->stage = PART_CLUSTER;
    }
    return looked + 1;
}

static uint64_t cluster(struct part *p)
{
    const struct part_slice *slice = &p->slice[p->at];
    part_cluster(p, &p->slice[p->at++]);
    p->stage = PART_COVER;
    return p->in->gateway_count +
           UINT64_C(8) * (p->first[slice->first + slice->count] - p->first[slice->first]);
}

static uint64_t join(struct part *p)
{
    uint64_t work = some_devices(p, p->work_count, join_placed, PART_PROBLEM);
    p->work_rate += p->stage == PART_PROBLEM;
    return work;
}

static uint64_t cohorts(struct part *p)
{
    part_rates_pace(p);
    part_cohorts_make(p);
    return next_stage(p, PART_DONE) + whole(p);
}

static uint64_t piece(struct part *p)
{
    switch (p->stage) {
    case PART_SORT:
        return some_devices(p, p->in->device_count, part_sort_in, PART_COLOUR);
    case PART_COLOUR:
        return colour(p);
    case PART_SLICES:
        return slices(p);
    case PART_PROBLEM:
        return problem(p);
    case PART_COVER:
        return cover(p);
    case PART_SEARCH:
        return search(p);
    case PART_CLUSTER:
        return cluster(p);
    case PART_JOIN:
        return join(p);
    case PART_SPILL:
        return some_devices(p, p->in->device_count, spill_placed, PART_COHORTS);
    case PART_COHORTS:
        return cohorts(p);
    case PART_DONE:
        break;
    }
    return 0;
}

bool partition_go(void *workspace, uint64_t *work, struct partition *result)
{
    struct part *p = workspace;
    while (p->stage != PART_DONE) {
        if (*work == 0) {
            return false;
        }
        uint64_t done = piece(p);
        *work -= done < *work ? done : *work;
    }
    *result = (struct partition){p->cohort_of, p->sorted,  p->cohort_count, {{0}},     0,
                                 p->no_link,   p->too_far, p->no_fit,       p->no_room};
    hand_out_grids(p, result);
    return true;
}

int partition_make(const struct partition_input *input, void *workspace,
                   struct partition *result)
{
    uint64_t work = UINT64_MAX;
    int err = partition_begin(input, workspace);
    while (err == FUO_OK && !partition_go(workspace, &work, result)) {
        work = UINT64_MAX;
    }
    return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * partition_begin.c - what every planner of partition.h begins with: is the input sound, and
 * the workspace cut up. And the smallest of them, partition_narrow().
 */
#include "campaign/partition_internal.h"

#include <string.h>

static void lay_out_devices(struct part *p, struct arena *a, size_t devices)
{
    p->strength_cdb = arena_take(a, devices * PARTITION_LINK_MAX, sizeof(int16_t));
    p->version_of = arena_take(a, devices, 1);
    p->class_of = arena_take(a, devices, 1);
    p->slice_of = arena_take(a, devices, 1);
    p->cluster_of = arena_take(a, devices, sizeof(uint32_t));
    p->loss_ppm = arena_take(a, devices, sizeof(uint32_t));
    p->cohort_of = arena_take(a, devices, sizeof(uint32_t));
    p->order = arena_take(a, devices, sizeof(uint32_t));
    p->first = arena_take(a, devices + 1, sizeof(uint32_t));
    p->demand = arena_take(a, devices, 1);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Covers, conflicts and clusters are found one after the other. */
static size_t scratch_bytes(size_t devices, size_t gateways, size_t links, size_t pairs)
{
    size_t bytes = cover_workspace_for(devices, gateways, links);
    bytes = larger(bytes, cluster_workspace_for(gateways, links, pairs));
    return larger(bytes, colour_workspace_for(gateways, links, pairs) +
                             colour_solve_workspace_max(gateways) +
                             PARTITION_TURN_MAX * sizeof(uint64_t));
}

static void lay_out(struct part *p, struct arena *a)
{
    const struct partition_input *in = p->in;
    size_t gateways = in->gateway_count;
    size_t links = 0;
    size_t pairs = 0;
    for (size_t d = 0; d < in->device_count; d++) {
        size_t count = in->devices[d].link_count;
        links += count;
        pairs += count > 0 ? count * (count - 1) : 0;
    }
    lay_out_devices(p, a, in->device_count);
    p->links = arena_take(a, links, sizeof(struct cover_link));
    p->chosen = arena_take(a, gateways, 1);
    p->weight = arena_take(a, gateways, sizeof(uint32_t));
    p->busy_us = arena_take(a, gateways, sizeof(int64_t));
    p->colours = arena_take(a, gateways * PART_RATE_MAX, sizeof(uint16_t));
    for (size_t s = 0; s < PART_SLICE_MAX; s++) {
        p->slice[s].cluster = arena_take(a, gateways, sizeof(uint32_t));
    }
    /* Each cohort has a device, and a gateway of its own in its slice. */
    size_t entries = gateways * PART_SLICE_MAX;
    size_t cohorts = entries < in->device_count ? entries : in->device_count;
    p->cohort_base = arena_take(a, entries, sizeof(uint32_t));
    p->gateways = arena_take(a, entries, sizeof(struct partition_gateway));
    p->cohorts = arena_take(a, cohorts, sizeof(struct partition_cohort));
    p->sorted = arena_take(a, cohorts, sizeof(struct partition_cohort));
    p->rank = arena_take(a, cohorts, sizeof(uint32_t));
    p->coded = arena_take(a, part_coded_count(), sizeof(uint32_t));
    p->scratch =
        arena_take(a, scratch_bytes(in->device_count, gateways, links, pairs), 1);
}

size_t partition_workspace_bytes(const struct partition_input *input)
{
    struct part p = {.in = input};
    struct arena a = {0};
    lay_out(&p, &a);
    return a.used + ((sizeof(p) + 7) & ~(size_t)7);
}

static bool link_is_sound(const struct partition_device *d, size_t link,
                          size_t gateway_count)
{
    bool sound = d->link[link].gateway < gateway_count;
    for (size_t k = 0; k < link; k++) {
        sound = sound && d->link[k].gateway != d->link[link].gateway;
    }
    return sound;
}

static bool links_are_sound(const struct partition_device *d, size_t gateway_count)
{
    bool sound = d->link_count <= PARTITION_LINK_MAX;
    for (size_t l = 0; sound && l < d->link_count; l++) {
        sound = link_is_sound(d, l, gateway_count);
    }
    return sound;
}

static bool input_is_sound(const struct partition_input *in)
{
    for (size_t d = 0; d < in->device_count; d++) {
        if (!links_are_sound(&in->devices[d], in->gateway_count)) {
            return false;
        }
    }
    for (size_t i = 0; i < in->grid_count; i++) {
        if (in->grids[i].turn_count == 0 ||
            in->grids[i].turn_count > PARTITION_TURN_MAX) {
            return false;
        }
    }
    return in->region != NULL && in->limit_ppm > 0 && in->limit_ppm <= PART_PPM &&
           in->share_ppm > 0 && in->share_ppm <= PART_PPM && in->lanes_max > 0 &&
           in->lane_gateways > 0 && in->image_len > 0;
}

struct part *part_begin(const struct partition_input *input, void *workspace)
{
    if (!input_is_sound(input)) {
        return NULL;
    }
    struct arena a = {.base = workspace};
    struct part *p = arena_take(&a, 1, sizeof(*p));
    memset(p, 0, sizeof(*p));
    p->in = input;
    if (part_rates_find(p) != FUO_OK) {
        return NULL;
    }
    lay_out(p, &a);
    return p;
}

int partition_narrow(const struct partition_input *input, void *workspace,
                     uint8_t *needed)
{
    struct part *p = part_begin(input, workspace);
    if (p == NULL || p->rate_count != 1) {
        return FUO_ERANGE;
    }
    p->first[0] = 0;
    for (size_t d = 0; d < input->device_count; d++) {
        part_rate_links(p, d);
        part_problem_add(p, d, 0, (uint32_t)d);
    }
    for (size_t g = 0; g < input->gateway_count; g++) {
        uint32_t weight = input->gateway_weight != NULL ? input->gateway_weight[g] : 1;
        p->weight[g] = weight > 0 ? weight : 1;
    }
    struct cover_problem problem = {p->first,  p->links,
                                    p->demand, input->device_count,
                                    p->weight, input->gateway_count};
    cover_solve(&problem, p->scratch, needed);
    return FUO_OK;
}

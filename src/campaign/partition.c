/* SPDX-License-Identifier: MIT */
#include "campaign/partition_internal.h"

#include <string.h>

#include "base/min.h"

enum {
    ATTEMPT_CDB = 75, /* each failed attempt asks for that much more */
    ATTEMPTS_MAX = 8,
    HEARD_SELDOM_PPK = 300, /* what is heard of such a link are its better moments */
    HEARD_SELDOM_CDB = 300,
    STRENGTH_LIMIT_CDB = 12000,
    WEIGHT_MAX = 1000000,
    WEIGHT_UNIT = 16,
    BUSY_WEIGHT = 4, /* a gateway in another session is dearer, by the time it adds */
    SPILL_LOSS_PPM = 100000,
    BOTH_FADE_CDB = 353, /* of two links that fade by 2.5 dB each */
};

static int compare_versions(const struct part_version *v,
                            const struct partition_device *d)
{
    return v->ts004 != d->ts004 ? v->ts004 - d->ts004 : v->ts005 - d->ts005;
}

/* PARTITION_VERSIONS_MAX if the pair has no entry. */
static size_t version_of(const struct part *p, const struct partition_device *device)
{
    for (size_t v = 0; v < p->version_count; v++) {
        if (compare_versions(&p->version[v], device) == 0) {
            return v;
        }
    }
    return PARTITION_VERSIONS_MAX;
}

/* Ascending, so that the order of devices does not matter. */
void part_find_versions(struct part *p)
{
    for (size_t d = 0; d < p->in->device_count; d++) {
        const struct partition_device *device = &p->in->devices[d];
        if (device->link_count == 0 || version_of(p, device) < p->version_count ||
            p->version_count == PARTITION_VERSIONS_MAX) {
            continue;
        }
        size_t at = p->version_count++;
        while (at > 0 && compare_versions(&p->version[at - 1], device) > 0) {
            p->version[at] = p->version[at - 1];
            at--;
        }
        p->version[at] =
            (struct part_version){.ts004 = device->ts004, .ts005 = device->ts005};
    }
}

/* Failed attempts ask for more, but never for more than the slowest rate gives. */
void part_rate_links(struct part *p, size_t device)
{
    const struct partition_device *d = &p->in->devices[device];
    int16_t *strength = p->strength_cdb + device * PARTITION_LINK_MAX;
    int32_t best = -STRENGTH_LIMIT_CDB;
    for (size_t l = 0; l < d->link_count; l++) {
        int32_t cdb = d->link[l].snr_p50_cdb + p->in->gain_cdb;
        if (d->link[l].heard_ppk > 0 && d->link[l].heard_ppk < HEARD_SELDOM_PPK) {
            cdb -= HEARD_SELDOM_CDB;
        }
        cdb = cdb > STRENGTH_LIMIT_CDB ? STRENGTH_LIMIT_CDB : cdb;
        cdb = cdb < -STRENGTH_LIMIT_CDB ? -STRENGTH_LIMIT_CDB : cdb;
        strength[l] = (int16_t)cdb;
        best = cdb > best ? cdb : best;
    }
    int32_t penalty =
        (d->attempts < ATTEMPTS_MAX ? d->attempts : ATTEMPTS_MAX) * ATTEMPT_CDB;
    int32_t spare = best - p->rate[0].floor_cdb;
    penalty = penalty < spare ? penalty : spare;
    for (size_t l = 0; l < d->link_count && penalty > 0; l++) {
        strength[l] = (int16_t)(strength[l] - penalty);
    }
}

/* Could it hear a data rate that the image does not fit? */
static bool hears_unfit(const struct part *p, size_t device)
{
    const struct partition_input *in = p->in;
    int16_t floor_cdb = p->rate[0].floor_cdb;
    for (int i = 0; i < REGION_DR_COUNT; i++) {
        uint8_t dr = (uint8_t)i;
        const struct data_rate *rate = region_data_rate(in->region, dr, DIRECTION_DOWN);
        if (rate != NULL && rate->modulation == MODULATION_LORA && rate->sf >= 7 &&
            (in->dr == PARTITION_DR_AUTO || in->dr == dr) &&
            partition_floor_cdb(in->region, dr) < floor_cdb) {
            floor_cdb = partition_floor_cdb(in->region, dr);
        }
    }
    for (size_t l = 0; l < in->devices[device].link_count; l++) {
        if (p->strength_cdb[device * PARTITION_LINK_MAX + l] >= floor_cdb) {
            return true;
        }
    }
    return false;
}

static uint8_t class_of(const struct part *p, size_t device)
{
    uint32_t safe_ppm = part_safe_loss_ppm(p, device);
    for (size_t r = p->rate_count; r-- > 0;) {
        uint32_t loss_ppm = part_reach_loss_ppm(
            p, device, r, p->in->devices[device].attempts > 0 ? PARTITION_LINK_MAX : 2);
        if (loss_ppm <= safe_ppm && part_cap_fits(p, device, r, loss_ppm)) {
            return (uint8_t)(r + 1);
        }
    }
    return part_reach_loss_ppm(p, device, 0, 1) < PART_PPM ? 0 : PART_NO_CLASS;
}

static void note_rate(const struct part *p, size_t device, struct part_version *v,
                      size_t rate)
{
    uint8_t k = p->class_of[device];
    uint32_t copies = part_forced_copies(p, device, rate);
    uint32_t loss_ppm = part_reach_loss_ppm(p, device, rate, PARTITION_LINK_MAX);
    uint32_t cap_ppm = p->in->devices[device].cap_ppm;
    bool capped = cap_ppm > 0 && cap_ppm < PARTITION_CAP_NONE;
    v->forced[k][rate][copies] += rate >= k;
    v->risky[k][rate] += rate >= k && copies == 1 && capped;
    if (copies <= 1 && loss_ppm > v->loss_ppm[k][rate]) {
        v->loss_ppm[k][rate] = loss_ppm;
    }
}

void part_sort_in(struct part *p, size_t device)
{
    const struct partition_device *d = &p->in->devices[device];
    p->class_of[device] = PART_NO_CLASS;
    p->cohort_of[device] = PARTITION_NONE;
    if (d->link_count == 0) {
        p->no_link++;
        return;
    }
    size_t v = version_of(p, d);
    if (v == PARTITION_VERSIONS_MAX) {
        p->no_room++;
        return;
    }
    part_rate_links(p, device);
    uint8_t k = class_of(p, device);
    if (k == PART_NO_CLASS) {
        p->no_fit += hears_unfit(p, device);
        p->too_far += !hears_unfit(p, device);
        return;
    }
    p->version_of[device] = (uint8_t)v;
    p->class_of[device] = k;
    p->device_count++;
    p->version[v].by_class[k]++;
    for (size_t r = k > 0 ? k - 1U : 0; r < p->rate_count; r++) {
        note_rate(p, device, &p->version[v], r);
    }
}

/* Is the device apart from the others of its rate, for the copies it needs? */
static bool is_apart(const struct part *p, size_t device)
{
    const struct part_version *v = &p->version[p->version_of[device]];
    return p->class_of[device] <= v->slowest && v->copies > 1 && !v->joined &&
           part_forced_copies(p, device, v->slowest) > 1;
}

struct slice_key {
    size_t version;
    size_t rate;
    bool apart;
};

static struct slice_key key_of(const struct part *p, size_t device)
{
    const struct part_version *v = &p->version[p->version_of[device]];
    return (struct slice_key){p->version_of[device], v->use[p->class_of[device]],
                              is_apart(p, device)};
}

static void add_slice(struct part *p, struct slice_key key, uint32_t count)
{
    if (count > 0) {
        struct part_slice *slice = &p->slice[p->slice_count++];
        slice->version = (uint8_t)key.version;
        slice->rate = (uint8_t)key.rate;
        slice->hard = key.apart;
        slice->count = count;
    }
}

static uint8_t find_slice(const struct part *p, struct slice_key key)
{
    uint8_t s = 0;
    while (p->slice[s].version != key.version || p->slice[s].rate != key.rate ||
           p->slice[s].hard != key.apart) {
        s++;
    }
    return s;
}

/* Slices slowest first. Devices come in any order. */
void part_find_slices(struct part *p)
{
    uint32_t count[PARTITION_VERSIONS_MAX][PART_RATE_MAX][2] = {0};
    for (size_t d = 0; d < p->in->device_count; d++) {
        if (p->class_of[d] != PART_NO_CLASS) {
            struct slice_key key = key_of(p, d);
            count[key.version][key.rate][key.apart]++;
        }
    }
    for (size_t r = 0; r < p->rate_count; r++) {
        for (size_t v = 0; v < p->version_count; v++) {
            add_slice(p, (struct slice_key){v, r, false}, count[v][r][0]);
            add_slice(p, (struct slice_key){v, r, true}, count[v][r][1]);
        }
    }
    for (size_t d = 0; d < p->in->device_count; d++) {
        p->slice_of[d] =
            p->class_of[d] != PART_NO_CLASS ? find_slice(p, key_of(p, d)) : PART_NO_SLICE;
    }
}

static uint32_t slice_copies(const struct part *p, const struct part_slice *slice)
{
    const struct part_version *v = &p->version[slice->version];
    return slice->hard || (v->joined && slice->rate == v->slowest) ? v->copies : 1;
}

/*
 * One link if the best is enough alone, by twice as much for who has failed before: then it
 * may be another one that loses little more, so that a thin second link does not ask for its
 * gateway too. Else the best two have to do it, and more only if they are not safe together
 * (performance.md 3.5b: k = 2).
 */
static uint8_t demand_of(const struct part *p, size_t device, uint32_t best,
                         uint32_t second)
{
    uint32_t safe = part_units(part_safe_loss_ppm(p, device));
    uint32_t alone = safe + (p->in->devices[device].attempts > 0 ? PART_HALF_UNITS : 0);
    if (best >= alone) {
        uint32_t wanted = min_u32(best - PART_HALF_UNITS, PART_ALONE_UNITS);
        return (uint8_t)(wanted > alone ? wanted : alone);
    }
    uint32_t two = best + second > safe ? best + second : safe;
    return (uint8_t)min_u32(two, PART_DEMAND_UNITS);
}

void part_problem_add(struct part *p, size_t device, size_t rate, uint32_t i)
{
    const struct partition_device *d = &p->in->devices[device];
    uint32_t at = p->first[i];
    uint32_t best = 0;
    uint32_t second = 0;
    for (size_t l = 0; l < d->link_count; l++) {
        bool serves = part_link_serves(p, device, l, rate);
        uint8_t units = serves ? part_units(part_link_loss_ppm(p, device, l, rate)) : 0;
        p->links[at++] = (struct cover_link){
            d->link[l].gateway,
            (int16_t)(p->strength_cdb[device * PARTITION_LINK_MAX + l] -
                      p->rate[rate].floor_cdb),
            units};
        second = units > best ? best : units > second ? units : second;
        best = units > best ? units : best;
    }
    p->demand[i] = demand_of(p, device, best, second);
    p->first[i + 1] = at;
}

/* The problem of a rate: devices by slice, each with all of its links. */
uint32_t part_build_problem(struct part *p, size_t rate)
{
    uint32_t at = 0;
    for (size_t s = 0; s < p->slice_count; s++) {
        if (p->slice[s].rate == rate) {
            p->slice[s].first = at;
            at += p->slice[s].count;
            p->slice[s].count = 0;
        }
    }
    for (size_t d = 0; d < p->in->device_count; d++) {
        uint8_t s = p->slice_of[d];
        if (s != PART_NO_SLICE && p->slice[s].rate == rate) {
            p->order[p->slice[s].first + p->slice[s].count++] = (uint32_t)d;
        }
    }
    p->first[0] = 0;
    for (uint32_t i = 0; i < at; i++) {
        part_problem_add(p, p->order[i], rate, i);
    }
    return at;
}

static struct cover_problem problem_of(const struct part *p, uint32_t first,
                                       uint32_t count)
{
    return (struct cover_problem){p->first + first,  p->links,
                                  p->demand + first, count,
                                  p->weight,         p->in->gateway_count};
}

/* A gateway that works already costs more, by what it adds to the whole. */
static void weigh(struct part *p, int64_t session_us, int64_t total_us)
{
    for (size_t g = 0; g < p->in->gateway_count; g++) {
        uint32_t weight = p->in->gateway_weight != NULL ? p->in->gateway_weight[g] : 1;
        weight = weight > 0 ? weight : 1;
        weight = (weight < WEIGHT_MAX ? weight : WEIGHT_MAX) * WEIGHT_UNIT;
        if (p->busy_us[g] > 0) {
            weight += (uint32_t)(weight * (session_us / 1000) * BUSY_WEIGHT /
                                 (total_us / 1000 + 1));
        }
        p->weight[g] = weight;
    }
}

int64_t part_slice_us(const struct part *p, const struct part_slice *slice)
{
    const struct part_rate *rate = &p->rate[slice->rate];
    return p->in->overhead_us +
           rate->interval_us * rate->fragments.count * slice_copies(p, slice);
}

/* Gateways of a slice: begun here, done by cover_search(). */
void part_cover_begin(struct part *p, const struct part_slice *slice)
{
    struct cover_problem problem = problem_of(p, slice->first, slice->count);
    weigh(p, part_slice_us(p, slice), p->total_us);
    cover_begin(&problem, p->scratch, p->chosen);
}

/* Their clusters; links to others only disturb from now on. */
void part_cluster(struct part *p, struct part_slice *slice)
{
    struct part_rate *rate = &p->rate[slice->rate];
    struct cover_problem problem = problem_of(p, slice->first, slice->count);
    int64_t session_us = part_slice_us(p, slice);
    for (size_t g = 0; g < p->in->gateway_count; g++) {
        p->busy_us[g] += p->chosen[g] ? session_us : 0;
    }
    for (uint32_t l = p->first[slice->first]; l < p->first[slice->first + slice->count];
         l++) {
        if (!p->chosen[p->links[l].gateway]) {
            p->links[l].units = 0;
        }
    }
    slice->cluster_count = (uint32_t)cluster_solve(&problem, p->chosen, p->in->lanes_max,
                                                   p->scratch, slice->cluster);
    rate->used = true;
    rate->airtime_sum_us +=
        rate->airtime_us * rate->fragments.count * slice_copies(p, slice) * 21 / 20;
}

/* Loss of a link beside the other gateways of its turn, which may drown it. */
static uint32_t disturbed_ppm(const struct part *p, size_t device, size_t link,
                              size_t rate)
{
    const struct partition_device *d = &p->in->devices[device];
    const uint16_t *colours = part_colours(p, rate);
    const int16_t *cdb = p->strength_cdb + device * PARTITION_LINK_MAX;
    uint32_t heard_ppm = PART_PPM - part_link_loss_ppm(p, device, link, rate);
    for (size_t l = 0; l < d->link_count; l++) {
        if (l != link && colours[d->link[l].gateway] == colours[d->link[link].gateway]) {
            uint32_t drowned_ppm = partition_loss_ppm(
                cdb[link] - cdb[l] - COLOUR_CAPTURE_CDB, BOTH_FADE_CDB);
            heard_ppm = part_product_ppm(heard_ppm, PART_PPM - drowned_ppm);
        }
    }
    return PART_PPM - heard_ppm;
}

/* Is so much lost that it takes a slower rate? */
static bool is_too_much(const struct part *p, size_t device, size_t rate,
                        uint32_t loss_ppm)
{
    return loss_ppm > SPILL_LOSS_PPM || !part_cap_fits(p, device, rate, loss_ppm);
}

bool part_is_spoiled(const struct part *p, size_t device, size_t rate)
{
    uint32_t alone_ppm = part_reach_loss_ppm(p, device, rate, PARTITION_LINK_MAX);
    uint32_t loss_ppm = PART_PPM;
    for (size_t l = 0; l < p->in->devices[device].link_count; l++) {
        if (part_link_serves(p, device, l, rate)) {
            loss_ppm = part_product_ppm(loss_ppm, disturbed_ppm(p, device, l, rate));
        }
    }
    return is_too_much(p, device, rate, loss_ppm) &&
           !is_too_much(p, device, rate, alone_ppm);
}

/* Loss of a device in the best cluster of a slice; that cluster. */
static uint32_t best_cluster(const struct part *p, size_t device,
                             const struct part_slice *slice, uint32_t *cluster)
{
    const struct partition_device *d = &p->in->devices[device];
    uint32_t of[PARTITION_LINK_MAX];
    uint32_t loss_ppm[PARTITION_LINK_MAX];
    for (size_t l = 0; l < d->link_count; l++) {
        of[l] = slice->cluster[d->link[l].gateway];
        bool good = of[l] != CLUSTER_NONE && part_link_serves(p, device, l, slice->rate);
        of[l] = good ? of[l] : CLUSTER_NONE;
        loss_ppm[l] = good ? disturbed_ppm(p, device, l, slice->rate) : PART_PPM;
    }
    uint32_t best_ppm = PART_PPM;
    *cluster = CLUSTER_NONE;
    for (size_t l = 0; l < d->link_count; l++) {
        uint32_t product_ppm = loss_ppm[l];
        for (size_t k = 0; k < d->link_count; k++) {
            product_ppm = k != l && of[k] == of[l]
                              ? part_product_ppm(product_ppm, loss_ppm[k])
                              : product_ppm;
        }
        if (of[l] != CLUSTER_NONE &&
            (*cluster == CLUSTER_NONE || product_ppm < best_ppm ||
             (product_ppm == best_ppm && of[l] < *cluster))) {
            best_ppm = product_ppm;
            *cluster = of[l];
        }
    }
    return best_ppm;
}

void part_join(struct part *p, size_t device)
{
    p->loss_ppm[device] =
        best_cluster(p, device, &p->slice[p->slice_of[device]], &p->cluster_of[device]);
}

/* The rate and the gateways do not suffice after all: a slower session may. */
void part_spill(struct part *p, size_t device)
{
    const struct part_slice *own = &p->slice[p->slice_of[device]];
    if (!is_too_much(p, device, own->rate, p->loss_ppm[device])) {
        return;
    }
    for (size_t s = p->slice_count; s-- > 0;) {
        const struct part_slice *slice = &p->slice[s];
        uint32_t cluster;
        if (slice->version != own->version || slice->rate >= own->rate) {
            continue;
        }
        uint32_t loss_ppm = best_cluster(p, device, slice, &cluster);
        if (loss_ppm < p->loss_ppm[device]) {
            p->slice_of[device] = (uint8_t)s;
            p->cluster_of[device] = cluster;
            p->loss_ppm[device] = loss_ppm;
        }
        if (!is_too_much(p, device, slice->rate, p->loss_ppm[device])) {
            return;
        }
    }
}

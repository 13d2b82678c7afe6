/* SPDX-License-Identifier: MIT */
#include "campaign/partition_internal.h"

#include <string.h>

#include "base/sort.h"
#include "base/time.h"
#include "campaign/redundancy.h"
#include "fec/row.h"

enum {
    COUNT_CLASSES = 21,       /* devices by powers of two */
    FIRST_SHARE_PPM = 900000, /* of the devices: those polls need not ask for more */
    FIRST_FAIL_PPM = 300000,
    HOPELESS_PPM = 500000, /* forecasts leave few such devices to a later session */
    COPIES_PPM = 900000,   /* copies do not mend that */
    HOPELESS_FEW = 20,     /* one in so many */
    COPIES_FIRST = 4,      /* of v1: not all tell what they miss of copies */
};

enum quantile { QUANTILE_FIRST, QUANTILE_P50, QUANTILE_P90, QUANTILE_COUNT };

size_t part_coded_count(void)
{
    return (size_t)PART_RATE_MAX * PARTITION_LOSS_CLASSES * COUNT_CLASSES *
           QUANTILE_COUNT;
}

/* Cohort numbers of a slice's clusters start at cohort_base[slice * gateways]. */
static uint32_t *base_of(const struct part *p, size_t slice)
{
    return p->cohort_base + slice * p->in->gateway_count;
}

static void open_cohort(struct part *p, size_t s, uint32_t cluster)
{
    const struct part_slice *slice = &p->slice[s];
    const struct part_rate *rate = &p->rate[slice->rate];
    uint32_t count = base_of(p, s)[cluster];
    if (count == 0) {
        base_of(p, s)[cluster] = PARTITION_NONE;
        return;
    }
    base_of(p, s)[cluster] = (uint32_t)p->cohort_count;
    p->cohorts[p->cohort_count++] = (struct partition_cohort){
        .ts004 = p->version[slice->version].ts004,
        .ts005 = p->version[slice->version].ts005,
        .dr = rate->dr,
        .copies = 1,
        .colour_count = rate->colour_count,
        .fragments = rate->fragments,
        .device_count = count,
        .frame_airtime_us = rate->airtime_us,
        .slot_us = rate->slot_us,
        .interval_us = rate->interval_us,
    };
}

static void open_cohorts(struct part *p)
{
    for (size_t s = 0; s < p->slice_count; s++) {
        for (uint32_t c = 0; c < p->slice[s].cluster_count; c++) {
            base_of(p, s)[c] = 0;
        }
    }
    for (size_t d = 0; d < p->in->device_count; d++) {
        if (p->slice_of[d] != PART_NO_SLICE) {
            base_of(p, p->slice_of[d])[p->cluster_of[d]]++;
        }
    }
    for (size_t s = 0; s < p->slice_count; s++) {
        for (uint32_t c = 0; c < p->slice[s].cluster_count; c++) {
            open_cohort(p, s, c);
        }
    }
}

/* Others are lost copies on: a link of theirs is spoiled, or the cover is too thin. */
static bool asks_for_copies(const struct part *p, size_t device,
                            const struct part_slice *s)
{
    const struct part_version *v = &p->version[s->version];
    return s->rate == v->slowest && p->class_of[device] <= v->slowest && v->copies > 1 &&
           (s->hard || v->joined);
}

/* Devices into their cohorts: losses by class, and the copies that the caps ask for. */
static void fill_cohorts(struct part *p)
{
    for (size_t d = 0; d < p->in->device_count; d++) {
        uint8_t s = p->slice_of[d];
        if (s == PART_NO_SLICE) {
            continue;
        }
        uint32_t number = base_of(p, s)[p->cluster_of[d]];
        struct partition_cohort *c = &p->cohorts[number];
        uint32_t loss_ppm = p->loss_ppm[d];
        p->cohort_of[d] = number;
        c->loss_class[partition_loss_class(loss_ppm)]++;
        uint32_t cap_ppm = p->in->devices[d].cap_ppm;
        cap_ppm = cap_ppm > 0 ? cap_ppm : PARTITION_CAP_NONE;
        c->cap_max_ppm = cap_ppm > c->cap_max_ppm ? cap_ppm : c->cap_max_ppm;
        if (loss_ppm > c->loss_max_ppm) {
            c->loss_max_ppm = loss_ppm;
        }
        if (asks_for_copies(p, d, &p->slice[s]) && loss_ppm < COPIES_PPM) {
            uint32_t most = p->version[p->slice[s].version].copies;
            uint32_t copies = part_copies(p, d, p->slice[s].rate, loss_ppm);
            copies = copies < most ? copies : most;
            c->copies = copies > c->copies ? (uint8_t)copies : c->copies;
        }
    }
}

static void sum_losses(struct partition_cohort *c)
{
    uint64_t sum = 0;
    uint32_t seen = 0;
    for (uint32_t k = 0; k < PARTITION_LOSS_CLASSES; k++) {
        sum += (uint64_t)c->loss_class[k] * partition_class_loss_ppm(k);
        bool below = (uint64_t)seen * 10 < (uint64_t)c->device_count * 9;
        seen += c->loss_class[k];
        if (below && (uint64_t)seen * 10 >= (uint64_t)c->device_count * 9) {
            c->loss_p90_ppm = partition_class_loss_ppm(k);
        }
    }
    c->loss_mean_ppm = (uint32_t)(sum / c->device_count);
}

/* The cohort that gateway g works for in a slice; NULL: none. */
static struct partition_cohort *cohort_at(const struct part *p, size_t slice, size_t g)
{
    uint32_t cluster = p->slice[slice].cluster[g];
    uint32_t number =
        cluster != CLUSTER_NONE ? base_of(p, slice)[cluster] : PARTITION_NONE;
    return number != PARTITION_NONE ? &p->cohorts[number] : NULL;
}

/* The list is ours until it is handed out. */
static struct partition_gateway *list_of(const struct part *p,
                                         const struct partition_cohort *cohort)
{
    return p->gateways + (cohort->gateways - p->gateways);
}

static void count_gateways(struct part *p, size_t slice)
{
    for (size_t g = 0; g < p->in->gateway_count; g++) {
        struct partition_cohort *cohort = cohort_at(p, slice, g);
        if (cohort != NULL) {
            cohort->gateway_count++;
        }
    }
}

/* By turn, then by number: they come in the order of numbers. */
static void insert_gateway(const struct part *p, struct partition_cohort *cohort,
                           struct partition_gateway new)
{
    struct partition_gateway *list = list_of(p, cohort);
    size_t at = cohort->gateway_count++;
    while (at > 0 && list[at - 1].colour > new.colour) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = new;
}

static void list_gateways(struct part *p, size_t slice)
{
    const uint16_t *colours = part_colours(p, p->slice[slice].rate);
    for (uint32_t g = 0; g < p->in->gateway_count; g++) {
        struct partition_cohort *cohort = cohort_at(p, slice, g);
        if (cohort != NULL) {
            insert_gateway(p, cohort, (struct partition_gateway){g, colours[g], 0});
        }
    }
}

static void number_lanes(const struct part *p, struct partition_cohort *cohort)
{
    struct partition_gateway *list = list_of(p, cohort);
    size_t in_lane = 0;
    for (size_t i = 0; i < cohort->gateway_count; i++) {
        bool new_lane = i == 0 || list[i].colour != list[i - 1].colour ||
                        in_lane == p->in->lane_gateways;
        cohort->lane_count = (uint16_t)(cohort->lane_count + new_lane);
        in_lane = new_lane ? 1 : in_lane + 1;
        list[i].lane = (uint16_t)(cohort->lane_count - 1);
    }
}

static void make_lanes(struct part *p)
{
    struct partition_gateway *next = p->gateways;
    for (size_t s = 0; s < p->slice_count; s++) {
        count_gateways(p, s);
    }
    for (size_t i = 0; i < p->cohort_count; i++) {
        p->cohorts[i].gateways = next;
        next += p->cohorts[i].gateway_count;
        p->cohorts[i].gateway_count = 0;
    }
    for (size_t s = 0; s < p->slice_count; s++) {
        list_gateways(p, s);
    }
    for (size_t i = 0; i < p->cohort_count; i++) {
        number_lanes(p, &p->cohorts[i]);
    }
}

/* Coded fragments after which a device of the class fails with that probability. */
static uint32_t coded_for(uint32_t m, uint32_t copies, uint32_t loss_ppm,
                          uint32_t fail_ppm)
{
    if (copies == 1) {
        return redundancy_for_device(m, loss_ppm, fail_ppm);
    }
    uint32_t left_ppm = loss_ppm;
    for (uint32_t c = 1; c < copies; c++) {
        left_ppm = part_product_ppm(left_ppm, loss_ppm);
    }
    uint32_t lost = (uint32_t)(((uint64_t)m * left_ppm + PART_PPM - 1) / PART_PPM);
    uint32_t coded = redundancy_need(lost + lost / 4 + 1, loss_ppm);
    return coded < FEC_N_MAX - m ? coded : FEC_N_MAX - m;
}

static uint32_t bits_of(uint32_t count)
{
    uint32_t bits = 0;
    while (bits + 1 < COUNT_CLASSES && UINT32_C(1) << bits < count) {
        bits++;
    }
    return bits;
}

/* Remembered by rate, class, size and quantile where there is one copy. */
static uint32_t coded_quantile(const struct part *p, const struct partition_cohort *c,
                               size_t rate, uint32_t k, enum quantile q)
{
    static const uint32_t fail_ppm[] = {FIRST_FAIL_PPM, 500000, 100000};
    uint32_t bits = q == QUANTILE_FIRST ? 0 : bits_of(c->loss_class[k]);
    uint32_t fail = fail_ppm[q] >> bits;
    uint32_t loss_ppm = partition_class_loss_ppm(k);
    fail = fail > 0 ? fail : 1;
    if (c->copies > 1) {
        return coded_for(c->fragments.count, c->copies, loss_ppm, fail);
    }
    size_t at =
        ((rate * PARTITION_LOSS_CLASSES + k) * COUNT_CLASSES + bits) * QUANTILE_COUNT + q;
    if (p->coded[at] == UINT32_MAX) {
        p->coded[at] = coded_for(c->fragments.count, 1, loss_ppm, fail);
    }
    return p->coded[at];
}

static size_t rate_of(const struct part *p, uint8_t dr)
{
    size_t r = 0;
    while (p->rate[r].dr != dr) {
        r++;
    }
    return r;
}

/*
 * The highest loss that is waited for: few who lose much do not hold up the others, and who
 * loses more than its decoder can mend is not helped by more.
 */
static uint32_t hopeless_above(const struct partition_cohort *c)
{
    if (c->copies == 1 && c->cap_max_ppm < HOPELESS_PPM) {
        return c->cap_max_ppm;
    }
    uint32_t count = 0;
    for (uint32_t k = 0; k < PARTITION_LOSS_CLASSES; k++) {
        count += partition_class_loss_ppm(k) > HOPELESS_PPM ? c->loss_class[k] : 0;
    }
    return (uint64_t)count * HOPELESS_FEW <= c->device_count ? HOPELESS_PPM
                                                             : PART_PPM - 1;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* One class of devices more; first: it is among those to be served before the first poll. */
static void need(const struct part *p, const struct partition_cohort *c, uint32_t k,
                 bool first, uint32_t coded[static QUANTILE_COUNT])
{
    size_t rate = rate_of(p, c->dr);
    uint32_t p50 = coded_quantile(p, c, rate, k, QUANTILE_P50);
    uint32_t p90 = coded_quantile(p, c, rate, k, QUANTILE_P90);
    coded[QUANTILE_P50] = larger(coded[QUANTILE_P50], p50);
    coded[QUANTILE_P90] = larger(coded[QUANTILE_P90], p90);
    if (first) {
        uint32_t now = coded_quantile(p, c, rate, k, QUANTILE_FIRST);
        coded[QUANTILE_FIRST] = larger(coded[QUANTILE_FIRST], now);
    }
}

/*
 * Few are asked instead what they miss. Decoders of v1 say only behind the first coded
 * fragment that they lost too much, and some do not tell what they miss of copies.
 */
static uint32_t first_of(const struct partition_cohort *c, uint32_t coded)
{
    uint32_t least = c->ts004 >= 2 ? 0 : c->copies > 1 ? COPIES_FIRST : 1;
    return c->device_count <= PARTITION_POLLED_MAX || coded < least ? least : coded;
}

static void forecast(const struct part *p, struct partition_cohort *c)
{
    uint32_t coded[QUANTILE_COUNT] = {0};
    uint32_t seen = 0;
    uint32_t most_ppm = hopeless_above(c);
    for (uint32_t k = 0; k < PARTITION_LOSS_CLASSES; k++) {
        uint64_t share = (uint64_t)c->device_count * FIRST_SHARE_PPM;
        if (c->loss_class[k] > 0 && partition_class_loss_ppm(k) <= most_ppm) {
            need(p, c, k, (uint64_t)seen * PART_PPM < share, coded);
            seen += c->loss_class[k];
        }
    }
    uint32_t uncoded = (uint32_t)c->fragments.count * c->copies;
    c->coded_first = first_of(c, coded[QUANTILE_FIRST]);
    c->frames_p50 = uncoded + coded[QUANTILE_P50];
    c->frames_p90 = uncoded + coded[QUANTILE_P90];
    c->duration_p50_us = c->frames_p50 * c->interval_us + p->in->overhead_us;
    c->duration_p90_us = c->frames_p90 * c->interval_us + p->in->overhead_us;
}

/*
 * Most devices for the time first, which makes the sum of all waiting least (Smith's rule,
 * performance.md 3.4); then by what tells two cohorts apart.
 */
static bool comes_before(const struct partition_cohort *a,
                         const struct partition_cohort *b)
{
    int64_t served_a = a->device_count * (b->duration_p50_us / SECONDS_US(1));
    int64_t served_b = b->device_count * (a->duration_p50_us / SECONDS_US(1));
    if (served_a != served_b) {
        return served_a > served_b;
    }
    if (a->duration_p50_us != b->duration_p50_us) {
        return a->duration_p50_us < b->duration_p50_us;
    }
    if (a->dr != b->dr) {
        return a->dr < b->dr;
    }
    if (a->ts004 != b->ts004) {
        return a->ts004 < b->ts004;
    }
    if (a->ts005 != b->ts005) {
        return a->ts005 < b->ts005;
    }
    if (a->gateways[0].gateway != b->gateways[0].gateway) {
        return a->gateways[0].gateway < b->gateways[0].gateway;
    }
    return a->copies < b->copies;
}

/* By number; context: all of them. */
static bool number_before(const void *context, const void *a, const void *b)
{
    const struct partition_cohort *cohorts = context;
    return comes_before(&cohorts[*(const uint32_t *)a], &cohorts[*(const uint32_t *)b]);
}

static void sort_cohorts(struct part *p)
{
    for (uint32_t i = 0; i < p->cohort_count; i++) {
        p->rank[i] = i;
    }
    sort_items(p->rank, p->cohort_count, sizeof(*p->rank), number_before, p->cohorts);
    for (size_t i = 0; i < p->cohort_count; i++) {
        p->sorted[i] = p->cohorts[p->rank[i]];
    }
    /* Where each went; the unsorted ones have served. */
    for (size_t i = 0; i < p->cohort_count; i++) {
        p->cohorts[p->rank[i]].device_count = (uint32_t)i;
    }
    for (size_t d = 0; d < p->in->device_count; d++) {
        if (p->cohort_of[d] != PARTITION_NONE) {
            p->cohort_of[d] = p->cohorts[p->cohort_of[d]].device_count;
        }
    }
}

void part_cohorts_make(struct part *p)
{
    memset(p->coded, 0xff, part_coded_count() * sizeof(uint32_t));
    open_cohorts(p);
    fill_cohorts(p);
    make_lanes(p);
    for (size_t i = 0; i < p->cohort_count; i++) {
        sum_losses(&p->cohorts[i]);
        forecast(p, &p->cohorts[i]);
    }
    sort_cohorts(p);
}

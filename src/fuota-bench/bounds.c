/* SPDX-License-Identifier: MIT */
#include "fuota-bench/bounds.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/time.h"
#include "fuota-bench/geometry.h"
#include "fuota-bench/setup_odds.h"
#include "world/radio.h"

enum {
    USELESS_PPM = 990000, /* a link that loses more does not count */
    RX1_S = 1,
    VERSIONS = 2, /* of TS004 */
};

#define NOBODY  UINT32_MAX
#define HOUR_US HOURS_US(1)
#define PPB     INT64_C(1000000000)

/* What a version of TS004 needs of a gateway, for the worst of its devices there. */
struct version {
    int64_t ready_us; /* when that device can be set up */
    int64_t frames_us;
    int64_t airtime_us; /* of one frame */
};

/* What a gateway has that nobody else can do. */
struct captive {
    struct version versions[VERSIONS];
    int64_t first_us;   /* earliest that it can start */
    int64_t frames_us;  /* airtime for the worst device */
    int64_t unicast_us; /* airtime of all set-ups */
    uint32_t rival;     /* the device that stands for it in the clique; NOBODY */
    int64_t rival_us;   /* airtime that device needs */
    uint8_t rival_dr;
};

struct context {
    const struct world_scenario *s;
    const struct world_trace *t;
    struct geometry_losses losses;
    struct geometry cut[WORLD_PROFILE_MAX][WORLD_DR_COUNT]; /* m 0: impossible */
    int64_t share_ppm;                                      /* of time */
    struct captive *captives;
};

/* Bounds of one device. */
struct one {
    int64_t ready_us; /* set up */
    int64_t paced_us;
    int64_t capped_us;
    int64_t any_us;
    int64_t heard_us;   /* like ready_us, from the first uplink that was received */
    int64_t frames_us;  /* airtime of the paced one */
    int64_t airtime_us; /* ... of one frame of it */
    uint8_t dr;
};

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* In the window in which they are shorter: slow uplinks may be answered in the second one. */
static int64_t unicast_us(const struct world_scenario *s, size_t device)
{
    return setup_odds_downlink_us(s, device, GEOMETRY_GROUP_BYTES) +
           setup_odds_downlink_us(s, device, GEOMETRY_FRAG_BYTES);
}

static int64_t ready_us(const struct context *c, size_t device)
{
    const struct world_device *d = &c->s->devices[device];
    int64_t first_us = max_i64(c->t->devices[device].first_uplink_us, 0);
    return first_us + 2 * SECONDS_US(RX1_S) + unicast_us(c->s, device) +
           geometry_uplink_us(d->uplink_dr, GEOMETRY_ANSWER_BYTES);
}

/* The same from the first uplink that was received, in the window that is soonest over. */
static int64_t heard_us(const struct context *c, size_t device)
{
    const struct world_device *d = &c->s->devices[device];
    int64_t first_us = c->t->devices[device].first_received_us;
    return max_i64(first_us, 0) +
           geometry_uplink_us(d->uplink_dr, GEOMETRY_UPLINK_BYTES) +
           2 * SECONDS_US(RX1_S) +
           setup_odds_downlink_us(c->s, device, GEOMETRY_GROUP_BYTES) +
           geometry_uplink_us(d->uplink_dr, GEOMETRY_ANSWER_BYTES) +
           setup_odds_downlink_us(c->s, device, GEOMETRY_FRAG_BYTES);
}

static uint32_t link_loss(const struct context *c, const struct world_link *link,
                          uint8_t dr)
{
    uint32_t ppm =
        geometry_loss_ppm(&c->losses, world_margin_cdb(c->s, link->loss_cdb, dr));
    return ppm > USELESS_PPM ? WORLD_PPM : ppm;
}

/* Of a frame that all its gateways send. */
static int64_t lost_ppb(const struct context *c, size_t device, uint8_t dr)
{
    const struct world_link *link = world_links(c->s, device);
    int64_t lost = PPB;
    for (size_t i = 0; i < world_link_count(c->s, device); i++) {
        lost = lost * link_loss(c, &link[i], dr) / WORLD_PPM;
    }
    return lost;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Frames until m of them came, in expectation. */
static int64_t frames_needed(int64_t lost, uint32_t m)
{
    return divide_up(m * PPB, PPB - lost);
}

/*
 * The same where uncoded fragments can only be repeated: k passes over all of them and one
 * more over as many as bring what is lost down to the cap; then coded ones.
 */
static int64_t frames_capped(int64_t lost, uint32_t m, uint32_t cap_ppm)
{
    int64_t cap = (int64_t)cap_ppm * (PPB / WORLD_PPM);
    int64_t frames = m;
    int64_t left = lost; /* of each fragment, after the passes so far */
    while (left > cap) {
        int64_t next = left / 1000 * lost / (PPB / 1000);
        int64_t share = left - cap < left - next
                            ? divide_up((left - cap) * WORLD_PPM, left - next)
                            : WORLD_PPM;
        frames += m * share / WORLD_PPM;
        left = share < WORLD_PPM ? cap : next;
    }
    return frames + divide_up(m * left / 1000, (PPB - lost) / 1000);
}

/*
 * Time until so much airtime has been heard, every gateway sending something else and as
 * early as its hourly budget allows. Best links first: links of a device are sorted.
 */
static int64_t striped_us(const struct context *c, size_t device, uint8_t dr,
                          int64_t need_us)
{
    const struct world_link *link = world_links(c->s, device);
    size_t count = world_link_count(c->s, device);
    int64_t cap_us = HOUR_US / WORLD_PPM * c->share_ppm;
    int64_t hour_us = 0; /* heard in a full hour */
    int64_t left_us = HOUR_US;
    for (size_t i = 0; i < count && left_us > 0; i++) {
        int64_t part_us = min_i64(cap_us, left_us);
        hour_us += part_us / 1000 * (WORLD_PPM - link_loss(c, &link[i], dr)) / 1000;
        left_us -= part_us;
    }
    if (hour_us == 0) {
        return INT64_MAX;
    }
    int64_t hours = (need_us - 1) / hour_us;
    int64_t rest_us = need_us - hours * hour_us;
    int64_t time_us = 0;
    for (size_t i = 0; i < count && rest_us > 0; i++) {
        int64_t heard_ppm = WORLD_PPM - link_loss(c, &link[i], dr);
        int64_t got_us = cap_us / 1000 * heard_ppm / 1000;
        time_us +=
            got_us < rest_us ? cap_us : rest_us * 1000 / max_i64(heard_ppm, 1) * 1000;
        rest_us -= got_us;
    }
    return hours * HOUR_US + min_i64(time_us, HOUR_US);
}

static int64_t paced_us(const struct context *c, int64_t frames, int64_t airtime_us)
{
    int64_t cycle_us = airtime_us * WORLD_PPM / c->share_ppm;
    return (frames - 1) * cycle_us + airtime_us;
}

/* One data rate more for one device. */
static void bound_rate(const struct context *c, size_t device, uint8_t dr,
                       struct one *best)
{
    uint8_t profile = c->s->devices[device].profile;
    const struct geometry *cut = &c->cut[profile][dr];
    int64_t lost = cut->m == 0 ? PPB : lost_ppb(c, device, dr);
    if (lost == PPB) {
        return;
    }
    int64_t frames = frames_needed(lost, cut->m);
    int64_t us = paced_us(c, frames, cut->airtime_us);
    if (us < best->paced_us) {
        best->paced_us = us;
        best->frames_us = frames * cut->airtime_us;
        best->airtime_us = cut->airtime_us;
        best->dr = dr;
    }
    int64_t capped = frames_capped(lost, cut->m, c->s->profiles[profile].cap_ppm);
    best->capped_us = min_i64(best->capped_us, paced_us(c, capped, cut->airtime_us));
    best->any_us =
        min_i64(best->any_us, striped_us(c, device, dr, cut->m * cut->airtime_us));
}

/* False if nothing reaches it. */
static bool bound_one(const struct context *c, size_t device, struct one *out)
{
    struct one best = {
        .paced_us = INT64_MAX, .capped_us = INT64_MAX, .any_us = INT64_MAX};
    for (int dr = 0; dr < WORLD_DR_COUNT; dr++) {
        bound_rate(c, device, (uint8_t)dr, &best);
    }
    if (best.paced_us == INT64_MAX) {
        return false;
    }
    best.ready_us = ready_us(c, device);
    best.heard_us = heard_us(c, device);
    best.paced_us += best.ready_us;
    best.capped_us += best.ready_us;
    best.any_us += best.ready_us;
    *out = best;
    return true;
}

/* The only gateway that reaches it at any data rate; NOBODY if there are several. */
static uint32_t only_gateway(const struct context *c, size_t device)
{
    const struct world_link *link = world_links(c->s, device);
    uint32_t only = NOBODY;
    for (size_t i = 0; i < world_link_count(c->s, device); i++) {
        if (link_loss(c, &link[i], 0) >= WORLD_PPM) {
            continue;
        }
        if (only != NOBODY) {
            return NOBODY;
        }
        only = link[i].gateway;
    }
    return only;
}

/* At DR0 alone: another data rate would not be disturbed. */
static bool one_data_rate(const struct context *c, size_t device)
{
    const struct world_link *link = world_links(c->s, device);
    for (size_t i = 0; i < world_link_count(c->s, device); i++) {
        if (link_loss(c, &link[i], 1) < WORLD_PPM) {
            return false;
        }
    }
    return true;
}

static void note_version(const struct context *c, size_t device, const struct one *one,
                         struct captive *captive)
{
    uint8_t ts004 = c->s->profiles[c->s->devices[device].profile].ts004;
    struct version *v = &captive->versions[ts004 == 2];
    if (one->frames_us > v->frames_us) {
        *v = (struct version){one->ready_us, one->frames_us, one->airtime_us};
    }
}

static void note_captive(const struct context *c, size_t device, const struct one *one)
{
    uint32_t gateway = only_gateway(c, device);
    if (gateway == NOBODY) {
        return;
    }
    struct captive *captive = &c->captives[gateway];
    int64_t first_us = max_i64(c->t->devices[device].first_uplink_us, 0);
    captive->first_us = min_i64(captive->first_us, first_us);
    captive->frames_us = max_i64(captive->frames_us, one->frames_us);
    captive->unicast_us += unicast_us(c->s, device);
    note_version(c, device, one, captive);
    if (one->frames_us > captive->rival_us && one_data_rate(c, device)) {
        captive->rival = (uint32_t)device;
        captive->rival_us = one->frames_us;
        captive->rival_dr = one->dr;
    }
}

static bool disturbs(const struct context *c, uint32_t gateway, uint32_t device)
{
    const struct world_link *link = world_links(c->s, device);
    for (size_t i = 1; i < world_link_count(c->s, device); i++) {
        if (link[i].gateway == gateway) {
            /* The strongest, the one that reaches it, stands first. */
            return link[i].loss_cdb - link[0].loss_cdb <
                   (int32_t)c->s->params.capture_cdb;
        }
    }
    return false;
}

/* Airtime of a clique grown from one gateway, and since when it may be sent. */
static int64_t clique_from(const struct context *c, uint32_t seed, uint32_t *members)
{
    size_t count = 0;
    int64_t sum_us = 0;
    int64_t first_us = INT64_MAX;
    for (size_t k = 0; k < c->s->gateway_count; k++) {
        uint32_t g = (uint32_t)((seed + k) % c->s->gateway_count);
        const struct captive *captive = &c->captives[g];
        bool fits = captive->rival != NOBODY;
        for (size_t j = 0; fits && j < count; j++) {
            fits = disturbs(c, members[j], captive->rival) ||
                   disturbs(c, g, c->captives[members[j]].rival);
        }
        if (fits) {
            members[count++] = g;
            sum_us += captive->rival_us;
            first_us = min_i64(first_us, captive->first_us);
        }
    }
    return count == 0 ? 0 : first_us + sum_us;
}

static int64_t clique_bound(const struct context *c, uint32_t *members)
{
    int64_t worst_us = 0;
    for (uint32_t g = 0; g < c->s->gateway_count; g++) {
        if (c->captives[g].rival != NOBODY) {
            worst_us = max_i64(worst_us, clique_from(c, g, members));
        }
    }
    return worst_us;
}

static int64_t gateway_bound(const struct context *c)
{
    const struct world_params *p = &c->s->params;
    int64_t all_ppm = (int64_t)p->legal_ppm + 2 * (int64_t)p->narrow_legal_ppm;
    int64_t worst_us = 0;
    for (size_t g = 0; g < c->s->gateway_count; g++) {
        const struct captive *one = &c->captives[g];
        if (one->frames_us == 0) {
            continue;
        }
        int64_t both_us = (one->frames_us + one->unicast_us) * WORLD_PPM / all_ppm;
        /* The last frame is not followed by silence. */
        int64_t longest_us = geometry_downlink_us(0, 51);
        both_us -= longest_us * WORLD_PPM / all_ppm - longest_us;
        worst_us = max_i64(worst_us, one->first_us + both_us);
    }
    return worst_us;
}

/* One version after the other; the last frame of all is not followed by silence. */
static int64_t versions_of(const struct context *c, const struct captive *captive)
{
    int64_t first_us = INT64_MAX;
    int64_t frames_us = 0;
    int64_t longest_us = 0;
    for (int i = 0; i < VERSIONS; i++) {
        const struct version *v = &captive->versions[i];
        if (v->frames_us > 0) {
            first_us = min_i64(first_us, v->ready_us);
            frames_us += v->frames_us;
            longest_us = max_i64(longest_us, v->airtime_us);
        }
    }
    if (frames_us == 0) {
        return 0;
    }
    return first_us + (frames_us - longest_us) * WORLD_PPM / c->share_ppm + longest_us;
}

static int64_t versions_bound(const struct context *c)
{
    int64_t worst_us = 0;
    for (size_t g = 0; g < c->s->gateway_count; g++) {
        worst_us = max_i64(worst_us, versions_of(c, &c->captives[g]));
    }
    return worst_us;
}

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest value that 95 % do not exceed. Sorts. */
static int64_t quantile_95(int64_t *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_i64);
    return count == 0 ? 0 : values[(count * 95 + 99) / 100 - 1];
}

static void fill_cuts(struct context *c, size_t profile)
{
    for (int dr = 0; dr < WORLD_DR_COUNT; dr++) {
        struct geometry *cut = &c->cut[profile][dr];
        uint8_t size_max = c->s->profiles[profile].size_max;
        if (!geometry_fastest(c->s, size_max, (uint8_t)dr, cut)) {
            cut->m = 0;
        }
    }
}

static void context_fill(struct context *c)
{
    const struct world_scenario *s = c->s;
    c->share_ppm = (int64_t)s->params.legal_ppm * s->params.share_ppm / WORLD_PPM;
    geometry_losses_fill(&c->losses, s);
    for (size_t p = 0; p < s->profile_count; p++) {
        fill_cuts(c, p);
    }
    for (size_t g = 0; g < s->gateway_count; g++) {
        c->captives[g] = (struct captive){.first_us = INT64_MAX, .rival = NOBODY};
    }
}

/* All set-ups over what all gateways may send, an hour's budget at once if they like. */
static int64_t setup_airtime_bound(const struct world_scenario *s, int64_t sum_us)
{
    int64_t all_ppm =
        (int64_t)s->params.legal_ppm + 2 * (int64_t)s->params.narrow_legal_ppm;
    int64_t each_us = s->gateway_count == 0 ? 0 : sum_us / (int64_t)s->gateway_count;
    int64_t hour_us = HOUR_US / WORLD_PPM * all_ppm;
    int64_t hours = each_us == 0 ? 0 : (each_us - 1) / hour_us;
    return hours * HOUR_US + (each_us - hours * hour_us);
}

struct sums {
    int64_t *paced_us;
    int64_t *any_us;
    int64_t *after_us;       /* of paced_us, what comes after set-up */
    struct setup_odds *odds; /* of their set-ups */
    size_t count;
    int64_t unicast_us;
};

/* What set-up would take if nothing failed: from the first uplink, lost or not. */
static void note_odds(const struct context *c, size_t device, const struct one *one,
                      struct setup_odds *odds)
{
    const struct world_device_trace *d = &c->t->devices[device];
    int64_t wait_us = max_i64(d->first_received_us, 0) - max_i64(d->first_uplink_us, 0);
    odds->soonest_us = one->heard_us - max_i64(wait_us, 0);
    setup_odds_of(c->s, &c->losses, device, odds);
}

/* Sets odds to completion: what follows set-up takes as long as the mean of it. */
static void add_frames(struct sums *sums)
{
    for (size_t i = 0; i < sums->count; i++) {
        sums->odds[i].soonest_us += sums->after_us[i];
    }
}

static void add_device(const struct context *c, size_t device, struct sums *sums,
                       struct bounds *b)
{
    struct one one;
    if (!bound_one(c, device, &one)) {
        return;
    }
    if (one.paced_us > b->fragments_us) {
        b->fragments_us = one.paced_us;
        b->worst_device = (uint32_t)device;
        b->worst_dr = one.dr;
    }
    b->capped_us = max_i64(b->capped_us, one.capped_us);
    b->any_us = max_i64(b->any_us, one.any_us);
    b->setup_us = max_i64(b->setup_us, one.ready_us);
    int64_t after_us = one.paced_us - one.ready_us;
    b->heard_us = max_i64(b->heard_us, one.heard_us + after_us);
    sums->after_us[sums->count] = after_us;
    note_odds(c, device, &one, &sums->odds[sums->count]);
    sums->paced_us[sums->count] = one.paced_us;
    sums->any_us[sums->count] = one.any_us;
    sums->unicast_us += unicast_us(c->s, device);
    sums->count++;
    note_captive(c, device, &one);
}

static struct bounds compute(const struct context *c, const uint8_t *reachable,
                             struct sums *sums, uint32_t *members)
{
    struct bounds b = {.worst_device = NOBODY, .worst_dr = UINT8_MAX};
    for (size_t i = 0; i < c->s->device_count; i++) {
        if (reachable[i]) {
            add_device(c, i, sums, &b);
        }
    }
    b.setup_us = max_i64(b.setup_us, setup_airtime_bound(c->s, sums->unicast_us));
    b.gateway_us = gateway_bound(c);
    b.clique_us = clique_bound(c, members);
    b.makespan_us =
        max_i64(max_i64(b.fragments_us, b.gateway_us), max_i64(b.clique_us, b.setup_us));
    b.any_us = max_i64(b.any_us, b.setup_us);
    b.versions_us = versions_bound(c);
    b.setup_median_us = setup_odds_median_us(sums->odds, sums->count);
    add_frames(sums);
    b.median_us = setup_odds_median_us(sums->odds, sums->count);
    b.more_us =
        max_i64(max_i64(b.makespan_us, b.heard_us), max_i64(b.versions_us, b.median_us));
    b.t95_us = quantile_95(sums->paced_us, sums->count);
    b.any_t95_us = quantile_95(sums->any_us, sums->count);
    return b;
}

static bool sums_init(struct sums *sums, size_t devices)
{
    sums->paced_us = calloc(devices + 1, sizeof(*sums->paced_us));
    sums->any_us = calloc(devices + 1, sizeof(*sums->any_us));
    sums->after_us = calloc(devices + 1, sizeof(*sums->after_us));
    sums->odds = calloc(devices + 1, sizeof(*sums->odds));
    return sums->paced_us != NULL && sums->any_us != NULL && sums->after_us != NULL &&
           sums->odds != NULL;
}

static void sums_finish(struct sums *sums)
{
    free(sums->paced_us);
    free(sums->any_us);
    free(sums->after_us);
    free(sums->odds);
}

int bounds_compute(const struct world_scenario *s, const struct world_trace *t,
                   const uint8_t *reachable, struct bounds *out)
{
    struct context c = {.s = s, .t = t};
    c.captives = calloc(s->gateway_count + 1, sizeof(*c.captives));
    uint32_t *members = calloc(s->gateway_count + 1, sizeof(*members));
    struct sums sums = {0};
    int err = FUO_ENOMEM;
    if (sums_init(&sums, s->device_count) && c.captives != NULL && members != NULL) {
        context_fill(&c);
        *out = compute(&c, reachable, &sums, members);
        err = FUO_OK;
    }
    free(c.captives);
    free(members);
    sums_finish(&sums);
    return err;
}

/* SPDX-License-Identifier: MIT */
#include "fuota-bench/chirpstack.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "fuota-bench/geometry.h"
#include "fuota-bench/minrank.h"
#include "world/radio.h"

enum {
    STEPS = 3,
    ENOUGH_PERCENT = 95, /* of reachable devices set up: with less, why try */
    JITTER_PERCENT = 5,  /* of uplinks, to either side */
    HOPELESS_CDB = -1000,
    LINKS_MAX = 64,
    LISTEN_MORE = 6, /* fragments beyond those missing: a few depend on others */
    VERSIONS = 3,
    N_MAX = 16383,
    SALT_UPLINK = 0x75700000,
    SALT_ANSWER = 0x616e0000,
    SALT_DOWN = 0x646e0000,
    SALT_TREE = 0x74720000,
};

#define SECOND_US SECONDS_US(1)

/* What does not depend on the data rate. */
struct group {
    const struct world_scenario *s;
    const uint8_t *reachable;
    int64_t margin_us;  /* of the server */
    uint8_t *ready;     /* set up in time */
    uint8_t *chosen;    /* gateways */
    uint32_t *position; /* of a chosen gateway in the order */
    uint32_t gateways;
    uint32_t retries;
    int64_t start_us;
};

static uint32_t draw_ppm(const struct world_scenario *s, uint64_t salt, size_t device,
                         uint64_t what)
{
    return (uint32_t)(world_hash(s->seed, salt, device, what) % WORLD_PPM);
}

/* The lower number of equals. */
static bool counts_more(const uint32_t *counts, uint32_t a, uint32_t b)
{
    return counts[a] != counts[b] ? counts[a] > counts[b] : a < b;
}

/* ---- gateways ---- */

static uint32_t attach(const struct world_scenario *s, const uint8_t *heard,
                       size_t device, const uint32_t *counts)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t k = s->first[device]; k < s->first[device + 1]; k++) {
        uint32_t g = s->links[k].gateway;
        if (!heard[k]) {
            continue;
        }
        if (best == UINT32_MAX || counts_more(counts, g, best)) {
            best = g;
        }
    }
    return best;
}

uint32_t chirpstack_gateways(const struct world_scenario *s, const uint8_t *heard,
                             uint32_t *counts, uint8_t *chosen)
{
    memset(counts, 0, s->gateway_count * sizeof(*counts));
    memset(chosen, 0, s->gateway_count);
    for (size_t k = 0; k < s->first[s->device_count]; k++) {
        counts[s->links[k].gateway] += heard[k];
    }
    uint32_t count = 0;
    for (size_t i = 0; i < s->device_count; i++) {
        uint32_t g = attach(s, heard, i, counts);
        if (g != UINT32_MAX && !chosen[g]) {
            chosen[g] = 1;
            count++;
        }
    }
    return count;
}

static uint32_t uplink_loss(const struct geometry_losses *losses,
                            const struct world_scenario *s, size_t device, size_t link)
{
    const struct world_link *l = &world_links(s, device)[link];
    return geometry_loss_ppm(losses, world_uplink_snr_cdb(s, l->loss_cdb) -
                                         world_floor_cdb(s->devices[device].uplink_dr));
}

/* The last uplink of each device before apply. */
static void hear_last_uplinks(const struct world_scenario *s,
                              const struct geometry_losses *losses, uint8_t *heard)
{
    for (size_t i = 0; i < s->device_count; i++) {
        for (size_t k = 0; k < world_link_count(s, i); k++) {
            bool got = !s->devices[i].dead &&
                       draw_ppm(s, SALT_TREE, i, k) >= uplink_loss(losses, s, i, k);
            heard[s->first[i] + k] = got;
        }
    }
}

/* ---- set-up ---- */

/* Chances of one attempt at one device, in ppm of failing. */
struct chances {
    uint32_t up_ppm;
    uint32_t down_ppm;
};

static struct chances chances_of(const struct world_scenario *s,
                                 const struct geometry_losses *losses, size_t device)
{
    uint64_t lost_ppm = WORLD_PPM;
    for (size_t k = 0; k < world_link_count(s, device); k++) {
        lost_ppm = lost_ppm * uplink_loss(losses, s, device, k) / WORLD_PPM;
    }
    uint64_t air_ppm = WORLD_PPM - s->params.uplink_loss_ppm;
    struct chances c = {.up_ppm = WORLD_PPM, .down_ppm = WORLD_PPM};
    if (!s->devices[device].dead && world_link_count(s, device) > 0) {
        int32_t snr_cdb = world_rx1_snr_cdb(s, world_links(s, device)[0].loss_cdb);
        c.up_ppm = (uint32_t)(WORLD_PPM - (WORLD_PPM - lost_ppm) * air_ppm / WORLD_PPM);
        c.down_ppm = geometry_loss_ppm(
            losses, snr_cdb - world_floor_cdb(s->devices[device].uplink_dr));
    }
    return c;
}

/* At which attempt the step succeeds, from 0; attempts: not at all. */
static uint32_t step_attempt(const struct world_scenario *s, size_t device,
                             struct chances c, uint32_t step, uint32_t attempts)
{
    for (uint32_t a = 0; a < attempts; a++) {
        uint64_t what = (uint64_t)step * 16 + a;
        if (draw_ppm(s, SALT_UPLINK, device, what) >= c.up_ppm &&
            draw_ppm(s, SALT_DOWN, device, what) >= c.down_ppm &&
            draw_ppm(s, SALT_ANSWER, device, what) >= c.up_ppm) {
            return a;
        }
    }
    return attempts;
}

/* All steps with that many attempts each. Returns how many reachable devices are ready. */
static size_t set_up(struct group *g, const struct geometry_losses *losses,
                     uint32_t attempts, int64_t interval_us)
{
    const struct world_scenario *s = g->s;
    uint32_t used[STEPS] = {0}; /* attempts until nobody is without */
    size_t ready = 0;
    for (size_t i = 0; i < s->device_count; i++) {
        struct chances c = chances_of(s, losses, i);
        g->ready[i] = 1;
        for (uint32_t step = 0; step < STEPS && g->ready[i]; step++) {
            uint32_t a = step_attempt(s, i, c, step, attempts);
            uint32_t took = a < attempts ? a + 1 : attempts;
            used[step] = took > used[step] ? took : used[step];
            g->ready[i] = a < attempts;
        }
        ready += g->ready[i] && g->reachable[i];
    }
    /* The session is dated when its first command is queued. */
    g->start_us = (used[0] + used[1] + attempts) * interval_us;
    g->retries = attempts - 1;
    return ready;
}

static int64_t uplink_interval_us(const struct world_scenario *s)
{
    uint32_t longest_s = 0;
    for (size_t i = 0; i < s->device_count; i++) {
        uint32_t one_s = s->devices[i].interval_s;
        longest_s = one_s > longest_s ? one_s : longest_s;
    }
    return SECONDS_US((int64_t)longest_s) / 100 * (100 + JITTER_PERCENT);
}

/* ---- the session ---- */

static uint64_t frames_in_hour(uint64_t fragments, int64_t period_us)
{
    uint64_t fit = (uint64_t)(HOURS_US(1) / period_us) + 1;
    return fragments < fit ? fragments : fit;
}

int64_t chirpstack_legal_margin_us(int64_t margin_us, uint32_t gateways,
                                   int64_t airtime_us, uint64_t fragments,
                                   uint32_t limit_ppm)
{
    int64_t budget_us = HOURS_US(1) / 1000000 * limit_ppm;
    for (int64_t m = margin_us;; m = (m / SECOND_US + 1) * SECOND_US) {
        int64_t period_us = m * gateways;
        bool fits =
            (int64_t)frames_in_hour(fragments, period_us) * airtime_us <= budget_us;
        if (period_us >= airtime_us && (fits || m >= HOURS_US(1))) {
            return m;
        }
    }
}

struct session {
    const struct group *g;
    struct geometry cut;
    int64_t margin_us;
    int64_t period_us;
    uint32_t fragments;
    uint8_t dr;
    uint16_t *order; /* 1, 2, ... */
    uint64_t *heard;
    struct minrank *decoders[VERSIONS];
};

/* The gateways whose frames a device can make out. */
struct audience {
    struct world_ear ear[LINKS_MAX];
    int64_t offset_us[LINKS_MAX]; /* of its frame from that of the first gateway */
    size_t count;
};

/* A frame of another gateway overlaps this one and is too strong. */
static bool jammed(const struct session *x, size_t device, const struct world_link *link)
{
    const struct group *g = x->g;
    if (x->margin_us >= x->cut.airtime_us) {
        return false;
    }
    const struct world_link *other = world_links(g->s, device);
    uint32_t mine = g->position[link->gateway];
    for (size_t i = 0; i < world_link_count(g->s, device); i++) {
        if (!g->chosen[other[i].gateway] || other[i].gateway == link->gateway) {
            continue;
        }
        uint32_t theirs = g->position[other[i].gateway];
        uint32_t apart = mine > theirs ? mine - theirs : theirs - mine;
        uint32_t around = g->gateways - apart;
        int64_t gap_us = (apart < around ? apart : around) * x->margin_us;
        if (gap_us < x->cut.airtime_us &&
            other[i].loss_cdb - link->loss_cdb < (int32_t)g->s->params.capture_cdb) {
            return true;
        }
    }
    return false;
}

static void audience_of(const struct session *x, size_t device, struct audience *a)
{
    const struct group *g = x->g;
    const struct world_link *link = world_links(g->s, device);
    a->count = 0;
    for (size_t i = 0; i < world_link_count(g->s, device) && a->count < LINKS_MAX; i++) {
        if (g->chosen[link[i].gateway] &&
            world_margin_cdb(g->s, link[i].loss_cdb, x->dr) >= HOPELESS_CDB &&
            !jammed(x, device, &link[i]) &&
            world_ear_of(g->s, device, link[i].gateway, x->dr, &a->ear[a->count])) {
            a->offset_us[a->count] = g->position[link[i].gateway] * x->margin_us;
            a->count++;
        }
    }
}

static int64_t sent_us(const struct session *x, uint32_t fragment)
{
    return x->g->start_us + fragment * x->period_us;
}

/* When the fragment first reached the device; -1: it did not. */
static int64_t arrival_us(const struct session *x, const struct audience *a,
                          uint32_t fragment)
{
    int64_t first_us = -1;
    for (size_t k = 0; k < a->count; k++) {
        int64_t at_us = sent_us(x, fragment) + a->offset_us[k];
        if ((first_us < 0 || at_us < first_us) && world_ear_hears(&a->ear[k], at_us)) {
            first_us = at_us;
        }
    }
    return first_us < 0 ? -1 : first_us + x->cut.airtime_us;
}

static bool heard_at_all(const struct session *x, const struct audience *a,
                         uint32_t fragment)
{
    for (size_t k = 0; k < a->count; k++) {
        if (world_ear_hears(&a->ear[k], sent_us(x, fragment) + a->offset_us[k])) {
            return true;
        }
    }
    return false;
}

/* From a fragment on, until so many more are heard; returns where it stopped. */
static uint32_t listen(const struct session *x, const struct audience *a, uint32_t from,
                       uint32_t wanted)
{
    uint32_t f = from;
    for (uint32_t got = 0; f < x->fragments && got < wanted; f++) {
        if (heard_at_all(x, a, f)) {
            fec_row_add(x->heard, f);
            got++;
        }
    }
    return f;
}

/* Nobody listens much beyond what it needs: most have it long before the worst. */
static int64_t receive(const struct session *x, size_t device)
{
    struct audience a;
    audience_of(x, device, &a);
    if (a.count == 0) {
        return -1;
    }
    memset(x->heard, 0, (x->fragments / 64 + 1) * sizeof(*x->heard));
    const struct world_profile *p = &x->g->s->profiles[x->g->s->devices[device].profile];
    uint32_t max_lost = (uint32_t)((uint64_t)x->cut.m * p->cap_ppm / WORLD_PPM);
    struct minrank *decoder = x->decoders[p->ts004 == 2 ? FEC_V2 : FEC_V1];
    struct minrank_need need = {.missing = x->cut.m};
    uint32_t listened = 0;
    while (need.prefix == 0 && need.missing != UINT32_MAX && listened < x->fragments) {
        listened = listen(x, &a, listened, need.missing + LISTEN_MORE);
        need = minrank_least(decoder, x->order, x->heard, listened, max_lost);
    }
    return need.prefix == 0 ? -1 : arrival_us(x, &a, (uint32_t)need.prefix - 1);
}

static void play(const struct session *x, struct strategy *out)
{
    const struct world_scenario *s = x->g->s;
    int64_t end_us = sent_us(x, x->fragments);
    for (size_t i = 0; i < s->device_count; i++) {
        if (!x->g->ready[i]) {
            continue;
        }
        out->complete_us[i] = receive(x, i);
        int64_t until_us = out->complete_us[i] >= 0 ? out->complete_us[i] : end_us;
        out->listened_us[i] = until_us - x->g->start_us;
    }
}

static bool cut_for_all(const struct world_scenario *s, uint8_t dr, struct geometry *cut)
{
    uint8_t smallest = 0;
    for (size_t p = 0; p < s->profile_count; p++) {
        uint8_t size_max = s->profiles[p].size_max;
        if (size_max != 0 && (smallest == 0 || size_max < smallest)) {
            smallest = size_max;
        }
    }
    return geometry_largest(s, smallest, dr, cut);
}

/* False if no image can be sent that way. */
static bool session_plan(struct session *x)
{
    const struct group *g = x->g;
    if (!cut_for_all(g->s, x->dr, &x->cut) || g->gateways == 0) {
        return false;
    }
    uint64_t coded = ((uint64_t)x->cut.m * CHIRPSTACK_REDUNDANCY_PERCENT + 99) / 100;
    uint64_t all = x->cut.m + coded;
    x->fragments = (uint32_t)(all < N_MAX ? all : N_MAX);
    x->margin_us =
        chirpstack_legal_margin_us(g->margin_us, g->gateways, x->cut.airtime_us,
                                   x->fragments, g->s->params.legal_ppm);
    x->period_us = x->margin_us * g->gateways;
    return true;
}

static uint32_t fragments_that_fit(const struct session *x)
{
    return (uint32_t)((SECOND_US << CHIRPSTACK_SESSION_EXP_MAX) / x->period_us);
}

static int session_run(struct session *x, struct strategy *out)
{
    const struct group *g = x->g;
    uint32_t fit = fragments_that_fit(x);
    out->session_exceeded = fit < x->cut.m;
    if (!out->session_exceeded && fit < x->fragments) {
        x->fragments = fit; /* what is queued when the session ends is lost */
    }
    x->order = calloc((size_t)x->fragments + 1, sizeof(*x->order));
    x->heard = calloc((size_t)x->fragments / 64 + 1, sizeof(*x->heard));
    x->decoders[FEC_V1] = minrank_create(FEC_V1, x->cut.m);
    x->decoders[FEC_V2] = minrank_create(FEC_V2, x->cut.m);
    int err = FUO_ENOMEM;
    if (x->order != NULL && x->heard != NULL && x->decoders[FEC_V1] != NULL &&
        x->decoders[FEC_V2] != NULL) {
        for (uint32_t f = 0; f < x->fragments; f++) {
            x->order[f] = (uint16_t)(f + 1);
        }
        play(x, out);
        err = strategy_sum(g->s, g->reachable, out);
    }
    minrank_destroy(x->decoders[FEC_V1]);
    minrank_destroy(x->decoders[FEC_V2]);
    free(x->order);
    free(x->heard);
    out->dr = x->dr;
    out->fragments = x->fragments;
    out->frames = (uint64_t)x->fragments * g->gateways;
    out->gateways = g->gateways;
    out->retries = g->retries;
    out->margin_us = x->margin_us;
    out->start_us = g->start_us;
    return err;
}

static int run_at(const struct group *g, uint8_t dr, struct strategy *out)
{
    struct session x = {.g = g, .dr = dr};
    if (!session_plan(&x)) {
        return FUO_ERANGE;
    }
    struct strategy one;
    int err = strategy_begin(g->s, &one);
    if (err != FUO_OK) {
        return err;
    }
    err = session_run(&x, &one);
    if (err != FUO_OK) {
        free(one.complete_us);
        return err;
    }
    *out = one;
    return FUO_OK;
}

/* Reaches 95 % within its session, sooner; else at all, sooner; else completes more. */
static bool better(const struct strategy *a, const struct strategy *b)
{
    bool a_reaches = a->t95_us >= 0;
    bool b_reaches = b->t95_us >= 0;
    if (a_reaches != b_reaches) {
        return a_reaches;
    }
    if (!a_reaches) {
        return a->completed > b->completed;
    }
    if (a->session_exceeded != b->session_exceeded) {
        return b->session_exceeded;
    }
    return a->t95_us < b->t95_us;
}

/* Its first M fragments alone take longer than the best one so far. */
static bool hopeless(const struct group *g, uint8_t dr, const struct strategy *best)
{
    struct session x = {.g = g, .dr = dr};
    if (!session_plan(&x) || best->t95_us < 0 ||
        (best->session_exceeded && fragments_that_fit(&x) >= x.cut.m)) {
        return false;
    }
    return sent_us(&x, x.cut.m - 1) >= best->t95_us;
}

/* The data rates asked for, at this number of retries. */
static int try_rates(const struct group *g, uint8_t only_dr, struct strategy *best)
{
    for (int k = WORLD_DR_COUNT; k-- > 0;) {
        uint8_t dr = (uint8_t)k;
        struct strategy one;
        if ((only_dr != CHIRPSTACK_ANY_DR && dr != only_dr) || hopeless(g, dr, best)) {
            continue;
        }
        int err = run_at(g, dr, &one);
        if (err == FUO_ERANGE) {
            continue;
        }
        if (err != FUO_OK) {
            return err;
        }
        if (best->complete_us == NULL || better(&one, best)) {
            free(best->complete_us);
            *best = one;
        } else {
            free(one.complete_us);
        }
    }
    return FUO_OK;
}

static int run_best(struct group *g, const struct geometry_losses *losses,
                    uint8_t only_dr, struct strategy *out)
{
    struct strategy best = {.t95_us = -1};
    size_t reachable = 0;
    for (size_t i = 0; i < g->s->device_count; i++) {
        reachable += g->reachable[i] != 0;
    }
    int64_t interval_us = uplink_interval_us(g->s);
    for (uint32_t retries = 0; retries <= CHIRPSTACK_RETRIES_MAX; retries++) {
        size_t ready = set_up(g, losses, retries + 1, interval_us);
        if (ready * 100 < reachable * ENOUGH_PERCENT &&
            retries < CHIRPSTACK_RETRIES_MAX) {
            continue;
        }
        int err = try_rates(g, only_dr, &best);
        if (err != FUO_OK) {
            free(best.complete_us);
            return err;
        }
    }
    if (best.complete_us == NULL) {
        return FUO_ERANGE;
    }
    *out = best;
    return FUO_OK;
}

static void number_gateways(struct group *g)
{
    uint32_t next = 0;
    for (size_t i = 0; i < g->s->gateway_count; i++) {
        g->position[i] = g->chosen[i] ? next++ : 0;
    }
}

/* heard: scratch, one flag per link. */
static int run_group(struct group *g, uint8_t dr, uint8_t *heard, struct strategy *out)
{
    struct geometry_losses losses;
    geometry_losses_fill(&losses, g->s);
    hear_last_uplinks(g->s, &losses, heard);
    g->gateways = chirpstack_gateways(g->s, heard, g->position, g->chosen);
    number_gateways(g);
    return run_best(g, &losses, dr, out);
}

int64_t chirpstack_margin_us(enum world_timing timing)
{
    int64_t margin_us = world_timing_margin_us(timing);
    return margin_us > 0 ? margin_us : SECOND_US;
}

int strategy_chirpstack(const struct world_scenario *s, enum world_timing timing,
                        uint8_t dr, const uint8_t *reachable, struct strategy *out)
{
    struct group g = {
        .s = s,
        .reachable = reachable,
        .margin_us = chirpstack_margin_us(timing),
    };
    g.ready = calloc(s->device_count + 1, 1);
    g.chosen = calloc(s->gateway_count + 1, 1);
    g.position = calloc(s->gateway_count + 1, sizeof(*g.position));
    uint8_t *heard = calloc((size_t)s->first[s->device_count] + 1, 1);
    int err = FUO_ENOMEM;
    if (g.ready != NULL && g.chosen != NULL && g.position != NULL && heard != NULL) {
        err = run_group(&g, dr, heard, out);
    }
    free(g.ready);
    free(g.chosen);
    free(g.position);
    free(heard);
    return err;
}

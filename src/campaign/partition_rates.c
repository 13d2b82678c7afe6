/* SPDX-License-Identifier: MIT */
#include "campaign/partition_internal.h"

#include <string.h>

#include "base/time.h"
#include "campaign/plan.h"
#include "campaign/spec.h"
#include "codec/frag.h"
#include "radio/airtime.h"
#include "radio/subband.h"

enum {
    MAKESPAN_SHARE =
        32,        /* an hour of makespan is worth one of so small a share of devices */
    CODED_PCT = 5, /* on top of M, to compare rates */
    SPOILED_SESSIONS =
        10, /* that cost a device: the turns stay, so it is spoiled again */
    SAMPLE_DEVICES = 200000,
    LOOKED_AT = 20000, /* ... of these, for each number of turns */
    BURST_PCT = 75,    /* of an hour's budget, that sessions may take at once */
    RISKY_MANY = 8,
    JOINED_SHARE = 8,        /* so many more copies are worth one session less */
    LOSS_LIMIT_PPM = 500000, /* nobody waits for worse */
};

static bool rate_is_candidate(const struct partition_input *in, uint8_t dr)
{
    const struct data_rate *rate = region_data_rate(in->region, dr, DIRECTION_DOWN);
    if (rate == NULL || partition_floor_cdb(in->region, dr) == INT16_MAX) {
        return false;
    }
    if (in->dr != PARTITION_DR_AUTO) {
        return dr == in->dr;
    }
    return rate->modulation == MODULATION_LORA && rate->sf >= 7 && rate->bw_hz != 250000;
}

static int cut_image(const struct partition_input *in, uint8_t dr, struct fragplan *plan)
{
    uint8_t room = fragplan_size_for_payload(
        region_max_payload(in->region, dr, (struct payload_rules){0}));
    return fragplan_cut(in->image_len, &in->limits, room, in->size_bytes, plan);
}

/* False if the image or the budget do not fit the data rate. */
static bool rate_init(const struct part *p, uint8_t dr, struct part_rate *rate)
{
    const struct partition_input *in = p->in;
    const struct data_rate *modem = region_data_rate(in->region, dr, DIRECTION_DOWN);
    *rate = (struct part_rate){.dr = dr};
    rate->floor_cdb = partition_floor_cdb(in->region, dr);
    if (subband_find(in->region, in->frequency_hz, modem->bw_hz, NULL) == NULL ||
        cut_image(in, dr, &rate->fragments) != FUO_OK ||
        airtime_downlink_us(in->region, dr,
                            (size_t)rate->fragments.size + FRAG_DATA_OVERHEAD_BYTES,
                            &rate->airtime_us) != FUO_OK) {
        return false;
    }
    rate->slot_us = plan_slot_us(rate->airtime_us, in->absolute, in->jitter_us);
    return rate->airtime_us <= HOURS_US(1) / PART_PPM * p->duty_ppm;
}

int part_rates_find(struct part *p)
{
    const struct partition_input *in = p->in;
    p->duty_ppm = (uint32_t)((uint64_t)in->limit_ppm * in->share_ppm / PART_PPM);
    p->rate_count = 0;
    for (int i = 0; i < REGION_DR_COUNT; i++) {
        uint8_t dr = (uint8_t)i;
        struct part_rate rate;
        if (!rate_is_candidate(in, dr) || !rate_init(p, dr, &rate)) {
            continue;
        }
        size_t at = p->rate_count;
        while (at > 0 && p->rate[at - 1].floor_cdb > rate.floor_cdb) {
            at--;
        }
        if (p->rate_count == PART_RATE_MAX) {
            continue;
        }
        memmove(&p->rate[at + 1], &p->rate[at], (p->rate_count - at) * sizeof(rate));
        p->rate[at] = rate;
        p->rate_count++;
    }
    return p->rate_count > 0 ? FUO_OK : FUO_ERANGE;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t part_interval_us(const struct part *p, const struct part_rate *rate, bool burst)
{
    const struct partition_input *in = p->in;
    int64_t interval_us = larger(rate->slot_us * rate->colour_count, in->interval_us);
    if (in->off_time) {
        interval_us = larger(interval_us, rate->airtime_us * PART_PPM / in->limit_ppm);
    }
    if (!burst) {
        interval_us = larger(
            interval_us, (rate->airtime_us * PART_PPM + p->duty_ppm - 1) / p->duty_ppm);
    }
    return interval_us;
}

/* One session, all of its frames. */
static int64_t session_airtime_us(const struct part_rate *rate, uint32_t copies)
{
    int64_t frames = (int64_t)rate->fragments.count * copies * (100 + CODED_PCT) / 100;
    return frames * rate->airtime_us;
}

/* Polls, repair and set-ups need some of it, too. */
static int64_t hour_budget_us(const struct part *p)
{
    return HOURS_US(1) / PART_PPM * p->duty_ppm / 100 * BURST_PCT;
}

/* ---- turns ---- */

/* Time of the session for all, and until spoiled devices have had enough of others. */
static int64_t cost_of_turns(const struct part *p, size_t rate, uint16_t turns,
                             uint64_t spoiled, uint32_t count)
{
    struct part_rate r = p->rate[rate];
    int64_t weight = p->device_count / MAKESPAN_SHARE + 1;
    int64_t frames = (int64_t)r.fragments.count * (100 + CODED_PCT) / 100;
    r.colour_count = turns;
    int64_t ms = (p->in->overhead_us + part_interval_us(p, &r, r.burst) * frames) / 1000;
    int64_t again_ms = SPOILED_SESSIONS * (ms + p->in->again_us / 1000);
    return ms * (weight + count) + again_ms * (int64_t)spoiled;
}

/* At most that many. */
static void limit_turns(const struct part *p, const struct part_turns *t, uint16_t limit)
{
    uint16_t count = colour_solve(&t->graph, p->chosen, t->workspace, t->colours);
    if (limit < count) {
        colour_reduce(&t->graph, p->chosen, limit, t->workspace, t->colours);
    }
}

/* One in so many of the sample is looked at. */
static uint32_t look_step(const struct part_turns *t)
{
    return 1 + t->sampled / LOOKED_AT;
}

/* Devices that the turns as they are spoil. */
static uint64_t count_spoiled(const struct part *p, size_t rate,
                              const struct part_turns *t)
{
    uint64_t spoiled = 0;
    for (uint32_t i = 0; i < t->sampled; i += look_step(t)) {
        spoiled += part_is_spoiled(p, p->order[i], rate);
    }
    return spoiled * look_step(t) * t->step;
}

/* As many as are worth it: fewer make a shorter session, and spoil links. */
static void begin_turns(const struct part *p, struct part_turns *t)
{
    uint16_t most = colour_solve(&t->graph, p->chosen, t->workspace, t->colours);
    most = most > 0 ? most : 1;
    t->limit = most < PARTITION_TURN_MAX ? most : PARTITION_TURN_MAX;
    t->best = t->limit;
    t->best_cost = INT64_MAX;
}

static void try_turns(const struct part *p, size_t rate, struct part_turns *t)
{
    limit_turns(p, t, t->limit);
    uint64_t spoiled = count_spoiled(p, rate, t);
    int64_t cost = cost_of_turns(p, rate, t->limit, spoiled, t->count);
    if (cost < t->best_cost) {
        t->best_cost = cost;
        t->best = t->limit;
    }
    t->limit = (uint16_t)(t->limit * 4 / 5);
}

/* The turns that were given before; others take what disturbs least. */
static void keep_turns(struct part *p, size_t rate, const struct partition_grid *grid,
                       const struct part_turns *t)
{
    for (size_t g = 0; g < p->in->gateway_count; g++) {
        t->colours[g] = grid->turn[g] < grid->turn_count ? grid->turn[g] : COLOUR_NONE;
    }
    colour_extend(&t->graph, p->chosen, grid->turn_count, t->workspace, t->colours);
    colour_reduce(&t->graph, p->chosen, grid->turn_count, t->workspace, t->colours);
    p->rate[rate].colour_count = grid->turn_count;
    p->rate[rate].interval_us = grid->interval_us;
    p->rate[rate].kept = true;
}

static const struct partition_grid *grid_of(const struct partition_input *in, uint8_t dr)
{
    for (size_t i = 0; i < in->grid_count; i++) {
        if (in->grids[i].dr == dr) {
            return &in->grids[i];
        }
    }
    return NULL;
}

/* Who is served at the rate, one in `step`. Returns how many. */
static uint32_t build_sample(struct part *p, size_t rate, size_t step)
{
    const struct partition_input *in = p->in;
    uint32_t count = 0;
    p->first[0] = 0;
    memset(p->chosen, 0, in->gateway_count);
    for (size_t d = 0; d < in->device_count; d += step) {
        if (p->class_of[d] == PART_NO_CLASS) {
            continue;
        }
        p->order[count] = (uint32_t)d;
        part_problem_add(p, d, rate, count++);
        for (uint32_t l = p->first[count - 1]; l < p->first[count]; l++) {
            p->chosen[p->links[l].gateway] |= p->links[l].units > 0;
        }
    }
    return count;
}

static uint32_t count_able(const struct part *p, size_t rate)
{
    uint32_t count = 0;
    for (size_t v = 0; v < p->version_count; v++) {
        for (size_t k = rate > 0 ? rate + 1 : 0; k <= p->rate_count; k++) {
            count += p->version[v].by_class[k];
        }
    }
    return count;
}

static uint64_t open_turns(struct part *p, size_t rate)
{
    struct part_rate *r = &p->rate[rate];
    size_t step = 1 + p->in->device_count / SAMPLE_DEVICES;
    int64_t airtime_us = session_airtime_us(r, 1) * (int64_t)p->version_count;
    r->burst = airtime_us <= hour_budget_us(p);
    p->turns = (struct part_turns){
        .count = count_able(p, rate), .step = step, .colours = part_colours(p, rate)};
    p->turns.sampled = build_sample(p, rate, step);
    return p->in->device_count + p->in->gateway_count + p->first[p->turns.sampled];
}

static uint64_t work_of_graph(const struct part *p)
{
    return p->in->gateway_count + p->turns.graph.first[p->in->gateway_count];
}

static uint64_t connect_turns(struct part *p, size_t rate)
{
    struct part_turns *t = &p->turns;
    struct cover_problem problem = {p->first,   p->links, p->demand,
                                    t->sampled, NULL,     p->in->gateway_count};
    colour_conflicts(&problem, p->chosen, p->scratch, &t->graph);
    t->workspace = (uint8_t *)p->scratch + colour_workspace_bytes(&problem);
    const struct partition_grid *grid = grid_of(p->in, p->rate[rate].dr);
    if (grid != NULL) {
        keep_turns(p, rate, grid, t);
    } else {
        begin_turns(p, t);
    }
    return 4 * (work_of_graph(p) + p->first[t->sampled]);
}

static void close_turns(struct part *p, size_t rate)
{
    struct part_rate *r = &p->rate[rate];
    if (!r->kept) {
        limit_turns(p, &p->turns, p->turns.best);
        r->colour_count = p->turns.best;
        r->interval_us = part_interval_us(p, r, r->burst);
    }
}

/*
 * The turns of all gateways, whoever works in the end: so they hold for other sessions at
 * the same time, and for later ones.
 */
uint64_t part_colour_next(struct part *p, size_t rate)
{
    switch (p->turns_done++) {
    case 0:
        return open_turns(p, rate);
    case 1:
        return connect_turns(p, rate);
    default:
        break;
    }
    if (p->turns.limit > 0) {
        try_turns(p, rate, &p->turns);
        return 4 * work_of_graph(p) +
               UINT64_C(8) * (p->turns.sampled / look_step(&p->turns));
    }
    close_turns(p, rate);
    p->turns_done = 0;
    return 0;
}

/* With what the worst device of one copy makes necessary. */
static int64_t session_us(const struct part *p, size_t rate, uint32_t copies,
                          uint32_t loss_ppm)
{
    const struct part_rate *r = &p->rate[rate];
    int64_t frames = (int64_t)r->fragments.count * copies * (100 + CODED_PCT) / 100;
    int64_t single = (int64_t)r->fragments.count * PART_PPM / (PART_PPM - loss_ppm);
    return p->in->overhead_us + larger(frames, single) * r->interval_us;
}

/* A set of rates for one pair of versions. */
struct option {
    uint8_t use[PART_CLASSES];
    uint8_t slowest;
    uint8_t copies;
    bool joined;
    uint32_t count[PART_RATE_MAX];    /* devices by rate, without the hard ones */
    uint32_t loss_ppm[PART_RATE_MAX]; /* the largest of these */
    uint32_t risky;                   /* forced to it without, near the cap */
    uint32_t hard;                    /* forced to the slowest with copies */
};

static void note_loss(struct option *o, size_t rate, uint32_t loss_ppm)
{
    loss_ppm = loss_ppm < LOSS_LIMIT_PPM ? loss_ppm : LOSS_LIMIT_PPM;
    o->loss_ppm[rate] = loss_ppm > o->loss_ppm[rate] ? loss_ppm : o->loss_ppm[rate];
}

/* Classes that are too slow for the set are forced to its slowest; false: it cannot be. */
static bool force(const struct part_version *v, struct option *o)
{
    for (size_t k = 0; k <= o->slowest; k++) {
        const uint32_t *forced = v->forced[k][o->slowest];
        if (forced[0] > 0) {
            return false;
        }
        o->count[o->slowest] += forced[1];
        o->risky += v->risky[k][o->slowest];
        note_loss(o, o->slowest, v->loss_ppm[k][o->slowest]);
        for (size_t c = 2; c <= PARTITION_COPIES_MAX; c++) {
            o->hard += forced[c];
            o->copies = forced[c] > 0 && c > o->copies ? (uint8_t)c : o->copies;
        }
        o->use[k] = o->slowest;
    }
    o->joined = o->hard > 0 && (uint64_t)o->count[o->slowest] * (o->copies - 1U) <
                                   (uint64_t)o->hard * JOINED_SHARE;
    o->risky = o->joined ? 0 : o->risky;
    return true;
}

static bool assign(const struct part *p, const struct part_version *v, uint32_t set,
                   struct option *o)
{
    *o = (struct option){.copies = 1};
    o->slowest = (uint8_t)__builtin_ctz(set);
    uint8_t slower = o->slowest;
    for (size_t k = o->slowest + 1U; k <= p->rate_count; k++) {
        slower = (set >> (k - 1) & 1) != 0 ? (uint8_t)(k - 1) : slower;
        o->use[k] = slower;
        o->count[slower] += v->by_class[k];
        note_loss(o, slower, v->loss_ppm[k][slower]);
    }
    return force(v, o);
}

/*
 * Makespan, weighed as so many devices, and the listening of each. In ms times devices:
 * below 2^63 for a million devices and a decade.
 */
static int64_t cost_of(const struct part *p, uint32_t set, const struct option *o)
{
    int64_t weight = p->device_count / MAKESPAN_SHARE + 1;
    int64_t cost = 0;
    for (size_t s = 0; s < p->rate_count; s++) {
        if ((set >> s & 1) == 0) {
            continue;
        }
        bool joined = s == o->slowest && o->joined;
        int64_t count = o->count[s] + (joined ? o->hard : 0);
        cost += session_us(p, s, joined ? o->copies : 1, o->loss_ppm[s]) / 1000 *
                (weight + count);
    }
    if (o->risky > 0) { /* some of them will need another session */
        int64_t share = o->risky < RISKY_MANY ? o->risky : RISKY_MANY;
        cost += session_us(p, o->slowest, 1, 0) / 1000 *
                (weight * share / RISKY_MANY + o->risky);
    }
    if (o->hard > 0 && !o->joined) {
        cost += session_us(p, o->slowest, o->copies, 0) / 1000 * (weight + o->hard);
    }
    return cost;
}

static void choose(const struct part *p, struct part_version *v)
{
    int64_t best = INT64_MAX;
    for (uint32_t set = 1; set < UINT32_C(1) << p->rate_count; set++) {
        struct option o;
        if (!assign(p, v, set, &o)) {
            continue;
        }
        int64_t cost = cost_of(p, set, &o);
        if (cost < best) {
            best = cost;
            memcpy(v->use, o.use, sizeof(v->use));
            v->slowest = o.slowest;
            v->copies = o.copies;
            v->joined = o.joined;
        }
    }
}

void part_rates_choose(struct part *p)
{
    for (size_t v = 0; v < p->version_count; v++) {
        choose(p, &p->version[v]);
    }
}

/* Shortest first: a rate may burst if it and all before it fit an hour's budget. */
void part_rates_pace(struct part *p)
{
    int64_t sum_us = 0;
    for (size_t r = p->rate_count; r-- > 0;) {
        struct part_rate *rate = &p->rate[r];
        if (rate->used && !rate->kept) {
            sum_us += rate->airtime_sum_us;
            rate->interval_us = part_interval_us(p, rate, sum_us <= hour_budget_us(p));
        }
    }
}

/* SPDX-License-Identifier: MIT */
#include "campaign/cluster.h"

#include <stdbool.h>
#include <string.h>

#include "campaign/arena.h"

enum {
    MOVE_ROUNDS = 8,
};

struct edge {
    uint32_t to;
    uint32_t weight;
};

struct state {
    const struct cover_problem *p;
    const uint8_t *chosen;
    size_t size_max;
    uint32_t *cluster;
    uint32_t *served_first; /* per gateway: its devices in served[] */
    uint32_t *served;
    uint32_t *first; /* per gateway: its neighbours in edges[] */
    struct edge *edges;
    uint32_t *weight; /* per gateway: devices shared with the one looked at */
    uint32_t *seen;   /* gateways with a weight */
    uint32_t *part;   /* the connected part looked at */
    uint32_t *size;   /* per cluster */
    uint32_t *pull;   /* per gateway: shared with the cluster that grows */
    uint32_t cluster_count;
};

static void lay_out(struct state *s, struct arena *a, size_t gateways, size_t links,
                    size_t pairs)
{
    pairs = pairs < gateways * gateways ? pairs : gateways * gateways;
    s->served_first = arena_take(a, gateways + 1, sizeof(uint32_t));
    s->served = arena_take(a, links, sizeof(uint32_t));
    s->first = arena_take(a, gateways + 1, sizeof(uint32_t));
    s->edges = arena_take(a, pairs, sizeof(struct edge));
    s->weight = arena_take(a, gateways, sizeof(uint32_t));
    s->seen = arena_take(a, gateways, sizeof(uint32_t));
    s->part = arena_take(a, gateways, sizeof(uint32_t));
    s->size = arena_take(a, gateways, sizeof(uint32_t));
    s->pull = arena_take(a, gateways, sizeof(uint32_t));
}

size_t cluster_workspace_for(size_t gateway_count, size_t link_count, size_t pair_count)
{
    struct state s = {0};
    struct arena a = {0};
    lay_out(&s, &a, gateway_count, link_count, pair_count);
    return a.used;
}

static bool serves(const struct state *s, const struct cover_link *link)
{
    return link->units > 0 && s->chosen[link->gateway];
}

/* Before served_first[] of the gateways that serve a device; last devices first. */
static void place_device(struct state *s, size_t device)
{
    const struct cover_problem *p = s->p;
    for (uint32_t l = p->first[device]; l < p->first[device + 1]; l++) {
        if (serves(s, &p->links[l])) {
            s->served[--s->served_first[p->links[l].gateway]] = (uint32_t)device;
        }
    }
}

static void index_served(struct state *s)
{
    const struct cover_problem *p = s->p;
    memset(s->served_first, 0, (p->gateway_count + 1) * sizeof(uint32_t));
    for (size_t d = 0; d < p->device_count; d++) {
        for (uint32_t l = p->first[d]; l < p->first[d + 1]; l++) {
            s->served_first[p->links[l].gateway] += serves(s, &p->links[l]);
        }
    }
    uint32_t sum = 0;
    for (size_t g = 0; g < p->gateway_count; g++) {
        sum += s->served_first[g];
        s->served_first[g] = sum; /* its end for now */
    }
    s->served_first[p->gateway_count] = sum;
    for (size_t d = p->device_count; d-- > 0;) {
        place_device(s, d);
    }
}

/* Would this one gateway do? */
static bool needs_several(const struct state *s, uint32_t device)
{
    const struct cover_problem *p = s->p;
    for (uint32_t l = p->first[device]; l < p->first[device + 1]; l++) {
        if (serves(s, &p->links[l]) && p->links[l].units >= p->demand[device]) {
            return false;
        }
    }
    return true;
}

/* Who else serves this device of gateway g? */
static size_t count_device(struct state *s, uint32_t g, uint32_t device,
                           size_t seen_count)
{
    const struct cover_problem *p = s->p;
    uint32_t worth = needs_several(s, device) ? CLUSTER_NEED : 1;
    for (uint32_t l = p->first[device]; l < p->first[device + 1]; l++) {
        uint32_t h = p->links[l].gateway;
        if (h == g || !serves(s, &p->links[l])) {
            continue;
        }
        if (s->weight[h] == 0) {
            s->seen[seen_count++] = h;
        }
        s->weight[h] += worth;
    }
    return seen_count;
}

static void connect(struct state *s)
{
    uint32_t count = 0;
    memset(s->weight, 0, s->p->gateway_count * sizeof(uint32_t));
    for (uint32_t g = 0; g < s->p->gateway_count; g++) {
        size_t seen_count = 0;
        s->first[g] = count;
        for (uint32_t i = s->served_first[g]; i < s->served_first[g + 1]; i++) {
            seen_count = count_device(s, g, s->served[i], seen_count);
        }
        for (size_t i = 0; i < seen_count; i++) {
            uint32_t h = s->seen[i];
            s->edges[count++] = (struct edge){h, s->weight[h]};
            s->weight[h] = 0;
        }
    }
    s->first[s->p->gateway_count] = count;
}

static size_t find_neighbours(struct state *s, uint32_t g, size_t len)
{
    for (uint32_t e = s->first[g]; e < s->first[g + 1]; e++) {
        uint32_t to = s->edges[e].to;
        if (!s->seen[to]) {
            s->seen[to] = 1;
            s->part[len++] = to;
        }
    }
    return len;
}

/* The part that g is in, in part[]; marks it in seen[]. Returns its size. */
static size_t find_part(struct state *s, uint32_t g)
{
    size_t len = 0;
    s->part[len++] = g;
    s->seen[g] = 1;
    for (size_t i = 0; i < len; i++) {
        len = find_neighbours(s, s->part[i], len);
    }
    return len;
}

static void join(struct state *s, uint32_t g, uint32_t number)
{
    s->cluster[g] = number;
    s->size[number]++;
    for (uint32_t e = s->first[g]; e < s->first[g + 1]; e++) {
        s->pull[s->edges[e].to] += s->edges[e].weight;
    }
}

/* What a gateway shares with those that have no cluster yet. */
static uint64_t loose_weight(const struct state *s, uint32_t g)
{
    uint64_t sum = 0;
    for (uint32_t e = s->first[g]; e < s->first[g + 1]; e++) {
        sum += s->cluster[s->edges[e].to] == CLUSTER_NONE ? s->edges[e].weight : 0;
    }
    return sum;
}

/* On the rim: the free gateway of the part that shares least with the free ones. */
static uint32_t pick_start(const struct state *s, size_t len)
{
    uint32_t best = CLUSTER_NONE;
    uint64_t best_weight = 0;
    for (size_t i = 0; i < len; i++) {
        uint32_t g = s->part[i];
        if (s->cluster[g] != CLUSTER_NONE) {
            continue;
        }
        uint64_t weight = loose_weight(s, g);
        if (best == CLUSTER_NONE || weight < best_weight ||
            (weight == best_weight && g < best)) {
            best = g;
            best_weight = weight;
        }
    }
    return best;
}

/* The lower number of equals. */
static bool pulls_more(const struct state *s, uint32_t a, uint32_t b)
{
    return s->pull[a] != s->pull[b] ? s->pull[a] > s->pull[b] : a < b;
}

/* The free gateway of the part that shares most with the cluster; CLUSTER_NONE: none. */
static uint32_t pick_next(const struct state *s, size_t len)
{
    uint32_t best = CLUSTER_NONE;
    for (size_t i = 0; i < len; i++) {
        uint32_t g = s->part[i];
        if (s->cluster[g] != CLUSTER_NONE || s->pull[g] == 0) {
            continue;
        }
        if (best == CLUSTER_NONE || pulls_more(s, g, best)) {
            best = g;
        }
    }
    return best;
}

static void clear_pull(struct state *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        s->pull[s->part[i]] = 0;
    }
}

static void grow(struct state *s, size_t len, size_t target)
{
    uint32_t number = s->cluster_count++;
    s->size[number] = 0;
    clear_pull(s, len);
    uint32_t g = pick_start(s, len);
    while (g != CLUSTER_NONE) {
        join(s, g, number);
        g = s->size[number] < target ? pick_next(s, len) : CLUSTER_NONE;
    }
}

/* The cluster with which g shares more than with its own; CLUSTER_NONE: there is none. */
static uint32_t pulled_to(struct state *s, uint32_t g)
{
    uint32_t own = 0;
    uint32_t best = CLUSTER_NONE;
    for (uint32_t e = s->first[g]; e < s->first[g + 1]; e++) {
        uint32_t c = s->cluster[s->edges[e].to];
        s->pull[c] = 0;
    }
    for (uint32_t e = s->first[g]; e < s->first[g + 1]; e++) {
        uint32_t c = s->cluster[s->edges[e].to];
        s->pull[c] += s->edges[e].weight;
        own += c == s->cluster[g] ? s->edges[e].weight : 0;
    }
    for (uint32_t e = s->first[g]; e < s->first[g + 1]; e++) {
        uint32_t c = s->cluster[s->edges[e].to];
        if (c != s->cluster[g] && s->size[c] < s->size_max &&
            (best == CLUSTER_NONE || pulls_more(s, c, best))) {
            best = c;
        }
    }
    return best != CLUSTER_NONE && s->pull[best] > own ? best : CLUSTER_NONE;
}

static bool move(struct state *s, uint32_t g)
{
    uint32_t to = pulled_to(s, g);
    if (to == CLUSTER_NONE || s->size[s->cluster[g]] == 1) {
        return false;
    }
    s->size[s->cluster[g]]--;
    s->size[to]++;
    s->cluster[g] = to;
    return true;
}

/* Move gateways to where they share more, while there is room. */
static void settle(struct state *s, size_t len)
{
    bool moved = true;
    for (int round = 0; round < MOVE_ROUNDS && moved; round++) {
        moved = false;
        for (size_t i = 0; i < len; i++) {
            moved = move(s, s->part[i]) || moved;
        }
    }
}

static void split(struct state *s, size_t len)
{
    size_t left = len;
    size_t parts = (len + s->size_max - 1) / s->size_max;
    while (left > 0) {
        size_t target = parts > 0 ? (left + parts - 1) / parts : left;
        uint32_t number = s->cluster_count;
        grow(s, len, target < s->size_max ? target : s->size_max);
        left -= s->size[number];
        parts -= parts > 0;
    }
    settle(s, len);
}

/* Numbers in order of the lowest gateway. */
static void renumber(struct state *s)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < s->cluster_count; c++) {
        s->size[c] = CLUSTER_NONE;
    }
    for (size_t g = 0; g < s->p->gateway_count; g++) {
        uint32_t c = s->cluster[g];
        if (c == CLUSTER_NONE) {
            continue;
        }
        if (s->size[c] == CLUSTER_NONE) {
            s->size[c] = count++;
        }
        s->cluster[g] = s->size[c];
    }
    s->cluster_count = count;
}

size_t cluster_solve(const struct cover_problem *problem, const uint8_t *chosen,
                     size_t size_max, void *workspace, uint32_t *cluster)
{
    struct state s = {
        .p = problem, .chosen = chosen, .size_max = size_max, .cluster = cluster};
    struct arena a = {.base = workspace};
    lay_out(&s, &a, problem->gateway_count, cover_link_count(problem),
            cover_pair_count(problem));
    for (size_t g = 0; g < problem->gateway_count; g++) {
        cluster[g] = CLUSTER_NONE;
    }
    index_served(&s);
    connect(&s);
    memset(s.seen, 0, problem->gateway_count * sizeof(uint32_t));
    for (uint32_t g = 0; g < problem->gateway_count; g++) {
        if (chosen[g] && !s.seen[g]) {
            split(&s, find_part(&s, g));
        }
    }
    renumber(&s);
    return s.cluster_count;
}

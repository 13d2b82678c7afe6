/* SPDX-License-Identifier: MIT */
#include "campaign/colour.h"

#include <stdbool.h>
#include <string.h>

#include "base/sort.h"
#include "campaign/arena.h"

enum {
    WORD_BITS = 64,
    REDUCE_ROUNDS = 20,
    FULL_MARGIN_CDB = 300, /* beyond the capture threshold: fading takes that and more */
    HALF_CDB = 100,        /* each more halves the harm */
};

struct pair {
    uint32_t serving;
    uint32_t spoiling;
    uint32_t hits;
};

struct builder {
    const struct cover_problem *p;
    const uint8_t *chosen;
    uint32_t *first; /* of the graph */
    struct colour_edge *edges;
    uint32_t *served_first; /* per gateway: its devices in served[] */
    uint32_t *served;
    uint32_t *hits; /* per gateway: devices of the one looked at that it spoils */
    uint32_t *hit;  /* gateways with hits */
    struct pair *pair;
    size_t pair_count;
};

static void lay_out(struct builder *b, struct arena *a, size_t gateways, size_t links,
                    size_t pairs)
{
    pairs = pairs < gateways * gateways ? pairs : gateways * gateways;
    b->first = arena_take(a, gateways + 1, sizeof(uint32_t));
    b->edges = arena_take(a, 2 * pairs, sizeof(struct colour_edge));
    b->served_first = arena_take(a, gateways + 1, sizeof(uint32_t));
    b->served = arena_take(a, links, sizeof(uint32_t));
    b->hits = arena_take(a, gateways, sizeof(uint32_t));
    b->hit = arena_take(a, gateways, sizeof(uint32_t));
    b->pair = arena_take(a, pairs, sizeof(struct pair));
}

size_t colour_workspace_for(size_t gateway_count, size_t link_count, size_t pair_count)
{
    struct builder b = {0};
    struct arena a = {0};
    lay_out(&b, &a, gateway_count, link_count, pair_count);
    return a.used;
}

size_t colour_workspace_bytes(const struct cover_problem *problem)
{
    return colour_workspace_for(problem->gateway_count, cover_link_count(problem),
                                cover_pair_count(problem));
}

/* The strongest chosen link of a device that is not in `taken` (by place); -1: none. */
static int strongest(const struct builder *b, size_t device, uint64_t taken)
{
    const struct cover_problem *p = b->p;
    int best = -1;
    uint32_t count = p->first[device + 1] - p->first[device];
    const struct cover_link *links = &p->links[p->first[device]];
    for (uint32_t i = 0; i < count && i < WORD_BITS; i++) {
        if (!b->chosen[links[i].gateway] || links[i].units == 0 ||
            (taken >> i & 1) != 0) {
            continue;
        }
        if (best < 0 || links[i].margin_cdb > links[best].margin_cdb ||
            (links[i].margin_cdb == links[best].margin_cdb &&
             links[i].gateway < links[best].gateway)) {
            best = (int)i;
        }
    }
    return best;
}

/* The links that serve a device: its strongest, until the demand is met. */
static uint64_t serving(const struct builder *b, size_t device)
{
    uint64_t taken = 0;
    uint32_t units = 0;
    while (units < b->p->demand[device]) {
        int i = strongest(b, device, taken);
        if (i < 0) {
            break;
        }
        taken |= UINT64_C(1) << i;
        units += b->p->links[b->p->first[device] + (uint32_t)i].units;
    }
    return taken;
}

static void index_served(struct builder *b)
{
    const struct cover_problem *p = b->p;
    memset(b->served_first, 0, (p->gateway_count + 1) * sizeof(uint32_t));
    for (size_t d = 0; d < p->device_count; d++) {
        for (uint64_t set = serving(b, d); set != 0; set &= set - 1) {
            uint32_t at = p->first[d] + (uint32_t)__builtin_ctzll(set);
            b->served_first[p->links[at].gateway]++;
        }
    }
    uint32_t sum = 0;
    for (size_t g = 0; g < p->gateway_count; g++) {
        sum += b->served_first[g];
        b->served_first[g] = sum; /* its end for now */
    }
    b->served_first[p->gateway_count] = sum;
    for (size_t d = p->device_count; d-- > 0;) {
        for (uint64_t set = serving(b, d); set != 0; set &= set - 1) {
            uint32_t at = p->first[d] + (uint32_t)__builtin_ctzll(set);
            b->served[--b->served_first[p->links[at].gateway]] = (uint32_t)d;
        }
    }
}

static int32_t margin_to(const struct cover_problem *p, uint32_t device, uint32_t gateway)
{
    uint32_t l = p->first[device];
    while (p->links[l].gateway != gateway) {
        l++;
    }
    return p->links[l].margin_cdb;
}

/* How much a gateway harms a link that is so much stronger. */
static uint32_t harm(int32_t stronger_cdb)
{
    int32_t beyond_cdb = stronger_cdb - COLOUR_CAPTURE_CDB - FULL_MARGIN_CDB;
    int32_t halves = beyond_cdb > 0 ? (beyond_cdb + HALF_CDB - 1) / HALF_CDB : 0;
    return halves < WORD_BITS / 2 ? (uint32_t)COLOUR_HIT >> halves : 0;
}

/* Which gateways spoil this device's link to g? */
static size_t count_hits(struct builder *b, uint32_t device, uint32_t g, size_t hit_count)
{
    const struct cover_problem *p = b->p;
    int32_t margin_cdb = margin_to(p, device, g);
    for (uint32_t l = p->first[device]; l < p->first[device + 1]; l++) {
        uint32_t h = p->links[l].gateway;
        uint32_t hits =
            h != g && b->chosen[h] ? harm(margin_cdb - p->links[l].margin_cdb) : 0;
        if (hits > 0 && b->hits[h] == 0) {
            b->hit[hit_count++] = h;
        }
        b->hits[h] += hits;
    }
    return hit_count;
}

static void keep_pair(struct builder *b, uint32_t g, uint32_t h)
{
    b->pair[b->pair_count++] = (struct pair){g, h, b->hits[h]};
    b->hits[h] = 0;
}

static void find_pairs(struct builder *b)
{
    memset(b->hits, 0, b->p->gateway_count * sizeof(uint32_t));
    for (uint32_t g = 0; g < b->p->gateway_count; g++) {
        size_t hit_count = 0;
        for (uint32_t i = b->served_first[g]; i < b->served_first[g + 1]; i++) {
            hit_count = count_hits(b, b->served[i], g, hit_count);
        }
        for (size_t i = 0; i < hit_count; i++) {
            keep_pair(b, g, b->hit[i]);
        }
    }
}

static bool edge_before(const void *context, const void *a, const void *b)
{
    (void)context;
    return ((const struct colour_edge *)a)->to < ((const struct colour_edge *)b)->to;
}

/* Keep an edge of a gateway whose edges start at `start`; as one with its equals. */
static uint32_t keep_edge(struct builder *b, struct colour_edge edge, uint32_t start,
                          uint32_t kept)
{
    if (kept > start && b->edges[kept - 1].to == edge.to) {
        b->edges[kept - 1].hits += edge.hits;
        return kept;
    }
    b->edges[kept] = edge;
    return kept + 1;
}

/* Both directions of a pair become one edge. */
static void merge_edges(struct builder *b)
{
    size_t gateways = b->p->gateway_count;
    uint32_t kept = 0;
    for (size_t g = 0; g < gateways; g++) {
        uint32_t start = b->first[g];
        uint32_t end = b->first[g + 1];
        sort_items(b->edges + start, end - start, sizeof(*b->edges), edge_before, NULL);
        b->first[g] = kept;
        for (uint32_t i = start; i < end; i++) {
            kept = keep_edge(b, b->edges[i], b->first[g], kept);
        }
    }
    b->first[gateways] = kept;
}

static void connect(struct builder *b)
{
    size_t gateways = b->p->gateway_count;
    memset(b->first, 0, (gateways + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < b->pair_count; i++) {
        b->first[b->pair[i].serving]++;
        b->first[b->pair[i].spoiling]++;
    }
    uint32_t sum = 0;
    for (size_t g = 0; g < gateways; g++) {
        sum += b->first[g];
        b->first[g] = sum;
    }
    b->first[gateways] = sum;
    for (size_t i = 0; i < b->pair_count; i++) {
        struct pair pair = b->pair[i];
        b->edges[--b->first[pair.serving]] =
            (struct colour_edge){pair.spoiling, pair.hits};
        b->edges[--b->first[pair.spoiling]] =
            (struct colour_edge){pair.serving, pair.hits};
    }
    merge_edges(b);
}

void colour_conflicts(const struct cover_problem *problem, const uint8_t *chosen,
                      void *workspace, struct colour_graph *graph)
{
    struct builder b = {.p = problem, .chosen = chosen};
    struct arena a = {.base = workspace};
    lay_out(&b, &a, problem->gateway_count, cover_link_count(problem),
            cover_pair_count(problem));
    index_served(&b);
    find_pairs(&b);
    connect(&b);
    *graph = (struct colour_graph){b.first, b.edges, problem->gateway_count};
}

struct painter {
    const struct colour_graph *graph;
    const uint8_t *chosen;
    uint16_t *colour;
    size_t words;   /* of a set of colours */
    uint64_t *near; /* per gateway: colours of its neighbours */
    uint32_t *near_count;
    uint32_t *heap;  /* uncoloured gateways, most constrained first */
    uint32_t *place; /* of a gateway in the heap */
    size_t heap_len;
};

static uint32_t degree(const struct colour_graph *graph, uint32_t g)
{
    return graph->first[g + 1] - graph->first[g];
}

static size_t words_for(const struct colour_graph *graph)
{
    uint32_t most = 0;
    for (uint32_t g = 0; g < graph->gateway_count; g++) {
        most = degree(graph, g) > most ? degree(graph, g) : most;
    }
    return most / WORD_BITS + 1;
}

static void painter_lay_out(struct painter *p, struct arena *a, size_t gateways)
{
    p->near = arena_take(a, gateways * p->words, sizeof(uint64_t));
    p->near_count = arena_take(a, gateways, sizeof(uint32_t));
    p->heap = arena_take(a, gateways, sizeof(uint32_t));
    p->place = arena_take(a, gateways, sizeof(uint32_t));
}

size_t colour_solve_workspace_max(size_t gateway_count)
{
    struct painter p = {.words = gateway_count / WORD_BITS + 1};
    struct arena a = {0};
    painter_lay_out(&p, &a, gateway_count);
    return a.used;
}

static bool more_constrained(const struct painter *p, uint32_t a, uint32_t b)
{
    if (p->near_count[a] != p->near_count[b]) {
        return p->near_count[a] > p->near_count[b];
    }
    uint32_t degree_a = degree(p->graph, a);
    uint32_t degree_b = degree(p->graph, b);
    return degree_a != degree_b ? degree_a > degree_b : a < b;
}

static void put(struct painter *p, size_t i, uint32_t g)
{
    p->heap[i] = g;
    p->place[g] = (uint32_t)i;
}

static void rise(struct painter *p, size_t i)
{
    uint32_t g = p->heap[i];
    while (i > 0 && more_constrained(p, g, p->heap[(i - 1) / 2])) {
        put(p, i, p->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(p, i, g);
}

static uint32_t pop(struct painter *p)
{
    uint32_t top = p->heap[0];
    uint32_t g = p->heap[--p->heap_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < p->heap_len &&
            more_constrained(p, p->heap[child + 1], p->heap[child])) {
            child++;
        }
        if (child >= p->heap_len || !more_constrained(p, p->heap[child], g)) {
            break;
        }
        put(p, i, p->heap[child]);
        i = child;
    }
    if (p->heap_len > 0) {
        put(p, i, g);
    }
    return top;
}

static uint16_t lowest_free(const struct painter *p, uint32_t g)
{
    const uint64_t *set = p->near + g * p->words;
    size_t w = 0;
    while (set[w] == UINT64_MAX) {
        w++;
    }
    return (uint16_t)(w * WORD_BITS + (unsigned)__builtin_ctzll(~set[w]));
}

static void paint(struct painter *p, uint32_t g)
{
    uint16_t colour = lowest_free(p, g);
    uint64_t bit = UINT64_C(1) << (colour % WORD_BITS);
    p->colour[g] = colour;
    for (uint32_t i = p->graph->first[g]; i < p->graph->first[g + 1]; i++) {
        uint32_t h = p->graph->edges[i].to;
        uint64_t *word = &p->near[h * p->words + colour / WORD_BITS];
        bool waits = p->chosen[h] != 0 && p->colour[h] == COLOUR_NONE;
        if (waits && (*word & bit) == 0) {
            *word |= bit;
            p->near_count[h]++;
            rise(p, p->place[h]);
        }
    }
}

uint16_t colour_solve(const struct colour_graph *graph, const uint8_t *chosen,
                      void *workspace, uint16_t *colour)
{
    struct painter p = {
        .graph = graph, .chosen = chosen, .colour = colour, .words = words_for(graph)};
    struct arena a = {.base = workspace};
    painter_lay_out(&p, &a, graph->gateway_count);
    memset(p.near, 0, graph->gateway_count * p.words * sizeof(uint64_t));
    memset(p.near_count, 0, graph->gateway_count * sizeof(uint32_t));
    for (uint32_t g = 0; g < graph->gateway_count; g++) {
        colour[g] = COLOUR_NONE;
        if (chosen[g]) {
            put(&p, p.heap_len, g);
            rise(&p, p.heap_len++);
        }
    }
    uint16_t count = 0;
    while (p.heap_len > 0) {
        uint32_t g = pop(&p);
        paint(&p, g);
        count = colour[g] >= count ? (uint16_t)(colour[g] + 1) : count;
    }
    return count;
}

/* The colour with the fewest hits at g; that of g itself if no other has fewer. */
static uint16_t calmest(const struct colour_graph *graph, uint32_t g, uint16_t limit,
                        const uint16_t *colour, uint64_t *hits)
{
    memset(hits, 0, limit * sizeof(uint64_t));
    for (uint32_t i = graph->first[g]; i < graph->first[g + 1]; i++) {
        uint16_t c = colour[graph->edges[i].to];
        if (c < limit) {
            hits[c] += graph->edges[i].hits;
        }
    }
    uint16_t best = colour[g] < limit ? colour[g] : 0;
    for (uint16_t c = 0; c < limit; c++) {
        best = hits[c] < hits[best] ? c : best;
    }
    return best;
}

/* Each of the chosen takes the colour that is calmest there; false: they have it already. */
static bool calm_down(const struct colour_graph *graph, const uint8_t *chosen,
                      uint16_t limit, void *workspace, uint16_t *colour)
{
    bool changed = false;
    for (uint32_t g = 0; g < graph->gateway_count; g++) {
        if (chosen[g]) {
            uint16_t best = calmest(graph, g, limit, colour, workspace);
            changed |= best != colour[g];
            colour[g] = best;
        }
    }
    return changed;
}

void colour_reduce(const struct colour_graph *graph, const uint8_t *chosen,
                   uint16_t limit, void *workspace, uint16_t *colour)
{
    for (int round = 0; round < REDUCE_ROUNDS; round++) {
        if (!calm_down(graph, chosen, limit, workspace, colour)) {
            return;
        }
    }
}

void colour_extend(const struct colour_graph *graph, const uint8_t *chosen,
                   uint16_t limit, void *workspace, uint16_t *colour)
{
    for (uint32_t g = 0; g < graph->gateway_count; g++) {
        if (chosen[g] && colour[g] == COLOUR_NONE) {
            colour[g] = calmest(graph, g, limit, colour, workspace);
        }
    }
}

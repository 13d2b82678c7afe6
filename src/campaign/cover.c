/* SPDX-License-Identifier: MIT */
#include "campaign/cover.h"

#include <stdbool.h>
#include <string.h>

#include "base/min.h"
#include "base/prng.h"
#include "campaign/arena.h"

enum {
    EFFORT_PER_LINK = 64, /* of the search by swaps, in links looked at */
    EFFORT_PER_LINK_LARGE = 8,
    EFFORT_LARGE = 1000000, /* links */
    EFFORT_MIN = 50000,
};

struct served_link {
    uint32_t gateway;
    uint8_t units;
};

/*
 * Devices are numbered anew here, by the gateway of their first link. All devices of a gateway
 * are looked at again and again, and waiting for memory is most of what that costs; in what
 * order they come decides nothing.
 */
struct state {
    struct cover_problem problem;
    const struct cover_problem *p;
    uint8_t *chosen;
    uint32_t *first; /* per device, as in the problem */
    struct served_link *links;
    uint32_t *served_first; /* per gateway: its devices in served[] */
    uint32_t *served;
    uint8_t *served_units;
    uint8_t *need; /* per device: the demand, clipped */
    uint32_t *have;
    uint32_t *gain;  /* per gateway: units it would add to what is missing */
    uint32_t *vital; /* per chosen gateway: devices that cannot do without it */
    uint32_t *heap;
    uint32_t *heap_gain; /* gain when it was put there */
    size_t heap_len;
    uint32_t *freed; /* gateways that became dispensable */
    size_t freed_len;
    uint32_t *removed;
    size_t removed_len;
    struct prng prng; /* of the search */
    uint64_t effort;
    uint64_t effort_max;
    size_t pool_len;   /* gateways that serve anybody, in heap[] */
    size_t open;       /* of them, not chosen and not in vain */
    uint64_t *vain;    /* by gateway: effort of its swap, that was not worth it ... */
    uint32_t *vain_at; /* ... when the cover had changed so often; else unknown */
    uint32_t changes;
    size_t chosen_count;
};

size_t cover_link_count(const struct cover_problem *p)
{
    return p->device_count > 0 ? p->first[p->device_count] - p->first[0] : 0;
}

size_t cover_pair_count(const struct cover_problem *p)
{
    size_t count = 0;
    for (size_t d = 0; d < p->device_count; d++) {
        size_t links = p->first[d + 1] - p->first[d];
        count += links > 0 ? links * (links - 1) : 0;
    }
    return count;
}

static void lay_out(struct state *s, struct arena *a, size_t devices, size_t gateways,
                    size_t links)
{
    s->vain = arena_take(a, gateways, sizeof(uint64_t));
    s->vain_at = arena_take(a, gateways, sizeof(uint32_t));
    s->first = arena_take(a, devices + 1, sizeof(uint32_t));
    s->links = arena_take(a, links, sizeof(struct served_link));
    s->served_first = arena_take(a, gateways + 1, sizeof(uint32_t));
    s->served = arena_take(a, links, sizeof(uint32_t));
    s->served_units = arena_take(a, links, 1);
    s->need = arena_take(a, devices, 1);
    s->have = arena_take(a, devices, sizeof(uint32_t));
    s->gain = arena_take(a, gateways, sizeof(uint32_t));
    s->vital = arena_take(a, gateways, sizeof(uint32_t));
    s->heap = arena_take(a, gateways, sizeof(uint32_t));
    s->heap_gain = arena_take(a, gateways, sizeof(uint32_t));
    s->freed = arena_take(a, gateways, sizeof(uint32_t));
    s->removed = arena_take(a, gateways, sizeof(uint32_t));
}

size_t cover_workspace_for(size_t device_count, size_t gateway_count, size_t link_count)
{
    struct state s = {0};
    struct arena a = {0};
    (void)arena_take(&a, 1, sizeof(s));
    lay_out(&s, &a, device_count, gateway_count, link_count);
    return a.used;
}

static uint32_t weight_of(const struct state *s, uint32_t g)
{
    return s->p->weight != NULL ? s->p->weight[g] : 1;
}

static uint32_t missing(const struct state *s, size_t device)
{
    return s->have[device] < s->need[device] ? s->need[device] - s->have[device] : 0;
}

/* After all gateways: devices without links. */
static size_t place_of(const struct cover_problem *p, size_t device)
{
    bool any = p->first[device] < p->first[device + 1];
    return any ? p->links[p->first[device]].gateway : p->gateway_count;
}

/* Devices of the problem as they are numbered here; end[] is by place_of(). */
static void order_devices(const struct cover_problem *p, uint32_t *end, uint32_t *order)
{
    uint32_t sum = 0;
    memset(end, 0, (p->gateway_count + 1) * sizeof(*end));
    for (size_t d = 0; d < p->device_count; d++) {
        end[place_of(p, d)]++;
    }
    for (size_t g = 0; g <= p->gateway_count; g++) {
        sum += end[g];
        end[g] = sum;
    }
    for (size_t d = p->device_count; d-- > 0;) {
        order[--end[place_of(p, d)]] = (uint32_t)d;
    }
}

/* The links of a device, after those of the one before it, and its demand. */
static void copy_device(struct state *s, size_t device, size_t original)
{
    const struct cover_problem *p = s->p;
    uint32_t at = s->first[device];
    uint32_t sum = 0;
    for (uint32_t l = p->first[original]; l < p->first[original + 1]; l++) {
        if (p->links[l].units > 0) {
            sum += p->links[l].units;
            s->links[at++] = (struct served_link){p->links[l].gateway, p->links[l].units};
            s->served_first[p->links[l].gateway]++;
        }
    }
    s->first[device + 1] = at;
    s->need[device] = (uint8_t)min_u32(sum, p->demand[original]);
}

/* Before served_first[] of the gateways of a device's links; last devices first. */
static void place_links(struct state *s, size_t device)
{
    for (uint32_t l = s->first[device]; l < s->first[device + 1]; l++) {
        uint32_t at = --s->served_first[s->links[l].gateway];
        s->served[at] = (uint32_t)device;
        s->served_units[at] = s->links[l].units;
    }
}

/* Links that serve, by device and by gateway, and the demands clipped to what there is. */
static void index_links(struct state *s)
{
    const struct cover_problem *p = s->p;
    uint32_t *order = s->have; /* until it is needed as what it is called */
    size_t gateways = p->gateway_count;
    order_devices(p, s->served_first, order);
    memset(s->served_first, 0, (gateways + 1) * sizeof(uint32_t));
    s->first[0] = 0;
    for (size_t d = 0; d < p->device_count; d++) {
        copy_device(s, d, order[d]);
        s->have[d] = 0;
    }
    uint32_t sum = 0;
    for (size_t g = 0; g < gateways; g++) {
        sum += s->served_first[g];
        s->served_first[g] = sum; /* its end for now */
    }
    s->served_first[gateways] = sum;
    for (size_t d = p->device_count; d-- > 0;) {
        place_links(s, d);
    }
}

/* Does gateway a, at a gain of gain_a, come before b? More units for its weight. */
static bool before(const struct state *s, uint32_t a, uint32_t gain_a, uint32_t b,
                   uint32_t gain_b)
{
    uint64_t left = (uint64_t)gain_a * weight_of(s, b);
    uint64_t right = (uint64_t)gain_b * weight_of(s, a);
    return left != right ? left > right : a < b;
}

static bool heap_before(const struct state *s, size_t i, size_t j)
{
    return before(s, s->heap[i], s->heap_gain[i], s->heap[j], s->heap_gain[j]);
}

static void heap_swap(struct state *s, size_t i, size_t j)
{
    uint32_t g = s->heap[i];
    uint32_t gain = s->heap_gain[i];
    s->heap[i] = s->heap[j];
    s->heap_gain[i] = s->heap_gain[j];
    s->heap[j] = g;
    s->heap_gain[j] = gain;
}

static void heap_sink(struct state *s, size_t i)
{
    for (;;) {
        size_t top = i;
        size_t child = 2 * i + 1;
        if (child < s->heap_len && heap_before(s, child, top)) {
            top = child;
        }
        if (child + 1 < s->heap_len && heap_before(s, child + 1, top)) {
            top = child + 1;
        }
        if (top == i) {
            return;
        }
        heap_swap(s, i, top);
        i = top;
    }
}

static void heap_drop_top(struct state *s)
{
    s->heap_len--;
    if (s->heap_len > 0) {
        heap_swap(s, 0, s->heap_len);
        heap_sink(s, 0);
    }
}

static void heap_fill(struct state *s)
{
    s->heap_len = 0;
    for (uint32_t g = 0; g < s->p->gateway_count; g++) {
        s->gain[g] = 0;
        for (uint32_t i = s->served_first[g]; i < s->served_first[g + 1]; i++) {
            s->gain[g] += min_u32(s->served_units[i], s->need[s->served[i]]);
        }
        if (s->gain[g] > 0) {
            s->heap[s->heap_len] = g;
            s->heap_gain[s->heap_len++] = s->gain[g];
        }
    }
    for (size_t i = s->heap_len / 2; i-- > 0;) {
        heap_sink(s, i);
    }
}

/* What others would add to a device is less, now that less is missing. */
static void lower_gains(struct state *s, uint32_t device, uint32_t from, uint32_t to)
{
    for (uint32_t l = s->first[device]; l < s->first[device + 1]; l++) {
        uint32_t units = s->links[l].units;
        s->gain[s->links[l].gateway] -= min_u32(units, from) - min_u32(units, to);
    }
}

static void take_greedily(struct state *s, uint32_t g)
{
    s->chosen[g] = 1;
    for (uint32_t i = s->served_first[g]; i < s->served_first[g + 1]; i++) {
        uint32_t d = s->served[i];
        uint32_t from = missing(s, d);
        s->have[d] += s->served_units[i];
        if (from > 0) {
            lower_gains(s, d, from, missing(s, d));
        }
    }
}

/* Gains only fall: an entry of the heap is an upper bound, renewed when it comes up. */
static void greedy(struct state *s)
{
    heap_fill(s);
    while (s->heap_len > 0) {
        uint32_t g = s->heap[0];
        if (s->gain[g] == 0) {
            heap_drop_top(s);
        } else if (s->gain[g] != s->heap_gain[0]) {
            s->heap_gain[0] = s->gain[g];
            heap_sink(s, 0);
        } else {
            heap_drop_top(s);
            take_greedily(s, g);
        }
    }
}

/* Without that link the device would have too little. */
static bool is_vital(const struct state *s, uint32_t device, uint32_t have,
                     uint32_t units)
{
    return have - units < s->need[device];
}

static void count_vital(struct state *s)
{
    for (uint32_t g = 0; g < s->p->gateway_count; g++) {
        s->vital[g] = 0;
        for (uint32_t i = s->served_first[g]; s->chosen[g] && i < s->served_first[g + 1];
             i++) {
            uint32_t d = s->served[i];
            s->vital[g] += is_vital(s, d, s->have[d], s->served_units[i]);
        }
    }
}

/* A device has more or less now: see which of its other gateways are vital. */
static void set_have(struct state *s, uint32_t device, uint32_t have, uint32_t except)
{
    uint32_t before_it = s->have[device];
    s->have[device] = have;
    for (uint32_t l = s->first[device]; l < s->first[device + 1]; l++) {
        uint32_t g = s->links[l].gateway;
        uint32_t units = s->links[l].units;
        if (!s->chosen[g] || g == except) {
            continue;
        }
        bool was = is_vital(s, device, before_it, units);
        bool is = is_vital(s, device, have, units);
        if (was && !is && --s->vital[g] == 0) {
            s->freed[s->freed_len++] = g;
        }
        s->vital[g] += !was && is;
    }
}

/* The freed are those whose last vital device this takes away. */
static void add_gateway(struct state *s, uint32_t g)
{
    s->freed_len = 0;
    s->chosen[g] = 1;
    s->vital[g] = 0;
    for (uint32_t i = s->served_first[g]; i < s->served_first[g + 1]; i++) {
        uint32_t d = s->served[i];
        s->vital[g] += s->have[d] < s->need[d];
        set_have(s, d, s->have[d] + s->served_units[i], g);
    }
    s->effort += s->served_first[g + 1] - s->served_first[g];
}

static void remove_gateway(struct state *s, uint32_t g)
{
    s->chosen[g] = 0;
    for (uint32_t i = s->served_first[g]; i < s->served_first[g + 1]; i++) {
        uint32_t d = s->served[i];
        set_have(s, d, s->have[d] - s->served_units[i], g);
    }
    s->effort += s->served_first[g + 1] - s->served_first[g];
}

/* The dearest chosen gateway of the list that nobody needs; false if there is none. */
static bool dearest_idle(const struct state *s, const uint32_t *list, size_t count,
                         uint32_t except, uint32_t *found)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        uint32_t g = list[i];
        if (g != except && s->chosen[g] && s->vital[g] == 0 &&
            (!any || weight_of(s, g) > weight_of(s, *found) ||
             (weight_of(s, g) == weight_of(s, *found) && g > *found))) {
            *found = g;
            any = true;
        }
    }
    return any;
}

static void reverse_delete(struct state *s)
{
    size_t count = 0;
    for (uint32_t g = 0; g < s->p->gateway_count; g++) {
        if (s->chosen[g] && s->vital[g] == 0) {
            s->heap[count++] = g;
        }
    }
    uint32_t g = 0;
    while (dearest_idle(s, s->heap, count, UINT32_MAX, &g)) {
        remove_gateway(s, g);
    }
}

/* Take h, drop what it makes dispensable; undo that unless it is worth it. True: it was. */
static bool try_swap(struct state *s, uint32_t h)
{
    uint64_t freed_weight = 0;
    uint32_t g = 0;
    add_gateway(s, h);
    s->removed_len = 0;
    size_t freed_len = s->freed_len;
    while (dearest_idle(s, s->freed, freed_len, h, &g)) {
        remove_gateway(s, g);
        s->removed[s->removed_len++] = g;
        freed_weight += weight_of(s, g);
    }
    if (s->removed_len > 0 && freed_weight >= weight_of(s, h)) {
        return true;
    }
    while (s->removed_len > 0) {
        add_gateway(s, s->removed[--s->removed_len]);
    }
    remove_gateway(s, h);
    return false;
}

/* The cover has changed: of no gateway is known any more what its swap would bring. */
static void forget_vain(struct state *s)
{
    s->changes++;
    s->open = s->pool_len - s->chosen_count;
}

static void begin_search(struct state *s)
{
    s->pool_len = 0;
    s->chosen_count = 0;
    memset(s->vain_at, 0, s->p->gateway_count * sizeof(uint32_t));
    for (uint32_t g = 0; g < s->p->gateway_count; g++) {
        s->chosen_count += s->chosen[g];
        if (s->served_first[g + 1] > s->served_first[g]) {
            s->heap[s->pool_len++] = g;
        }
    }
    size_t links = cover_link_count(s->p);
    s->effort_max = (uint64_t)links * EFFORT_PER_LINK;
    if (links > EFFORT_LARGE) {
        s->effort_max =
            (uint64_t)links * EFFORT_PER_LINK_LARGE +
            (uint64_t)EFFORT_LARGE * (EFFORT_PER_LINK - EFFORT_PER_LINK_LARGE);
    }
    if (s->effort_max < EFFORT_MIN) {
        s->effort_max = EFFORT_MIN;
    }
    s->prng = prng_seeded(1);
    s->effort = 0;
    forget_vain(s);
}

void cover_begin(const struct cover_problem *problem, void *workspace, uint8_t *chosen)
{
    struct arena a = {.base = workspace};
    struct state *s = arena_take(&a, 1, sizeof(*s));
    *s = (struct state){.problem = *problem, .chosen = chosen};
    s->p = &s->problem;
    lay_out(s, &a, problem->device_count, problem->gateway_count,
            cover_link_count(problem));
    memset(chosen, 0, problem->gateway_count);
    index_links(s);
    greedy(s);
    count_vital(s);
    reverse_delete(s);
    begin_search(s);
}

/*
 * A walk over covers that never get dearer: equal ones are taken too, as they lead to
 * others. Freed gateways are at most the gateways, each once in a step. A swap that was in
 * vain is so until the cover changes: it counts as if it were tried, but is not.
 */
uint64_t cover_search(void *workspace, uint64_t steps)
{
    struct state *s = workspace;
    uint64_t looked = 0;
    while (looked < steps && s->pool_len > 1 && s->open > 0 &&
           s->effort < s->effort_max) {
        uint32_t h = s->heap[prng_below(&s->prng, s->pool_len)];
        uint64_t before_it = ++s->effort;
        looked++;
        if (s->chosen[h]) {
            continue;
        }
        if (s->vain_at[h] == s->changes) {
            s->effort += s->vain[h];
        } else if (try_swap(s, h)) {
            looked += s->effort - before_it;
            s->chosen_count = s->chosen_count + 1 - s->removed_len;
            forget_vain(s);
        } else {
            s->vain_at[h] = s->changes;
            s->vain[h] = s->effort - before_it;
            looked += s->vain[h];
            s->open--;
        }
    }
    return looked;
}

size_t cover_solve(const struct cover_problem *problem, void *workspace, uint8_t *chosen)
{
    size_t count = 0;
    cover_begin(problem, workspace, chosen);
    while (cover_search(workspace, UINT64_MAX) > 0) {
    }
    for (size_t g = 0; g < problem->gateway_count; g++) {
        count += chosen[g];
    }
    return count;
}

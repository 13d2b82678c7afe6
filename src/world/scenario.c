/* SPDX-License-Identifier: MIT */
#include "world/scenario.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "profile/shipped.h"
#include "world/radio.h"

enum {
    REACH_CDB = 16900,    /* beyond, not even SF12 of a gateway is heard */
    LINK_SPAN_CDB = 4000, /* weaker than the best by more: never matters */
    PATH_AT_1KM_CDB = 12895,
    PATH_SLOPE_CDB = 2320, /* per decade */
    SHADOW_CDB = 780,
    INDOOR_PPM = 600000,
    INDOOR_MAX_CDB = 2500,
    SEARCH_M = 45000, /* gateways further away are not looked at */
    CELL_M = 15000,
    AREA_MAX = 24,
    LINK_MAX = 48,
    PLACE_TRIES = 1000,
};

static const struct world_params city_params = {
    .gateway_dbm = 27,
    .gateway_narrow_dbm = 14,
    .device_dbm = 14,
    .gateway_noise_db = 3,
    .device_noise_db = 6,
    .fading_cdb = 250,
    .capture_cdb = 600,
    .uplink_loss_ppm = 20000,
    .burst_length_s = 1,
    .legal_ppm = 100000,
    .narrow_legal_ppm = 10000,
    .share_ppm = 600000,
    .rx2_dr = 3,
    .rx2_first_below_dr = 3,
    .join_margin_cdb = 0,
    .adr_margin_db = 9,
    .snr_clip_cdb = 1500,
};

/* A shipped profile, with a decoder of that size; performance.md 2.5. */
static struct world_profile profile_of(const char *name, uint32_t cap_ppm)
{
    const struct profile *quirks = profile_shipped(name);
    return (struct world_profile){.name = name,
                                  .quirks = quirks,
                                  .ts004 = quirks->ts004,
                                  .ts005 = quirks->ts005,
                                  .cap_ppm = cap_ppm};
}

/* ---- places ---- */

struct area {
    int32_t x_m;
    int32_t y_m;
    int32_t side_m;
    bool disc; /* of that diameter */
};

/* A scenario in the making. */
struct maker {
    struct world_scenario *s;
    struct prng prng;
    struct {
        struct area area;
        size_t from; /* devices */
        size_t count;
    } areas[AREA_MAX];
    size_t area_count;
    size_t link_max;
};

static void place(struct prng *p, const struct area *a, int32_t *x_m, int32_t *y_m)
{
    int64_t radius = a->side_m / 2;
    int64_t x;
    int64_t y;
    do {
        x = (int64_t)prng_below(p, (uint64_t)a->side_m);
        y = (int64_t)prng_below(p, (uint64_t)a->side_m);
    } while (a->disc &&
             (x - radius) * (x - radius) + (y - radius) * (y - radius) > radius * radius);
    *x_m = a->x_m + (int32_t)x;
    *y_m = a->y_m + (int32_t)y;
}

static void place_gateways(struct maker *m, const struct area *a, size_t from,
                           size_t count)
{
    for (size_t i = from; i < from + count; i++) {
        place(&m->prng, a, &m->s->gateways[i].x_m, &m->s->gateways[i].y_m);
    }
}

static uint8_t draw_profile(const struct world_scenario *s, struct prng *p)
{
    uint64_t r = prng_below(p, 100);
    if (s->profile_count < 3 || r < 70) {
        return 0;
    }
    return r < 90 ? 1 : 2;
}

static void place_device(struct world_scenario *s, struct prng *p, const struct area *a,
                         size_t device)
{
    struct world_device *d = &s->devices[device];
    place(p, a, &d->x_m, &d->y_m);
    bool indoor = prng_chance(p, INDOOR_PPM) != 0;
    d->indoor_cdb = indoor ? (uint16_t)prng_below(p, INDOOR_MAX_CDB + 1) : 0;
}

static void place_devices(struct maker *m, const struct area *a, size_t from,
                          size_t count)
{
    assert(m->area_count < AREA_MAX);
    m->areas[m->area_count].area = *a;
    m->areas[m->area_count].from = from;
    m->areas[m->area_count++].count = count;
    for (size_t i = from; i < from + count; i++) {
        m->s->devices[i].profile = draw_profile(m->s, &m->prng);
    }
}

/* ---- links ---- */

/* Gateways by squares of CELL_M, so that a device looks at its surroundings only. */
struct grid {
    int32_t x_m;
    int32_t y_m;
    int32_t width;
    int32_t height;
    uint32_t *first;
    uint32_t *order;
};

static size_t grid_cell(const struct grid *g, int32_t x_m, int32_t y_m)
{
    size_t row = (size_t)((y_m - g->y_m) / CELL_M);
    return row * (size_t)g->width + (size_t)((x_m - g->x_m) / CELL_M);
}

static void grid_bounds(const struct world_scenario *s, struct grid *g)
{
    int32_t x_max = s->gateways[0].x_m;
    int32_t y_max = s->gateways[0].y_m;
    g->x_m = x_max;
    g->y_m = y_max;
    for (size_t i = 0; i < s->gateway_count; i++) {
        const struct world_gateway *w = &s->gateways[i];
        g->x_m = w->x_m < g->x_m ? w->x_m : g->x_m;
        g->y_m = w->y_m < g->y_m ? w->y_m : g->y_m;
        x_max = w->x_m > x_max ? w->x_m : x_max;
        y_max = w->y_m > y_max ? w->y_m : y_max;
    }
    g->width = (x_max - g->x_m) / CELL_M + 1;
    g->height = (y_max - g->y_m) / CELL_M + 1;
}

static void grid_make(const struct world_scenario *s, struct grid *g)
{
    grid_bounds(s, g);
    size_t cells = (size_t)g->width * (size_t)g->height;
    g->first = calloc(cells + 1, sizeof(*g->first));
    g->order = calloc(s->gateway_count, sizeof(*g->order));
    assert(g->first != NULL && g->order != NULL);
    for (size_t i = 0; i < s->gateway_count; i++) {
        g->first[grid_cell(g, s->gateways[i].x_m, s->gateways[i].y_m) + 1]++;
    }
    for (size_t c = 0; c < cells; c++) {
        g->first[c + 1] += g->first[c];
    }
    for (size_t i = s->gateway_count; i-- > 0;) {
        size_t cell = grid_cell(g, s->gateways[i].x_m, s->gateways[i].y_m);
        g->order[--g->first[cell + 1]] = (uint32_t)i;
    }
    /* Filling moved every border down by one cell. */
    memmove(g->first, g->first + 1, cells * sizeof(*g->first));
    g->first[cells] = (uint32_t)s->gateway_count;
}

static int32_t link_loss_cdb(const struct world_scenario *s, size_t device,
                             size_t gateway, uint32_t attempt)
{
    const struct world_device *d = &s->devices[device];
    const struct world_gateway *g = &s->gateways[gateway];
    int64_t dx = d->x_m - g->x_m;
    int64_t dy = d->y_m - g->y_m;
    uint64_t square_m2 = (uint64_t)(dx * dx + dy * dy);
    square_m2 = square_m2 < 100 ? 100 : square_m2; /* nobody is nearer than 10 m */
    int64_t decades_milli = world_log10_milli(square_m2) - 6000; /* of (d / 1 km)^2 */
    int64_t path_cdb = PATH_AT_1KM_CDB + PATH_SLOPE_CDB * decades_milli / 2000;
    uint64_t bits = world_hash(s->seed ^ UINT64_C(0x5ade), device, gateway, attempt);
    int64_t shadow_cdb = (int64_t)world_normal_milli(bits) * SHADOW_CDB / 1000;
    return (int32_t)(path_cdb + shadow_cdb) + d->indoor_cdb;
}

struct best {
    struct world_link *links;
    size_t count;
    size_t max;
    uint32_t attempt; /* to find a place */
};

/* Insert so that the strongest stand first, and at most max. */
static void best_add(struct best *b, uint32_t gateway, int32_t loss_cdb)
{
    if (loss_cdb > REACH_CDB ||
        (b->count == b->max && loss_cdb >= b->links[b->count - 1].loss_cdb)) {
        return;
    }
    size_t i = b->count < b->max ? b->count++ : b->count - 1;
    for (; i > 0 && b->links[i - 1].loss_cdb > loss_cdb; i--) {
        b->links[i] = b->links[i - 1];
    }
    b->links[i] = (struct world_link){gateway, loss_cdb};
}

static void find_links_in(const struct world_scenario *s, const struct grid *g,
                          size_t device, size_t cell, struct best *b)
{
    const struct world_device *d = &s->devices[device];
    for (uint32_t k = g->first[cell]; k < g->first[cell + 1]; k++) {
        const struct world_gateway *w = &s->gateways[g->order[k]];
        int64_t dx = d->x_m - w->x_m;
        int64_t dy = d->y_m - w->y_m;
        if (dx * dx + dy * dy <= (int64_t)SEARCH_M * SEARCH_M) {
            best_add(b, g->order[k], link_loss_cdb(s, device, g->order[k], b->attempt));
        }
    }
}

static int32_t clamp(int32_t v, int32_t max)
{
    return v < 0 ? 0 : v > max ? max : v;
}

static void find_links(const struct world_scenario *s, const struct grid *g,
                       size_t device, struct best *b)
{
    const struct world_device *d = &s->devices[device];
    int32_t x0 = clamp((d->x_m - SEARCH_M - g->x_m) / CELL_M, g->width - 1);
    int32_t x1 = clamp((d->x_m + SEARCH_M - g->x_m) / CELL_M, g->width - 1);
    int32_t y0 = clamp((d->y_m - SEARCH_M - g->y_m) / CELL_M, g->height - 1);
    int32_t y1 = clamp((d->y_m + SEARCH_M - g->y_m) / CELL_M, g->height - 1);
    for (int32_t y = y0; y <= y1; y++) {
        for (int32_t x = x0; x <= x1; x++) {
            find_links_in(s, g, device, (size_t)y * (size_t)g->width + (size_t)x, b);
        }
    }
    while (b->count > 8 &&
           b->links[b->count - 1].loss_cdb > b->links[0].loss_cdb + LINK_SPAN_CDB) {
        b->count--;
    }
}

static uint8_t adr(const struct world_scenario *s, const struct best *b)
{
    if (b->count == 0) {
        return 0;
    }
    int32_t snr_cdb = world_uplink_snr_cdb(s, b->links[0].loss_cdb);
    uint8_t dr = WORLD_DR_COUNT - 1;
    while (dr > 0 && snr_cdb < world_floor_cdb(dr) + 100 * s->params.adr_margin_db) {
        dr--;
    }
    return dr;
}

/* Could it have joined the network from there? */
static bool joined(const struct world_scenario *s, const struct best *b)
{
    return b->count > 0 && world_uplink_snr_cdb(s, b->links[0].loss_cdb) >=
                               world_floor_cdb(0) + s->params.join_margin_cdb;
}

static const struct area *area_of(const struct maker *m, size_t device)
{
    size_t i = 0;
    while (i + 1 < m->area_count && device >= m->areas[i].from + m->areas[i].count) {
        i++;
    }
    return &m->areas[i].area;
}

static void settle_device(struct maker *m, const struct grid *g, size_t device,
                          struct best *b)
{
    const struct area *area = area_of(m, device);
    for (b->attempt = 1; b->attempt <= PLACE_TRIES; b->attempt++) {
        struct prng p = prng_seeded(
            world_hash(m->s->seed ^ UINT64_C(0x91ace), device, b->attempt, 0));
        place_device(m->s, &p, area, device);
        b->count = 0;
        find_links(m->s, g, device, b);
        if (joined(m->s, b)) {
            return;
        }
    }
}

static void add_links(struct world_scenario *s, size_t device, const struct best *b,
                      size_t *cap)
{
    s->first[device + 1] = s->first[device] + (uint32_t)b->count;
    if (s->links == NULL || s->first[device + 1] > *cap) {
        *cap = 2 * (size_t)s->first[device + 1] + s->device_count;
        s->links = realloc(s->links, *cap * sizeof(*s->links));
        assert(s->links != NULL);
    }
    memcpy(s->links + s->first[device], b->links, b->count * sizeof(*b->links));
}

static void make_links(struct maker *m)
{
    struct world_scenario *s = m->s;
    struct world_link found[LINK_MAX];
    struct grid g;
    size_t cap = 0;

    grid_make(s, &g);
    for (size_t i = 0; i < s->device_count; i++) {
        struct best b = {.links = found, .max = m->link_max};
        settle_device(m, &g, i, &b);
        s->devices[i].uplink_dr = adr(s, &b);
        add_links(s, i, &b, &cap);
    }
    free(g.first);
    free(g.order);
}

/* ---- the scenarios ---- */

static void allocate(struct world_scenario *s, size_t gateway_count, size_t device_count)
{
    s->gateway_count = gateway_count;
    s->device_count = device_count;
    s->gateways = calloc(gateway_count, sizeof(*s->gateways));
    s->devices = calloc(device_count, sizeof(*s->devices));
    s->first = calloc(device_count + 1, sizeof(*s->first));
    assert(s->gateways != NULL && s->devices != NULL && s->first != NULL);
}

static void set_interval(struct world_scenario *s, uint32_t interval_s)
{
    for (size_t i = 0; i < s->device_count; i++) {
        s->devices[i].interval_s = interval_s;
    }
}

static void mixed_profiles(struct world_scenario *s)
{
    s->profiles[0] = profile_of("st-v1", 100000);
    s->profiles[1] = profile_of("zephyr", 200000);
    s->profiles[2] = profile_of("lbm-v2", WORLD_PPM);
    s->profile_count = 3;
}

static void one_profile(struct world_scenario *s)
{
    s->profiles[0] = profile_of("st-v1", 100000);
    s->profile_count = 1;
}

static void fill_area(struct maker *m, const struct area *a)
{
    place_gateways(m, a, 0, m->s->gateway_count);
    place_devices(m, a, 0, m->s->device_count);
}

static void make_town(struct maker *m, size_t gateway_count, const struct area *a)
{
    struct world_scenario *s = m->s;
    allocate(s, gateway_count, 500);
    one_profile(s);
    fill_area(m, a);
    if (gateway_count == 1) {
        s->gateways[0].x_m = a->side_m / 2;
        s->gateways[0].y_m = a->side_m / 2;
    }
    set_interval(s, 900);
    s->image_bytes = 20000;
}

static void make_city(struct maker *m)
{
    static const struct area area = {.side_m = 15000};
    allocate(m->s, 50, 20000);
    mixed_profiles(m->s);
    fill_area(m, &area);
    set_interval(m->s, 3600);
    m->s->image_bytes = 40000;
}

static void make_rollout(struct maker *m)
{
    static const struct area area = {.side_m = 33500};
    allocate(m->s, 250, 100000);
    mixed_profiles(m->s);
    fill_area(m, &area);
    set_interval(m->s, 3600);
    m->s->image_bytes = 40000;
    m->s->run_max_us = INT64_C(86400) * 45 * 1000000;
}

static void make_national(struct maker *m)
{
    enum { CITIES = 20, CITY_GATEWAYS = 50, CITY_DEVICES = 20000, SIDE_M = 267000 };
    static const struct area country = {.side_m = SIDE_M};
    struct world_scenario *s = m->s;
    allocate(s, 2000, 1000000);
    mixed_profiles(s);
    for (size_t c = 0; c < CITIES; c++) {
        struct area city = {.side_m = 15000};
        city.x_m = (int32_t)(c % 5) * (SIDE_M / 5) + 19000;
        city.y_m = (int32_t)(c / 5) * (SIDE_M / 4) + 26000;
        place_gateways(m, &city, c * CITY_GATEWAYS, CITY_GATEWAYS);
        place_devices(m, &city, c * CITY_DEVICES, CITY_DEVICES);
    }
    size_t gateways = (size_t)CITIES * CITY_GATEWAYS;
    size_t devices = (size_t)CITIES * CITY_DEVICES;
    place_gateways(m, &country, gateways, s->gateway_count - gateways);
    place_devices(m, &country, devices, s->device_count - devices);
    set_interval(s, 86400);
    m->link_max = 12;
    s->image_bytes = 40000;
    s->warmup_intervals = 6;
    s->run_max_us = INT64_C(86400) * 45 * 1000000;
}

/* Ten gateways on one roof, devices around them. */
static void make_twins(struct maker *m, size_t fragments)
{
    static const struct area area = {.side_m = 6000, .disc = true};
    struct world_scenario *s = m->s;
    allocate(s, 10, 2000);
    one_profile(s);
    place_devices(m, &area, 0, s->device_count);
    for (size_t i = 0; i < s->gateway_count; i++) {
        s->gateways[i] = (struct world_gateway){area.side_m / 2, area.side_m / 2};
    }
    for (size_t i = 0; i < s->device_count; i++) {
        s->devices[i].dead = prng_chance(&m->prng, 50000) != 0;
    }
    set_interval(s, 900);
    s->params.burst_loss_ppm = 20000;
    s->params.burst_length_s = 20;
    s->frag_size = 48;
    s->image_bytes = fragments * 48;
}

static struct world_scenario empty(const char *name, uint64_t seed)
{
    return (struct world_scenario){
        .name = name,
        .seed = seed,
        .params = city_params,
        .warmup_intervals = 12,
        .run_max_us = INT64_C(86400) * 15 * 1000000,
    };
}

int world_scenario_make(struct world_scenario *s, const char *name, uint64_t seed)
{
    static const struct area town = {.side_m = 2449};
    static const struct area town1 = {.side_m = 10000, .disc = true};
    struct world_scenario made = empty(name, seed);
    struct maker m = {.s = &made,
                      .prng = prng_seeded(seed ^ UINT64_C(0xf00d5eed)),
                      .link_max = LINK_MAX};

    if (strcmp(name, "town") == 0) {
        make_town(&m, 4, &town);
    } else if (strcmp(name, "town1") == 0) {
        make_town(&m, 1, &town1);
    } else if (strcmp(name, "city") == 0) {
        make_city(&m);
    } else if (strcmp(name, "rollout") == 0) {
        make_rollout(&m);
    } else if (strcmp(name, "national") == 0) {
        make_national(&m);
    } else if (strcmp(name, "twins") == 0) {
        make_twins(&m, 768);
    } else if (strcmp(name, "twins769") == 0) {
        make_twins(&m, 769);
    } else {
        return FUO_ENOENT;
    }
    make_links(&m);
    *s = made;
    return FUO_OK;
}

int world_scenario_square(struct world_scenario *s, uint64_t seed, size_t gateway_count,
                          size_t device_count, int32_t side_m)
{
    struct area area = {.side_m = side_m};
    if (gateway_count == 0 || device_count == 0 || side_m <= 0) {
        return FUO_EINVAL;
    }
    struct world_scenario made = empty("square", seed);
    struct maker m = {.s = &made,
                      .prng = prng_seeded(seed ^ UINT64_C(0xf00d5eed)),
                      .link_max = LINK_MAX};
    allocate(&made, gateway_count, device_count);
    mixed_profiles(&made);
    fill_area(&m, &area);
    set_interval(&made, 3600);
    make_links(&m);
    made.image_bytes = 40000;
    *s = made;
    return FUO_OK;
}

void world_scenario_finish(struct world_scenario *s)
{
    free(s->gateways);
    free(s->devices);
    free(s->first);
    free(s->links);
    *s = (struct world_scenario){0};
}

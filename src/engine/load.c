/* SPDX-License-Identifier: MIT */
/*
 * load.c - how much gateways listen, and so what it costs to let them send.
 *
 * A gateway hears nothing while it sends: a busy one loses more uplinks for each fragment.
 * Uplinks of devices that the engine knows count, of whatever fleet. Kept in memory only.
 */
#include <stdlib.h>

#include "engine/internal.h"
#include "engine/uplink.h"

#define STEP_US MINUTES_US(15) /* of uplinks in an hour, over all channels */

enum {
    LOAD_CAP_MIN = 64,
    LOAD_GATEWAYS_MAX = 1 << 16, /* beyond, somebody makes them up: newcomers are idle */
    WEIGHT_IDLE = 4, /* each step makes a gateway dearer by a quarter of that */
    STEPS_MAX = 32,  /* eight channels without a pause */
};

/* Where it is or would be; a gateway of 0 is an empty place. */
static size_t place_of(const struct gateway_load *loads, size_t cap, uint64_t gateway)
{
    size_t i = engine_home(gateway, cap);
    while (loads[i].gateway != 0 && loads[i].gateway != gateway) {
        i = (i + 1) & (cap - 1);
    }
    return i;
}

static void table_double(struct engine *e)
{
    size_t cap = e->load_cap == 0 ? LOAD_CAP_MIN : e->load_cap * 2;
    struct gateway_load *loads = engine_zeroed(cap, sizeof(*loads));
    for (size_t i = 0; i < e->load_cap; i++) {
        if (e->loads[i].gateway != 0) {
            loads[place_of(loads, cap, e->loads[i].gateway)] = e->loads[i];
        }
    }
    free(e->loads);
    e->loads = loads;
    e->load_cap = cap;
}

/* NULL: there are too many. */
static struct gateway_load *place_for(struct engine *e, uint64_t gateway)
{
    if (e->load_count < LOAD_GATEWAYS_MAX && (e->load_count + 1) * 2 > e->load_cap) {
        table_double(e);
    }
    struct gateway_load *l = &e->loads[place_of(e->loads, e->load_cap, gateway)];
    if (l->gateway == 0 && e->load_count == LOAD_GATEWAYS_MAX) {
        return NULL;
    }
    e->load_count += l->gateway == 0;
    l->gateway = gateway;
    return l;
}

void load_note(struct engine *e, uint64_t gateway, struct utc received,
               int64_t airtime_us)
{
    struct gateway_load *l = gateway != 0 ? place_for(e, gateway) : NULL;
    if (l != NULL) {
        l->heard = true;
        link_load_note(&l->load, utc_min(received, e->utc), airtime_us);
    }
}

void load_set_away(struct engine *e, uint64_t gateway, bool away)
{
    struct gateway_load *l = gateway != 0 ? place_for(e, gateway) : NULL;
    if (l != NULL) {
        l->away = away;
    }
}

static const struct gateway_load *find(const struct engine *e, uint64_t gateway)
{
    static const struct gateway_load nothing;
    bool known = gateway != 0 && e->load_cap > 0;
    return known ? &e->loads[place_of(e->loads, e->load_cap, gateway)] : &nothing;
}

bool load_knows(const struct engine *e, uint64_t gateway)
{
    return find(e, gateway)->heard;
}

bool load_is_away(const struct engine *e, uint64_t gateway)
{
    return find(e, gateway)->away;
}

uint32_t load_links(const struct engine *e, const struct device_rec *d, uint32_t links)
{
    uint32_t present = links;
    for (size_t i = 0; i < d->link_count; i++) {
        if (load_is_away(e, d->link[i].gateway)) {
            present &= ~(UINT32_C(1) << i);
        }
    }
    return present != 0 ? present : links;
}

/*
 * Coarse, so that what differs by chance weighs the same: the search for a cover needs
 * equals to walk over.
 */
uint32_t engine_gateway_weight(const struct engine *engine, uint64_t gateway)
{
    if (engine->load_cap == 0) {
        return WEIGHT_IDLE;
    }
    size_t i = place_of(engine->loads, engine->load_cap, gateway);
    int64_t steps = link_load_us(&engine->loads[i].load, engine->utc) / STEP_US;
    return WEIGHT_IDLE + (uint32_t)(steps < STEPS_MAX ? steps : STEPS_MAX);
}

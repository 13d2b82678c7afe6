/* SPDX-License-Identifier: MIT */
#include "loop/gateways.h"

#include <stdlib.h>
#include <string.h>

#include "loop/xalloc.h"

/* Where it is, or would be. */
static size_t place_of(const struct gateways *gateways, uint64_t gateway)
{
    size_t low = 0;
    size_t high = gateways->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (gateways->items[middle].gateway < gateway) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct gateways *gateways, size_t i, uint64_t gateway)
{
    return i < gateways->count && gateways->items[i].gateway == gateway;
}

static void insert(struct gateways *gateways, size_t i, uint64_t gateway)
{
    if (gateways->count == gateways->cap) {
        gateways->cap = gateways->cap == 0 ? 16 : gateways->cap * 2;
        gateways->items =
            xrealloc(gateways->items, gateways->cap, sizeof(*gateways->items));
    }
    memmove(&gateways->items[i + 1], &gateways->items[i],
            (gateways->count - i) * sizeof(*gateways->items));
    gateways->items[i] = (struct gateway_heard){.gateway = gateway};
    gateways->count++;
}

void gateways_note(struct gateways *gateways, uint64_t gateway, struct utc at)
{
    size_t i = place_of(gateways, gateway);
    if (!is_at(gateways, i, gateway)) {
        if (gateways->count == GATEWAYS_MAX) {
            gateways->left_out++;
            return;
        }
        insert(gateways, i, gateway);
    }
    if (gateways->items[i].last.us < at.us) {
        gateways->items[i].last = at;
    }
}

struct utc gateways_last(const struct gateways *gateways, uint64_t gateway)
{
    size_t i = place_of(gateways, gateway);
    return is_at(gateways, i, gateway) ? gateways->items[i].last : (struct utc){0};
}

void gateways_finish(struct gateways *gateways)
{
    free(gateways->items);
    *gateways = (struct gateways){0};
}

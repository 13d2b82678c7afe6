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

/* NULL: it would be one too many. */
static struct gateway_heard *place_for(struct gateways *gateways, uint64_t gateway)
{
    size_t i = place_of(gateways, gateway);
    if (!is_at(gateways, i, gateway)) {
        if (gateways->count == GATEWAYS_MAX) {
            gateways->left_out++;
            return NULL;
        }
        insert(gateways, i, gateway);
    }
    return &gateways->items[i];
}

void gateways_note(struct gateways *gateways, uint64_t gateway, struct utc at)
{
    struct gateway_heard *heard = place_for(gateways, gateway);
    if (heard != NULL && heard->last.us < at.us) {
        heard->last = at;
    }
}

bool gateways_tell(struct gateways *gateways, uint64_t gateway,
                   const struct gateway_told *told)
{
    struct gateway_heard *heard = place_for(gateways, gateway);
    if (heard == NULL) {
        return false;
    }
    struct gateway_told *all = &heard->told;
    bool news = all->at.us == 0 ? !told->online : all->online != told->online;
    all->at = told->at;
    all->online = told->online;
    all->given += told->given;
    all->sent += told->sent;
    return news;
}

struct gateway_told gateways_told(const struct gateways *gateways, uint64_t gateway)
{
    size_t i = place_of(gateways, gateway);
    return is_at(gateways, i, gateway) ? gateways->items[i].told
                                       : (struct gateway_told){0};
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

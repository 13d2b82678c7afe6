/* SPDX-License-Identifier: MIT */
/* parts.c - the tables of a run, from its beginning to its end. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "world/internal.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* since Linux 6.1, but not in its libc's headers */
#endif

enum { HUGE_BYTES = 2 << 20 };

/* Zeroed; of a nation, by huge pages: it is looked at anywhere, at any time. */
static void *big_table(size_t count, size_t size)
{
    size_t bytes = (count * size + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
    if (bytes <= HUGE_BYTES) {
        bytes = (count * size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    }
    void *p = aligned_alloc(bytes > HUGE_BYTES ? HUGE_BYTES : LINE_BYTES, bytes);
    assert(p != NULL);
    if (bytes > HUGE_BYTES) {
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* else it is only slower */
    }
    memset(p, 0, bytes);
    return p;
}

void parts_gather(const void *from, const void *to)
{
    uintptr_t first = ((uintptr_t)from + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
    uintptr_t end = (uintptr_t)to / HUGE_BYTES * HUGE_BYTES;
    if (from != NULL && first < end) {
        void *start = (char *)(uintptr_t)from + (first - (uintptr_t)from);
        (void)madvise(start, end - first, MADV_COLLAPSE); /* else it is only slower */
    }
}

void parts_gather_heap(const struct world *w)
{
    parts_gather(engine_device(w->engine, WORLD_DEVICE_EUI_BASE), sbrk(0));
}

static struct near packed(const struct world_link *link)
{
    assert(link->gateway <= UINT16_MAX);
    assert(link->loss_cdb > INT16_MIN && link->loss_cdb < INT16_MAX);
    return (struct near){(uint16_t)link->gateway, (int16_t)link->loss_cdb};
}

struct world_nears *world_nears_make(const struct world_scenario *s)
{
    size_t most = 0;
    for (size_t i = 0; i < s->device_count; i++) {
        size_t count = world_link_count(s, i);
        most = count > most ? count : most;
    }
    size_t in_line = LINE_BYTES / sizeof(struct near);
    struct world_nears *n = calloc(1, sizeof(*n));
    assert(n != NULL);
    n->stride = (most + in_line) / in_line * in_line; /* one to end it */
    n->links = big_table(s->device_count * n->stride, sizeof(*n->links));
    for (size_t i = 0; i < s->device_count; i++) {
        struct near *to = n->links + i * n->stride;
        size_t count = world_link_count(s, i);
        for (size_t k = 0; k < count; k++) {
            to[k] = packed(&world_links(s, i)[k]);
        }
        to[count].loss_cdb = INT16_MAX;
    }
    /* Here, not in a run: in a process of its own that would make a copy of them. */
    parts_gather(s->devices, s->devices + s->device_count);
    return n;
}

void world_nears_free(struct world_nears *nears)
{
    if (nears != NULL) {
        free(nears->links);
        free(nears);
    }
}

static void take_nears(struct world *w)
{
    const struct world_nears *n = w->config->nears;
    if (n == NULL) {
        n = w->own_nears = world_nears_make(w->s);
    }
    w->near = n->links;
    w->near_stride = n->stride;
}

void parts_init(struct world *w)
{
    assert(w->s->device_count > 0 && w->s->gateway_count > 0);
    w->devices = big_table(w->s->device_count, sizeof(*w->devices));
    w->gateways = calloc(w->s->gateway_count, sizeof(*w->gateways));
    w->silent_at_us = calloc(w->s->gateway_count, sizeof(*w->silent_at_us));
    assert(w->gateways != NULL && w->silent_at_us != NULL);
    take_nears(w);
    w->uplink_free = NONE;
    w->unicast_free = NONE;
    w->saying_free = NONE;
    w->frame_free = NONE;
    w->apply_us = INT64_MAX;
    record_init(w);
    parts_gather(w->trace.devices, w->trace.devices + w->s->device_count);
    for (size_t i = 0; i < w->s->device_count; i++) {
        world_device_init(w, (uint32_t)i);
    }
}

void parts_finish(struct world *w)
{
    for (size_t i = 0; w->devices != NULL && i < w->s->device_count; i++) {
        rank_finish(&w->devices[i].rank);
    }
    for (size_t i = 0; w->gateways != NULL && i < BAND_COUNT * w->s->gateway_count; i++) {
        free(w->gateways[i / BAND_COUNT].duty[i % BAND_COUNT].items);
    }
    for (size_t i = 0; i < w->tx_count; i++) {
        for (size_t k = 0; k < w->txs[i].at_count; k++) {
            free(w->txs[i].at[k].items);
        }
        free(w->txs[i].at);
        free(w->txs[i].slot_of);
        free(w->txs[i].row);
    }
    for (size_t i = 0; i < w->lane_count; i++) {
        free(w->lanes[i].rows);
    }
    free(w->txs);
    free(w->tx_of_id);
    free(w->lanes);
    free(w->devices);
    world_nears_free(w->own_nears);
    free(w->gateways);
    free(w->silent_at_us);
    free(w->uplinks);
    free(w->unicasts);
    free(w->sayings);
    free(w->frames);
    free(w->notices.items);
    heap_finish(&w->heap);
    world_watch(w, true);
    effects_finish(&w->effects);
    engine_destroy(w->engine);
    world_watch(w, false);
    campaigns_finish(w);
    (void)law_finish(&w->law);
    world_trace_finish(&w->trace);
}

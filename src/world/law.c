/* SPDX-License-Identifier: MIT */
/*
 * law.c - whether gateways keep to the duty cycle: all frames of a run, once more.
 *
 * On its own: it knows nothing of what the gateways of the world themselves count.
 */
#include <assert.h>
#include <stdlib.h>

#include "world/internal.h"

void law_init(struct law *l, const struct world_scenario *s)
{
    *l = (struct law){.params = &s->params, .hour_count = s->gateway_count * BAND_COUNT};
    l->hours = calloc(l->hour_count, sizeof(*l->hours));
    assert(l->hours != NULL);
}

static struct law_frame *item(const struct law_hour *h, uint32_t i)
{
    return &h->items[(h->head + i) & (h->cap - 1)];
}

static void make_room(struct law_hour *h)
{
    if (h->count < h->cap) {
        return;
    }
    uint32_t cap = h->cap == 0 ? 8 : 2 * h->cap; /* a power of two */
    struct law_frame *items = calloc(cap, sizeof(*items));
    assert(items != NULL);
    for (uint32_t i = 0; i < h->count; i++) {
        items[i] = *item(h, i);
    }
    free(h->items);
    h->items = items;
    h->head = 0;
    h->cap = cap;
}

/* The hour that ends with this frame; they come in the order in which they begin. */
static void judge(struct law *l, struct law_hour *h, const struct law_frame *f)
{
    assert(h->count == 0 || item(h, h->count - 1)->at_us <= f->at_us);
    make_room(h);
    *item(h, h->count++) = *f;
    h->sum_us += f->airtime_us;
    int64_t from_us = f->at_us + f->airtime_us - HOURS_US(1);
    while (item(h, 0)->at_us + item(h, 0)->airtime_us <= from_us) {
        h->sum_us -= item(h, 0)->airtime_us;
        h->head = (h->head + 1) & (h->cap - 1);
        h->count--;
    }
    int64_t cut_us = from_us - item(h, 0)->at_us;
    int64_t limit_us = HOURS_US(1) / WORLD_PPM * h->ppm;
    l->over += h->sum_us - (cut_us > 0 ? cut_us : 0) > limit_us;
}

void law_take(struct law *l, const struct world_frame *frame)
{
    enum band band = air_band(frame->frequency * WORLD_FRAME_HZ);
    struct law_hour *h = &l->hours[(size_t)frame->gateway * BAND_COUNT + band];
    struct law_frame f = {frame->at_us, frame->airtime_us};
    h->ppm = band == BAND_P ? l->params->legal_ppm : l->params->narrow_legal_ppm;
    /* A frame that is told at its end may come behind one that began at that moment. */
    if (h->waits && f.at_us < h->last.at_us) {
        judge(l, h, &f);
        return;
    }
    if (h->waits) {
        judge(l, h, &h->last);
    }
    h->last = f;
    h->waits = true;
}

uint64_t law_finish(struct law *l)
{
    for (size_t i = 0; i < l->hour_count; i++) {
        struct law_hour *h = &l->hours[i];
        if (h->waits) {
            judge(l, h, &h->last);
        }
        free(h->items);
    }
    uint64_t over = l->over;
    free(l->hours);
    *l = (struct law){0};
    return over;
}

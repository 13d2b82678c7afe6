/* SPDX-License-Identifier: MIT */
/* record.c - the trace while a run goes on, and what can be said of it afterwards. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "world/internal.h"

int64_t record_time(const struct world *w, int64_t t_us)
{
    return world_applied(w) && t_us > w->apply_us ? t_us - w->apply_us : 0;
}

void record_init(struct world *w)
{
    w->trace.device_count = w->s->device_count;
    w->trace.devices = calloc(w->s->device_count, sizeof(*w->trace.devices));
    assert(w->trace.devices != NULL);
    for (size_t i = 0; i < w->s->device_count; i++) {
        w->trace.devices[i].complete_us = -1;
        w->trace.devices[i].ended_us = -1;
        w->trace.devices[i].first_uplink_us = -1;
        w->trace.devices[i].first_received_us = -1;
        w->trace.devices[i].transmission = UINT32_MAX;
    }
}

void record_frame(struct world *w, const struct world_frame *frame)
{
    struct world_trace *t = &w->trace;
    t->frames = world_grow(t->frames, &w->frame_trace_cap, t->frame_count + 1,
                           sizeof(*t->frames));
    t->frames[t->frame_count++] = *frame;
}

/* The device takes part in the transmission from now on; returns its number there. */
uint32_t record_join(struct world *w, uint32_t tx, uint32_t device)
{
    struct world_transmission *t = &w->trace.transmissions[tx];
    struct light *d = &w->devices[device];
    if (d->joined == tx) {
        return d->member;
    }
    d->joined = tx;
    if (w->trace.devices[device].complete_us < 0) {
        w->trace.devices[device].transmission = tx;
    }
    size_t count = t->device_count + 1;
    if ((count & (count - 1)) == 0) { /* a power of two: make room up to the next */
        t->devices = realloc(t->devices, 2 * count * sizeof(*t->devices));
        assert(t->devices != NULL);
    }
    t->devices[t->device_count] = device;
    return (uint32_t)t->device_count++;
}

static void add_number(struct world_transmission *t, uint16_t n)
{
    size_t count = t->number_count + 1;
    if ((count & (count - 1)) == 0) {
        t->numbers = realloc(t->numbers, 2 * count * sizeof(*t->numbers));
        assert(t->numbers != NULL);
    }
    t->numbers[t->number_count++] = (struct world_number){.n = n, .at_us = -1};
}

void record_number(struct world *w, uint32_t tx, uint32_t number, uint16_t n,
                   int64_t at_us)
{
    struct world_transmission *t = &w->trace.transmissions[tx];
    while (t->number_count <= number) {
        add_number(t, n);
    }
    if (at_us >= 0 && t->numbers[number].at_us < 0) {
        t->numbers[number].at_us = record_time(w, at_us);
    }
}

void record_heard(struct world *w, uint32_t tx, uint32_t member, uint32_t number)
{
    const struct world_transmission *t = &w->trace.transmissions[tx];
    struct world_number *x = &t->numbers[number];
    if (member / 64 >= x->words) {
        uint32_t words = (uint32_t)(t->device_count + 63) / 64;
        x->heard = realloc(x->heard, words * sizeof(*x->heard));
        assert(x->heard != NULL);
        memset(x->heard + x->words, 0, (words - x->words) * sizeof(*x->heard));
        x->words = words;
    }
    x->heard[member / 64] |= UINT64_C(1) << (member % 64);
}

void world_trace_drop_tables(struct world_trace *t)
{
    for (size_t i = 0; t->transmissions != NULL && i < t->transmission_count; i++) {
        struct world_transmission *x = &t->transmissions[i];
        for (size_t k = 0; k < x->number_count; k++) {
            free(x->numbers[k].heard);
        }
        free(x->numbers);
        free(x->devices);
    }
    for (size_t i = 0; t->campaigns != NULL && i < t->campaign_count; i++) {
        free(t->campaigns[i].devices);
        free(t->campaigns[i].waves);
    }
    free(t->transmissions);
    free(t->frames);
    free(t->devices);
    free(t->campaigns);
    t->campaigns = NULL;
    t->transmissions = NULL;
    t->frames = NULL;
    t->devices = NULL;
}

void world_trace_finish(struct world_trace *t)
{
    world_trace_drop_tables(t);
    *t = (struct world_trace){0};
}

/* ---- the law ---- */

static int compare(const void *a, const void *b)
{
    const struct world_frame *x = a;
    const struct world_frame *y = b;
    return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

/* Hours that end with a frame and hold more than the limit, in frames[0..count). */
static uint64_t hours_over(const struct world_frame *frames, size_t count,
                           int64_t limit_us)
{
    uint64_t over = 0;
    int64_t sum_us = 0;
    size_t first = 0;
    for (size_t i = 0; i < count; i++) {
        sum_us += frames[i].airtime_us;
        int64_t from_us = frames[i].at_us + frames[i].airtime_us - HOURS_US(1);
        while (frames[first].at_us + frames[first].airtime_us <= from_us) {
            sum_us -= frames[first++].airtime_us;
        }
        int64_t cut_us = from_us - frames[first].at_us;
        over += sum_us - (cut_us > 0 ? cut_us : 0) > limit_us;
    }
    return over;
}

/* The frames of a gateway in a band, sorted by time. */
static uint64_t group_over(const struct world_trace *t, const struct world_params *p,
                           const uint32_t *order, size_t count, struct world_frame *group)
{
    for (size_t i = 0; i < count; i++) {
        group[i] = t->frames[order[i]];
    }
    qsort(group, count, sizeof(*group), compare);
    uint32_t ppm = count > 0 && air_band(group[0].frequency * WORLD_FRAME_HZ) == BAND_P
                       ? p->legal_ppm
                       : p->narrow_legal_ppm;
    return hours_over(group, count, HOURS_US(1) / WORLD_PPM * ppm);
}

static size_t group_of(const struct world_frame *f)
{
    return (size_t)f->gateway * BAND_COUNT + air_band(f->frequency * WORLD_FRAME_HZ);
}

/* They may be many millions: told apart by counting, a group at a time. */
uint64_t world_trace_violations(const struct world_trace *t,
                                const struct world_scenario *s)
{
    size_t groups = s->gateway_count * BAND_COUNT;
    size_t *first = calloc(groups + 2, sizeof(*first));
    uint32_t *order = calloc(t->frame_count + 1, sizeof(*order));
    assert(first != NULL && order != NULL && t->frame_count <= UINT32_MAX);
    size_t most = 0;
    for (size_t i = 0; i < t->frame_count; i++) {
        size_t count = ++first[group_of(&t->frames[i]) + 2];
        most = count > most ? count : most;
    }
    for (size_t g = 2; g < groups + 2; g++) {
        first[g] += first[g - 1];
    }
    for (size_t i = 0; i < t->frame_count; i++) {
        order[first[group_of(&t->frames[i]) + 1]++] = (uint32_t)i;
    }
    struct world_frame *group = calloc(most + 1, sizeof(*group));
    assert(group != NULL);
    uint64_t over = 0;
    for (size_t g = 0; g < groups; g++) {
        over +=
            group_over(t, &s->params, order + first[g], first[g + 1] - first[g], group);
    }
    free(group);
    free(order);
    free(first);
    return over;
}

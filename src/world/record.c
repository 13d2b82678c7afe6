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
    law_init(&w->law, w->s);
    for (size_t i = 0; i < w->s->device_count; i++) {
        w->trace.devices[i].complete_us = -1;
        w->trace.devices[i].ended_us = -1;
        w->trace.devices[i].first_uplink_us = -1;
        w->trace.devices[i].first_received_us = -1;
        w->trace.devices[i].transmission = UINT32_MAX;
    }
}

static void add_sender(struct world *w, const struct world_frame *frame)
{
    struct world_transmission *x = &w->trace.transmissions[frame->transmission];
    if (x->senders == NULL) {
        x->senders = calloc(w->s->gateway_count / 64 + 1, sizeof(*x->senders));
        assert(x->senders != NULL);
    }
    x->senders[frame->gateway / 64] |= UINT64_C(1) << (frame->gateway % 64);
}

void record_frame(struct world *w, const struct world_frame *frame)
{
    struct world_trace *t = &w->trace;
    if (!w->config->no_frames) {
        t->frames = world_grow(t->frames, &w->frame_trace_cap, t->frame_count + 1,
                               sizeof(*t->frames));
        t->frames[t->frame_count] = *frame;
    }
    t->frame_count++;
    law_take(&w->law, frame);
    if (frame->kind != WORLD_FRAME_UNICAST) {
        t->multicast_frames++;
        t->multicast_us += frame->airtime_us;
    }
    if (frame->kind == WORLD_FRAME_FRAGMENT) {
        add_sender(w, frame);
    }
}

void record_end(struct world *w)
{
    w->trace.end_us = w->now_us - w->apply_us;
    w->trace.violations = law_finish(&w->law);
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
    if (t->number_count == t->number_cap) { /* by little: there are thousands of lists */
        t->number_cap += 16 + t->number_cap / 4;
        t->numbers = realloc(t->numbers, t->number_cap * sizeof(*t->numbers));
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
        free(x->senders);
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

uint64_t world_trace_violations(const struct world_trace *t,
                                const struct world_scenario *s)
{
    struct law law;
    law_init(&law, s);
    for (size_t i = 0; i < t->frame_count; i++) {
        law_take(&law, &t->frames[i]);
    }
    return law_finish(&law);
}

/* SPDX-License-Identifier: MIT */
#include "engine/timers.h"

#include <assert.h>
#include <stdlib.h>

static bool before(const struct timers *t, uint32_t a, uint32_t b)
{
    if (t->deadline_us[a] != t->deadline_us[b]) {
        return t->deadline_us[a] < t->deadline_us[b];
    }
    return a < b;
}

static void put(struct timers *t, size_t at, uint32_t slot)
{
    t->heap[at] = slot;
    t->position[slot] = (uint32_t)at;
}

static void sift_up(struct timers *t, size_t at)
{
    uint32_t slot = t->heap[at];
    while (at > 0 && before(t, slot, t->heap[(at - 1) / 2])) {
        put(t, at, t->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(t, at, slot);
}

static void sift_down(struct timers *t, size_t at)
{
    uint32_t slot = t->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= t->len) {
            break;
        }
        if (child + 1 < t->len && before(t, t->heap[child + 1], t->heap[child])) {
            child++;
        }
        if (!before(t, t->heap[child], slot)) {
            break;
        }
        put(t, at, t->heap[child]);
        at = child;
    }
    put(t, at, slot);
}

static void *grown(void *p, size_t count, size_t size)
{
    void *q = reallocarray(p, count, size);
    assert(q != NULL);
    return q;
}

static uint32_t new_slot(struct timers *timers)
{
    if (timers->slot_count == timers->slot_cap) {
        size_t cap = timers->slot_cap == 0 ? 64 : timers->slot_cap * 2;
        timers->heap = grown(timers->heap, cap, sizeof(*timers->heap));
        timers->position = grown(timers->position, cap, sizeof(*timers->position));
        timers->deadline_us =
            grown(timers->deadline_us, cap, sizeof(*timers->deadline_us));
        timers->slot_cap = cap;
    }
    return (uint32_t)timers->slot_count++;
}

static uint32_t freed_slot(struct timers *timers)
{
    uint32_t slot = (uint32_t)(timers->freed - 1);
    timers->freed = (size_t)timers->deadline_us[slot];
    return slot;
}

uint32_t timers_add_slot(struct timers *timers)
{
    uint32_t slot = timers->freed != 0 ? freed_slot(timers) : new_slot(timers);
    timers->position[slot] = TIMERS_UNSET;
    timers->deadline_us[slot] = INT64_MAX;
    return slot;
}

static void clear(struct timers *t, uint32_t slot)
{
    size_t at = t->position[slot];
    if (at == TIMERS_UNSET) {
        return;
    }
    t->position[slot] = TIMERS_UNSET;
    uint32_t last = t->heap[--t->len];
    if (last != slot) {
        put(t, at, last);
        sift_down(t, at);
        sift_up(t, t->position[last]);
    }
}

void timers_set(struct timers *timers, uint32_t slot, struct utc deadline)
{
    if (deadline.us == INT64_MAX) {
        clear(timers, slot);
        timers->deadline_us[slot] = INT64_MAX;
        return;
    }
    bool is_new = timers->position[slot] == TIMERS_UNSET;
    bool sooner = is_new || deadline.us < timers->deadline_us[slot];
    timers->deadline_us[slot] = deadline.us;
    if (is_new) {
        put(timers, timers->len++, slot);
    }
    if (sooner) {
        sift_up(timers, timers->position[slot]);
    } else {
        sift_down(timers, timers->position[slot]);
    }
}

void timers_free_slot(struct timers *timers, uint32_t slot)
{
    clear(timers, slot);
    timers->deadline_us[slot] = (int64_t)timers->freed;
    timers->freed = (size_t)slot + 1;
}

struct utc timers_next(const struct timers *timers)
{
    if (timers->len == 0) {
        return UTC_NEVER;
    }
    return (struct utc){timers->deadline_us[timers->heap[0]]};
}

bool timers_pop(struct timers *timers, struct utc now, uint32_t *slot)
{
    if (timers->len == 0 || timers_next(timers).us > now.us) {
        return false;
    }
    *slot = timers->heap[0];
    clear(timers, *slot);
    return true;
}

void timers_shift(struct timers *timers, int64_t delta_us)
{
    for (size_t i = 0; i < timers->len; i++) {
        int64_t *us = &timers->deadline_us[timers->heap[i]];
        *us = time_add_saturated(*us, delta_us);
    }
}

void timers_finish(struct timers *timers)
{
    free(timers->heap);
    free(timers->position);
    free(timers->deadline_us);
    *timers = (struct timers){0};
}

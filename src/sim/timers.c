/* SPDX-License-Identifier: MIT */
#include "sim/timers.h"

#include <stdlib.h>

static bool before(const struct sim_timer *a, const struct sim_timer *b)
{
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->seq < b->seq;
}

static void place(struct sim_timers *timers, struct sim_timer *timer, size_t slot)
{
    timers->heap[slot] = timer;
    timer->slot = slot;
}

static void sift_up(struct sim_timers *timers, struct sim_timer *timer, size_t slot)
{
    while (slot > 1 && before(timer, timers->heap[slot / 2])) {
        place(timers, timers->heap[slot / 2], slot);
        slot /= 2;
    }
    place(timers, timer, slot);
}

static void sift_down(struct sim_timers *timers, struct sim_timer *timer, size_t slot)
{
    for (size_t child = 2 * slot; child <= timers->len; child = 2 * slot) {
        if (child < timers->len && before(timers->heap[child + 1], timers->heap[child])) {
            child++;
        }
        if (!before(timers->heap[child], timer)) {
            break;
        }
        place(timers, timers->heap[child], slot);
        slot = child;
    }
    place(timers, timer, slot);
}

static void resift(struct sim_timers *timers, struct sim_timer *timer, size_t slot)
{
    sift_up(timers, timer, slot);
    sift_down(timers, timer, timer->slot);
}

static void reserve(struct sim_timers *timers)
{
    if (timers->len + 1 < timers->cap) {
        return;
    }
    size_t cap = timers->cap == 0 ? 64 : 2 * timers->cap;
    size_t bytes = cap * sizeof(struct sim_timer *);
    struct sim_timer **heap = realloc(timers->heap, bytes);
    if (heap == NULL) {
        abort();
    }
    timers->heap = heap;
    timers->cap = cap;
}

void sim_timers_free(struct sim_timers *timers)
{
    free(timers->heap);
    *timers = (struct sim_timers){0};
}

void sim_timers_set(struct sim_timers *timers, struct sim_timer *timer, struct utc at)
{
    timer->at = at;
    timer->seq = timers->next_seq++;
    if (timer->slot == 0) {
        reserve(timers);
        timers->len++;
        timer->slot = timers->len;
    }
    resift(timers, timer, timer->slot);
}

void sim_timers_cancel(struct sim_timers *timers, struct sim_timer *timer)
{
    size_t slot = timer->slot;
    if (slot == 0) {
        return;
    }
    timer->slot = 0;
    struct sim_timer *last = timers->heap[timers->len--];
    if (last != timer) {
        resift(timers, last, slot);
    }
}

struct utc sim_timers_next(const struct sim_timers *timers)
{
    return timers->len == 0 ? UTC_NEVER : timers->heap[1]->at;
}

void sim_timers_run(struct sim_timers *timers, struct utc now)
{
    while (timers->len > 0 && utc_reached(timers->heap[1]->at, now)) {
        struct sim_timer *timer = timers->heap[1];
        sim_timers_cancel(timers, timer);
        timer->fire(timer, timer->at);
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * timers.h - a heap of timers on virtual time; what makes things happen in the simulator.
 *
 * A timer is embedded in the thing it belongs to; sim_timers_run() calls its function at its
 * time, one after the other, timers of the same time in the order in which they were set.
 * Setting, moving and cancelling are O(log n). No clock: the time comes from the caller.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/error.h"

struct sim_timer {
    /* now is the time it was set for, never earlier than that of the timer before. */
    void (*fire)(struct sim_timer *timer, struct utc now);
    struct utc at;
    uint64_t seq;
    size_t slot; /* 1-based place in the heap; 0: not set */
};

struct sim_timers {
    struct sim_timer **heap; /* heap[1] is the first */
    size_t len;
    size_t cap;
    uint64_t next_seq;
};

/* The thing that a timer is a member of. */
#define SIM_TIMER_OWNER(timer, type, member) \
    ((type *)(void *)((char *)(timer)-offsetof(type, member)))

void sim_timers_free(struct sim_timers *timers);

/* Set or move. A simulator that runs out of memory aborts: there is nothing to save. */
void sim_timers_set(struct sim_timers *timers, struct sim_timer *timer, struct utc at);

/* Nothing happens if it is not set. */
void sim_timers_cancel(struct sim_timers *timers, struct sim_timer *timer);

/* UTC_NEVER if there is none. */
struct utc sim_timers_next(const struct sim_timers *timers);

/* Fire everything due at `now` or before, including what is set meanwhile. */
void sim_timers_run(struct sim_timers *timers, struct utc now);

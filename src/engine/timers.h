/* SPDX-License-Identifier: MIT */
/*
 * timers.h - one deadline per slot, in a heap.
 *
 * A slot is a small dense number that its owner keeps. Equal deadlines come out in order of
 * slot, so that a run depends on nothing but its events.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

/* Zeroed is empty. */
struct timers {
    uint32_t *heap;     /* slots, the earliest first */
    uint32_t *position; /* of a slot in heap; TIMERS_UNSET: not in it */
    int64_t *deadline_us;
    size_t len;
    size_t slot_count;
    size_t slot_cap;
    size_t
        freed; /* 1 more than the slot freed last, of which deadline_us is the one freed
                     before it, likewise; 0: none */
};

#define TIMERS_UNSET UINT32_MAX

/* A new slot, without a deadline; it may be one that was freed. */
uint32_t timers_add_slot(struct timers *timers);

/* Its deadline is cleared too. */
void timers_free_slot(struct timers *timers, uint32_t slot);

/* UTC_NEVER clears. */
void timers_set(struct timers *timers, uint32_t slot, struct utc deadline);

/* UTC_NEVER if nothing is set. */
struct utc timers_next(const struct timers *timers);

/* The slot with the earliest deadline at or before now, cleared; false if there is none. */
bool timers_pop(struct timers *timers, struct utc now, uint32_t *slot);

/* Move every deadline by delta (the wall clock was stepped). */
void timers_shift(struct timers *timers, int64_t delta_us);

void timers_finish(struct timers *timers);

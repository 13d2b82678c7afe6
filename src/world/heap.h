/* SPDX-License-Identifier: MIT */
/*
 * heap.h - what is to happen, in order of time; things of the same moment in the order in
 * which they were planned.
 *
 * A heap of what is near, which stays small and so in the cache however large the fleet, and
 * a calendar of about three days for what is later, unsorted until its page is opened.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAP_PAGES = 32768 }; /* a power of two */

struct heap_item {
    int64_t at_us; /* not negative */
    uint32_t seq;
    uint32_t arg;
    uint32_t kind;
};

struct heap_page {
    struct heap_item *items;
    uint32_t count;
    uint32_t cap;
};

/* Zeroed is empty. */
struct heap {
    struct heap_item *items; /* a heap: all of the pages opened, and what is too far */
    size_t near;
    size_t cap;
    size_t count;            /* near, and on pages */
    int64_t opened;          /* pages before that one */
    struct heap_page *pages; /* by number modulo HEAP_PAGES */
    uint32_t seq;
};

/* Aborts when memory is exhausted. */
void heap_push(struct heap *h, int64_t at_us, uint32_t kind, uint32_t arg);

/* The heap must not be empty. */
struct heap_item heap_pop(struct heap *h);

/* INT64_MAX if it is empty. */
static inline int64_t heap_next_us(const struct heap *h)
{
    return h->count == 0 ? INT64_MAX : h->items[0].at_us;
}

void heap_finish(struct heap *h); /* accepts a zeroed one */

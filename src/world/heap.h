/* SPDX-License-Identifier: MIT */
/*
 * heap.h - what is to happen, in order of time; things of the same moment in the order in
 * which they were planned.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
    int64_t at_us;
    uint32_t seq;
    uint32_t arg;
    uint32_t kind;
};

/* Zeroed is empty. */
struct heap {
    struct heap_item *items;
    size_t count;
    size_t cap;
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

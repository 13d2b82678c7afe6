/* SPDX-License-Identifier: MIT */
#include "world/heap.h"

#include <assert.h>
#include <stdlib.h>

enum { WAYS = 4 };

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    /* The counter may wrap: what is compared was planned within 2^31 of each other. */
    return a->at_us != b->at_us ? a->at_us < b->at_us : (int32_t)(a->seq - b->seq) < 0;
}

void heap_push(struct heap *h, int64_t at_us, uint32_t kind, uint32_t arg)
{
    struct heap_item item = {.at_us = at_us, .seq = h->seq++, .arg = arg, .kind = kind};
    if (h->count == h->cap) {
        h->cap = h->cap == 0 ? 256 : 2 * h->cap;
        h->items = realloc(h->items, h->cap * sizeof(*h->items));
        assert(h->items != NULL);
    }
    size_t i = h->count++;
    for (; i > 0 && before(&item, &h->items[(i - 1) / WAYS]); i = (i - 1) / WAYS) {
        h->items[i] = h->items[(i - 1) / WAYS];
    }
    h->items[i] = item;
}

/* The earliest of i's children; count if it has none. */
static size_t first_child(const struct heap *h, size_t i)
{
    size_t best = i * WAYS + 1;
    size_t end = best + WAYS < h->count ? best + WAYS : h->count;
    for (size_t c = best + 1; c < end; c++) {
        if (before(&h->items[c], &h->items[best])) {
            best = c;
        }
    }
    return best < h->count ? best : h->count;
}

struct heap_item heap_pop(struct heap *h)
{
    assert(h->count > 0);
    struct heap_item top = h->items[0];
    struct heap_item last = h->items[--h->count];
    size_t i = 0;
    for (size_t c = first_child(h, i); c < h->count && before(&h->items[c], &last);
         c = first_child(h, i)) {
        h->items[i] = h->items[c];
        i = c;
    }
    h->items[i] = last;
    return top;
}

void heap_finish(struct heap *h)
{
    free(h->items);
    *h = (struct heap){0};
}

/* SPDX-License-Identifier: MIT */
#include "base/sort.h"

#include <stdint.h>
#include <string.h>

enum {
    CHUNK_BYTES = 16, /* of elements that change places */
};

struct heap {
    uint8_t *items;
    size_t size;
    bool (*before)(const void *context, const void *a, const void *b);
    const void *context;
};

static uint8_t *at(const struct heap *h, size_t i)
{
    return h->items + i * h->size;
}

static bool is_before(const struct heap *h, size_t a, size_t b)
{
    return h->before(h->context, at(h, a), at(h, b));
}

static void swap(const struct heap *h, size_t a, size_t b)
{
    uint8_t *to_a = at(h, a);
    uint8_t *to_b = at(h, b);
    uint8_t chunk[CHUNK_BYTES];
    for (size_t done = 0; done < h->size; done += CHUNK_BYTES) {
        size_t left = h->size - done;
        size_t len = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        memcpy(chunk, to_a + done, len);
        memcpy(to_a + done, to_b + done, len);
        memcpy(to_b + done, chunk, len);
    }
}

/* The last of them is on top of the heap; the one at i sinks below those after it. */
static void sift(const struct heap *h, size_t i, size_t count)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < count && is_before(h, child, child + 1)) {
            child++;
        }
        if (child >= count || !is_before(h, i, child)) {
            return;
        }
        swap(h, i, child);
        i = child;
    }
}

void sort_items(void *items, size_t count, size_t size,
                bool (*before)(const void *context, const void *a, const void *b),
                const void *context)
{
    struct heap h = {items, size, before, context};
    for (size_t i = count / 2; i-- > 0;) {
        sift(&h, i, count);
    }
    for (size_t i = count; i-- > 1;) {
        swap(&h, 0, i);
        sift(&h, 0, i);
    }
}

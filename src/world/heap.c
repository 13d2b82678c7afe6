/* SPDX-License-Identifier: MIT */
#include "world/heap.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WAYS = 4,
    PAGE_BITS = 23, /* 8 s */
};

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    /* The counter may wrap: what is compared was planned within 2^31 of each other. */
    return a->at_us != b->at_us ? a->at_us < b->at_us : (int32_t)(a->seq - b->seq) < 0;
}

static void *grown(void *items, size_t cap, size_t size)
{
    void *p = reallocarray(items, cap, size);
    assert(p != NULL);
    return p;
}

static void sift_in(struct heap *h, const struct heap_item *item)
{
    if (h->near == h->cap) {
        h->cap = h->cap == 0 ? 256 : 2 * h->cap;
        h->items = grown(h->items, h->cap, sizeof(*h->items));
    }
    size_t i = h->near++;
    for (; i > 0 && before(item, &h->items[(i - 1) / WAYS]); i = (i - 1) / WAYS) {
        h->items[i] = h->items[(i - 1) / WAYS];
    }
    h->items[i] = *item;
}

/* ---- the calendar ---- */

static struct heap_page *page_at(const struct heap *h, int64_t number)
{
    return &h->pages[(size_t)number % HEAP_PAGES];
}

static void note(struct heap *h, int64_t number, const struct heap_item *item)
{
    if (h->pages == NULL) {
        h->pages = calloc(HEAP_PAGES, sizeof(*h->pages));
        assert(h->pages != NULL);
    }
    struct heap_page *page = page_at(h, number);
    if (page->count == page->cap) {
        page->cap = page->cap == 0 ? 8 : 2 * page->cap;
        page->items = grown(page->items, page->cap, sizeof(*page->items));
    }
    page->items[page->count++] = *item;
}

static void open_page(struct heap *h)
{
    struct heap_page *page = page_at(h, h->opened++);
    for (uint32_t i = 0; i < page->count; i++) {
        sift_in(h, &page->items[i]);
    }
    free(page->items);
    *page = (struct heap_page){0};
}

/* The first of all is at the top. */
static void settle(struct heap *h)
{
    while (h->near < h->count &&
           (h->near == 0 || h->items[0].at_us >> PAGE_BITS >= h->opened)) {
        open_page(h);
    }
}

void heap_push(struct heap *h, int64_t at_us, uint32_t kind, uint32_t arg)
{
    struct heap_item item = {.at_us = at_us, .seq = h->seq++, .arg = arg, .kind = kind};
    int64_t number = at_us >> PAGE_BITS;
    h->count++;
    if (number < h->opened || number >= h->opened + HEAP_PAGES) {
        sift_in(h, &item);
    } else {
        note(h, number, &item);
    }
    settle(h);
}

/* The earliest of i's children; near if it has none. */
static size_t first_child(const struct heap *h, size_t i)
{
    size_t best = i * WAYS + 1;
    size_t end = best + WAYS < h->near ? best + WAYS : h->near;
    for (size_t c = best + 1; c < end; c++) {
        if (before(&h->items[c], &h->items[best])) {
            best = c;
        }
    }
    return best < h->near ? best : h->near;
}

struct heap_item heap_pop(struct heap *h)
{
    assert(h->count > 0);
    struct heap_item top = h->items[0];
    struct heap_item last = h->items[--h->near];
    size_t i = 0;
    for (size_t c = first_child(h, i); c < h->near && before(&h->items[c], &last);
         c = first_child(h, i)) {
        h->items[i] = h->items[c];
        i = c;
    }
    h->items[i] = last;
    h->count--;
    settle(h);
    return top;
}

void heap_finish(struct heap *h)
{
    for (size_t i = 0; h->pages != NULL && i < HEAP_PAGES; i++) {
        free(h->pages[i].items);
    }
    free(h->pages);
    free(h->items);
    *h = (struct heap){0};
}

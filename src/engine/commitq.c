/* SPDX-License-Identifier: MIT */
#include "engine/commitq.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An effect, and how many STOREs must be on disk before it may be carried out. */
struct held {
    uint64_t stores_before;
    struct effect effect;
};

/* First in, first out; items[head .. len) are held. */
struct held_fifo {
    struct held *items;
    size_t head;
    size_t len;
    size_t cap;
};

struct commitq {
    struct effects gathering; /* STORE and PUBLISH, for the next batch */
    struct held_fifo urgent;
    struct held_fifo waiting;
    uint64_t stores_pushed; /* counts of STOREs; they only grow */
    uint64_t stores_out;    /* of those up to the batch that is out */
    uint64_t stores_done;   /* on disk */
    size_t batch_len;       /* effects of the batch that is out */
    bool out;
};

enum {
    KEEP_CAP = 64, /* what an empty list keeps; a burst's memory goes back */
};

static void fifo_push(struct held_fifo *fifo, const struct effect *effect,
                      uint64_t stores_before)
{
    if (fifo->len == fifo->cap) {
        size_t cap = fifo->cap == 0 ? 16 : fifo->cap * 2;
        struct held *items = realloc(fifo->items, cap * sizeof(*items));
        assert(items != NULL);
        fifo->items = items;
        fifo->cap = cap;
    }
    fifo->items[fifo->len++] = (struct held){stores_before, *effect};
}

static void fifo_finish(struct held_fifo *fifo)
{
    free(fifo->items);
    *fifo = (struct held_fifo){0};
}

/* Move what is held to the front once half of the list is gone: amortised O(1). */
static void fifo_compact(struct held_fifo *fifo)
{
    if (fifo->head == fifo->len) {
        if (fifo->cap > KEEP_CAP) {
            fifo_finish(fifo);
        }
        fifo->head = 0;
        fifo->len = 0;
    } else if (fifo->head >= KEEP_CAP && fifo->head * 2 >= fifo->len) {
        fifo->len -= fifo->head;
        memmove(fifo->items, fifo->items + fifo->head, fifo->len * sizeof(*fifo->items));
        fifo->head = 0;
    }
}

static bool fifo_pop(struct held_fifo *fifo, uint64_t stores_done, struct effect *effect)
{
    if (fifo->head == fifo->len || fifo->items[fifo->head].stores_before > stores_done) {
        return false;
    }
    *effect = fifo->items[fifo->head++].effect;
    fifo_compact(fifo);
    return true;
}

struct commitq *commitq_create(void)
{
    struct commitq *q = calloc(1, sizeof(*q));
    assert(q != NULL);
    return q;
}

static void clear(struct commitq *q)
{
    effects_finish(&q->gathering);
    fifo_finish(&q->urgent);
    fifo_finish(&q->waiting);
}

void commitq_destroy(struct commitq *q)
{
    if (q != NULL) {
        clear(q);
        free(q);
    }
}

static void gather(struct commitq *q, const struct effect *effect)
{
    struct effect *copy = effects_append(&q->gathering, effect->type);
    *copy = *effect;
    q->stores_pushed += effect->type == EFFECT_STORE;
}

void commitq_push(struct commitq *q, const struct effects *effects)
{
    for (size_t i = 0; i < effects->len; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->type == EFFECT_STORE || effect->type == EFFECT_PUBLISH) {
            gather(q, effect);
        } else if (effect->urgent) {
            fifo_push(&q->urgent, effect, 0);
        } else {
            fifo_push(&q->waiting, effect, q->stores_pushed);
        }
    }
}

bool commitq_take_batch(struct commitq *q, struct effects *batch)
{
    batch->len = 0;
    if (q->out || q->gathering.len == 0) {
        return false;
    }
    struct effects emptied = *batch;
    *batch = q->gathering;
    q->gathering = emptied;
    q->stores_out = q->stores_pushed;
    q->batch_len = batch->len;
    q->out = true;
    return true;
}

void commitq_committed(struct commitq *q)
{
    assert(q->out);
    q->out = false;
    q->batch_len = 0;
    q->stores_done = q->stores_out;
}

bool commitq_pop(struct commitq *q, struct effect *effect)
{
    return fifo_pop(&q->urgent, q->stores_done, effect) ||
           fifo_pop(&q->waiting, q->stores_done, effect);
}

void commitq_drop_all(struct commitq *q)
{
    clear(q);
    *q = (struct commitq){0};
}

size_t commitq_len(const struct commitq *q)
{
    return q->gathering.len + q->batch_len + (q->urgent.len - q->urgent.head) +
           (q->waiting.len - q->waiting.head);
}

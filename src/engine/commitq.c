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

/* The effects of a step that are stored end there: a transaction has whole steps. */
struct step_end {
    size_t len;      /* of gathering */
    uint64_t stores; /* pushed by then */
};

struct commitq {
    struct effects gathering; /* STORE and PUBLISH, for the next batches */
    struct step_end *ends;    /* ends[end_head .. end_len): of the steps in there */
    size_t end_head;
    size_t end_len;
    size_t end_cap;
    struct held_fifo urgent;
    struct held_fifo waiting;
    uint64_t stores_pushed; /* counts of STOREs; they only grow */
    uint64_t stores_out;    /* of those up to the batch that is out */
    uint64_t stores_done;   /* on disk */
    size_t batch_len;       /* effects of the batch that is out, or has begun */
    bool out;
    bool open; /* the last step that stores something goes on with the next */
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

static bool fifo_is_ready(const struct held_fifo *fifo, uint64_t stores_done)
{
    return fifo->head < fifo->len && fifo->items[fifo->head].stores_before <= stores_done;
}

static bool fifo_pop(struct held_fifo *fifo, uint64_t stores_done, struct effect *effect)
{
    if (!fifo_is_ready(fifo, stores_done)) {
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
    free(q->ends);
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
    effects_copy(&q->gathering, effect);
    q->stores_pushed += effect->type == EFFECT_STORE;
}

static void end_step(struct commitq *q)
{
    if (q->end_len == q->end_cap) {
        size_t cap = q->end_cap == 0 ? 16 : q->end_cap * 2;
        struct step_end *ends = realloc(q->ends, cap * sizeof(*ends));
        assert(ends != NULL);
        q->ends = ends;
        q->end_cap = cap;
    }
    q->ends[q->end_len++] = (struct step_end){q->gathering.len, q->stores_pushed};
}

void commitq_push(struct commitq *q, const struct effects *effects)
{
    size_t gathered = q->gathering.len;
    for (size_t i = 0; i < effects->len; i++) {
        const struct effect *effect = effects->items[i];
        if (effect->type == EFFECT_STORE || effect->type == EFFECT_PUBLISH) {
            gather(q, effect);
        } else if (effect->urgent) {
            fifo_push(&q->urgent, effect, 0);
        } else {
            fifo_push(&q->waiting, effect, q->stores_pushed);
        }
    }
    bool any = q->gathering.len > gathered || q->open;
    q->open = any && effects->open;
    if (any && !q->open) {
        end_step(q);
    }
}

/* Of the batch that is next, as far as it is known: the first step, and all after it that
 * are no more than max with it. */
static struct step_end next_end(const struct commitq *q, size_t max, bool *whole)
{
    struct step_end end = {q->gathering.len, q->stores_pushed};
    *whole = q->end_head < q->end_len && (max < SIZE_MAX || !q->open);
    if (max == SIZE_MAX || q->end_head == q->end_len) {
        return end;
    }
    size_t at = q->end_head;
    end = q->ends[at++];
    while (at < q->end_len && q->ends[at].len <= max) {
        end = q->ends[at++];
    }
    return end;
}

static void drop_ends(struct commitq *q, size_t len)
{
    while (q->end_head < q->end_len && q->ends[q->end_head].len <= len) {
        q->end_head++;
    }
}

static void take_all(struct commitq *q, struct effects *batch)
{
    struct effects emptied = *batch;
    *batch = q->gathering;
    q->gathering = emptied;
    q->end_head = q->end_len = 0;
}

static void take_some(struct commitq *q, size_t len, struct effects *batch)
{
    for (size_t i = 0; i < len; i++) {
        effects_copy(batch, q->gathering.items[i]);
    }
    effects_drop(&q->gathering, len);
    q->end_len -= q->end_head;
    if (q->end_head > 0) {
        memmove(q->ends, q->ends + q->end_head, q->end_len * sizeof(*q->ends));
        q->end_head = 0;
    }
    for (size_t i = 0; i < q->end_len; i++) {
        q->ends[i].len -= len;
    }
}

enum commitq_taken commitq_take_batch(struct commitq *q, size_t max, size_t part,
                                      struct effects *batch)
{
    effects_clear(batch);
    bool whole = false;
    struct step_end end = next_end(q, max, &whole);
    size_t len = end.len;
    if (q->out || (len == 0 && !whole)) {
        return COMMITQ_NOTHING;
    }
    if (len > part) {
        len = part;
        whole = false;
    }
    drop_ends(q, len);
    if (len == q->gathering.len) {
        take_all(q, batch);
    } else {
        take_some(q, len, batch);
    }
    q->batch_len += batch->len;
    if (!whole) {
        return COMMITQ_PART;
    }
    q->stores_out = end.stores;
    q->out = true;
    return COMMITQ_WHOLE;
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

bool commitq_is_ready(const struct commitq *q)
{
    return fifo_is_ready(&q->urgent, q->stores_done) ||
           fifo_is_ready(&q->waiting, q->stores_done);
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

/* SPDX-License-Identifier: MIT */
/*
 * commitq.h - withholds effects until what they rest on is on disk.
 *
 * Daemon and simulator use the same queue. It knows nothing of threads or databases: the
 * caller pushes the effects of each step, takes the STOREs gathered so far as a batch
 * when the disk is free, says when that batch is committed, and pops what may be carried
 * out. Order is kept, but for urgent effects, which are ready at once.
 *
 *   push(step) ... take_batch() -> disk -> committed() -> pop() pop() ...
 *
 * PUBLISH effects belong to the batch too: they become outbox rows of the same
 * transaction. If a commit fails: commitq_drop_all(), and rebuild the engine from the
 * store. Nothing withheld was carried out, so nothing is lost.
 *
 * What belongs together may be too much for one turn of the caller's loop, or take the
 * engine several steps (effects.open): then the batch comes in parts, and is out with its
 * last one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/effect.h"

struct commitq;

struct commitq *commitq_create(void);
void commitq_destroy(struct commitq *q); /* accepts NULL */

/* Copies all effects; the caller may reuse its list. */
void commitq_push(struct commitq *q, const struct effects *effects);

enum commitq_taken {
    COMMITQ_NOTHING = 0, /* for now: the batch that has begun waits for the next step */
    COMMITQ_PART,        /* of a batch, which goes on with the next call */
    COMMITQ_WHOLE,       /* a batch, or the rest of it: it is out */
};

/*
 * If no batch is out and something waits to be stored: moves STORE and PUBLISH effects
 * of the steps pushed so far into *batch (emptied first, then the caller's). A batch has at
 * most max effects, but whole steps, at least one, in their order; SIZE_MAX: all there
 * are. No call gives more than part effects. Exactly one batch is out at a time.
 */
enum commitq_taken commitq_take_batch(struct commitq *q, size_t max, size_t part,
                                      struct effects *batch);

/* The batch that is out is on disk. */
void commitq_committed(struct commitq *q);

/* The next effect that may be carried out, copied to *effect; false if there is none. */
bool commitq_pop(struct commitq *q, struct effect *effect);
bool commitq_is_ready(const struct commitq *q); /* commitq_pop() would have one */

/* Forget everything, also that a batch is out. */
void commitq_drop_all(struct commitq *q);

/* Effects held, stored or not: for bounds and for tests. */
size_t commitq_len(const struct commitq *q);

/* SPDX-License-Identifier: MIT */
/*
 * arena.h - memory that is released all at once; owns what a decoded file points to.
 *
 * Sizes are bounded by the callers (file size, node count); if the system has no memory
 * left the process aborts, so no function here fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *head;
    bool wipe; /* overwrite every byte before it is released */
};

/* A zeroed struct arena is ready to use. */
void arena_finish(struct arena *arena);

/* Zeroed, aligned for any type; valid until arena_finish(). Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);

/* count * size, the product checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of len bytes with a NUL behind them. */
char *arena_text(struct arena *arena, const char *text, size_t len);

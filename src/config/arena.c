/* SPDX-License-Identifier: MIT */
#include "config/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 16 * 1024,
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t cap;
    size_t used;
    alignas(max_align_t) uint8_t bytes[];
};

void arena_finish(struct arena *arena)
{
    while (arena->head != NULL) {
        struct arena_chunk *chunk = arena->head;
        arena->head = chunk->next;
        if (arena->wipe) {
            explicit_bzero(chunk->bytes, chunk->used);
        }
        free(chunk);
    }
}

static void grow(struct arena *arena, size_t size)
{
    size_t cap = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    struct arena_chunk *chunk = calloc(1, sizeof(*chunk) + cap);
    if (chunk == NULL) {
        abort(); /* bounded by the caller: the machine has no memory left */
    }
    chunk->cap = cap;
    chunk->next = arena->head;
    arena->head = chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        abort();
    }
    size_t need = (size + align - 1) / align * align;
    if (arena->head == NULL || arena->head->cap - arena->head->used < need) {
        grow(arena, need);
    }
    void *p = arena->head->bytes + arena->head->used;
    arena->head->used += need;
    return p;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        abort();
    }
    return arena_alloc(arena, total);
}

char *arena_text(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

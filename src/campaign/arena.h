/* SPDX-License-Identifier: MIT */
/*
 * arena.h - cut a caller's workspace into arrays.
 *
 * The same sequence of arena_take() with base NULL only counts: `used` is then what the
 * workspace must hold. Arrays are 8-byte aligned and not initialised.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint8_t *base; /* NULL: count only */
    size_t used;
};

static inline void *arena_take(struct arena *a, size_t count, size_t size)
{
    size_t at = a->used;
    a->used += (count * size + 7) & ~(size_t)7;
    return a->base != NULL ? a->base + at : NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * xalloc.h - small allocations of the daemon's own bookkeeping: they end the process when
 * memory is exhausted, because the store makes a restart safe. Never for a size that comes
 * from outside.
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static inline void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL) {
        abort();
    }
    return p;
}

static inline void *xrealloc(void *old, size_t count, size_t size)
{
    void *p = reallocarray(old, count, size);
    if (p == NULL) {
        abort();
    }
    return p;
}

static inline char *xstrdup(const char *text)
{
    char *p = strdup(text);
    if (p == NULL) {
        abort();
    }
    return p;
}

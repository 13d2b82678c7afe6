/* SPDX-License-Identifier: MIT */
#include "fuota-bench/counted.h"

#include <malloc.h>
#include <stdlib.h>

static struct {
    bool inside;
    int64_t bytes;
    int64_t peak_bytes;
} counted;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static void count(int64_t bytes)
{
    counted.bytes += bytes;
    counted.peak_bytes =
        counted.bytes > counted.peak_bytes ? counted.bytes : counted.peak_bytes;
}

static int64_t size_of(void *p)
{
    return (int64_t)malloc_usable_size(p);
}

void *__wrap_malloc(size_t size)
{
    void *p = __real_malloc(size);
    if (counted.inside) {
        count(size_of(p));
    }
    return p;
}

void *__wrap_calloc(size_t count_of, size_t size)
{
    void *p = __real_calloc(count_of, size);
    if (counted.inside) {
        count(size_of(p));
    }
    return p;
}

/* While it moves, old and new are there at once: both count towards the peak. */
void *__wrap_realloc(void *p, size_t size)
{
    int64_t old = counted.inside ? size_of(p) : 0;
    void *moved = __real_realloc(p, size);
    if (counted.inside && moved != NULL) {
        count(size_of(moved));
        count(-old);
    }
    return moved;
}

void __wrap_free(void *p)
{
    if (counted.inside) {
        count(-size_of(p));
    }
    __real_free(p);
}

void counted_watch(bool inside)
{
    counted.inside = inside;
}

int64_t counted_peak_bytes(void)
{
    return counted.peak_bytes;
}

int64_t counted_bytes(void)
{
    return counted.bytes;
}

/* SPDX-License-Identifier: MIT */
/*
 * sort.h - an array into order, in place.
 *
 * A heapsort: no memory but the array itself, n log n steps whatever is in it, and the same
 * result everywhere for the same input. It is not stable: where the order of equal elements
 * matters, the comparison has to tell them apart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Ascending: before(context, a, b) says whether element a has to come before element b. It
 * must be a strict weak order; context is handed through. size: of an element, in bytes.
 */
void sort_items(void *items, size_t count, size_t size,
                bool (*before)(const void *context, const void *a, const void *b),
                const void *context);

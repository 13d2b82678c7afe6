/* SPDX-License-Identifier: MIT */
/*
 * counted.h - what the engine holds of the heap, byte by byte.
 *
 * The linker leads every malloc(), calloc(), realloc() and free() of the program through here
 * (--wrap in meson.build). Between counted_watch(true) and counted_watch(false) their usable
 * sizes are summed, so the sum is that of one part of the program if only this part allocates
 * and frees then what it has. Counting costs little, and not counting nothing worth mention.
 *
 * One thread may watch.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

void counted_watch(bool inside);

/* The most that was held at any time, since the start. */
int64_t counted_peak_bytes(void);

/* What is held now: 0 when all is given back. */
int64_t counted_bytes(void);

/* SPDX-License-Identifier: MIT */
/*
 * detail.h - one sentence for people that goes with an error code.
 *
 * Filled where the fact is known, shown where the user is. Never holds secrets. Zeroed is
 * empty; a NULL detail is allowed everywhere and ignored.
 */
#pragma once

enum {
    DETAIL_SIZE = 256,
};

struct detail {
    char text[DETAIL_SIZE];
};

/* Control characters become '?'; what does not fit is cut off. */
void detail_set(struct detail *detail, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* SPDX-License-Identifier: MIT */
#include "plugin/nearest.h"

#include <stddef.h>
#include <string.h>

enum {
    KEY_MAX = 48,
    LETTER_COST = 4,
    CASE_COST = 1,
};

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static unsigned change_cost(char a, char b)
{
    if (a == b) {
        return 0;
    }
    return lower(a) == lower(b) ? CASE_COST : LETTER_COST;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Weighted edit distance, one row at a time. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[KEY_MAX + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > KEY_MAX || b_len > KEY_MAX) {
        return KEY_MAX * LETTER_COST;
    }
    for (unsigned j = 0; j <= b_len; j++) {
        row[j] = j * LETTER_COST;
    }
    for (size_t i = 0; i < a_len; i++) {
        unsigned diagonal = row[0];
        row[0] += LETTER_COST;
        for (size_t j = 0; j < b_len; j++) {
            unsigned changed = diagonal + change_cost(a[i], b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(changed, least(diagonal, row[j]) + LETTER_COST);
        }
    }
    return row[b_len];
}

const char *nearest_of(const char *key, const char *best, const char *candidate)
{
    unsigned limit = (unsigned)strlen(candidate) * LETTER_COST / 2;
    unsigned d = distance(key, candidate);
    if (d > limit || (best != NULL && distance(key, best) <= d)) {
        return best;
    }
    return candidate;
}

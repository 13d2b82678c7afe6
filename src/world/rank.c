/* SPDX-License-Identifier: MIT */
#include "world/rank.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fec/row.h"
#include "world/scenario.h"

enum { LOST_WORDS_MAX = FEC_ROW_WORDS_MAX };

struct rank *rank_create(uint16_t m, uint32_t cap_ppm)
{
    struct rank *r = calloc(1, sizeof(*r) + fec_row_words(m) * sizeof(uint64_t));
    if (r != NULL) {
        r->m = m;
        r->missing = m;
        r->max_lost = (uint16_t)((uint64_t)m * cap_ppm / WORLD_PPM);
    }
    return r;
}

static void drop_rows(struct rank *r)
{
    free(r->columns);
    free(r->matrix);
    free(r->pivots);
    r->columns = NULL;
    r->matrix = NULL;
    r->pivots = NULL;
}

void rank_destroy(struct rank *r)
{
    if (r != NULL) {
        drop_rows(r);
        free(r);
    }
}

/* What is lost is lost from now on. */
static void freeze(struct rank *r)
{
    r->coded_seen = true;
    r->lost = (uint16_t)(r->m - r->uncoded);
    r->missing = r->lost;
    r->overflow = r->lost > r->max_lost;
    if (r->lost == 0 || r->overflow) {
        return;
    }
    size_t words = fec_row_words(r->lost);
    r->columns = calloc(r->lost, sizeof(*r->columns));
    r->matrix = calloc(r->lost * words, sizeof(*r->matrix));
    r->pivots = calloc(words, sizeof(*r->pivots));
    assert(r->columns != NULL && r->matrix != NULL && r->pivots != NULL);
    uint16_t count = 0;
    for (uint16_t i = 0; i < r->m; i++) {
        if (!fec_row_has(r->have, i)) {
            r->columns[count++] = i;
        }
    }
}

/* The first column of v; words * 64 if it is empty. */
static size_t lowest(const uint64_t *v, size_t from_word, size_t words)
{
    for (size_t w = from_word; w < words; w++) {
        if (v[w] != 0) {
            return w * 64 + (size_t)__builtin_ctzll(v[w]);
        }
    }
    return words * 64;
}

static bool push_coded(struct rank *r, const uint64_t *row)
{
    uint64_t v[LOST_WORDS_MAX] = {0};
    size_t words = fec_row_words(r->lost);

    for (uint32_t i = 0; i < r->lost; i++) {
        v[i / 64] |= (uint64_t)fec_row_has(row, r->columns[i]) << (i % 64);
    }
    size_t column = lowest(v, 0, words);
    while (column < r->lost && fec_row_has(r->pivots, (uint32_t)column)) {
        const uint64_t *pivot = r->matrix + column * words;
        for (size_t w = column / 64; w < words; w++) {
            v[w] ^= pivot[w];
        }
        column = lowest(v, column / 64, words);
    }
    if (column >= r->lost) {
        return false; /* nothing new in it */
    }
    memcpy(r->matrix + column * words, v, words * sizeof(*v));
    fec_row_add(r->pivots, (uint32_t)column);
    r->missing--;
    if (r->missing > 0) {
        return false;
    }
    drop_rows(r); /* looked at no more */
    return true;
}

static bool push_uncoded(struct rank *r, uint16_t n)
{
    if (r->coded_seen || n <= r->last_n) {
        return false;
    }
    r->last_n = n;
    fec_row_add(r->have, n - 1U);
    r->uncoded++;
    r->lost = (uint16_t)(n - r->uncoded);
    r->missing = (uint16_t)(r->m - r->uncoded);
    return r->missing == 0;
}

bool rank_push(struct rank *r, uint16_t n, const uint64_t *row)
{
    if (n == 0 || r->missing == 0) {
        return false;
    }
    r->heard++;
    if (n <= r->m) {
        return push_uncoded(r, n);
    }
    if (!r->coded_seen) {
        freeze(r);
    }
    r->last_n = n;
    return !r->overflow && push_coded(r, row);
}

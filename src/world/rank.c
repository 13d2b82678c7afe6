/* SPDX-License-Identifier: MIT */
#include "world/rank.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fec/row.h"
#include "world/scenario.h"

enum { LOST_WORDS_MAX = FEC_ROW_WORDS_MAX, LOST_FIRST = 10 };

struct rank_lost {
    uint64_t *rows;     /* NULL before a coded one needs them: a set of those in use, and
                         * words(lost) each; row i has pivot i or is empty */
    uint16_t cap;       /* of columns */
    uint16_t columns[]; /* ascending */
};

void rank_begin(struct rank *r, uint16_t m, uint32_t cap_ppm)
{
    *r = (struct rank){
        .m = m, .max_lost = (uint16_t)((uint64_t)m * cap_ppm / WORLD_PPM), .missing = m};
}

/* It is looked at no more. */
static void drop_list(struct rank *r)
{
    if (r->list != NULL) {
        free(r->list->rows);
        free(r->list);
        r->list = NULL;
    }
}

void rank_finish(struct rank *r)
{
    drop_list(r);
    *r = (struct rank){0};
}

/* ---- what is lost ---- */

static void make_room(struct rank *r)
{
    uint32_t cap = r->list == NULL ? LOST_FIRST : 2U * r->list->cap;
    cap = cap < r->max_lost ? cap : r->max_lost;
    struct rank_lost *list =
        realloc(r->list, sizeof(*list) + cap * sizeof(list->columns[0]));
    assert(list != NULL);
    list->rows = NULL;
    list->cap = (uint16_t)cap;
    r->list = list;
}

static void keep(struct rank *r, uint16_t column)
{
    if (r->list == NULL || r->lost == r->list->cap) {
        make_room(r);
    }
    r->list->columns[r->lost] = column;
}

/* Those after the last one and up to number n: counted, and kept while they are not too many. */
static void lose_up_to(struct rank *r, uint16_t n)
{
    for (uint16_t i = r->last_n; i < n; i++) {
        if (r->lost < r->max_lost) {
            keep(r, i);
        }
        r->lost++;
    }
}

/* What is lost is lost from now on. */
static void freeze(struct rank *r)
{
    r->coded_seen = true;
    lose_up_to(r, r->m);
    r->overflow = r->lost > r->max_lost;
    if (r->overflow) {
        drop_list(r);
        return;
    }
    r->list->rows = calloc(fec_row_words(r->lost) * (1U + r->lost), sizeof(uint64_t));
    assert(r->list->rows != NULL);
}

/* ---- fragments ---- */

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
    uint64_t v[LOST_WORDS_MAX];
    size_t words = fec_row_words(r->lost);
    uint64_t *in_use = r->list->rows;
    uint64_t *matrix = in_use + words;

    memset(v, 0, words * sizeof(*v));
    for (uint32_t i = 0; i < r->lost; i++) {
        v[i / 64] |= (uint64_t)fec_row_has(row, r->list->columns[i]) << (i % 64);
    }
    size_t column = lowest(v, 0, words);
    while (column < r->lost && fec_row_has(in_use, (uint32_t)column)) {
        const uint64_t *pivot = matrix + column * words;
        for (size_t w = column / 64; w < words; w++) {
            v[w] ^= pivot[w];
        }
        column = lowest(v, column / 64, words);
    }
    if (column >= r->lost) {
        return false; /* nothing new in it */
    }
    memcpy(matrix + column * words, v, words * sizeof(*v));
    fec_row_add(in_use, (uint32_t)column);
    return --r->missing == 0;
}

static bool push_uncoded(struct rank *r, uint16_t n)
{
    if (r->coded_seen || n <= r->last_n) {
        return false;
    }
    lose_up_to(r, (uint16_t)(n - 1));
    r->last_n = n;
    return --r->missing == 0;
}

static bool push(struct rank *r, uint16_t n, const uint64_t *row)
{
    if (n <= r->m) {
        return push_uncoded(r, n);
    }
    if (!r->coded_seen) {
        freeze(r);
    }
    r->last_n = n;
    return !r->overflow && push_coded(r, row);
}

bool rank_push(struct rank *r, uint16_t n, const uint64_t *row)
{
    if (n == 0 || r->missing == 0) {
        return false;
    }
    r->heard++;
    bool complete = push(r, n, row);
    if (complete) {
        drop_list(r);
    }
    return complete;
}

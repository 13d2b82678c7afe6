/* SPDX-License-Identifier: MIT */
#include "fuota-bench/minrank.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct minrank {
    enum fec_version version;
    uint32_t m;
    uint64_t **rows;    /* by N - m - 1; NULL: not yet computed */
    uint64_t *seen;     /* set of N, for `any` */
    uint64_t *have;     /* set of uncoded fragments */
    uint16_t *lost;     /* columns */
    uint64_t *matrix;   /* row i: pivot i */
    size_t matrix_size; /* words */
    uint64_t *used;     /* set of pivots */
    uint64_t *vector;
};

/* Of one device. */
struct progress {
    uint32_t last_n;
    uint32_t in_place;
    uint32_t missing;
    uint32_t lost_count;
    uint32_t different;
    bool coded;
    bool overflow;
};

struct minrank *minrank_create(enum fec_version version, uint32_t m)
{
    if (m == 0 || m > FEC_N_MAX) {
        return NULL;
    }
    struct minrank *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return NULL;
    }
    size_t words = fec_row_words(m);
    r->version = version;
    r->m = m;
    r->rows = calloc(FEC_N_MAX - m + 1, sizeof(*r->rows));
    r->seen = calloc(FEC_ROW_WORDS_MAX + 1, sizeof(*r->seen));
    r->have = calloc(words, sizeof(*r->have));
    r->lost = calloc(m, sizeof(*r->lost));
    r->used = calloc(words, sizeof(*r->used));
    r->vector = calloc(words, sizeof(*r->vector));
    if (r->rows == NULL || r->seen == NULL || r->have == NULL || r->lost == NULL ||
        r->used == NULL || r->vector == NULL) {
        minrank_destroy(r);
        return NULL;
    }
    return r;
}

void minrank_destroy(struct minrank *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; r->rows != NULL && i < FEC_N_MAX - r->m + 1; i++) {
        free(r->rows[i]);
    }
    free(r->rows);
    free(r->seen);
    free(r->have);
    free(r->lost);
    free(r->matrix);
    free(r->used);
    free(r->vector);
    free(r);
}

static const uint64_t *row_of(struct minrank *r, uint32_t n)
{
    uint64_t **slot = &r->rows[n - r->m - 1];
    if (*slot == NULL) {
        *slot = calloc(fec_row_words(r->m), sizeof(**slot));
        if (*slot != NULL) {
            fec_row(r->version, r->m, n - r->m, *slot);
        }
    }
    return *slot;
}

static bool matrix_fits(struct minrank *r, uint32_t lost_count)
{
    size_t need = lost_count * fec_row_words(lost_count);
    if (need <= r->matrix_size) {
        return true;
    }
    uint64_t *bigger = realloc(r->matrix, need * sizeof(*bigger));
    if (bigger == NULL) {
        return false;
    }
    r->matrix = bigger;
    r->matrix_size = need;
    return true;
}

static void freeze(struct minrank *r, struct progress *p, uint32_t max_lost)
{
    p->coded = true;
    p->lost_count = r->m - p->in_place;
    p->overflow = p->lost_count > max_lost || !matrix_fits(r, p->lost_count);
    if (p->overflow) {
        return;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < r->m; i++) {
        if (!fec_row_has(r->have, i)) {
            r->lost[at++] = (uint16_t)i;
        }
    }
    memset(r->used, 0, fec_row_words(p->lost_count) * sizeof(*r->used));
}

static uint32_t first_column(const uint64_t *v, size_t words)
{
    for (size_t w = 0; w < words; w++) {
        if (v[w] != 0) {
            return (uint32_t)(w * 64 + (size_t)__builtin_ctzll(v[w]));
        }
    }
    return UINT32_MAX;
}

/* Gauss: whether the row adds to what is known. */
static bool eliminate(struct minrank *r, const struct progress *p, const uint64_t *row)
{
    size_t words = fec_row_words(p->lost_count);
    memset(r->vector, 0, words * sizeof(*r->vector));
    for (uint32_t i = 0; i < p->lost_count; i++) {
        if (fec_row_has(row, r->lost[i])) {
            fec_row_add(r->vector, i);
        }
    }
    for (;;) {
        uint32_t column = first_column(r->vector, words);
        if (column == UINT32_MAX) {
            return false;
        }
        uint64_t *pivot = r->matrix + column * words;
        if (!fec_row_has(r->used, column)) {
            memcpy(pivot, r->vector, words * sizeof(*pivot));
            fec_row_add(r->used, column);
            return true;
        }
        for (size_t w = 0; w < words; w++) {
            r->vector[w] ^= pivot[w];
        }
    }
}

static void push(struct minrank *r, struct progress *p, uint32_t n, uint32_t max_lost)
{
    if (n <= r->m) {
        if (!p->coded && n > p->last_n) {
            p->last_n = n;
            fec_row_add(r->have, n - 1);
            p->in_place++;
            p->missing--;
        }
        return;
    }
    if (!p->coded) {
        freeze(r, p, max_lost);
    }
    const uint64_t *row = p->overflow ? NULL : row_of(r, n);
    if (row != NULL && eliminate(r, p, row)) {
        p->missing--;
    }
}

static bool count_different(struct minrank *r, struct progress *p, uint32_t n)
{
    if (fec_row_has(r->seen, n)) {
        return false;
    }
    fec_row_add(r->seen, n);
    p->different++;
    return p->different == r->m;
}

struct minrank_need minrank_least(struct minrank *r, const uint16_t *order,
                                  const uint64_t *heard, size_t count, uint32_t max_lost)
{
    struct minrank_need need = {0};
    struct progress p = {.missing = r->m};
    memset(r->seen, 0, (FEC_ROW_WORDS_MAX + 1) * sizeof(*r->seen));
    memset(r->have, 0, fec_row_words(r->m) * sizeof(*r->have));

    for (size_t i = 0; i < count && need.prefix == 0; i++) {
        if (order[i] == 0 || order[i] > FEC_N_MAX || !fec_row_has(heard, (uint32_t)i)) {
            continue;
        }
        if (count_different(r, &p, order[i])) {
            need.any = i + 1;
        }
        push(r, &p, order[i], max_lost);
        need.prefix = p.missing == 0 ? i + 1 : 0;
    }
    need.missing = p.overflow ? UINT32_MAX : p.missing;
    return need;
}

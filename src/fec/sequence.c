/* SPDX-License-Identifier: MIT */
#include "fec/sequence.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/prng.h"

enum {
    M_MAX = FEC_SEQUENCE_M_MAX,
    CHOSEN_MAX = FEC_SEQUENCE_CHOSEN_MAX,
    WINDOW = 256, /* candidates: the first rows */
    WORDS = (M_MAX + 63) / 64,
    DEVICES = 512,     /* at the start */
    DEVICES_LOW = 128, /* fewer left: bring in others that have come as far */
    DEVICES_AGAIN = 256,
    DRAWS_MAX = 8192, /* devices drawn in all */
    LOST_MAX = 64,    /* a device's lost fragments are the bits of a word */
    MEAN_LOST_MAX = 12,
    TWIN_ROWS = 64,    /* that show which columns are twins */
    TWIN_DISTANCE = 8, /* in those; 32 on average, 5 at twins */
    TWIN_PAIRS = 2,
    TWIN_EACH = 2,       /* rows put first for a pair, see below */
    TWIN_BITS = 1 << 25, /* of rows searched for them: some ten ms */
};

#define SEED UINT64_C(0x66656373657131)

/* What a device lost, and what it found out about that from coded fragments. */
struct device {
    uint64_t lost[WORDS];
    uint64_t basis[LOST_MAX]; /* lacks the lowest bits of those before it */
    uint8_t known;
    uint8_t missing;
};

/* Rows as the virtual devices see them. */
struct trial {
    uint64_t row[WINDOW][WORDS];    /* the candidates: rows 1..WINDOW */
    uint64_t view[DEVICES][WINDOW]; /* their part that is news to a device; 0: none */
    uint8_t missing[DEVICES];
    uint32_t gain[WINDOW]; /* devices to which it is news */
    bool used[WINDOW];
    uint32_t device_count;
    uint32_t draws;
    uint32_t loss_ppm;
    struct prng prng;
};

union workspace {
    struct trial trial;
    uint8_t distance[FEC_N_MAX];
};

size_t fec_sequence_workspace_bytes(void)
{
    return sizeof(union workspace);
}

/* Draw what a device lost. */
static uint32_t draw_losses(struct trial *t, uint32_t m, uint64_t *lost)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < m; i++) {
        if (prng_chance(&t->prng, t->loss_ppm)) {
            fec_row_add(lost, i);
            count++;
        }
    }
    return count;
}

/* A device that lost something, no more than a word can tell. */
static void draw_device(struct trial *t, uint32_t m, struct device *d)
{
    uint32_t count;
    do {
        memset(d, 0, sizeof(*d));
        count = draw_losses(t, m, d->lost);
    } while (count == 0 || count > LOST_MAX);
    d->missing = (uint8_t)count;
}

/* The part of a row that is news to the device: its lost columns, without what is known. */
static uint64_t news(const struct device *d, const uint64_t *row)
{
    uint64_t bits = 0;
    uint32_t k = 0;
    for (size_t w = 0; w < WORDS; w++) {
        for (uint64_t lost = d->lost[w]; lost != 0; lost &= lost - 1) {
            bits |= (row[w] >> __builtin_ctzll(lost) & 1) << k++;
        }
    }
    for (uint32_t i = 0; i < d->known; i++) {
        if ((bits >> __builtin_ctzll(d->basis[i]) & 1) != 0) {
            bits ^= d->basis[i];
        }
    }
    return bits;
}

static void learn(struct device *d, uint64_t bits)
{
    if (bits != 0) {
        d->basis[d->known++] = bits;
        d->missing--;
    }
}

/* Let a device hear the candidates named, as the loss allows. Returns how many it took. */
static uint32_t replay(struct trial *t, struct device *d, const uint16_t *rows,
                       uint32_t count)
{
    uint32_t i = 0;
    for (; i < count && d->missing > 0; i++) {
        if (!prng_chance(&t->prng, t->loss_ppm)) {
            learn(d, news(d, t->row[rows[i] - 1]));
        }
    }
    return i;
}

/* Draw devices until there are `wanted` that miss something after the chosen rows. */
static void refill(struct trial *t, const struct fec_sequence *s, uint32_t wanted)
{
    while (t->device_count < wanted && t->draws < DRAWS_MAX) {
        struct device d;
        t->draws++;
        draw_device(t, s->m, &d);
        replay(t, &d, s->row, s->chosen);
        if (d.missing == 0) {
            continue;
        }
        uint64_t *view = t->view[t->device_count];
        for (uint32_t c = 0; c < WINDOW; c++) {
            view[c] = news(&d, t->row[c]);
        }
        t->missing[t->device_count++] = d.missing;
    }
}

/* The candidate that is news to most, the lowest of several; WINDOW if to none. */
static uint32_t best_candidate(struct trial *t)
{
    memset(t->gain, 0, sizeof(t->gain));
    for (uint32_t d = 0; d < t->device_count; d++) {
        for (uint32_t c = 0; c < WINDOW; c++) {
            t->gain[c] += t->view[d][c] != 0;
        }
    }
    uint32_t best = WINDOW;
    for (uint32_t c = 0; c < WINDOW; c++) {
        uint32_t most = best < WINDOW ? t->gain[best] : 0;
        if (!t->used[c] && t->gain[c] > most) {
            best = c;
        }
    }
    return best;
}

/* Candidate c is sent: who hears it knows it from all others. Devices that are done leave. */
static void send_candidate(struct trial *t, uint32_t c)
{
    for (uint32_t d = t->device_count; d-- > 0;) {
        uint64_t *view = t->view[d];
        uint64_t heard = view[c];
        if (heard == 0 || prng_chance(&t->prng, t->loss_ppm)) {
            continue;
        }
        int pivot = __builtin_ctzll(heard);
        for (uint32_t i = 0; i < WINDOW; i++) {
            view[i] ^= heard & (0 - (view[i] >> pivot & 1));
        }
        if (--t->missing[d] == 0) {
            t->device_count--;
            t->missing[d] = t->missing[t->device_count];
            memmove(view, t->view[t->device_count], sizeof(t->view[0]));
        }
    }
}

/* Candidates that devices take until they are done, first in one order, then in another. */
static bool better_than_natural(struct trial *t, const struct fec_sequence *s)
{
    uint16_t chosen[WINDOW];
    uint16_t natural[WINDOW];
    uint32_t count = s->chosen;
    memcpy(chosen, s->row, sizeof(s->row));
    for (uint32_t c = 0; c < WINDOW; c++) {
        natural[c] = (uint16_t)(c + 1);
        if (!t->used[c]) {
            chosen[count++] = (uint16_t)(c + 1);
        }
    }
    uint32_t taken_chosen = 0;
    uint32_t taken_natural = 0;
    for (uint32_t i = 0; i < DEVICES; i++) {
        struct device a;
        draw_device(t, s->m, &a);
        struct device b = a;
        struct prng same = t->prng;
        taken_chosen += replay(t, &a, chosen, WINDOW);
        t->prng = same;
        taken_natural += replay(t, &b, natural, WINDOW);
    }
    return taken_chosen < taken_natural;
}

/*
 * The loss to draw with. Where it is high, devices differ less from one another, what is
 * chosen for a lower one is as good, and takes less time; where it is very low, nobody lost
 * anything.
 */
static uint32_t trial_loss(uint32_t m, uint32_t loss_ppm)
{
    uint32_t most = MEAN_LOST_MAX * UINT32_C(1000000) / m;
    uint32_t least = UINT32_C(250000) / m;
    if (most > 300000) {
        most = 300000;
    }
    if (loss_ppm > most) {
        return most;
    }
    return loss_ppm < least ? least : loss_ppm;
}

static void choose(struct fec_sequence *s, uint32_t loss_ppm, struct trial *t)
{
    memset(t, 0, sizeof(*t));
    t->prng = prng_seeded(SEED);
    t->loss_ppm = trial_loss(s->m, loss_ppm);
    for (uint32_t c = 0; c < WINDOW; c++) {
        fec_row(s->version, s->m, c + 1, t->row[c]);
    }

    refill(t, s, DEVICES);
    while (s->chosen < CHOSEN_MAX && t->device_count > 0) {
        uint32_t c = best_candidate(t);
        if (c == WINDOW) {
            break;
        }
        t->used[c] = true;
        s->row[s->chosen++] = (uint16_t)(c + 1);
        send_candidate(t, c);
        if (t->device_count < DEVICES_LOW) {
            refill(t, s, DEVICES_AGAIN);
        }
    }
    if (!better_than_natural(t, s)) {
        s->chosen = 0;
    }
}

/* The M of performance.md 2.2 whose matrix has twin columns, M = 96 apart. */
static bool has_twins(uint32_t m)
{
    return m % 64 == 0 && (m & (m - 1)) != 0;
}

/* The column that differs least from column a in the first rows; a if none is close. */
static uint32_t twin_of(const struct fec_sequence *s, uint32_t a, uint32_t row_count,
                        uint8_t *distance)
{
    uint64_t row[FEC_ROW_WORDS_MAX];
    memset(distance, 0, s->m);
    for (uint32_t n = 1; n <= row_count; n++) {
        fec_row(s->version, s->m, n, row);
        bool has = fec_row_has(row, a);
        for (uint32_t i = 0; i < s->m; i++) {
            distance[i] = (uint8_t)(distance[i] + (fec_row_has(row, i) != has));
        }
    }
    uint32_t twin = a;
    uint32_t least = TWIN_DISTANCE + 1;
    for (uint32_t i = 0; i < s->m; i++) {
        if (i != a && distance[i] < least) {
            least = distance[i];
            twin = i;
        }
    }
    return twin;
}

/* Rows that tell a pair of columns apart, ascending. */
struct separators {
    uint32_t a;
    uint32_t b;
    uint32_t count;
    uint16_t row[TWIN_EACH];
};

static void note_separating(struct separators *p, const uint64_t *row, uint32_t n)
{
    if (p->count < TWIN_EACH && fec_row_has(row, p->a) != fec_row_has(row, p->b)) {
        p->row[p->count++] = (uint16_t)n;
    }
}

static bool is_chosen(const struct fec_sequence *s, uint16_t row)
{
    for (uint32_t i = 0; i < s->chosen; i++) {
        if (s->row[i] == row) {
            return true;
        }
    }
    return false;
}

/*
 * Twins of one another are next to the middle: columns M/2 - 1 and M/2 have one each. Few rows
 * tell them apart, so each more has a higher N, up to thousands, while many stacks report the
 * last N as what they received (lorawan.md 13). Measured (scenario twins): with eight for a
 * pair M = 768 costs a fifth more than M = 769, with two no more.
 */
static void separate_twins(struct fec_sequence *s, uint8_t *distance)
{
    uint32_t rows = FEC_N_MAX - (uint32_t)s->m;
    uint32_t look = rows < TWIN_ROWS ? rows : TWIN_ROWS;
    struct separators pair[TWIN_PAIRS] = {{.a = s->m / 2U - 1}, {.a = s->m / 2U}};
    for (size_t p = 0; p < TWIN_PAIRS; p++) {
        pair[p].b = twin_of(s, pair[p].a, look, distance);
    }

    uint64_t row[FEC_ROW_WORDS_MAX];
    assert(s->m >= 2);
    if (rows > TWIN_BITS / s->m) {
        rows = TWIN_BITS / s->m;
    }
    for (uint32_t n = 1;
         n <= rows && (pair[0].count < TWIN_EACH || pair[1].count < TWIN_EACH); n++) {
        fec_row(s->version, s->m, n, row);
        note_separating(&pair[0], row, n);
        note_separating(&pair[1], row, n);
    }
    for (uint32_t i = 0; i < TWIN_EACH * TWIN_PAIRS; i++) {
        const struct separators *p = &pair[i % TWIN_PAIRS];
        if (i / TWIN_PAIRS < p->count && !is_chosen(s, p->row[i / TWIN_PAIRS])) {
            s->row[s->chosen++] = p->row[i / TWIN_PAIRS];
        }
    }
}

void fec_sequence_make(struct fec_sequence *s, enum fec_version version, uint16_t m,
                       uint32_t loss_ppm, void *workspace)
{
    assert(m >= 1 && m <= FEC_N_MAX);
    assert((uintptr_t)workspace % sizeof(uint64_t) == 0);

    union workspace *w = workspace;
    *s = (struct fec_sequence){.version = version, .m = m};
    if (m <= M_MAX) {
        choose(s, loss_ppm, &w->trial);
    } else if (has_twins(m)) {
        separate_twins(s, w->distance);
    }
    for (uint32_t i = 0; i < s->chosen; i++) {
        s->last = s->row[i] > s->last ? s->row[i] : s->last;
    }
}

void fec_sequence_natural(struct fec_sequence *s, enum fec_version version, uint16_t m)
{
    assert(m >= 1 && m <= FEC_N_MAX);
    *s = (struct fec_sequence){.version = version, .m = m, .natural = true};
}

/* How many chosen rows are at most `row`. */
static uint32_t chosen_up_to(const struct fec_sequence *s, uint32_t row)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->chosen; i++) {
        count += s->row[i] <= row;
    }
    return count;
}

uint16_t fec_sequence_n(const struct fec_sequence *s, uint32_t place)
{
    uint32_t m = s->m;
    if (place > FEC_N_MAX) {
        return 0;
    }
    if (place <= m || place - m > s->last) {
        return (uint16_t)place;
    }
    if (place - m <= s->chosen) {
        return (uint16_t)(m + s->row[place - m - 1]);
    }
    /* The rank-th of those that are not chosen. */
    uint32_t rank = place - m - s->chosen;
    uint32_t row = rank;
    uint32_t before = chosen_up_to(s, row);
    while (row != rank + before) {
        row = rank + before;
        before = chosen_up_to(s, row);
    }
    return (uint16_t)(m + row);
}

uint32_t fec_sequence_place(const struct fec_sequence *s, uint16_t n)
{
    uint32_t m = s->m;
    if (n > FEC_N_MAX) {
        return 0;
    }
    if (n <= m || n - m > s->last) {
        return n;
    }
    uint32_t row = n - m;
    for (uint32_t i = 0; i < s->chosen; i++) {
        if (s->row[i] == row) {
            return m + 1 + i;
        }
    }
    return m + s->chosen + row - chosen_up_to(s, row);
}

/* SPDX-License-Identifier: MIT */
#include "campaign/wave.h"

#include "base/sort.h"

enum {
    BUCKET_BITS = 10, /* of a hash */
};

/* ---- membership ---- */

/* The seed is text of any length, the key has 128 bits: one hash for each half. */
struct siphash_key wave_key(const char *seed)
{
    const struct siphash_key low = {.k0 = 0};
    const struct siphash_key high = {.k0 = 1};
    size_t len = 0;
    while (len < WAVE_SEED_MAX && seed[len] != '\0') {
        len++;
    }
    return (struct siphash_key){
        .k0 = siphash(&low, seed, len),
        .k1 = siphash(&high, seed, len),
    };
}

uint64_t wave_hash(const struct siphash_key *key, uint64_t dev_eui)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(dev_eui >> (8 * (sizeof(bytes) - 1 - i)));
    }
    return siphash(key, bytes, sizeof(bytes));
}

static bool hash_is_before(const struct wave_place *a, const struct wave_place *b)
{
    return a->hash != b->hash ? a->hash < b->hash : a->index < b->index;
}

static bool by_stratum(const void *context, const void *a, const void *b)
{
    (void)context;
    const struct wave_place *x = a;
    const struct wave_place *y = b;
    return x->stratum != y->stratum ? x->stratum < y->stratum : hash_is_before(x, y);
}

static bool by_position(const void *context, const void *a, const void *b)
{
    (void)context;
    const struct wave_place *x = a;
    const struct wave_place *y = b;
    return x->position != y->position ? x->position < y->position : hash_is_before(x, y);
}

/* Into the order in which they are taken: the queues of their labels in turn. */
static void line_up(struct wave_place *places, size_t count)
{
    sort_items(places, count, sizeof(*places), by_stratum, NULL);
    for (size_t i = 0; i < count; i++) {
        bool first = i == 0 || places[i].stratum != places[i - 1].stratum;
        places[i].position = first ? 0 : places[i - 1].position + 1;
    }
    sort_items(places, count, sizeof(*places), by_position, NULL);
}

/* Those that are in no wave; returns how many. */
static size_t to_front(struct wave_place *places, size_t count)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        if (places[i].wave == WAVE_NOWHERE) {
            struct wave_place taken = places[open];
            places[open++] = places[i];
            places[i] = taken;
        }
    }
    return open;
}

static bool by_hash(const void *context, const void *a, const void *b)
{
    (void)context;
    return hash_is_before(a, b);
}

static size_t bucket_of(const struct wave_place *place)
{
    return (size_t)(place->hash >> (64 - BUCKET_BITS));
}

/*
 * The first `need` of them, which is at most count, by their hashes alone. They may be a
 * million, so only those are sorted that share the upper bits of the last.
 */
static void take_first(struct wave_place *places, size_t count, uint32_t need, uint8_t no)
{
    uint32_t in_bucket[1 << BUCKET_BITS] = {0};
    size_t last = 0;
    uint32_t below = 0;
    for (size_t i = 0; i < count; i++) {
        in_bucket[bucket_of(&places[i])]++;
    }
    while (below + in_bucket[last] < need) {
        below += in_bucket[last++];
    }
    size_t ties = 0;
    for (size_t i = 0; i < count; i++) {
        if (bucket_of(&places[i]) < last) {
            places[i].wave = no;
        } else if (bucket_of(&places[i]) == last) {
            struct wave_place tie = places[i];
            places[i] = places[ties];
            places[ties++] = tie;
        }
    }
    sort_items(places, ties, sizeof(*places), by_hash, NULL);
    for (size_t i = 0; i < need - below; i++) {
        places[i].wave = no;
    }
}

/* Shares are rounded up: a share of some is never nobody. */
static uint32_t cumulative(const struct spec_amount *size, uint32_t eligible)
{
    if (size->count != 0) {
        return size->count < eligible ? size->count : eligible;
    }
    uint64_t parts = (uint64_t)eligible * size->ppm;
    return (uint32_t)((parts + SPEC_PPM - 1) / SPEC_PPM);
}

uint32_t wave_need(const struct spec_wave *wave, uint32_t eligible, uint32_t covered)
{
    uint32_t upto = cumulative(&wave->size, eligible);
    uint32_t need = upto > covered ? upto - covered : 0;
    uint32_t left = eligible - covered;
    need = need > wave->min ? need : wave->min;
    return need < left ? need : left;
}

uint32_t wave_fill(const struct spec_wave *wave, uint8_t no, struct wave_place *places,
                   size_t count)
{
    size_t open = to_front(places, count);
    uint32_t need = wave_need(wave, (uint32_t)count, (uint32_t)(count - open));
    uint32_t taken = 0;
    if (wave->spread.count == 0 && need > 0) {
        take_first(places, open, need, no);
        return need;
    }
    if (need > 0) {
        line_up(places, count);
    }
    for (size_t i = 0; i < count && taken < need; i++) {
        if (places[i].wave == WAVE_NOWHERE) {
            places[i].wave = no;
            taken++;
        }
    }
    return taken;
}

/* ---- verdict ---- */

static bool is_share(uint32_t part, uint32_t whole, uint32_t ppm)
{
    return (uint64_t)part * SPEC_PPM >= (uint64_t)whole * ppm;
}

/* How many attempted devices a verdict needs when all have ended. */
static uint32_t enough(const struct spec_wave *wave, const struct wave_counts *counts)
{
    uint32_t meant = counts->total - counts->passed_over - counts->already;
    uint32_t half = meant / 2 + meant % 2;
    uint32_t least = half < wave->abort_attempted ? half : wave->abort_attempted;
    return least > 0 ? least : 1;
}

enum wave_verdict wave_judge(const struct spec_wave *wave, bool unknown_counts_as_failed,
                             const struct wave_counts *counts)
{
    uint32_t ignored = unknown_counts_as_failed ? 0 : counts->unknown;
    uint32_t failed = counts->failed + counts->unknown - ignored;
    uint32_t attempted = counts->attempted - ignored;
    if (failed > 0 && attempted >= wave->abort_attempted &&
        is_share(failed, attempted, wave->abort_failed_ppm)) {
        return WAVE_BROKEN;
    }
    if (counts->ended < counts->total) {
        return WAVE_OPEN;
    }
    if (counts->already == counts->total) {
        return WAVE_SUCCEEDED;
    }
    if (attempted < enough(wave, counts)) {
        return WAVE_INCONCLUSIVE;
    }
    return is_share(counts->succeeded, attempted, wave->success_ppm) ? WAVE_SUCCEEDED
                                                                     : WAVE_FAILED;
}

const char *wave_verdict_name(enum wave_verdict verdict)
{
    static const char *const names[] = {"open", "succeeded", "failed", "broken",
                                        "inconclusive"};
    size_t i = (size_t)verdict;
    return i < sizeof(names) / sizeof(names[0]) ? names[i] : "?";
}

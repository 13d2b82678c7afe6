/* SPDX-License-Identifier: MIT */
/*
 * bench_fec.c - what a coded fragment costs: M = 2000 fragments of 222 bytes, TS004 v1, v2.
 *
 * bench-fec [SECONDS]: the time of a coded fragment, the share of it that goes into drawing
 * the row, and the ratio to a sweep that XORs M/2 * 222 bytes of the same image in a row.
 * Each figure is the median of many batches, taken in turns so that a slow phase of the
 * machine hits all of them. Text for people, then one JSON object on the last line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "fec/encode.h"
#include "fec/isa.h"

enum {
    M = 2000,
    FRAG_SIZE = 222,
    IMAGE_BYTES = M * FRAG_SIZE,
    SWEEP_BYTES = M / 2 * FRAG_SIZE,
    BATCH = 100,
    BATCHES_MAX = 20000,
};

static uint8_t image[IMAGE_BYTES];

/* Keeps the compiler from dropping work whose result nobody reads. */
static volatile uint8_t sink;

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void run_fragments(enum fec_version version, uint32_t first)
{
    struct fec_encoder enc;
    uint8_t out[FRAG_SIZE];
    if (fec_encoder_init(&enc, version, image, sizeof(image), FRAG_SIZE) != FUO_OK) {
        abort();
    }
    for (uint32_t i = 0; i < BATCH; i++) {
        if (fec_fragment(&enc, M + 1 + (first + i) % (FEC_N_MAX - M), out) != FUO_OK) {
            abort();
        }
        sink ^= out[0];
    }
}

static void run_rows(enum fec_version version, uint32_t first)
{
    uint64_t set[FEC_ROW_WORDS_MAX];
    for (uint32_t i = 0; i < BATCH; i++) {
        fec_row(version, M, 1 + (first + i) % (FEC_N_MAX - M), set);
        sink ^= (uint8_t)set[0];
    }
}

/* 32 bytes at any address, as fec/xor.c uses them. */
typedef uint64_t vec __attribute__((vector_size(32), aligned(1), may_alias));

static inline __attribute__((always_inline)) uint8_t sweep_vec(const uint8_t *p)
{
    vec acc[4] = {0};
    for (size_t k = 0; k + sizeof(acc) <= SWEEP_BYTES; k += sizeof(acc)) {
        for (size_t j = 0; j < 4; j++) {
            acc[j] ^= *(const vec *)(p + k + j * sizeof(vec));
        }
    }
    vec all = acc[0] ^ acc[1] ^ acc[2] ^ acc[3];
    return (uint8_t)(all[0] ^ all[1] ^ all[2] ^ all[3]);
}

static uint8_t sweep_baseline(const uint8_t *p)
{
    return sweep_vec(p);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint8_t sweep_avx2(const uint8_t *p)
{
    return sweep_vec(p);
}
#else
#define sweep_avx2 sweep_baseline
#endif

/*
 * The yardstick: XOR a contiguous half of the image, front and back in turns, with the
 * vectors that the encoder may use. As fast as the bytes arrive from where the image lies.
 */
static void run_sweep(uint32_t first)
{
    bool wide = fec_isa_best() == FEC_ISA_AVX2;
    for (uint32_t i = 0; i < BATCH; i++) {
        const uint8_t *p = image + (size_t)((first + i) % 2) * SWEEP_BYTES;
        sink ^= wide ? sweep_avx2(p) : sweep_baseline(p);
    }
}

enum what { FRAGMENT_V1, FRAGMENT_V2, ROW_V1, ROW_V2, SWEEP, WHAT_COUNT };

static void run(enum what what, uint32_t first)
{
    switch (what) {
    case FRAGMENT_V1:
    case FRAGMENT_V2:
        run_fragments(what == FRAGMENT_V1 ? FEC_V1 : FEC_V2, first);
        return;
    case ROW_V1:
    case ROW_V2:
        run_rows(what == ROW_V1 ? FEC_V1 : FEC_V2, first);
        return;
    case SWEEP:
        run_sweep(first);
        return;
    case WHAT_COUNT:
        return;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double samples_us[WHAT_COUNT][BATCHES_MAX];

static size_t measure(double seconds)
{
    int64_t end = now_ns() + (int64_t)(seconds * 1e9);
    size_t n = 0;
    while (n < 3 || (n < BATCHES_MAX && now_ns() < end)) {
        for (enum what w = FRAGMENT_V1; w < WHAT_COUNT; w++) {
            int64_t start = now_ns();
            run(w, (uint32_t)n * BATCH);
            samples_us[w][n] = (double)(now_ns() - start) / 1e3 / BATCH;
        }
        n++;
    }
    for (enum what w = FRAGMENT_V1; w < WHAT_COUNT; w++) {
        qsort(samples_us[w], n, sizeof(samples_us[w][0]), by_value);
    }
    return n;
}

static void report(const char *name, double fragment_us, double row_us, double sweep_us)
{
    printf("TS004 %s: %6.2f us per coded fragment, %5.2f x the sweep, %4.1f %% drawing "
           "the row"
           " (%.2f us)\n",
           name, fragment_us, fragment_us / sweep_us, 100 * row_us / fragment_us, row_us);
}

int main(int argc, char **argv)
{
    static const char *const isa_names[] = {"portable", "baseline", "avx2"};
    double median[WHAT_COUNT];
    struct prng prng = prng_seeded(1);
    for (size_t i = 0; i < sizeof(image); i++) {
        image[i] = (uint8_t)prng_next(&prng);
    }

    size_t n = measure(argc > 1 ? strtod(argv[1], NULL) : 2.0);
    for (enum what w = FRAGMENT_V1; w < WHAT_COUNT; w++) {
        median[w] = samples_us[w][n / 2];
    }
    const char *isa = isa_names[fec_isa_best()];
    printf("M = %d, FragSize = %d, median of %zu batches of %d, vectors: %s\n", M,
           FRAG_SIZE, n, BATCH, isa);
    printf("sweep   : %6.2f us for %d bytes (%.1f GB/s)\n", median[SWEEP], SWEEP_BYTES,
           SWEEP_BYTES / median[SWEEP] / 1e3);
    report("v1", median[FRAGMENT_V1], median[ROW_V1], median[SWEEP]);
    report("v2", median[FRAGMENT_V2], median[ROW_V2], median[SWEEP]);
    printf("{\"m\":%d,\"frag_size\":%d,\"isa\":\"%s\",\"sweep_us\":%.3f,\"v1_us\":%.3f,"
           "\"v1_ratio\":%.3f,\"v1_row_share\":%.3f,\"v2_us\":%.3f,\"v2_ratio\":%.3f,"
           "\"v2_row_share\":%.3f}\n",
           M, FRAG_SIZE, isa, median[SWEEP], median[FRAGMENT_V1],
           median[FRAGMENT_V1] / median[SWEEP], median[ROW_V1] / median[FRAGMENT_V1],
           median[FRAGMENT_V2], median[FRAGMENT_V2] / median[SWEEP],
           median[ROW_V2] / median[FRAGMENT_V2]);
    return 0;
}

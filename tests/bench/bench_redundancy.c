/* SPDX-License-Identifier: MIT */
/*
 * bench_redundancy.c - the code of TS004 and our choices against the published tables.
 *
 * bench-redundancy [PERCENT]: how many coded fragments real decoders need in the natural
 * order and in ours, by many random losses (PERCENT of the usual number), beside the figures
 * of performance.md 2.3, 2.4 and 2.6; and what it costs to compute them. Text for people,
 * then one JSON object on the last line: the largest deviation of each table.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "campaign/redundancy.h"
#include "fec_trials.h"
#include "policy_trial.h"

enum {
    PERCENT = 10000, /* ppm */
    SEED = 20,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct bench {
    void *workspace; /* of fec_sequence_make() */
    uint32_t percent;
    double worst_r99;       /* |measured / listed - 1| beyond one fragment */
    double worst_selection; /* R99 beyond the listed one, in fragments */
    double worst_twins;     /* R99 of M with twins / R99 of M + 1 */
    double worst_policy;    /* cost / best cost */
    double slowest_ms;      /* fec_sequence_make() */
};

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static struct fec_sequence natural(enum fec_version version, uint16_t m)
{
    return (struct fec_sequence){.version = version, .m = m};
}

static struct fec_sequence make(struct bench *b, enum fec_version version, uint16_t m,
                                uint32_t loss_ppm)
{
    struct fec_sequence s;
    double start = now_ms();
    fec_sequence_make(&s, version, m, loss_ppm, b->workspace);
    double ms = now_ms() - start;
    b->slowest_ms = ms > b->slowest_ms ? ms : b->slowest_ms;
    return s;
}

struct measured {
    double overhead;
    uint32_t r99;
    uint32_t r999;
};

static struct measured measure(const struct bench *b, const struct fec_sequence *s,
                               uint32_t loss_ppm, uint32_t trials)
{
    struct fec_trials *t = fec_trials_open(s);
    uint32_t count = trials * b->percent / 100;
    fec_trials_run(t, loss_ppm, count > 100 ? count : 100, SEED);
    struct measured r = {(double)t->overhead / t->count, fec_trials_quantile(t, 10000),
                         fec_trials_quantile(t, 1000)};
    fec_trials_close(t);
    return r;
}

/* performance.md 2.3: overhead, R99, R999. */
static void table_selection(struct bench *b)
{
    static const struct {
        uint16_t m;
        uint32_t loss_percent;
        struct measured listed[2]; /* v1, v2; chosen */
    } rows[] = {
        {8, 5, {{.18, 4, 6}, {.18, 4, 6}}},
        {12, 20, {{.71, 12, 17}, {.67, 11, 15}}},
        {17, 5, {{.42, 6, 10}, {.42, 6, 9}}},
        {17, 20, {{.94, 14, 19}, {.89, 14, 19}}},
        {40, 5, {{.83, 9, 14}, {.74, 9, 12}}},
        {40, 20, {{1.42, 23, 28}, {1.39, 23, 29}}},
        {50, 5, {{.95, 10, 14}, {.84, 10, 14}}},
        {84, 5, {{1.28, 14, 17}, {1.16, 13, 18}}},
        {96, 20, {{1.64, 41, 49}, {1.61, 41, 47}}},
        {120, 5, {{1.40, 16, 20}, {1.38, 16, 20}}},
    };
    puts("chosen rows: overhead/R99/R999   M loss  natural        chosen         listed");
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        enum fec_version version = i % 2 == 0 ? FEC_V1 : FEC_V2;
        uint16_t m = rows[i / 2].m;
        uint32_t loss = rows[i / 2].loss_percent * PERCENT;
        struct measured listed = rows[i / 2].listed[i % 2];
        struct fec_sequence plain = natural(version, m);
        struct fec_sequence chosen = make(b, version, m, loss);
        struct measured was = measure(b, &plain, loss, 40000);
        struct measured is = measure(b, &chosen, loss, 40000);
        double beyond = (double)is.r99 - listed.r99;
        b->worst_selection = beyond > b->worst_selection ? beyond : b->worst_selection;
        printf("  v%d %28u %3u %%  %4.2f/%3u/%3u   %4.2f/%3u/%3u   %4.2f/%3u/%3u\n",
               (int)version, m, loss / PERCENT, was.overhead, was.r99, was.r999,
               is.overhead, is.r99, is.r999, listed.overhead, listed.r99, listed.r999);
    }
}

/* performance.md 2.4: R99 of real rows in their natural order, v1 and v2. */
static void table_r99(struct bench *b)
{
    static const uint32_t losses[] = {1, 5, 10, 20, 30, 40};
    static const struct {
        uint16_t m;
        uint32_t trials;
        uint32_t listed[2][6];
    } rows[] = {
        {50, 40000, {{15, 16, 19, 27, 40, 57}, {8, 12, 16, 26, 40, 57}}},
        {200, 20000, {{10, 22, 37, 72, 116, 173}, {10, 22, 37, 72, 116, 173}}},
        {500, 6000, {{14, 42, 77, 158, 259, 393}, {14, 42, 77, 158, 259, 393}}},
        {1000, 3000, {{21, 73, 140, 295, 490, 749}, {21, 73, 140, 295, 490, 749}}},
        {2000, 1500, {{34, 133, 262, 562, 943, 1447}, {34, 133, 262, 562, 943, 1447}}},
    };
    puts("R99, real rows: measured/listed [formula], losses 1 5 10 20 30 40 %");
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        enum fec_version version = i % 2 == 0 ? FEC_V1 : FEC_V2;
        uint16_t m = rows[i / 2].m;
        struct fec_sequence plain = natural(version, m);
        printf("  v%d %5u", (int)version, m);
        for (size_t k = 0; k < COUNT(losses); k++) {
            uint32_t loss = losses[k] * PERCENT;
            uint32_t listed = rows[i / 2].listed[i % 2][k];
            uint32_t got = measure(b, &plain, loss, rows[i / 2].trials).r99;
            uint32_t off = got > listed ? got - listed : listed - got;
            double ratio = off > 1 ? (double)off / listed : 0;
            b->worst_r99 = ratio > b->worst_r99 ? ratio : b->worst_r99;
            printf("  %u/%u [%u]", got, listed, redundancy_for_device(m, loss, 10000));
        }
        puts("");
        fflush(stdout);
    }
}

/* performance.md 2.2: M with twin columns in both orders, and the sound M + 1. */
static void table_twins(struct bench *b)
{
    static const struct {
        uint16_t m;
        uint32_t trials;
    } rows[] = {{192, 20000}, {384, 6000}, {640, 3000}, {768, 2000}, {1536, 500}};
    puts("twin columns, loss 20 %, R99:   M  natural  ours  M + 1");
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        enum fec_version version = i % 2 == 0 ? FEC_V1 : FEC_V2;
        uint16_t m = rows[i / 2].m;
        uint32_t loss = 20 * PERCENT;
        struct fec_sequence plain = natural(version, m);
        struct fec_sequence ours = make(b, version, m, loss);
        struct fec_sequence sound = natural(version, (uint16_t)(m + 1));
        uint32_t was = measure(b, &plain, loss, rows[i / 2].trials).r99;
        uint32_t is = measure(b, &ours, loss, rows[i / 2].trials).r99;
        uint32_t next = measure(b, &sound, loss, rows[i / 2].trials).r99;
        double ratio = (double)is / next;
        b->worst_twins = ratio > b->worst_twins ? ratio : b->worst_twins;
        printf("  v%d %27u  %7u  %4u  %5u\n", (int)version, m, was, is, next);
        fflush(stdout);
    }
}

/* performance.md 2.6, the mean of some runs. */
static void table_policy(struct bench *b)
{
    static const struct {
        struct policy_trial trial;
        const char *listed;
    } rows[] = {
        {{1000, 500, 10}, "818/ 817/.970"},   {{1000, 500, 50}, "1076/1061/.987"},
        {{1000, 2000, 10}, "2654/2652/.933"}, {{1000, 2000, 50}, "3320/  - /.972"},
        {{10000, 500, 10}, "1194/1202/.990"},
    };
    enum { RUNS = 10 };
    puts("policy: devices    M  cost   sent/oracle/done      listed          cost/best  "
         "polls  answers");
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct policy_trial *t = &rows[i].trial;
        struct policy_result r = policy_sum(t, RUNS);
        double ratio = (double)r.total / (double)r.best;
        b->worst_policy = ratio > b->worst_policy ? ratio : b->worst_policy;
        printf("  %13u %4u  %4u  %4u/%4u/%.3f  %16s  %15.4f  %5.1f  %7u\n",
               t->device_count, t->m, t->cost, r.sent / RUNS, r.oracle / RUNS,
               (double)r.done / RUNS / t->device_count, rows[i].listed, ratio,
               (double)r.polls / RUNS, r.answers / RUNS);
    }
}

/* Of a search for one in a million, M = 2000. */
static double formula_us(void)
{
    enum { TIMES = 200 };
    uint32_t sum = 0;
    double start = now_ms();
    for (uint32_t i = 0; i < TIMES; i++) {
        sum += redundancy_for_device(2000, 5 * PERCENT + i, 1);
    }
    return sum > 0 ? (now_ms() - start) * 1e3 / TIMES : 0;
}

int main(int argc, char **argv)
{
    struct bench b = {.workspace = malloc(fec_sequence_workspace_bytes()),
                      .percent = 100};
    if (b.workspace == NULL) {
        return 1;
    }
    if (argc > 1) {
        b.percent = (uint32_t)strtoul(argv[1], NULL, 10);
    }
    double start = now_ms();
    table_selection(&b);
    table_r99(&b);
    table_twins(&b);
    table_policy(&b);
    free(b.workspace);
    printf("{\"r99_worst_deviation\":%.4f,\"selection_worst_excess\":%.0f,"
           "\"twins_worst_ratio\":%.4f,\"policy_worst_ratio\":%.4f,"
           "\"sequence_wall_ms\":%.2f,\"formula_wall_us\":%.1f,\"total_wall_s\":%.1f}\n",
           b.worst_r99, b.worst_selection, b.worst_twins, b.worst_policy, b.slowest_ms,
           formula_us(), (now_ms() - start) / 1e3);
    return 0;
}

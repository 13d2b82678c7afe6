/* SPDX-License-Identifier: MIT */
#include "fuota-bench/faults_cmd.h"

#include <inttypes.h>

#include "faults/faults.h"

enum { EXIT_INTERNAL = 1, SEEDS_FOR_ALL = 200 };

/* Of all seeds together. */
struct totals {
    struct faults_report sum;
    uint64_t seeds;
    uint64_t violated;
    struct faults_report first; /* that violated */
};

static void add(struct totals *t, const struct faults_report *r)
{
    for (int i = 0; i < FAULT_KINDS; i++) {
        t->sum.faults[i] += r->faults[i];
    }
    for (int i = 0; i < TRAIT_COUNT; i++) {
        t->sum.traits[i] += r->traits[i];
    }
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        t->sum.outcomes[i] += r->outcomes[i];
    }
    for (int i = 0; i < FAULTS_STACKS_MAX; i++) {
        const struct faults_stack *stack = &r->stacks[i];
        t->sum.stacks[i].name = stack->name != NULL ? stack->name : t->sum.stacks[i].name;
        t->sum.stacks[i].devices += stack->devices;
        t->sum.stacks[i].updated += stack->updated;
    }
    t->sum.effects += r->effects;
    t->sum.commits += r->commits;
    t->sum.frames += r->frames;
    t->sum.starts += r->starts;
    t->sum.devices += r->devices;
    t->sum.updated += r->updated;
    t->sum.virtual_us += r->virtual_us;
    t->seeds++;
    if (r->violation.text != NULL) {
        t->first = t->violated == 0 ? *r : t->first;
        t->violated++;
    }
}

static void print_violation(const struct faults_report *r)
{
    const struct check_violation *v = &r->violation;
    int64_t s = v->at.us / 1000000;
    (void)fprintf(stderr,
                  "fuota-bench: seed %" PRIu64 ": %s: %s, at virtual time %" PRId64
                  ".%06d (Unix)\n",
                  r->seed, check_name(v->invariant), v->text, s,
                  (int)(v->at.us % 1000000));
}

static void print_faults(const struct faults_report *r)
{
    (void)printf("\"faults\":{");
    for (int i = 0; i < FAULT_KINDS; i++) {
        (void)printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",",
                     fault_slug((enum fault_kind)i), r->faults[i]);
    }
    (void)printf("},\"traits\":{");
    for (int i = 0; i < TRAIT_COUNT; i++) {
        (void)printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",",
                     trait_slug((enum fault_trait)i), r->traits[i]);
    }
    (void)printf("},\"outcomes\":{");
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        (void)printf("%s\"%s\":%" PRIu32, i == 0 ? "" : ",",
                     outcome_name((enum outcome)i), r->outcomes[i]);
    }
    (void)printf("},");
}

static void print_stacks(const struct faults_report *r)
{
    const char *comma = "";
    (void)printf("\"stacks\":{");
    for (int i = 0; i < FAULTS_STACKS_MAX; i++) {
        const struct faults_stack *stack = &r->stacks[i];
        if (stack->name != NULL) {
            (void)printf("%s\"%s\":{\"devices\":%" PRIu32 ",\"updated\":%" PRIu32 "}",
                         comma, stack->name, stack->devices, stack->updated);
            comma = ",";
        }
    }
    (void)printf("}");
}

static void print_json(const struct options *o, const struct totals *t)
{
    const struct faults_report *r = &t->sum;
    (void)printf("{\"seed\":%" PRIu64 ",\"last_seed\":%" PRIu64 ",\"seeds\":%" PRIu64
                 ",\"plant\":\"%s\",\"plant_breaks\":\"%s\",\"effects\":%" PRIu64
                 ",\"commits\":%" PRIu64 ",\"frames\":%" PRIu64 ",\"starts\":%" PRIu32
                 ",\"devices\":%zu,\"updated\":%zu,\"virtual_hours\":%" PRId64 ",",
                 o->seed, o->last_seed, t->seeds, plant_slug(o->plant),
                 check_name(plant_breaks(o->plant)), r->effects, r->commits, r->frames,
                 r->starts, r->devices, r->updated, r->virtual_us / HOURS_US(1));
    print_faults(r);
    print_stacks(r);
    if (t->violated == 0) {
        (void)printf(",\"violated\":0,\"violation\":null}\n");
        return;
    }
    const struct check_violation *v = &t->first.violation;
    (void)printf(",\"violated\":%" PRIu64 ",\"violation\":{\"invariant\":\"%s\","
                 "\"text\":\"%s\",\"seed\":%" PRIu64 ",\"time_us\":%" PRId64 "}}\n",
                 t->violated, check_name(v->invariant), v->text, t->first.seed, v->at.us);
}

/* Among so many seeds every kind has its turn; else it is not tested at all. */
static bool all_kinds_came(const struct totals *t)
{
    bool all = true;
    for (int i = 0; i < FAULT_KINDS && t->seeds >= SEEDS_FOR_ALL; i++) {
        if (t->sum.faults[i] == 0) {
            (void)fprintf(stderr, "fuota-bench: %s never came in %" PRIu64 " seeds\n",
                          fault_slug((enum fault_kind)i), t->seeds);
            all = false;
        }
    }
    for (int i = 0; i < TRAIT_COUNT && t->seeds >= SEEDS_FOR_ALL; i++) {
        if (t->sum.traits[i] == 0) {
            (void)fprintf(stderr, "fuota-bench: no %s in %" PRIu64 " seeds\n",
                          trait_slug((enum fault_trait)i), t->seeds);
            all = false;
        }
    }
    return all;
}

int faults_cmd(const struct options *o)
{
    struct totals totals = {.seeds = 0};
    for (uint64_t seed = o->seed; seed <= o->last_seed; seed++) {
        struct faults_config config = {
            .seed = seed,
            .plant = o->plant,
            .folder = o->folder,
            .verbose = o->verbose,
            .months = o->months,
        };
        struct faults_report report;
        if (faults_run(&config, &report) != FUO_OK) {
            return EXIT_INTERNAL;
        }
        add(&totals, &report);
        if (report.violation.text != NULL) {
            print_violation(&report);
        }
        if (seed == UINT64_MAX) {
            break;
        }
    }
    print_json(o, &totals);
    bool good = totals.violated == 0 && all_kinds_came(&totals);
    return good ? 0 : EXIT_INTERNAL;
}

void faults_cmd_help(FILE *to)
{
    for (int i = PLANT_NONE + 1; i < PLANT_COUNT; i++) {
        (void)fprintf(to, "    %-15s %s\n", plant_slug((enum fault_plant)i),
                      plant_text((enum fault_plant)i));
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * forming.h - a round under way: it may be long, so it goes on from step to step.
 *
 * Who was collected at its begin may have ended or joined a transmission when it comes to
 * the cohorts: those are left out. A pause drops it, and another one is begun when the
 * campaign goes on. Nothing of it is stored: after a restart it is begun anew.
 */
#pragma once

#include "engine/internal.h"

/* Links looked at in a step: some ten milliseconds. */
#define ROUND_WORK_STEP UINT64_C(200000)

/* Members that are to be placed: all of a round, or a group of it. */
struct round {
    struct engine *e;
    struct campaign *c;
    struct member **members;
    size_t count;
    struct fleet *fleet; /* of a group */
    uint8_t variant;     /* ... */
    enum plan_error err; /* the first */
    size_t placed;
    struct fragplan_limits limits; /* of all in it */
    uint32_t fragments;            /* M at most */
};

struct sorted {
    struct member **members; /* by cohort */
    size_t *first;
    bool *done;
    struct member **shared; /* those of one transmission */
    size_t shared_count;
};

enum forming_stage {
    FORMING_PARTITION,
    FORMING_COHORTS,
    FORMING_DONE,
};

struct forming {
    struct round all;
    size_t left; /* of all.members, in no group yet */
    bool open;   /* there is a group: */
    bool by_hand;
    struct round group;
    struct member **group_members;
    enum forming_stage stage;
    struct numbered numbered;
    struct partition_device *devices;
    uint32_t *weights;
    uint16_t *turns;
    struct partition_grid grids[REGION_DR_COUNT];
    struct partition_input input;
    void *workspace;
    struct partition result;
    struct sorted sorted;
    size_t next; /* cohort to be formed */
};

/* round.c */
/* That may be used for r, a group; empty: all. */
const struct eui_list *round_gateways(const struct round *r);
/* So long others may still come that would share its transmission. */
int64_t round_company_us(const struct engine *e, struct campaign *c);
void round_note(struct round *r, enum plan_error err, size_t count);

/* forming.c */
/* How a link counts for the planner, after so many attempts; its number is not set. */
struct partition_link forming_link(const struct member *m, const struct device_link *link,
                                   uint8_t attempts);
/* The group is to be placed by its links. */
void forming_open(struct forming *f);
/* On with it, counting *work down; true: its cohorts are formed. */
bool forming_go(struct forming *f, uint64_t *work);
void forming_close(struct forming *f);

/* SPDX-License-Identifier: MIT */
/*
 * repair.h - what members of a session miss, and what is worth sending for it: to all, or to
 * one of them alone behind its own uplinks. For the files of the engine only.
 */
#pragma once

#include "engine/internal.h"

struct demand {
    uint32_t need;    /* fragments to send now by the stop rule; 0: none is worth it */
    uint32_t missing; /* of all who said that something is missing, summed */
    size_t members;   /* who said so */
};

/* The highest N that may be sent. */
uint16_t repair_last_n(const struct transmission *t);
/* The last N of so many more, or that one. */
uint16_t repair_target_n(const struct transmission *t, uint32_t need);
/*
 * Who lost more of the uncoded fragments cannot mend them: by what its profile says of its
 * decoder, and as a rule where it says nothing or more.
 */
uint32_t repair_most(const struct transmission *t, const struct member *m);
/*
 * Who lost most of the image was not in the session: for them alone the whole image would
 * be sent once more. They are taken into the next transmission instead; and so is who lost
 * more than its decoder mends.
 */
bool repair_is_worth(const struct transmission *t, const struct member *m);
struct demand repair_demand(const struct transmission *t);
bool repair_alone_is_better(struct engine *e, const struct transmission *t,
                            const struct demand *d);
/* Fragments by unicast, one behind each uplink. False: there is nobody whom it could help. */
bool repair_alone(struct engine *e, struct transmission *t);

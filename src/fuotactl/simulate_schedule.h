/* SPDX-License-Identifier: MIT */
/*
 * simulate_schedule.h - the schedule of a simulated campaign: its windows, notBefore and
 * deadline, as times from the moment at which it is applied.
 *
 * The world has no calendar; which day it is there is said with `start`. Windows of the
 * daemon, which blackouts may name, are not known here.
 */
#pragma once

#include <stdbool.h>

#include "campaign/spec.h"
#include "config/schedule.h"
#include "world/world.h"

struct simulate_schedule {
    const struct spec_schedule *spec;
    bool given;                  /* the campaign may not send at any time */
    struct utc start;            /* of the simulation, as people's clocks have it */
    bool restricted;             /* there are windows or blackouts */
    struct schedule_spans spans; /* times from start */
    struct schedule_term term;   /* so are these */
};

/* text: local in the campaign's zone, NULL: now. FUO_EINVAL: that is no time. */
FUO_MUST_CHECK int simulate_schedule_start(const struct spec_schedule *spec,
                                           const char *text, struct utc *start);

/* FUO_ENOENT: a blackout names a Window. */
FUO_MUST_CHECK int simulate_schedule_make(const struct spec_schedule *spec,
                                          struct utc start,
                                          struct simulate_schedule *schedule);

/* How long a run may have to take, beyond what one without a schedule may. */
int64_t simulate_schedule_extra_us(const struct simulate_schedule *schedule);

/* The schedule lives as long as the campaign. */
void simulate_schedule_give(const struct simulate_schedule *schedule,
                            struct world_campaign *campaign);

/* Frames of one of the campaigns to many outside windows, before notBefore, or after a deadline that stops all. */
size_t simulate_schedule_violations(const struct simulate_schedule *schedule,
                                    const struct world_trace *trace, size_t campaign);

/* RFC 3339, local with the offset, of a time from start. */
enum { SIMULATE_TIME_SIZE = 40 };
const char *simulate_schedule_time(const struct simulate_schedule *schedule,
                                   int64_t from_start_us, char text[SIMULATE_TIME_SIZE]);

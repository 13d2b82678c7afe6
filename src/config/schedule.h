/* SPDX-License-Identifier: MIT */
/*
 * schedule.h - when a campaign may send: its local windows and blackouts as spans of UTC.
 *
 * A window is open on its days from start to end, by the clock of the zone: one that crosses
 * midnight ends on the next day. If a change of the clock skips its start, it opens at the
 * change; if its start or end comes twice, the first counts, so that no window opens twice
 * for one night. Windows may touch and overlap. Blackouts win over windows; one that ends in
 * an hour that comes twice ends in the second. A date without a time is its midnight.
 *
 * Pure but for the zone data base. The engine gets the result by ENGINE_EV_WINDOWS.
 * Design 4; campaigns.md 2.5.
 */
#pragma once

#include <stddef.h>

#include "base/time.h"
#include "campaign/calendar.h"
#include "campaign/spec.h"
#include "config/window.h"
#include "fuotad/error.h"

enum {
    SCHEDULE_SPANS_MAX = 512, /* of one answer: then it ends earlier than asked for */
};

/* The Windows that blackouts may name. */
struct schedule_names {
    const struct window_doc *const *windows;
    size_t count;
};

/* NULL: there is none of that name. */
const struct window_doc *schedule_named(const struct schedule_names *names,
                                        const char *name);

/* Whether it restricts anything. */
bool schedule_is_restricted(const struct spec_schedule *schedule);

/*
 * notBefore and deadline. A time that comes twice is taken so that less is sent: notBefore
 * the second time, the deadline the first.
 */
struct schedule_term {
    struct utc not_before; /* INT64_MIN: none */
    struct utc deadline;   /* UTC_NEVER: none */
};

/* FUO_ENOENT: there is no such zone. */
FUO_MUST_CHECK int schedule_term(const struct spec_schedule *schedule,
                                 struct schedule_term *term);

struct schedule_spans {
    size_t count;
    struct utc until; /* what is open later is not known; UTC_NEVER: all is known */
    struct calendar_span spans[SCHEDULE_SPANS_MAX]; /* ascending, without overlap */
};

/*
 * What is open in [from, until). Without windows, only the blackouts are finite: then
 * out->until is UTC_NEVER. FUO_ENOENT: a zone or a named Window is missing; out is untouched.
 */
FUO_MUST_CHECK int schedule_spans(const struct spec_schedule *schedule,
                                  const struct schedule_names *names, struct utc from,
                                  struct utc until, struct schedule_spans *out);

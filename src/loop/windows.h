/* SPDX-License-Identifier: MIT */
/*
 * windows.h - when campaigns may send: Window files, and what the engine is told of them.
 *
 * Window files lie in the folder `windows` beside the daemon's own file; without the folder
 * there are none. The engine gets the spans of the coming weeks (config/schedule.h) when a
 * campaign is applied or taken up, and again every few hours, long before they end
 * (windows_link.c). Spans begin in the past: a clock that is set back changes nothing.
 */
#pragma once

#include <stdbool.h>

#include "base/time.h"
#include "config/campaign.h"
#include "config/daemon.h"
#include "config/diag.h"
#include "config/schedule.h"
#include "engine/engine.h"
#include "fuotad/error.h"

/* Long enough for what the engine dates ahead; and back, for clocks that are set. */
#define WINDOWS_AHEAD_US DAYS_US(62)
#define WINDOWS_BACK_US  DAYS_US(2)

struct windows {
    struct window_doc **items; /* owned; names are unique */
    size_t count;
};

/* Everything wrong is in diags. */
void windows_load(struct daemon_doc *daemon, struct windows *windows,
                  struct diag_list *diags);
void windows_finish(struct windows *windows); /* accepts a zeroed one */

/* Whether all Windows that the blackouts name are there; else each is in diags. */
bool windows_check(const struct windows *windows, const struct campaign_doc *campaign,
                   struct diag_list *diags);

/*
 * What may be sent when, seen from `now`; spans has to live as long as the result. Without
 * restrictions, the engine needs no windows: spans NULL. FUO_ENOENT: a Window is missing.
 */
FUO_MUST_CHECK int windows_resolve(const struct windows *windows,
                                   const struct spec_schedule *schedule, struct utc now,
                                   struct schedule_spans *spans,
                                   struct engine_windows *resolved);

/* The same from `from` on until `until`, or as far as there is room. */
FUO_MUST_CHECK int windows_resolve_between(const struct windows *windows,
                                           const struct spec_schedule *schedule,
                                           struct calendar_span between,
                                           struct schedule_spans *spans,
                                           struct engine_windows *resolved);

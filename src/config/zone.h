/* SPDX-License-Identifier: MIT */
/*
 * zone.h - IANA time zones: from the local text of people to UTC, and back.
 *
 * libical reads the zone data base of the system (package tzdata), which is complete until
 * the end of 2037. Later than that a zone stays as it is then.
 *
 * A change of the clock skips local times or brings them twice. A time that is skipped means
 * the moment of the change; of one that comes twice, the caller says which it means. No two
 * changes are closer than a day in any zone, and none is beyond that.
 *
 * No clock: nothing here knows what time it is. Zones live as long as the process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct zone; /* libical's; not const, because it learns changes as it is asked */

/* NULL: there is none of that name. */
struct zone *zone_find(const char *name);

/* Local time minus UTC. */
int64_t zone_offset_us(struct zone *zone, struct utc at);

enum zone_pick { ZONE_FIRST, ZONE_LAST };

/* local_us: as text_local_time() gives it, i.e. as if it were UTC. */
struct utc zone_to_utc(struct zone *zone, int64_t local_us, enum zone_pick pick);

struct zone_change {
    struct utc at; /* from here on the clock shows the other time */
    int64_t before_us;
    int64_t after_us;
};

/* The first change later than `after` and not later than `until`. */
bool zone_next_change(struct zone *zone, struct utc after, struct utc until,
                      struct zone_change *change);

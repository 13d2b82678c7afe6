/* SPDX-License-Identifier: MIT */
/*
 * retry.h - some devices of a campaign go again: ENGINE_EV_RETRY.
 *
 * Who has ended, but for those that succeeded, and is in no other campaign by now, is
 * MEMBER_PENDING again, is let in like everybody else (waves.h: its preconditions are looked
 * at anew), and gets a new outcome; until then it has none. Its history goes on, and
 * member_rec.retries counts. A campaign that had completed runs again.
 *
 * A gate that holds the campaign (WAVE_HELD) looks again, at those that go again too, once
 * the campaign is resumed. Waves that are over stay so while others are under way.
 */
#pragma once

#include "engine/internal.h"

/* Devices that cannot go again, or have not ended, are passed over. The others are counted
 * as under way at once, and are so a few in each step (sweep.h). */
void retry_members(struct engine *e, struct campaign *c, const uint64_t *devices,
                   size_t count);

/* One of those, in its turn. */
void retry_member(struct engine *e, struct member *m);

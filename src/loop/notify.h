/* SPDX-License-Identifier: MIT */
/*
 * notify.h - spec.notify: webhooks that are told what becomes of a campaign.
 *
 * At started, waveDone, paused, aborted and completed a CloudEvent (status_event.h) is posted,
 * as application/cloudevents+json. It is stored with the change that it tells of, and dropped
 * when the server has answered with 2xx: at least once, over restarts, too; who may hear it
 * twice goes by its id. To one URL one after the other, in order; 16 URLs at the same time.
 *
 * No answer, or another one, is tried again: after half a second, then ever later up to ten
 * minutes, for a day of the daemon's time; what a server refuses (4xx) six times only. Four
 * times in vain is the alert `notify`, and so is what is given up. Beyond 256 that wait nothing
 * is added.
 *
 * Path and query of a URL are nowhere shown. Never waits; loop thread only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/effect.h"
#include "fuotad/error.h"
#include "io/detail.h"
#include "store/store.h"

struct campaign_entry;
struct daemon;
struct notify;

void notify_init(struct daemon *d); /* before the store is opened; sends nothing */

/* What waits from before. */
FUO_MUST_CHECK int notify_load(struct daemon *d, struct detail *detail);

void notify_start(struct daemon *d); /* the loop runs */

/* The campaigns are as the store has them: what they are is no news. */
void notify_restored(struct daemon *d);

/* A batch, or a part of it, is made up: more for rows. published: PUBLISH effects that come from no step. */
void notify_batch(struct daemon *d, const struct effects *batch,
                  struct store_batch *rows);
void notify_published(struct daemon *d, const struct effects *published,
                      struct store_batch *rows);

/* That batch is on disk, or was dropped. */
void notify_settled(struct daemon *d, int err);

void notify_tell(struct daemon *d); /* the alert once more: the broker was away */
uint64_t
notify_lost(const struct daemon *d); /* given up, or not taken, since the start */
size_t notify_waiting(const struct daemon *d);

void notify_close(struct daemon *d);
void notify_free(struct daemon *d); /* the handles are closed */

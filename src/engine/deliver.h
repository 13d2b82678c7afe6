/* SPDX-License-Identifier: MIT */
/*
 * deliver.h - members whose server brings them the image by itself (engine_fleet.delivers):
 * no groups, no sessions, no airtime. Each goes its way alone, by four orders:
 *
 *   VERSION    read: what it is, and what runs on it
 *   LISTENING  deliver the image, or the delta for the version that it said (variant.h), in the
 *              windows of the campaign; then read now and then
 *   UPGRADE    install, when activation says so
 *   VERIFY     read, until it proves what runs
 *   UNDO_IMAGE cancel
 *
 * Waves, gates, claims and outcomes are those of everybody. Reports that are parts, and lost
 * ones, do no harm: what is decided is decided on a whole report, in which State, Result and
 * version were read together (lwm2m.md 3.3).
 */
#pragma once

#include "engine/internal.h"

/* It is one of these. */
bool deliver_is_way(const struct member *m);

void deliver_begin(struct engine *e, struct member *m);
/* The order of its phase, if it is time for it. */
void deliver_send(struct engine *e, struct member *m);
void deliver_on_result(struct engine *e, struct member *m, int err);
/* A delta has failed on it: it is brought the image, with all tries. */
void deliver_fall_back(struct engine *e, struct member *m);
/* What it said; its State and Result are taken already. */
void deliver_take_report(struct engine *e, struct member *m,
                         const struct engine_report *report);
/* mark: stored, and given with the next DELIVER of the same attempt; 0: none. */
void deliver_take_progress(struct engine *e, uint64_t dev_eui, uint32_t ppm,
                           uint32_t mark);
void deliver_tick(struct engine *e, struct member *m);
/* True: it is told to forget its image, and has not ended yet. */
bool deliver_abort(struct engine *e, struct member *m);

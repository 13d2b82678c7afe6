/* SPDX-License-Identifier: MIT */
/* silence.h - what it means when a device does not answer: evidence, time, abort. */
#pragma once

#include "engine/internal.h"

void member_note_evidence(struct engine *e, struct member *m, struct utc received);
/* Its server sets its clock: instead of a command of TS003 it is asked for the session again
 * when it has spoken once more. false: that is not so. */
bool silence_on_clock(struct engine *e, struct member *m);
void member_clock_step(struct member *m, int64_t delta_us);
void member_abort(struct engine *e, struct member *m);
void member_tick(struct engine *e, struct member *m);
void member_resume(struct engine *e, struct member *m);
void member_on_result(struct engine *e, struct member *m, uint64_t id, int err);
void member_on_fate(struct engine *e, struct member *m, const struct engine_event *event);

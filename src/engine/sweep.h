/* SPDX-License-Identifier: MIT */
/*
 * sweep.h - what comes to all members of a campaign at once, PUMP_MEMBERS of them in a step.
 *
 *   retry     those that were chosen go again (retry.h)
 *   abort     all undo what they have (member_abort)
 *   deadline  who is not to go on ends (term.h)
 *   silence   who never spoke is given up (campaign_drop_silent)
 *   resume    after a pause, who is left is looked at again (member_resume)
 *
 * There is one pass for all of them; what comes while one is under way begins it anew, and
 * nothing of it harms who has had it. Who speaks, or is due, does not wait for his turn. A
 * pass is in memory only: after a restart an abort, a deadline and silence begin anew, and
 * who was to go again and was not reached yet has ended as before.
 */
#pragma once

#include "engine/internal.h"

/* Something has come to all of them: from now on, a few in each step. */
void sweep_start(struct engine *e, struct campaign *c);

/* The next few. */
void sweep_go(struct engine *e, struct campaign *c);

/* This one now. */
void sweep_member(struct engine *e, struct member *m);

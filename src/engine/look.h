/* SPDX-License-Identifier: MIT */
/*
 * look.h - how a session for few is getting on, before all of it has been sent.
 *
 * Whether a device hears a session at all is known from estimates only, and a session for one
 * that does not is sent for nothing. So while the uncoded fragments of a session for few are
 * sent, all in it are asked for their status now and then, behind half as many again each
 * time. Who has lost so much of them that its decoder cannot mend the block leaves for another
 * try, and all do if as good as never anybody answers; what is left of the session may need fewer
 * lanes, or nothing more. In doubt nobody is given up. For the files of the engine only.
 *
 * What a status tells half way depends on the stack (lorawan.md 13): some count what is
 * missing of all, some what was lost so far, some say the last index for what they received.
 */
#pragma once

#include "engine/internal.h"

/* In the middle of the uncoded fragments: what comes up is no answer to a poll. */
bool look_is_on(const struct transmission *t);

/* The frame that is to begin now is a status request for that. */
bool look_is_due(const struct transmission *t);

/* The answer of a member that listens. */
void look_take(struct engine *e, struct member *m, const struct member_answer *a);

/* The time to answer is over. */
void look_end(struct engine *e, struct transmission *t);

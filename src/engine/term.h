/* SPDX-License-Identifier: MIT */
/*
 * term.h - the time of a campaign: nothing before notBefore, and the end at the deadline.
 *
 * Before notBefore it is CAMPAIGN_SCHEDULED, has no claim on its devices and sends nothing.
 * At the deadline, also while it is paused:
 *
 *   drain  who is in a session or installs goes on; no session begins any more
 *   stop   nothing is sent any more; who may have begun to install stays unknown
 *   abort  as if an operator had aborted it
 *
 * Who is left out of it ends as cancelled with REASON_DEADLINE. With stop and abort, no
 * session is dated that could not end in time. It is looked at by the clock of now, so
 * that a daemon which was away at that time acts when it is back.
 */
#pragma once

#include <stdbool.h>

#include "base/time.h"

struct campaign;
struct engine;
struct member;

/* Whether it has claimed its devices. */
bool term_has_begun(const struct campaign *c);

/*
 * Of a campaign that is to run: begins it, or leaves it waiting for its time. Its members
 * hear of it a few in a step, while c->placing; until then nothing else is done with it, and
 * all that is stored belongs to one transaction.
 */
void term_begin(struct engine *e, struct campaign *c);
void term_place(struct engine *e, struct campaign *c); /* the next few */

/* Begins or ends what is due, and says when to look again: UTC_NEVER, not for this. */
struct utc term_tick(struct engine *e, struct campaign *c);

/* The deadline has come to the member: it ends, unless it is to go on. */
void term_cut_member(struct engine *e, struct member *m);

/* Before the deadline. */
bool term_lasts(const struct engine *e, const struct campaign *c);

/* Whether its members may be given another try, and sessions a date. */
bool term_takes_on(const struct engine *e, const struct campaign *c);

/* No session begins then or later. */
struct utc term_last_start(const struct campaign *c);

/* Nothing is sent then or later. */
struct utc term_silent_from(const struct campaign *c);

/* Whether the deadline cut anybody short. */
bool term_cut(const struct campaign *c);

/* SPDX-License-Identifier: MIT */
/*
 * waves.h - the waves of a campaign, one after the other.
 *
 *   PENDING --its turn--> [APPROVAL --approved-->] RUNNING --all ended, well--> SOAKING
 *   RUNNING --the gate trips, or all ended badly--> HELD, with the campaign paused
 *   HELD --resumed or approved--> RUNNING, or on to the next, and the gate is waived
 *   SOAKING --in time--> DONE, and the next one's turn
 *
 * An operator's pause at a gate is a mark of its own, stored in the wave's row: it goes back to
 * where it was before it waited, APPROVAL to PENDING and HELD to RUNNING, with the verdict that
 * it has. Approved, it is only marked so (approved, waived). Resumed without, it waits again.
 *
 * Members are MEMBER_PENDING until their wave is RUNNING and their device is theirs
 * (claim.h); then they are let in, a few in a step, and preconditions are looked at again.
 * A wave that nobody is left in is DONE at once. The verdicts are those of campaign/wave.h.
 *
 * A campaign without waves (event.h) lets everybody in at its start, and has no gates.
 */
#pragma once

#include "engine/internal.h"

enum {
    WAVES_REASON_SIZE = sizeof(((struct campaign_rec *)0)->reason),
};

struct wave {
    struct wave_rec rec;
    struct wave_counts counts;
    bool asked; /* that its devices may install, since the start */
};

/* Of a new campaign: as engine_campaign.waves says. */
void waves_make(struct engine *e, struct campaign *c, const uint8_t *waves);
/* Its campaign begins: the member claims its device, and waits for its wave. Not stored. */
void waves_place(struct engine *e, struct member *m);

/* While the campaign runs. True: members are still being let in; again in the next step. */
bool waves_tick(struct engine *e, struct campaign *c);

/* Its device is free for the member: at once if its campaign runs, else when it does. */
void waves_let_in(struct engine *e, struct member *m);

/* A member has got its outcome, or a session has begun for it: before it is stored. */
void waves_note_end(struct engine *e, struct member *m);
void waves_note_attempt(struct engine *e, struct member *m);
/* A member that has ended is to go again: before it is reset. */
void waves_take_back(struct engine *e, struct member *m);
/* Its session has begun: members that take part are attempted. */
void waves_note_session(struct engine *e, struct transmission *t);

/* The operator goes on: what holds the campaign is waived. */
void waves_resume(struct engine *e, struct campaign *c);
/* True: it was waiting for that, and may run. One that was put off may not: resume() lets it. */
bool waves_approve(struct engine *e, struct campaign *c, uint8_t no);

/* The operator pauses what a gate has paused: an approval lets nothing go on now. True: so it
 * was. */
bool waves_put_off(struct engine *e, struct campaign *c);
/* He goes on with that, before anything else does. True: a gate that nobody has approved holds
 * it again. */
bool waves_hold_again(struct engine *e, struct campaign *c);

/* Whether an operator has said that the devices of its wave may install. */
bool waves_may_install(const struct member *m);
/* One has its image and waits for that: it is told once a wave. */
void waves_note_installable(struct engine *e, struct member *m);
/* He says it, of that wave or of the one that is on; also beforehand. */
void waves_install(struct engine *e, struct campaign *c, uint8_t no);

/* The campaign has ended. */
void waves_finish(struct engine *e, struct campaign *c);

/* Of one that has completed: what a gate, if any did, says of it; it held nobody back. Empty:
 * nothing that was not overruled. */
void waves_tell_end(const struct campaign *c, char reason[static WAVES_REASON_SIZE]);

/* Of a restored member: into the counts of its wave. */
void waves_count(struct member *m);

void waves_clock_step(struct campaign *c, int64_t delta_us);

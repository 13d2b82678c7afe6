/* SPDX-License-Identifier: MIT */
/*
 * group.h - multicast groups that outlive their transmission, see group.c. For the files of
 * the engine only.
 */
#pragma once

#include "engine/internal.h"

/* The McKey of a transmission that is formed: true: one that is kept, and its address. */
bool group_choose(struct engine *e, struct transmission *t);
/* Whether a member that is set up has it from before; else that is no matter any more. */
bool group_is_kept(struct engine *e, struct member *m);
/* The transmission that has this McKey; 0: none. */
uint32_t group_in_use_by(const struct engine *e, uint32_t key_id);
/* McGroupSetupReq goes out; the device has taken it. The second leaves it to the caller to
 * store the device, as does the next one. */
void group_told(struct engine *e, struct member *m);
void group_taken(struct engine *e, struct member *m);
/* The device has rebooted. */
void group_rebooted(struct engine *e, struct member *m);
/* It agreed to a session. */
void group_found(struct member *m);
/* It has not kept its group, as it says: it is set up anew. */
bool group_is_lost(struct engine *e, struct member *m, const struct member_answer *a);
/* It leaves its transmission without the image: did it have the group at all? */
void group_doubt(struct engine *e, struct member *m);
/* The server does not begin where the counter is: another key. */
void group_abandon(struct engine *e, struct transmission *t);
/* The server's counter, when nothing more is sent. */
void group_note_counter(struct engine *e, struct lane *l, uint32_t f_cnt);
/* The transmission is over: its McKey is kept or dropped. */
void group_release(struct engine *e, struct transmission *t);
void group_resume(struct engine *e);
void group_finish(struct engine *e);

/* SPDX-License-Identifier: MIT */
/*
 * member_setup.h - what a member is told before a session, in which order, and in how many
 * messages, see member_setup.c. For the files of the engine only.
 */
#pragma once

#include "engine/internal.h"

/* The first command of its set-up, and the next one: for what it has not got yet. */
void member_setup_begin(struct engine *e, struct member *m);
void member_setup_go_on(struct engine *e, struct member *m);
/* Two messages do for it, if nothing stands against it at that moment. */
bool member_setup_is_short(const struct member *m);
/* Whether its McGroupSetupReq has the session's request behind it. */
bool member_setup_adds_session(const struct member *m);
/* It was told that request, by itself or behind another. */
void member_setup_told_date(struct member *m);
/* ... and nothing but its answer lacks: it may have agreed to the session. */
bool member_setup_may_be_done(const struct member *m);
/* Its decoder is set up for what its transmission sends. */
bool member_setup_has_frag(const struct member *m);
void member_setup_took_frag(struct member *m);
/* It rebooted, said that nothing is left, or leaves its transmission: whatever it was told is
 * to be told again. */
void member_setup_forget(struct member *m);
/* Its command has left a gateway; it is given up for a while; another phase begins. */
void member_setup_sent(struct member *m);
void member_setup_give_up(struct member *m);
void member_setup_enter(struct member *m);
/* A restart, with the transmission it is in. */
void member_setup_resume(struct member *m);

/* SPDX-License-Identifier: MIT */
/* member.h - one device in a campaign: its records, its outcome, and what it is sent. */
#pragma once

#include "engine/internal.h"

/* How long after a reboot, and how often then, to ask what runs. */
#define MEMBER_AFTER_REBOOT_US SECONDS_US(20)
#define MEMBER_ASK_AGAIN_US    MINUTES_US(10)

/* Into a transmission, or out of it (NULL); keeps the counts by phase. */
void member_attach(struct member *m, struct transmission *t);
/* In place of the record, as stored. */
void member_replace(struct member *m, const struct member_rec *rec,
                    struct transmission *t);
/* It has to wait for its wave or its device. Not stored. */
void member_hold(struct member *m);
/* In MEMBER_UPGRADE: it waits for others, until it enters another phase. Not stored. */
void member_set_announced(struct member *m);
/* When the phase it is in ends without an answer; UTC_NEVER: others see to it. */
struct utc member_limit(const struct member *m);
void member_store(struct engine *e, struct member *m);
void member_enter(struct engine *e, struct member *m, enum member_phase phase);
void member_flush_queue(struct engine *e, struct member *m);
/* The same, for good: what it was told belongs to nothing any more. */
void member_part_with(struct engine *e, struct member *m);
/* For good; unless what failed was a delta, see variant.h: then it goes on with the image. */
void member_end(struct engine *e, struct member *m, enum outcome outcome,
                enum member_reason reason, enum fw_evidence seen);
/* Out of this transmission: to the next one if it may, else failed. */
void member_leave(struct engine *e, struct member *m, enum outcome outcome,
                  enum member_reason reason, enum fw_evidence seen);
/* It was not set up in time: that is no failed attempt, if it does not go on. */
void member_leave_late(struct engine *e, struct member *m);
bool member_in_session(const struct member *m);

/* ---- command.c ---- */

/* The command of its phase, if it may be sent now. */
void member_send(struct engine *e, struct member *m);
/* No command is under way any more. */
void member_drop_command(struct member *m);
/* Was what was sent a fragment of its tail? */
bool member_tail_sent(struct engine *e, struct member *m);
/* The device did not have the last try. */
void member_forget_try(struct member *m);
/* member_enter(), then member_send(). */
void member_ask(struct engine *e, struct member *m, enum member_phase phase);
struct member_context member_context_of(const struct member *m);

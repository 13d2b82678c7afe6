/* SPDX-License-Identifier: MIT */
/* answer.h - what the answers of a device do. */
#pragma once

#include "engine/internal.h"

/* ---- answer.c ---- */

void member_begin(struct engine *e, struct member *m);
void member_take_answer(struct engine *e, struct member *m,
                        const struct member_answer *a);
void member_ask_next_package(struct engine *e, struct member *m);
/* After the block and before the end: what runs is of interest. */
bool member_may_be_updated(const struct member *m);
/* The new version runs. */
void member_verified(struct engine *e, struct member *m);
/*
 * It has the block (proven: it said so), or is believed to: on to its image. Where nothing is
 * installed it ends, as succeeded or as unknown. missing: what it last said.
 */
void member_take_block(struct engine *e, struct member *m, uint16_t missing, bool proven);
/* Nothing is installed: what is known of the block is the outcome. */
void member_end_data(struct engine *e, struct member *m, bool proven);
void member_await_reboot(struct engine *e, struct member *m);

/* ---- proof.c ---- */

/* Data: it was sent what it needs, and is of those that cannot say that this was enough. */
bool proof_is_doubtful(const struct member *m);

/* Members that are believed to have the block, and have not answered yet. */
uint32_t proof_pending(const struct transmission *t);
/* Of a member in its session: has it the block, or what is missing? */
void proof_ask(struct engine *e, struct member *m);
void proof_take_status(struct engine *e, struct member *m, const struct member_answer *a);
/* True: it was believed to have the image, and goes on where it was. */
bool proof_take_denial(struct engine *e, struct member *m, const struct member_answer *a);

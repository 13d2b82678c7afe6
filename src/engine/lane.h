/* SPDX-License-Identifier: MIT */
/* lane.h - the lanes of a transmission, and one frame to each of them in lock-step. */
#pragma once

#include "engine/internal.h"

/* ---- lane.c ---- */

struct lane *lane_at(struct transmission *t, uint8_t no);
void lane_store(struct engine *e, const struct lane *l);
/* Not lost, with a group at the server. */
bool lane_is_live(const struct lane *l);
uint32_t lanes_live(const struct transmission *t);
/* Gateways of the lanes that are not lost. */
uint32_t lanes_gateways(const struct transmission *t);
/* An answer is due; but not for ever: what was asked can be asked again. */
void lane_await(struct engine *e, struct transmission *t, struct lane *l,
                enum lane_wait what);
bool lane_awaits(struct engine *e, struct transmission *t, struct lane *l);
void lane_note_stuck(const struct engine *e, struct lane *l);
/* Leave the server alone, longer at each failure in a row. True: for too long. */
bool lane_backoff(struct engine *e, struct transmission *t, struct lane *l, int err);
/* Nothing more is sent by it. */
void lane_lose(struct engine *e, struct transmission *t, struct lane *l);
/* Gateway i of several sends no more; to be stored. */
void lane_drop_gateway(struct lane *l, size_t i);
void lane_poll_queue(struct engine *e, struct transmission *t, struct lane *l);
void lanes_flush(struct engine *e, struct transmission *t);
/* transmission_opened() when all are open or given up. */
void lanes_open(struct engine *e, struct transmission *t);
void lanes_drain(struct engine *e, struct transmission *t);
void lanes_close(struct engine *e, struct transmission *t);
void lane_on_group(struct engine *e, struct transmission *t, struct lane *l,
                   const struct engine_event *event);
/* The server refuses for good to tell: as if it had been drained. */
void lane_not_told(struct engine *e, struct transmission *t, struct lane *l);
void lane_on_drained(struct engine *e, struct transmission *t, struct lane *l,
                     uint32_t frame_count);
/* How far the group's counter, as the server tells it, is beyond the frame under way. */
int32_t lane_ahead(const struct lane *l, uint32_t f_cnt);
void lanes_clock_step(struct transmission *t, int64_t delta_us);
void lanes_resume(struct engine *e, struct transmission *t);

/* A group whose counter is beyond is not begun with: devices would be deaf (13). */
#define F_CNT_NEW (0xffffu - 2 * FRAG_COUNT_MAX)

/* ---- frame.c ---- */

/* When the first frame after now may begin. */
void frame_schedule(struct engine *e, struct transmission *t);
/* When it is to begin. */
struct utc frame_due(const struct transmission *t);
/* Begin the next frame, to be handed to every lane. */
void frame_begin(struct engine *e, struct transmission *t, bool status);
/* Hand the frame under way to lanes that have not taken it; final: to none any more, only
 * settle what is open. True: no answer is open. */
bool frame_tick(struct engine *e, struct transmission *t, bool final);
void frame_on_result(struct engine *e, struct transmission *t, struct lane *l, int err,
                     uint32_t f_cnt);
void frame_on_queue(struct engine *e, struct transmission *t, struct lane *l,
                    const struct engine_event *event);

/* SPDX-License-Identifier: MIT */
/* session.h - a transmission: set-up, dates, fragments, polls, confirmation, end. */
#pragma once

#include "engine/internal.h"

#define START_MARGIN_US  SECONDS_US(5)  /* clock error and the change of class */
#define SESSION_GUARD_US SECONDS_US(10) /* nothing is sent that late in a session */

/* A request whose answer was lost may reach the server that much later. */
#define SETTLE_US SECONDS_US(2)

/* ---- setup.c ---- */

void transmission_store(struct engine *e, struct transmission *t);
void transmission_enter(struct engine *e, struct transmission *t, enum tx_phase phase);
void transmission_tick(struct engine *e, struct transmission *t);
void transmission_on_key(struct engine *e, struct transmission *t, uint32_t mc_addr);
void transmission_opened(struct engine *e, struct transmission *t);
/* No group is left at the server. */
void transmission_end(struct engine *e, struct transmission *t);
/* After a restart; before it nobody listened for away_us. */
void transmission_resume(struct engine *e, struct transmission *t, int64_t away_us);
/* After a pause: time passed in which nobody could be asked. */
void transmission_go_on(struct engine *e, struct transmission *t);
void transmission_member_changed(struct engine *e, struct transmission *t);
void transmission_clock_step(struct engine *e, struct transmission *t, int64_t delta_us);
/* Calls fn for members not yet served in this phase, a few at a time; true: for all. */
bool transmission_pump(struct engine *e, struct transmission *t,
                       void (*fn)(struct engine *e, struct member *m));
/* Its members in the phases first to last. */
uint32_t transmission_count(const struct transmission *t, enum member_phase first,
                            enum member_phase last);
/* Wait on for members: patience is not over, or was well used; wakes the transmission. */
bool transmission_has_patience(struct engine *e, struct transmission *t,
                               uint32_t remaining, int64_t patience_us);

/* ---- dates.c ---- */

/* Date the next session and tell the members that take part. */
void transmission_date(struct engine *e, struct transmission *t);
/* From now to a session that would be dated now: uplinks that its members need. */
int64_t transmission_lead_us(struct engine *e, const struct transmission *t);
void dates_set_windows(struct campaign *c, const struct engine_windows *windows);
void dates_take_windows(struct engine *e, const struct engine_windows *windows);
/* Until when its windows are open from `at` on: `at` itself if they are not. */
struct utc dates_open_until(const struct campaign *c, struct utc at);
/* Nothing of its session is sent later. */
struct utc dates_until(const struct engine *e, const struct transmission *t);
bool dates_hold(const struct engine *e, const struct transmission *t);
/* Its session ended because a window did, or because none may last longer. */
bool dates_were_cut(const struct transmission *t);
void dates_watch_queue(struct engine *e, struct transmission *t);

/* ---- session.c ---- */

void session_tick(struct engine *e, struct transmission *t);
void session_begin(struct engine *e, struct transmission *t);
void session_finish(struct engine *e, struct transmission *t);
void session_stop(struct engine *e, struct transmission *t);
/* A new date for who was told the old one. */
void session_date_again(struct engine *e, struct transmission *t);

/* The frame under way is with every lane. */
void session_frame_done(struct engine *e, struct transmission *t);
/* A gateway did not send the question. */
void session_poll_refused(struct engine *e, struct transmission *t);
/* No lane is left. */
void session_lanes_lost(struct engine *e, struct transmission *t);
size_t session_payload(const struct transmission *t, bool status, uint8_t buf[255]);

/* ---- session_fail.c ---- */

/* Nobody who is still in it can be helped by it. */
void session_fail_rest(struct engine *e, struct transmission *t);
/* Those who have answered and cannot be helped here, or all who listen. */
void session_fail_answered(struct engine *e, struct transmission *t, bool all);
/* It has answered. When all is sent, who cannot be helped here waits for nobody else. */
void session_take_status(struct engine *e, struct member *m);

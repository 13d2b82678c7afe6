/* SPDX-License-Identifier: MIT */
/* campaign.h - campaigns: starting members, patience, control, the end. */
#pragma once

#include "engine/internal.h"

void campaign_start(struct engine *e, const struct engine_campaign *def);
void campaign_tick(struct engine *e, struct campaign *c);
void campaign_control(struct engine *e, struct campaign *c, enum engine_control verb,
                      const char *reason);
/* See ENGINE_APPROVE. */
void campaign_approve(struct engine *e, struct campaign *c, uint8_t wave);
void campaign_pause(struct engine *e, struct campaign *c, const char *reason);
void campaign_touch(struct campaign *c);
/* The only one that writes rec.phase. */
void campaign_enter(struct campaign *c, enum campaign_phase phase, const char *reason);
void campaign_begin_waiting(struct engine *e, struct campaign *c);
void campaign_flush_changes(struct engine *e);
bool campaign_runs(const struct campaign *c);
/* Neither ended nor being aborted. */
bool campaign_is_live(const struct campaign *c);
/* Members that are still being discovered. */
uint32_t campaign_undecided(const struct campaign *c);
/* Members in a phase from first to last that are reached by multicast: not those of deliver.h. */
uint32_t campaign_multicast(const struct campaign *c, enum member_phase first,
                            enum member_phase last);
/* Makes c->live those that have not ended, in order of DevEUI. */
void campaign_list_live(struct campaign *c);
void campaign_clock_step(struct engine *e, struct campaign *c, int64_t delta_us);
void campaign_alert(struct engine *e, const struct campaign *c, const char *text);
/* How long to wait for members that talk every so often; see campaign.c. */
int64_t campaign_patience_us(const struct engine *e, struct campaign *c,
                             const struct transmission *t);
/* Of the slowest tenth of its members that are known, or a guess. t: of those in it. */
int64_t campaign_interval_us(const struct engine *e, struct campaign *c,
                             const struct transmission *t);
/* At the end of the time in which devices may stay silent: ends it if it was. */
void campaign_drop_silent(struct engine *e, struct member *m);
void campaign_member_settled(struct engine *e, struct campaign *c);
void campaign_member_taken(struct member *m);

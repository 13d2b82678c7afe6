/* SPDX-License-Identifier: MIT */
/* round.h - who shares a transmission, in which turns, and how it is made. */
#pragma once

#include "engine/internal.h"

/* ---- round.c ---- */

/* What its campaign needs: TS004 and TS005; TS006, if it installs or asks what runs, and has
 * no vendor's command for who lacks that. */
bool member_has_packages(const struct member *m);
/* Its stack has the sessions that the campaign is about, as far as its profile tells. */
bool member_has_class(const struct member *m);
bool member_has_every_package(const struct member *m);
bool member_needs_version(const struct member *m);
struct utc member_ready_from(const struct member *m);
/* Everybody who can be, into transmissions: begins or goes on, c->forming until it is done. */
void round_form(struct engine *e, struct campaign *c);
/* It is not gone on with. */
void round_drop(struct campaign *c);
/* The member is READY: into a transmission that is being set up, or the next round. */
void round_wish(struct engine *e, struct member *m);
/* A session begins without some of its members: they need not wait for more company. */
void round_soon(struct engine *e, struct campaign *c);
/* Is there nobody left to wait for? Then the round is now. */
void round_look(struct engine *e, struct campaign *c);

/* ---- grid.c ---- */

/* Those that hold for a round of so many members, at most one a data rate; *turns is to be
 * freed. */
size_t grid_known(struct engine *e, const struct fleet *f, size_t member_count,
                  const struct numbered *n, struct partition_grid *grids,
                  uint16_t **turns);
void grid_learn(struct fleet *f, size_t member_count, const struct numbered *n,
                const struct partition *p);
/* After a restart, from a transmission that is under way. */
void grid_restore(struct engine *e, const struct transmission *t);

/* ---- cohort.c ---- */

enum plan_error cohort_form(struct engine *e, struct campaign *c,
                            const struct cohort *cohort, struct member *const *members,
                            size_t count);
bool cohort_join(struct engine *e, struct member *m);
void cohort_enlist(struct engine *e, struct transmission *t);
void cohort_strike(struct engine *e, struct transmission *t);
/* From one of its gateways, that is none of it any more. */
void cohort_strike_at(struct engine *e, const struct transmission *t, uint64_t gateway);
void transmission_plan(struct transmission *t);

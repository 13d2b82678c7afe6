/* SPDX-License-Identifier: MIT */
/*
 * budget.h - spec.budgets of a campaign under way: airtime and duration of the whole of it.
 *
 * What is used up pauses the campaign, with the key as the reason, before it is exceeded. It
 * goes on by an operator's resume once an edited file allows more; without that, it is
 * paused again at once. Airtime is what campaign_rec.airtime_us counts: multicast frames at
 * all gateways. Duration counts from its start, pauses and soak times included.
 *
 * Listening of a device is the time of the class C sessions that it took part in, or what of
 * class B sessions its receiver was on (radio/energy.h), from their start until it left them,
 * as far as this campaign knows (member_rec.listened_s); energy is that of radio/energy.h for
 * so much listening. The device that has listened longest decides: no session is dated, and
 * no frame sent, that would take it beyond. Devices that listen already do so until their
 * session ends.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct campaign;
struct engine;
struct member;
struct transmission;

/* Pauses a campaign that runs when its duration is over. When to look again; UTC_NEVER: not
 * for this. */
struct utc budget_tick(struct engine *e, struct campaign *c);

/* Whether so much more airtime is left; else the campaign is paused. */
bool budget_admits(struct engine *e, struct campaign *c, int64_t airtime_us);

/* What m has listened in the session that it leaves now is added to its record. */
void budget_note_listening(const struct engine *e, struct member *m);

/* Whether all of t may go on to listen to the session under way, or to another that has at
 * least a frame; else the campaign is paused. */
bool budget_lets_send(struct engine *e, struct transmission *t);
bool budget_lets_date(struct engine *e, struct transmission *t);

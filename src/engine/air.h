/* SPDX-License-Identifier: MIT */
/* air.h - ledgers of the gateways: may this frame be sent, and when. */
#pragma once

#include "engine/internal.h"

/* Class B: the server sends in its ping slots. */
bool air_in_slots(const struct transmission *t);
/* Frames have an exact time on air: the server takes one, and it is class C. */
bool air_is_timed(const struct transmission *t);
/* How long after its hand-over a frame may begin, if nothing of its group is queued. */
int64_t air_late_us(const struct transmission *t);
/* The earliest time from `from` on at which every gateway of the lane may send so much. */
struct utc air_earliest(struct engine *e, struct transmission *t, struct lane *l,
                        struct utc from, int64_t airtime_us);
/* Whether all that a session has to send fits what its gateways may use in an hour. */
bool air_pass_fits(struct engine *e, struct transmission *t, struct utc at);
/* From when on it does, so that no session stops half way with its devices listening. */
struct utc air_pass_from(struct engine *e, struct transmission *t, struct utc from);
void air_charge(struct engine *e, struct transmission *t, struct lane *l, struct utc at,
                int64_t airtime_us);
/* The pending frame was not taken. The stored charge stays: that errs upward. */
void air_refund(struct engine *e, struct transmission *t, struct lane *l);
void air_store_charge(struct engine *e, uint64_t gateway, uint32_t frequency_hz,
                      struct utc at, int64_t airtime_us);
/* Both: NULL if nobody may send there. */
struct gateway_ledger *air_ledger(struct engine *e, const struct fleet *f,
                                  uint64_t gateway, uint32_t frequency_hz);
struct gateway_ledger *air_ledger_in(struct engine *e, const struct fleet *f,
                                     uint64_t gateway, const struct subband *band);
/* Others sent so much there just now: booked for gateways that we use or could use. */
void air_observe(struct engine *e, const struct fleet *f, uint64_t gateway,
                 uint32_t frequency_hz, int64_t airtime_us);
/* So much was sent there in the hour that ends now, by whomever: what is not booked is others'. */
void air_raise(struct engine *e, const struct fleet *f, uint64_t gateway,
               const struct subband *band, int64_t used_us);
/* Gateway i of the lane sent a frame now; charged: when it was charged for, NULL: not. */
void air_sent_at(struct engine *e, const struct transmission *t, struct lane *l, size_t i,
                 struct utc *charged, int64_t airtime_us);
/* It did not send what it was charged with. The stored charge stays. */
void air_not_sent(struct engine *e, struct transmission *t, struct lane *l, size_t i,
                  struct utc charged, int64_t airtime_us);
void air_clock_step(struct engine *e, int64_t delta_us);
/* As engine_restore_charge(). How much may be sent there, the first fleet tells that uses it. */
int air_restore_charge(struct engine *e, const struct charge_rec *rec);
/* Charges from a future that a clock set back has made: they count as of now. Not those that
 * are no further ahead than frames are charged, for these are to come on air yet. */
void air_resume(struct engine *e);

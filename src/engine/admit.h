/* SPDX-License-Identifier: MIT */
/*
 * admit.h - airtime of commands to single devices: reserved before they are handed over,
 * corrected when the server says how they went out.
 *
 * A class A device is answered in the first receive window on the channel and at the data
 * rate of its uplink, or in the second one of its region, by a gateway that the server
 * chooses: the one that hears it best, or any that hears it 10 dB above what its data rate needs
 * (ChirpStack's downlink/helpers.rs, select_downlink_gateway()). What is handed over before the
 * device speaks goes out behind an uplink to come, in any sub-band that the fleet uses. Until it
 * is known, airtime is reserved in each of them, at each of these gateways that is among the
 * device's best four links:
 *
 *   - where it should go out it has to fit the share of campaigns, together with all that
 *     should: an answer all of it, what waits for an uplink half of it;
 *   - where it may go out all the same, it has to fit the law together with all that waits.
 *
 * Who is not admitted is held (member->held) until its next uplink, which another gateway
 * may hear better. Devices that were never heard share one gateway that is known to nobody.
 * While a session sends in the sub-band, commands take a part of it only; frames leave them
 * a part of theirs, see air.c.
 *
 * O(1) for a command: a few sub-bands. Sub-bands: radio/subband.h; reference lorawan.md 8.1.
 */
#pragma once

#include "engine/internal.h"

/* Whether a command of so many bytes may be handed over now; if so it is reserved, and the
 * command before it is dropped. */
bool admit_command(struct engine *e, struct member *m, size_t len);

/* It did not go out: refused, expired, or never taken. */
void admit_release(struct engine *e, struct member *m);

/* Nobody waits for it any more. If its device has spoken since, it counts as sent. */
void admit_drop(struct engine *e, struct member *m);

/* It has left; without a gateway nobody knows where, and it was where it should. */
void admit_charge(struct engine *e, struct member *m, const struct engine_event *event);

/* The same of something that is no member's command any more. */
void admit_charge_stray(struct engine *e, const struct device *d,
                        const struct engine_event *event);

/* After a restart: what may still be in the queue of the server is reserved again. */
void admit_resume(struct engine *e, struct member *m);

/* Whether an answer to the uplink that has just come may be sent: charged at once. */
bool admit_answer(struct engine *e, const struct device *d, size_t len);

/* How long its gateways need to tell all members what a session takes, beyond what they may
 * send at once; 0: they have the airtime. */
int64_t admit_setup_us(struct engine *e, const struct transmission *t);

/* Ids of such answers differ from those of commands. */
uint64_t admit_answer_id(struct engine *e);
uint64_t admit_command_id(struct engine *e);

/* Where the device's uplinks come in: of the uplink that it has just sent. */
void admit_learn(struct device *d, const struct engine_event *event);
/* ... and by which of its links, as they are after it. */
void admit_note_links(struct device *d, const struct engine_event *event);

/* SPDX-License-Identifier: MIT */
/*
 * install.h - when a member reboots into its new image, and what proves that it did.
 *
 * immediate: DevRebootCountdownReq with a random delay, so that a fleet does not rejoin at
 * once. scheduled: DevRebootTimeReq with a random time in the next window of the campaign,
 * or as soon as it is told where it has no windows; a device that cannot go by the time
 * (no clock, or it takes GPS for Unix time) gets a countdown that ends then. Until then its
 * State is Downloaded, its Update Result deferred.
 *
 * manual: like immediate, but not before an operator has approved it for the wave of the
 * member. Until then it is MEMBER_COMPLETE and told nothing: who was told DevUpgradeImageReq
 * installs at its next reboot, whatever that is for. Who still waits when the deadline is over
 * ends as cancelled.
 *
 * Proof, as the campaign requires: the version that runs, so many uplinks after the reboot,
 * or both. Uplinks are counted anew after a restart of the daemon.
 */
#pragma once

#include "engine/internal.h"

/*
 * Devices without TS006 are told by spec.activation.command, behind an uplink, in a window if
 * scheduled (the command names no time). They do not answer: who was told is believed to
 * install, and what it runs then is what it reports, see reported.h. If that stays the old
 * version it is told again, as often as retry.command says. What was told cannot be undone.
 */
bool install_by_vendor(const struct member *m);
/* The server has sent it the command: true, if that was the vendor's. */
bool install_sent(struct engine *e, struct member *m);
/* It reports to run another version than it should. */
void install_take_other(struct engine *e, struct member *m);

/* No image is announced: what it runs in the end is all that tells. */
bool install_denies_images(const struct member *m);

/* It is MEMBER_COMPLETE: it is told to install, if it may be. */
void install_begin(struct engine *e, struct member *m);
/* ... and may not: an operator has not said so yet. */
bool install_waits(const struct member *m);

/*
 * For the command of MEMBER_REBOOT or MEMBER_UNDO_REBOOT: rec.reboot_at and what the command
 * is made from. False: no window is known that it could reboot in, look again later.
 */
bool install_plan(struct engine *e, struct member *m, struct member_context *context);

/* rec.reboot_at as activation says, perhaps at once; where no window is known: later. */
void install_set_time(struct engine *e, struct member *m);
/* Whether the version is part of the proof. */
bool install_needs_version(const struct member *m);

/* Behind that the command must not reach the device any more. */
struct utc install_told_by(const struct engine *e, const struct member *m);

/* It cannot go by a time: a countdown, then. */
void install_deny_time(struct engine *e, struct member *m);

/* Its reboot is due at rec.reboot_at, or was. */
enum fw_evidence install_seen(const struct engine *e, const struct member *m);

/* Whether it is to be asked what runs. */
bool install_wants_version(const struct member *m);

/* The version that runs is the right one: true, if that is proof enough. */
bool install_take_version(struct engine *e, struct member *m);

/* It spoke. */
void install_note_uplink(struct engine *e, struct member *m, struct utc received);

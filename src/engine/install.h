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
 * Proof, as the campaign requires: the version that runs, so many uplinks after the reboot,
 * or both. Uplinks are counted anew after a restart of the daemon.
 */
#pragma once

#include "engine/internal.h"

/*
 * For the command of MEMBER_REBOOT or MEMBER_UNDO_REBOOT: rec.reboot_at and what the command
 * is made from. False: no window is known that it could reboot in, look again later.
 */
bool install_plan(struct engine *e, struct member *m, struct member_context *context);

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

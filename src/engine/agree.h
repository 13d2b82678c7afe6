/* SPDX-License-Identifier: MIT */
/*
 * agree.h - the version that a campaign installs, when it does not say which (design 3.2).
 *
 * Known beforehand: image.firmwareVersion, or what the device's stack makes of image.version.
 * Else it is what devices announce (DevUpgradeImageAns), and one alone may tell of an image
 * that an earlier campaign left in its flash; so may two or three. So who announces waits in
 * MEMBER_UPGRADE, with rec.version_after stored (member.announced), and is not asked again:
 *
 *   more than half of those that wait or are left to announce have announced the same, or
 *   five, and one more for each that differs
 *                                     that is the target of all; those who agree reboot
 *   one announces another than one that waits
 *                                     the campaign is paused, and all wait
 *   nobody is left to announce, or half of verification.within is over
 *                                     what more say than do not is the target; without such
 *                                     a version all fail
 *
 * Left to announce is who is under way and not beyond MEMBER_UPGRADE: that is, of the wave.
 * Once there is a target (campaign_rec.next_known), who differs from it fails at once, and
 * pauses the campaign unless more than half of its devices that
 * can still tell, or five, are for it.
 */
#pragma once

#include "engine/internal.h"

/* What it is to run; false: nobody knows yet. */
bool agree_target(const struct member *m, uint32_t *version);

/* That is the target, for a reason of the caller's; those that wait go by it. */
void agree_on(struct engine *e, struct campaign *c, uint32_t version);

/* DevUpgradeImageAns with a valid image. */
void agree_take(struct engine *e, struct member *m, uint32_t next);

/* One that waits is due: after a restart, when others have ended, in time. */
void agree_tick(struct engine *e, struct member *m);

/* After a restart: what it announced is stored. */
void agree_resume(struct member *m);

/* A member of the campaign has another phase: is anybody left to announce? */
void agree_look(struct engine *e, struct campaign *c);

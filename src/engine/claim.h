/* SPDX-License-Identifier: MIT */
/*
 * claim.h - one device, one campaign: who has it when several want it.
 *
 * device->active is the member that has it. A campaign of higher priority takes it from one
 * that has not begun with it in earnest (that member is superseded), and waits, MEMBER_PENDING,
 * while one is in the middle. A campaign that has no higher priority than the one that is
 * there does not get it: its member is superseded.
 */
#pragma once

#include "engine/internal.h"

/* At the start of m's campaign. */
void claim_device(struct engine *e, struct member *m);
/* After a restart, in any order. */
void claim_restored(struct member *m);
/* It is free: who waits for it gets it. */
void claim_pass_on(struct engine *e, struct device *d);
/* Somebody of higher priority waits for m's device. */
bool claim_is_wanted(const struct engine *e, const struct member *m);

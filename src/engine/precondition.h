/* SPDX-License-Identifier: MIT */
/*
 * precondition.h - spec.targets.preconditions: whom a campaign leaves alone.
 *
 * Looked at when a member's wave begins, and again, for what it runs, when it has just said
 * that. Who does not meet them is skipped, with the reason; what is not known of a device
 * is no reason, but for a version that its u32 cannot be compared with: no packing is
 * guessed.
 */
#pragma once

#include "engine/internal.h"

/* REASON_NONE: it may be begun with. */
enum member_reason precondition_at_start(const struct engine *e, const struct member *m);

/* The u32 that the device would say of a version of a file: written as one, or coded as its
 * profile says. False: nobody knows. */
bool precondition_version(const struct device *d, const char *text, uint32_t *version);

/* Whether the campaign is for devices that run this. */
bool precondition_runs(const struct member *m, uint32_t version);

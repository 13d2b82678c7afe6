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

/* The device has told, and it is below what the campaign wants. */
bool precondition_battery_is_low(const struct spec_preconditions *p,
                                 const struct device_rec *d);

/* The u32 that the device would say of a version of a file: written as one, or coded as its
 * profile says. False: nobody knows. */
bool precondition_version(const struct device *d, const char *text, uint32_t *version);

/* Whether the campaign is for devices that run this. */
bool precondition_runs(const struct member *m, uint32_t version);

/* A device without TS006: whether it told last that it runs the campaign's version, and
 * whether what it told, which may be nothing, is listed or need not be. */
bool precondition_is_told(const struct member *m);
bool precondition_runs_told(const struct member *m);

/* Whether a text says that the campaign's version runs: that text, or firmwareVersion as a
 * number. */
bool precondition_is_target(const struct campaign_spec *spec, const char *text);

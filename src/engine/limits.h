/* SPDX-License-Identifier: MIT */
/*
 * limits.h - what is known of a device's stack, by its profile and by its answers, and who
 * can be sent the same fragments. For the files of the engine only.
 */
#pragma once

#include "engine/internal.h"

/* Its own, or that of its fleet; but not one of other package versions than it has. */
const struct profile *device_profile(const struct device *d);
/* Its answers show a quirk, to be remembered. */
void device_note_quirk(struct engine *e, struct device *d, enum device_quirk quirk);
/* What its profile says, or what its answers have shown. */
enum profile_layout device_layout(const struct device *d);
bool device_epoch_twice(const struct device *d);
/* Whether MissingFrag tells what is missing. */
bool device_counts_rank(const struct device *d);
/*
 * Fragments of M that it may miss before "no matrix memory" is believed: 0, unless that may
 * be what it said of an earlier session.
 */
uint32_t device_error_above(const struct device *d, uint32_t m);
/* It never says that it has an image: only what it runs after a reboot does. */
bool device_denies_images(const struct device *d);
/*
 * Moves who is in the fleet of the first of members, is sent the same variant, and can share
 * fragments with it into group, and says what all of them can take; returns how many are left.
 */
size_t limits_take_group(struct member **members, size_t count, struct member **group,
                         size_t *group_count, struct fragplan_limits *limits);

/* SPDX-License-Identifier: MIT */
/*
 * shipped.h - the profiles of config/profiles as a table; the build writes it.
 *
 * Data only. Outside of the mains' wiring, src/world and tests nobody looks one up by name.
 */
#pragma once

#include <stddef.h>

#include "profile/profile.h"

extern const struct profile profiles_shipped[];
extern const size_t profiles_shipped_count;

/* NULL for a name that is not shipped. */
const struct profile *profile_shipped(const char *name);

/* SPDX-License-Identifier: MIT */
/*
 * profile.h - what a device stack can take: decoder limits as data.
 *
 * Limits are what the stack's own source fixes; those that are a build option of the
 * device are left open (0) and met by the answer to FragSessionSetupReq instead
 * (lorawan.md 13).
 */
#pragma once

#include "radio/fragsize.h"

struct profile {
    const char *name;
    struct fragplan_limits limits;
};

/* NULL for a name that is not shipped. */
const struct profile *profile_by_name(const char *name);

/* The i-th shipped profile; NULL past the last. */
const struct profile *profile_at(size_t i);

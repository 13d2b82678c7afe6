/* SPDX-License-Identifier: MIT */
/* nearest.h - which known key an unknown one was probably meant to be. Pure. */
#pragma once

/*
 * The better guess for key of best (may be NULL) and candidate; NULL if neither is near:
 * more than half of its letters would have to change. Case counts less than letters.
 */
const char *nearest_of(const char *key, const char *best, const char *candidate);

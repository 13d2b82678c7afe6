/* SPDX-License-Identifier: MIT */
/* explain.h - `fuotactl explain spec.rollout`: one key for people, from the option table. */
#pragma once

#include <stdio.h>

#include "config/kind.h"
#include "fuotad/error.h"

/*
 * Print type, unit, default, range, help and children of a path. The path may begin with a
 * kind ("fleet.spec.region", "daemon"); without one it is a Campaign's. FUO_ENOENT if there
 * is no such key; then nothing is printed to out, and the nearest known key is put into
 * *nearest (NULL if none is near; nearest itself may be NULL).
 */
FUO_MUST_CHECK int explain_print(const char *path, FILE *out, const char **nearest);

/* SPDX-License-Identifier: MIT */
/* schema.h - JSON Schema draft-07 of a kind, for editors, from the option table. */
#pragma once

#include "config/kind.h"

struct json_object;

/* A fresh schema; the caller owns it (json_object_put). */
struct json_object *schema_build(const struct config_kind *kind);

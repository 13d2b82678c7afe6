/* SPDX-License-Identifier: MIT */
/* man.h - the manual page of a kind (section 5), as scdoc(5) text, from its option table. */
#pragma once

#include <stdio.h>

#include "config/kind.h"

/* The whole page: name, description, every key, an example. */
void man_print(const struct config_kind *kind, FILE *out);

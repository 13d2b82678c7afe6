/* SPDX-License-Identifier: MIT */
/* describe.h - parts of an option in words, for explain and man; internal to src/config. */
#pragma once

#include <stdio.h>

#include "config/option_value.h"

bool describe_has_range(const struct option *option);

/* "from 1 to 1000", "one of auto, multicast, unicast"; only if there is a range. */
void describe_range(const struct option *option, FILE *out);

/* SPDX-License-Identifier: MIT */
#include "profile/shipped.h"

#include <string.h>

const struct profile *profile_shipped(const char *name)
{
    for (size_t i = 0; i < profiles_shipped_count; i++) {
        if (strcmp(profiles_shipped[i].name, name) == 0) {
            return &profiles_shipped[i];
        }
    }
    return NULL;
}

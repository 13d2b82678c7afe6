/* SPDX-License-Identifier: MIT */
#include "campaign/profile.h"

#include <stdbool.h>

static const struct profile profiles[] = {
    {"generic", {0}},
    {"lbm-v1", {0}},
    {"lbm-v2", {0}},
    /* FRAG_MIN_SIZE 40, FRAG_MAX_SIZE 240, FRAG_MAX_NB 2151 of the template */
    {"st-v1", {.size_min = 40, .size_max = 240, .count_max = 2151}},
    {"st-v2", {.size_min = 40, .size_max = 240, .count_max = 2151}},
};

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct profile *profile_at(size_t i)
{
    return i < sizeof(profiles) / sizeof(profiles[0]) ? &profiles[i] : NULL;
}

const struct profile *profile_by_name(const char *name)
{
    for (size_t i = 0; profile_at(i) != NULL; i++) {
        if (same(profiles[i].name, name)) {
            return &profiles[i];
        }
    }
    return NULL;
}

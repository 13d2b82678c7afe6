/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "faults/faults.h"

const char *fault_slug(enum fault_kind kind)
{
    static const char *const slugs[FAULT_KINDS] = {
#define X(name, slug, text) [name] = (slug),
        FAULT_MAP(X)
#undef X
    };
    return kind < FAULT_KINDS ? slugs[kind] : "";
}

const char *plant_slug(enum fault_plant plant)
{
    static const char *const slugs[PLANT_COUNT] = {[PLANT_NONE] = "none",
#define X(name, slug, text) [name] = (slug),
                                                   PLANT_MAP(X)
#undef X
    };
    return plant < PLANT_COUNT ? slugs[plant] : "";
}

const char *plant_text(enum fault_plant plant)
{
    static const char *const texts[PLANT_COUNT] = {[PLANT_NONE] = "nothing",
#define X(name, slug, text) [name] = (text),
                                                   PLANT_MAP(X)
#undef X
    };
    return plant < PLANT_COUNT ? texts[plant] : "";
}

const char *trait_slug(enum fault_trait trait)
{
    static const char *const slugs[TRAIT_COUNT] = {
#define X(name, slug) [name] = (slug),
        TRAIT_MAP(X)
#undef X
    };
    return trait < TRAIT_COUNT ? slugs[trait] : "";
}

enum check_invariant plant_breaks(enum fault_plant plant)
{
    return plant < (enum fault_plant)CHECK_COUNT ? (enum check_invariant)plant
                                                 : CHECK_DUTY; /* PLANT_UNICAST */
}

int plant_by_slug(const char *slug, enum fault_plant *plant)
{
    for (int i = PLANT_NONE + 1; i < PLANT_COUNT; i++) {
        if (strcmp(slug, plant_slug((enum fault_plant)i)) == 0) {
            *plant = (enum fault_plant)i;
            return FUO_OK;
        }
    }
    return FUO_ENOENT;
}

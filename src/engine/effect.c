/* SPDX-License-Identifier: MIT */
#include "engine/effect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct effect *effects_append(struct effects *effects, enum effect_type type)
{
    if (effects->len == effects->cap) {
        size_t cap = effects->cap == 0 ? 16 : effects->cap * 2;
        struct effect *items = realloc(effects->items, cap * sizeof(*items));
        assert(items != NULL);
        effects->items = items;
        effects->cap = cap;
    }
    struct effect *effect = &effects->items[effects->len++];
    memset(effect, 0, sizeof(*effect));
    effect->type = type;
    return effect;
}

void effects_finish(struct effects *effects)
{
    free(effects->items);
    *effects = (struct effects){0};
}

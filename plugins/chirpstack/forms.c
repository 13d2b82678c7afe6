/* SPDX-License-Identifier: MIT */
#include "forms.h"

#include <stdlib.h>
#include <string.h>

/* Where it is, or would be. */
static size_t place_of(const struct forms *forms, uint64_t gateway)
{
    size_t low = 0;
    size_t high = forms->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (forms->items[middle].gateway < gateway) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool grow(struct forms *forms)
{
    size_t cap = forms->cap == 0 ? 64 : forms->cap * 2;
    struct form *items =
        cap <= FORMS_MAX ? realloc(forms->items, cap * sizeof(*items)) : NULL;
    if (items == NULL) {
        return false;
    }
    forms->items = items;
    forms->cap = cap;
    return true;
}

void forms_note(struct forms *forms, const struct form *form)
{
    size_t i = place_of(forms, form->gateway);
    if (i < forms->count && forms->items[i].gateway == form->gateway) {
        forms->items[i] = *form;
        return;
    }
    if (forms->count == forms->cap && !grow(forms)) {
        return;
    }
    memmove(&forms->items[i + 1], &forms->items[i],
            (forms->count - i) * sizeof(*forms->items));
    forms->items[i] = *form;
    forms->count++;
}

const struct form *forms_find(const struct forms *forms, uint64_t gateway)
{
    size_t i = place_of(forms, gateway);
    return i < forms->count && forms->items[i].gateway == gateway ? &forms->items[i]
                                                                  : NULL;
}

void forms_finish(struct forms *forms)
{
    free(forms->items);
    *forms = (struct forms){0};
}

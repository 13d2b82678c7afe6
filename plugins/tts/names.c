/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CAP_MIN = 64,
};

bool name_is_valid(const char *text)
{
    size_t len = strnlen(text, NAME_SIZE);
    return len > 0 && len < NAME_SIZE &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static size_t place_of(const struct name *items, size_t cap, uint64_t eui)
{
    size_t i = (size_t)((eui * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (cap - 1);
    while (items[i].text[0] != '\0' && items[i].eui != eui) {
        i = (i + 1) & (cap - 1);
    }
    return i;
}

static int grow(struct names *names)
{
    size_t cap = names->cap == 0 ? CAP_MIN : names->cap * 2;
    struct name *items = calloc(cap, sizeof(*items));
    if (items == NULL) {
        return -1;
    }
    for (size_t i = 0; i < names->cap; i++) {
        if (names->items[i].text[0] != '\0') {
            items[place_of(items, cap, names->items[i].eui)] = names->items[i];
        }
    }
    free(names->items);
    names->items = items;
    names->cap = cap;
    return 0;
}

void names_note(struct names *names, uint64_t eui, const char *text)
{
    if (!name_is_valid(text)) {
        return;
    }
    bool full = (names->count + 1) * 2 > names->cap;
    if (full && (names->count >= NAMES_MAX || grow(names) != 0)) {
        return;
    }
    struct name *name = &names->items[place_of(names->items, names->cap, eui)];
    names->count += name->text[0] == '\0';
    name->eui = eui;
    memcpy(name->text, text, strlen(text) + 1);
}

static struct name *known(const struct names *names, uint64_t eui)
{
    struct name *name =
        names->cap > 0 ? &names->items[place_of(names->items, names->cap, eui)] : NULL;
    return name != NULL && name->text[0] != '\0' ? name : NULL;
}

const char *names_find(const struct names *names, uint64_t eui)
{
    const struct name *name = known(names, eui);
    return name != NULL ? name->text : NULL;
}

void names_close(struct names *names, uint64_t eui)
{
    struct name *name = known(names, eui);
    if (name != NULL) {
        name->closed = true;
    }
}

bool names_is_closed(const struct names *names, uint64_t eui)
{
    const struct name *name = known(names, eui);
    return name != NULL && name->closed;
}

void names_reopen(struct names *names)
{
    for (size_t i = 0; i < names->cap; i++) {
        names->items[i].closed = false;
    }
}

void names_default(uint64_t eui, char text[static NAME_SIZE])
{
    snprintf(text, NAME_SIZE, "eui-%016llx", (unsigned long long)eui);
}

void names_clear(struct names *names)
{
    free(names->items);
    *names = (struct names){0};
}

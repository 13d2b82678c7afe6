/* SPDX-License-Identifier: MIT */
/*
 * names.h - what The Things Stack calls the things that we know by their EUI.
 *
 * A bounded table in memory. A device that is called "eui-" and its EUI, as the Console
 * proposes, needs no place in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NAME_SIZE = 37,
    NAMES_MAX = 1 << 20,
};

struct name {
    uint64_t eui;
    char text[NAME_SIZE]; /* "": an empty place */
    bool closed;          /* see names_close(); a new name keeps it */
};

struct names { /* zeroed: empty */
    struct name *items;
    size_t count;
    size_t cap;
};

/* An identifier of The Things Stack: letters, digits, single dashes inside. */
bool name_is_valid(const char *text);

/* What does not fit any more, or is none, is forgotten. */
void names_note(struct names *names, uint64_t eui, const char *text);

/* NULL: not known. Valid until the next note. */
const char *names_find(const struct names *names, uint64_t eui);

/* Not to be asked about any more; and all of them again. */
void names_close(struct names *names, uint64_t eui);
bool names_is_closed(const struct names *names, uint64_t eui);
void names_reopen(struct names *names);

/* "eui-0102030405060708" */
void names_default(uint64_t eui, char text[static NAME_SIZE]);

void names_clear(struct names *names);

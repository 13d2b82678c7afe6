/* SPDX-License-Identifier: MIT */
/*
 * option_value.h - the text of one scalar into a value, and a value back into text.
 *
 * Internal to src/config: the arithmetic half of option.h. No nodes, no diagnostics; looks
 * at the file system only to see whether a zone exists.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/option.h"

enum {
    OPTION_MESSAGE_SIZE = 512,
    OPTION_TEXT_MAX = 1024,
};

/* How a type is shown to people and editors. */
struct option_type_info {
    const char *noun;    /* "duration" */
    const char *plural;  /* "durations" */
    const char *hint;    /* "30s, 1h30m or 7d"; NULL: none */
    const char *pattern; /* of JSON Schema; NULL: any text, or no string at all */
    bool (*number)(const char *text, int64_t *num); /* one of the two, or NULL if it */
    bool (*check)(const char *text);                /* depends on the option */
};

const struct option_type_info *option_type_info(enum option_type type);

/* "a" or "an" of a noun above. */
const char *option_article(const char *noun);

struct option_value {
    int64_t num; /* numbers, words, EUIs (as bits) */
    const char
        *text;     /* text types: borrowed from the input; AMOUNT: num is count or ppm */
    bool is_share; /* AMOUNT */
};

/* True for types stored as a text. */
bool option_is_text(enum option_type type);

/* True for types that are one scalar (not FLAGS, MAP, LABELS, RAW). */
bool option_is_scalar(enum option_type type);

/* False: message says why. The option's special word is the caller's business. */
bool option_parse(const struct option *option, const char *text,
                  struct option_value *value, char message[static OPTION_MESSAGE_SIZE]);

/* A number in the unit of its type, "24h", "60%". Writes and returns text. */
const char *option_format(enum option_type type, int64_t num, char *text, size_t size);

/* The nearest of a table of words; NULL if none is near. */
const char *option_nearest_word(const struct option_word *words, const char *word);

/* Edits between two words, case aside; at most 64 characters of each count. */
size_t option_distance(const char *a, const char *b);

/* A distance that still looks like a typing error in this word. */
bool option_is_near(const char *word, size_t distance);

/* SPDX-License-Identifier: MIT */
/*
 * option.h - THE option table: what a key is called, means, defaults to and may hold.
 *
 * One table per kind (kind.h) drives the decoder, its errors, the JSON Schema (schema.h),
 * `fuotactl explain` (explain.h), the man pages (man.h) and the sample files (sample.h).
 * Nothing else knows the keys. A table ends with a zeroed entry.
 *
 * Values are decoded from the scalar's text: `1.10` stays `1.10`, a DevEUI of digits stays
 * text. An absent key gets its default through the same parser.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "config/diag.h"
#include "config/node.h"

/* What the text of a scalar is, and the C type it becomes. INT: any integer type, by size. */
enum option_type {
    OPTION_TEXT,         /* const char * */
    OPTION_NAME,         /* DNS label: char[64] or const char *, by size */
    OPTION_VERSION,      /* const char * */
    OPTION_FILE,         /* const char *, as written */
    OPTION_URL,          /* const char *; words: the schemes */
    OPTION_ADDRESS,      /* const char *, "127.0.0.1:9464" */
    OPTION_ZONE,         /* const char *, IANA name */
    OPTION_LOCAL_TIME,   /* const char *, "2026-12-01" or "2026-12-01T08:00[:00]" */
    OPTION_JSON_POINTER, /* const char * */
    OPTION_TEMPLATE,     /* const char *, hex digits and ${version_u32_le} */
    OPTION_HEX,          /* uint8_t[size] */
    OPTION_BOOL,         /* bool */
    OPTION_ENUM,         /* INT; words: the values */
    OPTION_U32,          /* INT; decimal or 0x... */
    OPTION_DURATION,     /* int64_t, microseconds; "30s", "1h30m", "500ms", "7d" */
    OPTION_SHARE,        /* INT, ppm; "60%", "0.5%" */
    OPTION_SIZE,         /* INT, bytes; "222", "48KiB" */
    OPTION_FREQUENCY,    /* INT, Hz; "869.525MHz", "869525000" */
    OPTION_DATA_RATE,    /* INT; "DR3" */
    OPTION_DECIBEL,      /* int32_t, hundredths of a dB; "0dB", "-2.5dB" */
    OPTION_ENERGY,       /* INT, millijoules; "50J", "200mJ" */
    OPTION_DATE,         /* int64_t, microseconds since 1970 of 00:00 UTC; "2026-01-01" */
    OPTION_TIME_OF_DAY,  /* INT, minutes; "22:00" */
    OPTION_EUI,          /* uint64_t */
    OPTION_AMOUNT,       /* struct spec_amount; "10" or "10%" */
    OPTION_FLAGS,        /* list of words as a mask: INT; default text: words by spaces */
    OPTION_MAP,          /* options of sub, at base + offset */
    OPTION_LABELS,       /* struct option_slice of struct spec_label */
    OPTION_RAW,          /* struct option_slice of struct option_raw */
};

enum option_flag {
    OPTION_REQUIRED = 1,
    OPTION_LIST = 2,      /* struct option_slice of the type above (MAP: of item_size) */
    OPTION_ONE = 4,       /* LIST, FLAGS: a lone scalar is a list of one */
    OPTION_NOT_EMPTY = 8, /* LIST, FLAGS: at least one item */
    OPTION_SHOWN = 32, /* in sample files, although neither required nor with a default */
    OPTION_EXISTS = 16, /* FILE: validate.h looks whether it is there */
};

/* Layout of every list in a decoded struct: `const T *items; size_t count;`. */
struct option_slice {
    const void *items;
    size_t count;
};

/* A scalar nobody has interpreted yet: an option of a plugin. */
struct option_raw {
    const char *key;
    const char *value;
    uint32_t line;
    uint32_t column;
};

struct option_word {
    const char *word;
    int64_t value;
};

/* `later` of an option that this version does not honour at all. */
#define OPTION_LATER "*"

struct option {
    const char *key;
    const char *help;    /* one sentence or more, ends with a full stop */
    const char *def;     /* text of the default; NULL: none, the field stays zeroed */
    const char *example; /* for samples, if the default does not show the form */
    const char *later;   /* words refused by this version, or OPTION_LATER; NULL: none */
    const char *word;    /* "auto", "none", "any": stands for word_value, NULL or empty */
    int64_t word_value;
    const struct option_word *words; /* ENUM, FLAGS, URL; ends with a zeroed entry */
    const struct option *sub;        /* MAP */
    int64_t min; /* both 0: no range; lists: of each item; text: of the length */
    int64_t max;
    size_t offset;
    size_t size; /* of the field, or of the item of a list */
    enum option_type type;
    unsigned flags;
};

/* .offset and .size of a field. */
#define OPTION_AT(type_, member) \
    .offset = offsetof(type_, member), .size = sizeof(((type_ *)0)->member)

/* .offset of a slice that begins at a member, and .size of what its pointer points to. */
#define OPTION_ITEMS(type_, member) \
    .offset = offsetof(type_, member), .size = sizeof(*((type_ *)0)->member)

struct option_context {
    struct arena *arena; /* owns every string and list of the result */
    struct diag_list *diags;
    const char *file;
    char path[256]; /* of what is being decoded */
};

/*
 * Decode a mapping into base by a table; node NULL: defaults only. All problems are
 * reported; what is wrong keeps its default. Unknown keys are errors with the nearest
 * known one.
 */
void option_decode(struct option_context *ctx, const struct option *table,
                   const struct node *node, void *base);

/* Report every key that this version does not honour and that is not at its default. */
void option_check_later(struct option_context *ctx, const struct option *table,
                        const struct node *node);

/* The option of a dotted path ("spec.rollout.waves"), indices ignored; NULL if none. */
const struct option *option_find(const struct option *table, const char *path);

/* The nearest key within a third of its length; NULL if none is near. */
const char *option_nearest(const struct option *table, const char *key);

/* "duration", "list of file names", "auto or data rate": for people. Writes and returns text. */
const char *option_type_text(const struct option *option, char *text, size_t size);

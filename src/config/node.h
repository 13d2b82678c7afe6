/* SPDX-License-Identifier: MIT */
/*
 * node.h - a YAML file as a tree that remembers where everything stood.
 *
 * A restricted YAML: scalars stay text (what they mean is the schema's business), keys are
 * scalars and unique. Refused with a position: anchors, aliases, tags, merge keys,
 * duplicate keys, NUL bytes, more than NODE_DEPTH_MAX levels, NODE_COUNT_MAX nodes,
 * NODE_KEYS_MAX keys in a mapping or NODE_FILE_MAX_BYTES bytes. Built from libyaml's events, because its document API
 * forgets anchors and resolves aliases before anybody can refuse them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "config/diag.h"
#include "fuotad/error.h"

enum {
    NODE_FILE_MAX_BYTES = 1 << 20,
    NODE_COUNT_MAX = 200000,
    NODE_DEPTH_MAX = 16,
    NODE_KEYS_MAX = 1024, /* of one mapping */
    NODE_DOCUMENTS_MAX = 64,
};

enum node_type {
    NODE_SCALAR,
    NODE_MAPPING,
    NODE_SEQUENCE,
    NODE_REFUSED, /* an alias: reported already, to be passed over in silence */
};

struct node;

struct node_entry {
    const struct node *key; /* always a scalar */
    const struct node *value;
};

struct node {
    enum node_type type;
    bool quoted;   /* scalar in quotes or as a block */
    uint32_t line; /* from 1 */
    uint32_t column;
    const char *text;                 /* scalar, with a NUL behind len */
    const struct node_entry *entries; /* mapping, in order of the file */
    const struct node *const *items;  /* sequence */
    size_t len;                       /* of text, entries or items */
};

struct node_list {
    const struct node *const *items;
    size_t count;
};

/*
 * Parse every document of a text; none at all is an error. file is the name for the diagnostics. The tree is owned
 * by the arena and does not point into bytes. FUO_EINVAL if anything was reported as an
 * error; *documents then holds what could be parsed (perhaps nothing), so that later
 * stages can report the rest.
 */
int node_parse(struct arena *arena, const char *file, const char *bytes, size_t len,
               struct node_list *documents, struct diag_list *diags);

/* The same from a file; the code of file_read() (reported, too) if it cannot be. */
int node_load_all(struct arena *arena, const char *path, struct node_list *documents,
                  struct diag_list *diags);

/* The value of a key of a mapping; NULL if absent or not a mapping. */
const struct node *node_get(const struct node *mapping, const char *key);

/* Follow "spec.rollout.waves[0].size"; NULL if there is no such node. */
const struct node *node_find(const struct node *root, const char *path);

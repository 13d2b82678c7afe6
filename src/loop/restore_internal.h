/* SPDX-License-Identifier: MIT */
/*
 * restore_internal.h - one rebuilding of the engine from the store, shared by restore.c and
 * restore_campaigns.c; nobody else includes it.
 */
#pragma once

#include "loop/internal.h"

/* Rows of one kind, copied. */
struct rows {
    uint8_t *bytes;
    size_t row_size;
    size_t count;
    size_t cap;
};

/* What one start puts together; taken over by the daemon when all of it is there. */
struct restore {
    struct daemon *d;
    struct detail *detail;
    struct engine *engine;
    struct campaigns campaigns;
    struct rows members;
    struct rows sources; /* struct source */
};

struct source {
    uint32_t campaign_id;
    char *fleet;
    char *yaml;
    char *signatures;
    char *deltas;
    uint8_t image_digest[STORE_DIGEST_BYTES];
    uint8_t spec_digest[STORE_DIGEST_BYTES];
};

/* Copies the row; returns where it is. */
void *restore_rows_add(struct rows *rows, const void *row);
void *restore_rows_at(const struct rows *rows, size_t i);
/* All records of a kind; *rows is to be freed by its bytes. */
FUO_MUST_CHECK int restore_load_rows(struct restore *r, enum store_kind kind,
                                     size_t row_size, struct rows *rows);

/* restore_campaigns.c: campaigns with their files into the engine, or left out with a
 * reason. */
FUO_MUST_CHECK int restore_campaigns(struct restore *r);

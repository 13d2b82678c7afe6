/* SPDX-License-Identifier: MIT */
/*
 * schema.h - the tables, as a list of steps that is only ever appended to.
 *
 * PRAGMA user_version is the number of steps a database has seen. A step and its number
 * are one transaction. A released step is never edited: other people's databases have it.
 */
#pragma once

#include <sqlite3.h>
#include <stddef.h>

#include "fuotad/error.h"
#include "io/detail.h"

enum {
    SCHEMA_APPLICATION_ID = 0x46554f54, /* "FUOT" */
    SCHEMA_STEP_PARTS = 4,
};

struct schema_step {
    const char *parts[SCHEMA_STEP_PARTS]; /* SQL; NULL: none */
};

struct schema {
    const struct schema_step *steps;
    size_t count;
};

/* The newest one. */
extern const struct schema schema_newest;

/*
 * Look, but do not touch. FUO_OK: a database of ours, or an empty file. FUO_EPROTO: somebody
 * else's. FUO_ENOTSUP: it has seen more steps than there are. Else what SQLite says.
 */
FUO_MUST_CHECK int schema_check(sqlite3 *sql, const struct schema *schema,
                                struct detail *detail);

/* Carry out the steps that are missing. */
FUO_MUST_CHECK int schema_migrate(sqlite3 *sql, const struct schema *schema,
                                  struct detail *detail);

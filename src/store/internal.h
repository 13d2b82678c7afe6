/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of this folder share; no one else includes it. */
#pragma once

#include "store/db.h"
#include "store/seal.h"
#include "store/store.h"

/* Where the sealed columns are. */
static inline struct seal_place seal_place_mc_key(uint32_t transmission_id)
{
    return (struct seal_place){"mc_key", "sealed_key", transmission_id};
}

static inline struct seal_place seal_place_gen_app_key(uint64_t dev_eui)
{
    return (struct seal_place){"inventory", "sealed_gen_app_key", dev_eui};
}

static inline struct seal_place seal_place_app_key(uint64_t dev_eui)
{
    return (struct seal_place){"inventory", "sealed_app_key", dev_eui};
}

const struct secret *store_sealing_key(const struct store *store);

/* Run fn on the store's thread, behind what was submitted, and wait for it. */
typedef int store_call_fn(struct db *db, void *arg, struct detail *detail);
FUO_MUST_CHECK int store_call(struct store *store, store_call_fn *fn, void *arg,
                              struct detail *detail);

/* The queries, on the store's thread; they fill done but for type and tag. */
void query_history(struct db *db, uint64_t dev_eui, size_t max_rows,
                   struct store_done *done);
void query_outbox(struct db *db, uint64_t after_id, size_t max_rows,
                  struct store_done *done);
void query_device_key(struct db *db, uint64_t dev_eui, struct store_done *done);
void query_audit(struct db *db, uint64_t after_id, size_t max_rows,
                 struct store_done *done);

/* Memory that goes with done; NULL if there is none left. At most STORE_PAGE_MAX rows. */
void *done_alloc(struct store_done *done, size_t len);
size_t done_rows(size_t max_rows);

/* audit.c: the function audit_hash() of the statements. */
FUO_MUST_CHECK int audit_register(sqlite3 *sql, struct detail *detail);

/* query_report.c */
void query_progress(struct db *db, uint32_t campaign_id, uint64_t after_id,
                    struct store_done *done);
void query_airtime(struct db *db, const struct store_airtime *after, int64_t last_hour,
                   struct store_done *done);

/* query_source.c */
void query_source(struct db *db, uint32_t campaign_id, uint64_t offset, size_t max_bytes,
                  struct store_done *done);

/* A text column, borrowed until the next step; never NULL. */
static inline const char *row_text(sqlite3_stmt *row, int i)
{
    const unsigned char *text = sqlite3_column_text(row, i);
    return text == NULL ? "" : (const char *)text;
}

/*
 * Unseal a key column. FUO_ENOENT if it is NULL; FUO_EAUTH if it was tampered with, which
 * detail says.
 */
FUO_MUST_CHECK int row_key(const struct db *db, sqlite3_stmt *row, int i,
                           const struct seal_place *place,
                           uint8_t key[static STORE_KEY_BYTES], struct detail *detail);

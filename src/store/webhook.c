/* SPDX-License-Identifier: MIT */
/* webhook.c - what webhooks are still to be told, read at the start. */
#include "io/cleanup.h"
#include "store/internal.h"

struct webhooks_call {
    store_webhook_fn *fn;
    void *arg;
};

static int take_row(sqlite3_stmt *row, const struct webhooks_call *call)
{
    struct store_webhook webhook = {
        .id = (uint64_t)sqlite3_column_int64(row, 0),
        .created = {sqlite3_column_int64(row, 1)},
        .campaign = row_text(row, 2),
        .url = row_text(row, 3),
        .payload = row_text(row, 4),
    };
    return call->fn(call->arg, &webhook);
}

static int load_webhooks(struct db *db, void *arg, struct detail *detail)
{
    const struct webhooks_call *call = arg;
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int err = db_prepare(
        db->sql, "SELECT id, created, campaign, url, payload FROM webhook ORDER BY id",
        &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    int rc = sqlite3_step(stmt);
    for (; rc == SQLITE_ROW && err == FUO_OK; rc = sqlite3_step(stmt)) {
        err = take_row(stmt, call);
    }
    return err != FUO_OK || rc == SQLITE_DONE ? err : db_error(db->sql, detail);
}

int store_load_webhooks(struct store *store, store_webhook_fn *fn, void *arg,
                        struct detail *detail)
{
    struct webhooks_call call = {fn, arg};
    return store_call(store, load_webhooks, &call, detail);
}

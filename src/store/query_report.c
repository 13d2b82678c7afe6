/* SPDX-License-Identifier: MIT */
/* query_report.c - what a report of a campaign is made from, a bounded part at a time. */
#include "store/column.h"
#include "store/internal.h"

/* ---- progress ---- */

/* min() passes over NULL, which is what a CASE without ELSE yields. State 2 is Downloaded;
 * who succeeded had the image, whatever was stored of it. */
static const char progress_sql[] =
    "SELECT dev_eui, min(at),"
    " min(CASE WHEN state >= 2 OR outcome = 1 THEN at END),"
    " min(CASE WHEN outcome <> 0 THEN at END)"
    " FROM history WHERE id > ?1 AND id <= ?1 + ?2 AND campaign_id = ?3"
    " GROUP BY dev_eui ORDER BY dev_eui";

static int read_progress(struct db *db, sqlite3_stmt *stmt, struct store_done *done)
{
    struct store_progress *rows = done_alloc(done, STORE_PROGRESS_SPAN * sizeof(*rows));
    if (rows == NULL) {
        return FUO_ENOMEM;
    }
    int rc = SQLITE_ROW;
    size_t n = 0;
    while (n < STORE_PROGRESS_SPAN && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        rows[n++] = (struct store_progress){
            .dev_eui = (uint64_t)sqlite3_column_int64(stmt, 0),
            .since = {sqlite3_column_int64(stmt, 1)},
            .downloaded = {sqlite3_column_int64(stmt, 2)},
            .ended = {sqlite3_column_int64(stmt, 3)},
        };
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        return db_error(db->sql, &done->detail);
    }
    done->progress.rows = rows;
    done->progress.count = n;
    return FUO_OK;
}

void query_progress(struct db *db, uint32_t campaign_id, uint64_t after_id,
                    struct store_done *done)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int64_t last = 0;
    done->err = db_get_int(db->sql, "SELECT coalesce(max(id), 0) FROM history", &last,
                           &done->detail);
    if (done->err != FUO_OK || after_id >= (uint64_t)last) {
        return; /* nothing is there */
    }
    done->err = db_prepare(db->sql, progress_sql, &stmt, &done->detail);
    if (done->err != FUO_OK) {
        return;
    }
    sqlite3_bind_int64(stmt, 1, (int64_t)after_id);
    sqlite3_bind_int64(stmt, 2, STORE_PROGRESS_SPAN);
    sqlite3_bind_int64(stmt, 3, campaign_id);
    done->err = read_progress(db, stmt, done);
    uint64_t next = after_id + STORE_PROGRESS_SPAN;
    done->progress.next_id = next < (uint64_t)last ? next : 0;
}

/* ---- airtime ---- */

static const char airtime_sql[] =
    "SELECT hour, gateway, frequency_hz, airtime_us FROM airtime"
    " WHERE (hour, gateway, frequency_hz) > (?, ?, ?) AND hour <= ?"
    " ORDER BY hour, gateway, frequency_hz LIMIT ?";

static int read_airtime(struct db *db, sqlite3_stmt *stmt, struct store_done *done)
{
    struct store_airtime *rows = done_alloc(done, STORE_PAGE_MAX * sizeof(*rows));
    if (rows == NULL) {
        return FUO_ENOMEM;
    }
    int rc;
    size_t n = 0;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && n < STORE_PAGE_MAX) {
        rows[n++] = (struct store_airtime){
            .hour = sqlite3_column_int64(stmt, 0),
            .gateway = (uint64_t)sqlite3_column_int64(stmt, 1),
            .frequency_hz = (uint32_t)sqlite3_column_int64(stmt, 2),
            .airtime_us = sqlite3_column_int64(stmt, 3),
        };
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        return db_error(db->sql, &done->detail);
    }
    done->airtime.rows = rows;
    done->airtime.count = n;
    done->airtime.more = rc == SQLITE_ROW;
    return FUO_OK;
}

void query_airtime(struct db *db, const struct store_airtime *after, int64_t last_hour,
                   struct store_done *done)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    done->err = db_prepare(db->sql, airtime_sql, &stmt, &done->detail);
    if (done->err != FUO_OK) {
        return;
    }
    sqlite3_bind_int64(stmt, 1, after->hour);
    sqlite3_bind_int64(stmt, 2, (int64_t)after->gateway);
    sqlite3_bind_int64(stmt, 3, after->frequency_hz);
    sqlite3_bind_int64(stmt, 4, last_hour);
    sqlite3_bind_int64(stmt, 5, STORE_PAGE_MAX + 1);
    done->err = read_airtime(db, stmt, done);
}

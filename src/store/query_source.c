/* SPDX-License-Identifier: MIT */
/* query_source.c - what a campaign was made from, and its image piece by piece. */
#include <string.h>

#include "store/internal.h"

static const char source_sql[] =
    "SELECT yaml, source.signatures, digest, length(bytes), substr(bytes, ? + 1, ?)"
    " FROM source JOIN image ON digest = image_digest WHERE campaign_id = ?";

/* A text or blob column, with a NUL behind it. */
static void *copy_column(sqlite3_stmt *row, int i, struct store_done *done)
{
    const void *bytes = sqlite3_column_blob(row, i);
    size_t len = (size_t)sqlite3_column_bytes(row, i);
    char *copy = done_alloc(done, len + 1);
    if (copy != NULL && bytes != NULL) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

static int read_source(sqlite3_stmt *row, struct store_done *done)
{
    const void *digest = sqlite3_column_blob(row, 2);
    if (digest == NULL || sqlite3_column_bytes(row, 2) != STORE_DIGEST_BYTES) {
        detail_set(&done->detail, "damaged database: the digest of an image");
        return FUO_EPROTO;
    }
    memcpy(done->source.image_digest, digest, STORE_DIGEST_BYTES);
    done->source.yaml = copy_column(row, 0, done);
    done->source.signatures = copy_column(row, 1, done);
    done->source.bytes = copy_column(row, 4, done);
    done->source.image_len = (size_t)sqlite3_column_int64(row, 3);
    done->source.len = (size_t)sqlite3_column_bytes(row, 4);
    bool whole = done->source.yaml != NULL && done->source.signatures != NULL &&
                 done->source.bytes != NULL;
    return whole ? FUO_OK : FUO_ENOMEM;
}

void query_source(struct db *db, uint32_t campaign_id, uint64_t offset, size_t max_bytes,
                  struct store_done *done)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    done->err = db_prepare(db->sql, source_sql, &stmt, &done->detail);
    if (done->err != FUO_OK) {
        return;
    }
    /* substr() takes its numbers for 32 bits wide */
    offset = offset < STORE_IMAGE_MAX_BYTES ? offset : STORE_IMAGE_MAX_BYTES;
    sqlite3_bind_int64(stmt, 1, (int64_t)offset);
    sqlite3_bind_int64(stmt, 2, (int64_t)max_bytes);
    sqlite3_bind_int64(stmt, 3, campaign_id);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        done->err = read_source(stmt, done);
    } else {
        done->err = rc == SQLITE_DONE ? FUO_ENOENT : db_error(db->sql, &done->detail);
    }
}

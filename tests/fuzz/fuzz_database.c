/* SPDX-License-Identifier: MIT */
/*
 * fuzz_database.c - any bytes as the database of a daemon that starts.
 *
 * Byte 0: 0: the rest is the file; 1: of a good file bytes are changed, {offset (3), count,
 * bytes}; 2: of a good file cells are, {table, column, kind, value}, as somebody with a
 * shell of SQLite could. Opened, all of it read, the engine restored, and time passes.
 */
#include <sched.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "quiet_daemon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    EDITS_MAX = 32,
    TIMEOUTS_MAX = 200,
    EFFECTS_MAX = 20000,
    SQL_SIZE = 256,
};

struct script {
    const uint8_t *at;
    const uint8_t *end;
};

static uint8_t get8(struct script *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* ---- bytes ---- */

static void put_changed(struct script *s)
{
    size_t len = 0;
    const uint8_t *good = quiet_database(&len);
    uint8_t *bytes = malloc(len);
    require(bytes != NULL);
    memcpy(bytes, good, len);
    while (s->at < s->end) {
        size_t offset = (size_t)get8(s) << 16;
        offset |= (size_t)get8(s) << 8;
        offset |= get8(s);
        for (uint8_t count = get8(s); count > 0 && s->at < s->end; count--) {
            bytes[offset++ % len] = get8(s);
        }
    }
    quiet_put(bytes, len);
    free(bytes);
}

/* ---- cells ---- */

/* The i-th name that a query gives; "" if there is none. */
static void name_of(sqlite3 *sql, const char *query, uint8_t i, char name[64])
{
    sqlite3_stmt *stmt = NULL;
    name[0] = '\0';
    require(sqlite3_prepare_v2(sql, query, -1, &stmt, NULL) == SQLITE_OK);
    sqlite3_bind_int(stmt, 1, i);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        snprintf(name, 64, "%s", (const char *)sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
}

static void bind_value(sqlite3_stmt *stmt, struct script *s)
{
    static const int64_t limits[] = {
        0,         1,         -1,         255,       256,       UINT16_MAX,
        INT32_MAX, INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN, INT64_MAX - 1000000};
    uint8_t kind = get8(s);
    int64_t number = 0;
    size_t len = get8(s);
    size_t left = (size_t)(s->end - s->at);
    switch (kind % 5) {
    case 0:
        sqlite3_bind_int64(stmt, 1, limits[len % (sizeof(limits) / sizeof(limits[0]))]);
        return;
    case 1:
        sqlite3_bind_int64(stmt, 1, (int64_t)len);
        return;
    case 2:
        for (int i = 0; i < 8; i++) {
            number = (int64_t)((uint64_t)number << 8 | get8(s));
        }
        sqlite3_bind_int64(stmt, 1, number);
        return;
    case 3:
        len = len < left ? len : left;
        sqlite3_bind_blob(stmt, 1, s->at, (int)len, SQLITE_TRANSIENT);
        break;
    default:
        len = len < left ? len : left;
        sqlite3_bind_text(stmt, 1, (const char *)s->at, (int)len, SQLITE_TRANSIENT);
        break;
    }
    s->at += len;
}

/* In all rows; what the schema refuses stays as it is. */
static void edit(sqlite3 *sql, struct script *s)
{
    char table[64];
    char column[64];
    char text[SQL_SIZE];
    sqlite3_stmt *stmt = NULL;
    name_of(sql,
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite_%' ORDER BY name LIMIT 1 OFFSET ?1",
            get8(s) % 16, table);
    snprintf(text, sizeof(text),
             "SELECT name FROM pragma_table_info('%s') LIMIT 1 OFFSET ?1", table);
    name_of(sql, text, get8(s), column);
    snprintf(text, sizeof(text), "UPDATE OR REPLACE \"%s\" SET \"%s\" = ?1", table,
             column);
    if (sqlite3_prepare_v2(sql, text, -1, &stmt, NULL) == SQLITE_OK) {
        bind_value(stmt, s);
        (void)sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
}

static void put_edited(struct script *s)
{
    size_t len = 0;
    sqlite3 *sql = NULL;
    const uint8_t *good = quiet_database(&len);
    quiet_put(good, len);
    require(sqlite3_open(quiet_database_path(), &sql) == SQLITE_OK);
    require(sqlite3_exec(sql, "PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL) ==
            SQLITE_OK);
    for (int i = 0; i < EDITS_MAX && s->at < s->end; i++) {
        edit(sql, s);
    }
    require(sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    require(sqlite3_close(sql) == SQLITE_OK);
}

/* ---- a start ---- */

static int look(void *arg, const void *record)
{
    (void)arg;
    (void)record;
    return FUO_OK;
}

static int look_at_device(void *arg, const struct store_inventory *device)
{
    (void)arg;
    require(strlen(device->fleet) + strlen(device->name) + strlen(device->labels) <
            SIZE_MAX);
    return FUO_OK;
}

/* What the daemon reads later, or only of some fleets. */
static void read_rest(struct daemon *d)
{
    struct detail detail = {0};
    struct store_done done;
    for (int kind = STORE_CAMPAIGN; kind <= STORE_WAVE; kind++) {
        (void)!store_load_records(d->store, (enum store_kind)kind, look, NULL, &detail);
    }
    (void)!store_load_inventory(d->store, NULL, look_at_device, NULL, &detail);
    (void)!store_query_history(d->store, 1, 0x101, STORE_PAGE_MAX);
    (void)!store_query_outbox(d->store, 2, 0, STORE_PAGE_MAX);
    (void)!store_query_device_key(d->store, 3, 0x101);
    for (int answers = 0; answers < 3;) {
        if (store_poll(d->store, &done)) {
            store_done_finish(&done);
            answers++;
        } else {
            sched_yield(); /* the store has a thread of its own */
        }
    }
}

/* Time passes; what is to be sent is thrown away. */
static void pass(struct daemon *d)
{
    struct effects effects = {0};
    struct instant now = {1};
    struct utc utc = clock_utc(&d->clock);
    engine_resume(d->engine, now, utc, &effects);
    for (int i = 0; i < TIMEOUTS_MAX; i++) {
        struct instant due = engine_deadline(d->engine);
        if (due.us == INSTANT_NEVER.us || due.us - now.us > DAYS_US(3650)) {
            break;
        }
        int64_t wait_us = due.us > now.us ? due.us - now.us : 0;
        now = instant_after(now, wait_us);
        utc = utc_after(utc, wait_us);
        effects_clear(&effects);
        struct engine_event event = {.type = ENGINE_EV_TIMEOUT, .now = now, .utc = utc};
        engine_step(d->engine, &event, &effects);
        require(effects.len <= EFFECTS_MAX);
    }
    effects_finish(&effects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {data, data + size};
    struct daemon *d = NULL;
    uint8_t how = get8(&script);
    if (how == 0) {
        quiet_put(script.at, (size_t)(script.end - script.at));
    } else if (how == 1) {
        put_changed(&script);
    } else {
        put_edited(&script);
    }
    int err = quiet_open(&d);
    if (d->store != NULL) {
        read_rest(d);
    }
    if (err == FUO_OK) {
        pass(d);
    }
    quiet_close();
    return 0;
}

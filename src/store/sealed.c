/* SPDX-License-Identifier: MIT */
/* sealed.c - what only needs the sealing key: keys of devices, still sealed, and derived ones. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "io/cleanup.h"
#include "store/internal.h"

enum {
    TEXT_SIZE = 256,
};

_Static_assert((int)STORE_SEALED_BYTES == (int)STORE_KEY_BYTES + (int)SEAL_OVERHEAD_BYTES,
               "a sealed key is as long as seal.h says");

struct keys_call {
    const char *fleet;
    enum store_device_key which;
    store_sealed_key_fn *fn;
    void *arg;
};

static int take_row(sqlite3_stmt *row, const struct keys_call *call)
{
    struct store_sealed_key key = {.dev_eui = (uint64_t)sqlite3_column_int64(row, 0)};
    const void *blob = sqlite3_column_blob(row, 1);
    if (blob == NULL || sqlite3_column_bytes(row, 1) != (int)sizeof(key.sealed)) {
        return FUO_OK; /* one that cannot be opened is none */
    }
    memcpy(key.sealed, blob, sizeof(key.sealed));
    return call->fn(call->arg, &key);
}

static int load_keys(struct db *db, void *arg, struct detail *detail)
{
    const struct keys_call *call = arg;
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    static const char *const texts[] = {
        [STORE_APP_KEY] = "SELECT dev_eui, sealed_app_key FROM inventory"
                          " WHERE fleet = ? AND sealed_app_key IS NOT NULL"
                          " ORDER BY dev_eui",
        [STORE_GEN_APP_KEY] = "SELECT dev_eui, sealed_gen_app_key FROM inventory"
                              " WHERE fleet = ? AND sealed_gen_app_key IS NOT NULL"
                              " ORDER BY dev_eui",
    };
    int err = db_prepare(db->sql, texts[call->which], &stmt, detail);
    if (err != FUO_OK) {
        return err;
    }
    sqlite3_bind_text(stmt, 1, call->fleet, -1, SQLITE_STATIC);
    int rc = sqlite3_step(stmt);
    for (; rc == SQLITE_ROW && err == FUO_OK; rc = sqlite3_step(stmt)) {
        err = take_row(stmt, call);
    }
    return err != FUO_OK || rc == SQLITE_DONE ? err : db_error(db->sql, detail);
}

int store_load_device_keys(struct store *store, const char *fleet,
                           enum store_device_key which, store_sealed_key_fn *fn,
                           void *arg, struct detail *detail)
{
    struct keys_call call = {fleet, which, fn, arg};
    return store_call(store, load_keys, &call, detail);
}

static struct seal_place place_of(enum store_device_key which, uint64_t dev_eui)
{
    return which == STORE_GEN_APP_KEY ? seal_place_gen_app_key(dev_eui)
                                      : seal_place_app_key(dev_eui);
}

int store_open_device_key(const struct store *store, enum store_device_key which,
                          const struct store_sealed_key *key,
                          uint8_t plain[static STORE_KEY_BYTES])
{
    struct seal_place place = place_of(which, key->dev_eui);
    return seal_open(store_sealing_key(store), &place, key->sealed, sizeof(key->sealed),
                     plain);
}

void store_seal_device_key(const struct store *store, enum store_device_key which,
                           const uint8_t plain[static STORE_KEY_BYTES],
                           struct store_sealed_key *key)
{
    struct seal_place place = place_of(which, key->dev_eui);
    seal(store_sealing_key(store), &place, plain, STORE_KEY_BYTES, key->sealed);
}

int store_derive(const struct store *store, const char *text,
                 uint8_t bytes[static STORE_KEY_BYTES])
{
    const struct secret *key = store_sealing_key(store);
    char whole[TEXT_SIZE];
    int len = snprintf(whole, sizeof(whole), "fuotad derived: %s", text);
    if (len < 0 || (size_t)len >= sizeof(whole)) {
        return FUO_ERANGE;
    }
    return crypto_generichash(bytes, STORE_KEY_BYTES, (const unsigned char *)whole,
                              (unsigned long long)len, key->bytes, key->len) == 0
               ? FUO_OK
               : FUO_EINVAL;
}

/* SPDX-License-Identifier: MIT */
#include "store/seal.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "io/file.h"

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    PLACE_MAX = 128,
};

static_assert(NONCE_BYTES + TAG_BYTES == SEAL_OVERHEAD_BYTES, "libsodium's sizes");
static_assert((int)SEAL_KEY_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
              "libsodium's sizes");

int seal_key_load_or_create(const char *path, struct secret *key, bool *created,
                            struct detail *detail)
{
    AUTO_SECRET struct secret loaded = {0};
    bool fresh = false;
    int err = secret_read_file(path, SEAL_KEY_BYTES, &loaded, detail);
    if (err == FUO_ENOENT) {
        fresh = true;
        err = secret_alloc(SEAL_KEY_BYTES, &loaded);
        if (err == FUO_OK) {
            randombytes_buf(loaded.bytes, loaded.len);
            err = file_write_atomic(path, 0600, loaded.bytes, loaded.len);
        }
        if (err != FUO_OK) {
            detail_set(detail, "%s: cannot be created: %s", path, fuo_strerror(err));
        }
    }
    if (err == FUO_ERANGE || (err == FUO_OK && loaded.len != SEAL_KEY_BYTES)) {
        detail_set(detail, "%s: a sealing key is a file of %d bytes", path,
                   SEAL_KEY_BYTES);
        return FUO_EPROTO;
    }
    if (err != FUO_OK) {
        return err;
    }
    *key = loaded;
    *created = fresh;
    loaded = (struct secret){0};
    return FUO_OK;
}

/* table NUL column NUL row, little-endian: no two places give the same bytes. */
static size_t place_bytes(const struct seal_place *place, uint8_t bytes[PLACE_MAX])
{
    size_t table_size = strlen(place->table) + 1;
    size_t column_size = strlen(place->column) + 1;
    assert(table_size + column_size + 8 <= PLACE_MAX);
    memcpy(bytes, place->table, table_size);
    memcpy(bytes + table_size, place->column, column_size);
    uint8_t *row = bytes + table_size + column_size;
    for (size_t i = 0; i < 8; i++) {
        row[i] = (uint8_t)(place->row >> (8 * i));
    }
    return table_size + column_size + 8;
}

void seal(const struct secret *key, const struct seal_place *place, const uint8_t *plain,
          size_t len, uint8_t *sealed)
{
    uint8_t where[PLACE_MAX];
    size_t where_len = place_bytes(place, where);
    assert(key->len == SEAL_KEY_BYTES);
    randombytes_buf(sealed, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, plain, len,
                                               where, where_len, NULL, sealed,
                                               key->bytes);
}

int seal_open(const struct secret *key, const struct seal_place *place,
              const uint8_t *sealed, size_t sealed_len, uint8_t *plain)
{
    uint8_t where[PLACE_MAX];
    size_t where_len = place_bytes(place, where);
    assert(key->len == SEAL_KEY_BYTES);
    if (sealed_len < SEAL_OVERHEAD_BYTES ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(
            plain, NULL, NULL, sealed + NONCE_BYTES, sealed_len - NONCE_BYTES, where,
            where_len, sealed, key->bytes) != 0) {
        return FUO_EAUTH;
    }
    return FUO_OK;
}

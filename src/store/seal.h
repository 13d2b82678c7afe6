/* SPDX-License-Identifier: MIT */
/*
 * seal.h - how key columns are sealed: XChaCha20-Poly1305 under the sealing key.
 *
 * A sealed blob is nonce (24), ciphertext, tag (16). Bound to it as associated data is the
 * place it belongs to: table, column and primary key, so that a blob copied to another row
 * or column does not open. Nonces are random: 192 bits never repeat.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "io/detail.h"
#include "io/secrets.h"

enum {
    SEAL_KEY_BYTES = 32,
    SEAL_OVERHEAD_BYTES = 24 + 16,
};

/* Where a blob belongs. */
struct seal_place {
    const char *table;
    const char *column;
    uint64_t row; /* primary key */
};

/*
 * Read the sealing key from path; if there is no such file, draw one and create it with
 * mode 0600 (*created says so; the folder must exist). FUO_EPROTO: the file does not hold
 * a key. Else as secret_read_file(). *key is set on FUO_OK only; the caller releases it.
 */
FUO_MUST_CHECK int seal_key_load_or_create(const char *path, struct secret *key,
                                           bool *created, struct detail *detail);

/* Writes len + SEAL_OVERHEAD_BYTES bytes to sealed. */
void seal(const struct secret *key, const struct seal_place *place, const uint8_t *plain,
          size_t len, uint8_t *sealed);

/*
 * Writes sealed_len - SEAL_OVERHEAD_BYTES bytes to plain, which the caller wipes.
 * FUO_EAUTH: another key, another place, or changed; plain is then untouched or zeroed.
 */
FUO_MUST_CHECK int seal_open(const struct secret *key, const struct seal_place *place,
                             const uint8_t *sealed, size_t sealed_len, uint8_t *plain);

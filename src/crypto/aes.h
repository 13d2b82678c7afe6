/* SPDX-License-Identifier: MIT */
/*
 * aes.h - AES-128 as LoRaWAN uses it: single blocks, counter mode and CMAC.
 *
 * The one module that calls libcrypto. It allocates (inside libcrypto, per call), so every
 * function can fail with FUO_ENOMEM; outputs are untouched unless said. No I/O, no clock, no
 * logging, no state of its own. Keys are borrowed for the call; who holds a copy wipes it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    AES_KEY_BYTES = 16,
    AES_BLOCK_BYTES = 16,
    AES_CTR_MAX_BYTES = 4096, /* a radio frame is far below */
    AES_MIC_BYTES = 4,        /* LoRaWAN keeps the first four bytes of a CMAC */
};

struct aes_key {
    uint8_t b[AES_KEY_BYTES];
};

/* in and out may be the same block. */
FUO_MUST_CHECK int aes128_encrypt_block(const struct aes_key *key,
                                        const uint8_t in[static AES_BLOCK_BYTES],
                                        uint8_t out[static AES_BLOCK_BYTES]);
FUO_MUST_CHECK int aes128_decrypt_block(const struct aes_key *key,
                                        const uint8_t in[static AES_BLOCK_BYTES],
                                        uint8_t out[static AES_BLOCK_BYTES]);

/*
 * Counter mode from the counter block iv, big-endian; in and out may be the same. FUO_ERANGE
 * above AES_CTR_MAX_BYTES. On FUO_ENOMEM out is undefined.
 */
FUO_MUST_CHECK int aes128_ctr(const struct aes_key *key,
                              const uint8_t iv[static AES_BLOCK_BYTES], const uint8_t *in,
                              size_t len, uint8_t *out);

/*
 * Streaming CMAC. After init, any number of updates, then exactly one final; final frees
 * the context and reports the first error of all three.
 */
struct aes128_cmac {
    struct evp_mac_ctx_st *ctx; /* owned between init and final */
    int err;
};

void aes128_cmac_init(struct aes128_cmac *c, const struct aes_key *key);
void aes128_cmac_update(struct aes128_cmac *c, const uint8_t *bytes, size_t len);
FUO_MUST_CHECK int aes128_cmac_final(struct aes128_cmac *c,
                                     uint8_t mac[static AES_BLOCK_BYTES]);

/* Compares in constant time; FUO_EAUTH if they differ. */
FUO_MUST_CHECK int aes128_mic_check(const uint8_t want[static AES_MIC_BYTES],
                                    const uint8_t got[static AES_MIC_BYTES]);

void aes_key_wipe(struct aes_key *key);

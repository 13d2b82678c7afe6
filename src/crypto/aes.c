/* SPDX-License-Identifier: MIT */
#include "crypto/aes.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sodium.h>

struct pass {
    const EVP_CIPHER *cipher;
    const uint8_t *iv; /* NULL: none */
    int encrypt;
};

/* One pass without padding. libcrypto fails here only for want of memory. */
static int cipher_run(const struct pass *pass, const struct aes_key *key,
                      const uint8_t *in, int len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return FUO_ENOMEM;
    }
    int written = 0;
    int ok = EVP_CipherInit_ex(ctx, pass->cipher, NULL, key->b, pass->iv,
                               pass->encrypt) == 1 &&
             EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
             EVP_CipherUpdate(ctx, out, &written, in, len) == 1 && written == len;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? FUO_OK : FUO_ENOMEM;
}

static int block_run(const struct aes_key *key, int encrypt, const uint8_t *in,
                     uint8_t *out)
{
    uint8_t block[AES_BLOCK_BYTES];
    struct pass pass = {.cipher = EVP_aes_128_ecb(), .encrypt = encrypt};
    int err = cipher_run(&pass, key, in, sizeof(block), block);
    if (err == FUO_OK) {
        memcpy(out, block, sizeof(block));
    }
    sodium_memzero(block, sizeof(block));
    return err;
}

int aes128_encrypt_block(const struct aes_key *key,
                         const uint8_t in[static AES_BLOCK_BYTES],
                         uint8_t out[static AES_BLOCK_BYTES])
{
    return block_run(key, 1, in, out);
}

int aes128_decrypt_block(const struct aes_key *key,
                         const uint8_t in[static AES_BLOCK_BYTES],
                         uint8_t out[static AES_BLOCK_BYTES])
{
    return block_run(key, 0, in, out);
}

int aes128_ctr(const struct aes_key *key, const uint8_t iv[static AES_BLOCK_BYTES],
               const uint8_t *in, size_t len, uint8_t *out)
{
    if (len > AES_CTR_MAX_BYTES) {
        return FUO_ERANGE;
    }
    if (len == 0) {
        return FUO_OK;
    }
    struct pass pass = {.cipher = EVP_aes_128_ctr(), .iv = iv, .encrypt = 1};
    return cipher_run(&pass, key, in, (int)len, out);
}

static int mac_ctx_create(const struct aes_key *key, EVP_MAC_CTX **ctx)
{
    char cipher[] = "AES-128-CBC";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac); /* keeps a reference of its own */
    EVP_MAC_free(mac);
    if (c == NULL || EVP_MAC_init(c, key->b, sizeof(key->b), params) != 1) {
        EVP_MAC_CTX_free(c);
        return FUO_ENOMEM;
    }
    *ctx = c;
    return FUO_OK;
}

void aes128_cmac_init(struct aes128_cmac *c, const struct aes_key *key)
{
    *c = (struct aes128_cmac){0};
    c->err = mac_ctx_create(key, &c->ctx);
}

void aes128_cmac_update(struct aes128_cmac *c, const uint8_t *bytes, size_t len)
{
    if (c->err == FUO_OK && len > 0 && EVP_MAC_update(c->ctx, bytes, len) != 1) {
        c->err = FUO_ENOMEM;
    }
}

int aes128_cmac_final(struct aes128_cmac *c, uint8_t mac[static AES_BLOCK_BYTES])
{
    size_t len = 0;
    uint8_t full[AES_BLOCK_BYTES];
    if (c->err == FUO_OK && EVP_MAC_final(c->ctx, full, &len, sizeof(full)) != 1) {
        c->err = FUO_ENOMEM;
    }
    if (c->err == FUO_OK) {
        memcpy(mac, full, sizeof(full));
    }
    EVP_MAC_CTX_free(c->ctx);
    c->ctx = NULL;
    return c->err;
}

int aes128_mic_check(const uint8_t want[static AES_MIC_BYTES],
                     const uint8_t got[static AES_MIC_BYTES])
{
    return sodium_memcmp(want, got, AES_MIC_BYTES) == 0 ? FUO_OK : FUO_EAUTH;
}

void aes_key_wipe(struct aes_key *key)
{
    sodium_memzero(key, sizeof(*key));
}

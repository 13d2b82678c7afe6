/* SPDX-License-Identifier: MIT */
/* The key side of minisign.h: sign, verify, and the box of the secret key. */
#include "image/minisign.h"

#include <sodium.h>
#include <string.h>

_Static_assert(MINISIGN_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(MINISIGN_SECRET_BYTES == crypto_sign_SECRETKEYBYTES, "Ed25519");
_Static_assert(MINISIGN_SEED_BYTES == crypto_sign_SEEDBYTES, "Ed25519");
_Static_assert(MINISIGN_SIG_BYTES == crypto_sign_BYTES, "Ed25519");
_Static_assert(MINISIGN_SALT_BYTES == crypto_pwhash_scryptsalsa208sha256_SALTBYTES,
               "scrypt");

enum {
    DIGEST_BYTES = 64,   /* BLAKE2b-512 of the file */
    CHECKSUM_BYTES = 32, /* BLAKE2b-256 of algorithm, key number and secret key */
    BOX_SECRET_AT = MINISIGN_KEYNUM_BYTES,
    BOX_CHECKSUM_AT = BOX_SECRET_AT + MINISIGN_SECRET_BYTES,
    SIGNED_COMMENT_MAX = MINISIGN_SIG_BYTES + MINISIGN_TRUSTED_COMMENT_MAX,
};
_Static_assert(BOX_CHECKSUM_AT + CHECKSUM_BYTES == MINISIGN_BOX_BYTES,
               "layout of the box");

/* What an Ed25519 signature of a file covers. */
struct message {
    const uint8_t *p;
    size_t len;
};

static struct message file_message(enum minisign_alg alg, const uint8_t *data, size_t len,
                                   uint8_t digest[static DIGEST_BYTES])
{
    if (alg == MINISIGN_LEGACY) {
        return (struct message){data, len};
    }
    (void)crypto_generichash(digest, DIGEST_BYTES, data, len, NULL, 0);
    return (struct message){digest, DIGEST_BYTES};
}

/* The comment is valid, so it fits. */
static struct message comment_message(const struct minisign_signature *sig,
                                      uint8_t buf[static SIGNED_COMMENT_MAX])
{
    memcpy(buf, sig->sig, MINISIGN_SIG_BYTES);
    if (sig->trusted_comment_len > 0) {
        memcpy(buf + MINISIGN_SIG_BYTES, sig->trusted_comment, sig->trusted_comment_len);
    }
    return (struct message){buf, MINISIGN_SIG_BYTES + sig->trusted_comment_len};
}

static int check(const struct minisign_public *key, const uint8_t *sig, struct message m)
{
    return crypto_sign_verify_detached(sig, m.p, m.len, key->pk) == 0 ? FUO_OK
                                                                      : FUO_EAUTH;
}

static bool is_by(const struct minisign_public *key, const struct minisign_signature *sig)
{
    return memcmp(key->keynum, sig->keynum, MINISIGN_KEYNUM_BYTES) == 0;
}

int minisign_verify_data(const struct minisign_public *key,
                         const struct minisign_signature *sig, const uint8_t *data,
                         size_t len)
{
    if (!is_by(key, sig)) {
        return FUO_ENOENT;
    }
    uint8_t digest[DIGEST_BYTES];
    return check(key, sig->sig, file_message(sig->alg, data, len, digest));
}

int minisign_verify_comment(const struct minisign_public *key,
                            const struct minisign_signature *sig)
{
    if (!is_by(key, sig)) {
        return FUO_ENOENT;
    }
    if (!minisign_comment_valid(sig->trusted_comment, sig->trusted_comment_len)) {
        return FUO_EAUTH;
    }
    uint8_t buf[SIGNED_COMMENT_MAX];
    return check(key, sig->global_sig, comment_message(sig, buf));
}

int minisign_verify(const struct minisign_public *key,
                    const struct minisign_signature *sig, const uint8_t *data, size_t len)
{
    int err = minisign_verify_data(key, sig, data, len);
    return err != FUO_OK ? err : minisign_verify_comment(key, sig);
}

int minisign_sign(const struct minisign_secret *key, const uint8_t *data, size_t len,
                  struct minisign_signature *sig)
{
    if (!minisign_comment_valid(sig->trusted_comment, sig->trusted_comment_len)) {
        return FUO_EINVAL;
    }
    uint8_t digest[DIGEST_BYTES];
    uint8_t buf[SIGNED_COMMENT_MAX];
    struct message file = file_message(sig->alg, data, len, digest);

    memcpy(sig->keynum, key->keynum, sizeof(sig->keynum));
    (void)crypto_sign_detached(sig->sig, NULL, file.p, file.len, key->sk);
    struct message comment = comment_message(sig, buf);
    (void)crypto_sign_detached(sig->global_sig, NULL, comment.p, comment.len, key->sk);
    return FUO_OK;
}

void minisign_secret_from_seed(const uint8_t seed[static MINISIGN_SEED_BYTES],
                               const uint8_t keynum[static MINISIGN_KEYNUM_BYTES],
                               struct minisign_secret *key)
{
    uint8_t pk[MINISIGN_PUBLIC_BYTES];
    memcpy(key->keynum, keynum, sizeof(key->keynum));
    (void)crypto_sign_seed_keypair(pk, key->sk, seed);
}

void minisign_public_from_secret(const struct minisign_secret *key,
                                 struct minisign_public *pub)
{
    memcpy(pub->keynum, key->keynum, sizeof(pub->keynum));
    memcpy(pub->pk, key->sk + MINISIGN_SEED_BYTES, sizeof(pub->pk));
}

static void box_checksum(const uint8_t box[static MINISIGN_BOX_BYTES],
                         uint8_t sum[static CHECKSUM_BYTES])
{
    crypto_generichash_state h;
    (void)crypto_generichash_init(&h, NULL, 0, CHECKSUM_BYTES);
    (void)crypto_generichash_update(&h, (const uint8_t *)"Ed", 2);
    (void)crypto_generichash_update(&h, box, BOX_CHECKSUM_AT);
    (void)crypto_generichash_final(&h, sum, CHECKSUM_BYTES);
    sodium_memzero(&h, sizeof(h));
}

/* XOR the box with the key stream that the password gives: seals and opens. */
static int box_crypt(const struct minisign_secret_file *file,
                     const struct minisign_password *password,
                     uint8_t box[static MINISIGN_BOX_BYTES])
{
    if (file->opslimit > MINISIGN_OPSLIMIT_MAX ||
        file->memlimit_bytes > MINISIGN_MEMLIMIT_MAX) {
        return FUO_ERANGE;
    }
    uint8_t stream[MINISIGN_BOX_BYTES];
    if (crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), password->text,
                                           password->len, file->salt, file->opslimit,
                                           (size_t)file->memlimit_bytes) != 0) {
        return FUO_ENOMEM;
    }
    for (size_t i = 0; i < MINISIGN_BOX_BYTES; i++) {
        box[i] ^= stream[i];
    }
    sodium_memzero(stream, sizeof(stream));
    return FUO_OK;
}

static int box_open(const struct minisign_secret_file *file,
                    const struct minisign_password *password,
                    uint8_t box[static MINISIGN_BOX_BYTES])
{
    uint8_t sum[CHECKSUM_BYTES];
    memcpy(box, file->box, MINISIGN_BOX_BYTES);
    if (!file->encrypted) {
        return FUO_OK; /* minisign -W leaves the checksum empty */
    }
    if (password == NULL) {
        return FUO_EPERM;
    }
    int err = box_crypt(file, password, box);
    if (err != FUO_OK) {
        return err;
    }
    box_checksum(box, sum);
    return sodium_memcmp(sum, box + BOX_CHECKSUM_AT, sizeof(sum)) == 0 ? FUO_OK
                                                                       : FUO_EAUTH;
}

static bool halves_match(const struct minisign_secret *key)
{
    struct minisign_secret again;
    minisign_secret_from_seed(key->sk, key->keynum, &again);
    bool match = sodium_memcmp(again.sk, key->sk, sizeof(key->sk)) == 0;
    sodium_memzero(&again, sizeof(again));
    return match;
}

int minisign_secret_open(const struct minisign_secret_file *file,
                         const struct minisign_password *password,
                         struct minisign_secret *key)
{
    uint8_t box[MINISIGN_BOX_BYTES];
    struct minisign_secret k;
    int err = box_open(file, password, box);
    if (err == FUO_OK) {
        memcpy(k.keynum, box, sizeof(k.keynum));
        memcpy(k.sk, box + BOX_SECRET_AT, sizeof(k.sk));
        err = halves_match(&k) ? FUO_OK : FUO_EPROTO;
    }
    if (err == FUO_OK) {
        *key = k;
    }
    sodium_memzero(&k, sizeof(k));
    sodium_memzero(box, sizeof(box));
    return err;
}

void minisign_secret_store(const struct minisign_secret *key,
                           struct minisign_secret_file *file)
{
    *file = (struct minisign_secret_file){.encrypted = false};
    memcpy(file->box, key->keynum, sizeof(key->keynum));
    memcpy(file->box + BOX_SECRET_AT, key->sk, sizeof(key->sk));
}

int minisign_secret_seal(const struct minisign_secret *key,
                         const struct minisign_password *password,
                         struct minisign_secret_file *file)
{
    uint8_t box[MINISIGN_BOX_BYTES];
    memcpy(box, key->keynum, sizeof(key->keynum));
    memcpy(box + BOX_SECRET_AT, key->sk, sizeof(key->sk));
    box_checksum(box, box + BOX_CHECKSUM_AT);
    int err = box_crypt(file, password, box);
    if (err == FUO_OK) {
        file->encrypted = true;
        memcpy(file->box, box, sizeof(file->box));
    }
    sodium_memzero(box, sizeof(box));
    return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * minisign.h - the three files of minisign: public key, secret key, signature.
 *
 * Reads what the minisign program writes and writes what it accepts: prehashed ("ED",
 * Ed25519 over BLAKE2b-512 of the file) and legacy ("Ed", over the file itself)
 * signatures, secret keys in the clear (minisign -W) and under a password (scrypt). The
 * bytes are in reference/campaigns.md 5.1.
 *
 * Pure: bytes in, bytes out; no file, no clock, no randomness: seeds, key numbers and
 * salts come from the caller. The curve, the hashes and base64 are libsodium's; the
 * program has called sodium_init() once. libsodium allocates inside
 * minisign_secret_open() and _seal() of an encrypted key: up to 1 GiB for the key
 * derivation.
 *
 * Text arguments are pointer and length and may hold any byte; lines end in LF or CR LF.
 * As strict as minisign 0.12: prefixes, line lengths, printable UTF-8 in trusted
 * comments, canonical base64. After the last line only line ends may follow.
 *
 * Errors: FUO_EPROTO the text is not such a file, FUO_ENOENT made by another key,
 * FUO_EAUTH not authentic. Output is untouched on failure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    MINISIGN_KEYNUM_BYTES = 8,
    MINISIGN_PUBLIC_BYTES = 32,
    MINISIGN_SECRET_BYTES = 64, /* seed, then public key */
    MINISIGN_SEED_BYTES = 32,
    MINISIGN_SIG_BYTES = 64,
    MINISIGN_SALT_BYTES = 32,
    MINISIGN_BOX_BYTES = 104, /* keynum, secret key, checksum */
    MINISIGN_ID_SIZE = 17,    /* 16 hex digits and a NUL */

    /* Line lengths with prefix and line end, minisign's fgets() buffers. */
    MINISIGN_COMMENT_MAX = 1024,
    MINISIGN_TRUSTED_COMMENT_MAX = 8192,

    /* No file of ours or minisign's is longer; buffers of these sizes always suffice. */
    MINISIGN_KEY_TEXT_MAX = 2048,
    MINISIGN_SIG_TEXT_MAX = 10240,
};

/* A hostile key file must not make us compute for hours: minisign's own (1 GiB). */
#define MINISIGN_OPSLIMIT_MAX UINT64_C(33554432)
#define MINISIGN_MEMLIMIT_MAX UINT64_C(1073741824)

enum minisign_alg {
    MINISIGN_PREHASHED, /* "ED", minisign's default */
    MINISIGN_LEGACY,    /* "Ed", minisign -l; signify reads it too */
};

struct minisign_public {
    uint8_t keynum[MINISIGN_KEYNUM_BYTES];
    uint8_t pk[MINISIGN_PUBLIC_BYTES];
};

/* Wipe with sodium_memzero() after use. */
struct minisign_secret {
    uint8_t keynum[MINISIGN_KEYNUM_BYTES];
    uint8_t sk[MINISIGN_SECRET_BYTES];
};

/* A secret key file, decoded but not opened. */
struct minisign_secret_file {
    bool encrypted;
    uint8_t salt[MINISIGN_SALT_BYTES];
    uint64_t opslimit;
    uint64_t memlimit_bytes;
    uint8_t box[MINISIGN_BOX_BYTES];
};

struct minisign_password {
    const char *text; /* borrowed, no NUL needed */
    size_t len;
};

struct minisign_signature {
    enum minisign_alg alg;
    uint8_t keynum[MINISIGN_KEYNUM_BYTES];
    uint8_t sig[MINISIGN_SIG_BYTES];
    const char *trusted_comment; /* borrowed, without prefix and line end, no NUL */
    size_t trusted_comment_len;
    uint8_t global_sig[MINISIGN_SIG_BYTES]; /* over sig and the trusted comment */
};

/* The key number as minisign prints it, 16 upper-case digits; returns text. */
const char *minisign_id(const uint8_t keynum[static MINISIGN_KEYNUM_BYTES],
                        char text[static MINISIGN_ID_SIZE]);

/*
 * Whether text may be a trusted comment: it fits the line, and holds nothing but
 * printable UTF-8 and tabs, so that a hostile one cannot play with a terminal.
 */
bool minisign_comment_valid(const char *text, size_t len);

FUO_MUST_CHECK int minisign_public_parse(const char *text, size_t len,
                                         struct minisign_public *key);

/* FUO_ENOSPC if cap is too small. No NUL is added; so in all _format() here. */
FUO_MUST_CHECK int minisign_public_format(const struct minisign_public *key, char *text,
                                          size_t cap, size_t *len);

/* sig->trusted_comment points into text, which must outlive it. */
FUO_MUST_CHECK int minisign_signature_parse(const char *text, size_t len,
                                            struct minisign_signature *sig);

/* FUO_EINVAL if the trusted comment is too long or not printable. */
FUO_MUST_CHECK int minisign_signature_format(const struct minisign_signature *sig,
                                             char *text, size_t cap, size_t *len);

/*
 * FUO_OK only if key made sig over exactly these bytes. FUO_ENOENT if the key numbers
 * differ. Says nothing about the trusted comment: that is the next function.
 */
FUO_MUST_CHECK int minisign_verify_data(const struct minisign_public *key,
                                        const struct minisign_signature *sig,
                                        const uint8_t *data, size_t len);

/* The global signature: FUO_OK only if key signed the trusted comment with sig. */
FUO_MUST_CHECK int minisign_verify_comment(const struct minisign_public *key,
                                           const struct minisign_signature *sig);

/* Both; what `minisign -V` says. */
FUO_MUST_CHECK int minisign_verify(const struct minisign_public *key,
                                   const struct minisign_signature *sig,
                                   const uint8_t *data, size_t len);

/*
 * In: sig->alg and sig->trusted_comment. Out: keynum, sig and global_sig.
 * FUO_EINVAL as for minisign_signature_format().
 */
FUO_MUST_CHECK int minisign_sign(const struct minisign_secret *key, const uint8_t *data,
                                 size_t len, struct minisign_signature *sig);

/* The same seed and key number give the same key pair. */
void minisign_secret_from_seed(const uint8_t seed[static MINISIGN_SEED_BYTES],
                               const uint8_t keynum[static MINISIGN_KEYNUM_BYTES],
                               struct minisign_secret *key);

void minisign_public_from_secret(const struct minisign_secret *key,
                                 struct minisign_public *pub);

FUO_MUST_CHECK int minisign_secret_parse(const char *text, size_t len,
                                         struct minisign_secret_file *file);

FUO_MUST_CHECK int minisign_secret_format(const struct minisign_secret_file *file,
                                          char *text, size_t cap, size_t *len);

/*
 * The key in the file. password is ignored, and may be NULL, if !file->encrypted.
 * FUO_EPERM encrypted and no password, FUO_EAUTH wrong password, FUO_ERANGE the file asks
 * for more than the limits above, FUO_ENOMEM the key derivation did not get its memory,
 * FUO_EPROTO the two halves of the secret key do not belong together (signing with such a
 * key would give it away).
 */
FUO_MUST_CHECK int minisign_secret_open(const struct minisign_secret_file *file,
                                        const struct minisign_password *password,
                                        struct minisign_secret *key);

/* The clear form, minisign -W. Cannot fail. */
void minisign_secret_store(const struct minisign_secret *key,
                           struct minisign_secret_file *file);

/*
 * The encrypted form. In: file->salt, opslimit and memlimit_bytes (at most the limits
 * above; FUO_ERANGE). FUO_ENOMEM as for minisign_secret_open(): try again with half.
 */
FUO_MUST_CHECK int minisign_secret_seal(const struct minisign_secret *key,
                                        const struct minisign_password *password,
                                        struct minisign_secret_file *file);

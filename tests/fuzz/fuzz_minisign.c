/* SPDX-License-Identifier: MIT */
/* fuzz_minisign.c - the three file parsers; what they accept must survive writing. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "image/minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void try_signature(const char *text, size_t len)
{
    struct minisign_signature sig;
    struct minisign_signature again;
    char out[MINISIGN_SIG_TEXT_MAX];
    size_t out_len = 0;
    if (minisign_signature_parse(text, len, &sig) != FUO_OK) {
        return;
    }
    require(minisign_signature_format(&sig, out, sizeof(out), &out_len) == FUO_OK);
    require(minisign_signature_parse(out, out_len, &again) == FUO_OK);
    require(again.trusted_comment_len == sig.trusted_comment_len);
    require(memcmp(again.sig, sig.sig, sizeof(sig.sig)) == 0);

    struct minisign_public key = {0};
    memcpy(key.keynum, sig.keynum, sizeof(key.keynum));
    require(minisign_verify(&key, &sig, (const uint8_t *)text, len) == FUO_EAUTH);
}

static void try_public(const char *text, size_t len)
{
    struct minisign_public key;
    struct minisign_public again;
    char out[MINISIGN_KEY_TEXT_MAX];
    size_t out_len = 0;
    if (minisign_public_parse(text, len, &key) != FUO_OK) {
        return;
    }
    require(minisign_public_format(&key, out, sizeof(out), &out_len) == FUO_OK);
    require(minisign_public_parse(out, out_len, &again) == FUO_OK);
    require(memcmp(&again, &key, sizeof(key)) == 0);
}

/* Opened only in the clear: scrypt takes a second and a gigabyte. */
static void try_secret(const char *text, size_t len)
{
    struct minisign_secret_file file;
    struct minisign_secret_file again;
    struct minisign_secret key;
    char out[MINISIGN_KEY_TEXT_MAX];
    size_t out_len = 0;
    if (minisign_secret_parse(text, len, &file) != FUO_OK) {
        return;
    }
    require(minisign_secret_format(&file, out, sizeof(out), &out_len) == FUO_OK);
    require(minisign_secret_parse(out, out_len, &again) == FUO_OK);
    require(memcmp(again.box, file.box, sizeof(file.box)) == 0);
    int err = minisign_secret_open(&file, NULL, &key);
    require(err == FUO_OK || err == FUO_EPROTO || err == FUO_EPERM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require(sodium_init() >= 0);
    try_signature((const char *)data, size);
    try_public((const char *)data, size);
    try_secret((const char *)data, size);
    return 0;
}

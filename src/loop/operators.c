/* SPDX-License-Identifier: MIT */
#include "loop/operators.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/minisign.h"
#include "io/cleanup.h"
#include "io/file.h"
#include "loop/xalloc.h"

_Static_assert((int)MINISIGN_ID_SIZE == (int)ENVELOPE_KEY_SIZE, "the same ids");
_Static_assert((int)MINISIGN_PUBLIC_BYTES == (int)ENVELOPE_PUBLIC_BYTES, "the same keys");

static int load_key(const char *path, struct operator_key *key, const char **problem)
{
    AUTO_FREE uint8_t *text = NULL;
    struct minisign_public public;
    size_t len = 0;
    errno = 0;
    int err = file_read(path, MINISIGN_KEY_TEXT_MAX, &text, &len);
    if (err != FUO_OK) {
        *problem = errno != 0 ? strerror(errno) : fuo_strerror(err);
        return err;
    }
    err = minisign_public_parse((const char *)text, len, &public);
    if (err != FUO_OK) {
        *problem = "not a minisign public key; fuotactl key generate makes one";
        return err;
    }
    minisign_id(public.keynum, key->id);
    memcpy(key->public, public.pk, sizeof(key->public));
    return FUO_OK;
}

void operators_load(struct daemon_doc *doc, struct operators *operators,
                    struct diag_list *diags)
{
    struct operator_key key;
    const char *problem = NULL;
    for (size_t i = 0; i < doc->operators.count; i++) {
        char path[64];
        const char *file = doc->operators.items[i];
        snprintf(path, sizeof(path), "spec.operators[%zu]", i);
        struct diag_place place = config_place(&doc->doc, path);
        if (load_key(config_path(&doc->doc, file), &key, &problem) != FUO_OK) {
            diag_error(diags, &place, "%s: %s", file, problem);
        } else if (operators_find(operators, key.id) != NULL) {
            diag_error(diags, &place, "%s: the key is listed twice", file);
        } else if (operators->count == OPERATORS_MAX) {
            diag_error(diags, &place, "more than %d operators", OPERATORS_MAX);
        } else {
            operators->keys[operators->count++] = key;
        }
    }
}

const struct operator_key *operators_find(const struct operators *operators,
                                          const char *id)
{
    for (size_t i = 0; i < operators->count; i++) {
        if (strcmp(operators->keys[i].id, id) == 0) {
            return &operators->keys[i];
        }
    }
    return NULL;
}

/* ---- nonces ---- */

static void forget_expired(struct nonces *nonces, struct utc now)
{
    size_t kept = 0;
    for (size_t i = 0; i < nonces->count; i++) {
        if (nonces->items[i].expires.us > now.us) {
            nonces->items[kept++] = nonces->items[i];
        }
    }
    nonces->count = kept;
}

int nonces_use(struct nonces *nonces, const struct nonce *nonce, struct utc now)
{
    forget_expired(nonces, now);
    for (size_t i = 0; i < nonces->count; i++) {
        const struct nonce *used = &nonces->items[i];
        if (used->key == nonce->key &&
            memcmp(used->bytes, nonce->bytes, sizeof(used->bytes)) == 0) {
            return FUO_EEXIST;
        }
    }
    if (nonces->count == NONCES_MAX) {
        return FUO_ENOSPC;
    }
    if (nonces->count == nonces->cap) {
        nonces->cap = nonces->cap == 0 ? 64 : nonces->cap * 2;
        nonces->items = xrealloc(nonces->items, nonces->cap, sizeof(*nonces->items));
    }
    nonces->items[nonces->count++] = *nonce;
    return FUO_OK;
}

void nonces_finish(struct nonces *nonces)
{
    free(nonces->items);
    *nonces = (struct nonces){0};
}

/* SPDX-License-Identifier: MIT */
/*
 * operators.h - whose signatures requests over MQTT may carry, and which were taken already.
 *
 * The public keys are minisign key files that the daemon's own file names; they are read
 * once, at the start. All operators may do the same: what the socket can. Nonces are kept
 * until their request would have expired anyway (a clock that is set back by more than that
 * forgets them with it); when there is no room for one more, the request is refused, never
 * the check left out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "config/daemon.h"
#include "ctl/envelope.h"
#include "fuotad/error.h"

enum {
    OPERATORS_MAX = 64,
    NONCES_MAX = 8192, /* requests within ENVELOPE_LIFE_MAX_S */
};

struct operator_key {
    char id[ENVELOPE_KEY_SIZE]; /* as minisign prints it */
    uint8_t public[ENVELOPE_PUBLIC_BYTES];
};

/* Zeroed is empty: nobody may ask anything. */
struct operators {
    struct operator_key keys[OPERATORS_MAX];
    size_t count;
};

/* Every file of spec.operators; what is wrong goes to diags, at its place in the file. */
void operators_load(struct daemon_doc *doc, struct operators *operators,
                    struct diag_list *diags);

/* NULL: not one of them. */
const struct operator_key *operators_find(const struct operators *operators,
                                          const char *id);

struct nonce {
    const struct operator_key *key;
    uint8_t bytes[ENVELOPE_NONCE_BYTES];
    struct utc expires;
};

/* Zeroed is empty. */
struct nonces {
    struct nonce *items;
    size_t count;
    size_t cap;
};

/*
 * Use up a nonce; those that have expired are forgotten. FUO_EEXIST: it was used before.
 * FUO_ENOSPC: there are NONCES_MAX.
 */
FUO_MUST_CHECK int nonces_use(struct nonces *nonces, const struct nonce *nonce,
                              struct utc now);
void nonces_finish(struct nonces *nonces);

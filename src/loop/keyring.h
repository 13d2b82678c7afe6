/* SPDX-License-Identifier: MIT */
/*
 * keyring.h - the live McKeys, by transmission, in one block of locked memory.
 *
 * Holds only keys of transmissions that have not ended, and those that the engine keeps for
 * later ones; the sealed copies are in the store. Keys are wiped when they are dropped.
 * Never logs, never copies elsewhere: the pointers it hands out are into the block and valid
 * until the next put or drop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/aes.h"
#include "fuotad/error.h"

enum {
    KEYRING_KEPT = 256,                /* beyond their transmissions */
    KEYRING_MAX = 1024 + KEYRING_KEPT, /* and of transmissions at a time */
};

struct keyring;

/* FUO_ENOMEM, also when no memory can be locked. */
FUO_MUST_CHECK int keyring_create(struct keyring **ring);
void keyring_destroy(struct keyring *ring); /* accepts NULL */

/* Keeps a copy, in place of an older one. FUO_ENOSPC: KEYRING_MAX are held. */
FUO_MUST_CHECK int keyring_put(struct keyring *ring, uint32_t transmission_id,
                               uint32_t mc_addr, const struct aes_key *key);

/* NULL if there is none. */
const struct aes_key *keyring_find(const struct keyring *ring, uint32_t transmission_id);

bool keyring_has_addr(const struct keyring *ring, uint32_t mc_addr);

void keyring_drop(struct keyring *ring, uint32_t transmission_id);
void keyring_clear(struct keyring *ring);

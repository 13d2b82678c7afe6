/* SPDX-License-Identifier: MIT */
/*
 * keys.h - the key hierarchy of TS005 and TS004 v2 (lorawan.md 3.7).
 *
 *     device root key -> McRootKey -> McKEKey -> wraps McKey, once per device
 *     McKey -> McNwkSKey and McAppSKey, one pair per group
 *     device root key -> DataBlockIntKey
 *
 * The device root key is the GenAppKey in LoRaWAN 1.0.x and the AppKey in 1.1. Nothing here
 * keeps a key: intermediate ones are wiped before return, outputs are the caller's to wipe.
 * All functions fail with FUO_ENOMEM only; outputs are then untouched.
 */
#pragma once

#include <stdint.h>

#include "crypto/aes.h"
#include "fuotad/error.h"

enum lorawan_version {
    LORAWAN_1_0,
    LORAWAN_1_1,
};

/* The keys of a LoRaWAN 1.0.x session, unicast or multicast. */
struct session_keys {
    struct aes_key nwk_s_key;
    struct aes_key app_s_key;
};

/* root: GenAppKey for LORAWAN_1_0, AppKey for LORAWAN_1_1. */
FUO_MUST_CHECK int keys_mc_root(enum lorawan_version version, const struct aes_key *root,
                                struct aes_key *mc_root);
FUO_MUST_CHECK int keys_mc_ke(const struct aes_key *mc_root, struct aes_key *mc_ke);

/* McKey_encrypted as sent, made by AES decryption; the device gets McKey by encryption. */
FUO_MUST_CHECK int keys_mc_wrap(const struct aes_key *mc_ke, const struct aes_key *mc_key,
                                uint8_t wrapped[static AES_KEY_BYTES]);
FUO_MUST_CHECK int keys_mc_unwrap(const struct aes_key *mc_ke,
                                  const uint8_t wrapped[static AES_KEY_BYTES],
                                  struct aes_key *mc_key);

/* The whole chain from a device's root key. */
FUO_MUST_CHECK int keys_mc_wrap_for_device(enum lorawan_version version,
                                           const struct aes_key *root,
                                           const struct aes_key *mc_key,
                                           uint8_t wrapped[static AES_KEY_BYTES]);
FUO_MUST_CHECK int keys_mc_unwrap_by_device(enum lorawan_version version,
                                            const struct aes_key *root,
                                            const uint8_t wrapped[static AES_KEY_BYTES],
                                            struct aes_key *mc_key);

FUO_MUST_CHECK int keys_mc_session(const struct aes_key *mc_key, uint32_t mc_addr,
                                   struct session_keys *keys);

/* root as for keys_mc_root(). The key of block_mic.h. */
FUO_MUST_CHECK int keys_data_block_int(const struct aes_key *root, struct aes_key *key);

void session_keys_wipe(struct session_keys *keys);

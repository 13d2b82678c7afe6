/* SPDX-License-Identifier: MIT */
#include "crypto/keys.h"

#include <sodium.h>

/* AES(key, prefix | addr | 0...), as all derivations are. */
static int derive(const struct aes_key *key, uint8_t prefix, uint32_t addr,
                  struct aes_key *out)
{
    const uint8_t block[AES_BLOCK_BYTES] = {
        prefix,
        (uint8_t)addr,
        (uint8_t)(addr >> 8),
        (uint8_t)(addr >> 16),
        (uint8_t)(addr >> 24),
    };
    return aes128_encrypt_block(key, block, out->b);
}

int keys_mc_root(enum lorawan_version version, const struct aes_key *root,
                 struct aes_key *mc_root)
{
    return derive(root, version == LORAWAN_1_0 ? 0x00 : 0x20, 0, mc_root);
}

int keys_mc_ke(const struct aes_key *mc_root, struct aes_key *mc_ke)
{
    return derive(mc_root, 0x00, 0, mc_ke);
}

int keys_mc_wrap(const struct aes_key *mc_ke, const struct aes_key *mc_key,
                 uint8_t wrapped[static AES_KEY_BYTES])
{
    return aes128_decrypt_block(mc_ke, mc_key->b, wrapped);
}

int keys_mc_unwrap(const struct aes_key *mc_ke,
                   const uint8_t wrapped[static AES_KEY_BYTES], struct aes_key *mc_key)
{
    return aes128_encrypt_block(mc_ke, wrapped, mc_key->b);
}

/* The device's McKEKey; the McRootKey does not outlive the call. */
static int mc_ke_of_device(enum lorawan_version version, const struct aes_key *root,
                           struct aes_key *mc_ke)
{
    struct aes_key mc_root;
    int err = keys_mc_root(version, root, &mc_root);
    if (err == FUO_OK) {
        err = keys_mc_ke(&mc_root, mc_ke);
    }
    aes_key_wipe(&mc_root);
    return err;
}

int keys_mc_wrap_for_device(enum lorawan_version version, const struct aes_key *root,
                            const struct aes_key *mc_key,
                            uint8_t wrapped[static AES_KEY_BYTES])
{
    struct aes_key mc_ke;
    int err = mc_ke_of_device(version, root, &mc_ke);
    if (err == FUO_OK) {
        err = keys_mc_wrap(&mc_ke, mc_key, wrapped);
    }
    aes_key_wipe(&mc_ke);
    return err;
}

int keys_mc_unwrap_by_device(enum lorawan_version version, const struct aes_key *root,
                             const uint8_t wrapped[static AES_KEY_BYTES],
                             struct aes_key *mc_key)
{
    struct aes_key mc_ke;
    int err = mc_ke_of_device(version, root, &mc_ke);
    if (err == FUO_OK) {
        err = keys_mc_unwrap(&mc_ke, wrapped, mc_key);
    }
    aes_key_wipe(&mc_ke);
    return err;
}

int keys_mc_session(const struct aes_key *mc_key, uint32_t mc_addr,
                    struct session_keys *keys)
{
    struct session_keys k;
    int err = derive(mc_key, 0x01, mc_addr, &k.app_s_key);
    if (err == FUO_OK) {
        err = derive(mc_key, 0x02, mc_addr, &k.nwk_s_key);
    }
    if (err == FUO_OK) {
        *keys = k;
    }
    session_keys_wipe(&k);
    return err;
}

int keys_data_block_int(const struct aes_key *root, struct aes_key *key)
{
    return derive(root, 0x30, 0, key);
}

void session_keys_wipe(struct session_keys *keys)
{
    sodium_memzero(keys, sizeof(*keys));
}

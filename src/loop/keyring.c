/* SPDX-License-Identifier: MIT */
#include "loop/keyring.h"

#include <string.h>

#include "io/secrets.h"
#include "loop/xalloc.h"

/* Slot i: ids[i] (0: free), addrs[i] and the i-th key of the block. */
struct keyring {
    struct secret block; /* KEYRING_MAX keys; locked memory is not aligned for more */
    uint32_t ids[KEYRING_MAX];
    uint32_t addrs[KEYRING_MAX];
};

int keyring_create(struct keyring **ring)
{
    struct keyring *made = xcalloc(1, sizeof(*made));
    int err = secret_alloc(KEYRING_MAX * sizeof(struct aes_key), &made->block);
    if (err != FUO_OK) {
        free(made);
        return err;
    }
    *ring = made;
    return FUO_OK;
}

void keyring_destroy(struct keyring *ring)
{
    if (ring != NULL) {
        secret_release(&ring->block);
        free(ring);
    }
}

static struct aes_key *key_at(const struct keyring *ring, size_t i)
{
    return (struct aes_key *)(ring->block.bytes + i * sizeof(struct aes_key));
}

/* The slot of a transmission, of a free one for 0; KEYRING_MAX if there is none. */
static size_t find(const struct keyring *ring, uint32_t transmission_id)
{
    size_t i = 0;
    while (i < KEYRING_MAX && ring->ids[i] != transmission_id) {
        i++;
    }
    return i;
}

int keyring_put(struct keyring *ring, uint32_t transmission_id, uint32_t mc_addr,
                const struct aes_key *key)
{
    size_t i = find(ring, transmission_id);
    if (i == KEYRING_MAX) {
        i = find(ring, 0);
    }
    if (i == KEYRING_MAX) {
        return FUO_ENOSPC;
    }
    ring->ids[i] = transmission_id;
    ring->addrs[i] = mc_addr;
    *key_at(ring, i) = *key;
    return FUO_OK;
}

const struct aes_key *keyring_find(const struct keyring *ring, uint32_t transmission_id)
{
    size_t i = transmission_id != 0 ? find(ring, transmission_id) : KEYRING_MAX;
    return i < KEYRING_MAX ? key_at(ring, i) : NULL;
}

bool keyring_has_addr(const struct keyring *ring, uint32_t mc_addr)
{
    for (size_t i = 0; i < KEYRING_MAX; i++) {
        if (ring->ids[i] != 0 && ring->addrs[i] == mc_addr) {
            return true;
        }
    }
    return false;
}

void keyring_drop(struct keyring *ring, uint32_t transmission_id)
{
    size_t i = transmission_id != 0 ? find(ring, transmission_id) : KEYRING_MAX;
    if (i < KEYRING_MAX) {
        secret_wipe(key_at(ring, i), sizeof(struct aes_key));
        ring->ids[i] = 0;
    }
}

void keyring_clear(struct keyring *ring)
{
    secret_wipe(ring->block.bytes, ring->block.len);
    memset(ring->ids, 0, sizeof(ring->ids));
}

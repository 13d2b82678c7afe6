/* SPDX-License-Identifier: MIT */
#include "base/fnv.h"

uint64_t fnv1a(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash != 0 ? hash : 1;
}

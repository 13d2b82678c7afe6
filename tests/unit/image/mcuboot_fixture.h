/* SPDX-License-Identifier: MIT */
/* mcuboot_fixture.h - an MCUboot image 1.4.3+7 with security counter 17, as imgtool makes it. */
#pragma once

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "base/wire.h"
#include "image/inspect.h"
#include "test.h"

enum {
    HEADER_BYTES = 64, /* padded, as imgtool does for the vector table */
    BODY_BYTES = 40,
    PROTECTED_BYTES = 4 + 8,
    HASHED_BYTES = HEADER_BYTES + BODY_BYTES + PROTECTED_BYTES,
};

struct fixture {
    uint8_t bytes[512];
    size_t len;
};

static inline void put_header(struct wr *w, uint16_t protected_bytes, uint32_t flags)
{
    static const uint8_t filler[HEADER_BYTES] = {0};
    wr_le32(w, 0x96f3b83d);
    wr_le32(w, 0x08010000);
    wr_le16(w, HEADER_BYTES);
    wr_le16(w, protected_bytes);
    wr_le32(w, BODY_BYTES);
    wr_le32(w, flags);
    wr_u8(w, 1);
    wr_u8(w, 4);
    wr_le16(w, 3);
    wr_le32(w, 7);
    wr_le32(w, 0);
    wr_bytes(w, filler, HEADER_BYTES - MCUBOOT_HEADER_BYTES);
    wr_bytes(w, filler, BODY_BYTES);
}

static inline void put_protected(struct wr *w, uint32_t counter)
{
    wr_le16(w, 0x6908);
    wr_le16(w, PROTECTED_BYTES);
    wr_le16(w, 0x50);
    wr_le16(w, 4);
    wr_le32(w, counter);
}

/* The unprotected area with a hash and a signature TLV of sig_type, and its true hash. */
static inline void put_tlvs(struct wr *w, uint16_t hash_type, size_t hash_len,
                            uint16_t sig_type)
{
    uint8_t sum[64] = {0};
    if (hash_type == 0x10) {
        crypto_hash_sha256(sum, w->base, w->len);
    } else if (hash_type == 0x12) {
        crypto_hash_sha512(sum, w->base, w->len);
    }
    wr_le16(w, 0x6907);
    wr_le16(w, (uint16_t)(4 + 4 + hash_len + 4 + 2));
    wr_le16(w, hash_type);
    wr_le16(w, (uint16_t)hash_len);
    wr_bytes(w, sum, hash_len);
    wr_le16(w, sig_type);
    wr_le16(w, 2);
    wr_le16(w, 0xbeef);
}

static inline struct fixture make(uint16_t hash_type, size_t hash_len, uint16_t sig_type)
{
    struct fixture f;
    struct wr w = wr_init(f.bytes, sizeof(f.bytes));
    put_header(&w, PROTECTED_BYTES, 0);
    put_protected(&w, 17);
    put_tlvs(&w, hash_type, hash_len, sig_type);
    assert_int_equal(wr_end(&w, &f.len), FUO_OK);
    return f;
}

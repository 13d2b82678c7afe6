/* SPDX-License-Identifier: MIT */
#include "image/inspect.h"

#include <sodium.h>
#include <string.h>

#include "base/wire.h"

#define MCUBOOT_MAGIC UINT32_C(0x96f3b83d)

enum {
    TLV_INFO_BYTES = 4,
    TLV_INFO_MAGIC = 0x6907,
    TLV_PROTECTED_MAGIC = 0x6908,
    TLV_SHA256 = 0x10,
    TLV_SHA384 = 0x11,
    TLV_SHA512 = 0x12,
    TLV_RSA2048 = 0x20,
    TLV_ECDSA = 0x22,
    TLV_RSA3072 = 0x23,
    TLV_ED25519 = 0x24,
    TLV_SECURITY_COUNTER = 0x50,
    FLAG_ENCRYPTED_MASK = 0x04 | 0x08,
};

static bool take_hash(struct mcuboot_info *m, const uint8_t *value, size_t len,
                      size_t want)
{
    if (len != want) {
        return false;
    }
    m->hash_bytes = (uint8_t)len;
    memcpy(m->hash, value, len);
    return true;
}

/* One TLV that we know; false if its length is wrong. The bootloader skips others too. */
static bool take_tlv(struct mcuboot_info *m, uint16_t type, const uint8_t *value,
                     size_t len)
{
    switch (type) {
    case TLV_SHA256:
        return take_hash(m, value, len, 32);
    case TLV_SHA384:
        return take_hash(m, value, len, 48);
    case TLV_SHA512:
        return take_hash(m, value, len, 64);
    case TLV_RSA2048:
    case TLV_RSA3072:
        m->signature = IMAGE_SIGNATURE_RSA;
        break;
    case TLV_ECDSA:
        m->signature = IMAGE_SIGNATURE_ECDSA;
        break;
    case TLV_ED25519:
        m->signature = IMAGE_SIGNATURE_ED25519;
        break;
    }
    return true;
}

/* The security counter counts only where the signature covers it. */
static bool take_protected(struct mcuboot_info *m, uint16_t type, const uint8_t *value,
                           size_t len)
{
    if (type != TLV_SECURITY_COUNTER) {
        return true;
    }
    struct rd r = rd_init(value, len);
    m->security_counter = rd_le32(&r);
    m->has_security_counter = true;
    return rd_end(&r) == FUO_OK;
}

/* One TLV area with its header; *total is its length. */
static bool walk_area(struct rd *r, uint16_t magic, struct mcuboot_info *m,
                      uint32_t *total)
{
    uint16_t got_magic = rd_le16(r);
    *total = rd_le16(r);
    if (got_magic != magic || *total < TLV_INFO_BYTES) {
        return false;
    }
    const uint8_t *tlvs = rd_bytes(r, *total - TLV_INFO_BYTES);
    if (tlvs == NULL) {
        return false;
    }
    struct rd area = rd_init(tlvs, *total - TLV_INFO_BYTES);
    while (area.left > 0) {
        uint16_t type = rd_le16(&area);
        uint16_t len = rd_le16(&area);
        const uint8_t *value = rd_bytes(&area, len);
        if (value == NULL ||
            !(magic == TLV_PROTECTED_MAGIC ? take_protected(m, type, value, len)
                                           : take_tlv(m, type, value, len))) {
            return false;
        }
    }
    return true;
}

static uint32_t parse_header(struct rd *r, struct mcuboot_info *m)
{
    uint32_t magic = rd_le32(r);
    m->load_address = rd_le32(r);
    m->header_bytes = rd_le16(r);
    m->protected_tlv_bytes = rd_le16(r);
    m->body_bytes = rd_le32(r);
    m->flags = rd_le32(r);
    m->version.major = rd_u8(r);
    m->version.minor = rd_u8(r);
    m->version.revision = rd_le16(r);
    m->version.build = rd_le32(r);
    m->encrypted = (m->flags & FLAG_ENCRYPTED_MASK) != 0;
    (void)rd_le32(r); /* padding */
    return magic;
}

/* The hash covers header, body and protected TLVs, hashed_bytes in all. */
static enum image_hash_state check_hash(const struct mcuboot_info *m, const uint8_t *data,
                                        size_t hashed_bytes)
{
    uint8_t sum[MCUBOOT_HASH_MAX_BYTES];
    if (m->hash_bytes == 0) {
        return IMAGE_HASH_ABSENT;
    }
    if (m->encrypted || m->hash_bytes == 48) {
        return IMAGE_HASH_UNCHECKED;
    }
    if (m->hash_bytes == 32) {
        (void)crypto_hash_sha256(sum, data, hashed_bytes);
    } else {
        (void)crypto_hash_sha512(sum, data, hashed_bytes);
    }
    return memcmp(sum, m->hash, m->hash_bytes) == 0 ? IMAGE_HASH_MATCHES
                                                    : IMAGE_HASH_DIFFERS;
}

static int inspect_mcuboot(const uint8_t *data, size_t len, struct mcuboot_info *m)
{
    struct rd r = rd_init(data, len);
    (void)parse_header(&r, m);
    if (r.err != FUO_OK || m->header_bytes < MCUBOOT_HEADER_BYTES) {
        return FUO_EPROTO;
    }
    (void)rd_bytes(&r, m->header_bytes - MCUBOOT_HEADER_BYTES);
    (void)rd_bytes(&r, m->body_bytes);
    uint32_t protected_bytes = 0;
    if (m->protected_tlv_bytes > 0 &&
        !walk_area(&r, TLV_PROTECTED_MAGIC, m, &protected_bytes)) {
        return FUO_EPROTO;
    }
    if (protected_bytes != m->protected_tlv_bytes ||
        !walk_area(&r, TLV_INFO_MAGIC, m, &m->tlv_bytes)) {
        return FUO_EPROTO;
    }
    m->trailing_bytes = r.left;
    m->hash_state = check_hash(m, data, len - r.left - m->tlv_bytes);
    return FUO_OK;
}

int image_inspect(const uint8_t *data, size_t len, struct image_info *info)
{
    struct rd r = rd_init(data, len);
    struct image_info found = {.format = IMAGE_FORMAT_RAW, .size_bytes = len};
    if (rd_le32(&r) == MCUBOOT_MAGIC) {
        int err = inspect_mcuboot(data, len, &found.mcuboot);
        if (err != FUO_OK) {
            return err;
        }
        found.format = IMAGE_FORMAT_MCUBOOT;
    }
    *info = found;
    return FUO_OK;
}

const char *image_format_name(enum image_format format)
{
    switch (format) {
    case IMAGE_FORMAT_RAW:
        return "raw";
    case IMAGE_FORMAT_MCUBOOT:
        return "mcuboot";
    }
    return "unknown";
}

const char *image_hash_state_name(enum image_hash_state state)
{
    switch (state) {
    case IMAGE_HASH_ABSENT:
        return "absent";
    case IMAGE_HASH_MATCHES:
        return "matches";
    case IMAGE_HASH_DIFFERS:
        return "differs";
    case IMAGE_HASH_UNCHECKED:
        return "unchecked";
    }
    return "unknown";
}

const char *image_signature_name(enum image_signature_kind kind)
{
    switch (kind) {
    case IMAGE_SIGNATURE_NONE:
        return "none";
    case IMAGE_SIGNATURE_RSA:
        return "rsa";
    case IMAGE_SIGNATURE_ECDSA:
        return "ecdsa";
    case IMAGE_SIGNATURE_ED25519:
        return "ed25519";
    }
    return "unknown";
}

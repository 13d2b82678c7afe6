/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - what an image is: raw bytes, or an MCUboot image with its header and TLVs.
 *
 * fuotad sends images untouched. It reads MCUboot's header to cross-check version and
 * security counter before a campaign, nothing more: the signature inside is the
 * bootloader's business. Encoding: MCUboot's image.h; reference/campaigns.md 5.2.
 *
 * Pure, bounds-checked; libsodium for the hash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    MCUBOOT_HEADER_BYTES = 32,
    MCUBOOT_HASH_MAX_BYTES = 64,
};

enum image_format {
    IMAGE_FORMAT_RAW,
    IMAGE_FORMAT_MCUBOOT,
};

/* The hash TLV against the bytes before the unprotected TLVs. */
enum image_hash_state {
    IMAGE_HASH_ABSENT,
    IMAGE_HASH_MATCHES,
    IMAGE_HASH_DIFFERS,
    IMAGE_HASH_UNCHECKED, /* SHA-384, or over the plain text of an encrypted image */
};

enum image_signature_kind {
    IMAGE_SIGNATURE_NONE,
    IMAGE_SIGNATURE_RSA,
    IMAGE_SIGNATURE_ECDSA,
    IMAGE_SIGNATURE_ED25519,
};

struct mcuboot_version {
    uint8_t major;
    uint8_t minor;
    uint16_t revision;
    uint32_t build;
};

struct mcuboot_info {
    uint32_t load_address;
    uint32_t header_bytes;
    uint32_t body_bytes;
    uint32_t flags;
    uint32_t protected_tlv_bytes;
    uint32_t tlv_bytes; /* the unprotected ones, with their header */
    struct mcuboot_version version;
    bool encrypted;
    bool has_security_counter; /* protected TLV 0x50 */
    uint32_t security_counter;
    enum image_signature_kind signature;
    enum image_hash_state hash_state;
    uint8_t hash_bytes; /* 0, 32, 48 or 64 */
    uint8_t hash[MCUBOOT_HASH_MAX_BYTES];
    size_t trailing_bytes; /* after the last TLV: padding or the slot's trailer */
};

struct image_info {
    enum image_format format;
    size_t size_bytes;
    struct mcuboot_info mcuboot; /* zero unless that is the format */
};

/*
 * FUO_EPROTO if it starts like an MCUboot image and is not a whole one; then *info is
 * untouched. Everything that does not start so, also nothing at all, is raw.
 */
FUO_MUST_CHECK int image_inspect(const uint8_t *data, size_t len,
                                 struct image_info *info);

/* Static strings, never NULL: "raw", "mcuboot"; "absent", ...; "none", ... */
const char *image_format_name(enum image_format format);
const char *image_hash_state_name(enum image_hash_state state);
const char *image_signature_name(enum image_signature_kind kind);

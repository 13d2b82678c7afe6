/* SPDX-License-Identifier: MIT */
/*
 * check.h - is an image what its campaign says it is? For images with a header of their own.
 *
 * An MCUboot image must be whole, carry the hash of its bytes, and its header must say the
 * campaign's version: who updates by the wrong file learns it before anything is sent, and
 * not from a bootloader that refuses. The signature inside stays the bootloader's business.
 * The header names no hardware: for that there is the product of the TrustPolicy.
 *
 * Pure; encoding and facts: inspect.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/inspect.h"

/* Enumerator, and what is the matter, to be said behind the name of the file. */
#define IMAGE_VERDICT_MAP(X)                                                            \
    X(IMAGE_GOOD, "is an MCUboot image")                                                \
    X(IMAGE_NOT_MCUBOOT, "does not begin like an MCUboot image; sign it with imgtool, " \
                         "or say format: raw")                                          \
    X(IMAGE_DAMAGED, "begins like an MCUboot image but is truncated or damaged")        \
    X(IMAGE_NO_HASH, "has no hash (TLV 0x10, 0x11 or 0x12): the bootloader would "      \
                     "refuse it")                                                       \
    X(IMAGE_WRONG_HASH, "does not have the hash that it carries: it was altered "       \
                        "after imgtool signed it")                                      \
    X(IMAGE_WRONG_VERSION, "has another version in its header")

enum image_verdict {
#define X(name, text) name,
    IMAGE_VERDICT_MAP(X)
#undef X
};

const char *image_verdict_text(enum image_verdict verdict);

enum {
    MCUBOOT_VERSION_SIZE = 32, /* "255.255.65535+4294967295" and its NUL */
};

/* As imgtool writes it: "1.4.3", or "1.4.3+7" if there is a build number. */
const char *mcuboot_version_format(const struct mcuboot_version *version,
                                   char text[static MCUBOOT_VERSION_SIZE]);

/* "1.4" and "1.4.0" are the same; the build number counts if text has one. */
bool mcuboot_version_matches(const struct mcuboot_version *version, const char *text);

/* *info is what image_inspect() found, also if the verdict is bad; zero if it is damaged. */
enum image_verdict image_check_mcuboot(const uint8_t *data, size_t len,
                                       const char *version, struct image_info *info);

/* SPDX-License-Identifier: MIT */
/*
 * metadata.h - what a trusted comment says about the image it signs:
 *
 *     fuota:v1 product=wm1 version=1.4.3 size=88060 [seccnt=17]
 *
 * It binds product and version to the bytes, so that an old signed image cannot be passed
 * off as a new version. Strict: one space between fields, product, version and size once
 * each in any order, seccnt at most once, no other key (a reader that skipped a condition
 * it does not know would be a hole). Names and versions are 1..64 of A-Z a-z 0-9
 * . _ + ~ - and numbers are decimal without leading zeros, 32 bits; size is not 0.
 *
 * Pure. Says nothing about whether the comment is authentic: see minisign.h and trust.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    METADATA_NAME_MAX = 64,
    METADATA_NAME_SIZE = METADATA_NAME_MAX + 1,
    METADATA_TEXT_MAX = 256, /* no metadata is longer */
};

struct image_metadata {
    char product[METADATA_NAME_SIZE]; /* with NUL; so is version */
    char version[METADATA_NAME_SIZE];
    uint32_t size_bytes;
    bool has_security_counter;
    uint32_t security_counter;
};

/* Whether text (NUL-terminated) may be a product or a version. */
bool metadata_name_valid(const char *text);

/* Whether two NUL-terminated names are the same text: 1.4 is not 1.4.0 here. */
bool metadata_name_equal(const char *a, const char *b);

/*
 * FUO_ENOENT the text is some other comment, FUO_ENOTSUP fuota metadata of a later
 * format, FUO_EPROTO fuota:v1 but malformed. *meta is written only on success.
 */
FUO_MUST_CHECK int metadata_parse(const char *text, size_t len,
                                  struct image_metadata *meta);

/* FUO_EINVAL a field that could not be read back, FUO_ENOSPC. No NUL is added. */
FUO_MUST_CHECK int metadata_format(const struct image_metadata *meta, char *text,
                                   size_t cap, size_t *len);

/* SPDX-License-Identifier: MIT */
/*
 * bsdiff.h - an image out of an older one and a patch as bsdiff 4 writes it.
 *
 * A patch is "BSDIFF40", the lengths of its first two parts and of the new image as 8 bytes
 * each (little endian, the highest bit is the sign), and three streams of bzip2: triples
 * (add, copy, seek) of such numbers, bytes to be added to the old image, and bytes that are
 * new (C. Percival, bsdiff 4.3, bspatch.c). It says nothing of the old image: applied to
 * another one it yields other bytes, so whoever applies it has to compare the result.
 *
 * What comes from outside is bounded: no more than the caller's room is written, and triples
 * that lead nowhere are counted. libbz2 allocates some megabytes inside; nothing else here
 * does. One megabyte takes a tenth of a second or so: not for the loop's thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

struct bsdiff_bytes {
    const uint8_t *bytes;
    size_t len;
};

/* How long the image is that the patch makes. FUO_EPROTO: it does not begin like a patch. */
FUO_MUST_CHECK int bsdiff_result_len(struct bsdiff_bytes patch, size_t *len);

/*
 * Writes exactly result_len bytes, which has to be what bsdiff_result_len() says. FUO_EPROTO:
 * the patch is damaged, or longer or shorter than that; FUO_ENOMEM. result is undefined then.
 */
FUO_MUST_CHECK int bsdiff_apply(struct bsdiff_bytes old, struct bsdiff_bytes patch,
                                uint8_t *result, size_t result_len);

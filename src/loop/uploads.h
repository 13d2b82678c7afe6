/* SPDX-License-Identifier: MIT */
/*
 * uploads.h - files that clients send in chunks, by digest, until a campaign takes them.
 *
 * In memory and bounded: at most UPLOADS_MAX files and UPLOADS_MAX_BYTES in all; the one
 * that was touched longest ago makes room. A file whose bytes turn out not to have the
 * digest is forgotten.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/protocol.h"
#include "fuotad/error.h"

enum {
    UPLOADS_MAX = 16,
    UPLOADS_MAX_BYTES = 2 * CTL_IMAGE_MAX,
};

struct uploads;

struct uploads *uploads_create(void);
void uploads_destroy(struct uploads *uploads); /* accepts NULL */

/*
 * Announce a file; *have is how much of it is there. FUO_ERANGE: too big or empty;
 * FUO_EINVAL: announced before with another size; FUO_ENOMEM.
 */
FUO_MUST_CHECK int uploads_begin(struct uploads *uploads, const char *digest, size_t size,
                                 size_t *have);

/*
 * The next bytes of an announced file. FUO_ENOENT: not announced; FUO_EINVAL: offset is not
 * what is there; FUO_ERANGE: beyond its size; FUO_EAUTH: complete, but of another digest.
 */
FUO_MUST_CHECK int uploads_add(struct uploads *uploads, const char *digest, size_t offset,
                               const uint8_t *bytes, size_t len);

/* A complete file, borrowed until the next call here; NULL if there is none. */
const uint8_t *uploads_find(struct uploads *uploads, const char *digest, size_t *len);

void uploads_drop(struct uploads *uploads, const char *digest);

/* SPDX-License-Identifier: MIT */
/*
 * secrets.h - bytes that must not reach a disk, a core file or a log.
 *
 * They live in pages of libsodium: locked, left out of core dumps, guarded on both sides,
 * wiped when released. Each takes whole pages, so this is for the few long-lived ones
 * (sealing key, live McKeys, passwords); short-lived copies on the stack are wiped with
 * secret_wipe(). sodium_init() must have succeeded before: see secrets_init().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "io/detail.h"

/* Zeroed is empty. */
struct secret {
    uint8_t *bytes; /* one NUL, not counted, follows */
    size_t len;
};

/* Once per process, before anything else here; may be repeated. FUO_ENOTSUP on failure. */
FUO_MUST_CHECK int secrets_init(void);

/*
 * No memory of this process goes into a core file from now on, and nobody but root may
 * look into it: libraries keep copies of passwords and tokens where we cannot wipe them.
 * What the system does not grant is left as it is.
 */
void secrets_forbid_dumps(void);

/* len zeroed bytes. FUO_ENOMEM, also when the limit on locked memory is reached. */
FUO_MUST_CHECK int secret_alloc(size_t len, struct secret *secret);
FUO_MUST_CHECK int secret_copy(const uint8_t *bytes, size_t len, struct secret *secret);

/*
 * The whole file, never through other memory. FUO_EPERM if others than owner and group may
 * read or write it, or if it is not a regular file; FUO_ERANGE above max_bytes; else as
 * file_read(). *secret is set on FUO_OK only; detail says what is wrong.
 */
FUO_MUST_CHECK int secret_read_file(const char *path, size_t max_bytes,
                                    struct secret *secret, struct detail *detail);

/* Cut line ends and blanks off the end: for secrets that people put into files. */
void secret_trim(struct secret *secret);

/* Wipes and frees; accepts a zeroed one and leaves it zeroed. */
void secret_release(struct secret *secret);

/* Overwrites memory in a way that is not optimised away. */
void secret_wipe(void *bytes, size_t len);

#define AUTO_SECRET __attribute__((__cleanup__(secret_release)))

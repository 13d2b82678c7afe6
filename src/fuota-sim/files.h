/* SPDX-License-Identifier: MIT */
/* files.h - what fuota-sim writes: inventory, images; and the token it reads. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fuotad/error.h"
#include "sim/network.h"

/* CSV as fuotad imports it, mode 0600: it holds keys. FUO_EIO, see errno. */
FUO_MUST_CHECK int inventory_write(const char *path, const struct network *network);

/* A new file, mode 0600. NULL: see errno. */
FILE *create_private(const char *path);

/* DIR/<dev_eui>.bin. FUO_EIO, see errno. */
FUO_MUST_CHECK int flash_write_image(const char *dir, uint64_t dev_eui, const void *bytes,
                                     size_t len);
/* DIR/<dev_eui>.bin, the running image; DIR is made. FUO_EIO, see errno. */
FUO_MUST_CHECK int flash_write(const char *dir, const struct device *device);
FUO_MUST_CHECK int flash_write_all(const char *dir, const struct network *network);

/* The first line, owned by the caller. FUO_ENOENT, FUO_EIO; FUO_EPROTO: empty or too long. */
FUO_MUST_CHECK int token_read(const char *path, char **token);

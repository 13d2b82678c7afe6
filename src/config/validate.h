/* SPDX-License-Identifier: MIT */
/*
 * validate.h - everything that can be said about a file without a daemon.
 *
 * Picks the kind of each document by its `kind:`, decodes it, checks what this version
 * supports and that the files it names exist (image, signatures, deltas, devices files,
 * inventory, key files), relative to the file. It never checks signatures.
 */
#pragma once

#include "config/diag.h"
#include "fuotad/error.h"

/*
 * FUO_EINVAL if an error was reported; the code of file_read() (reported, too) if it
 * cannot be read.
 */
FUO_MUST_CHECK int config_validate_file(const char *file, struct diag_list *diags);

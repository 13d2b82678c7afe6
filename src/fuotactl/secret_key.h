/* SPDX-License-Identifier: MIT */
/* secret_key.h - the secret key in a minisign key file, its password asked for if need be. */
#pragma once

#include "image/minisign.h"

/* The password from the file, or from the terminal if that is NULL. An enum cli_exit; says
 * why it is not CLI_OK. Wipe *key with sodium_memzero() after use. */
int secret_key_load(const char *path, const char *password_file,
                    struct minisign_secret *key);

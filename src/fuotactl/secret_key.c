/* SPDX-License-Identifier: MIT */
#include "fuotactl/secret_key.h"

#include <inttypes.h>
#include <sodium.h>

#include "fuotactl/cmd_util.h"
#include "io/cleanup.h"

enum {
    TEXT_MAX_BYTES = 1 << 20, /* of a key file, right or wrong */
};

static int open_secret(const struct minisign_secret_file *file, const char *path,
                       const char *password_file, struct minisign_secret *key)
{
    char text[CMD_PASSWORD_SIZE];
    struct minisign_password password = {text, 0};
    if (file->encrypted) {
        int rc = cmd_read_password(password_file, "Password: ", text, &password.len);
        if (rc != CLI_OK) {
            return rc;
        }
    }
    int err = minisign_secret_open(file, &password, key);
    sodium_memzero(text, sizeof(text));
    switch (err) {
    case FUO_OK:
        return CLI_OK;
    case FUO_EAUTH:
        cmd_say("%s: wrong password", path);
        return CLI_UNTRUSTED;
    case FUO_ENOMEM:
        cmd_say("%s: not enough memory to derive the key (%" PRIu64 " MiB)", path,
                file->memlimit_bytes >> 20);
        return CLI_INTERNAL;
    }
    cmd_say("%s: damaged secret key", path);
    return CLI_INVALID;
}

int secret_key_load(const char *path, const char *password_file,
                    struct minisign_secret *key)
{
    AUTO_FREE uint8_t *text = NULL;
    size_t len = 0;
    int rc = cmd_read_file(path, TEXT_MAX_BYTES, &text, &len);
    if (rc != CLI_OK) {
        return rc;
    }
    struct minisign_secret_file file;
    int err = minisign_secret_parse((const char *)text, len, &file);
    sodium_memzero(text, len);
    if (err != FUO_OK) {
        cmd_say("%s: not a minisign secret key", path);
        return CLI_INVALID;
    }
    rc = open_secret(&file, path, password_file, key);
    sodium_memzero(&file, sizeof(file));
    return rc;
}

/* SPDX-License-Identifier: MIT */
#include "fuotactl/cmd_key.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuotactl/cmd_util.h"
#include "image/minisign.h"
#include "io/cleanup.h"

#define USAGE_GENERATE \
    "key generate [-o NAME] [--encrypt] [--password-file FILE] [--json]"
#define DEFAULT_NAME "fuota"

struct generate_options {
    const char *name;
    const char *password_file;
    bool encrypt;
    bool json;
};

struct password {
    char text[CMD_PASSWORD_SIZE];
    size_t len;
};

static int choose_password(const struct generate_options *opt, struct password *pw)
{
    struct password again;
    int rc = cmd_read_password(opt->password_file, "New password: ", pw->text, &pw->len);
    if (rc != CLI_OK || opt->password_file != NULL) {
        return rc;
    }
    rc = cmd_read_password(NULL, "Once more: ", again.text, &again.len);
    if (rc == CLI_OK && (pw->len == 0 || again.len != pw->len ||
                         sodium_memcmp(again.text, pw->text, pw->len) != 0)) {
        cmd_say("the passwords are empty or not the same");
        rc = CLI_USAGE;
    }
    sodium_memzero(&again, sizeof(again));
    return rc;
}

/* As costly as minisign makes it; less where that memory is not to be had. */
static int seal(const struct minisign_secret *key, const struct password *pw,
                struct minisign_secret_file *file)
{
    const struct minisign_password password = {pw->text, pw->len};
    file->opslimit = MINISIGN_OPSLIMIT_MAX;
    file->memlimit_bytes = MINISIGN_MEMLIMIT_MAX;
    randombytes_buf(file->salt, sizeof(file->salt));

    int err = minisign_secret_seal(key, &password, file);
    while (err == FUO_ENOMEM &&
           file->memlimit_bytes / 2 >= crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_MIN) {
        file->opslimit /= 2;
        file->memlimit_bytes /= 2;
        err = minisign_secret_seal(key, &password, file);
    }
    if (err != FUO_OK) {
        cmd_say("the secret key cannot be encrypted: %s", fuo_strerror(err));
        return CLI_INTERNAL;
    }
    if (file->memlimit_bytes < MINISIGN_MEMLIMIT_MAX) {
        cmd_say("warning: little memory, the password is protected less well than usual");
    }
    return CLI_OK;
}

static int encrypt(const struct generate_options *opt, const struct minisign_secret *key,
                   struct minisign_secret_file *file)
{
    struct password pw;
    int rc = choose_password(opt, &pw);
    if (rc == CLI_OK) {
        rc = seal(key, &pw, file);
    }
    sodium_memzero(&pw, sizeof(pw));
    return rc;
}

static int write_secret(const struct generate_options *opt,
                        const struct minisign_secret *key, const char *path)
{
    struct minisign_secret_file file = {0};
    int rc = CLI_OK;
    if (opt->encrypt || opt->password_file != NULL) {
        rc = encrypt(opt, key, &file);
    } else {
        minisign_secret_store(key, &file);
    }

    char text[MINISIGN_KEY_TEXT_MAX];
    size_t len = 0;
    if (rc == CLI_OK) {
        rc = minisign_secret_format(&file, text, sizeof(text), &len) == FUO_OK
                 ? cmd_write_file(path, O_EXCL, 0600, text, len)
                 : CLI_INTERNAL;
    }
    sodium_memzero(&file, sizeof(file));
    sodium_memzero(text, sizeof(text));
    return rc;
}

static int write_public(const struct minisign_public *pub, const char *path)
{
    char text[MINISIGN_KEY_TEXT_MAX];
    size_t len = 0;
    if (minisign_public_format(pub, text, sizeof(text), &len) != FUO_OK) {
        return CLI_INTERNAL;
    }
    return cmd_write_file(path, O_EXCL, 0644, text, len);
}

/* Neither may exist: a key that replaces another makes its signatures worthless. */
static int refuse_existing(const char *path)
{
    if (access(path, F_OK) != 0) {
        return CLI_OK;
    }
    cmd_say("%s: exists already, not overwritten", path);
    return CLI_FORBIDDEN;
}

static int write_pair(const struct generate_options *opt, const char *pub_path,
                      const char *key_path, struct minisign_public *pub)
{
    uint8_t seed[MINISIGN_SEED_BYTES];
    uint8_t keynum[MINISIGN_KEYNUM_BYTES];
    struct minisign_secret key;
    randombytes_buf(seed, sizeof(seed));
    randombytes_buf(keynum, sizeof(keynum));
    minisign_secret_from_seed(seed, keynum, &key);
    minisign_public_from_secret(&key, pub);

    int rc = write_secret(opt, &key, key_path);
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(&key, sizeof(key));
    if (rc != CLI_OK) {
        return rc;
    }
    rc = write_public(pub, pub_path);
    if (rc != CLI_OK) {
        (void)unlink(key_path);
    }
    return rc;
}

static int print_pair(const struct minisign_public *pub, const char *pub_path,
                      const char *key_path, bool json)
{
    char id[MINISIGN_ID_SIZE];
    AUTO_JSON json_object *out = json_object_new_object();
    json_object_object_add(out, "key_id",
                           json_object_new_string(minisign_id(pub->keynum, id)));
    json_object_object_add(out, "public_key_file", json_object_new_string(pub_path));
    json_object_object_add(out, "secret_key_file", json_object_new_string(key_path));
    return cmd_print(out, json);
}

static int generate(int argc, char **argv, bool json)
{
    struct generate_options opt = {.json = json};
    const struct cmd_option options[] = {
        {"-o", &opt.name, NULL},
        {"--output", &opt.name, NULL},
        {"--password-file", &opt.password_file, NULL},
        {"--encrypt", NULL, &opt.encrypt},
        {"--json", NULL, &opt.json},
        {0},
    };
    int rc = cmd_parse(argc, argv, &(struct cmd_syntax){USAGE_GENERATE, options, NULL});
    if (rc != CLI_OK) {
        return rc;
    }
    AUTO_FREE char *pub_path = NULL;
    AUTO_FREE char *key_path = NULL;
    const char *name = opt.name != NULL ? opt.name : DEFAULT_NAME;
    if (asprintf(&pub_path, "%s.pub", name) < 0 ||
        asprintf(&key_path, "%s.key", name) < 0) {
        return CLI_INTERNAL;
    }
    rc = refuse_existing(pub_path);
    if (rc == CLI_OK) {
        rc = refuse_existing(key_path);
    }
    struct minisign_public pub;
    if (rc == CLI_OK) {
        rc = write_pair(&opt, pub_path, key_path, &pub);
    }
    return rc == CLI_OK ? print_pair(&pub, pub_path, key_path, opt.json) : rc;
}

int cmd_key(int argc, char **argv, bool json)
{
    if (cmd_wants_help(argc, argv)) {
        puts("usage: fuotactl " USAGE_GENERATE);
        return cmd_finish();
    }
    if (argc < 2) {
        return cmd_usage(USAGE_GENERATE, "key: a subcommand is missing");
    }
    if (strcmp(argv[1], "generate") != 0) {
        return cmd_usage(USAGE_GENERATE, "key: no subcommand \"%s\"", argv[1]);
    }
    if (sodium_init() < 0) {
        cmd_say("libsodium does not start");
        return CLI_INTERNAL;
    }
    return generate(argc - 1, argv + 1, json);
}

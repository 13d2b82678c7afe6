/* SPDX-License-Identifier: MIT */
/* The dispatcher, and "image inspect". */
#include "fuotactl/cmd_image.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "fuotactl/cmd_image_internal.h"
#include "fuotactl/cmd_util.h"
#include "image/inspect.h"
#include "io/cleanup.h"

static void add_int(json_object *out, const char *name, int64_t value)
{
    json_object_object_add(out, name, json_object_new_int64(value));
}

static void add_text(json_object *out, const char *name, const char *value)
{
    json_object_object_add(out, name, json_object_new_string(value));
}

static void add_hex(json_object *out, const char *name, const uint8_t *bytes, size_t len)
{
    char text[2 * MCUBOOT_HASH_MAX_BYTES + 1];
    add_text(out, name, hex_encode(bytes, len, text));
}

static void add_mcuboot(json_object *out, const struct mcuboot_info *m)
{
    char version[32];
    snprintf(version, sizeof(version), "%" PRIu8 ".%" PRIu8 ".%" PRIu16 "+%" PRIu32,
             m->version.major, m->version.minor, m->version.revision, m->version.build);
    add_text(out, "version", version);
    if (m->has_security_counter) {
        add_int(out, "security_counter", m->security_counter);
    } else {
        json_object_object_add(out, "security_counter", NULL);
    }
    add_int(out, "header_bytes", m->header_bytes);
    add_int(out, "body_bytes", m->body_bytes);
    add_int(out, "protected_tlv_bytes", m->protected_tlv_bytes);
    add_int(out, "tlv_bytes", m->tlv_bytes);
    add_int(out, "trailing_bytes", (int64_t)m->trailing_bytes);
    add_int(out, "load_address", m->load_address);
    add_int(out, "flags", m->flags);
    json_object_object_add(out, "encrypted", json_object_new_boolean(m->encrypted));
    add_text(out, "device_signature", image_signature_name(m->signature));
    add_text(out, "hash_state", image_hash_state_name(m->hash_state));
    if (m->hash_bytes > 0) {
        add_hex(out, "hash", m->hash, m->hash_bytes);
    }
}

int cmd_image_inspect(int argc, char **argv, bool json)
{
    const char *path = NULL;
    const struct cmd_option options[] = {{"--json", NULL, &json}, {0}};
    int rc =
        cmd_parse(argc, argv, &(struct cmd_syntax){USAGE_IMAGE_INSPECT, options, &path});
    if (rc != CLI_OK) {
        return rc;
    }
    AUTO_FREE uint8_t *data = NULL;
    size_t len = 0;
    rc = cmd_read_file(path, CMD_IMAGE_MAX_BYTES, &data, &len);
    if (rc != CLI_OK) {
        return rc;
    }
    struct image_info info;
    if (image_inspect(data, len, &info) != FUO_OK) {
        cmd_say("%s: starts like an MCUboot image but is damaged or truncated", path);
        return CLI_INVALID;
    }
    uint8_t sha256[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(sha256, data, len);

    AUTO_JSON json_object *out = json_object_new_object();
    add_text(out, "file", path);
    add_text(out, "format", image_format_name(info.format));
    add_int(out, "size_bytes", (int64_t)info.size_bytes);
    add_hex(out, "sha256", sha256, sizeof(sha256));
    if (info.format == IMAGE_FORMAT_MCUBOOT) {
        add_mcuboot(out, &info.mcuboot);
    }
    return cmd_print(out, json);
}

struct subcommand {
    const char *name;
    const char *usage;
    int (*run)(int argc, char **argv, bool json);
};

static const struct subcommand subcommands[] = {
    {"inspect", USAGE_IMAGE_INSPECT, cmd_image_inspect},
    {"sign", USAGE_IMAGE_SIGN, cmd_image_sign},
    {"verify", USAGE_IMAGE_VERIFY, cmd_image_verify},
    {"fragment", USAGE_IMAGE_FRAGMENT, cmd_image_fragment},
};
enum {
    SUBCOMMAND_COUNT = sizeof(subcommands) / sizeof(subcommands[0]),
};

static int help(void)
{
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        printf("%s fuotactl %s\n", i == 0 ? "usage:" : "      ", subcommands[i].usage);
    }
    return cmd_finish();
}

int cmd_image(int argc, char **argv, bool json)
{
    static const char usage[] = "image inspect|sign|verify|fragment FILE ...";
    if (cmd_wants_help(argc, argv)) {
        return help();
    }
    if (argc < 2) {
        return cmd_usage(usage, "image: a subcommand is missing");
    }
    if (sodium_init() < 0) {
        cmd_say("libsodium does not start");
        return CLI_INTERNAL;
    }
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1, json);
        }
    }
    return cmd_usage(usage, "image: no subcommand \"%s\"", argv[1]);
}

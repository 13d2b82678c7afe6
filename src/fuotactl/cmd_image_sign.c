/* SPDX-License-Identifier: MIT */
/* "image sign" and "image verify". */
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fuotactl/cmd_image_internal.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/secret_key.h"
#include "image/metadata.h"
#include "image/minisign.h"
#include "image/trust.h"
#include "io/cleanup.h"

struct sign_options {
    const char *file;
    const char *key;
    const char *product;
    const char *version;
    const char *seccnt;
    const char *output;
    const char *password_file;
    bool legacy;
    bool json;
};

/* Names that are not given are fine; fields of meta that are not given stay empty. */
static bool take_name(const char *given, char name[static METADATA_NAME_SIZE])
{
    if (given == NULL) {
        return true;
    }
    if (!metadata_name_valid(given)) {
        return false;
    }
    memcpy(name, given, strlen(given) + 1);
    return true;
}

static bool parse_u32(const char *text, uint32_t *number)
{
    uint64_t n = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] < '0' || text[i] > '9' || i >= 10) {
            return false;
        }
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *number = (uint32_t)n;
    return n <= UINT32_MAX;
}

/* meta->version stays empty if no metadata was asked for. */
static int take_metadata(const struct sign_options *opt, struct image_metadata *meta)
{
    if ((opt->product == NULL) != (opt->version == NULL) ||
        (opt->seccnt != NULL && opt->version == NULL)) {
        return cmd_usage(USAGE_IMAGE_SIGN,
                         "--product and --version belong together; --seccnt needs both");
    }
    if (!take_name(opt->product, meta->product) ||
        !take_name(opt->version, meta->version)) {
        return cmd_usage(USAGE_IMAGE_SIGN,
                         "--product and --version take 1 to %d of "
                         "A-Z a-z 0-9 . _ + ~ -",
                         METADATA_NAME_MAX);
    }
    if (opt->seccnt != NULL && !parse_u32(opt->seccnt, &meta->security_counter)) {
        return cmd_usage(USAGE_IMAGE_SIGN, "--seccnt takes a number up to 4294967295");
    }
    meta->has_security_counter = opt->seccnt != NULL;
    return CLI_OK;
}

/* What minisign writes when it is told nothing. */
static size_t default_comment(const struct sign_options *opt, bool with_name, char *text,
                              size_t size)
{
    const char *slash = strrchr(opt->file, '/');
    const char *name = slash != NULL ? slash + 1 : opt->file;
    int n = snprintf(text, size, "timestamp:%lld%s%s%s", (long long)time(NULL),
                     with_name ? "\tfile:" : "", with_name ? name : "",
                     opt->legacy ? "" : "\tprehashed");
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

static int make_signature(const struct sign_options *opt, const uint8_t *data, size_t len,
                          struct minisign_signature *sig)
{
    struct minisign_secret key;
    int rc = secret_key_load(opt->key, opt->password_file, &key);
    if (rc != CLI_OK) {
        return rc;
    }
    int err = minisign_sign(&key, data, len, sig);
    sodium_memzero(&key, sizeof(key));
    return err == FUO_OK ? CLI_OK : CLI_INTERNAL;
}

static int write_signature(const struct sign_options *opt,
                           const struct minisign_signature *sig)
{
    char text[MINISIGN_SIG_TEXT_MAX];
    size_t len = 0;
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s%s", opt->output != NULL ? opt->output : opt->file,
                 opt->output != NULL ? "" : ".minisig") < 0 ||
        minisign_signature_format(sig, text, sizeof(text), &len) != FUO_OK) {
        return CLI_INTERNAL;
    }
    int rc = cmd_write_file(path, O_TRUNC, 0644, text, len);
    if (rc != CLI_OK) {
        return rc;
    }
    char id[MINISIGN_ID_SIZE];
    AUTO_JSON json_object *out = json_object_new_object();
    json_object_object_add(out, "signature_file", json_object_new_string(path));
    json_object_object_add(out, "key_id",
                           json_object_new_string(minisign_id(sig->keynum, id)));
    json_object_object_add(
        out, "trusted_comment",
        json_object_new_string_len(sig->trusted_comment, (int)sig->trusted_comment_len));
    return cmd_print(out, opt->json);
}

static int sign(const struct sign_options *opt, struct image_metadata *meta)
{
    AUTO_FREE uint8_t *data = NULL;
    size_t len = 0;
    int rc = cmd_read_file(opt->file, CMD_IMAGE_MAX_BYTES, &data, &len);
    if (rc != CLI_OK) {
        return rc;
    }
    if (len == 0) {
        cmd_say("%s: is empty", opt->file);
        return CLI_INVALID;
    }
    char comment[METADATA_TEXT_MAX + 4096];
    struct minisign_signature sig = {
        .alg = opt->legacy ? MINISIGN_LEGACY : MINISIGN_PREHASHED,
        .trusted_comment = comment,
    };
    if (meta->version[0] != '\0') {
        meta->size_bytes = (uint32_t)len;
        if (metadata_format(meta, comment, sizeof(comment), &sig.trusted_comment_len) !=
            FUO_OK) {
            return CLI_INTERNAL;
        }
    } else {
        sig.trusted_comment_len = default_comment(opt, true, comment, sizeof(comment));
        if (!minisign_comment_valid(comment, sig.trusted_comment_len)) {
            sig.trusted_comment_len =
                default_comment(opt, false, comment, sizeof(comment));
        }
    }
    rc = make_signature(opt, data, len, &sig);
    return rc == CLI_OK ? write_signature(opt, &sig) : rc;
}

int cmd_image_sign(int argc, char **argv, bool json)
{
    struct sign_options opt = {.json = json};
    const struct cmd_option options[] = {
        {"--key", &opt.key, NULL},         {"--product", &opt.product, NULL},
        {"--version", &opt.version, NULL}, {"--seccnt", &opt.seccnt, NULL},
        {"-o", &opt.output, NULL},         {"--output", &opt.output, NULL},
        {"--legacy", NULL, &opt.legacy},   {"--password-file", &opt.password_file, NULL},
        {"--json", NULL, &opt.json},       {0},
    };
    struct image_metadata meta = {0};
    int rc =
        cmd_parse(argc, argv, &(struct cmd_syntax){USAGE_IMAGE_SIGN, options, &opt.file});
    if (rc != CLI_OK) {
        return rc;
    }
    if (opt.key == NULL) {
        return cmd_usage(USAGE_IMAGE_SIGN, "--key is missing");
    }
    rc = take_metadata(&opt, &meta);
    return rc == CLI_OK ? sign(&opt, &meta) : rc;
}

struct verify_options {
    const char *file;
    const char *signature;
    const char *key;
    const char *product;
    const char *version;
    bool json;
};

/* A policy of one key; metadata is looked at only when asked for. */
static int load_policy(const struct verify_options *opt, struct trust_policy *policy)
{
    AUTO_FREE uint8_t *text = NULL;
    size_t len = 0;
    int rc = cmd_read_file(opt->key, CMD_TEXT_MAX_BYTES, &text, &len);
    if (rc != CLI_OK) {
        return rc;
    }
    *policy = (struct trust_policy){
        .keys = {{.not_before = {INT64_MIN}, .not_after = UTC_NEVER}},
        .key_count = 1,
        .threshold = 1,
        .require_metadata = opt->product != NULL || opt->version != NULL,
    };
    if (!take_name(opt->product, policy->product) ||
        (opt->version != NULL && !metadata_name_valid(opt->version))) {
        return cmd_usage(USAGE_IMAGE_VERIFY,
                         "no image can have such a product or version");
    }
    if (minisign_public_parse((const char *)text, len, &policy->keys[0].key) != FUO_OK) {
        cmd_say("%s: not a minisign public key", opt->key);
        return CLI_UNTRUSTED;
    }
    return CLI_OK;
}

static void add_comment(json_object *out, const struct trust_signature *text)
{
    char id[MINISIGN_ID_SIZE];
    struct minisign_signature sig;
    if (minisign_signature_parse(text->text, text->len, &sig) != FUO_OK) {
        return;
    }
    json_object_object_add(out, "key_id",
                           json_object_new_string(minisign_id(sig.keynum, id)));
    json_object_object_add(
        out, "trusted_comment",
        json_object_new_string_len(sig.trusted_comment, (int)sig.trusted_comment_len));
}

/* An unverified comment is nobody's word: it is shown only if it is authentic. */
static int print_verdict(const struct verify_options *opt,
                         const struct trust_request *req,
                         const struct trust_report *report, bool verified)
{
    enum trust_reason reason = report->findings[0].reason;
    AUTO_JSON json_object *out = json_object_new_object();
    json_object_object_add(out, "verified", json_object_new_boolean(verified));
    json_object_object_add(out, "reason",
                           json_object_new_string(trust_reason_name(reason)));
    if (verified) {
        add_comment(out, &req->signatures[0]);
    } else {
        cmd_say("%s: %s", opt->signature, trust_reason_text(reason));
    }
    int rc = verified || opt->json ? cmd_print(out, opt->json) : CLI_OK;
    return rc == CLI_OK && !verified ? CLI_UNTRUSTED : rc;
}

static int verify(const struct verify_options *opt)
{
    struct trust_policy policy;
    AUTO_FREE uint8_t *image = NULL;
    AUTO_FREE uint8_t *text = NULL;
    struct trust_signature signature = {0};
    struct trust_request req = {
        .signatures = &signature, .signature_count = 1, .version = opt->version};

    int rc = cmd_read_file(opt->file, CMD_IMAGE_MAX_BYTES, &image, &req.image_len);
    if (rc == CLI_OK) {
        rc = cmd_read_file(opt->signature, CMD_TEXT_MAX_BYTES, &text, &signature.len);
    }
    if (rc == CLI_OK) {
        rc = load_policy(opt, &policy);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    req.image = image;
    signature.text = (const char *)text;
    struct trust_report report;
    bool verified = trust_check(&policy, &req, &report) == FUO_OK;
    return print_verdict(opt, &req, &report, verified);
}

int cmd_image_verify(int argc, char **argv, bool json)
{
    struct verify_options opt = {.json = json};
    const struct cmd_option options[] = {
        {"--signature", &opt.signature, NULL}, {"--key", &opt.key, NULL},
        {"--product", &opt.product, NULL},     {"--version", &opt.version, NULL},
        {"--json", NULL, &opt.json},           {0},
    };
    int rc = cmd_parse(argc, argv,
                       &(struct cmd_syntax){USAGE_IMAGE_VERIFY, options, &opt.file});
    if (rc != CLI_OK) {
        return rc;
    }
    if (opt.signature == NULL || opt.key == NULL) {
        return cmd_usage(USAGE_IMAGE_VERIFY, "%s is missing",
                         opt.signature == NULL ? "--signature" : "--key");
    }
    return verify(&opt);
}

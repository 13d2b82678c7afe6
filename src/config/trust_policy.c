/* SPDX-License-Identifier: MIT */
#include "config/trust_policy.h"

#include <stdio.h>

#include "config/table.h"

#define AT(member) OPTION_AT(struct trust_policy_doc, member)

enum {
    KEYS_MAX = 16, /* as src/image can check */
};

_Static_assert(offsetof(struct trust_policy_doc, key_count) ==
                   offsetof(struct trust_policy_doc, keys) + sizeof(void *),
               "a list is a pointer and a count");

static const struct option_word kinds[] = {{"TrustPolicy", 0}, {0}};
static const struct option_word downgrades[] = {
    {"refuse", TRUST_POLICY_REFUSE}, {"allow", TRUST_POLICY_ALLOW}, {0}};

static const struct option metadata[] = {
    {.key = "name",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     AT(name),
     .example = "release-wm1",
     .help = "The name by which a Fleet chooses it."},
    {0},
};

static const struct option keys[] = {
    {.key = "file",
     .type = OPTION_FILE,
     .flags = OPTION_REQUIRED | OPTION_EXISTS,
     OPTION_AT(struct trust_policy_key, file),
     .example = "release-1.pub",
     .help = "minisign public key, relative to this file."},
    {.key = "notBefore",
     .type = OPTION_DATE,
     .word = "always",
     .word_value = TRUST_POLICY_ALWAYS_US,
     .def = "always",
     .example = "\"2026-01-01\"",
     OPTION_AT(struct trust_policy_key, not_before_us),
     .help = "The key counts from this day on, 00:00 UTC."},
    {.key = "notAfter",
     .type = OPTION_DATE,
     .word = "never",
     .word_value = TRUST_POLICY_EVER_US,
     .def = "never",
     .example = "\"2028-01-01\"",
     OPTION_AT(struct trust_policy_key, not_after_us),
     .help = "The key no longer counts from this day on, 00:00 UTC."},
    {0},
};

static const struct option spec[] = {
    {.key = "keys",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED | OPTION_LIST | OPTION_NOT_EMPTY,
     .sub = keys,
     OPTION_ITEMS(struct trust_policy_doc, keys),
     .help = "Keys whose signatures count."},
    {.key = "threshold",
     .type = OPTION_U32,
     .def = "1",
     .min = 1,
     .max = KEYS_MAX,
     AT(threshold),
     .help = "Signatures by different keys that an image needs."},
    {.key = "requireMetadata",
     .type = OPTION_BOOL,
     .def = "true",
     AT(require_metadata),
     .help = "The signed comment must say fuota:v1 product=... version=... size=..., and "
             "all of it must fit."},
    {.key = "product",
     .type = OPTION_TEXT,
     .flags = OPTION_SHOWN,
     .max = 63,
     AT(product),
     .example = "wm1",
     .help = "Product that the signed comment must name. Required with requireMetadata."},
    {.key = "downgrade",
     .type = OPTION_ENUM,
     .words = downgrades,
     .def = "refuse",
     AT(downgrade),
     .help = "Whether an older version than the running one may be sent."},
    {0},
};

static const struct option options[] = {
    TABLE_API_VERSION,
    TABLE_KIND("TrustPolicy", kinds),
    {.key = "metadata",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = metadata,
     .help = "Which policy."},
    {.key = "spec",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = spec,
     .help = "What it demands."},
    {0},
};

static void report(struct option_context *ctx, const struct config_doc *doc,
                   const char *path, const char *text)
{
    struct diag_place place = config_place(doc, path);
    diag_error(ctx->diags, &place, "%s", text);
}

static void check(struct config_doc *doc, struct option_context *ctx)
{
    const struct trust_policy_doc *policy = (const struct trust_policy_doc *)doc;
    if (policy->key_count > KEYS_MAX) {
        report(ctx, doc, "spec.keys", "more than 16 keys");
    }
    if (policy->key_count != 0 && policy->threshold > policy->key_count) {
        report(ctx, doc, "spec.threshold", "is more than there are keys");
    }
    if (policy->require_metadata && node_find(doc->root, "spec.product") == NULL &&
        node_find(doc->root, "spec") != NULL) {
        report(ctx, doc, "spec.product", "is required with requireMetadata");
    }
    for (size_t i = 0; i < policy->key_count; i++) {
        char path[64];
        snprintf(path, sizeof(path), "spec.keys[%zu].notAfter", i);
        if (policy->keys[i].not_before_us >= policy->keys[i].not_after_us) {
            report(ctx, doc, path, "must be after notBefore");
        }
    }
}

const struct config_kind trust_policy_kind = {
    .name = "TrustPolicy",
    .page = "fuotad-trust-policy",
    .summary = "whose signatures fuotad accepts",
    .text =
        "A TrustPolicy says which minisign keys may sign the images of a Fleet, and how "
        "many of them must. Policies are loaded only from the daemon's own folder, "
        "never over its socket or MQTT.",
    .example = "apiVersion: fuotad/v1\n"
               "kind: TrustPolicy\n"
               "metadata: { name: release-wm1 }\n"
               "spec:\n"
               "  keys: [{ file: release-1.pub }]\n"
               "  product: wm1\n",
    .options = options,
    .doc_size = sizeof(struct trust_policy_doc),
    .check = check,
};

int trust_policy_load(const char *file, struct trust_policy_doc **doc,
                      struct diag_list *diags)
{
    return config_load(&trust_policy_kind, file, (struct config_doc **)doc, diags);
}

int trust_policy_parse(const char *file, const char *bytes, size_t len,
                       struct trust_policy_doc **doc, struct diag_list *diags)
{
    return config_parse(&trust_policy_kind, file, bytes, len, (struct config_doc **)doc,
                        diags);
}

void trust_policy_doc_destroy(struct trust_policy_doc *doc)
{
    config_doc_destroy((struct config_doc *)doc);
}

/* SPDX-License-Identifier: MIT */
#include "image/trust.h"

#include <string.h>

#include "image/inspect.h"
#include "image/version.h"

static enum trust_reason check_key(const struct trust_key *key, struct utc now)
{
    if (!utc_reached(key->not_before, now)) {
        return TRUST_KEY_NOT_YET;
    }
    return utc_reached(key->not_after, now) ? TRUST_KEY_EXPIRED : TRUST_COUNTED;
}

/* Key numbers are not unique: of all keys with this one, the finding nearest to valid. */
static struct trust_finding find_key(const struct trust_policy *policy,
                                     const struct trust_request *request,
                                     const struct minisign_signature *sig)
{
    struct trust_finding best = {TRUST_UNKNOWN_KEY, -1};
    for (size_t i = 0; i < policy->key_count; i++) {
        const struct trust_key *key = &policy->keys[i];
        enum trust_reason reason = check_key(key, request->now);
        int err =
            minisign_verify_data(&key->key, sig, request->image, request->image_len);
        if (err == FUO_ENOENT) {
            continue;
        }
        if (err != FUO_OK) {
            reason = TRUST_BAD_IMAGE;
        } else if (minisign_verify_comment(&key->key, sig) != FUO_OK) {
            reason = TRUST_BAD_COMMENT;
        }
        if (reason < best.reason) {
            best = (struct trust_finding){reason, (int)i};
        }
    }
    return best;
}

/* Only MCUboot images have a security counter of their own; others are taken at the word of
 * the signature. */
static bool has_counter_of(const struct trust_request *request,
                           const struct image_metadata *meta)
{
    struct image_info info;
    if (!meta->has_security_counter ||
        image_inspect(request->image, request->image_len, &info) != FUO_OK ||
        info.format != IMAGE_FORMAT_MCUBOOT) {
        return true;
    }
    return info.mcuboot.has_security_counter &&
           info.mcuboot.security_counter == meta->security_counter;
}

static enum trust_reason check_metadata(const struct trust_policy *policy,
                                        const struct trust_request *request,
                                        const struct image_metadata *meta)
{
    if (policy->product[0] != '\0' &&
        !metadata_name_equal(policy->product, meta->product)) {
        return TRUST_OTHER_PRODUCT;
    }
    if (request->version != NULL &&
        !metadata_name_equal(request->version, meta->version)) {
        return TRUST_OTHER_VERSION;
    }
    if (meta->size_bytes != request->image_len) {
        return TRUST_OTHER_SIZE;
    }
    return has_counter_of(request, meta) ? TRUST_COUNTED : TRUST_OTHER_COUNTER;
}

/* Its comment is authentic: what does it say? meta is written if it says anything. */
static enum trust_reason read_metadata(const struct trust_policy *policy,
                                       const struct trust_request *request,
                                       const struct minisign_signature *sig,
                                       struct trust_report *report)
{
    struct image_metadata meta;
    int err = metadata_parse(sig->trusted_comment, sig->trusted_comment_len, &meta);
    enum trust_reason reason = TRUST_NO_METADATA;
    if (err == FUO_OK) {
        reason = check_metadata(policy, request, &meta);
    } else if (err != FUO_ENOENT) {
        reason = TRUST_BAD_METADATA;
    }
    if (!policy->require_metadata) {
        reason = TRUST_COUNTED;
    }
    if (err == FUO_OK && reason == TRUST_COUNTED && !report->has_metadata) {
        report->has_metadata = true;
        report->metadata = meta;
    }
    return reason;
}

static bool counted_already(const struct trust_policy *policy,
                            const struct trust_report *report, int key_index)
{
    const uint8_t *pk = policy->keys[key_index].key.pk;
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct trust_finding *f = &report->findings[i];
        if (f->reason == TRUST_COUNTED &&
            memcmp(policy->keys[f->key_index].key.pk, pk, MINISIGN_PUBLIC_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static struct trust_finding judge(const struct trust_policy *policy,
                                  const struct trust_request *request,
                                  const struct trust_signature *text,
                                  struct trust_report *report)
{
    struct minisign_signature sig;
    if (minisign_signature_parse(text->text, text->len, &sig) != FUO_OK) {
        return (struct trust_finding){TRUST_MALFORMED, -1};
    }
    struct trust_finding f = find_key(policy, request, &sig);
    if (f.reason == TRUST_COUNTED) {
        f.reason = read_metadata(policy, request, &sig, report);
    }
    if (f.reason == TRUST_COUNTED && counted_already(policy, report, f.key_index)) {
        f.reason = TRUST_SAME_KEY;
    }
    return f;
}

static bool usable(const struct trust_policy *policy, const struct trust_request *request)
{
    return policy->threshold > 0 && policy->key_count > 0 &&
           policy->key_count <= TRUST_KEYS_MAX &&
           request->signature_count <= TRUST_SIGNATURES_MAX &&
           (request->current_version == NULL || request->version != NULL);
}

static enum trust_verdict check_order(const struct trust_policy *policy,
                                      const struct trust_request *request)
{
    if (policy->allow_downgrade || request->current_version == NULL) {
        return TRUST_ACCEPTED;
    }
    switch (version_compare(request->version, request->current_version)) {
    case VERSION_OLDER:
        return TRUST_DOWNGRADE;
    case VERSION_UNORDERED:
        return TRUST_NO_ORDER;
    case VERSION_SAME:
    case VERSION_NEWER:
        break;
    }
    return TRUST_ACCEPTED;
}

int trust_check(const struct trust_policy *policy, const struct trust_request *request,
                struct trust_report *report)
{
    *report = (struct trust_report){.verdict = TRUST_NO_POLICY};
    if (!usable(policy, request)) {
        return FUO_EINVAL;
    }
    for (size_t i = 0; i < request->signature_count; i++) {
        struct trust_finding f = judge(policy, request, &request->signatures[i], report);
        report->findings[i] = f;
        report->finding_count = i + 1;
        report->counted += f.reason == TRUST_COUNTED;
    }
    if (report->counted < policy->threshold) {
        report->verdict = TRUST_TOO_FEW;
        return FUO_EAUTH;
    }
    report->verdict = check_order(policy, request);
    return report->verdict == TRUST_ACCEPTED ? FUO_OK : FUO_EPERM;
}

const char *trust_reason_name(enum trust_reason reason)
{
    switch (reason) {
#define X(id, name, text) \
    case id:              \
        return name;
        TRUST_REASON_MAP(X)
#undef X
    }
    return "unknown";
}

const char *trust_reason_text(enum trust_reason reason)
{
    switch (reason) {
#define X(id, name, text) \
    case id:              \
        return text;
        TRUST_REASON_MAP(X)
#undef X
    }
    return "unknown";
}

const char *trust_verdict_name(enum trust_verdict verdict)
{
    switch (verdict) {
#define X(id, name, text) \
    case id:              \
        return name;
        TRUST_VERDICT_MAP(X)
#undef X
    }
    return "unknown";
}

const char *trust_verdict_text(enum trust_verdict verdict)
{
    switch (verdict) {
#define X(id, name, text) \
    case id:              \
        return text;
        TRUST_VERDICT_MAP(X)
#undef X
    }
    return "unknown";
}

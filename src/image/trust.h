/* SPDX-License-Identifier: MIT */
/*
 * trust.h - may this image be sent? Its signatures against a TrustPolicy.
 *
 * A signature counts if a key of the policy that is in force made it over exactly these
 * bytes and this trusted comment and, with require_metadata, the comment gives the
 * policy's product, the campaign's version and the size of the image; if it gives a security
 * counter, an MCUboot image must have the same one. Enough DIFFERENT
 * keys must count: the same key listed or signing twice is one. Then the downgrade rule
 * applies. The report says of every signature why it counted or not.
 *
 * Pure: no file, no clock; borrows everything, keeps nothing. Design 8;
 * reference/campaigns.md 5.1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/error.h"
#include "image/metadata.h"
#include "image/minisign.h"

enum {
    TRUST_KEYS_MAX = 16,
    TRUST_SIGNATURES_MAX = 16,
};

struct trust_key {
    struct minisign_public key;
    struct utc not_before; /* in force from here; {INT64_MIN}: always was */
    struct utc not_after;  /* no longer from here on; UTC_NEVER: always will be */
};

struct trust_policy {
    struct trust_key keys[TRUST_KEYS_MAX];
    size_t key_count;
    size_t threshold; /* 1.. */
    bool require_metadata;
    char product[METADATA_NAME_SIZE]; /* empty: any */
    bool allow_downgrade;
};

/* The text of one .minisig file. */
struct trust_signature {
    const char *text;
    size_t len;
};

struct trust_request {
    struct utc now;
    const uint8_t *image;
    size_t image_len;
    const struct trust_signature *signatures;
    size_t signature_count;
    const char *version;         /* the campaign's; NULL: any */
    const char *current_version; /* what the devices run; NULL: not known, no check */
};

/*
 * Enumerator, stable name (for JSON), text for people. The nearer to valid the earlier:
 * trust.c keeps the smallest reason when several keys share a key number.
 */
#define TRUST_REASON_MAP(X)                                                          \
    X(TRUST_COUNTED, "counted", "valid")                                             \
    X(TRUST_SAME_KEY, "same-key", "valid, but this key was counted already")         \
    X(TRUST_OTHER_SIZE, "other-size", "it signs an image of another size")           \
    X(TRUST_OTHER_COUNTER, "other-counter",                                          \
      "it signs another security counter than the image has")                        \
    X(TRUST_OTHER_VERSION, "other-version", "it signs another version")              \
    X(TRUST_OTHER_PRODUCT, "other-product", "it signs an image for another product") \
    X(TRUST_BAD_METADATA, "bad-metadata", "its fuota:v1 metadata is malformed")      \
    X(TRUST_NO_METADATA, "no-metadata",                                              \
      "its trusted comment holds no fuota:v1 metadata")                              \
    X(TRUST_KEY_NOT_YET, "key-not-yet", "made by a key that is not in force yet")    \
    X(TRUST_KEY_EXPIRED, "key-expired", "made by a key that is no longer in force")  \
    X(TRUST_BAD_COMMENT, "bad-comment", "its trusted comment has been altered")      \
    X(TRUST_BAD_IMAGE, "bad-image", "does not match the image")                      \
    X(TRUST_UNKNOWN_KEY, "unknown-key", "made by a key that is not trusted here")    \
    X(TRUST_MALFORMED, "malformed", "not a minisign signature")

enum trust_reason {
#define X(id, name, text) id,
    TRUST_REASON_MAP(X)
#undef X
};

#define TRUST_VERDICT_MAP(X)                                            \
    X(TRUST_ACCEPTED, "accepted", "accepted")                           \
    X(TRUST_TOO_FEW, "too-few-signatures",                              \
      "not enough valid signatures by different keys")                  \
    X(TRUST_DOWNGRADE, "downgrade", "older than the version that runs") \
    X(TRUST_NO_ORDER, "version-order-unknown",                          \
      "cannot tell whether it is older than the version that runs")     \
    X(TRUST_NO_POLICY, "invalid-policy", "the policy or the request is not usable")

enum trust_verdict {
#define X(id, name, text) id,
    TRUST_VERDICT_MAP(X)
#undef X
};

struct trust_finding {
    enum trust_reason reason;
    int key_index; /* into policy->keys; -1: none */
};

/* findings[i] is about request->signatures[i]. */
struct trust_report {
    enum trust_verdict verdict;
    size_t counted; /* different keys */
    size_t finding_count;
    struct trust_finding findings[TRUST_SIGNATURES_MAX];
    bool has_metadata; /* authentic metadata of the first signature that counted */
    struct image_metadata metadata;
};

/*
 * Without require_metadata the trusted comment is authenticated and not interpreted.
 *
 * FUO_OK the image may be sent. FUO_EAUTH too few valid signatures. FUO_EPERM a
 * downgrade, or versions without an order, which the policy does not allow. FUO_EINVAL
 * threshold 0, no keys, more keys or signatures than fit, or a current version and none
 * to compare it with. *report is written in every case.
 */
FUO_MUST_CHECK int trust_check(const struct trust_policy *policy,
                               const struct trust_request *request,
                               struct trust_report *report);

/* Static strings, never NULL. */
const char *trust_reason_name(enum trust_reason reason);
const char *trust_reason_text(enum trust_reason reason);
const char *trust_verdict_name(enum trust_verdict verdict);
const char *trust_verdict_text(enum trust_verdict verdict);

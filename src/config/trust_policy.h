/* SPDX-License-Identifier: MIT */
/*
 * trust_policy.h - a TrustPolicy file: whose signatures an image needs.
 *
 * Loaded only from the daemon's own folder, never from the socket or MQTT (design 8). Key
 * files are names here; src/image reads and applies them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "campaign/spec.h"
#include "config/kind.h"

#define TRUST_POLICY_EVER_US   INT64_MAX
#define TRUST_POLICY_ALWAYS_US INT64_MIN

struct trust_policy_key {
    const char *file;      /* minisign public key; relative to the policy's file */
    int64_t not_before_us; /* UTC; INT64_MIN: always */
    int64_t not_after_us;  /* UTC, from that instant on no longer; INT64_MAX: for ever */
};

enum trust_policy_downgrade {
    TRUST_POLICY_REFUSE,
    TRUST_POLICY_ALLOW,
};

struct trust_policy_doc {
    struct config_doc doc;
    char name[SPEC_NAME_SIZE];
    const struct trust_policy_key *keys;
    size_t key_count;
    uint32_t threshold;
    bool require_metadata;
    const char *product; /* NULL: any, only without require_metadata */
    enum trust_policy_downgrade downgrade;
};

extern const struct config_kind trust_policy_kind;

/* As config_load() and config_parse(). */
FUO_MUST_CHECK int trust_policy_load(const char *file, struct trust_policy_doc **doc,
                                     struct diag_list *diags);
FUO_MUST_CHECK int trust_policy_parse(const char *file, const char *bytes, size_t len,
                                      struct trust_policy_doc **doc,
                                      struct diag_list *diags);

/* Accepts NULL. */
void trust_policy_doc_destroy(struct trust_policy_doc *doc);

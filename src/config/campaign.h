/* SPDX-License-Identifier: MIT */
/*
 * campaign.h - a Campaign file: what the operator wants done.
 *
 * Keys, defaults and ranges are in the option table of campaign.c; `fuotactl explain
 * campaign` prints them. The values end in struct campaign_spec (campaign/spec.h), which
 * is all the engine sees.
 */
#pragma once

#include <stdint.h>

#include "campaign/spec.h"
#include "config/kind.h"

enum campaign_notify_on {
    CAMPAIGN_ON_STARTED = 1,
    CAMPAIGN_ON_WAVE_DONE = 2,
    CAMPAIGN_ON_PAUSED = 4,
    CAMPAIGN_ON_ABORTED = 8,
    CAMPAIGN_ON_COMPLETED = 16,
};

struct campaign_notify {
    uint32_t on_mask;
    const char *webhook;
};

struct campaign_doc {
    struct config_doc doc;
    struct campaign_spec spec;
    const struct campaign_notify *notify;
    size_t notify_count;
    uint32_t require_mask; /* as decoded; spec.verification has it as bools */
};

extern const struct config_kind campaign_kind;

/* As config_load() and config_parse(). */
FUO_MUST_CHECK int campaign_load(const char *file, struct campaign_doc **doc,
                                 struct diag_list *diags);
FUO_MUST_CHECK int campaign_parse(const char *file, const char *bytes, size_t len,
                                  struct campaign_doc **doc, struct diag_list *diags);

/* Accepts NULL. */
void campaign_doc_destroy(struct campaign_doc *doc);

/* Report as an error each key whose behaviour this version does not honour and that is not
 * at its default. */
void campaign_unsupported(const struct campaign_doc *doc, struct diag_list *diags);

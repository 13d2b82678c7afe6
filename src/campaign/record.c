/* SPDX-License-Identifier: MIT */
#include "campaign/record.h"

/* Numbers read back from a store may be anything: a lookup never leaves its table. */
#define NAME_OF(table, index)                                \
    ((size_t)(index) < sizeof(table) / sizeof((table)[0]) && \
             (table)[(size_t)(index)] != NULL                \
         ? (table)[(size_t)(index)]                          \
         : "?")

const char *member_reason_slug(enum member_reason reason)
{
    static const char *const slugs[] = {
#define X(name, value, slug, text) [value] = (slug),
        MEMBER_REASON_MAP(X)
#undef X
    };
    return NAME_OF(slugs, reason);
}

const char *member_reason_text(enum member_reason reason)
{
    static const char *const texts[] = {
#define X(name, value, slug, text) [value] = (text),
        MEMBER_REASON_MAP(X)
#undef X
    };
    return NAME_OF(texts, reason);
}

const char *member_phase_name(enum member_phase phase)
{
    static const char *const names[MEMBER_PHASE_COUNT] = {
        "waiting", "discover",    "ask-frag",   "ask-mcast", "ask-fwmgmt", "version",
        "ready",   "key",         "group",      "frag",      "set-up",     "session",
        "resync",  "listening",   "status",     "complete",  "upgrade",    "reboot",
        "verify",  "undo-reboot", "undo-image", "ended",     "pending",
    };
    return NAME_OF(names, phase);
}

const char *campaign_phase_name(enum campaign_phase phase)
{
    static const char *const names[] = {
        [CAMPAIGN_RUNNING] = "running",     [CAMPAIGN_PAUSED] = "paused",
        [CAMPAIGN_ABORTING] = "aborting",   [CAMPAIGN_COMPLETED] = "completed",
        [CAMPAIGN_ABORTED] = "aborted",     [CAMPAIGN_FAILED] = "failed",
        [CAMPAIGN_SCHEDULED] = "scheduled",
    };
    return NAME_OF(names, phase);
}

bool campaign_phase_is_final(enum campaign_phase phase)
{
    switch (phase) {
    case CAMPAIGN_COMPLETED:
    case CAMPAIGN_ABORTED:
    case CAMPAIGN_FAILED:
        return true;
    case CAMPAIGN_RUNNING:
    case CAMPAIGN_PAUSED:
    case CAMPAIGN_ABORTING:
    case CAMPAIGN_SCHEDULED:
        break;
    }
    return false;
}

const char *wave_phase_name(enum wave_phase phase)
{
    static const char *const names[] = {
        [WAVE_PENDING] = "pending",     [WAVE_APPROVAL] = "approval",
        [WAVE_RUNNING] = "running",     [WAVE_SOAKING] = "soaking",
        [WAVE_HELD] = "held",           [WAVE_DONE] = "done",
        [WAVE_CANCELLED] = "cancelled",
    };
    return NAME_OF(names, phase);
}

const char *tx_phase_name(enum tx_phase phase)
{
    static const char *const names[] = {"key",  "group",   "setup", "lead",  "sending",
                                        "poll", "confirm", "drain", "close", "ended"};
    return NAME_OF(names, phase);
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOME_COUNT] = {
        "none", "succeeded", "failed", "unknown", "cancelled", "skipped", "superseded",
    };
    return NAME_OF(names, outcome);
}

/* SPDX-License-Identifier: MIT */
/* statement.h - the statements that batches are made of; their SQL is in statement.c. */
#pragma once

#include "engine/effect.h"

/* The first ones are the upserts of enum store_kind. */
enum statement {
    STATEMENT_RECORD_LAST = STORE_WAVE,
    STATEMENT_OUTBOX_PUT,
    STATEMENT_OUTBOX_DROP,
    STATEMENT_OUTBOX_PRUNE,
    STATEMENT_IMAGE_PUT,
    STATEMENT_SOURCE_PUT,
    STATEMENT_MC_KEY_PUT,
    STATEMENT_MC_KEY_DROP,
    STATEMENT_INVENTORY_PUT,
    STATEMENT_INVENTORY_DROP,
    STATEMENT_COUNTER_SET,
    STATEMENT_CHARGES_PRUNE,
    STATEMENT_PROBE,
    STATEMENT_WEBHOOK_PUT,
    STATEMENT_WEBHOOK_DROP,
    STATEMENT_AUDIT_PUT,
    STATEMENT_AUDIT_COUNT, /* behind it: the number of the next */
    STATEMENT_DROP_IMAGE,  /* of a campaign, in this order */
    STATEMENT_DROP_MC_KEYS,
    STATEMENT_DROP_LANES,
    STATEMENT_DROP_TRANSMISSIONS,
    STATEMENT_DROP_MEMBERS,
    STATEMENT_DROP_WAVES,
    STATEMENT_DROP_SOURCE,
    STATEMENT_DROP_CAMPAIGN,
    STATEMENT_COUNT,
};

/* SQL text, freshly allocated; the caller frees it. NULL: out of memory. */
char *statement_sql(enum statement statement);

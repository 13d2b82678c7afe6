/* SPDX-License-Identifier: MIT */
#include "crypto/audit.h"

#include <sodium.h>
#include <string.h>

static const char context[] = "fuotad audit 1";

static void add_u64(crypto_generichash_state *state, uint64_t value)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
    crypto_generichash_update(state, bytes, sizeof(bytes));
}

/* With its length: no two records are the same bytes. */
static void add_text(crypto_generichash_state *state, const char *text)
{
    size_t len = strlen(text);
    add_u64(state, len);
    crypto_generichash_update(state, (const uint8_t *)text, len);
}

void audit_hash(const struct audit_record *record, uint8_t hash[static AUDIT_HASH_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, AUDIT_HASH_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)context, sizeof(context));
    add_u64(&state, record->number);
    add_u64(&state, (uint64_t)record->time_us);
    add_text(&state, record->actor);
    add_text(&state, record->action);
    add_text(&state, record->object);
    add_text(&state, record->reason);
    add_text(&state, record->detail);
    crypto_generichash_update(&state, record->previous, AUDIT_HASH_BYTES);
    crypto_generichash_final(&state, hash, AUDIT_HASH_BYTES);
}

enum audit_fault audit_follow(struct audit_chain *chain,
                              const struct audit_record *record,
                              const uint8_t hash[static AUDIT_HASH_BYTES])
{
    uint8_t right[AUDIT_HASH_BYTES];
    if (record->number != chain->number + 1) {
        return AUDIT_GAP;
    }
    if (memcmp(record->previous, chain->hash, AUDIT_HASH_BYTES) != 0) {
        return AUDIT_BROKEN;
    }
    audit_hash(record, right);
    if (memcmp(right, hash, AUDIT_HASH_BYTES) != 0) {
        return AUDIT_CHANGED;
    }
    chain->number = record->number;
    memcpy(chain->hash, hash, AUDIT_HASH_BYTES);
    return AUDIT_FITS;
}

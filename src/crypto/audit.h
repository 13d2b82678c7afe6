/* SPDX-License-Identifier: MIT */
/*
 * audit.h - the hash that chains the records of the audit log.
 *
 * BLAKE2b-256 over everything a record says and the hash of the record before it, so that
 * no record can be changed, dropped or moved without every later hash telling. There is no
 * key: anybody who has the records can check them (`fuotactl audit --verify`). Who may
 * write the database can also write a whole new chain; against that, keep its newest hash
 * elsewhere (`fuotactl audit --verify` prints it).
 *
 * Hashed, in this order: "fuotad audit 1" and a NUL; the number and the time in Unix
 * microseconds, 8 bytes each, little-endian; actor, action, object, reason and detail, each
 * as its length in bytes (8 bytes, little-endian) and its bytes; the hash of the record
 * before, 32 bytes (zeros for the first).
 *
 * Pure. The program has called sodium_init().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    AUDIT_HASH_BYTES = 32,
};

/* Texts are never NULL; what there is none of is "". */
struct audit_record {
    uint64_t number; /* from 1 on, without gaps */
    int64_t time_us; /* Unix */
    const char *actor;
    const char *action;
    const char *object;
    const char *reason;
    const char *detail;
    uint8_t previous[AUDIT_HASH_BYTES];
};

void audit_hash(const struct audit_record *record, uint8_t hash[static AUDIT_HASH_BYTES]);

/* A walk along the chain, from its first record on. Zeroed is the beginning. */
struct audit_chain {
    uint64_t number; /* of the last record that was right */
    uint8_t hash[AUDIT_HASH_BYTES];
};

enum audit_fault {
    AUDIT_FITS,
    AUDIT_GAP,     /* its number does not follow: records are missing or were moved */
    AUDIT_BROKEN,  /* it does not name the hash of the record before */
    AUDIT_CHANGED, /* it does not have the hash that it says */
};

/* The next record and the hash that it came with; the chain goes on only if it fits. */
enum audit_fault audit_follow(struct audit_chain *chain,
                              const struct audit_record *record,
                              const uint8_t hash[static AUDIT_HASH_BYTES]);

/* SPDX-License-Identifier: MIT */
/*
 * store.h - everything durable: one SQLite database, one connection, one thread.
 *
 * The loop fills a batch, submits it and goes on; the store's thread commits it as one
 * transaction (WAL, synchronous=FULL) and calls notify(); the loop then polls. Nothing of
 * a batch that fails is applied, and what was committed survives a crash, in order of
 * submission. One batch is out at a time: gather the next while the disk works.
 *
 *     struct store_batch batch = {0};
 *     store_batch_effects(&batch, &effects);           STOREs of some steps
 *     store_batch_outbox(&batch, &row);                what to publish after the commit
 *     store_submit(store, &batch);                     empties the batch
 *     ... notify(arg), from the store's thread ...
 *     while (store_poll(store, &done)) { ...; store_done_finish(&done); }
 *
 * Reads at run time are queries: they queue behind the batch and are answered the same
 * way. The store_load_...() functions are for start-up: they run on the store's thread too,
 * but the caller waits.
 *
 * Keys are sealed as they enter (seal.h); in memory of batches and in database and WAL
 * there are only sealed ones. All functions belong to one thread, the loop's. No libuv, no
 * clock: times come in with the records. Facts: campaigns.md 6.3.
 *
 * Errors of the disk: FUO_ENOSPC full, FUO_EIO else. FUO_EPROTO: a row that is not what
 * this program wrote. A NULL detail is allowed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "campaign/record.h"
#include "engine/effect.h"
#include "fuotad/error.h"
#include "io/detail.h"
#include "io/secrets.h"

struct store;

enum {
    STORE_DIGEST_BYTES = 32, /* BLAKE2b-256 */
    STORE_KEY_BYTES = 16,
    STORE_SEALED_BYTES = STORE_KEY_BYTES + 24 + 16, /* seal.h */
    STORE_IMAGE_MAX_BYTES = 16 << 20,
    STORE_TEXT_MAX_BYTES = 1 << 20, /* of YAML, signatures, an outbox payload */
    STORE_BATCH_MAX_BYTES = 64 << 20,
    STORE_QUERIES_MAX = 1024,   /* waiting, or answered and not polled */
    STORE_PAGE_MAX = 1000,      /* rows of an answer */
    STORE_PROGRESS_SPAN = 1500, /* rows of history that one answer sums up */
};

/* ---- life ---- */

struct store_config {
    const char *path; /* created with mode 0600 if absent; its folder must exist */
    const struct secret *sealing_key; /* SEAL_KEY_BYTES; copied to locked memory */
    void (*notify)(void *arg); /* from the store's thread: something can be polled */
    void *arg;
};

/*
 * Open or create, check, migrate to the newest schema. Never touches a file it does not
 * understand. FUO_EAUTH: another sealing key. FUO_EAGAIN: in use by another process.
 * FUO_EPROTO: not our database, or a damaged one. FUO_ENOTSUP: from a newer fuotad.
 */
FUO_MUST_CHECK int store_open(const struct store_config *config, struct store **store,
                              struct detail *detail);

/*
 * Whether store_open() would take the file, as far as that can be told without the key and
 * without touching it: FUO_ENOENT: there is none; else the codes of store_open(). For a
 * look from outside while nothing runs.
 */
FUO_MUST_CHECK int store_peek(const char *path, struct detail *detail);

/* Finishes what was submitted, forgets unpolled answers, closes. Accepts NULL. */
void store_close(struct store *store);

/* ---- writing: a batch is one transaction ---- */

/*
 * Zeroed is empty. Opaque. Appending copies all it is given; a failure of it (memory,
 * bounds) sticks until the batch is submitted.
 */
struct store_batch {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    uint32_t ops;
    int err;
};

/* A row for MQTT; deleted by store_batch_outbox_drop() once the broker has it. */
struct store_outbox {
    uint64_t id; /* ascending, never given twice; given by the store */
    const char *topic;
    const uint8_t *payload;
    size_t payload_len;
    uint64_t seq; /* of a results shard; else 0 */
    uint32_t campaign_id;
    uint8_t qos;
    bool retain;
};

struct store_image {
    uint8_t digest[STORE_DIGEST_BYTES]; /* see store_digest() */
    const uint8_t *bytes;
    size_t len;
    const char *signatures; /* minisign files, one after the other */
};

/* What a campaign was made from; decoded again at each start. */
struct store_source {
    uint32_t campaign_id;
    const char *name;
    const char *fleet;
    const char *yaml;
    const char *signatures;
    const char *
        deltas; /* JSON array, NULL: none; a delta is kept as an image, by its digest in hex */
    uint8_t image_digest[STORE_DIGEST_BYTES];
    uint8_t spec_digest[STORE_DIGEST_BYTES];
};

/* Where a device of the inventory is from; those of no file are kept until dropped. */
enum store_origin {
    STORE_FROM_FILE = 0,
    STORE_FROM_IMPORT = 1,
    STORE_FROM_SERVER = 2, /* all of it, or what its file leaves open */
};

/* A device as the inventory knows it. Keys are NULL where there are none. */
struct store_inventory {
    uint64_t dev_eui;
    const char *fleet;
    const char *name;    /* "" if none */
    const char *profile; /* "" for the fleet's default */
    const char *labels;  /* JSON object */
    uint8_t lorawan_minor;
    enum store_origin origin;
    bool
        keeps_gen_app_key; /* that of its row, if it is of the same fleet; written only, */
    bool keeps_app_key;    /* as this */
    bool has_gen_app_key;  /* read back only, as the next */
    bool has_app_key;
    const uint8_t *gen_app_key; /* STORE_KEY_BYTES each; not read back with the row: */
    const uint8_t *app_key;     /* ask with store_query_device_key() */
};

/* What a webhook is still to be told. */
struct store_webhook {
    uint64_t id; /* given by the caller */
    struct utc created;
    const char *campaign; /* its name, for people */
    const char *url;
    const char *payload; /* JSON */
};

/* Something that somebody did. The store gives number, previous and hash of the record
 * (crypto/audit.h) as it commits; texts "" where there is none. */
struct store_audit {
    uint64_t id; /* from 1 on, without gaps */
    struct utc at;
    const char *actor;
    const char *action;
    const char *object;
    const char *reason;
    const char *detail;
    uint8_t previous[STORE_DIGEST_BYTES];
    uint8_t hash[STORE_DIGEST_BYTES];
};

void store_batch_record(struct store_batch *batch, enum store_kind kind,
                        const void *record);
/* Every STORE of the list; others are passed over. */
void store_batch_effects(struct store_batch *batch, const struct effects *effects);

void store_batch_outbox(struct store_batch *batch, const struct store_outbox *row);
void store_batch_outbox_drop(struct store_batch *batch, uint64_t up_to_id);

/* Delete retained messages that a later one of the same topic replaces: while the status
 * broker is away the rest is as much as there are topics and results. */
void store_batch_outbox_prune(struct store_batch *batch);

void store_batch_image(struct store_batch *batch, const struct store_image *image);
void store_batch_source(struct store_batch *batch, const struct store_source *source);

/* Seal a McKey now, and forget one for good. */
void store_batch_mc_key(struct store_batch *batch, const struct store *store,
                        uint32_t transmission_id, uint32_t mc_addr,
                        const uint8_t key[static STORE_KEY_BYTES]);
void store_batch_mc_key_drop(struct store_batch *batch, uint32_t transmission_id);

/* Replaces the device's row, its keys included. */
void store_batch_inventory(struct store_batch *batch, const struct store *store,
                           const struct store_inventory *device);
void store_batch_inventory_drop(struct store_batch *batch, uint64_t dev_eui);

/* Set a named counter. A batch that would lower one fails as a whole with FUO_ERANGE. */
void store_batch_counter(struct store_batch *batch, const char *name, uint64_t value);

/* Delete charges before that time: they have left the sliding hour. */
void store_batch_charges_prune(struct store_batch *batch, struct utc before);

void store_batch_webhook(struct store_batch *batch, const struct store_webhook *webhook);
void store_batch_webhook_drop(struct store_batch *batch, uint64_t id);

/* Adds to the audit log; id, previous and hash are ignored. */
void store_batch_audit(struct store_batch *batch, const struct store_audit *record);

/* Writes something: whether a disk that was full has room again. An empty batch does not. */
void store_batch_probe(struct store_batch *batch);

/* Delete a campaign, all that belongs to it, and its image if nobody else needs it; its
 * devices' history stays, and so do McKeys that are kept (STORE_GROUP). */
void store_batch_campaign_drop(struct store_batch *batch, uint32_t campaign_id);

/* All of `more` behind what is there; more is empty then. For rows that another thread has
 * gathered; it may only have used the sealing key. */
void store_batch_append(struct store_batch *batch, struct store_batch *more);

/* Frees; accepts a zeroed one and leaves it zeroed. */
void store_batch_finish(struct store_batch *batch);

/*
 * Hand the batch to the disk; it is empty afterwards, whatever comes back. FUO_OK: exactly
 * one STORE_DONE_BATCH follows, for an empty one too. FUO_EAGAIN: one is out already;
 * then the batch is untouched. Else the error of the appending, and nothing follows.
 */
FUO_MUST_CHECK int store_submit(struct store *store, struct store_batch *batch);

/* ---- reading at run time ---- */

enum store_done_type {
    STORE_DONE_BATCH = 1,
    STORE_DONE_HISTORY,
    STORE_DONE_OUTBOX,
    STORE_DONE_DEVICE_KEY,
    STORE_DONE_AUDIT,
    STORE_DONE_PROGRESS,
    STORE_DONE_AIRTIME,
    STORE_DONE_SOURCE,
};

/* What a part of the history says of a device in a campaign; 0: nothing. */
struct store_progress {
    uint64_t dev_eui;
    struct utc since;      /* the first row */
    struct utc downloaded; /* the first with the whole image */
    struct utc ended;      /* the first with an outcome */
};

/* What a gateway sent in a clock hour, all campaigns together. */
struct store_airtime {
    int64_t hour; /* since 1970, UTC */
    uint64_t gateway;
    uint32_t frequency_hz;
    int64_t airtime_us;
};

/* An answer. Owned by the caller until store_done_finish(). */
struct store_done {
    enum store_done_type type;
    int err;
    struct detail detail; /* when err is set */
    uint64_t tag;         /* of the query */
    union {
        struct {
            uint64_t outbox_first; /* ids given in this batch; 0: none */
            uint64_t outbox_last;
        } batch;
        struct {
            uint64_t dev_eui;
            const struct history_rec *rows; /* oldest first */
            size_t count;
        } history;
        struct {
            const struct store_outbox *rows; /* ascending ids */
            size_t count;
        } outbox;
        struct {
            const struct store_audit *rows; /* ascending ids */
            size_t count;
            uint64_t total; /* of records ever written: the newest has this id */
        } audit;
        struct {
            uint64_t dev_eui;
            uint8_t lorawan_minor;
            bool has_gen_app_key;
            bool has_app_key;
            uint8_t gen_app_key[STORE_KEY_BYTES]; /* wiped by store_done_finish() */
            uint8_t app_key[STORE_KEY_BYTES];
        } device_key;
        struct {
            const struct store_progress *rows; /* by DevEUI; one per device and part */
            size_t count;
            uint64_t next_id; /* of the history, to go on after; 0: that was the last */
        } progress;
        struct {
            const struct store_airtime *rows; /* by hour, gateway, frequency */
            size_t count;
            bool more;
        } airtime;
        struct {
            const char *yaml;
            const char *signatures; /* JSON array */
            uint8_t image_digest[STORE_DIGEST_BYTES];
            size_t image_len;
            const uint8_t *bytes; /* of the image, from the offset of the query on */
            size_t len;
        } source;
    };
    void *memory; /* of the rows */
};

/*
 * The queries. tag comes back with the answer. FUO_EAGAIN when STORE_QUERIES_MAX are out;
 * else exactly one answer follows, with FUO_ENOENT if there is no such device (key).
 */

/* The newest rows of a device, at most STORE_PAGE_MAX. */
FUO_MUST_CHECK int store_query_history(struct store *store, uint64_t tag,
                                       uint64_t dev_eui, size_t max_rows);
/* Outbox rows with an id above after_id, at most STORE_PAGE_MAX. */
FUO_MUST_CHECK int store_query_outbox(struct store *store, uint64_t tag,
                                      uint64_t after_id, size_t max_rows);
/* Audit records with an id above after_id, at most STORE_PAGE_MAX. */
FUO_MUST_CHECK int store_query_audit(struct store *store, uint64_t tag, uint64_t after_id,
                                     size_t max_rows);
/* A device's root keys, unsealed. */
FUO_MUST_CHECK int store_query_device_key(struct store *store, uint64_t tag,
                                          uint64_t dev_eui);

/* How far the devices of a campaign came, from the STORE_PROGRESS_SPAN rows of history after
 * after_id, whatever campaign they belong to. */
FUO_MUST_CHECK int store_query_progress(struct store *store, uint64_t tag,
                                        uint32_t campaign_id, uint64_t after_id);
/* Airtime after that row (its airtime does not matter) up to that hour, at most
 * STORE_PAGE_MAX rows. What is older than a hundred days is forgotten. */
FUO_MUST_CHECK int store_query_airtime(struct store *store, uint64_t tag,
                                       const struct store_airtime *after,
                                       int64_t last_hour);

/* What a campaign was made from, with so many bytes of its image from offset on: fewer at its
 * end, none behind it. FUO_ENOENT: no such campaign. */
FUO_MUST_CHECK int store_query_source(struct store *store, uint64_t tag,
                                      uint32_t campaign_id, size_t offset,
                                      size_t max_bytes);

/* The next answer, in order; false if there is none. Nothing in *done on false. */
bool store_poll(struct store *store, struct store_done *done);

/* Answers that are due: of the batch and the queries that were not polled yet. */
size_t store_due(const struct store *store);

/* Block until all that is due can be polled; for callers without a loop. */
void store_wait(struct store *store);

void store_done_finish(struct store_done *done);

/* ---- reading at start-up; the caller waits ---- */

/*
 * Each row is handed to a callback, borrowed for the call; what it returns but FUO_OK ends
 * the loading and is returned. Callbacks run on the store's thread while the caller waits:
 * they must not call the store.
 */
typedef int store_record_fn(void *arg, const void *record);
typedef int store_source_fn(void *arg, const struct store_source *source);
typedef int store_inventory_fn(void *arg, const struct store_inventory *device);
typedef int store_counter_fn(void *arg, const char *name, uint64_t value);
typedef int store_webhook_fn(void *arg, const struct store_webhook *webhook);

/* All records of a kind but STORE_HISTORY: campaigns, transmissions by id; lanes by
 * transmission and number; members by campaign; charges by time; groups by slot; reports by device. */
FUO_MUST_CHECK int store_load_records(struct store *store, enum store_kind kind,
                                      store_record_fn *fn, void *arg,
                                      struct detail *detail);
FUO_MUST_CHECK int store_load_sources(struct store *store, store_source_fn *fn, void *arg,
                                      struct detail *detail);
/* NULL fleet: of all fleets. */
FUO_MUST_CHECK int store_load_inventory(struct store *store, const char *fleet,
                                        store_inventory_fn *fn, void *arg,
                                        struct detail *detail);
/* Ascending ids. */
FUO_MUST_CHECK int store_load_webhooks(struct store *store, store_webhook_fn *fn,
                                       void *arg, struct detail *detail);
/* Counters whose name begins with prefix. */
FUO_MUST_CHECK int store_load_counters(struct store *store, const char *prefix,
                                       store_counter_fn *fn, void *arg,
                                       struct detail *detail);

/*
 * The image and its signatures, freshly allocated; the caller frees both with free().
 * FUO_ENOENT: no such image. FUO_EAUTH: its bytes do not have that digest any more.
 * signatures may be NULL.
 */
FUO_MUST_CHECK int store_load_image(struct store *store,
                                    const uint8_t digest[static STORE_DIGEST_BYTES],
                                    uint8_t **bytes, size_t *len, char **signatures,
                                    struct detail *detail);

/* The keys that a device of the inventory may have. */
enum store_device_key {
    STORE_APP_KEY,
    STORE_GEN_APP_KEY,
    STORE_DEVICE_KEYS,
};

/*
 * That key of each device of a fleet that has it, as it is stored: for who needs keys
 * without waiting for the disk. An error of fn ends it, and is returned.
 */
struct store_sealed_key {
    uint64_t dev_eui;
    uint8_t sealed[STORE_SEALED_BYTES];
};
typedef int store_sealed_key_fn(void *arg, const struct store_sealed_key *key);
FUO_MUST_CHECK int store_load_device_keys(struct store *store, const char *fleet,
                                          enum store_device_key which,
                                          store_sealed_key_fn *fn, void *arg,
                                          struct detail *detail);
/* No disk is looked at by these three; any thread. Wipe plain. FUO_EAUTH: tampered with. */
FUO_MUST_CHECK int store_open_device_key(const struct store *store,
                                         enum store_device_key which,
                                         const struct store_sealed_key *key,
                                         uint8_t plain[static STORE_KEY_BYTES]);
/* *key has dev_eui. */
void store_seal_device_key(const struct store *store, enum store_device_key which,
                           const uint8_t plain[static STORE_KEY_BYTES],
                           struct store_sealed_key *key);
/* The same bytes for the same text and sealing key; nobody without the key can guess them.
 * FUO_ERANGE: the text is too long. */
FUO_MUST_CHECK int store_derive(const struct store *store, const char *text,
                                uint8_t bytes[static STORE_KEY_BYTES]);

/* The live McKey of a transmission, into locked memory. FUO_ENOENT: there is none. */
FUO_MUST_CHECK int store_load_mc_key(struct store *store, uint32_t transmission_id,
                                     uint32_t *mc_addr, struct secret *key,
                                     struct detail *detail);

/* Add one to a counter, commit, return the new value: for ids and boot numbers. */
FUO_MUST_CHECK int store_counter_next(struct store *store, const char *name,
                                      uint64_t *value, struct detail *detail);

/* The number of a fleet, given at first sight and for good. */
FUO_MUST_CHECK int store_fleet_id(struct store *store, const char *name, uint32_t *id,
                                  struct detail *detail);

/* BLAKE2b-256. */
void store_digest(const uint8_t *bytes, size_t len,
                  uint8_t digest[static STORE_DIGEST_BYTES]);

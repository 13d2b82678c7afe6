/* SPDX-License-Identifier: MIT */
/* audit: who did what, and whether the chain of hashes is whole. */
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/audit.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/remote.h"
#include "fuotactl/render.h"
#include "io/rfc3339.h"

struct listing {
    const struct cli *cli;
    const char *object; /* NULL: of all */
    bool verify;
    struct json_object *rows; /* for a table */
    struct audit_chain chain;
    int64_t last; /* id of the last record that came */
    int64_t count;
};

static const char *text_of(struct json_object *record, const char *key)
{
    const char *text = ctl_text(record, key);
    return text != NULL ? text : "";
}

static bool hash_of(struct json_object *record, const char *key,
                    uint8_t hash[static AUDIT_HASH_BYTES])
{
    const char *text = text_of(record, key);
    return hex_decode(text, strlen(text), hash, AUDIT_HASH_BYTES) == FUO_OK;
}

static const char *fault_text(enum audit_fault fault)
{
    switch (fault) {
    case AUDIT_FITS:
        break;
    case AUDIT_GAP:
        return "records are missing before it, or were moved";
    case AUDIT_BROKEN:
        return "it does not follow from the record before it: one of them was changed";
    case AUDIT_CHANGED:
        return "it is not what was written";
    }
    return "";
}

static int check(struct listing *listing, struct json_object *json)
{
    uint8_t hash[AUDIT_HASH_BYTES];
    struct utc at = {0};
    const char *time = text_of(json, "time");
    struct audit_record record = {
        .number = (uint64_t)ctl_int(json, "id", 0),
        .actor = text_of(json, "actor"),
        .action = text_of(json, "action"),
        .object = text_of(json, "object"),
        .reason = text_of(json, "reason"),
        .detail = text_of(json, "detail"),
    };
    enum audit_fault fault = AUDIT_CHANGED;
    if (rfc3339_parse(time, strlen(time), &at) == FUO_OK &&
        hash_of(json, "previous", record.previous) && hash_of(json, "hash", hash)) {
        record.time_us = at.us;
        fault = audit_follow(&listing->chain, &record, hash);
    }
    return fault == AUDIT_FITS
               ? CLI_OK
               : cli_fail(listing->cli, CLI_UNTRUSTED, NULL,
                          "the audit log was tampered with: record %" PRIu64 ": %s",
                          record.number, fault_text(fault));
}

static void show(const struct listing *listing, struct json_object *record)
{
    if (listing->object != NULL &&
        strcmp(text_of(record, "object"), listing->object) != 0) {
        return;
    }
    if (listing->cli->json) {
        render_json(stdout, "audit", record);
    } else {
        json_object_array_add(listing->rows, json_object_get(record));
    }
}

/* *more: there are records behind this page. */
static int take_page(struct listing *listing, struct json_object *page, bool *more)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(page, "records", &list);
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    int64_t before = listing->last;
    listing->count = ctl_int(page, "count", 0);
    for (size_t i = 0; i < n; i++) {
        struct json_object *record = json_object_array_get_idx(list, i);
        int rc = listing->verify ? check(listing, record) : CLI_OK;
        if (rc != CLI_OK) {
            return rc;
        }
        listing->last = ctl_int(record, "id", listing->last);
        show(listing, record);
    }
    *more = listing->last > before && listing->last < listing->count;
    return CLI_OK;
}

static int read_pages(struct listing *listing, struct remote *remote)
{
    bool more = true;
    while (more) {
        AUTO_JSON json_object *page = NULL;
        struct json_object *params = json_object_new_object();
        json_object_object_add(params, "after", json_object_new_int64(listing->last));
        int rc = remote_call(remote, CTL_AUDIT, params, &page);
        if (rc == CLI_OK) {
            rc = take_page(listing, page, &more);
        }
        if (rc != CLI_OK) {
            return rc;
        }
    }
    return CLI_OK;
}

/* The newest may be gone: then the rest is a whole chain, too short. */
static int conclude(const struct listing *listing)
{
    char head[2 * AUDIT_HASH_BYTES + 1];
    int64_t right = (int64_t)listing->chain.number;
    if (right != listing->count) {
        return cli_fail(listing->cli, CLI_UNTRUSTED, NULL,
                        "the audit log was tampered with: %" PRId64
                        " records were written, behind %" PRId64 " they are missing",
                        listing->count, right);
    }
    hex_encode(listing->chain.hash, AUDIT_HASH_BYTES, head);
    if (!listing->cli->json) {
        cli_remark(listing->cli, "%" PRId64 " records, none changed, none missing; %s",
                   right, head);
        return CLI_OK;
    }
    AUTO_JSON json_object *object = json_object_new_object();
    json_object_object_add(object, "count", json_object_new_int64(right));
    json_object_object_add(object, "hash", json_object_new_string(head));
    render_json(stdout, "verified", object);
    return CLI_OK;
}

static int list_all(struct listing *listing)
{
    AUTO_REMOTE struct remote remote = {0};
    int rc = remote_open(listing->cli, &remote);
    if (rc == CLI_OK) {
        rc = read_pages(listing, &remote);
    }
    if (rc == CLI_OK && !listing->cli->json) {
        render_audit(stdout, listing->rows);
    }
    return rc == CLI_OK && listing->verify ? conclude(listing) : rc;
}

int cmd_audit(const struct cli *cli, const struct cli_args *args)
{
    AUTO_JSON json_object *rows = json_object_new_array();
    struct listing listing = {
        .cli = cli,
        .object = args->operand_count > 0 ? args->operands[0] : NULL,
        .verify = cli_value(args, "--verify") != NULL,
        .rows = rows,
    };
    if (sodium_init() < 0) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "libsodium does not start");
    }
    int rc = list_all(&listing);
    return rc == CLI_OK ? cmd_finish() : rc;
}

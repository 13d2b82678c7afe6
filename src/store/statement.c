/* SPDX-License-Identifier: MIT */
#include "store/statement.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "store/column.h"

static const char *const fixed[STATEMENT_COUNT] = {
    [STATEMENT_OUTBOX_PUT] =
        "INSERT INTO outbox(topic, payload, seq, campaign_id, qos, retain)"
        " VALUES(?, ?, ?, ?, ?, ?)",
    [STATEMENT_OUTBOX_DROP] = "DELETE FROM outbox WHERE id <= ?",
    [STATEMENT_OUTBOX_PRUNE] = "DELETE FROM outbox WHERE retain <> 0 AND id NOT IN"
                               " (SELECT max(id) FROM outbox WHERE retain <> 0"
                               " GROUP BY topic)",
    [STATEMENT_IMAGE_PUT] =
        "INSERT INTO image(digest, bytes, signatures) VALUES(?, ?, ?)"
        " ON CONFLICT(digest) DO UPDATE"
        " SET bytes = excluded.bytes, signatures = excluded.signatures",
    [STATEMENT_SOURCE_PUT] = "INSERT OR REPLACE INTO source(campaign_id, name, fleet, "
                             "yaml, signatures, deltas,"
                             " image_digest, spec_digest) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_MC_KEY_PUT] =
        "INSERT OR REPLACE INTO mc_key(transmission_id, mc_addr, sealed_key)"
        " VALUES(?, ?, ?)",
    [STATEMENT_MC_KEY_DROP] = "DELETE FROM mc_key WHERE transmission_id = ?",
    [STATEMENT_INVENTORY_PUT] =
        "INSERT INTO inventory(dev_eui, fleet, name, profile, labels,"
        " lorawan_minor, sealed_gen_app_key, sealed_app_key, imported)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        " ON CONFLICT(dev_eui) DO UPDATE SET fleet = excluded.fleet,"
        " name = excluded.name, profile = excluded.profile, labels = excluded.labels,"
        " lorawan_minor = excluded.lorawan_minor, imported = excluded.imported,"
        " sealed_gen_app_key = CASE WHEN ?10 AND fleet = excluded.fleet"
        " THEN sealed_gen_app_key ELSE excluded.sealed_gen_app_key END,"
        " sealed_app_key = CASE WHEN ?11 AND fleet = excluded.fleet"
        " THEN sealed_app_key ELSE excluded.sealed_app_key END",
    [STATEMENT_INVENTORY_DROP] = "DELETE FROM inventory WHERE dev_eui = ?",
    [STATEMENT_COUNTER_SET] =
        "INSERT INTO counter(name, value) VALUES(?, ?) ON CONFLICT(name) DO UPDATE"
        " SET value = excluded.value WHERE excluded.value >= value",
    [STATEMENT_CHARGES_PRUNE] = "DELETE FROM charge WHERE at < ?",
    [STATEMENT_PROBE] = "INSERT INTO counter(name, value) VALUES('probe', 1)"
                        " ON CONFLICT(name) DO UPDATE SET value = value + 1",
    [STATEMENT_WEBHOOK_PUT] =
        "INSERT INTO webhook(id, created, campaign, url, payload) VALUES(?, ?, ?, ?, ?)",
    [STATEMENT_WEBHOOK_DROP] = "DELETE FROM webhook WHERE id = ?",
    [STATEMENT_AUDIT_PUT] =
        "INSERT INTO audit(id, at, actor, action, object, reason, detail, previous, hash)"
        " SELECT next.id, ?1, ?2, ?3, ?4, ?5, ?6, next.previous,"
        " audit_hash(next.id, ?1, ?2, ?3, ?4, ?5, ?6, next.previous)"
        " FROM (SELECT"
        " coalesce((SELECT value FROM counter WHERE name = 'audit'), 0) + 1 AS id,"
        " coalesce((SELECT hash FROM audit WHERE length(hash) = 32"
        " ORDER BY id DESC LIMIT 1), zeroblob(32))"
        " AS previous) AS next",
    [STATEMENT_AUDIT_COUNT] = "INSERT INTO counter(name, value) VALUES('audit', 1)"
                              " ON CONFLICT(name) DO UPDATE SET value = value + 1",
    [STATEMENT_DROP_IMAGE] =
        "DELETE FROM image WHERE EXISTS (SELECT 1 FROM source WHERE campaign_id = ?1"
        " AND (image_digest = image.digest OR instr(deltas, lower(hex(image.digest)))))"
        " AND NOT EXISTS (SELECT 1 FROM source WHERE campaign_id <> ?1"
        " AND (image_digest = image.digest OR instr(deltas, lower(hex(image.digest)))))",
    [STATEMENT_DROP_MC_KEYS] = "DELETE FROM mc_key WHERE transmission_id IN"
                               " (SELECT id FROM transmission WHERE campaign_id = ?)"
                               " AND transmission_id NOT IN (SELECT id FROM mc_group)",
    [STATEMENT_DROP_LANES] = "DELETE FROM lane WHERE transmission_id IN"
                             " (SELECT id FROM transmission WHERE campaign_id = ?)",
    [STATEMENT_DROP_TRANSMISSIONS] = "DELETE FROM transmission WHERE campaign_id = ?",
    [STATEMENT_DROP_MEMBERS] = "DELETE FROM member WHERE campaign_id = ?",
    [STATEMENT_DROP_WAVES] = "DELETE FROM wave WHERE campaign_id = ?",
    [STATEMENT_DROP_SOURCE] = "DELETE FROM source WHERE campaign_id = ?",
    [STATEMENT_DROP_CAMPAIGN] = "DELETE FROM campaign WHERE id = ?",
};

char *statement_sql(enum statement statement)
{
    assert(statement > 0 && statement < STATEMENT_COUNT);
    if (fixed[statement] != NULL) {
        return strdup(fixed[statement]);
    }
    return table_upsert_sql(table_of((enum store_kind)statement));
}

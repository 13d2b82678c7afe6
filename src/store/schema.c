/* SPDX-License-Identifier: MIT */
#include "store/schema.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "store/db.h"

/* Columns that hold sealed blobs begin with sealed_. DevEUIs and gateway ids are 64-bit
 * integers: SELECT printf('%016x', dev_eui). Times are Unix microseconds. */
static const char step_1_records[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE fleet(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE campaign(id INTEGER PRIMARY KEY, phase INTEGER NOT NULL,"
    " name TEXT NOT NULL, reason TEXT NOT NULL, created INTEGER NOT NULL,"
    " started INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " next_firmware INTEGER NOT NULL, next_known INTEGER NOT NULL,"
    " fragments_sent INTEGER NOT NULL, fragments_uncoded INTEGER NOT NULL,"
    " airtime_us INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;"
    "CREATE TABLE member(campaign_id INTEGER NOT NULL,"
    " transmission_id INTEGER NOT NULL, dev_eui INTEGER NOT NULL,"
    " phase INTEGER NOT NULL, state INTEGER NOT NULL, result INTEGER NOT NULL,"
    " source INTEGER NOT NULL, outcome INTEGER NOT NULL, reason INTEGER NOT NULL,"
    " command_id INTEGER NOT NULL, command_at INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, command_sent INTEGER NOT NULL,"
    " tries INTEGER NOT NULL, transmissions INTEGER NOT NULL,"
    " missing INTEGER NOT NULL, received INTEGER NOT NULL,"
    " session_count INTEGER NOT NULL, session_no INTEGER NOT NULL,"
    " version_before INTEGER NOT NULL, version_before_known INTEGER NOT NULL,"
    " version_after INTEGER NOT NULL, version_after_known INTEGER NOT NULL,"
    " phase_since INTEGER NOT NULL, reboot_at INTEGER NOT NULL,"
    " changed INTEGER NOT NULL, PRIMARY KEY(campaign_id, dev_eui))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE transmission(id INTEGER PRIMARY KEY, campaign_id INTEGER NOT NULL,"
    " phase INTEGER NOT NULL, ts004 INTEGER NOT NULL, ts005 INTEGER NOT NULL,"
    " dr INTEGER NOT NULL, group_id INTEGER NOT NULL, frag_index INTEGER NOT NULL,"
    " block_ack_delay INTEGER NOT NULL, timeout_exp INTEGER NOT NULL,"
    " frag_size_bytes INTEGER NOT NULL, frag_count INTEGER NOT NULL,"
    " frequency_hz INTEGER NOT NULL, mc_addr INTEGER NOT NULL,"
    " group_handle TEXT NOT NULL, gateways BLOB NOT NULL,"
    " gateway_count INTEGER NOT NULL, f_cnt_base INTEGER NOT NULL,"
    " frames_handed INTEGER NOT NULL, next_n INTEGER NOT NULL,"
    " target_n INTEGER NOT NULL, pending INTEGER NOT NULL,"
    " pending_status INTEGER NOT NULL, session_no INTEGER NOT NULL,"
    " repair_rounds INTEGER NOT NULL, session_start INTEGER NOT NULL,"
    " session_end INTEGER NOT NULL, phase_since INTEGER NOT NULL) STRICT;"
    "CREATE INDEX transmission_by_campaign ON transmission(campaign_id);"
    "CREATE TABLE device(dev_eui INTEGER PRIMARY KEY, fleet_id INTEGER NOT NULL,"
    " package_version BLOB NOT NULL, package_fport BLOB NOT NULL,"
    " packages_known INTEGER NOT NULL, firmware_known INTEGER NOT NULL,"
    " firmware_version INTEGER NOT NULL, hardware_version INTEGER NOT NULL,"
    " last_uplink INTEGER NOT NULL, uplink_interval_us INTEGER NOT NULL,"
    " session_count BLOB NOT NULL, link_count INTEGER NOT NULL,"
    " link_gateway BLOB NOT NULL, link_snr_cdb BLOB NOT NULL) STRICT;";

static const char step_1_rest[] =
    "CREATE TABLE charge(id INTEGER PRIMARY KEY, gateway INTEGER NOT NULL,"
    " frequency_hz INTEGER NOT NULL, at INTEGER NOT NULL,"
    " airtime_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX charge_by_time ON charge(at);"
    "CREATE TABLE history(id INTEGER PRIMARY KEY, campaign_id INTEGER NOT NULL,"
    " dev_eui INTEGER NOT NULL, at INTEGER NOT NULL, phase INTEGER NOT NULL,"
    " state INTEGER NOT NULL, result INTEGER NOT NULL, source INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL, reason INTEGER NOT NULL) STRICT;"
    "CREATE INDEX history_by_device ON history(dev_eui);"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL,"
    " payload BLOB NOT NULL, seq INTEGER NOT NULL, campaign_id INTEGER NOT NULL,"
    " qos INTEGER NOT NULL, retain INTEGER NOT NULL) STRICT;"
    "CREATE TABLE image(digest BLOB PRIMARY KEY, bytes BLOB NOT NULL,"
    " signatures TEXT NOT NULL) STRICT;"
    "CREATE TABLE source(campaign_id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " fleet TEXT NOT NULL, yaml TEXT NOT NULL, signatures TEXT NOT NULL,"
    " image_digest BLOB NOT NULL, spec_digest BLOB NOT NULL) STRICT;"
    "CREATE INDEX source_by_image ON source(image_digest);"
    "CREATE TABLE mc_key(transmission_id INTEGER PRIMARY KEY,"
    " mc_addr INTEGER NOT NULL, sealed_key BLOB NOT NULL) STRICT;"
    "CREATE TABLE inventory(dev_eui INTEGER PRIMARY KEY, fleet TEXT NOT NULL,"
    " name TEXT NOT NULL, profile TEXT NOT NULL, labels TEXT NOT NULL,"
    " lorawan_minor INTEGER NOT NULL, sealed_gen_app_key BLOB,"
    " sealed_app_key BLOB) STRICT;"
    "CREATE INDEX inventory_by_fleet ON inventory(fleet);";

/*
 * Lanes: what was the group of a transmission is its only lane; that copies is 0 says that
 * its coded fragments go on in natural order (record.h). Links with quantiles: the
 * one SNR that was known stands for both, heard always, and worth no more than one uplink.
 */
static const char step_2_lanes[] =
    "CREATE TABLE lane(transmission_id INTEGER NOT NULL, no INTEGER NOT NULL,"
    " colour INTEGER NOT NULL, lost INTEGER NOT NULL, pending INTEGER NOT NULL,"
    " group_handle TEXT NOT NULL, gateway_count INTEGER NOT NULL,"
    " gateways BLOB NOT NULL, f_cnt_base INTEGER NOT NULL,"
    " frames_handed INTEGER NOT NULL, PRIMARY KEY(transmission_id, no))"
    " STRICT, WITHOUT ROWID;"
    "INSERT INTO lane(transmission_id, no, colour, lost, pending, group_handle,"
    " gateway_count, gateways, f_cnt_base, frames_handed)"
    " SELECT id, 0, 0, 0, pending, group_handle, gateway_count, gateways, f_cnt_base,"
    " frames_handed FROM transmission;"
    "ALTER TABLE transmission DROP COLUMN group_handle;"
    "ALTER TABLE transmission DROP COLUMN gateways;"
    "ALTER TABLE transmission DROP COLUMN gateway_count;"
    "ALTER TABLE transmission DROP COLUMN f_cnt_base;"
    "ALTER TABLE transmission ADD COLUMN lane_count INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE transmission ADD COLUMN colour_count INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE transmission ADD COLUMN copies INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE transmission ADD COLUMN interval_us INTEGER NOT NULL DEFAULT 0;";

static const char step_2_links[] =
    "ALTER TABLE device ADD COLUMN uplinks_heard INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN link_heard_ppk BLOB NOT NULL"
    " DEFAULT x'e803e803e803e803';"
    "ALTER TABLE device RENAME COLUMN link_snr_cdb TO link_snr_p50_cdb;"
    "ALTER TABLE device ADD COLUMN link_snr_p10_cdb BLOB NOT NULL"
    " DEFAULT x'0000000000000000';"
    "UPDATE device SET link_snr_p10_cdb = link_snr_p50_cdb,"
    " uplinks_heard = link_count > 0;";

static const char step_3_late[] =
    "ALTER TABLE member ADD COLUMN late INTEGER NOT NULL DEFAULT 0;";

/* What devices tell of their downlinks: 0, that they hear what is expected. Groups that are
 * kept: none yet; every transmission uses the key that was drawn for it. */
static const char step_4_status[] =
    "ALTER TABLE device ADD COLUMN down_cdb INTEGER NOT NULL DEFAULT 0;";

static const char step_4_groups[] =
    "CREATE TABLE mc_group(slot INTEGER PRIMARY KEY, id INTEGER NOT NULL,"
    " fleet_id INTEGER NOT NULL, transmission_id INTEGER NOT NULL,"
    " campaign_id INTEGER NOT NULL, mc_addr INTEGER NOT NULL, f_cnt INTEGER NOT NULL,"
    " group_id INTEGER NOT NULL, used INTEGER NOT NULL) STRICT;"
    "ALTER TABLE transmission ADD COLUMN key_id INTEGER NOT NULL DEFAULT 0;"
    "UPDATE transmission SET key_id = id;"
    "ALTER TABLE transmission ADD COLUMN f_cnt_first INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN mc_group INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN forgets_groups INTEGER NOT NULL DEFAULT 0;";

/* Quirks that are detected again. */
static const char step_5_quirks[] =
    "ALTER TABLE device ADD COLUMN quirks INTEGER NOT NULL DEFAULT 0;";

/* What people did, chained by hashes (crypto/audit.h); how many there are is the counter
 * `audit`, which shows when the newest are gone. Nothing ever deletes a row. */
static const char step_6_audit[] =
    "CREATE TABLE audit(id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " actor TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL,"
    " reason TEXT NOT NULL, detail TEXT NOT NULL, previous BLOB NOT NULL,"
    " hash BLOB NOT NULL) STRICT;";

/*
 * Airtime of each clock hour, for reports: charges themselves are pruned when they have left
 * the sliding hour. Kept up by triggers, so that no charge can be missed; a hundred days.
 */
static const char step_7_airtime[] =
    "CREATE TABLE airtime(hour INTEGER NOT NULL, gateway INTEGER NOT NULL,"
    " frequency_hz INTEGER NOT NULL, airtime_us INTEGER NOT NULL,"
    " PRIMARY KEY(hour, gateway, frequency_hz)) STRICT, WITHOUT ROWID;"
    "INSERT INTO airtime SELECT at / 3600000000, gateway, frequency_hz,"
    " sum(airtime_us) FROM charge GROUP BY 1, 2, 3;"
    "CREATE TRIGGER airtime_add AFTER INSERT ON charge BEGIN"
    " INSERT INTO airtime(hour, gateway, frequency_hz, airtime_us)"
    " VALUES(new.at / 3600000000, new.gateway, new.frequency_hz, new.airtime_us)"
    " ON CONFLICT(hour, gateway, frequency_hz) DO UPDATE"
    " SET airtime_us = airtime_us + excluded.airtime_us; END;"
    "CREATE TRIGGER airtime_forget AFTER DELETE ON charge BEGIN"
    " DELETE FROM airtime WHERE hour < old.at / 3600000000 - 2400; END;";

/* What devices report in LwM2M: none has. */
static const char step_8_reports[] =
    "CREATE TABLE report(dev_eui INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " state INTEGER NOT NULL, result INTEGER NOT NULL, package_version TEXT NOT NULL,"
    " firmware_version TEXT NOT NULL) STRICT;"
    "ALTER TABLE member ADD COLUMN reports INTEGER NOT NULL DEFAULT 0;";

/* Waves: campaigns from before have none, and run on as the one wave that they were. */
static const char step_9_waves[] =
    "CREATE TABLE wave(campaign_id INTEGER NOT NULL, no INTEGER NOT NULL,"
    " phase INTEGER NOT NULL, verdict INTEGER NOT NULL, approved INTEGER NOT NULL,"
    " waived INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " soak_until INTEGER NOT NULL, PRIMARY KEY(campaign_id, no))"
    " STRICT, WITHOUT ROWID;"
    "ALTER TABLE member ADD COLUMN wave INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN attempted INTEGER NOT NULL DEFAULT 0;";

/* Devices that go again in their campaign: none has. */
static const char step_10_retries[] =
    "ALTER TABLE member ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN outcome_before INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN reason_before INTEGER NOT NULL DEFAULT 0;";

/* Devices that are in no inventory file: none was imported. */
static const char step_11_imported[] =
    "ALTER TABLE inventory ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;";

/* Waves whose devices wait for an operator before they install: none did. */
static const char step_12_installs[] =
    "ALTER TABLE wave ADD COLUMN installs INTEGER NOT NULL DEFAULT 0;";

/* Variants of an image: campaigns from before have no deltas. */
static const char step_13_variants[] =
    "ALTER TABLE member ADD COLUMN variant INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN delta_failures INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE transmission ADD COLUMN variant INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE source ADD COLUMN deltas TEXT NOT NULL DEFAULT '[]';";

/* How full batteries are: nobody was asked. */
static const char step_14_battery[] =
    "ALTER TABLE device ADD COLUMN battery_known INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN battery_percent INTEGER NOT NULL DEFAULT 0;";

/* How long devices have listened: those of before begin at nothing. */
static const char step_15_listened[] =
    "ALTER TABLE member ADD COLUMN listened_s INTEGER NOT NULL DEFAULT 0;";

/* What may still reach a device that has left a transmission: nobody knew. */
static const char step_16_told_before[] =
    "ALTER TABLE device ADD COLUMN told_before INTEGER NOT NULL DEFAULT 0;";

/* What is to be told to webhooks: nothing was. */
static const char step_17_webhooks[] =
    "CREATE TABLE webhook(id INTEGER PRIMARY KEY, created INTEGER NOT NULL,"
    " campaign TEXT NOT NULL, url TEXT NOT NULL, payload TEXT NOT NULL) STRICT;";

/* Campaigns over several fleets: until here each had the one of its source. */
static const char step_18_fleets[] =
    "ALTER TABLE transmission ADD COLUMN fleet_id INTEGER NOT NULL DEFAULT 0;"
    "UPDATE transmission SET fleet_id = coalesce((SELECT fleet.id FROM source"
    " JOIN fleet ON fleet.name = source.fleet"
    " WHERE source.campaign_id = transmission.campaign_id), 0);";

/* How far devices were brought their images: nobody said, they begin anew. */
static const char step_19_marks[] =
    "ALTER TABLE member ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;";

static const struct schema_step steps[] = {
    {{step_1_records, step_1_rest}},
    {{step_2_lanes, step_2_links}},
    {{step_3_late}},
    {{step_4_status, step_4_groups}},
    {{step_5_quirks}},
    {{step_6_audit}},
    {{step_7_airtime}},
    {{step_8_reports}},
    {{step_9_waves}},
    {{step_10_retries}},
    {{step_11_imported}},
    {{step_12_installs}},
    {{step_13_variants}},
    {{step_14_battery}},
    {{step_15_listened}},
    {{step_16_told_before}},
    {{step_17_webhooks}},
    {{step_18_fleets}},
    {{step_19_marks}},
};

const struct schema schema_newest = {steps, sizeof(steps) / sizeof(steps[0])};

int schema_check(sqlite3 *sql, const struct schema *schema, struct detail *detail)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    int err = db_get_int(sql, "PRAGMA application_id", &application, detail);
    if (err == FUO_OK) {
        err = db_get_int(sql, "PRAGMA user_version", &version, detail);
    }
    if (err == FUO_OK) {
        err = db_get_int(sql, "SELECT count(*) FROM sqlite_schema", &tables, detail);
    }
    if (err != FUO_OK) {
        return err;
    }
    bool empty = application == 0 && version == 0 && tables == 0;
    if (!empty && (application != SCHEMA_APPLICATION_ID || version < 1)) {
        detail_set(detail, "not a database of fuotad; it is left alone");
        return FUO_EPROTO;
    }
    if (version > (int64_t)schema->count) {
        detail_set(detail,
                   "written by a newer fuotad: schema %" PRId64
                   ", this one knows up to %zu; it is left alone",
                   version, schema->count);
        return FUO_ENOTSUP;
    }
    return FUO_OK;
}

static int run_step(sqlite3 *sql, const struct schema *schema, size_t i,
                    struct detail *detail)
{
    char stamp[128];
    (void)snprintf(stamp, sizeof(stamp),
                   "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT",
                   SCHEMA_APPLICATION_ID, i + 1);
    int err = db_exec(sql, "BEGIN IMMEDIATE", detail);
    for (size_t k = 0; err == FUO_OK && k < SCHEMA_STEP_PARTS; k++) {
        const char *part = schema->steps[i].parts[k];
        err = part == NULL ? FUO_OK : db_exec(sql, part, detail);
    }
    if (err == FUO_OK) {
        err = db_exec(sql, stamp, detail);
    }
    if (err != FUO_OK) {
        db_rollback(sql);
    }
    return err;
}

int schema_migrate(sqlite3 *sql, const struct schema *schema, struct detail *detail)
{
    int64_t version = 0;
    int err = db_get_int(sql, "PRAGMA user_version", &version, detail);
    for (size_t i = (size_t)version; err == FUO_OK && i < schema->count; i++) {
        err = run_step(sql, schema, i, detail);
    }
    return err;
}

/* SPDX-License-Identifier: MIT */
#include "engine/reported.h"

#include "engine/agree.h"
#include "engine/answer.h"
#include "engine/campaign.h"
#include "engine/deliver.h"
#include "engine/install.h"
#include "engine/member.h"
#include "engine/precondition.h"
#include "engine/uplink.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "codec/lwm2m_tlv.h"

#define STORE_EVERY_US HOURS_US(1) /* of what says nothing new */

/* Of /5/0 and /3/0. */
enum {
    RES_STATE = 3, /* and the firmware version */
    RES_RESULT = 5,
    RES_PACKAGE_VERSION = 7,
    RES_BATTERY = 9, /* and of /5/0 the delivery method */
    BATTERY_MAX = 100,
};

/* ---- State and Update Result of a member ---- */

static struct fw_view view_of(const struct member *m)
{
    return (struct fw_view){
        .status = {m->rec.state, m->rec.result},
        .source = m->rec.source,
        .begun = m->rec.reports,
        .waiting = m->waits_for_result,
    };
}

static void put_view(struct member *m, const struct fw_view *view)
{
    struct campaign *c = m->campaign;
    c->counts.by_state[m->rec.state]--;
    c->counts.by_state[view->status.state]++;
    m->rec.state = view->status.state;
    m->rec.result = view->status.result;
    m->rec.source = view->source;
    m->rec.reports = view->begun;
    m->waits_for_result = view->waiting;
}

void reported_tell(struct engine *e, const struct member *m, const char *what)
{
    static const char before[] = "device ";
    char text[128] = "device ";
    uint8_t eui[8];
    for (size_t i = 0; i < sizeof(eui); i++) {
        eui[i] = (uint8_t)(m->rec.dev_eui >> (56 - 8 * i));
    }
    size_t len = sizeof(before) - 1 + 2 * sizeof(eui);
    hex_encode(eui, sizeof(eui), text + sizeof(before) - 1);
    for (size_t i = 0; what[i] != '\0' && len < sizeof(text) - 1; i++) {
        text[len++] = what[i];
    }
    text[len] = '\0';
    campaign_alert(e, m->campaign, text);
}

static void tell_conflict(struct engine *e, const struct member *m)
{
    reported_tell(e, m, " reports another State or Update Result than its answers say");
}

bool reported_infer(struct engine *e, struct member *m, enum fw_evidence seen)
{
    struct fw_view view = view_of(m);
    switch (fw_infer(&view, seen)) {
    case FW_TAKEN:
    case FW_TAKEN_AGAINST:
        put_view(m, &view);
        return true;
    case FW_KEPT_AGAINST:
        tell_conflict(e, m);
        break;
    case FW_SAME:
    case FW_KEPT:
    case FW_WAITING:
    case FW_IMPOSSIBLE:
        break;
    }
    return false;
}

void member_seen(struct engine *e, struct member *m, enum fw_evidence seen)
{
    if (reported_infer(e, m, seen)) {
        member_fw_changed(e, m);
    }
}

/* ---- what a device reports ---- */

/* Its campaign, or else the last one that it was in. */
static struct member *member_of(const struct engine *e, const struct device *d)
{
    struct member *m = d->active;
    for (size_t i = e->campaign_count; m == NULL && i > 0; i--) {
        m = campaign_find_member(e->campaigns[i - 1], d->rec.dev_eui);
    }
    return m;
}

static struct report_rec *record_of(struct device *d)
{
    if (d->report == NULL) {
        d->report = engine_zeroed(1, sizeof(*d->report));
        d->report->dev_eui = d->rec.dev_eui;
        d->report->state = RECORD_NEVER;
        d->report->result = RECORD_NEVER;
    }
    return d->report;
}

static bool note_number(uint8_t *number, bool given, uint8_t value)
{
    bool changed = given && *number != value;
    *number = given ? value : *number;
    return changed;
}

bool reported_is_same(const char *a, const char *b)
{
    size_t i = 0;
    while (i < RECORD_REPORT_SIZE && a[i] == b[i] && a[i] != '\0') {
        i++;
    }
    return i == RECORD_REPORT_SIZE || a[i] == b[i];
}

static bool note_text(char text[RECORD_REPORT_SIZE], const char *given)
{
    if (given[0] == '\0' || reported_is_same(text, given)) {
        return false;
    }
    memcpy(text, given, RECORD_REPORT_SIZE);
    text[RECORD_REPORT_SIZE - 1] = '\0';
    return true;
}

static void note(struct engine *e, struct device *d, const struct engine_report *report)
{
    struct report_rec *rec = record_of(d);
    bool changed = note_number(&rec->state, report->fw.has_state, report->fw.state);
    changed |= note_number(&rec->result, report->fw.has_result, report->fw.result);
    changed |= note_text(rec->package_version, report->package_version);
    changed |= note_text(rec->firmware_version, report->firmware_version);
    if (!changed && !utc_reached(utc_after(rec->at, STORE_EVERY_US), e->utc)) {
        return;
    }
    rec->at = e->utc;
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_REPORT;
    effect->store.report = *rec;
}

/* What was enough at the start may not be any more. */
static bool is_low(const struct member *m)
{
    return precondition_battery_is_low(&m->campaign->def.spec->targets.preconditions,
                                       &m->device->rec);
}

static void note_battery(struct engine *e, struct device *d,
                         const struct engine_report *report)
{
    const struct member *m = d->active;
    bool was_low = m != NULL && is_low(m);
    if (!report->has_battery ||
        (d->rec.battery_known && d->rec.battery_percent == report->battery_percent)) {
        return;
    }
    d->rec.battery_known = true;
    d->rec.battery_percent = report->battery_percent;
    device_store(e, d);
    if (m != NULL && !was_low && is_low(m)) {
        reported_tell(e, m, " says that its battery is below preconditions.battery");
    }
}

/* It saw the update of this attempt fail. */
static void take_failure(struct engine *e, struct member *m)
{
    enum fw_result result = m->rec.result;
    bool again = result == FW_RESULT_NO_FLASH || result == FW_RESULT_NO_RAM ||
                 result == FW_RESULT_CONNECTION_LOST || result == FW_RESULT_INTEGRITY;
    if (m->campaign->rec.phase == CAMPAIGN_ABORTING) {
        return; /* that sees to its own end */
    }
    if (m->rec.command_id != 0) {
        member_flush_queue(e, m);
    }
    if (again && m->transmission != NULL) {
        member_leave(e, m, OUTCOME_FAILED, REASON_REPORTED, FW_SEEN_OLD_RUNS);
    } else {
        member_end(e, m, OUTCOME_FAILED, REASON_REPORTED, FW_SEEN_OLD_RUNS);
    }
}

/* All was sent, and it says that it has it: it is asked for its image. */
static bool may_have_block(const struct member *m)
{
    const struct transmission *t = m->transmission;
    return (m->rec.phase == MEMBER_LISTENING || m->rec.phase == MEMBER_STATUS) &&
           t != NULL && t->rec.next_n > t->rec.frag_count;
}

/* State, Result or both are new. */
static void act(struct engine *e, struct member *m)
{
    struct fw_status status = {m->rec.state, m->rec.result};
    if (m->rec.outcome != OUTCOME_NONE || !m->rec.reports || deliver_is_way(m)) {
        return;
    }
    if (fw_has_failed(&status) && m->rec.phase >= MEMBER_LISTENING) {
        take_failure(e, m);
    } else if (status.state == FW_DOWNLOADED && may_have_block(m)) {
        member_take_block(e, m, m->rec.missing, true);
    } else if (status.state == FW_IDLE && m->rec.phase == MEMBER_VERIFY &&
               m->rec.command_id == 0) {
        member_send(e, m); /* it is back: what runs? */
    }
}

static void take_status(struct engine *e, struct member *m,
                        const struct fw_report *report)
{
    struct fw_view view = view_of(m);
    enum fw_verdict verdict = fw_take_report(&view, report);
    switch (verdict) {
    case FW_TAKEN:
    case FW_TAKEN_AGAINST:
        put_view(m, &view);
        member_fw_changed(e, m);
        if (verdict == FW_TAKEN_AGAINST) {
            tell_conflict(e, m);
        }
        act(e, m);
        return;
    case FW_IMPOSSIBLE:
        reported_tell(e, m, " reports a State and an Update Result that cannot be");
        return;
    case FW_WAITING:
    case FW_SAME:
        m->waits_for_result = view.waiting;
        return;
    case FW_KEPT:
    case FW_KEPT_AGAINST:
        return; /* what is reported is taken */
    }
}

/* The campaign's version, and another one before. */
static bool is_proof(const struct member *m, const char *before, const char *now)
{
    const struct campaign_spec *spec = m->campaign->def.spec;
    return m->rec.outcome == OUTCOME_NONE && member_may_be_updated(m) &&
           precondition_is_target(spec, now) && !precondition_is_target(spec, before);
}

/* A text tells that it runs something else by now than DevVersionAns said. */
static void correct_version(struct engine *e, struct device *d, struct member *m,
                            bool proof)
{
    uint32_t target;
    bool known = proof && agree_target(m, &target);
    d->rec.firmware_known = known && d->rec.firmware_known;
    if (known) {
        d->rec.firmware_version = target;
        m->rec.version_after = target;
        m->rec.version_after_known = true;
    }
    device_store(e, d);
}

static void take_running(struct engine *e, struct device *d, struct member *m,
                         const char *before, const char *now)
{
    bool proof = m != NULL && !deliver_is_way(m) && is_proof(m, before, now);
    bool changed = before[0] != '\0' && now[0] != '\0' && !reported_is_same(before, now);
    if (proof || (changed && d->rec.firmware_known)) {
        correct_version(e, d, m, proof);
    }
    if (proof) {
        member_verified(e, m);
    } else if (m != NULL && now[0] != '\0' && m->rec.outcome == OUTCOME_NONE &&
               !precondition_is_target(m->campaign->def.spec, now)) {
        install_take_other(e, m);
    }
}

void reported_take(struct engine *e, const struct engine_report *report)
{
    struct device *d = engine_find_device(e, report->dev_eui);
    struct member *m = d != NULL ? member_of(e, d) : NULL;
    char before[RECORD_REPORT_SIZE] = "";
    if (d == NULL) {
        return;
    }
    if (d->report != NULL) {
        memcpy(before, d->report->firmware_version, sizeof(before));
    }
    if (d->fleet->def.delivers) {
        d->rec.last_uplink = e->utc;
    }
    note(e, d, report);
    note_battery(e, d, report);
    if (m == NULL) {
        take_running(e, d, NULL, before, report->firmware_version);
        return;
    }
    if (report->fw.has_state || report->fw.has_result) {
        take_status(e, m, &report->fw);
    }
    take_running(e, d, m, before, report->firmware_version);
    if (m == d->active && deliver_is_way(m)) {
        deliver_take_report(e, m, report);
    }
}

/* ---- uplinks ---- */

static void read_text(const struct lwm2m_tlv_value *value, char text[RECORD_REPORT_SIZE])
{
    size_t len =
        value->len < RECORD_REPORT_SIZE ? value->len : (size_t)RECORD_REPORT_SIZE - 1;
    memcpy(text, value->bytes, len);
    text[len] = '\0';
}

/* Numbers that are none of the object are kept, as the largest: they are told, not lost. */
static bool read_number(const struct lwm2m_tlv_value *value, uint8_t *number)
{
    int64_t given;
    if (lwm2m_tlv_int(value, &given) != FUO_OK) {
        return false;
    }
    *number = given >= 0 && given < RECORD_NEVER ? (uint8_t)given : RECORD_NEVER;
    return true;
}

/* TLV does not say whether it is of /5/0 or /3/0: a version is text, a State is none. */
static void read_battery(struct engine_report *report,
                         const struct lwm2m_tlv_value *value)
{
    uint8_t percent;
    if (read_number(value, &percent) && percent <= BATTERY_MAX) {
        report->has_battery = true;
        report->battery_percent = percent;
    }
}

static void read_value(struct engine_report *report, const struct lwm2m_tlv_value *value)
{
    bool text = lwm2m_tlv_is_text(value);
    if (value->index != LWM2M_TLV_NONE) {
        return;
    }
    if (value->resource == RES_STATE && text) {
        read_text(value, report->firmware_version);
    } else if (value->resource == RES_STATE) {
        report->fw.has_state |= read_number(value, &report->fw.state);
    } else if (value->resource == RES_RESULT) {
        report->fw.has_result |= read_number(value, &report->fw.result);
    } else if (value->resource == RES_PACKAGE_VERSION && text) {
        read_text(value, report->package_version);
    } else if (value->resource == RES_BATTERY) {
        read_battery(report, value);
    }
}

void report_take_uplink(struct engine *e, const struct device *d, const uint8_t *payload,
                        size_t len)
{
    struct engine_report report = {.dev_eui = d->rec.dev_eui};
    struct lwm2m_tlv tlv = lwm2m_tlv_init(payload, len);
    struct lwm2m_tlv_value value;
    while (lwm2m_tlv_next(&tlv, &value)) {
        read_value(&report, &value);
    }
    /* With anything of /5/0 beside it, 9 is the delivery method. */
    report.has_battery &= !report.fw.has_state && !report.fw.has_result &&
                          report.package_version[0] == '\0';
    if (lwm2m_tlv_end(&tlv) == FUO_OK) { /* half a message is none */
        reported_take(e, &report);
    }
}

/* ---- looking in, restore ---- */

int engine_restore_report(struct engine *engine, const struct report_rec *rec)
{
    struct device *d = engine_find_device(engine, rec->dev_eui);
    if (d == NULL) {
        return FUO_ENOENT;
    }
    *record_of(d) = *rec;
    return FUO_OK;
}

const struct report_rec *engine_report(const struct engine *engine, uint64_t dev_eui)
{
    const struct device *d = engine_find_device(engine, dev_eui);
    return d != NULL ? d->report : NULL;
}

uint32_t engine_progress_ppm(const struct engine *engine, const struct member_rec *member)
{
    const struct transmission *t =
        engine_find_transmission(engine, member->transmission_id);
    const struct device *d = engine_find_device(engine, member->dev_eui);
    if (member->state >= FW_DOWNLOADED || member->outcome == OUTCOME_SUCCEEDED) {
        return SPEC_PPM;
    }
    if (d != NULL && d->fleet->def.delivers) {
        const struct campaign *c = engine_find_campaign(engine, member->campaign_id);
        const struct member *m =
            c != NULL ? campaign_find_member(c, member->dev_eui) : NULL;
        return m != NULL ? m->had_ppm : 0;
    }
    if (t == NULL || t->rec.frag_count == 0) {
        return 0;
    }
    uint32_t missing = member->missing; /* UINT16_MAX: it never said */
    uint32_t have = missing < t->rec.frag_count ? t->rec.frag_count - missing : 0u;
    return (uint32_t)((uint64_t)have * SPEC_PPM / t->rec.frag_count);
}

/* SPDX-License-Identifier: MIT */
#include "engine/deliver.h"

#include "engine/admit.h"
#include "engine/answer.h"
#include "engine/campaign.h"
#include "engine/install.h"
#include "engine/member.h"
#include "engine/precondition.h"
#include "engine/reported.h"
#include "engine/session.h"
#include "engine/uplink.h"
#include "engine/variant.h"

/* Notifications are best effort: so often it is read without one. */
#define POLL_US  MINUTES_US(10)
#define PROVE_US MINUTES_US(2)
#define RETRY_US MINUTES_US(1)

enum {
    LOOKS_MAX = 3, /* readings of the old version before it is believed */
    INSTALLS_MAX = 2,
};

bool deliver_is_way(const struct member *m)
{
    return m->device->fleet->def.delivers;
}

static bool runs_target(const struct member *m, const struct engine_report *report)
{
    return reported_is_same(report->firmware_version,
                            m->campaign->def.spec->image.version);
}

/* ---- orders ---- */

static enum effect_order order_of(const struct member *m)
{
    switch (m->rec.phase) {
    case MEMBER_LISTENING:
        return m->taken ? ORDER_READ : ORDER_DELIVER;
    case MEMBER_UPGRADE:
        return ORDER_INSTALL;
    case MEMBER_UNDO_IMAGE:
        return ORDER_CANCEL;
    default: /* VERSION and VERIFY; no other phase is on this way */
        return ORDER_READ;
    }
}

/* Something moves, or it cannot: the time that it has begins now. */
static void count_anew(const struct engine *e, struct member *m)
{
    m->rec.phase_since = e->utc;
}

/* Images are brought in windows; who has begun ends. */
static bool is_open(struct engine *e, const struct member *m)
{
    const struct campaign *c = m->campaign;
    if (utc_reached(dates_open_until(c, e->utc), e->utc)) {
        struct utc again = engine_in(e, POLL_US);
        for (size_t i = 0; i < c->span_count; i++) {
            struct utc start = c->spans[i].start;
            again = start.us > e->utc.us ? utc_min(again, start) : again;
        }
        engine_wake(e, m->slot, again);
        return false;
    }
    return true;
}

/* Whether it is time; else its timer is set. */
static bool is_due(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_LISTENING && !m->taken) {
        bool open = is_open(e, m);
        if (!open) {
            count_anew(e, m); /* a week may lie between two windows */
        }
        return open;
    }
    if (m->rec.phase == MEMBER_UPGRADE && !utc_reached(m->rec.reboot_at, e->utc)) {
        engine_wake(e, m->slot, m->rec.reboot_at);
        return false;
    }
    return true;
}

void deliver_send(struct engine *e, struct member *m)
{
    if (m->rec.command_id != 0 || !is_due(e, m)) {
        return;
    }
    m->rec.command_id = admit_command_id(e);
    m->rec.command_at = e->utc;
    m->rec.expires = UTC_NEVER;
    m->rec.tries = (uint8_t)(m->rec.tries < UINT8_MAX ? m->rec.tries + 1 : UINT8_MAX);
    member_store(e, m);
    struct effect *effect = engine_emit(e, EFFECT_ORDER, m->device->fleet);
    effect->repeatable = true;
    effect->order.id = m->rec.command_id;
    effect->order.dev_eui = m->rec.dev_eui;
    effect->order.type = order_of(m);
    effect->order.campaign_id = m->rec.campaign_id;
    effect->order.variant = m->rec.variant;
    effect->order.mark = effect->order.type == ORDER_DELIVER ? m->rec.mark : 0;
}

/* Whatever is under way for it is of no use any more. */
static void withdraw(struct engine *e, struct member *m)
{
    if (m->rec.command_id != 0) {
        member_flush_queue(e, m);
        member_drop_command(m);
    }
}

static void go_to(struct engine *e, struct member *m, enum member_phase phase)
{
    withdraw(e, m);
    m->looks = 0;
    member_ask(e, m, phase);
}

static void finish(struct engine *e, struct member *m, enum outcome outcome,
                   enum member_reason reason, enum fw_evidence seen)
{
    withdraw(e, m);
    member_end(e, m, outcome, reason, seen);
}

void deliver_begin(struct engine *e, struct member *m)
{
    member_ask(e, m, MEMBER_VERSION);
}

/* ---- attempts ---- */

static void attempt(struct engine *e, struct member *m)
{
    m->rec.variant = variant_of(m);
    m->taken = false;
    m->refused = false;
    m->had_ppm = 0;
    m->rec.mark = 0;
    m->rec.reports = false;
    m->rec.transmissions =
        (uint8_t)(m->rec.transmissions < UINT8_MAX ? m->rec.transmissions + 1
                                                   : UINT8_MAX);
    go_to(e, m, MEMBER_LISTENING);
}

void deliver_fall_back(struct engine *e, struct member *m)
{
    attempt(e, m);
}

/* By the table of lwm2m.md 3.3 (10): how long to wait before another try; negative: none. */
static int64_t wait_after_us(const struct member *m, uint8_t result)
{
    switch (result) {
    case FW_RESULT_CONNECTION_LOST:
        return RETRY_US;
    case FW_RESULT_INTEGRITY: /* of a delta: no image can be made with it */
        return m->rec.transmissions < 2 && m->rec.variant == VARIANT_FULL ? RETRY_US : -1;
    case FW_RESULT_NO_FLASH:
    case FW_RESULT_NO_RAM:
        return m->campaign->def.spec->retry.cooldown_us;
    default: /* a wrong configuration, a decision of somebody, or unknown */
        return -1;
    }
}

static void take_failure(struct engine *e, struct member *m, uint8_t result)
{
    int64_t wait_us = wait_after_us(m, result);
    if (wait_us < 0 || m->rec.transmissions >= m->campaign->def.spec->retry.device) {
        m->rec.reports = true; /* what it said stands */
        finish(e, m, OUTCOME_FAILED, REASON_REPORTED, FW_SEEN_OLD_RUNS);
        return;
    }
    withdraw(e, m);
    m->taken = false;
    m->refused = false;
    m->rec.reason = REASON_REPORTED;
    m->rec.reports = false; /* another attempt: what failed is of the one before */
    m->rec.transmissions++;
    m->rec.variant = variant_of(m); /* what it runs may be another one by now */
    m->rec.mark = 0;
    member_enter(e, m, MEMBER_LISTENING);
    engine_wake(e, m->slot, engine_in(e, wait_us));
}

/* It told how much memory it has left; another time that may be more. */
static void take_no_room(struct engine *e, struct member *m)
{
    const struct campaign_spec *spec = m->campaign->def.spec;
    if (m->rec.transmissions >= spec->retry.device) {
        finish(e, m, OUTCOME_FAILED, REASON_NO_ROOM, FW_SEEN_NO_FLASH);
        return;
    }
    if (m->rec.reason != REASON_NO_ROOM) {
        reported_tell(e, m, " has less free memory (/3/0/10) than the image needs");
    }
    m->rec.reason = REASON_NO_ROOM;
    m->rec.transmissions++;
    member_enter(e, m, MEMBER_LISTENING);
    engine_wake(e, m->slot, engine_in(e, spec->retry.cooldown_us));
}

/* It had begun, and is idle: it has rebooted, or somebody else has cancelled it. */
static void take_forgotten(struct engine *e, struct member *m)
{
    if (m->rec.transmissions < m->campaign->def.spec->retry.device) {
        attempt(e, m);
    } else {
        finish(e, m, OUTCOME_FAILED, REASON_INCOMPLETE, FW_SEEN_INCOMPLETE);
    }
}

static bool has_failed(const struct engine_report *report)
{
    return report->fw.has_result && report->fw.result > FW_RESULT_SUCCESS;
}

/* ---- what it said, phase by phase ---- */

/* runningVersion is a list of texts here. */
static bool may_be_updated_from(const struct member *m, const char *version)
{
    const struct str_list *list =
        &m->campaign->def.spec->targets.preconditions.running_versions;
    for (size_t i = 0; i < list->count; i++) {
        if (reported_is_same(list->items[i], version)) {
            return true;
        }
    }
    return list->count == 0;
}

static void take_inquiry(struct engine *e, struct member *m,
                         const struct engine_report *report)
{
    if (spec_installs(m->campaign->def.spec) && runs_target(m, report)) {
        finish(e, m, OUTCOME_SUCCEEDED, REASON_ALREADY, FW_SEEN_TARGET_RUNS);
    } else if (!may_be_updated_from(m, report->firmware_version)) {
        finish(e, m, OUTCOME_SKIPPED, REASON_WAVE_VERSION, FW_SEEN_TARGETED);
    } else if (report->fw.state != FW_UPDATING) {
        attempt(e, m);
    } /* else somebody else updates it: it is asked again */
}

static void take_downloaded(struct engine *e, struct member *m)
{
    m->had_ppm = SPEC_PPM;
    if (!spec_installs(m->campaign->def.spec)) {
        withdraw(e, m);
        member_end_data(e, m, true);
        return;
    }
    withdraw(e, m);
    member_enter(e, m, MEMBER_UPGRADE);
    install_set_time(e, m);
    member_store(e, m);
    member_send(e, m);
}

static void await_proof(struct engine *e, struct member *m)
{
    withdraw(e, m);
    m->looks = 0;
    member_enter(e, m, MEMBER_VERIFY);
    engine_wake(e, m->slot, engine_in(e, PROVE_US));
}

static void verified(struct engine *e, struct member *m)
{
    device_store(e, m->device);
    finish(e, m, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_SEEN_TARGET_RUNS);
}

/* It is idle, and runs what it ran before: not for the first time? */
static void take_old_version(struct engine *e, struct member *m)
{
    if (m->campaign->rec.phase == CAMPAIGN_ABORTING) {
        finish(e, m, OUTCOME_CANCELLED, REASON_ABORTED, FW_SEEN_CANCELLED);
    } else if (++m->looks >= LOOKS_MAX) {
        finish(e, m, OUTCOME_FAILED, REASON_OLD_VERSION, FW_SEEN_OLD_RUNS);
    } else {
        engine_wake(e, m->slot, engine_in(e, PROVE_US));
    }
}

/* It was told to install, and still has the image: it waits for its user, or never heard. */
static void take_not_begun(struct engine *e, struct member *m,
                           const struct engine_report *report)
{
    bool waits = report->fw.result == FW_RESULT_DEFERRED;
    if (has_failed(report) && !waits) {
        finish(e, m, OUTCOME_FAILED, REASON_REPORTED, FW_SEEN_OLD_RUNS);
    } else if (!waits && m->rec.phase == MEMBER_VERIFY && ++m->looks >= LOOKS_MAX &&
               m->reboots < INSTALLS_MAX) {
        m->reboots++;
        go_to(e, m, MEMBER_UPGRADE);
    }
}

static void judge(struct engine *e, struct member *m, const struct engine_report *report)
{
    bool says_so = report->fw.result == FW_RESULT_SUCCESS && !install_needs_version(m);
    switch (report->fw.state) {
    case FW_UPDATING:
        if (m->rec.phase != MEMBER_VERIFY) {
            await_proof(e, m);
        }
        return;
    case FW_DOWNLOADED:
        take_not_begun(e, m, report);
        return;
    case FW_IDLE:
        break;
    default: /* it is brought something by somebody else */
        return;
    }
    if (says_so || runs_target(m, report)) {
        verified(e, m);
    } else if (has_failed(report)) {
        finish(e, m, OUTCOME_FAILED, REASON_REPORTED, FW_SEEN_OLD_RUNS);
    } else {
        take_old_version(e, m);
    }
}

static void take_download(struct engine *e, struct member *m,
                          const struct engine_report *report)
{
    switch (report->fw.state) {
    case FW_DOWNLOADING:
        return;
    case FW_DOWNLOADED:
        if (m->taken) { /* else it is what it had before */
            take_downloaded(e, m);
        }
        return;
    case FW_UPDATING: /* by itself: resource 14 */
        await_proof(e, m);
        return;
    default:
        break;
    }
    if (m->taken && runs_target(m, report)) {
        verified(e, m);
    } else if (has_failed(report) && (m->taken || m->refused)) {
        take_failure(e, m, report->fw.result); /* a Result of before is 0 by then */
    } else if (m->taken && m->rec.reports) {
        take_forgotten(e, m);
    }
}

void deliver_take_report(struct engine *e, struct member *m,
                         const struct engine_report *report)
{
    if (!report->whole || !report->fw.has_state || m->rec.outcome != OUTCOME_NONE ||
        m->campaign->rec.phase == CAMPAIGN_PAUSED) {
        return;
    }
    switch (m->rec.phase) {
    case MEMBER_VERSION:
        take_inquiry(e, m, report);
        return;
    case MEMBER_LISTENING:
        take_download(e, m, report);
        return;
    case MEMBER_UPGRADE:
        if (m->rec.tries > 0) {
            judge(e, m, report);
        }
        return;
    case MEMBER_VERIFY:
        judge(e, m, report);
        return;
    default: /* it is told to forget its image */
        return;
    }
}

void deliver_take_progress(struct engine *e, uint64_t dev_eui, uint32_t ppm,
                           uint32_t mark)
{
    const struct device *d = engine_find_device(e, dev_eui);
    struct member *m = d != NULL ? d->active : NULL;
    if (m == NULL || !deliver_is_way(m) || m->rec.phase != MEMBER_LISTENING) {
        return;
    }
    m->had_ppm = ppm < SPEC_PPM ? ppm : SPEC_PPM;
    count_anew(e, m);
    if (mark != 0) {
        m->rec.mark = mark;
        member_store(e, m);
    }
    campaign_touch(m->campaign);
}

/* ---- answers to orders ---- */

/* Of a DELIVER. */
static void take_delivered(struct engine *e, struct member *m, int err)
{
    m->taken = err == FUO_OK;
    if (err == FUO_EPERM) {
        m->refused = true;
        m->rec.mark = 0; /* not on that way */
    }
    if (err == FUO_ENOSPC) {
        take_no_room(e, m);
        return;
    }
    if (err == FUO_EBUSY) { /* others are first */
        count_anew(e, m);
        member_forget_try(m);
    }
    if (m->refused && m->rec.tries > m->campaign->def.spec->retry.command) {
        finish(e, m, OUTCOME_FAILED, REASON_IMAGE_REFUSED, FW_SEEN_UNSUPPORTED);
        return;
    }
    if (m->taken && m->rec.source == FW_REPORTED && m->rec.state == FW_DOWNLOADED) {
        take_downloaded(e, m); /* it has it from before a restart */
        return;
    }
    engine_wake(e, m->slot, engine_in(e, m->taken ? POLL_US : RETRY_US));
}

static void take_result(struct engine *e, struct member *m, enum effect_order order,
                        int err)
{
    if (err == FUO_ENOTSUP && m->rec.phase != MEMBER_UNDO_IMAGE) {
        finish(e, m, OUTCOME_FAILED, REASON_NO_PACKAGE, FW_SEEN_NO_PACKAGE);
        return;
    }
    switch (order) {
    case ORDER_DELIVER:
        take_delivered(e, m, err);
        return;
    case ORDER_INSTALL:
        if (err == FUO_OK) {
            member_seen(e, m, FW_SEEN_APPLYING);
            await_proof(e, m);
            return;
        }
        engine_wake(e, m->slot, engine_in(e, RETRY_US));
        return;
    case ORDER_CANCEL:
        if (err == FUO_EPERM) {
            go_to(e, m, MEMBER_VERIFY); /* it is updating */
        } else {
            finish(e, m, OUTCOME_CANCELLED, REASON_ABORTED, FW_SEEN_CANCELLED);
        }
        return;
    case ORDER_READ:
        engine_wake(e, m->slot,
                    engine_in(e, err != FUO_OK                      ? RETRY_US
                                 : m->rec.phase == MEMBER_LISTENING ? POLL_US
                                                                    : PROVE_US));
        return;
    }
}

void deliver_on_result(struct engine *e, struct member *m, int err)
{
    enum effect_order order = order_of(m);
    member_drop_command(m);
    take_result(e, m, order, err);
    if (m->rec.outcome == OUTCOME_NONE) {
        member_store(e, m);
    }
}

/* ---- time ---- */

static void time_out(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_LISTENING) {
        finish(e, m, OUTCOME_FAILED, REASON_INCOMPLETE, FW_SEEN_INCOMPLETE);
    } else if (m->rec.phase == MEMBER_UNDO_IMAGE) {
        finish(e, m, OUTCOME_CANCELLED, REASON_ABORTED, FW_SEEN_CANCELLED);
    } else {
        finish(e, m, OUTCOME_UNKNOWN, REASON_SILENT, FW_SEEN_TARGETED);
    }
}

void deliver_tick(struct engine *e, struct member *m)
{
    struct utc limit = member_limit(m);
    if (utc_reached(limit, e->utc)) {
        time_out(e, m);
        return;
    }
    engine_wake(e, m->slot, limit);
    member_send(e, m);
}

bool deliver_abort(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_LISTENING && m->rec.tries > 0) {
        go_to(e, m, MEMBER_UNDO_IMAGE);
        return true;
    }
    if (m->rec.phase == MEMBER_UPGRADE) {
        go_to(e, m, MEMBER_UNDO_IMAGE);
        return true;
    }
    return m->rec.phase == MEMBER_VERIFY || m->rec.phase == MEMBER_UNDO_IMAGE;
}

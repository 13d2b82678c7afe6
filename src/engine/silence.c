/* SPDX-License-Identifier: MIT */
/*
 * silence.c - when a member does not answer: evidence, asking again, giving up, time.
 *
 * A command is under way while rec.command_id is set. It is sent again on evidence only:
 * uplinks after it was sent that are no answer to it. Blind repetition could reset a
 * decoder (lorawan.md 13).
 */
#include "engine/silence.h"
#include "engine/admit.h"
#include "engine/agree.h"
#include "engine/answer.h"
#include "engine/campaign.h"
#include "engine/deliver.h"
#include "engine/install.h"
#include "engine/internal.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/reported.h"
#include "engine/sweep.h"
#include "engine/uplink.h"

#define ANSWER_DELAY_US SECONDS_US(20) /* an answer may come one uplink later */
#define RETRY_DELAY_US  SECONDS_US(30) /* the server could not take it */
/*
 * Before a package is taken for absent. A gateway hears nothing while it sends: where many are
 * asked at once, answers to several tries in a row are lost with one part in a hundred.
 */
#define PACKAGE_RESTS 2
/* After as many tries as the campaign allows: this many uplinks, at least so long. */
#define REST_UPLINKS 4
#define REST_MIN_US  MINUTES_US(10)
#define REST_MAX_US  HOURS_US(6) /* for phases that days are given to */

/* ---- silence ---- */

/* It lives but does not answer: again later, not for ever. patient: each time twice as much
 * later, up to a limit; what answers nothing for days is not asked at every other uplink. */
static void rest(struct engine *e, struct member *m, bool patient)
{
    m->rec.tries = 0;
    member_drop_command(m);
    member_store(e, m);
    int64_t rest_us = REST_UPLINKS * m->device->rec.uplink_interval_us;
    rest_us = rest_us > REST_MIN_US ? rest_us : REST_MIN_US;
    for (uint8_t i = 0; patient && i < m->rests && rest_us < REST_MAX_US; i++) {
        rest_us = rest_us < REST_MAX_US / 2 ? 2 * rest_us : REST_MAX_US;
    }
    m->rests = (uint8_t)(m->rests < UINT8_MAX ? m->rests + 1 : m->rests);
    engine_wake(e, m->slot, engine_in(e, rest_us));
}

/* The phase's command was sent as often as it may be. */
static void give_up(struct engine *e, struct member *m)
{
    switch (m->rec.phase) {
    case MEMBER_ASK_FRAG:
    case MEMBER_ASK_MCAST:
    case MEMBER_ASK_FWMGMT:
        if (m->rests < PACKAGE_RESTS) {
            rest(e, m, true);
            return;
        }
        member_ask_next_package(e, m);
        return;
    case MEMBER_DISCOVER: /* the others are asked for one by one */
        member_ask_next_package(e, m);
        return;
    case MEMBER_REBOOT:
        m->reboot_doubtful = true; /* it may have been taken all the same */
        member_await_reboot(e, m);
        return;
    case MEMBER_GROUP: /* limited by the start of the session, as is the next */
        member_setup_give_up(m);
        rest(e, m, false);
        return;
    case MEMBER_FRAG:
    case MEMBER_STATUS: /* limited by the patience of its transmission */
        rest(e, m, false);
        return;
    case MEMBER_VERSION: /* limited by maxUplinkAge */
    case MEMBER_UPGRADE: /* limited by verification.within, as is the next */
    case MEMBER_VERIFY:
        rest(e, m, true);
        return;
    case MEMBER_UNDO_REBOOT: /* did it reboot? */
        member_ask(e, m, MEMBER_VERIFY);
        return;
    case MEMBER_UNDO_IMAGE:
        member_end(e, m, OUTCOME_CANCELLED, REASON_ABORTED, FW_SEEN_CANCELLED);
        return;
    default: /* a session is asked for until it begins, the others have no command */
        member_send(e, m);
    }
}

bool silence_on_clock(struct engine *e, struct member *m)
{
    if (m->rec.phase != MEMBER_RESYNC || !m->device->server_clock) {
        return false;
    }
    if (m->rec.tries > 0) {
        member_ask(e, m, MEMBER_SESSION);
    } else {
        m->rec.tries = 1;
        member_store(e, m);
    }
    return true;
}

static uint32_t tries_max(const struct member *m)
{
    return device_tries(m->device, m->campaign->def.spec->retry.command);
}

static void ask_again(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_RESYNC && m->rec.command_sent) {
        /* Sent, never answered: an AppTimeReq followed or will. Ask for the session. */
        member_ask(e, m, MEMBER_SESSION);
    } else if (m->rec.tries >= tries_max(m)) {
        give_up(e, m);
    } else {
        member_send(e, m);
    }
}

static int64_t answer_delay_us(const struct member *m)
{
    return m->rec.phase == MEMBER_STATUS
               ? ANSWER_DELAY_US + m->transmission->plan.poll_window_us
               : ANSWER_DELAY_US;
}

/* An uplink came that held no answer to the command under way. */
void member_note_evidence(struct engine *e, struct member *m, struct utc received)
{
    if (m->campaign->rec.phase == CAMPAIGN_PAUSED) {
        return; /* it cannot be asked again now */
    }
    if (m->rec.command_id == 0) {
        if (m->held || (m->rec.tries > 0 && m->rec.phase != MEMBER_VERIFY)) {
            member_send(e, m); /* it had expired or not been taken */
        }
        return;
    }
    int64_t delay_us = m->rec.command_sent ? answer_delay_us(m) : 0;
    if (received.us < utc_after(m->rec.command_at, delay_us).us) {
        return;
    }
    m->evidence++;
    if (m->evidence < (m->rec.command_sent ? EVIDENCE_SENT : EVIDENCE_UNSENT)) {
        return;
    }
    m->evidence = 0;
    if (!m->rec.command_sent) {
        device_set_told_before(e, m->device, false); /* it had the time to answer that */
        member_flush_queue(e, m);
        member_forget_try(m);
    }
    ask_again(e, m);
}

void member_on_result(struct engine *e, struct member *m, uint64_t id, int err)
{
    if (deliver_is_way(m)) {
        if (m->rec.command_id == id) {
            deliver_on_result(e, m, err);
        }
        return;
    }
    if (m->rec.command_id != id || err == FUO_OK || err == FUO_ETIMEDOUT) {
        return; /* taken, or to be told by evidence */
    }
    admit_release(e, m);
    member_drop_command(m);
    if (err == FUO_EAGAIN) {
        member_forget_try(m);
    }
    member_store(e, m);
    engine_wake(e, m->slot, engine_in(e, RETRY_DELAY_US));
}

void member_on_fate(struct engine *e, struct member *m, const struct engine_event *event)
{
    if (m->rec.command_id != event->send_fate.id) {
        return;
    }
    switch (event->send_fate.fate) {
    case ENGINE_FATE_SENT:
        admit_charge(e, m, event);
        device_set_told_before(e, m->device, false); /* a server keeps the order */
        m->rec.command_sent = true;
        member_setup_sent(m);
        m->rec.command_at = e->utc;
        m->evidence = 0;
        if (member_tail_sent(e, m) || install_sent(e, m)) {
            return;
        }
        break;
    case ENGINE_FATE_EXPIRED:
        admit_release(e, m);
        member_drop_command(m); /* again when it speaks */
        if (m->rec.tries > 1) {
            member_forget_try(m);
        }
        if (m->rec.phase == MEMBER_VERIFY) {
            engine_wake(e, m->slot, engine_in(e, RETRY_DELAY_US));
        }
        break;
    case ENGINE_FATE_REFUSED:
        admit_release(e, m);
        member_drop_command(m);
        engine_wake(e, m->slot, engine_in(e, RETRY_DELAY_US));
        break;
    }
    member_store(e, m);
}

/* ---- time ---- */

/* The phase has lasted as long as it may. */
static void time_out(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_UNDO_IMAGE) {
        member_end(e, m, OUTCOME_CANCELLED, REASON_ABORTED, FW_SEEN_CANCELLED);
    } else { /* it may have rebooted since it was last heard */
        member_end(e, m, OUTCOME_UNKNOWN, REASON_SILENT, FW_SEEN_TARGETED);
    }
}

void member_tick(struct engine *e, struct member *m)
{
    sweep_member(e, m);
    bool paused = m->campaign->rec.phase == CAMPAIGN_PAUSED;
    if (m->rec.outcome != OUTCOME_NONE || paused) {
        return; /* resume sets the timer again */
    }
    if (deliver_is_way(m)) {
        deliver_tick(e, m);
        return;
    }
    if (m->announced) {
        agree_tick(e, m);
        return;
    }
    if (m->rec.phase == MEMBER_COMPLETE) {
        install_begin(e, m);
        return;
    }
    struct utc limit = member_limit(m);
    if (utc_reached(limit, e->utc)) {
        time_out(e, m);
        return;
    }
    engine_wake(e, m->slot, limit);
    if (m->rec.phase == MEMBER_VERIFY && m->rec.result == FW_RESULT_DEFERRED) {
        member_seen(e, m, install_seen(e, m)); /* its time has come */
    }
    if (m->rec.command_id != 0) {
        return;
    }
    if (m->rec.tries > tries_max(m)) {
        give_up(e, m);
    } else {
        member_send(e, m);
    }
}

/* Nobody could be asked for a while: what that cost does not count. */
static void extend_limit(struct engine *e, struct member *m)
{
    if (m->rec.phase_since.us > e->utc.us || utc_reached(member_limit(m), e->utc)) {
        m->rec.phase_since = e->utc;
        m->rec.reboot_at = utc_min(m->rec.reboot_at, e->utc);
        member_store(e, m);
    }
}

/* It has left a transmission, and the order to drop what it was told there may be lost: an
 * answer to that would be taken for one of the next transmission. */
static bool was_told_elsewhere(const struct member *m)
{
    bool between = m->rec.phase == MEMBER_READY || m->rec.phase == MEMBER_KEY;
    uint8_t before = m->rec.transmissions > 0 && m->rec.phase == MEMBER_KEY ? 1 : 0;
    return between && (m->rec.late > 0 || m->rec.transmissions > before);
}

/* The server has forgotten its orders, or carries them out: an order replaces the last. */
static void resume_delivery(struct engine *e, struct member *m)
{
    bool waits = m->rec.phase == MEMBER_WAITING || m->rec.phase == MEMBER_PENDING ||
                 m->rec.phase == MEMBER_ENDED;
    member_drop_command(m);
    if (!waits) {
        engine_wake(e, m->slot, e->utc);
    }
}

/*
 * After a restart or a pause: what was stored may not have been sent, and answers may have
 * been lost, so the first uplink decides.
 */
void member_resume(struct engine *e, struct member *m)
{
    admit_resume(e, m);
    m->evidence = (m->rec.command_sent ? EVIDENCE_SENT : EVIDENCE_UNSENT) - 1;
    m->unsure |= m->rec.session_no == 0 && m->rec.phase >= MEMBER_LISTENING;
    member_setup_resume(m);
    extend_limit(e, m);
    agree_resume(m);
    engine_set_timer(e, m->slot, member_limit(m));
    if (deliver_is_way(m)) {
        resume_delivery(e, m);
        return;
    }
    switch (m->rec.phase) {
    case MEMBER_VERIFY:
        m->reboot_doubtful = true; /* not stored; a second reboot harms nobody */
        engine_wake(e, m->slot, utc_after(m->rec.reboot_at, MEMBER_AFTER_REBOOT_US));
        return;
    case MEMBER_COMPLETE:
        install_begin(e, m);
        return;
    case MEMBER_WAITING: /* its campaign begins with it */
    case MEMBER_PENDING:
    case MEMBER_ENDED:
        return;
    default:
        if (was_told_elsewhere(m)) {
            member_part_with(e, m);
        }
        if (m->rec.command_id == 0) {
            engine_wake(e, m->slot, e->utc);
        }
    }
}

void member_clock_step(struct member *m, int64_t delta_us)
{
    m->rec.phase_since = utc_after(m->rec.phase_since, delta_us);
    m->rec.command_at = utc_after(m->rec.command_at, delta_us);
    if (m->rec.reboot_at.us != 0) {
        m->rec.reboot_at = utc_after(m->rec.reboot_at, delta_us);
    }
}

/* ---- abort ---- */

/* DevDeleteImageReq names the version; what the others announced is the best guess. */
static void note_version(struct member *m)
{
    const struct campaign *c = m->campaign;
    if (m->rec.version_after == 0 && c->rec.next_known) {
        m->rec.version_after = c->rec.next_firmware;
    }
    if (c->def.spec->image.firmware_version != SPEC_AUTO_U32) {
        m->rec.version_after = c->def.spec->image.firmware_version;
    }
}

/* It knows no command to undo what it was told; who may have been told may install. */
static bool abort_vendor(struct engine *e, struct member *m)
{
    if (m->rec.phase < MEMBER_COMPLETE || m->rec.phase > MEMBER_VERIFY) {
        return false;
    }
    bool told = m->rec.phase == MEMBER_VERIFY || m->rec.tries > 0 || m->reboots > 0;
    if (m->rec.command_id != 0) {
        member_flush_queue(e, m);
    }
    member_end(e, m, told ? OUTCOME_UNKNOWN : OUTCOME_CANCELLED, REASON_ABORTED,
               FW_SEEN_CANCELLED);
    return true;
}

void member_abort(struct engine *e, struct member *m)
{
    if (deliver_is_way(m) && deliver_abort(e, m)) {
        return;
    }
    if (install_by_vendor(m) && abort_vendor(e, m)) {
        return;
    }
    switch (m->rec.phase) {
    case MEMBER_ENDED:
    case MEMBER_UNDO_REBOOT:
    case MEMBER_UNDO_IMAGE:
        return;
    case MEMBER_REBOOT:
    case MEMBER_VERIFY: /* too late to cancel: then it is asked what runs */
        member_flush_queue(e, m);
        member_ask(e, m,
                   utc_reached(m->rec.reboot_at, e->utc) ? MEMBER_VERIFY
                                                         : MEMBER_UNDO_REBOOT);
        return;
    case MEMBER_COMPLETE:
    case MEMBER_UPGRADE:
        member_flush_queue(e, m);
        note_version(m);
        member_ask(e, m, MEMBER_UNDO_IMAGE);
        return;
    default:
        if (m->rec.command_id != 0) {
            member_part_with(e, m);
        }
        member_end(e, m, OUTCOME_CANCELLED, REASON_ABORTED, FW_SEEN_CANCELLED);
    }
}

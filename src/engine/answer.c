/* SPDX-License-Identifier: MIT */
/*
 * answer.c - what an answer does to a member: discovery, versions, set-up, block, install.
 *
 * member_answer() has judged it (campaign/member.h); here the member moves on.
 */
#include "engine/answer.h"
#include "codec/package.h"
#include "engine/agree.h"
#include "engine/deliver.h"
#include "engine/group.h"
#include "engine/install.h"
#include "engine/internal.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/precondition.h"
#include "engine/reported.h"
#include "engine/round.h"
#include "engine/session.h"
#include "engine/uplink.h"

enum {
    OLD_VERSION_TRIES = 3,
    REBOOTS_MAX = 2, /* repeated because nobody knows whether it was taken */
};

#define REPLAY_JUMP 64 /* a device's counter may be ahead of a restored store */

/* ---- discovery ---- */

/* It is known. Placed already: it goes on at once, if its session has not begun. */
static void after_version(struct engine *e, struct member *m)
{
    struct transmission *t = m->transmission;
    if (t == NULL) {
        member_enter(e, m, MEMBER_READY);
        round_wish(e, m);
    } else if (t->rec.phase == TX_LEAD) {
        member_setup_begin(e, m);
    } else {
        member_enter(e, m, MEMBER_KEY);
    }
    round_look(e, m->campaign);
}

/* Nobody can ask it: what it has told by itself, in LwM2M or by the fleet's decoder. */
static void take_told_version(struct engine *e, struct member *m)
{
    if (precondition_is_told(m)) {
        member_end(e, m, OUTCOME_SUCCEEDED, REASON_ALREADY, FW_SEEN_TARGET_RUNS);
    } else if (!precondition_runs_told(m)) {
        member_end(e, m, OUTCOME_SKIPPED, REASON_WAVE_VERSION, FW_SEEN_TARGETED);
    } else {
        after_version(e, m);
    }
}

/*
 * Is the device one that can be updated, and what runs on it? What silence says of its
 * packages holds for this campaign only: the answers may have been lost.
 */
static void after_discovery(struct engine *e, struct member *m)
{
    m->device->rec.packages_known |= member_has_every_package(m);
    device_store(e, m->device);
    if (!member_has_packages(m)) {
        member_end(e, m, OUTCOME_FAILED, REASON_NO_PACKAGE, FW_SEEN_NO_PACKAGE);
        return;
    }
    if (!member_has_class(m)) {
        member_end(e, m, OUTCOME_FAILED, REASON_NO_CLASS_B, FW_SEEN_NO_PACKAGE);
        return;
    }
    if (install_by_vendor(m)) {
        take_told_version(e, m);
    } else if (member_needs_version(m)) {
        member_ask(e, m, MEMBER_VERSION);
    } else {
        after_version(e, m);
    }
}

void member_begin(struct engine *e, struct member *m)
{
    if (deliver_is_way(m)) {
        deliver_begin(e, m);
    } else if (m->device->rec.packages_known) {
        after_discovery(e, m);
    } else {
        member_ask(e, m, MEMBER_DISCOVER);
    }
}

static void learn_package(struct member *m, uint8_t id, uint8_t version, uint8_t fport)
{
    if (id < PKG_COUNT && version != 0) {
        m->device->rec.package_version[id] = version;
        if (fport != 0) {
            m->device->rec.package_fport[id] = fport;
        }
    }
}

/* After TS007 was silent: one PackageVersionReq after the other. */
void member_ask_next_package(struct engine *e, struct member *m)
{
    switch (m->rec.phase) {
    case MEMBER_DISCOVER:
        member_ask(e, m, MEMBER_ASK_FRAG);
        return;
    case MEMBER_ASK_FRAG:
        member_ask(e, m, MEMBER_ASK_MCAST);
        return;
    case MEMBER_ASK_MCAST:
        if (member_needs_version(m)) {
            member_ask(e, m, MEMBER_ASK_FWMGMT);
            return;
        }
        after_discovery(e, m);
        return;
    default: /* the last of them */
        after_discovery(e, m);
    }
}

/* The device gave the whole list: what is not in it is absent. */
static void take_packages(struct engine *e, struct member *m,
                          const struct member_answer *a)
{
    for (size_t i = 0; i < PKG_COUNT; i++) {
        m->device->rec.package_version[i] = 0;
    }
    m->device->rec.packages_known = true;
    for (size_t i = 0; i < a->package_count; i++) {
        learn_package(m, a->packages[i].id, a->packages[i].version, a->packages[i].fport);
    }
    after_discovery(e, m);
}

/* ---- versions ---- */

static void take_version_before(struct engine *e, struct member *m, uint32_t version)
{
    const struct campaign_spec *spec = m->campaign->def.spec;
    m->rec.version_before = version;
    m->rec.version_before_known = true;
    if (spec_installs(spec) && spec->image.firmware_version != SPEC_AUTO_U32 &&
        spec->image.firmware_version == version) {
        m->rec.version_after = version;
        m->rec.version_after_known = true;
        member_end(e, m, OUTCOME_SUCCEEDED, REASON_ALREADY, FW_SEEN_TARGET_RUNS);
        return;
    }
    if (!precondition_runs(m, version)) {
        member_end(e, m, OUTCOME_SKIPPED, REASON_WAVE_VERSION, FW_SEEN_TARGETED);
        return;
    }
    after_version(e, m);
}

bool member_may_be_updated(const struct member *m)
{
    return m->rec.phase >= MEMBER_UPGRADE && m->rec.phase <= MEMBER_UNDO_IMAGE;
}

/*
 * The new version runs: whatever was under way, this is the proof. An aborted campaign may
 * have learned of no version, and some devices announce none; then another one than before
 * can only be the new one.
 */
static bool is_proof(const struct member *m, uint32_t version)
{
    uint32_t target;
    bool expected = agree_target(m, &target)
                        ? version == target
                        : m->campaign->rec.phase == CAMPAIGN_ABORTING ||
                              device_denies_images(m->device);
    return member_may_be_updated(m) && expected &&
           !(m->rec.version_before_known && version == m->rec.version_before);
}

void member_verified(struct engine *e, struct member *m)
{
    if (!install_take_version(e, m)) {
        return;
    }
    if (m->rec.command_id != 0) {
        member_flush_queue(e, m); /* no second reboot */
    }
    m->device->rec.packages_known = false; /* new firmware may have others */
    m->device->rec.quirks = 0;
    group_rebooted(e, m);
    device_store(e, m->device);
    member_end(e, m, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_SEEN_TARGET_RUNS);
}

static void take_proof(struct engine *e, struct member *m, uint32_t version)
{
    uint32_t target;
    if (device_denies_images(m->device) && !agree_target(m, &target)) {
        agree_on(e, m->campaign, version); /* the others have to agree */
    }
    m->rec.version_after = version;
    m->rec.version_after_known = true;
    member_verified(e, m);
}

/* It still runs the old version: is the reboot late, was it lost, or has it failed? */
static void take_old_version(struct engine *e, struct member *m, uint32_t version)
{
    if (m->rec.command_id == 0) {
        return; /* nobody asked: it is asked in time */
    }
    struct utc due = utc_after(m->rec.reboot_at, MEMBER_AFTER_REBOOT_US);
    bool early = !utc_reached(due, e->utc);
    if (m->campaign->rec.phase == CAMPAIGN_ABORTING && m->undone) {
        member_end(e, m, OUTCOME_CANCELLED, REASON_ABORTED, FW_SEEN_CANCELLED);
        return;
    }
    if (m->campaign->rec.phase == CAMPAIGN_ABORTING) {
        member_ask(e, m, MEMBER_UNDO_IMAGE);
        return;
    }
    if (!early && m->reboot_doubtful && m->reboots < REBOOTS_MAX) {
        m->reboots++;
        member_ask(e, m, MEMBER_REBOOT); /* it never heard of it */
        return;
    }
    if (!early && m->rec.tries >= OLD_VERSION_TRIES && device_denies_images(m->device)) {
        enum member_reason reason =
            m->rec.variant == VARIANT_FULL ? REASON_INCOMPLETE : REASON_OLD_VERSION;
        member_leave(e, m, OUTCOME_FAILED, reason, FW_SEEN_OLD_RUNS);
        return; /* it was only believed to have the block */
    }
    if (!early && m->rec.tries >= OLD_VERSION_TRIES) {
        m->rec.version_after = version;
        m->rec.version_after_known = true;
        member_end(e, m, OUTCOME_FAILED, REASON_OLD_VERSION, FW_SEEN_OLD_RUNS);
        return;
    }
    member_drop_command(m);
    if (early) {
        member_forget_try(m);
    }
    member_store(e, m);
    engine_set_timer(e, m->slot, early ? due : engine_in(e, MEMBER_ASK_AGAIN_US));
}

static void take_version(struct engine *e, struct member *m,
                         const struct member_answer *a)
{
    struct device_rec *d = &m->device->rec;
    d->firmware_version = a->version;
    d->hardware_version = a->hardware;
    d->firmware_known = true;
    device_store(e, m->device);
    if (m->rec.phase == MEMBER_VERSION) {
        take_version_before(e, m, a->version);
    } else if (is_proof(m, a->version)) {
        take_proof(e, m, a->version);
    } else if (m->rec.phase == MEMBER_VERIFY) {
        take_old_version(e, m, a->version);
    }
}

void member_await_reboot(struct engine *e, struct member *m)
{
    member_enter(e, m, MEMBER_VERIFY);
    member_seen(e, m, install_seen(e, m));
    engine_set_timer(e, m->slot, utc_after(m->rec.reboot_at, MEMBER_AFTER_REBOOT_US));
}

/* ---- answers ---- */

void member_end_data(struct engine *e, struct member *m, bool proven)
{
    if (m->rec.command_id != 0) {
        member_part_with(e, m);
    }
    member_end(e, m, proven ? OUTCOME_SUCCEEDED : OUTCOME_UNKNOWN,
               proven ? REASON_DELIVERED : REASON_UNPROVEN, FW_SEEN_BLOCK);
}

void member_take_block(struct engine *e, struct member *m, uint16_t missing, bool proven)
{
    m->rec.missing = missing;
    m->rec.version_after = 0; /* what it announced in a try before */
    m->polled = true;
    if (!spec_installs(m->campaign->def.spec)) {
        member_end_data(e, m, proven);
        return;
    }
    member_enter(e, m, MEMBER_COMPLETE);
    member_seen(e, m, FW_SEEN_BLOCK);
    install_begin(e, m);
    transmission_member_changed(e, m->transmission);
}

/* If it was asked for the session in the same message, that is answered next. */
static void take_group(struct engine *e, struct member *m)
{
    bool both = m->with_session && m->transmission->rec.phase == TX_LEAD &&
                member_setup_has_frag(m);
    m->told_both = false;
    group_taken(e, m);
    device_store(e, m->device);
    if (both) {
        member_enter(e, m, MEMBER_SESSION);
        m->reads_on = true;
    } else {
        member_setup_go_on(e, m);
    }
}

static void take_frag(struct engine *e, struct member *m)
{
    member_setup_took_frag(m);
    member_setup_go_on(e, m);
    transmission_member_changed(e, m->transmission);
}

/* It reboots, or has not been able to: did it before it heard of the abort? */
static void take_undone_reboot(struct engine *e, struct member *m)
{
    member_ask(e, m,
               utc_reached(m->rec.reboot_at, e->utc) ? MEMBER_VERIFY : MEMBER_UNDO_IMAGE);
}

/* No image to delete: there never was one, or it has been installed. */
static void take_undone_image(struct engine *e, struct member *m, bool nothing_done)
{
    if (nothing_done) {
        m->undone = true;
        member_ask(e, m, MEMBER_VERIFY);
        return;
    }
    member_end(e, m, OUTCOME_CANCELLED, REASON_ABORTED, FW_SEEN_CANCELLED);
}

static void take_accepted(struct engine *e, struct member *m,
                          const struct member_answer *a)
{
    switch (m->rec.phase) {
    case MEMBER_GROUP:
        take_group(e, m);
        return;
    case MEMBER_FRAG:
        take_frag(e, m);
        return;
    case MEMBER_SESSION:
    case MEMBER_RESYNC:
        group_found(m);
        m->rec.session_no = m->transmission->rec.session_no;
        member_enter(e, m, MEMBER_LISTENING);
        member_seen(e, m, FW_SEEN_SESSION);
        transmission_member_changed(e, m->transmission);
        return;
    case MEMBER_REBOOT:
        m->reboot_doubtful = false;
        m->rec.reboot_at = engine_in(e, SECONDS_US((int64_t)a->delay_s));
        member_await_reboot(e, m);
        return;
    case MEMBER_UNDO_REBOOT:
        take_undone_reboot(e, m);
        return;
    case MEMBER_UNDO_IMAGE:
        take_undone_image(e, m, a->nothing_done);
        return;
    default: /* no other phase has an answer of this kind */
        return;
    }
}

static void take_replay(struct engine *e, struct member *m)
{
    uint16_t *next = &m->device->rec.session_count[m->transmission->rec.frag_index];
    m->rec.session_count = (uint16_t)(m->rec.session_count + REPLAY_JUMP);
    *next = (uint16_t)(m->rec.session_count + 1);
    m->has_mic = false;
    m->asked_mic = false;
    device_store(e, m->device);
    uint32_t most = device_tries(m->device, m->campaign->def.spec->retry.command);
    if (m->rec.tries >= most) { /* those that were lost on the air are among them */
        member_leave(e, m, OUTCOME_FAILED, REASON_FRAG_REFUSED, FW_SEEN_NO_PACKAGE);
        return;
    }
    member_send(e, m);
}

static void take_clock(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_SESSION) {
        member_ask(e, m, MEMBER_RESYNC);
    } else if (m->rec.phase == MEMBER_REBOOT) {
        install_deny_time(e, m);
    }
}

/*
 * It lost its group or its session, or more than its decoder can mend: LoRaMac-node and ST
 * then report a complete block that is none (lorawan.md 13), which only v2 of TS004 has a
 * MIC to tell. On a better way, slower or by more gateways, it may come through.
 */
static bool may_try_again(const struct member *m, const struct member_answer *a)
{
    bool block = m->rec.phase == MEMBER_UPGRADE && m->transmission != NULL &&
                 m->transmission->rec.ts004 < 2 && a->seen == FW_SEEN_CORRUPT;
    block |= a->reason == REASON_MIC &&
             device_profile(m->device)->overflow == PROFILE_OVERFLOW_COMPLETE;
    return a->reason == REASON_INCOMPLETE || a->reason == REASON_NO_MEMORY || block ||
           a->group_gone;
}

/*
 * To what it was told for a transmission that it has left. Answers do not say which one they
 * are for, but what the server has not sent yet nobody can have answered.
 */
static bool is_of_before(const struct member *m)
{
    bool set_up = m->rec.phase == MEMBER_GROUP || m->rec.phase == MEMBER_FRAG ||
                  m->rec.phase == MEMBER_SESSION;
    return set_up && m->device->rec.told_before && !m->rec.command_sent;
}

void member_take_answer(struct engine *e, struct member *m, const struct member_answer *a)
{
    if (is_of_before(m) || group_is_lost(e, m, a)) {
        return;
    }
    switch (a->verdict) {
    case VERDICT_NOT_MINE:
        return;
    case VERDICT_ACCEPTED:
        take_accepted(e, m, a);
        return;
    case VERDICT_REFUSED:
        if (proof_take_denial(e, m, a)) {
            return;
        }
        if (a->reason == REASON_NO_MEMORY) {
            device_note_quirk(e, m->device, DEVICE_LACKED_MEMORY);
        }
        if (may_try_again(m, a)) {
            member_leave(e, m, OUTCOME_FAILED, a->reason, a->seen);
        } else {
            member_end(e, m, OUTCOME_FAILED, a->reason, a->seen);
        }
        return;
    case VERDICT_PACKAGES:
        take_packages(e, m, a);
        return;
    case VERDICT_PACKAGE:
        learn_package(m, a->packages[0].id, a->packages[0].version, 0);
        device_store(e, m->device); /* its next phase is: a restart does not ask again */
        if (!a->late) {
            member_ask_next_package(e, m);
        }
        return;
    case VERDICT_VERSION:
        take_version(e, m, a);
        return;
    case VERDICT_STATUS:
    case VERDICT_BLOCK:
        proof_take_status(e, m, a);
        return;
    case VERDICT_CLOCK:
        take_clock(e, m);
        return;
    case VERDICT_REPLAY:
        take_replay(e, m);
        return;
    case VERDICT_IMAGE:
        agree_take(e, m, a->version);
        return;
    }
}

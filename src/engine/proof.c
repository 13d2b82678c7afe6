/* SPDX-License-Identifier: MIT */
/*
 * proof.c - who has the block.
 *
 * Stacks of TS004 v1 do not say so: those who miss nothing keep silent at a poll, ST and
 * LoRaMac-node count what was lost for ever, also when coded fragments have mended it, and
 * a device that has the block stops listening (lorawan.md 13). So they are believed to have
 * it, and asked for their image (DevUpgradeImageReq): each can answer that, and who has none
 * goes on where it was. Until it has answered it keeps its transmission open.
 *
 * Data are not asked for so: who is only believed to have them ends as unknown.
 *
 * rec.missing of a member in MEMBER_UPGRADE that is only believed is what it last said.
 */
#include "campaign/detect.h"
#include "engine/answer.h"
#include "engine/install.h"
#include "engine/internal.h"
#include "engine/limits.h"
#include "engine/look.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/repair.h"
#include "engine/reported.h"
#include "engine/session.h"

enum {
    RANK_EXTRA = 3,    /* coded fragments beyond those lost, as a rule enough */
    RANK_CERTAIN = 8,  /* ... next to always */
    HEARD_ENOUGH = 24, /* beyond those lost, without a block: it cannot mend them */
};

/* Those of v2 send DataBlockReceived, and as a rule their counts can be trusted. */
static bool is_vague(const struct member *m)
{
    return m->transmission->rec.ts004 < 2 || !device_counts_rank(m->device);
}

uint32_t proof_pending(const struct transmission *t)
{
    return t->rec.ts004 < 2 ? t->by_phase[MEMBER_UPGRADE] - t->announced : 0;
}

/* Everything was sent once, and nothing is known to be new since it said no. */
static bool may_have_it(const struct transmission *t, const struct member *m)
{
    return is_vague(m) && t->rec.next_n > t->rec.frag_count && m->denied_n != t->news_n;
}

/* ... for its image, that is: data are none. */
static bool can_be_asked(const struct member *m)
{
    return spec_installs(m->campaign->def.spec) && !install_denies_images(m);
}

/* What it says of fragments does not decide: its image does. */
static bool is_to_be_asked(const struct member *m)
{
    return may_have_it(m->transmission, m) && can_be_asked(m);
}

void proof_ask(struct engine *e, struct member *m)
{
    if (m->rec.phase != MEMBER_LISTENING) {
        return;
    }
    if (is_to_be_asked(m)) {
        member_take_block(e, m, m->rec.missing, false);
    } else {
        m->tail = 0;
        member_ask(e, m, MEMBER_STATUS);
    }
}

/* ---- counts ---- */

/* More is received and missing than was sent: it tells the last N, and all that was lost. */
static bool counts_for_ever(const struct member *m, const struct member_answer *a)
{
    const struct transmission *t = m->transmission;
    return is_vague(m) && t->rec.next_n > t->rec.frag_count + 1 &&
           (uint32_t)a->received + a->missing >= t->rec.next_n;
}

/* What it cannot have: it has heard less than M, or nothing behind its last N. */
static uint16_t never_heard(const struct member *m, const struct member_answer *a)
{
    const struct transmission *t = m->transmission;
    bool behind = is_vague(m) && t->rec.next_n > t->rec.frag_count &&
                  a->received < t->rec.frag_count;
    return behind ? (uint16_t)(t->rec.frag_count - a->received) : 0;
}

/*
 * It counts frames, coded ones and copies too, and misses nothing as soon as they are M:
 * then only their share of what was sent to all tells the loss.
 */
static bool counts_frames(const struct member *m, const struct member_answer *a)
{
    const struct transmission *t = m->transmission;
    return is_vague(m) && !install_denies_images(m) &&
           t->rec.next_n > t->rec.frag_count + 1 && t->rec.next_n == t->news_n &&
           a->missing == 0 && a->received >= t->rec.frag_count;
}

struct tally {
    uint32_t lost;  /* of the uncoded */
    uint32_t coded; /* that it heard */
};

static struct tally tally_of(const struct transmission *t, const struct member_answer *a)
{
    bool all_once = t->rec.next_n > t->rec.frag_count;
    uint32_t coded = all_once ? t->rec.next_n - 1u - t->rec.frag_count : 0;
    uint64_t copies = t->rec.copies > 1 ? t->rec.copies : 1;
    uint64_t sent = t->rec.frag_count * copies + coded;
    uint64_t heard = a->received < sent ? a->received : sent;
    uint64_t lost = t->rec.frag_count;
    for (uint64_t i = 0; i < copies; i++) {
        lost = (lost * (sent - heard) + sent / 2) / sent;
    }
    if (a->missing > 0) {
        lost = a->missing < t->rec.frag_count ? a->missing : t->rec.frag_count;
        heard = sent - sent * lost / t->rec.frag_count;
    }
    return (struct tally){(uint32_t)lost, (uint32_t)(coded * heard / sent)};
}

/* It denies that it has the block: are more fragments of any use? */
static bool is_past_help(const struct member *m, const struct member_answer *a)
{
    const struct transmission *t = m->transmission;
    struct tally tally = tally_of(t, a);
    return tally.lost > repair_most(t, m) || tally.coded >= tally.lost + HEARD_ENOUGH;
}

static uint16_t missing_of_frames(const struct transmission *t,
                                  const struct member_answer *a)
{
    struct tally tally = tally_of(t, a);
    uint32_t wanted = tally.lost + RANK_EXTRA;
    return (uint16_t)(wanted > tally.coded ? wanted - tally.coded : 0);
}

/* What coded fragments have mended of it is estimated. */
static uint16_t still_missing(const struct member *m, const struct member_answer *a)
{
    if (counts_frames(m, a)) {
        return missing_of_frames(m->transmission, a);
    }
    uint32_t extra = install_denies_images(m) ? RANK_CERTAIN : RANK_EXTRA;
    const struct transmission *t = m->transmission;
    uint16_t lost = never_heard(m, a);
    if (lost > 0) {
        return lost > a->missing ? lost : a->missing;
    }
    if (!counts_for_ever(m, a)) {
        return a->missing;
    }
    uint32_t coded = t->rec.next_n - 1u - t->rec.frag_count;
    if (a->missing >= t->rec.frag_count) {
        return (uint16_t)(t->rec.frag_count + extra); /* it has heard nothing */
    }
    uint32_t heard = coded - coded * a->missing / t->rec.frag_count;
    uint32_t wanted = a->missing + extra;
    return (uint16_t)(heard < wanted ? wanted - heard : 0);
}

/*
 * It has heard nothing of what was sent since it said so last: it has it all, or it is not in
 * the session.
 */
static bool is_stuck(const struct member *m, const struct member_answer *a)
{
    bool news = m->told_n != 0 && m->told_n != m->transmission->news_n;
    return news && a->missing > 0 && a->received > 0 && a->received == m->rec.received &&
           may_have_it(m->transmission, m);
}

/* A further session is dated already, and others are told: it takes part in it. */
static bool may_join_session(const struct transmission *t)
{
    return t->rec.phase == TX_LEAD;
}

/* Who misses nothing has heard something, unless it has rebooted and knows of no block:
 * several tell the counts of nothing then, or of what was (13). */
static bool has_no_session(const struct member *m, const struct member_answer *a)
{
    return a->missing == 0 && a->received == 0 && device_counts_rank(m->device);
}

/*
 * Data: it says that nothing is missing, by a count that can be believed. Those that count
 * frames say so of a block that is not whole.
 */
static bool says_all(const struct member *m, const struct member_answer *a)
{
    const struct transmission *t = m->transmission;
    return !spec_installs(m->campaign->def.spec) && a->missing == 0 &&
           t->rec.next_n > t->rec.frag_count && never_heard(m, a) == 0 &&
           device_profile(m->device)->missing != PROFILE_MISSING_COUNTED;
}

bool proof_is_doubtful(const struct member *m)
{
    const struct transmission *t = m->transmission;
    if (spec_installs(m->campaign->def.spec) || t->rec.next_n <= t->rec.frag_count) {
        return false;
    }
    if (m->rec.missing == UINT16_MAX) {
        return (device_profile(m->device)->silent & PROFILE_SILENT_COMPLETE) != 0;
    }
    return m->told_n != 0 && t->news_n >= m->told_n + m->rec.missing;
}

void proof_take_status(struct engine *e, struct member *m, const struct member_answer *a)
{
    struct transmission *t = m->transmission;
    if (a->proven) {
        member_take_block(e, m, 0, true);
        return;
    }
    if (look_is_on(t)) {
        look_take(e, m, a);
        return;
    }
    if (has_no_session(m, a)) {
        member_leave(e, m, OUTCOME_FAILED, REASON_INCOMPLETE, FW_SEEN_INCOMPLETE);
        return;
    }
    if (detect_lost_for_ever(t->rec.next_n - 1u, a->received, a->missing)) {
        device_note_quirk(e, m->device, DEVICE_LOST_FOR_EVER);
    }
    if (says_all(m, a)) {
        member_take_block(e, m, 0, true);
        return;
    }
    bool stuck = is_stuck(m, a);
    if (stuck && !can_be_asked(m)) {
        member_take_block(e, m, a->missing, false); /* its decoder counts no more */
        return;
    }
    uint16_t missing = stuck ? UINT16_MAX : still_missing(m, a);
    if (missing == 0 && m->denied_n == t->news_n) {
        if (is_past_help(m, a)) {
            member_leave(e, m, OUTCOME_FAILED, REASON_NO_MEMORY, FW_SEEN_NO_MATRIX);
            return;
        }
        missing = RANK_EXTRA; /* as many as M, and not of full rank */
    }
    m->rec.missing = missing;
    m->rec.received = a->received;
    m->told_missing = a->missing;
    m->told_n = t->news_n;
    m->polled = true;
    m->tail = 0;
    if (missing == 0) {
        member_take_block(e, m, 0, false);
        return;
    }
    bool is_next = m->rec.phase == MEMBER_LISTENING && is_to_be_asked(m);
    if (m->rec.phase == MEMBER_STATUS && may_join_session(t) && repair_is_worth(t, m)) {
        member_setup_go_on(e, m);
    } else if (m->rec.phase == MEMBER_STATUS) {
        member_enter(e, m, MEMBER_LISTENING);
    } else {
        member_store(e, m);
    }
    if (!is_next) {
        session_take_status(e, m);
    }
    transmission_member_changed(e, t);
}

/* ---- denial ---- */

bool proof_take_denial(struct engine *e, struct member *m, const struct member_answer *a)
{
    struct transmission *t = m->transmission;
    bool delta_failed = a->corrupt && m->rec.variant != VARIANT_FULL;
    if (m->rec.phase != MEMBER_UPGRADE || t == NULL || !is_vague(m) || delta_failed ||
        a->reason != REASON_IMAGE_REFUSED) {
        return false;
    }
    if (t->rec.phase > TX_CONFIRM) {
        member_leave(e, m, OUTCOME_FAILED, REASON_INCOMPLETE, FW_SEEN_INCOMPLETE);
        return true;
    }
    m->denied_n = t->news_n;
    m->polled = false;
    m->tail = 0;
    member_enter(e, m, MEMBER_LISTENING);
    member_seen(e, m, FW_SEEN_SESSION);
    if (m->told_n == t->news_n && t->rec.phase == TX_CONFIRM) {
        struct member_answer told = {.verdict = VERDICT_STATUS,
                                     .received = m->rec.received,
                                     .missing = m->told_missing};
        m->rec.missing = UINT16_MAX;
        proof_take_status(e, m, &told); /* it has told that of what was sent before */
        return true;
    }
    /* Behind the same uplink. */
    if (may_join_session(t)) {
        member_setup_go_on(e, m);
    } else {
        member_ask(e, m, MEMBER_STATUS);
    }
    transmission_member_changed(e, t);
    return true;
}

/* SPDX-License-Identifier: MIT */
#include "engine/agree.h"

#include "engine/campaign.h"
#include "engine/deliver.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "image/version.h"

#define DIFFERS_TEXT "a device announced another next version than the others"

enum {
    ENOUGH = 5, /* that agree, however many there are */
};

/* ---- the target ---- */

/* Of itself: as the campaign gives it, or as its stack codes the text. */
static bool target_of_itself(const struct member *m, uint32_t *version)
{
    const struct spec_image *image = &m->campaign->def.spec->image;
    if (image->firmware_version != SPEC_AUTO_U32) {
        *version = image->firmware_version;
        return true;
    }
    return device_profile(m->device)->version == PROFILE_VERSION_BYTES &&
           version_as_bytes(image->version, version) == FUO_OK;
}

bool agree_target(const struct member *m, uint32_t *version)
{
    if (target_of_itself(m, version)) {
        return true;
    }
    *version = m->campaign->rec.next_firmware;
    return m->campaign->rec.next_known;
}

/* How many devices said that this is the version to come. */
static size_t count_agreeing(const struct campaign *c, uint32_t version)
{
    size_t count = 0;
    for (size_t i = 0; i < c->member_count; i++) {
        count += c->members[i].rec.version_after == version;
    }
    return count;
}

/* Those that did not end without having said a version. */
static size_t count_voters(const struct campaign *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->member_count; i++) {
        const struct member_rec *rec = &c->members[i].rec;
        bool may_tell = rec->outcome == OUTCOME_NONE && !deliver_is_way(&c->members[i]);
        count += may_tell || rec->version_after != 0;
    }
    return count;
}

static void fail(struct engine *e, struct member *m)
{
    member_end(e, m, OUTCOME_FAILED, REASON_VERSION_DIFFERS, FW_SEEN_UNSUPPORTED);
}

static void refuse(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    bool given = c->def.spec->image.firmware_version != SPEC_AUTO_U32;
    bool may_be_delta = m->rec.variant != VARIANT_FULL; /* then that is to blame */
    size_t majority = count_voters(c) / 2 + 1;
    if (!given && !may_be_delta &&
        count_agreeing(c, c->rec.next_firmware) <
            (majority < ENOUGH ? majority : ENOUGH)) {
        campaign_pause(e, c, DIFFERS_TEXT); /* which of the two is right? */
    } else {
        campaign_alert(e, c, DIFFERS_TEXT);
    }
    fail(e, m);
}

/* ---- those that wait ---- */

/* Wakes them: each is judged by its own tick. */
static void wake_waiting(struct engine *e, struct campaign *c)
{
    for (size_t i = 0; i < c->member_count; i++) {
        if (c->members[i].announced) {
            engine_wake(e, c->members[i].slot, e->utc);
        }
    }
}

void agree_on(struct engine *e, struct campaign *c, uint32_t version)
{
    c->rec.next_known = true;
    c->rec.next_firmware = version;
    campaign_touch(c);
    wake_waiting(e, c);
}

static struct utc waits_until(const struct member *m)
{
    int64_t within_us = member_limit(m).us - m->rec.phase_since.us;
    return utc_after(m->rec.phase_since, within_us / 2);
}

/* Who waits has answered, and is looked at again in time. */
static void wait_for_others(struct engine *e, struct member *m)
{
    member_drop_command(m);
    m->rec.command_sent = false;
    member_set_announced(m);
    member_store(e, m);
    engine_set_timer(e, m->slot, waits_until(m));
}

static uint32_t left_to_announce(const struct campaign *c)
{
    return campaign_multicast(c, MEMBER_WAITING, MEMBER_UPGRADE) - c->announced;
}

/* Beside a member that has announced. */
struct others {
    uint32_t same;      /* that wait and announced the same */
    uint32_t different; /* ... and did not */
    uint32_t failed;    /* that announced another, and have failed of it */
};

static struct others others_of(const struct member *m)
{
    const struct campaign *c = m->campaign;
    struct others others = {0};
    for (size_t i = 0; i < c->member_count; i++) {
        const struct member *other = &c->members[i];
        bool same = other->rec.version_after == m->rec.version_after;
        bool waits = other->announced && other != m;
        others.same += waits && same;
        others.different += waits && !same;
        others.failed += other->rec.reason == REASON_VERSION_DIFFERS && !same;
    }
    return others;
}

/* Most of those who may tell say so, or at least so many that a few who are wrong together,
 * as from the same stale image, are none of them. */
static bool is_agreed(const struct campaign *c, const struct others *others)
{
    uint32_t agreeing = others->same + 1;
    uint32_t majority = (c->announced + left_to_announce(c)) / 2 + 1;
    uint32_t enough = ENOUGH + others->different + others->failed;
    return agreeing > 1 && agreeing >= (majority < enough ? majority : enough);
}

static void install(struct engine *e, struct member *m, uint32_t version)
{
    m->rec.version_after = version;
    member_ask(e, m, MEMBER_REBOOT);
}

/* There is a target. */
static void go_by(struct engine *e, struct member *m, uint32_t target, uint32_t next)
{
    if (next != target) {
        refuse(e, m);
    } else {
        install(e, m, next);
    }
}

static void announce(struct engine *e, struct member *m, uint32_t next)
{
    struct campaign *c = m->campaign;
    m->rec.version_after = next;
    wait_for_others(e, m);
    struct others others = others_of(m);
    if (is_agreed(c, &others)) {
        agree_on(e, c, next);
        install(e, m, next);
    } else if (others.different > 0) {
        campaign_pause(e, c, DIFFERS_TEXT);
    }
    agree_look(e, c);
}

void agree_take(struct engine *e, struct member *m, uint32_t next)
{
    uint32_t target;
    if (m->rec.version_before_known && next == m->rec.version_before) {
        member_end(e, m, OUTCOME_FAILED, REASON_IMAGE_REFUSED, FW_SEEN_UNSUPPORTED);
        return;
    }
    if (!agree_target(m, &target)) {
        announce(e, m, next);
        return;
    }
    bool given = m->campaign->def.spec->image.firmware_version != SPEC_AUTO_U32;
    if (!given && next == target && !m->campaign->rec.next_known) {
        agree_on(e, m->campaign, next); /* its stack vouches for it */
    }
    go_by(e, m, target, next);
}

/* Nobody is left who could tell which is right: what more of them say than do not. */
static void settle(struct engine *e, struct member *m, const struct others *others)
{
    if (others->same + 1 <= others->different + others->failed) {
        fail(e, m);
        return;
    }
    agree_on(e, m->campaign, m->rec.version_after);
    install(e, m, m->rec.version_after);
}

void agree_tick(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    struct others others;
    uint32_t target;
    if (agree_target(m, &target)) {
        go_by(e, m, target, m->rec.version_after);
        return;
    }
    others = others_of(m);
    if (is_agreed(c, &others) || left_to_announce(c) == 0 ||
        utc_reached(waits_until(m), e->utc)) {
        settle(e, m, &others);
    } else {
        engine_wake(e, m->slot, waits_until(m));
    }
}

void agree_resume(struct member *m)
{
    uint32_t target;
    if (m->rec.phase == MEMBER_UPGRADE && m->rec.version_after != 0 &&
        !agree_target(m, &target)) {
        member_set_announced(m);
    }
}

void agree_look(struct engine *e, struct campaign *c)
{
    if (c->announced > 0 && campaign_runs(c) && left_to_announce(c) == 0) {
        wake_waiting(e, c);
    }
}

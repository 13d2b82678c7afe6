/* SPDX-License-Identifier: MIT */
/*
 * round.c - a round of forming: everybody who is known and in no transmission, into cohorts.
 *
 * A round is made when a campaign begins, over who is known from before, and again when
 * enough time has passed for others to have been discovered or set free. Who is placed need
 * not have been heard yet: it is set up when it speaks.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/package.h"
#include "engine/air.h"
#include "engine/campaign.h"
#include "engine/deliver.h"
#include "engine/forming.h"
#include "engine/install.h"
#include "engine/internal.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/round.h"
#include "engine/session.h"
#include "engine/uplink.h"
#include "engine/variant.h"

#define AGAIN_US       HOURS_US(6) /* who was placed nowhere: links are learned on */
#define QUIET_SHARE    20
#define COMPANY_MIN_US MINUTES_US(5)
#define GATHER_US      MINUTES_US(1) /* other sessions may begin as well */

/* ---- who ---- */

static bool has_transport(const struct member *m)
{
    const uint8_t *version = m->device->rec.package_version;
    return pkg_version_known(PKG_FRAG, version[PKG_FRAG]) &&
           pkg_version_known(PKG_MCAST, version[PKG_MCAST]);
}

bool member_has_every_package(const struct member *m)
{
    return has_transport(m) && m->device->rec.package_version[PKG_FWMGMT] != 0;
}

bool member_has_packages(const struct member *m)
{
    return member_needs_version(m) && !install_by_vendor(m) ? member_has_every_package(m)
                                                            : has_transport(m);
}

bool member_has_class(const struct member *m)
{
    return !spec_is_class_b(&m->campaign->def.spec->radio) ||
           profile_has_class_b(device_profile(m->device));
}

bool member_needs_version(const struct member *m)
{
    return spec_asks_version(m->campaign->def.spec);
}

/* It answers, but missed too much: time does not help, another way or another try does. */
static bool is_overrun(const struct member *m)
{
    return m->rec.reason == REASON_NO_MEMORY || m->rec.reason == REASON_IMAGE_REFUSED ||
           m->rec.reason == REASON_INCOMPLETE;
}

/* Next to nobody is in a transmission: another try keeps no first one waiting. */
static bool is_quiet(const struct campaign *c)
{
    size_t busy = campaign_multicast(c, MEMBER_KEY, MEMBER_STATUS);
    return busy * QUIET_SHARE <= campaign_multicast(c, MEMBER_WAITING, MEMBER_ENDED);
}

/* From when on a READY member may be taken: at once, or after its cooldown. */
struct utc member_ready_from(const struct member *m)
{
    return m->rec.transmissions == 0 || m->rec.late > 0 ||
                   (is_overrun(m) && is_quiet(m->campaign))
               ? m->rec.phase_since
               : utc_after(m->rec.phase_since, m->campaign->def.spec->retry.cooldown_us);
}

/* Who came too late again is waited for: it has to speak before it is taken once more. */
static bool is_awaited(const struct member *m)
{
    return m->rec.late > 1 && m->device->rec.last_uplink.us < m->rec.phase_since.us;
}

static bool is_candidate(const struct engine *e, const struct member *m)
{
    if (m->rec.outcome != OUTCOME_NONE || m->transmission != NULL || deliver_is_way(m)) {
        return false;
    }
    if (m->rec.phase == MEMBER_READY) {
        return utc_reached(member_ready_from(m), e->utc) && !is_awaited(m);
    }
    /* Before it said what it runs nobody knows whether it gets a delta. */
    bool may_be_early = m->campaign->def.delta_count == 0;
    return (m->rec.phase == MEMBER_WAITING || m->rec.phase == MEMBER_VERSION) &&
           may_be_early && m->device->rec.packages_known && member_has_packages(m) &&
           member_has_class(m);
}

/* So long others may still come that would share its transmission. */
int64_t round_company_us(const struct engine *e, struct campaign *c)
{
    int64_t us = campaign_interval_us(e, c, NULL);
    us += us / 4;
    return us > COMPANY_MIN_US ? us : COMPANY_MIN_US;
}

/* Of a large campaign most have ended when the last ones are still tried: not those. */
static void collect(struct round *r)
{
    struct utc next = UTC_NEVER;
    for (size_t i = 0; i < r->c->live_count; i++) {
        struct member *m = r->c->live[i];
        m->in_round = false;
        bool joins =
            m->rec.phase == MEMBER_READY && is_candidate(r->e, m) && cohort_join(r->e, m);
        if (joins) {
            continue;
        }
        if (is_candidate(r->e, m)) {
            m->rec.variant = variant_of(m);
            r->members[r->count++] = m;
        } else if (m->rec.phase == MEMBER_READY && !is_awaited(m)) {
            next = utc_min(next, member_ready_from(m));
        }
    }
    r->c->in_round = 0;
    /* The first whose cooldown is over waits for the others. */
    r->c->round_at =
        next.us == INT64_MAX ? next : utc_after(next, round_company_us(r->e, r->c));
}

/* ---- gateways given by hand ---- */

const struct eui_list *round_gateways(const struct round *r)
{
    const struct eui_list *given = &r->c->def.spec->radio.gateways;
    return given->count > 0 ? given : &r->fleet->def.spec->gateways;
}

/* Each gateway a lane and a turn of its own: nothing is known of who disturbs whom. */
static void lanes_by_hand(const struct eui_list *given, struct cohort *cohort,
                          struct lane_rec *lanes)
{
    size_t count = given->count < RECORD_LANE_MAX ? given->count : RECORD_LANE_MAX;
    for (size_t i = 0; i < count; i++) {
        lanes[i] = (struct lane_rec){
            .colour = (uint8_t)i, .gateway_count = 1, .gateways = {given->items[i]}};
    }
    cohort->lanes = lanes;
    cohort->lane_count = (uint8_t)count;
    cohort->colour_count = (uint8_t)count;
}

static bool same_versions(const struct member *a, const struct member *b)
{
    const uint8_t *of_a = a->device->rec.package_version;
    const uint8_t *of_b = b->device->rec.package_version;
    return of_a[PKG_FRAG] == of_b[PKG_FRAG] && of_a[PKG_MCAST] == of_b[PKG_MCAST];
}

void round_note(struct round *r, enum plan_error err, size_t count)
{
    if (err == PLAN_OK) {
        r->placed += count;
    } else if (r->err == PLAN_OK) {
        r->err = err;
    }
}

/* Moves those of the same versions as the first one out of members; returns what is left. */
static size_t take_same(struct member **members, size_t count, struct member **same,
                        size_t *same_count)
{
    const struct member *first = members[0];
    size_t kept = 0;
    *same_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (same_versions(first, members[i])) {
            same[(*same_count)++] = members[i];
        } else {
            members[kept++] = members[i];
        }
    }
    return kept;
}

/* One cohort for each pair of versions (lorawan.md 4.6). */
static void form_by_hand(struct round *r)
{
    struct lane_rec lanes[RECORD_LANE_MAX];
    struct cohort cohort = {.variant = r->variant,
                            .dr = SPEC_AUTO_U32,
                            .copies = 1,
                            .size_bytes = SPEC_AUTO_U32,
                            .coded_first = SPEC_AUTO_U32,
                            .limits = r->limits};
    lanes_by_hand(round_gateways(r), &cohort, lanes);
    struct member **same = engine_zeroed(r->count, sizeof(struct member *));
    size_t left = r->count;
    while (left > 0) {
        size_t count = 0;
        left = take_same(r->members, left, same, &count);
        cohort.ts004 = same[0]->device->rec.package_version[PKG_FRAG];
        cohort.ts005 = same[0]->device->rec.package_version[PKG_MCAST];
        round_note(r, cohort_form(r->e, r->c, &cohort, same, count), count);
    }
    free(same);
}

/* ---- a round ---- */

/* As many fragments as the slowest data rate would make of the image. */
static uint32_t fragments_at_most(const struct round *r)
{
    const struct campaign *c = r->c;
    const struct region *region = r->fleet->region;
    uint32_t dr = c->def.spec->radio.dr == SPEC_AUTO_U32 ? 0 : c->def.spec->radio.dr;
    uint32_t wanted = c->def.spec->fragmentation.size_bytes;
    uint32_t size = fragplan_size_for_payload(
        region_max_payload(region, (uint8_t)dr, (struct payload_rules){0}));
    size =
        r->limits.size_max != 0 && r->limits.size_max < size ? r->limits.size_max : size;
    size = wanted < size ? wanted : size;
    size_t len = variant_block(c, r->variant).len;
    return size == 0 ? 1 : (uint32_t)((len + size - 1) / size);
}

static bool any_link(const struct round *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->members[i]->device->rec.link_count > 0) {
            return true;
        }
    }
    return false;
}

/* Their decoders cannot take the image, those of others can. */
static void give_up(struct round *r, const struct round *group)
{
    for (size_t i = 0; i < group->count; i++) {
        member_end(r->e, group->members[i], OUTCOME_FAILED, REASON_TOO_BIG,
                   FW_SEEN_NO_FLASH);
    }
    r->placed += group->count;
}

/* As the campaign says, or for want of any link as the fleet does. */
static bool is_by_hand(const struct round *group)
{
    return group->c->def.spec->radio.gateways.count > 0 ||
           (round_gateways(group)->count > 0 && !any_link(group));
}

/* The next group of a fleet that can be sent the same fragments, on its own. */
static void open_group(struct forming *f)
{
    struct round *r = &f->all;
    f->group = (struct round){.e = r->e, .c = r->c, .members = f->group_members};
    f->left = limits_take_group(r->members, f->left, f->group.members, &f->group.count,
                                &f->group.limits);
    f->group.variant = f->group.members[0]->rec.variant;
    f->group.fleet = f->group.members[0]->device->fleet;
    f->group.fragments = fragments_at_most(&f->group);
    f->open = true;
    f->by_hand = is_by_hand(&f->group);
    if (f->by_hand) {
        form_by_hand(&f->group);
    } else {
        forming_open(f);
    }
}

static void close_group(struct forming *f)
{
    struct round *r = &f->all;
    f->open = false;
    if (f->group.err == PLAN_TOO_MANY && f->group.count < r->count) {
        give_up(r, &f->group);
        return;
    }
    r->placed += f->group.placed;
    r->err = r->err == PLAN_OK ? f->group.err : r->err;
}

/* Nobody was placed, nothing is under way: somebody has to know. */
static void complain(struct round *r)
{
    if (r->err != PLAN_OK) {
        campaign_pause(r->e, r->c, plan_error_text(r->err));
    } else if (r->placed == 0 && r->c->transmission_count == 0 &&
               r->c->by_phase[MEMBER_READY] > 0) {
        campaign_pause(r->e, r->c,
                       "no gateway is known that reaches the devices; "
                       "give spec.radio.gateways");
    }
}

static struct forming *begin(struct engine *e, struct campaign *c)
{
    struct forming *f = engine_zeroed(1, sizeof(*f));
    struct round *r = &f->all;
    r->e = e;
    r->c = c;
    campaign_list_live(c);
    r->members = engine_zeroed(c->live_count, sizeof(struct member *));
    f->group_members = engine_zeroed(c->live_count, sizeof(struct member *));
    collect(r);
    f->left = r->count;
    return f;
}

static void finish(struct engine *e, struct campaign *c)
{
    struct round *r = &c->forming->all;
    if (r->placed < r->count) {
        c->round_at = utc_min(c->round_at, engine_in(e, AGAIN_US));
    }
    complain(r);
    round_drop(c);
}

void round_drop(struct campaign *c)
{
    struct forming *f = c->forming;
    if (f != NULL) {
        forming_close(f);
        free(f->all.members);
        free(f->group_members);
        free(f);
        c->forming = NULL;
    }
}

void round_form(struct engine *e, struct campaign *c)
{
    uint64_t work = ROUND_WORK_STEP;
    c->forming = c->forming != NULL ? c->forming : begin(e, c);
    struct forming *f = c->forming;
    while (work > 0) {
        if (f->left == 0 && !f->open) {
            finish(e, c);
            return;
        }
        if (!f->open) {
            open_group(f);
        }
        if (f->by_hand || forming_go(f, &work)) {
            close_group(f);
        }
    }
    engine_wake(e, c->slot, e->utc);
}

/* ---- when ---- */

static bool is_all_there(const struct campaign *c)
{
    return campaign_multicast(c, MEMBER_WAITING, MEMBER_VERSION) == 0 &&
           c->by_phase[MEMBER_READY] == c->in_round;
}

void round_wish(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    struct utc from = member_ready_from(m);
    bool soon = c->round_at.us <= engine_in(e, round_company_us(e, c)).us;
    if (is_awaited(m) || (m->in_round && soon)) {
        return;
    }
    if (utc_reached(from, e->utc) && cohort_join(e, m)) {
        return;
    }
    c->in_round += !m->in_round;
    m->in_round = true;
    struct utc at = from.us > e->utc.us ? from : e->utc;
    bool alone = is_all_there(c) && from.us <= e->utc.us;
    if (!alone && c->round_at.us > at.us) {
        at = utc_after(at, round_company_us(e, c));
    }
    c->round_at = utc_min(c->round_at, at);
    engine_wake(e, c->slot, c->round_at);
}

void round_soon(struct engine *e, struct campaign *c)
{
    c->round_at = utc_min(c->round_at, engine_in(e, GATHER_US));
    engine_wake(e, c->slot, c->round_at);
}

void round_look(struct engine *e, struct campaign *c)
{
    if (c->in_round > 0 && is_all_there(c) && c->round_at.us > e->utc.us) {
        c->round_at = e->utc;
        engine_wake(e, c->slot, e->utc);
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * member_setup.c - what a member is told before a session, and in which order.
 *
 * It needs three things: a decoder (FragSessionSetupReq, TS004), a group (McGroupSetupReq) and
 * a date (McClassCSessionReq or that of class B, both TS005). Each downlink costs a class A
 * device an uplink of its own and its gateways airtime, and that is what sets how soon large
 * cohorts begin. So:
 *
 *   - who takes several commands in a message is told its decoder first, and then group and
 *     date in one message (TS005 2.1), where that fits. As the two packages have a port each,
 *     fewer than two messages are not to be had.
 *   - all others are told group, decoder and date, each in a message of its own. So are those
 *     whose profile nobody gave: what an unknown stack makes of it is not worth finding out.
 *   - who was sent such a message and did not answer until its date is told one by one from
 *     then on, in this campaign: its stack, its server or its profile may be wrong about it.
 *   - what a member has got already it is not told again: a group of an earlier campaign, and
 *     its decoder, when a date has passed and there is another.
 *
 * The decoder goes first only where no fragment can reach it before its group is told: who may
 * still listen to another transmission is told its group first, which ends that.
 */
#include "engine/member_setup.h"
#include "engine/group.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/uplink.h"

enum {
    BOTH_BYTES = 30 + 11,  /* McGroupSetupReq and a session's request (TS005 3.2, 3.6) */
    BOTH_ANSWER_BYTES = 7, /* with the time to the start of the session */
};

/* ---- what it may be told ---- */

/* At the data rates of both receive windows. */
static bool has_room_for_both(const struct member *m)
{
    const struct region *region = m->device->fleet->region;
    struct payload_rules rules = {.edition = PAYLOAD_SAFE};
    uint8_t dr = m->device->dr != ENGINE_DR_UNKNOWN ? m->device->dr : region->rx2_dr;
    return region_max_payload(region, dr, rules) >= BOTH_BYTES &&
           region_max_payload(region, region->rx2_dr, rules) >= BOTH_BYTES;
}

static bool may_send(const struct engine *e, uint32_t transmission_id)
{
    const struct transmission *t = engine_find_transmission(e, transmission_id);
    return t != NULL && t->rec.phase < TX_DRAIN;
}

/*
 * Fragments of another transmission may reach it. It may have the group of that one by what it
 * answered, or was told a date by it, or the server may hold something that tells it.
 */
static bool may_hear_another(const struct member *m)
{
    const struct engine *e = m->campaign->engine;
    const struct device_rec *d = &m->device->rec;
    if (d->mc_group == m->transmission->rec.key_id) {
        return false;
    }
    uint32_t dated_id = m->device->dated_id;
    return d->told_before ||
           (dated_id != m->rec.transmission_id && may_send(e, dated_id)) ||
           may_send(e, group_in_use_by(e, d->mc_group));
}

bool member_setup_is_short(const struct member *m)
{
    const struct profile *profile = device_profile(m->device);
    bool answers = profile->answer_max == 0 || profile->answer_max >= BOTH_ANSWER_BYTES;
    return !m->apart && profile->layout != PROFILE_LAYOUT_AUTO &&
           profile->commands == PROFILE_COMMANDS_MANY && answers && has_room_for_both(m);
}

bool member_setup_adds_session(const struct member *m)
{
    return m->rec.phase == MEMBER_GROUP && m->transmission->rec.phase == TX_LEAD &&
           member_setup_has_frag(m) && member_setup_is_short(m);
}

/* ---- what it has got ---- */

/* Once fragments flow a decoder is never set up again: it would lose what it has. */
bool member_setup_has_frag(const struct member *m)
{
    return m->has_frag || m->transmission->rec.next_n > 1;
}

void member_setup_took_frag(struct member *m)
{
    m->has_frag = true;
}

bool member_setup_may_be_done(const struct member *m)
{
    bool again = m->rec.phase == MEMBER_GROUP && m->transmission->rec.next_n > 1;
    return m->rec.phase == MEMBER_SESSION || m->rec.phase == MEMBER_RESYNC || again ||
           (m->with_session && m->told_both);
}

void member_setup_told_date(struct member *m)
{
    m->device->dated_id = m->rec.transmission_id;
}

void member_setup_forget(struct member *m)
{
    m->has_frag = false;
}

void member_setup_sent(struct member *m)
{
    m->told_both |= m->with_session;
}

/* A message of two that nothing came back to: perhaps its stack drops such, or the server. */
void member_setup_give_up(struct member *m)
{
    m->apart |= m->told_both;
}

void member_setup_enter(struct member *m)
{
    member_setup_give_up(m);
    m->with_session = false;
    m->told_both = false;
    m->reads_on = false;
}

/* Which order it was told in is not stored: what is not certain is told again. */
void member_setup_resume(struct member *m)
{
    if (m->transmission != NULL) {
        m->has_frag |= m->rec.phase >= MEMBER_SET_UP;
        if (m->rec.phase >= MEMBER_GROUP && m->device->active == m) {
            member_setup_told_date(m);
        }
    }
}

/* ---- the next step ---- */

static void ask_frag(struct engine *e, struct member *m)
{
    m->rec.session_count =
        m->device->rec.session_count[m->transmission->rec.frag_index]++;
    m->has_mic = false;
    device_store(e, m->device);
    member_ask(e, m, MEMBER_FRAG);
}

void member_setup_begin(struct engine *e, struct member *m)
{
    bool has_group = group_is_kept(e, m);
    if (may_hear_another(m) || !(has_group || member_setup_is_short(m))) {
        member_ask(e, m, MEMBER_GROUP);
    } else {
        member_setup_go_on(e, m);
    }
}

/* A session that is dated already takes in who comes late. */
void member_setup_go_on(struct engine *e, struct member *m)
{
    if (!member_setup_has_frag(m)) {
        ask_frag(e, m);
        return;
    }
    if (m->device->rec.mc_group != m->transmission->rec.key_id) {
        member_ask(e, m, MEMBER_GROUP);
        return;
    }
    if (m->rec.phase != MEMBER_SET_UP) {
        member_enter(e, m, MEMBER_SET_UP);
    }
    if (m->transmission->rec.phase == TX_LEAD) {
        member_ask(e, m, MEMBER_SESSION);
    }
}

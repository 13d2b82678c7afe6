/* SPDX-License-Identifier: MIT */
#include "engine/repair.h"

#include "engine/lane.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/session.h"

#include <stdlib.h>

#include "campaign/link.h"
#include "campaign/redundancy.h"
#include "codec/frag.h"

enum {
    COST_SHARE = 8,        /* of M: so much the next one costs at least, being slower */
    ANOTHER_SESSION = 2,   /* its fragments, and what setting it up takes */
    ALONG_SHARE = 10,      /* of those who wait, one in so many would share it */
    LOSS_MAX_PPM = 500000, /* a worse estimate is not believed */
    CHASED_SHARE_V1 = 5,   /* of M: most decoders of v1 cannot mend more (2.5) */
    CHASED_SHARE_V2 = 2,
    MISSING_MIN_CHASED = 20, /* however few fragments there are */
    DEVIATIONS = 2,
    TAIL_MAX = 20,     /* missing fragments that are sent one by one */
    TAIL_EXTRA = 2,    /* beyond them: losses, and rows that tell nothing new */
    TAILS_MAX = 2,     /* of a member in a transmission */
    SESSION_COST = 20, /* frames that another session costs beside its fragments */
};

#define TAIL_LONGEST_US HOURS_US(24)

uint16_t repair_last_n(const struct transmission *t)
{
    return (uint16_t)(t->rec.frag_count + t->plan.coded_max);
}

uint16_t repair_target_n(const struct transmission *t, uint32_t need)
{
    uint32_t target = t->rec.next_n - 1u + need;
    uint32_t most = repair_last_n(t);
    return (uint16_t)(target < most ? target : most);
}

/* MissingFrag has a byte: beyond it, what was received says how much is missing. */
static uint32_t missing_of(const struct transmission *t, const struct member *m)
{
    uint32_t count = t->rec.frag_count;
    uint32_t unheard = m->rec.received < count ? count - m->rec.received : 0;
    bool saturated =
        m->rec.missing >= FRAG_MISSING_SATURATED && m->rec.missing != UINT16_MAX;
    return saturated && unheard > m->rec.missing ? unheard : m->rec.missing;
}

/*
 * The loss that a member has seen. Several stacks report the last N as NbFragReceived
 * (lorawan.md 13): what is missing of M then tells it. Others take off that what they lost of
 * the uncoded ones only.
 */
static uint32_t loss_of(const struct transmission *t, const struct member *m)
{
    uint32_t sent = (uint32_t)t->rec.next_n - 1;
    uint32_t received = m->rec.received;
    uint32_t of = sent;
    if (received == 0 || received >= sent) {
        uint32_t missing = missing_of(t, m);
        received = missing < t->rec.frag_count ? t->rec.frag_count - missing : 0;
        sent = t->rec.frag_count;
        of = sent;
    } else if (device_profile(m->device)->received == PROFILE_RECEIVED_LAST_LESS_LOST &&
               sent > t->rec.frag_count) {
        of = t->rec.frag_count;
    }
    uint32_t loss_ppm = 0;
    if (received < sent) {
        loss_ppm = (uint32_t)((uint64_t)(sent - received) * SPEC_PPM / of);
    }
    return loss_ppm < LOSS_MAX_PPM ? loss_ppm : LOSS_MAX_PPM;
}

/*
 * Fragments to be sent until it should have the block; 0: a part of what it needs helps
 * nobody, and more is not left. But if only counts that stand still tell that a device has
 * the block, what is left helps to see that.
 */
static uint32_t need_of(const struct transmission *t, const struct member *m)
{
    uint32_t need = redundancy_need(missing_of(t, m), loss_of(t, m));
    uint32_t left = repair_last_n(t) + 1u - t->rec.next_n;
    if (need <= left) {
        return need;
    }
    return device_denies_images(m->device) ? left : 0;
}

uint32_t repair_most(const struct transmission *t, const struct member *m)
{
    const struct profile *profile = device_profile(m->device);
    uint32_t share = t->rec.ts004 < 2 ? CHASED_SHARE_V1 : CHASED_SHARE_V2;
    uint32_t most = t->rec.frag_count / share;
    most = most > MISSING_MIN_CHASED ? most : MISSING_MIN_CHASED;
    uint32_t cap = profile_cap(profile, t->rec.ts004, t->rec.frag_count);
    return profile_knows_cap(profile) && cap < most ? cap : most;
}

/*
 * Some count as received what is coded too, and miss less with each of those, whether they
 * can mend it or not. How many of all that they lost were coded is a guess, good to two
 * deviations; what goes beyond is certain.
 */
static bool has_lost_more(const struct transmission *t, const struct member *m,
                          uint32_t most)
{
    if (t->rec.ts004 >= 2 || t->rec.copies > 1 || t->rec.next_n <= t->rec.frag_count) {
        return false;
    }
    uint64_t loss_ppm = loss_of(t, m);
    uint64_t coded_lost = (t->rec.next_n - 1u - t->rec.frag_count) * loss_ppm / SPEC_PPM;
    uint64_t lost = t->rec.frag_count * loss_ppm / SPEC_PPM;
    uint64_t over = lost > most ? lost - most : 0;
    return over * over > (uint64_t)DEVIATIONS * DEVIATIONS * (coded_lost + 1);
}

bool repair_is_worth(const struct transmission *t, const struct member *m)
{
    uint32_t most = repair_most(t, m);
    return m->rec.missing != UINT16_MAX && m->rec.missing > 0 &&
           missing_of(t, m) <= most && !has_lost_more(t, m, most);
}

/*
 * What leaving one member behind costs, in fragments: its share of the session that it
 * needs then. Those who wait for one go along as far as its gateways and its data rate are
 * theirs: one in so many.
 */
static uint32_t cost_of_one(const struct transmission *t)
{
    uint32_t along = t->campaign->by_phase[MEMBER_READY] / ALONG_SHARE;
    uint32_t cost = ANOTHER_SESSION * (uint32_t)t->rec.frag_count / (along + 1);
    uint32_t least = (uint32_t)t->rec.frag_count / COST_SHARE + 1;
    return cost > least ? cost : least;
}

struct demand repair_demand(const struct transmission *t)
{
    struct demand d = {0};
    size_t count = 0;
    uint32_t *needs = engine_zeroed(t->member_count, sizeof(*needs));
    for (size_t i = 0; i < t->member_count; i++) {
        const struct member *m = t->members[i];
        if (!m->polled || !member_in_session(m) || !repair_is_worth(t, m)) {
            continue;
        }
        d.members++;
        d.missing += m->rec.missing;
        uint32_t need = need_of(t, m);
        if (need > 0) {
            needs[count++] = need;
        }
    }
    d.need = redundancy_stop(needs, count, cost_of_one(t));
    free(needs);
    return d;
}

/* ---- the unicast tail ---- */

/* Who speaks more often than that has no interval, see link.h. */
static int64_t interval_us(const struct member *m)
{
    int64_t known_us = m->device->rec.uplink_interval_us;
    return known_us > 0 ? known_us : LINK_BURST_US;
}

static int64_t tail_takes_us(const struct member *m)
{
    return (m->rec.missing + TAIL_EXTRA + 1) * interval_us(m);
}

static int64_t tail_granted_us(int64_t takes_us)
{
    return takes_us + takes_us / 2;
}

/* A few fragments, one behind each of its uplinks, if they fit its data rate and the
 * window. */
static bool may_have_tail(const struct engine *e, const struct transmission *t,
                          const struct member *m)
{
    const struct device *d = m->device;
    bool room = d->dr != ENGINE_DR_UNKNOWN &&
                region_max_payload(t->plan.region, d->dr, (struct payload_rules){0}) >=
                    t->rec.frag_size_bytes + FRAG_DATA_OVERHEAD_BYTES;
    return room && m->rec.missing <= TAIL_MAX && m->tails < TAILS_MAX &&
           tail_takes_us(m) <= TAIL_LONGEST_US && !t->rec.pending &&
           engine_in(e, tail_granted_us(tail_takes_us(m))).us <=
               dates_open_until(t->campaign, e->utc).us &&
           t->rec.next_n > t->rec.frag_count &&
           t->rec.next_n + m->rec.missing + TAIL_EXTRA <= repair_last_n(t);
}

/*
 * Cheaper than another session for all of its gateways, not later, and possible for all who
 * need it.
 */
bool repair_alone_is_better(struct engine *e, const struct transmission *t,
                            const struct demand *d)
{
    int64_t session_us = transmission_lead_us(e, t) + d->need * t->plan.interval_us;
    uint32_t cost = d->missing + TAIL_EXTRA * (uint32_t)d->members;
    if (cost >= SESSION_COST + d->need * lanes_gateways(t)) {
        return false;
    }
    for (size_t i = 0; i < t->member_count; i++) {
        const struct member *m = t->members[i];
        if (m->polled && member_in_session(m) && repair_is_worth(t, m) &&
            (!may_have_tail(e, t, m) || tail_takes_us(m) > session_us)) {
            return false;
        }
    }
    return true;
}

/* False: there is nobody whom it could help. */
bool repair_alone(struct engine *e, struct transmission *t)
{
    int64_t longest_us = 0;
    for (size_t i = 0; i < t->member_count; i++) {
        struct member *m = t->members[i];
        if (!m->polled || m->rec.phase != MEMBER_LISTENING || !repair_is_worth(t, m) ||
            !may_have_tail(e, t, m)) {
            continue;
        }
        int64_t takes_us = tail_takes_us(m);
        longest_us = takes_us > longest_us ? takes_us : longest_us;
        m->tails++;
        m->tail = (uint8_t)(m->rec.missing + TAIL_EXTRA);
        m->polled = false;
        member_ask(e, m, MEMBER_STATUS);
    }
    if (longest_us == 0) {
        return false;
    }
    t->tail_until = engine_in(e, tail_granted_us(longest_us));
    engine_wake(e, t->slot, t->tail_until);
    return true;
}

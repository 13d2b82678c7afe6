/* SPDX-License-Identifier: MIT */
#include "engine/look.h"
#include "engine/lane.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/repair.h"
#include "engine/session.h"
#include "engine/trim.h"
#include "engine/uplink.h"

enum {
    FIRST_N = 24,      /* fragments before the first look */
    LEFT_MIN = 24,     /* fewer to go are not worth asking */
    ASKED_MAX = 4,     /* times in a row, if nobody answers */
    DOWN_PPM = 250000, /* of the requests, lost by who is listening */
    SILENT_PPM = 1000,
    DEVIATIONS = 2,
    UNLIKELY = 2,    /* half a variance: one in four would still have it */
    SATURATED = 255, /* MissingFrag has a byte */
};

static uint32_t sent_of(const struct transmission *t)
{
    return t->rec.next_n - 1u;
}

bool look_is_on(const struct transmission *t)
{
    return t->rec.next_n <= t->rec.frag_count;
}

/* Half way it would be taken for one whose decoder is too small. */
static bool is_misread(const struct transmission *t, const struct member *m)
{
    return device_error_above(m->device, t->rec.frag_count) > 0 &&
           device_counts_rank(m->device);
}

bool look_is_due(const struct transmission *t)
{
    uint32_t at = t->look_n > FIRST_N ? t->look_n : FIRST_N;
    if (sent_of(t) < at || sent_of(t) + LEFT_MIN > t->rec.frag_count ||
        transmission_count(t, MEMBER_SESSION, MEMBER_STATUS) > PARTITION_POLLED_MAX) {
        return false;
    }
    for (size_t i = 0; i < t->member_count; i++) {
        if (member_in_session(t->members[i]) && is_misread(t, t->members[i])) {
            return false;
        }
    }
    return true;
}

static uint32_t less(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

/* Frames that it has counted, copies too: what is lost of fragments if each has as many. */
static uint32_t lost_of_copies(const struct transmission *t, uint32_t received)
{
    uint64_t frames = (uint64_t)sent_of(t) * t->rec.copies;
    uint64_t lost = sent_of(t);
    for (uint8_t i = 0; i < t->rec.copies; i++) {
        lost = lost * less((uint32_t)frames, received) / frames;
    }
    return (uint32_t)lost;
}

/* Of what was sent, as far as all stacks agree; rather too few. */
static uint32_t lost_of(const struct transmission *t, const struct member_answer *a)
{
    uint32_t left = less(t->rec.frag_count, a->received);
    left = left < SATURATED ? left : SATURATED;
    if (a->received > sent_of(t)) {
        return t->rec.copies > 1 ? lost_of_copies(t, a->received) : 0;
    }
    uint32_t behind = sent_of(t) - a->received;
    bool counts_left = a->missing + 1u >= left && a->missing <= left + 1u;
    uint32_t lost = counts_left ? behind : a->missing + behind;
    return lost < sent_of(t) ? lost : sent_of(t);
}

static uint32_t most_of(const struct transmission *t, const struct member *m)
{
    uint64_t cap_ppm =
        profile_cap_ppm(device_profile(m->device), t->rec.ts004, t->rec.frag_count);
    uint32_t cap = (uint32_t)(t->rec.frag_count * cap_ppm / PROFILE_PPM);
    uint32_t most = repair_most(t, m);
    return cap < most && cap > 0 ? cap : most;
}

/*
 * Lost as often as that, expected to be at what will be mended: how far beyond it, squared,
 * in variances of UNLIKELY parts.
 */
static bool is_beyond(const struct transmission *t, const struct member *m,
                      uint32_t variances)
{
    uint32_t most = most_of(t, m);
    if (m->look_lost > most) {
        return true;
    }
    uint64_t expected = (uint64_t)sent_of(t) * most / t->rec.frag_count;
    uint64_t over = less(m->look_lost, (uint32_t)expected);
    return UNLIKELY * over * over > variances * (expected + 1);
}

/* More than will be mended is lost already, or next to certainly will be. */
static bool is_hopeless(const struct transmission *t, const struct member *m)
{
    return is_beyond(t, m, UNLIKELY * DEVIATIONS * DEVIATIONS);
}

void look_take(struct engine *e, struct member *m, const struct member_answer *a)
{
    struct transmission *t = m->transmission;
    m->look_lost = (uint16_t)lost_of(t, a);
    m->look_missed = 0;
    m->polled = true;
    if (a->missing > 0) {
        m->rec.received = a->received;
        m->rec.missing = a->missing;
    }
    if (m->rec.phase == MEMBER_STATUS) {
        member_enter(e, m, MEMBER_LISTENING);
    } else {
        member_store(e, m);
    }
}

/* That none of its answers came through, since the last that did, is that unlikely. */
static bool is_silent(const struct member *m)
{
    uint64_t up_ppm = device_unheard_ppm(m->device);
    uint64_t once_ppm = up_ppm + DOWN_PPM - up_ppm * DOWN_PPM / SPEC_PPM;
    uint64_t all_ppm = SPEC_PPM;
    for (uint8_t i = 0; i < m->look_missed; i++) {
        all_ppm = all_ppm * once_ppm / SPEC_PPM;
    }
    return all_ppm <= SILENT_PPM;
}

static bool asks_again(const struct transmission *t)
{
    bool open = false;
    if (t->polls >= ASKED_MAX) {
        return false;
    }
    for (size_t i = 0; i < t->member_count; i++) {
        const struct member *m = t->members[i];
        if (member_in_session(m) && m->polled) {
            return false; /* it is sent for somebody */
        }
        open = open || (member_in_session(m) && !is_silent(m));
    }
    return open;
}

/* On its last try it stays: what it misses may still come by way of a tail. */
static bool has_another_try(const struct member *m)
{
    return m->rec.transmissions < m->campaign->def.spec->retry.device;
}

/* Who leaves makes room at the end: downwards. */
static void drop_hopeless(struct engine *e, struct transmission *t)
{
    for (size_t i = t->member_count; i-- > 0;) {
        struct member *m = t->members[i];
        if (member_in_session(m) && m->polled && has_another_try(m) &&
            is_hopeless(t, m)) {
            member_leave(e, m, OUTCOME_FAILED, REASON_INCOMPLETE, FW_SEEN_INCOMPLETE);
        }
    }
}

/* What is left to send is likely to be sent for nothing, if it is for such only. */
static bool is_unlikely(const struct transmission *t, const struct member *m)
{
    return m->polled ? has_another_try(m) && is_beyond(t, m, 1) : is_silent(m);
}

/* One of them alone costs the others nothing: all it may be is bad luck. */
static bool all_are_unlikely(const struct transmission *t)
{
    for (size_t i = 0; i < t->member_count; i++) {
        const struct member *m = t->members[i];
        if (member_in_session(m) && !is_unlikely(t, m)) {
            return false;
        }
    }
    return true;
}

static void drop_all(struct engine *e, struct transmission *t)
{
    for (size_t i = t->member_count; i-- > 0;) {
        struct member *m = t->members[i];
        if (!member_in_session(m)) {
            continue;
        }
        if (m->polled) {
            member_leave(e, m, OUTCOME_FAILED, REASON_INCOMPLETE, FW_SEEN_INCOMPLETE);
        } else {
            member_leave(e, m, OUTCOME_UNKNOWN, REASON_NO_ANSWER, FW_SEEN_TARGETED);
        }
    }
}

/* What they told says nothing of what they will miss in the end. */
static void forget(struct transmission *t)
{
    for (size_t i = 0; i < t->member_count; i++) {
        struct member *m = t->members[i];
        if (member_in_session(m)) {
            m->rec.missing = UINT16_MAX;
            m->rec.received = 0;
            m->polled = false;
        }
    }
}

static void judge(struct engine *e, struct transmission *t)
{
    size_t count = t->member_count;
    drop_hopeless(e, t);
    if (all_are_unlikely(t)) {
        drop_all(e, t);
    }
    forget(t);
    t->look_n = (uint16_t)(sent_of(t) + sent_of(t) / 2);
    if (t->member_count < count) {
        lanes_trim(e, t);
    }
}

void look_end(struct engine *e, struct transmission *t)
{
    for (size_t i = 0; i < t->member_count; i++) {
        struct member *m = t->members[i];
        m->look_missed = (uint8_t)(m->look_missed + !m->polled);
    }
    if (!asks_again(t)) {
        judge(e, t);
    }
    frame_schedule(e, t);
    transmission_enter(e, t, TX_SENDING);
}

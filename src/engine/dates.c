/* SPDX-License-Identifier: MIT */
/*
 * dates.c - when the sessions of a transmission are: long enough after its members are told,
 * in a window of its campaign, where its gateways are free and have airtime.
 *
 * What is dated takes its gateways, but for the frames of those who serve more devices in
 * the time; what is left over of a pass goes in between. Nothing is sent outside a window:
 * frames and polls end before it does, and what the server still holds then is dropped.
 */
#include <stdlib.h>

#include "codec/mcast.h"
#include "engine/admit.h"
#include "engine/air.h"
#include "engine/budget.h"
#include "engine/campaign.h"
#include "engine/internal.h"
#include "engine/lane.h"
#include "engine/member_setup.h"
#include "engine/session.h"
#include "engine/term.h"
#include "engine/uplink.h"

#define LEAD_MIN_US   MINUTES_US(5)
#define LEAD_MAX_US   HOURS_US(48)
#define LEAD_EXTRA_US MINUTES_US(2)
#define PAUSE_US      HOURS_US(1)    /* until the airtime of an hour is free again */
#define SHORTEST_US   MINUTES_US(10) /* a session costs each device an exchange */
#define IDLE_US       (START_MARGIN_US + SESSION_GUARD_US)

enum {
    CHAIN = 4,       /* exchanges of a set-up: version, group, fragmentation, session */
    CHAIN_SHORT = 3, /* ... of who is asked for group and session at once */
    CHAIN_AGAIN = 1, /* ... of a further session */
    UPLINKS_MAX = 16,
    FAILURE_CLASSES = 32,
    DOWN_LOSS_PPM = 30000, /* no downlink is thought better */
    FAILURE_MAX_PPM = 800000,
    LATE_WEIGHT_SHORT = 4,
    LATE_WEIGHT = 20, /* of those who are late, so many at most count for themselves */
    MANY = 100,       /* so many have another pass to themselves in any case */
    REPAIR_SHARE = 5, /* of the frames, that repair takes more */
    ROUNDS_MAX = 256, /* to go round others; then behind all of them */
    BEACON_PERIOD_S = 128,
};

/* ---- how long before ---- */

/* Of an exchange: the command or its answer is lost. */
static uint32_t failure_ppm(const struct device *d)
{
    uint64_t up_ppm = device_unheard_ppm(d);
    uint64_t down_ppm = up_ppm > DOWN_LOSS_PPM ? up_ppm : DOWN_LOSS_PPM;
    uint64_t ppm = up_ppm + down_ppm - up_ppm * down_ppm / SPEC_PPM;
    return (uint32_t)(ppm < FAILURE_MAX_PPM ? ppm : FAILURE_MAX_PPM);
}

/*
 * How many in a million are not set up after so many uplinks: the chain goes on within one
 * uplink until an exchange fails, and waits for the next one then.
 */
static uint64_t unready_ppm(uint64_t fail_ppm, uint32_t chain, uint32_t uplinks)
{
    uint64_t success_ppm = SPEC_PPM - fail_ppm;
    uint64_t chance_ppm = SPEC_PPM; /* of the chain and j failures, in any order */
    uint64_t ready_ppm = 0;
    for (uint32_t i = 0; i < chain; i++) {
        chance_ppm = chance_ppm * success_ppm / SPEC_PPM;
    }
    for (uint32_t j = 0; j < uplinks; j++) {
        ready_ppm += chance_ppm;
        chance_ppm = chance_ppm * fail_ppm / SPEC_PPM * (chain + j) / (j + 1);
    }
    return ready_ppm < SPEC_PPM ? SPEC_PPM - ready_ppm : 0;
}

/* What a further pass for those who are late would take from its gateways. */
static int64_t pass_us(const struct transmission *t)
{
    int64_t frames = (int64_t)t->rec.target_n - t->rec.next_n + 1;
    int64_t copies = t->rec.copies > 1 ? t->rec.copies : 1;
    int64_t cap_ms = t->plan.airtime_cap_us / 1000;
    return cap_ms > 0 ? frames * copies * t->plan.frame_airtime_us / cap_ms *
                            (HOURS_US(1) / 1000)
                      : 0;
}

/* Members by how often an exchange with them fails. */
struct failures {
    uint32_t count[FAILURE_CLASSES];
};

static struct failures failures_of(const struct transmission *t)
{
    struct failures f = {{0}};
    for (size_t i = 0; i < t->member_count; i++) {
        uint32_t ppm = failure_ppm(t->members[i]->device);
        f.count[(uint64_t)ppm * (FAILURE_CLASSES - 1) / FAILURE_MAX_PPM]++;
    }
    return f;
}

/* Of all members, those that are not set up after so many uplinks. */
static uint64_t late_ppm(const struct failures *f, size_t members, uint32_t chain,
                         uint32_t uplinks)
{
    uint64_t sum_ppm = 0;
    for (uint32_t c = 0; c < FAILURE_CLASSES; c++) {
        uint64_t fail_ppm = (uint64_t)(c + 1) * FAILURE_MAX_PPM / FAILURE_CLASSES;
        sum_ppm +=
            f->count[c] > 0 ? f->count[c] * unready_ppm(fail_ppm, chain, uplinks) : 0;
    }
    return members > 0 ? sum_ppm / members : 0;
}

/* Is it for those whom another transmission began without? */
static bool is_late(const struct transmission *t)
{
    for (size_t i = 0; i < t->member_count; i++) {
        if (t->members[i]->rec.late == 0) {
            return false;
        }
    }
    return true;
}

/* Of most of them. */
static uint32_t chain_of(const struct transmission *t)
{
    if (t->rec.session_no > 0) {
        return CHAIN_AGAIN;
    }
    size_t shorter = 0;
    for (size_t i = 0; i < t->member_count; i++) {
        shorter += member_setup_is_short(t->members[i]);
    }
    return 2 * shorter > t->member_count ? CHAIN_SHORT : CHAIN;
}

/*
 * How many uplinks to wait for: each costs everybody an interval. Who is not set up by then
 * needs another pass, two intervals and its airtime later, which matters to the whole as
 * soon as it is more than a few of them.
 */
static uint32_t uplinks_wanted(const struct transmission *t, int64_t interval_us)
{
    struct failures failures = failures_of(t);
    bool short_again = is_late(t) && pass_us(t) < interval_us;
    uint64_t most =
        short_again || t->member_count > MANY ? LATE_WEIGHT_SHORT : LATE_WEIGHT;
    uint64_t weight = t->member_count < most ? t->member_count : most;
    uint32_t chain = chain_of(t);
    int64_t again_us = 2 * interval_us + pass_us(t);
    uint32_t best = 1;
    int64_t least_us = INT64_MAX;
    for (uint32_t k = 1; k <= UPLINKS_MAX; k++) {
        uint64_t ppm = late_ppm(&failures, t->member_count, chain, k) * weight;
        int64_t cost_us = k * interval_us + again_us / 1000 * (int64_t)(ppm / 1000);
        if (cost_us < least_us) {
            least_us = cost_us;
            best = k;
        }
    }
    return best;
}

/* Uplinks to come that a session that is dated now waits for. */
int64_t transmission_lead_us(struct engine *e, const struct transmission *t)
{
    int64_t given_us = t->campaign->def.spec->radio.setup_lead_us;
    if (given_us != SPEC_AUTO_US) {
        return given_us;
    }
    int64_t interval_us = campaign_interval_us(e, t->campaign, t);
    int64_t lead_us =
        uplinks_wanted(t, interval_us) * (interval_us + interval_us / 16) + LEAD_EXTRA_US;
    if (t->rec.session_no == 0) {
        int64_t airtime_us = admit_setup_us(e, t);
        lead_us = airtime_us > 0 ? lead_us + airtime_us : lead_us;
    }
    if (lead_us < LEAD_MIN_US) {
        return LEAD_MIN_US;
    }
    return lead_us > LEAD_MAX_US ? LEAD_MAX_US : lead_us;
}

/* ---- windows ---- */

static struct calendar_windows windows_of(const struct campaign *c)
{
    return (struct calendar_windows){c->spans, c->span_count};
}

struct utc dates_open_until(const struct campaign *c, struct utc at)
{
    struct calendar_windows windows = windows_of(c);
    struct utc silent_from = term_silent_from(c);
    struct utc latest = silent_from.us > at.us ? silent_from : at;
    return utc_min(calendar_open_until(&windows, at), latest);
}

/* Sessions start at whole seconds, which may be just before a window does. */
static struct utc window_end(const struct transmission *t)
{
    return dates_open_until(t->campaign, utc_after(t->rec.session_start, SECONDS_US(1)));
}

struct utc dates_until(const struct engine *e, const struct transmission *t)
{
    return utc_min(t->rec.session_end, dates_open_until(t->campaign, e->utc));
}

/* Whether the session that is dated still lies in a window. */
bool dates_hold(const struct engine *e, const struct transmission *t)
{
    struct utc from = utc_after(t->rec.session_start, SECONDS_US(1));
    from = from.us > e->utc.us ? from : e->utc;
    struct utc until = dates_open_until(t->campaign, from);
    return until.us == INT64_MAX || until.us - from.us > SESSION_GUARD_US;
}

bool dates_were_cut(const struct transmission *t)
{
    return t->rec.timeout_exp == MC_TIMEOUT_EXP_MAX ||
           window_end(t).us <= t->rec.session_end.us;
}

/*
 * What is still in the server's queue when a window ends is dropped. Not while a frame may
 * be under way: its answer is waited for first.
 */
void dates_watch_queue(struct engine *e, struct transmission *t)
{
    bool sending = t->rec.phase == TX_SENDING;
    if (sending) {
        t->flush_at = dates_open_until(t->campaign, e->utc);
    }
    if (t->flush_at.us == INT64_MAX) {
        return;
    }
    if (!utc_reached(t->flush_at, e->utc)) {
        engine_wake(e, t->slot, t->flush_at);
        return;
    }
    if (sending) {
        return;
    }
    t->flush_at = UTC_NEVER;
    lanes_flush(e, t);
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        t->lanes[i].row_count = 0;
    }
}

/* Ascending, apart, none beyond `until`; those that touch are one. */
static size_t copy_spans(struct calendar_span *to, const struct calendar_span *from,
                         size_t count, struct utc until)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct calendar_span s = {from[i].start, utc_min(from[i].end, until)};
        struct calendar_span *last = kept > 0 ? &to[kept - 1] : NULL;
        if (s.end.us <= s.start.us) {
            continue;
        }
        if (last != NULL && s.start.us <= last->end.us) {
            last->end = s.end.us > last->end.us ? s.end : last->end;
        } else if (kept < ENGINE_WINDOWS_MAX) {
            to[kept++] = s;
        }
    }
    return kept;
}

void dates_set_windows(struct campaign *c, const struct engine_windows *windows)
{
    free(c->spans);
    c->spans = NULL;
    c->span_count = 0;
    if (windows->spans == NULL) {
        return;
    }
    size_t count =
        windows->count < ENGINE_WINDOWS_MAX ? windows->count : ENGINE_WINDOWS_MAX;
    c->spans = engine_zeroed(count, sizeof(*c->spans));
    c->span_count = copy_spans(c->spans, windows->spans, count, windows->until);
}

void dates_take_windows(struct engine *e, const struct engine_windows *windows)
{
    struct campaign *c = engine_find_campaign(e, windows->campaign_id);
    if (c == NULL) {
        return;
    }
    dates_set_windows(c, windows);
    for (size_t i = 0; i < c->transmission_count; i++) {
        if (c->transmissions[i]->rec.phase != TX_ENDED) {
            engine_wake(e, c->transmissions[i]->slot, e->utc);
        }
    }
}

/* ---- others on its gateways ---- */

/* What the session is planned to take, polls and repair included. */
static int64_t planned_us(const struct transmission *t)
{
    int64_t frames = (int64_t)t->rec.target_n - t->rec.next_n + 1;
    int64_t us = frames * t->plan.interval_us * (t->rec.copies > 1 ? t->rec.copies : 1);
    return us + us / REPAIR_SHARE + 2 * t->plan.poll_window_us;
}

/* It sends what has not been sent; a session for what is left over goes in between. */
static bool is_pass(const struct transmission *t)
{
    return t->rec.next_n <= t->rec.frag_count;
}

/* Repair that a poll may ask for, and another poll. */
static int64_t repair_us(const struct transmission *t)
{
    int64_t frames = (int64_t)t->rec.next_n - t->session_first_n;
    return frames * t->plan.interval_us / REPAIR_SHARE + 2 * t->plan.poll_window_us;
}

/* Until when a session that is dated takes its gateways; 0: there is none. */
static struct utc taken_until(const struct engine *e, const struct transmission *t)
{
    struct utc until = {0};
    if (t->rec.phase == TX_LEAD && is_pass(t)) {
        until = utc_after(t->rec.session_start, planned_us(t));
    } else if (t->rec.phase == TX_SENDING) {
        until = engine_in(e, planned_us(t));
    } else if (t->rec.phase == TX_POLL) {
        until = engine_in(e, repair_us(t));
    }
    return utc_min(until, utc_min(t->rec.session_end, window_end(t)));
}

/* More devices for the time: it goes in between the frames of the other. */
static bool goes_first(const struct transmission *t, const struct transmission *other)
{
    int64_t own_s = planned_us(t) / 1000000 + 1;
    int64_t other_s = planned_us(other) / 1000000 + 1;
    return (int64_t)t->member_count * other_s > (int64_t)other->member_count * own_s * 2;
}

/* The end of the last session there that would overlap; 0: none. */
static struct utc overlap_at(const struct engine *e, const struct gateway_ledger *l,
                             const struct transmission *t,
                             const struct calendar_span *session)
{
    struct utc latest = {0};
    for (size_t i = 0; l != NULL && i < l->open_count; i++) {
        const struct transmission *other = l->open[i];
        if (other == t || other->rec.session_start.us >= session->end.us) {
            continue;
        }
        struct utc until = taken_until(e, other);
        bool apart = until.us <= session->start.us || goes_first(t, other);
        if (!apart && until.us > latest.us) {
            latest = until;
        }
    }
    return latest;
}

/*
 * Sessions on a gateway follow one another, or go in between where there is room: the end
 * of those that are in the way of this one, or its start if there are none.
 */
static struct utc past_others(struct engine *e, const struct transmission *t,
                              const struct calendar_span *session)
{
    struct utc latest = session->start;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        const struct lane_rec *lane = &t->lanes[i].rec;
        for (uint8_t g = 0; g < lane->gateway_count; g++) {
            const struct gateway_ledger *l =
                air_ledger(e, t->fleet, lane->gateways[g], t->rec.frequency_hz);
            struct utc until = overlap_at(e, l, t, session);
            latest = until.us > latest.us ? until : latest;
        }
    }
    return latest;
}

/* ---- the date ---- */

/* The first session from `from` on of what is to be sent yet; false: no window has room. */
static bool first_session(const struct transmission *t, struct utc from,
                          struct calendar_span *session)
{
    struct calendar_request request = {.duration_us = planned_us(t) - IDLE_US,
                                       .idle_us = IDLE_US,
                                       .lead_us = t->lead_us,
                                       .shortest_us = SHORTEST_US,
                                       .longest_us = t->plan.session_unit_us
                                                     << MC_TIMEOUT_EXP_MAX,
                                       .not_before = from,
                                       .deadline = term_silent_from(t->campaign),
                                       .windows = windows_of(t->campaign)};
    struct calendar_course course;
    (void)calendar_course(&request, &course);
    if (course.count == 0) { /* a few frames, rather than none */
        request.shortest_us = 2 * t->plan.interval_us;
        (void)calendar_course(&request, &course);
    }
    *session = course.sessions[0];
    return course.count > 0;
}

/* From when on nobody else has a date there. */
static struct utc after_all(struct engine *e, const struct transmission *t,
                            struct utc from)
{
    const struct calendar_span all = {from, UTC_NEVER};
    return past_others(e, t, &all);
}

/*
 * Each round is later than the one before: behind a session that is in the way, or where
 * there is airtime. If they do not agree, it is behind all the others.
 */
static bool find_date(struct engine *e, struct transmission *t, struct utc from,
                      struct calendar_span *session)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!first_session(t, from, session)) {
            return false;
        }
        from = is_pass(t) ? past_others(e, t, session) : session->start;
        if (from.us == session->start.us) {
            from = air_pass_from(e, t, from);
        }
        if (from.us == session->start.us) {
            return true;
        }
    }
    return first_session(t, after_all(e, t, from), session);
}

/*
 * Who has to wait for airtime on the way needs devices that listen longer; nobody listens
 * on when the window is over.
 */
static uint8_t timeout_for(const struct transmission *t,
                           const struct calendar_span *session, bool fits)
{
    int64_t unit_us = t->plan.session_unit_us;
    uint8_t exp = plan_timeout_exp(unit_us, session->end.us - session->start.us);
    exp = exp > t->rec.timeout_exp ? exp : t->rec.timeout_exp;
    if (!fits) {
        uint8_t longer = plan_timeout_exp(unit_us, planned_us(t) + PAUSE_US);
        exp = longer > exp ? longer : exp;
    }
    struct utc closes = dates_open_until(t->campaign, session->start);
    uint8_t longest = closes.us == INT64_MAX
                          ? MC_TIMEOUT_EXP_MAX
                          : plan_timeout_exp(unit_us, closes.us - session->start.us);
    return exp < longest ? exp : longest;
}

/* No window is known that has room for it: others will be told, unless the deadline comes
 * first. */
static void await_windows(struct engine *e, struct transmission *t)
{
    if (t->rec.phase != TX_SETUP) {
        transmission_enter(e, t, TX_SETUP);
        campaign_alert(e, t->campaign,
                       t->campaign->def.deadline.us == INT64_MAX
                           ? "no window is left in which it could be sent"
                           : "no window is left before the deadline in which it could "
                             "be sent");
    }
}

/* The whole second; class B: the next beacon, as SessionTime is a multiple of 128 s there
 * (TS005 v2.0.0, 4.5). */
static struct utc start_at(const struct transmission *t, struct utc start)
{
    struct utc second = {start.us - start.us % 1000000};
    if (!air_in_slots(t)) {
        return second;
    }
    uint32_t since_s = gps_from_utc(second).s % BEACON_PERIOD_S;
    return utc_after(second, SECONDS_US((BEACON_PERIOD_S - since_s) % BEACON_PERIOD_S));
}

void transmission_date(struct engine *e, struct transmission *t)
{
    struct calendar_span session;
    if (!budget_lets_date(e, t)) {
        transmission_enter(e, t, TX_SETUP); /* it is dated when the campaign goes on */
        return;
    }
    t->lead_us = transmission_lead_us(e, t);
    if (!find_date(e, t, engine_in(e, t->lead_us), &session) ||
        utc_reached(term_last_start(t->campaign), session.start)) {
        await_windows(e, t);
        return;
    }
    struct utc start = session.start;
    t->rec.timeout_exp = timeout_for(t, &session, air_pass_fits(e, t, start));
    t->rec.session_start = start_at(t, start);
    t->lead_us = t->rec.session_start.us - e->utc.us;
    t->rec.session_end =
        utc_after(t->rec.session_start, t->plan.session_unit_us << t->rec.timeout_exp);
    t->rec.session_no++;
    transmission_enter(e, t, TX_LEAD);
}

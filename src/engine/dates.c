/* SPDX-License-Identifier: MIT */
/*
 * dates.c - when the sessions of a transmission are: long enough after its members are told,
 * where its gateways are free.
 */
#include "engine/internal.h"

#define LEAD_MIN_US   MINUTES_US(5)
#define LEAD_MAX_US   HOURS_US(48)
#define LEAD_EXTRA_US MINUTES_US(2)
#define PAUSE_US      HOURS_US(1) /* until the airtime of an hour is free again */
#define FREE_MAX_US   DAYS_US(14) /* later: a clock was wrong */

enum {
    CHAIN = 4,       /* exchanges of a set-up: version, group, fragmentation, session */
    CHAIN_AGAIN = 1, /* ... of a further session */
    UPLINKS_MAX = 16,
    FAILURE_CLASSES = 32,
    UNHEARD_PPM = 50000,   /* of a device of which nothing is known */
    DOWN_LOSS_PPM = 30000, /* no downlink is thought better */
    FAILURE_MAX_PPM = 800000,
    LATE_WEIGHT_SHORT = 4,
    LATE_WEIGHT = 20, /* of those who are late, so many at most count for themselves */
    REPAIR_SHARE = 5, /* of the frames, that repair takes more */
    GAPS_MAX = 64,    /* sessions to go round */
};

/* ---- how long before ---- */

/* Uplinks of a device that nobody hears: from the shares that its links heard. */
static uint32_t unheard_ppm(const struct device_rec *d)
{
    uint64_t lost_ppm = SPEC_PPM;
    for (size_t k = 0; k < d->link_count; k++) {
        uint32_t heard_ppk = d->link[k].heard_ppk < 1000 ? d->link[k].heard_ppk : 1000;
        lost_ppm = lost_ppm * (1000 - heard_ppk) / 1000;
    }
    return d->link_count > 0 ? (uint32_t)lost_ppm : UNHEARD_PPM;
}

/* Of an exchange: the command or its answer is lost. */
static uint32_t failure_ppm(const struct device_rec *d)
{
    uint64_t up_ppm = unheard_ppm(d);
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
        uint32_t ppm = failure_ppm(&t->members[i]->device->rec);
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

/*
 * How many uplinks to wait for: each costs everybody an interval. Who is not set up by then
 * needs another pass, two intervals and its airtime later, which matters to the whole as
 * soon as it is more than a few of them.
 */
static uint32_t uplinks_wanted(const struct transmission *t, int64_t interval_us)
{
    struct failures failures = failures_of(t);
    bool short_again = is_late(t) && pass_us(t) < interval_us;
    uint64_t most = short_again ? LATE_WEIGHT_SHORT : LATE_WEIGHT;
    uint64_t weight = t->member_count < most ? t->member_count : most;
    uint32_t chain = t->rec.session_no > 0 ? CHAIN_AGAIN : CHAIN;
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
int64_t transmission_lead_us(const struct engine *e, const struct transmission *t)
{
    int64_t given_us = t->campaign->def.spec->radio.setup_lead_us;
    if (given_us != SPEC_AUTO_US) {
        return given_us;
    }
    int64_t interval_us = campaign_interval_us(e, t->campaign, t);
    int64_t lead_us =
        uplinks_wanted(t, interval_us) * (interval_us + interval_us / 16) + LEAD_EXTRA_US;
    if (lead_us < LEAD_MIN_US) {
        return LEAD_MIN_US;
    }
    return lead_us > LEAD_MAX_US ? LEAD_MAX_US : lead_us;
}

/* ---- others on its gateways ---- */

/* What the session is planned to take, polls and repair included. */
static int64_t planned_us(const struct transmission *t)
{
    int64_t frames = (int64_t)t->rec.target_n - t->rec.next_n + 1;
    int64_t us = frames * t->plan.interval_us * (t->rec.copies > 1 ? t->rec.copies : 1);
    return us + us / REPAIR_SHARE + 2 * t->plan.poll_window_us;
}

/* Until when a session that is dated takes its gateways; what is left over of one does not. */
static struct utc taken_until(const struct engine *e, const struct transmission *t)
{
    if (t->rec.phase == TX_LEAD && t->rec.next_n == 1) {
        return utc_after(t->rec.session_start, planned_us(t));
    }
    return t->rec.phase == TX_SENDING ? engine_in(e, planned_us(t)) : (struct utc){0};
}

/* More devices for the time: it goes in between the frames of the other. */
static bool goes_first(const struct transmission *t, const struct transmission *other)
{
    int64_t own_s = planned_us(t) / 1000000 + 1;
    int64_t other_s = planned_us(other) / 1000000 + 1;
    return (int64_t)t->member_count * other_s > (int64_t)other->member_count * own_s * 2;
}

/* The end of a session there that would overlap; 0: none. */
static struct utc overlap_at(const struct engine *e, const struct gateway_ledger *l,
                             const struct transmission *t, struct utc start)
{
    struct utc end = utc_after(start, planned_us(t));
    struct utc latest = {0};
    for (size_t i = 0; l != NULL && i < l->open_count; i++) {
        const struct transmission *other = l->open[i];
        struct utc until = taken_until(e, other);
        bool apart = other == t || until.us <= start.us ||
                     other->rec.session_start.us >= end.us || goes_first(t, other);
        if (!apart && until.us > latest.us) {
            latest = until;
        }
    }
    return latest;
}

/* From `from` on, past what is in the way on the gateways of a lane. */
static struct utc past_others(struct engine *e, const struct transmission *t,
                              const struct lane_rec *lane, struct utc from)
{
    for (uint8_t i = 0; i < lane->gateway_count; i++) {
        const struct gateway_ledger *l =
            air_ledger(e, t->campaign->fleet, lane->gateways[i], t->rec.frequency_hz);
        struct utc until = overlap_at(e, l, t, from);
        from = until.us > from.us ? until : from;
    }
    return from;
}

/*
 * Sessions on a gateway follow one another, or go in between where there is room: the
 * first time from `from` on at which all gateways are free for as long as it takes.
 */
static struct utc free_from(struct engine *e, const struct transmission *t,
                            struct utc from)
{
    for (int round = 0; round < GAPS_MAX; round++) {
        struct utc start = from;
        for (uint8_t i = 0; i < t->rec.lane_count; i++) {
            start = past_others(e, t, &t->lanes[i].rec, start);
        }
        if (start.us == from.us) {
            break;
        }
        from = start;
    }
    return from;
}

/* ---- the date ---- */

/* Who has to wait for airtime on the way needs devices that listen longer. */
static uint8_t timeout_for(const struct transmission *t, bool fits)
{
    if (fits) {
        return t->rec.timeout_exp;
    }
    uint8_t exp = plan_timeout_exp(planned_us(t) + PAUSE_US);
    return exp > t->rec.timeout_exp ? exp : t->rec.timeout_exp;
}

void transmission_date(struct engine *e, struct transmission *t)
{
    struct utc start = engine_in(e, transmission_lead_us(e, t));
    bool first = t->rec.next_n == 1; /* what is left over goes in between */
    if (first) {
        struct utc free = free_from(e, t, start);
        start = free.us - e->utc.us < FREE_MAX_US ? free : start;
    }
    start = air_pass_from(e, t, start);
    bool fits = air_pass_fits(e, t, start);
    t->lead_us = start.us - e->utc.us;
    t->rec.session_start = (struct utc){start.us - start.us % 1000000};
    t->rec.timeout_exp = timeout_for(t, fits);
    t->rec.session_end =
        utc_after(t->rec.session_start, SECONDS_US(1) << t->rec.timeout_exp);
    t->rec.session_no++;
    transmission_enter(e, t, TX_LEAD);
}

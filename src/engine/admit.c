/* SPDX-License-Identifier: MIT */
/* admit.c - may a command to one device leave, and what it cost. */
#include "engine/admit.h"

#include "engine/air.h"
#include "engine/uplink.h"
#include "radio/airtime.h"
#include "radio/subband.h"

#define ANSWER_US SECONDS_US(10) /* of an uplink that has just come */

enum {
    LENGTH_UNKNOWN = 41, /* bytes: the longest message, see member_setup.c */
    USUAL_PPM = 10000,   /* sub-bands with less hold no channel of the standard */
    SECOND_PCT = 20,     /* of the commands, before the second window is counted on ... */
    SECOND_MOST_PCT = 70, /* ... and on nothing else */
    LEARN_PART = 8,       /* of what is known of the windows, at each command */
    EVEN_PCT = 75,        /* of the sub-bands' airtime: the fullest one limits all */
    SETUP_COMMANDS = 1,   /* that wait for all others; the rest goes on between them */
    SETUP_BYTES = 17,     /* FragSessionSetupReq (TS004-2.0.0, 3.3) */
    /* Short commands would fill every gap before a long one fits: they leave it a part. */
    LONG_PART = 50,
    KEPT_PART = 10,
    SESSION_PART = 4, /* of the share; twice that in the worst hour, see level_us() */
    /* ChirpStack's gateway_prefer_min_margin; of a median, what single uplinks have beyond. */
    STRONG_CDB = 1000,
    STRONG_MEDIAN_CDB = 700,
};

#define ANSWER_BIT (UINT64_C(1) << 31)

/* How a command would go out. */
struct way {
    bool answers; /* the device has just spoken */
    uint8_t rx2;  /* number, the second one */
    struct admission a;
};

static uint8_t bit(size_t number)
{
    return (uint8_t)(1u << number);
}

/* Sub-band of a frequency, as a bit; 0: none. */
static uint8_t band_bit(const struct region *region, uint32_t frequency_hz)
{
    size_t number = 0;
    return subband_find(region, frequency_hz, 0, &number) != NULL ? bit(number) : 0;
}

/* Where the fleet sends; before any uplink: wherever a channel of the standard may be. */
static uint8_t uplink_bands(const struct fleet *f)
{
    if (f->uplink_bands != 0) {
        return f->uplink_bands;
    }
    uint8_t bands = 0;
    for (size_t i = 0; i < subband_count(f->region); i++) {
        bands |= subband_at(f->region, i)->limit_ppm >= USUAL_PPM ? bit(i) : 0;
    }
    return bands;
}

/* Too little for anything but single frames: nothing is planned there. */
static uint8_t narrow_bands(const struct fleet *f)
{
    uint8_t bands = 0;
    for (size_t i = 0; i < subband_count(f->region); i++) {
        bands |= subband_at(f->region, i)->limit_ppm < USUAL_PPM ? bit(i) : 0;
    }
    return bands;
}

static uint32_t airtime_us(const struct device *d, uint8_t dr, size_t len)
{
    int64_t us = 0;
    uint8_t slowest = d->fleet->region->rx2_dr;
    if (dr >= REGION_DR_COUNT ||
        airtime_downlink_us(d->fleet->region, dr, len, &us) != FUO_OK) {
        us = airtime_downlink_us(d->fleet->region, slowest, len, &us) == FUO_OK ? us : 0;
    }
    return (uint32_t)us;
}

static uint64_t gateway_of(const struct device *d, bool answers)
{
    if (answers && d->heard_by != 0) {
        return d->heard_by;
    }
    return d->rec.link_count > 0 ? d->rec.link[0].gateway : 0;
}

/* A server may take any gateway that hears the device so well, and not the best one. */
static bool is_strong(const struct device *d, size_t link, bool answers)
{
    if (answers) {
        return (d->strong & bit(link)) != 0;
    }
    const struct data_rate *rate = device_uplink_rate(d);
    return rate != NULL &&
           link_margin_cdb(d->rec.link[link].snr_p50_cdb, rate, 0) >= STRONG_MEDIAN_CDB;
}

static void list_gateways(const struct device *d, bool answers, struct admission *a)
{
    size_t count = 1;
    a->gateways[0] = gateway_of(d, answers);
    for (size_t i = 0; i < d->rec.link_count && count < RECORD_LINK_MAX; i++) {
        uint64_t gateway = d->rec.link[i].gateway;
        if (gateway != a->gateways[0] && is_strong(d, i, answers)) {
            a->gateways[count++] = gateway;
        }
    }
}

/* Those of an admission, in turn. */
static bool has_gateway(const struct admission *a, size_t i)
{
    return i == 0 || (i < RECORD_LINK_MAX && a->gateways[i] != 0);
}

/* Some servers answer slow uplinks in the second window: seen of the last commands. */
static uint8_t second_pct(const struct device *d)
{
    return d->dr < REGION_DR_COUNT ? d->fleet->second_pct[d->dr] : 0;
}

static struct way way_of(const struct engine *e, const struct device *d, size_t len)
{
    const struct region *region = d->fleet->region;
    struct way w = {.answers = e->utc.us - d->rec.last_uplink.us < ANSWER_US};
    size_t rx2 = 0;
    (void)subband_find(region, region->rx2_hz, 0, &rx2);
    w.rx2 = (uint8_t)rx2;
    uint8_t heard = w.answers ? band_bit(region, d->uplink_hz) : 0;
    uint8_t usual = uplink_bands(d->fleet);
    w.a.expected = heard != 0 ? heard : (uint8_t)(usual & ~narrow_bands(d->fleet));
    w.a.expected = second_pct(d) > SECOND_MOST_PCT ? bit(rx2)
                   : second_pct(d) > SECOND_PCT    ? (uint8_t)(w.a.expected | bit(rx2))
                                                   : w.a.expected;
    list_gateways(d, w.answers, &w.a);
    w.a.bands = (uint8_t)(usual | heard | bit(rx2));
    w.a.len = (uint8_t)len;
    w.a.uplink_hz = heard != 0 ? d->uplink_hz : 0;
    w.a.rx1_us = airtime_us(d, d->dr, len);
    w.a.rx2_us = airtime_us(d, region->rx2_dr, len);
    return w;
}

/* ---- may it ---- */

/* What commands took there lately; forgotten at the rate at which they may take it. */
static int64_t level_us(const struct gateway_ledger *l, struct utc now)
{
    int64_t rate_us = ledger_own_cap_us(&l->ledger) / SESSION_PART; /* in an hour */
    int64_t past_s = (now.us - l->command_at.us) / 1000000;
    int64_t left_us = l->command_us - past_s * (rate_us / 3600);
    return left_us > 0 ? left_us : 0;
}

static bool is_sending(const struct gateway_ledger *l)
{
    for (size_t i = 0; i < l->open_count; i++) {
        if (l->open[i]->rec.phase == TX_SENDING) {
            return true;
        }
    }
    return false;
}

/* All that waits and this one may go out there: together with what is booked. */
static bool is_lawful(const struct gateway_ledger *l, struct utc now, int64_t us)
{
    int64_t cap_us = ledger_total_cap_us(&l->ledger);
    int64_t booked_us = ledger_peak_us(&l->ledger, LEDGER_OWN, now) +
                        ledger_peak_us(&l->ledger, LEDGER_OTHERS, now);
    return booked_us + l->queued_us + us <= cap_us &&
           (l->queued_us == 0 || l->queued_us + us <= cap_us / 2);
}

/* A frame alone in its hour is not more than anybody's share. */
static bool is_share(const struct gateway_ledger *l, struct utc now, int64_t us,
                     int64_t cap_us)
{
    int64_t used_us = ledger_peak_us(&l->ledger, LEDGER_OWN, now) + l->likely_us;
    return used_us == 0 || used_us + us <= cap_us;
}

static bool fits(const struct way *w, const struct gateway_ledger *l, size_t band,
                 struct utc now)
{
    int64_t cap_us = ledger_own_cap_us(&l->ledger);
    bool expected = (w->a.expected & bit(band)) != 0;
    bool second = band == w->rx2;
    int64_t us = second ? w->a.rx2_us : w->a.rx1_us;
    if (!is_lawful(l, now, us)) {
        return false;
    }
    if (level_us(l, now) + us > cap_us / SESSION_PART && is_sending(l)) {
        return false;
    }
    bool is_long = us > cap_us / LONG_PART;
    int64_t most_us = is_long ? cap_us : cap_us - cap_us / KEPT_PART;
    return !expected || is_share(l, now, us, w->answers ? most_us : cap_us / 2);
}

static bool fits_at(struct engine *e, const struct device *d, const struct way *w,
                    uint64_t gateway)
{
    for (size_t i = 0; i < subband_count(d->fleet->region); i++) {
        if ((w->a.bands & bit(i)) == 0) {
            continue;
        }
        const struct gateway_ledger *l =
            air_ledger_in(e, d->fleet, gateway, subband_at(d->fleet->region, i));
        if (l != NULL && !fits(w, l, i, e->utc)) {
            return false;
        }
    }
    return true;
}

static bool is_admitted(struct engine *e, const struct device *d, const struct way *w)
{
    for (size_t i = 0; has_gateway(&w->a, i); i++) {
        if (!fits_at(e, d, w, w->a.gateways[i])) {
            return false;
        }
    }
    return true;
}

/* ---- how long a set-up takes ---- */

/* What an hour has for commands in the first window, as evenly as channels are used. */
static int64_t hourly_us(struct engine *e, const struct fleet *f, uint64_t gateway,
                         int64_t *room_us)
{
    int64_t sum_us = 0;
    uint8_t bands = (uint8_t)(uplink_bands(f) & ~narrow_bands(f));
    *room_us = 0;
    for (size_t i = 0; i < subband_count(f->region); i++) {
        const struct gateway_ledger *l =
            (bands & bit(i)) != 0 ? air_ledger_in(e, f, gateway, subband_at(f->region, i))
                                  : NULL;
        if (l != NULL) {
            int64_t cap_us = ledger_own_cap_us(&l->ledger);
            int64_t left_us =
                cap_us - l->likely_us - ledger_peak_us(&l->ledger, LEDGER_OWN, e->utc);
            sum_us += cap_us;
            *room_us += left_us > 0 ? left_us : 0;
        }
    }
    *room_us = *room_us / 100 * EVEN_PCT;
    return sum_us / 100 * EVEN_PCT;
}

/* Where what is asked of a gateway is added up. */
static struct gateway_ledger *tally_of(struct engine *e, const struct device *d)
{
    size_t number = 0;
    (void)subband_find(d->fleet->region, d->fleet->region->rx2_hz, 0, &number);
    return air_ledger_in(e, d->fleet, gateway_of(d, false),
                         subband_at(d->fleet->region, number));
}

int64_t admit_setup_us(struct engine *e, const struct transmission *t)
{
    int64_t latest_us = 0;
    for (size_t i = 0; i < t->member_count; i++) {
        struct gateway_ledger *l = tally_of(e, t->members[i]->device);
        if (l != NULL) {
            l->asked_us = 0;
        }
    }
    for (size_t i = 0; i < t->member_count; i++) {
        const struct device *d = t->members[i]->device;
        struct gateway_ledger *l = tally_of(e, d);
        if (l == NULL || second_pct(d) > SECOND_PCT) {
            continue;
        }
        l->asked_us += (int64_t)SETUP_COMMANDS * airtime_us(d, d->dr, SETUP_BYTES);
        int64_t room_us = 0;
        int64_t hour_us = hourly_us(e, d->fleet, l->gateway, &room_us);
        int64_t more_us = l->asked_us - room_us;
        int64_t hour_s = hour_us / SECONDS_US(1);
        int64_t us = more_us > 0 && hour_s > 0 ? more_us * 3600 / hour_s : 0;
        latest_us = us > latest_us ? us : latest_us;
    }
    return latest_us;
}

/* ---- what waits ---- */

static void reserve_at(struct engine *e, const struct device *d,
                       const struct admission *a, uint64_t gateway, int sign)
{
    const struct region *region = d->fleet->region;
    for (size_t i = 0; i < subband_count(region); i++) {
        const struct subband *band = subband_at(region, i);
        struct gateway_ledger *l =
            (a->bands & bit(i)) != 0 ? air_ledger_in(e, d->fleet, gateway, band) : NULL;
        bool second = (band_bit(region, region->rx2_hz) & bit(i)) != 0;
        if (l != NULL) {
            int64_t us = (int64_t)sign * (second ? a->rx2_us : a->rx1_us);
            l->queued_us += us;
            l->likely_us += (a->expected & bit(i)) != 0 ? us : 0;
        }
    }
}

static void reserve(struct engine *e, const struct device *d, const struct admission *a,
                    int sign)
{
    for (size_t i = 0; has_gateway(a, i); i++) {
        reserve_at(e, d, a, a->gateways[i], sign);
    }
}

void admit_release(struct engine *e, struct member *m)
{
    reserve(e, m->device, &m->admission, -1);
    m->admission.bands = 0;
}

bool admit_command(struct engine *e, struct member *m, size_t len)
{
    admit_drop(e, m);
    const struct way w = way_of(e, m->device, len);
    if (!is_admitted(e, m->device, &w)) {
        return false;
    }
    m->admission = w.a;
    reserve(e, m->device, &w.a, 1);
    return true;
}

void admit_resume(struct engine *e, struct member *m)
{
    if (m->rec.command_id == 0 || m->rec.command_sent || m->admission.bands != 0) {
        return;
    }
    m->admission = way_of(e, m->device, LENGTH_UNKNOWN).a;
    reserve(e, m->device, &m->admission, 1);
}

/* ---- what has left ---- */

static void note_level(struct gateway_ledger *l, struct utc now, int64_t us)
{
    l->command_us = level_us(l, now) + us;
    l->command_at = now;
}

static void book(struct engine *e, struct gateway_ledger *l, uint32_t frequency_hz,
                 int64_t us)
{
    ledger_record(&l->ledger, LEDGER_OWN, e->utc, us);
    note_level(l, e->utc, us);
    if (l->gateway != 0) {
        air_store_charge(e, l->gateway, frequency_hz, e->utc, us);
    }
}

/* Where it should have gone out, for want of better knowledge. */
static void book_expected(struct engine *e, const struct device *d,
                          const struct admission *a)
{
    const struct region *region = d->fleet->region;
    bool first = band_bit(region, a->uplink_hz) != 0;
    uint32_t frequency_hz = first ? a->uplink_hz : region->rx2_hz;
    struct gateway_ledger *l = air_ledger(e, d->fleet, a->gateways[0], frequency_hz);
    if (l != NULL) {
        book(e, l, frequency_hz, first ? a->rx1_us : a->rx2_us);
    }
}

static void learn_window(const struct device *d, uint32_t frequency_hz)
{
    if (d->dr >= REGION_DR_COUNT || frequency_hz == 0) {
        return;
    }
    uint8_t *pct = &d->fleet->second_pct[d->dr];
    bool second = frequency_hz == d->fleet->region->rx2_hz;
    *pct = (uint8_t)((*pct * (LEARN_PART - 1) + (second ? 100 : 0)) / LEARN_PART);
}

static void book_fate(struct engine *e, const struct device *d,
                      const struct engine_event *event, const struct admission *a)
{
    uint64_t gateway = event->send_fate.gateway;
    uint32_t frequency_hz = event->send_fate.frequency_hz;
    struct gateway_ledger *l = gateway != 0 && frequency_hz != 0
                                   ? air_ledger(e, d->fleet, gateway, frequency_hz)
                                   : NULL;
    if (l == NULL) {
        book_expected(e, d, a);
        return;
    }
    uint8_t dr = event->send_fate.dr;
    int64_t us = dr < REGION_DR_COUNT           ? airtime_us(d, dr, a->len)
                 : frequency_hz == d->uplink_hz ? a->rx1_us
                                                : a->rx2_us;
    if (event->send_fate.aired) {
        note_level(l, e->utc, us); /* the ledger has it already, see air_observe() */
    } else {
        book(e, l, frequency_hz, us);
    }
}

void admit_charge(struct engine *e, struct member *m, const struct engine_event *event)
{
    if (m->rec.command_sent) {
        return; /* it is said twice */
    }
    admit_resume(e, m);
    admit_release(e, m);
    learn_window(m->device, event->send_fate.frequency_hz);
    book_fate(e, m->device, event, &m->admission);
}

void admit_charge_stray(struct engine *e, const struct device *d,
                        const struct engine_event *event)
{
    const struct way w = way_of(e, d, LENGTH_UNKNOWN);
    bool answer = (event->send_fate.id & ANSWER_BIT) != 0;
    bool elsewhere = event->send_fate.gateway != d->heard_by ||
                     event->send_fate.frequency_hz != d->uplink_hz;
    if (!answer || elsewhere) { /* the others are charged where they were */
        book_fate(e, d, event, &w.a);
    }
}

/* A device of class A can have it only if it spoke while it waited. */
void admit_drop(struct engine *e, struct member *m)
{
    if (m->admission.bands == 0) {
        return;
    }
    bool spoke = m->device->rec.last_uplink.us > m->rec.command_at.us - ANSWER_US;
    admit_release(e, m);
    if (spoke) {
        book_expected(e, m->device, &m->admission);
    }
}

bool admit_answer(struct engine *e, const struct device *d, size_t len)
{
    const struct way w = way_of(e, d, len);
    if (!is_admitted(e, d, &w)) {
        return false;
    }
    book_expected(e, d, &w.a);
    return true;
}

/* ---- ids ---- */

static uint64_t next_id(struct engine *e)
{
    return (uint64_t)e->config.boot << 32 | (e->next_command++ & (ANSWER_BIT - 1));
}

uint64_t admit_command_id(struct engine *e)
{
    return next_id(e);
}

uint64_t admit_answer_id(struct engine *e)
{
    return next_id(e) | ANSWER_BIT;
}

/* ---- learning ---- */

void admit_learn(struct device *d, const struct engine_event *event)
{
    const struct engine_rx *best = NULL;
    for (size_t i = 0; i < event->uplink.rx_count && i < ENGINE_RX_MAX; i++) {
        const struct engine_rx *rx = &event->uplink.rx[i];
        best = best == NULL || rx->snr_cdb > best->snr_cdb ? rx : best;
    }
    d->heard_by = best != NULL ? best->gateway : 0;
    d->uplink_hz = event->uplink.frequency_hz;
    if (d->active != NULL && d->active->admission.uplink_hz == 0) {
        d->active->admission.uplink_hz = d->uplink_hz;
    }
    d->fleet->uplink_bands |= band_bit(d->fleet->region, d->uplink_hz);
}

void admit_note_links(struct device *d, const struct engine_event *event)
{
    const struct data_rate *rate = device_uplink_rate(d);
    d->strong = 0;
    for (size_t i = 0; i < event->uplink.rx_count && i < ENGINE_RX_MAX; i++) {
        const struct engine_rx *rx = &event->uplink.rx[i];
        const struct device_link *link = link_find(&d->rec, rx->gateway);
        bool strong = rate == NULL || rx->snr_cdb + data_rate_noise_cdb(rate) -
                                              data_rate_floor_cdb(rate) >=
                                          STRONG_CDB;
        if (link != NULL && strong) {
            d->strong |= bit((size_t)(link - d->rec.link));
        }
    }
}

/* SPDX-License-Identifier: MIT */
#include "campaign/link.h"

#include <string.h>

enum {
    INTERVAL_STEADY = 16, /* steps of that part of it, in the long run */

    /* SNR, in hundredths of a dB; the spread that is expected is 3 dB. */
    SNR_MAX_CDB = 3200,
    SPREAD_CDB = 300,
    DECILE_BELOW_CDB = 384, /* of a Gaussian: 1.28 times the spread */
    /* Quantile q moves by (q or q - 1) / density / n, which is the best gain there is. */
    MEDIAN_STEP_CDB = 375,
    DECILE_UP_CDB = 171,
    DECILE_DOWN_CDB = 1539,
    SURPRISE_CDB = 900, /* three times the spread */
    SURPRISE_COUNT = 6, /* with so few uplinks counted it is a change, else an outlier */
    MISS_MEDIAN_CDB = 1000, /* above the floor; further up, misses are collisions */
    MISS_DECILE_CDB = 500,
    MISS_BELOW_CDB = 300, /* the SNR of an uplink that was missed, below the floor */
    NEWCOMER_CDB = 300,

    SHARE_ALL = 1000,
    SHARE_NEWCOMER = 200, /* at least, until it is known */
    SHARE_DROPPED = 10,
    SHARE_PENALTY_CDB = 5, /* per 1/1000 that a link is heard less than a newcomer */
    UNHEARD_PPM = 50000,   /* of a device without links */

    SNR_TOLD_CDB = 900, /* receivers tell no more apart */
    STATUS_PART = 3,    /* of the way that a status tells */
    DOWN_WORST_CDB = -1500,
    DOWN_BEST_CDB = 300,

    LOAD_PERIODS_MAX = 18,
    LOAD_PERIODS_IN_HOUR = 6,
};

#define LOAD_PERIOD_US MINUTES_US(10)

/* ---- uplinks ---- */

/*
 * The median of the gaps, by steps of a share of itself: an uplink that was lost doubles one
 * gap, and must not double the interval. The first gaps count for more.
 */
static void note_interval(struct device_rec *d, struct utc received, uint32_t sent)
{
    int64_t gap_us = received.us - d->last_uplink.us;
    if (d->last_uplink.us == 0 || gap_us < LINK_BURST_US) {
        return;
    }
    gap_us /= sent > 1 ? sent : 1;
    if (gap_us < LINK_BURST_US) {
        return;
    }
    gap_us = gap_us < RECORD_SPAN_MAX_US ? gap_us : RECORD_SPAN_MAX_US;
    int64_t interval_us = d->uplink_interval_us;
    uint32_t part =
        d->uplinks_heard < INTERVAL_STEADY ? d->uplinks_heard + 1u : INTERVAL_STEADY;
    int64_t step_us = interval_us / part;
    int64_t off_us = gap_us - interval_us;
    if (interval_us == 0) {
        d->uplink_interval_us = gap_us;
    } else if (off_us > 0) {
        d->uplink_interval_us += off_us < step_us ? off_us : step_us;
    } else {
        d->uplink_interval_us += off_us > -step_us ? off_us : -step_us;
    }
}

static int16_t snr_of(const struct link_rx *rx, const struct data_rate *rate)
{
    int32_t snr_cdb = rx->snr_cdb + (rate != NULL ? data_rate_noise_cdb(rate) : 0);
    return (int16_t)(snr_cdb > SNR_MAX_CDB    ? SNR_MAX_CDB
                     : snr_cdb < -SNR_MAX_CDB ? -SNR_MAX_CDB
                                              : snr_cdb);
}

/* The best of several antennas; false: the gateway did not hear it. */
static bool heard_by(uint64_t gateway, const struct data_rate *rate,
                     const struct link_rx *rx, size_t rx_count, int16_t *snr_cdb)
{
    bool heard = false;
    for (size_t i = 0; i < rx_count; i++) {
        if (rx[i].gateway != gateway) {
            continue;
        }
        int16_t snr = snr_of(&rx[i], rate);
        if (!heard || snr > *snr_cdb) {
            *snr_cdb = snr;
            heard = true;
        }
    }
    return heard;
}

/* Towards a sample, and never past it. */
static int16_t moved(int16_t from_cdb, int32_t to_cdb, int32_t up_cdb, int32_t down_cdb)
{
    int32_t way = to_cdb - from_cdb;
    way = way > up_cdb ? up_cdb : way < -down_cdb ? -down_cdb : way;
    return (int16_t)(from_cdb + way);
}

static void settle_decile(struct device_link *link)
{
    if (link->snr_p10_cdb > link->snr_p50_cdb) {
        link->snr_p10_cdb = link->snr_p50_cdb;
    }
}

static void set_quantiles(struct device_link *link, int32_t snr_cdb)
{
    link->snr_p50_cdb = (int16_t)snr_cdb;
    link->snr_p10_cdb = (int16_t)(snr_cdb - DECILE_BELOW_CDB);
}

static void step_median(struct device_link *link, int32_t snr_cdb, int32_t n)
{
    int32_t step = MEDIAN_STEP_CDB / n;
    link->snr_p50_cdb = moved(link->snr_p50_cdb, snr_cdb, step, step);
}

static void step_decile(struct device_link *link, int32_t snr_cdb, int32_t n)
{
    link->snr_p10_cdb =
        moved(link->snr_p10_cdb, snr_cdb, DECILE_UP_CDB / n, DECILE_DOWN_CDB / n);
}

/* Rounded away from the old one, so that it comes to both ends. */
static void step_share(struct device_link *link, bool heard, int32_t n)
{
    int32_t old = link->heard_ppk;
    int32_t way = heard ? SHARE_ALL - old : -old;
    int32_t up = heard ? n - 1 : 1 - n;
    link->heard_ppk = (uint16_t)(old + (way + up) / n);
}

/* How many of n uplinks its quantiles rest on. */
static int32_t samples_of(const struct device_link *link, int32_t n)
{
    int32_t samples = n * link->heard_ppk / SHARE_ALL;
    return samples > 1 ? samples : 1;
}

static void note_heard(struct device_link *link, int16_t snr_cdb, int32_t n)
{
    step_share(link, true, n);
    int32_t samples = samples_of(link, n);
    int32_t off_cdb = snr_cdb - link->snr_p50_cdb;
    if (n <= SURPRISE_COUNT && (off_cdb > SURPRISE_CDB || off_cdb < -SURPRISE_CDB)) {
        set_quantiles(link, link->snr_p50_cdb + off_cdb / 2);
        return;
    }
    step_median(link, snr_cdb, samples);
    step_decile(link, snr_cdb, samples);
    settle_decile(link);
}

static void note_missed(struct device_link *link, const struct data_rate *rate, int32_t n)
{
    step_share(link, false, n);
    if (rate == NULL || rate->modulation != MODULATION_LORA) {
        return;
    }
    /* Both in 125 kHz: the floor of a wide channel is raised as the samples are. */
    int32_t floor_cdb = data_rate_floor_cdb(rate);
    int32_t above_cdb = link->snr_p50_cdb - floor_cdb;
    int32_t snr_cdb = floor_cdb - MISS_BELOW_CDB;
    int32_t samples = samples_of(link, n);
    if (above_cdb < MISS_MEDIAN_CDB && snr_cdb < link->snr_p50_cdb) {
        step_median(link, snr_cdb, samples);
    }
    if (above_cdb < MISS_DECILE_CDB && snr_cdb < link->snr_p10_cdb) {
        step_decile(link, snr_cdb, samples);
    }
    settle_decile(link);
}

/* ---- the four best ---- */

static int32_t score_cdb(const struct device_link *link)
{
    int32_t short_of = SHARE_NEWCOMER - link->heard_ppk;
    return link->snr_p50_cdb - (short_of > 0 ? short_of * SHARE_PENALTY_CDB : 0);
}

static void sort_links(struct device_rec *d)
{
    for (size_t i = 1; i < d->link_count; i++) {
        for (size_t j = i; j > 0 && score_cdb(&d->link[j]) > score_cdb(&d->link[j - 1]);
             j--) {
            struct device_link t = d->link[j];
            d->link[j] = d->link[j - 1];
            d->link[j - 1] = t;
        }
    }
}

static void drop_unheard(struct device_rec *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->link_count; i++) {
        if (d->link[i].heard_ppk >= SHARE_DROPPED) {
            d->link[kept++] = d->link[i];
        }
    }
    memset(&d->link[kept], 0, (d->link_count - kept) * sizeof(d->link[0]));
    d->link_count = (uint8_t)kept;
}

/* false: it is no better than the links that are there. */
static bool take_newcomer(struct device_rec *d, uint64_t gateway, int16_t snr_cdb)
{
    size_t at = d->link_count;
    if (at == RECORD_LINK_MAX) {
        at--;
        if (snr_cdb < score_cdb(&d->link[at]) + NEWCOMER_CDB) {
            return false;
        }
    } else {
        d->link_count++;
    }
    int32_t share = SHARE_ALL / d->uplinks_heard;
    d->link[at] = (struct device_link){
        .gateway = gateway,
        .heard_ppk = (uint16_t)(share > SHARE_NEWCOMER ? share : SHARE_NEWCOMER),
    };
    set_quantiles(&d->link[at], snr_cdb);
    sort_links(d);
    return true;
}

/* The strongest that is not among the links; NULL if there is none. */
static const struct link_rx *best_newcomer(const struct device_rec *d,
                                           const struct link_rx *rx, size_t rx_count)
{
    const struct link_rx *best = NULL;
    for (size_t i = 0; i < rx_count; i++) {
        if (link_find(d, rx[i].gateway) == NULL &&
            (best == NULL || rx[i].snr_cdb > best->snr_cdb)) {
            best = &rx[i];
        }
    }
    return best;
}

/*
 * Count the uplink. A sample far off any link may be an outlier or a change: the links are
 * then worth half, and a few in a row make it a change.
 */
static void count_uplink(struct device_rec *d, const struct data_rate *rate,
                         const struct link_rx *rx, size_t rx_count)
{
    bool surprise = false;
    for (size_t i = 0; i < d->link_count; i++) {
        int16_t snr_cdb = 0;
        if (heard_by(d->link[i].gateway, rate, rx, rx_count, &snr_cdb)) {
            int32_t off_cdb = snr_cdb - d->link[i].snr_p50_cdb;
            surprise |= off_cdb > SURPRISE_CDB || off_cdb < -SURPRISE_CDB;
        }
    }
    if (surprise && d->uplinks_heard >= 2) {
        d->uplinks_heard /= 2;
    } else if (d->uplinks_heard < LINK_WINDOW) {
        d->uplinks_heard++;
    }
}

static void note_links(struct device_rec *d, const struct data_rate *rate,
                       const struct link_rx *rx, size_t rx_count)
{
    count_uplink(d, rate, rx, rx_count);
    for (size_t i = 0; i < d->link_count; i++) {
        int16_t snr_cdb = 0;
        if (heard_by(d->link[i].gateway, rate, rx, rx_count, &snr_cdb)) {
            note_heard(&d->link[i], snr_cdb, d->uplinks_heard);
        } else {
            note_missed(&d->link[i], rate, d->uplinks_heard);
        }
    }
    drop_unheard(d);
    sort_links(d);
    const struct link_rx *newcomer;
    do {
        newcomer = best_newcomer(d, rx, rx_count);
    } while (newcomer != NULL &&
             take_newcomer(d, newcomer->gateway, snr_of(newcomer, rate)));
}

void link_note_uplink(struct device_rec *device, struct utc received,
                      const struct data_rate *rate, const struct link_rx *rx,
                      size_t rx_count, uint32_t sent)
{
    note_interval(device, received, sent);
    if (received.us > device->last_uplink.us) {
        device->last_uplink = received;
    }
    if (rx_count > 0) {
        note_links(device, rate, rx, rx_count);
    }
}

/* ---- reading ---- */

int16_t link_best_snr_cdb(const struct device_rec *device)
{
    int16_t best_cdb = LINK_SNR_UNKNOWN;
    for (size_t i = 0; i < device->link_count; i++) {
        if (device->link[i].snr_p50_cdb > best_cdb) {
            best_cdb = device->link[i].snr_p50_cdb;
        }
    }
    return best_cdb;
}

const struct device_link *link_find(const struct device_rec *device, uint64_t gateway)
{
    for (size_t i = 0; i < device->link_count; i++) {
        if (device->link[i].gateway == gateway) {
            return &device->link[i];
        }
    }
    return NULL;
}

int32_t link_margin_cdb(int16_t snr_cdb, const struct data_rate *rate, int32_t gain_cdb)
{
    if (snr_cdb == LINK_SNR_UNKNOWN) {
        return LINK_SNR_UNKNOWN;
    }
    return snr_cdb + gain_cdb - data_rate_floor_cdb(rate);
}

/* ---- what a device says of its downlinks ---- */

static int32_t at_most(int32_t cdb, int32_t most_cdb)
{
    return cdb < most_cdb ? cdb : most_cdb;
}

static int32_t magnitude(int32_t cdb)
{
    return cdb < 0 ? -cdb : cdb;
}

void link_note_status(struct device_rec *device, int8_t margin_db, int32_t rx1_gain_cdb,
                      int32_t rx2_gain_cdb)
{
    int16_t best_cdb = link_best_snr_cdb(device);
    if (best_cdb == LINK_SNR_UNKNOWN) {
        return;
    }
    int32_t told_cdb = at_most(100 * margin_db, SNR_TOLD_CDB);
    int32_t expected_cdb = best_cdb + device->down_cdb;
    int32_t off_cdb = told_cdb - at_most(expected_cdb + rx1_gain_cdb, SNR_TOLD_CDB);
    int32_t off_rx2_cdb = told_cdb - at_most(expected_cdb + rx2_gain_cdb, SNR_TOLD_CDB);
    if (magnitude(off_rx2_cdb) < magnitude(off_cdb)) {
        off_cdb = off_rx2_cdb;
    }
    int32_t down_cdb = at_most(device->down_cdb + off_cdb / STATUS_PART, DOWN_BEST_CDB);
    down_cdb = down_cdb > DOWN_WORST_CDB ? down_cdb : DOWN_WORST_CDB;
    device->down_cdb = (int16_t)down_cdb;
}

int16_t link_down_snr_cdb(const struct device_rec *device, int16_t snr_cdb)
{
    if (snr_cdb == LINK_SNR_UNKNOWN) {
        return snr_cdb;
    }
    return (int16_t)(snr_cdb + device->down_cdb);
}

int32_t link_bias_cdb(const struct device_link *link, const struct data_rate *rate,
                      uint32_t unheard_ppm)
{
    /* Of the normal distribution at 5 % to 90 %, in steps of 5 %; in hundredths. */
    static const int16_t quantile[] = {-164, -128, -104, -84, -67, -52, -39, -25, -13,
                                       0,    13,   25,   39,  52,  67,  84,  104, 128};
    if (rate == NULL || rate->modulation != MODULATION_LORA || unheard_ppm >= 1000000) {
        return 0;
    }
    int32_t floor_cdb = data_rate_floor_cdb(rate);
    int32_t above_cdb = link->snr_p50_cdb - floor_cdb;
    uint32_t share_ppk =
        (uint32_t)((uint64_t)link->heard_ppk * (1000000 - unheard_ppm) / 1000000);
    int32_t step = (int32_t)(share_ppk + 25) / 50 - 1;
    if (above_cdb > MISS_DECILE_CDB ||
        step >= (int32_t)(sizeof(quantile) / sizeof(quantile[0]))) {
        return 0;
    }
    int32_t true_cdb = quantile[step > 0 ? step : 0] * SPREAD_CDB / 100;
    return true_cdb < above_cdb ? above_cdb - true_cdb : 0;
}

uint32_t link_unheard_ppm(const struct device_rec *device)
{
    uint32_t lost_ppm = 1000000;
    for (size_t k = 0; k < device->link_count; k++) {
        uint32_t heard_ppk = device->link[k].heard_ppk;
        heard_ppk = heard_ppk < SHARE_ALL ? heard_ppk : SHARE_ALL;
        lost_ppm = (uint32_t)((uint64_t)lost_ppm * (SHARE_ALL - heard_ppk) / SHARE_ALL);
    }
    return device->link_count > 0 ? lost_ppm : UNHEARD_PPM;
}

/* ---- load of a gateway ---- */

static void close_period(struct link_load *load)
{
    int64_t hour_us = load->period_us * LOAD_PERIODS_IN_HOUR;
    if (load->periods < LOAD_PERIODS_MAX) {
        load->periods++;
    }
    load->smoothed_us += (hour_us - load->smoothed_us) / load->periods;
    load->period_us = 0;
    load->period++;
}

static void go_on(struct link_load *load, struct utc now)
{
    int64_t period = now.us / LOAD_PERIOD_US;
    if (load->period == 0) {
        load->period = period;
    }
    if (period - load->period > DAYS_US(1) / LOAD_PERIOD_US) {
        *load = (struct link_load){.period = period, .periods = LOAD_PERIODS_MAX};
    }
    while (load->period < period) {
        close_period(load);
    }
}

void link_load_note(struct link_load *load, struct utc received, int64_t airtime_us)
{
    go_on(load, received);
    if (airtime_us > 0 && airtime_us <= LOAD_PERIOD_US &&
        received.us / LOAD_PERIOD_US == load->period) {
        load->period_us += airtime_us;
    }
}

int64_t link_load_us(const struct link_load *load, struct utc now)
{
    struct link_load current = *load;
    if (load->period != 0) {
        go_on(&current, now);
    }
    return current.periods > 0 ? current.smoothed_us : current.period_us;
}

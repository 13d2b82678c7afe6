/* SPDX-License-Identifier: MIT */
#include "campaign/partition_internal.h"

#include "radio/subband.h"

enum {
    FADING_CDB = 250, /* where the link shows no more (performance.md 6) */
    FADING_MAX_CDB = 800,
    QUANTILE_PCT = 128, /* the tenth percentile lies 1.28 deviations below the median */
    NOISE_FIGURE_CDB = 300, /* of a device over that of a gateway */
    UPLINK_DBM = 14,
    SERVE_CDB = 0,         /* a weaker link is not worth a gateway ... */
    SERVE_LAST_CDB = -200, /* ... unless the device has no other at the slowest rate */
    CAP_SHARE_PCT = 75,
    DEVIATIONS = 2 * 1000, /* the root of millionths is in thousandths */
    SAFE_LOSS_PPM = 150000,
};

/* Share of frames below the floor, 0.1 deviations a step: the normal distribution. */
static const uint32_t tail_ppm[] = {
    500000, 460172, 420740, 382089, 344578, 308538, 274253, 241964, 211855,
    184060, 158655, 135666, 115070, 96800,  80757,  66807,  54799,  44565,
    35930,  28717,  22750,  17864,  13903,  10724,  8198,   6210,   4661,
    3467,   2555,   1866,   1350,   968,    687,    483,    337,    233,
    159,    108,    72,     48,     32,     21,     13,     9,      5,
    3,      2,      1,      1,      1,      1,
};

static const uint32_t class_ppm[PARTITION_LOSS_CLASSES] = {
    61,     86,     122,    173,    244,     345,     488,     691,
    977,    1381,   1953,   2762,   3906,    5524,    7812,    11049,
    15625,  22097,  31250,  44194,  62500,   88388,   125000,  176776,
    250000, 353552, 500000, 707105, 1000000, 1000000, 1000000, 1000000,
};

int16_t partition_floor_cdb(const struct region *region, uint8_t dr)
{
    const struct data_rate *rate = region_data_rate(region, dr, DIRECTION_DOWN);
    if (rate == NULL || region_max_payload(region, dr, (struct payload_rules){0}) == 0) {
        return INT16_MAX;
    }
    return data_rate_floor_cdb(rate);
}

int16_t partition_gain_cdb(const struct region *region, uint32_t frequency_hz)
{
    int dbm = region_downlink_eirp_dbm(region, frequency_hz);
    /* EIRP is 2.15 dB over ERP; the device's antenna takes those back. */
    return (int16_t)(100 * (dbm - 2 - UPLINK_DBM) - NOISE_FIGURE_CDB);
}

uint32_t partition_loss_ppm(int32_t margin_cdb, int32_t sigma_cdb)
{
    enum { LAST = sizeof(tail_ppm) / sizeof(tail_ppm[0]) - 1, STEP = 100 };
    uint32_t z = (uint32_t)(margin_cdb < 0 ? -margin_cdb : margin_cdb) * 10 * STEP /
                 (uint32_t)(sigma_cdb < STEP ? STEP : sigma_cdb);
    uint32_t at = z / STEP;
    uint32_t tail = tail_ppm[LAST];
    if (at < LAST) {
        tail = tail_ppm[at] - (tail_ppm[at] - tail_ppm[at + 1]) * (z % STEP) / STEP;
    }
    return margin_cdb < 0 ? PART_PPM - tail : tail;
}

uint32_t partition_loss_class(uint32_t loss_ppm)
{
    uint32_t c = 0;
    while (class_ppm[c] < loss_ppm && class_ppm[c] < PART_PPM) {
        c++;
    }
    return c;
}

uint32_t partition_class_loss_ppm(uint32_t loss_class)
{
    return loss_class < PARTITION_LOSS_CLASSES ? class_ppm[loss_class] : PART_PPM;
}

uint8_t part_units(uint32_t loss_ppm)
{
    /* 2^(k/8) in 1/1024, for the part after the point. */
    static const uint32_t eighth[] = {1117, 1218, 1328, 1448, 1579, 1722, 1878};
    uint32_t ratio =
        (uint32_t)(((uint64_t)PART_PPM << 10) / (loss_ppm > 0 ? loss_ppm : 1));
    uint32_t bits = 0;
    while (ratio >= 2048) {
        ratio >>= 1;
        bits++;
    }
    uint32_t units = 8 * bits;
    for (size_t k = 0; k < sizeof(eighth) / sizeof(eighth[0]) && ratio >= eighth[k];
         k++) {
        units++;
    }
    return (uint8_t)units;
}

uint32_t part_product_ppm(uint32_t a_ppm, uint32_t b_ppm)
{
    return (uint32_t)(((uint64_t)a_ppm * b_ppm + PART_PPM / 2) / PART_PPM);
}

static int32_t margin_cdb(const struct part *p, size_t device, size_t link, size_t rate)
{
    return p->strength_cdb[device * PARTITION_LINK_MAX + link] - p->rate[rate].floor_cdb;
}

uint32_t part_link_loss_ppm(const struct part *p, size_t device, size_t link, size_t rate)
{
    const struct partition_link *l = &p->in->devices[device].link[link];
    int32_t sigma = (l->snr_p50_cdb - l->snr_p10_cdb) * 100 / QUANTILE_PCT;
    sigma = sigma < FADING_CDB ? FADING_CDB : sigma;
    sigma = sigma > FADING_MAX_CDB ? FADING_MAX_CDB : sigma;
    return partition_loss_ppm(margin_cdb(p, device, link, rate), sigma);
}

bool part_link_serves(const struct part *p, size_t device, size_t link, size_t rate)
{
    int32_t margin = margin_cdb(p, device, link, rate);
    if (margin >= SERVE_CDB || rate > 0) {
        return margin >= SERVE_CDB;
    }
    for (size_t i = 0; i < p->in->devices[device].link_count; i++) {
        if (margin_cdb(p, device, i, rate) >= SERVE_CDB) {
            return false;
        }
    }
    return margin >= SERVE_LAST_CDB;
}

static uint64_t square_root(uint64_t v)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= v) {
            root += bit;
        }
    }
    return root;
}

/*
 * The mean at most three quarters of the cap, because margins are estimates, and two
 * deviations more still within it.
 */
bool part_cap_fits(const struct part *p, size_t device, size_t rate, uint32_t loss_ppm)
{
    uint64_t cap_ppm = p->in->devices[device].cap_ppm;
    if (cap_ppm == 0 || cap_ppm >= PARTITION_CAP_NONE) {
        return true;
    }
    uint64_t m = p->rate[rate].fragments.count;
    uint64_t mean = m * loss_ppm; /* in millionths */
    if ((uint64_t)loss_ppm * 100 > cap_ppm * CAP_SHARE_PCT) {
        return false;
    }
    return mean + DEVIATIONS * square_root(mean) <= m * cap_ppm;
}

uint32_t part_copies(const struct part *p, size_t device, size_t rate, uint32_t loss_ppm)
{
    uint32_t copies = 1;
    uint32_t left = loss_ppm;
    while (copies < PARTITION_COPIES_MAX && !part_cap_fits(p, device, rate, left)) {
        left = part_product_ppm(left, loss_ppm);
        copies++;
    }
    return copies;
}

uint32_t part_reach_loss_ppm(const struct part *p, size_t device, size_t rate,
                             size_t link_max)
{
    uint32_t best[PARTITION_LINK_MAX];
    size_t count = 0;
    for (size_t l = 0; l < p->in->devices[device].link_count; l++) {
        if (!part_link_serves(p, device, l, rate)) {
            continue;
        }
        uint32_t loss_ppm = part_link_loss_ppm(p, device, l, rate);
        size_t at = count++;
        while (at > 0 && best[at - 1] > loss_ppm) {
            best[at] = best[at - 1];
            at--;
        }
        best[at] = loss_ppm;
    }
    uint32_t loss_ppm = PART_PPM;
    for (size_t i = 0; i < count && i < link_max; i++) {
        loss_ppm = part_product_ppm(loss_ppm, best[i]);
    }
    return loss_ppm;
}

/*
 * An estimate that is 1.5 dB too good turns three tenths of the cap into all of it. Without
 * a cap a loss costs coded fragments only.
 */
uint32_t part_safe_loss_ppm(const struct part *p, size_t device)
{
    uint32_t cap_ppm = p->in->devices[device].cap_ppm;
    bool none = cap_ppm == 0 || cap_ppm >= PARTITION_CAP_NONE;
    return none || cap_ppm / 10 * 3 > SAFE_LOSS_PPM ? SAFE_LOSS_PPM : cap_ppm / 10 * 3;
}

uint32_t part_forced_copies(const struct part *p, size_t device, size_t rate)
{
    uint32_t loss_ppm = part_reach_loss_ppm(p, device, rate, PARTITION_LINK_MAX);
    if (rate == 0) {
        return part_copies(p, device, rate, loss_ppm); /* there is nothing better */
    }
    uint32_t copies = part_copies(p, device, rate, loss_ppm);
    /* Beyond, an estimate that is a little too good makes a session in vain. */
    return loss_ppm > SAFE_LOSS_PPM || copies == PARTITION_COPIES_MAX ? 0 : copies;
}

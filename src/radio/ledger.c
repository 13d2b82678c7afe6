/* SPDX-License-Identifier: MIT */
#include "radio/ledger.h"

#include <string.h>

enum {
    PPM = 1000000,
};

/* A test counts the buckets that are looked at. */
#ifndef LEDGER_TOUCH
#define LEDGER_TOUCH() ((void)0)
#endif

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of a limit of at most an hour. */
static int64_t share_us(int64_t limit_us, uint32_t ppm)
{
    return limit_us * ppm / PPM;
}

static bool valid(const struct ledger_config *config)
{
    return config->limit_ppm > 0 && config->limit_ppm <= PPM &&
           config->share_ppm <= PPM && config->reserve_ppm <= PPM &&
           config->ceiling_ppm <= PPM && config->late_us <= SECONDS_US(LEDGER_DELAY_S);
}

int ledger_init(struct ledger *l, const struct ledger_config *config)
{
    if (!valid(config)) {
        return FUO_ERANGE;
    }
    int64_t limit_us = HOURS_US(1) / PPM * config->limit_ppm;
    uint32_t ceiling_ppm = config->ceiling_ppm != 0 ? config->ceiling_ppm : PPM;
    int64_t ceiling_us = share_us(limit_us, ceiling_ppm);
    int64_t own_us = least(share_us(limit_us, config->share_ppm),
                           share_us(limit_us, PPM - config->reserve_ppm));

    memset(l, 0, sizeof(*l));
    l->config = *config;
    l->limit_us = limit_us;
    l->total_cap_us = ceiling_us;
    l->own_cap_us = least(own_us, ceiling_us);
    l->window = (int32_t)(LEDGER_WINDOW +
                          (config->late_us + LEDGER_BUCKET_US - 1) / LEDGER_BUCKET_US);
    return FUO_OK;
}

/* The caps that hold for one frame, in absolute terms. */
struct caps {
    int64_t own_us;
    int64_t total_us;
};

static struct caps caps_of(const struct ledger *l, const struct ledger_caps *caps)
{
    struct caps all = {.own_us = l->own_cap_us, .total_us = l->total_cap_us};
    if (caps != NULL && caps->own_us > 0) {
        all.own_us = least(all.own_us, caps->own_us);
    }
    if (caps != NULL && caps->ceiling_ppm > 0 && caps->ceiling_ppm < PPM) {
        all.total_us = least(all.total_us, share_us(l->limit_us, caps->ceiling_ppm));
    }
    return all;
}

static int64_t bucket_of(int64_t t_us)
{
    return t_us / LEDGER_BUCKET_US;
}

static bool remembered(const struct ledger *l, int64_t bucket)
{
    return bucket <= l->head && bucket > l->head - LEDGER_BUCKETS;
}

/* Only for a bucket that is remembered. */
static size_t slot(const struct ledger *l, int64_t bucket)
{
    int64_t behind = l->head - bucket;
    return (size_t)((l->head_slot + LEDGER_BUCKETS - behind) % LEDGER_BUCKETS);
}

static int64_t at(const struct ledger *l, enum ledger_who who, int64_t bucket)
{
    LEDGER_TOUCH();
    return remembered(l, bucket) ? l->bucket_us[who][slot(l, bucket)] : 0;
}

static int64_t stretch_us(const uint32_t *bucket_us, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        LEDGER_TOUCH();
        sum += bucket_us[i];
    }
    return sum;
}

/* Sum of some buckets, all of which are remembered: one stretch of memory, or two. */
static int64_t between_us(const struct ledger *l, enum ledger_who who, int64_t first,
                          int64_t last)
{
    int64_t from = (int64_t)slot(l, first);
    int64_t count = last - first + 1;
    int64_t straight = least(count, LEDGER_BUCKETS - from);
    return stretch_us(&l->bucket_us[who][from], straight) +
           stretch_us(l->bucket_us[who], count - straight);
}

/* Of the run that ends with bucket `last` behind head: by what has left it or what has not,
 * whichever is less. */
static int64_t later_us(const struct ledger *l, enum ledger_who who, int64_t last)
{
    int64_t first = last + 1 - l->window;
    int64_t gone = l->head + 1 - l->window;
    if (first - gone < l->head - first + 1) {
        return l->sum_us[who] - between_us(l, who, gone, first - 1);
    }
    return between_us(l, who, first, l->head);
}

/* Sum of the run that ends with bucket `last`; O(1) per bucket that last is from head. */
static int64_t window_us(const struct ledger *l, enum ledger_who who, int64_t last)
{
    if (last - l->head >= l->window || l->head - last >= LEDGER_BUCKETS) {
        return 0;
    }
    int64_t sum = l->sum_us[who];
    if (last > l->head) {
        return sum == 0 ? 0 : later_us(l, who, last);
    }
    for (int64_t b = l->head; b > last; b--) {
        sum += at(l, who, b - l->window) - at(l, who, b);
    }
    return sum;
}

/* Make `bucket` the latest one; empty ones enter, old ones are forgotten. */
static void advance(struct ledger *l, int64_t bucket)
{
    if (bucket - l->head >= LEDGER_BUCKETS) {
        memset(l->bucket_us, 0, sizeof(l->bucket_us));
        memset(l->sum_us, 0, sizeof(l->sum_us));
        l->head = bucket;
        return;
    }
    while (l->head < bucket) {
        for (enum ledger_who who = LEDGER_OWN; who <= LEDGER_OTHERS; who++) {
            l->sum_us[who] -= at(l, who, l->head + 1 - l->window);
        }
        l->head++;
        l->head_slot = (l->head_slot + 1) % LEDGER_BUCKETS;
        l->bucket_us[LEDGER_OWN][l->head_slot] = 0;
        l->bucket_us[LEDGER_OTHERS][l->head_slot] = 0;
    }
}

/* Change one bucket, which saturates at both ends. */
static void add(struct ledger *l, enum ledger_who who, int64_t bucket, int64_t delta_us)
{
    if (bucket > l->head) {
        advance(l, bucket);
    }
    if (!remembered(l, bucket)) {
        return;
    }
    LEDGER_TOUCH();
    uint32_t *value = &l->bucket_us[who][slot(l, bucket)];
    int64_t sum = *value + delta_us;
    uint32_t next = sum < 0 ? 0 : sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
    if (bucket > l->head - l->window) {
        l->sum_us[who] += (int64_t)next - *value;
    }
    *value = next;
}

/* Spread a frame over the buckets it touches; sign is 1 or -1. */
static void spread(struct ledger *l, enum ledger_who who, int64_t start_us,
                   int64_t airtime_us, int sign)
{
    while (airtime_us > 0) {
        int64_t bucket = bucket_of(start_us);
        int64_t room_us = (bucket + 1) * LEDGER_BUCKET_US - start_us;
        int64_t piece_us = airtime_us < room_us ? airtime_us : room_us;
        add(l, who, bucket, sign * piece_us);
        start_us += piece_us;
        airtime_us -= piece_us;
    }
}

static bool representable(struct utc start, int64_t airtime_us)
{
    return start.us >= 0 && start.us <= INT64_MAX / 2 && airtime_us > 0;
}

/* What a run gains and loses when it goes on by one bucket. */
static int64_t next_us(const struct ledger *l, enum ledger_who who, int64_t last)
{
    return at(l, who, last + 1) - at(l, who, last + 1 - l->window);
}

/* Does a frame of at most one bucket fit into every run it is part of? */
static bool fits(const struct ledger *l, int64_t start_us, int64_t airtime_us,
                 struct caps caps)
{
    int64_t first = bucket_of(start_us);
    int64_t last = bucket_of(start_us + airtime_us - 1);
    int64_t room_us = (first + 1) * LEDGER_BUCKET_US - start_us;
    int64_t own = window_us(l, LEDGER_OWN, first);
    int64_t others = window_us(l, LEDGER_OTHERS, first);
    int64_t end = last > l->head ? last : l->head;

    for (int64_t b = first; b <= end; b++) {
        int64_t part_us = b == first && last != first ? room_us : airtime_us;
        if (own + part_us > caps.own_us || own + others + part_us > caps.total_us) {
            return false;
        }
        if (b < end) {
            own += next_us(l, LEDGER_OWN, b);
            others += next_us(l, LEDGER_OTHERS, b);
        }
    }
    return true;
}

/* LEDGER_OFF_TIME: after a frame nothing may start until airtime / duty cycle has passed. */
static void be_quiet(struct ledger *l, int64_t start_us, int64_t airtime_us)
{
    int64_t limit_ppm = l->config.limit_ppm;
    int64_t until_us = start_us + (airtime_us * PPM + limit_ppm - 1) / limit_ppm;
    if (l->config.model == LEDGER_OFF_TIME && until_us > l->quiet_until_us) {
        l->quiet_until_us = until_us;
    }
}

int ledger_charge_within(struct ledger *l, struct utc start, int64_t airtime_us,
                         const struct ledger_caps *caps)
{
    if (!representable(start, airtime_us) || airtime_us > LEDGER_BUCKET_US ||
        bucket_of(start.us) < l->head - LEDGER_LATE_BUCKETS) {
        return FUO_ERANGE;
    }
    if (start.us < l->quiet_until_us) {
        return FUO_EDUTY;
    }
    if (bucket_of(start.us) > l->head) {
        advance(l, bucket_of(start.us)); /* refused or not: the next one is as quick */
    }
    if (!fits(l, start.us, airtime_us, caps_of(l, caps))) {
        return FUO_EDUTY;
    }
    spread(l, LEDGER_OWN, start.us, airtime_us, 1);
    be_quiet(l, start.us + l->config.late_us, airtime_us);
    return FUO_OK;
}

void ledger_record(struct ledger *l, enum ledger_who who, struct utc start,
                   int64_t airtime_us)
{
    if (!representable(start, airtime_us)) {
        return;
    }
    if (airtime_us > HOURS_US(1)) {
        airtime_us = HOURS_US(1); /* more than the whole window says nothing new */
    }
    spread(l, who, start.us, airtime_us, 1);
    be_quiet(l, start.us, airtime_us);
}

void ledger_refund(struct ledger *l, struct utc start, int64_t airtime_us)
{
    if (representable(start, airtime_us) && airtime_us <= LEDGER_BUCKET_US &&
        bucket_of(start.us + airtime_us - 1) <= l->head) {
        spread(l, LEDGER_OWN, start.us, airtime_us, -1);
    }
}

/* The first bucket border from `bucket` >= head on behind which the frame fits. */
static struct utc earliest_border(const struct ledger *l, int64_t bucket,
                                  int64_t airtime_us, struct caps caps)
{
    int64_t own = window_us(l, LEDGER_OWN, bucket);
    int64_t others = window_us(l, LEDGER_OTHERS, bucket);
    while (own + airtime_us > caps.own_us || own + others + airtime_us > caps.total_us) {
        bucket++;
        own -= at(l, LEDGER_OWN, bucket - l->window);
        others -= at(l, LEDGER_OTHERS, bucket - l->window);
    }
    return (struct utc){bucket * LEDGER_BUCKET_US};
}

struct utc ledger_earliest_within(const struct ledger *l, struct utc now,
                                  int64_t airtime_us, const struct ledger_caps *caps)
{
    struct caps all = caps_of(l, caps);
    int64_t oldest_us = (l->head - LEDGER_LATE_BUCKETS) * LEDGER_BUCKET_US;
    int64_t t_us = now.us > l->quiet_until_us ? now.us : l->quiet_until_us;
    t_us = t_us > oldest_us ? t_us : oldest_us;
    t_us = t_us > 0 ? t_us : 0;
    if (!representable((struct utc){t_us}, airtime_us) || airtime_us > LEDGER_BUCKET_US ||
        airtime_us > all.own_us || airtime_us > all.total_us) {
        return UTC_NEVER;
    }
    if (fits(l, t_us, airtime_us, all)) {
        return (struct utc){t_us};
    }
    int64_t bucket = bucket_of(t_us) + 1;
    for (; bucket < l->head; bucket++) {
        if (fits(l, bucket * LEDGER_BUCKET_US, airtime_us, all)) {
            return (struct utc){bucket * LEDGER_BUCKET_US};
        }
    }
    return earliest_border(l, bucket, airtime_us, all);
}

int64_t ledger_peak_us(const struct ledger *l, enum ledger_who who, struct utc now)
{
    int64_t first = bucket_of(now.us > 0 ? now.us : 0);
    int64_t last = least(l->head, first + l->window - 1);
    int64_t peak_us = window_us(l, who, first);
    for (int64_t b = first + 1; b <= last; b++) {
        int64_t us = window_us(l, who, b);
        peak_us = us > peak_us ? us : peak_us;
    }
    return peak_us;
}

int64_t ledger_used_us(const struct ledger *l, enum ledger_who who, struct utc now)
{
    return now.us < 0 ? 0 : window_us(l, who, bucket_of(now.us));
}

void ledger_shift(struct ledger *l, int64_t delta_us)
{
    int64_t buckets = delta_us / LEDGER_BUCKET_US;
    if (delta_us % LEDGER_BUCKET_US > 0) {
        buckets++;
    }
    l->head = l->head + buckets > 0 ? l->head + buckets : 0;
    if (l->quiet_until_us != 0) {
        l->quiet_until_us = time_add_saturated(l->quiet_until_us, delta_us);
    }
}

static struct ledger_entry entry_of(const struct ledger *l, int64_t bucket)
{
    return (struct ledger_entry){
        .start = {bucket * LEDGER_BUCKET_US},
        .own_us = (uint32_t)at(l, LEDGER_OWN, bucket),
        .others_us = (uint32_t)at(l, LEDGER_OTHERS, bucket),
    };
}

size_t ledger_save(const struct ledger *l, struct ledger_entry *entries)
{
    size_t count = 0;
    for (int64_t b = l->head - LEDGER_BUCKETS + 1; b <= l->head; b++) {
        struct ledger_entry entry = entry_of(l, b);
        if (entry.own_us != 0 || entry.others_us != 0) {
            entries[count++] = entry;
        }
    }
    return count;
}

/* SPDX-License-Identifier: MIT */
/* The ledger beside what is on air: brute force, and a station that keeps its own rules. */
#include "ledger_fixture.h"

#include <stdlib.h>

#include "base/prng.h"

/* Basics Station: after a frame the band is closed for airtime / duty cycle. */
struct station {
    int64_t factor;
    int64_t next_us;
    int admitted;
};

/* Admitted is what the station takes; what it would take is refused for the hour only. */
static void ask_station(struct station *s, struct ledger *l, struct utc at,
                        int64_t airtime_us)
{
    int err = charge(l, at, airtime_us);
    bool full = ledger_used_us(l, LEDGER_OWN, at) + 2 * airtime_us > ledger_own_cap_us(l);
    assert_true(err == FUO_OK ? at.us >= s->next_us : at.us < s->next_us || full);
    if (err == FUO_OK) {
        s->next_us = at.us + airtime_us * s->factor;
        s->admitted++;
    }
}

static void keep_a_station_busy(uint32_t limit_ppm)
{
    struct prng prng = prng_seeded(limit_ppm);
    const struct ledger_config config = {
        .limit_ppm = limit_ppm, .share_ppm = 1000000, .model = LEDGER_OFF_TIME};
    struct ledger l = ledger_of(&config);
    struct station station = {.factor = 1000000 / limit_ppm};
    struct utc now = at_us(0);
    for (int k = 0; k < 20000; k++) {
        int64_t airtime_us = 40000 + (int64_t)prng_below(&prng, 500000);
        if (prng_chance(&prng, 100000)) {
            now = earliest(&l, now, airtime_us);
        }
        ask_station(&station, &l, now, airtime_us);
        now.us += (int64_t)prng_below(&prng, SECONDS_US(2));
    }
    assert_in_range(station.admitted, 1000, 20000);
}

static void off_time_never_asks_a_station_for_what_it_refuses(void **state)
{
    (void)state;
    keep_a_station_busy(100000);
    keep_a_station_busy(10000);
    keep_a_station_busy(1000);
}

/* What went out, and the truth about it by brute force. */
enum {
    FRAMES_MAX = 6000,
};

struct frame {
    int64_t start_us;
    int64_t end_us;
};

struct air {
    struct frame frames[FRAMES_MAX];
    size_t count;
};

static int by_start(const void *a, const void *b)
{
    int64_t x = ((const struct frame *)a)->start_us;
    int64_t y = ((const struct frame *)b)->start_us;
    return (x > y) - (x < y);
}

static void air_add(struct air *air, int64_t start_us, int64_t airtime_us)
{
    assert_in_range(air->count, 0, FRAMES_MAX - 1);
    air->frames[air->count++] = (struct frame){start_us, start_us + airtime_us};
}

static int64_t overlap_us(const struct frame *f, int64_t from_us, int64_t to_us)
{
    int64_t start = f->start_us > from_us ? f->start_us : from_us;
    int64_t end = f->end_us < to_us ? f->end_us : to_us;
    return end > start ? end - start : 0;
}

static int64_t hour_us(const struct air *air, int64_t from_us)
{
    int64_t sum = 0;
    for (size_t i = 0; i < air->count && air->frames[i].start_us < from_us + HOURS_US(1);
         i++) {
        sum += overlap_us(&air->frames[i], from_us, from_us + HOURS_US(1));
    }
    return sum;
}

/* The fullest hour begins with a frame or ends with one. */
static int64_t worst_hour_us(struct air *air)
{
    int64_t worst = 0;
    qsort(air->frames, air->count, sizeof(air->frames[0]), by_start);
    for (size_t i = 0; i < air->count; i++) {
        int64_t a = hour_us(air, air->frames[i].start_us);
        int64_t b = hour_us(air, air->frames[i].end_us - HOURS_US(1));
        worst = a > worst ? a : worst;
        worst = b > worst ? b : worst;
    }
    return worst;
}

/* Both pictures of the same hours: what we sent, and everything. */
struct world {
    struct ledger ledger;
    struct prng prng;
    struct air own;
    struct air all;
};

static void sent(struct world *w, int64_t start_us, int64_t airtime_us)
{
    air_add(&w->own, start_us, airtime_us);
    air_add(&w->all, start_us, airtime_us);
}

/* Somebody else sends, as long as the law allows, also with our frames that are due. */
static bool others_send(struct world *w, struct utc now, int64_t airtime_us)
{
    for (int64_t ahead_us = 0; ahead_us <= SECONDS_US(75); ahead_us += LEDGER_BUCKET_US) {
        struct utc at = {now.us + ahead_us};
        int64_t used_us = ledger_used_us(&w->ledger, LEDGER_OWN, at) +
                          ledger_used_us(&w->ledger, LEDGER_OTHERS, at);
        if (used_us + airtime_us > w->ledger.limit_us) {
            return false;
        }
    }
    ledger_record(&w->ledger, LEDGER_OTHERS, now, airtime_us);
    air_add(&w->all, now.us, airtime_us);
    return true;
}

/* It goes out when it does; sometimes we are told when that was, or that it did not. */
static void transmit(struct world *w, struct utc start, int64_t airtime_us)
{
    struct ledger *l = &w->ledger;
    struct utc at = {start.us + (int64_t)prng_below(&w->prng, l->config.late_us + 1)};
    if (prng_chance(&w->prng, 50000)) {
        correct(l, start, airtime_us, NULL, at);
        return;
    }
    sent(w, at.us, airtime_us);
    if (prng_chance(&w->prng, 500000)) {
        correct(l, start, airtime_us, l, at);
    }
}

/* Sends at once or up to 15 minutes behind the latest frame; now and then takes it back. */
static bool try_to_send(struct world *w, struct utc now, int64_t airtime_us)
{
    if (prng_chance(&w->prng, 100000)) {
        now.us -= (int64_t)prng_below(&w->prng, MINUTES_US(15));
    }
    if (charge(&w->ledger, now, airtime_us) != FUO_OK) {
        return false;
    }
    transmit(w, now, airtime_us);
    return true;
}

/* Waits exactly as long as the ledger says, which must be enough. */
static struct utc wait_and_send(struct world *w, struct utc now, int64_t airtime_us)
{
    struct utc next = earliest(&w->ledger, now, airtime_us);
    assert_true(next.us >= now.us);
    assert_int_equal(charge(&w->ledger, next, airtime_us), FUO_OK);
    transmit(w, next, airtime_us);
    return next;
}

/* A greedy sender for eight hours: bursts, pauses, and all that the ledger lets through. */
static void run_greedy(struct world *w)
{
    struct utc now = at_us((int64_t)prng_below(&w->prng, HOURS_US(1)));
    int64_t end_us = now.us + HOURS_US(8);
    while (now.us < end_us && w->all.count < FRAMES_MAX - 1) {
        int64_t airtime_us = 40000 + (int64_t)prng_below(&w->prng, 2800000);
        bool theirs = prng_chance(&w->prng, 200000) && others_send(w, now, airtime_us);
        if (!theirs && !try_to_send(w, now, airtime_us) &&
            prng_chance(&w->prng, 300000)) {
            now = wait_and_send(w, now, airtime_us);
        }
        bool pause = prng_chance(&w->prng, 20000);
        now.us += (int64_t)prng_below(&w->prng, pause ? MINUTES_US(20) : SECONDS_US(3));
    }
}

static void no_sliding_hour_ever_exceeds_a_limit(void **state)
{
    (void)state;
    static struct world w;
    static const struct ledger_config configs[] = {
        CONFIG(100000, 1000000, 0, LEDGER_SLIDING_HOUR),
        CONFIG(100000, 600000, 0, LEDGER_SLIDING_HOUR),
        CONFIG(100000, 900000, 400000, LEDGER_SLIDING_HOUR),
        CONFIG(10000, 1000000, 0, LEDGER_SLIDING_HOUR),
        CONFIG(10000, 600000, 200000, LEDGER_SLIDING_HOUR),
        CONFIG(100000, 1000000, 0, LEDGER_OFF_TIME),
        {.limit_ppm = 100000, .share_ppm = 1000000, .late_us = 1000000},
        {.limit_ppm = 100000, .share_ppm = 1000000, .late_us = 60000000},
        {.limit_ppm = 10000,
         .share_ppm = 800000,
         .ceiling_ppm = 700000,
         .late_us = 17000000},
    };
    for (uint64_t seed = 1; seed <= 36; seed++) {
        w = (struct world){.prng = prng_seeded(seed),
                           .ledger = ledger_of(&configs[seed % ARRAY_LEN(configs)])};
        run_greedy(&w);
        int64_t worst_own_us = worst_hour_us(&w.own);
        assert_in_range(w.own.count, 10, FRAMES_MAX);
        assert_true(worst_own_us <= w.ledger.own_cap_us);
        assert_true(worst_hour_us(&w.all) <= w.ledger.limit_us);
        if (w.ledger.config.model == LEDGER_SLIDING_HOUR) {
            assert_true(worst_own_us >= w.ledger.own_cap_us / 2); /* nor is it idle */
        }
    }
}

/* The running sums stay what a recount of the buckets says. */
static void running_sums_equal_a_recount(void **state)
{
    (void)state;
    struct prng prng = prng_seeded(4);
    struct ledger l = ledger_of(&all_of_ten_percent);
    int64_t now = T0;
    for (int i = 0; i < 20000; i++) {
        struct utc t = {now - (int64_t)prng_below(&prng, MINUTES_US(30))};
        enum ledger_who who = prng_chance(&prng, 500000) ? LEDGER_OWN : LEDGER_OTHERS;
        ledger_record(&l, who, t, (int64_t)prng_below(&prng, 900000));
        ledger_refund(&l, t, (int64_t)prng_below(&prng, 900000));
        if (i % 50 == 0) {
            now += (int64_t)prng_below(&prng, prng_chance(&prng, 50000) ? HOURS_US(2)
                                                                        : MINUTES_US(3));
        }
        int64_t sums[2] = {0, 0};
        struct ledger_entry entries[LEDGER_BUCKETS];
        size_t count = ledger_save(&l, entries);
        int64_t first_us = (l.head - LEDGER_WINDOW + 1) * LEDGER_BUCKET_US;
        for (size_t k = 0; k < count; k++) {
            bool counts = entries[k].start.us >= first_us;
            sums[LEDGER_OWN] += counts ? entries[k].own_us : 0;
            sums[LEDGER_OTHERS] += counts ? entries[k].others_us : 0;
        }
        assert_true(sums[LEDGER_OWN] == l.sum_us[LEDGER_OWN]);
        assert_true(sums[LEDGER_OTHERS] == l.sum_us[LEDGER_OTHERS]);
    }
}

TEST_MAIN(cmocka_unit_test(off_time_never_asks_a_station_for_what_it_refuses),
          cmocka_unit_test(no_sliding_hour_ever_exceeds_a_limit),
          cmocka_unit_test(running_sums_equal_a_recount))

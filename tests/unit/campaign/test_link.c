/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "base/prng.h"
#include "campaign/link.h"

#define AT(minutes) ((struct utc){MINUTES_US(minutes)})

static void the_interval_is_the_median_of_the_gaps(void **state)
{
    (void)state;
    struct device_rec d = {0};
    int64_t now_us = MINUTES_US(10);
    link_note_uplink(&d, (struct utc){now_us}, NULL, NULL, 0, 1);
    assert_int_equal(d.uplink_interval_us, 0);
    for (int i = 0; i < 200; i++) {
        const struct link_rx rx = {.gateway = 1, .snr_cdb = 0};
        now_us += i % 5 == 4 ? MINUTES_US(40) : MINUTES_US(20); /* a fifth is lost */
        link_note_uplink(&d, (struct utc){now_us}, NULL, &rx, 1, 1);
        assert_true(d.uplink_interval_us >= MINUTES_US(20));
        assert_true(i < 32 || d.uplink_interval_us <= MINUTES_US(22));
    }
}

static void the_interval_follows_a_change(void **state)
{
    (void)state;
    struct device_rec d = {0};
    int64_t now_us = MINUTES_US(10);
    for (int i = 0; i < 100; i++) {
        const struct link_rx rx = {.gateway = 1, .snr_cdb = 0};
        now_us += i < 50 ? HOURS_US(1) : MINUTES_US(10);
        link_note_uplink(&d, (struct utc){now_us}, NULL, &rx, 1, 1);
    }
    assert_int_equal(d.uplink_interval_us, MINUTES_US(10));
}

static void answers_in_a_burst_do_not_count_as_an_interval(void **state)
{
    (void)state;
    struct device_rec d = {0};
    link_note_uplink(&d, AT(10), NULL, NULL, 0, 1);
    link_note_uplink(&d, (struct utc){AT(10).us + SECONDS_US(5)}, NULL, NULL, 0, 1);
    assert_int_equal(d.uplink_interval_us, 0);
    assert_int_equal(d.last_uplink.us, AT(10).us + SECONDS_US(5));
    link_note_uplink(&d, AT(9), NULL, NULL, 0, 1); /* late and out of order */
    assert_int_equal(d.last_uplink.us, AT(10).us + SECONDS_US(5));
}

static const struct data_rate sf7 = {
    .modulation = MODULATION_LORA, .sf = 7, .bw_hz = 125000};
static const struct data_rate sf12 = {
    .modulation = MODULATION_LORA, .sf = 12, .bw_hz = 125000};

static void the_four_best_links_are_kept_best_first(void **state)
{
    (void)state;
    struct device_rec d = {0};
    const struct link_rx rx[] = {{1, -500}, {2, 300}, {3, -900}, {4, 100}, {5, 800}};
    assert_int_equal(link_best_snr_cdb(&d), LINK_SNR_UNKNOWN);
    link_note_uplink(&d, AT(1), NULL, rx, ARRAY_LEN(rx), 1);
    assert_int_equal(d.link_count, RECORD_LINK_MAX);
    assert_int_equal(d.uplinks_heard, 1);
    assert_int_equal(d.link[0].gateway, 5);
    assert_int_equal(d.link[3].gateway, 1);
    assert_int_equal(link_best_snr_cdb(&d), 800);
    assert_int_equal(d.link[0].snr_p10_cdb, 800 - 384);
    assert_int_equal(d.link[0].heard_ppk, 1000);
    assert_ptr_equal(link_find(&d, 2), &d.link[1]);
    assert_null(link_find(&d, 3));
}

static void the_strongest_of_several_antennas_counts(void **state)
{
    (void)state;
    struct device_rec d = {0};
    const struct link_rx rx[] = {{1, -500}, {1, 300}, {1, 100}};
    link_note_uplink(&d, AT(1), NULL, rx, ARRAY_LEN(rx), 1);
    assert_int_equal(d.link_count, 1);
    assert_int_equal(d.link[0].snr_p50_cdb, 300);
    link_note_uplink(&d, AT(20), NULL, rx, ARRAY_LEN(rx), 1);
    assert_int_equal(d.link[0].snr_p50_cdb, 300);
}

static void nonsense_is_brought_into_range(void **state)
{
    (void)state;
    struct device_rec d = {0};
    const struct link_rx rx[] = {{1, INT16_MAX}, {2, INT16_MIN}};
    for (int i = 0; i < 3; i++) {
        link_note_uplink(&d, AT(i + 1), &sf12, rx, 2, 1);
    }
    assert_int_equal(link_find(&d, 1)->snr_p50_cdb, 3200);
    assert_int_equal(link_find(&d, 2)->snr_p50_cdb, -3200);
}

static void an_uplink_that_names_no_gateway_changes_no_link(void **state)
{
    (void)state;
    struct device_rec d = {0};
    const struct link_rx rx = {1, 500};
    link_note_uplink(&d, AT(1), &sf7, &rx, 1, 1);
    for (int i = 2; i < 500; i++) {
        link_note_uplink(&d, AT(i), &sf7, NULL, 0, 1);
    }
    assert_int_equal(d.link_count, 1);
    assert_int_equal(d.uplinks_heard, 1);
    assert_int_equal(d.link[0].heard_ppk, 1000);
}

static void the_worst_link_gives_way_to_one_that_is_clearly_better(void **state)
{
    (void)state;
    static const struct link_rx four[] = {{1, 400}, {2, 300}, {3, 200}, {4, -1000}};
    static const struct {
        const char *name;
        int16_t snr_cdb;
        bool taken;
    } rows[] = {
        {"weaker", -1500, false},
        {"2.99 dB better", -701, false},
        {"3 dB better", -700, true},
        {"best of all", 900, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct device_rec d = {0};
        struct link_rx rx[5];
        memcpy(rx, four, sizeof(four));
        rx[4] = (struct link_rx){5, rows[i].snr_cdb};
        test_row(rows[i].name);
        for (int k = 1; k <= 20; k++) {
            link_note_uplink(&d, AT(k), NULL, four, 4, 1);
        }
        link_note_uplink(&d, AT(21), NULL, rx, 5, 1);
        assert_int_equal(d.link_count, RECORD_LINK_MAX);
        assert_int_equal(link_find(&d, 5) != NULL, rows[i].taken);
        assert_int_equal(link_find(&d, 4) != NULL, !rows[i].taken);
    }
}

/* About Gaussian with that spread: twelve uniform numbers, less their mean. */
static int16_t gaussian(struct prng *prng, int32_t mean_cdb, int32_t spread_cdb)
{
    int64_t sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += (int64_t)prng_below(prng, 2001) - 1000;
    }
    /* The sum has a spread of 2000. */
    return (int16_t)(mean_cdb + sum * spread_cdb / 2000);
}

static int32_t distance(int32_t a, int32_t b)
{
    return a > b ? a - b : b - a;
}

/* Mean distance of both quantiles from the truth, over many devices. */
struct errors {
    int32_t p50_cdb;
    int32_t p10_cdb;
};

static struct errors learn(int32_t spread_cdb, int uplinks)
{
    enum { RUNS = 400 };
    struct prng prng = prng_seeded(7);
    struct errors sum = {0};
    for (int run = 0; run < RUNS; run++) {
        struct device_rec d = {0};
        for (int i = 0; i < uplinks; i++) {
            struct link_rx rx = {1, gaussian(&prng, -300, spread_cdb)};
            link_note_uplink(&d, AT(i + 1), &sf12, &rx, 1, 1);
        }
        int32_t p10 = -300 - spread_cdb * 128 / 100;
        sum.p50_cdb += distance(d.link[0].snr_p50_cdb, -300);
        sum.p10_cdb += distance(d.link[0].snr_p10_cdb, p10);
    }
    return (struct errors){sum.p50_cdb / RUNS, sum.p10_cdb / RUNS};
}

static void ten_uplinks_teach_the_median_to_about_a_decibel(void **state)
{
    (void)state;
    static const struct {
        int32_t spread_cdb;
        int uplinks;
        struct errors most;
    } rows[] = {
        {250, 1, {220, 260}},  {250, 10, {90, 160}},  {250, 40, {60, 90}},
        {400, 1, {340, 400}},  {400, 10, {150, 250}}, {400, 40, {90, 160}},
        {400, 200, {80, 140}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct errors got = learn(rows[i].spread_cdb, rows[i].uplinks);
        print_message("# spread %d cdB, %d uplinks: p50 off by %d, p10 by %d\n",
                      rows[i].spread_cdb, rows[i].uplinks, got.p50_cdb, got.p10_cdb);
        assert_in_range(got.p50_cdb, 0, rows[i].most.p50_cdb);
        assert_in_range(got.p10_cdb, 0, rows[i].most.p10_cdb);
    }
}

static void an_outlier_moves_little_and_a_change_is_followed(void **state)
{
    (void)state;
    struct device_rec d = {0};
    struct link_rx rx = {1, 500};
    for (int i = 1; i <= 60; i++) {
        link_note_uplink(&d, AT(i), &sf7, &rx, 1, 1);
    }
    assert_int_equal(d.uplinks_heard, LINK_WINDOW);
    rx.snr_cdb = -2500;
    link_note_uplink(&d, AT(61), &sf7, &rx, 1, 1);
    assert_in_range(d.link[0].snr_p50_cdb, 470, 500);
    for (int i = 62; i <= 70; i++) {
        link_note_uplink(&d, AT(i), &sf7, &rx, 1, 1);
    }
    assert_true(d.link[0].snr_p50_cdb < -1500);
    assert_true(d.link[0].snr_p10_cdb <= d.link[0].snr_p50_cdb);
    rx.snr_cdb = 500;
    for (int i = 71; i <= 90; i++) {
        link_note_uplink(&d, AT(i), &sf7, &rx, 1, 1);
    }
    assert_true(d.link[0].snr_p50_cdb > -200);
}

/* Gateway 1 always hears, gateway 2 only what is above the floor of SF7. */
static struct device_rec heard_above_the_floor(int32_t mean_cdb, uint64_t seed)
{
    struct prng prng = prng_seeded(seed);
    struct device_rec d = {0};
    for (int i = 0; i < 300; i++) {
        struct link_rx rx[2] = {{1, 800}, {2, gaussian(&prng, mean_cdb, 300)}};
        link_note_uplink(&d, AT(i + 1), &sf7, rx, rx[1].snr_cdb > -750 ? 2 : 1, 1);
    }
    return d;
}

static void what_a_gateway_misses_lowers_a_weak_link(void **state)
{
    (void)state;
    struct device_rec weak = heard_above_the_floor(-1000, 3);
    const struct device_link *link = link_find(&weak, 2);
    assert_non_null(link);
    assert_in_range(link->heard_ppk, 50, 450); /* a fifth is above the floor */
    assert_true(link->snr_p50_cdb < -750);
    assert_true(link->snr_p10_cdb <= link->snr_p50_cdb);
    struct device_rec none = heard_above_the_floor(-3000, 4);
    assert_null(link_find(&none, 2));
}

static void collisions_lower_the_share_of_a_strong_link_only(void **state)
{
    (void)state;
    struct device_rec d = {0};
    const struct link_rx rx[] = {{1, 800}, {2, 700}};
    for (int i = 0; i < 200; i++) {
        link_note_uplink(&d, AT(i + 1), &sf7, rx, i % 2 == 0 ? 2 : 1, 1);
    }
    assert_int_equal(link_find(&d, 1)->heard_ppk, 1000);
    assert_in_range(link_find(&d, 2)->heard_ppk, 400, 600);
    assert_int_equal(link_find(&d, 2)->snr_p50_cdb, 700);
}

static void a_gateway_that_is_gone_sinks_and_is_forgotten(void **state)
{
    (void)state;
    struct device_rec d = {0};
    const struct link_rx both[] = {{1, 800}, {2, 0}};
    for (int i = 1; i <= 50; i++) {
        link_note_uplink(&d, AT(i), &sf7, both, 2, 1);
    }
    assert_int_equal(d.link[0].gateway, 1);
    int gone_at = 0;
    for (int i = 51; i <= 400 && gone_at == 0; i++) {
        link_note_uplink(&d, AT(i), &sf7, &both[1], 1, 1);
        gone_at = d.link_count == 1 ? i - 50 : 0;
    }
    assert_in_range(gone_at, 100, 200);
    assert_int_equal(d.link[0].gateway, 2);
    assert_int_equal(d.link[1].gateway, 0);
}

static void wide_channels_are_measured_as_narrow_ones(void **state)
{
    (void)state;
    static const struct data_rate sf8_500 = {
        .modulation = MODULATION_LORA, .sf = 8, .bw_hz = 500000};
    static const struct data_rate fsk = {.modulation = MODULATION_FSK,
                                         .bitrate_bps = 50000};
    struct device_rec d = {0};
    const struct link_rx rx = {1, -500};
    link_note_uplink(&d, AT(1), &sf8_500, &rx, 1, 1);
    assert_int_equal(d.link[0].snr_p50_cdb, 102);
    assert_int_equal(link_margin_cdb(-500, &sf12, 1000), 2500);
    assert_int_equal(link_margin_cdb(-1800, &sf7, 1000), -50);
    assert_int_equal(link_margin_cdb(LINK_SNR_UNKNOWN, &sf7, 1000), LINK_SNR_UNKNOWN);
    for (int i = 2; i < 40; i++) {
        link_note_uplink(&d, AT(i), &fsk, &(struct link_rx){2, 300}, 1, 1);
    }
    assert_int_equal(link_find(&d, 1)->snr_p50_cdb, 102); /* missed in FSK: no lesson */
}

static void the_margin_that_a_device_reports_corrects_its_downlinks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int16_t snr_cdb; /* of its best link */
        int8_t margin_db;
        int16_t down_cdb; /* after one, and after many of them */
        int16_t settled_cdb;
    } rows[] = {
        {"as expected in RX1", -900, -12, 0, 0},
        {"as expected in RX2", -900, 1, 0, 0},
        {"worse by 6 dB", -900, -18, -200, -598},
        {"no more than 15 dB worse", 0, -32, -966, -1500},
        {"better in RX1, but less so than RX2 is", -900, -7, 166, 300},
        {"a little worse in RX2", -900, -2, -100, -298},
        {"both stronger than is told apart", 1100, 12, 0, 0},
        {"stronger than its uplinks let hope", -1000, 31, 300, 300},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct device_rec d = {0};
        test_row(rows[i].name);
        link_note_uplink(&d, AT(1), NULL, &(struct link_rx){1, rows[i].snr_cdb}, 1, 1);
        link_note_status(&d, rows[i].margin_db, -300, 1000);
        assert_int_equal(d.down_cdb, rows[i].down_cdb);
        for (int k = 0; k < 50; k++) {
            link_note_status(&d, rows[i].margin_db, -300, 1000);
        }
        assert_int_equal(d.down_cdb, rows[i].settled_cdb);
        assert_int_equal(link_down_snr_cdb(&d, -500), -500 + d.down_cdb);
    }
}

static void a_status_says_nothing_of_a_device_without_links(void **state)
{
    (void)state;
    struct device_rec d = {0};
    link_note_status(&d, -20, -300, 1000);
    assert_int_equal(d.down_cdb, 0);
    d.down_cdb = -400;
    assert_int_equal(link_down_snr_cdb(&d, LINK_SNR_UNKNOWN), LINK_SNR_UNKNOWN);
}

static void the_load_of_a_gateway_is_smoothed_over_three_hours(void **state)
{
    (void)state;
    struct link_load load = {0};
    assert_int_equal(link_load_us(&load, AT(5)), 0);
    link_load_note(&load, AT(600), 1000);
    assert_int_equal(link_load_us(&load, AT(601)), 1000);
    link_load_note(&load, AT(605), 2000);
    assert_int_equal(link_load_us(&load, AT(610)), 18000);
    assert_int_equal(link_load_us(&load, AT(620)), 9000);
    link_load_note(&load, AT(599), 1000); /* too late */
    link_load_note(&load, AT(609), -5);
    link_load_note(&load, AT(609), MINUTES_US(11));
    assert_int_equal(link_load_us(&load, AT(620)), 9000);
    for (int minute = 610; minute < 1200; minute++) {
        link_load_note(&load, AT(minute), 50);
    }
    assert_in_range(link_load_us(&load, AT(1200)), 2900, 3600);
    assert_int_equal(load.periods, 18);
    assert_in_range(link_load_us(&load, AT(1200 + 180)), 500, 1500);
    assert_int_equal(link_load_us(&load, AT(1200 + 3000)), 0);
    link_load_note(&load, AT(9000), 600);
    assert_int_equal(link_load_us(&load, AT(9010)), 200);
}

static void what_no_gateway_hears_follows_from_the_shares(void **state)
{
    (void)state;
    struct device_rec d = {0};
    assert_int_equal(link_unheard_ppm(&d), 50000); /* nothing is known */
    d.link_count = 2;
    d.link[0].heard_ppk = 800;
    d.link[1].heard_ppk = 500;
    assert_int_equal(link_unheard_ppm(&d), 100000);
    d.link[1].heard_ppk = 1000;
    assert_int_equal(link_unheard_ppm(&d), 0);
}

/* DR0 of EU868: the floor is at -20 dB. */
static void a_link_near_the_floor_is_judged_by_its_share(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int16_t snr_cdb;
        uint16_t heard_ppk;
        uint32_t unheard_ppm;
        int bias_cdb;
    } rows[] = {
        {"half of all: the floor is its median", -1800, 1000, 500000, 200},
        {"half of those that others heard", -1800, 500, 0, 200},
        {"nearly all", -1800, 1000, 20000, 0},
        {"as its share says", -1960, 600, 0, 0},
        {"seldom", -1900, 50, 0, 592},
        {"far above: collisions", -1400, 500, 0, 0},
        {"nothing at all", -1800, 1000, 1000000, 0},
    };
    const struct region *region = region_get(REGION_EU868);
    const struct data_rate *rate = region_data_rate(region, 0, DIRECTION_UP);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct device_link link = {.snr_p50_cdb = rows[i].snr_cdb,
                                   .heard_ppk = rows[i].heard_ppk};
        assert_int_equal(link_bias_cdb(&link, rate, rows[i].unheard_ppm),
                         rows[i].bias_cdb);
        assert_int_equal(link_bias_cdb(&link, NULL, rows[i].unheard_ppm), 0);
    }
}

/* Two of three uplinks are lost: the counter tells that a gap is three intervals. */
static void counted_uplinks_share_a_gap(void **state)
{
    (void)state;
    struct device_rec d = {0};
    for (int64_t i = 0; i < 20; i++) {
        link_note_uplink(&d, AT(30 * i + 1), NULL, NULL, 0, 3);
    }
    assert_int_equal(d.uplink_interval_us, MINUTES_US(10));
    link_note_uplink(&d, AT(581), NULL, NULL, 0, 0); /* its counter began anew */
    assert_int_equal(d.uplink_interval_us, MINUTES_US(10));
}

TEST_MAIN(cmocka_unit_test(counted_uplinks_share_a_gap),
          cmocka_unit_test(what_no_gateway_hears_follows_from_the_shares),
          cmocka_unit_test(a_link_near_the_floor_is_judged_by_its_share),
          cmocka_unit_test(the_interval_is_the_median_of_the_gaps),
          cmocka_unit_test(the_interval_follows_a_change),
          cmocka_unit_test(answers_in_a_burst_do_not_count_as_an_interval),
          cmocka_unit_test(the_four_best_links_are_kept_best_first),
          cmocka_unit_test(the_strongest_of_several_antennas_counts),
          cmocka_unit_test(nonsense_is_brought_into_range),
          cmocka_unit_test(an_uplink_that_names_no_gateway_changes_no_link),
          cmocka_unit_test(the_worst_link_gives_way_to_one_that_is_clearly_better),
          cmocka_unit_test(ten_uplinks_teach_the_median_to_about_a_decibel),
          cmocka_unit_test(an_outlier_moves_little_and_a_change_is_followed),
          cmocka_unit_test(what_a_gateway_misses_lowers_a_weak_link),
          cmocka_unit_test(collisions_lower_the_share_of_a_strong_link_only),
          cmocka_unit_test(a_gateway_that_is_gone_sinks_and_is_forgotten),
          cmocka_unit_test(wide_channels_are_measured_as_narrow_ones),
          cmocka_unit_test(the_margin_that_a_device_reports_corrects_its_downlinks),
          cmocka_unit_test(a_status_says_nothing_of_a_device_without_links),
          cmocka_unit_test(the_load_of_a_gateway_is_smoothed_over_three_hours))

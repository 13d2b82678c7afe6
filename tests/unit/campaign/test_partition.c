/* SPDX-License-Identifier: MIT */
#include "campaign/partition.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/time.h"
#include "campaign/record.h"
#include "campaign/spec.h"
#include "partition_fleet.h"
#include "test.h"

/* One link, at a downlink margin at DR0. */
static struct partition_device single(uint32_t gateway, int margin_cdb)
{
    int snr_cdb = margin_cdb - 2000 - 1000; /* floor and gain */
    return (struct partition_device){
        .ts004 = 1,
        .ts005 = 1,
        .link_count = 1,
        .link = {{gateway, (int16_t)(snr_cdb - 320), (int16_t)snr_cdb, 900}}};
}

static void random_fleet(uint64_t seed)
{
    struct prng prng = prng_seeded(seed);
    for (size_t d = 0; d < DEVICES; d++) {
        struct partition_device *out = &devices[d];
        uint32_t gateway = (uint32_t)prng_below(&prng, GATEWAYS);
        int best_cdb = 2500 - (int)prng_below(&prng, 3200);
        *out =
            (struct partition_device){.ts004 = (uint8_t)(1 + prng_below(&prng, 2)),
                                      .ts005 = (uint8_t)(1 + prng_below(&prng, 2)),
                                      .attempts = (uint8_t)prng_chance(&prng, 50000),
                                      .cap_ppm = prng_chance(&prng, 500000) ? 100000 : 0};
        out->link_count = (uint8_t)prng_below(&prng, 5);
        for (size_t l = 0; l < out->link_count; l++) {
            int snr_cdb = best_cdb - 1000 - (int)l * (int)prng_below(&prng, 500);
            out->link[l] = (struct partition_link){
                (gateway + (uint32_t)(l * (1 + seed % 3))) % GATEWAYS,
                (int16_t)(snr_cdb - 320), (int16_t)snr_cdb,
                (uint16_t)prng_below(&prng, 1001)};
        }
    }
}

static int best_margin_cdb(const struct partition_device *d, uint8_t dr)
{
    int best = -30000;
    for (size_t l = 0; l < d->link_count; l++) {
        int margin = d->link[l].snr_p50_cdb + input.gain_cdb -
                     partition_floor_cdb(input.region, dr);
        best = margin > best ? margin : best;
    }
    return best;
}

static bool hears_cohort(const struct partition_device *d,
                         const struct partition_cohort *c)
{
    bool hears = false;
    for (size_t i = 0; i < c->gateway_count; i++) {
        for (size_t l = 0; l < d->link_count; l++) {
            hears = hears || d->link[l].gateway == c->gateways[i].gateway;
        }
    }
    return hears;
}

static void check_devices(void)
{
    uint32_t *count = calloc(result.cohort_count + 1, sizeof(*count));
    size_t none = 0;
    for (size_t d = 0; d < input.device_count; d++) {
        uint32_t at = result.cohort[d];
        if (at == PARTITION_NONE) {
            none++;
            assert_true(devices[d].link_count == 0 ||
                        best_margin_cdb(&devices[d], 0) < 300); /* seldom heard: 3 dB */
            continue;
        }
        assert_true(at < result.cohort_count);
        const struct partition_cohort *c = &result.cohorts[at];
        count[at]++;
        assert_int_equal(c->ts004, devices[d].ts004);
        assert_int_equal(c->ts005, devices[d].ts005);
        assert_true(hears_cohort(&devices[d], c));
    }
    assert_int_equal(none,
                     result.no_link + result.too_far + result.no_fit + result.no_room);
    for (size_t i = 0; i < result.cohort_count; i++) {
        assert_int_equal(count[i], result.cohorts[i].device_count);
    }
    free(count);
}

static void check_lanes(const struct partition_cohort *c)
{
    assert_true(c->gateway_count >= 1 && c->gateway_count <= input.lanes_max);
    assert_true(c->lane_count >= 1 && c->lane_count <= c->gateway_count);
    for (size_t i = 0; i < c->gateway_count; i++) {
        const struct partition_gateway *g = &c->gateways[i];
        assert_true(g->colour < c->colour_count);
        assert_true(g->gateway < input.gateway_count);
        bool next = i == 0 || g->lane == c->gateways[i - 1].lane + 1;
        assert_true(i > 0 ? next || g->lane == c->gateways[i - 1].lane : g->lane == 0);
        assert_true(next || g->colour == c->gateways[i - 1].colour);
        assert_true(next || g->gateway > c->gateways[i - 1].gateway);
    }
    assert_int_equal(c->gateways[c->gateway_count - 1].lane, c->lane_count - 1);
}

/* Devices in a second, times a million. */
static int64_t served_per_time(const struct partition_cohort *c)
{
    return (int64_t)c->device_count * 1000000 / (c->duration_p50_us / SECONDS_US(1));
}

static void check_cohorts(void)
{
    for (size_t i = 0; i < result.cohort_count; i++) {
        const struct partition_cohort *c = &result.cohorts[i];
        check_lanes(c);
        assert_true(c->device_count > 0);
        assert_true(c->copies >= 1 && c->copies <= PARTITION_COPIES_MAX);
        assert_true(c->interval_us >= c->slot_us * c->colour_count);
        assert_true(c->slot_us > c->frame_airtime_us);
        assert_true((size_t)c->fragments.count * c->fragments.size >= input.image_len);
        assert_true(c->frames_p50 >= c->fragments.count);
        assert_true(c->frames_p90 >= c->frames_p50);
        assert_true(c->frames_p50 >= c->coded_first);
        assert_true(i == 0 || served_per_time(&c[-1]) >= served_per_time(c));
        for (size_t k = 0; k < i; k++) { /* one grid for each data rate */
            assert_true(result.cohorts[k].dr != c->dr ||
                        (result.cohorts[k].interval_us == c->interval_us &&
                         result.cohorts[k].colour_count == c->colour_count));
        }
    }
}

static void random_fleets_keep_all_promises(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        base_input(DEVICES, GATEWAYS);
        random_fleet(seed);
        input.absolute = seed % 2 == 0;
        input.lanes_max = (uint8_t)(1 + seed % 32);
        input.lane_gateways = seed % 3 == 0 ? 16 : 1;
        assert_int_equal(make(), FUO_OK);
        assert_true(result.cohort_count > 0);
        check_devices();
        check_cohorts();
    }
}

static void conflicting_gateways_take_turns(void **state)
{
    (void)state;
    base_input(200, 2);
    for (size_t d = 0; d < 200; d++) { /* all hear both alike */
        devices[d] = single((uint32_t)(d % 2), 2500);
        devices[d].link[1] = devices[d].link[0];
        devices[d].link[1].gateway ^= 1;
        devices[d].link_count = 2;
        /* each side has one that hears only its own */
        devices[d].link_count = d < 2 ? 1 : 2;
    }
    assert_int_equal(make(), FUO_OK);
    for (size_t i = 0; i < result.cohort_count; i++) {
        const struct partition_cohort *c = &result.cohorts[i];
        assert_int_equal(c->gateway_count, 2);
        assert_int_equal(c->colour_count, 2);
        assert_int_not_equal(c->gateways[0].colour, c->gateways[1].colour);
    }
}

/* Whether one of its gateways is alone in its turn, of those that it hears. */
static bool has_a_clear_turn(const struct partition_device *d, const uint16_t *turn)
{
    for (size_t l = 0; l < d->link_count; l++) {
        size_t others = 0;
        for (size_t k = 0; k < d->link_count; k++) {
            others += k != l && turn[d->link[k].gateway] == turn[d->link[l].gateway];
        }
        if (others == 0) {
            return true;
        }
    }
    return false;
}

/* Ten gateways in one place, two of which each device hears alike, and a turn costs time. */
static void gateways_in_one_place_spoil_nobody(void **state)
{
    (void)state;
    enum { NEAR = 10 };
    base_input(DEVICES, NEAR);
    input.absolute = false;
    input.dr = 5;
    for (uint32_t d = 0; d < DEVICES; d++) {
        devices[d] = single(d % NEAR, 2500);
        devices[d].cap_ppm = 100000;
        devices[d].link[1] = devices[d].link[0];
        devices[d].link[1].gateway = (d + 1 + d / NEAR % (NEAR - 1)) % NEAR;
        devices[d].link_count = 2;
    }
    assert_int_equal(make(), FUO_OK);
    size_t clear = 0;
    for (size_t d = 0; d < DEVICES; d++) {
        clear += has_a_clear_turn(&devices[d], result.grids[0].turn);
    }
    assert_true(clear * 20 >= (size_t)DEVICES * 19);
}

static void the_order_of_devices_does_not_matter(void **state)
{
    (void)state;
    uint32_t before[DEVICES];
    struct partition_cohort cohorts[96];
    base_input(DEVICES, GATEWAYS);
    random_fleet(4);
    assert_int_equal(make(), FUO_OK);
    size_t cohort_count = result.cohort_count;
    assert_true(cohort_count <= ARRAY_LEN(cohorts));
    memcpy(before, result.cohort, sizeof(before));
    memcpy(cohorts, result.cohorts, cohort_count * sizeof(cohorts[0]));
    for (size_t d = 0; d < DEVICES / 2; d++) { /* backwards */
        struct partition_device t = devices[d];
        devices[d] = devices[DEVICES - 1 - d];
        devices[DEVICES - 1 - d] = t;
    }
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohort_count, cohort_count);
    for (size_t d = 0; d < DEVICES; d++) {
        assert_int_equal(result.cohort[DEVICES - 1 - d], before[d]);
    }
    for (size_t i = 0; i < cohort_count; i++) {
        assert_int_equal(result.cohorts[i].frames_p90, cohorts[i].frames_p90);
        assert_int_equal(result.cohorts[i].gateway_count, cohorts[i].gateway_count);
    }
}

static void the_margin_decides_the_data_rate(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int margin_cdb; /* at DR0 */
        uint8_t attempts;
        uint8_t dr;
    } rows[] = {
        {"4.75 dB at DR5", 1725, 0, 5},
        {"a little less", 1690, 0, 4},
        {"failed once", 1725, 1, 4},
        {"failed eight times", 1725, 8, 3},
        {"5 dB at DR0", 500, 0, 0},
        {"0 dB", 0, 0, 0},
        {"0 dB and failed often: it stays", 0, 9, 0},
        {"2 dB too weak, but nothing better", -200, 0, 0},
        {"too far", -210, 0, UINT8_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        base_input(1, 1);
        devices[0] = single(0, rows[i].margin_cdb);
        devices[0].attempts = rows[i].attempts;
        devices[0].cap_ppm = 100000;
        assert_int_equal(make(), FUO_OK);
        if (rows[i].dr == UINT8_MAX) {
            assert_int_equal(result.cohort[0], PARTITION_NONE);
            assert_int_equal(result.too_far, 1);
            assert_int_equal(result.cohort_count, 0);
        } else {
            assert_int_equal(result.cohort_count, 1);
            assert_int_equal(result.cohorts[0].dr, rows[i].dr);
        }
    }
}

static void two_thin_links_make_a_good_one(void **state)
{
    (void)state;
    base_input(1, 2);
    devices[0] = single(0, 1250 + 400); /* 4 dB at DR5 */
    devices[0].cap_ppm = 100000;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].dr, 4);
    devices[0].link[1] = devices[0].link[0];
    devices[0].link[1].gateway = 1;
    devices[0].link_count = 2;
    input.dr = 5;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].gateway_count, 2);
    assert_int_equal(result.cohorts[0].colour_count, 2);
    assert_true(result.cohorts[0].loss_max_ppm < 4000);
}

static void few_slow_devices_do_not_slow_down_the_others(void **state)
{
    (void)state;
    base_input(1000, 2);
    for (size_t d = 0; d < 1000; d++) {
        devices[d] = single((uint32_t)(d % 2), d < 990 ? 2500 : 600);
        devices[d].cap_ppm = 50000;
    }
    assert_int_equal(make(), FUO_OK);
    assert_true(result.cohort_count >= 2);
    assert_int_equal(result.cohorts[result.cohort[0]].dr, 5);
    assert_int_equal(result.cohorts[result.cohort[0]].copies, 1);
    uint8_t slow = result.cohorts[result.cohort[995]].dr;
    assert_true(slow <= 1);
    /* Some a little better than the slow ones are not worth a session. */
    for (size_t d = 995; d < 1000; d++) {
        devices[d] = single((uint32_t)(d % 2), 900);
        devices[d].cap_ppm = 50000;
    }
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[result.cohort[990]].dr, slow);
    assert_int_equal(result.cohorts[result.cohort[999]].dr, slow);
}

static void a_capped_decoder_gets_copies_at_the_slowest_rate(void **state)
{
    (void)state;
    base_input(2, 1);
    input.dr = 0;
    devices[0] = single(0, 300); /* 11.5 % */
    devices[0].cap_ppm = 100000;
    devices[1] = single(0, 300);
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[result.cohort[0]].copies, 2);
    devices[0].cap_ppm = 0;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohort_count, 1);
    assert_int_equal(result.cohorts[0].copies, 1);
    /* Many others at that rate are spared the copies. */
    base_input(DEVICES, 1);
    input.dr = 0;
    for (size_t d = 0; d < DEVICES; d++) {
        devices[d] = single(0, d == 0 ? 300 : 650);
        devices[d].cap_ppm = 100000;
    }
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohort_count, 2);
    assert_int_equal(result.cohorts[result.cohort[0]].copies, 2);
    assert_int_equal(result.cohorts[result.cohort[1]].copies, 1);
}

static void a_short_session_bursts_and_a_long_one_is_paced(void **state)
{
    (void)state;
    base_input(1, 1);
    devices[0] = single(0, 2500);
    input.image_len = 10000;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].interval_us, result.cohorts[0].slot_us);
    int64_t airtime_us = result.cohorts[0].frame_airtime_us;
    assert_int_equal(result.cohorts[0].slot_us, airtime_us + 50000);
    input.off_time = true;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].interval_us,
                     result.cohorts[0].frame_airtime_us * 10);
    input.off_time = false;
    input.interval_us = SECONDS_US(9);
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].interval_us, SECONDS_US(9));
    input.interval_us = 0;
    input.image_len = 400000;
    assert_int_equal(make(), FUO_OK);
    int64_t even_us = result.cohorts[0].frame_airtime_us * 100 / 6;
    assert_true(result.cohorts[0].interval_us >= even_us);
    assert_true(result.cohorts[0].interval_us <= even_us + 1);
    input.absolute = false;
    input.image_len = 10000;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].slot_us, 1300000);
    assert_true(airtime_us < SECONDS_US(1));
}

static void what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    struct partition kept = {.cohort_count = 77};
    for (int row = 0; row < 9; row++) {
        base_input(2, 1);
        devices[0] = devices[1] = single(0, 1000);
        input.frequency_hz = row == 0 ? 867000000 + 5 : input.frequency_hz;
        input.frequency_hz = row == 0 ? 1 : input.frequency_hz;
        input.share_ppm = row == 1 ? 0 : input.share_ppm;
        input.limit_ppm = row == 2 ? 0 : input.limit_ppm;
        input.dr = row == 3 ? 15 : input.dr;
        input.image_len = row == 4 ? 0 : input.image_len;
        input.image_len = row == 5 ? (size_t)16384 * 250 : input.image_len;
        input.size_bytes = row == 6 ? 300 : input.size_bytes;
        devices[1].link[0].gateway = row == 7 ? 1 : 0;
        devices[1].link[1] = devices[1].link[0];
        devices[1].link_count = row == 8 ? 2 : 1;
        result = kept;
        assert_int_equal(make(), FUO_ERANGE);
        assert_int_equal(result.cohort_count, 77);
    }
}

static void who_has_no_cohort_is_counted_by_reason(void **state)
{
    (void)state;
    base_input(12, 1);
    for (size_t d = 0; d < 12; d++) {
        devices[d] = single(0, 2500);
        devices[d].ts004 = (uint8_t)(1 + d);
    }
    devices[0].link_count = 0;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.no_link, 1);
    assert_int_equal(result.no_room, 3);
    assert_int_equal(result.cohort_count, 8);

    base_input(2, 1);
    devices[0] = single(0, 400); /* DR0 only */
    devices[1] = single(0, -900);
    input.limits.count_max = 1000;
    input.image_len = 100000;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.no_fit, 1);
    assert_int_equal(result.too_far, 1);
}

static void a_given_data_rate_is_used(void **state)
{
    (void)state;
    base_input(2, 1);
    devices[0] = single(0, 3500);
    devices[1] = single(0, 100);
    input.dr = 3;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].dr, 3);
    assert_int_equal(result.cohort[1], PARTITION_NONE);
    input.dr = 7; /* FSK */
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].dr, 7);
    assert_int_equal(partition_floor_cdb(input.region, 7), 850);
    assert_int_equal(partition_floor_cdb(input.region, 6), -449);
    assert_int_equal(partition_floor_cdb(region_get(REGION_US915), 8), -1398);
    assert_int_equal(input.gain_cdb, 1000);
}

static void losses_follow_the_normal_distribution(void **state)
{
    (void)state;
    assert_int_equal(partition_loss_ppm(0, 250), 500000);
    assert_in_range(partition_loss_ppm(300, 250), 114000, 116000);
    assert_in_range(partition_loss_ppm(500, 250), 22000, 23000);
    assert_in_range(partition_loss_ppm(800, 250), 600, 750);
    assert_in_range(partition_loss_ppm(500, 400), 104000, 108000);
    assert_in_range(partition_loss_ppm(-300, 250), 884000, 886000);
    assert_int_equal(partition_loss_ppm(30000, 250), 1);
    assert_int_equal(partition_loss_ppm(-30000, 250), 999999);
    assert_int_equal(partition_loss_class(0), 0);
    assert_int_equal(partition_class_loss_ppm(PARTITION_LOSS_CLASSES), 1000000);
    for (uint32_t loss = 1; loss < 1000000; loss = loss * 3 / 2 + 1) {
        uint32_t c = partition_loss_class(loss);
        assert_true(partition_class_loss_ppm(c) >= loss);
        assert_true(c == 0 || partition_class_loss_ppm(c - 1) < loss);
    }
}

/* Six gateways that all hear one another: as many turns, kept by the next round. */
static void turns_that_were_given_are_kept(void **state)
{
    (void)state;
    base_input(60, 6);
    input.dr = 5;
    for (size_t d = 0; d < 60; d++) {
        devices[d] = single((uint32_t)(d % 6), 2500);
        devices[d].link[1] = devices[d].link[0];
        devices[d].link[1].gateway = (uint32_t)((d + 1 + d / 6 % 5) % 6);
        devices[d].link_count = 2;
    }
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.grid_count, 1);
    assert_int_equal(result.grids[0].dr, 5);
    assert_int_equal(result.grids[0].turn_count, 6);
    uint16_t turns[6];
    for (size_t g = 0; g < 6; g++) {
        turns[g] = result.grids[0].turn[5 - g]; /* others than it would choose */
        assert_true(turns[g] < 6);
    }
    turns[2] = PARTITION_NO_TURN; /* a gateway that is new */
    uint16_t of_four = turns[4];
    turns[4] = 6; /* of another grid */
    struct partition_grid kept = {5, 6, SECONDS_US(9), turns};
    input.grids = &kept;
    input.grid_count = 1;
    input.device_count = 12;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.grids[0].turn_count, 6);
    assert_int_equal(result.grids[0].interval_us, SECONDS_US(9));
    for (size_t g = 0; g < 6; g++) {
        assert_true(result.grids[0].turn[g] < 6 || result.grids[0].turn[g] == UINT16_MAX);
        assert_int_equal(result.grids[0].turn[g] == turns[g], g != 2 && g != 4);
    }
    assert_int_equal(result.grids[0].turn[4], of_four); /* the one that is free */
    assert_int_equal(result.cohorts[0].colour_count, 6);
    assert_int_equal(result.cohorts[0].interval_us, SECONDS_US(9));
    kept.turn_count = 0;
    assert_int_equal(make(), FUO_ERANGE);
}

/* Both serve the device with the same strength: in one turn it would hear neither. */
static void a_turn_that_drowns_the_other_gateway_is_given_up(void **state)
{
    (void)state;
    base_input(1, 2);
    input.dr = 5;
    devices[0] = single(0, 1250 + 400);
    devices[0].attempts = 1;
    devices[0].link[1] = devices[0].link[0];
    devices[0].link[1].gateway = 1;
    devices[0].link_count = 2;
    uint16_t turns[2] = {1, 1};
    struct partition_grid kept = {5, 2, SECONDS_US(9), turns};
    input.grids = &kept;
    input.grid_count = 1;
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.cohorts[0].gateway_count, 2);
    assert_int_not_equal(result.grids[0].turn[0], result.grids[0].turn[1]);
}

static void few_are_asked_what_they_miss_before_much_is_coded(void **state)
{
    (void)state;
    for (uint8_t ts004 = 1; ts004 <= 2; ts004++) {
        base_input(DEVICES, 1);
        for (size_t d = 0; d < DEVICES; d++) {
            devices[d] = single(0, 1250 + 250);
            devices[d].ts004 = ts004;
        }
        input.dr = 5;
        assert_int_equal(make(), FUO_OK);
        assert_true(result.cohorts[0].coded_first > 4);
        input.device_count = 20;
        assert_int_equal(make(), FUO_OK);
        assert_int_equal(result.cohorts[0].coded_first, ts004 == 1);
    }
}

/* Each of its gateways disturbs all others: more of them than there are turns. */
static void there_are_no_more_turns_than_a_record_holds(void **state)
{
    (void)state;
    enum { MANY = PARTITION_TURN_MAX + 5 };
    base_input(0, MANY);
    struct partition_device *all = calloc(MANY * (MANY - 1) / 2, sizeof(*all));
    assert_non_null(all);
    for (uint32_t g = 0; g < MANY; g++) {
        for (uint32_t h = 0; h < g; h++) {
            struct partition_device *d = &all[input.device_count++];
            *d = single(g, 2500);
            d->link[1] = d->link[0];
            d->link[1].gateway = h;
            d->link_count = 2;
        }
    }
    input.devices = all;
    input.dr = 5;
    input.image_len = 200;
    input.again_us = DAYS_US(30); /* to be spoiled is dear */
    assert_int_equal(make(), FUO_OK);
    assert_int_equal(result.grid_count, 1);
    assert_int_equal(result.grids[0].turn_count, PARTITION_TURN_MAX);
    for (size_t g = 0; g < MANY; g++) {
        uint16_t turn = result.grids[0].turn[g];
        assert_true(turn < PARTITION_TURN_MAX || turn == PARTITION_NO_TURN);
    }
    free(all);
}

TEST_MAIN(cmocka_unit_test(a_turn_that_drowns_the_other_gateway_is_given_up),
          cmocka_unit_test(few_are_asked_what_they_miss_before_much_is_coded),
          cmocka_unit_test(turns_that_were_given_are_kept),
          cmocka_unit_test_teardown(there_are_no_more_turns_than_a_record_holds, drop),
          cmocka_unit_test_teardown(random_fleets_keep_all_promises, drop),
          cmocka_unit_test_teardown(conflicting_gateways_take_turns, drop),
          cmocka_unit_test_teardown(gateways_in_one_place_spoil_nobody, drop),
          cmocka_unit_test_teardown(the_order_of_devices_does_not_matter, drop),
          cmocka_unit_test_teardown(the_margin_decides_the_data_rate, drop),
          cmocka_unit_test_teardown(two_thin_links_make_a_good_one, drop),
          cmocka_unit_test_teardown(few_slow_devices_do_not_slow_down_the_others, drop),
          cmocka_unit_test_teardown(a_capped_decoder_gets_copies_at_the_slowest_rate,
                                    drop),
          cmocka_unit_test_teardown(a_short_session_bursts_and_a_long_one_is_paced, drop),
          cmocka_unit_test_teardown(what_cannot_be_sent_is_refused, drop),
          cmocka_unit_test_teardown(who_has_no_cohort_is_counted_by_reason, drop),
          cmocka_unit_test_teardown(a_given_data_rate_is_used, drop),
          cmocka_unit_test(losses_follow_the_normal_distribution))

/* SPDX-License-Identifier: MIT */
/*
 * The simulated gateways under more load than the law allows: whatever the server asks for,
 * what is on air keeps the duty cycle, and every frame is what it was. Checked from the air
 * log alone, with arithmetic that shares nothing with src/sim/radio.c.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "sim/network.h"

#define NOON    ((struct utc){SECONDS_US(INT64_C(1790000000))})
#define MC_ADDR 0x01020304u

enum {
    GATEWAYS = 3,
    DEVICES = 20,
    HOURS = 3,
    FRAMES_MAX = 40000,
    PAYLOAD = 115,
};

struct seen {
    int64_t start_us;
    int64_t airtime_us;
    uint32_t frequency_hz;
    uint64_t gateway;
    uint32_t mc_fcnt; /* UINT32_MAX: not multicast */
    uint8_t mic[4];
};

struct log {
    struct seen *frames;
    size_t count;
};

static void on_frame(void *ctx, const struct air_frame *frame)
{
    struct log *log = ctx;
    if (frame->direction == DIRECTION_UP) {
        return;
    }
    assert_true(log->count < FRAMES_MAX);
    struct seen *seen = &log->frames[log->count++];
    *seen = (struct seen){frame->start.us, frame->airtime_us, frame->frequency_hz,
                          frame->sender,   UINT32_MAX,        {0}};
    if (memcmp(frame->phy, "\x60\x04\x03\x02\x01", 5) == 0) {
        seen->mc_fcnt = (uint32_t)(frame->phy[6] | frame->phy[7] << 8);
    }
    memcpy(seen->mic, frame->phy + frame->phy_len - 4, 4);
}

static const struct network_sink sink = {.frame = on_frame};

static void open_network(struct network *network, uint64_t seed, struct log *log)
{
    struct network_config config = {
        .start = NOON,
        .region = region_get(REGION_EU868),
        .device_count = DEVICES,
        .gateway_count = GATEWAYS,
        .packages = NETWORK_PACKAGES_MIXED,
        .seed = seed,
        .loss_ppm = 100000,
        .uplink_interval_us = SECONDS_US(60),
        .margin_us = MILLIS_US(400),
        .reply_window_us = MILLIS_US(100),
        .application_id = "5a1c0e1e-0000-4000-8000-000000000001",
        .clocks_wrong = true,
        .uplink_dr = 0, /* replies at SF12 */
    };
    assert_int_equal(network_init(network, &config, &sink, log), FUO_OK);
}

static void make_group(struct network *network, char *id)
{
    struct cs *cs = &network->cs;
    struct cs_group_settings settings = {
        .name = "g",
        .mc_addr = MC_ADDR,
        .dr = 3,
        .frequency_hz = 869525000,
    };
    memcpy(settings.application_id, cs->config.application_id, CS_ID_SIZE);
    assert_int_equal(cs_group_create(cs, &settings, NOON, id), FUO_OK);
    for (size_t g = 0; g < GATEWAYS; g++) {
        assert_int_equal(cs_group_add_gateway(cs, id, network->gateway_euis[g]), FUO_OK);
    }
}

/* Keep every queue full for hours. */
static void overload(struct network *network, const char *id)
{
    static const uint8_t payload[PAYLOAD] = {8};
    char item[CS_ID_SIZE];
    for (int64_t s = 0; s < INT64_C(3600) * HOURS; s += 5) {
        uint32_t f_cnt;
        struct cs_multicast frame = {id, 201, payload, sizeof(payload), UTC_NEVER};
        network_run(network, utc_after(NOON, SECONDS_US(s)));
        for (int i = 0; i < 4; i++) {
            assert_int_equal(
                cs_group_enqueue(&network->cs, &frame, network->wall, &f_cnt), FUO_OK);
        }
        struct cs_downlink downlink = {
            .dev_eui = network_device(network, (size_t)s % DEVICES)->config.dev_eui,
            .fport = 99,
            .data = payload,
            .len = 40,
            .expires = UTC_NEVER,
        };
        (void)!cs_enqueue(&network->cs, &downlink, item);
    }
}

/* Legal share of the band that a carrier lies in, by lorawan.md 8.1; 0: none. */
static double legal_share(uint32_t hz)
{
    if (hz >= 869400000 && hz <= 869650000) {
        return 0.10;
    }
    return hz >= 868000000 && hz <= 868600000 ? 0.01 : 0;
}

/* Airtime of the same gateway and band in the hour before the end of a frame. */
static int64_t hour_us(const struct log *log, const struct seen *last)
{
    int64_t end = last->start_us + last->airtime_us;
    int64_t begin = end - SECONDS_US(3600);
    int64_t sum = 0;
    for (size_t i = 0; i < log->count; i++) {
        const struct seen *f = &log->frames[i];
        int64_t from = f->start_us > begin ? f->start_us : begin;
        int64_t to =
            f->start_us + f->airtime_us < end ? f->start_us + f->airtime_us : end;
        if (f->gateway == last->gateway && to > from &&
            legal_share(f->frequency_hz) == legal_share(last->frequency_hz)) {
            sum += to - from;
        }
    }
    return sum;
}

static void check_duty_cycle(const struct log *log, double *busiest)
{
    for (size_t i = 0; i < log->count; i += i % 7 == 0 ? 1 : 2) {
        double share = legal_share(log->frames[i].frequency_hz);
        double used = (double)hour_us(log, &log->frames[i]) / 3600e6;
        assert_true(share > 0);
        assert_true(used <= share);
        *busiest = share == 0.10 && used > *busiest ? used : *busiest;
    }
}

static void check_no_overlap(const struct log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        const struct seen *a = &log->frames[i];
        for (size_t j = i + 1; j < log->count && j < i + 50; j++) {
            const struct seen *b = &log->frames[j];
            bool apart = a->start_us + a->airtime_us <= b->start_us ||
                         b->start_us + b->airtime_us <= a->start_us;
            assert_true(a->gateway != b->gateway || apart);
        }
    }
}

/* One FCnt, one payload: at whichever gateway, the MIC is the same. */
static void check_one_payload_per_fcnt(const struct log *log)
{
    const struct seen **first = calloc(65536, sizeof(const struct seen *));
    assert_non_null(first);
    for (size_t i = 0; i < log->count; i++) {
        const struct seen *f = &log->frames[i];
        if (f->mc_fcnt == UINT32_MAX) {
            continue;
        }
        if (first[f->mc_fcnt] == NULL) {
            first[f->mc_fcnt] = f;
        }
        assert_memory_equal(first[f->mc_fcnt]->mic, f->mic, sizeof(f->mic));
    }
    free(first);
}

static void overloaded_gateways_stay_within_the_law(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct log log = {.frames = calloc(FRAMES_MAX, sizeof(struct seen))};
        struct network network;
        char id[CS_ID_SIZE];
        double busiest = 0;
        open_network(&network, seed, &log);
        make_group(&network, id);
        overload(&network, id);
        check_duty_cycle(&log, &busiest);
        assert_true(busiest > 0.097); /* and they were as busy as it allows */
        check_no_overlap(&log);
        check_one_payload_per_fcnt(&log);
        network_free(&network);
        free(log.frames);
    }
}

TEST_MAIN(cmocka_unit_test(overloaded_gateways_stay_within_the_law))

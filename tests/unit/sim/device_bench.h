/* SPDX-License-Identifier: MIT */
/*
 * device_bench.h - one simulated device on a bench: the test is its network server.
 *
 * bench_open() powers it on and joins it. bench_uplink() runs to its next uplink;
 * bench_ask() answers that uplink with a downlink and collects what the device says on the
 * same port. Frames and keys are real.
 */
#pragma once

#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/frame.h"
#include "crypto/join.h"
#include "sim/device.h"

#define BENCH_START ((struct utc){SECONDS_US(INT64_C(1790000000))})
#define BENCH_ADDR  0x26011234u

struct bench {
    struct device device;
    struct sim_timers timers;
    struct utc now;
    struct device_transmission tx;
    bool sent;
    bool installed;
    uint32_t fcnt_down;
    struct session_keys keys;
    /* the last uplink, decrypted */
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    struct frame up;
};

static inline void bench_on_transmit(void *ctx, struct device *device,
                                     const struct device_transmission *t, struct utc now)
{
    struct bench *bench = ctx;
    (void)device;
    bench->tx = *t;
    bench->sent = true;
    bench->now = now;
}

static inline void bench_on_installed(void *ctx, struct device *device, struct utc now)
{
    struct bench *bench = ctx;
    (void)device;
    (void)now;
    bench->installed = true;
}

static const struct device_ops bench_ops = {bench_on_transmit, bench_on_installed};

static inline struct device_config bench_config(uint8_t version)
{
    struct device_config config = {
        .dev_eui = 0x70b3d57ed0060001,
        .join_eui = 0x70b3d57ed0000000,
        .app_key = {{1, 2, 3}},
        .gen_app_key = {{4, 5, 6}},
        .region = region_get(REGION_EU868),
        .versions = {{1, version, version, version, 1}},
        .power_on = BENCH_START,
        .uplink_interval_us = SECONDS_US(300),
        .clock_boot_gps_s = 7,
        .uplink_dr = 5,
        .hardware_version = 0x00010001,
        .frag_count_max = 2000,
        .lost_max = 2000,
        .frag_size_max = 242,
        .seed = 3,
    };
    return config;
}

/* Run until the device transmits; time stops at the start of the frame. */
static inline void bench_run_to_tx(struct bench *bench)
{
    bench->sent = false;
    while (!bench->sent) {
        struct utc next = sim_timers_next(&bench->timers);
        assert_true(next.us != INT64_MAX);
        bench->now = next;
        sim_timers_run(&bench->timers, next);
    }
}

/* Its frame ends, and whatever follows in its windows is over. */
static inline void bench_end_tx(struct bench *bench, const uint8_t *phy, size_t len)
{
    bench->now = utc_after(bench->now, 70000);
    device_transmitted(&bench->device, bench->now);
    bench->now = utc_after(bench->now, SECONDS_US(1));
    if (phy != NULL) {
        device_received(&bench->device, phy, len, bench->now);
    }
    device_windows_over(&bench->device, bench->now);
}

/* Let it talk until it asks to join, and let it. */
static inline void bench_join(struct bench *bench)
{
    struct join_request request;
    struct join_accept accept = {
        .join_nonce = 5, .dev_addr = BENCH_ADDR, .rx_delay_s = 1};
    uint8_t phy[JOIN_ACCEPT_CFLIST_BYTES];
    size_t len = 0;
    const struct aes_key *key = &bench->device.config.app_key;
    bench_run_to_tx(bench);
    while (bench->tx.phy[0] >> 5 != FRAME_JOIN_REQUEST) {
        bench_end_tx(bench, NULL, 0);
        bench_run_to_tx(bench);
    }
    assert_int_equal(join_request_open(bench->tx.phy, bench->tx.len, key, &request),
                     FUO_OK);
    assert_int_equal(join_accept_build(&accept, key, phy, sizeof(phy), &len), FUO_OK);
    assert_int_equal(join_session_keys(key, &accept, request.dev_nonce, &bench->keys),
                     FUO_OK);
    bench->fcnt_down = 0;
    bench_end_tx(bench, phy, len);
    assert_true(bench->device.joined);
}

static inline struct bench *bench_open(const struct device_config *config)
{
    static const uint8_t old[] = "old";
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->now = config->power_on;
    assert_int_equal(
        device_init(&bench->device, config, &bench_ops, bench, &bench->timers), FUO_OK);
    assert_int_equal(device_flash(&bench->device, old, sizeof(old)), FUO_OK);
    bench_join(bench);
    return bench;
}

static inline void bench_close(struct bench *bench)
{
    device_free(&bench->device);
    sim_timers_free(&bench->timers);
    free(bench);
}

/* Run to the next uplink and decrypt it; its windows are still open. */
static inline void bench_uplink(struct bench *bench)
{
    struct frame peek;
    bench_run_to_tx(bench);
    assert_int_equal(frame_peek(bench->tx.phy, bench->tx.len, &peek), FUO_OK);
    assert_int_equal(frame_open(bench->tx.phy, bench->tx.len, &bench->keys, peek.fcnt,
                                bench->plain, &bench->up),
                     FUO_OK);
}

/* Answer the uplink that was just sent. */
static inline void bench_down(struct bench *bench, uint8_t fport, const uint8_t *bytes,
                              size_t len)
{
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    size_t phy_len = 0;
    struct frame frame = {
        .type = FRAME_UNCONFIRMED_DOWN,
        .addr = BENCH_ADDR,
        .fcnt = bench->fcnt_down++,
        .has_port = true,
        .fport = fport,
        .payload = bytes,
        .payload_len = len,
    };
    assert_int_equal(frame_build(&frame, &bench->keys, phy, sizeof(phy), &phy_len),
                     FUO_OK);
    bench_end_tx(bench, phy, phy_len);
}

/* The next uplink on a port; others are let pass, at most `tries`. False: it kept silent. */
static inline bool bench_next_on(struct bench *bench, uint8_t fport, int tries)
{
    for (int i = 0; i < tries; i++) {
        bench_uplink(bench);
        if (bench->up.has_port && bench->up.fport == fport) {
            return true;
        }
        bench_end_tx(bench, NULL, 0);
    }
    return false;
}

/*
 * Send `bytes` in the windows of the next uplink and wait for the answer on that port. The
 * answer is in bench->up, its windows closed. False if there is none.
 */
static inline bool bench_ask(struct bench *bench, uint8_t fport, const uint8_t *bytes,
                             size_t len)
{
    bench_uplink(bench);
    bench_down(bench, fport, bytes, len);
    bool answered = bench_next_on(bench, fport, 3);
    if (answered) {
        bench_end_tx(bench, NULL, 0);
    }
    return answered;
}

static inline void bench_expect(const struct bench *bench, const void *bytes, size_t len)
{
    assert_int_equal(bench->up.payload_len, len);
    assert_memory_equal(bench->up.payload, bytes, len);
}

/* bench_ask() with the answer expected, byte for byte. */
#define BENCH_TALK(bench, fport, down, answer)                                           \
    do {                                                                                 \
        assert_true(bench_ask(bench, fport, (const uint8_t *)(down), sizeof(down) - 1)); \
        bench_expect(bench, answer, sizeof(answer) - 1);                                 \
    } while (0)

/* SPDX-License-Identifier: MIT */
/*
 * radio.h - what a link is worth: margins, losses, and the draw of a single frame.
 *
 * Integer only: tables in 1/100 dB and ppm. A draw is a function of its key, so whoever asks
 * for the same frame at the same device gets the same answer, in any order.
 *
 * Without fading a frame is lost at random within 2.5 dB around the floor of its spreading
 * factor (Semtech's demodulation floor: half of them lost); fading of N(0, sigma) per packet
 * comes on top. Facts: reference performance.md 6.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "world/scenario.h"

enum {
    WORLD_RAW_FIRST_CDB = -150, /* below: all lost */
    WORLD_RAW_STEP_CDB = 10,
    WORLD_RAW_COUNT = 42,
    WORLD_NORMAL_COUNT = 512,
    WORLD_NOISE_125K_CDB = -17400 + 5097, /* thermal, 125 kHz */
};

/* Loss in ppm by margin in steps of 0.1 dB (Reynders' bit error rate, SF7, 235 bytes). */
extern const uint32_t world_raw_ppm[WORLD_RAW_COUNT];

/* Inverse of the normal distribution at 0.5 + (i + 0.5) / 1024, times 1000. */
extern const int16_t world_normals_milli[WORLD_NORMAL_COUNT];

/* Those that follow are asked for each frame at each device that hears it: here, so that they
 * cost no call. */

/* Demodulation floor of DR0..DR5 in 1/100 dB: -2000 .. -750. */
static inline int32_t world_floor_cdb(uint8_t dr)
{
    return -2000 + 250 * (int32_t)dr;
}

/* SNR at the other end over a link of that loss, in 1/100 dB; mean over fading. */
static inline int32_t world_uplink_snr_cdb(const struct world_scenario *s,
                                           int32_t loss_cdb)
{
    const struct world_params *p = &s->params;
    return 100 * (p->device_dbm - p->gateway_noise_db) - WORLD_NOISE_125K_CDB - loss_cdb;
}

static inline int32_t world_downlink_snr_cdb(const struct world_scenario *s,
                                             int32_t loss_cdb)
{
    const struct world_params *p = &s->params;
    return 100 * (p->gateway_dbm - p->device_noise_db) - WORLD_NOISE_125K_CDB - loss_cdb;
}

/* In the 868 MHz bands: RX1. */
static inline int32_t world_rx1_snr_cdb(const struct world_scenario *s, int32_t loss_cdb)
{
    const struct world_params *p = &s->params;
    return 100 * (p->gateway_narrow_dbm - p->device_noise_db) - WORLD_NOISE_125K_CDB -
           loss_cdb;
}

/* Downlink SNR at WORLD_CLASS_C_HZ above the floor of dr. */
static inline int32_t world_margin_cdb(const struct world_scenario *s, int32_t loss_cdb,
                                       uint8_t dr)
{
    return world_downlink_snr_cdb(s, loss_cdb) - world_floor_cdb(dr);
}

/* Loss of a frame received with that margin, no fading. */
static inline uint32_t world_raw_loss_ppm(int32_t margin_cdb)
{
    if (margin_cdb < WORLD_RAW_FIRST_CDB) {
        return WORLD_PPM;
    }
    size_t i = (size_t)(margin_cdb - WORLD_RAW_FIRST_CDB) / WORLD_RAW_STEP_CDB;
    return i < WORLD_RAW_COUNT ? world_raw_ppm[i] : 0;
}

/* A standard normal variate times 1000, from 64 random bits. */
static inline int32_t world_normal_milli(uint64_t bits)
{
    int32_t x = world_normals_milli[bits % WORLD_NORMAL_COUNT];
    return (bits & WORLD_NORMAL_COUNT) != 0 ? -x : x;
}

/* The same, averaged over fading of the given sigma. */
uint32_t world_loss_ppm(int32_t margin_cdb, uint32_t sigma_cdb);

/* 64 bits from a key; well mixed, the same everywhere. */
uint64_t world_hash(uint64_t seed, uint64_t a, uint64_t b, uint64_t c);

/* 1000 * log10(x), x >= 1, to the nearest. */
int32_t world_log10_milli(uint64_t x);

/*
 * Whether device hears a frame of gateway at WORLD_CLASS_C_HZ, sent at at_us, without any
 * other on air. False if there is no link, or the device is dead or in a burst of losses.
 */
bool world_heard(const struct world_scenario *s, size_t device, uint32_t gateway,
                 uint8_t dr, int64_t at_us);

/* A hash whose last part is still to come. */
struct world_key {
    uint64_t state;
    uint64_t drawn;
};

/* What a device hears of one gateway at a data rate: for frame after frame of it. */
struct world_ear {
    const struct world_scenario *s;
    size_t device;
    struct world_key key;
    int32_t margin_cdb;
};

/* False if there is no link or the device is dead: it hears nothing, *ear is untouched. */
bool world_ear_of(const struct world_scenario *s, size_t device, uint32_t gateway,
                  uint8_t dr, struct world_ear *ear);
/* As world_heard(). */
bool world_ear_hears(const struct world_ear *ear, int64_t at_us);

/* The device is in a burst of losses (params.burst_loss_ppm) at that time. */
bool world_in_burst(const struct world_scenario *s, size_t device, int64_t at_us);

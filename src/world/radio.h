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

/* Demodulation floor of DR0..DR5 in 1/100 dB: -2000 .. -750. */
int32_t world_floor_cdb(uint8_t dr);

/* SNR at the other end over a link of that loss, in 1/100 dB; mean over fading. */
int32_t world_uplink_snr_cdb(const struct world_scenario *s, int32_t loss_cdb);
int32_t world_downlink_snr_cdb(const struct world_scenario *s, int32_t loss_cdb);
/* In the 868 MHz bands: RX1. */
int32_t world_rx1_snr_cdb(const struct world_scenario *s, int32_t loss_cdb);

/* Downlink SNR at WORLD_CLASS_C_HZ above the floor of dr. */
int32_t world_margin_cdb(const struct world_scenario *s, int32_t loss_cdb, uint8_t dr);

/* Loss of a frame received with that margin, no fading. */
uint32_t world_raw_loss_ppm(int32_t margin_cdb);

/* The same, averaged over fading of the given sigma. */
uint32_t world_loss_ppm(int32_t margin_cdb, uint32_t sigma_cdb);

/* A standard normal variate times 1000, from 64 random bits. */
int32_t world_normal_milli(uint64_t bits);

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

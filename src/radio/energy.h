/* SPDX-License-Identifier: MIT */
/*
 * energy.h - what an update costs a device, in microjoules.
 *
 * One straight line through measurements of real hardware (STM32WL55 Nucleo, EU868, 3.0 V,
 * reference performance.md 1.2): everything that is not class C listening, from the join to
 * the end, took 6.46 J, and listening takes 25.7 mW. Receiving costs about what listening
 * does, so the data rate does not enter.
 *
 * In class B the receiver is on for beacons and in ping slots only. A slot without a frame
 * takes a window, and one frame in each interval its airtime; rounded upward.
 *
 * Pure arithmetic in integers.
 */
#pragma once

#include <stdint.h>

enum {
    ENERGY_CLASS_C_UW = 25700,  /* 8.6 mA at 3 V */
    ENERGY_FUOTASIM_UW = 48000, /* what FUOTASim takes: 16 mA at 3 V */
    ENERGY_FIXED_UJ = 6460000,  /* join, set-up, answers, idling of one measured run */

    ENERGY_BEACON_PERIOD_S = 128,
    ENERGY_BEACON_US = 305000,     /* airtime of the longest beacon: SF12 at 500 kHz */
    ENERGY_PING_WINDOW_US = 30000, /* of a slot in which nothing comes (FUOTASim) */
    ENERGY_PING_SLOTS_EXP = 7,     /* 2^(7 - periodicity) slots in a beacon period */
};

/* Listening in class B. */
struct energy_slots {
    uint8_t periodicity; /* 0 to 7 */
    int64_t frame_us;    /* airtime of one */
    int64_t interval_us; /* between two that are sent */
};

/* How long the receiver is on in such a session; at most all of it. 0 if that is not positive. */
int64_t energy_slots_us(int64_t session_us, const struct energy_slots *how);

/* Of a receiver that is on for listen_us; 0 if that is not positive. */
int64_t energy_listening_uj(int64_t listen_us, uint32_t power_uw);

/* Of a whole measured run with that much class C. */
int64_t energy_run_uj(int64_t class_c_us);

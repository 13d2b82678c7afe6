/* SPDX-License-Identifier: MIT */
/*
 * energy.h - what an update costs a device, in microjoules.
 *
 * One straight line through measurements of real hardware (STM32WL55 Nucleo, EU868, 3.0 V,
 * reference performance.md 1.2): everything that is not class C listening, from the join to
 * the end, took 6.46 J, and listening takes 25.7 mW. Receiving costs about what listening
 * does, so the data rate does not enter.
 *
 * Pure arithmetic in integers.
 */
#pragma once

#include <stdint.h>

enum {
    ENERGY_CLASS_C_UW = 25700,  /* 8.6 mA at 3 V */
    ENERGY_FUOTASIM_UW = 48000, /* what FUOTASim takes: 16 mA at 3 V */
    ENERGY_FIXED_UJ = 6460000,  /* join, set-up, answers, idling of one measured run */
};

/* Of a receiver that is on for listen_us; 0 if that is not positive. */
int64_t energy_listening_uj(int64_t listen_us, uint32_t power_uw);

/* Of a whole measured run with that much class C. */
int64_t energy_run_uj(int64_t class_c_us);

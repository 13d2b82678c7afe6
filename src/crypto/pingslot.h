/* SPDX-License-Identifier: MIT */
/*
 * pingslot.h - when a class B device listens (lorawan.md 8.2). A beacon every 128 s of GPS
 * time; 4096 slots of 30 ms from 2.120 s after it; a device uses 2^(7-p) of them, evenly
 * spread from an offset that is AES(0, beacon time | address).
 *
 * GPS times here are milliseconds since the GPS epoch, in 64 bits. Allocates inside
 * libcrypto only: FUO_ENOMEM. FUO_ERANGE if periodicity_exp is above 7 or a time negative.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/error.h"

enum {
    PINGSLOT_PERIODICITY_EXP_MAX = 7,
    PINGSLOT_BEACON_PERIOD_S = 128,
    PINGSLOT_BEACON_RESERVED_MS = 2120,
    PINGSLOT_BEACON_GUARD_MS = 3000,
    PINGSLOT_SLOT_MS = 30,
    PINGSLOT_SLOTS = 4096,
};

/* Slots between two of the device's slots: 4096 / 2^(7-p). */
uint16_t pingslot_period_slots(uint8_t periodicity_exp);

/* The first slot after the beacon, 0 to period - 1. addr is the McAddr for multicast. */
FUO_MUST_CHECK int pingslot_offset(struct gps beacon, uint32_t addr,
                                   uint8_t periodicity_exp, uint16_t *offset_slots);

/* The first slot that starts after after_gps_ms, strictly. */
FUO_MUST_CHECK int pingslot_next_after(int64_t after_gps_ms, uint32_t addr,
                                       uint8_t periodicity_exp, int64_t *slot_gps_ms);

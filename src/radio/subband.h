/* SPDX-License-Identifier: MIT */
/*
 * subband.h - which sub-band a carrier lies in, and its legal share of time.
 *
 * EU868 by ETSI EN 300 220, RU864 1 %, EU433 10 % (ERC/REC 70-03; some device stacks keep
 * to 1 %). Regions without a duty cycle are one sub-band with a limit of 1 000 000 ppm, so
 * that callers need no special case. What lies in no sub-band must not be transmitted on.
 * Limits hold per transmitter: per gateway. Facts: reference lorawan.md 8.1.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "radio/region.h"

enum {
    SUBBAND_COUNT_MAX = 6,
    SUBBAND_UNLIMITED_PPM = 1000000,
};

struct subband {
    const char
        *name;       /* "P" for 869.4-869.65 MHz; region's name where there is one only */
    uint32_t min_hz; /* both edges belong to it */
    uint32_t max_hz;
    uint32_t limit_ppm; /* duty cycle: 100000 is 10 % */
    int8_t max_erp_dbm; /* EIRP is 2.15 dB more */
};

size_t subband_count(const struct region *region);

/* i < subband_count(). The order never changes: i may be stored. */
const struct subband *subband_at(const struct region *region, size_t i);

/*
 * The sub-band that holds the whole channel, carrier +- bw_hz / 2 (0: the carrier alone).
 * NULL in a gap: illegal. index, unless NULL, is set to its number on success.
 */
const struct subband *subband_find(const struct region *region, uint32_t carrier_hz,
                                   uint32_t bw_hz, size_t *index);

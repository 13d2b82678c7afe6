/* SPDX-License-Identifier: MIT */
/*
 * region.h - LoRaWAN regional parameters as tables, as far as downlinks need them.
 *
 * Data rates and the SNR they need, payload limits, RX2, class B channels, output power. No
 * channel plans for uplinks, no duty cycle (subband.h), no decisions. Facts: reference
 * lorawan.md 8, checked against vectors/regions.json.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuotad/error.h"

enum region_id {
    REGION_EU868,
    REGION_US915,
    REGION_AU915,
    REGION_AS923,
    REGION_AS923_2,
    REGION_AS923_3,
    REGION_AS923_4,
    REGION_IN865,
    REGION_KR920,
    REGION_EU433,
    REGION_RU864,
    REGION_CN470,
};

enum {
    REGION_COUNT = REGION_CN470 + 1,
    REGION_DR_COUNT = 16,
};

enum modulation {
    MODULATION_NONE, /* the data rate does not exist */
    MODULATION_LORA,
    MODULATION_FSK,
    MODULATION_LR_FHSS, /* uplink only; no airtime is computed for it */
};

enum direction {
    DIRECTION_DOWN,
    DIRECTION_UP,
};

struct data_rate {
    enum modulation modulation;
    uint8_t sf;           /* LoRa */
    uint32_t bw_hz;       /* LoRa */
    uint32_t bitrate_bps; /* FSK */
};

/* Which edition of the regional parameters limits the payload. */
enum payload_edition {
    PAYLOAD_SAFE,   /* the smaller of the two below: right for every device */
    PAYLOAD_LEGACY, /* LoRaWAN 1.0.2, 1.0.3, 1.1 */
    PAYLOAD_RP002,  /* RP002-1.0.3 and later */
};

/* Zero-initialised: safe, no repeater, no dwell time. */
struct payload_rules {
    enum payload_edition edition;
    bool repeater; /* stay compatible with repeaters */
    bool dwell;    /* 400 ms downlink dwell time (AS923 only; no effect elsewhere) */
};

struct region {
    enum region_id id;
    const char *name; /* as in files: EU868, AS923-2 */
    uint32_t min_hz;  /* carriers a device accepts */
    uint32_t max_hz;
    uint32_t rx2_hz; /* also the usual class C channel */
    uint8_t rx2_dr;
    uint32_t beacon_hz; /* class B; the first channel where it hops */
    uint8_t beacon_dr;
    uint8_t max_uplink_dr;    /* highest of the default channels */
    int8_t downlink_eirp_dbm; /* usual; see region_downlink_eirp_dbm() */
};

/* Never NULL for an enumerator. */
const struct region *region_get(enum region_id id);

/* Exact, upper case as in files. NULL if there is no such region. */
const struct region *region_by_name(const char *name);

/* NULL if dr does not exist in that direction. */
const struct data_rate *region_data_rate(const struct region *region, uint8_t dr,
                                         enum direction direction);

/*
 * What a LoRa channel takes in of noise over one of 125 kHz, in hundredths of a dB: 301 at
 * 250 kHz, 602 at 500 kHz. An SNR measured in it, raised by that, is one in 125 kHz. Other
 * modulations: 0.
 */
int16_t data_rate_noise_cdb(const struct data_rate *rate);

/*
 * Demodulation floor in hundredths of a dB: the SNR in a noise bandwidth of 125 kHz at which
 * half of the frames are lost. LoRa: -7.5 dB at SF7, 2.5 dB less for each step (SX1276 data
 * sheet, table 13; performance.md 6), raised by data_rate_noise_cdb(). FSK: 8.5 dB, at the
 * 50 kbit/s that all regions have. LR-FHSS is never sent down: as FSK.
 */
int16_t data_rate_floor_cdb(const struct data_rate *rate);

/*
 * N: the largest FRMPayload of a downlink without FOpts, in bytes; 0 if dr must not be used
 * for payload. SF5 and SF6 (RP002-1.0.4) are always 0: few devices have them.
 */
uint8_t region_max_payload(const struct region *region, uint8_t dr,
                           struct payload_rules rules);

/* What a gateway radiates at that frequency: EU868 29 in 869.4-869.65 MHz, else 16. */
int region_downlink_eirp_dbm(const struct region *region, uint32_t hz);

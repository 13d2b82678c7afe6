/* SPDX-License-Identifier: MIT */
/*
 * airtime.h - time on air in integer microseconds.
 *
 * LoRa by the formula of Semtech's drivers, exact for every LoRaWAN data rate below 1 GHz
 * (symbols are whole microseconds, quarter symbols too); FSK at the bit rate of the region.
 * Facts: reference lorawan.md 7; exact to vectors/airtime.json.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "radio/region.h"

enum {
    AIRTIME_MAC_BYTES = 13, /* MHDR, address, FCtrl, FCnt, FPort, MIC; no FOpts */
    AIRTIME_PHY_BYTES_MAX = 255,
    AIRTIME_FRM_BYTES_MAX = AIRTIME_PHY_BYTES_MAX - AIRTIME_MAC_BYTES,
};

struct lora_modem {
    uint8_t sf;                /* 5..12 */
    uint32_t bw_hz;            /* 125000, 250000, 500000 */
    uint16_t preamble_symbols; /* LoRaWAN: 8; SF5 and SF6: 12 */
    uint8_t coding_rate;       /* 1..4 for 4/5..4/8; LoRaWAN: 1 */
    bool crc;                  /* uplink yes, downlink no */
    bool implicit_header;      /* beacons */
    bool low_dr_optimize;      /* symbol longer than 16 ms */
};

/* As LoRaWAN frames are sent. */
struct lora_modem lora_modem_for(uint8_t sf, uint32_t bw_hz, enum direction direction);

/* One symbol; 1024 us for SF7 at 125 kHz. */
uint32_t lora_symbol_us(uint8_t sf, uint32_t bw_hz);

/* Preamble with its 4.25 (SF5 and SF6: 6.25) symbols of synchronisation. */
int64_t lora_preamble_us(const struct lora_modem *modem);

/* Symbols after the preamble: header, payload, CRC. */
uint32_t lora_payload_symbols(const struct lora_modem *modem, size_t phy_bytes);

int64_t lora_airtime_us(const struct lora_modem *modem, size_t phy_bytes);

/* 5 preamble, 3 sync, 1 length and 2 CRC bytes around the payload. Rounded up. */
int64_t fsk_airtime_us(uint32_t bitrate_bps, size_t phy_bytes);

/*
 * A data frame of frm_bytes FRMPayload and no FOpts. *airtime_us is written only on success.
 * FUO_ERANGE if dr has no airtime in that direction or the frame exceeds 255 bytes. The
 * payload limit of the data rate (region_max_payload()) is not checked.
 */
FUO_MUST_CHECK int airtime_downlink_us(const struct region *region, uint8_t dr,
                                       size_t frm_bytes, int64_t *airtime_us);
FUO_MUST_CHECK int airtime_uplink_us(const struct region *region, uint8_t dr,
                                     size_t frm_bytes, int64_t *airtime_us);

/* A class B beacon: 10 symbols of preamble, implicit header, no CRC. */
int64_t airtime_beacon_us(const struct region *region);

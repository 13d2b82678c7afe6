/* SPDX-License-Identifier: MIT */
#include "radio/airtime.h"

enum {
    SF6_LAST = 6, /* SF5 and SF6 have another preamble and no header symbols of SF - 2 */
    DE_SYMBOL_US = 16000,
    PREAMBLE_SYMBOLS = 8,
    PREAMBLE_SYMBOLS_SF6 = 12,
    PREAMBLE_SYMBOLS_BEACON = 10,
};

uint32_t lora_symbol_us(uint8_t sf, uint32_t bw_hz)
{
    return (uint32_t)((UINT64_C(1000000) << sf) / bw_hz);
}

struct lora_modem lora_modem_for(uint8_t sf, uint32_t bw_hz, enum direction direction)
{
    return (struct lora_modem){
        .sf = sf,
        .bw_hz = bw_hz,
        .preamble_symbols = sf <= SF6_LAST ? PREAMBLE_SYMBOLS_SF6 : PREAMBLE_SYMBOLS,
        .coding_rate = 1,
        .crc = direction == DIRECTION_UP,
        .low_dr_optimize = lora_symbol_us(sf, bw_hz) > DE_SYMBOL_US,
    };
}

/* In quarters of a symbol, so that 4.25 stays an integer. */
static int64_t preamble_quarters(const struct lora_modem *modem)
{
    int64_t sync_quarters = modem->sf <= SF6_LAST ? 25 : 17;
    return INT64_C(4) * modem->preamble_symbols + sync_quarters;
}

static int64_t quarters_us(const struct lora_modem *modem, int64_t quarters)
{
    return quarters * lora_symbol_us(modem->sf, modem->bw_hz) / 4;
}

int64_t lora_preamble_us(const struct lora_modem *modem)
{
    return quarters_us(modem, preamble_quarters(modem));
}

uint32_t lora_payload_symbols(const struct lora_modem *modem, size_t phy_bytes)
{
    bool sf6 = modem->sf <= SF6_LAST;
    int64_t bits = 8 * (int64_t)phy_bytes - INT64_C(4) * modem->sf + (sf6 ? 20 : 28) +
                   (modem->crc ? 16 : 0) - (modem->implicit_header ? 20 : 0);
    int64_t per_block = INT64_C(4) * (modem->sf - (modem->low_dr_optimize ? 2 : 0));
    int64_t blocks = bits > 0 ? (bits + per_block - 1) / per_block : 0;
    return 8 + (uint32_t)blocks * (modem->coding_rate + 4U);
}

int64_t lora_airtime_us(const struct lora_modem *modem, size_t phy_bytes)
{
    int64_t payload = lora_payload_symbols(modem, phy_bytes);
    return quarters_us(modem, preamble_quarters(modem) + 4 * payload);
}

int64_t fsk_airtime_us(uint32_t bitrate_bps, size_t phy_bytes)
{
    int64_t bits = 8 * (5 + 3 + 1 + (int64_t)phy_bytes + 2);
    return (bits * 1000000 + bitrate_bps - 1) / bitrate_bps;
}

static int airtime_us_of(const struct data_rate *rate, enum direction direction,
                         size_t frm_bytes, int64_t *airtime_us)
{
    if (rate == NULL || frm_bytes > AIRTIME_FRM_BYTES_MAX) {
        return FUO_ERANGE;
    }
    size_t phy_bytes = AIRTIME_MAC_BYTES + frm_bytes;
    switch (rate->modulation) {
    case MODULATION_LORA: {
        struct lora_modem modem = lora_modem_for(rate->sf, rate->bw_hz, direction);
        *airtime_us = lora_airtime_us(&modem, phy_bytes);
        return FUO_OK;
    }
    case MODULATION_FSK:
        *airtime_us = fsk_airtime_us(rate->bitrate_bps, phy_bytes);
        return FUO_OK;
    case MODULATION_LR_FHSS:
    case MODULATION_NONE:
        break;
    }
    return FUO_ERANGE;
}

int airtime_downlink_us(const struct region *region, uint8_t dr, size_t frm_bytes,
                        int64_t *airtime_us)
{
    return airtime_us_of(region_data_rate(region, dr, DIRECTION_DOWN), DIRECTION_DOWN,
                         frm_bytes, airtime_us);
}

int airtime_uplink_us(const struct region *region, uint8_t dr, size_t frm_bytes,
                      int64_t *airtime_us)
{
    return airtime_us_of(region_data_rate(region, dr, DIRECTION_UP), DIRECTION_UP,
                         frm_bytes, airtime_us);
}

/* RP002: 17 bytes at SF9, 19 at SF8 and SF10, 23 at SF12. */
static size_t beacon_bytes(uint8_t sf)
{
    if (sf == 9) {
        return 17;
    }
    return sf == 12 ? 23 : 19;
}

int64_t airtime_beacon_us(const struct region *region)
{
    const struct data_rate *rate =
        region_data_rate(region, region->beacon_dr, DIRECTION_DOWN);
    struct lora_modem modem = lora_modem_for(rate->sf, rate->bw_hz, DIRECTION_DOWN);
    modem.preamble_symbols = PREAMBLE_SYMBOLS_BEACON;
    modem.implicit_header = true;
    return lora_airtime_us(&modem, beacon_bytes(rate->sf));
}

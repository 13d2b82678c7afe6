/* SPDX-License-Identifier: MIT */
#include "radio/region.h"

#include <stddef.h>
#include <string.h>

enum {
    FLOOR_SF7_CDB = -750, /* SX1276 data sheet, table 13 */
    FLOOR_STEP_CDB = 250,
    FLOOR_FSK_CDB = 850,
    BANDWIDTH_DOUBLED_CDB = 301,
};

#define LORA(sf_, bw_khz_)                                                    \
    {                                                                         \
        .modulation = MODULATION_LORA, .sf = (sf_), .bw_hz = 1000 * (bw_khz_) \
    }
#define FSK50                                              \
    {                                                      \
        .modulation = MODULATION_FSK, .bitrate_bps = 50000 \
    }
#define LR_FHSS                          \
    {                                    \
        .modulation = MODULATION_LR_FHSS \
    }

/* DR0-5 of every region that is not derived from US915. */
#define SF12_TO_SF7                                                                    \
    [0] = LORA(12, 125), [1] = LORA(11, 125), [2] = LORA(10, 125), [3] = LORA(9, 125), \
    [4] = LORA(8, 125), [5] = LORA(7, 125)
#define SF6_AND_SF5 [12] = LORA(6, 125), [13] = LORA(5, 125)

static const struct data_rate rates_eu868_down[REGION_DR_COUNT] = {
    SF12_TO_SF7, [6] = LORA(7, 250), [7] = FSK50, SF6_AND_SF5};
static const struct data_rate rates_eu868_up[REGION_DR_COUNT] = {
    SF12_TO_SF7,   [6] = LORA(7, 250), [7] = FSK50,    [8] = LR_FHSS,
    [9] = LR_FHSS, [10] = LR_FHSS,     [11] = LR_FHSS, SF6_AND_SF5};
static const struct data_rate rates_in865[REGION_DR_COUNT] = {SF12_TO_SF7, [7] = FSK50,
                                                              SF6_AND_SF5};
static const struct data_rate rates_kr920_down[REGION_DR_COUNT] = {SF12_TO_SF7};
static const struct data_rate rates_kr920_up[REGION_DR_COUNT] = {SF12_TO_SF7,
                                                                 SF6_AND_SF5};
static const struct data_rate rates_cn470[REGION_DR_COUNT] = {
    SF12_TO_SF7, [6] = LORA(7, 500), [7] = FSK50};
static const struct data_rate rates_500khz_down[REGION_DR_COUNT] = {
    [0] = LORA(5, 500),  [8] = LORA(12, 500), [9] = LORA(11, 500), [10] = LORA(10, 500),
    [11] = LORA(9, 500), [12] = LORA(8, 500), [13] = LORA(7, 500), [14] = LORA(6, 500)};
static const struct data_rate rates_us915_up[REGION_DR_COUNT] = {
    [0] = LORA(10, 125), [1] = LORA(9, 125), [2] = LORA(8, 125),
    [3] = LORA(7, 125),  [4] = LORA(8, 500), [5] = LR_FHSS,
    [6] = LR_FHSS,       [7] = LORA(6, 125), [8] = LORA(5, 125)};
static const struct data_rate rates_au915_up[REGION_DR_COUNT] = {
    [0] = LORA(12, 125), [1] = LORA(11, 125), [2] = LORA(10, 125), [3] = LORA(9, 125),
    [4] = LORA(8, 125),  [5] = LORA(7, 125),  [6] = LORA(8, 500),  [7] = LR_FHSS,
    [9] = LORA(6, 125),  [10] = LORA(5, 125)};

/* Largest FRMPayload by data rate; 0 where there is none. */
struct payload_table {
    uint8_t n[REGION_DR_COUNT];
};

static const struct payload_table payload_eu868 = {{51, 51, 51, 115, 242, 242, 242, 242}};
static const struct payload_table payload_eu868_rp002 = {
    {51, 51, 51, 115, 222, 242, 242, 242}};
static const struct payload_table payload_as923_rp002 = {
    {51, 51, 115, 115, 242, 242, 242, 242}};
static const struct payload_table payload_as923_dwell = {
    {0, 0, 11, 53, 125, 242, 242, 242}};
static const struct payload_table payload_in865 = {{51, 51, 51, 115, 242, 242, 0, 242}};
static const struct payload_table payload_sf12_to_sf7 = {{51, 51, 51, 115, 242, 242}};
static const struct payload_table payload_cn470_rp002 = {
    {0, 23, 86, 184, 242, 242, 242, 242}};
static const struct payload_table payload_500khz = {
    {0, 0, 0, 0, 0, 0, 0, 0, 53, 129, 242, 242, 242, 242}};

enum {
    REPEATER_PAYLOAD = 222, /* nothing longer passes a repeater */
    REPEATER_OVERHEAD = 20, /* US915, AU915: what old editions take off small ones */
};

/* What region_get() does not show. */
struct region_tables {
    struct region region;
    const struct data_rate *down;
    const struct data_rate *up;
    const struct payload_table *legacy;
    const struct payload_table *rp002;
};

#define AS923(id_, name_, offset_hz_, min_hz_, max_hz_)   \
    [id_] = {                                             \
        .region = {.id = (id_),                           \
                   .name = (name_),                       \
                   .min_hz = (min_hz_),                   \
                   .max_hz = (max_hz_),                   \
                   .rx2_hz = 923200000 - (offset_hz_),    \
                   .rx2_dr = 2,                           \
                   .beacon_hz = 923400000 - (offset_hz_), \
                   .beacon_dr = 3,                        \
                   .max_uplink_dr = 5,                    \
                   .downlink_eirp_dbm = 16},              \
        .down = rates_eu868_down,                         \
        .up = rates_eu868_down,                           \
        .legacy = &payload_eu868,                         \
        .rp002 = &payload_as923_rp002,                    \
    }

#define SUB_915(id_, name_, min_hz_, up_, max_uplink_dr_, eirp_) \
    [id_] = {                                                    \
        .region = {.id = (id_),                                  \
                   .name = (name_),                              \
                   .min_hz = (min_hz_),                          \
                   .max_hz = 928000000,                          \
                   .rx2_hz = 923300000,                          \
                   .rx2_dr = 8,                                  \
                   .beacon_hz = 923300000,                       \
                   .beacon_dr = 8,                               \
                   .max_uplink_dr = (max_uplink_dr_),            \
                   .downlink_eirp_dbm = (eirp_)},                \
        .down = rates_500khz_down,                               \
        .up = (up_),                                             \
        .legacy = &payload_500khz,                               \
        .rp002 = &payload_500khz,                                \
    }

static const struct region_tables tables[REGION_COUNT] = {
    [REGION_EU868] = {.region = {.id = REGION_EU868,
                                 .name = "EU868",
                                 .min_hz = 863000000,
                                 .max_hz = 870000000,
                                 .rx2_hz = 869525000,
                                 .rx2_dr = 0,
                                 .beacon_hz = 869525000,
                                 .beacon_dr = 3,
                                 .max_uplink_dr = 5,
                                 .downlink_eirp_dbm = 16},
                      .down = rates_eu868_down,
                      .up = rates_eu868_up,
                      .legacy = &payload_eu868,
                      .rp002 = &payload_eu868_rp002},
    SUB_915(REGION_US915, "US915", 902000000, rates_us915_up, 4, 21),
    SUB_915(REGION_AU915, "AU915", 915000000, rates_au915_up, 6, 30),
    AS923(REGION_AS923, "AS923", 0, 915000000, 928000000),
    AS923(REGION_AS923_2, "AS923-2", 1800000, 920000000, 923000000),
    AS923(REGION_AS923_3, "AS923-3", 6600000, 915000000, 921000000),
    AS923(REGION_AS923_4, "AS923-4", 5900000, 917000000, 920000000),
    [REGION_IN865] = {.region = {.id = REGION_IN865,
                                 .name = "IN865",
                                 .min_hz = 865000000,
                                 .max_hz = 867000000,
                                 .rx2_hz = 866550000,
                                 .rx2_dr = 2,
                                 .beacon_hz = 866550000,
                                 .beacon_dr = 4,
                                 .max_uplink_dr = 5,
                                 .downlink_eirp_dbm = 30},
                      .down = rates_in865,
                      .up = rates_in865,
                      .legacy = &payload_in865,
                      .rp002 = &payload_in865},
    [REGION_KR920] = {.region = {.id = REGION_KR920,
                                 .name = "KR920",
                                 .min_hz = 920900000,
                                 .max_hz = 923300000,
                                 .rx2_hz = 921900000,
                                 .rx2_dr = 0,
                                 .beacon_hz = 923100000,
                                 .beacon_dr = 3,
                                 .max_uplink_dr = 5,
                                 .downlink_eirp_dbm = 23},
                      .down = rates_kr920_down,
                      .up = rates_kr920_up,
                      .legacy = &payload_sf12_to_sf7,
                      .rp002 = &payload_sf12_to_sf7},
    [REGION_EU433] = {.region = {.id = REGION_EU433,
                                 .name = "EU433",
                                 .min_hz = 433050000,
                                 .max_hz = 434790000,
                                 .rx2_hz = 434665000,
                                 .rx2_dr = 0,
                                 .beacon_hz = 434665000,
                                 .beacon_dr = 3,
                                 .max_uplink_dr = 5,
                                 .downlink_eirp_dbm = 12},
                      .down = rates_eu868_down,
                      .up = rates_eu868_down,
                      .legacy = &payload_eu868,
                      .rp002 = &payload_eu868},
    [REGION_RU864] = {.region = {.id = REGION_RU864,
                                 .name = "RU864",
                                 .min_hz = 864000000,
                                 .max_hz = 870000000,
                                 .rx2_hz = 869100000,
                                 .rx2_dr = 0,
                                 .beacon_hz = 869100000,
                                 .beacon_dr = 3,
                                 .max_uplink_dr = 5,
                                 .downlink_eirp_dbm = 16},
                      .down = rates_eu868_down,
                      .up = rates_eu868_down,
                      .legacy = &payload_eu868,
                      .rp002 = &payload_eu868},
    [REGION_CN470] = {.region = {.id = REGION_CN470,
                                 .name = "CN470",
                                 .min_hz = 470000000,
                                 .max_hz = 510000000,
                                 .rx2_hz = 505300000,
                                 .rx2_dr = 0,
                                 .beacon_hz = 508300000,
                                 .beacon_dr = 2,
                                 .max_uplink_dr = 5,
                                 .downlink_eirp_dbm = 19},
                      .down = rates_cn470,
                      .up = rates_cn470,
                      .legacy = &payload_sf12_to_sf7,
                      .rp002 = &payload_cn470_rp002},
};

const struct region *region_get(enum region_id id)
{
    return &tables[id].region;
}

const struct region *region_by_name(const char *name)
{
    for (size_t i = 0; i < REGION_COUNT; i++) {
        const char *own = tables[i].region.name;
        size_t k = 0;
        while (own[k] != '\0' && own[k] == name[k]) {
            k++;
        }
        if (own[k] == name[k]) {
            return &tables[i].region;
        }
    }
    return NULL;
}

const struct data_rate *region_data_rate(const struct region *region, uint8_t dr,
                                         enum direction direction)
{
    if (dr >= REGION_DR_COUNT) {
        return NULL;
    }
    const struct region_tables *t = &tables[region->id];
    const struct data_rate *rate =
        direction == DIRECTION_DOWN ? &t->down[dr] : &t->up[dr];
    return rate->modulation == MODULATION_NONE ? NULL : rate;
}

int16_t data_rate_noise_cdb(const struct data_rate *rate)
{
    if (rate->modulation != MODULATION_LORA || rate->bw_hz < 250000) {
        return 0;
    }
    return rate->bw_hz < 500000 ? BANDWIDTH_DOUBLED_CDB : 2 * BANDWIDTH_DOUBLED_CDB;
}

int16_t data_rate_floor_cdb(const struct data_rate *rate)
{
    if (rate->modulation != MODULATION_LORA) {
        return FLOOR_FSK_CDB;
    }
    int narrow_cdb = FLOOR_SF7_CDB - FLOOR_STEP_CDB * (rate->sf - 7);
    return (int16_t)(narrow_cdb + data_rate_noise_cdb(rate));
}

static bool is_as923(enum region_id id)
{
    return id >= REGION_AS923 && id <= REGION_AS923_4;
}

static uint8_t min_u8(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static uint8_t payload_of(const struct region *region, uint8_t dr, bool rp002,
                          struct payload_rules rules)
{
    const struct region_tables *t = &tables[region->id];
    bool dwell = rules.dwell && is_as923(region->id);
    const struct payload_table *table = rp002 ? t->rp002 : t->legacy;
    uint8_t n = dwell ? payload_as923_dwell.n[dr] : table->n[dr];

    /* The editions agree that a repeater costs 20 bytes, not on the small data rates. */
    if (!rules.repeater || (dwell && !rp002)) {
        return n;
    }
    if (!rp002 && t->down == rates_500khz_down && n != 0) {
        return (uint8_t)(n - REPEATER_OVERHEAD);
    }
    return min_u8(n, REPEATER_PAYLOAD);
}

uint8_t region_max_payload(const struct region *region, uint8_t dr,
                           struct payload_rules rules)
{
    if (dr >= REGION_DR_COUNT) {
        return 0;
    }
    switch (rules.edition) {
    case PAYLOAD_LEGACY:
        return payload_of(region, dr, false, rules);
    case PAYLOAD_RP002:
        return payload_of(region, dr, true, rules);
    case PAYLOAD_SAFE:
        break;
    }
    return min_u8(payload_of(region, dr, false, rules),
                  payload_of(region, dr, true, rules));
}

int region_downlink_eirp_dbm(const struct region *region, uint32_t hz)
{
    if (region->id == REGION_EU868 && hz >= 869400000 && hz <= 869650000) {
        return 29;
    }
    return region->downlink_eirp_dbm;
}

/* SPDX-License-Identifier: MIT */
#include "radio/subband.h"

#include <stdbool.h>

/* Where two bands touch, the shared edge belongs to the first one that is listed. */
static const struct subband eu868[] = {
    {"K", 863000000, 865000000, 1000, 14},   {"L", 865000000, 868000000, 10000, 14},
    {"M", 868000000, 868600000, 10000, 14},  {"N", 868700000, 869200000, 1000, 14},
    {"P", 869400000, 869650000, 100000, 27}, {"Q", 869700000, 870000000, 10000, 14},
};

#define WHOLE(name_, min_hz_, max_hz_, limit_ppm_, erp_)        \
    {                                                           \
        {                                                       \
            (name_), (min_hz_), (max_hz_), (limit_ppm_), (erp_) \
        }                                                       \
    }

/* Output power: the usual EIRP of the region less 2.15 dB, rounded down. */
static const struct subband us915[] =
    WHOLE("US915", 902000000, 928000000, SUBBAND_UNLIMITED_PPM, 27);
static const struct subband au915[] =
    WHOLE("AU915", 915000000, 928000000, SUBBAND_UNLIMITED_PPM, 27);
static const struct subband as923[] =
    WHOLE("AS923", 915000000, 928000000, SUBBAND_UNLIMITED_PPM, 13);
static const struct subband as923_2[] =
    WHOLE("AS923-2", 920000000, 923000000, SUBBAND_UNLIMITED_PPM, 13);
static const struct subband as923_3[] =
    WHOLE("AS923-3", 915000000, 921000000, SUBBAND_UNLIMITED_PPM, 13);
static const struct subband as923_4[] =
    WHOLE("AS923-4", 917000000, 920000000, SUBBAND_UNLIMITED_PPM, 13);
static const struct subband in865[] =
    WHOLE("IN865", 865000000, 867000000, SUBBAND_UNLIMITED_PPM, 27);
static const struct subband kr920[] =
    WHOLE("KR920", 920900000, 923300000, SUBBAND_UNLIMITED_PPM, 20);
static const struct subband eu433[] = WHOLE("EU433", 433050000, 434790000, 100000, 10);
static const struct subband ru864[] = WHOLE("RU864", 864000000, 870000000, 10000, 13);
static const struct subband cn470[] =
    WHOLE("CN470", 470000000, 510000000, SUBBAND_UNLIMITED_PPM, 16);

static const struct {
    const struct subband *bands;
    size_t count;
} plans[REGION_COUNT] = {
    [REGION_EU868] = {eu868, sizeof(eu868) / sizeof(eu868[0])},
    [REGION_US915] = {us915, 1},
    [REGION_AU915] = {au915, 1},
    [REGION_AS923] = {as923, 1},
    [REGION_AS923_2] = {as923_2, 1},
    [REGION_AS923_3] = {as923_3, 1},
    [REGION_AS923_4] = {as923_4, 1},
    [REGION_IN865] = {in865, 1},
    [REGION_KR920] = {kr920, 1},
    [REGION_EU433] = {eu433, 1},
    [REGION_RU864] = {ru864, 1},
    [REGION_CN470] = {cn470, 1},
};

size_t subband_count(const struct region *region)
{
    return plans[region->id].count;
}

const struct subband *subband_at(const struct region *region, size_t i)
{
    return &plans[region->id].bands[i];
}

static bool holds(const struct subband *band, uint32_t carrier_hz, uint32_t half_hz)
{
    return carrier_hz >= band->min_hz && carrier_hz - band->min_hz >= half_hz &&
           carrier_hz <= band->max_hz && band->max_hz - carrier_hz >= half_hz;
}

const struct subband *subband_find(const struct region *region, uint32_t carrier_hz,
                                   uint32_t bw_hz, size_t *index)
{
    for (size_t i = 0; i < subband_count(region); i++) {
        const struct subband *band = subband_at(region, i);
        if (!holds(band, carrier_hz, bw_hz / 2)) {
            continue;
        }
        if (index != NULL) {
            *index = i;
        }
        return band;
    }
    return NULL;
}

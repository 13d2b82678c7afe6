/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <stddef.h>
#include <string.h>

#include "fuotad/plugin.h"

/* RP002-1.0.4: data rates of uplinks. */
enum rates {
    RATES_EU, /* SF12 to SF7 at 125 kHz, SF7 at 250 kHz, FSK */
    RATES_US, /* SF10 to SF7 at 125 kHz, SF8 at 500 kHz */
    RATES_AU, /* SF12 to SF7 at 125 kHz, SF8 at 500 kHz */
};

enum {
    KHZ_125 = 125000,
    KHZ_250 = 250000,
    KHZ_500 = 500000,
    SF_FASTEST = 7,
    SF_SLOWEST = 12,
};

struct plan {
    const char *prefix; /* of the identifier */
    const char *region; /* prefix of its name */
    enum rates rates;
};

static const struct plan plans[] = {
    {"EU_863_870", "EU868", RATES_EU}, {"EU_433", "EU433", RATES_EU},
    {"US_902_928", "US915", RATES_US}, {"AU_915_928", "AU915", RATES_AU},
    {"AS_", "AS923", RATES_EU},        {"IN_865_867", "IN865", RATES_EU},
    {"KR_920_923", "KR920", RATES_EU}, {"RU_864_870", "RU864", RATES_EU},
    {"CN_470_510", "CN470", RATES_EU},
};

const struct plan *plan_find(const char *frequency_plan_id)
{
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        if (strncmp(frequency_plan_id, plans[i].prefix, strlen(plans[i].prefix)) == 0) {
            return &plans[i];
        }
    }
    return NULL;
}

bool plan_has_region(const struct plan *plan, const char *region)
{
    return strncmp(region, plan->region, strlen(plan->region)) == 0;
}

static uint8_t narrow_dr(enum rates rates, uint32_t sf)
{
    uint32_t slowest = rates == RATES_US ? 10 : SF_SLOWEST;
    return sf >= SF_FASTEST && sf <= slowest ? (uint8_t)(slowest - sf) : FUO_DR_UNKNOWN;
}

uint8_t plan_uplink_dr(const struct plan *plan, uint32_t bandwidth_hz, uint32_t sf)
{
    if (bandwidth_hz == KHZ_125) {
        return narrow_dr(plan->rates, sf);
    }
    if (plan->rates == RATES_EU) {
        bool fast = bandwidth_hz == KHZ_250 && sf == SF_FASTEST;
        return fast ? 6 : sf == 0 ? 7 : FUO_DR_UNKNOWN;
    }
    bool wide = bandwidth_hz == KHZ_500 && sf == SF_FASTEST + 1;
    return !wide ? FUO_DR_UNKNOWN : plan->rates == RATES_US ? 4 : 6;
}

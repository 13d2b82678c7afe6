/* SPDX-License-Identifier: MIT */
#include "campaign/variant.h"

static int64_t airtime_at_us(const struct plan_input *in, size_t len, uint32_t dr)
{
    struct campaign_spec spec = *in->spec;
    struct plan_input at = *in;
    struct plan plan;
    spec.radio.dr = dr;
    at.spec = &spec;
    at.image_len = len;
    return plan_make(&at, &plan) == PLAN_OK ? plan.airtime_us : VARIANT_AIRTIME_NONE;
}

int64_t variant_airtime_us(const struct plan_input *in, size_t len)
{
    if (in->spec->radio.dr != SPEC_AUTO_U32) {
        return airtime_at_us(in, len, in->spec->radio.dr);
    }
    int64_t least_us = VARIANT_AIRTIME_NONE;
    for (uint32_t dr = 0; dr < REGION_DR_COUNT; dr++) {
        int64_t us = airtime_at_us(in, len, dr);
        least_us = us < least_us ? us : least_us;
    }
    return least_us;
}

uint8_t variant_choose(const struct variant_choice *choice)
{
    uint8_t best = VARIANT_FULL;
    if (choice->delta_failures >= VARIANT_DELTA_TRIES) {
        return VARIANT_FULL;
    }
    for (size_t i = 0; i < choice->delta_count; i++) {
        bool fits = (choice->fits >> i & 1) != 0;
        if (fits && choice->airtime_us[i + 1] < choice->airtime_us[best]) {
            best = (uint8_t)(i + 1);
        }
    }
    return best;
}

bool variant_is_at_fault(uint8_t variant, enum member_reason reason)
{
    switch (reason) {
    case REASON_MIC:
    case REASON_IMAGE_REFUSED:
    case REASON_WRONG_HARDWARE:
    case REASON_VERSION_DIFFERS:
    case REASON_OLD_VERSION:
    case REASON_REPORTED:
        return variant != VARIANT_FULL;
    default: /* the radio, the stack, or an operator */
        return false;
    }
}

/* SPDX-License-Identifier: MIT */
#include "fuota-bench/geometry.h"

#include <stddef.h>

#include "radio/airtime.h"
#include "radio/region.h"
#include "world/radio.h"

enum {
    HEADER_BYTES = 3, /* of a DataFragment: CID, index and N */
    N_MAX = 16383,
};

static const struct region *region(void)
{
    return region_get(REGION_EU868);
}

int64_t geometry_downlink_us(uint8_t dr, uint32_t frm_bytes)
{
    int64_t us = 0;
    return airtime_downlink_us(region(), dr, frm_bytes, &us) == FUO_OK ? us : 0;
}

int64_t geometry_uplink_us(uint8_t dr, uint32_t frm_bytes)
{
    int64_t us = 0;
    return airtime_uplink_us(region(), dr, frm_bytes, &us) == FUO_OK ? us : 0;
}

static uint8_t largest_size(const struct world_scenario *s, uint8_t size_max, uint8_t dr)
{
    uint8_t payload = region_max_payload(region(), dr, (struct payload_rules){0});
    uint8_t size = payload > HEADER_BYTES ? (uint8_t)(payload - HEADER_BYTES) : 0;
    if (size_max != 0 && size_max < size) {
        size = size_max;
    }
    return s->frag_size != 0 && s->frag_size < size ? s->frag_size : size;
}

static bool cut(const struct world_scenario *s, uint8_t dr, uint8_t size,
                struct geometry *g)
{
    if (size == 0 || s->image_bytes == 0) {
        return false;
    }
    size_t m = (s->image_bytes - 1) / size + 1;
    int64_t airtime_us = geometry_downlink_us(dr, (uint32_t)size + HEADER_BYTES);
    if (m > N_MAX || airtime_us == 0) {
        return false;
    }
    *g = (struct geometry){.size = size, .m = (uint32_t)m, .airtime_us = airtime_us};
    return true;
}

bool geometry_largest(const struct world_scenario *s, uint8_t size_max, uint8_t dr,
                      struct geometry *g)
{
    return cut(s, dr, largest_size(s, size_max, dr), g);
}

bool geometry_fastest(const struct world_scenario *s, uint8_t size_max, uint8_t dr,
                      struct geometry *g)
{
    uint8_t largest = largest_size(s, size_max, dr);
    uint8_t smallest = s->frag_size != 0 ? largest : 1;
    bool found = false;
    struct geometry best = {0};
    for (uint32_t size = smallest; size <= largest && size != 0; size++) {
        struct geometry one;
        if (cut(s, dr, (uint8_t)size, &one) &&
            (!found || one.m * one.airtime_us < best.m * best.airtime_us)) {
            best = one;
            found = true;
        }
    }
    if (found) {
        *g = best;
    }
    return found;
}

void geometry_losses_fill(struct geometry_losses *losses, const struct world_scenario *s)
{
    for (int32_t i = 0; i < GEOMETRY_STEPS; i++) {
        losses->ppm[i] = world_loss_ppm(i * GEOMETRY_STEP_CDB - GEOMETRY_TABLE_CDB,
                                        s->params.fading_cdb);
    }
}

uint32_t geometry_loss_ppm(const struct geometry_losses *losses, int32_t margin_cdb)
{
    if (margin_cdb <= -GEOMETRY_TABLE_CDB) {
        return WORLD_PPM;
    }
    int32_t i =
        (margin_cdb + GEOMETRY_TABLE_CDB + GEOMETRY_STEP_CDB - 1) / GEOMETRY_STEP_CDB;
    return i < GEOMETRY_STEPS ? losses->ppm[i] : 0;
}

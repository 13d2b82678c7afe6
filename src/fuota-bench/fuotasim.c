/* SPDX-License-Identifier: MIT */
#include "fuota-bench/fuotasim.h"

#include <stdlib.h>

#include "fuota-bench/geometry.h"
#include "radio/airtime.h"
#include "radio/energy.h"
#include "world/radio.h"

int64_t fuotasim_time_us(uint32_t n, int64_t airtime_us)
{
    return n == 0 ? 0
                  : (int64_t)n * FUOTASIM_CYCLE * airtime_us -
                        (FUOTASIM_CYCLE - 1) * airtime_us;
}

int fuotasim_session(const struct fuotasim_input *input, struct fuotasim_session *session)
{
    const struct data_rate *rate =
        region_data_rate(input->region, input->dr, DIRECTION_DOWN);
    size_t phy_bytes = (size_t)input->frag_bytes + FUOTASIM_MAC_BYTES;
    if (rate == NULL || rate->modulation != MODULATION_LORA ||
        input->frag_bytes <= FUOTASIM_HEADER_BYTES || input->image_bytes == 0 ||
        phy_bytes > AIRTIME_PHY_BYTES_MAX) {
        return FUO_ERANGE;
    }
    struct lora_modem modem = lora_modem_for(rate->sf, rate->bw_hz, DIRECTION_DOWN);
    modem.crc = true; /* its formula has one in every frame */
    uint32_t data_bytes = (uint32_t)input->frag_bytes - FUOTASIM_HEADER_BYTES;
    uint32_t m = (input->image_bytes - 1) / data_bytes + 1;
    uint64_t percent = (uint64_t)m * input->redundancy_percent;
    struct fuotasim_session s = {
        .m = m,
        .redundancy = (uint32_t)((percent + 99) / 100),
        .airtime_us = lora_airtime_us(&modem, phy_bytes),
        .update_us = -1,
        .energy_uj = -1,
    };
    s.session_us = fuotasim_time_us(m + s.redundancy, s.airtime_us);
    s.gateway_us = (int64_t)(m + s.redundancy) * s.airtime_us;
    if (s.redundancy >= FUOTASIM_EXTRA) {
        s.update_us = fuotasim_time_us(m + FUOTASIM_EXTRA, s.airtime_us);
        s.energy_uj = energy_listening_uj(s.update_us, ENERGY_FUOTASIM_UW);
    }
    *session = s;
    return FUO_OK;
}

/* When the device has enough; -1: it does not get there. */
static int64_t receive(const struct world_scenario *s, size_t device, uint8_t dr,
                       const struct geometry *cut, uint32_t fragments)
{
    if (world_link_count(s, device) == 0) {
        return -1;
    }
    uint32_t gateway = world_links(s, device)[0].gateway;
    uint32_t got = 0;
    for (uint32_t f = 0; f < fragments; f++) {
        int64_t end_us = fuotasim_time_us(f + 1, cut->airtime_us);
        got += world_heard(s, device, gateway, dr, end_us - cut->airtime_us);
        if (got >= cut->m + FUOTASIM_EXTRA) {
            return end_us;
        }
    }
    return -1;
}

static uint8_t smallest_size(const struct world_scenario *s)
{
    uint8_t smallest = 0;
    for (size_t p = 0; p < s->profile_count; p++) {
        uint8_t size_max = s->profiles[p].size_max;
        if (size_max != 0 && (smallest == 0 || size_max < smallest)) {
            smallest = size_max;
        }
    }
    return smallest;
}

int strategy_fuotasim(const struct world_scenario *s, uint8_t dr,
                      const uint8_t *reachable, struct strategy *out)
{
    struct geometry cut;
    if (!geometry_largest(s, smallest_size(s), dr, &cut)) {
        return FUO_ERANGE;
    }
    struct strategy one;
    int err = strategy_begin(s, &one);
    if (err != FUO_OK) {
        return err;
    }
    uint32_t coded = (cut.m * FUOTASIM_REDUNDANCY_PERCENT + 99) / 100;
    one.dr = dr;
    one.fragments = cut.m + coded;
    one.gateways = (uint32_t)s->gateway_count;
    one.frames = one.fragments * one.gateways;
    int64_t end_us = fuotasim_time_us((uint32_t)one.fragments, cut.airtime_us);
    for (size_t i = 0; i < s->device_count; i++) {
        one.complete_us[i] = receive(s, i, dr, &cut, (uint32_t)one.fragments);
        one.listened_us[i] = one.complete_us[i] >= 0 ? one.complete_us[i] : end_us;
    }
    err = strategy_sum(s, reachable, &one);
    if (err != FUO_OK) {
        free(one.complete_us);
        return err;
    }
    *out = one;
    return FUO_OK;
}

/* SPDX-License-Identifier: MIT */
#include "campaign/partition.h"
#include "campaign/plan.h"
#include "campaign/record.h"
#include "radio/subband.h"

#define OVERHEAD_US MINUTES_US(3) /* of a session: polls and repair */
#define AGAIN_US    HOURS_US(2)   /* two uplinks a device that talks hourly */

struct partition_input partition_input_of(const struct campaign_spec *spec,
                                          const struct fleet_spec *fleet,
                                          const struct region *region, bool absolute,
                                          int64_t jitter_us,
                                          uint32_t priority_ceiling_ppm)
{
    const struct spec_radio *radio = &spec->radio;
    uint32_t frequency_hz =
        radio->frequency_hz == SPEC_AUTO_U32 ? region->rx2_hz : radio->frequency_hz;
    const struct subband *band = subband_find(region, frequency_hz, 0, NULL);
    bool slots = spec_is_class_b(radio);
    int64_t spacing_us = radio->spacing_us == SPEC_AUTO_US ? 0 : radio->spacing_us;
    int64_t slot_us = slots ? spec_ping_period_us(radio) : 0;
    return (struct partition_input){
        .region = region,
        .frequency_hz = frequency_hz,
        .dr = radio->dr == SPEC_AUTO_U32 ? PARTITION_DR_AUTO : (uint8_t)radio->dr,
        .size_bytes = spec->fragmentation.size_bytes,
        .limit_ppm = band != NULL ? band->limit_ppm : 0,
        .share_ppm = plan_share_ppm(spec, fleet, priority_ceiling_ppm),
        .off_time = fleet->duty_model == SPEC_DUTY_OFF_TIME,
        .absolute = absolute || slots,
        .jitter_us = slots ? 0 : jitter_us,
        .interval_us = spacing_us > slot_us ? spacing_us : slot_us,
        .overhead_us = OVERHEAD_US,
        .again_us = AGAIN_US,
        .lanes_max = RECORD_LANE_MAX,
        .lane_gateways = absolute || slots ? RECORD_GATEWAY_MAX : 1,
        .gain_cdb = partition_gain_cdb(region, frequency_hz),
    };
}

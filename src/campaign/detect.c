/* SPDX-License-Identifier: MIT */
#include "campaign/detect.h"

enum {
    NEAR_S = 10,
    UPTIME_MAX_S = 86400, /* so long it may have run without being set */
};

bool detect_epoch_twice(struct gps device_time, struct gps network)
{
    int64_t behind_s = (int64_t)gps_diff_s(network, device_time) - DETECT_EPOCH_S;
    uint32_t uptime_s = device_time.s + 2 * (uint32_t)DETECT_EPOCH_S;
    return (behind_s <= NEAR_S && behind_s >= -NEAR_S) || uptime_s <= UPTIME_MAX_S;
}

enum profile_layout detect_layout(uint8_t ts004, const struct frag_status_hint *hint,
                                  const uint8_t *body, size_t len)
{
    struct frag_status_ans ans;
    bool other = frag_status_ans_decode_lenient(ts004, hint, body, len, &ans) == FUO_OK &&
                 ans.layout != ts004;
    return other ? PROFILE_LAYOUT_V1 : PROFILE_LAYOUT_AUTO;
}

bool detect_lost_for_ever(uint32_t sent_count, uint32_t received, uint32_t missing)
{
    return missing > 0 && received + missing > sent_count;
}

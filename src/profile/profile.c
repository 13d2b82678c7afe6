/* SPDX-License-Identifier: MIT */
#include "profile/profile.h"

bool profile_knows_cap(const struct profile *profile)
{
    return profile->lost_ppm != 0 || profile->lost_max != 0;
}

uint32_t profile_cap_ppm(const struct profile *profile, uint8_t ts004, uint32_t m)
{
    uint32_t unknown_ppm = ts004 < 2 ? PROFILE_CAP_V1_PPM : PROFILE_PPM;
    uint32_t cap_ppm = profile->lost_ppm != 0       ? profile->lost_ppm
                       : profile_knows_cap(profile) ? PROFILE_PPM
                                                    : unknown_ppm;
    if (profile->lost_max != 0 && profile->lost_max < m) {
        uint32_t by_count_ppm = (uint32_t)((uint64_t)profile->lost_max * PROFILE_PPM / m);
        cap_ppm = by_count_ppm < cap_ppm ? by_count_ppm : cap_ppm;
    }
    return cap_ppm;
}

bool profile_counts_rank(const struct profile *profile, uint8_t ts004)
{
    bool said = profile->layout != PROFILE_LAYOUT_AUTO;
    return profile->missing == PROFILE_MISSING_RANK && (said || ts004 >= 2);
}

uint32_t profile_cap(const struct profile *profile, uint8_t ts004, uint32_t m)
{
    return (uint32_t)((uint64_t)profile_cap_ppm(profile, ts004, m) * m / PROFILE_PPM);
}

bool profile_fits(const struct profile *profile, uint8_t ts004, uint8_t ts005)
{
    return (profile->ts004 == 0 || profile->ts004 == ts004) &&
           (profile->ts005 == 0 || profile->ts005 == ts005);
}

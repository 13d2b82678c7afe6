/* SPDX-License-Identifier: MIT */
/* What a device says of its fragments: FragSessionStatusAns (lorawan.md 4.1 and 13). */
#include "sim/device_internal.h"

/* What overflows was never laid out to be mended: its decoder misses all that was lost. */
static uint32_t lost_of(const struct device_block *frag)
{
    bool mends = frag->decoder.coded_seen && !frag->decoder.overflow;
    return mends ? frag->decoder.lost_count : frag->decoder.missing;
}

static uint32_t received_of(const struct device *device)
{
    const struct device_block *frag = &device->frag;
    uint32_t last_n = frag->decoder.seen_n;
    uint32_t lost = lost_of(frag);
    switch (quirks_of(device)->received) {
    case PROFILE_RECEIVED_ALL:
        return frag->fragment_count;
    case PROFILE_RECEIVED_LAST:
        return last_n;
    case PROFILE_RECEIVED_LAST_LESS_LOST:
        break;
    }
    return last_n > lost ? last_n - lost : 0;
}

/* Uncoded fragments up to the last one that did not come. */
static uint32_t lost_so_far(const struct device_block *frag)
{
    uint32_t m = frag->setup.frag_count;
    if (frag->decoder.coded_seen || frag->complete) {
        return lost_of(frag);
    }
    uint32_t behind = m - (frag->decoder.seen_n < m ? frag->decoder.seen_n : m);
    return frag->decoder.missing > behind ? frag->decoder.missing - behind : 0;
}

static uint32_t missing_of(const struct device *device)
{
    const struct device_block *frag = &device->frag;
    switch (quirks_of(device)->missing) {
    case PROFILE_MISSING_LOST:
        return lost_so_far(frag) & 0xff;
    case PROFILE_MISSING_COUNTED:
        return frag->fragment_count < frag->setup.frag_count
                   ? frag->setup.frag_count - frag->fragment_count
                   : 0;
    case PROFILE_MISSING_RANK:
        break;
    }
    return frag->complete ? 0 : frag->decoder.missing;
}

static bool without_session(const struct device *device, struct frag_status_ans *ans)
{
    bool v2 = device_version_of(device, PKG_FRAG) >= 2;
    enum profile_no_session kind = quirks_of(device)->no_session;
    if (kind == PROFILE_NO_SESSION_SPEC) {
        ans->no_session = true;
        ans->no_counts = true;
        return v2; /* v1 has no way to say so */
    }
    ans->no_session = kind == PROFILE_NO_SESSION_LONG && v2;
    ans->received_count = device->stale_received;
    ans->missing_count = device->stale_missing;
    return true;
}

bool device_frag_status(const struct device *device, uint8_t frag_index,
                        bool all_participants, struct frag_status_ans *ans)
{
    const struct device_block *frag = &device->frag;
    const struct profile *quirks = quirks_of(device);
    *ans = (struct frag_status_ans){.frag_index = frag_index};
    if (!frag->active || frag->setup.frag_index != frag_index) {
        return without_session(device, ans);
    }
    uint32_t missing = missing_of(device);
    uint32_t received = received_of(device);
    ans->received_count =
        (uint16_t)(received > FRAG_COUNT_MAX ? FRAG_COUNT_MAX : received);
    ans->missing_count =
        (uint8_t)(missing > FRAG_MISSING_SATURATED ? FRAG_MISSING_SATURATED : missing);
    ans->memory_error =
        device->error_kept ||
        (frag->decoder.overflow && quirks->missing != PROFILE_MISSING_COUNTED);
    ans->mic_error = frag->mic_error;
    bool silent = frag->complete && (quirks->silent & PROFILE_SILENT_COMPLETE) != 0;
    return !silent && (all_participants || missing > 0);
}
